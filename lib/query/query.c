#include "private.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/private.h"
#include "sess/convert.h"

#define SLOW_LOAD_MS 8000
#define SLOW_API_MS 1000

/* Shortest literal worth looking for: a shorter one is in most records. */
#define LITERAL_MIN 4

const struct sessp_condition_info sessp_conditions[SESSP_NCONDITIONS] = {
#define SESSP_CONDITION_INFO(ID, name, arg, how, key, fold, holds) \
	[SESSP_C_##ID] = { name, arg, HOW_##how, SESS_K_##key, fold, holds },
	SESSP_CONDITIONS(SESSP_CONDITION_INFO)
#undef SESSP_CONDITION_INFO
};

/* -- life */

enum sess_status
sess_query_new(struct sess_query **q, struct sess_err *err)
{
	*q = calloc(1, sizeof(**q));
	if (*q == NULL)
		return sess_err_nomem(err);
	(*q)->since = (*q)->until = SESS_NO_TIME;
	return SESS_OK;
}

void
sess_query_free(struct sess_query *q)
{
	struct sessp_cond *c;
	size_t i;

	if (q == NULL)
		return;
	for (c = q->cond; c < q->cond + SESSP_NCONDITIONS; c++) {
		for (i = 0; i < c->n; i++) {
			sessp_regex_free(c->arg[i].re);
			free(c->arg[i].text);
		}
		free(c->arg);
	}
	sessp_ids_release(&q->ids);
	free(q);
}

void
sess_query_range(struct sess_query *q, int64_t since, int64_t until)
{
	q->since = since;
	q->until = until;
}

void
sess_query_invert(struct sess_query *q, bool invert)
{
	q->invert = invert;
}

void
sess_query_hash_user(struct sess_query *q, const unsigned char *key, size_t len)
{
	q->hash_key = key;
	q->hash_key_len = len;
}

/* -- adding */

static int
find_condition(const char *name)
{
	int i;

	for (i = 0; i < SESSP_NCONDITIONS; i++)
		if (strcmp(sessp_conditions[i].name, name) == 0)
			return i;
	return -1;
}

int
sess_query_condition(const char *name)
{
	int i = find_condition(name);

	return i < 0 ? -1 : sessp_conditions[i].arg;
}

/* "5xx" is a class of status: x stands for a digit behind the first. */
static char *
status_pattern(const char *value)
{
	static const char digit[] = "[0-9]";
	size_t i, n = strlen(value);
	char text[2 * sizeof(digit) + 2], *p = text;

	if (n != 3 || value[0] < '0' || value[0] > '9')
		return sessp_dup(value);
	for (i = 0; i < n; i++) {
		if (i > 0 && (value[i] == 'x' || value[i] == 'X')) {
			memcpy(p, digit, sizeof(digit) - 1);
			p += sizeof(digit) - 1;
		} else
			*p++ = value[i];
	}
	*p = '\0';
	return sessp_dup(text);
}

static enum sess_status
parse_ms(struct sessp_arg *a, const char *value, double otherwise, struct sess_err *err)
{
	char *end;

	a->ms = otherwise;
	if (value == NULL)
		return SESS_OK;
	a->ms = strtod(value, &end);
	if (end == value || *end != '\0' || !isfinite(a->ms) || a->ms < 0 ||
	    strspn(value, "0123456789.") != strlen(value))
		return sess_err_set(err, SESS_EFORMAT, 0, "'%.40s' is no number of milliseconds",
		    value);
	return SESS_OK;
}

static enum sess_status
parse_where(struct sessp_arg *a, const char *value, struct sess_err *err)
{
	struct sessp_where *w;
	enum sess_status st;

	st = sessp_where_new(&w, "session", sess_columns, sess_ncolumns, value, err);
	sessp_where_free(w);
	if (st == SESS_OK && (a->text = sessp_dup(value)) == NULL)
		return sess_err_nomem(err);
	return st;
}

static enum sess_status
parse_text(const struct sess_query *q, int c, struct sessp_arg *a, const char *value,
    struct sess_err *err)
{
	char hash[33];

	if (q->hash_key != NULL && (c == SESSP_C_USER || c == SESSP_C_USER_NAME)) {
		sess_hash_user(q->hash_key, q->hash_key_len, value, strlen(value), hash);
		a->text = sessp_dup(hash);
	} else if (sessp_conditions[c].how == HOW_STATUS)
		a->text = status_pattern(value);
	else
		a->text = sessp_dup(value);
	if (a->text == NULL)
		return sess_err_nomem(err);
	a->len = strlen(a->text);
	a->plain = sessp_conditions[c].how == HOW_EXACT || sessp_glob_plain(a->text);
	return SESS_OK;
}

static enum sess_status
parse_arg(const struct sess_query *q, int c, struct sessp_arg *a, const char *value,
    struct sess_err *err)
{
	switch (sessp_conditions[c].how) {
	case HOW_FAILED:
	case HOW_HAS_ERROR:
		return SESS_OK;
	case HOW_SLOW_API:
		return parse_ms(a, value, SLOW_API_MS, err);
	case HOW_SLOW_LOAD:
		return parse_ms(a, value, SLOW_LOAD_MS, err);
	case HOW_IP:
		if (sessp_cidr_parse(&a->net, value, strlen(value)) == 0)
			return SESS_OK;
		return sess_err_set(err, SESS_EFORMAT, 0,
		    "'%.50s' is no address, nor a block like 10.0.0.0/8", value);
	case HOW_ERROR:
	case HOW_PATH:
		return sessp_regex_new(&a->re, value, err);
	case HOW_WHERE:
		return parse_where(a, value, err);
	default:
		return parse_text(q, c, a, value, err);
	}
}

/* Room for one more argument, zeroed; NULL when memory is out. */
static struct sessp_arg *
next_arg(struct sessp_cond *c)
{
	size_t cap = c->cap > 0 ? c->cap * 2 : 4;
	struct sessp_arg *a;

	if (c->n == c->cap) {
		a = cap <= SIZE_MAX / sizeof(*a) ? realloc(c->arg, cap * sizeof(*a)) : NULL;
		if (a == NULL)
			return NULL;
		c->arg = a;
		c->cap = cap;
	}
	c->arg[c->n] = (struct sessp_arg){ 0 };
	return &c->arg[c->n];
}

enum sess_status
sess_query_add(struct sess_query *q, const char *name, const char *value,
    struct sess_err *err)
{
	struct sessp_arg *a;
	enum sess_status st;
	int c = find_condition(name);

	if (c < 0)
		return sess_err_set(err, SESS_EFORMAT, 0, "no condition '%.40s'", name);
	/* what a script makes of an unset variable must not match everything */
	if (value != NULL ? *value == '\0' : sessp_conditions[c].arg == 1)
		return sess_err_set(err, SESS_EFORMAT, 0, "empty");
	q->cond[c].given = true;
	if (c == SESSP_C_SESSION)
		return sessp_ids_add(&q->ids, value, strlen(value)) < 0 ?
		    sess_err_nomem(err) : SESS_OK;
	a = next_arg(&q->cond[c]);
	if (a == NULL)
		return sess_err_nomem(err);
	st = parse_arg(q, c, a, value, err);
	if (st < 0) {
		free(a->text);
		return st;
	}
	q->cond[c].n++;
	return SESS_OK;
}

enum sess_status
sess_query_add_ids(struct sess_query *q, const char *text, size_t len, struct sess_err *err)
{
	const char *p = text, *end = text + len, *next;
	/* an id may hold a newline, but no NUL */
	char separator = len > 0 && memchr(text, '\0', len) != NULL ? '\0' : '\n';
	size_t n;

	q->cond[SESSP_C_SESSION].given = true;
	for (; p < end; p = next + 1) {
		next = memchr(p, separator, (size_t)(end - p));
		next = next != NULL ? next : end;
		n = (size_t)(next - p);
		if (separator == '\n' && n > 0 && p[n - 1] == '\r')
			n--;
		if (n > 0 && sessp_ids_add(&q->ids, p, n) < 0)
			return sess_err_nomem(err);
	}
	return SESS_OK;
}

/* -- compiling */

static bool
has_range(const struct sess_query *q)
{
	return q->since != SESS_NO_TIME || q->until != SESS_NO_TIME;
}

/* The mark of what one event must have all at once. */
static uint32_t *
group_of(struct sess_query *q, enum sessp_how how)
{
	switch (how) {
	case HOW_API:
	case HOW_EXACT:
	case HOW_STATUS:
	case HOW_FAILED:
	case HOW_SLOW_API:
		return &q->api;
	case HOW_ERROR:
	case HOW_HAS_ERROR:
		return &q->error;
	case HOW_SLOW_LOAD:
		return &q->load;
	default:
		return NULL;
	}
}

/* What page and time add to a condition that they belong to. */
static const char *
in_place(const struct sess_query *q)
{
	bool page = q->cond[SESSP_C_PAGE].given;

	if (has_range(q))
		return page ? " on that page in that time" : " in that time";
	return page ? " on that page" : "";
}

static void
add_why(struct sess_query *q, const char *holds, uint32_t bits, int cond, bool placed)
{
	struct sessp_why *w = &q->why[q->nwhy++];

	*w = (struct sessp_why){ .bits = bits, .cond = (enum sessp_condition)cond };
	(void)snprintf(w->holds, sizeof(w->holds), "%s%s", holds, placed ? in_place(q) : "");
}

/* Give a condition its mark, *bit being the next that is free. */
static void
assign(struct sess_query *q, int c, uint32_t *bit)
{
	enum sessp_how how = sessp_conditions[c].how;
	uint32_t *group = group_of(q, how);
	const char *holds = sessp_conditions[c].holds;

	if (how == HOW_SESSION || how == HOW_WHERE || how == HOW_PATH) {
		add_why(q, holds, 0, c, false);
		return;
	}
	if (group != NULL && *group != 0) {
		q->cond[c].bit = *group;
		return;
	}
	q->cond[c].bit = *bit;
	*bit <<= 1;
	if (group != NULL)
		*group = q->cond[c].bit;
	if (how == HOW_FIELD)
		q->field[q->nfields++] = (enum sessp_condition)c;
	q->need |= q->cond[c].bit;
	add_why(q, holds, q->cond[c].bit, c, group != NULL);
}

enum sess_status
sess_query_compile(struct sess_query *q, struct sess_err *err)
{
	uint32_t bit = 1;
	bool group;
	int c;

	if (sessp_ids_seal(&q->ids) < 0)
		return sess_err_nomem(err);
	q->nfields = q->nwhy = 0;
	q->need = q->api = q->error = q->load = q->page = q->range = 0;
	for (c = 0; c < SESSP_NCONDITIONS; c++)
		if (q->cond[c].given && c != SESSP_C_PAGE)
			assign(q, c, &bit);
	/* Page and time belong to that one call, error or load, if one is asked
	 * for, and may otherwise be any event's. */
	group = (q->api | q->error | q->load) != 0;
	if (q->cond[SESSP_C_PAGE].given && !group) {
		assign(q, SESSP_C_PAGE, &bit);
		q->page = q->cond[SESSP_C_PAGE].bit;
	}
	if (has_range(q) && !group) {
		q->range = bit;
		q->need |= bit;
		add_why(q, "had an event in that time", bit, SESSP_NCONDITIONS, false);
	}
	return SESS_OK;
}

/* -- what a caller may know of a query */

bool
sess_query_empty(const struct sess_query *q)
{
	return q->nwhy == 0 && !q->invert;
}

bool
sess_query_safe(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!(p[i] >= 'a' && p[i] <= 'z') && !(p[i] >= 'A' && p[i] <= 'Z') &&
		    !(p[i] >= '0' && p[i] <= '9') && memchr("-._~", p[i], 4) == NULL)
			return false;
	return len >= LITERAL_MIN;
}

/* The one session id asked for.  An id that may be a visitor's is in no log. */
static const char *
session_literal(const struct sess_query *q)
{
	const char *id = q->ids.text.data;

	/* one entry only: neither two ids, nor one that may be KEY.T */
	if (q->ids.n != 1 || !sess_query_safe(id, q->ids.v[0].len) ||
	    id[strspn(id, "0123456789abcdef")] == '\0')
		return NULL;
	return id;
}

const char *
sess_query_literal(const struct sess_query *q, bool *each)
{
	static const enum sessp_condition by[] = {
		SESSP_C_USER, SESSP_C_USER_NAME, SESSP_C_TRACE_ID
	};
	const struct sessp_cond *c;
	const char *literal;
	size_t i;

	*each = false;
	if (q->invert)
		return NULL;
	if (q->cond[SESSP_C_SESSION].given && (literal = session_literal(q)) != NULL) {
		*each = true;
		return literal;
	}
	for (i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		c = &q->cond[by[i]];
		if (q->hash_key != NULL && by[i] != SESSP_C_TRACE_ID)
			continue;
		if (c->n == 1 && c->arg[0].plain &&
		    sess_query_safe(c->arg[0].text, c->arg[0].len))
			return c->arg[0].text;
	}
	return NULL;
}

bool
sess_query_by_id(const struct sess_query *q)
{
	return q->cond[SESSP_C_SESSION].given && !q->invert;
}

bool
sess_query_wants(const struct sess_query *q, const struct sess_event *ev)
{
	if (!sess_query_by_id(q))
		return true;
	if (sess_event_has(ev, SESS_K_SESSION_ID))
		return sessp_ids_wants(&q->ids, ev->v[SESS_K_SESSION_ID]);
	/* who has neither will be given a visitor's id by the packer */
	return !sess_event_has(ev, SESS_K_VISITOR) ||
	    sessp_ids_wants(&q->ids, ev->v[SESS_K_VISITOR]);
}

bool
sess_query_of_events(const struct sess_query *q)
{
	return !q->cond[SESSP_C_WHERE].given;
}

bool
sess_query_of_one_event(const struct sess_query *q)
{
	return !q->cond[SESSP_C_WHERE].given && !q->cond[SESSP_C_PATH].given;
}

bool
sess_query_holds(const struct sess_query *q, const struct sess_event *ev, uint32_t marks)
{
	bool all = (marks & q->need) == q->need;

	if (q->cond[SESSP_C_SESSION].given)
		all = all && sessp_ids_wants(&q->ids, sess_event_get(ev,
		    sess_event_has(ev, SESS_K_SESSION_ID) ? SESS_K_SESSION_ID :
		    SESS_K_VISITOR));
	return all != q->invert;
}
