/* csv, tsv and ids. */
#include "write.h"

static void
header(struct sess_report *r, char between)
{
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++) {
		if (i > 0)
			sessp_emit_bytes(r, &between, 1);
		sessp_write_emit(r, r->table->columns[i].name);
	}
	sessp_write_emit(r, "\n");
}

static void
line(struct sess_report *r, const struct sess_stats_row *row, char between,
    void (*field)(struct sess_report *r, struct sess_slice text))
{
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++) {
		if (i > 0)
			sessp_emit_bytes(r, &between, 1);
		r->text.len = 0;
		sessp_write_value(r, &r->table->columns[i], &row->cells[i], &r->text);
		field(r, (struct sess_slice){ r->text.data, r->text.len });
	}
	sessp_write_emit(r, "\n");
}

/* -- csv */

static const char *
csv_escape(char c)
{
	return c == '"' ? "\"\"" : c == '\n' ? "\n" : c == '\t' ? "\t" : NULL;
}

static bool
wants_quotes(struct sess_slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (memchr(",\"\n\t", s.p[i], 4) != NULL)
			return true;
	return s.len > 0 && (s.p[0] == ' ' || s.p[s.len - 1] == ' ');
}

static void
csv_field(struct sess_report *r, struct sess_slice s)
{
	const char *quote = wants_quotes(s) ? "\"" : "";

	sessp_write_emit(r, quote);
	r->nomem |= sessp_tamed(r->out, s.p, s.len, csv_escape) < 0;
	sessp_write_emit(r, quote);
}

static void
csv_begin(struct sess_report *r)
{
	header(r, ',');
}

static void
csv_row(struct sess_report *r, const struct sess_stats_row *row)
{
	line(r, row, ',', csv_field);
}

const struct sessp_writer sessp_write_csv = {
	.name = "csv", .one_report = true, .begin = csv_begin, .row = csv_row
};

/* -- tsv */

static const char *
tsv_escape(char c)
{
	switch (c) {
	case '\t': return "\\t";
	case '\n': return "\\n";
	case '\r': return "\\r";
	case '\\': return "\\\\";
	default: return NULL;
	}
}

static void
tsv_field(struct sess_report *r, struct sess_slice s)
{
	r->nomem |= sessp_tamed(r->out, s.p, s.len, tsv_escape) < 0;
}

static void
tsv_begin(struct sess_report *r)
{
	header(r, '\t');
}

static void
tsv_row(struct sess_report *r, const struct sess_stats_row *row)
{
	line(r, row, '\t', tsv_field);
}

const struct sessp_writer sessp_write_tsv = {
	.name = "tsv", .one_report = true, .begin = tsv_begin, .row = tsv_row
};

/* -- ids */

static void
id(struct sess_report *r, const char *p, size_t len)
{
	int new = sessp_seen_add(&r->seen, p, len);
	size_t at = r->out->len;

	r->nomem |= new < 0;
	if (new <= 0)
		return;
	sessp_emit_bytes(r, p, len);
	/* An id must not become two, nor steer a terminal. */
	for (; r->o.id_end == '\n' && at < r->out->len; at++)
		if ((unsigned char)r->out->data[at] < ' ' || r->out->data[at] == 0x7f)
			r->out->data[at] = '?';
	sessp_emit_bytes(r, &r->o.id_end, 1);
}

static void
ids_row(struct sess_report *r, const struct sess_stats_row *row)
{
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++)
		if (sessp_column_has(&r->table->columns[i], SESS_COL_SESSION))
			sessp_each_id(r, &r->table->columns[i], &row->cells[i], id);
}

const struct sessp_writer sessp_write_ids = { .name = "ids", .row = ids_row };
