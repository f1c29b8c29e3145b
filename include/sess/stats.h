/*
 * stats: reports over sessions, mergeable and in bounded memory.
 *
 *	struct sess_stats_opts o;
 *	struct sess_stats *st;
 *
 *	sess_stats_opts_init(&o);
 *	o.reports = (const char *const []){ "slow", "errors", NULL };
 *	sess_stats_new(&st, &o, &err);
 *	...	on workers: sess_stats_note as the note of the packer (session.h)
 *	while (sess_gather_next(g, &s, &err) == SESS_OK)
 *		sess_stats_add(st, s, &err);
 *	while (sess_stats_next(st, &table, &row, &err) == SESS_OK)
 *		...	a table begins (row NULL), then its rows
 *	sess_stats_free(st);
 *
 * A report is a table of declared columns over rows; its figures are sums over
 * events, so that whatever way the sessions are split between several stats,
 * merging their partials gives the same bytes as one over all of them.  Counts,
 * sums and top lists are exact.  Percentiles are of log-linear buckets, within
 * 1 % of the value, exact up to 256 different values; numbers of distinct users
 * are exact up to 1024, then estimated with a standard error of 0.81 %,
 * and the table says so.
 *
 * What is counted: an event stands for `times` occurrences.  A `_weighted` figure
 * counts times x sampling, what the application did before its SDK sampled.  Where
 * a page view's `leave` tells of more JS errors or API calls than are recorded,
 * overview counts these too, as sessions do.  When an event happened, for hours,
 * days and ranges, is what the server's clock says (`received`), else `time`.
 */
#ifndef SESS_STATS_H
#define SESS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sess/err.h"
#include "sess/event.h"
#include "sess/keys.h"
#include "sess/query.h"
#include "sess/session.h"

struct sess_stats;

/* Thresholds: X(NAME, "name", default, "meaning, with its unit"). */
#define SESS_THRESHOLDS(X) \
X(LOAD,		"load",		8000,	"ms; a page load above it is slow") \
X(API,		"api",		1000,	"ms; an API call above it is slow") \
X(RESOURCE,	"resource",	2000,	"ms; a resource above it is slow") \
X(APDEX,	"apdex",	2000,	"ms of fpt; T of the Apdex") \
X(RAGE_CLICKS,	"rage_clicks",	3,	"so many clicks on one target ...") \
X(RAGE,		"rage",		1000,	"... within so many ms are rage") \
X(ERROR_CLICK,	"error_click",	1000,	"ms; a JS error so soon after a click is its own") \
X(DEAD_CLICK,	"dead_click",	3000,	"ms; a click with nothing so long after it is dead")

enum sess_threshold {
#define SESS_THRESHOLD_ENUM(NAME, name, value, doc) SESS_THRESHOLD_##NAME,
	SESS_THRESHOLDS(SESS_THRESHOLD_ENUM)
#undef SESS_THRESHOLD_ENUM
	SESS_NTHRESHOLDS
};
extern const struct sess_threshold_info {
	const char *name, *doc;
	double value;
} sess_thresholds[SESS_NTHRESHOLDS];

struct sess_stats_opts {
	const char *const *reports;	/* names, in the order of the output; NULL-terminated;
					 * these and by are borrowed */
	const char *const *by;		/* dimensions: further keys, before a report's own,
					 * called by_NAME where it has a column NAME;
					 * NULL-terminated, or NULL */
	int64_t interval;		/* ms: rows for each such time, or 0 */
	const char *tz;			/* of hours and days, or NULL: the process's own */
	double threshold[SESS_NTHRESHOLDS];
	const char *sort;		/* a column, -column descends: of the reports that
					 * have it; or NULL */
	const char *const *funnel;	/* page patterns, NULL-terminated, or NULL */
	uint64_t limit;			/* most rows of each report (for each value of the
					 * dimensions); 0: what the report declares */
	bool beyond;			/* give the rows beyond it, too, for checks */
	const struct sess_query *query;	/* conditions on events choose what is counted;
					 * borrowed, or NULL */
	uint64_t memory;		/* bytes, then spill: 256 MiB */
	const char *tmpdir;		/* as of struct sess_session_opts */
	/* For partials: what else chooses what is counted, as texts that are compared,
	 * NULL-terminated, or NULL; borrowed.  And after how long without an event
	 * sessions end, those with an id and those of visitors (ms, 0: never): whether
	 * the last ones are over is up to the newest event of all. */
	const char *const *conditions;
	int64_t idle, visit_idle;
};

/* What ARMS does. */
void sess_stats_opts_init(struct sess_stats_opts *o);

/* What a column is to those who show it. */
enum {
	SESS_COL_KEY = 1,		/* tells rows apart: dimensions and keys */
	SESS_COL_SESSION = 2,		/* a session id, or an OBJ: a JSON array of them */
	SESS_COL_SHARE = 4,		/* 0 .. 1, of a whole */
	SESS_COL_DETAIL = 8,		/* too much for a table of 80 columns */
	SESS_COL_WORSE_UP = 16,		/* more of it is worse */
	SESS_COL_WORSE_DOWN = 32,	/* less of it is */
	SESS_COL_MAIN = 64,		/* rows are in the order of it: what to look at first */
	SESS_COL_SAMPLES = 128		/* how many cases the row's figures rest on */
};

struct sess_stats_column {
	const char *name;	/* snake_case; the event's and the session's own where it means the same */
	enum sess_type type;	/* STR TIME INT NUM BOOL; OBJ: a JSON array or object */
	const char *unit;	/* "ms", "bytes" or "" */
	unsigned flags;
	const char *doc;
};

struct sess_stats_table {
	const char *name, *title, *doc;
	const struct sess_stats_column *columns;	/* dimensions first */
	size_t ncolumns, ndimensions;
};

struct sess_cell {
	bool known;
	bool estimated;		/* rests on an estimate of distinct users */
	struct sess_slice text;	/* STR, OBJ */
	int64_t i;		/* INT, BOOL, TIME (ms) */
	double d;		/* NUM */
};

struct sess_stats_row {
	const struct sess_cell *cells;	/* one a column */
	bool estimated;			/* some cell is */
	bool beyond;			/* the limit: not to be shown */
};

/* *st is the caller's to free.  SESS_EFORMAT where a report or dimension does
 * not exist; err names those that do. */
enum sess_status sess_stats_new(struct sess_stats **st, const struct sess_stats_opts *o,
    struct sess_err *err);
void sess_stats_free(struct sess_stats *st);

/* For the packer's note (session.h): what the reports need of an event; nothing
 * of one that the query's event conditions leave out.  arg is the struct
 * sess_stats; any thread.  0, or -1 when memory is out. */
int sess_stats_note(void *arg, const struct sess_event *ev, uint32_t marks,
    struct sess_buf *out);

/* Count a session whose members hold notes. */
enum sess_status sess_stats_add(struct sess_stats *st, const struct sess_session *s,
    struct sess_err *err);

/* When the newest event of the input was (sess_gather_newest); the latest that
 * was said counts. */
void sess_stats_newest(struct sess_stats *st, int64_t when);

/*
 * For counting on several threads: each but one counts its sessions in a share of
 * st, on which nothing but sess_stats_add may be called.  Shares take a quarter of
 * st's memory, n of them; st outlives them.
 */
enum sess_status sess_stats_share(struct sess_stats **share, struct sess_stats *st, unsigned n,
    struct sess_err *err);

/* All threads are done: add what the share counted to st, and free it. */
enum sess_status sess_stats_join(struct sess_stats *share, struct sess_err *err);

/*
 * The state as lines of NDJSON, each given to put with its newline; put returns
 * below 0 to stop (SESS_ESYS).  The first line tells the version, reports, options
 * and conditions, the last one how many there are, and a checksum of them; the
 * lines come in an order of their own, the same for the same state.  Ends the
 * input.
 */
enum sess_status sess_stats_partial(struct sess_stats *st,
    int (*put)(void *arg, const char *line, size_t len), void *arg, struct sess_err *err);

/* Add a line of a partial (newline or not), from its first to its last one; then
 * another may follow.  SESS_EFORMAT where it is no such line, the version is
 * another, options or conditions differ from st's, or lines of it were changed or
 * lost. */
enum sess_status sess_stats_merge(struct sess_stats *st, const char *line, size_t len,
    struct sess_err *err);

/* All of what was to be merged is in: SESS_EFORMAT where a partial had no end. */
enum sess_status sess_stats_merged(struct sess_stats *st, struct sess_err *err);

/* A stats for merging partials like this one, of which line is the first: its
 * reports, options and conditions; o tells memory, tmpdir and limit, but there are
 * no more rows of single events than the partials hold. */
enum sess_status sess_stats_like(struct sess_stats **st, const char *line, size_t len,
    const struct sess_stats_opts *o, struct sess_err *err);

/*
 * A table begins (*row NULL) or its next row; the first call ends the input.
 * Each report gives its table, also one without rows.  Borrowed until the next
 * call; tables as long as st.  SESS_END after the last.
 */
enum sess_status sess_stats_next(struct sess_stats *st,
    const struct sess_stats_table **table, const struct sess_stats_row **row,
    struct sess_err *err);

/* The table of the i-th report that was asked for, before its rows are read;
 * NULL behind the last. */
const struct sess_stats_table *sess_stats_table(const struct sess_stats *st, size_t i);

/*
 * Whether an SQL expression over a table's columns (query.h: that of --where)
 * holds for a row: --fail-if.  SESS_EFORMAT says what is wrong with the
 * expression, which may be that the table has no such column.
 */
struct sess_check;
enum sess_status sess_check_new(struct sess_check **c, const struct sess_stats_table *t,
    const char *expr, struct sess_err *err);
enum sess_status sess_check_row(struct sess_check *c, const struct sess_stats_row *row,
    bool *holds, struct sess_err *err);
void sess_check_free(struct sess_check *c);

/*
 * compare: what got worse.  Rows of tables whose first dimension tells releases,
 * days or the like apart are held against those of one of its values, the base:
 * rates and percentiles (counts depend on how much there was of all), each in the
 * direction that its column says is worse.  What is worse comes ranked by
 * ln(ratio) times the root of the fewer samples, so that a jump of three calls does not
 * stand above a tenth more of a million.
 */
struct sess_compare;

/* base is borrowed; of o memory and tmpdir are used. */
enum sess_status sess_compare_new(struct sess_compare **c, const char *base,
    const struct sess_stats_opts *o, struct sess_err *err);
void sess_compare_free(struct sess_compare *c);

/* Take a row, as sess_stats_next gives it; its table has a dimension, and lives
 * as long as c is used. */
enum sess_status sess_compare_add(struct sess_compare *c, const struct sess_stats_table *t,
    const struct sess_stats_row *row, struct sess_err *err);

/* Whether a row of the base was among them. */
bool sess_compare_has_base(const struct sess_compare *c);

/* The table of its rows, and the next of these; the first call ends adding.
 * Borrowed until the next call.  SESS_END after the last. */
const struct sess_stats_table *sess_compare_table(void);
enum sess_status sess_compare_next(struct sess_compare *c, const struct sess_stats_row **row,
    struct sess_err *err);

/* The names of all reports, with what each is, and of all dimensions there are;
 * i from 0; NULL behind the last. */
const char *sess_stats_report(size_t i, const char **doc);
const char *sess_stats_dimension(size_t i);

#endif
