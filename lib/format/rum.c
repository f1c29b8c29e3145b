/*
 * rum: bundles of @arms/rum-browser, and rows of its tables.
 *
 * A bundle holds what its events share (app, user, session, view, ...) and
 * the events, each of which may override it; a row holds both.  Names are
 * nested ({"user": {"id": ...}}) or dotted ("user.id"): the latter is what a
 * field is called here.
 */
#include "payload.h"

#define NO_KEY SESS_NKEYS

/* X(NAME, "name", key): first those that any event may say. */
#define SHARED(X) \
X(APP_ID, "app.id", SESS_K_APP_ID) X(APP_VERSION, "app.version", SESS_K_RELEASE) \
X(APP_ENV, "app.env", SESS_K_ENVIRONMENT) X(USER_ID, "user.id", SESS_K_USER_ID) \
X(USER_NAME, "user.name", SESS_K_USER_NAME) X(USER_TAGS, "user.tags", SESS_K_TAGS) \
X(SESSION, "session.id", SESS_K_SESSION_ID) X(OWN_SESSION, "session_id", SESS_K_SESSION_ID) \
X(VIEW_ID, "view.id", SESS_K_VIEW_ID) X(VIEW_NAME, "view.name", SESS_K_PAGE) \
X(NET, "net.model", SESS_K_NETWORK) X(DEVICE_NAME, "device.name", SESS_K_DEVICE) \
X(DEVICE, "device.model", SESS_K_DEVICE) X(DEVICE_TYPE, "device.type", SESS_K_DEVICE_TYPE) \
X(SCREEN, "device.screen", SESS_K_SCREEN) X(OS, "os.type", SESS_K_OS) \
X(OS_VERSION, "os.version", SESS_K_OS_VERSION) X(BROWSER, "os.container", SESS_K_BROWSER) \
X(BROWSER_VERSION, "os.container_version", SESS_K_BROWSER_VERSION) \
X(COUNTRY, "geo.country", SESS_K_COUNTRY) X(REGION, "geo.province", SESS_K_REGION) \
X(CITY, "geo.city", SESS_K_CITY) X(ISP, "isp.name", SESS_K_ISP) \
X(LANGUAGE, "app.language", SESS_K_LANGUAGE) X(TIMES, "times", SESS_K_TIMES)
#define OWN(X) \
X(EVENT_TYPE, "event_type", NO_KEY) X(TYPE, "type", NO_KEY) X(EVENT_ID, "event_id", NO_KEY) \
X(TIMESTAMP, "timestamp", NO_KEY) X(LOG_TIME, "__time__", NO_KEY) \
X(RECEIVE_TIME, "__tag__:__receive_time__", NO_KEY) X(IP, "ip", NO_KEY) \
X(CLIENT_IP, "client_ip", NO_KEY) X(REMOTE_ADDR, "remote_addr", NO_KEY) \
X(NET_IP, "net.ip", NO_KEY) X(USER_AGENT, "user_agent", NO_KEY) \
X(HTTP_USER_AGENT, "http_user_agent", NO_KEY) X(TIMING, "timing_data", NO_KEY) \
X(SNAPSHOTS, "snapshots", NO_KEY) X(NAME, "name", SESS_K_NAME) X(URL, "url", SESS_K_URL) \
X(REFERRER, "referrer", SESS_K_REFERRER) X(TITLE, "title", SESS_K_TITLE) \
X(LOADING_TYPE, "loading_type", SESS_K_NAVIGATION_TYPE) X(METHOD, "method", SESS_K_METHOD) \
X(STATUS, "status_code", SESS_K_STATUS) X(MESSAGE, "message", SESS_K_MESSAGE) \
X(SUCCESS, "success", SESS_K_OK) X(TRACE_ID, "trace_id", SESS_K_TRACE_ID) \
X(DURATION, "duration", SESS_K_DURATION_MS) X(SIZE, "size", SESS_K_SIZE) \
X(TRANSFER_SIZE, "transfer_size", SESS_K_SIZE) X(DNS, "dns_duration", SESS_K_DNS_MS) \
X(TCP, "connect_duration", SESS_K_TCP_MS) X(SSL, "ssl_duration", SESS_K_SSL_MS) \
X(FIRST_BYTE, "first_byte_duration", SESS_K_TTFB_MS) \
X(DOWNLOAD, "download_duration", SESS_K_TRANS_MS) X(STACK, "stack", SESS_K_STACK) \
X(FILE, "file", SESS_K_FILE) X(LINE, "line", SESS_K_LINE) X(COLUMN, "column", SESS_K_COLUMN) \
X(TARGET, "target_name", SESS_K_TARGET) X(GROUP, "group", SESS_K_GROUP) \
X(VALUE, "value", SESS_K_VALUE) X(FPS, "fps", SESS_K_VALUE) \
X(DOM_INTERACTIVE, "dom_interactive", SESS_K_TTI_MS) \
X(DOM_CONTENT_LOADED, "dom_content_loaded", SESS_K_READY_MS) \
X(LOAD_EVENT, "load_event", SESS_K_LOAD_MS) X(FP, "first_paint", SESS_K_VALUE) \
X(FCP, "first_contentful_paint", SESS_K_VALUE) \
X(LCP, "largest_contentful_paint", SESS_K_VALUE) X(FID, "first_input_delay", SESS_K_VALUE) \
X(CLS, "cumulative_layout_shift", SESS_K_VALUE) \
X(INP, "interaction_to_next_paint", SESS_K_VALUE)

enum field {
#define FIELD(NAME, name, key) F_##NAME,
	SHARED(FIELD)
	NSHARED,
	BEFORE_OWN = NSHARED - 1,
	OWN(FIELD)
#undef FIELD
	NFIELDS
};

static const char *const names[NFIELDS] = {
#define FIELD(NAME, name, key) [F_##NAME] = name,
	SHARED(FIELD) OWN(FIELD)
#undef FIELD
};

static const uint8_t keys[NFIELDS] = {
#define FIELD(NAME, name, key) [F_##NAME] = key,
	SHARED(FIELD) OWN(FIELD)
#undef FIELD
};

#define WORDS ((NFIELDS + 63) / 64)

/* Fields, decoded, none of them empty. */
struct scope {
	struct sess_slice v[NFIELDS];	/* valid where has says so */
	uint64_t has[WORDS], used[WORDS];
};

struct rum {
	struct sessp_conv *cv;
	const struct sessp_names *table;
	const struct sessp_request *rq;	/* the envelope's */
	const struct sessp_nest *shared;	/* the bundle's fields; NULL: a row */
	struct scope s;			/* of the event, with what it shares */
	struct sessp_extra extra;
	struct sess_slice extra_text;
	bool extra_done;
	int64_t time;
	unsigned emitted;		/* by the event */
};

/* -- reading */

static bool
has(const struct scope *s, enum field f)
{
	return s->has[f / 64] >> (f % 64) & 1;
}

static struct sess_slice
get(const struct scope *s, enum field f)
{
	return has(s, f) ? s->v[f] : (struct sess_slice){ NULL, 0 };
}

static void
mark(uint64_t *set, enum field f)
{
	set[f / 64] |= (uint64_t)1 << (f % 64);
}

static void
forget(struct scope *s, enum field f)
{
	s->has[f / 64] &= ~((uint64_t)1 << (f % 64));
}

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
	const struct sessp_field *f, *end = nest->f + nest->n;
	struct sess_slice name, value;
	int i;

	for (f = nest->f; f < end; f++) {
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

/* -- events */

static void
put_as(struct rum *r, enum field f, enum sess_key k)
{
	if (has(&r->s, f)) {
		sessp_put(r->cv, k, r->s.v[f]);
		mark(r->s.used, f);
	}
}

static void
put(struct rum *r, const uint8_t *fields, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		put_as(r, (enum field)fields[i], (enum sess_key)keys[fields[i]]);
}

#define PUT(r, ...) do { \
	static const uint8_t fields_[] = { __VA_ARGS__ }; \
	put((r), fields_, sizeof(fields_)); \
} while (0)

static struct sess_slice
first(const struct scope *s, enum field a, enum field b)
{
	return has(s, a) ? s->v[a] : get(s, b);
}

static void
begin(struct rum *r, enum sess_kind kind)
{
	struct sessp_request rq = *r->rq;
	unsigned f;

	if (rq.ip.len == 0)
		rq.ip = first(&r->s, F_IP, F_CLIENT_IP);
	if (rq.ip.len == 0)
		rq.ip = first(&r->s, F_REMOTE_ADDR, F_NET_IP);
	if (rq.user_agent.len == 0)
		rq.user_agent = first(&r->s, F_USER_AGENT, F_HTTP_USER_AGENT);
	if (rq.received == SESS_NO_TIME)
		rq.received = sessp_time(first(&r->s, F_LOG_TIME, F_RECEIVE_TIME));
	sessp_begin(r->cv, &rq);
	r->cv->ev.kind = kind;
	r->cv->ev.time = r->time;
	for (f = 0; f < NSHARED; f++)
		put_as(r, (enum field)f, (enum sess_key)keys[f]);
}

static void
finish_extra(struct rum *r)
{
	unsigned f;

	r->extra_done = true;
	for (f = NSHARED; f < NFIELDS; f++)
		if (has(&r->s, (enum field)f) && f > F_TIMING &&
		    !(r->s.used[f / 64] >> (f % 64) & 1))
			sessp_extra_add(&r->extra, (struct sess_slice){ names[f],
			    strlen(names[f]) }, r->s.v[f]);
	r->extra_text = sessp_extra_finish(&r->extra, r->cv);
}

static void
emit(struct rum *r)
{
	if (sessp_extra_wanted(r->cv)) {
		if (!r->extra_done)
			finish_extra(r);
		sessp_set(r->cv, SESS_K_EXTRA, r->extra_text);
	}
	sessp_emit(r->cv);
	r->emitted++;
}

static void
page(struct rum *r)
{
	put_as(r, F_URL, SESS_K_PAGE_URL);
	PUT(r, F_REFERRER, F_LOADING_TYPE, F_TITLE);
}

static void
vital(struct rum *r, enum field f, struct sess_slice name)
{
	double v;

	if (!sessp_number(get(&r->s, f), &v))
		return;
	begin(r, SESS_VITAL);
	page(r);
	sessp_set(r->cv, SESS_K_NAME, name);
	put_as(r, f, SESS_K_VALUE);
	emit(r);
}

static void
webvitals(struct rum *r)
{
	static const uint8_t all[] = { F_LCP, F_FID, F_CLS, F_INP, F_FP, F_FCP };
	size_t i;

	for (i = 0; i < sizeof(all); i++)
		mark(r->s.used, (enum field)all[i]);
	vital(r, F_LCP, SESSP_LIT("LCP"));
	vital(r, F_FID, SESSP_LIT("FID"));
	vital(r, F_CLS, SESSP_LIT("CLS"));
	vital(r, F_INP, SESSP_LIT("INP"));
	vital(r, F_FP, SESSP_LIT("FP"));
	vital(r, F_FCP, SESSP_LIT("FCP"));
}

/*
 * Phases of a navigation as ARMS has them, ms:
 *	fpt        responseEnd - fetchStart
 *	tti        domInteractive - fetchStart
 *	ready      domContentLoadedEventEnd - fetchStart
 *	load       loadEventStart - fetchStart
 *	firstbyte  responseStart - domainLookupStart
 *	dom        domInteractive - responseEnd
 *	res        loadEventStart - domContentLoadedEventEnd
 * and those of sessp_put_phases.  What ends at 0 has not happened yet.
 */
static void
put_navigation(struct sessp_conv *cv, const struct sessp_nest *nav)
{
	static const struct { enum sess_key key; const char *from, *to; } phases[] = {
		{ SESS_K_FPT_MS, "fetchStart", "responseEnd" },
		{ SESS_K_TTI_MS, "fetchStart", "domInteractive" },
		{ SESS_K_READY_MS, "fetchStart", "domContentLoadedEventEnd" },
		{ SESS_K_LOAD_MS, "fetchStart", "loadEventStart" },
		{ SESS_K_FIRSTBYTE_MS, "domainLookupStart", "responseStart" },
		{ SESS_K_DOM_MS, "responseEnd", "domInteractive" },
		{ SESS_K_RES_MS, "domContentLoadedEventEnd", "loadEventStart" },
	};
	double from, to;
	size_t i;

	for (i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		from = sessp_nest_number(cv, nav, phases[i].from, -1);
		to = sessp_nest_number(cv, nav, phases[i].to, -1);
		if (from >= 0 && to > 0)
			sessp_put_number(cv, phases[i].key, to - from);
	}
	sessp_put_phases(cv, nav);
}

/* The snapshot's figures, and the SDK's own where it has none: they are the
 * same but for their last digit. */
static void
load(struct rum *r)
{
	struct sessp_nest nav = { 0 };

	begin(r, SESS_LOAD);
	page(r);
	PUT(r, F_LOAD_EVENT, F_DOM_CONTENT_LOADED, F_DOM_INTERACTIVE);
	if (sessp_read_object(r->cv, get(&r->s, F_SNAPSHOTS), false, &nav) <= SESSP_READ_CUT)
		put_navigation(r->cv, &nav);
	sessp_nest_release(&nav);
	mark(r->s.used, F_SNAPSHOTS);
	mark(r->s.used, F_FP);
	mark(r->s.used, F_FCP);
	emit(r);
	vital(r, F_FP, SESSP_LIT("FP"));
	vital(r, F_FCP, SESSP_LIT("FCP"));
}

static void
view(struct rum *r, struct sess_slice type)
{
	if (SESSP_IS(type, "perf")) {
		load(r);
	} else if (SESSP_IS(type, "webvitals")) {
		webvitals(r);
	} else {
		begin(r, SESS_VIEW);
		if (!has(&r->s, F_VIEW_NAME))
			put_as(r, F_NAME, SESS_K_PAGE);
		mark(r->s.used, F_NAME);
		page(r);
		emit(r);
	}
}

static void
resource(struct rum *r, struct sess_slice type)
{
	struct sessp_nest timing = { 0 };
	bool api = SESSP_IS(type, "fetch") || SESSP_IS(type, "xmlhttprequest") ||
	    SESSP_IS(type, "beacon") || SESSP_IS(type, "api");

	begin(r, api ? SESS_API : SESS_RESOURCE);
	PUT(r, F_URL, F_METHOD, F_SUCCESS, F_DURATION, F_MESSAGE, F_TRACE_ID, F_SIZE,
	    F_TRANSFER_SIZE, F_DNS, F_TCP, F_SSL, F_FIRST_BYTE, F_DOWNLOAD);
	if (!SESSP_IS(get(&r->s, F_STATUS), "0"))	/* it never got there */
		PUT(r, F_STATUS);
	if (api)
		put_as(r, F_NAME, SESS_K_API);
	else
		sessp_set(r->cv, SESS_K_RESOURCE_TYPE, type);
	mark(r->s.used, F_NAME);
	mark(r->s.used, F_STATUS);
	if (sessp_read_object(r->cv, get(&r->s, F_TIMING), false, &timing) <= SESSP_READ_CUT) {
		sessp_put(r->cv, SESS_K_START_MS, sessp_nest_text(r->cv, &timing, "startTime"));
		sessp_put_phases(r->cv, &timing);
	}
	sessp_nest_release(&timing);
	emit(r);
}

static void
exception(struct rum *r, struct sess_slice type)
{
	begin(r, SESS_ERROR);
	sessp_set(r->cv, SESS_K_ERROR_TYPE, type);
	put_as(r, F_NAME, SESS_K_ERROR_TYPE);
	PUT(r, F_MESSAGE, F_STACK, F_FILE, F_LINE, F_COLUMN);
	emit(r);
}

static void
action(struct rum *r, struct sess_slice type)
{
	begin(r, SESS_ACTION);
	sessp_set(r->cv, SESS_K_ACTION, type);
	put_as(r, F_NAME, SESS_K_MESSAGE);
	PUT(r, F_TARGET, F_DURATION);
	emit(r);
}

static void
longtask(struct rum *r, struct sess_slice type)
{
	begin(r, SESS_LONGTASK);
	sessp_set(r->cv, SESS_K_NAME, type);
	PUT(r, F_NAME, F_DURATION, F_FPS);
	emit(r);
}

/* What an application reports, and event types that we don't know. */
static void
custom(struct rum *r, struct sess_slice type)
{
	struct sess_slice kind = get(&r->s, F_EVENT_TYPE);

	begin(r, SESS_CUSTOM);
	sessp_set(r->cv, SESS_K_NAME, SESSP_IS(kind, "custom") && type.len > 0 ? type : kind);
	sessp_set(r->cv, SESS_K_GROUP, type);
	PUT(r, F_NAME, F_GROUP, F_VALUE, F_MESSAGE, F_DURATION);
	if (has(&r->s, F_VALUE) && !sess_event_has(&r->cv->ev, SESS_K_VALUE) &&
	    !has(&r->s, F_MESSAGE))
		put_as(r, F_VALUE, SESS_K_MESSAGE);	/* no number, and all it says */
	emit(r);
}

/*
 * The identity of an event: its event_id, so that the same one in two bundles,
 * or in a bundle and in a row, is one; else all it says and its session.  The
 * type is part of it: nobody promises that two records of one view, its pv and
 * its perf, have two ids.
 */
static uint64_t
identity(struct rum *r, const struct sessp_nest *e)
{
	struct sessp_ident id = { 0, 0 };
	struct sess_slice name;
	size_t i;

	sessp_ident_add(&id, SESSP_LIT("event_type"), get(&r->s, F_EVENT_TYPE));
	sessp_ident_add(&id, SESSP_LIT("type"), get(&r->s, F_TYPE));
	if (has(&r->s, F_EVENT_ID)) {
		sessp_ident_add(&id, SESSP_LIT("event_id"), r->s.v[F_EVENT_ID]);
		return sessp_ident_finish(&id);
	}
	sessp_ident_add(&id, SESSP_LIT("session"), first(&r->s, F_OWN_SESSION, F_SESSION));
	for (i = 0; i < e->n; i++) {
		name = sessp_name(r->cv, &e->f[i]);
		if (name.len < 2 || memcmp(name.p, "__", 2) != 0)
			sessp_ident_add(&id, name, sessp_text(r->cv, &e->f[i]));
	}
	return sessp_ident_finish(&id);
}

static void
convert_event(struct rum *r, const struct sessp_nest *e)
{
	static const struct {
		const char *name;
		size_t len;
		void (*convert)(struct rum *, struct sess_slice);
	} kinds[] = {
		{ "view", 4, view }, { "resource", 8, resource }, { "exception", 9, exception },
		{ "action", 6, action }, { "longTask", 8, longtask }, { "longtask", 8, longtask },
	};
	struct sess_slice kind = get(&r->s, F_EVENT_TYPE), type = get(&r->s, F_TYPE);
	size_t i;

	r->cv->identity = identity(r, e);
	r->cv->has_identity = true;
	r->cv->index = 0;		/* of the events of this identity */
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (sessp_is(kind, kinds[i].name, kinds[i].len)) {
			kinds[i].convert(r, type);
			return;
		}
	custom(r, type);
}

/* One event; what is wrong with it, or NULL. */
static const char *
one(struct rum *r, const struct scope *shared, const struct sessp_nest *e)
{
	const char *wrong = NULL;

	read_event(r, shared, e);
	if (has(&r->s, F_EVENT_TYPE))
		convert_event(r, e);
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
	const struct sessp_names *table = sessp_names_once(&slot, names, NFIELDS);
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
