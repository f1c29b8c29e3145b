/*
 * stream: files to events, on all cores.
 *
 *	struct sess_stream_opts o = { .operands = argv + optind, .jobs = 2 };
 *	struct sess_stream *s;
 *
 *	sess_stream_open(&s, &o, &err);
 *	while (sess_stream_next(s, &block, &err) == SESS_OK)
 *		write(1, block.data, block.len);
 *	sess_stream_free(s);
 *
 * Threads decompress blocks of whole lines, convert them and hand each event
 * to `map`, which appends what it makes of it to the block's output.  The
 * caller takes the outputs one by one, in the order of the input (or, with
 * `unordered`, as they come).  Memory is bounded by the blocks in flight,
 * never by the input.
 */
#ifndef SESS_STREAM_H
#define SESS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sess/convert.h"
#include "sess/err.h"
#include "sess/event.h"
#include "sess/group.h"

struct sess_stream;

/* How many texts records can be chosen by. */
#define SESS_STREAM_LITERALS 32

/* Canonical events from elsewhere than files: parts, each of which is read by one
 * thread at a time. */
struct sess_feed {
	void *arg;
	size_t nparts;
	const char *(*name)(void *arg, size_t part);	/* display name */
	enum sess_status (*open)(void *arg, size_t part, void **state, struct sess_err *err);
	/* Append whole lines, each with its newline; SESS_END behind the last.  Below 0:
	 * a problem; the next call goes on behind it.  out.cap may be exceeded. */
	enum sess_status (*fill)(void *state, struct sess_buf *out, struct sess_err *err);
	void (*close)(void *state);
};

/*
 * How far a file was read.  A log is known again by its content, whatever it is
 * called and however it is compressed by now: by its first bytes and by those
 * before the place up to which it was read.
 */
struct sess_mark {
	uint64_t head_len, head_sum;	/* of decompressed bytes; 0: only as below */
	uint64_t at;			/* records before it were given */
	uint64_t tail_len, tail_sum;	/* of the bytes before at */
	uint64_t line;			/* of the record at at */
	char format[16];
	/* the file as it was: one that is still so has nothing new */
	uint64_t device, inode, size;
	int64_t modified, changed;	/* ns */
	uint64_t seen;			/* the caller's */
};

struct sess_stream_opts {
	const struct sess_feed *feed;	/* read this, no operands; or NULL */
	const char *const *operands;	/* files and directories, NULL-terminated; none: stdin */
	struct sess_convert_opts convert;
	unsigned jobs;			/* worker threads; 0: as many as there are cores */
	uint64_t max_line;		/* bytes; 0: 64 MiB */
	const char *tmpdir;		/* where an archive that can't be sought in is spooled,
					 * to an unlinked file; NULL: /var/tmp */
	bool unordered;			/* blocks may come in any order */
	bool strict;			/* stop at the first bad record */
	int out_fds[4];			/* files these are open on are never read */
	unsigned nout_fds;
	struct sess_shard shard;	/* events of other shares are passed over, uncounted */
	const char *literal;		/* records that can't hold this text are passed over
					 * unconverted and not counted; or NULL */
	const char *const *literals;	/* more of these, NULL-terminated: any of them will
					 * do; or NULL */

	/* On a worker, for each event: append to out.  worker is 0 .. jobs - 1.  Below 0: error, stop. */
	enum sess_status (*map)(void *arg, unsigned worker,
	    const struct sess_event *ev, struct sess_buf *out, struct sess_err *err);
	/* On a worker, before the first event of a block; may be NULL. */
	void (*begin)(void *arg, unsigned worker);
	void *arg;

	/* On the caller's thread, in the order of the input: a problem.  name is
	 * the member's display name, err->line its line or 0; text and len the
	 * rejected record where it is about one, else NULL. */
	void (*problem)(void *arg, const char *name, const struct sess_err *err,
	    const char *text, size_t len);
	/* On the caller's thread: what a member was recognised as; may be NULL. */
	void (*recognised)(void *arg, const char *name, const char *format);
	void *note_arg;
	bool rejects;			/* problem wants text of all rejects, not of some */

	/* On the caller's thread: how far a file was read, in place of the mark that
	 * it was known by (an index into marks, or nmarks).  With it, files are read on
	 * from where the marks say, and a last line without newline only once the
	 * file was not written to for a minute before now (ms). */
	void (*marked)(void *arg, const struct sess_mark *mark, size_t before);
	void *marked_arg;
	const struct sess_mark *marks;	/* borrowed */
	size_t nmarks;
	int64_t now;
};

struct sess_stream_block {
	const char *data;	/* what map appended; borrowed until the next call */
	size_t len;
	const char *name;	/* of the member it is of; borrowed as data is */
	uint64_t events;
	bool pause;		/* live input has paused behind this block: flush */
};

/* Opens the walk and starts the threads.  Settings are borrowed until free. */
enum sess_status sess_stream_open(struct sess_stream **s,
    const struct sess_stream_opts *o, struct sess_err *err);

/* The next block's output.  timeout_ms is how long to wait for it, or -1; on a
 * time-out block->len is 0 and block->pause true.  SESS_END after the last.
 * An error ends the stream (out of memory, what map returned, strict: what stood
 * before the problem has been given by then). */
enum sess_status sess_stream_next(struct sess_stream *s,
    struct sess_stream_block *block, int timeout_ms, struct sess_err *err);

/* The books so far; complete after SESS_END. */
void sess_stream_books(const struct sess_stream *s, struct sess_books *b);

/* For progress: bytes of the files consumed, and of all files (0: unknown). */
void sess_stream_progress(const struct sess_stream *s, uint64_t *done, uint64_t *all);

/* Whether all operands are regular files, so that a second stream over them
 * reads the same. */
bool sess_stream_rereadable(const struct sess_stream *s);

/* Stop the threads and free.  NULL is allowed. */
void sess_stream_free(struct sess_stream *s);

#endif
