/*
 * map: any NDJSON by a file of lines `key = value`.
 *
 *	session_id  = .ctx.sid
 *	time        = .ts | ms
 *	kind        = "api"
 *	api         = .req["path"] // .req.url | lower
 *	duration_ms = .took | s			# seconds there, ms here
 *
 * A value is a path (.a.b, .a[0], .["odd key"]), a "text" in JSON's spelling,
 * a number, true or false.  Alternatives stand behind //: the first that is
 * there and not null counts.  Conversions stand behind | and are applied to it
 * one after another:
 *
 *	s ms us ns	a number in that unit: since the epoch for a time, else
 *			a duration, which becomes ms
 *	rfc3339		a time as text.  (A time without a conversion may be
 *			any that sess_when_any takes.)
 *	int		a number without its fraction
 *	lower upper	ASCII letters
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "payload.h"

#define STEPS_MAX 16		/* of a path */

enum conversion { AS_S, AS_MS, AS_US, AS_NS, AS_RFC3339, AS_INT, AS_LOWER, AS_UPPER };

static const char *const conversions[] = {
	"s", "ms", "us", "ns", "rfc3339", "int", "lower", "upper"
};

/* A step of a path: into a member, or, where name.p is NULL, an element. */
struct step {
	struct sess_slice name;
	size_t index;
};

struct choice {
	struct choice *next;
	struct step *steps;
	size_t nsteps;			/* 0: a constant */
	struct sess_slice constant;
};

struct applied {
	struct applied *next;
	enum conversion to;
};

struct rule {
	struct rule *next;
	enum sess_key key;
	struct choice *choices;
	struct applied *conversions;
};

struct sessp_map {
	struct sessp_arena arena;	/* all that is below */
	struct rule *rules;		/* in the order of the file */
};

/* -- reading the file */

struct reader {
	struct sessp_arena *arena;
	const char *p, *end;		/* of the line */
	uint64_t line;
	struct sess_err *err;
};

static enum sess_status
wrong(struct reader *r, const char *what)
{
	return sess_err_set(r->err, SESS_EFORMAT, r->line, "line %llu of the map: %s",
	    (unsigned long long)r->line, what);
}

static void
blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r'))
		r->p++;
}

static bool
at(const struct reader *r, char c)
{
	return r->p < r->end && *r->p == c;
}

/* The name, conversion or keyword at the reader, passed over; it may be empty. */
static struct sess_slice
word(struct reader *r)
{
	struct sess_slice w = { r->p, 0 };
	unsigned char c;

	for (; r->p < r->end; r->p++) {
		c = (unsigned char)*r->p;
		if (c != '_' && c != '-' && c != '$' && c != '@' && c < 0x80 &&
		    (c < '0' || c > '9') && ((c | 0x20) < 'a' || (c | 0x20) > 'z'))
			break;
	}
	w.len = (size_t)(r->p - w.p);
	return w;
}

/* A slice that lives as long as the map. */
static enum sess_status
keep(struct reader *r, struct sess_slice *s)
{
	if ((s->p = sessp_arena_dup(r->arena, s->p, s->len)) == NULL)
		return sess_err_nomem(r->err);
	return SESS_OK;
}

/* A text in quotes, as JSON has it: checked as the member of an object. */
static enum sess_status
quoted(struct reader *r, struct sess_slice *s)
{
	static const char pad[SESSP_PAD];
	struct sess_buf text = { 0 }, out = { 0 };
	struct sessp_field *f = NULL;
	size_t n = 0, cap = 0;
	const char *from = r->p++;
	enum sess_status st;

	while (r->p < r->end && *r->p != '"')
		r->p += *r->p == '\\' && r->end - r->p > 1 ? 2 : 1;
	if (r->p == r->end)
		return wrong(r, "a quote is not closed");
	r->p++;
	if (sess_buf_puts(&text, "{\"\":") < 0 ||
	    sess_buf_add(&text, from, (size_t)(r->p - from)) < 0 ||
	    sess_buf_putc(&text, '}') < 0 || sess_buf_add(&text, pad, sizeof(pad)) < 0)
		st = sess_err_nomem(r->err);
	else if ((st = sessp_json_fields(text.data, text.len - sizeof(pad), &f, &n, &cap,
	    NULL)) == SESS_EFORMAT)
		st = wrong(r, "the text in quotes is no JSON string");
	if (st == SESS_ENOMEM || (st == SESS_OK && sessp_json_decode(f->val, f->val_len, &out) < 0))
		st = sess_err_nomem(r->err);
	if (st == SESS_OK) {
		*s = (struct sess_slice){ out.data != NULL ? out.data : "", out.len };
		st = keep(r, s);
	}
	free(f);
	sess_buf_release(&out);
	sess_buf_release(&text);
	return st;
}

/* [0] or ["name"]. */
static enum sess_status
subscript(struct reader *r, struct step *s)
{
	enum sess_status st;

	r->p++;
	if (at(r, '"')) {
		if ((st = quoted(r, &s->name)) < 0)
			return st;
	} else {
		if (r->p == r->end || *r->p < '0' || *r->p > '9')
			return wrong(r, "a number or a quoted name is missing behind [");
		for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++)
			if (s->index < UINT32_MAX)
				s->index = s->index * 10 + (size_t)(*r->p - '0');
	}
	if (!at(r, ']'))
		return wrong(r, "a ] is missing");
	r->p++;
	return SESS_OK;
}

static enum sess_status
step(struct reader *r, struct step *s)
{
	*s = (struct step){ { NULL, 0 }, 0 };
	if (at(r, '.'))
		r->p++;
	if (at(r, '['))
		return subscript(r, s);
	if (at(r, '"'))
		return quoted(r, &s->name);
	s->name = word(r);
	if (s->name.len == 0)
		return wrong(r, "a name is missing behind the dot");
	return keep(r, &s->name);
}

static enum sess_status
path(struct reader *r, struct choice *c)
{
	struct step steps[STEPS_MAX];
	enum sess_status st;

	do {
		if (c->nsteps == STEPS_MAX)
			return wrong(r, "a path of more than 16 steps");
		if ((st = step(r, &steps[c->nsteps++])) < 0)
			return st;
	} while (at(r, '.') || at(r, '['));
	c->steps = sessp_arena_get(r->arena, c->nsteps * sizeof(*steps));
	if (c->steps == NULL)
		return sess_err_nomem(r->err);
	memcpy(c->steps, steps, c->nsteps * sizeof(*steps));
	return SESS_OK;
}

/* A constant that isn't quoted. */
static enum sess_status
literal(struct reader *r, struct sess_slice *s)
{
	s->p = r->p;
	while (r->p < r->end && *r->p != ' ' && *r->p != '\t' && *r->p != '\r' &&
	    *r->p != '|' && *r->p != '#' && *r->p != '/')
		r->p++;
	s->len = (size_t)(r->p - s->p);
	if (s->len > 0 && (sessp_json_number(s->p, s->len) || SESSP_IS(*s, "true") ||
	    SESSP_IS(*s, "false")))
		return keep(r, s);
	r->p = s->p;
	return wrong(r, "a value is a .path, a \"text\", a number, true or false");
}

static enum sess_status
choice(struct reader *r, struct choice **c)
{
	if ((*c = sessp_arena_get(r->arena, sizeof(**c))) == NULL)
		return sess_err_nomem(r->err);
	memset(*c, 0, sizeof(**c));
	blanks(r);
	if (at(r, '.'))
		return path(r, *c);
	if (at(r, '"'))
		return quoted(r, &(*c)->constant);
	return literal(r, &(*c)->constant);
}

static bool
is_unit(enum conversion c)
{
	return c <= AS_NS;
}

/* Whether a conversion makes sense for a key. */
static bool
suits(enum conversion to, enum sess_key k)
{
	enum sess_type type = sess_keys[k].type;

	switch (to) {
	case AS_S: case AS_MS: case AS_US: case AS_NS:
		return type == SESS_T_TIME || type == SESS_T_NUM;
	case AS_RFC3339:
		return type == SESS_T_TIME;
	case AS_INT:
		return type == SESS_T_INT || type == SESS_T_NUM || type == SESS_T_STR;
	default:
		return type == SESS_T_STR || type == SESS_T_BOOL;
	}
}

static enum sess_status
conversion(struct reader *r, enum sess_key k, struct applied **a)
{
	struct sess_slice w;
	size_t i;

	blanks(r);
	w = word(r);
	for (i = 0; i < sizeof(conversions) / sizeof(conversions[0]); i++)
		if (sessp_is(w, conversions[i], strlen(conversions[i])))
			break;
	if (i == sizeof(conversions) / sizeof(conversions[0]))
		return wrong(r, "no such conversion: s, ms, us, ns, rfc3339, int, lower, upper");
	if (!suits((enum conversion)i, k))
		return wrong(r, "the conversion is not for that key");
	if ((*a = sessp_arena_get(r->arena, sizeof(**a))) == NULL)
		return sess_err_nomem(r->err);
	**a = (struct applied){ NULL, (enum conversion)i };
	return SESS_OK;
}

/* Behind the =. */
static enum sess_status
value(struct reader *r, struct rule *rule)
{
	struct applied **a = &rule->conversions;
	enum conversion last = AS_INT;
	struct choice **c = &rule->choices;
	enum sess_status st;

	for (;;) {
		if ((st = choice(r, c)) < 0)
			return st;
		c = &(*c)->next;
		blanks(r);
		if (r->end - r->p < 2 || memcmp(r->p, "//", 2) != 0)
			break;
		r->p += 2;
	}
	for (; at(r, '|'); blanks(r)) {
		r->p++;
		if (rule->conversions != NULL && (last == AS_RFC3339 || is_unit(last)))
			return wrong(r, "a unit, or rfc3339, is the last conversion");
		if ((st = conversion(r, rule->key, a)) < 0)
			return st;
		last = (*a)->to;
		a = &(*a)->next;
	}
	return r->p == r->end || at(r, '#') ? SESS_OK : wrong(r, "text behind the value");
}

static enum sess_status
read_rule(struct reader *r, struct sessp_map *m, struct rule **rule)
{
	struct sess_slice name = word(r);
	int key = sess_key_find(name.p, name.len);
	const struct rule *before;

	if (key < 0 || key == SESS_K_V || key == SESS_K_ID || key == SESS_K_SRC ||
	    key == SESS_K_EXTRA)
		return wrong(r, "no key that can be set: see sess-event(5)");
	for (before = m->rules; before != NULL; before = before->next)
		if (before->key == (enum sess_key)key)
			return wrong(r, "the key is set a second time");
	blanks(r);
	if (!at(r, '='))
		return wrong(r, "a = is missing");
	r->p++;
	if ((*rule = sessp_arena_get(r->arena, sizeof(**rule))) == NULL)
		return sess_err_nomem(r->err);
	**rule = (struct rule){ NULL, (enum sess_key)key, NULL, NULL };
	return value(r, *rule);
}

enum sess_status
sessp_map_load(struct sessp_map **mp, const char *text, size_t len, struct sess_err *err)
{
	struct sessp_map *m = calloc(1, sizeof(*m));
	struct reader r = { NULL, NULL, NULL, 0, err };
	const char *p = text, *end = text + len, *nl;
	enum sess_status st = SESS_OK;
	struct rule **tail;

	*mp = NULL;
	if (m == NULL)
		return sess_err_nomem(err);
	r.arena = &m->arena;
	tail = &m->rules;
	for (; p < end && st == SESS_OK; p = nl + (nl < end)) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			nl = end;
		r.p = p;
		r.end = nl;
		r.line++;
		blanks(&r);
		if (r.p == r.end || *r.p == '#')
			continue;
		st = read_rule(&r, m, tail);
		if (st == SESS_OK)
			tail = &(*tail)->next;
	}
	if (st == SESS_OK && m->rules == NULL)
		st = sess_err_set(err, SESS_EFORMAT, 0, "the map sets no key");
	if (st != SESS_OK) {
		sessp_map_free(m);
		return st;
	}
	*mp = m;
	return SESS_OK;
}

void
sessp_map_free(struct sessp_map *m)
{
	if (m == NULL)
		return;
	sessp_arena_release(&m->arena);
	free(m);
}

/* -- converting */

/* The objects that were read on the way down a record, one a level: the rules
 * of a map mostly go through the same ones. */
struct levels {
	struct sessp_nest nest[STEPS_MAX];
	const char *text[STEPS_MAX];	/* what is in nest */
};

/* The member of an object whose name may be spelt with escapes. */
static const struct sessp_field *
member(struct sessp_conv *cv, const struct sessp_nest *nest, struct sess_slice name)
{
	const struct sessp_field *f = sessp_nest_find(nest, name.p, name.len);
	struct sess_slice n;
	size_t i;

	for (i = nest->n; f == NULL && i-- > 0;) {
		if (!nest->f[i].name_esc)
			continue;
		n = sessp_name(cv, &nest->f[i]);
		if (sessp_is(n, name.p, name.len))
			f = &nest->f[i];
	}
	return f;
}

static bool
element_of(struct sess_slice array, size_t index, struct sess_slice *element)
{
	size_t i;

	if (*array.p != '[')
		return false;
	for (i = 0; sessp_array_next(&array, element); i++)
		if (i == index)
			return true;
	return false;
}

/* The value at the end of a path: false where there is none. */
static bool
follow(struct sessp_conv *cv, struct levels *l, const struct choice *c, struct sessp_field *v)
{
	const struct sessp_field *f;
	const struct step *s;
	struct sess_slice text, element;
	size_t i;

	for (i = 0; i < c->nsteps; i++) {
		s = &c->steps[i];
		text = (struct sess_slice){ v->val, v->val_len };
		if (v->type != SESSP_NESTED)
			return false;
		if (s->name.p == NULL) {
			if (!element_of(text, s->index, &element))
				return false;
			sessp_value(element, v);
			continue;
		}
		if (l->text[i] != text.p) {
			l->text[i] = NULL;
			if (!sessp_nest_read(cv, text, &l->nest[i]))
				return false;
			l->text[i] = text.p;
		}
		if ((f = member(cv, &l->nest[i], s->name)) == NULL)
			return false;
		*v = *f;
	}
	return v->type != SESSP_NULL;
}

static struct sess_slice
chosen(struct sessp_conv *cv, struct levels *l, const struct rule *r, struct sess_slice record)
{
	const struct choice *c;
	struct sess_slice s;
	struct sessp_field v;

	for (c = r->choices; c != NULL; c = c->next) {
		if (c->nsteps == 0)
			return c->constant;
		sessp_value(record, &v);
		if (follow(cv, l, c, &v) && (s = sessp_text(cv, &v)).len > 0)
			return s;
	}
	return (struct sess_slice){ NULL, 0 };
}

/* s in ASCII letters of one case. */
static struct sess_slice
in_case(struct sessp_conv *cv, struct sess_slice s, bool upper)
{
	char *p = sessp_arena_dup(&cv->arena, s.p, s.len), from = upper ? 'a' : 'A';
	size_t i;

	if (p == NULL) {
		sessp_fail(cv);
		return (struct sess_slice){ NULL, 0 };
	}
	for (i = 0; i < s.len; i++)
		if (p[i] >= from && p[i] < from + 26)
			p[i] = (char)(p[i] ^ 0x20);
	return (struct sess_slice){ p, s.len };
}

/* A number without its fraction. */
static struct sess_slice
whole(struct sess_slice s)
{
	size_t i;
	double v;

	if (!sessp_number(s, &v) || memchr(s.p, 'e', s.len) != NULL ||
	    memchr(s.p, 'E', s.len) != NULL)
		return (struct sess_slice){ NULL, 0 };
	for (i = 0; i < s.len && s.p[i] != '.'; i++)
		;
	return (struct sess_slice){ s.p, i };
}

static const double ms_per[] = { [AS_S] = 1e3, [AS_MS] = 1, [AS_US] = 1e-3, [AS_NS] = 1e-6 };

/* A number of a unit as a moment, cut to ms.  Whole numbers are exact: a double
 * can't tell the ns of this century apart. */
static int64_t
epoch(struct sess_slice s, enum conversion unit)
{
	static const uint64_t per_ms[] = { [AS_MS] = 1, [AS_US] = 1000, [AS_NS] = 1000000 };
	uint64_t n = 0;
	size_t i;
	double v;

	for (i = 0; i < s.len && i < 19 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	if (i == s.len && i > 0 && unit == AS_S)
		return n < INT64_MAX / 1000 ? (int64_t)n * 1000 : SESS_NO_TIME;
	if (i == s.len && i > 0)
		return n / per_ms[unit] < INT64_MAX ? (int64_t)(n / per_ms[unit]) : SESS_NO_TIME;
	/* to the us first: .025 is a little less in binary */
	if (!sessp_number(s, &v) || fabs(v * ms_per[unit]) > 2.6e14)
		return SESS_NO_TIME;
	return (int64_t)floor(round(v * ms_per[unit] * 1000) / 1000);
}

/* A moment by its conversion, or by its looks where there is none. */
static int64_t
moment(struct sess_slice s, const struct applied *a)
{
	int64_t ms = SESS_NO_TIME;
	int r;

	if (a != NULL && is_unit(a->to))
		return epoch(s, a->to);
	r = a != NULL ? sess_when_rfc3339(s.p, s.len, &ms) : sess_when_any(s.p, s.len, &ms);
	return r == 0 ? ms : SESS_NO_TIME;
}

static void
set_kind(struct sessp_conv *cv, struct sess_slice s)
{
	int kind = sess_kind_find(s.p, s.len);

	cv->ev.kind = kind >= 0 ? (enum sess_kind)kind : SESS_CUSTOM;
	if (kind < 0 && !sess_event_has(&cv->ev, SESS_K_NAME))
		sessp_set(cv, SESS_K_NAME, s);
}

static void
set(struct sessp_conv *cv, const struct rule *r, struct sess_slice s)
{
	const struct applied *a;
	double v;

	if (r->key == SESS_K_TIME) {
		cv->ev.time = moment(s, r->conversions);
		return;
	}
	if (r->key == SESS_K_RECEIVED) {
		cv->ev.received = moment(s, r->conversions);
		return;
	}
	for (a = r->conversions; a != NULL; a = a->next) {
		if (is_unit(a->to)) {
			if (sessp_number(s, &v))
				sessp_put_number(cv, r->key, v * ms_per[a->to]);
			return;
		}
		s = a->to == AS_INT ? whole(s) : in_case(cv, s, a->to == AS_UPPER);
	}
	if (s.len == 0)
		return;
	if (r->key == SESS_K_KIND)
		set_kind(cv, s);
	else
		sessp_put(cv, r->key, s);
}

/* The identity is what the record says at its top: the same for one that was
 * written with other blanks or in another order. */
static uint64_t
identity(struct sessp_conv *cv)
{
	struct sessp_ident id = { 0, 0 };
	size_t i;

	for (i = 0; i < cv->nfields; i++)
		sessp_ident_add(&id, sessp_name(cv, &cv->fields[i]),
		    sessp_text(cv, &cv->fields[i]));
	return sessp_ident_finish(&id);
}

enum sessp_verdict
sessp_map_record(struct sessp_conv *cv, const char *p, size_t len, struct sess_err *err)
{
	struct levels l = { .nest = { { cv->fields, cv->nfields, cv->fields_cap } } };
	const struct rule *r;
	struct sess_slice s;
	size_t i;

	while (len > 0 && (unsigned char)*p <= ' ')
		p++, len--;
	l.text[0] = p;
	cv->identity = identity(cv);
	cv->has_identity = true;
	sessp_begin(cv, NULL);
	for (r = cv->map->rules; r != NULL; r = r->next) {
		s = chosen(cv, &l, r, (struct sess_slice){ p, len });
		if (s.len > 0)
			set(cv, r, s);
	}
	for (i = 1; i < STEPS_MAX; i++)
		sessp_nest_release(&l.nest[i]);
	if (cv->ev.time == SESS_NO_TIME && cv->ev.received == SESS_NO_TIME) {
		sess_err_set(err, SESS_EFORMAT, 0, "no time where the map looks for it");
		return SESSP_REJECTED;
	}
	sessp_emit(cv);
	return SESSP_CONVERTED;
}
