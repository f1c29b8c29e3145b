/*
 * Sessions of more events than fit in memory.
 *
 * Each event goes to a sorter by (group, id), with its strings.  At the end
 * groups come out of it one by one, duplicates next to each other.  One that
 * fits is put in order in memory; a larger one by two further sorters, one for
 * each clock, since its skew is known only at its end.  Either way its pieces
 * are folded, and the sessions go to a last sorter, by (start, key).
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define ID_LEN		8	/* behind the group in a key of g->events */
#define CLOCK_LEN	(8 + 8 + 1 + 8)	/* clock, received, rank, id */

/* -- to disk */

struct ranked {
	const char *key;
	size_t len;
	uint32_t group;
};

static int
by_key(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	/* Keys are prefix-free. */
	return memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);
}

static struct ranked *
rank_groups(const struct sessp_store *st)
{
	struct ranked *v = malloc((st->ngroups + 1) * sizeof(*v));
	const char *tuple;
	size_t i;

	if (v == NULL)
		return NULL;
	for (i = 0; i < st->ngroups; i++) {
		tuple = sessp_store_tuple(st, st->groups[i].who)->bytes;
		v[i] = (struct ranked){ tuple + 1, sessp_tuple_key(tuple), (uint32_t)i };
	}
	qsort(v, st->ngroups, sizeof(*v), by_key);
	return v;
}

static enum sess_status
spill_group(struct sess_gather *g, const struct ranked *r, struct sess_err *err)
{
	struct sessp_group *grp = &g->store.groups[r->group];
	struct sessp_cursor c = { grp->first, 0 };
	const struct sessp_digest *d;
	struct sessp_record rec;
	enum sess_status st;
	uint32_t i;

	if (grp->n == 0)
		return SESS_OK;
	if ((st = sessp_order_ids(&g->store, grp, &g->part.work, err)) < 0)
		return st;
	for (i = 0; i < grp->n; i++) {
		d = sessp_store_walk(&g->store, &c);
		g->key.len = g->data.len = 0;
		if (sess_buf_room(&g->key, r->len + ID_LEN) < 0 ||
		    sessp_store_pack(&g->store, d, &g->data) < 0)
			return sess_err_nomem(err);
		memcpy(g->key.data, r->key, r->len);
		sessp_put64(g->key.data + r->len, d->id);
		rec = (struct sessp_record){ g->key.data, g->data.data, r->len + ID_LEN,
		    g->data.len };
		if ((st = sessp_sorter_put(g->events, &rec, err)) < 0)
			return st;
	}
	return SESS_OK;
}

enum sess_status
sessp_spill(struct sess_gather *g, struct sess_err *err)
{
	struct ranked *ranked;
	enum sess_status st = SESS_OK;
	size_t i;

	if (g->events == NULL && (st = sessp_sorter_new(&g->events, g->tmpdir,
	    g->opts.memory / 4, err)) < 0)
		return st;
	if ((ranked = rank_groups(&g->store)) == NULL)
		return sess_err_nomem(err);
	for (i = 0; i < g->store.ngroups && st == SESS_OK; i++)
		st = spill_group(g, &ranked[i], err);
	free(ranked);
	if (st == SESS_OK)
		st = sessp_sorter_cut(g->events, err);
	sessp_store_reset(&g->store);
	return st;
}

/* -- back: one group */

struct merge {			/* the group that is being read */
	struct sess_gather *g;
	struct sess_buf key;
	struct sessp_sorter *clocks[2];	/* of one too large: by server, by client */
	struct sessp_skew skew;
	struct sessp_digest *last;	/* event of the store, or NULL */
	uint64_t duplicates;
	const struct sess_rule *rule;
	bool cut;		/* pieces went before */
};

/* The piece is complete. */
static enum sess_status
finish(struct merge *m, enum sessp_end end, struct sess_err *err)
{
	struct sess_gather *g = m->g;
	struct sess_session *s = &g->fold.s;
	struct sessp_record rec;
	enum sess_status st;

	m->cut |= end != SESSP_OPEN;
	if ((st = sessp_fold_end(&g->fold, end, m->cut, err)) < 0)
		return st;
	s->duplicates = m->duplicates;		/* all with the first piece */
	m->duplicates = 0;
	sessp_gather_saw(g, s->end);
	g->data.len = 0;
	if (sessp_session_key(s, &g->key) < 0 || sessp_freeze(s, end, &g->data) < 0)
		return sess_err_nomem(err);
	rec = (struct sessp_record){ g->key.data, g->data.data, g->key.len, g->data.len };
	return sessp_sorter_add(g->sessions, &rec, err);
}

/* A group that fits: its events are in the store, which holds no other. */
static enum sess_status
fold_small(struct merge *m, struct sess_err *err)
{
	struct sess_gather *g = m->g;
	struct sessp_group *grp = &g->store.groups[0];
	const struct sessp_digest *d;
	struct sessp_cursor c;
	enum sessp_end end;
	enum sess_status st;
	int64_t skew, when;
	uint32_t i;

	if ((st = sessp_order(&g->store, grp, g->opts.clock, &g->part.work, err)) < 0)
		return st;
	skew = g->part.work.skew;
	c = (struct sessp_cursor){ grp->first, 0 };
	sessp_fold_begin(&g->fold, &g->store, &g->opts, skew);
	for (i = 0; i < grp->n; i++) {
		d = sessp_store_walk(&g->store, &c);
		when = sessp_when(d, g->opts.clock, skew);
		end = i == 0 ? SESSP_OPEN :
		    sessp_cut(m->rule, g->fold.s.start, g->fold.s.end, when);
		if (end != SESSP_OPEN) {
			if ((st = finish(m, end, err)) < 0)
				return st;
			sessp_fold_begin(&g->fold, &g->store, &g->opts, skew);
		}
		if ((st = sessp_fold_add(&g->fold, d, when, err)) < 0)
			return st;
	}
	return finish(m, SESSP_OPEN, err);
}

/* The store holds too much of the group: move it to the sorters. */
static enum sess_status
move_large(struct merge *m, struct sess_err *err)
{
	struct sess_gather *g = m->g;
	const struct sessp_digest *d;
	struct sessp_record rec;
	enum sess_status st;
	char key[CLOCK_LEN];
	struct sessp_cursor c;
	bool client;
	size_t i;

	for (i = 0; i < 2; i++)
		if (m->clocks[i] == NULL && (st = sessp_sorter_new(&m->clocks[i],
		    g->tmpdir, g->opts.memory / 8, err)) < 0)
			return st;
	if (g->store.n == 0)
		return SESS_OK;
	c = (struct sessp_cursor){ g->store.groups[0].first, 0 };
	for (i = 0; i < g->store.n; i++) {
		d = sessp_store_walk(&g->store, &c);
		sessp_skew_add(&m->skew, d);
		client = sessp_by_client(d, g->opts.clock);
		sessp_put64s(key, sessp_when(d, g->opts.clock, 0));
		sessp_put64s(key + 8, d->received);
		key[16] = (char)sessp_rank(d);
		sessp_put64(key + 17, d->id);
		g->data.len = 0;
		if (sessp_store_pack(&g->store, d, &g->data) < 0)
			return sess_err_nomem(err);
		rec = (struct sessp_record){ key, g->data.data, sizeof(key), g->data.len };
		if ((st = sessp_sorter_add(m->clocks[client], &rec, err)) < 0)
			return st;
	}
	sessp_store_reset(&g->store);
	m->last = NULL;
	return SESS_OK;
}

struct heads {			/* the next event of each clock */
	struct sessp_record rec[2];
	int64_t when[2];
	bool have[2];
};

static enum sess_status
advance(struct merge *m, struct heads *h, int i, int64_t skew, struct sess_err *err)
{
	enum sess_status st = sessp_sorter_next(m->clocks[i], &h->rec[i], err);

	h->have[i] = st == SESS_OK;
	if (st == SESS_OK)
		h->when[i] = sessp_get64s(h->rec[i].key) + (i == 1 ? skew : 0);
	return st;
}

/* Which comes first; -1: none is left. */
static int
first(const struct heads *h)
{
	if (!h->have[0] || !h->have[1])
		return h->have[0] ? 0 : h->have[1] ? 1 : -1;
	if (h->when[0] != h->when[1])
		return h->when[1] < h->when[0];
	return memcmp(h->rec[1].key + 8, h->rec[0].key + 8, CLOCK_LEN - 8) < 0;
}

/* One event of a large group, in order. */
static enum sess_status
fold_next(struct merge *m, const struct sessp_record *rec, int64_t when, int64_t skew,
    struct sess_err *err)
{
	struct sess_gather *g = m->g;
	struct sess_session *s = &g->fold.s;
	enum sessp_end end;
	enum sess_status st;

	end = s->events == 0 ? SESSP_OPEN : sessp_cut(m->rule, s->start, s->end, when);
	if (end != SESSP_OPEN) {
		if ((st = finish(m, end, err)) < 0)
			return st;
		sessp_store_reset(&g->store);
		sessp_fold_begin(&g->fold, &g->store, &g->opts, skew);
	}
	g->store.drop_lines = s->oversize;
	st = sessp_store_add(&g->store, rec->data, rec->len, err);
	g->store.drop_lines = false;
	if (st < 0 || (st = sessp_fold_add(&g->fold, sessp_store_last(&g->store),
	    when, err)) < 0)
		return st;
	if (s->oversize)		/* it has no members: nothing refers to the event */
		sessp_store_pop(&g->store, true);
	return SESS_OK;
}

static enum sess_status
fold_large(struct merge *m, struct sess_err *err)
{
	struct sess_gather *g = m->g;
	struct heads h;
	enum sess_status st;
	int64_t skew;
	int i;

	if ((st = move_large(m, err)) < 0)
		return st;
	skew = sessp_skew_get(&m->skew, g->opts.clock);
	sessp_fold_begin(&g->fold, &g->store, &g->opts, skew);
	if ((st = advance(m, &h, 0, skew, err)) < 0 ||
	    (st = advance(m, &h, 1, skew, err)) < 0)
		return st;
	while ((i = first(&h)) >= 0) {
		if ((st = fold_next(m, &h.rec[i], h.when[i], skew, err)) < 0 ||
		    (st = advance(m, &h, i, skew, err)) < 0)
			return st;
	}
	return finish(m, SESSP_OPEN, err);
}

/* The group is read: fold it and forget it. */
static enum sess_status
group_end(struct merge *m, struct sess_err *err)
{
	enum sess_status st;
	int i;

	if (m->key.len == 0)
		return SESS_OK;
	st = m->clocks[0] != NULL ? fold_large(m, err) : fold_small(m, err);
	sessp_store_reset(&m->g->store);
	m->last = NULL;
	for (i = 0; i < 2; i++) {
		sessp_sorter_free(m->clocks[i]);
		m->clocks[i] = NULL;
	}
	return st;
}

static enum sess_status
group_begin(struct merge *m, const char *key, size_t len, struct sess_err *err)
{
	m->key.len = 0;
	if (sess_buf_add(&m->key, key, len) < 0)
		return sess_err_nomem(err);
	m->skew.n = 0;
	m->duplicates = 0;
	m->cut = false;
	/* The key begins with the session id's length. */
	m->rule = sessp_rule_of(&m->g->opts, key[0] == 0);
	return SESS_OK;
}

/* One event of the group, in order of ids; of equal ones the better stays. */
static enum sess_status
group_add(struct merge *m, const struct sessp_record *rec, struct sess_err *err)
{
	struct sessp_store *st = &m->g->store;
	struct sessp_digest *d;
	enum sess_status r;
	bool better;

	if ((r = sessp_store_add(st, rec->data, rec->len, err)) < 0)
		return r;
	d = sessp_store_last(st);
	if (m->last == NULL || d->id != m->last->id) {
		m->last = d;
		return SESS_OK;
	}
	m->duplicates++;
	better = sessp_better(st, d, m->last) > 0;
	if (better)
		*m->last = *d;
	sessp_store_pop(st, !better);
	return SESS_OK;
}

/* Whether rec has the id of the last event. */
static bool
again(const struct merge *m, const struct sessp_record *rec)
{
	char id[ID_LEN];

	if (m->last == NULL)
		return false;
	sessp_put64(id, m->last->id);
	return memcmp(rec->key + rec->klen - ID_LEN, id, ID_LEN) == 0;
}

static enum sess_status
merge_all(struct merge *m, struct sess_err *err)
{
	struct sess_gather *g = m->g;
	struct sessp_record rec;
	enum sess_status st;
	size_t len;

	while ((st = sessp_sorter_next(g->events, &rec, err)) == SESS_OK) {
		len = rec.klen - ID_LEN;
		if (len != m->key.len || memcmp(rec.key, m->key.data, len) != 0) {
			if ((st = group_end(m, err)) < 0 ||
			    (st = group_begin(m, rec.key, len, err)) < 0)
				return st;
		} else if (sessp_store_size(&g->store) > g->opts.memory / 4 &&
		    !again(m, &rec)) {
			if ((st = move_large(m, err)) < 0)
				return st;
		}
		if ((st = group_add(m, &rec, err)) < 0)
			return st;
	}
	return st < 0 ? st : group_end(m, err);
}

enum sess_status
sessp_spill_merge(struct sess_gather *g, struct sess_err *err)
{
	struct merge m = { .g = g };
	enum sess_status st;

	if ((st = sessp_spill(g, err)) < 0)
		return st;
	if ((st = sessp_sorter_new(&g->sessions, g->tmpdir, g->opts.memory / 4, err)) < 0)
		return st;
	st = merge_all(&m, err);
	sess_buf_release(&m.key);
	sessp_sorter_free(m.clocks[0]);
	sessp_sorter_free(m.clocks[1]);
	sessp_sorter_free(g->events);
	g->events = NULL;
	return st;
}

enum sess_status
sessp_spill_next(struct sess_gather *g, const struct sess_session **s,
    struct sess_err *err)
{
	struct sessp_record rec;
	enum sessp_end end;
	enum sess_status st;

	if ((st = sessp_sorter_next(g->sessions, &rec, err)) != SESS_OK)
		return st;
	g->data.len = 0;
	if (sess_buf_add(&g->data, rec.data, rec.len) < 0)
		return sess_err_nomem(err);
	sessp_thaw(g->data.data, &g->thawed, &end);
	g->thawed.end_reason = sessp_end_reason(&g->thawed, end, &g->opts, g->newest);
	*s = &g->thawed;
	return SESS_OK;
}
