/*
 * gen: ARMS records to measure with.
 *
 *	gen RECORDS [SEED] [FILES DIR [DAYS]]
 *
 * Writes rows as an export of Browser Monitoring has them, about 740 bytes
 * each: sessions interleaved, users Zipf-distributed (some have very many
 * sessions), names with escapes and beyond ASCII, views with pv, perf, api,
 * error, behavior-less health records.  The same seed gives the same bytes.
 * With FILES and DIR: DIR/part-0.ndjson ... of equal size, else standard output.
 * DAYS: they happen in so many days, else a million in one.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPEN 2000		/* sessions at one time */
#define USERS 50000
#define T0 1795392000000	/* 2026-11-23T00:00:00Z */

static uint64_t state;

static uint64_t
rnd(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15);	/* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned
below(unsigned n)
{
	return (unsigned)(rnd() % n);
}

static const char *const names[] = {
	"zhangsan", "\xe5\xbc\xa0\xe4\xbc\x9f", "Fran\xc3\xa7ois 100%", "Se\xc3\xa1n O'Brien",
	"\\u674e\\u56db", "anna \\\"the boss\\\" k", "\xe7\x94\xb0\xe4\xb8\xad \xe3\x81\x95\xe3\x81\x8f\xe3\x82\x89",
	"bob.smith@example.com", "\xf0\x9f\x90\xbcpanda", "back\\\\slash", "user+tag&x=1", "#"
};
static const char *const pages[] = {
	"shop.example.com", "shop.example.com/list", "shop.example.com/product/**",
	"shop.example.com/cart", "shop.example.com/checkout", "shop.example.com/account/home",
	"shop.example.com/search", "shop.example.com/order/**/detail"
};
static const char *const apis[] = {
	"shop.example.com/api/user/profile", "shop.example.com/api/list",
	"shop.example.com/api/order/**", "shop.example.com/api/cart/add",
	"shop.example.com/api/recommend", "pay.example.com/v2/submit"
};
static const char *const messages[] = {
	"Cannot read properties of undefined (reading 'price')",
	"renderMap is not defined", "Unexpected token < in JSON at position 0",
	"\xe5\xba\x93\xe5\xad\x98\xe4\xb8\x8d\xe8\xb6\xb3: \\\"1024\\\""
};
static const struct agent {
	const char *browser, *version, *os, *os_version, *device, *type;
} agents[] = {
	{ "chrome", "126.0.0.0", "windows", "10", "pc", "pc" },
	{ "safari", "17.4.1", "macos", "10.15.7", "mac", "pc" },
	{ "chrome", "159.0.8154.6", "android", "14", "pixel", "mobile" }
};
static const char *const regions[][2] = {
	{ "\xe5\x8c\x97\xe4\xba\xac\xe5\xb8\x82", "110000" },
	{ "\xe6\xb5\x99\xe6\xb1\x9f\xe7\x9c\x81", "330000" },
	{ "\xe5\xb9\xbf\xe4\xb8\x9c\xe7\x9c\x81", "440000" }
};
#define PICK(a) (a)[below(sizeof(a) / sizeof(*(a)))]

struct session {
	char sid[29], pv[29], uid[24], name[64];
	const char *page;
	const struct agent *agent;
	unsigned region, ip, left, views, step, errors, ok, failed;
	int64_t started;
};

/* An id as the SDK makes it: characters 2, 5, ... 23 are the time, base 36. */
static void
make_id(char id[29], int64_t ms)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	int i;

	for (i = 0; i < 28; i++)
		id[i] = digits[below(36)];
	for (i = 23; i >= 2; i -= 3, ms /= 36)
		id[i] = digits[ms % 36];
	id[28] = '\0';
}

static unsigned
zipf(void)
{
	double u = (double)(rnd() >> 11) / 9007199254740992.0;

	return (unsigned)(pow(USERS, u)) % USERS;	/* density 1 / rank */
}

static void
open_session(struct session *s, int64_t now)
{
	unsigned user = zipf();

	make_id(s->sid, now);
	snprintf(s->uid, sizeof(s->uid), "u-%u", user);
	snprintf(s->name, sizeof(s->name), "%s%u", names[user % (sizeof(names) / sizeof(*names))],
	    user);
	s->agent = &agents[user % 3];
	s->region = user % 3;
	s->ip = user;
	s->views = 1 + below(6);
	s->left = 0;
}

static void
open_view(struct session *s, int64_t now)
{
	make_id(s->pv, now);
	s->page = PICK(pages);
	s->started = now;
	s->left = 4 + below(10);
	s->step = s->errors = s->ok = s->failed = 0;
}

static void
common(FILE *f, const struct session *s, const char *t, int64_t begin, int64_t at)
{
	fprintf(f, "{\"t\":\"%s\",\"times\":1,\"page\":\"%s\",\"tag\":\"\",\"release\":\"2.4.%u\","
	    "\"environment\":\"prod\",\"begin\":%lld,\"__time__\":%lld,\"detector_browser\":\"%s\","
	    "\"detector_browser_version\":\"%s\",\"detector_device\":\"%s\",\"detector_os\":\"%s\","
	    "\"detector_os_version\":\"%s\",\"detector_type\":\"%s\","
	    "\"ip_country\":\"\xe4\xb8\xad\xe5\x9b\xbd\",\"ip_region\":\"%s\",\"ip_region_id\":\"%s\","
	    "\"remote_addr\":\"10.%u.%u.%u\",\"sr\":\"1920x1080\",\"vp\":\"1903x969\",\"ct\":\"4g\","
	    "\"sid\":\"%s\",\"uid\":\"%s\",\"username\":\"%s\",\"pid\":\"atc889zkcf@8cc3f6354c2d6a7\","
	    "\"pv_id\":\"%s\",\"sampling\":1",
	    t, s->page, s->ip % 7, (long long)begin, (long long)(at / 1000), s->agent->browser,
	    s->agent->version, s->agent->device, s->agent->os, s->agent->os_version,
	    s->agent->type, regions[s->region][0], regions[s->region][1],
	    s->ip >> 16 & 255, s->ip >> 8 & 255, s->ip & 255, s->sid, s->uid, s->name, s->pv);
}

static void
api(FILE *f, struct session *s, int64_t now)
{
	unsigned ms = 20 + below(below(20) == 0 ? 4000 : 400);
	int ok = below(25) != 0;

	s->ok += (unsigned)ok;
	s->failed += !ok;
	common(f, s, "api", now - ms, now);
	fprintf(f, ",\"api\":\"%s\",\"success\":%d,\"time\":%u,\"code\":\"%d\",\"msg\":\"%s\","
	    "\"traceId\":\"0a%06x%lld%04u1d6a7\",\"domain\":\"shop.example.com\",\"flag\":1", PICK(apis),
	    ok, ms, ok ? 200 : 500 + (int)below(4), ok ? "success" : "Internal Server Error",
	    (unsigned)rnd() & 0xffffff,
	    (long long)now, below(10000));
}

static void
perf(FILE *f, struct session *s)
{
	unsigned slow = below(40) == 0 ? 8000 : 0, ttfb = 30 + below(300), trans = below(40);
	unsigned fpt = ttfb + trans + 20, tti = fpt + 100 + below(400), ready = tti + below(200);

	common(f, s, "perf", s->started, s->started + 900);
	fprintf(f, ",\"dns\":%u,\"tcp\":%u,\"ssl\":%u,\"ttfb\":%u,\"trans\":%u,\"dom\":%u,\"res\":%u,"
	    "\"firstbyte\":%u,\"fpt\":%u,\"tti\":%u,\"ready\":%u,\"load\":%u,\"navtype\":\"Other\"",
	    below(30), below(50), below(40), ttfb, trans, tti - fpt, 100 + slow, ttfb + 10, fpt,
	    tti, ready, ready + 100 + slow);
}

static void
record(FILE *f, struct session *s, int64_t now)
{
	if (s->step == 0) {
		common(f, s, "pv", now + 700, now + 900);
		fprintf(f, ",\"dt\":\"\xe9\xa6\x96\xe9\xa1\xb5 Demo\",\"dl\":\"https://%s?from=mail&n=%u\","
		    "\"dr\":\"https://www.example.org/\",\"dpr\":\"2.00\",\"de\":\"utf-8\",\"ul\":\"zh-CN\"",
		    s->page, below(1000));
	} else if (s->step == 1)
		perf(f, s);
	else if (s->left == 1) {
		common(f, s, "health", now, now + 200);
		fprintf(f, ",\"errcount\":%u,\"apisucc\":%u,\"apifail\":%u,\"healthy\":%d,\"stay\":%lld",
		    s->errors, s->ok, s->failed, s->errors == 0, (long long)(now - s->started));
	} else if (below(12) == 0) {
		const char *message = PICK(messages);

		s->errors++;
		common(f, s, "error", now, now + 300);
		fprintf(f, ",\"cate\":\"TypeError\",\"msg\":\"%s\",\"stack\":\"TypeError: %s\\n    at price "
		    "(https://shop.example.com/js/app.js:%u:%u)\",\"file\":\"https://shop.example.com/js/app.js\","
		    "\"line\":%u,\"col\":%u", message, message, below(900), below(80), below(900), below(80));
	} else
		api(f, s, now);
	fputs("}\n", f);
	s->step++;
	s->left--;
}

int
main(int argc, char **argv)
{
	static struct session open[OPEN];
	uint64_t i, n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
	unsigned files = argc > 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 1, part = 0;
	unsigned days = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 1;
	/* as many at one time as make sessions as long whatever the number of days */
	unsigned at_once = OPEN / days > 0 ? OPEN / days : 1;
	double step = 86400000.0 * days / (double)(n > 1000000 || days > 1 ? n : 1000000);
	FILE *f = stdout;
	char path[4096];

	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (i = 0; i < n; i++) {
		struct session *s = &open[below(at_once)];
		int64_t now = T0 + (int64_t)((double)i * step);

		if (argc > 4 && i >= n / files * part && part < files) {
			if (f != stdout && fclose(f) != 0)
				return 1;
			snprintf(path, sizeof(path), "%s/part-%u.ndjson", argv[4], part++);
			if ((f = fopen(path, "w")) == NULL)
				return 1;
		}
		if (s->left == 0) {
			if (s->views == 0)
				open_session(s, now);
			s->views--;
			open_view(s, now);
		}
		record(f, s, now);
	}
	return fclose(f) != 0;
}
