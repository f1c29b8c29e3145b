/* Which columns a table of a terminal shows, and how wide they are. */
#include <libsmartcols/libsmartcols.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sess/text.h"
#include "write.h"

enum {
	GAP = 2,
	FLOOR = 20,		/* a text is not cut below it, */
	DIMENSION_FLOOR = 22,	/* nor an hour of --by, */
	LIST_FLOOR = 12,	/* nor a list */
	COMFORT = 40,		/* enough of a text, before columns of details are added */
	BAR = 8, LONG_BAR = 16
};

size_t
sessp_header_part(const char *name, size_t width)
{
	const char *end, *p = name;
	size_t len = strlen(name);

	if (len <= width)
		return len;
	for (end = NULL; (p = strchr(p, '_')) != NULL && p[1] != '\0'; end = ++p)
		if (end != NULL && (size_t)(p + 1 - name) > width)
			break;
	return end != NULL ? (size_t)(end - name) : len;
}

static size_t
header_width(const struct sess_report *r, size_t i)
{
	const char *name = r->table->columns[i].name;
	size_t widest = 0, len;

	if (!r->layout.wrapped)
		return strlen(name);
	for (; *name != '\0'; name += len) {
		len = sessp_header_part(name, 1);
		widest = len > widest ? len : widest;
	}
	return widest;
}

/* -- what the rows ask for */

static bool
is_key(const struct sess_stats_column *c)
{
	return sessp_column_has(c, SESS_COL_KEY);
}

/* Look at the times of a column: what do all of them share? */
static void
look_at_times(struct sess_report *r, size_t column)
{
	struct sessp_layout *l = &r->layout;
	const struct sess_cell *cell;
	struct sessp_clock c;
	size_t i;

	for (i = 0; i < r->kept.n; i++) {
		cell = &r->kept.v[i].cells[column];
		if (!sessp_cell_known(&r->table->columns[column], cell))
			continue;
		sessp_clock(r, cell->i, &c);
		if (l->zone[0] == '\0') {
			memcpy(l->zone, c.zone, sizeof(l->zone));
			memcpy(l->date, c.text, sizeof(l->date) - 1);
		}
		l->dates |= memcmp(l->date, c.text, sizeof(l->date) - 1) != 0;
		l->seconds |= memcmp(c.text + 16, ":00.000", 7) != 0;
	}
}

/* Whether a column has anything to show; one that tells rows apart always has. */
static bool
any_known(const struct sess_report *r, size_t i)
{
	const struct sess_stats_column *c = &r->table->columns[i];
	size_t row;

	for (row = 0; row < r->kept.n && !is_key(c); row++)
		if (sessp_cell_known(c, &r->kept.v[row].cells[i]))
			return true;
	return is_key(c);
}

static void
measure(struct sess_report *r)
{
	const struct sess_stats_column *c = r->table->columns;
	struct sessp_place *p;
	size_t i, row, width;

	for (i = 0; i < r->table->ncolumns; i++)
		if (c[i].type == SESS_T_TIME)
			look_at_times(r, i);
	for (i = 0; i < r->table->ncolumns; i++) {
		p = &r->layout.place[i];
		*p = (struct sessp_place){ .shown = r->o.details || (any_known(r, i) &&
		    !sessp_column_has(&c[i], SESS_COL_DETAIL)),
		    .cut = (c[i].type == SESS_T_STR || c[i].type == SESS_T_OBJ) &&
		    !sessp_column_has(&c[i], SESS_COL_SESSION) };
		for (row = 0; row < r->kept.n; row++) {
			r->text.len = 0;
			sessp_table_text(r, i, &r->kept.v[row], &r->text);
			width = sess_text_width(r->text.data, r->text.len);
			p->widest = width > p->widest ? width : p->widest;
		}
	}
}

/* -- what there is room for */

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* What a column should have at least: for its text not to be cut too much, or
 * with comfort for most texts not to be. */
static size_t
wants(const struct sess_report *r, size_t i, bool comfort)
{
	const struct sessp_place *p = &r->layout.place[i];
	size_t header = header_width(r, i), data = p->widest;

	if (p->cut)
		data = least(data, comfort ? COMFORT :
		    r->table->columns[i].type == SESS_T_OBJ ? LIST_FLOOR :
		    i < r->table->ndimensions ? DIMENSION_FLOOR : FLOOR);
	return data > header ? data : header;
}

static size_t
needs(const struct sess_report *r, bool comfort)
{
	size_t i, width = r->layout.bar > 0 ? GAP + r->layout.bar : 0, n = 0;

	for (i = 0; i < r->table->ncolumns; i++)
		if (r->layout.place[i].shown)
			width += wants(r, i, comfort) + (n++ > 0 ? GAP : 0);
	return width;
}

static bool
fits(const struct sess_report *r, bool comfort)
{
	return r->o.width == 0 || needs(r, comfort) <= r->o.width;
}

/* Leave one column out, the last of those that don't tell rows apart. */
static bool
leave_out(struct sess_report *r)
{
	size_t i;

	for (i = r->table->ncolumns; i-- > 0; )
		if (r->layout.place[i].shown && !sessp_column_has(&r->table->columns[i],
		    SESS_COL_KEY | SESS_COL_MAIN)) {
			r->layout.place[i].shown = false;
			return true;
		}
	return false;
}

/* Session ids are wide and never cut: below the row instead of beside it. */
static void
ids_below(struct sess_report *r)
{
	struct sessp_place *p;
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++) {
		p = &r->layout.place[i];
		if (!p->shown || !sessp_column_has(&r->table->columns[i], SESS_COL_SESSION))
			continue;
		p->shown = false;
		p->below = true;
	}
}

/* Columns of details, as many as fit beside the texts. */
static void
add_details(struct sess_report *r)
{
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++) {
		if (r->layout.place[i].shown || r->layout.place[i].below || !any_known(r, i))
			continue;
		r->layout.place[i].shown = true;
		if (!fits(r, true))
			r->layout.place[i].shown = false;
	}
}

static void
add_bar(struct sess_report *r)
{
	struct sessp_layout *l = &r->layout;
	const struct sess_stats_column *c = r->table->columns;
	size_t i = sessp_bar_column(r->table), row;
	double d, most = 0;

	if (i == r->table->ncolumns || r->kept.n < 2)
		return;
	for (row = 0; row < r->kept.n; row++) {
		d = sessp_cell_number(&c[i], &r->kept.v[row].cells[i]);
		if (sessp_cell_known(&c[i], &r->kept.v[row].cells[i]) && d > most)
			most = d;
	}
	l->main = i;
	l->most = sessp_column_has(&c[i], SESS_COL_SHARE) ? 1 : most;
	l->bar = l->place[i].shown && l->most > 0 ? BAR : 0;
	if (!fits(r, true))
		l->bar = 0;
}

static bool
without_keys(const struct sess_report *r)
{
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++)
		if (is_key(&r->table->columns[i]))
			return false;
	return true;
}

/* Names and values hold all columns. */
static void
as_blocks(struct sess_report *r)
{
	size_t i;

	r->layout.blocks = true;
	for (i = 0; i < r->table->ncolumns; i++) {
		r->layout.place[i].shown = true;
		r->layout.place[i].below = false;
	}
}

/* Choose the columns. */
static void
choose(struct sess_report *r)
{
	struct sessp_layout *l = &r->layout;

	if (without_keys(r) && r->kept.n == 1) {
		as_blocks(r);
		return;
	}
	l->wrapped = !fits(r, true);
	if (!fits(r, true)) {
		ids_below(r);
		l->wrapped = false;
		l->wrapped = !fits(r, false);
	}
	if (r->o.details && !fits(r, false)) {
		as_blocks(r);
		return;
	}
	while (!fits(r, false) && leave_out(r))
		;
	add_bar(r);
	if (!l->wrapped)
		add_details(r);
	if (l->bar == 0)
		return;
	l->bar = LONG_BAR;
	if (!fits(r, true))
		l->bar = BAR;
}

/* -- how wide */

/* A text of so many columns that libsmartcols can count in any locale. */
static char *
stand_in(struct sess_report *r, size_t width)
{
	r->scratch.len = 0;
	if (sess_buf_room(&r->scratch, width + 1) < 0) {
		r->nomem = true;
		return NULL;
	}
	memset(r->scratch.data, 'x', width);
	r->scratch.data[width] = '\0';
	return r->scratch.data;
}

static void
add_columns(struct sess_report *r, struct libscols_table *tb)
{
	char *name;
	size_t i;

	for (i = 0; i < r->table->ncolumns && !r->nomem; i++) {
		if (!r->layout.place[i].shown)
			continue;
		name = stand_in(r, wants(r, i, false));
		r->nomem |= name == NULL || scols_table_new_column(tb, name, 0,
		    r->layout.place[i].cut ? SCOLS_FL_TRUNC | SCOLS_FL_NOEXTREMES : 0) == NULL;
	}
}

static struct libscols_line *
add_line(struct sess_report *r, struct libscols_table *tb, const struct sess_stats_row *row)
{
	struct libscols_line *ln = scols_table_new_line(tb, NULL);
	size_t i, n = 0;
	char *text;

	r->nomem |= ln == NULL;
	for (i = 0; i < r->table->ncolumns && !r->nomem; i++) {
		if (!r->layout.place[i].shown)
			continue;
		r->text.len = 0;
		sessp_table_text(r, i, row, &r->text);
		text = stand_in(r, sess_text_width(r->text.data, r->text.len));
		r->nomem |= text == NULL || scols_line_set_data(ln, n++, text) < 0;
	}
	return ln;
}

/* The widths that libsmartcols gives the columns of tb. */
static void
take_widths(struct sess_report *r, struct libscols_table *tb, struct libscols_line *last)
{
	size_t bar = r->layout.bar > 0 ? r->layout.bar + GAP : 0, i, n = 0, width;
	struct sessp_place *p;
	char *text = NULL;

	scols_table_set_termforce(tb, SCOLS_TERMFORCE_ALWAYS);
	scols_table_set_termwidth(tb, r->o.width > bar ? r->o.width - bar : 1);
	r->nomem |= scols_table_set_column_separator(tb, "  ") < 0 ||
	    scols_table_print_range_to_string(tb, last, last, &text) < 0;
	free(text);
	for (i = 0; i < r->table->ncolumns && !r->nomem; i++) {
		p = &r->layout.place[i];
		if (!p->shown)
			continue;
		width = scols_column_get_width(scols_table_get_column(tb, n++));
		/* The last column gets all that is left over. */
		p->width = least(width, wants(r, i, false) > p->widest ?
		    wants(r, i, false) : p->widest);
	}
}

/*
 * libsmartcols shares out the terminal's columns: texts give way, those that
 * are far wider than usual in their column first.  It counts by the locale's
 * wcwidth, which knows neither joined emoji nor the marks of text.h, and cuts
 * without an ellipsis, so it is given stand-ins of ASCII, as wide as the cells
 * are by text.h; the cells themselves are text.h's to write.
 */
static void
share_out(struct sess_report *r)
{
	struct libscols_table *tb = scols_new_table();
	struct libscols_line *last = NULL;
	size_t i;

	r->nomem |= tb == NULL;
	if (!r->nomem)
		add_columns(r, tb);
	for (i = 0; i < r->kept.n && !r->nomem; i++)
		last = add_line(r, tb, &r->kept.v[i]);
	if (!r->nomem && last != NULL)
		take_widths(r, tb, last);
	scols_unref_table(tb);
}

void
sessp_layout(struct sess_report *r, bool more)
{
	struct sessp_layout *l = &r->layout;
	size_t n = r->table->ncolumns, i;
	void *place;

	if (n > l->cap) {
		place = realloc(l->place, n * sizeof(*l->place));
		r->nomem |= place == NULL;
		if (place == NULL)
			return;
		l->place = place;
		l->cap = n;
	}
	*l = (struct sessp_layout){ .place = l->place, .cap = l->cap, .dates = more };
	measure(r);
	choose(r);
	for (i = 0; i < n; i++)
		l->place[i].width = l->place[i].cut && r->o.width > 0 ? wants(r, i, false) :
		    wants(r, i, false) > l->place[i].widest ? wants(r, i, false) : l->place[i].widest;
	if (r->o.width > 0 && !l->blocks && !r->nomem)
		share_out(r);
}
