#include "private.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static int
add(struct sessp_ids *ids, size_t off, size_t len, size_t key_len)
{
	struct sessp_id *v;
	size_t cap = ids->cap > 0 ? ids->cap * 2 : 16;

	if (ids->n == ids->cap) {
		v = cap <= SIZE_MAX / sizeof(*v) ? realloc(ids->v, cap * sizeof(*v)) : NULL;
		if (v == NULL)
			return -1;
		ids->v = v;
		ids->cap = cap;
	}
	ids->v[ids->n++] = (struct sessp_id){ off, len, key_len };
	return 0;
}

int
sessp_ids_add(struct sessp_ids *ids, const char *id, size_t len)
{
	const char *dot = memrchr(id, '.', len);
	size_t off = ids->text.len;

	if (sess_buf_add(&ids->text, id, len) < 0 || sess_buf_putc(&ids->text, '\0') < 0 ||
	    add(ids, off, len, len) < 0)
		return -1;
	if (dot == NULL || dot == id)
		return 0;
	return add(ids, off, len, (size_t)(dot - id));	/* it may be KEY.T */
}

static bool
same(const struct sessp_ids *ids, const struct sessp_id *a, const struct sessp_id *b)
{
	return a->key_len == b->key_len && a->len == b->len &&
	    memcmp(ids->text.data + a->off, ids->text.data + b->off, a->len) == 0;
}

/* An id that is given a thousand times takes one slot. */
static void
enter(struct sessp_ids *ids, size_t i)
{
	const struct sessp_id *id = &ids->v[i];
	size_t slot = (size_t)XXH3_64bits(ids->text.data + id->off, id->key_len);
	size_t *s;

	for (;; slot++) {
		s = &ids->slots[slot & (ids->nslots - 1)];
		if (*s != 0 && !same(ids, &ids->v[*s - 1], id))
			continue;
		*s = i + 1;
		return;
	}
}

int
sessp_ids_seal(struct sessp_ids *ids)
{
	size_t i, n = 16;

	if (ids->n > SIZE_MAX / 64)
		return -1;
	while (n < ids->n * 2)
		n *= 2;
	free(ids->slots);
	ids->slots = calloc(n, sizeof(*ids->slots));
	if (ids->slots == NULL)
		return -1;
	ids->nslots = n;
	for (i = 0; i < ids->n; i++)
		enter(ids, i);
	return 0;
}

/* The next entry for key at or behind *slot (0 at first), or NULL. */
static const struct sessp_id *
next_entry(const struct sessp_ids *ids, struct sess_slice key, size_t *slot, bool first)
{
	const struct sessp_id *id;
	size_t i;

	if (ids->nslots == 0 || key.len == 0)
		return NULL;
	if (first)
		*slot = (size_t)XXH3_64bits(key.p, key.len);
	while ((i = ids->slots[*slot & (ids->nslots - 1)]) != 0) {
		(*slot)++;
		id = &ids->v[i - 1];
		if (id->key_len == key.len &&
		    memcmp(ids->text.data + id->off, key.p, key.len) == 0)
			return id;
	}
	return NULL;
}

bool
sessp_ids_wants(const struct sessp_ids *ids, struct sess_slice key)
{
	size_t slot = 0;

	return next_entry(ids, key, &slot, true) != NULL;
}

bool
sessp_ids_has(const struct sessp_ids *ids, const struct sess_session *s)
{
	struct sess_slice base = s->session_id.len > 0 ? s->session_id : s->visitor;
	const struct sessp_id *id;
	bool first = true;
	size_t slot = 0;

	for (; (id = next_entry(ids, base, &slot, first)) != NULL; first = false)
		if (sess_session_named(s, ids->text.data + id->off, id->len))
			return true;
	return false;
}

void
sessp_ids_release(struct sessp_ids *ids)
{
	sess_buf_release(&ids->text);
	free(ids->v);
	free(ids->slots);
	*ids = (struct sessp_ids){ 0 };
}
