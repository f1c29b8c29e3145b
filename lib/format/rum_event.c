#include "rum.h"

static const uint8_t keys[NFIELDS] = {
#define RUM_FIELD(NAME, name, key) [F_##NAME] = key,
	RUM_SHARED(RUM_FIELD) RUM_OWN(RUM_FIELD)
#undef RUM_FIELD
};

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
			sessp_extra_add(&r->extra, (struct sess_slice){ sessp_rum_names[f],
			    strlen(sessp_rum_names[f]) }, r->s.v[f]);
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

/* A field that is a figure of the page, as an event of its own. */
static void
measure(struct rum *r, enum sess_kind kind, enum field f, struct sess_slice name)
{
	double v;

	if (!sessp_number(get(&r->s, f), &v))
		return;
	begin(r, kind);
	page(r);
	if (kind == SESS_TIMING)	/* of a set that the application names */
		put_as(r, F_NAME, SESS_K_GROUP);
	sessp_set(r->cv, SESS_K_NAME, name);
	put_as(r, f, SESS_K_VALUE);
	emit(r);
}

static void
vital(struct rum *r, enum field f, struct sess_slice name)
{
	measure(r, SESS_VITAL, f, name);
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

/* The points of a page that the application measured: of the type view, and
 * none. */
static void
points(struct rum *r)
{
	measure(r, SESS_TIMING, F_T1, SESSP_LIT("t1"));
	measure(r, SESS_TIMING, F_T2, SESSP_LIT("t2"));
	measure(r, SESS_TIMING, F_T3, SESSP_LIT("t3"));
}

static void
view(struct rum *r, struct sess_slice type)
{
	if (SESSP_IS(type, "perf")) {
		load(r);
	} else if (SESSP_IS(type, "webvitals")) {
		webvitals(r);
	} else if (SESSP_IS(type, "custom")) {
		points(r);
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
	bool unanswered = SESSP_IS(get(&r->s, F_STATUS), "0");
	bool api = SESSP_IS(type, "fetch") || SESSP_IS(type, "xmlhttprequest") ||
	    SESSP_IS(type, "beacon") || SESSP_IS(type, "api");

	begin(r, api ? SESS_API : SESS_RESOURCE);
	PUT(r, F_URL, F_METHOD, F_SUCCESS, F_DURATION, F_MESSAGE, F_TRACE_ID, F_SIZE,
	    F_TRANSFER_SIZE, F_DNS, F_TCP, F_SSL, F_FIRST_BYTE, F_DOWNLOAD);
	if (!unanswered)
		PUT(r, F_STATUS);
	else if (SESSP_IS(type, "xmlhttprequest") && SESSP_IS(get(&r->s, F_SUCCESS), "-1"))
		sessp_set(r->cv, SESS_K_OK, SESSP_LIT("false"));	/* aborted, timed out */
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

/* Its name is that of its view, which the SDK spreads over the event. */
static void
longtask(struct rum *r, struct sess_slice type)
{
	begin(r, SESS_LONGTASK);
	sessp_set(r->cv, SESS_K_NAME, type);
	mark(r->s.used, F_NAME);
	PUT(r, F_DURATION, F_FPS);
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

void
sessp_rum_event(struct rum *r, const struct sessp_nest *e)
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
