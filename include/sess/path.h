/*
 * path: what happened in a session, page by page.
 *
 *	struct sess_path_opts o;
 *	struct sess_path *p;
 *
 *	sess_path_opts_init(&o);
 *	sess_path_new(&p, &o, &err);
 *	while (sess_gather_next(g, &s, &err) == SESS_OK)
 *		sess_path_render(p, s, &out, &err);
 *	sess_path_free(p);
 *
 * Sessions come from a gatherer whose events carry their lines (session.h).
 * Text is for people: what the data holds is cleaned (text.h), cut only where
 * an ellipsis says so, and aligned by terminal columns.  JSON and NDJSON are
 * for programs.
 */
#ifndef SESS_PATH_H
#define SESS_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sess/buf.h"
#include "sess/err.h"
#include "sess/event.h"
#include "sess/session.h"

enum sess_path_format {
	SESS_PATH_TEXT,
	SESS_PATH_HTML,		/* what is inside a section of report.h's page */
	SESS_PATH_JSON,		/* a line a session: {"overview":{},"views":[]} */
	SESS_PATH_NDJSON	/* a line a behaviour, in order of time */
};

#define SESS_PATH_MIN_WIDTH 60

/* What is shown, and how. */
struct sess_path_opts {
	enum sess_path_format format;

	/* what, in every format */
	uint32_t kinds;		/* bit k: behaviours of enum sess_kind k; 0: all */
	bool only_problems;	/* errors, failures and what is slow */
	bool before_error;	/* JS errors and what came before them: the last
				 * `backtrack` of the chosen behaviours */
	size_t backtrack;
	double slow_load, slow_api;	/* ms; above it is slow */

	/* how, in text */
	bool collapse;		/* pages only */
	bool details;		/* stacks, messages, phases, waterfall, snapshots */
	bool color;		/* SGR sequences */
	unsigned width;		/* columns; at least SESS_PATH_MIN_WIDTH are used */
	const char *tz;		/* of clock times, or NULL: the process's own; borrowed */

	/*
	 * Called for each behaviour that was shown: `at` is where in out its
	 * original log line belongs, as sess_path_raw writes it; at rises from
	 * call to call.  src and id say where to find the line.  May be NULL; HTML has
	 * none.
	 */
	void (*raw)(void *arg, size_t at, uint64_t id, struct sess_slice src);
	void *raw_arg;
};

/* All of a session as text of 80 columns, without colours. */
void sess_path_opts_init(struct sess_path_opts *o);

struct sess_path;

/* *p is the caller's to free; NULL on error. */
enum sess_status sess_path_new(struct sess_path **p, const struct sess_path_opts *o,
    struct sess_err *err);

/* Append a session to out; out is as it was when memory runs out, which is
 * the only error. */
enum sess_status sess_path_render(struct sess_path *p, const struct sess_session *s,
    struct sess_buf *out, struct sess_err *err);

/* Append an original log line as the format has it: in text a line of its own,
 * cleaned, not cut; else a member "raw" of the behaviour.  0 or -1 (memory). */
int sess_path_raw(const struct sess_path *p, const char *line, size_t len,
    struct sess_buf *out);

/* NULL is allowed. */
void sess_path_free(struct sess_path *p);

#endif
