/* The events of one group: duplicates, clocks, order, pieces. */
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define MOVES		8		/* of an item, on the average: then not by insertion */
#define SKEW_MIN	(60 * 1000)	/* ms; a smaller skew is the network's */
#define SKEW_WITHIN	(60 * 1000)	/* ms in which three received times agree */

/* -- clocks */

void
sessp_skew_add(struct sessp_skew *k, const struct sessp_digest *d)
{
	int64_t delta;
	unsigned i;

	if (d->time == SESS_NO_TIME || d->received == SESS_NO_TIME)
		return;
	delta = d->received - d->time;
	for (i = 0; i < k->n && k->received[i] != d->received; i++)
		;
	if (i == k->n) {
		if (k->n < 3)
			k->n++;
		else if (delta >= k->delta[2])
			return;
		i = k->n - 1;
	} else if (delta >= k->delta[i])
		return;
	for (; i > 0 && k->delta[i - 1] > delta; i--) {
		k->delta[i] = k->delta[i - 1];
		k->received[i] = k->received[i - 1];
	}
	k->delta[i] = delta;
	k->received[i] = d->received;
}

int64_t
sessp_skew_get(const struct sessp_skew *k, enum sess_clock clock)
{
	if (clock == SESS_CLOCK_CLIENT || k->n == 0)
		return 0;
	if (k->delta[0] < -SKEW_MIN)
		return k->delta[0];
	if (k->delta[0] > SKEW_MIN && k->n == 3 &&
	    k->delta[2] - k->delta[0] <= SKEW_WITHIN)
		return k->delta[0];
	return 0;
}

/* -- duplicates */

static int
order64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int
order_bytes(const char *a, size_t alen, const char *b, size_t blen)
{
	int c = memcmp(a, b, alen < blen ? alen : blen);

	return c != 0 ? c : (alen > blen) - (alen < blen);
}

static int
order_tuples(const struct sessp_store *st, uint32_t a, uint32_t b)
{
	const struct sessp_entry *x, *y;

	if (a == b || a == 0 || b == 0)
		return (a != 0) - (b != 0);
	x = sessp_store_tuple(st, a);
	y = sessp_store_tuple(st, b);
	return order_bytes(x->bytes, x->len, y->bytes, y->len);
}

static int
order_more(const struct sessp_store *st, const struct sessp_digest *a,
    const struct sessp_digest *b)
{
	const struct sessp_more *x = sessp_store_more(st, a), *y = sessp_store_more(st, b);
	int c;

	if ((c = (x->ms > y->ms) - (x->ms < y->ms)) != 0 ||
	    (c = order64(x->times, y->times)) != 0 ||
	    (c = order64(x->errors, y->errors)) != 0 ||
	    (c = order64(x->api_ok, y->api_ok)) != 0 ||
	    (c = order64(x->api_failed, y->api_failed)) != 0 ||
	    (c = order64(a->marks, b->marks)) != 0)
		return c;
	return order_bytes(x->line, x->line_len, y->line, y->line_len);
}

int
sessp_better(const struct sessp_store *st, const struct sessp_digest *a,
    const struct sessp_digest *b)
{
	int c;

	if ((c = order64(a->nkeys, b->nkeys)) != 0 ||
	    (c = order64(a->time, b->time)) != 0 ||
	    (c = order64(a->received, b->received)) != 0 ||
	    (c = order64(a->kind, b->kind)) != 0 ||
	    (c = order64(a->flags, b->flags)) != 0 ||
	    (c = order_tuples(st, a->who, b->who)) != 0 ||
	    (c = order_tuples(st, a->env, b->env)) != 0 ||
	    (c = order_tuples(st, a->view, b->view)) != 0 ||
	    (c = order_tuples(st, a->place, b->place)) != 0)
		return c;
	return order_more(st, a, b);
}

/* -- order */

static int
by_id(const void *a, const void *b)
{
	const struct sessp_item *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int
by_time(const void *a, const void *b)
{
	const struct sessp_item *x = a, *y = b;
	int c;

	if ((c = order64(x->when, y->when)) != 0 ||
	    (c = order64(x->received, y->received)) != 0 ||
	    (c = (int)x->rank - (int)y->rank) != 0)
		return c;
	return by_id(a, b);
}

/* Events arrive nearly in order: by insertion, unless they don't. */
static void
sort_by_time(struct sessp_item *v, size_t n)
{
	struct sessp_item it;
	size_t i, j, moves = 0;

	for (i = 1; i < n && moves <= MOVES * n; i++) {
		if (by_time(&v[i - 1], &v[i]) <= 0)
			continue;
		it = v[i];
		for (j = i; j > 0 && by_time(&v[j - 1], &it) > 0; j--)
			v[j] = v[j - 1];
		v[j] = it;
		moves += i - j;
	}
	if (i < n)
		qsort(v, n, sizeof(*v), by_time);
}

static int
room(struct sessp_work *w, size_t n)
{
	while (w->items_cap < n)
		if (sessp_more_room(&w->items, &w->items_cap, w->items_cap,
		    sizeof(*w->items)) < 0)
			return -1;
	while (w->seen_cap < 2 * n)	/* powers of two */
		if (sessp_more_room(&w->seen, &w->seen_cap, w->seen_cap,
		    sizeof(*w->seen)) < 0)
			return -1;
	while (w->digests_cap < n)
		if (sessp_more_room(&w->digests, &w->digests_cap, w->digests_cap,
		    sizeof(*w->digests)) < 0)
			return -1;
	return 0;
}

void
sessp_work_release(struct sessp_work *w)
{
	free(w->items);
	free(w->digests);
	free(w->seen);
	*w = (struct sessp_work){ 0 };
}

/* Copy the group out, in order of arrival. */
static int
load(const struct sessp_store *st, const struct sessp_group *grp, struct sessp_work *w)
{
	struct sessp_cursor c = { grp->first, 0 };
	uint32_t i;

	if (room(w, grp->n) < 0)
		return -1;
	for (i = 0; i < grp->n; i++) {
		w->digests[i] = *sessp_store_walk(st, &c);
		w->items[i] = (struct sessp_item){ .id = w->digests[i].id, .at = i };
	}
	return 0;
}

/* Copy the first n back in the order of the items.  Blocks that are no longer
 * needed stay in the chain. */
static void
save(const struct sessp_store *st, struct sessp_group *grp, const struct sessp_work *w,
    uint32_t n)
{
	struct sessp_cursor c = { grp->first, 0 };
	uint32_t i;

	for (i = 0; i < n; i++) {
		grp->last = c.block;
		grp->fill = (uint16_t)(c.at + 1);
		grp->cap = (uint16_t)sessp_store_block(st, c.block)->cap;
		*sessp_store_walk(st, &c) = w->digests[w->items[i].at];
	}
	grp->n = n;
}

/* Of each id the best, at the front in order of their first arrival; returns how
 * many. */
static uint32_t
unique(const struct sessp_store *st, const struct sessp_work *w, uint32_t n)
{
	struct sessp_item *v = w->items;
	struct sessp_digest *kept;
	unsigned shift = 63;
	uint32_t *seen, i, nkept = 0;
	size_t mask, h;

	while ((size_t)1 << (64 - shift) < 2 * (size_t)n)	/* as room() has it */
		shift--;
	mask = ((size_t)1 << (64 - shift)) - 1;
	memset(w->seen, 0, (mask + 1) * sizeof(*w->seen));
	for (i = 0; i < n; i++) {
		h = v[i].id * 0x9e3779b97f4a7c15 >> shift;
		for (; *(seen = &w->seen[h]) != 0; h = (h + 1) & mask)
			if (v[*seen - 1].id == v[i].id)
				break;
		if (*seen == 0) {
			v[nkept] = v[i];
			*seen = ++nkept;
			continue;
		}
		kept = &w->digests[v[*seen - 1].at];
		if (sessp_better(st, &w->digests[v[i].at], kept) > 0)
			*kept = w->digests[v[i].at];
	}
	return nkept;
}

enum sess_status
sessp_order_ids(const struct sessp_store *st, struct sessp_group *grp,
    struct sessp_work *w, struct sess_err *err)
{
	if (load(st, grp, w) < 0)
		return sess_err_nomem(err);
	qsort(w->items, grp->n, sizeof(*w->items), by_id);
	save(st, grp, w, grp->n);
	return SESS_OK;
}

enum sess_status
sessp_order(const struct sessp_store *st, struct sessp_group *grp, enum sess_clock clock,
    struct sessp_work *w, struct sess_err *err)
{
	struct sessp_skew k = { .n = 0 };
	const struct sessp_digest *d;
	struct sessp_item *it;
	uint32_t i, n;

	if (load(st, grp, w) < 0)
		return sess_err_nomem(err);
	n = unique(st, w, grp->n);
	w->duplicates = grp->n - n;
	for (i = 0; i < n; i++)
		sessp_skew_add(&k, &w->digests[w->items[i].at]);
	w->skew = sessp_skew_get(&k, clock);
	for (i = 0; i < n; i++) {
		it = &w->items[i];
		d = &w->digests[it->at];
		it->when = sessp_when(d, clock, w->skew);
		it->received = d->received;
		it->rank = sessp_rank(d);
	}
	sort_by_time(w->items, n);
	save(st, grp, w, n);
	return SESS_OK;
}

/* -- pieces */

enum sessp_end
sessp_cut(const struct sess_rule *rule, int64_t start, int64_t last, int64_t when)
{
	if (rule->idle > 0 && when - last >= rule->idle)
		return SESSP_IDLE;
	if (rule->max_duration > 0 && when - start >= rule->max_duration)
		return SESSP_MAX;
	return SESSP_OPEN;
}

const struct sess_rule *
sessp_rule_of(const struct sess_session_opts *o, bool visitor)
{
	return visitor ? &o->visit : &o->rule;
}

const char *
sessp_end_reason(const struct sess_session *s, enum sessp_end end,
    const struct sess_session_opts *opts, int64_t newest)
{
	const struct sess_rule *rule = sessp_rule_of(opts, s->session_id.len == 0);

	if (end == SESSP_MAX)
		return "max";
	if (end == SESSP_OPEN && rule->idle > 0 && opts->part && opts->newest == INT64_MIN)
		return "";
	if (end == SESSP_IDLE || (rule->idle > 0 && newest - s->end >= rule->idle))
		return "idle";
	return "eof";
}
