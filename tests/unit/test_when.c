#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "alloc.h"
#include "sess/when.h"

#define BAD INT64_MIN
#define NOW INT64_C(1795468317120)	/* 2026-11-23T21:11:57.120Z */

typedef int parser(const char *, size_t, int64_t *);

static int64_t
parsed(parser *parse, const char *s)
{
	int64_t ms = 7;

	if (parse(s, strlen(s), &ms) < 0) {
		assert_int_equal(ms, 7);
		return BAD;
	}
	return ms;
}

static void
moments_are_written_as_rfc3339_with_milliseconds(void **state)
{
	static const struct { int64_t ms; const char *text; } t[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ NOW, "2026-11-23T21:11:57.120Z" },
		{ INT64_C(951782400000), "2000-02-29T00:00:00.000Z" },
		{ INT64_C(-62135596800000), "0001-01-01T00:00:00.000Z" },
		{ INT64_C(253402300799999), "9999-12-31T23:59:59.999Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
		{ INT64_MIN, "0001-01-01T00:00:00.000Z" },
	};
	char out[SESS_WHEN_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(*t); i++) {
		sess_when_format(t[i].ms, out);
		assert_memory_equal(out, t[i].text, SESS_WHEN_LEN);
	}
}

/* All of an era's days, and some of each year before and behind it. */
static void
each_day_is_written_as_itself(void **state)
{
	const int64_t day = 86400000;
	char out[SESS_WHEN_LEN];
	int64_t ms, back, from = INT64_C(946684800000), to = from + 146097 * day;

	(void)state;
	for (ms = INT64_C(-62135596800000); ms <= INT64_C(253402300799999);
	    ms += ms >= from && ms < to ? day : 97 * day) {
		sess_when_format(ms, out);
		assert_int_equal(sess_when_rfc3339(out, SESS_WHEN_LEN, &back), 0);
		assert_int_equal(back, ms);
	}
}

static void
what_is_written_reads_as_the_same_moment(void **state)
{
	char out[SESS_WHEN_LEN];
	int64_t ms, back;

	(void)state;
	for (ms = INT64_C(-62135596800000); ms <= INT64_C(253402300799999);
	    ms += INT64_C(86399999) * 17) {
		sess_when_format(ms, out);
		assert_int_equal(sess_when_rfc3339(out, sizeof(out), &back), 0);
		assert_int_equal(back, ms);
	}
}

static void
rfc3339_is_read_with_any_zone_and_fraction(void **state)
{
	static const struct { const char *text; int64_t ms; } t[] = {
		{ "2026-11-23T21:11:57.120Z", NOW }, { "2026-11-23t21:11:57.12z", NOW },
		{ "2026-11-23 21:11:57.120999999Z", NOW }, { "2026-11-23T21:11:57,120Z", NOW },
		{ "2026-11-23T22:11:57.120+01:00", NOW }, { "2026-11-24T05:11:57.120+0800", NOW },
		{ "2026-11-23T15:41:57.120-05:30", NOW }, { "2026-11-23 21:11:57.120 +0000", NOW },
		{ "2026-11-23T21:11:57.120", NOW }, { "2026-11-23T23:11:57.120+02", NOW },
		{ "2026-11-23T21:11Z", NOW - 57120 }, { "2026-11-23", INT64_C(1795392000000) },
		{ "2016-12-31T23:59:60Z", INT64_C(1483228800000) },
		{ "2024-02-29T00:00:00Z", INT64_C(1709164800000) },
		{ "1969-12-31T23:59:59.5Z", -500 },
		{ "2026-02-29T00:00:00Z", BAD }, { "1900-02-29", BAD }, { "2026-13-01", BAD },
		{ "2026-00-01", BAD }, { "2026-04-31", BAD }, { "2026-11-23T24:00:00Z", BAD },
		{ "2026-11-23T21:60:00Z", BAD }, { "2026-11-23T21:11:61Z", BAD },
		{ "2026-11-23T21:11:57.Z", BAD }, { "2026-11-23T21:11:57+1", BAD },
		{ "2026-11-23T21:11:57+24:00", BAD }, { "2026-11-23T21", BAD },
		{ "2026-11-23T21:11:57Zx", BAD }, { "0000-01-01", BAD }, { "2026-1-23", BAD },
		{ "0001-01-01T00:00:00+01:00", BAD }, { "9999-12-31T23:59:59-01:00", BAD },
		{ "+026-11-23", BAD }, { "", BAD }, { "2026", BAD }, { "2026-11-23T", BAD },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(*t); i++)
		assert_int_equal(parsed(sess_when_rfc3339, t[i].text), t[i].ms);
}

static void
epochs_are_told_apart_by_magnitude(void **state)
{
	static const struct { const char *text; int64_t ms; } t[] = {
		{ "1795468317", NOW - 120 }, { "1795468317.12", NOW },
		{ "1795468317120", NOW }, { "1795468317120.9", NOW },
		{ "1795468317120999", NOW }, { "1795468317120999999", NOW },
		{ "0", 0 }, { "99999999999", INT64_C(99999999999000) },
		{ "100000000000", INT64_C(100000000000) },
		{ "-1", BAD }, { "", BAD }, { "1.", BAD }, { ".5", BAD }, { "1e9", BAD },
		{ "99999999999999999999999", BAD }, { "9223372036854775807", INT64_C(9223372036854) },
		{ "1795468317x", BAD }, { " 1", BAD },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(*t); i++)
		assert_int_equal(parsed(sess_when_epoch, t[i].text), t[i].ms);
}

static void
the_time_of_a_common_log_line_is_read(void **state)
{
	static const struct { const char *text; int64_t ms; } t[] = {
		{ "23/Nov/2026:21:11:57 +0000", NOW - 120 },
		{ "24/Nov/2026:05:11:57 +0800", NOW - 120 },
		{ "23/Nov/2026:17:41:57 -0330", NOW - 120 },
		{ "23/nov/2026:21:11:57 +0000", BAD }, { "32/Nov/2026:21:11:57 +0000", BAD },
		{ "23/Nov/2026:21:11:57 0000", BAD }, { "23/Nov/2026:21:11:57", BAD },
		{ "23/Nov/2026:21:11:57 +00:0", BAD }, { "23/ovD/2026:21:11:57 +0000", BAD },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(*t); i++)
		assert_int_equal(parsed(sess_when_clf, t[i].text), t[i].ms);
}

static void
any_takes_all_three(void **state)
{
	(void)state;
	assert_int_equal(parsed(sess_when_any, "2026-11-23T21:11:57.120Z"), NOW);
	assert_int_equal(parsed(sess_when_any, "23/Nov/2026:21:11:57 +0000"), NOW - 120);
	assert_int_equal(parsed(sess_when_any, "1795468317.120"), NOW);
	assert_int_equal(parsed(sess_when_any, "yesterday"), BAD);
}

static void
durations_are_sums_of_units(void **state)
{
	static const struct { const char *text; int64_t ms; } t[] = {
		{ "250ms", 250 }, { "90", 90000 }, { "90s", 90000 }, { "30m", 1800000 },
		{ "2h", 7200000 }, { "7d", 604800000 }, { "1h30m", 5400000 }, { "0", 0 },
		{ "1m1ms", 60001 }, { "", BAD }, { "h", BAD }, { "-1h", BAD }, { "1h30", BAD },
		{ "1w", BAD }, { "1 h", BAD }, { "1.5h", BAD }, { "99999999999999999999d", BAD },
		{ "9999999999d", BAD }, { "9999999999999999", BAD },
	};
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(*t); i++) {
		ms = BAD;
		assert_int_equal(sess_when_duration(t[i].text, &ms), t[i].ms == BAD ? -1 : 0);
		assert_int_equal(ms, t[i].ms);
	}
}

static void
assert_parse(const char *s, const char *tz, const char *want)
{
	struct sess_err err = { 0 };
	char out[SESS_WHEN_LEN];
	int64_t ms;

	assert_int_equal(sess_when_parse(s, NOW, tz, &ms, &err), SESS_OK);
	sess_when_format(ms, out);
	if (memcmp(out, want, SESS_WHEN_LEN) != 0)
		fail_msg("%s in %s is %.24s, not %s", s, tz, out, want);
}

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static void
since_takes_times_durations_and_words(void **state)
{
	(void)state;
	assert_parse("now", "UTC0", "2026-11-23T21:11:57.120Z");
	assert_parse("2h", "UTC0", "2026-11-23T19:11:57.120Z");
	assert_parse("-2h", "UTC0", "2026-11-23T19:11:57.120Z");
	assert_parse("90", "UTC0", "2026-11-23T21:10:27.120Z");
	assert_parse("1795468317", "UTC0", "2026-11-23T21:11:57.000Z");
	assert_parse("23/Nov/2026:21:11:57 +0100", "UTC0", "2026-11-23T20:11:57.000Z");
	assert_parse("today", "UTC0", "2026-11-23T00:00:00.000Z");
	assert_parse("yesterday", "UTC0", "2026-11-22T00:00:00.000Z");
	assert_parse("today", "CST-8", "2026-11-23T16:00:00.000Z");
	assert_parse("yesterday", BERLIN, "2026-11-21T23:00:00.000Z");
	assert_parse("2026-11-23T20:00Z", BERLIN, "2026-11-23T20:00:00.000Z");
	assert_parse("2026-11-23T20:00", BERLIN, "2026-11-23T19:00:00.000Z");
	assert_parse("2026-07-01", BERLIN, "2026-06-30T22:00:00.000Z");
	assert_parse("999999d", "UTC0", "0001-01-01T00:00:00.000Z");
}

static void
what_is_no_time_is_said_to_be_none(void **state)
{
	static const char *const bad[] = { "", "tomorrow", "1x", "2026-99-99", "nowish",
	    "-", "--2h", "a text that is much longer than any time that there is" };
	struct sess_err err;
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err = (struct sess_err){ 0 };
		assert_int_equal(sess_when_parse(bad[i], NOW, "UTC0", &ms, &err), SESS_EFORMAT);
		assert_int_equal(strncmp(err.text, "bad time '", 10), 0);
		assert_non_null(strstr(err.text, ": it is none like 2026-11-23T20:00Z, "));
		assert_non_null(strstr(err.text, "today or yesterday"));
	}
	err = (struct sess_err){ 0 };
	assert_int_equal(sess_when_parse("today", NOW, "Mars/Olympus", &ms, &err), SESS_EFORMAT);
	assert_string_equal(err.text, "unknown time zone 'Mars/Olympus'");
	assert_int_equal(sess_when_parse("today", NOW, "../../etc/passwd", &ms, NULL), SESS_EFORMAT);
	assert_int_equal(sess_when_parse("today", NOW, "/dev/null", &ms, NULL), SESS_EFORMAT);
}

static void
local_times_follow_summer_time(void **state)
{
	/* the clocks of Berlin skip 02:00-03:00 and show 02:00-03:00 twice */
	(void)state;
	assert_parse("2026-03-29T01:59:59", BERLIN, "2026-03-29T00:59:59.000Z");
	assert_parse("2026-03-29T02:30:00", BERLIN, "2026-03-29T01:30:00.000Z");
	assert_parse("2026-03-29T03:00:00", BERLIN, "2026-03-29T01:00:00.000Z");
	assert_parse("2026-10-25T02:30:00", BERLIN, "2026-10-25T00:30:00.000Z");
	assert_parse("2026-10-25T03:00:00", BERLIN, "2026-10-25T02:00:00.000Z");
	/* the southern summer spans the new year */
	assert_parse("2026-01-15T12:00:00", "NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-01-14T23:00:00.000Z");
	assert_parse("2026-07-15T12:00:00", "NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-07-15T00:00:00.000Z");
	assert_parse("2026-07-15T12:00:00", "<+0330>-3:30", "2026-07-15T08:30:00.000Z");
	assert_parse("2026-07-15T12:00:00", "EST5EDT", "2026-07-15T16:00:00.000Z");
	/* days of the year, with and without the leap day */
	assert_parse("2024-02-29T12:00:00", "AAA0BBB,J60/0,J90/0", "2024-02-29T12:00:00.000Z");
	assert_parse("2024-03-01T12:00:00", "AAA0BBB,J60/0,J90/0", "2024-03-01T11:00:00.000Z");
	assert_parse("2024-02-28T12:00:00", "AAA0BBB,59/0,90/0", "2024-02-28T12:00:00.000Z");
	assert_parse("2024-02-29T12:00:00", "AAA0BBB,59/0,90/0", "2024-02-29T11:00:00.000Z");
}

static void
zones_of_the_database_agree_with_libc(void **state)
{
	static const char *const zones[] = { "Europe/Berlin", "America/New_York",
		"Asia/Shanghai", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia",
		"Africa/Casablanca", "Asia/Kolkata", "Europe/Dublin", "UTC", ":Asia/Tokyo" };
	char own[41], named[41];
	int64_t t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
		if (sess_when_parse("today", NOW, zones[i], &t, NULL) < 0)
			continue;	/* a system without that zone */
		assert_int_equal(setenv("TZ", zones[i], 1), 0);
		tzset();
		for (t = INT64_C(-3000000000000); t < INT64_C(5000000000000); t += INT64_C(3456789012)) {
			sess_when_local(t, NULL, own);
			sess_when_local(t, zones[i], named);
			assert_string_equal(named, own);
		}
	}
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

static void
local_text_shows_its_offset(void **state)
{
	char out[41];

	(void)state;
	assert_int_equal(sess_when_local(NOW, "UTC0", out), 29);
	assert_string_equal(out, "2026-11-23 21:11:57.120 +0000");
	sess_when_local(NOW, "CST-8", out);
	assert_string_equal(out, "2026-11-24 05:11:57.120 +0800");
	sess_when_local(NOW, "NST3:30", out);
	assert_string_equal(out, "2026-11-23 17:41:57.120 -0330");
	sess_when_local(-1, "UTC0", out);
	assert_string_equal(out, "1969-12-31 23:59:59.999 +0000");
	sess_when_local(NOW, "no such zone", out);
	assert_string_equal(out, "2026-11-23 21:11:57.120 +0000");
}

static void
running_out_of_memory_is_an_error(void **state)
{
	struct sess_err err;
	int64_t ms;
	long n;

	(void)state;
	for (n = 0; ; n++) {
		err = (struct sess_err){ 0 };
		alloc_fail_at(n);
		if (sess_when_parse("today", NOW, "UTC0", &ms, &err) == SESS_OK)
			break;
		assert_int_equal(err.code, SESS_ENOMEM);
	}
	alloc_fail_at(-1);
	assert_int_equal(n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_are_written_as_rfc3339_with_milliseconds),
		cmocka_unit_test(each_day_is_written_as_itself),
		cmocka_unit_test(what_is_written_reads_as_the_same_moment),
		cmocka_unit_test(rfc3339_is_read_with_any_zone_and_fraction),
		cmocka_unit_test(epochs_are_told_apart_by_magnitude),
		cmocka_unit_test(the_time_of_a_common_log_line_is_read),
		cmocka_unit_test(any_takes_all_three),
		cmocka_unit_test(durations_are_sums_of_units),
		cmocka_unit_test(since_takes_times_durations_and_words),
		cmocka_unit_test(what_is_no_time_is_said_to_be_none),
		cmocka_unit_test(local_times_follow_summer_time),
		cmocka_unit_test(zones_of_the_database_agree_with_libc),
		cmocka_unit_test(local_text_shows_its_offset),
		cmocka_unit_test(running_out_of_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
