#include "measure_state.h"

#include <endian.h>
#include <math.h>
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

/*
 * HyperLogLog.  A hash's first P bits say which register it raises, to one more
 * than the zeros that its other Q bits begin with.  As text a register is a
 * letter, A for 0 to z for 51.
 */
enum { P = 14, REGISTERS = 1 << P, Q = 64 - P, HIGHEST = Q + 1 };

struct registers {
	bool many;		/* true */
	unsigned char rank[REGISTERS];
};

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
_Static_assert(sizeof(letters) - 1 == HIGHEST + 1, "a letter for each rank");

static struct registers *
registers_new(void)
{
	struct registers *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->many = true;
	return r;
}

static void
raise_register(struct registers *r, uint64_t hash)
{
	unsigned char *to = &r->rank[hash >> Q];
	/* The bit behind the Q others ends a run of zeros. */
	unsigned rank = (unsigned)__builtin_clzll(hash << P | 1u << (P - 1)) + 1;

	if (rank > *to)
		*to = (unsigned char)rank;
}

static int
promote(void **p)
{
	struct sessp_keys *k = *p;
	struct registers *r = registers_new();

	if (r == NULL)
		return -1;
	for (uint32_t i = 0; k != NULL && i < k->cap; i++)
		if (k->slot[i] != 0)
			raise_register(r, k->slot[i]);
	free(k);
	*p = r;
	return 0;
}

int
sessp_distinct_add(void **p, uint64_t hash)
{
	struct sessp_keys *k = *p;

	hash += hash == 0;	/* 0 marks what is free */
	if (!sessp_is_many(k)) {
		if (k != NULL) {
			if (k->sorted)
				sessp_keys_unsort(k);
			if (*sessp_keys_find(k, 1, hash) == hash)
				return 0;
		}
		if (k == NULL || k->n < SESSP_EXACT_DISTINCT)
			return sessp_keys_insert(p, 1, hash) != NULL ? 0 : -1;
		if (promote(p) < 0)
			return -1;
	}
	raise_register(*p, hash);
	return 0;
}

int
sessp_distinct_merge(void **p, const void *from)
{
	const struct sessp_keys *k = from;
	const struct registers *r = from;
	struct registers *to;

	if (from == NULL)
		return 0;
	if (!k->many) {
		for (uint32_t i = 0; i < k->cap; i++)
			if (k->slot[i] != 0 && sessp_distinct_add(p, k->slot[i]) < 0)
				return -1;
		return 0;
	}
	if (!sessp_is_many(*p) && promote(p) < 0)
		return -1;
	to = *p;
	for (unsigned i = 0; i < REGISTERS; i++)
		if (r->rank[i] > to->rank[i])
			to->rank[i] = r->rank[i];
	return 0;
}

size_t
sessp_distinct_bytes(const void *p)
{
	return p == NULL ? 0 : sessp_is_many(p) ? sizeof(struct registers) : sessp_keys_bytes(p);
}

/* -- how many.  Otmar Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches" (2017), algorithm 6: as good at any number, and no
 * tables of corrections. */

static double
sigma(double x)
{
	double y = 1, z = x, before;

	if (x == 1)
		return INFINITY;
	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

static double
tau(double x)
{
	double y = 1, z = 1 - x, before;

	if (x == 0 || x == 1)
		return 0;
	do {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

static uint64_t
estimate(const struct registers *r)
{
	unsigned count[HIGHEST + 1] = { 0 };
	double m = REGISTERS, z, n;

	for (unsigned i = 0; i < REGISTERS; i++)
		count[r->rank[i]]++;
	z = m * tau(1 - count[HIGHEST] / m);
	for (unsigned i = Q; i > 0; i--)
		z = 0.5 * (z + count[i]);
	z += m * sigma(count[0] / m);
	n = m * m / (2 * M_LN2 * z);
	if (n < SESSP_EXACT_DISTINCT + 1)	/* it holds that many */
		return SESSP_EXACT_DISTINCT + 1;
	return n < 0x1p63 ? (uint64_t)(n + 0.5) : INT64_MAX;
}

uint64_t
sessp_state_distinct(const union sessp_state *s, bool *estimated)
{
	if (s->p == NULL)
		return 0;
	if (!sessp_is_many(s->p))
		return ((const struct sessp_keys *)s->p)->n;
	*estimated = true;
	return estimate(s->p);
}

/* -- text: the hashes in base64, ascending, most significant byte first; or
 * the registers' letters, a number before one telling how often it comes. */

static int
write_hashes(struct sessp_keys *k, struct sess_buf *out)
{
	size_t text = BASE64_ENCODE_RAW_LENGTH(k->n * 8);
	uint64_t hashes[SESSP_EXACT_DISTINCT];

	sessp_keys_sort(k);
	for (uint32_t i = 0; i < k->n; i++)
		hashes[i] = htobe64(k->slot[i]);
	if (sess_buf_putc(out, '"') < 0 || sess_buf_room(out, text) < 0)
		return -1;
	base64_encode_raw(out->data + out->len, k->n * 8, (const uint8_t *)hashes);
	out->len += text;
	return sess_buf_putc(out, '"');
}

static int
write_registers(const struct registers *r, struct sess_buf *out)
{
	unsigned i, n;

	if (sess_buf_puts(out, "{\"registers\":\"") < 0)
		return -1;
	for (i = 0; i < REGISTERS; i += n) {
		for (n = 1; i + n < REGISTERS && r->rank[i + n] == r->rank[i]; n++)
			;
		if (n > 2 && sess_buf_printf(out, "%u", n) < 0)
			return -1;
		if ((n == 2 && sess_buf_putc(out, letters[r->rank[i]]) < 0) ||
		    sess_buf_putc(out, letters[r->rank[i]]) < 0)
			return -1;
	}
	return sess_buf_puts(out, "\"}");
}

int
sessp_distinct_write(void *p, struct sess_buf *out)
{
	return sessp_is_many(p) ? write_registers(p, out) : write_hashes(p, out);
}

static enum sess_status
read_hashes(void **p, const char *text, size_t len, struct sess_err *err)
{
	uint8_t bytes[BASE64_DECODE_LENGTH(BASE64_ENCODE_RAW_LENGTH(SESSP_EXACT_DISTINCT * 8))];
	struct base64_decode_ctx ctx;
	uint64_t hash, before = 0;
	size_t n = 0;

	base64_decode_init(&ctx);
	if (len > BASE64_ENCODE_RAW_LENGTH(SESSP_EXACT_DISTINCT * 8) ||
	    !base64_decode_update(&ctx, &n, bytes, len, text) ||
	    !base64_decode_final(&ctx) || n == 0 || n % 8 != 0 || n > SESSP_EXACT_DISTINCT * 8)
		return sess_err_set(err, SESS_EFORMAT, 0, "bad list of hashes");
	for (size_t i = 0; i < n; i += 8, before = hash) {
		memcpy(&hash, &bytes[i], 8);
		hash = be64toh(hash);
		if (hash <= before)
			return sess_err_set(err, SESS_EFORMAT, 0, "hashes not in order");
		if (sessp_keys_insert(p, 1, hash) == NULL)
			return sess_err_nomem(err);
	}
	return SESS_OK;
}

/* A number at *text, 1 where there is none; at most more than there are registers. */
static unsigned
repeats(const char **text, const char *end)
{
	unsigned n = 0;

	if (*text < end && (**text < '1' || **text > '9'))
		return 1;
	for (; *text < end && **text >= '0' && **text <= '9' && n <= REGISTERS; ++*text)
		n = n * 10 + (unsigned)(**text - '0');
	return n;
}

static bool
parse_registers(struct registers *r, const char *text, const char *end)
{
	unsigned at = 0, n, any = 0;
	const char *letter;

	while (text < end) {
		n = repeats(&text, end);
		if (text == end || *text == '\0' || n > REGISTERS - at ||
		    (letter = strchr(letters, *text++)) == NULL)
			return false;
		memset(&r->rank[at], (int)(letter - letters), n);
		any |= (unsigned)(letter - letters);
		at += n;
	}
	return at == REGISTERS && any != 0;
}

enum sess_status
sessp_distinct_read(void **p, const json_t *json, struct sess_err *err)
{
	const json_t *text = json_object_get(json, "registers");
	const char *chars = json_string_value(text);
	struct registers *r;

	if (json_is_string(json))
		return read_hashes(p, json_string_value(json), json_string_length(json), err);
	if (chars == NULL)
		return sess_err_set(err, SESS_EFORMAT, 0, "not a set of hashes");
	if ((r = registers_new()) == NULL)
		return sess_err_nomem(err);
	*p = r;
	if (!parse_registers(r, chars, chars + json_string_length(text)))
		return sess_err_set(err, SESS_EFORMAT, 0, "bad registers");
	return SESS_OK;
}
