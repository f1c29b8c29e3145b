#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "../event/private.h"
#include "private.h"

/*
 * A partial is lines of NDJSON:
 *
 *	{"sess_stats":2,"reports":["slow"],"by":[],...}		options and conditions
 *	{"report":"apis","key":[...],"states":{...}}			a group
 *	{"report":"errors","total":true,"key":[...],"states":{...}}	what shares are of
 *	{"report":"apis","key":[...],"tally":"statuses","text":"200","n":7}
 *	{"report":"slow","tie":[...],"cells":[...]}			a single row
 *	{"end":5,"newest_ms":1763928000000,"sum":"9f86d081884c7d65"}	lines before it
 *
 * key holds the dimensions, then the report's own parts.  Numbers of single
 * rows are written so that they read as the same number again.
 */

#define VERSION 2
#define MOST_INTERVAL 1000000000000
#define MOST_THRESHOLD 1e12

static int
put_string(struct sess_buf *out, const char *name, const char *p, size_t len)
{
	return sess_buf_puts(out, name) < 0 || sessp_json_quote(p, len, out) < 0 ? -1 : 0;
}

/* -- the first line */

static int
put_names(struct sess_buf *out, const char *name, const char *const *v)
{
	size_t i;

	if (sess_buf_puts(out, name) < 0)
		return -1;
	for (i = 0; v != NULL && v[i] != NULL; i++)
		if (put_string(out, i > 0 ? "," : "", v[i], strlen(v[i])) < 0)
			return -1;
	return sess_buf_putc(out, ']');
}

/* All that makes states of one kind add up with those of another. */
static int
put_options(const struct sess_stats *st, struct sess_buf *out)
{
	const struct sess_stats_opts *o = &st->o;
	const char *tz = o->tz != NULL ? o->tz : "";
	size_t i;

	if (sess_buf_printf(out, "{\"sess_stats\":%d", VERSION) < 0 ||
	    put_names(out, ",\"reports\":[", o->reports) < 0 ||
	    put_names(out, ",\"by\":[", o->by) < 0)
		return -1;
	if (o->funnel != NULL && put_names(out, ",\"funnel\":[", o->funnel) < 0)
		return -1;
	if (o->sort != NULL && put_string(out, ",\"sort\":", o->sort, strlen(o->sort)) < 0)
		return -1;
	for (i = 0; i < SESS_NTHRESHOLDS; i++)
		if (sess_buf_printf(out, "%s\"%s\":%.17g", i > 0 ? "," : ",\"thresholds\":{",
		    sess_thresholds[i].name, o->threshold[i]) < 0)
			return -1;
	return sess_buf_printf(out, "},\"interval_ms\":%" PRId64 ",\"limit\":%" PRIu64, o->interval,
	    o->limit) < 0 || put_string(out, ",\"tz\":", tz, strlen(tz)) < 0 ||
	    sess_buf_printf(out, ",\"idle_ms\":[%" PRId64 ",%" PRId64 "]", o->idle,
	    o->visit_idle) < 0 || put_names(out, ",\"conditions\":[", o->conditions) < 0 ?
	    -1 : sess_buf_puts(out, "}\n");
}

/* -- the last line */

/* A line, without its newline, in front of the last one. */
static void
seal(struct sessp_seal *s, const char *line, size_t len)
{
	s->lines++;
	s->sum = XXH3_64bits_withSeed(line, len, s->sum);
}

static int
put_end(const struct sessp_seal *s, int64_t newest, struct sess_buf *out)
{
	struct sessp_seal all = *s;
	size_t at = out->len;

	if (sess_buf_printf(out, "{\"end\":%" PRIu64, s->lines) < 0 || (newest != INT64_MIN &&
	    sess_buf_printf(out, ",\"newest_ms\":%" PRId64, newest) < 0))
		return -1;
	seal(&all, out->data + at, out->len - at);
	return sess_buf_printf(out, ",\"sum\":\"%016" PRIx64 "\"}\n", all.sum);
}

/* -- states */

int
sessp_row_write(const struct sess_stats *st, const struct sessp_row *row, struct sess_buf *out)
{
	struct sessp_key_info info;
	const struct sessp_measure *m;
	size_t i;
	bool first = true;

	if (!sessp_key_read(st, sessp_row_key(row), row->len, &info))
		return -1;
	if (info.tally >= 0)
		return sess_buf_printf(out, "{\"n\":%lld}", (long long)row->state[0].n);
	if (sess_buf_putc(out, '{') < 0)
		return -1;
	for (i = 0, m = info.report->measures; i < row->nstates; i++, m++) {
		if (m->type == SESSP_TALLY ||
		    ((m->flags & SESSP_OF_TOTAL) != 0) != (info.tag == SESSP_TOTAL_ROW))
			continue;
		if (sess_buf_printf(out, "%s\"%s\":", first ? "" : ",", m->name) < 0 ||
		    sessp_state_write(m->type, &row->state[i], out) < 0)
			return -1;
		first = false;
	}
	return sess_buf_putc(out, '}');
}

static enum sess_status
read_state(enum sessp_measure_type type, union sessp_state *to, const json_t *json,
    struct sess_err *err)
{
	union sessp_state s;
	enum sess_status r;

	sessp_state_init(type, &s);
	r = sessp_state_read(type, &s, json, err);
	if (r >= 0 && sessp_state_merge(type, to, &s) < 0)
		r = sess_err_nomem(err);
	sessp_state_release(type, &s);
	return r;
}

enum sess_status
sessp_row_read(const struct sess_stats *st, struct sessp_row *row, const json_t *states,
    struct sess_err *err)
{
	struct sessp_key_info info;
	const struct sessp_measure *m;
	const json_t *json;
	size_t i;

	if (!json_is_object(states) ||
	    !sessp_key_read(st, sessp_row_key(row), row->len, &info))
		return sess_err_set(err, SESS_EFORMAT, 0, "no states of a row");
	if (info.tally >= 0)
		return read_state(SESSP_COUNT, &row->state[0], json_object_get(states, "n"), err);
	for (i = 0, m = info.report->measures; i < row->nstates; i++, m++) {
		json = json_object_get(states, m->name);
		if (json != NULL && m->type != SESSP_TALLY &&
		    read_state(m->type, &row->state[i], json, err) < 0)
			return SESS_EFORMAT;
	}
	return SESS_OK;
}

/* -- rows */

static int
put_parts(struct sess_buf *out, struct sess_buf *text, const char *p, const char *end, size_t n,
    bool *first)
{
	for (; n > 0; n--) {
		p = sessp_key_next(p, end, text);
		if (p == NULL || put_string(out, *first ? "" : ",", text->data, text->len) < 0)
			return -1;
		*first = false;
	}
	return 0;
}

static int
put_group(struct sess_stats *st, const struct sessp_row *row, struct sess_buf *out)
{
	struct sessp_key_info info;
	const char *end = sessp_row_key(row) + row->len;
	bool first = true;
	size_t n = 0;

	if (!sessp_key_read(st, sessp_row_key(row), row->len, &info))
		return -1;
	while (info.tag == SESSP_GROUP_ROW && n < SESSP_PARTS && info.report->key[n].of != NULL)
		n++;
	if (put_string(out, "{\"report\":", info.report->name, strlen(info.report->name)) < 0 ||
	    sess_buf_puts(out, info.tag == SESSP_TOTAL_ROW ? ",\"total\":true" : "") < 0 ||
	    sess_buf_puts(out, ",\"key\":[") < 0 ||
	    put_parts(out, &st->scratch, info.dims.p, end, st->ndims, &first) < 0 ||
	    put_parts(out, &st->scratch, info.parts, end, n, &first) < 0 ||
	    sess_buf_putc(out, ']') < 0)
		return -1;
	if (info.tally >= 0 && (put_string(out, ",\"tally\":",
	    info.report->measures[info.tally].name,
	    strlen(info.report->measures[info.tally].name)) < 0 ||
	    put_string(out, ",\"text\":", info.text.p, info.text.len) < 0))
		return -1;
	return sess_buf_puts(out, ",\"states\":") < 0 || sessp_row_write(st, row, out) < 0 ||
	    sess_buf_puts(out, "}\n") < 0 ? -1 : 0;
}

static int
put_cell(const struct sess_cell *c, enum sess_type type, struct sess_buf *out)
{
	if (!c->known)
		return sess_buf_puts(out, "null");
	switch (type) {
	case SESS_T_STR:
	case SESS_T_OBJ:
		return sessp_json_quote(c->text.p, c->text.len, out);
	case SESS_T_NUM:
		return sess_buf_printf(out, "%.17g", c->d);
	default:
		return sess_buf_printf(out, "%lld", (long long)c->i);
	}
}

/* A single row: its cells, and what breaks ties. */
static int
put_single(struct sess_stats *st, const struct sessp_ranked *row, struct sess_buf *out)
{
	const struct sess_stats_table *t = &st->tables[row->report];
	const char *tie = row->tie.p, *end = tie + row->tie.len;
	bool estimated, first = true;
	uint64_t id;
	size_t i;

	if (!sessp_cells_read(st, row->report, row->data, &estimated) ||
	    put_string(out, "{\"report\":", t->name, strlen(t->name)) < 0 ||
	    sess_buf_puts(out, ",\"tie\":[") < 0 ||
	    put_parts(out, &st->scratch, tie, end - sizeof(id), 2, &first) < 0)
		return -1;
	memcpy(&id, end - sizeof(id), sizeof(id));
	if (sess_buf_printf(out, ",\"%016llx\"],\"cells\":[",
	    (unsigned long long)be64toh(id)) < 0)
		return -1;
	for (i = 0; i < t->ncolumns; i++)
		if ((i > 0 && sess_buf_putc(out, ',') < 0) ||
		    put_cell(&st->cells[i], t->columns[i].type, out) < 0)
			return -1;
	return sess_buf_puts(out, "]}\n");
}

/* Where lines go. */
struct sink {
	int (*put)(void *arg, const char *line, size_t len);
	void *arg;
	struct sess_buf line;
	struct sessp_seal seal;
};

/* The line that was made; made below 0: memory was out. */
static enum sess_status
give(struct sink *to, int made, struct sess_err *err)
{
	if (made < 0)
		return sess_err_nomem(err);
	seal(&to->seal, to->line.data, to->line.len - 1);
	if (to->put(to->arg, to->line.data, to->line.len) < 0)
		return sess_err_set(err, SESS_ESYS, 0, "writing stopped");
	to->line.len = 0;
	return SESS_OK;
}

static enum sess_status
put_groups(struct sess_stats *st, struct sink *to, struct sess_err *err)
{
	struct sessp_row *row;
	enum sess_status r;

	while ((r = sessp_table_next(st, &row, err)) == SESS_OK) {
		r = give(to, put_group(st, row, &to->line), err);
		sessp_row_free(st, row);
		if (r < 0)
			break;
	}
	return r < 0 ? r : SESS_OK;
}

enum sess_status
sess_stats_partial(struct sess_stats *st,
    int (*put)(void *arg, const char *line, size_t len), void *arg, struct sess_err *err)
{
	struct sink to = { .put = put, .arg = arg };
	struct sessp_ranked row;
	enum sess_status r;

	r = give(&to, put_options(st, &to.line), err);
	if (r >= 0)
		r = put_groups(st, &to, err);
	st->ranked = true;		/* groups stay what they are */
	st->o.beyond = false;
	while (r >= 0 && (r = sessp_rank_next(st, &row, err)) == SESS_OK)
		r = give(&to, put_single(st, &row, &to.line), err);
	if (r >= 0)
		r = give(&to, put_end(&to.seal, st->newest, &to.line), err);
	sess_buf_release(&to.line);
	return r < 0 ? r : SESS_OK;
}

/* -- and back */

static enum sess_status
not_ours(struct sess_err *err)
{
	return sess_err_set(err, SESS_EFORMAT, 0, "no line of a partial of this version");
}

/* A text of a that b has not; NULL: there is none. */
static const char *
only_in(const json_t *a, const json_t *b)
{
	size_t i, k;

	for (i = 0; i < json_array_size(a); i++) {
		for (k = 0; k < json_array_size(b); k++)
			if (json_equal(json_array_get(a, i), json_array_get(b, k)))
				break;
		if (k == json_array_size(b))
			return json_string_value(json_array_get(a, i));
	}
	return NULL;
}

/* The first member of a that b has otherwise; NULL: there is none. */
static const char *
otherwise(json_t *a, const json_t *b)
{
	const char *name;
	const json_t *v;

	json_object_foreach(a, name, v)
		if (!json_equal(v, json_object_get(b, name)))
			return name;
	return NULL;
}

/* What keeps partials of two first lines from adding up. */
static enum sess_status
differ(json_t *a, json_t *b, struct sess_err *err)
{
	const char *name, *text;

	if (b == NULL || json_integer_value(json_object_get(b, "sess_stats")) != VERSION)
		return not_ours(err);
	name = otherwise(a, b);
	name = name != NULL ? name : otherwise(b, a);
	if (name == NULL)
		return not_ours(err);
	text = only_in(json_object_get(a, name), json_object_get(b, name));
	text = text != NULL ? text : only_in(json_object_get(b, name), json_object_get(a, name));
	return sess_err_set(err, SESS_EFORMAT, 0, "the partials differ in %s%s%.80s", name,
	    text != NULL ? ": " : "", text != NULL ? text : "");
}

/* The first line. */
static enum sess_status
read_first(struct sess_stats *st, const char *line, size_t len, struct sess_err *err)
{
	struct sess_buf own = { 0 };
	json_t *a, *b;
	enum sess_status r = SESS_OK;

	if (sess_stats_merged(st, err) < 0)
		return SESS_EFORMAT;
	if (put_options(st, &own) < 0)
		r = sess_err_nomem(err);
	else if (own.len != len + 1 || memcmp(own.data, line, len) != 0) {
		a = json_loadb(own.data, own.len, 0, NULL);
		b = json_loadb(line, len, 0, NULL);
		r = differ(a, b, err);
		json_decref(a);
		json_decref(b);
	}
	sess_buf_release(&own);
	if (r >= 0)
		seal(&st->in, line, len);
	return r;
}

/* The last line. */
static enum sess_status
read_last(struct sess_stats *st, const char *line, size_t len, struct sess_err *err)
{
	json_t *json = json_loadb(line, len, 0, NULL);
	const json_t *newest = json_object_get(json, "newest_ms");
	int64_t when = json_is_integer(newest) ? json_integer_value(newest) : INT64_MIN;
	struct sess_buf own = { 0 };
	enum sess_status r = SESS_OK;

	if (put_end(&st->in, when, &own) < 0)
		r = sess_err_nomem(err);
	else if (own.len != len + 1 || memcmp(own.data, line, len) != 0)
		r = sess_err_set(err, SESS_EFORMAT, 0, "lines of the partial were lost or changed");
	json_decref(json);
	sess_buf_release(&own);
	sess_stats_newest(st, when);
	st->in = (struct sessp_seal){ 0 };
	return r;
}

enum sess_status
sess_stats_merged(struct sess_stats *st, struct sess_err *err)
{
	if (st->in.lines == 0)
		return SESS_OK;
	return sess_err_set(err, SESS_EFORMAT, 0, "the partial is cut off: its last line is missing");
}

static int
report_named(const struct sess_stats *st, const json_t *name)
{
	size_t i;

	for (i = 0; json_is_string(name) && i < st->nreports; i++)
		if (strcmp(st->reports[i]->name, json_string_value(name)) == 0)
			return (int)i;
	return -1;
}

/* The texts of v from number `from` on, n of them, as parts. */
static int
read_parts(struct sess_buf *out, const json_t *v, size_t from, size_t n)
{
	const json_t *s;

	for (; n > 0; n--, from++) {
		s = json_array_get(v, from);
		if (!json_is_string(s) || sessp_key_part(out, json_string_value(s),
		    json_string_length(s)) < 0)
			return -1;
	}
	return 0;
}

static int
measure_named(const struct sessp_report *r, const json_t *name)
{
	int i;

	for (i = 0; json_is_string(name) && r->measures[i].name != NULL; i++)
		if (strcmp(r->measures[i].name, json_string_value(name)) == 0)
			return i;
	return -1;
}

/* Its key into st->key. */
static int
read_key(struct sess_stats *st, unsigned i, const json_t *line)
{
	const json_t *key = json_object_get(line, "key"), *tally = json_object_get(line, "tally"),
	    *text = json_object_get(line, "text");
	bool total = json_is_true(json_object_get(line, "total"));
	size_t n = json_array_size(key);
	int m;

	st->key.len = 0;
	if (n < st->ndims || sess_buf_putc(&st->key, (char)i) < 0 ||
	    read_parts(&st->key, key, 0, st->ndims) < 0 ||
	    sess_buf_putc(&st->key, total ? SESSP_TOTAL_ROW : SESSP_GROUP_ROW) < 0 ||
	    read_parts(&st->key, key, st->ndims, n - st->ndims) < 0)
		return -1;
	if (tally == NULL)
		return 0;
	m = measure_named(st->reports[i], tally);
	if (m < 0 || !json_is_string(text) || sess_buf_putc(&st->key, (char)(m + 1)) < 0 ||
	    sess_buf_add(&st->key, json_string_value(text), json_string_length(text)) < 0)
		return -1;
	return 0;
}

static enum sess_status
merge_group(struct sess_stats *st, unsigned i, const json_t *line, struct sess_err *err)
{
	struct sessp_key_info info;
	struct sessp_row *row;

	if (read_key(st, i, line) < 0 ||
	    !sessp_key_read(st, st->key.data, st->key.len, &info) ||
	    (info.tag == SESSP_TOTAL_ROW && !info.report->total))
		return not_ours(err);
	row = sessp_table_get(st, st->key.data, st->key.len);
	if (row == NULL)
		return sess_err_nomem(err);
	return sessp_row_read(st, row, json_object_get(line, "states"), err);
}

static bool
read_cell(struct sess_cell *c, enum sess_type type, const json_t *v)
{
	c->known = !json_is_null(v);
	if (!c->known)
		return v != NULL;
	switch (type) {
	case SESS_T_STR:
	case SESS_T_OBJ:
		c->text = (struct sess_slice){ json_string_value(v), json_string_length(v) };
		return json_is_string(v);
	case SESS_T_NUM:
		c->d = json_number_value(v);
		return json_is_number(v);
	default:
		c->i = json_integer_value(v);
		return json_is_integer(v);
	}
}

static enum sess_status
merge_single(struct sess_stats *st, unsigned i, const json_t *line, struct sess_err *err)
{
	const struct sess_stats_table *t = &st->tables[i];
	const json_t *cells = json_object_get(line, "cells"), *tie = json_object_get(line, "tie");
	const char *id = json_string_value(json_array_get(tie, 2));
	uint64_t n;
	size_t k;

	if (json_array_size(cells) != t->ncolumns || id == NULL || strlen(id) != 16 ||
	    strspn(id, "0123456789abcdef") != 16)
		return not_ours(err);
	for (k = 0; k < t->ncolumns; k++)
		if (!read_cell(&st->cells[k], t->columns[k].type, json_array_get(cells, k)))
			return not_ours(err);
	n = htobe64(strtoull(id, NULL, 16));
	st->key.len = 0;
	if (read_parts(&st->key, tie, 0, 2) < 0 || sess_buf_add(&st->key, &n, sizeof(n)) < 0)
		return not_ours(err);
	return sessp_rank_cells(st, i, err);
}

static bool
begins(const char *line, size_t len, const char *with)
{
	return len > strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static enum sess_status
merge_row(struct sess_stats *st, const char *line, size_t len, struct sess_err *err)
{
	json_t *json;
	enum sess_status r;
	int i;

	json = json_loadb(line, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
	i = report_named(st, json_object_get(json, "report"));
	if (i < 0)
		r = not_ours(err);
	else if (st->reports[i]->measures != NULL)
		r = merge_group(st, (unsigned)i, json, err);
	else
		r = merge_single(st, (unsigned)i, json, err);
	json_decref(json);
	return r < 0 ? r : sessp_table_settle(st, err);
}

enum sess_status
sess_stats_merge(struct sess_stats *st, const char *line, size_t len, struct sess_err *err)
{
	if (len > 0 && line[len - 1] == '\n')
		len--;
	if (begins(line, len, "{\"sess_stats\":"))
		return read_first(st, line, len, err);
	if (st->in.lines == 0)
		return not_ours(err);
	if (begins(line, len, "{\"end\":"))
		return read_last(st, line, len, err);
	seal(&st->in, line, len);
	return merge_row(st, line, len, err);
}

/* -- a stats like the one that wrote the first line */

/* The texts of an array, which the JSON owns; NULL-terminated. */
static const char **
names(const json_t *v)
{
	size_t i, n = json_array_size(v);
	const char **out = calloc(n + 1, sizeof(*out));

	for (i = 0; out != NULL && i < n; i++) {
		out[i] = json_string_value(json_array_get(v, i));
		if (out[i] == NULL) {
			free(out);
			return NULL;
		}
	}
	return out;
}

static bool
read_options(struct sess_stats_opts *o, const json_t *line)
{
	const json_t *limit = json_object_get(line, "limit"), *idle = json_object_get(line, "idle_ms");
	size_t i;

	o->interval = json_integer_value(json_object_get(line, "interval_ms"));
	if (json_integer_value(json_object_get(line, "sess_stats")) != VERSION ||
	    json_integer_value(limit) < 0 || o->interval < 0 || o->interval > MOST_INTERVAL)
		return false;
	for (i = 0; i < SESS_NTHRESHOLDS; i++) {
		o->threshold[i] = json_number_value(json_object_get(json_object_get(line,
		    "thresholds"), sess_thresholds[i].name));
		if (!(o->threshold[i] >= 0 && o->threshold[i] <= MOST_THRESHOLD))
			return false;
	}
	o->limit = (uint64_t)json_integer_value(limit);
	o->idle = json_integer_value(json_array_get(idle, 0));
	o->visit_idle = json_integer_value(json_array_get(idle, 1));
	o->sort = json_string_value(json_object_get(line, "sort"));
	o->tz = json_string_value(json_object_get(line, "tz"));
	if (o->tz != NULL && *o->tz == '\0')
		o->tz = NULL;
	o->reports = names(json_object_get(line, "reports"));
	o->by = names(json_object_get(line, "by"));
	o->conditions = names(json_object_get(line, "conditions"));
	if (json_object_get(line, "funnel") != NULL)
		o->funnel = names(json_object_get(line, "funnel"));
	return o->reports != NULL && o->by != NULL && o->conditions != NULL;
}

enum sess_status
sess_stats_like(struct sess_stats **st, const char *line, size_t len,
    const struct sess_stats_opts *o, struct sess_err *err)
{
	json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	struct sess_stats_opts like = *o;
	enum sess_status r;

	*st = NULL;
	like.reports = like.by = like.funnel = like.conditions = NULL;
	r = read_options(&like, json) ? sess_stats_new(st, &like, err) : not_ours(err);
	if (r < 0) {
		json_decref(json);
		free((void *)like.reports);
		free((void *)like.by);
		free((void *)like.funnel);
		free((void *)like.conditions);
		return r;
	}
	(*st)->like = json;
	(*st)->shown = o->limit;
	return SESS_OK;
}
