/* Figures over time as lines. */
#include <stdlib.h>
#include <string.h>

#include "sess/when.h"
#include "write.h"

enum { LINES = 6, WIDTH = 600, HEIGHT = 100, MARGIN = 4 };

struct line {
	const struct sessp_point *p;
	size_t n;
};

struct chart {
	size_t column;
	struct line line[LINES];
	size_t n;
	double least, most;
	const struct sess_stats_row *lowest, *highest;
	size_t groups;			/* that there are; n of them are drawn */
	int64_t from, to, step;		/* ms */
};

static bool
known(const struct sess_report *r, const struct chart *c, const struct sess_stats_row *row)
{
	return sessp_cell_known(&r->table->columns[c->column], &row->cells[c->column]);
}

static double
number(const struct sess_report *r, const struct chart *c, const struct sess_stats_row *row)
{
	return sessp_cell_number(&r->table->columns[c->column], &row->cells[c->column]);
}

/* What the lines span. */
static void
measure(const struct sess_report *r, struct chart *c)
{
	const struct line *l;
	int64_t step;
	size_t i;
	double d;

	c->lowest = c->highest = NULL;
	for (l = c->line; l < c->line + c->n; l++) {
		step = sessp_step(l->p, l->n);
		c->step = l == c->line || step < c->step ? step : c->step;
		c->from = l == c->line || l->p[0].at < c->from ? l->p[0].at : c->from;
		c->to = l == c->line || l->p[l->n - 1].at > c->to ? l->p[l->n - 1].at : c->to;
		for (i = 0; i < l->n; i++) {
			if (!known(r, c, l->p[i].row))
				continue;
			d = number(r, c, l->p[i].row);
			if (c->highest == NULL || d > c->most) {
				c->most = d;
				c->highest = l->p[i].row;
			}
			if (c->lowest == NULL || d < c->least) {
				c->least = d;
				c->lowest = l->p[i].row;
			}
		}
	}
}

static double
x_of(const struct chart *c, int64_t at)
{
	return c->to > c->from ? MARGIN + (double)(at - c->from) / (double)(c->to - c->from) *
	    (WIDTH - 2 * MARGIN) : WIDTH / 2.0;
}

static double
y_of(const struct chart *c, double d)
{
	return c->most > 0 && d > 0 ? HEIGHT - MARGIN - d / c->most * (HEIGHT - 2 * MARGIN) :
	    HEIGHT - MARGIN;
}

/* Interrupted where a step has no point, or none that is known. */
static void
path(struct sess_report *r, const struct chart *c, size_t n)
{
	const struct line *l = &c->line[n];
	bool drawing = false;
	size_t i;

	sessp_emitf(r, "<path class=\"l%zu\" vector-effect=\"non-scaling-stroke\" d=\"", n);
	for (i = 0; i < l->n; i++) {
		if (!known(r, c, l->p[i].row)) {
			drawing = false;
			continue;
		}
		if (i > 0 && (l->p[i].at - l->p[i - 1].at) / 3 > c->step / 2)
			drawing = false;
		/* A point alone is a line of no length, which has round ends. */
		sessp_emitf(r, drawing ? "L%.1f %.1f" : "M%.1f %.1fh0", x_of(c, l->p[i].at),
		    y_of(c, number(r, c, l->p[i].row)));
		drawing = true;
	}
	sessp_write_emit(r, "\"/>\n");
}

static void
figure(struct sess_report *r, const struct chart *c, const struct sess_stats_row *row)
{
	r->text.len = 0;
	sessp_figure(r, &r->table->columns[c->column], &row->cells[c->column], &r->text);
	sessp_html(r, r->text.data, r->text.len);
}

static void
when(struct sess_report *r, int64_t ms)
{
	struct sessp_clock clock;

	sessp_clock(r, ms, &clock);
	sessp_emitf(r, "%.16s", clock.text);
}

/* What a pointer shows above a moment, one column for each. */
static void
hints(struct sess_report *r, const struct chart *c)
{
	const struct line *l = c->line;
	double width = (double)WIDTH / (double)l->n, x;
	size_t i;

	for (i = 0; i < l->n && c->n == 1; i++) {
		if (!known(r, c, l->p[i].row))
			continue;
		x = x_of(c, l->p[i].at) - width / 2;
		sessp_emitf(r, "<rect x=\"%.1f\" width=\"%.1f\" height=\"100\"><title>", x, width);
		when(r, l->p[i].at);
		sessp_write_emit(r, ": ");
		figure(r, c, l->p[i].row);
		sessp_write_emit(r, "</title></rect>\n");
	}
}

static void
caption(struct sess_report *r, const struct chart *c)
{
	sessp_emitf(r, "%s, ", r->table->columns[c->column].name);
	figure(r, c, c->lowest);
	sessp_write_emit(r, " to ");
	figure(r, c, c->highest);
}

static void
legend(struct sess_report *r, const struct chart *c, size_t time)
{
	size_t i;

	sessp_write_emit(r, "<ul class=\"legend\">\n");
	for (i = 0; i < c->n; i++) {
		sessp_emitf(r, "<li><svg viewBox=\"0 0 36 10\" aria-hidden=\"true\"><path class=\"l%zu\" "
		    "d=\"M1 5H35\"/></svg>", i);
		sessp_group_name(r, time, c->line[i].p->row, &r->scratch);
		sessp_html(r, r->scratch.data, r->scratch.len);
		sessp_write_emit(r, "</li>\n");
	}
	if (c->groups > c->n)
		sessp_emitf(r, "<li>the first %zu of %zu</li>\n", c->n, c->groups);
	sessp_write_emit(r, "</ul>\n");
}

static void
draw(struct sess_report *r, struct chart *c, size_t time)
{
	size_t i;

	measure(r, c);
	if (c->highest == NULL)
		return;
	sessp_write_emit(r, "<figure>\n<figcaption><b>");
	caption(r, c);
	sessp_write_emit(r, "</b></figcaption>\n<svg class=\"line\" viewBox=\"0 0 600 100\" "
	    "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"");
	caption(r, c);
	sessp_write_emit(r, "\">\n");
	for (i = 0; i < c->n; i++)
		path(r, c, i);
	hints(r, c);
	sessp_write_emit(r, "</svg>\n<div class=\"ends\"><span>");
	when(r, c->from);
	sessp_write_emit(r, "</span><span>");
	when(r, c->to);
	sessp_write_emit(r, "</span></div>\n");
	if (c->n > 1)
		legend(r, c, time);
	sessp_write_emit(r, "</figure>\n");
}

/* The groups' points as lines of a chart, as many as can be told apart. */
static struct chart
lines(const struct sessp_point *p, size_t n)
{
	struct chart c = { .n = 0 };
	size_t from, to;

	for (from = 0; from < n; from = to) {
		to = sessp_group_end(p, n, &from);
		if (to - from < SESSP_SERIES)
			continue;
		c.groups++;
		if (c.n < LINES)
			c.line[c.n++] = (struct line){ p + from, to - from };
	}
	return c;
}

void
sessp_html_charts(struct sess_report *r)
{
	const struct sess_stats_column *col = r->table->columns;
	size_t time = sessp_time_column(r->table), i;
	struct sessp_point *p;
	struct chart c;

	if (time == r->table->ncolumns || r->kept.n < SESSP_SERIES ||
	    (p = sessp_points(r, time)) == NULL)
		return;
	c = lines(p, r->kept.n);
	sessp_write_emit(r, c.n > 0 ? "<div class=\"charts\">\n" : "");
	for (i = 0; i < r->table->ncolumns && c.n > 0; i++) {
		if (!sessp_column_number(&col[i]) || sessp_column_has(&col[i], SESS_COL_KEY) ||
		    !sessp_html_shown(r, i) || (c.n > 1 && !sessp_column_has(&col[i], SESS_COL_MAIN)))
			continue;
		c.column = i;
		draw(r, &c, time);
	}
	sessp_write_emit(r, c.n > 0 ? "</div>\n" : "");
	free(p);
}
