/*
 * stream: the block pipeline.
 *
 *	reader --block--> worker (fill, convert) --published--> caller, in order
 *
 * A reader belongs to one file and is used by one worker at a time: whoever is
 * idle takes it, fills a block, lets it go and converts that block while it is
 * still in its cache.  So decoding is serial in a file, and everything else
 * runs on all cores without a thread that does nothing else.
 */
#ifndef SESSP_STREAM_H
#define SESSP_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../format/private.h"
#include "../source/private.h"
#include "sess/stream.h"

/* What the blocks of one member have in common. */
struct sessp_origin {
	atomic_uint refs;
	uint64_t serial;		/* no two members of a stream have the same */
	const struct sessp_format *format;
	char *header;			/* of a CSV member, or NULL */
	size_t header_len;
	char name[];			/* display name */
};

/* A problem, to be told on the caller's thread. */
struct sessp_note {
	struct sess_err err;
	bool about_record;		/* a reject: text is its bytes */
	size_t text, text_len;		/* in the block's note_text */
};

struct sessp_block {
	struct sessp_block *next;	/* in the list of free or published ones */
	struct sessp_origin *origin;	/* NULL: only notes */
	char *data;			/* context, then whole records, then padding */
	size_t cap, context, len;	/* len: with the context */
	uint64_t first_line;		/* of the first record */
	uint64_t seq;			/* within its reader */
	bool pause, recognised, last;	/* last: the reader has no more */
	struct sess_buf out;
	uint64_t events;
	struct sess_books books;
	struct sessp_note *notes;
	size_t nnotes, notes_cap;
	struct sess_buf note_text;
	struct sess_mark *mark;		/* how far the file was read; or NULL */
	size_t mark_before;
	char *note_name;		/* of notes in a block without an origin */
	struct sess_err fatal;		/* ends the stream */
};

struct sessp_reader;

struct sessp_reader_opts {
	uint64_t max_line;
	struct sessp_limits limits;
	const struct sess_convert_opts *convert;	/* --format and --map decide what it is */
	atomic_bool *stop;
	atomic_ullong *serials;
	const struct sess_stream_opts *marks;	/* those of the stream, with marked; or NULL */
};

/* A reader of file; the file is opened by the first fill.  The caller frees it. */
struct sessp_reader *sessp_reader_new(const struct sessp_file *file,
    const struct sessp_reader_opts *opts);
/* A reader of a part of a feed. */
struct sessp_reader *sessp_reader_fed(const struct sess_feed *feed, size_t part,
    const struct sessp_reader_opts *opts);
void sessp_reader_free(struct sessp_reader *r);

/*
 * Fill b with the next whole records of the file, or with a note about it.
 * b->last where the file has ended.  Memory that runs out is b->fatal.
 */
void sessp_reader_fill(struct sessp_reader *r, struct sessp_block *b);

/* Bytes of the file consumed.  Any thread. */
uint64_t sessp_reader_consumed(const struct sessp_reader *r);

void sessp_origin_drop(struct sessp_origin *o);

/* Add a problem to the block; text may be NULL. */
void sessp_block_note(struct sessp_block *b, const struct sess_err *err,
    const char *text, size_t len, bool keep_text);

/* Room for extra more bytes (and the scanner's padding) behind len.  0 or -1. */
int sessp_block_room(struct sessp_block *b, size_t extra);

/* -- track.c: how far a file is read */

#define SESSP_HEAD (64 * 1024)		/* bytes that a log is known by */
#define SESSP_TAIL (4 * 1024)

struct sessp_track {
	bool on;			/* the member is the whole file, of lines */
	bool trouble;			/* it was not read to its end */
	size_t before;			/* the mark it is known by, or nmarks */
	struct sess_buf head;
	uint64_t got;			/* bytes of the member read */
	struct sess_mark mark;
};

/* Whether the file is as a mark says: there is nothing new.  *i is that mark. */
bool sessp_track_same(const struct sess_stream_opts *o, const struct stat *st, size_t *i);

/*
 * The member begins: its first bytes are read, into t->head, and those passed
 * over that a mark speaks of.  *matched is false where no mark does, and all of
 * head is to be read; *again where the marks were misleading: the member has to
 * be begun anew, with try false.
 */
enum sess_status sessp_track_begin(struct sessp_track *t, struct sessp_input *in,
    const struct sess_stream_opts *o, bool try, bool *matched, bool *again,
    struct sess_err *err);

/* The member's records were given up to the end of data, which is at `at` of its
 * bytes and ends before line `line`; the last `context` bytes are to be read
 * again. */
void sessp_track_end(struct sessp_track *t, uint64_t at, uint64_t line, const char *data,
    size_t len, size_t context, const char *format);

/* Note what the file is. */
void sessp_track_stat(struct sess_mark *m, const struct stat *st);

/* -- find.c: bytes found fast */

/* How many times c is among len bytes. */
size_t sessp_count_byte(const char *p, size_t len, char c);

/* The first place of the needle, or NULL. */
const char *sessp_find_literal(const char *p, size_t len, const char *needle,
    size_t nlen);

/* Texts that are looked for, and where each stands next: a search goes on where
 * the last one ended, so that a block is gone through once for each text. */
struct sessp_hunt {
	size_t n;
	struct {
		const char *text, *next;	/* next NULL: not looked for yet */
		size_t len;
	} v[SESS_STREAM_LITERALS];
};

/*
 * The first record of [p, end) that may hold one of the texts: that has its
 * bytes, or an escape that could hide some of them (\u00.., \x.., %41, base64).
 * Returns the start of that line, or end.  Calls for one block go forward.
 */
const char *sessp_hunt_next(struct sessp_hunt *h, const char *p, const char *end);

#endif
