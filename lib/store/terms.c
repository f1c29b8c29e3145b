/* The values of one key and the rows they are in, while a segment is written. */
#include <stdlib.h>

#include <xxhash.h>
#include <zstd.h>

#include "private.h"

#define SLOTS_MIN 64
#define TEXTS_BLOCK (256u << 10)	/* of values, compressed together */
#define LEVEL 3

struct term {
	uint64_t hash;
	uint64_t last;		/* row */
	size_t text;		/* in texts */
	uint32_t len;
	uint32_t n;		/* rows */
};

struct sessp_dict {
	struct term *v;
	size_t n, cap;
	uint32_t *slots;	/* number + 1 */
	size_t nslots;
	struct { uint32_t term, row; } *pairs;
	size_t npairs, pairs_cap;
	struct sess_buf texts;
};

uint64_t
sessp_term_hash(const char *p, size_t len)
{
	return XXH3_64bits(p, len);
}

struct sessp_dict *
sessp_dict_new(void)
{
	return calloc(1, sizeof(struct sessp_dict));
}

void
sessp_dict_free(struct sessp_dict *d)
{
	if (d == NULL)
		return;
	free(d->v);
	free(d->slots);
	free(d->pairs);
	sess_buf_release(&d->texts);
	free(d);
}

static int
more(void *array, size_t *cap, size_t n, size_t size)
{
	size_t want = *cap > 0 ? *cap + *cap / 2 : 64;
	void *p;

	if (n < *cap)
		return 0;
	memcpy(&p, array, sizeof(p));	/* whatever it points to */
	if (want > SIZE_MAX / 2 / size || (p = realloc(p, want * size)) == NULL)
		return -1;
	memcpy(array, &p, sizeof(p));
	*cap = want;
	return 0;
}

static int
grow(struct sessp_dict *d)
{
	size_t n = d->nslots > 0 ? 2 * d->nslots : SLOTS_MIN, i, j;
	uint32_t *slots;

	if (d->n < d->nslots / 2)
		return 0;
	if ((slots = calloc(n, sizeof(*slots))) == NULL)
		return -1;
	for (i = 0; i < d->n; i++) {
		for (j = d->v[i].hash & (n - 1); slots[j] != 0; )
			j = (j + 1) & (n - 1);
		slots[j] = (uint32_t)i + 1;
	}
	free(d->slots);
	d->slots = slots;
	d->nslots = n;
	return 0;
}

int
sessp_dict_add(struct sessp_dict *d, uint64_t hash, const char *text, size_t len,
    bool keep_text, uint64_t row)
{
	struct term *t;
	size_t i;

	if (grow(d) < 0)
		return -1;
	for (i = hash & (d->nslots - 1); d->slots[i] != 0; i = (i + 1) & (d->nslots - 1)) {
		t = &d->v[d->slots[i] - 1];
		/* Values of one hash are one term where texts are not kept; where they
		 * are, a second one would be missed by a pattern. */
		if (t->hash == hash && (!keep_text || (t->len == len &&
		    (len > SESSP_TERM_MAX || memcmp(d->texts.data + t->text, text, len) == 0))))
			goto found;
	}
	if (d->n == UINT32_MAX - 1 || more(&d->v, &d->cap, d->n, sizeof(*d->v)) < 0)
		return -1;
	t = &d->v[d->n];
	*t = (struct term){ .hash = hash, .last = UINT64_MAX, .text = d->texts.len,
	    .len = keep_text ? (uint32_t)len : 0 };
	if (keep_text && len <= SESSP_TERM_MAX && sess_buf_add(&d->texts, text, len) < 0)
		return -1;
	d->slots[i] = (uint32_t)++d->n;
found:
	if (t->last == row)
		return 0;
	if (row > UINT32_MAX || more(&d->pairs, &d->pairs_cap, d->npairs, sizeof(*d->pairs)) < 0)
		return -1;
	d->pairs[d->npairs].term = (uint32_t)(t - d->v);
	d->pairs[d->npairs++].row = (uint32_t)row;
	t->last = row;
	t->n++;
	return 0;
}

int
sessp_dict_merge(struct sessp_dict *d, const struct sessp_dict *from, bool keep_text)
{
	const struct term *t;
	const char *text;
	size_t i;

	for (i = 0; i < from->npairs; i++) {
		t = &from->v[from->pairs[i].term];
		text = t->len > 0 ? from->texts.data + t->text : "";	/* where none was kept */
		if (sessp_dict_add(d, t->hash, text, t->len, keep_text, from->pairs[i].row) < 0)
			return -1;
	}
	return 0;
}

void
sessp_dict_reset(struct sessp_dict *d)
{
	if (d->nslots > 0)
		memset(d->slots, 0, d->nslots * sizeof(*d->slots));
	d->n = d->npairs = 0;
	d->texts.len = 0;
}

/* -- to sections */

static int
by_hash(const void *a, const void *b, void *arg)
{
	const struct term *v = arg;
	const struct term *x = &v[*(const uint32_t *)a], *y = &v[*(const uint32_t *)b];

	return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash) :
	    (x > y) - (x < y);
}

static int
put64(struct sess_buf *out, uint64_t n)
{
	n = htole64(n);
	return sess_buf_add(out, &n, sizeof(n));
}

static int
put_number(struct sess_buf *out, uint64_t n)
{
	for (; n > 0x7f; n >>= 7)
		if (sess_buf_putc(out, (char)((n & 0x7f) | 0x80)) < 0)
			return -1;
	return sess_buf_putc(out, (char)n);
}

/* The rows of each term one behind another, by counting. */
static uint32_t *
sort_rows(const struct sessp_dict *d, size_t *starts)
{
	uint32_t *rows = malloc((d->npairs + 1) * sizeof(*rows));
	size_t i, at = 0;

	if (rows == NULL)
		return NULL;
	for (i = 0; i < d->n; i++) {
		starts[i] = at;
		at += d->v[i].n;
	}
	for (i = 0; i < d->npairs; i++)
		rows[starts[d->pairs[i].term]++] = d->pairs[i].row;
	return rows;
}

static int
put_rows(const struct sessp_dict *d, const uint32_t *order, struct sess_buf *offsets,
    struct sess_buf *out)
{
	size_t *starts = calloc(d->n + 1, sizeof(*starts)), i, k;
	uint32_t *rows = starts != NULL ? sort_rows(d, starts) : NULL, last;
	int r = rows != NULL ? 0 : -1;

	for (i = 0; r == 0 && i < d->n; i++) {
		const struct term *t = &d->v[order[i]];

		r = put64(offsets, out->len);
		/* sorting has moved each start to the next one's */
		k = starts[order[i]] - t->n;
		for (last = 0; r == 0 && k < starts[order[i]]; k++) {
			r = put_number(out, rows[k] - last);
			last = rows[k];
		}
	}
	if (r == 0)
		r = put64(offsets, out->len);
	free(rows);
	free(starts);
	return r;
}

/* Sizes, then that many compressed bytes. */
static int
put_block(const struct sess_buf *raw, struct sess_buf *out)
{
	size_t bound = ZSTD_compressBound(raw->len), n;
	uint32_t head[2];

	if (raw->len == 0)
		return 0;
	if (sess_buf_room(out, sizeof(head) + bound) < 0)
		return -1;
	n = ZSTD_compress(out->data + out->len + sizeof(head), bound, raw->data, raw->len, LEVEL);
	if (ZSTD_isError(n))
		return -1;
	head[0] = htole32((uint32_t)raw->len);
	head[1] = htole32((uint32_t)n);
	memcpy(out->data + out->len, head, sizeof(head));
	out->len += sizeof(head) + n;
	return 0;
}

/* Length, twice; odd where the text is too long to be kept. */
static int
put_texts(const struct sessp_dict *d, const uint32_t *order, struct sess_buf *out)
{
	struct sess_buf raw = { 0 };
	int r = 0;
	size_t i;

	for (i = 0; r == 0 && i < d->n; i++) {
		const struct term *t = &d->v[order[i]];

		if (t->len > SESSP_TERM_MAX)
			r = put_number(&raw, 1);
		else if ((r = put_number(&raw, (uint64_t)t->len << 1)) == 0)
			r = sess_buf_add(&raw, d->texts.data + t->text, t->len);
		if (r == 0 && raw.len >= TEXTS_BLOCK) {
			r = put_block(&raw, out);
			raw.len = 0;
		}
	}
	if (r == 0)
		r = put_block(&raw, out);
	sess_buf_release(&raw);
	return r;
}

int
sessp_dict_write(struct sessp_dict *d, struct sess_buf out[4])
{
	uint32_t *order = malloc((d->n + 1) * sizeof(*order));
	size_t i;
	int r = 0;

	if (order == NULL)
		return -1;
	for (i = 0; i < d->n; i++)
		order[i] = (uint32_t)i;
	if (d->n > 0)
		qsort_r(order, d->n, sizeof(*order), by_hash, d->v);
	for (i = 0; r == 0 && i < d->n; i++)
		r = put64(&out[SESSP_TERM_HASHES], d->v[order[i]].hash);
	if (r == 0)
		r = put_rows(d, order, &out[SESSP_TERM_OFFSETS], &out[SESSP_TERM_ROWS]);
	if (r == 0 && d->texts.len > 0)
		r = put_texts(d, order, &out[SESSP_TERM_TEXTS]);
	free(order);
	return r;
}
