/*
 * The MANIFEST: which segments there are, and how far inputs were read.  Lines
 * of JSON: a head, a line a segment, and a checksum of all before it.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include <xxhash.h>

#include "private.h"

bool
sessp_segment_name(const char *name)
{
	size_t len = strlen(name);

	return len > 11 && len < sizeof(((struct sessp_segment *)0)->name) &&
	    strspn(name, "0123456789-") == len;
}

void
sessp_manifest_release(struct sessp_manifest *m)
{
	free(m->segments);
	free(m->marks);
	*m = (struct sessp_manifest){ .batch_time = SESS_NO_TIME };
}

int
sessp_manifest_add(struct sessp_manifest *m, const struct sessp_segment *s)
{
	size_t cap = m->cap > 0 ? 2 * m->cap : 16, i;
	struct sessp_segment *v;

	if (m->n == m->cap) {
		if ((v = realloc(m->segments, cap * sizeof(*v))) == NULL)
			return -1;
		m->segments = v;
		m->cap = cap;
	}
	for (i = m->n; i > 0 && m->segments[i - 1].day > s->day; i--)
		m->segments[i] = m->segments[i - 1];
	m->segments[i] = *s;
	m->n++;
	return 0;
}

int
sessp_manifest_mark(struct sessp_manifest *m, const struct sess_mark *mark)
{
	size_t cap = m->marks_cap > 0 ? 2 * m->marks_cap : 16;
	struct sess_mark *v;

	if (m->nmarks == m->marks_cap) {
		if ((v = realloc(m->marks, cap * sizeof(*v))) == NULL)
			return -1;
		m->marks = v;
		m->marks_cap = cap;
	}
	m->marks[m->nmarks++] = *mark;
	return 0;
}

void
sessp_manifest_remove(struct sessp_manifest *m, const char *name)
{
	size_t i, to = 0;

	for (i = 0; i < m->n; i++)
		if (strcmp(m->segments[i].name, name) != 0)
			m->segments[to++] = m->segments[i];
	m->n = to;
}

int
sessp_manifest_copy(struct sessp_manifest *to, const struct sessp_manifest *m)
{
	size_t i;

	*to = (struct sessp_manifest){ .generation = m->generation, .serial = m->serial,
	    .batch_time = m->batch_time, .shard = m->shard };
	for (i = 0; i < m->n; i++)
		if (sessp_manifest_add(to, &m->segments[i]) < 0) {
			sessp_manifest_release(to);
			return -1;
		}
	for (i = 0; i < m->nmarks; i++)
		if (sessp_manifest_mark(to, &m->marks[i]) < 0) {
			sessp_manifest_release(to);
			return -1;
		}
	return 0;
}

/* -- writing */

static int
add_line(struct sess_buf *out, json_t *o)
{
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	int r = text != NULL && sess_buf_puts(out, text) == 0 ? sess_buf_putc(out, '\n') : -1;

	free(text);
	json_decref(o);
	return r;
}

static json_t *
hex(uint64_t n)
{
	char text[17];

	(void)snprintf(text, sizeof(text), "%016" PRIx64, n);
	return json_string(text);
}

static json_t *
head(const struct sessp_manifest *m)
{
	json_t *o = json_pack("{s:i, s:I, s:I, s:I, s:I}", "sess_store", SESSP_STORE_VERSION,
	    "generation", (json_int_t)m->generation, "serial", (json_int_t)m->serial,
	    "segments", (json_int_t)m->n, "inputs", (json_int_t)m->nmarks);

	if (o != NULL && m->batch_time != SESS_NO_TIME &&
	    json_object_set_new(o, "batch_time", json_integer(m->batch_time)) < 0) {
		json_decref(o);
		return NULL;
	}
	if (o != NULL && m->shard.of > 0 && json_object_set_new(o, "shard",
	    json_pack("[ii]", (int)m->shard.index, (int)m->shard.of)) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *
segment(const struct sessp_segment *s)
{
	return json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I}", "segment", s->name,
	    "day", (int)s->day, "events", (json_int_t)s->events, "rows", (json_int_t)s->rows,
	    "raw_bytes", (json_int_t)s->raw_bytes, "events_bytes", (json_int_t)s->events_bytes,
	    "catalog_bytes", (json_int_t)s->catalog_bytes, "check", hex(s->check),
	    "first", (json_int_t)s->first, "last", (json_int_t)s->last,
	    "newest", (json_int_t)s->newest);
}

static json_t *
input(const struct sess_mark *k)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I}",
	    "input", k->format, "at", (json_int_t)k->at, "line", (json_int_t)k->line,
	    "head", (json_int_t)k->head_len, "head_sum", hex(k->head_sum),
	    "tail", (json_int_t)k->tail_len, "tail_sum", hex(k->tail_sum),
	    "device", (json_int_t)k->device, "inode", (json_int_t)k->inode,
	    "size", (json_int_t)k->size, "modified", (json_int_t)k->modified,
	    "changed", (json_int_t)k->changed, "seen", (json_int_t)k->seen);
}

int
sessp_manifest_write(const struct sessp_manifest *m, struct sess_buf *out)
{
	size_t i;

	if (add_line(out, head(m)) < 0)
		return -1;
	for (i = 0; i < m->n; i++)
		if (add_line(out, segment(&m->segments[i])) < 0)
			return -1;
	for (i = 0; i < m->nmarks; i++)
		if (add_line(out, input(&m->marks[i])) < 0)
			return -1;
	return sess_buf_printf(out, "{\"xxh3\":\"%016" PRIx64 "\"}\n",
	    (uint64_t)XXH3_64bits(out->data, out->len));
}

/* -- reading */

static enum sess_status
damaged(struct sess_err *err, const char *what)
{
	return sess_err_set(err, SESS_EFORMAT, 0, "MANIFEST: %s", what);
}

static bool
get_int(json_t *o, const char *name, int64_t min, int64_t *n)
{
	json_t *v = json_object_get(o, name);

	if (!json_is_integer(v) || json_integer_value(v) < min)
		return false;
	*n = json_integer_value(v);
	return true;
}

static bool
get_count(json_t *o, const char *name, uint64_t *n)
{
	int64_t i;

	if (!get_int(o, name, 0, &i))
		return false;
	*n = (uint64_t)i;
	return true;
}

static bool
get_hex(json_t *o, const char *name, uint64_t *n)
{
	const char *text = json_string_value(json_object_get(o, name));

	if (text == NULL || strlen(text) != 16 ||
	    strspn(text, "0123456789abcdef") != 16)
		return false;
	*n = strtoull(text, NULL, 16);
	return true;
}

static bool
get_segment(json_t *o, struct sessp_segment *s)
{
	const char *name = json_string_value(json_object_get(o, "segment"));
	int64_t day;

	if (name == NULL || !sessp_segment_name(name) ||
	    !get_int(o, "day", INT32_MIN, &day) || day > INT32_MAX)
		return false;
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	s->day = (int32_t)day;
	return get_count(o, "events", &s->events) && get_count(o, "rows", &s->rows) &&
	    get_count(o, "raw_bytes", &s->raw_bytes) &&
	    get_count(o, "events_bytes", &s->events_bytes) &&
	    get_count(o, "catalog_bytes", &s->catalog_bytes) &&
	    get_hex(o, "check", &s->check) && get_int(o, "first", INT64_MIN, &s->first) &&
	    get_int(o, "last", INT64_MIN, &s->last) &&
	    get_int(o, "newest", INT64_MIN, &s->newest);
}

static bool
get_mark(json_t *o, struct sess_mark *k)
{
	const char *format = json_string_value(json_object_get(o, "input"));

	if (format == NULL || strlen(format) >= sizeof(k->format))
		return false;
	(void)snprintf(k->format, sizeof(k->format), "%s", format);
	return get_count(o, "at", &k->at) && get_count(o, "line", &k->line) &&
	    get_count(o, "head", &k->head_len) && get_hex(o, "head_sum", &k->head_sum) &&
	    get_count(o, "tail", &k->tail_len) && get_hex(o, "tail_sum", &k->tail_sum) &&
	    get_int(o, "device", INT64_MIN, (int64_t *)&k->device) &&
	    get_int(o, "inode", INT64_MIN, (int64_t *)&k->inode) &&
	    get_count(o, "size", &k->size) && get_int(o, "modified", INT64_MIN, &k->modified) &&
	    get_int(o, "changed", INT64_MIN, &k->changed) && get_count(o, "seen", &k->seen);
}

/* The checksum in the last line, of all lines before it. */
static bool
sum_holds(const char *p, size_t len, size_t *lines)
{
	char want[64];
	const char *nl;

	if (len == 0 || p[len - 1] != '\n')
		return false;
	nl = memrchr(p, '\n', len - 1);
	if (nl == NULL)
		return false;
	*lines = (size_t)(nl - p) + 1;
	(void)snprintf(want, sizeof(want), "{\"xxh3\":\"%016" PRIx64 "\"}\n",
	    (uint64_t)XXH3_64bits(p, *lines));
	return len - *lines == strlen(want) && memcmp(nl + 1, want, strlen(want)) == 0;
}

/* Which shard it is of how many, where it is one. */
static bool
get_shard(json_t *o, struct sess_shard *shard)
{
	json_t *v = json_object_get(o, "shard");
	json_int_t index = json_integer_value(json_array_get(v, 0));
	json_int_t of = json_integer_value(json_array_get(v, 1));

	if (v == NULL)
		return true;
	if (of < 1 || of > SESS_SHARDS_MAX || index < 0 || index >= of)
		return false;
	*shard = (struct sess_shard){ (unsigned)index, (unsigned)of };
	return true;
}

static enum sess_status
parse_head(struct sessp_manifest *m, json_t *o, uint64_t *segments, uint64_t *inputs,
    struct sess_err *err)
{
	int64_t version;

	if (!get_int(o, "sess_store", 0, &version))
		return damaged(err, "not of a store");
	if (version > SESSP_STORE_VERSION)
		return sess_err_set(err, SESS_EFORMAT, 0, "the store is of format %lld, "
		    "this program reads up to %d", (long long)version, SESSP_STORE_VERSION);
	if (!get_count(o, "generation", &m->generation) ||
	    !get_count(o, "serial", &m->serial) || !get_count(o, "segments", segments) ||
	    !get_count(o, "inputs", inputs) || !get_shard(o, &m->shard))
		return damaged(err, "its first line is damaged");
	m->batch_time = SESS_NO_TIME;
	(void)get_int(o, "batch_time", INT64_MIN, &m->batch_time);
	return SESS_OK;
}

/* One line; the first is the head. */
static enum sess_status
parse_line(struct sessp_manifest *m, const char *p, size_t len, bool first,
    uint64_t *segments, uint64_t *inputs, struct sess_err *err)
{
	json_t *o = json_loadb(p, len, JSON_REJECT_DUPLICATES, NULL);
	struct sessp_segment s = { .day = 0 };
	struct sess_mark k = { .at = 0 };
	enum sess_status st = SESS_OK;

	if (o == NULL)
		return damaged(err, "a line is no JSON");
	if (first)
		st = parse_head(m, o, segments, inputs, err);
	else if (json_object_get(o, "input") != NULL) {
		if (!get_mark(o, &k))
			st = damaged(err, "an input's line is damaged");
		else if (sessp_manifest_mark(m, &k) < 0)
			st = sess_err_nomem(err);
	} else if (!get_segment(o, &s))
		st = damaged(err, "a segment's line is damaged");
	else if (sessp_manifest_add(m, &s) < 0)
		st = sess_err_nomem(err);
	json_decref(o);
	return st;
}

/* Of a newer format there may be anything else but the first line's beginning. */
static bool
is_newer(const char *p, size_t len)
{
	static const char start[] = "{\"sess_store\":";
	const size_t n = sizeof(start) - 1;

	return len > n + 1 && memcmp(p, start, n) == 0 &&
	    strtoul(p + n, NULL, 10) > SESSP_STORE_VERSION;
}

enum sess_status
sessp_manifest_parse(struct sessp_manifest *m, const char *p, size_t len,
    struct sess_err *err)
{
	enum sess_status st = SESS_OK;
	uint64_t segments = 0, inputs = 0;
	size_t lines = 0, at, n;

	*m = (struct sessp_manifest){ .batch_time = SESS_NO_TIME };
	if (memchr(p, '\n', len) != NULL && is_newer(p, len))
		return sess_err_set(err, SESS_EFORMAT, 0, "the store is of a newer format "
		    "than %d, which is what this program reads", SESSP_STORE_VERSION);
	if (!sum_holds(p, len, &lines))
		return damaged(err, "it is damaged (its checksum is wrong)");
	for (at = 0; at < lines && st == SESS_OK; at += n) {
		n = (size_t)((const char *)memchr(p + at, '\n', lines - at) - (p + at)) + 1;
		st = parse_line(m, p + at, n - 1, at == 0, &segments, &inputs, err);
	}
	if (st == SESS_OK && (segments != m->n || inputs != m->nmarks))
		st = damaged(err, "lines are missing");
	if (st < 0)
		sessp_manifest_release(m);
	return st;
}
