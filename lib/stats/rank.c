#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "sess/when.h"

/*
 * A row on its way out is a record of the sorter.  Its key: report, dimensions,
 * rank by the main column, what tells rows of equal rank apart (the tie), and the
 * length of that; its data:
 * whether some cell is an estimate, then for each column a byte (bits of known and
 * estimated) and the number, or the length of the text and the text.
 */

/* -- cells as bytes */

static bool
is_text(enum sess_type type)
{
	return type == SESS_T_STR || type == SESS_T_OBJ;
}

static int
write_cells(const struct sess_stats *st, unsigned report, bool estimated, struct sess_buf *out)
{
	const struct sess_stats_table *t = &st->tables[report];
	const struct sess_cell *c = st->cells;
	uint64_t len;
	size_t i;

	if (sess_buf_putc(out, estimated) < 0)
		return -1;
	for (i = 0; i < t->ncolumns; i++, c++) {
		if (sess_buf_putc(out, (char)(c->known | c->estimated << 1)) < 0)
			return -1;
		len = c->text.len;
		if (!c->known)
			continue;
		if (is_text(t->columns[i].type) ?
		    sess_buf_add(out, &len, sizeof(len)) < 0 ||
		    sess_buf_add(out, c->text.p, c->text.len) < 0 :
		    t->columns[i].type == SESS_T_NUM ?
		    sess_buf_add(out, &c->d, sizeof(c->d)) < 0 :
		    sess_buf_add(out, &c->i, sizeof(c->i)) < 0)
			return -1;
	}
	return 0;
}

/* Of a session that may not be over: whether it is, as the newest event of all
 * tells. */
static void
settle_end(struct sess_stats *st)
{
	struct sess_cell *c = st->cells + st->ndims;
	struct sess_slice *reason = &c[sess_column_find("end_reason", 10)].text;
	int64_t last = c[sess_column_find("end", 3)].i;
	int64_t idle = c[sess_column_find("session_id", 10)].known ? st->o.idle : st->o.visit_idle;

	if (idle > 0 && reason->len == 3 && memcmp(reason->p, "eof", 3) == 0 &&
	    last <= INT64_MAX - idle && st->newest >= last + idle)
		*reason = (struct sess_slice){ "idle", 4 };
}

static bool
read_cells(struct sess_stats *st, unsigned report, struct sess_slice data, bool *estimated)
{
	const struct sess_stats_table *t = &st->tables[report];
	const char *p = data.p, *end = data.p + data.len;
	struct sess_cell *c = st->cells;
	uint64_t word;
	size_t i;

	memset(c, 0, t->ncolumns * sizeof(*c));
	if (p == end)
		return false;
	*estimated = *p++ != 0;
	for (i = 0; i < t->ncolumns; i++, c++) {
		if (p == end)
			return false;
		c->known = (*p & 1) != 0;
		c->estimated = *p++ >> 1 != 0;
		if (!c->known)
			continue;
		if ((size_t)(end - p) < sizeof(word))
			return false;
		memcpy(&word, p, sizeof(word));
		p += sizeof(word);
		memcpy(&c->d, &word, sizeof(word));
		memcpy(&c->i, &word, sizeof(word));
		if (!is_text(t->columns[i].type))
			continue;
		if ((size_t)(end - p) < word)
			return false;
		c->text = (struct sess_slice){ p, word };
		p += word;
	}
	return p == end;
}

bool
sessp_cells_read(struct sess_stats *st, unsigned report, struct sess_slice data, bool *estimated)
{
	if (!read_cells(st, report, data, estimated))
		return false;
	if (st->reports[report]->of_sessions)
		settle_end(st);
	return true;
}

/* -- the order */

/* A number as one that sorts as it does. */
static uint64_t
rank_of(double d, bool ascending)
{
	uint64_t u;

	memcpy(&u, &d, sizeof(u));
	u = u >> 63 ? ~u : u | (uint64_t)1 << 63;
	return ascending ? u : ~u;
}

/* The same as 9 bytes; unknown comes last. */
static int
put_rank(struct sess_buf *out, bool known, double d, bool ascending)
{
	unsigned char b[9];
	uint64_t u = rank_of(d, ascending);
	int i;

	b[0] = !known;
	for (i = 0; i < 8; i++)
		b[1 + i] = known ? (unsigned char)(u >> (56 - 8 * i)) : 0;
	return sess_buf_add(out, b, sizeof(b));
}

/* The same for a text. */
static int
put_text_rank(struct sess_buf *out, const struct sess_cell *c, bool ascending)
{
	size_t i, at = out->len + 1;

	if (sess_buf_putc(out, !c->known) < 0 ||
	    sessp_key_part(out, c->text.p, c->known ? c->text.len : 0) < 0)
		return -1;
	for (i = at; i < out->len && !ascending; i++)
		out->data[i] = (char)~out->data[i];
	return 0;
}

static int
put_main(const struct sess_stats *st, unsigned report, struct sess_buf *out)
{
	enum sess_type type = st->tables[report].columns[st->main[report]].type;
	const struct sess_cell *c = &st->cells[st->main[report]];
	bool ascending = st->ascending[report];

	if (is_text(type))
		return put_text_rank(out, c, ascending);
	return put_rank(out, c->known, type == SESS_T_NUM ? c->d : (double)c->i, ascending);
}

/* Give st->cells as a row. */
static enum sess_status
add(struct sess_stats *st, unsigned report, struct sess_slice dims, struct sess_slice tie,
    bool estimated, struct sess_err *err)
{
	struct sess_stats *whole = st->of != NULL ? st->of : st;
	struct sessp_record rec;
	struct sess_buf *b = &st->scratch;
	uint32_t tie_len = (uint32_t)tie.len;
	enum sess_status r;
	size_t klen;

	b->len = 0;
	if (sess_buf_putc(b, (char)report) < 0 || sess_buf_add(b, dims.p, dims.len) < 0 ||
	    put_main(st, report, b) < 0 || sess_buf_add(b, tie.p, tie.len) < 0 ||
	    sess_buf_add(b, &tie_len, sizeof(tie_len)) < 0)
		return sess_err_nomem(err);
	klen = b->len;
	if (write_cells(st, report, estimated, b) < 0)
		return sess_err_nomem(err);
	rec = (struct sessp_record){ b->data, b->data + klen, klen, b->len - klen };
	pthread_mutex_lock(&whole->lock);
	r = sessp_sorter_add(whole->rank, &rec, err);
	pthread_mutex_unlock(&whole->lock);
	return r;
}

/* Most rows of a report, for each value of the dimensions; 0: all. */
static uint64_t
limit_of(const struct sess_stats *st, unsigned report)
{
	return st->shown > 0 ? st->shown : st->o.limit > 0 ? st->o.limit :
	    st->reports[report]->limit;
}

/* -- single rows */

static void
set_cell(struct sess_cell *c, enum sess_type type, const struct sessp_added *v)
{
	c->known = true;
	c->text = v->text;
	c->i = v->n;
	c->d = v->d;
	if (type == SESS_T_INT && v->n == 0)
		c->i = (int64_t)v->d;
}

/* -- rows that others, as many as will be shown, come before need not be kept */

#define MOST_BEST 4096			/* more than these: all are */

enum sess_status
sessp_rank_begin(struct sess_stats *st, struct sess_err *err)
{
	const struct sessp_report *r;
	struct sessp_best *b;
	uint64_t limit;
	unsigned i;

	for (i = 0; i < st->nreports; i++) {
		r = st->reports[i];
		limit = limit_of(st, i);
		if (r->measures != NULL || r->of_sessions || st->ndims > 0 || limit == 0 ||
		    st->o.beyond || limit > MOST_BEST || is_text(st->tables[i].columns[st->main[i]].type))
			continue;
		b = &st->best[i];
		if ((b->rank = calloc(limit, sizeof(*b->rank))) == NULL)
			return sess_err_nomem(err);
		b->max = limit;
	}
	return SESS_OK;
}

/* Put a rank among the best in place of the worst, which it is not behind. */
static void
replace_worst(struct sessp_best *b, uint64_t rank)
{
	size_t i = 0, child;

	while ((child = 2 * i + 1) < b->n) {
		child += child + 1 < b->n && b->rank[child + 1] > b->rank[child];
		if (b->rank[child] <= rank)
			break;
		b->rank[i] = b->rank[child];
		i = child;
	}
	b->rank[i] = rank;
}

static void
add_best(struct sessp_best *b, uint64_t rank)
{
	size_t i = b->n++;

	for (; i > 0 && b->rank[(i - 1) / 2] < rank; i = (i - 1) / 2)
		b->rank[i] = b->rank[(i - 1) / 2];
	b->rank[i] = rank;
}

/* Whether the observation's row will surely not be shown. */
static bool
is_hopeless(struct sess_stats *st, unsigned report, const struct sessp_obs *o)
{
	struct sessp_best *b = &st->best[report];
	const struct sessp_column *col = &st->reports[report]->columns[st->main[report]];
	struct sessp_added v = { .n = 0 };
	struct sess_cell c = { .known = false };
	uint64_t rank = UINT64_MAX;

	if (b->max == 0)
		return false;
	if (col->value(st, o, col->a, &v)) {
		set_cell(&c, col->c.type, &v);
		rank = rank_of(col->c.type == SESS_T_NUM ? c.d : (double)c.i,
		    st->ascending[report]);
	}
	if (b->n < b->max)
		add_best(b, rank);
	else if (rank <= b->rank[0])
		replace_worst(b, rank);
	else
		return true;
	return false;
}

/* A session's own record. */
static int
session_cells(struct sess_stats *st, const struct sess_session *s)
{
	struct sess_cell *c = st->cells + st->ndims;
	struct sess_slice text;
	size_t i, at[SESSP_COLUMNS];

	st->lists.len = 0;
	for (i = 0; i < sess_ncolumns; i++) {
		st->scratch.len = 0;
		c[i].known = sess_session_value(s, i, &text, &c[i].i, &st->scratch);
		if (sess_columns[i].type == SESS_T_BOOL && c[i].i == 0)
			c[i].known = false;	/* as in the record */
		at[i] = st->lists.len;
		if (!c[i].known || (sess_columns[i].type != SESS_T_STR &&
		    sess_columns[i].type != SESS_T_OBJ))
			continue;
		c[i].text.len = text.len;
		c[i].known = text.len > 0;
		if (sess_buf_add(&st->lists, text.p, text.len) < 0)
			return -1;
	}
	for (i = 0; i < sess_ncolumns; i++)
		c[i].text.p = st->lists.data + at[i];
	return 0;
}

static void
own_cells(struct sess_stats *st, const struct sessp_report *r, const struct sessp_obs *o)
{
	const struct sessp_column *col = r->columns;
	struct sess_cell *c = st->cells + st->ndims;
	struct sessp_added v;

	for (; col->c.name != NULL; col++, c++) {
		v = (struct sessp_added){ .n = 0 };
		if (col->value(st, o, col->a, &v))
			set_cell(c, col->c.type, &v);
	}
}

static int
dimension_cells(struct sess_stats *st)
{
	const char *p = st->dimensions.data, *end = p + st->dimensions.len;
	size_t i, at;

	for (i = 0; i < st->ndims; i++) {
		struct sess_cell *c = &st->cells[i];

		at = st->tally_text.len;
		p = sessp_key_next(p, end, &st->scratch);
		if (p == NULL || sess_buf_add(&st->tally_text, st->scratch.data,
		    st->scratch.len) < 0)
			return -1;
		c->known = st->scratch.len > 0;
		c->text.len = st->scratch.len;
		if (st->dims[i]->type == SESS_T_TIME)
			c->known = sess_when_rfc3339(st->tally_text.data + at, st->scratch.len,
			    &c->i) == 0;
	}
	for (i = at = 0; i < st->ndims; at += st->cells[i++].text.len)
		st->cells[i].text.p = st->tally_text.data + at;
	return 0;
}

int
sessp_rank_single(struct sess_stats *st, unsigned report, const struct sessp_obs *o)
{
	const struct sessp_report *r = st->reports[report];
	struct sess_slice view = sessp_obs_fact(o, SESS_K_VIEW_ID);
	uint64_t id = o->m != NULL ? htobe64(o->m->id) : 0;

	if (is_hopeless(st, report, o))
		return 0;
	memset(st->cells, 0, st->tables[report].ncolumns * sizeof(st->cells[0]));
	st->tally_text.len = 0;
	if (dimension_cells(st) < 0)
		return -1;
	if (!r->of_sessions)
		own_cells(st, r, o);
	else if (session_cells(st, o->s) < 0)
		return -1;
	st->key.len = 0;
	if (sessp_key_part(&st->key, o->s->key.p, o->s->key.len) < 0 ||
	    sessp_key_part(&st->key, view.p, view.len) < 0 ||
	    sess_buf_add(&st->key, &id, sizeof(id)) < 0)
		return -1;
	return sessp_rank_cells(st, report, &st->failed) < 0 ? -1 : 0;
}

enum sess_status
sessp_rank_cells(struct sess_stats *st, unsigned report, struct sess_err *err)
{
	const struct sess_stats_table *t = &st->tables[report];
	char when[SESS_WHEN_LEN];
	struct sess_slice text;
	size_t i;

	st->dimensions.len = 0;
	for (i = 0; i < st->ndims; i++) {
		text = st->cells[i].text;
		if (st->cells[i].known && t->columns[i].type == SESS_T_TIME) {
			sess_when_format(st->cells[i].i, when);
			text = (struct sess_slice){ when, sizeof(when) };
		}
		if (!st->cells[i].known)
			text.len = 0;
		if (sessp_key_part(&st->dimensions, text.p, text.len) < 0)
			return sess_err_nomem(err);
	}
	return add(st, report, (struct sess_slice){ st->dimensions.data, st->dimensions.len },
	    (struct sess_slice){ st->key.data, st->key.len }, false, err);
}

/* -- groups */

static int
take_tally(struct sess_stats *st, const struct sessp_key_info *info, int64_t n)
{
	struct sessp_tally_entry *more;

	if (st->ntally == st->tally_cap) {
		more = reallocarray(st->tally, 2 * st->tally_cap + 16, sizeof(*more));
		if (more == NULL)
			return -1;
		st->tally = more;
		st->tally_cap = 2 * st->tally_cap + 16;
	}
	st->tally[st->ntally++] = (struct sessp_tally_entry){ info->tally, n,
	    st->tally_text.len, info->text.len };
	return sess_buf_add(&st->tally_text, info->text.p, info->text.len);
}

/* A group whose tallies are all in. */
static enum sess_status
finish(struct sess_stats *st, const struct sessp_row *row, const struct sessp_row *total,
    struct sess_err *err)
{
	struct sessp_key_info info;
	const char *key = sessp_row_key(row);
	bool estimated;

	if (!sessp_key_read(st, key, row->len, &info) ||
	    sessp_show(st, row, total, &estimated) < 0)
		return sess_err_nomem(err);
	return add(st, info.index, info.dims, (struct sess_slice){ info.parts,
	    (size_t)(key + row->len - info.parts) }, estimated, err);
}

static bool
same_total(const struct sess_stats *st, const struct sessp_row *total,
    const struct sessp_key_info *info)
{
	struct sessp_key_info of;

	return total != NULL && sessp_key_read(st, sessp_row_key(total), total->len, &of) &&
	    of.index == info->index && of.dims.len == info->dims.len &&
	    memcmp(of.dims.p, info->dims.p, of.dims.len) == 0;
}

/* What stands between two groups: the group that is complete is finished. */
static enum sess_status
next_group(struct sess_stats *st, struct sessp_row *row, struct sessp_row **group,
    struct sessp_row **total, const struct sessp_key_info *info, struct sess_err *err)
{
	enum sess_status r = *group != NULL ? finish(st, *group, *total, err) : SESS_OK;

	st->ntally = st->tally_text.len = 0;
	sessp_row_free(st, *group);
	*group = NULL;
	if (row == NULL || info->tag == SESSP_TOTAL_ROW || !same_total(st, *total, info)) {
		sessp_row_free(st, *total);
		*total = NULL;
		st->whole.of = NULL;
	}
	if (row != NULL)
		*(info->tag == SESSP_TOTAL_ROW ? total : group) = row;
	return r;
}

/* Groups of the table, each behind its total and before its tallies. */
static enum sess_status
rank_groups(struct sess_stats *st, struct sess_err *err)
{
	struct sessp_row *row, *group = NULL, *total = NULL;
	struct sessp_key_info info;
	enum sess_status r, last;
	int64_t n;

	while ((r = sessp_table_next(st, &row, err)) == SESS_OK) {
		if (!sessp_key_read(st, sessp_row_key(row), row->len, &info)) {
			sessp_row_free(st, row);
			r = sess_err_set(err, SESS_EFORMAT, 0, "a row without a report");
		} else if (info.tally >= 0) {
			n = row->state[0].n;
			if (take_tally(st, &info, n) < 0)
				r = sess_err_nomem(err);
			sessp_row_free(st, row);
		} else
			r = next_group(st, row, &group, &total, &info, err);
		if (r < 0)
			break;
	}
	last = next_group(st, NULL, &group, &total, &info, err);
	return r < 0 ? r : last;
}

/* -- reading */

/* Whether the row is within the limit of its report and dimensions. */
static bool
within(struct sess_stats *st, const struct sessp_ranked *row)
{
	uint64_t limit = limit_of(st, row->report);
	size_t len = row->dims.len + 1;

	if (st->given_for.len != len || memcmp(st->given_for.data, row->key.p, len) != 0) {
		st->given_for.len = st->given = 0;
		if (sess_buf_add(&st->given_for, row->key.p, len) < 0)
			return true;
	}
	return limit == 0 || st->given++ < limit;
}

static enum sess_status
read_record(struct sess_stats *st, struct sessp_ranked *row, struct sess_err *err)
{
	struct sessp_record rec;
	enum sess_status r = sessp_sorter_next(st->rank, &rec, err);
	const char *p, *end;
	uint32_t tie_len;
	size_t i;

	if (r != SESS_OK)
		return r;
	row->report = (unsigned char)rec.key[0];
	p = rec.key + 1;
	end = rec.key + rec.klen;
	for (i = 0; i < st->ndims && p < end; i++)
		p = (const char *)memchr(p, 0, (size_t)(end - p)) + 1;
	row->dims = (struct sess_slice){ rec.key + 1, (size_t)(p - rec.key) - 1 };
	memcpy(&tie_len, end - sizeof(tie_len), sizeof(tie_len));
	row->tie = (struct sess_slice){ end - sizeof(tie_len) - tie_len, tie_len };
	row->key = (struct sess_slice){ rec.key, rec.klen };
	row->data = (struct sess_slice){ rec.data, rec.len };
	return SESS_OK;
}

enum sess_status
sessp_rank_next(struct sess_stats *st, struct sessp_ranked *row, struct sess_err *err)
{
	enum sess_status r = SESS_OK;

	if (!st->ranked) {
		st->ranked = true;
		r = rank_groups(st, err);
	}
	if (r < 0)
		return r;
	do {
		r = read_record(st, row, err);
		row->beyond = r == SESS_OK && !within(st, row);
	} while (row->beyond && !st->o.beyond);
	return r;
}

enum sess_status
sess_stats_next(struct sess_stats *st, const struct sess_stats_table **table,
    const struct sess_stats_row **row, struct sess_err *err)
{
	enum sess_status r = SESS_OK;

	if (!st->has_next && !st->over) {
		r = sessp_rank_next(st, &st->next, err);
		if (r < 0)
			return r;
		st->has_next = r == SESS_OK;
		st->over = r == SESS_END;
	}
	*row = NULL;
	if (st->begun < (st->has_next ? st->next.report + 1 : st->nreports)) {
		*table = &st->tables[st->begun++];
		return SESS_OK;
	}
	if (!st->has_next)
		return SESS_END;
	st->has_next = false;
	*table = &st->tables[st->next.report];
	if (!sessp_cells_read(st, st->next.report, st->next.data, &st->row.estimated))
		return sess_err_set(err, SESS_EFORMAT, 0, "a row is damaged");
	st->row.cells = st->cells;
	st->row.beyond = st->next.beyond;
	*row = &st->row;
	return SESS_OK;
}
