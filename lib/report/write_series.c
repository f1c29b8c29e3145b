/* Figures drawn with characters. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sess/text.h"
#include "sess/when.h"
#include "write.h"

enum { POINTS = 60, LABEL = 20, GROUPS = 10 };

void
sessp_bar(struct sess_report *r, double share, size_t columns)
{
	static const char *const part[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	size_t eighths, i;

	share = share > 0 ? share < 1 ? share : 1 : 0;
	eighths = (size_t)floor(share * (double)columns * 8 + 0.5);
	if (eighths == 0 && share > 0)
		eighths = 1;
	for (i = 0; i < eighths / 8; i++)
		sessp_write_emit(r, "█");
	sessp_write_emit(r, part[eighths % 8]);
	r->nomem |= sess_text_pad(r->out, "", 0, columns - (eighths + 7) / 8, false) < 0;
}

/* -- over time */

size_t
sessp_time_column(const struct sess_stats_table *t)
{
	size_t i;

	for (i = 0; i < t->ndimensions; i++)
		if (t->columns[i].type == SESS_T_TIME || strcmp(t->columns[i].name, "day") == 0 ||
		    strcmp(t->columns[i].name, "hour") == 0)
			return i;
	return t->ncolumns;
}

static int
compare_cells(const struct sess_stats_column *c, const struct sess_cell *a,
    const struct sess_cell *b)
{
	size_t len = a->text.len < b->text.len ? a->text.len : b->text.len;
	int diff;

	if (!a->known || !b->known)
		return a->known - b->known;
	if (c->type == SESS_T_TIME || c->type == SESS_T_INT)
		return (a->i > b->i) - (a->i < b->i);
	diff = len > 0 ? memcmp(a->text.p, b->text.p, len) : 0;
	return diff != 0 ? diff : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static bool
same_group(const struct sess_stats_table *t, size_t time, const struct sess_stats_row *a,
    const struct sess_stats_row *b)
{
	size_t i;

	for (i = 0; i < t->ncolumns; i++)
		if (i != time && sessp_column_has(&t->columns[i], SESS_COL_KEY) &&
		    compare_cells(&t->columns[i], &a->cells[i], &b->cells[i]) != 0)
			return false;
	return true;
}

static int
by_group_and_time(const void *a, const void *b)
{
	const struct sessp_point *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* What a time, an hour or a day is in ms, or SESS_NO_TIME. */
static int64_t
moment_of(const struct sess_stats_column *c, const struct sess_cell *cell)
{
	char text[48];
	int64_t ms;
	int len;

	if (!cell->known || c->type == SESS_T_TIME)
		return cell->known ? cell->i : SESS_NO_TIME;
	if (sess_when_rfc3339(cell->text.p, cell->text.len, &ms) == 0)
		return ms;
	if (cell->text.len <= 10)
		return SESS_NO_TIME;
	/* a day with its offset is its midnight */
	len = snprintf(text, sizeof(text), "%.10sT00:00%.*s", cell->text.p,
	    (int)(cell->text.len < 26 ? cell->text.len : 26) - 10, cell->text.p + 10);
	return sess_when_rfc3339(text, (size_t)len, &ms) == 0 ? ms : SESS_NO_TIME;
}

struct sessp_point *
sessp_points(struct sess_report *r, size_t time)
{
	struct sessp_point *p = malloc(r->kept.n * sizeof(*p));
	size_t i, k;

	r->nomem |= p == NULL;
	for (i = 0; p != NULL && i < r->kept.n; i++) {
		p[i] = (struct sessp_point){ .row = &r->kept.v[i], .group = i,
		    .at = moment_of(&r->table->columns[time], &r->kept.v[i].cells[time]) };
		for (k = 0; k < i; k++)
			if (same_group(r->table, time, p[k].row, p[i].row)) {
				p[i].group = p[k].group;
				break;
			}
	}
	if (p != NULL)
		qsort(p, r->kept.n, sizeof(*p), by_group_and_time);
	return p;
}

int64_t
sessp_step(const struct sessp_point *p, size_t n)
{
	const int64_t day = SESSP_DAY * 1000, shift = 7200000;
	int64_t least = 0, d;
	size_t i;

	for (i = 1; i < n; i++) {
		d = p[i].at - p[i - 1].at;
		if (d > 0 && (least == 0 || d < least))
			least = d;
	}
	if (least == 0)
		return 1;			/* all at once */
	/* That of summer time is shorter. */
	return least >= day - shift && least <= day + shift ? day : least;
}

static void
spark(struct sess_report *r, double share)
{
	static const char *const level[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

	sessp_write_emit(r, isnan(share) ? " " : level[(int)(share < 1 ? share * 8 : 7)]);
}

/* What all groups' lines span: so many steps of ms from a moment on. */
struct span {
	int64_t from, step;
	size_t slots;
};

static struct span
span_of(const struct sessp_point *p, size_t n)
{
	struct span s = { .from = INT64_MAX, .step = INT64_MAX };
	int64_t last = INT64_MIN, step;
	size_t from, to;

	for (from = 0; from < n; from = to) {
		to = sessp_group_end(p, n, &from);
		if (to - from < SESSP_SERIES)
			continue;
		step = sessp_step(p + from, to - from);
		s.step = step < s.step ? step : s.step;
		s.from = p[from].at < s.from ? p[from].at : s.from;
		last = p[to - 1].at > last ? p[to - 1].at : last;
	}
	s.slots = last >= s.from ? (size_t)((last - s.from + s.step / 2) / s.step) + 1 : 0;
	return s;
}

/* The rows with the lowest and the highest value of a column; NULL: none is known. */
struct ends {
	const struct sess_stats_row *low, *high;
};

static struct ends
ends_of(const struct sess_report *r, size_t column, const struct sessp_point *p, size_t n)
{
	const struct sess_stats_column *c = &r->table->columns[column];
	struct ends e = { NULL, NULL };
	size_t i;
	double d;

	for (i = 0; i < n; i++) {
		if (!sessp_cell_known(c, &p[i].row->cells[column]))
			continue;
		d = sessp_cell_number(c, &p[i].row->cells[column]);
		if (e.low == NULL || d < sessp_cell_number(c, &e.low->cells[column]))
			e.low = p[i].row;
		if (e.high == NULL || d > sessp_cell_number(c, &e.high->cells[column]))
			e.high = p[i].row;
	}
	return e;
}

static bool
changes(const struct sess_report *r, size_t column, const struct sessp_point *p, size_t n)
{
	const struct sess_stats_column *c = &r->table->columns[column];
	struct ends e = ends_of(r, column, p, n);

	return e.high != NULL && sessp_cell_number(c, &e.low->cells[column]) <
	    sessp_cell_number(c, &e.high->cells[column]);
}

/* A sparkline of a column, of several points in one place the highest. */
static void
sparkline(struct sess_report *r, size_t column, const struct span *s,
    const struct sessp_point *p, size_t n, double most)
{
	const struct sess_stats_column *c = &r->table->columns[column];
	size_t columns = s->slots < POINTS ? s->slots : POINTS, i, at;
	double value[POINTS], d;

	for (i = 0; i < columns; i++)
		value[i] = NAN;
	for (i = 0; i < n; i++) {
		if (!sessp_cell_known(c, &p[i].row->cells[column]))
			continue;
		d = sessp_cell_number(c, &p[i].row->cells[column]);
		at = (size_t)((p[i].at - s->from + s->step / 2) / s->step) * columns / s->slots;
		value[at] = isnan(value[at]) || d > value[at] ? d : value[at];
	}
	for (i = 0; i < columns; i++)
		spark(r, most > 0 ? value[i] / most : value[i]);
}

static void
series_line(struct sess_report *r, const char *label, size_t len, size_t column,
    const struct span *s, const struct sessp_point *p, size_t n)
{
	const struct sess_stats_column *c = &r->table->columns[column];
	struct ends e = ends_of(r, column, p, n);

	if (e.high == NULL)
		return;
	sessp_write_emit(r, "  ");
	sessp_table_style(r, SESSP_DIM);
	r->nomem |= sess_text_pad(r->out, label, len, LABEL, false) < 0;
	sessp_table_style(r, SESSP_PLAIN);
	sessp_write_emit(r, "  ");
	sparkline(r, column, s, p, n, sessp_cell_number(c, &e.high->cells[column]));
	sessp_write_emit(r, "  ");
	r->text.len = 0;
	sessp_figure(r, c, &e.low->cells[column], &r->text);
	r->nomem |= sess_buf_puts(&r->text, "–") < 0;
	sessp_figure(r, c, &e.high->cells[column], &r->text);
	sessp_emit_bytes(r, r->text.data, r->text.len);
	sessp_table_newline(r);
}

void
sessp_group_name(struct sess_report *r, size_t time, const struct sess_stats_row *row,
    struct sess_buf *out)
{
	size_t i;

	out->len = 0;
	for (i = 0; i < r->table->ncolumns; i++) {
		if (i == time || !sessp_column_has(&r->table->columns[i], SESS_COL_KEY) ||
		    sessp_column_has(&r->table->columns[i], SESS_COL_DETAIL))
			continue;
		if (out->len > 0)
			r->nomem |= sess_buf_puts(out, " ") < 0;
		sessp_figure(r, &r->table->columns[i], &row->cells[i], out);
	}
}

static void
group_series(struct sess_report *r, size_t time, const struct span *s,
    const struct sessp_point *p, size_t n, bool alone)
{
	const struct sess_stats_column *c = r->table->columns;
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++) {
		if (!sessp_column_number(&c[i]) || sessp_column_has(&c[i], SESS_COL_KEY))
			continue;
		if (alone && !sessp_column_has(&c[i], SESS_COL_DETAIL)) {
			if (!changes(r, i, p, n))
				continue;
			series_line(r, c[i].name, strlen(c[i].name), i, s, p, n);
		} else if (!alone && sessp_column_has(&c[i], SESS_COL_MAIN)) {
			sessp_group_name(r, time, p->row, &r->scratch);
			series_line(r, r->scratch.data, r->scratch.len, i, s, p, n);
		}
	}
}

size_t
sessp_group_end(const struct sessp_point *p, size_t n, size_t *from)
{
	size_t group = *from < n ? p[*from].group : 0, to;

	while (*from < n && p[*from].group == group && p[*from].at == SESS_NO_TIME)
		++*from;
	for (to = *from; to < n && p[to].group == group; to++)
		;
	return to;
}

void
sessp_series(struct sess_report *r)
{
	size_t time = sessp_time_column(r->table), from, to, groups = 0, n = r->kept.n;
	struct sessp_point *p;
	struct span span;
	bool any = false;

	if (time == r->table->ncolumns || n < SESSP_SERIES || (p = sessp_points(r, time)) == NULL)
		return;
	span = span_of(p, n);
	for (from = 0; from < n && groups < GROUPS; from = to, groups++) {
		to = sessp_group_end(p, n, &from);
		if (to - from < SESSP_SERIES)
			continue;
		group_series(r, time, &span, p + from, to - from, p[0].group == p[n - 1].group);
		any = true;
	}
	free(p);
	if (any)
		sessp_write_emit(r, "\n");
}
