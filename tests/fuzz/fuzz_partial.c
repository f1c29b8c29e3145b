/*
 * Partials that strangers wrote: refused, or merged to rows that are JSON and
 * to a partial that reads as itself.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>

#include "sess/report.h"
#include "sess/stats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
keep(void *arg, const char *line, size_t len)
{
	return sess_buf_add(arg, line, len);
}

/* Take what is a line of a partial; the first one that isn't ends it. */
static struct sess_stats *
merge(const char *p, size_t len)
{
	const char *end = p + len, *next;
	struct sess_stats_opts o;
	struct sess_stats *st = NULL;
	struct sess_err err = { 0 };

	sess_stats_opts_init(&o);
	for (; p < end; p = next) {
		next = memchr(p, '\n', (size_t)(end - p));
		next = next != NULL ? next + 1 : end;
		if (st == NULL && sess_stats_like(&st, p, (size_t)(next - p), &o, &err) < 0)
			return NULL;
		if (sess_stats_merge(st, p, (size_t)(next - p), &err) < 0)
			break;
	}
	return st;
}

static void
rows(struct sess_stats *st)
{
	struct sess_report_opts o = { .format = SESS_REPORT_NDJSON };
	const struct sess_stats_table *t;
	const struct sess_stats_row *row;
	struct sess_buf out = { 0 };
	struct sess_report *r;
	json_t *json;

	assert(sess_report_new(&r, &o, NULL) == SESS_OK);
	while (sess_stats_next(st, &t, &row, NULL) == SESS_OK) {
		out.len = 0;
		assert(sess_report_row(r, t, row, &out, NULL) == SESS_OK);
		if (row == NULL)
			continue;
		json = json_loadb(out.data, out.len, JSON_ALLOW_NUL, NULL);
		assert(json_is_object(json));
		json_decref(json);
	}
	sess_report_free(r);
	sess_buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sess_buf once = { 0 }, twice = { 0 };
	struct sess_stats *st = merge((const char *)data, size);

	if (st == NULL)
		return 0;
	assert(sess_stats_partial(st, keep, &once, NULL) == SESS_OK);
	sess_stats_free(st);
	st = merge(once.data, once.len);
	assert(st != NULL);
	assert(sess_stats_partial(st, keep, &twice, NULL) == SESS_OK);
	sess_stats_free(st);
	assert(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	st = merge(once.data, once.len);
	rows(st);
	sess_stats_free(st);
	sess_buf_release(&once);
	sess_buf_release(&twice);
	return 0;
}
