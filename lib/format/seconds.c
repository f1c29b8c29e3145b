/* seconds: equal access-log lines of one second are told apart by their count. */
#include <stdlib.h>
#include <string.h>

#include "payload.h"

struct sessp_seconds {
	int64_t second;
	uint64_t *hash;			/* open addressing; 0: empty */
	uint32_t *count;
	size_t size, used;
};

void
sessp_seconds_free(struct sessp_seconds *s)
{
	if (s != NULL) {
		free(s->hash);
		free(s->count);
		free(s);
	}
}

static void
forget(struct sessp_seconds *s)
{
	if (s->used > 0)
		memset(s->hash, 0, s->size * sizeof(*s->hash));
	s->used = 0;
}

static size_t
slot_of(const struct sessp_seconds *s, uint64_t hash)
{
	size_t i = (size_t)(hash & (s->size - 1));

	while (s->hash[i] != 0 && s->hash[i] != hash)
		i = (i + 1) & (s->size - 1);
	return i;
}

static bool
grow(struct sessp_seconds *s)
{
	struct sessp_seconds old = *s;
	size_t i, k;

	s->size = old.size > 0 ? old.size * 2 : 256;
	s->hash = calloc(s->size, sizeof(*s->hash));
	s->count = calloc(s->size, sizeof(*s->count));
	if (s->hash == NULL || s->count == NULL) {
		free(s->hash);
		free(s->count);
		*s = old;
		return false;
	}
	for (i = 0; i < old.size; i++)
		if (old.hash[i] != 0) {
			k = slot_of(s, old.hash[i]);
			s->hash[k] = old.hash[i];
			s->count[k] = old.count[i];
		}
	free(old.hash);
	free(old.count);
	return true;
}

uint64_t
sessp_seconds_id(struct sessp_conv *cv, uint64_t hash, int64_t received)
{
	struct sessp_seconds *s = cv->seconds;
	int64_t second = received == SESS_NO_TIME ? 0 : received / 1000;
	size_t i;

	if (s == NULL && (s = cv->seconds = calloc(1, sizeof(*s))) == NULL) {
		sessp_fail(cv);
		return hash;
	}
	if (second != s->second) {
		forget(s);
		s->second = second;
	}
	if (s->used * 2 >= s->size && !grow(s)) {
		sessp_fail(cv);
		return hash;
	}
	hash |= hash == 0;
	i = slot_of(s, hash);
	if (s->hash[i] == 0) {
		s->hash[i] = hash;
		s->count[i] = 0;
		s->used++;
	}
	return sessp_mix(hash, 0x9e3779b97f4a7c15u + s->count[i]++);
}

/* The second of a line, or SESS_NO_TIME where it is no request. */
static int64_t
second_of(struct sessp_conv *cv, const struct sessp_format *f, const char *p, size_t len)
{
	struct sess_slice s;
	int64_t ms;

	if (f == &sessp_combined || f == &sessp_common) {
		s = sessp_combined_second(p, len);
		if (s.p == NULL || sess_when_any(s.p, s.len, &ms) < 0)
			return SESS_NO_TIME;
		return ms / 1000;
	}
	cv->second = SESS_NO_TIME;
	len -= len > 0 && p[len - 1] == '\n';
	(void)sessp_convert(cv, f, "", 0, p, len, NULL, NULL, NULL);
	return cv->second;
}

/* Of CSV a row that spans lines ends the run: it is in pieces here. */
size_t
sessp_tail(const struct sessp_format *f, const char *header, size_t header_len,
    const char *p, size_t len)
{
	static const struct sess_convert_opts plain = { .format = NULL };
	struct sessp_conv cv = { .opts = &plain, .counting = true };
	int64_t last = SESS_NO_TIME, second;
	size_t end = len, from;
	const char *nl;

	if (f == &sessp_events)
		return len;
	if (header != NULL && sessp_conv_header(&cv, header, header_len, NULL) < 0)
		end = 0;
	for (; end > 0; end = from) {
		nl = memrchr(p, '\n', end - 1);
		from = nl != NULL ? (size_t)(nl - p) + 1 : 0;
		second = second_of(&cv, f, p + from, end - from);
		if (end == len)
			last = second;
		if (second == SESS_NO_TIME || second != last)
			break;
	}
	if (cv.failed)
		end = len;
	sessp_conv_release(&cv);
	return end;
}

/* Count the lines of a plain log without taking them apart: all are of one
 * second, and those that are no plain requests are never asked for. */
static void
count_lines(struct sessp_conv *cv, const char *p, size_t len)
{
	struct sess_slice s = sessp_combined_second(p, len);
	const char *end = p + len, *nl;
	int64_t ms;

	if (s.p == NULL || sess_when_any(s.p, s.len, &ms) < 0)
		return;
	for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL; p = nl + 1) {
		p += sessp_hole(p, (size_t)(nl - p));
		(void)sessp_seconds_id(cv, sessp_line_hash(p, (size_t)(nl - p) -
		    (nl > p && nl[-1] == '\r')), ms);
	}
}

void
sessp_conv_seconds(struct sessp_conv *cv, const struct sessp_format *f, const char *p,
    size_t len)
{
	const char *end = p + len, *nl;

	if (cv->seconds != NULL)
		forget(cv->seconds);
	if (f == &sessp_combined || f == &sessp_common) {
		count_lines(cv, p, len);
		return;
	}
	cv->counting = true;
	for (; p < end && !cv->failed; p = nl + 1) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			break;
		(void)sessp_convert(cv, f, "", 0, p, (size_t)(nl - p), NULL, NULL, NULL);
	}
	cv->counting = false;
}
