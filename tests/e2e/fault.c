/*
 * fault: a library to be loaded before libc, that lets the n-th call fail which
 * changes anything on disk.
 *
 *	FAULT_AT=17 FAULT_KIND=kill LD_PRELOAD=./fault.so sess-index ...
 *
 * FAULT_KIND: kill (SIGKILL instead of the call), after (behind it), half (of a
 * write half is done before), enospc, eio (the call fails).  FAULT_COUNT: a file
 * to which the number of calls is written at the end.  FAULT_UNREADABLE: from this
 * place on a block of no file can be read.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long calls;

static void __attribute__((destructor))
tell(void)
{
	const char *path = getenv("FAULT_COUNT");
	FILE *f = path != NULL ? fopen(path, "w") : NULL;

	if (f != NULL) {
		fprintf(f, "%ld\n", atomic_load(&calls));
		fclose(f);
	}
}

enum fault { NONE, FAIL, HALF, AFTER };

/* Whether this call is the one; errno is set where it is to fail. */
static enum fault
next(void)
{
	const char *at = getenv("FAULT_AT"), *kind = getenv("FAULT_KIND");

	if (atomic_fetch_add(&calls, 1) + 1 != (at != NULL ? atol(at) : -1))
		return NONE;
	if (strcmp(kind, "kill") == 0)
		raise(SIGKILL);
	if (strcmp(kind, "half") == 0)
		return HALF;
	if (strcmp(kind, "after") == 0)
		return AFTER;
	errno = strcmp(kind, "eio") == 0 ? EIO : ENOSPC;
	return FAIL;
}

/* The call, as libc has it. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define FAULTY(call) do { \
	enum fault fault = next(); \
	if (fault == FAIL) \
		return -1; \
	__typeof__(call) r = call; \
	if (fault != NONE) \
		raise(SIGKILL); \
	return r; \
} while (0)

ssize_t
write(int fd, const void *p, size_t len)
{
	enum fault fault = fd > 2 ? next() : NONE;
	ssize_t r;

	if (fault == FAIL)
		return -1;
	r = REAL(write)(fd, p, fault == HALF ? len / 2 : len);
	if (fault != NONE)
		raise(SIGKILL);
	return r;
}

ssize_t
pwrite(int fd, const void *p, size_t len, off_t at)
{
	FAULTY(REAL(pwrite)(fd, p, len, at));
}

ssize_t
pread(int fd, void *p, size_t len, off_t at)
{
	const char *text = getenv("FAULT_UNREADABLE");
	off_t bad = text != NULL ? atol(text) : 0;

	if (text != NULL && at >= bad && at < bad + 4096) {
		errno = EIO;
		return -1;
	}
	if (at < bad && (off_t)len > bad - at)
		len = (size_t)(bad - at);
	return REAL(pread)(fd, p, len, at);
}

int
fsync(int fd)
{
	FAULTY(REAL(fsync)(fd));
}

int
ftruncate(int fd, off_t len)
{
	FAULTY(REAL(ftruncate)(fd, len));
}

int
renameat(int a, const char *from, int b, const char *to)
{
	FAULTY(REAL(renameat)(a, from, b, to));
}

int
linkat(int a, const char *from, int b, const char *to, int flags)
{
	FAULTY(REAL(linkat)(a, from, b, to, flags));
}

int
unlinkat(int fd, const char *path, int flags)
{
	FAULTY(REAL(unlinkat)(fd, path, flags));
}

int
mkdirat(int fd, const char *path, mode_t mode)
{
	FAULTY(REAL(mkdirat)(fd, path, mode));
}

int
openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if ((flags & O_CREAT) == 0)
		return REAL(openat)(dir, path, flags);
	FAULTY(REAL(openat)(dir, path, flags, mode));
}
