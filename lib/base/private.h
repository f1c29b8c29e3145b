/*
 * base: what every stage of the library stands on, beside the public err.h
 * and buf.h.
 */
#ifndef SESSP_BASE_H
#define SESSP_BASE_H

#include <stddef.h>
#include <stdint.h>

#include "sess/buf.h"
#include "sess/err.h"

/*
 * arena: many small allocations that die together.
 *
 * Slices handed out stay where they are until the arena is reset.  Used per
 * record for decoded values, so that nothing is freed one by one.
 */
struct sessp_arena {
	struct sessp_chunk *head;	/* the chunk being filled, newest first */
	size_t used, cap;		/* of head */
	size_t total;			/* bytes held in all chunks */
};

/* len bytes aligned for any type, owned by the arena; NULL when memory is out. */
void *sessp_arena_get(struct sessp_arena *a, size_t len);

/* A copy of len bytes and a NUL behind them; NULL when memory is out. */
char *sessp_arena_dup(struct sessp_arena *a, const char *p, size_t len);

/* Forget all allocations, keep one chunk for reuse. */
void sessp_arena_reset(struct sessp_arena *a);

/* Free everything; the arena is then empty and usable. */
void sessp_arena_release(struct sessp_arena *a);

/* A malloc'd copy of a string; NULL when memory is out.  (strdup is not used
 * in lib/: the tests' failing allocator cannot see inside libc.) */
char *sessp_dup(const char *s);

#endif
