/* Gauges for the textfile collector of Prometheus' node_exporter. */
#include <ctype.h>
#include <string.h>

#include "sess/text.h"
#include "write.h"

/* A name as a metric may be called. */
static void
name(struct sess_report *r, const char *s, size_t len)
{
	size_t i;
	char c;

	for (i = 0; i < len; i++) {
		c = isalnum((unsigned char)s[i]) ? s[i] : '_';
		sessp_emit_bytes(r, &c, 1);
	}
}

static bool
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static bool
in_ms(const struct sess_stats_column *c)
{
	return strcmp(c->unit, "ms") == 0;
}

/* sess_pages_load_p75_seconds: the unit, a base unit, is its end. */
static void
metric(struct sess_report *r, const struct sess_stats_column *c)
{
	size_t len = strlen(c->name) - (in_ms(c) && ends_in(c->name, "_ms") ? 3 : 0);

	sessp_write_emit(r, "sess_");
	name(r, r->table->name, strlen(r->table->name));
	sessp_write_emit(r, "_");
	name(r, c->name, len);
	if (in_ms(c))
		sessp_write_emit(r, "_seconds");
	else if (c->unit[0] != '\0' && !ends_in(c->name, c->unit)) {
		sessp_write_emit(r, "_");
		name(r, c->unit, strlen(c->unit));
	}
}

/* What stands for a byte of a label, or of HELP, where nothing is quoted. */
static const char *
label_escape(char c)
{
	return c == '\\' ? "\\\\" : c == '\n' ? "\\n" : c == '"' ? "\\\"" : NULL;
}

static const char *
help_escape(char c)
{
	return c == '\\' ? "\\\\" : c == '\n' ? "\\n" : NULL;
}

/* The labels of a row, without braces, into r->scratch. */
static void
labels(struct sess_report *r, const struct sess_stats_row *row)
{
	const struct sess_stats_column *c = r->table->columns;
	size_t i;

	r->scratch.len = 0;
	for (i = 0; i < r->table->ncolumns; i++) {
		if (!sessp_column_has(&c[i], SESS_COL_KEY))
			continue;
		r->text.len = 0;
		sessp_write_value(r, &c[i], &row->cells[i], &r->text);
		r->nomem |= sess_buf_printf(&r->scratch, "%s%s=\"", r->scratch.len > 0 ? "," : "",
		    c[i].name) < 0;
		r->nomem |= sessp_tamed(&r->scratch, r->text.data, r->text.len, label_escape) < 0 ||
		    sess_buf_putc(&r->scratch, '"') < 0;
	}
}

/*
 * No two rows with the same labels: the collector takes nothing of a file that
 * has them.  Keys that differ only in what was not fit to print get one label more.
 */
static void
unique(struct sess_report *r)
{
	size_t len = r->scratch.len, n = 1;
	int new;

	while ((new = sessp_seen_add(&r->seen, r->scratch.data, r->scratch.len)) == 0) {
		r->scratch.len = len;
		r->nomem |= sess_buf_printf(&r->scratch, "%sduplicate=\"%zu\"", len > 0 ? "," : "",
		    ++n) < 0;
		if (r->nomem)
			return;
	}
	r->nomem |= new < 0;
}

static void
sample(struct sess_report *r, const struct sess_stats_column *c, const struct sess_cell *cell)
{
	struct sess_stats_column seconds = *c;
	struct sess_cell value = *cell;

	metric(r, c);
	if (r->scratch.len > 0) {
		sessp_write_emit(r, "{");
		sessp_emit_bytes(r, r->scratch.data, r->scratch.len);
		sessp_write_emit(r, "}");
	}
	sessp_write_emit(r, " ");
	if (in_ms(c)) {
		seconds.type = SESS_T_NUM;
		value.d = sessp_cell_number(c, cell) / 1000;
	}
	sessp_write_value(r, &seconds, &value, r->out);
	sessp_write_emit(r, "\n");
}

/* Say so where a figure of the column is an estimate. */
static void
estimated(struct sess_report *r, size_t column)
{
	size_t i;

	for (i = 0; i < r->kept.n && !r->kept.v[i].cells[column].estimated; i++)
		;
	if (i == r->kept.n)
		return;
	sessp_write_emit(r, "# ");
	metric(r, &r->table->columns[column]);
	sessp_write_emit(r, ": rests on estimated users, standard error 0.81 %\n");
}

/* All samples of a column: they have to stand together. */
static void
gauge(struct sess_report *r, size_t column)
{
	const struct sess_stats_column *c = &r->table->columns[column];
	const struct sess_stats_row *row = r->kept.v, *end = row + r->kept.n;
	bool first = true;

	sessp_seen_release(&r->seen);
	for (; row < end && !r->nomem; row++) {
		labels(r, row);
		unique(r);
		if (!sessp_cell_known(c, &row->cells[column]))
			continue;
		if (first) {
			estimated(r, column);
			sessp_write_emit(r, "# HELP ");
			metric(r, c);
			sessp_write_emit(r, " ");
			r->nomem |= sessp_tamed(r->out, c->doc, strlen(c->doc), help_escape) < 0;
			sessp_write_emit(r, "\n# TYPE ");
			metric(r, c);
			sessp_write_emit(r, " gauge\n");
		}
		sample(r, c, &row->cells[column]);
		first = false;
	}
}

/* Why a table has no gauges, or NULL. */
static const char *
no_gauges(const struct sess_stats_table *t)
{
	const struct sess_stats_column *c;
	size_t i;

	for (i = 0; i < t->ncolumns; i++) {
		c = &t->columns[i];
		if (c->type == SESS_T_STR && sessp_column_has(c, SESS_COL_SESSION))
			return "its rows are single sessions or events, not series";
		if (c->type == SESS_T_TIME && sessp_column_has(c, SESS_COL_KEY))
			return "its rows are moments, and Prometheus keeps the time itself";
	}
	return NULL;
}

static void
prometheus_begin(struct sess_report *r)
{
	const char *why = no_gauges(r->table);

	sessp_kept_reset(&r->kept);
	if (why != NULL)
		sessp_emitf(r, "# no gauges of %s: %s\n", r->table->name, why);
}

static void
prometheus_row(struct sess_report *r, const struct sess_stats_row *row)
{
	if (no_gauges(r->table) == NULL)
		r->nomem |= sessp_kept_add(&r->kept, row, r->table->ncolumns) < 0;
}

static void
prometheus_finish(struct sess_report *r)
{
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++)
		if (sessp_column_number(&r->table->columns[i]) &&
		    !sessp_column_has(&r->table->columns[i], SESS_COL_KEY))
			gauge(r, i);
}

const struct sessp_writer sessp_write_prometheus = {
	.name = "prometheus", .begin = prometheus_begin, .row = prometheus_row,
	.finish = prometheus_finish
};
