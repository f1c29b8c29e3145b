#include <stdio.h>

#include "private.h"
#include "sess/when.h"

static int64_t
floor_to(int64_t t, int64_t step)
{
	return t - (t % step + step) % step;
}

/* The beginning of the step of local time that t is in, ms. */
static int64_t
local_floor(const struct sess_stats *st, int64_t t, int64_t step, int64_t *offset)
{
	*offset = sessp_zone_offset(st->zone, floor_to(t, 1000) / 1000) * 1000;
	return floor_to(t + *offset, step);
}

/* A local time as far as it goes, with its zone: 2026-11-23T21:00+08:00. */
static int
put_local(struct sess_buf *out, int64_t local, int64_t offset, int len)
{
	char when[SESS_WHEN_LEN];
	long long minutes = (offset < 0 ? -offset : offset) / 60000;

	sess_when_format(local, when);
	return sess_buf_printf(out, "%.*s%c%02lld:%02lld", len, when, offset < 0 ? '-' : '+',
	    minutes / 60, minutes % 60) < 0 ? -1 : 1;
}

static int
hour(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sess_buf *out)
{
	int64_t offset, local = local_floor(st, o->when, 3600000, &offset);

	(void)arg;
	return put_local(out, local, offset, 16);
}

static int
day(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sess_buf *out)
{
	int64_t offset, local = local_floor(st, o->when, 86400000, &offset);

	(void)arg;
	return put_local(out, local, offset, 10);
}

/* --interval: steps of local time, as a moment. */
static int
interval(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sess_buf *out)
{
	int64_t offset, local = local_floor(st, o->when, st->o.interval, &offset);
	char when[SESS_WHEN_LEN];

	(void)arg;
	sess_when_format(local - offset, when);
	return sess_buf_add(out, when, sizeof(when)) < 0 ? -1 : 1;
}

#define FACT(KEY, name) { name, "by_" name, SESS_T_STR, SESS_K_##KEY, NULL, sessp_key_fact, SESS_K_##KEY }

const struct sessp_dimension sessp_dimensions[] = {
	FACT(BROWSER, "browser"), FACT(BROWSER_VERSION, "browser_version"), FACT(OS, "os"),
	FACT(DEVICE, "device"), FACT(COUNTRY, "country"), FACT(REGION, "region"),
	FACT(CITY, "city"), FACT(ISP, "isp"), FACT(NETWORK, "network"),
	FACT(RELEASE, "release"), FACT(ENVIRONMENT, "environment"), FACT(APP_ID, "app_id"),
	FACT(PAGE, "page"),
	{ "hour", "by_hour", SESS_T_STR, SESS_K_V, "hour of local time, with its offset", hour, 0 },
	{ "day", "by_day", SESS_T_STR, SESS_K_V, "day of local time, with its offset", day, 0 },
	{ "time", "by_time", SESS_T_TIME, SESS_K_V, "beginning of the interval", interval, 0 },
	{ NULL, NULL, SESS_T_STR, SESS_K_V, NULL, NULL, 0 }
};
