/* csv: rows as RFC 4180 has them, with a header: exports of a log service. */
#include <stdlib.h>
#include <string.h>

#include "payload.h"

/* One column, decoded to out; *p is left at its comma or the end.  Text behind
 * a closing quote is kept as it is.  *open where there is no closing quote. */
static size_t
column(const char **p, const char *end, char *out, bool *open)
{
	const char *q = *p;
	bool quoted = q < end && *q == '"';
	size_t n = 0;

	for (q += quoted; q < end && (quoted || *q != ','); q++) {
		if (quoted && *q == '"') {
			if (end - q == 1 || q[1] != '"') {
				quoted = false;
				continue;
			}
			q++;
		}
		out[n++] = *q;
	}
	*p = q;
	*open = quoted;
	return n;
}

const char *
sessp_csv_end(const char *p, const char *end, bool final)
{
	const char *q = p, *nl;

	for (;;) {
		if (q < end && *q == '"') {
			q++;
			while ((q = memchr(q, '"', (size_t)(end - q))) != NULL &&
			    end - q > 1 && q[1] == '"')
				q += 2;
			if ((q == NULL || ++q == end) && !final)
				return NULL;
			if (q == NULL || (q < end && *q != ',' && *q != '\r' && *q != '\n'))
				break;
		}
		while (q < end && *q != ',' && *q != '\n')
			q++;
		if (q == end)
			return final ? end : NULL;
		if (*q++ == '\n')
			return q - 1;
	}
	nl = memchr(p, '\n', (size_t)(end - p));
	return nl != NULL || !final ? nl : end;
}

bool
sessp_csv_split(struct sessp_conv *cv, const char *p, size_t len,
    struct sess_slice **columns, size_t *n)
{
	const char *end = p + len;
	struct sess_slice *v;
	size_t i, most = 1;
	bool open = false;
	char *out;

	while (end > p && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	for (i = 0; i < (size_t)(end - p); i++)
		most += p[i] == ',';
	v = sessp_arena_get(&cv->arena, most * sizeof(*v));
	out = sessp_arena_get(&cv->arena, len + 1);
	if (v == NULL || out == NULL) {
		sessp_fail(cv);
		return false;
	}
	for (*n = 0; ; p++) {
		i = column(&p, end, out, &open);
		v[(*n)++] = (struct sess_slice){ out, i };
		out += i;
		if (p >= end)
			break;
	}
	*columns = v;
	if (open)
		*n = 0;
	return true;
}

/* -- the header */

void
sessp_csv_forget(struct sessp_conv *cv)
{
	while (cv->ncsv > 0)
		free(cv->csv_header[--cv->ncsv]);
	free(cv->csv_header);
	cv->csv_header = NULL;
}

/* Whether the name is that of another column and _0. */
static bool
is_double(const struct sess_slice *v, size_t n, struct sess_slice name)
{
	size_t i;

	if (name.len < 3 || memcmp(name.p + name.len - 2, "_0", 2) != 0)
		return false;
	for (i = 0; i < n; i++)
		if (sessp_is(v[i], name.p, name.len - 2))
			return true;
	return false;
}

bool
sessp_csv_header(struct sessp_conv *cv, const char *p, size_t len)
{
	struct sess_slice *v;
	size_t n, i;
	char *name;

	sessp_csv_forget(cv);
	if (!sessp_csv_split(cv, p, len, &v, &n))
		return false;
	if ((cv->csv_header = calloc(n, sizeof(*cv->csv_header))) == NULL)
		return false;
	for (i = 0; i < n; i++, cv->ncsv++) {
		if (is_double(v, n, v[i]))
			continue;
		if ((name = malloc(v[i].len + 1)) == NULL)
			return false;
		memcpy(name, v[i].p, v[i].len);
		name[v[i].len] = '\0';
		cv->csv_header[i] = name;
	}
	return true;
}

/* -- a row */

/* The row as a JSON object: from there on it is a row like any other.  Empty
 * cells and "null" are how an export has fields that weren't there. */
static bool
to_json(struct sessp_conv *cv, const struct sess_slice *v, size_t n, struct sess_buf *out)
{
	size_t i;

	out->len = 0;
	if (sess_buf_putc(out, '{') < 0)
		return false;
	for (i = 0; i < n; i++) {
		if (cv->csv_header[i] == NULL || v[i].len == 0 || SESSP_IS(v[i], "null"))
			continue;
		if ((out->len > 1 && sess_buf_putc(out, ',') < 0) ||
		    sessp_json_quote(cv->csv_header[i], strlen(cv->csv_header[i]), out) < 0 ||
		    sess_buf_putc(out, ':') < 0 || sessp_json_quote(v[i].p, v[i].len, out) < 0)
			return false;
	}
	if (sess_buf_putc(out, '}') < 0 || sess_buf_room(out, SESSP_PAD) < 0)
		return false;
	memset(out->data + out->len, 0, SESSP_PAD);
	return true;
}

static enum sessp_verdict
convert(struct sessp_conv *cv, const char *p, size_t len, struct sess_err *err)
{
	struct sess_slice *v;
	size_t n;

	if (!sessp_csv_split(cv, p, len, &v, &n))
		return SESSP_REJECTED;
	if (n == 0) {
		sess_err_set(err, SESS_EFORMAT, 0, "a quote that is never closed");
		return SESSP_REJECTED;
	}
	if (n > cv->ncsv) {
		sess_err_set(err, SESS_EFORMAT, 0, "%zu columns where the header has %zu", n, cv->ncsv);
		return SESSP_REJECTED;
	}
	if (!to_json(cv, v, n, &cv->row)) {
		sessp_fail(cv);
		return SESSP_REJECTED;
	}
	return sessp_json_record(cv, cv->row.data, cv->row.len, err);
}

/* A header names what records of ours have. */
static int
sniff(const char *p, size_t len)
{
	static const char *const known[] = {
		"t", "sid", "pv_id", "begin", "uid", "pid", "__time__", "__topic__", "__source__",
		"session.id", "view.id", "event_type", "content", "timestamp"
	};
	struct sessp_conv cv = { .opts = NULL };
	struct sessp_field *f = NULL;
	struct sess_slice *v;
	size_t n, i, k, hits = 0;
	bool access = false;

	if (len == 0 || *p == '{' || *p == '[' || memchr(p, ',', len) == NULL)
		return 0;
	if (sessp_csv_split(&cv, p, len, &v, &n) && (f = calloc(n, sizeof(*f))) != NULL) {
		for (i = 0; i < n; i++) {
			for (k = 0; k < sizeof(known) / sizeof(*known); k++)
				hits += sessp_is(v[i], known[k], strlen(known[k]));
			f[i] = (struct sessp_field){ .name = v[i].p, .name_len = (uint32_t)v[i].len,
			    .val = "a b", .val_len = 3, .type = SESSP_STRING };
		}
		access = sessp_access_mine(f, n);
	}
	free(f);
	sessp_arena_release(&cv.arena);
	return hits >= 2 || access ? 100 : 0;
}

const struct sessp_format sessp_csv = { "csv", SESSP_CSV, sniff, convert };
