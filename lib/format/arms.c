#include "arms.h"

#include <string.h>

#include "sess/arms.h"

const char *const sessp_wire_names[SESSP_NWIRE] = {
#define WIRE(NAME, name) [SESSP_W_##NAME] = name,
	SESSP_WIRE(WIRE)
#undef WIRE
};

static int
base36(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : -1;
}

int64_t
sess_arms_id_time(const char *id, size_t len)
{
	int64_t ms = 0;
	size_t i;
	int digit;

	if (len != 28)
		return SESS_NO_TIME;
	for (i = 0; i < len; i++) {
		if ((digit = base36(id[i])) < 0)
			return SESS_NO_TIME;
		if (i % 3 == 2 && i <= 23)
			ms = ms * 36 + digit;
	}
	/* 2015-01-01 .. 2100-01-01 */
	return ms >= 1420070400000 && ms < 4102444800000 ? ms : SESS_NO_TIME;
}

/* -- reading */

static const struct sessp_names *
wire_table(struct sessp_conv *cv)
{
	static sessp_names_slot slot;
	const struct sessp_names *t = sessp_names_once(&slot, sessp_wire_names, SESSP_NWIRE);

	if (t == NULL)
		sessp_fail(cv);
	return t;
}

static void
start(struct sessp_arms *a, const struct sessp_request *rq)
{
	memset(a->has, 0, sizeof(a->has));
	memset(a->plain, 0, sizeof(a->plain));
	memset(a->used, 0, sizeof(a->used));
	a->x = NULL;
	a->nx = a->xcap = a->bad = 0;
	a->ident = (struct sessp_ident){ 0 };
	a->extra = (struct sessp_extra){ .failed = false };
	a->extra_text = (struct sess_slice){ NULL, 0 };
	a->extra_done = false;
	a->rq = rq;
}

/* Remember x-NAME; the array doubles. */
static void
take_x(struct sessp_conv *cv, struct sessp_arms *a, struct sess_slice name,
    struct sess_slice value)
{
	struct sessp_arms_x *x;
	size_t cap;

	if (a->nx == a->xcap) {
		cap = a->xcap > 0 ? 2 * a->xcap : 8;
		if (cap > SIZE_MAX / sizeof(*x) ||
		    (x = sessp_arena_get(&cv->arena, cap * sizeof(*x))) == NULL) {
			sessp_fail(cv);
			return;
		}
		if (a->nx > 0)
			memcpy(x, a->x, a->nx * sizeof(*x));
		a->x = x;
		a->xcap = cap;
	}
	a->x[a->nx++] = (struct sessp_arms_x){ { name.p + 2, name.len - 2 }, value };
}

/* Take a field; w is its place in the table of names, or -1.  The first of a
 * name counts: the SDK's own come before what an application added. */
static inline void
take(struct sessp_conv *cv, struct sessp_arms *a, int w, struct sess_slice name,
    struct sess_slice value)
{
	if (value.len == 0)
		return;
	if (w >= 0) {
		if (!sessp_arms_has(a, (enum sessp_wire)w)) {
			a->v[w] = value;
			a->has[w / 64] |= (uint64_t)1 << (w % 64);
		}
	} else if (name.len > 2 && name.p[0] == 'x' && name.p[1] == '-') {
		take_x(cv, a, name, value);
	} else if (sessp_extra_wanted(cv)) {
		sessp_extra_add(&a->extra, name, value);
	}
}

/* begin, else date, which in a row is the server's time where begin is absent.
 * A beacon of a manual api() has neither. */
static int64_t
client_time(const struct sessp_arms *a)
{
	int64_t t = sessp_time(sessp_arms_get(a, SESSP_W_BEGIN));

	return t != SESS_NO_TIME ? t : sessp_time(sessp_arms_get(a, SESSP_W_DATE));
}

static enum sessp_verdict
finish(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	enum sessp_verdict v;

	cv->identity = sessp_ident_finish(&a->ident);
	cv->has_identity = true;
	a->time = client_time(a);
	v = sessp_arms_events(cv, a, err);
	sess_buf_release(&a->extra.text);	/* where there was no event to put it in */
	return v;
}

/* -- rows */

static bool
is_letter(char c)
{
	c |= 0x20;
	return c >= 'a' && c <= 'z';
}

bool
sessp_arms_record_mine(const struct sessp_field *f, size_t n)
{
	bool t = false, id = false;
	size_t i;

	for (i = 0; i < n && !(t && id); i++)
		switch (f[i].name_len) {
		case 1:
			t |= f[i].name[0] == 't' && f[i].type == SESSP_STRING &&
			    f[i].val_len > 0 && is_letter(f[i].val[0]);
			break;
		case 3:
			id |= memcmp(f[i].name, "sid", 3) == 0 || memcmp(f[i].name, "pid", 3) == 0;
			break;
		case 5:
			id |= memcmp(f[i].name, "pv_id", 5) == 0 || memcmp(f[i].name, "begin", 5) == 0;
			break;
		}
	return t && id;
}

/* What there is to know of a name. */
static struct sessp_arms_name
know(const struct sessp_names *names, struct sess_slice name)
{
	struct sessp_arms_name n = {
		.hash = sessp_ident_name(name.p, name.len),
		.wire = (int16_t)sessp_names_find(names, name.p, name.len),
		.known = true,
		/* they differ from export to export */
		.meta = name.len >= 2 && name.p[0] == '_' && name.p[1] == '_',
	};

	n.ours = n.wire >= 0 && !n.meta;
	return n;
}

/* Any field. */
static void
take_field(struct sessp_conv *cv, struct sessp_arms *a, const struct sessp_names *names,
    const struct sessp_field *f)
{
	struct sessp_arms_name *known = &cv->arms_names[f->seen], other;
	struct sess_slice name = sessp_name(cv, f), value = sessp_text(cv, f);

	if (value.len == 0)
		return;
	if (f->seen == 0) {
		other = know(names, name);
		known = &other;
	} else if (!known->known) {
		*known = know(names, name);
	}
	if (!known->meta)
		sessp_ident_add_hash(&a->ident, sessp_ident_hash(known->hash, value.p, value.len));
	take(cv, a, known->wire, name, value);
}

/* The same for a string without escapes or a number that is ours; the line is
 * padded. */
static inline void
take_ours(struct sessp_arms *a, const struct sessp_arms_name *known,
    const struct sessp_field *f, struct sessp_ident *ident)
{
	unsigned w = (unsigned)known->wire;
	uint64_t bit = (uint64_t)1 << w % 64;

	sessp_ident_add_hash(ident, sessp_ident_hash_padded(known->hash, f->val, f->val_len));
	if (a->has[w / 64] & bit)
		return;
	a->v[w] = (struct sess_slice){ f->val, f->val_len };
	a->has[w / 64] |= bit;
	if (!f->val_utf8 || sessp_utf8_valid(f->val, f->val_len))
		a->plain[w / 64] |= bit;
}

enum sessp_verdict
sessp_arms_record(struct sessp_conv *cv, struct sess_err *err)
{
	const struct sessp_names *names = wire_table(cv);
	const struct sessp_field *f, *end = cv->fields + cv->nfields;
	const struct sessp_arms_name *known;
	struct sessp_ident ident = { 0 };
	struct sessp_arms a;

	if (names == NULL)
		return SESSP_REJECTED;
	start(&a, NULL);
	for (f = cv->fields; f < end; f++) {
		if (f->val_len == 0)
			continue;
		known = &cv->arms_names[f->seen];
		if (known->ours && !f->val_esc && f->type <= SESSP_NUMBER)
			take_ours(&a, known, f, &ident);
		else if (f->type != SESSP_NULL)
			take_field(cv, &a, names, f);
	}
	a.ident.sum += ident.sum;
	a.ident.n += ident.n;
	return finish(cv, &a, err);
}

/* -- beacons */

/* The next `name=value` of a query, still encoded. */
static bool
next_pair(struct sess_slice *rest, struct sess_slice *name, struct sess_slice *value)
{
	const char *amp, *eq;
	size_t len;

	while (rest->len > 0 && *rest->p == '&')
		rest->p++, rest->len--;
	if (rest->len == 0)
		return false;
	amp = memchr(rest->p, '&', rest->len);
	len = amp != NULL ? (size_t)(amp - rest->p) : rest->len;
	eq = memchr(rest->p, '=', len);
	name->p = rest->p;
	name->len = eq != NULL ? (size_t)(eq - rest->p) : len;
	value->p = eq != NULL ? eq + 1 : rest->p + len;
	value->len = len - name->len - (eq != NULL);
	rest->p += len;
	rest->len -= len;
	return true;
}

/* Whether a query is a record: a type that is known and an id, or any word for
 * a type and two of the fields that the SDK always sends.  `t` and `sid` alone
 * are others' too: viewtopic.php?t=12&sid=... */
static bool
query_mine(struct sess_slice q)
{
	struct sess_slice name, value;
	unsigned need = 0, ids = 0, marks = 0;

	while (next_pair(&q, &name, &value)) {
		if (value.len == 0)
			continue;
		if (SESSP_IS(name, "t"))
			need = sessp_arms_known(value) ? 1 : is_letter(*value.p) ? 2 : 9;
		else if (SESSP_IS(name, "pid") || SESSP_IS(name, "sid") ||
		    SESSP_IS(name, "pv_id") || SESSP_IS(name, "begin"))
			ids++;
		else if (SESSP_IS(name, "_v") || SESSP_IS(name, "sampling"))
			marks++;
		if (need > 0 && ids > 0 && ids + marks >= need)
			return true;
	}
	return false;
}

/* A body of the same shape as the query. */
static bool
is_form(struct sess_slice body)
{
	return body.p != NULL && body.len > 2 && *body.p != '{' && *body.p != '&' &&
	    query_mine(body);
}

static bool
beacon_mine(const struct sessp_request *rq)
{
	return query_mine(rq->query) || is_form(rq->body);
}

/* A name or value decoded; in a form a plus is a blank. */
static struct sess_slice
decoded(struct sessp_conv *cv, struct sess_slice s, bool form)
{
	struct sess_slice d = sessp_percent(&cv->arena, s, form);

	if (d.p == NULL && s.p != NULL)
		sessp_fail(cv);
	return d;
}

static void
read_pairs(struct sessp_conv *cv, struct sessp_arms *a, const struct sessp_names *names,
    struct sess_slice q, bool form)
{
	struct sess_slice name, value;

	while (next_pair(&q, &name, &value)) {
		if (value.len == 0)
			continue;
		name = decoded(cv, name, form);
		value = decoded(cv, value, form);
		if (SESSP_IS(name, "post_res"))
			continue;		/* the transport's */
		sessp_ident_add(&a->ident, name, value);
		take(cv, a, sessp_names_find(names, name.p, name.len), name, value);
	}
}

static enum sessp_verdict
beacon_convert(struct sessp_conv *cv, const struct sessp_request *rq, struct sess_err *err)
{
	const struct sessp_names *names = wire_table(cv);
	struct sessp_arms a;

	if (names == NULL)
		return SESSP_REJECTED;
	start(&a, rq);
	a.body = rq->body;
	if (query_mine(rq->query)) {
		read_pairs(cv, &a, names, rq->query, false);
	} else {
		read_pairs(cv, &a, names, rq->body, true);
		a.body = (struct sess_slice){ "", 0 };
	}
	return finish(cv, &a, err);
}

const struct sessp_payload sessp_arms_beacon = { "arms", beacon_mine, beacon_convert };
