/*
 * A query to the sessions that may match.
 *
 * What one event has to meet is a clause: its conditions are looked up in each
 * segment, and the rows that meet all of them noted.  Different clauses may be
 * met by different events, in different segments, so that it is sessions, by
 * the hashes of their ids, that all clauses must have in common.
 */
#include <stdlib.h>

#include "../query/private.h"
#include "private.h"

enum clause { FIELD, ADDRESS, ANY, API, ERROR, LOAD };

struct look {			/* one clause in one segment */
	struct sess_store *st;
	const struct sess_query *q;
	struct sess_query_scratch *scratch;
	struct sessp_catalog *c;
	enum clause clause;
	enum sessp_condition cond;	/* of FIELD */
	uint64_t *rows, *with;	/* a bit a row; of the condition being looked up */
	size_t words;
	bool all;		/* no condition yet: rows are not valid */
};

static void
mark(void *arg, uint64_t row)
{
	struct look *k = arg;

	k->with[row / 64] |= (uint64_t)1 << row % 64;
}

/* The rows of the condition just looked up are what is left. */
static void
keep(struct look *k)
{
	size_t i;

	for (i = 0; i < k->words; i++)
		k->rows[i] = k->all ? k->with[i] : k->rows[i] & k->with[i];
	k->all = false;
}

static void
forget(struct look *k)
{
	memset(k->with, 0, k->words * sizeof(*k->with));
}

/* -- values */

struct scan {
	struct look *k;
	unsigned key;
	enum sessp_condition cond;
};

static enum sess_status
try_value(void *arg, uint64_t i, struct sess_slice text, bool cut, struct sess_err *err)
{
	struct scan *s = arg;
	bool may;

	if (cut)
		may = true;
	else if (s->cond == SESSP_C_IP)
		may = sessp_query_address(s->k->q, text);
	else
		may = sessp_query_value(s->k->q, s->cond, text);
	return may ? sessp_catalog_rows_of(s->k->c, s->key, i, mark, s->k, err) : SESS_OK;
}

static enum sess_status
try_error(void *arg, uint64_t i, struct sess_slice text, bool cut, struct sess_err *err)
{
	struct scan *s = arg;
	struct sess_event ev;
	bool found = false;
	enum sess_status st = SESS_OK;

	if (!cut) {
		sess_event_reset(&ev);
		if (!sessp_error_parts(text, &ev))
			return sess_err_set(err, SESS_EFORMAT, 0,
			    "%s: catalog is damaged (an error is cut)", s->k->c->seg->name);
		st = sessp_query_error(s->k->q, s->k->scratch, &ev, &found, NULL);
		if (st == SESS_ENOMEM)
			return sess_err_nomem(err);
	}
	/* what can't be told is left to the query, on the event */
	return cut || found || st < 0 ?
	    sessp_catalog_rows_of(s->k->c, s->key, i, mark, s->k, err) : SESS_OK;
}

static int
key_of(enum sess_key key)
{
	int i;

	for (i = 0; i < SESSP_NTERMS; i++)
		if (sessp_term_keys[i] == key)
			return i;
	return -1;
}

/* The rows in which the condition's key has a value that is asked for. */
static enum sess_status
look_up(struct look *k, enum sessp_condition cond, struct sess_err *err)
{
	const struct sessp_condition_info *info = &sessp_conditions[cond];
	const struct sessp_cond *c = &k->q->cond[cond];
	struct scan s = { k, (unsigned)key_of(info->key), cond };
	bool exact = !info->fold && cond != SESSP_C_IP && cond != SESSP_C_ERROR;
	enum sess_status st = SESS_OK;
	size_t i;

	for (i = 0; i < c->n; i++)
		exact &= c->arg[i].plain;
	forget(k);
	if (!exact)
		st = sessp_catalog_texts(k->c, s.key,
		    cond == SESSP_C_ERROR ? try_error : try_value, &s, err);
	for (i = 0; exact && i < c->n && st == SESS_OK; i++)
		st = sessp_catalog_find(k->c, s.key, sessp_term_hash(c->arg[i].text, c->arg[i].len),
		    mark, k, err);
	if (st == SESS_OK)
		keep(k);
	return st;
}

/* -- what rows say themselves */

static bool
slower(const struct sessp_cond *c, double ms)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (ms > c->arg[i].ms)
			return true;
	return false;
}

static bool
row_may(const struct look *k, const struct sessp_row *r)
{
	const struct sess_query *q = k->q;
	const struct sessp_cond *cond = q->cond;

	if (k->clause >= ANY && ((q->since != SESS_NO_TIME && r->last < q->since) ||
	    (q->until != SESS_NO_TIME && r->first >= q->until)))
		return false;
	switch (k->clause) {
	case API:
		return (!cond[SESSP_C_API_FAILED].given || (r->flags & SESSP_ROW_FAILED) != 0) &&
		    (!cond[SESSP_C_SLOW_API].given || slower(&cond[SESSP_C_SLOW_API], r->slow_api));
	case ERROR:
		return (r->flags & SESSP_ROW_ERROR) != 0;
	case LOAD:
		return slower(&cond[SESSP_C_SLOW_LOAD], r->slow_load);
	default:
		return true;
	}
}

/* Rows that a look at them rules out. */
static enum sess_status
look_at_rows(struct look *k, struct sess_err *err)
{
	struct sessp_row row;
	enum sess_status st;
	uint64_t i;

	forget(k);
	for (i = 0; i < k->c->h.rows; i++) {
		if (!k->all && (k->rows[i / 64] >> i % 64 & 1) == 0)
			continue;
		if ((st = sessp_catalog_get_row(k->c, i, &row, err)) < 0)
			return st;
		if (row_may(k, &row))
			mark(k, i);
	}
	keep(k);
	return SESS_OK;
}

/* -- clauses */

static bool
given(const struct look *k, enum sessp_condition c)
{
	return k->q->cond[c].given;
}

/* Values first: they leave few rows to be looked at. */
static enum sess_status
look(struct look *k, struct sess_err *err)
{
	static const enum sessp_condition of_api[] = {
		SESSP_C_TRACE_ID, SESSP_C_API, SESSP_C_STATUS
	};
	enum sess_status st = SESS_OK;
	size_t i;

	if (k->clause == FIELD || k->clause == ADDRESS)
		return look_up(k, k->cond, err);
	for (i = 0; k->clause == API && i < sizeof(of_api) / sizeof(of_api[0]); i++)
		if (given(k, of_api[i]) && (st = look_up(k, of_api[i], err)) < 0)
			return st;
	if (k->clause == ERROR && given(k, SESSP_C_ERROR) &&
	    (st = look_up(k, SESSP_C_ERROR, err)) < 0)
		return st;
	if (given(k, SESSP_C_PAGE) && (st = look_up(k, SESSP_C_PAGE, err)) < 0)
		return st;
	return look_at_rows(k, err);
}

/* Whether the segment has events of the time that the clause may be about. */
static bool
in_time(const struct look *k, const struct sessp_segment *s)
{
	return k->clause < ANY || ((k->q->since == SESS_NO_TIME || s->last >= k->q->since) &&
	    (k->q->until == SESS_NO_TIME || s->first < k->q->until));
}

static enum sess_status
collect(struct look *k, struct sessp_set *set, struct sess_err *err)
{
	const void *p;
	uint64_t row;
	size_t i;

	for (i = 0; i < k->words; i++) {
		uint64_t bits = k->rows[i];

		for (; bits != 0; bits &= bits - 1) {
			row = i * 64 + (unsigned)__builtin_ctzll(bits);
			p = sessp_catalog_get(k->c, SESSP_S_HASHES, 8 * row, 8, err);
			if (p == NULL)
				return err->code;
			if (sessp_set_add(set, sessp_le64(p)) < 0)
				return sess_err_nomem(err);
		}
	}
	return SESS_OK;
}

static enum sess_status
look_in(struct look *k, size_t segment, struct sessp_set *set, struct sess_err *err)
{
	struct sess_err why = { 0 };
	enum sess_status st;

	if (!in_time(k, &k->st->m.segments[segment]) ||
	    (k->c = sessp_store_catalog(k->st, segment)) == NULL)
		return SESS_OK;
	k->words = k->c->h.rows / 64 + 1;
	k->rows = calloc(k->words, sizeof(*k->rows));
	k->with = calloc(k->words, sizeof(*k->with));
	k->all = true;
	if (k->rows == NULL || k->with == NULL)
		st = sess_err_nomem(&why);
	else if ((st = look(k, &why)) == SESS_OK)
		st = collect(k, set, &why);
	free(k->rows);
	free(k->with);
	if (st == SESS_ENOMEM)
		return sess_err_nomem(err);
	if (st < 0)
		sessp_store_bad(k->st, segment, &why);
	return SESS_OK;
}

/* The sessions that meet a clause are all there are left. */
static enum sess_status
clause(struct look *k, enum clause what, enum sessp_condition cond, struct sess_err *err)
{
	struct sess_store *s = k->st;
	struct sessp_set set = { NULL, 0, 0 };
	enum sess_status st = SESS_OK;
	size_t i;

	if (s->narrowed && s->set.n == 0)
		return SESS_OK;
	k->clause = what;
	k->cond = cond;
	for (i = 0; i < s->m.n && st == SESS_OK; i++)
		st = look_in(k, i, &set, err);
	sessp_set_sort(&set);
	if (!s->narrowed) {
		free(s->set.v);
		s->set = set;
		s->narrowed = true;
	} else {
		sessp_set_intersect(&s->set, &set);
		free(set.v);
	}
	return st;
}

/* -- a query */

static enum sess_status
choose_named(struct look *k, struct sess_err *err)
{
	const struct sessp_ids *ids = &k->q->ids;
	struct sess_slice id;
	size_t i;

	k->st->narrowed = true;
	for (i = 0; i < ids->n; i++) {
		id = (struct sess_slice){ ids->text.data + ids->v[i].off, ids->v[i].key_len };
		if (sessp_store_may_have(k->st, id) &&
		    sessp_set_add(&k->st->set, sessp_row_hash(id)) < 0)
			return sess_err_nomem(err);
	}
	sessp_set_sort(&k->st->set);
	return SESS_OK;
}

static enum sess_status
choose(struct look *k, struct sess_err *err)
{
	const struct sess_query *q = k->q;
	enum sess_status st = SESS_OK;
	size_t i;

	if (q->cond[SESSP_C_SESSION].given)
		st = choose_named(k, err);
	for (i = 0; i < q->nfields && st == SESS_OK; i++)
		st = clause(k, FIELD, q->field[i], err);
	if (st == SESS_OK && q->cond[SESSP_C_IP].given)
		st = clause(k, ADDRESS, SESSP_C_IP, err);
	if (st == SESS_OK && q->api != 0)
		st = clause(k, API, SESSP_NCONDITIONS, err);
	if (st == SESS_OK && q->error != 0)
		st = clause(k, ERROR, SESSP_NCONDITIONS, err);
	if (st == SESS_OK && q->load != 0)
		st = clause(k, LOAD, SESSP_NCONDITIONS, err);
	if (st == SESS_OK && (q->page | q->range) != 0)
		st = clause(k, ANY, SESSP_NCONDITIONS, err);
	return st;
}

static void
choose_all(struct sess_store *st)
{
	st->narrowed = false;
	st->set.n = 0;
}

enum sess_status
sess_store_choose(struct sess_store *st, const struct sess_query *q, struct sess_err *err)
{
	struct look k = { .st = st, .q = q };
	enum sess_status r;

	if (st->nshards > 0)
		return sessp_shards_choose(st, q, err);
	choose_all(st);
	if (q == NULL || q->invert)
		return SESS_OK;
	if ((r = sess_query_scratch_new(&k.scratch, q, err)) < 0)
		return r;
	r = choose(&k, err);
	sess_query_scratch_free(k.scratch);
	return r;
}

enum sess_status
sess_store_choose_ids(struct sess_store *st, const struct sess_slice *ids, size_t n,
    struct sess_err *err)
{
	struct sessp_set set = { NULL, 0, 0 };
	size_t i;

	if (st->nshards > 0)
		return sessp_shards_choose_ids(st, ids, n, err);
	for (i = 0; i < n; i++)
		if (sessp_store_may_have(st, ids[i]) &&
		    sessp_set_add(&set, sessp_row_hash(ids[i])) < 0) {
			free(set.v);
			return sess_err_nomem(err);
		}
	sessp_set_sort(&set);
	if (st->narrowed)
		sessp_set_intersect(&set, &st->set);
	free(st->set.v);
	st->set = set;
	st->narrowed = true;
	return SESS_OK;
}

bool
sess_store_narrowed(const struct sess_store *st)
{
	return st->nshards > 0 ? sessp_shards_narrowed(st) : st->narrowed;
}

/* -- the newest */

struct newest {
	int64_t newest;
	uint64_t hash;
};

static int
newest_first(const void *a, const void *b)
{
	const struct newest *x = a, *y = b;

	if (x->newest != y->newest)
		return x->newest < y->newest ? 1 : -1;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

static int
segments_newest_first(const void *a, const void *b)
{
	const struct sessp_segment *x = *(const struct sessp_segment *const *)a;
	const struct sessp_segment *y = *(const struct sessp_segment *const *)b;

	return (x->newest < y->newest) - (x->newest > y->newest);
}

struct ranking {
	struct newest *v;
	size_t n, cap;
};

static enum sess_status
rank_rows(struct sess_store *st, size_t segment, struct ranking *r, struct sess_err *err)
{
	struct sessp_catalog *c = sessp_store_catalog(st, segment);
	struct sess_err why = { 0 };
	struct sessp_row row;
	struct newest *v;
	const void *p;
	uint64_t i;

	for (i = 0; c != NULL && i < c->h.rows; i++) {
		if (r->n == r->cap) {
			r->cap = r->cap > 0 ? 2 * r->cap : 1024;
			if ((v = realloc(r->v, r->cap * sizeof(*v))) == NULL)
				return sess_err_nomem(err);
			r->v = v;
		}
		if (sessp_catalog_get_row(c, i, &row, &why) < 0 ||
		    (p = sessp_catalog_get(c, SESSP_S_HASHES, 8 * i, 8, &why)) == NULL) {
			sessp_store_bad(st, segment, &why);
			return SESS_OK;
		}
		r->v[r->n++] = (struct newest){ row.newest, sessp_le64(p) };
	}
	return SESS_OK;
}

/* Rank the rows of the segments that may have one of the first n. */
static enum sess_status
rank(struct sess_store *st, size_t n, struct ranking *r, int64_t *rest, struct sess_err *err)
{
	const struct sessp_segment **order = calloc(st->m.n + 1, sizeof(*order));
	enum sess_status s = SESS_OK;
	size_t i;

	*rest = INT64_MIN;
	if (order == NULL)
		return sess_err_nomem(err);
	for (i = 0; i < st->m.n; i++)
		order[i] = &st->m.segments[i];
	qsort(order, st->m.n, sizeof(*order), segments_newest_first);
	for (i = 0; i < st->m.n && s == SESS_OK; i++) {
		if (r->n > n && r->v[n].newest > order[i]->newest) {
			*rest = order[i]->newest;
			break;
		}
		s = rank_rows(st, (size_t)(order[i] - st->m.segments), r, err);
		if (r->n > 0)
			qsort(r->v, r->n, sizeof(*r->v), newest_first);
	}
	free(order);
	return s;
}

enum sess_status
sess_store_choose_newest(struct sess_store *st, size_t *n, int64_t *bound,
    struct sess_err *err)
{
	struct ranking r = { NULL, 0, 0 };
	enum sess_status s;
	size_t i;

	if (st->nshards > 0)
		return sessp_shards_choose_newest(st, n, bound, err);
	choose_all(st);
	st->narrowed = true;
	if ((s = rank(st, *n, &r, bound, err)) == SESS_OK) {
		if (r.n < *n)
			*n = r.n;
		for (i = 0; i < *n && s == SESS_OK; i++)
			if (sessp_set_add(&st->set, r.v[i].hash) < 0)
				s = sess_err_nomem(err);
		if (r.n > *n && r.v[*n].newest > *bound)
			*bound = r.v[*n].newest;
		sessp_set_sort(&st->set);
	}
	free(r.v);
	return s;
}
