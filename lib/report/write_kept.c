/* Rows that wait for others, and ids that were seen. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "write.h"

/* The slot of the text: its own, or the free one where it belongs. */
static size_t *
slot_of(const struct sessp_seen *s, const char *p, size_t len)
{
	size_t at = (size_t)XXH3_64bits(p, len), *slot;

	for (;; at++) {
		slot = &s->slots[at & (s->nslots - 1)];
		if (*slot == 0 || (s->v[*slot - 1].len == len &&
		    memcmp(s->text.data + s->v[*slot - 1].at, p, len) == 0))
			return slot;
	}
}

static int
more_slots(struct sessp_seen *s)
{
	size_t n = s->nslots > 0 ? s->nslots * 2 : 64, *slots, i;

	slots = n <= SIZE_MAX / sizeof(*slots) ? calloc(n, sizeof(*slots)) : NULL;
	if (slots == NULL)
		return -1;
	free(s->slots);
	s->slots = slots;
	s->nslots = n;
	for (i = 0; i < s->n; i++)
		*slot_of(s, s->text.data + s->v[i].at, s->v[i].len) = i + 1;
	return 0;
}

/* At least one element more; NULL when memory is out. */
static void *
grown(void *v, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap > 0 ? *cap * 2 : 64;

	if (n < *cap)
		return v;
	v = want <= SIZE_MAX / size ? realloc(v, want * size) : NULL;
	if (v != NULL)
		*cap = want;
	return v;
}

int
sessp_seen_add(struct sessp_seen *s, const char *p, size_t len)
{
	size_t *slot;
	void *v;

	if (s->n >= s->nslots / 2 && more_slots(s) < 0)
		return -1;
	slot = slot_of(s, p, len);
	if (*slot != 0)
		return 0;
	v = grown(s->v, s->n, &s->cap, sizeof(*s->v));
	if (v == NULL)
		return -1;
	s->v = v;
	s->v[s->n].at = s->text.len;
	s->v[s->n].len = len;
	/* slot_of compares texts: room for them where there is none yet. */
	if (sess_buf_add(&s->text, p, len) < 0 || sess_buf_room(&s->text, 1) < 0)
		return -1;
	*slot = ++s->n;
	return 1;
}

size_t
sessp_seen_find(const struct sessp_seen *s, const char *p, size_t len)
{
	size_t slot = s->nslots > 0 ? *slot_of(s, p, len) : 0;

	return slot > 0 ? slot - 1 : s->n;
}

void
sessp_seen_release(struct sessp_seen *s)
{
	sess_buf_release(&s->text);
	free(s->v);
	free(s->slots);
	*s = (struct sessp_seen){ 0 };
}

int
sessp_kept_add(struct sessp_kept *k, const struct sess_stats_row *row, size_t ncells)
{
	struct sess_cell *cells;
	void *v = grown(k->v, k->n, &k->cap, sizeof(*k->v));
	size_t i;

	if (v == NULL)
		return -1;
	k->v = v;
	cells = sessp_arena_get(&k->arena, ncells * sizeof(*cells));
	if (cells == NULL)
		return -1;
	for (i = 0; i < ncells; i++) {
		cells[i] = row->cells[i];
		if (cells[i].text.len == 0)
			continue;
		cells[i].text.p = sessp_arena_dup(&k->arena, cells[i].text.p, cells[i].text.len);
		if (cells[i].text.p == NULL)
			return -1;
	}
	k->v[k->n++] = (struct sess_stats_row){ .cells = cells, .estimated = row->estimated };
	return 0;
}

void
sessp_kept_reset(struct sessp_kept *k)
{
	k->n = 0;
	sessp_arena_reset(&k->arena);
}

void
sessp_kept_release(struct sessp_kept *k)
{
	free(k->v);
	sessp_arena_release(&k->arena);
	*k = (struct sessp_kept){ 0 };
}
