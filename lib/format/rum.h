/*
 * rum: bundles of @arms/rum-browser, and rows of its tables.
 *
 * A bundle holds what its events share (app, user, session, view, ...) and
 * the events, each of which may override it; a row holds both.  Names are
 * nested ({"user": {"id": ...}}) or dotted ("user.id"): the latter is what a
 * field is called here.
 *
 * rum.c reads them, rum_event.c makes our events of one of theirs.  Only these
 * two include this.
 */
#ifndef SESSP_RUM_H
#define SESSP_RUM_H

#include "payload.h"

#define RUM_NO_KEY SESS_NKEYS

/* X(NAME, "name", key): first those that any event may say. */
#define RUM_SHARED(X) \
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
#define RUM_OWN(X) \
X(EVENT_TYPE, "event_type", RUM_NO_KEY) X(TYPE, "type", RUM_NO_KEY) X(EVENT_ID, "event_id", RUM_NO_KEY) \
X(TIMESTAMP, "timestamp", RUM_NO_KEY) X(LOG_TIME, "__time__", RUM_NO_KEY) \
X(RECEIVE_TIME, "__tag__:__receive_time__", RUM_NO_KEY) X(IP, "ip", RUM_NO_KEY) \
X(CLIENT_IP, "client_ip", RUM_NO_KEY) X(REMOTE_ADDR, "remote_addr", RUM_NO_KEY) \
X(NET_IP, "net.ip", RUM_NO_KEY) X(USER_AGENT, "user_agent", RUM_NO_KEY) \
X(HTTP_USER_AGENT, "http_user_agent", RUM_NO_KEY) X(TIMING, "timing_data", RUM_NO_KEY) \
X(SNAPSHOTS, "snapshots", RUM_NO_KEY) X(NAME, "name", SESS_K_NAME) X(URL, "url", SESS_K_URL) \
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
X(INP, "interaction_to_next_paint", SESS_K_VALUE) \
X(T1, "t1", SESS_K_VALUE) X(T2, "t2", SESS_K_VALUE) X(T3, "t3", SESS_K_VALUE)

enum field {
#define RUM_FIELD(NAME, name, key) F_##NAME,
	RUM_SHARED(RUM_FIELD)
	NSHARED,
	BEFORE_OWN = NSHARED - 1,
	RUM_OWN(RUM_FIELD)
#undef RUM_FIELD
	NFIELDS
};

#define RUM_WORDS ((NFIELDS + 63) / 64)

/* Fields, decoded, none of them empty. */
struct scope {
	struct sess_slice v[NFIELDS];	/* valid where has says so */
	uint64_t has[RUM_WORDS], used[RUM_WORDS];
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

static inline bool
has(const struct scope *s, enum field f)
{
	return s->has[f / 64] >> (f % 64) & 1;
}

static inline struct sess_slice
get(const struct scope *s, enum field f)
{
	return has(s, f) ? s->v[f] : (struct sess_slice){ NULL, 0 };
}

static inline void
mark(uint64_t *set, enum field f)
{
	set[f / 64] |= (uint64_t)1 << (f % 64);
}

static inline void
forget(struct scope *s, enum field f)
{
	s->has[f / 64] &= ~((uint64_t)1 << (f % 64));
}

/* The first of two that is there. */
static inline struct sess_slice
first(const struct scope *s, enum field a, enum field b)
{
	return has(s, a) ? s->v[a] : get(s, b);
}

/* Names of the fields. */
extern const char *const sessp_rum_names[NFIELDS];

/* Make events of the fields in r->s, which e was read from. */
void sessp_rum_event(struct rum *r, const struct sessp_nest *e);

#endif
