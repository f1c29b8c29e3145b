/*
 * States from a stranger: the first byte tells the measure, then come two
 * lines, a state each.  What is read is written and read again as the same
 * bytes, says something in range, and merges either way to the same.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/stats/measure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
read_state(enum sessp_measure_type type, union sessp_state *s, const char *p, size_t len)
{
	json_t *json = json_loadb(p, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	struct sess_err err = { .code = SESS_OK };
	enum sess_status st = SESS_EFORMAT;

	sessp_state_init(type, s);
	if (json != NULL) {
		st = sessp_state_read(type, s, json, &err);
		assert(st == err.code && (st == SESS_OK || st == SESS_EFORMAT));
		assert(st == SESS_OK || err.text[0] != '\0');
	}
	json_decref(json);
	return st == SESS_OK;
}

static void
says_the_same(enum sessp_measure_type type, const union sessp_state *a,
    const union sessp_state *b)
{
	struct sess_buf one = { 0 }, other = { 0 };

	assert(sessp_state_write(type, a, &one) == 0 && sessp_state_write(type, b, &other) == 0);
	assert(one.len == other.len && memcmp(one.data, other.data, one.len) == 0);
	sess_buf_release(&one);
	sess_buf_release(&other);
}

static void
again(enum sessp_measure_type type, const union sessp_state *s)
{
	union sessp_state copy;
	struct sess_buf text = { 0 };

	assert(sessp_state_write(type, s, &text) == 0);
	assert(read_state(type, &copy, text.data, text.len));
	says_the_same(type, s, &copy);
	sessp_state_release(type, &copy);
	sess_buf_release(&text);
}

static void
in_range(enum sessp_measure_type type, const union sessp_state *s)
{
	static const double q[] = { 0.000001, 0.5, 0.75, 0.99, 1 };
	struct sess_slice text;
	bool estimated = false;
	double value, before = 0;
	size_t i = 0;

	if (type == SESSP_DISTINCT && s->p != NULL) {
		assert(sessp_state_distinct(s, &estimated) > (estimated ? SESSP_EXACT_DISTINCT : 0));
	} else if (type == SESSP_SKETCH && s->p != NULL) {
		assert(sessp_state_samples(s) > 0 && sessp_state_samples(s) <= INT64_MAX);
		for (; i < sizeof(q) / sizeof(q[0]); i++, before = value) {
			value = sessp_state_quantile(s, q[i]);
			assert(isfinite(value) && value >= before);
		}
	} else if (type == SESSP_SAMPLES_OF) {
		while (sessp_state_sample(s, i, &text))
			i++;
		assert(i <= SESSP_SAMPLES && (i > 0) == (s->p != NULL));
	} else if (type == SESSP_COUNT) {
		assert(s->n >= 0);
	}
}

/* To a merged with b. */
static void
merge(enum sessp_measure_type type, const union sessp_state *a, const union sessp_state *b,
    union sessp_state *to)
{
	sessp_state_init(type, to);
	assert(sessp_state_merge(type, to, a) == 0);
	says_the_same(type, to, a);
	assert(sessp_state_merge(type, to, b) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum sessp_measure_type type = size > 0 ? data[0] % SESSP_TALLY : SESSP_COUNT;
	const char *p = (const char *)data + 1, *line;
	union sessp_state a, b, ab, ba;

	if (size == 0 || (line = memchr(p, '\n', size - 1)) == NULL)
		return 0;
	if (read_state(type, &a, p, (size_t)(line - p))) {
		again(type, &a);
		in_range(type, &a);
		if (read_state(type, &b, line + 1, size - 2 - (size_t)(line - p))) {
			merge(type, &a, &b, &ab);
			merge(type, &b, &a, &ba);
			says_the_same(type, &ab, &ba);
			in_range(type, &ab);
			again(type, &ab);
			sessp_state_release(type, &ab);
			sessp_state_release(type, &ba);
		}
		sessp_state_release(type, &b);
	}
	sessp_state_release(type, &a);
	return 0;
}
