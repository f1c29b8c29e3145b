/* Rows of a report in HTML, and the figures of a single one. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "sess/when.h"
#include "write.h"

bool
sessp_html_shown(const struct sess_report *r, size_t column)
{
	const struct sess_stats_column *c = &r->table->columns[column];

	/* A row without sessions to look into is half a row. */
	return r->o.details || !sessp_column_has(c, SESS_COL_DETAIL) ||
	    sessp_column_has(c, SESS_COL_SESSION);
}

static bool
is_key(const struct sess_stats_column *c)
{
	return sessp_column_has(c, SESS_COL_KEY);
}

static bool
is_session(const struct sess_stats_column *c)
{
	return sessp_column_has(c, SESS_COL_SESSION);
}

static const char *
class_of(const struct sess_stats_column *c, bool barred)
{
	if (sessp_column_number(c))
		return barred ? "n main" : "n";
	if (is_session(c))
		return "id";
	if (c->type == SESS_T_TIME)
		return "time";
	return is_key(c) ? "text key" : "text";
}

/* A column's name, which may be broken behind each _ where there is no room (on
 * paper). */
static void
heading(struct sess_report *r, const char *name)
{
	size_t len;

	for (; *name != '\0'; name += len) {
		len = strcspn(name, "_");
		len += name[len] == '_';
		sessp_emit_bytes(r, name, len);
		if (name[len] != '\0')
			sessp_write_emit(r, "<wbr>");
	}
}

void
sessp_html_head_row(struct sess_report *r)
{
	const struct sess_stats_column *c = r->table->columns;
	size_t i;

	sessp_write_emit(r, "<tr>");
	for (i = 0; i < r->table->ncolumns; i++) {
		if (!sessp_html_shown(r, i))
			continue;
		sessp_emitf(r, "<th scope=\"col\"%s title=\"",
		    sessp_column_number(&c[i]) ? " class=\"n\"" : "");
		sessp_html(r, c[i].doc, strlen(c[i].doc));
		sessp_write_emit(r, "\">");
		heading(r, c[i].name);
		sessp_write_emit(r, "</th>");
	}
	sessp_write_emit(r, "</tr>\n");
}

/* -- values */

static void
moment(struct sess_report *r, int64_t ms)
{
	char utc[SESS_WHEN_LEN];
	struct sessp_clock c;

	sess_when_format(ms, utc);
	sessp_clock(r, ms, &c);
	sessp_emitf(r, "<time datetime=\"%.*s\">%.19s", SESS_WHEN_LEN, utc, c.text);
	if (strcmp(c.zone, r->page->zone) != 0)
		sessp_emitf(r, " %s", c.zone);
	sessp_write_emit(r, "</time>");
}

static void
id(struct sess_report *r, const char *p, size_t len)
{
	size_t at = sessp_seen_find(&r->seen, p, len), n = r->page->ids++;

	if (n == 1)
		sessp_write_emit(r, "<details><summary>more</summary>");
	else if (n > 1)
		sessp_write_emit(r, "<br>");
	sessp_write_emit(r, "<code>");
	if (at < r->seen.n)
		sessp_emitf(r, "<a href=\"#s%zu\">", at + 1);
	sessp_html(r, p, len);
	sessp_write_emit(r, at < r->seen.n ? "</a></code>" : "</code>");
}

/* The first id, the others folded away. */
static void
ids(struct sess_report *r, const struct sess_stats_column *c, const struct sess_cell *cell)
{
	r->page->ids = 0;
	if (sessp_each_id(r, c, cell, id) > 1)
		sessp_write_emit(r, "</details>");
}

static void
figure(struct sess_report *r, const struct sess_stats_column *c, const struct sess_cell *cell)
{
	if (cell->estimated)
		sessp_write_emit(r, "~");
	r->text.len = 0;
	sessp_figure(r, c, cell, &r->text);
	r->nomem |= sessp_html_long(r->out, r->text.data, r->text.len) < 0;
}

static void
value(struct sess_report *r, const struct sess_stats_column *c, const struct sess_cell *cell)
{
	if (!sessp_cell_known(c, cell))
		sessp_write_emit(r, "<span class=\"none\">-</span>");
	else if (c->type == SESS_T_TIME)
		moment(r, cell->i);
	else if (is_session(c))
		ids(r, c, cell);
	else
		figure(r, c, cell);
}

static void
bar(struct sess_report *r, const struct sess_stats_column *c, const struct sess_cell *cell,
    double most)
{
	double d = sessp_cell_number(c, cell);

	if (!sessp_cell_known(c, cell) || !(d > 0) || !(most > 0))
		return;
	r->nomem |= sessp_html_bar(r->out, 0, d < most ? d : most, most) < 0;
}

void
sessp_html_row(struct sess_report *r, const struct sess_stats_row *row)
{
	const struct sess_stats_column *c = r->table->columns;
	size_t i, barred = sessp_bar_column(r->table);
	bool headed = false, heads;

	sessp_write_emit(r, "<tr>");
	for (i = 0; i < r->table->ncolumns; i++) {
		if (!sessp_html_shown(r, i))
			continue;
		heads = !headed && is_key(&c[i]);
		headed |= heads;
		sessp_emitf(r, "<%s class=\"%s%s\">", heads ? "th scope=\"row\"" : "td",
		    class_of(&c[i], i == barred), sessp_column_has(&c[i], SESS_COL_MAIN) &&
		    sessp_column_has(&c[i], SESS_COL_WORSE_UP) ? " worse" : "");
		value(r, &c[i], &row->cells[i]);
		if (i == barred)
			bar(r, &c[i], &row->cells[i], r->page->most);
		sessp_write_emit(r, heads ? "</th>" : "</td>");
	}
	sessp_write_emit(r, "</tr>\n");
}

/* -- a single row */

/* An object of numbers: each with its share of all. */
static bool
shares(struct sess_report *r, const struct sess_stats_column *c, const struct sess_cell *cell)
{
	json_t *root = json_loadb(cell->text.p, cell->text.len, JSON_ALLOW_NUL, NULL), *v;
	bool object = json_is_object(root) && json_object_size(root) > 0;
	const char *name;
	double all = 0;

	if (object) {
		sessp_emitf(r, "<table class=\"bars\"><caption>%s</caption>\n", c->name);
		json_object_foreach(root, name, v)
			all += json_number_value(v);
		json_object_foreach(root, name, v) {
			sessp_write_emit(r, "<tr><th scope=\"row\">");
			sessp_html(r, name, strlen(name));
			sessp_emitf(r, "</th><td>%.15g</td><td>", json_number_value(v));
			if (json_number_value(v) > 0)
				r->nomem |= sessp_html_bar(r->out, 0, json_number_value(v), all) < 0;
			sessp_write_emit(r, "</td></tr>\n");
		}
		sessp_write_emit(r, "</table>\n");
	}
	json_decref(root);
	return object;
}

static void
tile(struct sess_report *r, const struct sess_stats_column *c, const struct sess_cell *cell)
{
	sessp_write_emit(r, "<div title=\"");
	sessp_html(r, c->doc, strlen(c->doc));
	sessp_emitf(r, "\"><dt>%s</dt><dd>", c->name);
	value(r, c, cell);
	if (sessp_column_has(c, SESS_COL_SHARE))
		bar(r, c, cell, 1);
	sessp_write_emit(r, "</dd></div>\n");
}

void
sessp_html_figures(struct sess_report *r, const struct sess_stats_row *row)
{
	const struct sess_stats_column *c = r->table->columns;
	size_t i;

	sessp_write_emit(r, "<dl class=\"tiles\">\n");
	for (i = 0; i < r->table->ncolumns; i++)
		if (c[i].type != SESS_T_OBJ)
			tile(r, &c[i], &row->cells[i]);
	sessp_write_emit(r, "</dl>\n");
	for (i = 0; i < r->table->ncolumns; i++)
		if (c[i].type == SESS_T_OBJ && sessp_cell_known(&c[i], &row->cells[i]))
			shares(r, &c[i], &row->cells[i]);
}
