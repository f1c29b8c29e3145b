/*
 * fuzz_when: any text as a time, a duration, a zone.  What is read as a moment
 * is one of the years 1 to 9999, and written it reads as the same again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sess/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
same_again(int64_t ms)
{
	char text[SESS_WHEN_LEN];
	int64_t back;

	sess_when_format(ms, text);
	assert(sess_when_rfc3339(text, sizeof(text), &back) == 0 && back == ms);
	assert(sess_when_any(text, sizeof(text), &back) == 0 && back == ms);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *p = (const char *)data;
	char local[41], *s, *zone;
	int64_t ms;

	if (sess_when_rfc3339(p, len, &ms) == 0)
		same_again(ms);
	if (sess_when_clf(p, len, &ms) == 0)
		same_again(ms);
	if (sess_when_epoch(p, len, &ms) == 0)
		same_again(ms);
	s = malloc(len + 1);
	assert(s != NULL);
	memcpy(s, data, len);
	s[len] = '\0';
	if (sess_when_duration(s, &ms) == 0)
		assert(ms >= 0);
	/* the same text as a time, and, behind a newline, as its zone */
	zone = strchr(s, '\n');
	if (zone != NULL)
		*zone++ = '\0';
	else
		zone = s;
	(void)sess_when_parse(s, INT64_C(1795468317120), zone, &ms, NULL);
	if (sess_when_parse("2026-07-01", 0, zone, &ms, NULL) == SESS_OK)
		assert(sess_when_local(ms, zone, local) <= 40);
	free(s);
	return 0;
}
