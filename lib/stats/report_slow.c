#include "declare.h"

/* Slow page loads: "Slow Page Session Trace (TOP20)". */

static bool
load(struct sess_stats *st, const struct sessp_obs *o)
{
	(void)st;
	return sess_event_num(o->ev, SESS_K_LOAD_MS, -1) >= 0;
}

#define PHASE(name, KEY, doc) CELL_NUM(name, "ms", KEY, SESS_COL_DETAIL, doc)

static const struct sessp_column columns[] = {
	CELL("time", TIME, 0, sessp_obs_moment, "when it was reported"),
	CELL_TEXT("page", PAGE, 0, "page"),
	CELL_NUM("load_ms", "ms", LOAD_MS, SESS_COL_MAIN | SESS_COL_WORSE_UP,
	    "loadEventStart - fetchStart"),
	CELL("session_id", STR, SESS_COL_KEY | SESS_COL_SESSION, sessp_obs_session_id, "session"),
	CELL_TEXT("view_id", VIEW_ID, SESS_COL_KEY | SESS_COL_DETAIL, "page view"),
	CELL_TEXT("user_id", USER_ID, 0, "user id"),
	CELL_TEXT("user_name", USER_NAME, 0, "user name"),
	CELL_TEXT("device", DEVICE, SESS_COL_DETAIL, "device"),
	CELL_TEXT("browser", BROWSER, 0, "browser"),
	CELL_TEXT("os", OS, SESS_COL_DETAIL, "operating system"),
	CELL_TEXT("country", COUNTRY, SESS_COL_DETAIL, "country"),
	CELL_TEXT("region", REGION, SESS_COL_DETAIL, "region"),
	CELL_TEXT("city", CITY, SESS_COL_DETAIL, "city"),
	CELL_TEXT("ip", IP, SESS_COL_DETAIL, "client address"),
	CELL_TEXT("network", NETWORK, SESS_COL_DETAIL, "network type"),
	PHASE("dns_ms", DNS_MS, "domainLookupEnd - domainLookupStart"),
	PHASE("tcp_ms", TCP_MS, "connectEnd - connectStart"),
	PHASE("ssl_ms", SSL_MS, "connectEnd - secureConnectionStart"),
	PHASE("ttfb_ms", TTFB_MS, "responseStart - requestStart"),
	PHASE("trans_ms", TRANS_MS, "responseEnd - responseStart"),
	PHASE("dom_ms", DOM_MS, "domInteractive - responseEnd"),
	PHASE("res_ms", RES_MS, "loadEventStart - domContentLoadedEventEnd"),
	PHASE("firstbyte_ms", FIRSTBYTE_MS, "responseStart - domainLookupStart"),
	PHASE("fpt_ms", FPT_MS, "responseEnd - fetchStart"),
	PHASE("tti_ms", TTI_MS, "domInteractive - fetchStart"),
	PHASE("ready_ms", READY_MS, "domContentLoadedEventEnd - fetchStart"),
	CELL_TEXT("page_url", PAGE_URL, SESS_COL_DETAIL, "full URL of the page"),
	{ .c = { .name = NULL } }
};

static const enum sess_key keys[] = {
	SESS_K_PAGE, SESS_K_PAGE_URL, SESS_K_VIEW_ID, SESS_K_USER_NAME, SESS_K_DEVICE,
	SESS_K_BROWSER, SESS_K_OS, SESS_K_COUNTRY, SESS_K_REGION, SESS_K_CITY, SESS_K_IP,
	SESS_K_NETWORK, SESS_K_LOAD_MS, SESS_K_DNS_MS, SESS_K_TCP_MS, SESS_K_SSL_MS,
	SESS_K_TTFB_MS, SESS_K_TRANS_MS, SESS_K_DOM_MS, SESS_K_RES_MS, SESS_K_FIRSTBYTE_MS,
	SESS_K_FPT_MS, SESS_K_TTI_MS, SESS_K_READY_MS, SESS_K_V
};

const struct sessp_report sessp_report_slow = {
	.name = "slow", .title = "Slowest page loads",
	.doc = "the slowest page loads, each with its phases and session",
	.on = SESSP_ON(LOAD), .wants = load, .keys = keys, .columns = columns, .limit = 20
};
