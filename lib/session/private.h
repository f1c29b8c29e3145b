/*
 * session: what its files share.
 *
 *	pack.c    an event to packed bytes, on a worker
 *	store.c   packed bytes to digests and a dictionary of strings
 *	order.c   the digests of one group: duplicates, clocks, order, pieces
 *	fold.c    one piece to a struct sess_session
 *	freeze.c  a session to bytes and back, for those that wait on disk
 *	gather.c  all groups in memory; crew.c the same on two cores; spill.c
 *	          through sorted runs; follow.c live; reduce.c one by one
 *	column.c  the record of a session; rules and defaults
 *
 * A group is what shares (app, session_id), else a visitor; a piece is what
 * --idle and --max-duration make of it: a session.
 */
#ifndef SESSP_SESSION_H
#define SESSP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/private.h"
#include "../base/sorter.h"
#include "sess/session.h"

/* Facts of an event that a session shows: the key of the event, and the member
 * of struct sess_session.  WHO differs from session to session; the first three
 * tell the group.  What is in ENV many sessions have in common. */
#define SESSP_WHO_FACTS(X) \
X(SESSION_ID, session_id) X(VISITOR, visitor) X(APP_ID, app_id) \
X(USER_ID, user_id) X(USER_NAME, user_name) X(IP, ip)
#define SESSP_ENV_FACTS(X) \
X(RELEASE, release) X(ENVIRONMENT, environment) X(COUNTRY, country) \
X(REGION, region) X(CITY, city) X(ISP, isp) X(NETWORK, network) X(BROWSER, browser) \
X(BROWSER_VERSION, browser_version) X(OS, os) X(OS_VERSION, os_version) \
X(DEVICE, device) X(DEVICE_TYPE, device_type) X(SCREEN, screen)

/*
 * A tuple is what several events share, as bytes: which of four it is, then
 * each of its strings with its length (7 bits a byte, the last without the
 * high bit) before it.  Equal tuples are equal bytes, and each is kept once.
 */
enum sessp_tuple { SESSP_WHO, SESSP_ENV, SESSP_VIEW, SESSP_PLACE };
enum { SESSP_PAGE, SESSP_PAGE_URL, SESSP_TITLE };	/* strings of SESSP_PLACE */

/* The string at p; returns what is behind it. */
static inline const char *
sessp_tuple_next(const char *p, struct sess_slice *s)
{
	unsigned shift = 0;

	for (s->len = 0; (*p & 0x80) != 0; shift += 7)
		s->len |= (size_t)(*p++ & 0x7f) << shift;
	s->len |= (size_t)*p++ << shift;
	s->p = p;
	return p + s->len;
}

/* Bytes of a who tuple that tell its group, from its second byte on.  They
 * are prefix-free: no group's are the beginning of another's. */
size_t sessp_tuple_key(const char *tuple);

/* PART: a request for something of a page, not for a page. */
enum { SESSP_FAILED = 1, SESSP_SLOW = 2, SESSP_PART = 4 };

/* What is kept of an event. */
struct sessp_digest {
	uint64_t id;
	int64_t time, received;
	uint32_t who, env, view, place;	/* tuples; 0: none */
	uint32_t marks;
	uint32_t more;			/* a struct sessp_more; 0: all of it plain */
	uint8_t kind, flags, nkeys, unused[5];
};

/* Of events of one time: kinds in their order, and a page before its parts. */
static inline uint8_t
sessp_rank(const struct sessp_digest *d)
{
	return d->flags & SESSP_PART ? SESS_NKINDS : d->kind;
}

/* What few kinds have (or all, where lines are wanted). */
struct sessp_more {
	double ms;			/* load_ms or stay_ms; -1: unknown */
	uint32_t times, errors, api_ok, api_failed;
	uint32_t line_len;
	char line[];
};
#define SESSP_MORE_SIZE offsetof(struct sessp_more, line)

/*
 * Packed bytes: SESSP_TUPLE, length, hash, tuple; or SESSP_EVENT, a digest
 * whose who, env and place are numbers (the first tuple of the buffer is 1),
 * and whose view and more are the lengths of the tuple and the struct
 * sessp_more that follow.
 */
enum { SESSP_TUPLE = 1, SESSP_EVENT = 2 };
struct sessp_packed_tuple {
	uint32_t len, hash;
};

/* With opts.sorted: before the packed bytes of each run of events of one group,
 * which need none from before it.  The key's bytes follow, then len bytes. */
struct sessp_packed_group {
	size_t key_len, len;
	uint64_t line;		/* of the first of these events */
};

uint32_t sessp_hash(const char *p, size_t len);

/* -- store.c: pool: allocations named by 32 bits */

struct sessp_pool_chunk {
	char *p;
	bool owned;		/* else a further part of the one before */
};

struct sessp_pool {
	struct sessp_pool_chunk *chunks;
	size_t n, cap;
	unsigned bits;		/* a chunk has 1 << bits bytes */
	size_t used;		/* bytes of the last one */
	size_t bytes;
};

struct sessp_entry {		/* a tuple in the pool */
	uint32_t len;
	uint32_t group;		/* of a who tuple */
	char bytes[];
};

/* Digests of one group are together, so that reading them is cheap.  Most groups
 * have either few or many: each block has twice the room of the one before. */
#define SESSP_BLOCK_MIN	2
#define SESSP_BLOCK_MAX	8
struct sessp_block {		/* in the pool */
	uint32_t next;		/* ref of a block; 0: none */
	uint32_t cap;
	struct sessp_digest d[];
};

struct sessp_group {
	uint32_t who;		/* one of its who tuples: its key */
	uint32_t n;		/* events, in order of arrival in blocks from first on */
	uint32_t first, last;	/* refs of blocks */
	uint16_t fill, cap;	/* of the last: digests in it, room */
	uint32_t view;		/* of its last event that has one */
	bool touched;		/* follow: events arrived since it was looked at */
	int64_t seen;		/* follow: when its last event arrived */
};

struct sessp_slot {
	uint32_t hash, ref;	/* ref 0: empty */
};

struct sessp_table {		/* of tuples, or of groups */
	struct sessp_slot *slots;
	size_t size, used;	/* size is 0 or a power of two */
};

struct sessp_defs {		/* tuples of the buffer being added */
	const char *p;
	uint32_t len, hash, ref;
};

struct sessp_store {
	struct sessp_pool pool;		/* blocks, tuples and mores */
	struct sessp_table tuples, keys;
	struct sessp_group *groups;
	size_t ngroups, groups_cap;
	uint32_t spare;			/* chain of blocks that were given back */
	size_t n;			/* digests */
	struct sessp_defs *defs;
	size_t ndefs, defs_cap;
	size_t mark, mark_used;		/* of the pool, before the last more */
	uint32_t last;			/* group of the last digest */
	bool drop_lines;		/* what is added now loses its line */
};

/* The bytes of a ref; and what is of one. */
static inline void *
sessp_store_bytes(const struct sessp_store *st, uint32_t ref)
{
	const struct sessp_pool *pl = &st->pool;
	uint64_t at = (uint64_t)ref << 3;

	return pl->chunks[at >> pl->bits].p + (at & (((uint64_t)1 << pl->bits) - 1));
}

static inline const struct sessp_entry *
sessp_store_tuple(const struct sessp_store *st, uint32_t ref)
{
	return sessp_store_bytes(st, ref);
}

static inline struct sessp_block *
sessp_store_block(const struct sessp_store *st, uint32_t ref)
{
	return sessp_store_bytes(st, ref);
}

/* A place among the digests of a group. */
struct sessp_cursor {
	uint32_t block, at;
};

/* The digest there; goes on to the next. */
static inline struct sessp_digest *
sessp_store_walk(const struct sessp_store *st, struct sessp_cursor *c)
{
	struct sessp_block *b = sessp_store_block(st, c->block);
	struct sessp_digest *d = &b->d[c->at++];

	if (c->at == b->cap)
		*c = (struct sessp_cursor){ b->next, 0 };
	return d;
}

static inline struct sessp_group *
sessp_store_group(const struct sessp_store *st, const struct sessp_digest *d)
{
	return &st->groups[sessp_store_tuple(st, d->who)->group];
}

/* The more of a digest: never NULL. */
const struct sessp_more *sessp_store_more(const struct sessp_store *st,
    const struct sessp_digest *d);

/* memory decides how big the steps are in which st grows. */
void sessp_store_init(struct sessp_store *st, uint64_t memory);
enum sess_status sessp_store_add(struct sessp_store *st, const char *p, size_t len,
    struct sess_err *err);
/* Append digest d as packed bytes that need no others. */
int sessp_store_pack(const struct sessp_store *st, const struct sessp_digest *d,
    struct sess_buf *out);
/* Bytes in use, with what putting it in order will take. */
uint64_t sessp_store_size(const struct sessp_store *st);
/* The last digest that was added. */
struct sessp_digest *sessp_store_last(const struct sessp_store *st);
/* Forget it, once; rewind: with what only it had.  Its tuples stay. */
void sessp_store_pop(struct sessp_store *st, bool rewind);
/* A chain of blocks that no group has any more. */
void sessp_store_give_back(struct sessp_store *st, uint32_t first);
/* Forget all; cheap where there was little. */
void sessp_store_reset(struct sessp_store *st);
void sessp_store_release(struct sessp_store *st);

/* -- order.c */

struct sessp_item {
	int64_t when, received;
	uint64_t id;
	uint32_t at;		/* in the group */
	uint8_t rank;
};

/* Candidates for a session's skew: of each received time the least distance to
 * its client's; the three least of them. */
struct sessp_skew {
	int64_t delta[3], received[3];
	unsigned n;
};
void sessp_skew_add(struct sessp_skew *k, const struct sessp_digest *d);
int64_t sessp_skew_get(const struct sessp_skew *k, enum sess_clock clock);

/* Whether the effective time rests on the client's clock; and it. */
static inline bool
sessp_by_client(const struct sessp_digest *d, enum sess_clock clock)
{
	return d->time != SESS_NO_TIME &&
	    (clock != SESS_CLOCK_SERVER || d->received == SESS_NO_TIME);
}

static inline int64_t
sessp_when(const struct sessp_digest *d, enum sess_clock clock, int64_t skew)
{
	if (sessp_by_client(d, clock))
		return d->time + skew;
	return d->received != SESS_NO_TIME ? d->received : 0;
}

/* Of two digests of one id: above 0 where a stays, below where b does, 0 where
 * they are the same. */
int sessp_better(const struct sessp_store *st, const struct sessp_digest *a,
    const struct sessp_digest *b);

struct sessp_work {		/* memory for putting a group in order */
	struct sessp_item *items;
	struct sessp_digest *digests;
	uint32_t *seen;		/* hash table: items + 1, by id */
	size_t items_cap, digests_cap, seen_cap;
	int64_t skew;		/* out: of the group */
	uint32_t duplicates;	/* out: dropped */
};
void sessp_work_release(struct sessp_work *w);

/* Put the digests of a group in order of their ids.  Different groups may be
 * put in order by different threads. */
enum sess_status sessp_order_ids(const struct sessp_store *st, struct sessp_group *grp,
    struct sessp_work *work, struct sess_err *err);

/* Put the digests of a group in order, without its duplicates. */
enum sess_status sessp_order(const struct sessp_store *st, struct sessp_group *grp,
    enum sess_clock clock, struct sessp_work *work, struct sess_err *err);

/* Why a session ended. */
enum sessp_end { SESSP_OPEN, SESSP_IDLE, SESSP_MAX };

/* Whether an event at `when` begins a new piece; times are those of the piece
 * so far.  SESSP_OPEN where it doesn't. */
enum sessp_end sessp_cut(const struct sess_rule *rule, int64_t start, int64_t last,
    int64_t when);

/* -- fold.c */

struct sessp_fold_view;

struct sessp_map {		/* 64-bit hash to a number */
	uint64_t *keys;
	uint32_t *vals;		/* number + 1; 0: empty */
	size_t size, used;
};

struct sessp_fold {
	const struct sessp_store *st;
	const struct sess_session_opts *opts;
	struct sess_session s;
	enum sessp_end end;
	struct sessp_fold_view *work;	/* views in order of their first event */
	size_t nwork, work_cap;
	struct sess_view *views;
	size_t views_cap;
	struct sess_member *members;
	size_t members_cap;
	struct sess_slice *users;
	size_t users_cap;
	struct sessp_map view_map, user_map;
	struct sess_buf key;
	int64_t skew;
	uint32_t who, env;		/* tuples of the last event */
	uint32_t loose;			/* current view of events without view_id */
	uint32_t loading;		/* view of the last load */
};

void sessp_fold_begin(struct sessp_fold *f, const struct sessp_store *st,
    const struct sess_session_opts *opts, int64_t skew);
/* Events come in order.  Their tuples and mores must stay until the session
 * is used; beyond max_events only their tuples. */
enum sess_status sessp_fold_add(struct sessp_fold *f, const struct sessp_digest *d,
    int64_t when, struct sess_err *err);
/* f->s is complete; cut: its key is KEY.T.  Its end_reason is up to sessp_end_reason. */
enum sess_status sessp_fold_end(struct sessp_fold *f, enum sessp_end end, bool cut,
    struct sess_err *err);
void sessp_fold_release(struct sessp_fold *f);

/* end_reason, now that the newest event of all is known. */
const char *sessp_end_reason(const struct sess_session *s, enum sessp_end end,
    const struct sess_session_opts *opts, int64_t newest);

const struct sess_rule *sessp_rule_of(const struct sess_session_opts *o, bool visitor);

/* -- freeze.c */

/* The session as bytes; and back: s and its arrays then borrow from p, which
 * is aligned for any type and writable. */
int sessp_freeze(const struct sess_session *s, enum sessp_end end, struct sess_buf *out);
void sessp_thaw(char *p, struct sess_session *s, enum sessp_end *end);

/* Key of a sorter for sessions: (start, key), and what tells apart those that
 * are equal in both. */
int sessp_session_key(const struct sess_session *s, struct sess_buf *out);

/* KEY, or KEY.T, into out. */
int sessp_session_name(struct sess_slice key, int64_t start, bool cut, struct sess_buf *out);

/* Big-endian, so that bytes compare as numbers do. */
static inline void
sessp_put64(char *p, uint64_t n)
{
	int i;

	for (i = 7; i >= 0; i--, n >>= 8)
		p[i] = (char)(n & 0xff);
}

/* The same for signed ones. */
static inline void
sessp_put64s(char *p, int64_t n)
{
	sessp_put64(p, (uint64_t)n ^ (uint64_t)1 << 63);
}

static inline int64_t
sessp_get64s(const char *p)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < 8; i++)
		n = n << 8 | (unsigned char)p[i];
	return (int64_t)(n ^ (uint64_t)1 << 63);
}

/* -- gather.c, spill.c, follow.c */

struct sessp_piece {
	int64_t start, skew, seen;
	uint32_t group, n;
	struct sessp_cursor from;	/* where its events begin */
	uint32_t duplicates;
	uint8_t end;			/* enum sessp_end */
	bool cut, head;			/* head: the group's first */
};

struct sessp_part {		/* groups that were put in order, and their pieces */
	struct sessp_work work;
	struct sessp_piece *pieces;
	size_t n, cap;
	int64_t newest;		/* effective time of their newest event */
};

struct sess_gather {
	struct sess_session_opts opts;
	char *tmpdir;
	struct sessp_store store;
	struct sessp_fold fold;
	struct sessp_part part;
	size_t at;			/* of its pieces: the next */
	struct sessp_crew *crew;	/* folds ahead; or NULL */
	int64_t newest;			/* what end_reason rests on: opts.newest, else the
					 * effective time of the newest event in order */
	struct sessp_sorter *events;	/* spilled: by group, id */
	struct sessp_sorter *sessions;	/* what became of them, by start, key */
	struct sess_buf key, data;
	struct sess_session thawed;
	bool reading, live, failed;
	int64_t quiet;			/* follow: groups not seen since then are idle */
	uint64_t gone;			/* follow: events handed out, whose strings stay */
};

/* As it was when it was new; cheap where little was in it. */
void sessp_gather_reset(struct sess_gather *g);

/* Put group i in order and append its pieces to part. */
enum sess_status sessp_gather_order(const struct sess_gather *g, struct sessp_part *part,
    size_t i, struct sess_err *err);

/* An event in order was then. */
void sessp_gather_saw(struct sess_gather *g, int64_t when);

/* Put the pieces of g->part in order, (start, key). */
enum sess_status sessp_gather_sort(struct sess_gather *g, struct sess_err *err);

/* Piece i as a session, in f. */
enum sess_status sessp_gather_fold(const struct sess_gather *g, size_t i,
    struct sessp_fold *f, struct sess_err *err);

/* The next piece as a session, SESS_END behind the last. */
enum sess_status sessp_gather_piece(struct sess_gather *g,
    const struct sess_session **s, struct sess_err *err);

/* crew.c: put all groups in order by n threads, their pieces in g->part. */
enum sess_status sessp_crew_order(struct sess_gather *g, unsigned n, struct sess_err *err);

/* Fold the pieces of g->part on n threads, and have each taken on its thread. */
enum sess_status sessp_crew_each(const struct sess_gather *g, unsigned n,
    sess_gather_take *take, void *arg, struct sess_err *err);

/* Begin to fold the pieces of g->part on another thread; NULL where none can
 * be had.  Nothing of g may change until it is freed. */
struct sessp_crew *sessp_crew_new(const struct sess_gather *g);
/* As sessp_gather_piece. */
enum sess_status sessp_crew_next(struct sessp_crew *c, const struct sess_session **s,
    struct sess_err *err);
void sessp_crew_free(struct sessp_crew *c);

/* The session ids and so on of a group, without the rest. */
void sessp_group_slices(const struct sessp_store *st, const struct sessp_group *grp,
    struct sess_session *s);

/* spill.c: move all to disk; merge what is there; the next session of it. */
enum sess_status sessp_spill(struct sess_gather *g, struct sess_err *err);
enum sess_status sessp_spill_merge(struct sess_gather *g, struct sess_err *err);
enum sess_status sessp_spill_next(struct sess_gather *g,
    const struct sess_session **s, struct sess_err *err);

/* Make room for one more in an array that doubles. */
int sessp_more_room(void *array, size_t *cap, size_t n, size_t size);

#endif
