/*
 * store: what its files share.
 *
 *	line.c      an event's place in the order, and its line
 *	manifest.c  the segments there are
 *	lock.c      one writer; readers that are never waited for
 *	page.c      a file in pages, each with a checksum
 *	terms.c     values and the rows they are in, while a segment is written
 *	build.c     events in order to a segment
 *	catalog.c   a segment's catalog
 *	frames.c    a segment's events
 *	choose.c    a query to the rows that may match
 *	feed.c      rows to lines, for a stream
 *	lines.c     a segment's events one by one; several segments as one
 *	store.c     a state, opened for reading
 *	shards.c    a directory of stores, opened as one
 *	verify.c    every byte, checked
 *	salvage.c   what can be read of a damaged store
 *	maintain.c  fewer segments, fewer events
 *	batch.c     what was added to segments, and those published
 *
 * A row is what a segment has of the sessions and visitors of one id.  Rows
 * are in the order of the hashes of their ids, which so are the index.
 *
 * On disk numbers are little-endian.
 */
#ifndef SESSP_STORE_H
#define SESSP_STORE_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../base/private.h"
#include "../event/private.h"
#include "sess/store.h"

#define SESSP_STORE_VERSION 1

/* -- line.c */

/*
 * Where an event stands: in its day by row, then by time.  The last part tells
 * apart events that differ in any byte but those of src, so that equal keys are
 * one event.
 */
#define SESSP_PLACE_LEN 37
#define SESSP_PLACE_DAY 0		/* 4 bytes */
#define SESSP_PLACE_ROW 4		/* 8 */
#define SESSP_PLACE_WHEN 12		/* 8 */
#define SESSP_PLACE_KIND 20		/* 1 */
#define SESSP_PLACE_ID 21		/* 8 */
#define SESSP_PLACE_CONTENT 29		/* 8 */

/* The place of an event with its line (without newline). */
void sessp_place(const struct sess_event *ev, const char *line, size_t len,
    char place[SESSP_PLACE_LEN]);

/* What the server's clock says, else the client's. */
static inline int64_t
sessp_ranged(const struct sess_event *ev)
{
	return ev->received != SESS_NO_TIME ? ev->received : ev->time;
}

/* The UTC day of a moment, from 1970-01-01. */
int32_t sessp_day(int64_t ms);

/* The hash of a session id or visitor. */
uint64_t sessp_row_hash(struct sess_slice id);

/* Big-endian numbers of a place. */
static inline uint64_t
sessp_place_row(const char *place)
{
	uint64_t n;

	memcpy(&n, place + SESSP_PLACE_ROW, sizeof(n));
	return be64toh(n);
}

static inline int32_t
sessp_place_day(const char *place)
{
	uint32_t n;

	memcpy(&n, place + SESSP_PLACE_DAY, sizeof(n));
	return (int32_t)(be32toh(n) - 0x80000000u);
}

/* -- manifest.c */

struct sessp_segment {
	char name[40];			/* 2026-11-23-17 */
	int32_t day;
	uint64_t events, rows, raw_bytes, events_bytes, catalog_bytes;
	uint64_t check;			/* of the catalog's page sums */
	int64_t first, last;		/* range of its events, sessp_ranged */
	int64_t newest;			/* of them, by either clock */
};

struct sessp_manifest {
	uint64_t generation;		/* of the state: one more with each commit */
	uint64_t serial;		/* of the next segment */
	int64_t batch_time;
	struct sess_shard shard;	/* of sessions, which it is of; of 0: all */
	struct sessp_segment *segments;	/* by day, then serial */
	size_t n, cap;
	struct sess_mark *marks;	/* how far inputs were read */
	size_t nmarks, marks_cap;
};

/* Parse; SESS_EFORMAT says what is wrong. */
enum sess_status sessp_manifest_parse(struct sessp_manifest *m, const char *p, size_t len,
    struct sess_err *err);
int sessp_manifest_write(const struct sessp_manifest *m, struct sess_buf *out);
int sessp_manifest_copy(struct sessp_manifest *to, const struct sessp_manifest *m);
int sessp_manifest_add(struct sessp_manifest *m, const struct sessp_segment *s);
int sessp_manifest_mark(struct sessp_manifest *m, const struct sess_mark *mark);
void sessp_manifest_remove(struct sessp_manifest *m, const char *name);
void sessp_manifest_release(struct sessp_manifest *m);

/* Whether it is a name that a segment may have: no path. */
bool sessp_segment_name(const char *name);

/* -- lock.c */

/* The writer's lock in dirfd.  SESS_ELIMIT names the process that has it. */
enum sess_status sessp_lock_write(int dirfd, int *fd, struct sess_err *err);

/* Open the MANIFEST and hold the state it speaks of: *fd stays open as long.
 * Its bytes are in text. */
enum sess_status sessp_lock_state(int dirfd, int *fd, struct sess_buf *text,
    struct sess_err *err);

/* For the writer: publish the manifest.  The state before is gone once nobody
 * reads it. */
enum sess_status sessp_publish(int dirfd, const struct sessp_manifest *m,
    struct sess_err *err);

/* For the writer: remove what no state has that is still read.  *kept: something
 * has to stay. */
enum sess_status sessp_sweep(int dirfd, const struct sessp_manifest *m, bool *kept,
    struct sess_err *err);

/* Whole file to text. */
enum sess_status sessp_read_fd(int fd, uint64_t max, struct sess_buf *text,
    struct sess_err *err);
enum sess_status sessp_write_fd(int fd, const void *p, size_t len, struct sess_err *err);

/* -- catalog.c: what is on disk

   sections; zeros up to a page; a page with the header; a checksum of each page.  */

#define SESSP_PAGE 4096
#define SESSP_CATALOG_MAGIC "sesscat"	/* with its NUL */

/* Keys that values are indexed of. */
#define SESSP_TERMS(X) \
X(USER_ID) X(USER_NAME) X(IP) X(BROWSER) X(BROWSER_VERSION) X(OS) X(DEVICE) \
X(NETWORK) X(COUNTRY) X(REGION) X(CITY) X(RELEASE) X(ENVIRONMENT) X(APP_ID) \
X(PAGE) X(API) X(STATUS) X(TRACE_ID) X(MESSAGE)

enum sessp_term_key {			/* MESSAGE: of JS errors, with type and stack */
#define SESSP_TERM_ENUM(NAME) SESSP_T_##NAME,
	SESSP_TERMS(SESSP_TERM_ENUM)
#undef SESSP_TERM_ENUM
	SESSP_NTERMS
};
extern const uint8_t sessp_term_keys[SESSP_NTERMS];	/* enum sess_key */

/* A value longer than this is not kept: its rows may always match. */
#define SESSP_TERM_MAX 8192

enum sessp_section {
	SESSP_S_HASHES,		/* uint64_t: of the rows' ids, ascending */
	SESSP_S_ROWS,		/* struct sessp_row */
	SESSP_S_FRAMES,		/* struct sessp_frame, one more than there are */
	SESSP_S_TERMS,		/* four for each key: */
	SESSP_NSECTIONS = SESSP_S_TERMS + 4 * SESSP_NTERMS
};
enum {
	SESSP_TERM_HASHES,	/* uint64_t, ascending */
	SESSP_TERM_OFFSETS,	/* uint64_t: where the rows of each are; one more */
	SESSP_TERM_ROWS,	/* numbers of rows: differences, 7 bits a byte */
	SESSP_TERM_TEXTS	/* the values in the same order: blocks of zstd */
};

struct sessp_extent {
	uint64_t at, len;	/* bytes of the file */
};

struct sessp_header {
	char magic[8];
	uint32_t version, nsections;
	uint64_t rows, events, frames, raw_bytes, events_bytes;
	int64_t first, last;
	struct sessp_extent sections[SESSP_NSECTIONS];
};

enum {
	SESSP_ROW_ERROR = 1,	/* a JS error, or a leave that counts some */
	SESSP_ROW_FAILED = 2,	/* an API call that failed */
};

struct sessp_row {
	uint64_t at;		/* of its first event, among the segment's bytes */
	int64_t first, last;	/* range of its events' times, sessp_ranged */
	int64_t newest;		/* by either clock */
	double slow_load, slow_api;	/* ms; -1: none */
	uint32_t events, flags;
};

struct sessp_frame {
	uint64_t raw, at;	/* where it begins: among the segment's bytes, in the file */
	uint64_t sum;		/* of its bytes in the file */
};

static inline uint64_t
sessp_le64(const void *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return le64toh(n);
}

struct sessp_catalog {
	const struct sessp_segment *seg;
	int fd;
	char *data;		/* the file as far as it was read */
	size_t len;		/* without the sums */
	uint64_t *sums;
	uint8_t *have;		/* a bit a page */
	struct sessp_header h;
};

/* Open the catalog of a segment in dirfd (of segments).  */
enum sess_status sessp_catalog_open(struct sessp_catalog *c, int dirfd,
    const struct sessp_segment *seg, struct sess_err *err);
void sessp_catalog_close(struct sessp_catalog *c);

/* len bytes of a section from at on, checked; NULL: err says why. */
const void *sessp_catalog_get(struct sessp_catalog *c, unsigned section, uint64_t at,
    uint64_t len, struct sess_err *err);

/* Read and check all pages. */
enum sess_status sessp_catalog_whole(struct sessp_catalog *c, struct sess_err *err);

static inline uint64_t
sessp_catalog_len(const struct sessp_catalog *c, unsigned section)
{
	return c->h.sections[section].len;
}

/* The row of that hash, or UINT64_MAX; -1 in the status' sense on error. */
enum sess_status sessp_catalog_row(struct sessp_catalog *c, uint64_t hash, uint64_t *row,
    struct sess_err *err);

/* The rows of term i of a key, each given to fn, ascending. */
typedef void sessp_row_fn(void *arg, uint64_t row);
enum sess_status sessp_catalog_rows_of(struct sessp_catalog *c, unsigned key, uint64_t i,
    sessp_row_fn *fn, void *arg, struct sess_err *err);

/* The rows of the term with that hash, if there is one. */
enum sess_status sessp_catalog_find(struct sessp_catalog *c, unsigned key, uint64_t hash,
    sessp_row_fn *fn, void *arg, struct sess_err *err);

/* Each value of a key in order of its number; cut: it isn't known.  fn returns
 * below 0 to stop with that status. */
typedef enum sess_status sessp_term_fn(void *arg, uint64_t i, struct sess_slice text,
    bool cut, struct sess_err *err);
enum sess_status sessp_catalog_texts(struct sessp_catalog *c, unsigned key,
    sessp_term_fn *fn, void *arg, struct sess_err *err);

/* Row i, in the machine's order. */
enum sess_status sessp_catalog_get_row(struct sessp_catalog *c, uint64_t i,
    struct sessp_row *row, struct sess_err *err);
/* Where row i's bytes end. */
enum sess_status sessp_catalog_row_end(struct sessp_catalog *c, uint64_t i, uint64_t *end,
    struct sess_err *err);

uint64_t sessp_term_hash(const char *p, size_t len);

/* The three texts of an error as one, and back; parts are message, type, stack. */
int sessp_error_text(const struct sess_event *ev, struct sess_buf *out);
bool sessp_error_parts(struct sess_slice text, struct sess_event *ev);

/* -- frames.c */

/* No frame has more, so that what one says of itself fills no memory; a line is
 * shorter than that by far. */
#define SESSP_FRAME_MAX ((size_t)1 << 30)
#define SESSP_LINE_MAX (SESSP_FRAME_MAX / 2)

struct ZSTD_DCtx_s;

struct sessp_frames {			/* a segment's events, a frame at a time */
	struct sessp_catalog *c;
	int fd;
	struct ZSTD_DCtx_s *dctx;
	struct sess_buf packed, raw;	/* of the current frame; raw is padded */
	uint64_t frame;			/* its number; UINT64_MAX: none */
	uint64_t at;			/* where it begins */
	uint64_t end;			/* behind the one last sought, also where that failed */
};

enum sess_status sessp_frames_open(struct sessp_frames *f, int dirfd,
    struct sessp_catalog *c, struct sess_err *err);
void sessp_frames_close(struct sessp_frames *f);

/* Read and decode frame i; next is the one behind it. */
enum sess_status sessp_frames_load(struct sessp_frames *f, uint64_t i,
    const struct sessp_frame *frame, const struct sessp_frame *next, struct sess_err *err);

/* Frame i of the segment; of the last and one more, where it would begin. */
enum sess_status sessp_frame_get(struct sessp_catalog *c, uint64_t i,
    struct sessp_frame *frame, struct sess_err *err);

/* The number of the frame that holds byte `at`. */
enum sess_status sessp_frame_of(struct sessp_catalog *c, uint64_t at, uint64_t *i,
    struct sess_err *err);

/* The frame that holds byte `at` of the segment. */
enum sess_status sessp_frames_seek(struct sessp_frames *f, uint64_t at, struct sess_err *err);

/* -- lines.c: the events of a segment, one by one, in order */

struct sessp_lines {
	struct sessp_catalog c;
	struct sessp_frames f;
	struct sess_event_scanner scanner;
	struct sess_event *ev;
	uint64_t at, end;		/* bytes of the segment: of the next line, of the last */
	char place[SESSP_PLACE_LEN];	/* of the current line; */
	const char *line;		/* borrowed until the next call */
	size_t len;
};

/* Begins before the first line. */
enum sess_status sessp_lines_open(struct sessp_lines *l, int dirfd,
    const struct sessp_segment *seg, struct sess_err *err);
void sessp_lines_close(struct sessp_lines *l);

/* The next line; SESS_END behind the last. */
enum sess_status sessp_lines_next(struct sessp_lines *l, struct sess_err *err);

/* Go to the row of that hash, of which next then gives the lines; *found is false
 * where there is none. */
enum sess_status sessp_lines_seek(struct sessp_lines *l, uint64_t hash, bool *found,
    struct sess_err *err);

/* Whether an event is to be left out; its line is scanned into ev. */
typedef bool sessp_drop_fn(void *arg, const struct sess_event *ev);

/* Make one segment of n, in order, each event once.  seg->events is 0, and there
 * is none, where nothing is left.  drop may be NULL. */
enum sess_status sessp_merge(int dirfd, const struct sessp_segment *from, size_t n,
    const char *name, unsigned jobs, sessp_drop_fn *drop, void *arg,
    struct sessp_segment *seg, struct sess_err *err);

/* For the writer: remove a segment's directory that was begun. */
enum sess_status sessp_remove_segment(int segments, const char *name, struct sess_err *err);

/* -- build.c */

struct sessp_builder;

/* A segment in the making, in a directory of its own that nobody speaks of.
 * dirfd is that of segments. */
enum sess_status sessp_builder_new(struct sessp_builder **b, int dirfd, const char *name,
    int32_t day, unsigned jobs, struct sess_err *err);

/* The next event: places come in order. */
enum sess_status sessp_builder_add(struct sessp_builder *b, const char *place,
    const char *line, size_t len, struct sess_err *err);

/* All is on disk, and seg tells of it. */
enum sess_status sessp_builder_end(struct sessp_builder *b, struct sessp_segment *seg,
    struct sess_err *err);
void sessp_builder_free(struct sessp_builder *b);

/* -- terms.c: what a catalog is made of, while it is made */

struct sessp_dict;
struct sessp_dict *sessp_dict_new(void);
void sessp_dict_free(struct sessp_dict *d);
/* The value is in the row; rows ascend.  0 or -1 (memory). */
int sessp_dict_add(struct sessp_dict *d, uint64_t hash, const char *text, size_t len,
    bool keep_text, uint64_t row);
/* All of from, whose rows are no lower than those of d.  0 or -1 (memory). */
int sessp_dict_merge(struct sessp_dict *d, const struct sessp_dict *from, bool keep_text);
void sessp_dict_reset(struct sessp_dict *d);
/* Its four sections.  0 or -1 (memory). */
int sessp_dict_write(struct sessp_dict *d, struct sess_buf out[4]);

/* -- store.c, choose.c, feed.c */

struct sessp_set {			/* hashes of rows, ascending, each once */
	uint64_t *v;
	size_t n, cap;
};

/* Bytes of one frame. */
struct sessp_piece_of {
	uint32_t segment;
	uint64_t number;
	struct sessp_frame frame, next;
	uint64_t from, to;		/* among the segment's bytes */
};

struct sess_store {
	int dirfd, segments, state;
	char *name;			/* as it was opened */
	struct sessp_manifest m;
	struct sessp_catalog *catalogs;	/* one a segment */
	uint8_t *opened;		/* 0: not yet; 1; 2: it can't be */
	uint64_t inputs;
	uint64_t manifest_bytes;

	bool narrowed;			/* set is the choice; else all */
	struct sessp_set set;

	struct sess_feed feed;
	struct sessp_piece_of *pieces;
	size_t npieces, pieces_cap;
	size_t *parts;			/* where each begins in pieces; one more */
	size_t parts_cap;

	sess_store_problem *problem;
	void *problem_arg;

	/* A directory of shards has no state of its own; parts: where those of each
	 * shard begin, and one more. */
	struct sess_store **shards;
	size_t nshards;			/* 0: it is a store itself */
	struct sess_shard share;	/* the shards that are read, where there are as many */
};

/* Whether it can have the events of that id: not those of another shard. */
static inline bool
sessp_store_may_have(const struct sess_store *st, struct sess_slice id)
{
	return st->m.shard.of <= 1 || sess_shard_of(id, st->m.shard.of) == st->m.shard.index;
}

/* The catalog of segment i, opened; NULL where it can't be: that was told. */
struct sessp_catalog *sessp_store_catalog(struct sess_store *st, size_t i);

/* Tell of it, and don't look at the catalog again. */
void sessp_store_bad(struct sess_store *st, size_t i, const struct sess_err *err);

int sessp_set_add(struct sessp_set *s, uint64_t hash);
void sessp_set_sort(struct sessp_set *s);
void sessp_set_intersect(struct sessp_set *s, const struct sessp_set *with);

/* -- shards.c: how many shards the directory is of, 0: it has none; and what store.h
 * declares, of all of them */

enum sess_status sessp_shards_find(int dirfd, unsigned *of, struct sess_err *err);
/* Open them, where there are any. */
enum sess_status sessp_shards_open(struct sess_store *st, struct sess_err *err);
void sessp_shards_free(struct sess_store *st);
enum sess_status sessp_shards_choose(struct sess_store *st, const struct sess_query *q,
    struct sess_err *err);
enum sess_status sessp_shards_choose_ids(struct sess_store *st, const struct sess_slice *ids,
    size_t n, struct sess_err *err);
enum sess_status sessp_shards_choose_newest(struct sess_store *st, size_t *n, int64_t *bound,
    struct sess_err *err);
bool sessp_shards_narrowed(const struct sess_store *st);
const struct sess_feed *sessp_shards_feed(struct sess_store *st);
void sessp_shards_figures(const struct sess_store *st, struct sess_store_figures *f);
bool sessp_shards_segment(const struct sess_store *st, size_t i,
    struct sess_store_segment *seg);
enum sess_status sessp_shards_verify(struct sess_store *st, uint64_t *bad,
    struct sess_err *err);

/* -- batch.c */

struct sessp_sorter;

struct sess_indexer {
	struct sess_indexer_opts o;
	unsigned jobs;
	int dirfd, segments, lock;
	bool unsure;			/* publishing failed half-way */
	struct sessp_manifest m;	/* as it is published */
	struct sess_mark *marks;	/* of files that were read for the next state */
	size_t nmarks, marks_cap;
	uint8_t *replaced;		/* of m.marks: whether one of these is in its place */
	struct sessp_sorter *sorter;
};

/* The name of the next segment. */
void sessp_name_segment(struct sessp_manifest *m, int32_t day, char name[40]);

/* The segments of a day by size, copied; *n of them.  NULL: memory. */
struct sessp_segment *sessp_of_day(const struct sessp_manifest *m, int32_t day, size_t *n);

/* Put one segment in the place of n of a day. */
enum sess_status sessp_replace(struct sess_indexer *ix, struct sessp_manifest *to,
    const struct sessp_segment *from, size_t n, sessp_drop_fn *drop, void *arg,
    struct sess_indexed *done, struct sess_err *err);

/* Publish to, which then is the indexer's state. */
enum sess_status sessp_indexer_publish(struct sess_indexer *ix, struct sessp_manifest *to,
    struct sess_err *err);

#endif
