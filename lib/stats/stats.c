#include "sess/stats.h"

#include <stdlib.h>
#include <string.h>

#include "private.h"

const struct sess_threshold_info sess_thresholds[SESS_NTHRESHOLDS] = {
#define INFO(NAME, name, value, doc) { name, doc, value },
	SESS_THRESHOLDS(INFO)
#undef INFO
};

void
sess_stats_opts_init(struct sess_stats_opts *o)
{
	size_t i;

	memset(o, 0, sizeof(*o));
	for (i = 0; i < SESS_NTHRESHOLDS; i++)
		o->threshold[i] = sess_thresholds[i].value;
	o->memory = (uint64_t)256 << 20;
}

/* -- what is asked for */

const char *
sess_stats_dimension(size_t i)
{
	return sessp_dimensions[i].name;
}

/* There is no such; the names are those that name(i) gives. */
static enum sess_status
no_such(const char *what, const char *asked, const char *(*name)(size_t i), struct sess_err *err)
{
	struct sess_buf names = { 0 };
	size_t i;

	for (i = 0; name(i) != NULL; i++)
		(void)sess_buf_printf(&names, " %s", name(i));
	sess_err_set(err, SESS_EFORMAT, 0, "no %s %s; there are%.*s", what, asked, (int)names.len,
	    names.data);
	sess_buf_release(&names);
	return SESS_EFORMAT;
}

static const char *
report_name(size_t i)
{
	return sessp_reports[i] != NULL ? sessp_reports[i]->name : NULL;
}

static enum sess_status
add_report(struct sess_stats *st, const char *name, struct sess_err *err)
{
	const struct sessp_report *r;
	size_t i;

	for (i = 0; i < st->nreports; i++)
		if (strcmp(st->reports[i]->name, name) == 0)
			return SESS_OK;
	for (i = 0; (r = sessp_reports[i]) != NULL && strcmp(r->name, name) != 0; i++)
		;
	if (r == NULL)
		return no_such("report", name, report_name, err);
	if ((r->on & SESSP_ON_STEP) != 0 && st->o.funnel == NULL)
		return sess_err_set(err, SESS_EFORMAT, 0, "%s has no steps", name);
	st->reports[st->nreports++] = r;
	return SESS_OK;
}

static enum sess_status
add_dimension(struct sess_stats *st, const char *name, struct sess_err *err)
{
	size_t i, d;

	for (i = 0; sessp_dimensions[i].name != NULL &&
	    strcmp(sessp_dimensions[i].name, name) != 0; i++)
		;
	if (sessp_dimensions[i].name == NULL)
		return no_such("dimension", name, sess_stats_dimension, err);
	if (sessp_dimensions[i].type == SESS_T_TIME && st->o.interval <= 0)
		return sess_err_set(err, SESS_EFORMAT, 0, "the dimension %s needs an interval", name);
	for (d = 0; d < st->ndims; d++)
		if (st->dims[d] == &sessp_dimensions[i])
			return SESS_OK;
	if (st->ndims == SESSP_DIMENSIONS)
		return sess_err_set(err, SESS_EFORMAT, 0, "more than %d dimensions",
		    SESSP_DIMENSIONS);
	st->dims[st->ndims++] = &sessp_dimensions[i];
	return SESS_OK;
}

const char *
sess_stats_report(size_t i, const char **doc)
{
	if (sessp_reports[i] != NULL)
		*doc = sessp_reports[i]->doc;
	return report_name(i);
}

/* Which measures of report i look at what. */
static void
sort_measures(struct sess_stats *st, size_t i)
{
	const struct sessp_report *r = st->reports[i];
	const struct sessp_measure *m = r->measures;
	unsigned on;
	size_t k, bit;

	for (k = 0; m != NULL && m[k].name != NULL; k++) {
		on = m[k].on != 0 ? m[k].on : m[k].flags & SESSP_OF_TOTAL ? r->on : sessp_rows_on(r);
		for (bit = 0; bit < SESSP_OBSERVATIONS; bit++)
			if ((on >> bit & 1) != 0)
				(m[k].flags & SESSP_OF_TOTAL ? st->totals : st->measures)[i][bit] |=
				    (uint64_t)1 << k;
	}
}

/* Which keys a note holds, and which observations anybody looks at. */
static void
look_at(struct sess_stats *st)
{
	const struct sessp_report *r;
	const enum sess_key *key;
	size_t i, k, d;

	for (i = 0; i < st->nreports; i++) {
		r = st->reports[i];
		st->on |= r->on;
		sort_measures(st, i);
		for (k = 0; k < SESS_NKINDS; k++) {
			if ((r->on & 1u << k) == 0)
				continue;
			for (key = r->keys; key != NULL && *key != SESS_K_V; key++)
				sessp_key_bit(st->keys[k], *key);
			sessp_key_bit(st->keys[k], SESS_K_USER_ID);
			for (d = 0; d < st->ndims; d++)
				if (st->dims[d]->key != SESS_K_V)
					sessp_key_bit(st->keys[k], st->dims[d]->key);
		}
	}
}

static enum sess_status
set_up(struct sess_stats *st, struct sess_err *err)
{
	const char *const *name;
	double clicks = st->o.threshold[SESS_THRESHOLD_RAGE_CLICKS];

	if (!(clicks >= 1 && clicks <= SESSP_RAGE_CLICKS))
		return sess_err_set(err, SESS_EFORMAT, 0, "rage_clicks is not 1 to %d",
		    SESSP_RAGE_CLICKS);
	for (name = st->o.reports; *name != NULL; name++)
		if (add_report(st, *name, err) < 0)
			return err->code;
	if (st->o.interval > 0 && add_dimension(st, "time", err) < 0)
		return err->code;
	for (name = st->o.by; name != NULL && *name != NULL; name++)
		if (add_dimension(st, *name, err) < 0)
			return err->code;
	look_at(st);
	if (sessp_zone_open(&st->zone, st->o.tz, err) < 0 || sessp_tables_make(st, err) < 0 ||
	    sessp_rank_begin(st, err) < 0)
		return err->code;
	return st->of != NULL ? SESS_OK :
	    sessp_sorter_new(&st->rank, st->o.tmpdir, st->o.memory / 4, err);
}

/* A stats, or a share of one. */
static enum sess_status
make(struct sess_stats **stats, const struct sess_stats_opts *o, struct sess_stats *of,
    struct sess_err *err)
{
	struct sess_err own = { 0 }, *e = err != NULL ? err : &own;
	struct sess_stats *st = calloc(1, sizeof(*st));

	*stats = NULL;
	if (st == NULL)
		return sess_err_nomem(err);
	st->o = *o;
	st->newest = INT64_MIN;
	st->of = of;
	pthread_mutex_init(&st->lock, NULL);
	if (st->o.tmpdir == NULL)
		st->o.tmpdir = "/var/tmp";
	if (set_up(st, e) < 0) {
		sess_stats_free(st);
		return e->code;
	}
	*stats = st;
	return SESS_OK;
}

enum sess_status
sess_stats_new(struct sess_stats **stats, const struct sess_stats_opts *o, struct sess_err *err)
{
	return make(stats, o, NULL, err);
}

enum sess_status
sess_stats_share(struct sess_stats **share, struct sess_stats *st, unsigned n,
    struct sess_err *err)
{
	struct sess_stats_opts o = st->o;

	o.memory /= 2 * (uint64_t)(n > 0 ? n : 1);	/* half of it is the table's */
	return make(share, &o, st, err);
}

enum sess_status
sess_stats_join(struct sess_stats *share, struct sess_err *err)
{
	enum sess_status r = sessp_table_join(share->of, share, err);

	sess_stats_free(share);
	return r;
}

void
sess_stats_free(struct sess_stats *st)
{
	size_t i;

	if (st == NULL)
		return;
	sessp_table_release(st);
	sessp_tables_release(st);
	for (i = 0; i < st->nreports; i++)
		free(st->best[i].rank);
	sessp_sorter_free(st->rank);
	pthread_mutex_destroy(&st->lock);
	sessp_zone_free(st->zone);
	free(st->order);
	free(st->first);
	if (st->like != NULL) {
		free((void *)st->o.reports);
		free((void *)st->o.by);
		free((void *)st->o.funnel);
		free((void *)st->o.conditions);
		json_decref(st->like);
	}
	sess_buf_release(&st->dimensions);
	sess_buf_release(&st->key);
	sess_buf_release(&st->folded);
	sess_buf_release(&st->scratch);
	free(st);
}

void
sess_stats_newest(struct sess_stats *st, int64_t when)
{
	if (when > st->newest)
		st->newest = when;
}

/* -- observations to rows */

/* The dimensions of an observation, encoded; one that it has not is empty. */
static int
dimensions(struct sess_stats *st, const struct sessp_obs *o)
{
	const struct sessp_dimension *d;
	size_t i;

	st->dimensions.len = 0;
	for (i = 0; i < st->ndims; i++) {
		d = st->dims[i];
		st->scratch.len = 0;
		if (d->of(st, o, d->arg, &st->scratch) < 0 ||
		    sessp_key_part(&st->dimensions, st->scratch.data, st->scratch.len) < 0)
			return -1;
	}
	return 0;
}

/* The key of the row in report number i, or of its total; 0: it has no row. */
static int
make_key(struct sess_stats *st, unsigned i, enum sessp_tag tag, const struct sessp_obs *o)
{
	const struct sessp_report *r = st->reports[i];
	int has;
	size_t k;

	st->key.len = 0;
	if (sess_buf_putc(&st->key, (char)i) < 0 ||
	    sess_buf_add(&st->key, st->dimensions.data, st->dimensions.len) < 0 ||
	    sess_buf_putc(&st->key, (char)tag) < 0)
		return -1;
	for (k = 0; tag == SESSP_GROUP_ROW && k < SESSP_PARTS && r->key[k].of != NULL; k++) {
		st->scratch.len = 0;
		has = r->key[k].of(st, o, r->key[k].arg, &st->scratch);
		if (has <= 0 && (has < 0 || k == 0))
			return has;
		if (sessp_key_part(&st->key, st->scratch.data, st->scratch.len) < 0)
			return -1;
	}
	return 1;
}

/* n more of a text, in a row of its own behind st->key. */
static int
tally(struct sess_stats *st, size_t measure, struct sess_slice text, int64_t n)
{
	size_t len = st->key.len;
	struct sessp_row *row;
	int r = -1;

	if (sess_buf_putc(&st->key, (char)(measure + 1)) == 0 &&
	    sess_buf_add(&st->key, text.p, text.len) == 0 &&
	    (row = sessp_table_get(st, st->key.data, st->key.len)) != NULL)
		r = sessp_state_add(SESSP_COUNT, &row->state[0],
		    &(struct sessp_added){ .n = n });
	st->key.len = len;
	return r;
}

/* Whether a measure that counts once a view or session has done so. */
static bool
is_done(const struct sess_stats *st, const struct sessp_measure *m, struct sessp_row *row,
    size_t i, uint64_t *now)
{
	*now = m->flags & SESSP_ONCE_A_VIEW ? st->nviews :
	    m->flags & SESSP_ONCE_A_SESSION ? st->nsessions : 0;
	return *now != 0 && *sessp_row_stamp(row, i) == *now;
}

/* Have the measures, bits of their numbers, take the observation. */
static int
measure(struct sess_stats *st, const struct sessp_report *r, struct sessp_row *row,
    const struct sessp_obs *o, uint64_t set)
{
	const struct sessp_measure *m;
	struct sessp_added v;
	uint64_t now;
	size_t i;

	for (; set != 0; set &= set - 1) {
		i = (size_t)__builtin_ctzll(set);
		m = &r->measures[i];
		v = (struct sessp_added){ .n = 1 };
		if (is_done(st, m, row, i, &now) || !m->value(st, o, m->arg, &v))
			continue;
		*sessp_row_stamp(row, i) = now;
		if (m->type == SESSP_TALLY ? tally(st, i, v.text, o->n) < 0 :
		    sessp_state_add(m->type, &row->state[i], &v) < 0)
			return -1;
	}
	return 0;
}

/* A report of groups. */
static int
group(struct sess_stats *st, unsigned i, const struct sessp_obs *o)
{
	const struct sessp_report *r = st->reports[i];
	int has, bit = __builtin_ctz(o->on);
	struct sessp_row *row;

	if (st->totals[i][bit] != 0) {
		if (make_key(st, i, SESSP_TOTAL_ROW, o) < 0 ||
		    (row = sessp_table_get(st, st->key.data, st->key.len)) == NULL ||
		    measure(st, r, row, o, st->totals[i][bit]) < 0)
			return -1;
	}
	if ((sessp_rows_on(r) & o->on) == 0 || (r->wants != NULL && !r->wants(st, o)))
		return 0;
	has = make_key(st, i, SESSP_GROUP_ROW, o);
	if (has <= 0)
		return has;
	row = sessp_table_get(st, st->key.data, st->key.len);
	return row != NULL ? measure(st, r, row, o, st->measures[i][bit]) : -1;
}

int
sessp_observe(struct sess_stats *st, const struct sessp_obs *o)
{
	const struct sessp_report *r;
	unsigned i;

	if (dimensions(st, o) < 0)
		return -1;
	for (i = 0; i < st->nreports; i++) {
		r = st->reports[i];
		if ((r->on & o->on) == 0)
			continue;
		if (r->measures != NULL ? group(st, i, o) < 0 :
		    (r->wants == NULL || r->wants(st, o)) && sessp_rank_single(st, i, o) < 0)
			return -1;
	}
	return 0;
}

int
sessp_stand(struct sess_stats *st)
{
	struct sessp_obs o = { 0 };
	unsigned i;

	st->dimensions.len = 0;
	for (i = 0; i < st->nreports && st->ndims == 0; i++) {
		if (!st->reports[i]->standing)
			continue;
		o.step = 0;
		do
			if (make_key(st, i, SESSP_GROUP_ROW, &o) < 0 ||
			    sessp_table_get(st, st->key.data, st->key.len) == NULL)
				return -1;
		while ((st->reports[i]->on & SESSP_ON_STEP) != 0 &&
		    st->o.funnel[++o.step] != NULL);
	}
	return 0;
}

enum sess_status
sess_stats_add(struct sess_stats *st, const struct sess_session *s, struct sess_err *err)
{
	if (sessp_observe_session(st, s) < 0) {
		if (st->failed.code < 0) {
			if (err != NULL)
				*err = st->failed;
			return st->failed.code;
		}
		return sess_err_nomem(err);
	}
	return sessp_table_settle(st, err);
}
