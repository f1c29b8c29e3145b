/* Sessions of live input, each handed out once it has been quiet. */
#include <string.h>

#include "private.h"

#define WASTE	4096	/* events whose strings may stay whatever is open */

/* Events arrived at the first look after they were added. */
static void
note_arrivals(struct sess_gather *g, int64_t now)
{
	struct sessp_group *grp;
	size_t i;

	for (i = 0; i < g->store.ngroups; i++) {
		grp = &g->store.groups[i];
		if (grp->touched && now != INT64_MAX)
			grp->seen = now;
		grp->touched = false;
	}
}

/* With memory full: groups seen up to then go early.  It is the mean, so that
 * some do. */
static int64_t
early(const struct sess_gather *g)
{
	const struct sessp_group *grp;
	int64_t base = 0, sum = 0;
	size_t i, n = 0;

	if (sessp_store_size(&g->store) <= g->opts.memory)
		return INT64_MIN;
	for (i = 0; i < g->store.ngroups; i++) {
		grp = &g->store.groups[i];
		if (grp->n == 0)
			continue;
		if (n++ == 0)
			base = grp->seen;
		sum += grp->seen - base;
	}
	return n > 0 ? base + sum / (int64_t)n : INT64_MIN;
}

/* Put what is ripe in order; it no longer belongs to its group, so that events
 * may come meanwhile. */
static enum sess_status
choose(struct sess_gather *g, int64_t now, int64_t idle, struct sess_err *err)
{
	struct sessp_group *grp;
	enum sess_status st;
	int64_t limit;
	size_t i;

	note_arrivals(g, now);
	g->quiet = now == INT64_MAX ? INT64_MIN : now - idle;
	limit = now == INT64_MAX ? INT64_MAX : early(g);
	if (limit < g->quiet)
		limit = g->quiet;
	g->part.n = g->at = 0;
	for (i = 0; i < g->store.ngroups; i++) {
		grp = &g->store.groups[i];
		if (grp->n == 0 || grp->seen > limit)
			continue;
		g->gone += grp->n;
		g->store.n -= grp->n;
		if ((st = sessp_gather_order(g, &g->part, i, err)) < 0)
			return st;
		grp->n = grp->first = grp->last = 0;
	}
	return sessp_gather_sort(g, err);
}

/* Copy the group to another store. */
static enum sess_status
copy_group(struct sess_gather *g, const struct sessp_group *from, struct sessp_store *to,
    struct sess_err *err)
{
	struct sessp_cursor c = { from->first, 0 };
	struct sessp_group *grp;
	enum sess_status st;
	uint32_t i;

	for (i = 0; i < from->n; i++) {
		g->data.len = 0;
		if (sessp_store_pack(&g->store, sessp_store_walk(&g->store, &c), &g->data) < 0)
			return sess_err_nomem(err);
		if ((st = sessp_store_add(to, g->data.data, g->data.len, err)) < 0)
			return st;
	}
	if (from->n > 0) {
		grp = &to->groups[to->last];
		grp->seen = from->seen;
		grp->touched = from->touched;
	}
	return SESS_OK;
}

/* Move what is open to a store of its own: strings of the others go. */
static enum sess_status
compact(struct sess_gather *g, struct sess_err *err)
{
	struct sessp_store to;
	enum sess_status st = SESS_OK;
	size_t i;

	sessp_store_init(&to, g->opts.memory);
	for (i = 0; i < g->store.ngroups && st == SESS_OK; i++)
		st = copy_group(g, &g->store.groups[i], &to, err);
	if (st < 0) {
		sessp_store_release(&to);
		return st;
	}
	sessp_store_release(&g->store);
	g->store = to;
	g->gone = 0;
	return SESS_OK;
}

/* What was handed out is done with. */
static enum sess_status
forget(struct sess_gather *g, struct sess_err *err)
{
	size_t i;

	for (i = 0; i < g->part.n; i++)
		if (g->part.pieces[i].head)
			sessp_store_give_back(&g->store, g->part.pieces[i].from.block);
	g->part.n = g->at = 0;
	return g->gone > g->store.n + WASTE ||
	    (g->gone > 0 && sessp_store_size(&g->store) > g->opts.memory) ?
	    compact(g, err) : SESS_OK;
}

enum sess_status
sess_gather_ripe(struct sess_gather *g, int64_t now, int64_t idle,
    const struct sess_session **s, struct sess_err *err)
{
	const struct sessp_piece *p;
	enum sess_status st;

	g->live = true;
	if (g->events != NULL)
		return sess_err_set(err, SESS_ELIMIT, 0,
		    "more open sessions than fit in memory");
	if (!g->reading) {
		if ((st = choose(g, now, idle, err)) < 0)
			return st;
		g->reading = true;
	}
	if ((st = sessp_gather_piece(g, s, err)) == SESS_OK) {
		p = &g->part.pieces[g->at - 1];
		if (p->end == SESSP_OPEN && p->seen <= g->quiet)
			g->fold.s.end_reason = "idle";
	} else if (st == SESS_END) {
		g->reading = false;
		if (forget(g, err) < 0)
			return SESS_ENOMEM;
	}
	return st;
}
