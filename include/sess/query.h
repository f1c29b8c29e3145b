/*
 * query: does this session match?  Design section 5.
 *
 * Conditions are added by name with the text of their option; the query is
 * asked twice: of each event (on a worker: which of the conditions hold on
 * it, as marks that travel with the packed event) and of each whole session.
 * A compiled query is read-only: all workers share it, each with a scratch
 * of its own.
 */
#ifndef SESS_QUERY_H
#define SESS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sess/err.h"
#include "sess/event.h"
#include "sess/session.h"

struct sess_query;
struct sess_query_scratch;

enum sess_status sess_query_new(struct sess_query **q, struct sess_err *err);
void sess_query_free(struct sess_query *q);

/*
 * Add one condition.  name is an option's long name without dashes: user,
 * user-name, session, ip, page, browser, browser-version, os, device, network,
 * region, country, city, release, environment, app, error, has-error, api,
 * api-failed, status, slow-load, slow-api, trace-id, where, path.  value is
 * the option's argument or NULL.  The same name again: either may hold.
 * SESS_EFORMAT with the reason for a bad pattern, address or expression.
 */
enum sess_status sess_query_add(struct sess_query *q, const char *name,
    const char *value, struct sess_err *err);

/* Add sessions by their ids, one a line or, where the text holds a NUL, with a
 * NUL behind each.  No id at all is a condition too, which nothing meets. */
enum sess_status sess_query_add_ids(struct sess_query *q, const char *text,
    size_t len, struct sess_err *err);

/* Whether name is a condition, and whether it takes an argument (0 no, 1 yes,
 * 2 optional); -1 where it's none. */
int sess_query_condition(const char *name);

/* [since, until), ms; SESS_NO_TIME leaves a side open. */
void sess_query_range(struct sess_query *q, int64_t since, int64_t until);

/* -v: the whole is negated. */
void sess_query_invert(struct sess_query *q, bool invert);

/* Hash arguments of user and user-name as --hash-user did (a hash has no
 * patterns: they are hashed as they stand).  Before they are added; key is
 * borrowed until then. */
void sess_query_hash_user(struct sess_query *q, const unsigned char *key, size_t len);

/* End of adding; then the query is read-only. */
enum sess_status sess_query_compile(struct sess_query *q, struct sess_err *err);

enum sess_status sess_query_scratch_new(struct sess_query_scratch **sc,
    const struct sess_query *q, struct sess_err *err);
void sess_query_scratch_free(struct sess_query_scratch *sc);

/* Which conditions hold on the event: bits for sess_pack.  A regex that hits
 * its limits is SESS_ELIMIT with the session named.  *marks is then good too,
 * and says so: who packs the event with it gets the error from
 * sess_query_session, unless other events of the session settle the matter. */
enum sess_status sess_query_event(const struct sess_query *q,
    struct sess_query_scratch *sc, const struct sess_event *ev,
    uint32_t *marks, struct sess_err *err);

/* Whether the session (its marks, record and path) matches.  SESS_ELIMIT, with
 * the session named, where a regex or expression hit its limits on it: that is
 * no match and no mismatch; the next session may be asked. */
enum sess_status sess_query_session(const struct sess_query *q,
    struct sess_query_scratch *sc, const struct sess_session *s,
    bool *match, struct sess_err *err);

/*
 * A text that each matching session has in one of its events at least, as
 * bytes of the raw log (--user u-1024), so that records without it need not be
 * converted to find the sessions that may match; NULL where there is none.
 * *each: it is the session's id, which all of its events have.  Given for one
 * plain --session, --user, --user-name or --trace-id that is safe as below and
 * neither inverted nor hashed.  Borrowed from q.
 */
const char *sess_query_literal(const struct sess_query *q, bool *each);

/* Whether a text may be looked for in raw logs: at least four of letters,
 * digits, - . _ ~, which no encoding has to escape. */
bool sess_query_safe(const char *p, size_t len);

/* Whether sessions are asked for by id, so that all others can be passed over;
 * and whether the event may belong to one of these. */
bool sess_query_by_id(const struct sess_query *q);
bool sess_query_wants(const struct sess_query *q, const struct sess_event *ev);

/* Whether a session's own events decide; false where --where may ask for what
 * depends on the rest of the input (end_reason).  And whether single events
 * can, as sess_query_holds asks them. */
bool sess_query_of_events(const struct sess_query *q);
bool sess_query_of_one_event(const struct sess_query *q);

/* Whether all that is asked for holds on this one event with its marks. */
bool sess_query_holds(const struct sess_query *q, const struct sess_event *ev,
    uint32_t marks);

/*
 * Whether a report of matching sessions counts the event, of which marks are
 * what sess_query_event gave: conditions on the page and time choose events of
 * every kind, those on API calls, errors and loads events of theirs.  With
 * sess_query_invert all events of a session are counted.
 */
bool sess_query_selects(const struct sess_query *q, const struct sess_event *ev,
    uint32_t marks);

/* Whether the query holds for all sessions (no condition, no range). */
bool sess_query_empty(const struct sess_query *q);

/*
 * Why nothing was found, condition by condition: for each, words for it ("had
 * that user name") and how many sessions it held for on its own.  Filled by
 * sess_query_session calls as long as none matches; i from 0; false behind
 * the last.
 */
bool sess_query_why(const struct sess_query_scratch *sc, size_t i,
    const char **condition, uint64_t *sessions);

/* Shell pattern (* ? [a-z] \), whole text; fold: ASCII case is ignored. */
bool sess_glob(const char *pattern, const char *p, size_t len, bool fold);

#endif
