/*
 * report: tables of stats as text, for people and for programs.
 *
 *	sess_report_new(&r, &opts, &err);
 *	while (sess_stats_next(st, &table, &row, &err) == SESS_OK)
 *		sess_report_row(r, table, row, &out, &err);	row NULL: table begins
 *	sess_report_end(r, &out, &err);
 *	sess_report_free(r);
 *
 * Appends to out as early as the format allows: a terminal table waits for the
 * first 1000 rows of its report, which tell how wide the columns are, the rest
 * write row by row.  All data is cleaned or escaped as the format asks: no
 * control character but tab and newline (and the NUL behind an id) is ever
 * written.  ndjson, csv and tsv have every figure in full, the same text in each.
 * After an error there is nothing left to do but free.
 */
#ifndef SESS_REPORT_H
#define SESS_REPORT_H

#include <stdbool.h>

#include "sess/buf.h"
#include "sess/err.h"
#include "sess/stats.h"

enum sess_report_format {
	SESS_REPORT_TABLE,	/* for people: columns of a terminal, small bars */
	SESS_REPORT_NDJSON,	/* {"report":"slow",...} a row, unknown values left out;
				 * "estimated":true where distinct users are */
	SESS_REPORT_CSV,	/* a header, quotes as of RFC 4180, lines end in newline;
				 * one report */
	SESS_REPORT_TSV,	/* a header; TAB, newline, return and \ as \t \n \r \\;
				 * one report */
	SESS_REPORT_IDS,	/* the session ids of the rows, each once, in order */
	SESS_REPORT_HTML,	/* one self-contained page */
	SESS_REPORT_PROMETHEUS	/* node_exporter's textfile collector: gauges */
};

/* The format of that name ("table", "ndjson", "csv", "tsv", "ids", "html",
 * "prometheus"), or -1. */
int sess_report_format(const char *name);

struct sess_report_opts {
	enum sess_report_format format;
	unsigned width;		/* columns of a table; 0: as wide as the data asks */
	bool color;		/* SGR sequences in a table */
	bool details;		/* a table's SESS_COL_DETAIL columns, too */
	const char *tz;		/* of times in table and html, or NULL: the process's own;
				 * borrowed */
	char id_end;		/* behind each id: newline or NUL */
	const char *title;	/* of html; or NULL */
	size_t sessions;	/* html: of how many sessions of each report the page is to
				 * hold the path: the first of each row */
	double slow_load, slow_api;	/* ms; what is slow in these paths, 0: 8000 and 1000 */
};

struct sess_report;

/* SESS_EFORMAT where there is no such zone. */
enum sess_status sess_report_new(struct sess_report **r, const struct sess_report_opts *o,
    struct sess_err *err);

/* SESS_EFORMAT where the format holds one report only and a second one begins. */
enum sess_status sess_report_row(struct sess_report *r, const struct sess_stats_table *table,
    const struct sess_stats_row *row, struct sess_buf *out, struct sess_err *err);

/* html: the ids of the sessions whose paths the page is to hold, i from 0, once
 * all rows were given; false behind the last.  Borrowed until the free. */
bool sess_report_wanted(const struct sess_report *r, size_t i, struct sess_slice *id);

/* html: the path of such a session, to which the rows with its id link; others
 * are passed over.  Members carry their lines.  Of a session that never comes
 * the page says that it was not found.  Other formats: nothing. */
enum sess_status sess_report_session(struct sess_report *r, const struct sess_session *s,
    struct sess_buf *out, struct sess_err *err);

/* The end of all rows and sessions. */
enum sess_status sess_report_end(struct sess_report *r, struct sess_buf *out,
    struct sess_err *err);

/* NULL is allowed. */
void sess_report_free(struct sess_report *r);

#endif
