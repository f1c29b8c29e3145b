/* format: which format it is, and a converter's life. */
#include <stdlib.h>
#include <string.h>

#include "payload.h"

#define SNIFF_MAX (256 * 1024)
#define SNIFF_RECORDS 50

/* In the order in which they are tried on a record. */
const struct sessp_format *const sessp_formats[] = {
	&sessp_combined, &sessp_common, &sessp_events, &sessp_access_json, &sessp_sls,
	&sessp_json, &sessp_keyed, &sessp_csv, &sessp_array, NULL
};
#define NFORMATS (sizeof(sessp_formats) / sizeof(*sessp_formats) - 1)

const struct sessp_format *
sessp_format_find(const char *name)
{
	size_t i;

	for (i = 0; i < NFORMATS; i++)
		if (strcmp(sessp_formats[i]->name, name) == 0)
			return sessp_formats[i];
	return NULL;
}

/* -- recognising */

static const char *
skip_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p;
}

static bool
has_bom(const char *p, size_t len)
{
	return len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0;
}

size_t
sessp_hole(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && p[n] == '\0')
		n++;
	return n < len ? n : 0;
}

bool
sessp_blank(const char *p, size_t len)
{
	if (has_bom(p, len))
		p += 3, len -= 3;
	return skip_blank(p, p + len) == p + len;
}

/* Behind the value that begins at p, or NULL where it doesn't end. */
static const char *
value_end(const char *p, const char *end)
{
	bool string = false;
	int depth = 0;

	for (; p < end; p++) {
		if (string && *p == '\\')
			p++;
		else if (*p == '"')
			string = !string;
		else if (!string && (*p == '{' || *p == '['))
			depth++;
		else if (!string && (*p == '}' || *p == ']') && --depth == 0)
			return p + 1;
	}
	return NULL;
}

/* An array of records: empty, or its first element is one. */
static bool
is_array(const char *p, const char *end)
{
	const char *last;

	if (p == end || *p != '[' || (p = skip_blank(p + 1, end)) == end)
		return false;
	if (*p == ']')
		return skip_blank(p + 1, end) == end;
	last = *p == '{' ? value_end(p, end) : NULL;
	return last != NULL && sessp_array.sniff(p, (size_t)(last - p)) > 0;
}

/* A header line and what it names. */
static bool
is_csv(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return sessp_csv.sniff(p, (size_t)((nl != NULL ? nl : end) - p)) > 0;
}

/* The lines' votes; NULL where fewer than half are anything that is known. */
static const struct sessp_format *
elect(char *p, char *end, bool whole)
{
	unsigned votes[NFORMATS] = { 0 }, judged = 0, known = 0;
	size_t len, i, skip, best = 0;
	char *nl;

	for (; p < end && judged < SNIFF_RECORDS; p = nl + 1) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL) {
			if (!whole && judged > 0)
				break;			/* cut */
			nl = end;
		}
		len = (size_t)(nl - p) - (nl > p && nl[-1] == '\r');
		if (sessp_blank(p, len))
			continue;
		skip = sessp_hole(p, len);
		p += skip;
		len -= skip;
		if (nl == end && !whole && *p == '{')
			len = sessp_json_cut(p, len);
		judged++;
		for (i = 0; i < NFORMATS; i++)
			if (sessp_formats[i]->framing == SESSP_LINES &&
			    sessp_formats[i]->sniff(p, len) > 0) {
				votes[i]++;
				known++;
				break;
			}
	}
	for (i = 1; i < NFORMATS; i++)
		if (votes[i] > votes[best])
			best = i;
	return known > 0 && known * 2 >= judged ? sessp_formats[best] : NULL;
}

const struct sessp_format *
sessp_sniff(const char *head, size_t len, bool whole)
{
	const struct sessp_format *f;
	size_t hole = sessp_hole(head, len);
	const char *start;
	char *copy, *end;

	head += hole;
	len -= hole;
	if (len > SNIFF_MAX) {
		len = SNIFF_MAX;
		whole = false;
	}
	if (has_bom(head, len))
		head += 3, len -= 3;
	if ((copy = malloc(len + SESSP_PAD)) == NULL)
		return NULL;
	memcpy(copy, head, len);
	memset(copy + len, 0, SESSP_PAD);
	end = copy + len;
	start = skip_blank(copy, end);
	if (is_array(start, end))
		f = &sessp_array;
	else if (is_csv(start, end))
		f = &sessp_csv;
	else
		f = elect(copy, end, whole);
	free(copy);
	return f;
}

const struct sessp_format *
sessp_sniff_opts(const struct sess_convert_opts *o, const char *head, size_t len, bool whole)
{
	const struct sessp_format *f;
	const char *p;

	if (o->format != NULL)
		return sessp_format_find(o->format);
	f = sessp_sniff(head, len, whole);
	if (f != NULL || o->map == NULL)
		return f;
	if (has_bom(head, len))
		head += 3, len -= 3;
	p = skip_blank(head, head + len);
	if (p < head + len && *p == '[')
		return &sessp_array;
	return p < head + len && *p == '{' ? &sessp_json : NULL;
}

/* -- a converter's life */

enum sess_status
sessp_conv_new(struct sessp_conv **cvp, const struct sess_convert_opts *o,
    struct sess_err *err)
{
	struct sessp_conv *cv = calloc(1, sizeof(*cv));
	enum sess_status st;

	*cvp = NULL;
	if (cv == NULL)
		return sess_err_nomem(err);
	cv->opts = o;
	cv->privacy = o->hash_key != NULL || o->mask_ip4 > 0 || o->mask_ip6 > 0 || o->drop_query;
	st = sessp_ua_new(&cv->ua, o->ua_regexes, err);
	if (st == SESS_OK && o->map != NULL)
		st = sessp_map_load(&cv->map, o->map, o->map_len, err);
	if (st == SESS_OK && o->geoip != NULL)
		st = sessp_geo_open(&cv->geo, o->geoip, err);
	if (st != SESS_OK) {
		sessp_conv_free(cv);
		return st;
	}
	*cvp = cv;
	return SESS_OK;
}

void
sessp_conv_release(struct sessp_conv *cv)
{
	sessp_csv_forget(cv);
	sessp_ua_free(cv->ua);
	sessp_geo_free(cv->geo);
	sessp_map_free(cv->map);
	sessp_inflate_free(cv->inflate);
	sessp_seconds_free(cv->seconds);
	sess_event_scanner_release(&cv->scanner);
	sess_buf_release(&cv->text);
	sess_buf_release(&cv->row);
	sess_buf_release(&cv->src_text);
	sessp_arena_release(&cv->arena);
	free(cv->fields);
}

void
sessp_conv_free(struct sessp_conv *cv)
{
	if (cv != NULL)
		sessp_conv_release(cv);
	free(cv);
}

enum sess_status
sessp_conv_header(struct sessp_conv *cv, const char *p, size_t len, struct sess_err *err)
{
	sessp_arena_reset(&cv->arena);
	if (has_bom(p, len))
		p += 3, len -= 3;
	if (!sessp_csv_header(cv, p, len)) {
		sessp_fail(cv);
		return sess_err_nomem(err);
	}
	return SESS_OK;
}

/* Nothing is left of the record before. */
static void
start(struct sessp_conv *cv, const char *name, uint64_t line, sess_event_fn *sink, void *arg)
{
	sessp_arena_reset(&cv->arena);
	cv->name = name;
	cv->line = line;
	cv->sink = sink;
	cv->sink_arg = arg;
	cv->index = 0;
	cv->identity = 0;
	cv->has_identity = cv->timeless = false;
	cv->src = (struct sess_slice){ NULL, 0 };
	cv->outer = SESS_NO_TIME;
	cv->depth = 0;
}

enum sessp_verdict
sessp_convert(struct sessp_conv *cv, const struct sessp_format *f, const char *name,
    uint64_t line, const char *p, size_t len, sess_event_fn *sink, void *arg,
    struct sess_err *err)
{
	uint64_t before = cv->events;
	enum sessp_verdict v;
	size_t skip = has_bom(p, len) ? 3 : sessp_hole(p, len);

	p += skip;
	len -= skip;
	if (len > 0 && p[len - 1] == '\r')
		len--;
	if (len == 0 || ((unsigned char)*p <= ' ' && sessp_blank(p, len)))
		return SESSP_IGNORED;
	start(cv, name, line, sink, arg);
	v = f->convert(cv, p, len, err);
	if (cv->nomem)
		sess_err_nomem(err);
	if (cv->timeless && v == SESSP_CONVERTED) {
		sess_err_set(err, SESS_EFORMAT, line, "an event without a time");
		v = SESSP_REJECTED;
	}
	if (v != SESSP_REJECTED)
		return v;
	if (cv->events > before)
		return SESSP_PARTIAL;
	sess_err_set(err, SESS_EFORMAT, line, "not a record of %s", f->name);
	if (err != NULL && err->line == 0)
		err->line = line;
	return v;
}
