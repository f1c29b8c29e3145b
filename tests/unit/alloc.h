/*
 * alloc: memory that runs out when a test says so.
 *
 *	for (n = 0; ; n++) {
 *		alloc_fail_at(n);
 *		status = sess_thing_new(&thing, &err);
 *		if (!alloc_failed())
 *			break;			the call needs n allocations
 *		assert_int_equal(status, SESS_ENOMEM);
 *	}
 *	alloc_fail_at(-1);
 *
 * Every test is linked with malloc, calloc and realloc wrapped.  What libc and
 * other libraries allocate inside is not seen.
 */
#ifndef ALLOC_H
#define ALLOC_H

#include <stdbool.h>

/* Let the n-th allocation from now fail, once (0: the next); -1: none. */
void alloc_fail_at(long n);

/* Whether one has failed since. */
bool alloc_failed(void);

#endif
