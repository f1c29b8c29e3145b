#include "private.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/private.h"

/* One walk under way. */
struct walking {
	struct sessp_walk *w;
	size_t cap;
	const struct stat *out;		/* files that are written */
	size_t nout;
	sessp_walk_warn *warn;
	void *arg;
};

/* What a directory holds, in natural order. */
struct listing {
	char **names;
	size_t n, cap;
};

/* The digits at s without leading zeros: where they start, how many. */
static size_t
digits(const char **s)
{
	size_t n = 0;

	while (**s == '0')
		++*s;
	while (isdigit((unsigned char)(*s)[n]))
		n++;
	return n;
}

int
sessp_natural_cmp(const char *a, const char *b)
{
	const char *p = a, *q = b;
	size_t n, m;
	int c;

	while (*p != '\0' && *q != '\0') {
		if (isdigit((unsigned char)*p) && isdigit((unsigned char)*q)) {
			n = digits(&p);
			m = digits(&q);
			c = n != m ? (n < m ? -1 : 1) : memcmp(p, q, n);
			if (c != 0)
				return c;
			p += n;
			q += n;
		} else if (*p == *q) {
			p++;
			q++;
		} else {
			break;
		}
	}
	c = (unsigned char)*p - (unsigned char)*q;
	return c != 0 ? c : strcmp(a, b);
}

static int
by_name(const void *a, const void *b)
{
	return sessp_natural_cmp(*(char *const *)a, *(char *const *)b);
}

/* Grow an array of size-byte items so that there is room for one more. */
static int
room(void *array, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap > 0 ? *cap * 2 : 16;
	void *p, **at = array;

	if (n < *cap)
		return 0;
	if (want > SIZE_MAX / 2 / size || (p = realloc(*at, want * size)) == NULL)
		return -1;
	*at = p;
	*cap = want;
	return 0;
}

static void
tell(struct walking *wk, const char *name, int sys)
{
	struct sess_err err = { 0 };

	(void)sess_err_sys(&err, sys, NULL);
	wk->warn(wk->arg, name, &err);
}

/* Whether it is a file that is written. */
static bool
is_output(const struct walking *wk, const struct stat *st)
{
	size_t i;

	for (i = 0; i < wk->nout; i++)
		if (S_ISREG(st->st_mode) && S_ISREG(wk->out[i].st_mode) &&
		    st->st_dev == wk->out[i].st_dev && st->st_ino == wk->out[i].st_ino)
			return true;
	return false;
}

/* Add a file; path NULL is standard input.  0, or -1: memory. */
static int
add(struct walking *wk, const char *path, const struct stat *st)
{
	struct sessp_walk *w = wk->w;
	struct sessp_file f = { 0 };
	void *files = w->files;

	f.regular = S_ISREG(st->st_mode);
	f.size = f.regular && st->st_size > 0 ? (uint64_t)st->st_size : 0;
	if (is_output(wk, st)) {
		w->skipped++;
		return 0;
	}
	if (room(&files, w->n, &wk->cap, sizeof(f)) < 0)
		return -1;
	w->files = files;
	f.name = sessp_dup(path != NULL ? path : "<stdin>");
	f.path = path != NULL ? sessp_dup(path) : NULL;
	if (f.name == NULL || (path != NULL && f.path == NULL)) {
		free(f.name);
		free(f.path);
		return -1;
	}
	w->rereadable = w->rereadable && f.regular;
	w->files[w->n++] = f;
	return 0;
}

static void
listing_release(struct listing *l)
{
	while (l->n > 0)
		free(l->names[--l->n]);
	free(l->names);
}

/* Read the names of a directory; 0, or -1: memory. */
static int
list(struct walking *wk, DIR *d, const char *path, struct listing *l)
{
	struct dirent *e;
	void *names;

	while (errno = 0, (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		names = l->names;
		if (room(&names, l->n, &l->cap, sizeof(*l->names)) < 0)
			return -1;
		l->names = names;
		l->names[l->n] = sessp_dup(e->d_name);
		if (l->names[l->n] == NULL)
			return -1;
		l->n++;
	}
	if (errno != 0)
		tell(wk, path, errno);
	if (l->n > 1)
		qsort(l->names, l->n, sizeof(*l->names), by_name);
	return 0;
}

static char *
join(const char *dir, const char *name)
{
	size_t n = strlen(dir), m = strlen(name);
	char *p = malloc(n + m + 2);

	if (p == NULL)
		return NULL;
	memcpy(p, dir, n);
	if (n > 0 && dir[n - 1] != '/')
		p[n++] = '/';
	memcpy(p + n, name, m + 1);
	return p;
}

static int directory(struct walking *, const char *, int);

/* One name of a directory; 0, or -1: memory. */
static int
inside(struct walking *wk, const char *dir, const char *name)
{
	struct stat st;
	char *path;
	int r = 0;

	path = join(dir, name);
	if (path == NULL)
		return -1;
	if (lstat(path, &st) < 0)
		tell(wk, path, errno);
	else if (S_ISDIR(st.st_mode))
		r = directory(wk, path, O_NOFOLLOW);
	else if (S_ISREG(st.st_mode))
		r = add(wk, path, &st);
	else
		wk->w->skipped++;
	free(path);
	return r;
}

/* All of a directory.  It is closed before those in it are opened, so depth
 * costs no descriptors and ends where paths grow too long for the system. */
static int
directory(struct walking *wk, const char *path, int follow)
{
	struct listing l = { 0 };
	DIR *d = NULL;
	size_t i;
	int fd, r;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
	if (fd < 0 || (d = fdopendir(fd)) == NULL) {
		tell(wk, path, errno);
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	r = list(wk, d, path, &l);
	(void)closedir(d);
	for (i = 0; i < l.n && r == 0; i++)
		r = inside(wk, path, l.names[i]);
	listing_release(&l);
	return r;
}

static int
operand(struct walking *wk, const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0) {
		if (fstat(STDIN_FILENO, &st) < 0) {
			tell(wk, "<stdin>", errno);
			return 0;
		}
		return add(wk, NULL, &st);
	}
	if (stat(path, &st) < 0) {
		tell(wk, path, errno);
		return 0;
	}
	return S_ISDIR(st.st_mode) ? directory(wk, path, 0) : add(wk, path, &st);
}

enum sess_status
sessp_walk(struct sessp_walk *w, const char *const *operands, const struct stat *out,
    size_t nout, sessp_walk_warn *warn, void *arg, struct sess_err *err)
{
	static const char *const standard_input[] = { "-", NULL };
	struct walking wk = { .w = w, .out = out, .nout = nout,
	    .warn = warn, .arg = arg };

	*w = (struct sessp_walk){ .rereadable = true };
	if (operands == NULL || *operands == NULL)
		operands = standard_input;
	for (; *operands != NULL; operands++)
		if (operand(&wk, *operands) < 0) {
			sessp_walk_release(w);
			return sess_err_nomem(err);
		}
	return SESS_OK;
}

void
sessp_walk_release(struct sessp_walk *w)
{
	while (w->n > 0) {
		free(w->files[--w->n].path);
		free(w->files[w->n].name);
	}
	free(w->files);
	*w = (struct sessp_walk){ 0 };
}
