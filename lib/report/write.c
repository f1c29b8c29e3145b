#include "sess/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../event/private.h"
#include "write.h"

void
sessp_write_emit(struct sess_report *r, const char *s)
{
	r->nomem |= sess_buf_puts(r->out, s) < 0;
}

void
sessp_emit_bytes(struct sess_report *r, const char *p, size_t len)
{
	r->nomem |= sess_buf_add(r->out, p, len) < 0;
}

void
sessp_emitf(struct sess_report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	r->nomem |= sess_buf_vprintf(r->out, fmt, ap) < 0;
	va_end(ap);
}

/* -- NDJSON */

static void
ndjson_value(struct sess_report *r, const struct sess_stats_column *c,
    const struct sess_cell *cell)
{
	r->text.len = 0;
	sessp_write_value(r, c, cell, &r->text);
	if (c->type == SESS_T_STR || c->type == SESS_T_TIME)
		r->nomem |= sessp_json_quote(r->text.data, r->text.len, r->out) < 0;
	else
		sessp_emit_bytes(r, r->text.data, r->text.len);
}

static void
ndjson_row(struct sess_report *r, const struct sess_stats_row *row)
{
	size_t i;

	sessp_emitf(r, "{\"report\":\"%s\"", r->table->name);
	for (i = 0; i < r->table->ncolumns; i++) {
		if (!sessp_cell_known(&r->table->columns[i], &row->cells[i]))
			continue;
		sessp_write_emit(r, ",\"");
		sessp_write_emit(r, r->table->columns[i].name);
		sessp_write_emit(r, "\":");
		ndjson_value(r, &r->table->columns[i], &row->cells[i]);
	}
	sessp_write_emit(r, row->estimated ? ",\"estimated\":true}\n" : "}\n");
}

static const struct sessp_writer ndjson = { .name = "ndjson", .row = ndjson_row };

/* -- which writer */

static const struct sessp_writer *const writers[] = {
	[SESS_REPORT_TABLE] = &sessp_write_table,
	[SESS_REPORT_NDJSON] = &ndjson,
	[SESS_REPORT_CSV] = &sessp_write_csv,
	[SESS_REPORT_TSV] = &sessp_write_tsv,
	[SESS_REPORT_IDS] = &sessp_write_ids,
	[SESS_REPORT_HTML] = &sessp_write_html,
	[SESS_REPORT_PROMETHEUS] = &sessp_write_prometheus,
};

int
sess_report_format(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
		if (strcmp(writers[i]->name, name) == 0)
			return (int)i;
	return -1;
}

enum sess_status
sess_report_new(struct sess_report **report, const struct sess_report_opts *o,
    struct sess_err *err)
{
	struct sess_report *r = calloc(1, sizeof(*r));
	enum sess_status st;

	*report = r;
	if (r == NULL)
		return sess_err_nomem(err);
	r->o = *o;
	r->w = writers[o->format];
	st = sessp_zone_open(&r->zone, o->tz, err);
	if (st == SESS_OK && r->w->init != NULL)
		st = r->w->init(r, err);
	if (st == SESS_OK)
		return SESS_OK;
	sess_report_free(r);
	*report = NULL;
	return st;
}

static void
finish(struct sess_report *r)
{
	if (r->open && r->w->finish != NULL)
		r->w->finish(r);
	r->open = false;
}

static void
begin(struct sess_report *r, const struct sess_stats_table *table)
{
	finish(r);
	r->table = table;
	r->open = true;
	r->ntables++;
	r->nrows = 0;
	if (r->w->begin != NULL)
		r->w->begin(r);
}

static enum sess_status
told(struct sess_report *r, struct sess_err *err)
{
	return r->nomem ? sess_err_nomem(err) : SESS_OK;
}

enum sess_status
sess_report_row(struct sess_report *r, const struct sess_stats_table *table,
    const struct sess_stats_row *row, struct sess_buf *out, struct sess_err *err)
{
	r->out = out;
	if (r->nomem)
		return told(r, err);
	if (row != NULL) {
		r->nrows++;
		if (r->w->row != NULL)
			r->w->row(r, row);
	} else if (r->w->one_report && r->ntables > 0) {
		return sess_err_set(err, SESS_EFORMAT, 0,
		    "%s holds one report, not %s and %s", r->w->name, r->table->name,
		    table->name);
	} else {
		begin(r, table);
	}
	return told(r, err);
}

enum sess_status
sess_report_session(struct sess_report *r, const struct sess_session *s,
    struct sess_buf *out, struct sess_err *err)
{
	r->out = out;
	if (r->nomem)
		return told(r, err);
	finish(r);
	if (r->w->session != NULL)
		r->w->session(r, s);
	return told(r, err);
}

enum sess_status
sess_report_end(struct sess_report *r, struct sess_buf *out, struct sess_err *err)
{
	r->out = out;
	if (r->nomem)
		return told(r, err);
	finish(r);
	if (r->w->end != NULL)
		r->w->end(r);
	return told(r, err);
}

bool
sess_report_wanted(const struct sess_report *r, size_t i, struct sess_slice *id)
{
	if (r->o.format != SESS_REPORT_HTML || i >= r->seen.n)
		return false;
	*id = (struct sess_slice){ r->seen.text.data + r->seen.v[i].at, r->seen.v[i].len };
	return true;
}

void
sess_report_free(struct sess_report *r)
{
	if (r == NULL)
		return;
	sess_buf_release(&r->text);
	sess_buf_release(&r->scratch);
	sessp_zone_free(r->zone);
	sessp_seen_release(&r->seen);
	sessp_kept_release(&r->kept);
	free(r->layout.place);
	sessp_html_free(r->page);
	free(r);
}
