#include "private.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK (64 * 1024)
#define ALIGN 16

struct sessp_chunk {
	struct sessp_chunk *next;
	size_t cap;
	_Alignas(ALIGN) char data[];
};

void *
sessp_arena_get(struct sessp_arena *a, size_t len)
{
	struct sessp_chunk *c;
	size_t need, cap;
	void *p;

	if (len > SIZE_MAX / 2)
		return NULL;
	need = (len + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (a->head == NULL || a->cap - a->used < need) {
		cap = need > CHUNK ? need : CHUNK;
		c = malloc(sizeof(*c) + cap);
		if (c == NULL)
			return NULL;
		c->cap = cap;
		c->next = a->head;
		a->head = c;
		a->used = 0;
		a->cap = cap;
		a->total += cap;
	}
	p = a->head->data + a->used;
	a->used += need;
	return p;
}

char *
sessp_arena_dup(struct sessp_arena *a, const char *p, size_t len)
{
	char *q;

	if (len == SIZE_MAX || (q = sessp_arena_get(a, len + 1)) == NULL)
		return NULL;
	if (len > 0)
		memcpy(q, p, len);
	q[len] = '\0';
	return q;
}

void
sessp_arena_reset(struct sessp_arena *a)
{
	struct sessp_chunk *c;

	/* Keep one chunk of the ordinary size: an outsized one was for one
	 * outsized record. */
	while ((c = a->head) != NULL && (c->next != NULL || c->cap > CHUNK)) {
		a->head = c->next;
		a->total -= c->cap;
		free(c);
	}
	a->used = 0;
	a->cap = a->head != NULL ? a->head->cap : 0;
}

void
sessp_arena_release(struct sessp_arena *a)
{
	struct sessp_chunk *c;

	while ((c = a->head) != NULL) {
		a->head = c->next;
		free(c);
	}
	*a = (struct sessp_arena){ 0 };
}

char *
sessp_dup(const char *s)
{
	size_t len = strlen(s) + 1;
	char *p = malloc(len);

	return p != NULL ? memcpy(p, s, len) : NULL;
}
