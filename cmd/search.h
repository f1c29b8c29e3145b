/*
 * search: the sessions of the input that match the conditions, one by one.
 *
 *	search_init(&s, &cli);
 *	cli_options(&cli, argc, argv, own, &s);		own: search_option(...)
 *	search_start(&s);
 *	search_gather(&s, &kept, NULL, take, arg);	take: search_ask(...)
 *	if (nothing found)
 *		search_explain(&s);
 *	search_release(&s);
 *
 * The programs that choose sessions read their input this way.  Failures end
 * the program.
 */
#ifndef SEARCH_H
#define SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "names.h"
#include "sess/query.h"

struct search {
	struct cli *cli;
	struct sess_query *query;
	int64_t since, until;
	bool slow_load, slow_api;	/* thresholds that were given */
	bool of_end;		/* something asks how sessions ended */

	bool narrow;		/* the caller's: pass over what no --session asks for */
	bool tell_newest;	/* the caller's: newest is wanted whatever is found */
	bool whole;		/* the caller's: of a store, sessions that can't match, too */

	struct search_worker *workers;
	struct sess_query_scratch *scratch;	/* of the main thread */
	const struct names *wanted;	/* read only the sessions of these ids, or NULL */
	const char *literals[SESS_STREAM_LITERALS + 1];	/* ids that records are chosen by */

	uint64_t undecided;		/* sessions that a limit was hit on */
	bool retold;			/* they have been told of before */
	uint64_t sessions, matched;	/* asked; of these matched */
	int64_t newest;			/* event of what was gathered (session.h) */
	int64_t first, last;		/* of the sessions' times */
	uint64_t rejected, bodiless;
};

void search_init(struct search *s, struct cli *c);

/* Take a condition, --ids-from, --since, --until or --invert-match; false for
 * any other option. */
bool search_option(struct search *s, enum option opt, const char *value);

/* All options are known: make the query and the workers ready. */
void search_start(struct search *s);

/* Take each session, in the order of (start, key); with --sorted, of groups as they
 * come. */
typedef void search_take(void *arg, const struct sess_session *s);

/* What a session's members keep of their events (session.h). */
struct search_kept {
	bool lines;
	int (*note)(void *arg, const struct sess_event *ev, uint32_t marks,
	    struct sess_buf *out);
	void *note_arg;
};

/* One pass over the input: put sessions together and have each taken, whether
 * it matches or not.  Records that can't hold the literal, where there is one,
 * are passed over. */
void search_gather(struct search *s, const struct search_kept *kept, const char *literal,
    search_take *take, void *arg);

/* The same of all records, by threads that are numbered below s->cli->stream.jobs, the
 * sessions in any order. */
void search_gather_each(struct search *s, const struct search_kept *kept,
    sess_gather_take *take, void *arg);

/* As search_gather, for the sessions of these ids alone: ids says that all are ids of
 * sessions, none a visitor. */
void search_gather_named(struct search *s, const struct names *keys, bool ids,
    const struct search_kept *kept, search_take *take, void *arg);

/* The ids of sessions with an event that meets a condition, of records that hold
 * the literal.  *ids is false where one of them is a visitor. */
void search_keys(struct search *s, const char *literal, struct names *keys, bool *ids);

/* Live input: a session is taken once it is idle.  done tells when nothing more
 * is wanted. */
void search_follow(struct search *s, const struct search_kept *kept, search_take *take,
    bool (*done)(const void *arg), void *arg);

/* What a worker may ask the query with, on its thread. */
struct sess_query_scratch *search_scratch(const struct search *s, unsigned worker);

/* Whether the session matches; counts it. */
bool search_ask(struct search *s, const struct sess_session *session);

/* Forget what was asked, to ask again. */
void search_restart(struct search *s);

/* The text that records may be chosen by, where records may be passed over at
 * all (nobody wants the books of all of them); else NULL.  *each as of
 * sess_query_literal. */
const char *search_literal(const struct search *s, bool *each);

/* Whether the input can be read again, to less work: files, and folders, of which only
 * files are read. */
bool search_rereadable(const struct search *s);

/* Why nothing was found, in one line. */
void search_explain(const struct search *s);

void search_release(struct search *s);

#endif
