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
 *	compare.c    what is worse than in a base; check.c expressions over rows
 *
 * A report is declared as a table: on which observations it stands, what tells
 * rows apart, what a row remembers (measures), and what is shown of that
 * (columns).  All else is made from the declaration: --by, partials, merging,
 * --fail-if, every writer, the page.
 */
#ifndef SESSP_STATS_H
#define SESSP_STATS_H

#include <pthread.h>

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
	SESSP_ON_STEP = SESSP_ON_VIEW << 2,	/* a step of --funnel, for each session */
	SESSP_ON_SIGNAL = SESSP_ON_VIEW << 3,	/* a sign of frustration: m is the click */
	SESSP_ON_EVENT = SESSP_ON_VIEW - 1,	/* events of all kinds */
	SESSP_OBSERVATIONS = SESS_NKINDS + 4	/* how many bits there are */
};
#define SESSP_ON(KIND) (1u << SESS_##KIND)

struct sessp_obs {
	unsigned on;			/* one bit of the above */
	const struct sess_session *s;
	const struct sess_view *v;	/* of the event, or the view; NULL: none */
	const struct sess_member *m;	/* of an event, else NULL */
	const struct sess_event *ev;	/* its keys, as far as declared; else NULL */
	int64_t when;			/* ms: received, else time; a view's or session's start */
	int64_t n, weight;		/* occurrences; with those that were sampled away */
	int64_t lost_errors, lost_calls, lost_failures;	/* at a `leave`: what the
					 * view tells of and no event records */
	struct sess_slice user;		/* id; else visitor or session */
	size_t step;			/* of a STEP: its number, whether the session came so */
	bool reached, dropped;		/* far, and whether it went no further */
	const char *signal;		/* of a SIGNAL: rage, error, dead */
};

/* -- declarations */

/* Values of an observation.  false: it has none, nothing is counted.  arg is
 * what the declaration gives. */
typedef bool sessp_value_of(struct sess_stats *st, const struct sessp_obs *o, int arg,
    struct sessp_added *v);

/* What a key part is: text, appended to out, and 1.  0: the observation has no
 * such; -1: memory is out. */
typedef int sessp_key_of(struct sess_stats *st, const struct sessp_obs *o, int arg,
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

#define SESSP_PARTS 4		/* most key parts of a report's own */

static inline void
sessp_key_bit(uint64_t keys[2], enum sess_key k)
{
	keys[k / 64] |= (uint64_t)1 << (k % 64);
}

/*
 * A report of groups has measures; its rows come by its column with
 * SESS_COL_MAIN descending, then by key.  One of single rows (slow, sessions, log) has none: each observation is
 * a row of its own.
 */
struct sessp_report {
	const char *name, *title, *doc;
	unsigned on;			/* observations that it looks at */
	unsigned rows;			/* those that make a row; 0: all of them */
	bool total;			/* has measures of SESSP_OF_TOTAL */
	bool standing;			/* without dimensions has its rows, of zeros, whatever was
					 * seen: one, or one for each step */
	const enum sess_key *keys;	/* of events that it looks at; ended by SESS_K_V */
	bool (*wants)(struct sess_stats *st, const struct sessp_obs *o);	/* or NULL: all */
	struct { sessp_key_of *of; int arg; } key[SESSP_PARTS];	/* own key parts */
	const struct sessp_measure *measures;
	const struct sessp_column *columns;
	uint64_t limit;			/* 0: all rows */
	bool ascending;			/* by the main column, unless o.sort says otherwise */
	bool of_sessions;	/* columns are those of session records */
};

extern const struct sessp_report *const sessp_reports[];	/* NULL-terminated */

/* values.c: what declarations are made of; arg as said. */
sessp_value_of sessp_obs_times, sessp_obs_weights, sessp_obs_one;	/* n; weight; 1 */
sessp_value_of sessp_obs_number;		/* number in key arg; its weight is n */
sessp_value_of sessp_obs_text;		/* text of key arg (sessp_obs_fact), when it was */
sessp_value_of sessp_obs_moment;		/* when */
sessp_value_of sessp_obs_user;		/* the user, as hash and as text */
sessp_value_of sessp_obs_session_id;	/* the session's id, as text */
sessp_key_of sessp_key_fact;		/* the text of key arg (sessp_obs_fact), if it's not empty */

/* The text of a key: the event's own, else its session's (of PAGE: its view's). */
struct sess_slice sessp_obs_fact(const struct sessp_obs *o, enum sess_key k);

/* -- key.c: keys of rows, as bytes that sort as their parts do */

/*
 * The number of the report, the dimensions, a tag; then of a ROW the key parts,
 * of a TALLY also its measure's number + 1 and its text.  All parts but the last are
 * ended by a byte 0, so that no key begins another.
 */
enum sessp_tag { SESSP_TOTAL_ROW = 1, SESSP_GROUP_ROW };
int sessp_key_part(struct sess_buf *out, const char *p, size_t len);
/* Decode the part at p into out (emptied); what is behind it, or NULL. */
const char *sessp_key_next(const char *p, const char *end, struct sess_buf *out);

struct sessp_key_info {
	const struct sessp_report *report;
	unsigned index;			/* of the report, among those asked for */
	enum sessp_tag tag;
	struct sess_slice dims;		/* as encoded */
	const char *parts;		/* behind the tag */
	int tally;			/* number of the measure, or -1 */
	struct sess_slice text;		/* of the tally */
	size_t row;			/* bytes that a tally shares with its row's key */
};
/* false where key is not one of st's. */
bool sessp_key_read(const struct sess_stats *st, const char *key, size_t len,
    struct sessp_key_info *info);

/* -- table.c: rows by key */

struct sessp_row {
	uint32_t len;			/* of key, which is behind the states */
	uint32_t nstates;
	uint64_t hash;
	union sessp_state state[];	/* of each measure; then a stamp for each */
};
const char *sessp_row_key(const struct sessp_row *row);
uint64_t *sessp_row_stamp(struct sessp_row *row, size_t measure);

/* The types of the states of a row of that key: written to types (SESSP_STATES at
 * most), their number returned. */
#define SESSP_STATES 64
size_t sessp_row_types(const struct sess_stats *st, const char *key, size_t len,
    enum sessp_measure_type *types);

struct sessp_table {
	struct sessp_row **slots;	/* a hash table, a power of 2 */
	size_t nslots, n;
	size_t bytes;			/* of rows and states */
	uint64_t adds;			/* since bytes was counted */
	struct sessp_sorter *spilled;	/* or NULL */
	struct sessp_row **sorted;	/* when reading, where nothing was spilled */
	size_t at;
	struct sess_buf next_key, next_data;
	bool reading, has_next;
};

/* The row of that key, new if there is none; NULL when memory is out.  Good
 * until sessp_table_settle. */
struct sessp_row *sessp_table_get(struct sess_stats *st, const char *key, size_t len);

/* Between two sessions: spill if it has grown beyond its memory. */
enum sess_status sessp_table_settle(struct sess_stats *st, struct sess_err *err);

/* Add the rows of another's table, which is empty then.  Not while reading. */
enum sess_status sessp_table_join(struct sess_stats *st, struct sess_stats *from,
    struct sess_err *err);

/* The next row in order of the keys, the caller's to free; the first call ends
 * adding. */
enum sess_status sessp_table_next(struct sess_stats *st, struct sessp_row **row,
    struct sess_err *err);
void sessp_row_free(const struct sess_stats *st, struct sessp_row *row);	/* NULL is allowed */
void sessp_table_release(struct sess_stats *st);

/* -- partial.c: a row's states as JSON */
int sessp_row_write(const struct sess_stats *st, const struct sessp_row *row,
    struct sess_buf *out);
enum sess_status sessp_row_read(const struct sess_stats *st, struct sessp_row *row,
    const json_t *states, struct sess_err *err);

/* -- rank.c: rows in the order of the output */

/* Before the first row. */
enum sess_status sessp_rank_begin(struct sess_stats *st, struct sess_err *err);

/* A row of a report of single rows.  0 or -1 (st->failed says why). */
int sessp_rank_single(struct sess_stats *st, unsigned report, const struct sessp_obs *o);

/* The same of st->cells, with what tells rows of equal rank apart in st->key. */
enum sess_status sessp_rank_cells(struct sess_stats *st, unsigned report,
    struct sess_err *err);

/* What one row is written as: its key, and its cells. */
struct sessp_ranked {
	unsigned report;
	struct sess_slice dims;		/* encoded */
	struct sess_slice tie;
	struct sess_slice key, data;	/* of the sorter's record */
	bool beyond;			/* the limit */
};

/* The next row in the order of the output, those beyond the limit left out unless
 * o.beyond asks for them; the first call ends adding and makes rows of the table's groups, unless only
 * single rows are wanted.  Borrowed until the next call. */
enum sess_status sessp_rank_next(struct sess_stats *st, struct sessp_ranked *row,
    struct sess_err *err);

/* The cells of a row's data into st->cells; slices point into data.  false where
 * it is no such data. */
bool sessp_cells_read(struct sess_stats *st, unsigned report, struct sess_slice data,
    bool *estimated);

/* -- show.c: a group's row to st->cells */
struct sessp_tally_entry {
	int measure;
	int64_t n;
	size_t at, len;			/* of its text, in st->tally_text */
};
int sessp_show(struct sess_stats *st, const struct sessp_row *row, const struct sessp_row *total,
    bool *estimated);

/* -- tables.c */
enum sess_status sessp_tables_make(struct sess_stats *st, struct sess_err *err);
void sessp_tables_release(struct sess_stats *st);

/* -- note.c: what a note of sess_stats_note holds, set in ev (emptied before) */
void sessp_note_read(const char *p, size_t len, struct sess_event *ev);

/* -- observe.c: have the reports see all of a session. 0 or -1. */
int sessp_observe_session(struct sess_stats *st, const struct sess_session *s);
#define SESSP_MOST_SAMPLING 1000000	/* 1 of more than these was no sampling */

/* Further observations of a whole session, each in a file of its own; with o's
 * session, they set the rest and call sessp_observe_at. */
typedef int sessp_watcher(struct sess_stats *st, const struct sess_session *s);
sessp_watcher sessp_watch_steps, sessp_watch_signals;

/* Observe what is not of one event: on, when and what the watcher set in o. */
int sessp_observe_at(struct sess_stats *st, struct sessp_obs *o, unsigned on, int64_t when);

/* Whether the reports count the event of m, and its keys set in st->ev. */
bool sessp_is_counted(const struct sess_member *m);
void sessp_member_event(struct sess_stats *st, const struct sess_member *m);

/* -- stats.c: have the reports see one observation.  0 or -1. */
int sessp_observe(struct sess_stats *st, const struct sessp_obs *o);

/* Enter the standing rows.  0 or -1. */
int sessp_stand(struct sess_stats *st);

static inline unsigned
sessp_rows_on(const struct sessp_report *r)
{
	return r->rows != 0 ? r->rows : r->on;
}

/* A dimension of --by. */
struct sessp_dimension {
	const char *name;
	const char *by_name;		/* in a report that has a column of that name */
	enum sess_type type;
	enum sess_key key;		/* of the event that it looks at; V: none */
	const char *doc;		/* NULL: the key's */
	sessp_key_of *of;
	int arg;
};
extern const struct sessp_dimension sessp_dimensions[];	/* name NULL ends */
#define SESSP_RAGE_CLICKS 16	/* most clicks that make a rage */
#define SESSP_DIMENSIONS 8	/* most of them at once */
#define SESSP_COLUMNS 80	/* most columns of a table */

/* Lines of a partial so far: its last one tells of them. */
struct sessp_seal {
	uint64_t lines;			/* 0: none is open */
	uint64_t sum;			/* XXH3 of each, seeded with that of those before */
};

/* How many distinct ones a total has. */
struct sessp_whole {
	const union sessp_state *of;	/* NULL: not asked */
	uint64_t n;
	bool estimated;
};

/* The ranks of the best rows so far, as a heap whose first is the worst. */
struct sessp_best {
	uint64_t *rank;
	size_t n, max;			/* max 0: all rows are kept */
};

struct sess_stats {
	struct sess_stats_opts o;
	json_t *like;			/* of sess_stats_like: owns the texts of o; o.reports,
					 * o.by, o.funnel and o.conditions are then st's */
	uint64_t shown;			/* of sess_stats_like: rows that are asked for, or 0 */
	int64_t newest;			/* event of the input; INT64_MIN: not known */
	struct sessp_seal in;		/* of the partial that is being merged */
	const struct sessp_report *reports[32];
	struct sess_stats_table tables[32];
	size_t main[32];		/* the column that each is in the order of */
	bool ascending[32];
	size_t nreports;
	const struct sessp_dimension *dims[SESSP_DIMENSIONS];
	size_t ndims;
	uint64_t keys[SESS_NKINDS][2];	/* of events, by kind: what a note holds */
	unsigned on;			/* what some report looks at */
	/* Measures of each report by what they look at: bits of their numbers, of rows
	 * and of totals. */
	uint64_t measures[32][SESSP_OBSERVATIONS], totals[32][SESSP_OBSERVATIONS];
	struct sessp_zone *zone;

	uint64_t nviews, nsessions;	/* seen: stamps */
	struct sess_event ev;		/* of a note */
	size_t *order, *first;		/* members by view */
	size_t order_cap, first_cap;
	struct sess_buf dimensions, key, scratch;
	struct sess_buf folded;		/* report_errors.c: what tells the error apart, */
	size_t folded_end[3];		/* three texts */
	struct sessp_table table;
	struct sessp_tally_entry *tally;	/* of the row that is read */
	size_t ntally, tally_cap;
	struct sess_buf tally_text, lists;
	struct sessp_whole whole;	/* of the total that rows are shown with */

	struct sess_stats *of;		/* of a share: the whole; else NULL */
	pthread_mutex_t lock;		/* of rank */
	struct sessp_best best[32];	/* of each report of single rows with a limit */
	struct sessp_sorter *rank;	/* a share's is that of the whole */
	bool ranked;			/* groups are in rank */
	uint64_t given;			/* rows of these dimensions */
	struct sess_buf given_for;	/* report and dimensions */
	struct sessp_ranked next;	/* a row that waits for its table to begin */
	bool has_next, over;
	size_t begun;			/* tables */
	struct sess_cell cells[SESSP_COLUMNS];
	struct sess_stats_row row;
	struct sess_err failed;		/* of deeper calls that can only say -1 */
};

#endif
