#include "measure_state.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_CAP 4

static struct sessp_keys *
table(unsigned width, uint32_t cap)
{
	struct sessp_keys *k = calloc(1, sizeof(*k) + (size_t)cap * width * sizeof(k->slot[0]));

	if (k == NULL)
		return NULL;
	k->width = (unsigned char)width;
	k->cap = cap;
	k->shift = (unsigned char)(64 - __builtin_ctz(cap));
	return k;
}

/* Put a slot's words where they belong. */
static void
place(struct sessp_keys *k, const uint64_t *words)
{
	uint64_t *slot = sessp_keys_find(k, k->width, words[0]);

	memcpy(slot, words, k->width * sizeof(*slot));
}

static int
grow(void **p, unsigned width)
{
	struct sessp_keys *old = *p, *new = table(width, old != NULL ? 2 * old->cap : LEAST_CAP);

	if (new == NULL)
		return -1;
	for (uint32_t i = 0; old != NULL && i < old->cap; i++)
		if (old->slot[i * width] != 0)
			place(new, &old->slot[i * width]);
	new->n = old != NULL ? old->n : 0;
	free(old);
	*p = new;
	return 0;
}

uint64_t *
sessp_keys_insert(void **p, unsigned width, uint64_t key)
{
	struct sessp_keys *k = *p;
	uint64_t *slot;

	if ((k == NULL || k->n == k->cap / 4 * 3) && grow(p, width) < 0)
		return NULL;
	k = *p;
	slot = sessp_keys_find(k, width, key);
	*slot = key;
	k->n++;
	return slot;
}

static int
by_key(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void
sessp_keys_sort(struct sessp_keys *k)
{
	size_t size = k->width * sizeof(k->slot[0]), n = 0;

	if (k->sorted)
		return;
	for (uint32_t i = 0; i < k->cap; i++) {
		uint64_t *slot = &k->slot[i * k->width];

		if (*slot != 0)
			memmove(&k->slot[n++ * k->width], slot, size);
	}
	memset(&k->slot[n * k->width], 0, (k->cap - n) * size);
	qsort(k->slot, n, size, by_key);
	k->sorted = true;
}

void
sessp_keys_unsort(struct sessp_keys *k)
{
	uint64_t words[SESSP_KEYS_MOST];
	size_t n = (size_t)k->n * k->width;

	if (!k->sorted)
		return;
	memcpy(words, k->slot, n * sizeof(words[0]));
	memset(k->slot, 0, n * sizeof(words[0]));
	for (size_t i = 0; i < n; i += k->width)
		place(k, &words[i]);
	k->sorted = false;
}

size_t
sessp_keys_bytes(const struct sessp_keys *k)
{
	return sizeof(*k) + (size_t)k->cap * k->width * sizeof(k->slot[0]);
}
