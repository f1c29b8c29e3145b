/* Events of all sessions, in memory, to one session after another. */
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define AHEAD	4		/* groups between asking for memory and using it */
#define MANY	2000		/* sessions worth a thread */
#define MOST	32		/* events of a piece for which it is asked */

enum sess_status
sess_gather_new(struct sess_gather **gp, const struct sess_session_opts *opts,
    struct sess_err *err)
{
	struct sess_gather *g;

	*gp = NULL;
	if ((g = calloc(1, sizeof(*g))) == NULL)
		return sess_err_nomem(err);
	g->opts = *opts;
	g->newest = opts->newest;
	g->part.newest = INT64_MIN;
	if ((g->tmpdir = sessp_dup(opts->tmpdir != NULL ? opts->tmpdir : "/var/tmp")) == NULL) {
		free(g);
		return sess_err_nomem(err);
	}
	sessp_store_init(&g->store, opts->memory);
	*gp = g;
	return SESS_OK;
}

int64_t
sess_gather_newest(const struct sess_gather *g)
{
	return g->newest;
}

void
sess_gather_free(struct sess_gather *g)
{
	if (g == NULL)
		return;
	sessp_crew_free(g->crew);
	sessp_store_release(&g->store);
	sessp_fold_release(&g->fold);
	sessp_sorter_free(g->events);
	sessp_sorter_free(g->sessions);
	sess_buf_release(&g->key);
	sess_buf_release(&g->data);
	sessp_work_release(&g->part.work);
	free(g->part.pieces);
	free(g->tmpdir);
	free(g);
}

void
sessp_gather_reset(struct sess_gather *g)
{
	sessp_crew_free(g->crew);
	sessp_sorter_free(g->events);
	sessp_sorter_free(g->sessions);
	g->crew = NULL;
	g->events = g->sessions = NULL;
	sessp_store_reset(&g->store);
	g->part.n = g->at = 0;
	g->part.newest = INT64_MIN;
	g->newest = g->opts.newest;
	g->reading = false;
}

enum sess_status
sess_gather_add(struct sess_gather *g, const char *packed, size_t len,
    struct sess_err *err)
{
	enum sess_status st = sessp_store_add(&g->store, packed, len, err);

	/* Some is left for putting it in order. */
	if (st == SESS_OK && !g->live &&
	    sessp_store_size(&g->store) > g->opts.memory - g->opts.memory / 8)
		st = sessp_spill(g, err);
	return st;
}

bool
sess_gather_asks_newest(const struct sess_gather *g)
{
	bool ids = g->opts.rule.idle > 0, visitors = g->opts.visit.idle > 0;
	struct sess_session s;
	size_t i;

	if (ids == visitors || g->events != NULL)	/* what is on disk isn't looked at */
		return ids || visitors;
	for (i = 0; i < g->store.ngroups; i++) {
		sessp_group_slices(&g->store, &g->store.groups[i], &s);
		if (s.session_id.len > 0 ? ids : visitors)
			return true;
	}
	return false;
}

void
sess_gather_tell_newest(struct sess_gather *g, int64_t when)
{
	g->opts.newest = g->newest = when;
}

/* -- pieces */

void
sessp_group_slices(const struct sessp_store *st, const struct sessp_group *grp,
    struct sess_session *s)
{
	const char *p = sessp_store_tuple(st, grp->who)->bytes + 1;

	p = sessp_tuple_next(p, &s->session_id);
	p = sessp_tuple_next(p, &s->visitor);
	sessp_tuple_next(p, &s->app_id);
	s->key = s->session_id.len > 0 ? s->session_id : s->visitor;
}

static int
add_piece(struct sessp_part *part, const struct sessp_piece *p)
{
	if (sessp_more_room(&part->pieces, &part->cap, part->n, sizeof(*p)) < 0)
		return -1;
	part->pieces[part->n++] = *p;
	return 0;
}

/* Make pieces of a group in order. */
static int
cut_pieces(const struct sess_gather *g, struct sessp_part *part,
    const struct sessp_group *grp)
{
	const struct sessp_store *st = &g->store;
	const struct sess_rule *rule;
	struct sessp_cursor c = { grp->first, 0 }, at;
	struct sessp_piece p = { .group = (uint32_t)(grp - st->groups), .from = c,
	    .seen = grp->seen, .skew = part->work.skew, .duplicates = part->work.duplicates, .head = true };
	struct sess_session s;
	int64_t when, last = 0;
	uint32_t i;

	sessp_group_slices(st, grp, &s);
	rule = sessp_rule_of(&g->opts, s.session_id.len == 0);
	for (i = 0; i < grp->n; i++) {
		at = c;
		when = sessp_when(sessp_store_walk(st, &c), g->opts.clock, p.skew);
		if (i == 0)
			p.start = when;
		else if ((p.end = (uint8_t)sessp_cut(rule, p.start, last, when)) != SESSP_OPEN) {
			p.cut = true;
			if (add_piece(part, &p) < 0)
				return -1;
			p = (struct sessp_piece){ .group = p.group, .start = when,
			    .seen = p.seen, .skew = p.skew, .from = at, .cut = true };
		}
		p.n++;
		last = when;
	}
	if (last > part->newest)
		part->newest = last;
	return add_piece(part, &p);
}

static int
piece_key(struct sess_gather *g, const struct sessp_piece *p, struct sess_buf *out)
{
	struct sess_session s;
	struct sess_buf name = { 0 };
	int r = -1;

	sessp_group_slices(&g->store, &g->store.groups[p->group], &s);
	s.start = p->start;
	if (sessp_session_name(s.key, p->start, p->cut, &name) == 0) {
		s.key = (struct sess_slice){ name.data, name.len };
		r = sessp_session_key(&s, out);
	}
	sess_buf_release(&name);
	return r;
}

static int
by_start(const void *a, const void *b, void *arg)
{
	const struct sessp_piece *x = a, *y = b;
	struct sess_gather *g = arg;
	size_t n;
	int c;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x == y)
		return 0;
	if (piece_key(g, x, &g->key) < 0 || piece_key(g, y, &g->data) < 0) {
		g->failed = true;
		return 0;
	}
	n = g->key.len < g->data.len ? g->key.len : g->data.len;
	c = memcmp(g->key.data, g->data.data, n);
	return c != 0 ? c : (g->key.len > g->data.len) - (g->key.len < g->data.len);
}

void
sessp_gather_saw(struct sess_gather *g, int64_t when)
{
	if (g->opts.newest == INT64_MIN && when > g->newest)
		g->newest = when;
}

enum sess_status
sessp_gather_sort(struct sess_gather *g, struct sess_err *err)
{
	g->failed = false;
	sessp_gather_saw(g, g->part.newest);
	if (g->part.n > 0)
		qsort_r(g->part.pieces, g->part.n, sizeof(*g->part.pieces), by_start, g);
	return g->failed ? sess_err_nomem(err) : SESS_OK;
}

/* -- memory that will be needed is asked for in advance: of a chain of blocks
 * the first few, one after another */

#define STAGES	5

static void
ahead_block(const struct sessp_store *st, uint32_t ref, unsigned skip)
{
	size_t i, cap = SESSP_BLOCK_MIN;
	const char *b;

	for (; skip > 0 && ref != 0; skip--) {
		ref = sessp_store_block(st, ref)->next;
		cap *= cap < SESSP_BLOCK_MAX ? 2 : 1;
	}
	if (ref == 0)
		return;
	b = sessp_store_bytes(st, ref);
	for (i = 0; i < sizeof(struct sessp_block) + cap * sizeof(struct sessp_digest); i += 64)
		__builtin_prefetch(b + i);
}

static void
ahead_groups(const struct sessp_store *st, size_t i)
{
	unsigned skip;

	for (skip = 0; skip < STAGES; skip++)
		if (i + (STAGES - skip) * AHEAD < st->ngroups)
			ahead_block(st, st->groups[i + (STAGES - skip) * AHEAD].first, skip);
}

/* And what the digests of a piece refer to. */
static void
ahead_pieces(const struct sess_gather *g, size_t at)
{
	const struct sessp_store *st = &g->store;
	const struct sessp_digest *d;
	const struct sessp_piece *p;
	struct sessp_cursor c;
	unsigned skip;
	uint32_t i, who = 0;

	for (skip = 0; skip < STAGES; skip++)
		if (at + (STAGES - skip) * AHEAD < g->part.n)
			ahead_block(st, g->part.pieces[at + (STAGES - skip) * AHEAD].from.block,
			    skip);
	if (at + 2 >= g->part.n)
		return;
	p = &g->part.pieces[at + 2];
	c = p->from;
	for (i = 0; i < p->n && i < MOST; i++) {
		d = sessp_store_walk(st, &c);
		if (d->who != who) {
			__builtin_prefetch(sessp_store_tuple(st, d->who));
			__builtin_prefetch(sessp_store_tuple(st, d->who)->bytes + 56);
		}
		who = d->who;
		if (d->view != 0)
			__builtin_prefetch(sessp_store_bytes(st, d->view));
		if (d->more != 0)
			__builtin_prefetch(sessp_store_bytes(st, d->more));
	}
}

/* -- sessions */

enum sess_status
sessp_gather_order(const struct sess_gather *g, struct sessp_part *part, size_t i,
    struct sess_err *err)
{
	struct sessp_group *grp = &g->store.groups[i];
	enum sess_status st;

	ahead_groups(&g->store, i);
	if (grp->n == 0)
		return SESS_OK;
	if ((st = sessp_order(&g->store, grp, g->opts.clock, &part->work, err)) < 0)
		return st;
	return cut_pieces(g, part, grp) < 0 ? sess_err_nomem(err) : SESS_OK;
}

enum sess_status
sessp_gather_fold(const struct sess_gather *g, size_t i, struct sessp_fold *f,
    struct sess_err *err)
{
	const struct sessp_piece *p = &g->part.pieces[i];
	struct sessp_cursor c = p->from;
	const struct sessp_digest *d;
	enum sess_status st;
	uint32_t n;

	ahead_pieces(g, i);
	sessp_fold_begin(f, &g->store, &g->opts, p->skew);
	for (n = 0; n < p->n; n++) {
		d = sessp_store_walk(&g->store, &c);
		st = sessp_fold_add(f, d, sessp_when(d, g->opts.clock, p->skew), err);
		if (st < 0)
			return st;
	}
	if ((st = sessp_fold_end(f, (enum sessp_end)p->end, p->cut, err)) < 0)
		return st;
	f->s.duplicates = p->duplicates;
	f->s.end_reason = sessp_end_reason(&f->s, f->end, &g->opts, g->newest);
	return SESS_OK;
}

enum sess_status
sessp_gather_piece(struct sess_gather *g, const struct sess_session **s,
    struct sess_err *err)
{
	if (g->at == g->part.n)
		return SESS_END;
	*s = &g->fold.s;
	return sessp_gather_fold(g, g->at++, &g->fold, err);
}

/* A second thread pays from many sessions on. */
static bool
many(const struct sess_gather *g)
{
	return g->opts.jobs != 1 && g->store.ngroups >= MANY;
}

/* The input has ended. */
static enum sess_status
begin_reading(struct sess_gather *g, struct sess_err *err)
{
	enum sess_status st;

	if (g->events != NULL)
		return sessp_spill_merge(g, err);
	g->part.n = g->at = 0;
	if ((st = sessp_crew_order(g, many(g) ? 2 : 1, err)) < 0 ||
	    (st = sessp_gather_sort(g, err)) < 0)
		return st;
	if (many(g))
		g->crew = sessp_crew_new(g);
	return SESS_OK;
}

enum sess_status
sess_gather_next(struct sess_gather *g, const struct sess_session **s,
    struct sess_err *err)
{
	enum sess_status st;

	if (!g->reading) {
		if ((st = begin_reading(g, err)) < 0)
			return st;
		g->reading = true;
	}
	if (g->sessions != NULL)
		return sessp_spill_next(g, s, err);
	return g->crew != NULL ? sessp_crew_next(g->crew, s, err) :
	    sessp_gather_piece(g, s, err);
}

enum sess_status
sess_gather_each(struct sess_gather *g, unsigned threads, sess_gather_take *take, void *arg,
    struct sess_err *err)
{
	const struct sess_session *s;
	enum sess_status st;

	if (g->events == NULL) {
		threads = many(g) ? threads : 1;
		if ((st = sessp_crew_order(g, threads > 1 ? 2 : 1, err)) < 0)
			return st;
		sessp_gather_saw(g, g->part.newest);
		return sessp_crew_each(g, threads, take, arg, err);
	}
	while ((st = sess_gather_next(g, &s, err)) == SESS_OK)
		if ((st = take(arg, 0, s, err)) < 0)
			break;
	return st < 0 ? st : SESS_OK;
}
