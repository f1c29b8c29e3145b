#include "arms.h"

#include <string.h>

/* Fields that become keys of their own, X(wire name, key): what any record may
 * say, and what only a row says, as of a beacon the request knows it.  All are
 * texts: no need to look at them. */
#define COMMON(X) \
X(SID, SESSION_ID) X(PV_ID, VIEW_ID) X(UID, USER_ID) X(USERNAME, USER_NAME) \
X(PID, APP_ID) X(RELEASE, RELEASE) X(ENVIRONMENT, ENVIRONMENT) X(PAGE, PAGE) \
X(DL, PAGE_URL) X(CT, NETWORK) X(SR, SCREEN) X(VP, VIEWPORT) X(TAG, TAGS) \
X(BROWSER, BROWSER) X(BROWSER_VERSION, BROWSER_VERSION) X(OS, OS) \
X(OS_VERSION, OS_VERSION) X(DEVICE, DEVICE) X(TYPE, DEVICE_TYPE) X(COUNTRY, COUNTRY) \
X(REGION, REGION) X(CITY, CITY) X(ISP, ISP) X(UL, LANGUAGE)
#define ROW_ONLY(X) \
X(USER_AGENT, USER_AGENT) X(REMOTE_ADDR, IP) X(CLIENT_IP, IP) X(IP, IP)

#define BIT(WIRE, KEY) | (uint64_t)1 << SESSP_W_##WIRE
#define IN_FIRST_WORD(WIRE, KEY) \
	_Static_assert(SESSP_W_##WIRE < 64 && SESS_K_##KEY < 64, "in the first word of has");
COMMON(IN_FIRST_WORD)
ROW_ONLY(IN_FIRST_WORD)

/* What is put by a rule for its key. */
struct pair {
	uint8_t wire, key;
};

/* Fields that are no key, and yet are not left over for --extra. */
static const uint8_t structure[] = {
	SESSP_W_T, SESSP_W_BEGIN, SESSP_W_DATE, SESSP_W_LOG_TIME, SESSP_W_RECEIVE_TIME,
	SESSP_W_TAG_RECEIVE_TIME, SESSP_W_SNAPSHOT, SESSP_W_ERR, SESSP_W_BEHAVIOR,
	SESSP_W_RESOURCE,
};

/* The fields from .. to became keys, or are none that anybody wants. */
static void
use(struct sessp_arms *a, unsigned from, unsigned to)
{
	for (; from <= to; from++)
		a->used[from / 64] |= (uint64_t)1 << (from % 64);
}

static inline void
put(struct sessp_conv *cv, struct sessp_arms *a, enum sessp_wire w, enum sess_key k)
{
	if (!sessp_arms_has(a, w))
		return;
	sessp_put(cv, k, a->v[w]);
	use(a, w, w);
	/* Unless it became another text. */
	if (a->plain[w / 64] >> (w % 64) & 1 && sess_event_has(&cv->ev, k) &&
	    cv->ev.v[k].p == a->v[w].p)
		cv->ev.plain[k / 64] |= (uint64_t)1 << (k % 64);
}

/* A weight, which mostly is 1: then it is not put. */
static inline void
put_weight(struct sessp_conv *cv, struct sessp_arms *a, enum sessp_wire w, enum sess_key k)
{
	if (sessp_arms_has(a, w) && a->v[w].len == 1 && *a->v[w].p == '1')
		use(a, w, w);
	else
		put(cv, a, w, k);
}

static void
put_all(struct sessp_conv *cv, struct sessp_arms *a, const struct pair *pairs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		put(cv, a, pairs[i].wire, pairs[i].key);
}

#define PUT_ALL(cv, a, pairs) put_all(cv, a, pairs, sizeof(pairs) / sizeof((pairs)[0]))

/* When the log service got a row. */
static int64_t
row_received(const struct sessp_arms *a)
{
	int64_t t = sessp_time(sessp_arms_get(a, SESSP_W_LOG_TIME));

	if (t == SESS_NO_TIME)
		t = sessp_time(sessp_arms_get(a, SESSP_W_RECEIVE_TIME));
	if (t == SESS_NO_TIME)
		t = sessp_time(sessp_arms_get(a, SESSP_W_TAG_RECEIVE_TIME));
	return t;
}

/* Set the keys of those of the fields (bits of the first word of has) that are
 * there, each key once. */
static inline void
set_all(struct sess_event *ev, struct sessp_arms *a, uint64_t fields)
{
	static const uint8_t key_of[64] = {
#define KEY_OF(WIRE, KEY) [SESSP_W_##WIRE] = SESS_K_##KEY,
		COMMON(KEY_OF) ROW_ONLY(KEY_OF)
#undef KEY_OF
	};
	uint64_t bits, has = 0, plain = 0;
	unsigned w, k;

	for (bits = a->has[0] & fields; bits != 0; bits &= bits - 1) {
		w = (unsigned)__builtin_ctzll(bits);
		k = key_of[w];
		ev->v[k] = a->v[w];
		has |= (uint64_t)1 << k;
		plain |= (a->plain[0] >> w & 1) << k;
	}
	a->used[0] |= fields;
	ev->has[0] |= has;
	ev->plain[0] = (ev->plain[0] & ~has) | plain;
}

/* What only a row says; of its addresses the last of the table. */
static uint64_t
row_fields(const struct sessp_arms *a)
{
	static const enum sessp_wire address[] = {
		SESSP_W_IP, SESSP_W_CLIENT_IP, SESSP_W_REMOTE_ADDR
	};
	size_t i = 0;

	while (i < 2 && !sessp_arms_has(a, address[i]))
		i++;
	return (uint64_t)1 << SESSP_W_USER_AGENT | (uint64_t)1 << address[i];
}

static void
begin(struct sessp_conv *cv, struct sessp_arms *a, enum sess_kind kind, int64_t time)
{
	uint64_t fields = 0 COMMON(BIT);
	int64_t received;

	sessp_begin(cv, a->rq);
	if (a->rq == NULL) {
		fields |= row_fields(a);
		a->used[0] |= 0 ROW_ONLY(BIT);
		if ((received = row_received(a)) != SESS_NO_TIME)
			cv->ev.received = received;
	}
	cv->ev.kind = kind;
	cv->ev.time = time;
	set_all(&cv->ev, a, fields);
	put_weight(cv, a, SESSP_W_TIMES, SESS_K_TIMES);
	put_weight(cv, a, SESSP_W_SAMPLING, SESS_K_SAMPLING);
}

/* What became no key of the first event, in the order of the table of names:
 * all events of the record carry it. */
static void
finish_extra(struct sessp_conv *cv, struct sessp_arms *a)
{
	unsigned w;
	size_t i;

	a->extra_done = true;
	for (i = 0; i < sizeof(structure); i++)
		use(a, structure[i], structure[i]);
	for (w = 0; w < SESSP_NWIRE; w++)
		if (a->has[w / 64] >> (w % 64) & ~(a->used[w / 64] >> (w % 64)) & 1)
			sessp_extra_add(&a->extra, (struct sess_slice){ sessp_wire_names[w],
			    strlen(sessp_wire_names[w]) }, a->v[w]);
	a->extra_text = sessp_extra_finish(&a->extra, cv);
}

static void
emit(struct sessp_conv *cv, struct sessp_arms *a)
{
	if (sessp_extra_wanted(cv)) {
		if (!a->extra_done)
			finish_extra(cv, a);
		sessp_set(cv, SESS_K_EXTRA, a->extra_text);
	}
	sessp_emit(cv);
}

/* A text that is URI-encoded inside its JSON, decoded. */
static struct sess_slice
uri_decoded(struct sessp_conv *cv, struct sess_slice s)
{
	struct sess_slice d = sessp_percent(&cv->arena, s, false);

	if (d.p == NULL && s.p != NULL)
		sessp_fail(cv);
	return d;
}

/* -- the big fields: in the body of a beacon, in a field of a row */

enum part {
	PART_OK,
	PART_NONE,		/* a body, but not this field: `&post_res=`, or empty */
	PART_NO_BODIES,		/* of a log without bodies */
	PART_CUT, PART_BAD
};

/* The field w, which a beacon carries as {"name": ...} in its body.  Of a cut
 * body *text is what is left. */
static enum part
big_field(struct sessp_conv *cv, const struct sessp_arms *a, enum sessp_wire w,
    struct sessp_nest *nest, struct sess_slice *text)
{
	enum sessp_read r;

	*text = sessp_arms_get(a, w);
	if (a->rq == NULL)
		return text->len > 0 ? PART_OK : PART_NONE;
	*text = (struct sess_slice){ NULL, 0 };
	if (a->body.p == NULL)
		return PART_NO_BODIES;
	if (a->body.len == 0 || a->body.p[0] == '&')
		return PART_NONE;
	r = sessp_read_object(cv, a->body, true, nest);
	if (r > SESSP_READ_CUT)
		return PART_BAD;
	*text = sessp_nest_text(cv, nest, sessp_wire_names[w]);
	if (r == SESSP_READ_CUT)
		return PART_CUT;
	return text->len > 0 ? PART_OK : PART_NONE;
}

static enum sessp_verdict
partial(struct sess_err *err, const char *why)
{
	sess_err_set(err, SESS_EFORMAT, 0, "%s", why);
	return SESSP_PARTIAL;
}

/* The verdict on a record that is all there without its big field. */
static enum sessp_verdict
verdict(enum part part, struct sess_err *err)
{
	if (part == PART_CUT)
		return partial(err, "the body is cut");
	if (part == PART_BAD)
		return partial(err, "the body is no JSON");
	return SESSP_CONVERTED;
}

/* -- records of one event */

static enum sessp_verdict
view(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	(void)err;
	begin(cv, a, SESS_VIEW, a->time);
	put(cv, a, SESSP_W_DT, SESS_K_TITLE);
	put(cv, a, SESSP_W_DR, SESS_K_REFERRER);
	emit(cv, a);
	return SESSP_CONVERTED;
}

/* A failed call's {originApi, method, params, ...}.  The SDK cuts its text at
 * 2000 characters: what is whole is read. */
static void
put_snapshot(struct sessp_conv *cv, struct sess_slice text)
{
	struct sessp_nest nest = { 0 };

	if (text.len <= 2)		/* {}: a call that succeeded */
		return;
	sessp_set(cv, SESS_K_SNAPSHOT, text);
	if (sessp_read_object(cv, text, false, &nest) <= SESSP_READ_CUT) {
		sessp_put(cv, SESS_K_METHOD, sessp_nest_text(cv, &nest, "method"));
		sessp_put(cv, SESS_K_URL, sessp_nest_text(cv, &nest, "originApi"));
	}
	sessp_nest_release(&nest);
}

static enum sessp_verdict
api(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	static const struct pair pairs[] = {
		{ SESSP_W_API, SESS_K_API }, { SESSP_W_SUCCESS, SESS_K_OK },
		{ SESSP_W_MS, SESS_K_DURATION_MS }, { SESSP_W_CODE, SESS_K_STATUS },
		{ SESSP_W_MSG, SESS_K_MESSAGE }, { SESSP_W_TRACE_ID, SESS_K_TRACE_ID },
		{ SESSP_W_TRACE, SESS_K_TRACE_ID },
	};
	struct sessp_nest nest = { 0 };
	struct sess_slice text;
	enum part part;

	begin(cv, a, SESS_API, a->time);
	PUT_ALL(cv, a, pairs);
	part = big_field(cv, a, SESSP_W_SNAPSHOT, &nest, &text);
	put_snapshot(cv, text);
	emit(cv, a);
	sessp_nest_release(&nest);
	return verdict(part, err);
}

/* The uncut text of a message or a stack. */
static void
put_raw(struct sessp_conv *cv, const struct sessp_nest *raw, const char *name, enum sess_key k)
{
	struct sess_slice s = sessp_nest_text(cv, raw, name);

	if (!SESSP_IS(s, "undefined"))
		sessp_set(cv, k, uri_decoded(cv, s));
}

static enum sessp_verdict
error(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	static const struct pair pairs[] = {
		{ SESSP_W_CATE, SESS_K_ERROR_TYPE }, { SESSP_W_MSG, SESS_K_MESSAGE },
		{ SESSP_W_STACK, SESS_K_STACK }, { SESSP_W_FILE, SESS_K_FILE },
		{ SESSP_W_LINE, SESS_K_LINE }, { SESSP_W_COL, SESS_K_COLUMN },
	};
	struct sessp_nest nest = { 0 }, raw = { 0 };
	struct sess_slice text;
	enum part part;

	begin(cv, a, SESS_ERROR, a->time);
	sessp_set(cv, SESS_K_ERROR_TYPE, SESSP_LIT("CustomError"));
	PUT_ALL(cv, a, pairs);
	part = big_field(cv, a, SESSP_W_ERR, &nest, &text);
	if (text.len > 0 && sessp_read_object(cv, text, false, &raw) <= SESSP_READ_CUT) {
		put_raw(cv, &raw, "msg_raw", SESS_K_MESSAGE);
		put_raw(cv, &raw, "stack_raw", SESS_K_STACK);
	}
	emit(cv, a);
	sessp_nest_release(&raw);
	sessp_nest_release(&nest);
	return verdict(part, err);
}

static enum sessp_verdict
resource_error(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	static const struct pair pairs[] = {
		{ SESSP_W_SRC, SESS_K_URL }, { SESSP_W_NODE_NAME, SESS_K_RESOURCE_TYPE },
		{ SESSP_W_RES_TYPE, SESS_K_RESOURCE_TYPE }, { SESSP_W_XPATH, SESS_K_TARGET },
	};

	(void)err;
	begin(cv, a, SESS_RESOURCE, a->time);
	sessp_set(cv, SESS_K_OK, SESSP_LIT("false"));
	PUT_ALL(cv, a, pairs);
	emit(cv, a);
	return SESSP_CONVERTED;
}

static enum sessp_verdict
leave(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	static const struct pair pairs[] = {
		{ SESSP_W_STAY, SESS_K_STAY_MS }, { SESSP_W_ERRCOUNT, SESS_K_ERRORS },
		{ SESSP_W_APISUCC, SESS_K_API_OK }, { SESSP_W_APIFAIL, SESS_K_API_FAILED },
	};

	(void)err;
	begin(cv, a, SESS_LEAVE, a->time);
	PUT_ALL(cv, a, pairs);
	emit(cv, a);
	return SESSP_CONVERTED;
}

static enum sessp_verdict
metric(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	static const struct pair pairs[] = {
		{ SESSP_W_KEY, SESS_K_NAME }, { SESSP_W_VAL, SESS_K_VALUE },
		{ SESSP_W_GROUP, SESS_K_GROUP }, { SESSP_W_SUBKEY, SESS_K_SUBKEY },
		{ SESSP_W_T, SESS_K_METRIC_TYPE },
	};

	(void)err;
	begin(cv, a, SESS_METRIC, a->time);
	PUT_ALL(cv, a, pairs);
	emit(cv, a);
	return SESSP_CONVERTED;
}

static enum sessp_verdict
event(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	static const struct pair pairs[] = {
		{ SESSP_W_KEY, SESS_K_NAME }, { SESSP_W_SUCCESS, SESS_K_OK },
		{ SESSP_W_MS, SESS_K_DURATION_MS }, { SESSP_W_GROUP, SESS_K_GROUP },
	};

	(void)err;
	begin(cv, a, SESS_CUSTOM, a->time);
	PUT_ALL(cv, a, pairs);
	emit(cv, a);
	return SESSP_CONVERTED;
}

/* -- records of several */

/* Points in time that the application set, each an event; how many. */
static unsigned
points(struct sessp_conv *cv, struct sessp_arms *a, enum sessp_wire from, enum sessp_wire to)
{
	unsigned w, n = 0;
	double v;

	for (w = from; w <= to; w++) {
		if (!sessp_arms_has(a, (enum sessp_wire)w) || !sessp_number(a->v[w], &v))
			continue;
		begin(cv, a, SESS_TIMING, a->time);
		sess_event_set(&cv->ev, SESS_K_NAME, sessp_wire_names[w],
		    strlen(sessp_wire_names[w]));
		put(cv, a, (enum sessp_wire)w, SESS_K_VALUE);
		emit(cv, a);
		n++;
	}
	return n;
}

static enum sessp_verdict
speed(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	use(a, SESSP_W_S0, SESSP_W_S10);
	return points(cv, a, SESSP_W_S0, SESSP_W_S10) > 0 ? SESSP_CONVERTED :
	    partial(err, "a speed record without a point");
}

static enum sessp_verdict
load(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	static const struct pair pairs[] = {
		{ SESSP_W_DNS, SESS_K_DNS_MS }, { SESSP_W_TCP, SESS_K_TCP_MS },
		{ SESSP_W_SSL, SESS_K_SSL_MS }, { SESSP_W_TTFB, SESS_K_TTFB_MS },
		{ SESSP_W_TRANS, SESS_K_TRANS_MS }, { SESSP_W_DOM, SESS_K_DOM_MS },
		{ SESSP_W_RES, SESS_K_RES_MS }, { SESSP_W_FIRSTBYTE, SESS_K_FIRSTBYTE_MS },
		{ SESSP_W_FPT, SESS_K_FPT_MS }, { SESSP_W_TTI, SESS_K_TTI_MS },
		{ SESSP_W_READY, SESS_K_READY_MS }, { SESSP_W_LOAD, SESS_K_LOAD_MS },
		{ SESSP_W_FMP, SESS_K_FMP_MS }, { SESSP_W_NAVTYPE, SESS_K_NAVIGATION_TYPE },
	};

	(void)err;
	begin(cv, a, SESS_LOAD, a->time);
	PUT_ALL(cv, a, pairs);
	use(a, SESSP_W_CFPT, SESSP_W_T10);
	emit(cv, a);
	points(cv, a, SESSP_W_CFPT, SESSP_W_T10);
	return SESSP_CONVERTED;
}

/* Free fields, each stored with an x- before its name; and what is of no type
 * that we know: its type is its name then. */
static enum sessp_verdict
custom(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	size_t i = 0;

	(void)err;
	do {
		begin(cv, a, SESS_CUSTOM, a->time);
		put(cv, a, SESSP_W_T, SESS_K_NAME);
		if (a->nx > 0 || SESSP_IS(sessp_arms_get(a, SESSP_W_T), "custom"))
			put(cv, a, SESSP_W_T, SESS_K_GROUP);
		if (i < a->nx) {
			sessp_set(cv, SESS_K_NAME, a->x[i].name);
			sessp_set(cv, SESS_K_MESSAGE, a->x[i].value);
		}
		emit(cv, a);
	} while (++i < a->nx);
	return SESSP_CONVERTED;
}

/* -- records of a list */

/* Takes one element of a list, as checked JSON; false where it can't be read. */
typedef bool element_fn(struct sessp_conv *cv, struct sessp_arms *a, struct sess_slice element);

static void
elements(struct sessp_conv *cv, struct sessp_arms *a, struct sess_slice array, element_fn *one)
{
	struct sess_slice element;

	while (!cv->failed && sessp_array_next(&array, &element))
		if (!one(cv, a, element))
			a->bad++;
}

static enum sessp_verdict
list(struct sessp_conv *cv, struct sessp_arms *a, enum sessp_wire w, element_fn *one,
    struct sess_err *err)
{
	struct sessp_nest nest = { 0 };
	struct sess_slice text, array;
	enum part part = big_field(cv, a, w, &nest, &text);
	enum sessp_read r = SESSP_READ_OK;

	if (text.len > 0) {
		r = sessp_read_array(cv, text, &array);
		elements(cv, a, array, one);
	}
	sessp_nest_release(&nest);
	if (part == PART_NO_BODIES)
		return partial(err, "the log has no bodies");
	if (part == PART_NONE)
		return partial(err, a->rq == NULL ? "the list is missing" : "the body is missing");
	if (part == PART_CUT || r == SESSP_READ_CUT)
		return partial(err, "the list is cut");
	if (part == PART_BAD || r == SESSP_READ_BAD)
		return partial(err, "the list is no JSON");
	return a->bad == 0 ? SESSP_CONVERTED :
	    partial(err, "an element of the list can't be read");
}

/* {type, data: {...}, timestamp, page}.  Its page is but a path name: the
 * record's stays. */
static bool
behavior(struct sessp_conv *cv, struct sessp_arms *a, struct sess_slice element)
{
	struct sessp_nest nest = { 0 }, data = { 0 };
	struct sess_slice type, text;
	int64_t t;
	bool ok = sessp_nest_read(cv, element, &nest);

	if (ok) {
		t = sessp_time(sessp_nest_text(cv, &nest, "timestamp"));
		begin(cv, a, SESS_ACTION, t != SESS_NO_TIME ? t : a->time);
		type = sessp_nest_text(cv, &nest, "type");
		if (type.len > 3 && memcmp(type.p, "ui.", 3) == 0)
			type = (struct sess_slice){ type.p + 3, type.len - 3 };
		sessp_set(cv, SESS_K_ACTION, type.len > 0 ? type : SESSP_LIT("custom"));
		sessp_nest_inner(cv, &nest, "data", &data);
		sessp_set(cv, SESS_K_FROM, sessp_nest_text(cv, &data, "from"));
		sessp_set(cv, SESS_K_TO, sessp_nest_text(cv, &data, "to"));
		sessp_set(cv, SESS_K_LEVEL, sessp_nest_text(cv, &data, "level"));
		sessp_set(cv, SESS_K_NAME, sessp_nest_text(cv, &data, "name"));
		text = uri_decoded(cv, sessp_nest_text(cv, &data, "message"));
		if (SESSP_IS(type, "click") || SESSP_IS(type, "keypress")) {
			/* the SDK's path begins with an empty step at times */
			if (text.len > 3 && memcmp(text.p, " > ", 3) == 0)
				text = (struct sess_slice){ text.p + 3, text.len - 3 };
			sessp_set(cv, SESS_K_TARGET, text);
		} else {
			sessp_set(cv, SESS_K_MESSAGE, text);
		}
		emit(cv, a);
	}
	sessp_nest_release(&data);
	sessp_nest_release(&nest);
	return ok;
}

/* The keys of a PerformanceResourceTiming entry.  Its transferSize is 0 for
 * what came from the cache and for what another origin keeps to itself; only
 * the former has a requestStart, and then 0 is its size. */
static void
put_timing(struct sessp_conv *cv, const struct sessp_nest *entry)
{
	double visible = sessp_nest_number(cv, entry, "requestStart", 0);

	sessp_put(cv, SESS_K_URL, sessp_nest_text(cv, entry, "name"));
	sessp_put(cv, SESS_K_RESOURCE_TYPE, sessp_nest_text(cv, entry, "initiatorType"));
	sessp_put(cv, SESS_K_START_MS, sessp_nest_text(cv, entry, "startTime"));
	sessp_put(cv, SESS_K_DURATION_MS, sessp_nest_text(cv, entry, "duration"));
	if (visible > 0 || sessp_nest_number(cv, entry, "transferSize", 0) > 0)
		sessp_put(cv, SESS_K_SIZE, sessp_nest_text(cv, entry, "transferSize"));
	if (sessp_nest_number(cv, entry, "responseStatus", 0) > 0)
		sessp_put(cv, SESS_K_STATUS, sessp_nest_text(cv, entry, "responseStatus"));
	sessp_put_phases(cv, entry);
}

/* An entry of the waterfall.  The record's time is the page's fetchStart, which
 * the entry's startTime counts from. */
static bool
waterfall(struct sessp_conv *cv, struct sessp_arms *a, struct sess_slice element)
{
	struct sessp_nest nest = { 0 };
	bool ok = sessp_nest_read(cv, element, &nest);
	double start;

	if (ok) {
		start = sessp_nest_number(cv, &nest, "startTime", 0);
		if (a->time == SESS_NO_TIME || start < 0 || start > 1e10)
			start = 0;
		begin(cv, a, SESS_RESOURCE, a->time + (int64_t)start);
		put_timing(cv, &nest);
		emit(cv, a);
	}
	sessp_nest_release(&nest);
	return ok;
}

/* An entry of a group.  The record's time is that of the report, and when the
 * page began is not in it, so that is the entry's time too. */
static bool
grouped(struct sessp_conv *cv, struct sessp_arms *a, struct sess_slice element)
{
	struct sessp_nest nest = { 0 };
	bool ok = sessp_nest_read(cv, element, &nest);

	if (ok) {
		begin(cv, a, SESS_RESOURCE, a->time);
		put_timing(cv, &nest);
		emit(cv, a);
	}
	sessp_nest_release(&nest);
	return ok;
}

/* The resources of one type from one domain: {domain, res_type, count, size,
 * duration, timings, ...}, of which timings, URI-encoded, are all we want, and
 * the sums are for where there are none. */
static bool
group(struct sessp_conv *cv, struct sessp_arms *a, struct sess_slice element)
{
	struct sessp_nest nest = { 0 };
	struct sess_slice array;
	bool ok = sessp_nest_read(cv, element, &nest);

	if (ok && sessp_read_array(cv, uri_decoded(cv, sessp_nest_text(cv, &nest, "timings")),
	    &array) == SESSP_READ_OK && array.len > 2) {
		elements(cv, a, array, grouped);
	} else if (ok) {
		begin(cv, a, SESS_RESOURCE, a->time);
		sessp_put(cv, SESS_K_URL, sessp_nest_text(cv, &nest, "domain"));
		sessp_put(cv, SESS_K_RESOURCE_TYPE, sessp_nest_text(cv, &nest, "res_type"));
		sessp_put(cv, SESS_K_SIZE, sessp_nest_text(cv, &nest, "size"));
		sessp_put(cv, SESS_K_DURATION_MS, sessp_nest_text(cv, &nest, "duration"));
		sessp_put(cv, SESS_K_TIMES, sessp_nest_text(cv, &nest, "count"));
		emit(cv, a);
	}
	sessp_nest_release(&nest);
	return ok;
}

static enum sessp_verdict
behaviors(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	return list(cv, a, SESSP_W_BEHAVIOR, behavior, err);
}

static enum sessp_verdict
waterfalls(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	use(a, SESSP_W_RES, SESSP_W_RES);
	return list(cv, a, SESSP_W_RES, waterfall, err);
}

static enum sessp_verdict
groups(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	return list(cv, a, SESSP_W_RESOURCE, group, err);
}

/* -- by type */

typedef enum sessp_verdict type_fn(struct sessp_conv *, struct sessp_arms *, struct sess_err *);

/* In the order of how often they come. */
static type_fn *
type_of(struct sess_slice t)
{
	static const struct {
		const char *name;
		size_t len;
		type_fn *fn;
	} types[] = {
#define TYPE(name, fn) { name, sizeof(name) - 1, fn }
		TYPE("api", api), TYPE("perf", load), TYPE("pv", view), TYPE("health", leave),
		TYPE("error", error), TYPE("behavior", behaviors), TYPE("res", waterfalls),
		TYPE("resourceError", resource_error), TYPE("resource", groups),
		TYPE("speed", speed), TYPE("sum", metric), TYPE("avg", metric),
		TYPE("percent", metric), TYPE("event", event), TYPE("custom", custom),
#undef TYPE
	};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (sessp_is(t, types[i].name, types[i].len))
			return types[i].fn;
	return NULL;
}

bool
sessp_arms_known(struct sess_slice t)
{
	return type_of(t) != NULL;
}

enum sessp_verdict
sessp_arms_events(struct sessp_conv *cv, struct sessp_arms *a, struct sess_err *err)
{
	type_fn *fn = type_of(sessp_arms_get(a, SESSP_W_T));

	return fn != NULL ? fn(cv, a, err) : custom(cv, a, err);
}
