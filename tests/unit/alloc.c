#include "alloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

/* Atomic: the library's threads allocate too. */
static atomic_long left = -1;
static atomic_bool failed;

void
alloc_fail_at(long n)
{
	atomic_store(&failed, false);
	atomic_store(&left, n);
}

bool
alloc_failed(void)
{
	return atomic_load(&failed);
}

static bool
fails(void)
{
	long n = atomic_load(&left);

	while (n >= 0 && !atomic_compare_exchange_weak(&left, &n, n - 1))
		;
	if (n != 0)
		return false;
	atomic_store(&failed, true);
	errno = ENOMEM;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}
