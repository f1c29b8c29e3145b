#include "rum.h"

const char *const sessp_rum_names[NFIELDS] = {
#define RUM_FIELD(NAME, name, key) [F_##NAME] = name,
	RUM_SHARED(RUM_FIELD) RUM_OWN(RUM_FIELD)
#undef RUM_FIELD
};

/* -- reading */

/* Whether a name is that of a group of fields. */
static bool
is_group(struct sess_slice name)
{
	static const char groups[] = " app user session view net device os geo isp ";
	const char *at;

	if (name.len < 2 || name.len > 7 || memchr(name.p, ' ', name.len) != NULL)
		return false;
	at = memmem(groups, sizeof(groups) - 1, name.p, name.len);
	return at != NULL && at[-1] == ' ' && at[name.len] == ' ';
}

static void read_fields(struct rum *r, struct scope *s, const struct sessp_nest *nest,
    struct sess_slice group, const struct sessp_nest *over, struct sessp_extra *extra);

/* group.name in the arena. */
static struct sess_slice
dotted(struct sessp_conv *cv, struct sess_slice group, struct sess_slice name)
{
	char *p;

	if (group.len == 0)
		return name;
	if ((p = sessp_arena_get(&cv->arena, group.len + 1 + name.len)) == NULL) {
		sessp_fail(cv);
		return (struct sess_slice){ NULL, 0 };
	}
	memcpy(p, group.p, group.len);
	p[group.len] = '.';
	memcpy(p + group.len + 1, name.p, name.len);
	return (struct sess_slice){ p, group.len + 1 + name.len };
}

/* Fields of a group: an object, or in a row the text of one. */
static bool
read_group(struct rum *r, struct scope *s, const struct sessp_field *f,
    struct sess_slice name, struct sess_slice value, struct sessp_extra *extra)
{
	struct sessp_nest inner = { 0 };
	bool ok;

	ok = f->type == SESSP_NESTED ? sessp_nest_read(r->cv, value, &inner) :
	    f->type == SESSP_STRING && *value.p == '{' &&
	    sessp_read_object(r->cv, value, false, &inner) == SESSP_READ_OK;
	if (ok)
		read_fields(r, s, &inner, name, NULL, extra);
	sessp_nest_release(&inner);
	return ok;
}

/* Take fields into s; those that are not ours, and not in over too, into extra
 * where that isn't NULL. */
static void
read_fields(struct rum *r, struct scope *s, const struct sessp_nest *nest,
    struct sess_slice group, const struct sessp_nest *over, struct sessp_extra *extra)
{
	const struct sessp_field *f;
	struct sess_slice name, value;
	size_t k;
	int i;

	for (k = 0; k < nest->n; k++) {
		f = &nest->f[k];
		if (f->val_len == 0 || (value = sessp_text(r->cv, f)).len == 0)
			continue;
		name = sessp_name(r->cv, f);
		if (name.len == 0 || (group.len == 0 && is_group(name) &&
		    read_group(r, s, f, name, value, extra)))
			continue;
		name = dotted(r->cv, group, name);
		i = sessp_names_find(r->table, name.p, name.len);
		if (i >= 0) {
			s->v[i] = value;
			mark(s->has, (enum field)i);
		} else if (extra != NULL && !SESSP_IS(name, "events") &&
		    (over == NULL || sessp_nest_find(over, f->name, f->name_len) == NULL)) {
			sessp_extra_add(extra, name, value);
		}
	}
}

/* The scope of an event: what it shares, then its own.  A view of its own is
 * another view: it has no name by the bundle's. */
static void
read_event(struct rum *r, const struct scope *shared, const struct sessp_nest *e)
{
	const struct sess_slice top = { NULL, 0 };
	struct sessp_extra *extra = sessp_extra_wanted(r->cv) ? &r->extra : NULL;

	memset(&r->s.has, 0, sizeof(r->s.has));
	memset(&r->s.used, 0, sizeof(r->s.used));
	if (shared != NULL) {
		if (extra != NULL)	/* once more, for what is left over */
			read_fields(r, &r->s, r->shared, top, e, extra);
		r->s = *shared;
		if (sessp_nest_find(e, "view", 4) != NULL ||
		    sessp_nest_find(e, "view.id", 7) != NULL) {
			forget(&r->s, F_VIEW_ID);
			forget(&r->s, F_VIEW_NAME);
		}
	}
	read_fields(r, &r->s, e, top, NULL, extra);
	r->time = sessp_time(get(&r->s, F_TIMESTAMP));
	r->emitted = 0;
	r->extra_done = false;
}

/* One event; what is wrong with it, or NULL. */
static const char *
one(struct rum *r, const struct scope *shared, const struct sessp_nest *e)
{
	const char *wrong = NULL;

	read_event(r, shared, e);
	if (has(&r->s, F_EVENT_TYPE))
		sessp_rum_event(r, e);
	else
		wrong = "an event has no event_type";
	sess_buf_release(&r->extra.text);	/* where nothing took it */
	r->extra = (struct sessp_extra){ .failed = false };
	return wrong == NULL && r->emitted == 0 ? "an event has no values" : wrong;
}

/* -- bundles */

static struct rum *
start(struct sessp_conv *cv, const struct sessp_request *rq)
{
	static sessp_names_slot slot;
	const struct sessp_names *table = sessp_names_once(&slot, sessp_rum_names, NFIELDS);
	struct rum *r = table != NULL ? sessp_arena_get(&cv->arena, sizeof(*r)) : NULL;

	if (r == NULL) {
		sessp_fail(cv);
		return NULL;
	}
	memset(r, 0, sizeof(*r));
	r->cv = cv;
	r->table = table;
	r->rq = rq;
	return r;
}

/* What is wrong with the events, or NULL. */
static const char *
each(struct rum *r, const struct scope *shared, struct sess_slice array)
{
	struct sessp_nest e = { 0 };
	struct sess_slice element;
	const char *wrong = NULL, *w;

	while (!r->cv->failed && sessp_array_next(&array, &element)) {
		w = sessp_nest_read(r->cv, element, &e) ? one(r, shared, &e) :
		    "an event is no object";
		if (wrong == NULL)
			wrong = w;
	}
	sessp_nest_release(&e);
	return wrong;
}

static enum sessp_verdict
bundle(struct sessp_conv *cv, const struct sessp_nest *nest, const struct sessp_request *rq,
    bool cut, struct sess_err *err)
{
	const struct sessp_field *events = sessp_nest_find(nest, "events", 6);
	struct rum *r = start(cv, rq);
	const char *wrong;
	struct scope *shared;
	struct sess_slice array;
	enum sessp_read read;

	if (r == NULL || (shared = sessp_arena_get(&cv->arena, sizeof(*shared))) == NULL) {
		sessp_fail(cv);
		return SESSP_REJECTED;
	}
	memset(shared, 0, sizeof(*shared));
	r->shared = nest;
	read_fields(r, shared, nest, (struct sess_slice){ NULL, 0 }, NULL, NULL);
	forget(shared, F_EVENT_TYPE);		/* an event's own, whatever a bundle says */
	forget(shared, F_EVENT_ID);
	forget(shared, F_TYPE);
	read = sessp_read_array(cv, events != NULL ? sessp_text(cv, events) :
	    (struct sess_slice){ NULL, 0 }, &array);
	if (read > SESSP_READ_CUT) {
		sess_err_set(err, SESS_EFORMAT, 0, cut ? "the bundle is cut before its events" :
		    "the events of the bundle are no array");
		return SESSP_REJECTED;
	}
	wrong = each(r, shared, array);
	if (cut || read == SESSP_READ_CUT)
		wrong = "the bundle is cut";
	if (wrong == NULL)
		return SESSP_CONVERTED;
	sess_err_set(err, SESS_EFORMAT, 0, "%s", wrong);
	return SESSP_PARTIAL;
}

static bool
contains(struct sess_slice s, const char *what)
{
	return s.len > 0 && memmem(s.p, s.len, what, strlen(what)) != NULL;
}

/* A bundle by its body; without one by where the SDK sends it unless told
 * otherwise. */
static bool
bundle_mine(const struct sessp_request *rq)
{
	struct sess_slice b = rq->body;

	if (b.len == 0)
		return (rq->path.len > 9 && memcmp(rq->path.p, "/rum/web/", 9) == 0) ||
		    (contains(rq->query, "workspace=") && contains(rq->query, "service_id="));
	return *b.p == '{' && contains(b, "\"events\"") && contains(b, "\"session\"") &&
	    (contains(b, "\"event_type\"") || contains(b, "\"events\":[]"));
}

static enum sessp_verdict
bundle_convert(struct sessp_conv *cv, const struct sessp_request *rq, struct sess_err *err)
{
	struct sessp_nest nest = { 0 };
	enum sessp_verdict v = SESSP_REJECTED;
	enum sessp_read r;

	if (rq->body.len == 0) {
		sess_err_set(err, SESS_EFORMAT, 0, rq->body.p == NULL ?
		    "the log has no bodies" : "the body is missing");
		return SESSP_PARTIAL;
	}
	r = sessp_read_object(cv, rq->body, false, &nest);
	if (r <= SESSP_READ_CUT)
		v = bundle(cv, &nest, rq, r == SESSP_READ_CUT, err);
	else
		sess_err_set(err, SESS_EFORMAT, 0, "the body is no JSON");
	sessp_nest_release(&nest);
	return v;
}

const struct sessp_payload sessp_rum_bundle = { "arms-rum", bundle_mine, bundle_convert };

/* -- lines */

static bool
named(const struct sessp_field *f, const char *name, size_t len)
{
	return f->name_len == len && memcmp(f->name, name, len) == 0;
}

bool
sessp_rum_record_mine(const struct sessp_field *f, size_t n)
{
	bool events = false, type = false, owner = false;
	size_t i;

	for (i = 0; i < n; i++) {
		events |= named(&f[i], "events", 6) && f[i].type == SESSP_NESTED;
		type |= named(&f[i], "event_type", 10) && f[i].type == SESSP_STRING;
		owner |= named(&f[i], "session.id", 10) || named(&f[i], "app.id", 6) ||
		    ((named(&f[i], "session", 7) || named(&f[i], "app", 3)) &&
		    (f[i].type == SESSP_NESTED || (f[i].val_len > 0 && *f[i].val == '{')));
	}
	return owner && (events || type);
}

enum sessp_verdict
sessp_rum_record(struct sessp_conv *cv, const char *p, size_t len, struct sess_err *err)
{
	const struct sessp_request rq = { .received = cv->outer };
	const struct sessp_nest nest = { cv->fields, cv->nfields, 0 };
	const char *wrong;
	struct rum *r;

	(void)p;			/* cv->fields are its fields */
	(void)len;
	if (sessp_nest_find(&nest, "event_type", 10) == NULL)
		return bundle(cv, &nest, &rq, false, err);
	if ((r = start(cv, &rq)) == NULL)
		return SESSP_REJECTED;
	if ((wrong = one(r, NULL, &nest)) == NULL)
		return SESSP_CONVERTED;
	sess_err_set(err, SESS_EFORMAT, 0, "%s", wrong);
	return SESSP_REJECTED;
}
