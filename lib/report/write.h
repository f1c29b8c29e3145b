/*
 * write: what the writers of reports share.
 *
 *	write.c            which writer; NDJSON
 *	write_value.c      a cell as a number, a text for people, or ids
 *	write_kept.c       rows that wait, ids that were seen
 *	write_delimited.c  csv, tsv, ids
 *	write_prometheus.c gauges
 *	write_table.c      tables of a terminal: title, rows, what is below them
 *	write_layout.c     which columns, and how wide
 *	write_block.c      rows as names and values
 *	write_series.c     bars and sparklines
 *	write_html.c       the page of HTML: tables, then sessions
 *	write_html_cells.c rows of a table; figures of one row
 *	write_html_chart.c lines over time
 *	write_html_style.c how the page looks
 *
 * A writer appends to r->out; memory that runs out is kept in r->nomem and told
 * once, at the end of the call.
 */
#ifndef SESSP_WRITE_H
#define SESSP_WRITE_H

#include "../base/private.h"
#include "../base/when_zone.h"
#include "private.h"
#include "sess/report.h"

/* Texts, each once, in the order in which they came first. */
struct sessp_seen {
	struct sess_buf text;
	struct { size_t at, len; } *v;
	size_t n, cap;
	size_t *slots, nslots;		/* index into v, from 1; 0: free */
};

/* 1: it is new; 0: it was there; -1: memory is out. */
int sessp_seen_add(struct sessp_seen *s, const char *p, size_t len);

/* Where it is in v, or n. */
size_t sessp_seen_find(const struct sessp_seen *s, const char *p, size_t len);
void sessp_seen_release(struct sessp_seen *s);

/* Rows of a table, copied. */
struct sessp_kept {
	struct sess_stats_row *v;
	size_t n, cap;
	struct sessp_arena arena;
};

/* 0, or -1 when memory is out. */
int sessp_kept_add(struct sessp_kept *k, const struct sess_stats_row *row, size_t ncells);
void sessp_kept_reset(struct sessp_kept *k);
void sessp_kept_release(struct sessp_kept *k);

/* A format.  Calls come in this order: for each table begin, its rows, finish;
 * then session; then end.  Any of them may be NULL. */
struct sessp_writer {
	const char *name;
	bool one_report;
	enum sess_status (*init)(struct sess_report *r, struct sess_err *err);
	void (*begin)(struct sess_report *r);
	void (*row)(struct sess_report *r, const struct sess_stats_row *row);
	void (*finish)(struct sess_report *r);
	void (*session)(struct sess_report *r, const struct sess_session *s);
	void (*end)(struct sess_report *r);
};

extern const struct sessp_writer sessp_write_table, sessp_write_csv, sessp_write_tsv,
    sessp_write_ids, sessp_write_html, sessp_write_prometheus;

/* How a table is laid out; made of the rows that were kept. */
#define SESSP_LOOK 1000		/* so many rows tell how wide the columns are */
struct sessp_place {		/* of a column */
	size_t widest;			/* cell */
	size_t width;			/* what it gets */
	bool shown, below;		/* below: in a line of its own, below the row's */
	bool cut;			/* texts are, with an ellipsis */
};
struct sessp_layout {
	struct sessp_place *place;	/* of each column */
	size_t cap;
	bool blocks;			/* names and values instead of columns */
	bool wrapped;			/* headers are broken at underscores */
	bool dates;			/* times show theirs: they differ */
	bool seconds;			/* times have them */
	char date[11], zone[8];		/* of the first time; "" without one */
	size_t bar;			/* columns of it behind the main one, or 0 */
	size_t main;			/* the column that it is of */
	double most;			/* value of a full bar */
};

struct sess_report {
	struct sess_report_opts o;
	const struct sessp_writer *w;
	const struct sess_stats_table *table;	/* begun last, or NULL */
	bool open;				/* and not finished */
	uint64_t ntables, nrows;		/* so far, and of the table */
	struct sess_buf *out;
	struct sess_buf text, scratch;		/* for a while */
	struct sessp_zone *zone;		/* of table and html */
	struct sessp_seen seen;			/* session ids */
	struct sessp_kept kept;
	struct sessp_layout layout;
	bool estimated;				/* a row of the table */
	struct sessp_page *page;		/* of html */
	bool nomem;
};

/* -- write.c: appending to r->out */
void sessp_write_emit(struct sess_report *r, const char *s);
void sessp_emit_bytes(struct sess_report *r, const char *p, size_t len);
void sessp_emitf(struct sess_report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* -- write_value.c */

/* Whether there is something to write: a number that is finite, a text. */
bool sessp_cell_known(const struct sess_stats_column *c, const struct sess_cell *cell);

/* The number of an INT, TIME or NUM. */
double sessp_cell_number(const struct sess_stats_column *c, const struct sess_cell *cell);

static inline bool
sessp_column_has(const struct sess_stats_column *c, unsigned flags)
{
	return (c->flags & flags) != 0;
}

static inline bool
sessp_column_number(const struct sess_stats_column *c)
{
	return c->type == SESS_T_INT || c->type == SESS_T_NUM;
}

/* The column with a bar beside its figures, or ncolumns: that which the rows are in
 * the order of; where that tells the rows apart (steps), the cases they rest on. */
size_t sessp_bar_column(const struct sess_stats_table *t);

/* The cell for programs, as it stands: a number with all its digits, a time as
 * RFC 3339 in UTC, text.  Nothing where it is unknown. */
void sessp_write_value(struct sess_report *r, const struct sess_stats_column *c,
    const struct sess_cell *cell, struct sess_buf *out);

/* Append text with escapes: what stands for a byte, or NULL: itself.  Control
 * characters that have none, and what is not UTF-8, are the marks that text.h
 * makes of them: no terminal obeys them.  0, or -1 when memory is out. */
int sessp_tamed(struct sess_buf *out, const char *p, size_t len,
    const char *(*escape)(char c));

/* The same as sessp_write_value for people: 1.43s, 12.3 kB, 4.5%.  Neither cleaned nor escaped; "-"
 * where it is unknown.  Not for times. */
void sessp_figure(struct sess_report *r, const struct sess_stats_column *c,
    const struct sess_cell *cell, struct sess_buf *out);
void sessp_share(double share, char out[SESSP_FIGURE]);

/* A moment on the clocks of r's zone: "2026-11-23 21:10:02.025", "+0100". */
struct sessp_clock {
	char text[SESSP_LOCAL], zone[8];
};
void sessp_clock(const struct sess_report *r, int64_t ms, struct sessp_clock *c);

/* Call f with each session id that the cell of a SESS_COL_SESSION column holds;
 * how many there are. */
size_t sessp_each_id(struct sess_report *r, const struct sess_stats_column *c,
    const struct sess_cell *cell,
    void (*f)(struct sess_report *r, const char *id, size_t len));

/* -- write_table.c */

/* The cell as a table shows it: a figure, a time, the first of several session
 * ids and how many more there are.  Appended to out, not cleaned. */
void sessp_table_text(struct sess_report *r, size_t column, const struct sess_stats_row *row,
    struct sess_buf *out);
void sessp_table_style(struct sess_report *r, enum sessp_style style);
void sessp_table_newline(struct sess_report *r);	/* without spaces at the line's end */

/* -- write_layout.c */

/* Lay r->table out for the rows kept, of which more may come. */
void sessp_layout(struct sess_report *r, bool more);

/* How much of a header's name goes on a line of so many columns. */
size_t sessp_header_part(const char *name, size_t width);

/* -- write_block.c */
void sessp_block(struct sess_report *r, const struct sess_stats_row *row);

/* -- write_series.c */

/* A bar for share of a whole of so many columns. */
void sessp_bar(struct sess_report *r, double share, size_t columns);

/*
 * Rows over time.  sessp_time_column is the column that says when, or ncolumns;
 * sessp_points the rows kept, by group in the order of the first of each, then
 * by time (malloc'd; NULL when memory is out).  Step is the least distance of
 * two points of a group, a day where summer time makes it shorter.
 */
struct sessp_point {
	const struct sess_stats_row *row;
	int64_t at;			/* ms, or SESS_NO_TIME */
	size_t group;			/* rows that differ in nothing but time */
};
#define SESSP_SERIES 3		/* fewer points are no series */
size_t sessp_time_column(const struct sess_stats_table *t);
struct sessp_point *sessp_points(struct sess_report *r, size_t time);
int64_t sessp_step(const struct sessp_point *p, size_t n);

/* The end of the group that begins at *from, which goes on to its first point
 * with a time. */
size_t sessp_group_end(const struct sessp_point *p, size_t n, size_t *from);

/* The keys of a row, but its time, instead of what out holds. */
void sessp_group_name(struct sess_report *r, size_t time, const struct sess_stats_row *row,
    struct sess_buf *out);

/* How the figures of the rows kept went over time, where that is what tells
 * the rows apart. */
void sessp_series(struct sess_report *r);

/* -- write_html*.c */

/* What a page of HTML is made of.  What comes before the sessions is held back,
 * for the list of its tables to stand on top. */
struct sessp_page {
	struct sess_buf held, nav;
	struct sess_buf told;		/* a byte for each of r->seen: its path was written */
	struct sess_path *path;
	size_t ids;			/* of a cell, so far */
	bool one_asked;			/* the first of a cell was */
	size_t asked;			/* sessions that the table's rows link to */
	bool flowing;			/* nothing is held back any more */
	bool sessions;			/* their part has begun */
	char zone[8];			/* of the table's first time, or "" */
	double most;			/* of the main column */
};
void sessp_html_free(struct sessp_page *page);
extern const char sessp_html_style[];
void sessp_html(struct sess_report *r, const char *p, size_t len);	/* text, escaped */
void sessp_html_head_row(struct sess_report *r);
void sessp_html_row(struct sess_report *r, const struct sess_stats_row *row);
void sessp_html_figures(struct sess_report *r, const struct sess_stats_row *row);
void sessp_html_charts(struct sess_report *r);
bool sessp_html_shown(const struct sess_report *r, size_t column);

#endif
