#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../event/private.h"
#include "private.h"
#include "sess/when.h"

#define TOP 10			/* texts of a tally that are shown */

/* -- what a column's figure is */

static void
set_number(struct sess_cell *c, enum sess_type type, double d)
{
	c->known = true;
	if (type == SESS_T_NUM)
		c->d = d;
	else
		c->i = (int64_t)d;
}

/* The number of measure a; false: nothing was seen. */
static bool
number(const struct sessp_report *r, const struct sessp_row *row, int a, int64_t *n,
    bool *estimated)
{
	const union sessp_state *s = &row->state[a];

	switch (r->measures[a].type) {
	case SESSP_DISTINCT:
		*n = (int64_t)sessp_state_distinct(s, estimated);
		return true;
	case SESSP_SKETCH:
		*n = (int64_t)sessp_state_samples(s);
		return true;
	case SESSP_LEAST:
		*n = s->n;
		return s->n != INT64_MAX;
	case SESSP_MOST:
		*n = s->n;
		return s->n != INT64_MIN;
	default:
		*n = s->n;
		return true;
	}
}

static bool
value(const struct sessp_report *r, const struct sessp_row *row,
    const struct sessp_column *col, struct sess_cell *c, bool *estimated)
{
	if (r->measures[col->a].type == SESSP_FIRST)
		return sessp_state_first(&row->state[col->a], &c->text) && c->text.len > 0;
	return number(r, row, col->a, &c->i, estimated);
}

static bool
ratio(const struct sessp_report *r, const struct sessp_row *row,
    const struct sessp_column *col, struct sess_cell *c)
{
	bool estimated;
	int64_t a, b;

	if (!number(r, row, col->a, &a, &estimated) || !number(r, row, col->b, &b, &estimated) ||
	    b == 0)
		return false;
	c->d = (double)a / (double)b;
	if (col->show == SESSP_REST)
		c->d = 1 - c->d;
	return true;
}

static bool
quantile(const struct sessp_row *row, const struct sessp_column *col, struct sess_cell *c)
{
	double d = sessp_state_quantile(&row->state[col->a], col->q);

	if (d < 0)
		return false;
	set_number(c, col->c.type, d);
	return true;
}

/* Asked once for all rows of a total: an estimate reads all of its registers. */
static uint64_t
whole(struct sess_stats *st, const union sessp_state *s, bool *estimated)
{
	struct sessp_whole *w = &st->whole;

	if (w->of != s) {
		*w = (struct sessp_whole){ .of = s };
		w->n = sessp_state_distinct(s, &w->estimated);
	}
	*estimated |= w->estimated;
	return w->n;
}

static bool
share(struct sess_stats *st, const struct sessp_row *row, const struct sessp_row *total,
    const struct sessp_column *col, struct sess_cell *c, bool *estimated)
{
	uint64_t all = total != NULL ? whole(st, &total->state[col->b], estimated) : 0;

	if (all == 0)
		return false;
	c->d = (double)sessp_state_distinct(&row->state[col->a], estimated) / (double)all;
	if (c->d > 1)		/* both may be estimates */
		c->d = 1;
	return true;
}

/* -- lists, written to st->lists; cells get their place once all are */

static int
list(struct sess_stats *st, const struct sessp_row *row, const struct sessp_column *col)
{
	struct sess_slice s;
	size_t i;

	for (i = 0; sessp_state_sample(&row->state[col->a], i, &s); i++)
		if (sess_buf_putc(&st->lists, i == 0 ? '[' : ',') < 0 ||
		    sessp_json_quote(s.p, s.len, &st->lists) < 0)
			return -1;
	return i > 0 ? sess_buf_putc(&st->lists, ']') : 0;
}

static int
more_first(const void *a, const void *b, void *arg)
{
	const struct sessp_tally_entry *x = a, *y = b;
	const char *text = arg;
	int c;

	if (x->measure != y->measure)
		return x->measure < y->measure ? -1 : 1;
	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	c = memcmp(text + x->at, text + y->at, x->len < y->len ? x->len : y->len);
	return c != 0 ? c : (x->len > y->len) - (x->len < y->len);
}

static int
top(struct sess_stats *st, const struct sessp_column *col)
{
	const struct sessp_tally_entry *e;
	int64_t other = 0;
	size_t i, n = 0;

	for (i = 0; i < st->ntally; i++) {
		e = &st->tally[i];
		if (e->measure != col->a)
			continue;
		if (n++ >= TOP) {
			other += e->n;
			continue;
		}
		if (sess_buf_putc(&st->lists, n == 1 ? '{' : ',') < 0 ||
		    sessp_json_quote(st->tally_text.data + e->at, e->len, &st->lists) < 0 ||
		    sess_buf_printf(&st->lists, ":%" PRId64, e->n) < 0)
			return -1;
	}
	if (other > 0 && sess_buf_printf(&st->lists, ",\"(other)\":%" PRId64, other) < 0)
		return -1;
	return n > 0 ? sess_buf_putc(&st->lists, '}') : 0;
}

/* -- keys */

/* The text of a dimension or key part as the column's type has it. */
static void
set_text(struct sess_cell *c, enum sess_type type, size_t at, size_t len, struct sess_stats *st)
{
	c->known = len > 0;
	c->text = (struct sess_slice){ NULL, len };
	c->i = (int64_t)at;
	if (type == SESS_T_TIME)
		c->known = sess_when_rfc3339(st->lists.data + at, len, &c->i) == 0;
	if (type == SESS_T_INT && len > 0)
		c->i = strtoll(st->lists.data + at, NULL, 10);
	if (type == SESS_T_INT || type == SESS_T_TIME)
		c->text.len = 0;
}

/* The next part of the key to a cell. */
static int
part(struct sess_stats *st, const char **p, const char *end, enum sess_type type,
    struct sess_cell *c)
{
	size_t at = st->lists.len;

	*p = sessp_key_next(*p, end, &st->scratch);
	if (*p == NULL || sess_buf_add(&st->lists, st->scratch.data, st->scratch.len) < 0 ||
	    sess_buf_putc(&st->lists, '\0') < 0)
		return -1;
	set_text(c, type, at, st->scratch.len, st);
	return 0;
}

static int
keys(struct sess_stats *st, const struct sessp_key_info *info, const char *end)
{
	const struct sessp_column *col = info->report->columns;
	const char *p = info->dims.p;
	struct sess_cell *c = st->cells;
	size_t i, k;

	for (i = 0; i < st->ndims; i++)
		if (part(st, &p, end, st->dims[i]->type, c++) < 0)
			return -1;
	p = info->parts;
	for (k = 0; k < SESSP_PARTS && info->report->key[k].of != NULL; k++) {
		/* the column that shows part k */
		for (i = 0; col[i].c.name != NULL; i++)
			if (col[i].show == SESSP_KEY_PART && (size_t)col[i].a == k)
				break;
		if (part(st, &p, end, col[i].c.type, &st->cells[st->ndims + i]) < 0)
			return -1;
	}
	return 0;
}

/* -- a row */

static int
show_one(struct sess_stats *st, const struct sessp_report *r, const struct sessp_row *row,
    const struct sessp_row *total, const struct sessp_column *col, struct sess_cell *c,
    bool *estimated)
{
	size_t at = st->lists.len;

	switch (col->show) {
	case SESSP_KEY_PART:	return 0;
	case SESSP_VALUE:	c->known = value(r, row, col, c, estimated); return 0;
	case SESSP_RATIO:
	case SESSP_REST:	c->known = ratio(r, row, col, c); return 0;
	case SESSP_QUANTILE:	(void)quantile(row, col, c); return 0;
	case SESSP_SHARE:	c->known = share(st, row, total, col, c, estimated); return 0;
	case SESSP_COMPUTED:	c->known = col->compute(row, col, c); return 0;
	case SESSP_LIST:
		if (list(st, row, col) < 0)
			return -1;
		break;
	case SESSP_TOP:
		if (top(st, col) < 0)
			return -1;
		break;
	}
	set_text(c, SESS_T_OBJ, at, st->lists.len - at, st);
	return 0;
}

int
sessp_show(struct sess_stats *st, const struct sessp_row *row, const struct sessp_row *total,
    bool *estimated)
{
	struct sessp_key_info info;
	const char *key = sessp_row_key(row);
	struct sess_cell *c;
	size_t i;

	if (!sessp_key_read(st, key, row->len, &info))
		return -1;
	*estimated = false;
	st->lists.len = 0;
	memset(st->cells, 0, sizeof(st->cells));
	if (st->ntally > 0)
		qsort_r(st->tally, st->ntally, sizeof(*st->tally), more_first,
		    st->tally_text.data);
	if (keys(st, &info, key + row->len) < 0)
		return -1;
	for (i = 0; info.report->columns[i].c.name != NULL; i++) {
		c = &st->cells[st->ndims + i];
		if (show_one(st, info.report, row, total, &info.report->columns[i], c,
		    &c->estimated) < 0)
			return -1;
		*estimated |= c->estimated;
	}
	for (c = st->cells; c < st->cells + st->tables[info.index].ncolumns; c++)
		if (c->known && c->text.len > 0 && c->text.p == NULL)
			c->text.p = st->lists.data + c->i;
	return 0;
}
