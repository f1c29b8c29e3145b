/* A row as names and values: figures side by side, longer texts below them. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "sess/text.h"
#include "write.h"

enum { INDENT = 2, GAP = 4, SHORT = 30, BAR = 20, COLUMNS = 3, ALL = 4096 };

static size_t
label_width(const struct sess_report *r)
{
	size_t i, len, widest = 0;

	for (i = 0; i < r->table->ncolumns; i++) {
		len = strlen(r->table->columns[i].name);
		if (r->layout.place[i].shown && len > widest)
			widest = len;
	}
	return widest;
}

static bool
is_list(const struct sess_report *r, size_t i)
{
	return r->table->columns[i].type == SESS_T_OBJ;
}

static bool
is_key(const struct sess_report *r, size_t i)
{
	return sessp_column_has(&r->table->columns[i], SESS_COL_KEY);
}

/* Whether the value stands in a line beside others. */
static bool
is_short(const struct sess_report *r, size_t i)
{
	const struct sessp_place *p = &r->layout.place[i];

	return p->shown && !is_list(r, i) && p->widest <= SHORT && !is_key(r, i);
}

static size_t
line_width(const struct sess_report *r)
{
	return r->o.width > 0 ? r->o.width : ALL;
}

static void
label(struct sess_report *r, size_t i, size_t width)
{
	const char *name = r->table->columns[i].name;

	sessp_table_style(r, SESSP_DIM);
	r->nomem |= sess_text_pad(r->out, name, strlen(name), width, false) < 0;
	sessp_table_style(r, SESSP_PLAIN);
	sessp_write_emit(r, "  ");
}

/* -- figures */

struct grid {
	size_t label, value;		/* widths */
	size_t columns, lines, n;
};

static struct grid
grid(const struct sess_report *r)
{
	struct grid g = { .label = label_width(r) };
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++) {
		if (!is_short(r, i))
			continue;
		g.n++;
		if (r->layout.place[i].widest > g.value)
			g.value = r->layout.place[i].widest;
	}
	g.columns = (line_width(r) + GAP) / (INDENT + g.label + 2 + g.value + GAP);
	g.columns = g.columns < 1 ? 1 : g.columns > COLUMNS ? COLUMNS : g.columns;
	g.lines = (g.n + g.columns - 1) / g.columns;
	return g;
}

/* The table's column of the n-th short value. */
static size_t
nth_short(const struct sess_report *r, size_t n)
{
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++)
		if (is_short(r, i) && n-- == 0)
			break;
	return i;
}

static void
figures(struct sess_report *r, const struct sess_stats_row *row)
{
	struct grid g = grid(r);
	size_t y, at, i;

	for (y = 0; y < g.lines; y++) {
		for (at = y; at < g.n; at += g.lines) {
			i = nth_short(r, at);
			r->nomem |= sess_text_pad(r->out, "", 0, at == y ? INDENT : GAP, false) < 0;
			label(r, i, g.label);
			r->text.len = 0;
			sessp_table_text(r, i, row, &r->text);
			r->nomem |= sess_text_pad(r->out, r->text.data, r->text.len, g.value,
			    sessp_column_number(&r->table->columns[i])) < 0;
		}
		sessp_table_newline(r);
	}
}

/* -- longer ones */

/* Text behind a label, wrapped. */
static void
paragraph(struct sess_report *r, const char *t, size_t len, size_t indent)
{
	size_t width = line_width(r), end, next;

	width = width > indent + SHORT ? width - indent : SHORT;
	for (;;) {
		end = sess_text_wrap(t, len, width, &next);
		r->nomem |= sess_text_clean(r->out, t, end) < 0;
		sessp_table_newline(r);
		if (next >= len)
			return;
		r->nomem |= sess_text_pad(r->out, "", 0, indent, false) < 0;
		t += next;
		len -= next;
	}
}

static double
total(const json_t *object)
{
	const char *name;
	json_t *value;
	double sum = 0;

	json_object_foreach((json_t *)object, name, value)
		sum += json_number_value(value);
	return sum;
}

static size_t
widest_name(const json_t *object)
{
	size_t widest = 0, width;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value) {
		width = sess_text_width(name, strlen(name));
		widest = width > widest ? width : widest;
	}
	return widest;
}

/* An object of numbers: each with its share of all as a bar. */
static void
shares(struct sess_report *r, const json_t *object, size_t indent)
{
	size_t width = widest_name(object), lead = 0;
	double all = total(object), d;
	const char *name;
	json_t *value;

	width = width < SHORT ? width : SHORT;
	json_object_foreach((json_t *)object, name, value) {
		d = json_number_value(value);
		r->nomem |= sess_text_pad(r->out, "", 0, lead, false) < 0 ||
		    sess_text_pad(r->out, name, strlen(name), width, false) < 0 ||
		    sess_buf_printf(r->out, "%9.15g  ", d) < 0;
		sessp_bar(r, all > 0 ? d / all : 0, BAR);
		sessp_table_newline(r);
		lead = indent;
	}
}

static void
long_value(struct sess_report *r, size_t i, const struct sess_stats_row *row, size_t indent)
{
	const struct sess_cell *cell = &row->cells[i];
	json_t *root = NULL;

	if (is_list(r, i) && sessp_cell_known(&r->table->columns[i], cell))
		root = json_loadb(cell->text.p, cell->text.len, JSON_ALLOW_NUL, NULL);
	if (json_is_object(root) && json_object_size(root) > 0) {
		shares(r, root, indent);
	} else {
		r->text.len = 0;
		if (is_list(r, i))	/* all session ids, not one */
			sessp_figure(r, &r->table->columns[i], cell, &r->text);
		else
			sessp_table_text(r, i, row, &r->text);
		paragraph(r, r->text.data, r->text.len, indent);
	}
	json_decref(root);
}

/* The values that have lines of their own: keys, or all others. */
static void
long_values(struct sess_report *r, const struct sess_stats_row *row, size_t labels, bool keys)
{
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++) {
		if (!r->layout.place[i].shown || is_short(r, i) || is_key(r, i) != keys)
			continue;
		r->nomem |= sess_text_pad(r->out, "", 0, INDENT, false) < 0;
		label(r, i, labels);
		long_value(r, i, row, INDENT + labels + 2);
	}
}

void
sessp_block(struct sess_report *r, const struct sess_stats_row *row)
{
	size_t labels = label_width(r);

	if (r->kept.n > 1)
		sessp_write_emit(r, "\n");
	long_values(r, row, labels, true);
	figures(r, row);
	long_values(r, row, labels, false);
}
