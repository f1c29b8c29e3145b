/* Where an event stands in the store. */
#include <xxhash.h>

#include "../session/private.h"
#include "private.h"
#include "sess/group.h"

#define DAY_MS (24 * 3600 * (int64_t)1000)

int32_t
sessp_day(int64_t ms)
{
	return (int32_t)(ms / DAY_MS - (ms % DAY_MS < 0));
}

uint64_t
sessp_row_hash(struct sess_slice id)
{
	return XXH3_64bits(id.p, id.len);
}

/* Where the value of src begins in a line as our writer has it, with src as the
 * last key; len where it isn't such a line.  A quote inside a text has a
 * backslash before it, so that what is found is a key. */
static size_t
src_value(const char *line, size_t len)
{
	static const char key[] = ",\"src\":\"";
	const size_t n = sizeof(key) - 1;
	size_t i, end;

	if (len < n + 2 || memcmp(line + len - 2, "\"}", 2) != 0)
		return len;
	for (i = len - 2 - n; i > 0 && memcmp(line + i, key, n) != 0; i--)
		;
	if (i == 0)
		return len;
	for (end = i + n; end < len && line[end] != '"'; end += line[end] == '\\' ? 2 : 1)
		;
	return end == len - 2 ? i + n : len;
}

static void
put32(char *p, uint32_t n)
{
	n = htobe32(n);
	memcpy(p, &n, sizeof(n));
}

void
sessp_place(const struct sess_event *ev, const char *line, size_t len,
    char place[SESSP_PLACE_LEN])
{
	char name[SESS_GROUP_NAME];
	int64_t when = ev->time != SESS_NO_TIME ? ev->time : ev->received;

	put32(place + SESSP_PLACE_DAY, (uint32_t)sessp_day(sessp_ranged(ev)) + 0x80000000u);
	sessp_put64(place + SESSP_PLACE_ROW, sessp_row_hash(sess_event_group(ev, name)));
	sessp_put64s(place + SESSP_PLACE_WHEN, when);
	place[SESSP_PLACE_KIND] = (char)ev->kind;
	sessp_put64(place + SESSP_PLACE_ID, ev->id);
	/* where an event was read is not part of what it is */
	sessp_put64(place + SESSP_PLACE_CONTENT, XXH3_64bits(line, src_value(line, len)));
}
