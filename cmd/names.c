#include "names.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "cli.h"

#define FIRST_SIZE 64

struct name {
	size_t off, len;
};

static void
out_of_memory(void)
{
	struct sess_err err = { 0 };

	sess_err_nomem(&err);
	cli_die(NULL, &err);
}

/* The slot that holds the text, or the empty one where it belongs. */
static size_t *
find_slot(const struct names *t, const char *p, size_t len)
{
	size_t i, slot = (size_t)XXH3_64bits(p, len);

	for (;; slot++) {
		i = t->slots[slot & (t->nslots - 1)];
		if (i == 0 || (t->v[i - 1].len == len &&
		    memcmp(t->text.data + t->v[i - 1].off, p, len) == 0))
			return &t->slots[slot & (t->nslots - 1)];
	}
}

static void
grow(struct names *t)
{
	size_t i, size = t->nslots > 0 ? t->nslots * 2 : FIRST_SIZE;
	struct sess_slice s;

	free(t->slots);
	t->slots = calloc(size, sizeof(*t->slots));
	t->v = reallocarray(t->v, size, sizeof(*t->v));
	if (t->slots == NULL || t->v == NULL)
		out_of_memory();
	t->nslots = size;
	for (i = 0; i < t->n; i++) {
		s = names_get(t, i);
		*find_slot(t, s.p, s.len) = i + 1;
	}
}

size_t
names_add(struct names *t, const char *p, size_t len)
{
	size_t *slot;

	if (t->n * 2 >= t->nslots)
		grow(t);
	slot = find_slot(t, p, len);
	if (*slot != 0)
		return *slot - 1;
	t->v[t->n] = (struct name){ t->text.len, len };
	/* the NUL gives an empty text an address too */
	if (sess_buf_add(&t->text, p, len) < 0 || sess_buf_putc(&t->text, '\0') < 0)
		out_of_memory();
	*slot = ++t->n;
	return t->n - 1;
}

size_t
names_find(const struct names *t, const char *p, size_t len)
{
	return t->n == 0 ? NAMES_NONE : *find_slot(t, p, len) - 1;
}

struct sess_slice
names_get(const struct names *t, size_t i)
{
	return (struct sess_slice){ t->text.data + t->v[i].off, t->v[i].len };
}

void
names_release(struct names *t)
{
	sess_buf_release(&t->text);
	free(t->v);
	free(t->slots);
	*t = (struct names){ 0 };
}
