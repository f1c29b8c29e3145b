/*
 * names: texts numbered in the order they come, each once.
 *
 * Once all are in, any thread may look them up.  Memory that runs out ends the
 * program.
 */
#ifndef NAMES_H
#define NAMES_H

#include <stddef.h>

#include "sess/buf.h"
#include "sess/event.h"

#define NAMES_NONE ((size_t)-1)

struct names {			/* zeros: an empty one */
	struct sess_buf text;
	struct name *v;
	size_t n;
	size_t *slots, nslots;	/* hash table of numbers + 1; a power of 2 */
};

/* The number of the text, which is entered if it is new. */
size_t names_add(struct names *t, const char *p, size_t len);

/* The number of the text, or NAMES_NONE. */
size_t names_find(const struct names *t, const char *p, size_t len);

/* The text of a number, borrowed until the next one is added. */
struct sess_slice names_get(const struct names *t, size_t i);

void names_release(struct names *t);

#endif
