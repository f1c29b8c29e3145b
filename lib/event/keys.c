#include "sess/keys.h"

#include <stdlib.h>

#include "private.h"

const struct sess_key_info sess_keys[SESS_NKEYS] = {
#define INFO(NAME, name, type, arms, otel, doc) \
	{ name, arms, otel, doc, SESS_T_##type, sizeof(name) - 1 },
	SESS_KEYS(INFO)
#undef INFO
};

const char *const sess_kinds[SESS_NKINDS] = {
#define KIND(NAME, name) name,
	SESS_KINDS(KIND)
#undef KIND
};

/* The names with zeros behind them, to be compared as words. */
#define WIDTH 16
static const char key_names[SESS_NKEYS][WIDTH] = {
#define KEY(NAME, name, type, arms, otel, doc) name,
	SESS_KEYS(KEY)
#undef KEY
};
static const char kind_names[SESS_NKINDS][WIDTH] = {
#define KIND(NAME, name) name,
	SESS_KINDS(KIND)
#undef KIND
};
static const unsigned char key_lens[SESS_NKEYS] = {
#define LEN(NAME, name, type, arms, otel, doc) sizeof(name) - 1,
	SESS_KEYS(LEN)
#undef LEN
};
#define KEY_FITS(NAME, name, type, arms, otel, doc) \
	_Static_assert(sizeof(name) <= WIDTH, "a key of 15 bytes at most");
SESS_KEYS(KEY_FITS)
#define KIND_FITS(NAME, name) \
	_Static_assert(sizeof(name) <= WIDTH, "a kind of 15 bytes at most");
SESS_KINDS(KIND_FITS)

/*
 * A perfect hash of the keys: the slot of a name holds its key (an empty slot
 * holds 0, which is as good as any other wrong answer).  test_event prints seed
 * and table anew when a key was added.
 */
#define KEY_SEED 0x92d921ccceb96743u
static const unsigned char key_slots[256] = {
	0, 0, 62, 0, 19, 0, 2, 0, 0, 27, 0, 0, 0, 0, 0, 0, 59, 0, 40, 11,
	0, 3, 47, 0, 0, 0, 0, 0, 0, 0, 55, 0, 5, 0, 0, 60, 0, 33, 0, 13,
	0, 20, 0, 0, 0, 46, 81, 0, 22, 37, 75, 0, 0, 66, 0, 0, 0, 76, 0, 42,
	0, 0, 0, 24, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 31, 12, 0, 54, 0, 0,
	10, 0, 0, 32, 30, 0, 0, 18, 0, 0, 0, 0, 25, 0, 43, 79, 0, 57, 9, 38,
	34, 0, 0, 53, 0, 0, 1, 0, 0, 14, 0, 0, 0, 0, 0, 0, 70, 71, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0, 0, 0, 28, 74, 0, 23, 0, 78, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 67, 82, 0, 0, 0, 63, 0, 48, 0,
	0, 29, 0, 39, 0, 0, 0, 0, 0, 49, 0, 0, 0, 0, 0, 0, 64, 21, 52, 0,
	45, 0, 0, 0, 0, 36, 15, 0, 73, 0, 0, 0, 80, 0, 0, 0, 0, 61, 0, 0,
	77, 58, 0, 0, 6, 0, 4, 0, 0, 72, 0, 0, 68, 0, 0, 26, 16, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 41, 0, 0, 0, 0, 0, 35, 0, 0, 0, 0, 0, 0,
	0, 0, 56, 0, 17, 0, 7, 65, 0, 51, 0, 0, 69, 0, 0, 50
};

int
sess_key_find(const char *name, size_t len)
{
	uint64_t head, tail;
	unsigned k;

	if (len >= WIDTH)
		return -1;
	sessp_words(name, len, &head, &tail);
	k = key_slots[sessp_words_hash(head, tail, len) * KEY_SEED >> 56];
	return key_lens[k] == len && sessp_load64(key_names[k]) == head &&
	    sessp_load64(key_names[k] + (len > 8 ? len - 8 : 0)) == tail ? (int)k : -1;
}

int
sess_kind_find(const char *name, size_t len)
{
	char padded[WIDTH] = { 0 };

	if (len == 0 || len >= WIDTH || memchr(name, '\0', len) != NULL)
		return -1;
	memcpy(padded, name, len);
	for (int k = 0; k < SESS_NKINDS; k++)
		if (memcmp(kind_names[k], padded, WIDTH) == 0)
			return k;
	return -1;
}

/* -- names */

#define MAX_NAMES 4096
#define MAX_BITS 24		/* of hash; 21 do for as many names */
#define TRIES 256		/* seeds for each size of table */

/* A sequence of odd numbers that look random (splitmix64). */
static uint64_t
next_seed(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) | 1;
}

/* Give each of n names its slot.  SESS_END where two share one, SESS_EFORMAT
 * where these are equal. */
static enum sess_status
place(struct sessp_names *t, size_t n)
{
	const struct sessp_name *e, *other;
	uint64_t h;

	memset(t->slot, 0, sizeof(*t->slot) << (64 - t->shift));
	for (size_t i = 1; i <= n; i++) {
		e = &t->entry[i];
		h = sessp_words_hash(e->head, e->tail, e->len) * t->seed >> t->shift;
		other = &t->entry[t->slot[h]];
		if (other->len == e->len && memcmp(other->name, e->name, e->len) == 0)
			return SESS_EFORMAT;
		if (t->slot[h] != 0)
			return SESS_END;
		t->slot[h] = (uint16_t)i;
	}
	return SESS_OK;
}

/* Find a seed for tables of so many bits; SESS_END where none does. */
static enum sess_status
search(struct sessp_names *t, size_t n, unsigned bits, uint64_t *state)
{
	uint16_t *slot = realloc(t->slot, sizeof(*slot) << bits);
	enum sess_status st = SESS_END;

	if (slot == NULL)
		return SESS_ENOMEM;
	t->slot = slot;
	t->shift = 64 - bits;
	for (int i = 0; i < TRIES && st == SESS_END; i++) {
		t->seed = next_seed(state);
		st = place(t, n);
	}
	return st;
}

enum sess_status
sessp_names_init(struct sessp_names *t, const char *const *names, size_t n)
{
	enum sess_status st = SESS_END;
	uint64_t state = 0;
	unsigned bits = 4;

	*t = (struct sessp_names){ 0 };
	if (n > MAX_NAMES)
		return SESS_ELIMIT;
	t->entry = malloc((n + 1) * sizeof(*t->entry));
	if (t->entry == NULL)
		return SESS_ENOMEM;
	t->entry[0] = (struct sessp_name){ .len = SIZE_MAX, .index = -1 };
	for (size_t i = 0; i < n; i++) {
		struct sessp_name *e = &t->entry[i + 1];

		e->name = names[i];
		e->len = strlen(names[i]);
		e->index = (int)i;
		sessp_words(e->name, e->len, &e->head, &e->tail);
	}
	/* From n * n / 8 slots on, one seed in a hundred does. */
	while (((size_t)8 << bits) < n * n)
		bits++;
	for (; st == SESS_END && bits <= MAX_BITS; bits++)
		st = search(t, n, bits, &state);
	if (st == SESS_OK)
		return st;
	sessp_names_release(t);
	return st == SESS_ENOMEM ? st : SESS_EFORMAT;
}

void
sessp_names_release(struct sessp_names *t)
{
	free(t->slot);
	free(t->entry);
	*t = (struct sessp_names){ 0 };
}
