#include <string.h>

#include "private.h"

/* A part ends with a byte 0; one of its own is written 1 1, and 1 as 1 2: the
 * order of texts stays. */

int
sessp_key_part(struct sess_buf *out, const char *p, size_t len)
{
	size_t i;

	if (sess_buf_room(out, 2 * len + 1) < 0)
		return -1;
	if (len > 0 && memchr(p, 0, len) == NULL && memchr(p, 1, len) == NULL) {
		memcpy(out->data + out->len, p, len);
		out->len += len;
		len = 0;
	}
	for (i = 0; i < len; i++) {
		if ((unsigned char)p[i] > 1) {
			out->data[out->len++] = p[i];
			continue;
		}
		out->data[out->len++] = 1;
		out->data[out->len++] = p[i] == 0 ? 1 : 2;
	}
	out->data[out->len++] = 0;
	return 0;
}

const char *
sessp_key_next(const char *p, const char *end, struct sess_buf *out)
{
	out->len = 0;
	for (; p < end && *p != 0; p++) {
		char c = *p;

		if (c == 1) {
			if (++p == end || (*p != 1 && *p != 2))
				return NULL;
			c = (char)(*p - 1);
		}
		if (sess_buf_putc(out, c) < 0)
			return NULL;
	}
	return p < end ? p + 1 : NULL;
}

/* Behind n parts, or NULL. */
static const char *
skip(const char *p, const char *end, size_t n)
{
	for (; n > 0 && p != NULL; n--) {
		p = p < end ? memchr(p, 0, (size_t)(end - p)) : NULL;
		p = p != NULL ? p + 1 : NULL;
	}
	return p;
}

static size_t
parts_of(const struct sessp_report *r)
{
	size_t n = 0;

	while (n < SESSP_PARTS && r->key[n].of != NULL)
		n++;
	return n;
}

static size_t
measures_of(const struct sessp_report *r)
{
	size_t n = 0;

	while (r->measures != NULL && r->measures[n].name != NULL)
		n++;
	return n;
}

bool
sessp_key_read(const struct sess_stats *st, const char *key, size_t len,
    struct sessp_key_info *info)
{
	const char *p, *end = key + len;

	if (len < 2 || (unsigned char)key[0] >= st->nreports)
		return false;
	info->index = (unsigned char)key[0];
	info->report = st->reports[info->index];
	info->tally = -1;
	p = skip(key + 1, end, st->ndims);
	if (p == NULL || p == end || (*p != SESSP_TOTAL_ROW && *p != SESSP_GROUP_ROW))
		return false;
	info->dims = (struct sess_slice){ key + 1, (size_t)(p - key) - 1 };
	info->tag = (enum sessp_tag)*p++;
	info->parts = p;
	if (info->tag == SESSP_GROUP_ROW)
		p = skip(p, end, parts_of(info->report));
	if (p == NULL)
		return false;
	info->row = (size_t)(p - key);
	if (p == end)
		return true;
	info->tally = (unsigned char)*p - 1;
	info->text = (struct sess_slice){ p + 1, (size_t)(end - p) - 1 };
	return info->tag == SESSP_GROUP_ROW && info->tally >= 0 &&
	    (size_t)info->tally < measures_of(info->report) &&
	    info->report->measures[info->tally].type == SESSP_TALLY;
}
