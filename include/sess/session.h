/*
 * session: events put together by session.
 *
 *	worker threads                    one thread
 *	--------------                    ----------
 *	sess_pack(pk, &ev, marks, &out)   sess_gather_add(g, out.data, out.len)
 *	                                  while (sess_gather_next(g, &s, &err) == SESS_OK)
 *	                                          use(s);
 *
 * A packer squeezes an event to what a session needs to know of it (about a
 * hundred bytes), with its line where the caller wants to have the events back.
 * The gatherer takes packed events in any order, in bounded memory (it spills
 * sorted, compressed runs), and hands out whole sessions in the order of their
 * (start, key), the same bytes whatever the order of input, memory or threads.
 *
 * What shares (app, session id), else a visitor, is one session, cut where the
 * rule says so.  Events with neither belong to a visitor made of their app,
 * user id, address and agent.  Of events with equal ids in a session one stays:
 * that with more keys, then of later time, of later received, then of greater
 * kind and strings as shown here, then of greater marks and line.
 *
 * Memory is opts.memory and what one session takes: its views, and its events
 * as far as they are handed out.
 */
#ifndef SESS_SESSION_H
#define SESS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sess/err.h"
#include "sess/event.h"

/* When a session ends.  Cutting is done on read: --session-rule, --idle,
 * --max-duration. */
struct sess_rule {
	int64_t idle;			/* ms without an event, 0: never */
	int64_t max_duration;		/* ms, 0: no limit */
};

/* A preset by name: "arms" (ids alone), "rum" (30 min, 24 h), "visit" (30 min
 * for what has no id).  Returns 0, or -1 for no such rule.  Further rows are
 * the vendors' rules of sess(7): "datadog", "faro", "splunk" (15 min, 4 h),
 * "newrelic" (30 min, 4 h), "posthog" (30 min, 24 h).  A session ends where no
 * event follows within less than idle, and before one max_duration after its
 * first. */
int sess_rule_find(const char *name, struct sess_rule *rule);

enum sess_clock { SESS_CLOCK_AUTO, SESS_CLOCK_CLIENT, SESS_CLOCK_SERVER };

/* What a count or a fact of a session rests on. */
struct sess_session_opts {
	struct sess_rule rule;		/* for sessions with an id */
	struct sess_rule visit;		/* for visitors' */
	enum sess_clock clock;
	double slow_load;		/* ms; a load above it is slow: 8000 */
	double slow_api;		/* ms; 1000 */
	uint64_t memory;		/* bytes the gatherer may hold: 512 MiB */
	const char *tmpdir;		/* where runs are spilled, NULL: $TMPDIR is not
					 * read here: /var/tmp */
	uint64_t max_events;		/* a session with more is folded as `oversize`,
					 * without members: 1 M */
	bool lines;			/* events carry their lines (path, whole events) */
	/* With lines: what an event carries instead of its line.  Appends it to out;
	 * called on the packers' threads.  0, or -1 when memory is out.  NULL: the
	 * event's line. */
	int (*note)(void *arg, const struct sess_event *ev, uint32_t marks,
	    struct sess_buf *out);
	void *note_arg;
	int64_t newest;			/* when the newest event of all was, on which end_reason
					 * rests; INT64_MIN: that of what is gathered */
	bool part;			/* what is gathered isn't all there is: how a session
					 * ended that might go on is not known, but by newest */
	bool sorted;			/* packers are for a reducer */
	unsigned jobs;			/* 1: the gatherer starts no thread of its own, which
					 * else puts many sessions together ahead */
};

/* Defaults: no cutting of ids, 30 min for visitors. */
void sess_session_opts_init(struct sess_session_opts *o);

/* One event of a session, in the order of the session. */
struct sess_member {
	int64_t when;			/* effective time: time + skew, or received, ms */
	int64_t time, received;		/* or SESS_NO_TIME */
	uint64_t id;
	enum sess_kind kind;
	uint32_t marks;			/* as the packer was given */
	uint32_t view;			/* index into views of the session */
	int64_t times;
	const char *line;		/* with opts.lines: its line or note, else NULL */
	size_t line_len;
};

/*
 * Events without a view_id: neighbours of one page make a view (its view_id is
 * empty), each further `view` event begins another.  A view starts at the
 * earliest sign of it: its first event, a leave minus its stay, the time inside
 * an SDK-made id (unless that is a day older).  page, page_url and title are
 * those of its `view` event, else the first that are known.
 */
struct sess_view {
	struct sess_slice view_id;	/* empty: events that belong to no view */
	struct sess_slice page, page_url, title;
	int64_t start, end;		/* effective ms; end of the last sign of it */
	double stay_ms, load_ms;	/* -1: unknown */
	int64_t js_errors, api_calls, api_failures;	/* as counted (larger figure) */
	int64_t js_errors_recorded, api_calls_recorded, api_failures_recorded;
	bool viewed;			/* a `view` event was there (it counts as a page view) */
};

/*
 * A session.  Slices live until the next call on the gatherer; facts that are
 * not known are empty slices, and of several values the last by time.  Counts
 * are of occurrences.  start and end are those of its events.  Entry and exit
 * page are the first and last view's that have one.
 */
struct sess_session {
	struct sess_slice key;		/* session id or visitor; of a cut piece KEY.T */
	struct sess_slice session_id, visitor;	/* as the events hold them; one is empty */
	struct sess_slice user_id, user_name;	/* the last by time */
	const struct sess_slice *user_ids;	/* all, in the order they appeared */
	size_t nuser_ids;
	int64_t start, end;		/* effective ms */
	int64_t clock_skew;		/* ms, 0 where not applied */
	int64_t page_views, js_errors, api_calls, api_failures, slow_loads,
	    slow_apis, actions, resource_errors;
	int64_t js_errors_recorded, api_calls_recorded, api_failures_recorded;
	struct sess_slice app_id, release, environment, entry_page, exit_page,
	    device, device_type, os, os_version, browser, browser_version,
	    country, region, city, isp, ip, network, screen;
	const char *end_reason;		/* "idle", "max", "eof"; "": not known */
	bool oversize;
	uint64_t events;		/* distinct records */
	uint64_t duplicates;		/* dropped; of a cut session all with its first piece */
	uint32_t marks;			/* all marks of its events, or-ed */
	const struct sess_view *views;	/* in order of start; pages of the path */
	size_t nviews;
	const struct sess_member *members;	/* in order */
	size_t nmembers;
};

/*
 * Whether the session is what id names: its session id or visitor (then each
 * piece of a cut session is), or KEY.T where T, milliseconds in base 36, lies
 * within it.  A piece's own id names it even after earlier events have moved
 * its start.
 */
bool sess_session_named(const struct sess_session *s, const char *id, size_t len);

/* Where one column of a session record comes from: name, type and value, for
 * the writer, --sort and --where.  In the order in which records hold them. */
struct sess_column {
	const char *name;
	enum sess_type type;		/* STR, TIME, INT, BOOL */
	const char *doc;		/* meaning, with its unit */
};
extern const struct sess_column sess_columns[];
extern const size_t sess_ncolumns;

/* The value of a column: *text for STR (p NULL: unknown), else *number (a
 * TIME in ms).  user_ids is a JSON array's text.  false where unknown. */
bool sess_session_value(const struct sess_session *s, size_t column,
    struct sess_slice *text, int64_t *number, struct sess_buf *scratch);

/* The column of that name, or -1. */
int sess_column_find(const char *name, size_t len);

/* Append the session's record, one NDJSON line with its newline: columns as
 * above, unknown ones left out and oversize unless true, times as RFC 3339.
 * SESS_OK or SESS_ENOMEM. */
enum sess_status sess_session_write(const struct sess_session *s, struct sess_buf *out);

/* -- workers' side */

struct sess_packer;
enum sess_status sess_packer_new(struct sess_packer **pk,
    const struct sess_session_opts *opts, struct sess_err *err);
void sess_packer_free(struct sess_packer *pk);

/* Start of a new output buffer: nothing may refer to what was packed before. */
void sess_packer_reset(struct sess_packer *pk);

/* Append ev to out, which holds nothing else since the packer's reset.  marks
 * are the caller's own bits (which conditions hold on it).  SESS_OK or
 * SESS_ENOMEM; the packer has to be reset after that. */
enum sess_status sess_pack(struct sess_packer *pk, const struct sess_event *ev,
    uint32_t marks, struct sess_buf *out);

/* -- consumer's side */

struct sess_gather;
enum sess_status sess_gather_new(struct sess_gather **g,
    const struct sess_session_opts *opts, struct sess_err *err);

/* Take what one packer appended to one buffer since its reset. */
enum sess_status sess_gather_add(struct sess_gather *g, const char *packed,
    size_t len, struct sess_err *err);

/* The next session in order of (start, key); the first call ends the input.
 * s is borrowed until the next call.  SESS_END after the last. */
enum sess_status sess_gather_next(struct sess_gather *g,
    const struct sess_session **s, struct sess_err *err);

/* Takes a session, borrowed for the call; threads are numbered from 0.  SESS_OK: go on. */
typedef enum sess_status sess_gather_take(void *arg, unsigned thread,
    const struct sess_session *s, struct sess_err *err);

/* In place of sess_gather_next, for who doesn't care for the order: have all sessions
 * taken, by so many threads at most, the caller's among them. */
enum sess_status sess_gather_each(struct sess_gather *g, unsigned threads,
    sess_gather_take *take, void *arg, struct sess_err *err);

/*
 * For --follow: sessions of which no event arrived for `idle` ms of the
 * reader's clock (now), in order of (start, key).  now INT64_MAX: all that are
 * open.  SESS_END when there are no more just now; input may go on.
 *
 * Events arrive, for this purpose, at the first of these calls after they were
 * added: call it until SESS_END after each block and now and then without.
 * From the first call on nothing is spilled (call it once before adding); what
 * has been quiet longest is handed out early when memory is full.  A session is
 * forgotten once it was handed out: what comes later makes a session of the
 * same id again.  Such a session's end_reason is "idle" where it was ripe.
 */
enum sess_status sess_gather_ripe(struct sess_gather *g, int64_t now, int64_t idle,
    const struct sess_session **s, struct sess_err *err);

/* Whether it depends on opts.newest how one of the sessions ended that were added: one
 * may be over for having been idle.  And to tell it late; before the first session is
 * asked for. */
bool sess_gather_asks_newest(const struct sess_gather *g);
void sess_gather_tell_newest(struct sess_gather *g, int64_t when);

/* opts.newest, else when the newest event of all was, by the clocks that sessions go
 * by; INT64_MIN: there was none.  Good once sess_gather_next was called. */
int64_t sess_gather_newest(const struct sess_gather *g);

void sess_gather_free(struct sess_gather *g);

/* -- input that is sorted by key (group.h), as a shuffle hands it to its reducers */

/*
 * In place of the gatherer: one group after another, in the memory of one.  The
 * sessions of a group are given once an event of the next one comes, so they are in the
 * order of (key of the group, start).  What other groups hold is not known: end_reason
 * rests on opts.newest, else on the group alone.
 */
struct sess_reducer;
enum sess_status sess_reducer_new(struct sess_reducer **r,
    const struct sess_session_opts *opts, struct sess_err *err);
void sess_reducer_free(struct sess_reducer *r);

/* Take what one packer with opts.sorted appended to one buffer since its reset;
 * buffers come in the order of the input.  SESS_EFORMAT, with the line, where a key
 * is less than the one before, as bytes: the groups' events are not together.  What take
 * returned where that was not SESS_OK. */
enum sess_status sess_reducer_add(struct sess_reducer *r, const char *packed, size_t len,
    sess_gather_take *take, void *arg, struct sess_err *err);

/* The input has ended: the last group.  As above. */
enum sess_status sess_reducer_end(struct sess_reducer *r, sess_gather_take *take, void *arg,
    struct sess_err *err);

/* As sess_gather_newest, of all that were given. */
int64_t sess_reducer_newest(const struct sess_reducer *r);

#endif
