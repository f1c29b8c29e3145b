/*
 * arms: records of ARMS Browser Monitoring, as beacons and as rows.
 *
 * arms.c reads either into one struct, arms_event.c makes events of it.
 */
#ifndef SESSP_ARMS_H
#define SESSP_ARMS_H

#include "payload.h"

/* Wire names that mean something to us.  X(NAME, "name") */
#define SESSP_WIRE(X) \
X(T, "t") X(TIMES, "times") X(PAGE, "page") X(TAG, "tag") X(RELEASE, "release") \
X(ENVIRONMENT, "environment") X(BEGIN, "begin") X(DATE, "date") X(UID, "uid") \
X(USERNAME, "username") X(SID, "sid") X(PID, "pid") X(PV_ID, "pv_id") \
X(SAMPLING, "sampling") X(SR, "sr") X(VP, "vp") X(CT, "ct") X(DL, "dl") X(DR, "dr") \
X(DT, "dt") X(UL, "ul") X(BROWSER, "detector_browser") \
X(BROWSER_VERSION, "detector_browser_version") X(DEVICE, "detector_device") \
X(OS, "detector_os") X(OS_VERSION, "detector_os_version") X(TYPE, "detector_type") \
X(USER_AGENT, "http_user_agent") X(COUNTRY, "ip_country") X(REGION, "ip_region") \
X(CITY, "ip_city") X(ISP, "ip_isp") X(IP, "ip") X(CLIENT_IP, "client_ip") \
X(REMOTE_ADDR, "remote_addr") X(LOG_TIME, "__time__") \
X(RECEIVE_TIME, "__receive_time__") X(TAG_RECEIVE_TIME, "__tag__:__receive_time__") \
X(API, "api") X(SUCCESS, "success") X(MS, "time") X(CODE, "code") X(MSG, "msg") \
X(TRACE, "traceId") X(TRACE_ID, "trace_id") X(SNAPSHOT, "apiSnapshot") \
X(CATE, "cate") X(STACK, "stack") X(FILE, "file") X(LINE, "line") X(COL, "col") \
X(ERR, "err") X(BEHAVIOR, "behavior") X(RES, "res") X(RESOURCE, "resource") \
X(SRC, "src") X(NODE_NAME, "node_name") X(XPATH, "xpath") X(RES_TYPE, "res_type") \
X(DNS, "dns") X(TCP, "tcp") X(SSL, "ssl") X(TTFB, "ttfb") X(TRANS, "trans") \
X(DOM, "dom") X(FIRSTBYTE, "firstbyte") X(FPT, "fpt") X(TTI, "tti") X(READY, "ready") \
X(LOAD, "load") X(FMP, "fmp") X(NAVTYPE, "navtype") \
X(ERRCOUNT, "errcount") X(APISUCC, "apisucc") X(APIFAIL, "apifail") X(STAY, "stay") \
X(KEY, "key") X(VAL, "val") X(GROUP, "group") X(SUBKEY, "subkey") \
X(CFPT, "cfpt") X(CTTI, "ctti") \
X(T1, "t1") X(T2, "t2") X(T3, "t3") X(T4, "t4") X(T5, "t5") X(T6, "t6") X(T7, "t7") \
X(T8, "t8") X(T9, "t9") X(T10, "t10") X(S0, "s0") X(S1, "s1") X(S2, "s2") X(S3, "s3") \
X(S4, "s4") X(S5, "s5") X(S6, "s6") X(S7, "s7") X(S8, "s8") X(S9, "s9") X(S10, "s10")

enum sessp_wire {
#define SESSP_WIRE_ENUM(NAME, name) SESSP_W_##NAME,
	SESSP_WIRE(SESSP_WIRE_ENUM)
#undef SESSP_WIRE_ENUM
	SESSP_NWIRE
};

/* Names of the fields, indexed by enum sessp_wire. */
extern const char *const sessp_wire_names[SESSP_NWIRE];

#define SESSP_WIRE_WORDS ((SESSP_NWIRE + 63) / 64)

/* A field x-NAME of a custom record. */
struct sessp_arms_x {
	struct sess_slice name, value;	/* name without x- */
};

/* A record: its fields by wire name, decoded, none of them empty. */
struct sessp_arms {
	struct sess_slice v[SESSP_NWIRE];	/* valid where has says so */
	uint64_t has[SESSP_WIRE_WORDS];
	uint64_t plain[SESSP_WIRE_WORDS];	/* of these, as in struct sess_event */
	uint64_t used[SESSP_WIRE_WORDS];	/* what became a key so far */
	struct sessp_arms_x *x;			/* in the arena */
	size_t nx, xcap;
	struct sessp_ident ident;
	struct sessp_extra extra;		/* names that are not ours */
	struct sess_slice extra_text;		/* the finished extra */
	bool extra_done;
	const struct sessp_request *rq;		/* the beacon's; NULL: a row */
	struct sess_slice body;			/* the beacon's, unless it is a form */
	int64_t time;		/* the client's clock, or SESS_NO_TIME */
	size_t bad;		/* elements of its list that nobody can read */
};

static inline bool
sessp_arms_has(const struct sessp_arms *a, enum sessp_wire w)
{
	return a->has[w / 64] >> (w % 64) & 1;
}

/* The field w, or {NULL, 0}. */
static inline struct sess_slice
sessp_arms_get(const struct sessp_arms *a, enum sessp_wire w)
{
	return sessp_arms_has(a, w) ? a->v[w] : (struct sess_slice){ NULL, 0 };
}

/* Whether t is a type of record that the SDK's documents or its code name. */
bool sessp_arms_known(struct sess_slice t);

/* Events of the record, by its t. */
enum sessp_verdict sessp_arms_events(struct sessp_conv *cv, struct sessp_arms *a,
    struct sess_err *err);

#endif
