/*
 * stats: what its files share.
 *
 *	observe.c    a session to observations: its events, its views, itself
 *	stats.c      observations to rows, by the declaration of each report
 *	table.c      rows by key, spilled beyond their memory
 *	measure.c    what a row remembers
 *	partial.c    rows to lines and back
 *	rank.c       rows in the order of the output
 *	report_*.c   the declarations; values.c what they are made of
 *	signature.c  what makes two errors the same
 *
 * A report is declared as a table: on which observations it stands, what tells
 * rows apart, what a row remembers (measures), and what is shown of that
 * (columns).  All else is made from the declaration: --by, partials, merging,
 * --fail-if, every writer, the page.
 */
#ifndef SESSP_STATS_H
#define SESSP_STATS_H

#include "../base/private.h"
#include "../base/sorter.h"
#include "../base/when_zone.h"
#include "measure.h"
#include "sess/stats.h"

/* -- observations */

/* What an observation is of: an event of a kind (bit 1 << kind), or these. */
enum {
	SESSP_ON_VIEW = 1 << SESS_NKINDS,	/* a page view, once all of its events were */
	SESSP_ON_SESSION = SESSP_ON_VIEW << 1,	/* the session, last of all */
	SESSP_ON_EVENT = SESSP_ON_VIEW - 1	/* events of all kinds */
};
#define SESSP_ON(KIND) (1u << SESS_##KIND)

struct sessp_obs {
	unsigned on;			/* one bit of the above */
	const struct sess_session *s;
	const struct sess_view *v;	/* of the event, or the view; NULL: none */
	bool first_of_view;		/* whether nothing of this view was seen before */
	const struct sess_member *m;	/* of an event, else NULL */
	const struct sess_event *ev;	/* its keys, as far as declared; else NULL */
	int64_t when;			/* ms: received, else time; a view's or session's start */
	int64_t n, weight;		/* occurrences; with those that were sampled away */
	int64_t lost_errors, lost_calls, lost_failures;	/* at a `leave`: what the
					 * view tells of and no event records */
	struct sess_slice user;		/* id; else visitor or session */
};

/* -- declarations */

/* Values of an observation.  false: it has none, nothing is counted.  arg is
 * what the declaration gives. */
typedef bool sessp_value_of(struct sess_stats *st, const struct sessp_obs *o, int arg,
    struct sessp_added *v);

/* What a key part is: text, appended to out.  false: the observation has no
 * place in the report.  0 bytes are a key, too. */
typedef bool sessp_key_of(struct sess_stats *st, const struct sessp_obs *o, int arg,
    struct sess_buf *out);

struct sessp_measure {
	const char *name;		/* of partials; NULL ends the list */
	enum sessp_measure_type type;
	unsigned on;			/* which observations; 0: all of the report's */
	sessp_value_of *value;
	int arg;
	unsigned flags;
};
enum {
	SESSP_ONCE_A_VIEW = 1,		/* at most one time for each view and row */
	SESSP_ONCE_A_SESSION = 2,	/* for each session and row */
	SESSP_OF_TOTAL = 4		/* kept once for each value of the dimensions, not by
					 * row: what shares are of; looks at all events */
};

/* How a column is made of a row. */
enum sessp_show {
	SESSP_KEY_PART,		/* key part a */
	SESSP_VALUE,		/* measure a: its number, or text of FIRST */
	SESSP_RATIO,		/* a / b; unknown where b is 0 */
	SESSP_REST,		/* 1 - a / b */
	SESSP_QUANTILE,		/* of measure a, q */
	SESSP_SHARE,		/* distinct of a / distinct of the total b */
	SESSP_LIST,		/* samples of a, JSON array */
	SESSP_TOP,		/* tally a: JSON object, its 10 most frequent, most first, "other" the rest */
	SESSP_COMPUTED		/* compute(): Apdex, shares of three, ... */
};

struct sessp_row;

struct sessp_column {
	struct sess_stats_column c;	/* c.name NULL ends the list */
	enum sessp_show show;
	int a, b;
	double q;
	/* SESSP_COMPUTED: fills cell; false: unknown */
	bool (*compute)(const struct sessp_row *row, const struct sessp_column *col,
	    struct sess_cell *cell);
	sessp_value_of *value;		/* of a report of single rows: the cell's value */
};

/*
 * A report of groups has measures; its rows come by its column with
 * SESS_COL_MAIN descending, then by key.  One of single rows (slow, sessions, log) has none: each observation is
 * a row of its own.
 */
struct sessp_report {
	const char *name, *title, *doc;
	unsigned on;
	uint64_t keys[2];		/* bits of the event's keys that it looks at */
	bool (*wants)(struct sess_stats *st, const struct sessp_obs *o);	/* or NULL: all */
	struct { sessp_key_of *of; int arg; } key[4];	/* own key parts */
	const struct sessp_measure *measures;
	const struct sessp_column *columns;
	uint64_t limit;			/* 0: all rows */
	bool ascending;			/* by the main column */
	/* Instead of observations one by one: sees the session whole and calls
	 * sessp_observe for what it finds.  Or NULL. */
	int (*whole)(struct sess_stats *st, const struct sessp_report *r,
	    const struct sess_session *s);
};

extern const struct sessp_report *const sessp_reports[];	/* NULL-terminated */

#endif
