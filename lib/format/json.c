/*
 * json: one JSON object, of whatever kind: an event, an SDK's record, a line of
 * an access log, a row that wraps one of these.  Each object is judged by its
 * own fields, so a file may hold all of them; what a file is called follows
 * from what most of its lines are.
 */
#include <stdlib.h>
#include <string.h>

#include "payload.h"

#define WRAPPED_MAX 3		/* records inside records */

enum kind { NONE, EVENT, ARMS, RUM, ACCESS, WRAPPED, BULK };

static bool
named(const struct sessp_field *f, const char *name)
{
	size_t n = strlen(name);

	return f->name_len == n && memcmp(f->name, name, n) == 0;
}

static const struct sessp_field *
find(const struct sessp_field *f, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (named(&f[i], name))
			return &f[i];
	return NULL;
}

/* An event whose keys are in another order than ours. */
static bool
is_event(const struct sessp_field *f, size_t n)
{
	const struct sessp_field *v = find(f, n, "v"), *id = find(f, n, "id");

	return v != NULL && v->type == SESSP_NUMBER && id != NULL && id->type == SESSP_STRING &&
	    find(f, n, "kind") != NULL;
}

/* The field in which log services and collectors wrap a line: each is told by
 * a second field that they add. */
static const struct sessp_field *
wrapped(const struct sessp_field *f, size_t n)
{
	static const struct { const char *name, *beside; } rows[] = {
		{ "content", "__time__" },	/* Alibaba Log Service */
		{ "_source", "_index" },	/* Elasticsearch */
		{ "message", "@timestamp" },	/* Filebeat, Logstash */
		{ "log", "stream" },		/* Docker */
		{ "line", "labels" },		/* Loki */
	};
	const struct sessp_field *w;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if ((w = find(f, n, rows[i].name)) != NULL && find(f, n, rows[i].beside) != NULL &&
		    (w->type == SESSP_STRING || w->type == SESSP_NESTED))
			return w;
	return NULL;
}

/* The action lines of an Elasticsearch bulk file. */
static bool
is_bulk(const struct sessp_field *f, size_t n)
{
	return n == 1 && f->type == SESSP_NESTED && (named(f, "index") || named(f, "create") ||
	    named(f, "update") || named(f, "delete"));
}

static enum kind
kind_of(const struct sessp_field *f, size_t n)
{
	if (sessp_arms_record_mine(f, n))
		return ARMS;
	if (is_event(f, n))
		return EVENT;
	if (sessp_rum_record_mine(f, n))
		return RUM;
	if (sessp_access_mine(f, n))
		return ACCESS;
	if (wrapped(f, n) != NULL)
		return WRAPPED;
	return is_bulk(f, n) ? BULK : NONE;
}

/* -- recognising */

static bool
has_meta(const struct sessp_field *f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (f[i].name_len > 4 && memcmp(f[i].name, "__t", 3) == 0)
			return true;		/* __time__, __topic__, __tag__:... */
	return false;
}

/* Whether the text in a wrapping field is one of ours. */
static bool
inner_known(const struct sessp_field *w, unsigned depth)
{
	struct sess_buf text = { 0 };
	bool known = false;

	if (depth < WRAPPED_MAX && (w->val_esc ? sessp_json_decode(w->val, w->val_len, &text) :
	    sess_buf_add(&text, w->val, w->val_len)) == 0 &&
	    sess_buf_room(&text, SESSP_PAD) == 0 && text.len > 0) {
		memset(text.data + text.len, 0, SESSP_PAD);
		known = *text.data == '{' ?
		    sessp_json_class(text.data, text.len, depth + 1) != SESSP_C_NONE :
		    sessp_combined.sniff(text.data, text.len) > 0 ||
		    sessp_common.sniff(text.data, text.len) > 0;
	}
	sess_buf_release(&text);
	return known;
}

enum sessp_class
sessp_json_class(const char *p, size_t len, unsigned depth)
{
	static const enum sessp_class classes[] = {
		[NONE] = SESSP_C_NONE, [EVENT] = SESSP_C_EVENT, [ARMS] = SESSP_C_RECORD,
		[RUM] = SESSP_C_RECORD, [ACCESS] = SESSP_C_ACCESS, [WRAPPED] = SESSP_C_RECORD,
		[BULK] = SESSP_C_NONE
	};
	enum sessp_class c = SESSP_C_NONE;
	struct sessp_field *f = NULL;
	size_t n = 0, cap = 0;
	enum kind kind;

	if (len > 0 && *p == '{' && sessp_json_fields(p, len, &f, &n, &cap, NULL) == SESS_OK) {
		kind = kind_of(f, n);
		if (kind != WRAPPED || inner_known(wrapped(f, n), depth))
			c = classes[kind];
		if (c != SESSP_C_NONE && c != SESSP_C_EVENT && has_meta(f, n))
			c = SESSP_C_SLS;
	}
	free(f);
	return c;
}

size_t
sessp_json_cut(char *p, size_t len)
{
	bool string = false;
	size_t i, end = 0;
	int depth = 0;

	for (i = 0; i < len; i++) {
		if (p[i] == '\\' && string)
			i++;
		else if (p[i] == '"')
			string = !string;
		else if (!string && (p[i] == '{' || p[i] == '['))
			depth++;
		else if (!string && (p[i] == '}' || p[i] == ']'))
			depth--;
		else if (!string && p[i] == ',' && depth == 1)
			end = i;
	}
	if (end == 0)
		return len;
	p[end] = '}';
	return end + 1;
}

/* -- converting */

/* A canonical event that was scanned into cv->ev: as it is, unless privacy is
 * asked for. */
static enum sessp_verdict
pass(struct sessp_conv *cv)
{
	if (cv->privacy) {
		sessp_private(cv, true);
		sessp_visitor_again(cv);
	}
	sessp_emit_as_is(cv);
	return SESSP_CONVERTED;
}

static enum sessp_verdict
event(struct sessp_conv *cv, const char *p, size_t len, struct sess_err *err)
{
	enum sess_status st = sessp_event_scan(&cv->scanner, &cv->ev, p, len, SESSP_PAD, err);

	if (st == SESS_ENOMEM)
		sessp_fail(cv);
	return st == SESS_OK ? pass(cv) : SESSP_REJECTED;
}

/* When the row in cv->fields came to whoever wrapped the record. */
static int64_t
row_time(struct sessp_conv *cv)
{
	static const char *const names[] = { "__time__", "@timestamp", "timestamp", "time" };
	const struct sessp_field *t;
	struct sess_slice s;
	int64_t ms;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if ((t = find(cv->fields, cv->nfields, names[i])) == NULL)
			continue;
		s = sessp_text(cv, t);
		if (s.len > 0 && sess_when_any(s.p, s.len, &ms) == 0)
			return ms;
	}
	return cv->outer;
}

/* The record inside the row in cv->fields. */
static enum sessp_verdict
unwrap(struct sessp_conv *cv, struct sess_err *err)
{
	struct sess_slice text = sessp_text(cv, wrapped(cv->fields, cv->nfields));
	char *copy;

	if (++cv->depth > WRAPPED_MAX) {
		sess_err_set(err, SESS_ELIMIT, 0, "records wrapped in one another too deep");
		return SESSP_REJECTED;
	}
	cv->outer = row_time(cv);
	while (text.len > 0 && (text.p[text.len - 1] == '\n' || text.p[text.len - 1] == '\r'))
		text.len--;
	if ((copy = sessp_arena_get(&cv->arena, text.len + SESSP_PAD)) == NULL) {
		sessp_fail(cv);
		return SESSP_REJECTED;
	}
	if (text.len > 0)
		memcpy(copy, text.p, text.len);
	memset(copy + text.len, 0, SESSP_PAD);
	if (text.len > 0 && *copy == '{')
		return sessp_json_record(cv, copy, text.len, err);
	return sessp_combined.convert(cv, copy, text.len, err);
}

static enum sessp_verdict
dispatch(struct sessp_conv *cv, const char *p, size_t len, struct sess_err *err)
{
	switch (kind_of(cv->fields, cv->nfields)) {
	case ARMS:
		return sessp_arms_record(cv, err);
	case EVENT:
		return event(cv, p, len, err);
	case RUM:
		return sessp_rum_record(cv, p, len, err);
	case ACCESS:
		return sessp_access_record(cv, p, len, err);
	case WRAPPED:
		return unwrap(cv, err);
	case BULK:
		return SESSP_IGNORED;
	case NONE:
		break;
	}
	sess_err_set(err, SESS_EFORMAT, 0, "a record of no kind that is known");
	return SESSP_REJECTED;
}

enum sessp_verdict
sessp_json_record(struct sessp_conv *cv, const char *p, size_t len, struct sess_err *err)
{
	enum sess_status st;

	/* As our writer begins an event: no need to look for what it is. */
	if (len > 7 && memcmp(p, "{\"v\":1,", 7) == 0 &&
	    sessp_event_scan(&cv->scanner, &cv->ev, p, len, SESSP_PAD, NULL) == SESS_OK)
		return pass(cv);
	st = sessp_json_fields_along(p, len, SESSP_PAD, &cv->seen, &cv->fields, &cv->nfields,
	    &cv->fields_cap, err);
	if (st != SESS_OK) {
		if (st == SESS_ENOMEM)
			sessp_fail(cv);
		return SESSP_REJECTED;
	}
	if (cv->map != NULL && !is_event(cv->fields, cv->nfields))
		return sessp_map_record(cv, p, len, err);
	return dispatch(cv, p, len, err);
}

/* -- the formats */

static int
sniff_events(const char *p, size_t len)
{
	return sessp_json_class(p, len, 0) == SESSP_C_EVENT ? 100 : 0;
}

static int
sniff_access(const char *p, size_t len)
{
	return sessp_json_class(p, len, 0) == SESSP_C_ACCESS ? 100 : 0;
}

static int
sniff_sls(const char *p, size_t len)
{
	return sessp_json_class(p, len, 0) == SESSP_C_SLS ? 100 : 0;
}

static int
sniff_json(const char *p, size_t len)
{
	return sessp_json_class(p, len, 0) == SESSP_C_RECORD ? 100 : 0;
}

static int
sniff_any(const char *p, size_t len)
{
	return sessp_json_class(p, len, 0) != SESSP_C_NONE ? 100 : 0;
}

/* KEY<TAB>{...}: what a shuffle hands to its reducers. */
static size_t
key_len(const char *p, size_t len)
{
	const char *tab = memchr(p, '\t', len);

	return tab != NULL && tab + 1 < p + len && tab[1] == '{' && *p != '{' ?
	    (size_t)(tab - p) + 1 : 0;
}

static int
sniff_keyed(const char *p, size_t len)
{
	size_t key = key_len(p, len);

	return key > 0 ? sniff_any(p + key, len - key) : 0;
}

static enum sessp_verdict
convert_keyed(struct sessp_conv *cv, const char *p, size_t len, struct sess_err *err)
{
	size_t key = key_len(p, len);

	return sessp_json_record(cv, p + key, len - key, err);
}

const struct sessp_format sessp_events = {
	"events", SESSP_LINES, sniff_events, sessp_json_record
};
const struct sessp_format sessp_access_json = {
	"access-json", SESSP_LINES, sniff_access, sessp_json_record
};
const struct sessp_format sessp_sls = {
	"sls", SESSP_LINES, sniff_sls, sessp_json_record
};
const struct sessp_format sessp_json = {
	"json", SESSP_LINES, sniff_json, sessp_json_record
};
const struct sessp_format sessp_array = {
	"array", SESSP_ARRAY, sniff_any, sessp_json_record
};
const struct sessp_format sessp_keyed = {
	"keyed", SESSP_LINES, sniff_keyed, convert_keyed
};
