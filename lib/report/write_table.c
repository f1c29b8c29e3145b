/* A report as a table of a terminal. */
#include <stdio.h>
#include <string.h>

#include "sess/text.h"
#include "write.h"

void
sessp_table_style(struct sess_report *r, enum sessp_style style)
{
	if (r->o.color)
		sessp_write_emit(r, sessp_sgr[style]);
}

void
sessp_table_newline(struct sess_report *r)
{
	while (r->out->len > 0 && r->out->data[r->out->len - 1] == ' ')
		r->out->len--;
	sessp_write_emit(r, "\n");
}

/* -- cells */

/* 21:10:02, with its date or zone where these aren't those of all. */
static void
moment(struct sess_report *r, int64_t ms, struct sess_buf *out)
{
	const struct sessp_layout *l = &r->layout;
	struct sessp_clock c;

	sessp_clock(r, ms, &c);
	if (l->dates)
		r->nomem |= sess_buf_add(out, c.text, 11) < 0;
	r->nomem |= sess_buf_add(out, c.text + 11, l->seconds ? 8 : 5) < 0;
	if (strcmp(c.zone, l->zone) != 0)
		r->nomem |= sess_buf_puts(out, c.zone) < 0;
}

static void
first_id(struct sess_report *r, const char *id, size_t len)
{
	if (r->scratch.len == 0)
		r->nomem |= sess_buf_add(&r->scratch, id, len) < 0;
}

static void
ids(struct sess_report *r, const struct sess_stats_column *c, const struct sess_cell *cell,
    struct sess_buf *out)
{
	size_t n;

	r->scratch.len = 0;
	n = sessp_each_id(r, c, cell, first_id);
	r->nomem |= n == 0 ? sess_buf_puts(out, "-") < 0 :
	    sess_buf_add(out, r->scratch.data, r->scratch.len) < 0;
	if (n > 1)
		r->nomem |= sess_buf_printf(out, " +%zu", n - 1) < 0;
}

void
sessp_table_text(struct sess_report *r, size_t column, const struct sess_stats_row *row,
    struct sess_buf *out)
{
	const struct sess_stats_column *c = &r->table->columns[column];
	const struct sess_cell *cell = &row->cells[column];
	bool known = sessp_cell_known(c, cell);

	if (known && cell->estimated)
		r->nomem |= sess_buf_puts(out, "~") < 0;
	if (known && c->type == SESS_T_TIME)
		moment(r, cell->i, out);
	else if (known && c->type == SESS_T_OBJ && sessp_column_has(c, SESS_COL_SESSION))
		ids(r, c, cell, out);
	else
		sessp_figure(r, c, cell, out);
}

/* A page or a URL: its end says more than its beginning, which is much the same
 * in all rows. */
static bool
is_address(const char *p, size_t len)
{
	return memchr(p, '/', len) != NULL && memchr(p, ' ', len) == NULL;
}

/* Leave out of the middle of r->text what is too much for so many columns. */
static void
cut_middle(struct sess_report *r, size_t columns)
{
	size_t left = sess_text_width(r->text.data, r->text.len), from, to, next = 0;

	from = sess_text_wrap(r->text.data, r->text.len, columns / 5, &next);
	for (to = from; to < r->text.len && left > columns - 1; to += next) {
		(void)sess_text_wrap(r->text.data + to, r->text.len - to, 1, &next);
		left -= sess_text_width(r->text.data + to, next);
	}
	r->scratch.len = 0;
	r->nomem |= sess_buf_add(&r->scratch, r->text.data, from) < 0 ||
	    sess_buf_puts(&r->scratch, "…") < 0 ||
	    sess_buf_add(&r->scratch, r->text.data + to, r->text.len - to) < 0;
	r->text.len = 0;
	r->nomem |= sess_buf_add(&r->text, r->scratch.data, r->scratch.len) < 0;
}

static void
cell(struct sess_report *r, size_t column, const struct sess_stats_row *row)
{
	const struct sessp_place *p = &r->layout.place[column];
	size_t width = p->width, text;

	r->text.len = 0;
	sessp_table_text(r, column, row, &r->text);
	text = sess_text_width(r->text.data, r->text.len);
	/* A row behind those looked at may need more room: only texts are cut. */
	if (!p->cut && text > width)
		width = text;
	else if (text > width && is_address(r->text.data, r->text.len))
		cut_middle(r, width);
	r->nomem |= sess_text_pad(r->out, r->text.data, r->text.len, width,
	    sessp_column_number(&r->table->columns[column])) < 0;
}

/* -- lines */

/* Session ids that have no room beside the rest. */
static void
ids_below(struct sess_report *r, const struct sess_stats_row *row)
{
	const struct sess_stats_column *c = r->table->columns;
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++) {
		if (!r->layout.place[i].below || !sessp_cell_known(&c[i], &row->cells[i]))
			continue;
		sessp_table_style(r, SESSP_DIM);
		sessp_emitf(r, "    %s ", c[i].name);
		sessp_table_style(r, SESSP_PLAIN);
		r->text.len = 0;
		sessp_table_text(r, i, row, &r->text);
		r->nomem |= sess_text_clean(r->out, r->text.data, r->text.len) < 0;
		sessp_table_newline(r);
	}
}

static void
line(struct sess_report *r, const struct sess_stats_row *row)
{
	const struct sessp_layout *l = &r->layout;
	const char *between = "";
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++) {
		if (!l->place[i].shown)
			continue;
		sessp_write_emit(r, between);
		cell(r, i, row);
		between = "  ";
		if (l->bar == 0 || i != l->main)
			continue;
		sessp_write_emit(r, between);
		sessp_bar(r, sessp_cell_known(&r->table->columns[i], &row->cells[i]) ?
		    sessp_cell_number(&r->table->columns[i], &row->cells[i]) / l->most : 0,
		    l->bar);
	}
	sessp_table_newline(r);
	ids_below(r, row);
}

/* Where the part of a name begins that is `back` lines above the last. */
static const char *
part_from_end(const char *name, size_t width, size_t back, size_t *len)
{
	const char *p;
	size_t lines = 1;

	for (p = name; p[*len = sessp_header_part(p, width)] != '\0'; p += *len)
		lines++;
	if (back >= lines)
		return NULL;
	for (p = name, *len = sessp_header_part(p, width); lines > back + 1; lines--) {
		p += *len;
		*len = sessp_header_part(p, width);
	}
	return p;
}

static size_t
header_lines(const struct sess_report *r)
{
	size_t i, n, lines = 1, len;

	for (i = 0; i < r->table->ncolumns; i++) {
		if (!r->layout.place[i].shown)
			continue;
		for (n = 0; part_from_end(r->table->columns[i].name,
		    r->layout.place[i].width, n, &len) != NULL; )
			n++;
		lines = n > lines ? n : lines;
	}
	return lines;
}

static void
header(struct sess_report *r)
{
	const struct sessp_layout *l = &r->layout;
	const struct sess_stats_column *c = r->table->columns;
	size_t n, i, len;
	const char *between, *part;

	for (n = header_lines(r); n-- > 0; ) {
		sessp_table_style(r, SESSP_DIM);
		for (i = 0, between = ""; i < r->table->ncolumns; i++) {
			if (!l->place[i].shown)
				continue;
			sessp_write_emit(r, between);
			part = part_from_end(c[i].name, l->place[i].width, n, &len);
			r->nomem |= sess_text_pad(r->out, part != NULL ? part : "",
			    part != NULL ? len : 0, l->place[i].width,
			    sessp_column_number(&c[i])) < 0;
			between = "  ";
			if (l->bar > 0 && i == l->main)
				r->nomem |= sess_text_pad(r->out, "", 0, l->bar + 2, false) < 0;
		}
		sessp_table_style(r, SESSP_PLAIN);
		sessp_table_newline(r);
	}
}

/* Whether --report names it: a comparison is none. */
static bool
is_report(const char *name)
{
	const char *known, *doc;
	size_t i;

	for (i = 0; (known = sess_stats_report(i, &doc)) != NULL; i++)
		if (strcmp(known, name) == 0)
			return true;
	return false;
}

/* Slowest page loads  -r slow, 20 rows, times 2026-11-23 +0100 */
static void
title(struct sess_report *r, bool more)
{
	const struct sessp_layout *l = &r->layout;

	if (r->ntables > 1)
		sessp_write_emit(r, "\n");
	sessp_table_style(r, SESSP_BOLD);
	sessp_write_emit(r, r->table->title);
	sessp_table_style(r, SESSP_PLAIN);
	sessp_table_style(r, SESSP_DIM);
	sessp_emitf(r, is_report(r->table->name) ? "  -r %s" : "  %s", r->table->name);
	if (r->kept.n > 1 && !more)
		sessp_emitf(r, ", %zu rows", r->kept.n);
	if (l->zone[0] != '\0')
		sessp_emitf(r, ", times %s%s%s", l->dates ? "" : l->date, l->dates ? "" : " ",
		    l->zone);
	sessp_table_style(r, SESSP_PLAIN);
	sessp_write_emit(r, "\n");
}

/* A line in low voice below the rows. */
static void
note(struct sess_report *r, const char *text, size_t len)
{
	size_t width = r->o.width > 0 ? r->o.width : SIZE_MAX, end, next;

	sessp_table_style(r, SESSP_DIM);
	for (; len > 0; text += next, len -= next) {
		end = sess_text_wrap(text, len, width, &next);
		r->nomem |= sess_text_clean(r->out, text, end) < 0;
		sessp_table_newline(r);
	}
	sessp_table_style(r, SESSP_PLAIN);
}

static void
left_out(struct sess_report *r)
{
	const char *between = "not shown: ";
	size_t i;

	r->text.len = 0;
	for (i = 0; i < r->table->ncolumns && !r->layout.blocks; i++) {
		if (r->layout.place[i].shown || r->layout.place[i].below)
			continue;
		r->nomem |= sess_buf_puts(&r->text, between) < 0 ||
		    sess_buf_puts(&r->text, r->table->columns[i].name) < 0;
		between = ", ";
	}
	if (r->text.len == 0)
		return;
	r->nomem |= sess_buf_puts(&r->text, " (--details or -o ndjson shows them)") < 0;
	note(r, r->text.data, r->text.len);
}

/* -- the writer */

static void
table_begin(struct sess_report *r)
{
	sessp_kept_reset(&r->kept);
	r->estimated = false;
}

static void
shown_row(struct sess_report *r, const struct sess_stats_row *row)
{
	r->estimated |= row->estimated;
	if (r->layout.blocks)
		sessp_block(r, row);
	else
		line(r, row);
}

/* Enough was seen, or all. */
static void
kept_rows(struct sess_report *r, bool more)
{
	size_t i;

	sessp_layout(r, more);
	if (r->nomem)
		return;
	title(r, more);
	if (r->kept.n == 0) {
		sessp_write_emit(r, "no rows\n");
		return;
	}
	if (!more)
		sessp_series(r);
	if (!r->layout.blocks)
		header(r);
	for (i = 0; i < r->kept.n && !r->nomem; i++)
		shown_row(r, &r->kept.v[i]);
}

static void
table_row(struct sess_report *r, const struct sess_stats_row *row)
{
	if (r->nrows == SESSP_LOOK + 1)
		kept_rows(r, true);
	if (r->nomem)
		return;
	if (r->nrows > SESSP_LOOK)
		shown_row(r, row);
	else
		r->nomem |= sessp_kept_add(&r->kept, row, r->table->ncolumns) < 0;
}

static void
table_finish(struct sess_report *r)
{
	static const char estimated[] = "~ distinct users are estimated above 1024, with a "
	    "standard error of 0.81 %";

	if (r->nrows <= SESSP_LOOK)
		kept_rows(r, false);
	if (r->nrows == 0 || r->nomem)
		return;
	if (r->estimated)
		note(r, estimated, sizeof(estimated) - 1);
	left_out(r);
}

const struct sessp_writer sessp_write_table = {
	.name = "table", .begin = table_begin, .row = table_row, .finish = table_finish
};
