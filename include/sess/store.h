/*
 * store: events on disk, from which any session comes in milliseconds.
 *
 *	struct sess_store *st;
 *
 *	sess_store_open(&st, dir, &err);
 *	sess_store_choose(st, query, &err);
 *	stream_opts.feed = sess_store_feed(st);		the sessions that may match
 *	...						read as any stream (stream.h)
 *	sess_store_free(st);
 *
 * A store is a directory of immutable segments, each with the events of one UTC
 * day of the server's clock in the order of their sessions, and a catalog of
 * what they may be looked up by.  Choosing narrows the sessions down with the
 * catalogs alone; it may choose too many, never too few, and all events of each
 * are then read through the same code as those of a log: the query decides.  So
 * a store gives what a stream of the same events gives.
 *
 * What is open is one state of the store, whatever a writer does meanwhile.
 *
 * A store may be a directory of shards, shard-0003-of-0016 and so on: stores that
 * each were written by a process of its own, of one share of the sessions (group.h).
 * Opened, it is as one store of all their events; where ids are asked for, only the
 * shards of these are looked into.  All of the shards have to be there.
 */
#ifndef SESS_STORE_H
#define SESS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sess/buf.h"
#include "sess/err.h"
#include "sess/event.h"
#include "sess/group.h"
#include "sess/query.h"
#include "sess/stream.h"

struct sess_store;

/* Something of the store that is damaged: name says what, in the store. */
typedef void sess_store_problem(void *arg, const char *name, const struct sess_err *err);

/* Open for reading.  *st is the caller's to free; NULL on error.  SESS_ESYS
 * where there is no store, SESS_EFORMAT where it is of a newer format, or its
 * MANIFEST is damaged. */
enum sess_status sess_store_open(struct sess_store **st, const char *dir,
    struct sess_err *err);
void sess_store_free(struct sess_store *st);

#define SESS_SHARD_NAME 32	/* room for the name of a shard's directory */
void sess_shard_name(struct sess_shard shard, char name[SESS_SHARD_NAME]);

/* Only events of that share of the sessions are wanted of what is chosen from now on;
 * where there are as many shards, that one alone is read. */
void sess_store_share(struct sess_store *st, struct sess_shard share);

/* To be told of catalogs that can't be read; what is in the others is found. */
void sess_store_on_problem(struct sess_store *st, sess_store_problem *problem, void *arg);

/* Choose the sessions that may match; NULL: all.  The choice before is forgotten. */
enum sess_status sess_store_choose(struct sess_store *st, const struct sess_query *q,
    struct sess_err *err);

/* Of those chosen keep the sessions and visitors of these ids. */
enum sess_status sess_store_choose_ids(struct sess_store *st, const struct sess_slice *ids,
    size_t n, struct sess_err *err);

/*
 * Choose the sessions whose last event may be the newest of the store: the first
 * *n of them or so, *n may be lowered to how many there are.  No event of any other
 * is newer than *bound, by either clock; INT64_MIN: there is no other.  (What a session ended by depends on the
 * newest event of all.)
 */
enum sess_status sess_store_choose_newest(struct sess_store *st, size_t *n, int64_t *bound,
    struct sess_err *err);

/* Whether sess_store_choose has narrowed anything down. */
bool sess_store_narrowed(const struct sess_store *st);

/* The events of the chosen sessions, for struct sess_stream_opts; borrowed until
 * the next choice.  NULL when memory is out. */
const struct sess_feed *sess_store_feed(struct sess_store *st);

/* What is in the store. */
struct sess_store_figures {
	uint64_t days, segments, events, sessions;	/* sessions: of each segment, summed */
	uint64_t events_bytes;		/* of the frames, compressed */
	uint64_t catalog_bytes, other_bytes;
	uint64_t raw_bytes;		/* of the events */
	uint64_t batches, inputs;
	uint64_t shards;		/* 0: it is a store itself */
	int64_t first, last;		/* range of the events' times; SESS_NO_TIME: none */
	int64_t batch_time;		/* when the last batch was published, or SESS_NO_TIME */
};
void sess_store_figures(const struct sess_store *st, struct sess_store_figures *f);

/* One segment after another, in order of days; false behind the last. */
struct sess_store_segment {
	const char *name;
	uint64_t events, sessions, events_bytes, catalog_bytes, raw_bytes;
	int64_t first, last;
	struct sess_shard shard;	/* that it is in; of 0: none */
};
bool sess_store_segment(const struct sess_store *st, size_t i,
    struct sess_store_segment *seg);

/* Read and check every byte; what is damaged is told.  *bad is how many problems
 * there were. */
enum sess_status sess_store_verify(struct sess_store *st, uint64_t *bad,
    struct sess_err *err);

/* -- writing */

struct sess_indexer;

struct sess_indexer_opts {
	uint64_t memory;	/* bytes of events held, then spilled: 512 MiB */
	const char *tmpdir;	/* where to spill; NULL: /var/tmp */
	unsigned jobs;		/* threads that compress; 0: one a core */
	int64_t now;		/* the clock, ms: kept as the time of the batch */
	struct sess_shard shard;	/* of the sessions, which alone is added; dir is that
				 * shard's; of 0: all.  A store keeps what it is. */
};

/*
 * Open for writing, and make the store where there is none.  One process at a
 * time writes: SESS_ELIMIT where another does, err says which.  *ix is the
 * caller's to free; freed before a commit it leaves the store as it was.
 */
enum sess_status sess_indexer_open(struct sess_indexer **ix, const char *dir,
    const struct sess_indexer_opts *o, struct sess_err *err);
void sess_indexer_free(struct sess_indexer *ix);

/* How far inputs were read, as the store has it (--incremental); borrowed until
 * commit.  And what is to be known after the commit: of a file that was read, in
 * place of mark `before` of these (one past the last: it is new). */
const struct sess_mark *sess_indexer_marks(const struct sess_indexer *ix, size_t *n);
enum sess_status sess_indexer_mark(struct sess_indexer *ix, const struct sess_mark *mark,
    size_t before, struct sess_err *err);

/* For the map of a stream, on any thread: what the indexer needs of an event. */
enum sess_status sess_indexer_pack(const struct sess_event *ev, struct sess_buf *out,
    struct sess_err *err);

/* Take what was packed. */
enum sess_status sess_indexer_add(struct sess_indexer *ix, const char *packed, size_t len,
    struct sess_err *err);

/* What a commit did. */
struct sess_indexed {
	uint64_t events;	/* new to the store */
	uint64_t known;		/* in the store already, or twice in the batch */
	uint64_t removed;	/* by prune and forget */
	uint64_t days, written;	/* days touched, events written */
};

/* Put all that was added into the store, at once. */
enum sess_status sess_indexer_commit(struct sess_indexer *ix, struct sess_indexed *done,
    struct sess_err *err);

/* -- the store as a whole; each is a state of its own, published where anything changed */

/* Make one segment of each day. */
enum sess_status sess_indexer_compact(struct sess_indexer *ix, struct sess_indexed *done,
    struct sess_err *err);

/* Remove the UTC days that ended before that moment. */
enum sess_status sess_indexer_prune(struct sess_indexer *ix, int64_t before,
    struct sess_indexed *done, struct sess_err *err);

/* Sessions and visitors to be removed: the ids of all of them, and which is one. */
struct sess_groups {
	const struct sess_slice *ids;
	size_t n;
	bool (*has)(void *arg, struct sess_slice id, struct sess_slice app, bool visitor);
	void *arg;
};

/* Write the segments that have events of them anew, without these.  *kept: files
 * that hold them are still there, since somebody reads them; the next writer
 * removes them. */
enum sess_status sess_indexer_forget(struct sess_indexer *ix, const struct sess_groups *groups,
    struct sess_indexed *done, bool *kept, struct sess_err *err);

/*
 * Make a store readable again, with all that can be read: a new one out of the
 * segments of dir, whole frames of them and whole lines of these.  Each event is
 * given to ix, which is another store.  What can't be read is told.
 */
enum sess_status sess_store_salvage(const char *dir, struct sess_indexer *ix,
    sess_store_problem *problem, void *arg, struct sess_err *err);

#endif
