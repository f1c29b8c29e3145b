#include "private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* -- scratch */

enum sess_status
sess_query_scratch_new(struct sess_query_scratch **sc, const struct sess_query *q,
    struct sess_err *err)
{
	struct sess_query_scratch *n = calloc(1, sizeof(*n));

	*sc = NULL;
	if (n == NULL)
		return sess_err_nomem(err);
	n->q = q;
	n->where = calloc(q->cond[SESSP_C_WHERE].n + 1, sizeof(struct sessp_where *));
	if (n->where == NULL) {
		free(n);
		return sess_err_nomem(err);
	}
	if ((q->cond[SESSP_C_ERROR].given || q->cond[SESSP_C_PATH].given) &&
	    sessp_matcher_new(&n->matcher, err) < 0) {
		sess_query_scratch_free(n);
		return SESS_ENOMEM;
	}
	*sc = n;
	return SESS_OK;
}

void
sess_query_scratch_free(struct sess_query_scratch *sc)
{
	size_t i;

	if (sc == NULL)
		return;
	for (i = 0; i < sc->q->cond[SESSP_C_WHERE].n; i++)
		sessp_where_free(sc->where[i]);
	free(sc->where);
	sessp_matcher_free(sc->matcher);
	sess_buf_release(&sc->path);
	free(sc);
}

/* -- events */

bool
sessp_query_value(const struct sess_query *q, enum sessp_condition c, struct sess_slice v)
{
	const struct sessp_condition_info *info = &sessp_conditions[c];
	const struct sessp_cond *cond = &q->cond[c];
	const struct sessp_arg *a;

	for (a = cond->arg; a < cond->arg + cond->n; a++) {
		/* what was copied from a session, like "[index]", is found as well */
		if (a->len == v.len && (info->fold ?
		    strncasecmp(a->text, v.p, v.len) == 0 : memcmp(a->text, v.p, v.len) == 0))
			return true;
		if (!a->plain && sess_glob(a->text, v.p, v.len, info->fold))
			return true;
	}
	return false;
}

/* Whether the value of the condition's key is as asked for. */
static bool
field_holds(const struct sess_query *q, enum sessp_condition c, const struct sess_event *ev)
{
	enum sess_key key = sessp_conditions[c].key;

	return sess_event_has(ev, key) && sessp_query_value(q, c, ev->v[key]);
}

bool
sessp_query_address(const struct sess_query *q, struct sess_slice v)
{
	const struct sessp_cond *cond = &q->cond[SESSP_C_IP];
	struct sessp_cidr address;
	size_t i;

	if (v.len == 0 || memchr(v.p, '/', v.len) != NULL ||
	    sessp_cidr_parse(&address, v.p, v.len) < 0)
		return false;
	for (i = 0; i < cond->n; i++)
		if (sessp_cidr_has(&cond->arg[i].net, address.addr))
			return true;
	return false;
}

static bool
in_range(const struct sess_query *q, const struct sess_event *ev)
{
	int64_t t = ev->received != SESS_NO_TIME ? ev->received : ev->time;

	return (q->since == SESS_NO_TIME || t >= q->since) &&
	    (q->until == SESS_NO_TIME || t < q->until);
}

/* Whether the event is on the page and in the time asked for, if any is. */
static bool
in_place(const struct sess_query *q, const struct sess_event *ev)
{
	return in_range(q, ev) &&
	    (!q->cond[SESSP_C_PAGE].given || field_holds(q, SESSP_C_PAGE, ev));
}

/* Whether a duration is above one of the condition's. */
static bool
is_slow(const struct sess_query *q, enum sessp_condition c, const struct sess_event *ev)
{
	double ms = sess_event_num(ev, sessp_conditions[c].key, -1);
	size_t i;

	for (i = 0; i < q->cond[c].n; i++)
		if (ms > q->cond[c].arg[i].ms)
			return true;
	return false;
}

static bool
api_holds(const struct sess_query *q, const struct sess_event *ev)
{
	const struct sessp_cond *cond = q->cond;

	if (cond[SESSP_C_API_FAILED].given && !sess_event_failed(ev))
		return false;
	if (cond[SESSP_C_STATUS].given && !field_holds(q, SESSP_C_STATUS, ev))
		return false;
	if (cond[SESSP_C_TRACE_ID].given && !field_holds(q, SESSP_C_TRACE_ID, ev))
		return false;
	if (cond[SESSP_C_API].given && !field_holds(q, SESSP_C_API, ev))
		return false;
	if (cond[SESSP_C_SLOW_API].given && !is_slow(q, SESSP_C_SLOW_API, ev))
		return false;
	return in_place(q, ev);
}

enum sess_status
sessp_query_error(const struct sess_query *q, struct sess_query_scratch *sc,
    const struct sess_event *ev, bool *found, struct sess_err *err)
{
	static const enum sess_key keys[] = {
		SESS_K_MESSAGE, SESS_K_ERROR_TYPE, SESS_K_STACK
	};
	const struct sessp_cond *cond = &q->cond[SESSP_C_ERROR];
	enum sess_status st, gave_up = SESS_OK;
	struct sess_slice v;
	size_t i, k;

	for (i = 0; i < cond->n; i++)
		for (k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			if (!sess_event_has(ev, keys[k]))
				continue;
			v = ev->v[keys[k]];
			st = sessp_regex_find(cond->arg[i].re, sc->matcher, v.p, v.len,
			    SESSP_TEXT_MAX, found, err);
			if (*found)
				return SESS_OK;
			if (st == SESS_ENOMEM)
				return st;
			if (st < 0)
				gave_up = st;
		}
	return gave_up;
}

/* What is asked of an error.  A JS error that was sampled away is known from
 * the count that its page view left with. */
static enum sess_status
error_holds(const struct sess_query *q, struct sess_query_scratch *sc,
    const struct sess_event *ev, bool *holds, struct sess_err *err)
{
	struct sess_err why = { 0 };
	enum sess_status st;

	*holds = false;
	if (q->cond[SESSP_C_ERROR].given) {
		if (ev->kind != SESS_ERROR || !in_place(q, ev))
			return SESS_OK;
		st = sessp_query_error(q, sc, ev, holds, &why);
		if (*holds || st >= 0)
			return SESS_OK;
		return sess_err_set(err, st, 0, "--error: %s", why.text);
	}
	*holds = (ev->kind == SESS_ERROR ||
	    sess_event_int(ev, SESS_K_ERRORS, 0) > 0) && in_place(q, ev);
	return SESS_OK;
}

/* An error about one session: its name first. */
static enum sess_status
about_session(struct sess_slice key, const struct sess_err *why, struct sess_err *err)
{
	int len = key.len > 60 ? 60 : (int)key.len;

	return sess_err_set(err, why->code, 0, "session %.*s: %s", len, key.p, why->text);
}

enum sess_status
sess_query_event(const struct sess_query *q, struct sess_query_scratch *sc,
    const struct sess_event *ev, uint32_t *marks, struct sess_err *err)
{
	struct sess_err why = { 0 };
	uint32_t m = 0;
	bool holds;
	size_t i;

	*marks = 0;
	for (i = 0; i < q->nfields; i++)
		if (field_holds(q, q->field[i], ev))
			m |= q->cond[q->field[i]].bit;
	if (q->cond[SESSP_C_IP].given &&
	    sessp_query_address(q, sess_event_get(ev, SESS_K_IP)))
		m |= q->cond[SESSP_C_IP].bit;
	if (q->page != 0 && field_holds(q, SESSP_C_PAGE, ev))
		m |= q->page;
	if (q->range != 0 && in_range(q, ev))
		m |= q->range;
	if (q->load != 0 && ev->kind == SESS_LOAD && is_slow(q, SESSP_C_SLOW_LOAD, ev) &&
	    in_place(q, ev))
		m |= q->load;
	if (q->api != 0 && ev->kind == SESS_API && api_holds(q, ev))
		m |= q->api;
	if (q->error != 0 && (ev->kind == SESS_ERROR || ev->kind == SESS_LEAVE)) {
		if (error_holds(q, sc, ev, &holds, &why) < 0) {
			*marks = m | SESSP_MARK_LIMIT;
			return about_session(sess_event_get(ev,
			    sess_event_has(ev, SESS_K_SESSION_ID) ? SESS_K_SESSION_ID :
			    SESS_K_VISITOR), &why, err);
		}
		if (holds)
			m |= q->error;
	}
	*marks = m;
	return SESS_OK;
}

bool
sess_query_selects(const struct sess_query *q, const struct sess_event *ev, uint32_t marks)
{
	if (q->invert)
		return true;
	switch (ev->kind) {
	case SESS_API:
		if (q->api != 0)
			return (marks & q->api) != 0;
		break;
	case SESS_ERROR:
		if (q->error != 0)
			return (marks & q->error) != 0;
		break;
	case SESS_LOAD:
		if (q->load != 0)
			return (marks & q->load) != 0;
		break;
	default:
		break;
	}
	return in_place(q, ev);
}

/* -- sessions */

static bool
column_value(const void *row, const struct sess_column *column, size_t index,
    struct sess_buf *scratch, struct sessp_value *v)
{
	(void)column;
	return sess_session_value(row, index, &v->text, &v->i, scratch);
}

static enum sess_status
where_holds(struct sess_query_scratch *sc, const struct sess_session *s, bool *holds,
    struct sess_err *err)
{
	const struct sessp_cond *cond = &sc->q->cond[SESSP_C_WHERE];
	struct sess_err why = { 0 };
	enum sess_status st = SESS_OK;
	size_t i;

	*holds = false;
	for (i = 0; i < cond->n && !*holds; i++) {
		if (sc->where[i] == NULL)
			st = sessp_where_new(&sc->where[i], "session", sess_columns,
			    sess_ncolumns, cond->arg[i].text, &why);
		if (st >= 0)
			st = sessp_where_test(sc->where[i], s, column_value, holds, &why);
		if (st < 0)
			return sess_err_set(err, st, 0, "--where: %s", why.text);
	}
	return SESS_OK;
}

/* The pages in order, framed by >: ">home>cart>". */
static enum sess_status
make_path(struct sess_buf *b, const struct sess_session *s, struct sess_err *err)
{
	struct sess_slice last = { "", 0 };
	size_t i;

	b->len = 0;
	if (sess_buf_putc(b, '>') < 0)
		return sess_err_nomem(err);
	for (i = 0; i < s->nviews; i++) {
		const struct sess_slice *page = &s->views[i].page;

		if (page->len == 0 || (page->len == last.len &&
		    memcmp(page->p, last.p, last.len) == 0))
			continue;
		if (sess_buf_add(b, page->p, page->len) < 0 || sess_buf_putc(b, '>') < 0)
			return sess_err_nomem(err);
		last = *page;
	}
	return SESS_OK;
}

static enum sess_status
path_holds(struct sess_query_scratch *sc, const struct sess_session *s, bool *holds,
    struct sess_err *err)
{
	const struct sessp_cond *cond = &sc->q->cond[SESSP_C_PATH];
	struct sess_err why = { 0 };
	enum sess_status st;
	size_t i;

	*holds = false;
	if (make_path(&sc->path, s, err) < 0)
		return SESS_ENOMEM;
	for (i = 0; i < cond->n && !*holds; i++) {
		st = sessp_regex_find(cond->arg[i].re, sc->matcher, sc->path.data,
		    sc->path.len, SESSP_PATH_MAX, holds, &why);
		if (st < 0)
			return sess_err_set(err, st, 0, "--path: %s", why.text);
	}
	return SESS_OK;
}

/* Whether one condition, by its place in q->why, holds for the session. */
static enum sess_status
one_holds(struct sess_query_scratch *sc, const struct sess_session *s,
    const struct sessp_why *why, bool *holds, struct sess_err *err)
{
	if (why->bits != 0) {
		*holds = (s->marks & why->bits) == why->bits;
		return SESS_OK;
	}
	switch (why->cond) {
	case SESSP_C_WHERE:
		return where_holds(sc, s, holds, err);
	case SESSP_C_PATH:
		return path_holds(sc, s, holds, err);
	default:
		*holds = sessp_ids_has(&sc->q->ids, s);
		return SESS_OK;
	}
}

/* A regex gave up on one of its events.  That decides nothing where another
 * event has what was looked for, or where the rest fails anyway. */
static bool
is_unknown(const struct sess_query *q, const struct sess_session *s)
{
	uint32_t rest = q->need & ~q->error;

	return (s->marks & SESSP_MARK_LIMIT) != 0 && (s->marks & q->error) == 0 &&
	    (s->marks & rest) == rest;
}

enum sess_status
sess_query_session(const struct sess_query *q, struct sess_query_scratch *sc,
    const struct sess_session *s, bool *match, struct sess_err *err)
{
	struct sess_err why = { 0 };
	bool all = (s->marks & q->need) == q->need, holds;
	size_t i;

	*match = false;
	if (is_unknown(q, s)) {
		sess_err_set(&why, SESS_ELIMIT, 0,
		    "--error: a text is too long or takes too many steps");
		return about_session(s->key, &why, err);
	}
	/* once something is found nobody will ask why nothing was */
	for (i = 0; i < q->nwhy && (all || sc->matched == 0); i++) {
		if (one_holds(sc, s, &q->why[i], &holds, &why) < 0)
			return about_session(s->key, &why, err);
		sc->held[i] += holds;
		all &= holds;
	}
	*match = all != q->invert;
	sc->matched += *match;
	return SESS_OK;
}

bool
sess_query_why(const struct sess_query_scratch *sc, size_t i, const char **condition,
    uint64_t *sessions)
{
	if (i >= sc->q->nwhy)
		return false;
	*condition = sc->q->why[i].holds;
	*sessions = sc->held[i];
	return true;
}
