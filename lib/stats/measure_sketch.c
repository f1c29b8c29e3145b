#include "measure_state.h"

#include <inttypes.h>
#include <stdlib.h>

/*
 * Values are whole millionths, those from 2^51 of them (2.2e9) on whole
 * numbers: both go through text and back unchanged.
 */
#define MILLION 1000000
#define GREATEST (INT64_MAX / MILLION)	/* what is above counts as this */

/*
 * Buckets: a block of STEPS of them for the millionths below STEPS, one each,
 * and one for each further power of two, which they divide evenly.  The middle
 * of a bucket is within 1 / (2 STEPS) = 0.4 % of each value in it.
 */
enum { STEP_BITS = 7, STEPS = 1 << STEP_BITS, BLOCKS = 64 - STEP_BITS, BUCKETS = BLOCKS * STEPS };

struct buckets {
	bool many;			/* true */
	int64_t *block[BLOCKS];		/* counts; NULL: none */
};

/* -1 for what is no value. */
static int64_t
millionths(double d)
{
	if (!(d >= 0))
		return -1;
	if (d * MILLION + 0.5 < 0x1p51)
		return (int64_t)(d * MILLION + 0.5);
	return (d < GREATEST ? (int64_t)(d + 0.5) : GREATEST) * MILLION;
}

static unsigned
bucket_of(int64_t value)
{
	unsigned high;

	if (value < STEPS)
		return (unsigned)value;
	high = 63 - (unsigned)__builtin_clzll((uint64_t)value);
	return (high - STEP_BITS) * STEPS + (unsigned)(value >> (high - STEP_BITS));
}

/* The middle of its first and its last value. */
static double
middle(unsigned bucket)
{
	unsigned power = bucket < STEPS ? 0 : bucket / STEPS - 1;
	uint64_t first = (uint64_t)(bucket < STEPS ? bucket : STEPS + bucket % STEPS) << power;

	return ((double)first + (double)((UINT64_C(1) << power) - 1) / 2) / MILLION;
}

static void
buckets_free(struct buckets *b)
{
	for (unsigned i = 0; b != NULL && i < BLOCKS; i++)
		free(b->block[i]);
	free(b);
}

static int
bucket_add(struct buckets *b, unsigned bucket, int64_t n)
{
	int64_t **block = &b->block[bucket / STEPS];

	if (*block == NULL && (*block = calloc(STEPS, sizeof(**block))) == NULL)
		return -1;
	(*block)[bucket % STEPS] = sessp_sum((*block)[bucket % STEPS], n);
	return 0;
}

/* Keys are values plus 1: none is 0. */
static int
promote(void **p)
{
	struct sessp_keys *k = *p;
	struct buckets *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return -1;
	b->many = true;
	for (uint32_t i = 0; k != NULL && i < k->cap; i++)
		if (k->slot[i * 2] != 0 &&
		    bucket_add(b, bucket_of((int64_t)k->slot[i * 2] - 1), (int64_t)k->slot[i * 2 + 1]) < 0) {
			buckets_free(b);
			return -1;
		}
	free(k);
	*p = b;
	return 0;
}

static int
add(void **p, int64_t value, int64_t n)
{
	struct sessp_keys *k = *p;
	uint64_t key = (uint64_t)value + 1, *slot;

	if (!sessp_is_many(k)) {
		if (k != NULL) {
			if (k->sorted)
				sessp_keys_unsort(k);
			slot = sessp_keys_find(k, 2, key);
			if (*slot == key) {
				slot[1] = (uint64_t)sessp_sum((int64_t)slot[1], n);
				return 0;
			}
		}
		if (k == NULL || k->n < SESSP_EXACT_VALUES) {
			if ((slot = sessp_keys_insert(p, 2, key)) == NULL)
				return -1;
			slot[1] = (uint64_t)n;
			return 0;
		}
		if (promote(p) < 0)
			return -1;
	}
	return bucket_add(*p, bucket_of(value), n);
}

int
sessp_sketch_add(void **p, double d, int64_t n)
{
	int64_t value = millionths(d);

	return value < 0 || n <= 0 ? 0 : add(p, value, n);
}

int
sessp_sketch_merge(void **p, const void *from)
{
	const struct sessp_keys *k = from;
	const struct buckets *b = from;

	if (from == NULL)
		return 0;
	if (!k->many) {
		for (uint32_t i = 0; i < k->cap; i++)
			if (k->slot[i * 2] != 0 &&
			    add(p, (int64_t)k->slot[i * 2] - 1, (int64_t)k->slot[i * 2 + 1]) < 0)
				return -1;
		return 0;
	}
	if (!sessp_is_many(*p) && promote(p) < 0)
		return -1;
	for (unsigned i = 0; i < BUCKETS; i++)
		if (b->block[i / STEPS] != NULL && b->block[i / STEPS][i % STEPS] > 0 &&
		    bucket_add(*p, i, b->block[i / STEPS][i % STEPS]) < 0)
			return -1;
	return 0;
}

void
sessp_sketch_release(void *p)
{
	if (sessp_is_many(p))
		buckets_free(p);
	else
		free(p);
}

size_t
sessp_sketch_bytes(const void *p)
{
	const struct buckets *b = p;
	size_t bytes = sizeof(*b);

	if (p == NULL)
		return 0;
	if (!b->many)
		return sessp_keys_bytes(p);
	for (unsigned i = 0; i < BLOCKS; i++)
		bytes += b->block[i] != NULL ? STEPS * sizeof(*b->block[i]) : 0;
	return bytes;
}

/* -- what it says */

/* The i-th value and its count, of either form, for reading in order; false
 * behind the last.  A count can be 0. */
static bool
entry(const void *p, unsigned i, double *value, int64_t *n)
{
	const struct sessp_keys *k = p;
	const struct buckets *b = p;

	if (k->many) {
		if (i >= BUCKETS)
			return false;
		*n = b->block[i / STEPS] != NULL ? b->block[i / STEPS][i % STEPS] : 0;
		*value = middle(i);
		return true;
	}
	if (i >= k->n)
		return false;
	*value = (double)(k->slot[i * 2] - 1) / MILLION;
	*n = (int64_t)k->slot[i * 2 + 1];
	return true;
}

static int64_t
samples(void *p)
{
	int64_t sum = 0, n;
	double value;

	if (!sessp_is_many(p))
		sessp_keys_sort(p);
	for (unsigned i = 0; entry(p, i, &value, &n); i++)
		sum = sessp_sum(sum, n);
	return sum;
}

uint64_t
sessp_state_samples(const union sessp_state *s)
{
	return s->p != NULL ? (uint64_t)samples(s->p) : 0;
}

double
sessp_state_quantile(const union sessp_state *s, double q)
{
	int64_t n, rank, sum = 0, millions = (int64_t)(q * MILLION + 0.5);
	double value = -1;

	if (s->p == NULL)
		return -1;
	/* In whole numbers: ceil(0.07 * 100) is 8 in floating point. */
	n = samples(s->p);
	rank = n / MILLION * millions + (n % MILLION * millions + MILLION - 1) / MILLION;
	for (unsigned i = 0; sum < rank && entry(s->p, i, &value, &n); i++)
		sum = sessp_sum(sum, n);
	return value;
}

/* -- text: [value, count, ...] ascending; or {"buckets": [count, ...]} from the
 * first on, -n in place of n that are empty. */

static int
write_value(int64_t value, int64_t n, struct sess_buf *out)
{
	char fraction[8];
	int len = 0;

	if (value % MILLION != 0) {
		len = snprintf(fraction, sizeof(fraction), ".%06d", (int)(value % MILLION));
		while (fraction[len - 1] == '0')
			len--;
	}
	return sess_buf_printf(out, "%" PRId64 "%.*s,%" PRId64, value / MILLION, len, fraction, n);
}

static int
write_values(struct sessp_keys *k, struct sess_buf *out)
{
	sessp_keys_sort(k);
	for (uint32_t i = 0; i < k->n; i++)
		if (sess_buf_putc(out, i > 0 ? ',' : '[') < 0 ||
		    write_value((int64_t)k->slot[i * 2] - 1, (int64_t)k->slot[i * 2 + 1], out) < 0)
			return -1;
	return sess_buf_putc(out, ']');
}

static int
write_buckets(const struct buckets *b, struct sess_buf *out)
{
	const char *before = "{\"buckets\":[";
	unsigned empty = 0;
	int64_t n;

	for (unsigned i = 0; i < BUCKETS; i++) {
		n = b->block[i / STEPS] != NULL ? b->block[i / STEPS][i % STEPS] : 0;
		if (n == 0) {
			empty++;
			continue;
		}
		if (empty > 0 && sess_buf_printf(out, "%s-%u", before, empty) < 0)
			return -1;
		before = empty > 0 ? "," : before;
		if (sess_buf_printf(out, "%s%" PRId64, before, n) < 0)
			return -1;
		before = ",";
		empty = 0;
	}
	return sess_buf_puts(out, "]}");
}

int
sessp_sketch_write(void *p, struct sess_buf *out)
{
	return sessp_is_many(p) ? write_buckets(p, out) : write_values(p, out);
}

static int64_t
value_of(const json_t *json)
{
	json_int_t i = json_integer_value(json);

	if (json_is_real(json))
		return millionths(json_real_value(json));
	return json_is_integer(json) && i >= 0 && i <= GREATEST ? i * MILLION : -1;
}

static enum sess_status
read_values(void **p, const json_t *list, struct sess_err *err)
{
	size_t n = json_array_size(list);
	int64_t value, before = -1;
	json_int_t count;
	uint64_t *slot;

	if (n == 0 || n % 2 != 0 || n / 2 > SESSP_EXACT_VALUES)
		return sess_err_set(err, SESS_EFORMAT, 0, "bad list of values");
	for (size_t i = 0; i < n; i += 2, before = value) {
		value = value_of(json_array_get(list, i));
		count = json_integer_value(json_array_get(list, i + 1));
		if (value <= before || count <= 0)
			return sess_err_set(err, SESS_EFORMAT, 0, "bad value or count");
		if ((slot = sessp_keys_insert(p, 2, (uint64_t)value + 1)) == NULL)
			return sess_err_nomem(err);
		slot[1] = (uint64_t)count;
	}
	return SESS_OK;
}

static enum sess_status
read_buckets(void **p, const json_t *list, struct sess_err *err)
{
	size_t i, size = json_array_size(list);
	int64_t at = 0, n, sum = 0;

	if (promote(p) < 0)
		return sess_err_nomem(err);
	for (i = 0; i < size; i++) {
		n = json_integer_value(json_array_get(list, i));
		if (n == 0 || n < -BUCKETS || at >= BUCKETS)
			return sess_err_set(err, SESS_EFORMAT, 0, "bad bucket");
		if (n > 0 && bucket_add(*p, (unsigned)at, n) < 0)
			return sess_err_nomem(err);
		at += n > 0 ? 1 : -n;
		sum = n > 0 ? sessp_sum(sum, n) : sum;
	}
	if (sum <= SESSP_EXACT_VALUES)
		return sess_err_set(err, SESS_EFORMAT, 0, "too few values for buckets");
	return SESS_OK;
}

enum sess_status
sessp_sketch_read(void **p, const json_t *json, struct sess_err *err)
{
	const json_t *buckets = json_object_get(json, "buckets");

	if (json_is_array(json))
		return read_values(p, json, err);
	if (json_is_array(buckets))
		return read_buckets(p, buckets, err);
	return sess_err_set(err, SESS_EFORMAT, 0, "not a list of values");
}
