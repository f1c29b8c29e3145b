/*
 * A segment's catalog, read a page at a time: what is looked at is checked, and
 * no more than that is read.  Whatever it holds, nothing outside of it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>
#include <zstd.h>

#include "private.h"

#define TEXTS_MAX (64u << 20)	/* bytes of a block of values */

const uint8_t sessp_term_keys[SESSP_NTERMS] = {
#define SESSP_TERM_KEY(NAME) SESS_K_##NAME,
	SESSP_TERMS(SESSP_TERM_KEY)
#undef SESSP_TERM_KEY
};

static enum sess_status
damaged(const struct sessp_catalog *c, const char *what, struct sess_err *err)
{
	return sess_err_set(err, SESS_EFORMAT, 0, "%s: catalog is damaged (%s)",
	    c->seg->name, what);
}

/* -- pages */

static enum sess_status
read_at(const struct sessp_catalog *c, void *to, size_t len, uint64_t at,
    struct sess_err *err)
{
	char *p = to;
	ssize_t n;

	while (len > 0) {
		n = pread(c->fd, p, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sess_err_sys(err, errno, c->seg->name);
		if (n == 0)
			return damaged(c, "it was cut", err);
		p += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return SESS_OK;
}

/* Read and check pages [from, to). */
static enum sess_status
load(struct sessp_catalog *c, size_t from, size_t to, struct sess_err *err)
{
	enum sess_status st;
	char *p = c->data + from * SESSP_PAGE;

	if ((st = read_at(c, p, (to - from) * SESSP_PAGE, from * SESSP_PAGE, err)) < 0)
		return st;
	for (; from < to; from++, p += SESSP_PAGE) {
		if (XXH3_64bits(p, SESSP_PAGE) != le64toh(c->sums[from]))
			return damaged(c, "a checksum is wrong", err);
		c->have[from / 8] |= (uint8_t)(1 << from % 8);
	}
	return SESS_OK;
}

static bool
has(const struct sessp_catalog *c, size_t page)
{
	return c->have[page / 8] >> page % 8 & 1;
}

static const void *
bytes(struct sessp_catalog *c, uint64_t at, uint64_t len, struct sess_err *err)
{
	size_t page, end, from;

	if (at > c->len || len > c->len - at) {
		damaged(c, "an offset is wrong", err);
		return NULL;
	}
	page = at / SESSP_PAGE;
	end = (at + len + SESSP_PAGE - 1) / SESSP_PAGE;
	while (page < end) {
		if (has(c, page)) {
			page++;
			continue;
		}
		for (from = page; page < end && !has(c, page); page++)
			;
		if (load(c, from, page, err) < 0)
			return NULL;
	}
	return c->data + at;
}

const void *
sessp_catalog_get(struct sessp_catalog *c, unsigned section, uint64_t at, uint64_t len,
    struct sess_err *err)
{
	const struct sessp_extent *s = &c->h.sections[section];

	if (at > s->len || len > s->len - at) {
		damaged(c, "an offset is wrong", err);
		return NULL;
	}
	return bytes(c, s->at + at, len, err);
}

enum sess_status
sessp_catalog_whole(struct sessp_catalog *c, struct sess_err *err)
{
	return bytes(c, 0, c->len, err) != NULL ? SESS_OK : SESS_EFORMAT;
}

/* -- opening */

static enum sess_status
check_header(struct sessp_catalog *c, struct sess_err *err)
{
	const struct sessp_header *p = bytes(c, c->len - SESSP_PAGE, sizeof(*p), err);
	struct sessp_header *h = &c->h;
	size_t i;

	if (p == NULL)
		return err != NULL && err->code != SESS_OK ? err->code : SESS_EFORMAT;
	if (memcmp(p->magic, SESSP_CATALOG_MAGIC, sizeof(p->magic)) != 0)
		return damaged(c, "it is no catalog", err);
	h->version = le32toh(p->version);
	if (h->version > SESSP_STORE_VERSION)
		return sess_err_set(err, SESS_EFORMAT, 0, "%s: catalog is of format %u, this "
		    "program reads up to %d", c->seg->name, h->version, SESSP_STORE_VERSION);
	h->nsections = le32toh(p->nsections);
	if (h->nsections != SESSP_NSECTIONS)
		return damaged(c, "it has other sections", err);
	h->rows = le64toh(p->rows);
	h->events = le64toh(p->events);
	h->frames = le64toh(p->frames);
	h->raw_bytes = le64toh(p->raw_bytes);
	h->events_bytes = le64toh(p->events_bytes);
	h->first = (int64_t)le64toh((uint64_t)p->first);
	h->last = (int64_t)le64toh((uint64_t)p->last);
	for (i = 0; i < SESSP_NSECTIONS; i++) {
		h->sections[i].at = le64toh(p->sections[i].at);
		h->sections[i].len = le64toh(p->sections[i].len);
		if (h->sections[i].at % 8 != 0 || h->sections[i].at > c->len ||
		    h->sections[i].len > c->len - h->sections[i].at)
			return damaged(c, "a section is not in it", err);
	}
	if (h->rows > UINT32_MAX || h->rows != c->seg->rows ||
	    sessp_catalog_len(c, SESSP_S_HASHES) != 8 * h->rows ||
	    sessp_catalog_len(c, SESSP_S_ROWS) != sizeof(struct sessp_row) * h->rows ||
	    h->frames >= UINT32_MAX || sessp_catalog_len(c, SESSP_S_FRAMES) !=
	    sizeof(struct sessp_frame) * (h->frames + 1))
		return damaged(c, "its sizes don't fit", err);
	return SESS_OK;
}

static enum sess_status
open_pages(struct sessp_catalog *c, struct sess_err *err)
{
	struct stat st;
	uint64_t size = c->seg->catalog_bytes;
	size_t pages = size / (SESSP_PAGE + 8);
	enum sess_status r;

	if (fstat(c->fd, &st) < 0)
		return sess_err_sys(err, errno, c->seg->name);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != size || pages == 0 ||
	    size % (SESSP_PAGE + 8) != 0)
		return damaged(c, "its size is not what the MANIFEST says", err);
	c->len = pages * SESSP_PAGE;
	/* what isn't read takes no memory */
	c->data = mmap(NULL, c->len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->data == MAP_FAILED) {
		c->data = NULL;
		return sess_err_nomem(err);
	}
	c->sums = malloc(pages * 8);
	c->have = calloc(1, pages / 8 + 1);
	if (c->sums == NULL || c->have == NULL)
		return sess_err_nomem(err);
	if ((r = read_at(c, c->sums, pages * 8, c->len, err)) < 0)
		return r;
	if (XXH3_64bits(c->sums, pages * 8) != c->seg->check)
		return damaged(c, "its checksums are not what the MANIFEST says", err);
	return check_header(c, err);
}

enum sess_status
sessp_catalog_open(struct sessp_catalog *c, int dirfd, const struct sessp_segment *seg,
    struct sess_err *err)
{
	enum sess_status st;
	char path[64];

	*c = (struct sessp_catalog){ .seg = seg, .fd = -1 };
	(void)snprintf(path, sizeof(path), "%s/catalog", seg->name);
	c->fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (c->fd < 0)
		return sess_err_sys(err, errno, path);
	if ((st = open_pages(c, err)) < 0)
		sessp_catalog_close(c);
	return st;
}

void
sessp_catalog_close(struct sessp_catalog *c)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->data != NULL)
		munmap(c->data, c->len);
	free(c->sums);
	free(c->have);
	*c = (struct sessp_catalog){ .seg = c->seg, .fd = -1 };
}

static enum sess_status
code_of(const struct sess_err *err)
{
	return err != NULL && err->code != SESS_OK ? err->code : SESS_EFORMAT;
}

/* -- rows */

/* Number i of a section. */
static enum sess_status
number(struct sessp_catalog *c, unsigned section, uint64_t i, uint64_t *n,
    struct sess_err *err)
{
	const void *p = sessp_catalog_get(c, section, 8 * i, 8, err);

	if (p == NULL)
		return code_of(err);
	*n = sessp_le64(p);
	return SESS_OK;
}

/* Around where a hash would be if they were spread evenly, as they are: few pages
 * are looked at. */
static enum sess_status
near(struct sessp_catalog *c, unsigned section, uint64_t hash, uint64_t *lo, uint64_t *hi,
    struct sess_err *err)
{
	uint64_t n = *hi, guess = (uint64_t)(((unsigned __int128)hash * n) >> 64), step, v = 0;
	enum sess_status st;

	for (step = 64; ; step *= 4) {
		*lo = guess > step ? guess - step : 0;
		if (*lo == 0)
			break;
		if ((st = number(c, section, *lo, &v, err)) < 0)
			return st;
		if (v < hash)
			break;
	}
	for (step = 64; ; step *= 4) {
		*hi = n - guess > step ? guess + step : n;
		if (*hi == n)
			break;
		if ((st = number(c, section, *hi, &v, err)) < 0)
			return st;
		if (v >= hash)
			break;
	}
	return SESS_OK;
}

/* The first of n ascending numbers of a section that is not below hash. */
static enum sess_status
lower_bound(struct sessp_catalog *c, unsigned section, uint64_t hash, uint64_t *at,
    struct sess_err *err)
{
	uint64_t lo = 0, hi = sessp_catalog_len(c, section) / 8, mid, v = 0;
	enum sess_status st;

	if (hi > 256 && (st = near(c, section, hash, &lo, &hi, err)) < 0)
		return st;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if ((st = number(c, section, mid, &v, err)) < 0)
			return st;
		if (v < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	*at = lo;
	return SESS_OK;
}

enum sess_status
sessp_catalog_row(struct sessp_catalog *c, uint64_t hash, uint64_t *row,
    struct sess_err *err)
{
	enum sess_status st;
	const void *p;

	if ((st = lower_bound(c, SESSP_S_HASHES, hash, row, err)) < 0)
		return st;
	if (*row == c->h.rows) {
		*row = UINT64_MAX;
		return SESS_OK;
	}
	if ((p = sessp_catalog_get(c, SESSP_S_HASHES, 8 * *row, 8, err)) == NULL)
		return code_of(err);
	if (sessp_le64(p) != hash)
		*row = UINT64_MAX;
	return SESS_OK;
}

static double
le_double(double d)
{
	uint64_t n;

	memcpy(&n, &d, sizeof(n));
	n = le64toh(n);
	memcpy(&d, &n, sizeof(d));
	return d;
}

enum sess_status
sessp_catalog_get_row(struct sessp_catalog *c, uint64_t i, struct sessp_row *row,
    struct sess_err *err)
{
	const void *p = sessp_catalog_get(c, SESSP_S_ROWS, i * sizeof(*row), sizeof(*row), err);

	if (p == NULL)
		return code_of(err);
	memcpy(row, p, sizeof(*row));
	row->at = le64toh(row->at);
	row->first = (int64_t)le64toh((uint64_t)row->first);
	row->last = (int64_t)le64toh((uint64_t)row->last);
	row->newest = (int64_t)le64toh((uint64_t)row->newest);
	row->slow_load = le_double(row->slow_load);
	row->slow_api = le_double(row->slow_api);
	row->events = le32toh(row->events);
	row->flags = le32toh(row->flags);
	return SESS_OK;
}

enum sess_status
sessp_catalog_row_end(struct sessp_catalog *c, uint64_t i, uint64_t *end,
    struct sess_err *err)
{
	struct sessp_row row;
	enum sess_status st;

	*end = c->h.raw_bytes;
	if (i + 1 == c->h.rows)
		return SESS_OK;
	if ((st = sessp_catalog_get_row(c, i + 1, &row, err)) == SESS_OK)
		*end = row.at;
	return st;
}

/* -- terms */

static bool
get_number(const char **p, const char *end, uint64_t *n)
{
	unsigned shift;

	for (*n = 0, shift = 0; *p < end && shift < 63; shift += 7) {
		*n |= (uint64_t)(**p & 0x7f) << shift;
		if ((*(*p)++ & 0x80) == 0)
			return true;
	}
	return false;
}

enum sess_status
sessp_catalog_rows_of(struct sessp_catalog *c, unsigned key, uint64_t i, sessp_row_fn *fn,
    void *arg, struct sess_err *err)
{
	unsigned s = SESSP_S_TERMS + 4 * key;
	const char *p = sessp_catalog_get(c, s + SESSP_TERM_OFFSETS, 8 * i, 16, err), *end;
	uint64_t from, to, n, row = 0;
	bool first = true;

	if (p == NULL)
		return code_of(err);
	from = sessp_le64(p);
	to = sessp_le64(p + 8);
	if (to < from || (p = sessp_catalog_get(c, s + SESSP_TERM_ROWS, from, to - from,
	    err)) == NULL)
		return damaged(c, "the rows of a value are not in it", err);
	for (end = p + (to - from); p < end; first = false) {
		if (!get_number(&p, end, &n) || n > c->h.rows || (n == 0 && !first) ||
		    (row += n) >= c->h.rows)
			return damaged(c, "a value is in a row that isn't there", err);
		fn(arg, row);
	}
	return SESS_OK;
}

enum sess_status
sessp_catalog_find(struct sessp_catalog *c, unsigned key, uint64_t hash, sessp_row_fn *fn,
    void *arg, struct sess_err *err)
{
	unsigned s = SESSP_S_TERMS + 4 * key + SESSP_TERM_HASHES;
	uint64_t i, n = sessp_catalog_len(c, s) / 8;
	enum sess_status st;
	const void *p;

	if ((st = lower_bound(c, s, hash, &i, err)) < 0)
		return st;
	for (; i < n && st == SESS_OK; i++) {
		if ((p = sessp_catalog_get(c, s, 8 * i, 8, err)) == NULL)
			return code_of(err);
		if (sessp_le64(p) != hash)
			break;
		st = sessp_catalog_rows_of(c, key, i, fn, arg, err);
	}
	return st;
}

struct texts {			/* a block of values being read */
	char *raw;
	uint64_t term;		/* of the next value */
};

static enum sess_status
read_block(struct sessp_catalog *c, struct texts *t, size_t raw, sessp_term_fn *fn,
    void *arg, struct sess_err *err)
{
	const char *p = t->raw, *end = p + raw;
	struct sess_slice text;
	enum sess_status st;
	uint64_t n;

	while (p < end) {
		if (!get_number(&p, end, &n) || n >> 1 > (uint64_t)(end - p))
			return damaged(c, "a value is cut", err);
		text = (struct sess_slice){ p, n >> 1 };
		p += n >> 1;
		if ((st = fn(arg, t->term++, text, n & 1, err)) < 0)
			return st;
	}
	return SESS_OK;
}

enum sess_status
sessp_catalog_texts(struct sessp_catalog *c, unsigned key, sessp_term_fn *fn, void *arg,
    struct sess_err *err)
{
	unsigned s = SESSP_S_TERMS + 4 * key;
	uint64_t at, len = sessp_catalog_len(c, s + SESSP_TERM_TEXTS);
	uint64_t terms = sessp_catalog_len(c, s + SESSP_TERM_HASHES) / 8;
	struct texts t = { NULL, 0 };
	enum sess_status st = SESS_OK;
	uint32_t head[2];
	const char *p;

	for (at = 0; at < len && st == SESS_OK; at += sizeof(head) + head[1]) {
		if ((p = sessp_catalog_get(c, s + SESSP_TERM_TEXTS, at, sizeof(head), err)) == NULL)
			return code_of(err);
		memcpy(head, p, sizeof(head));
		head[0] = le32toh(head[0]);
		head[1] = le32toh(head[1]);
		p = sessp_catalog_get(c, s + SESSP_TERM_TEXTS, at + sizeof(head), head[1], err);
		if (p == NULL)
			return code_of(err);
		if (head[0] > TEXTS_MAX)
			return damaged(c, "a block of values is too large", err);
		if ((t.raw = malloc((size_t)head[0] + SESSP_PAD)) == NULL)
			return sess_err_nomem(err);
		if (ZSTD_decompress(t.raw, head[0], p, head[1]) != head[0])
			st = damaged(c, "a block of values can't be decoded", err);
		else
			st = read_block(c, &t, head[0], fn, arg, err);
		free(t.raw);
	}
	if (st == SESS_OK && len > 0 && t.term != terms)
		return damaged(c, "values are missing", err);
	return st;
}

/* -- errors as one value */

int
sessp_error_text(const struct sess_event *ev, struct sess_buf *out)
{
	static const uint8_t keys[] = { SESS_K_MESSAGE, SESS_K_ERROR_TYPE, SESS_K_STACK };
	struct sess_slice v;
	uint32_t len;
	size_t i;

	out->len = 0;
	for (i = 0; i < sizeof(keys); i++) {
		v = sess_event_get(ev, keys[i]);
		if (v.len > UINT32_MAX)
			return -1;
		len = htole32((uint32_t)v.len);
		if (sess_buf_add(out, &len, sizeof(len)) < 0 || sess_buf_add(out, v.p, v.len) < 0)
			return -1;
	}
	return 0;
}

bool
sessp_error_parts(struct sess_slice text, struct sess_event *ev)
{
	static const uint8_t keys[] = { SESS_K_MESSAGE, SESS_K_ERROR_TYPE, SESS_K_STACK };
	uint32_t len;
	size_t i;

	for (i = 0; i < sizeof(keys); i++) {
		if (text.len < sizeof(len))
			return false;
		memcpy(&len, text.p, sizeof(len));
		len = le32toh(len);
		if (len > text.len - sizeof(len))
			return false;
		sess_event_set(ev, keys[i], text.p + sizeof(len), len);
		text.p += sizeof(len) + len;
		text.len -= sizeof(len) + len;
	}
	return text.len == 0;
}
