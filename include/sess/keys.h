/*
 * keys: the keys of the canonical event, declared once.
 *
 * SESS_KEYS(X) expands X(NAME, "name", type, "ARMS field", "OpenTelemetry
 * attribute", "meaning, with its unit") for each key, in the order in which a
 * canonical line holds them.  The scanner, the writer, sess-event(5)'s check
 * and the tests are made from this list.  Adding a key is free; renaming or
 * removing one bumps "v".
 *
 * Types: STR a string; TIME milliseconds since the epoch, written as RFC 3339
 * UTC with milliseconds; INT a whole number; NUM a decimal number; BOOL true
 * or false; OBJ a JSON object as it came.
 */
#ifndef SESS_KEYS_H
#define SESS_KEYS_H

#include <stddef.h>

#define SESS_KEYS(X) \
/* what */ \
X(V,              "v",              INT,  "",         "",                 "version of this format: 1") \
X(ID,             "id",             STR,  "",         "",                 "content identity: 16 hex digits") \
X(TIME,           "time",           TIME, "begin",    "timeUnixNano",     "when it happened, by the client's clock") \
X(RECEIVED,       "received",       TIME, "__time__", "observedTimeUnixNano", "when the server got it, by the server's clock") \
X(KIND,           "kind",           STR,  "t",        "event.name",       "what it is: one of the kinds") \
/* whose */ \
X(SESSION_ID,     "session_id",     STR,  "sid",      "session.id",       "session as the SDK named it") \
X(VISITOR,        "visitor",        STR,  "",         "",                 "where there is no session id: hash of the --session-by fields") \
X(VIEW_ID,        "view_id",        STR,  "pv_id",    "",                 "page view as the SDK named it") \
X(USER_ID,        "user_id",        STR,  "uid",      "user.id",          "user id") \
X(USER_NAME,      "user_name",      STR,  "username", "user.name",        "user name") \
/* where */ \
X(APP_ID,         "app_id",         STR,  "pid",      "service.name",     "site or application id") \
X(RELEASE,        "release",        STR,  "release",  "service.version",  "application version") \
X(ENVIRONMENT,    "environment",    STR,  "environment", "deployment.environment.name", "prod, gray, pre, daily, local") \
X(PAGE,           "page",           STR,  "page",     "",                 "page name: host and path with numbers folded, or as configured") \
X(PAGE_URL,       "page_url",       STR,  "dl",       "browser.document.url.full", "full URL of the page") \
X(REFERRER,       "referrer",       STR,  "dr",       "http.request.header.referer", "where the page was come from") \
X(TITLE,          "title",          STR,  "dt",       "",                 "document title") \
/* on what */ \
X(IP,             "ip",             STR,  "",         "client.address",   "client address") \
X(COUNTRY,        "country",        STR,  "ip_country", "geo.country.iso_code", "country") \
X(REGION,         "region",         STR,  "ip_region", "geo.region.iso_code", "province or region") \
X(CITY,           "city",           STR,  "ip_city",  "geo.locality.name", "city") \
X(ISP,            "isp",            STR,  "ip_isp",   "",                 "carrier") \
X(NETWORK,        "network",        STR,  "ct",       "network.connection.type", "network type: 4g, wifi, ...") \
X(BROWSER,        "browser",        STR,  "detector_browser", "user_agent.name", "browser") \
X(BROWSER_VERSION, "browser_version", STR, "detector_browser_version", "user_agent.version", "its version") \
X(OS,             "os",             STR,  "detector_os", "user_agent.os.name", "operating system") \
X(OS_VERSION,     "os_version",     STR,  "detector_os_version", "user_agent.os.version", "its version") \
X(DEVICE,         "device",         STR,  "detector_device", "device.model.name", "device") \
X(DEVICE_TYPE,    "device_type",    STR,  "detector_type", "",            "device class: pc, mobile, tablet, bot") \
X(SCREEN,         "screen",         STR,  "sr",       "",                 "screen as WxH, CSS pixels") \
X(VIEWPORT,       "viewport",       STR,  "vp",       "",                 "viewport as WxH, CSS pixels") \
X(LANGUAGE,       "language",       STR,  "ul",       "browser.language", "language of the document or the browser") \
X(USER_AGENT,     "user_agent",     STR,  "http_user_agent", "user_agent.original", "User-Agent header") \
X(TAGS,           "tags",           STR,  "tag",      "",                 "the application's own tag") \
/* weight */ \
X(TIMES,          "times",          INT,  "times",    "",                 "identical occurrences folded into this record; absent: 1") \
X(SAMPLING,       "sampling",       INT,  "sampling", "",                 "1 of N was kept; absent: 1") \
/* its own, by kind */ \
X(NAME,           "name",           STR,  "key",      "browser.web_vital.name", "name of a vital, timing, metric, long task or custom event") \
X(GROUP,          "group",          STR,  "group",    "",                 "group of a metric, a timing or a custom event") \
X(SUBKEY,         "subkey",         STR,  "subkey",   "",                 "second name of a percent metric") \
X(METRIC_TYPE,    "metric_type",    STR,  "t",        "",                 "sum, avg or percent") \
X(VALUE,          "value",          NUM,  "val",      "browser.web_vital.value", "value: ms for LCP INP FCP TTFB FID and timings, none for CLS") \
X(ACTION,         "action",         STR,  "type",     "",                 "click, keypress, navigation, console, custom, ...") \
X(TARGET,         "target",         STR,  "message",  "app.widget.id",    "what was acted on, as a CSS-like path or XPath") \
X(FROM,           "from",           STR,  "from",     "",                 "navigation: the URL left") \
X(TO,             "to",             STR,  "to",       "",                 "navigation: the URL entered") \
X(LEVEL,          "level",          STR,  "level",    "",                 "console: log, warn, error, ...") \
X(API,            "api",            STR,  "api",      "url.template",     "API name: URL without scheme, host kept as sent, query cut, numbers folded") \
X(URL,            "url",            STR,  "src",      "url.full",         "full URL of the API, resource or request") \
X(METHOD,         "method",         STR,  "method",   "http.request.method", "HTTP method") \
X(STATUS,         "status",         STR,  "code",     "http.response.status_code", "HTTP status or the SDK's code, always a string") \
X(OK,             "ok",             BOOL, "success",  "",                 "true when it succeeded") \
X(START_MS,       "start_ms",       NUM,  "startTime", "",                "start, ms after the page's navigation start") \
X(DURATION_MS,    "duration_ms",    NUM,  "time",     "http.client.request.duration", "ms it took") \
X(SIZE,           "size",           INT,  "transferSize", "http.response.body.size", "bytes transferred; absent when unknown") \
X(RESOURCE_TYPE,  "resource_type",  STR,  "res_type", "",                 "script, css, img, font, fetch, ...") \
X(ERROR_TYPE,     "error_type",     STR,  "cate",     "exception.type",   "class of the error: ReferenceError, ...") \
X(MESSAGE,        "message",        STR,  "msg",      "exception.message", "message of an error, an API answer, the console, a custom event") \
X(STACK,          "stack",          STR,  "stack",    "exception.stacktrace", "stack") \
X(FILE,           "file",           STR,  "file",     "code.file.path",   "script URL") \
X(LINE,           "line",           INT,  "line",     "code.line.number", "line in file") \
X(COLUMN,         "column",         INT,  "col",      "code.column.number", "column in file") \
X(TRACE_ID,       "trace_id",       STR,  "traceId",  "trace_id",         "trace id of the call") \
X(SNAPSHOT,       "snapshot",       STR,  "apiSnapshot", "",              "JSON text of a failed call: method, params, headers, response; may be cut by the SDK") \
X(NAVIGATION_TYPE, "navigation_type", STR, "navtype", "browser.web_vital.navigation_type", "how the page was come to: Reload, initial_load, route_change, ...") \
X(DNS_MS,         "dns_ms",         NUM,  "dns",      "",                 "domainLookupEnd - domainLookupStart, ms") \
X(TCP_MS,         "tcp_ms",         NUM,  "tcp",      "",                 "connectEnd - connectStart, ms; with TLS") \
X(SSL_MS,         "ssl_ms",         NUM,  "ssl",      "",                 "connectEnd - secureConnectionStart, ms") \
X(TTFB_MS,        "ttfb_ms",        NUM,  "ttfb",     "",                 "responseStart - requestStart, ms") \
X(TRANS_MS,       "trans_ms",       NUM,  "trans",    "",                 "responseEnd - responseStart, ms") \
X(DOM_MS,         "dom_ms",         NUM,  "dom",      "",                 "domInteractive - responseEnd, ms") \
X(RES_MS,         "res_ms",         NUM,  "res",      "",                 "loadEventStart - domContentLoadedEventEnd, ms") \
X(FIRSTBYTE_MS,   "firstbyte_ms",   NUM,  "firstbyte", "",                "responseStart - domainLookupStart, ms") \
X(FPT_MS,         "fpt_ms",         NUM,  "fpt",      "",                 "responseEnd - fetchStart, ms") \
X(TTI_MS,         "tti_ms",         NUM,  "tti",      "",                 "domInteractive - fetchStart, ms") \
X(READY_MS,       "ready_ms",       NUM,  "ready",    "",                 "domContentLoadedEventEnd - fetchStart, ms") \
X(LOAD_MS,        "load_ms",        NUM,  "load",     "",                 "loadEventStart - fetchStart, ms") \
X(FMP_MS,         "fmp_ms",         NUM,  "fmp",      "",                 "first meaningful paint, ms") \
X(STAY_MS,        "stay_ms",        NUM,  "stay",     "",                 "leave: ms spent on the page view") \
X(ERRORS,         "errors",         INT,  "errcount", "",                 "leave: JS errors in this page view, before sampling") \
X(API_OK,         "api_ok",         INT,  "apisucc",  "",                 "leave: API calls that succeeded, before sampling") \
X(API_FAILED,     "api_failed",     INT,  "apifail",  "",                 "leave: API calls that failed, before sampling") \
/* from */ \
X(EXTRA,          "extra",          OBJ,  "",         "",                 "with --extra: the source's fields that have no key here, as strings") \
X(SRC,            "src",            STR,  "",         "",                 "archive!member:line it was read from; no identity")

enum sess_key {
#define SESS_KEY_ENUM(NAME, name, type, arms, otel, doc) SESS_K_##NAME,
	SESS_KEYS(SESS_KEY_ENUM)
#undef SESS_KEY_ENUM
	SESS_NKEYS
};

enum sess_type {
	SESS_T_STR, SESS_T_TIME, SESS_T_INT, SESS_T_NUM, SESS_T_BOOL, SESS_T_OBJ
};

/* What is declared of a key above. */
struct sess_key_info {
	const char *name;
	const char *arms, *otel, *doc;
	enum sess_type type;
	unsigned len;		/* of name */
};

/* The declarations, indexed by enum sess_key. */
extern const struct sess_key_info sess_keys[SESS_NKEYS];

/* The key of that name, or -1. */
int sess_key_find(const char *name, size_t len);

/* The kinds of events, in the order that breaks ties between events of one
 * moment: what a user did stands before the calls and errors it led to, which
 * often have its very millisecond.  SESS_KINDS(X) expands X(NAME, "name"). */
#define SESS_KINDS(X) \
X(VIEW, "view") X(LOAD, "load") X(RESOURCE, "resource") X(ACTION, "action") X(API, "api") \
X(ERROR, "error") X(LEAVE, "leave") X(VITAL, "vital") \
X(LONGTASK, "longtask") X(TIMING, "timing") X(METRIC, "metric") \
X(CUSTOM, "custom") X(REQUEST, "request")

enum sess_kind {
#define SESS_KIND_ENUM(NAME, name) SESS_##NAME,
	SESS_KINDS(SESS_KIND_ENUM)
#undef SESS_KIND_ENUM
	SESS_NKINDS
};

/* Names of the kinds, indexed by enum sess_kind. */
extern const char *const sess_kinds[SESS_NKINDS];

/* The kind of that name, or -1. */
int sess_kind_find(const char *name, size_t len);

#endif
