/* A state of the store, for reading. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "private.h"

enum { UNOPENED, OPENED, BAD };

enum sess_status
sess_store_open(struct sess_store **stp, const char *dir, struct sess_err *err)
{
	struct sess_store *st = calloc(1, sizeof(*st));
	struct sess_buf text = { 0 };
	enum sess_status r;

	*stp = NULL;
	if (st == NULL)
		return sess_err_nomem(err);
	st->dirfd = st->segments = st->state = -1;
	st->m.batch_time = SESS_NO_TIME;
	if ((st->name = sessp_dup(dir)) == NULL) {
		r = sess_err_nomem(err);
		goto out;
	}
	if ((st->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		r = sess_err_sys(err, errno, NULL);
		goto out;
	}
	if (faccessat(st->dirfd, "MANIFEST", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		if ((r = sessp_shards_open(st, err)) < 0 || st->nshards > 0)
			goto out;
	}
	if ((r = sessp_lock_state(st->dirfd, &st->state, &text, err)) < 0 ||
	    (r = sessp_manifest_parse(&st->m, text.data != NULL ? text.data : "", text.len,
	    err)) < 0)
		goto out;
	st->manifest_bytes = text.len;
	st->segments = openat(st->dirfd, "segments", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st->segments < 0) {
		r = sess_err_sys(err, errno, "segments");
		goto out;
	}
	st->catalogs = calloc(st->m.n + 1, sizeof(*st->catalogs));
	st->opened = calloc(st->m.n + 1, 1);
	if (st->catalogs == NULL || st->opened == NULL)
		r = sess_err_nomem(err);
out:
	sess_buf_release(&text);
	if (r < 0) {
		sess_store_free(st);
		return r;
	}
	*stp = st;
	return SESS_OK;
}

void
sess_store_free(struct sess_store *st)
{
	size_t i;

	if (st == NULL)
		return;
	sessp_shards_free(st);
	for (i = 0; st->opened != NULL && i < st->m.n; i++)
		if (st->opened[i] == OPENED)
			sessp_catalog_close(&st->catalogs[i]);
	free(st->catalogs);
	free(st->opened);
	free(st->set.v);
	free(st->pieces);
	free(st->parts);
	sessp_manifest_release(&st->m);
	if (st->segments >= 0)
		close(st->segments);
	if (st->state >= 0)
		close(st->state);
	if (st->dirfd >= 0)
		close(st->dirfd);
	free(st->name);
	free(st);
}

void
sess_store_on_problem(struct sess_store *st, sess_store_problem *problem, void *arg)
{
	size_t i;

	st->problem = problem;
	st->problem_arg = arg;
	for (i = 0; i < st->nshards; i++)
		sess_store_on_problem(st->shards[i], problem, arg);
}

void
sess_store_share(struct sess_store *st, struct sess_shard share)
{
	st->share = share;
}

void
sessp_store_bad(struct sess_store *st, size_t i, const struct sess_err *err)
{
	if (st->opened[i] == BAD)
		return;
	if (st->opened[i] == OPENED)
		sessp_catalog_close(&st->catalogs[i]);
	st->opened[i] = BAD;
	if (st->problem != NULL)
		st->problem(st->problem_arg, st->name, err);
}

struct sessp_catalog *
sessp_store_catalog(struct sess_store *st, size_t i)
{
	struct sess_err err = { 0 };

	if (st->opened[i] == UNOPENED) {
		if (sessp_catalog_open(&st->catalogs[i], st->segments, &st->m.segments[i],
		    &err) < 0) {
			sessp_store_bad(st, i, &err);
			return NULL;
		}
		st->opened[i] = OPENED;
	}
	return st->opened[i] == OPENED ? &st->catalogs[i] : NULL;
}

/* -- figures */

void
sess_store_figures(const struct sess_store *st, struct sess_store_figures *f)
{
	size_t i;

	if (st->nshards > 0) {
		sessp_shards_figures(st, f);
		return;
	}
	*f = (struct sess_store_figures){ .first = SESS_NO_TIME, .last = SESS_NO_TIME,
	    .batch_time = st->m.batch_time, .batches = st->m.generation,
	    .segments = st->m.n, .inputs = st->m.nmarks,
	    .other_bytes = st->manifest_bytes };
	for (i = 0; i < st->m.n; i++) {
		const struct sessp_segment *s = &st->m.segments[i];

		f->days += i == 0 || s->day != st->m.segments[i - 1].day;
		f->events += s->events;
		f->sessions += s->rows;
		f->events_bytes += s->events_bytes;
		f->catalog_bytes += s->catalog_bytes;
		f->raw_bytes += s->raw_bytes;
		if (i == 0 || s->first < f->first)
			f->first = s->first;
		if (i == 0 || s->last > f->last)
			f->last = s->last;
	}
}

bool
sess_store_segment(const struct sess_store *st, size_t i, struct sess_store_segment *seg)
{
	const struct sessp_segment *s;

	if (st->nshards > 0)
		return sessp_shards_segment(st, i, seg);
	if (i >= st->m.n)
		return false;
	s = &st->m.segments[i];
	*seg = (struct sess_store_segment){ s->name, s->events, s->rows, s->events_bytes,
	    s->catalog_bytes, s->raw_bytes, s->first, s->last, st->m.shard };
	return true;
}

/* -- sets */

int
sessp_set_add(struct sessp_set *s, uint64_t hash)
{
	size_t cap = s->cap > 0 ? 2 * s->cap : 64;
	uint64_t *v;

	if (s->n == s->cap) {
		if ((v = realloc(s->v, cap * sizeof(*v))) == NULL)
			return -1;
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = hash;
	return 0;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void
sessp_set_sort(struct sessp_set *s)
{
	size_t i, n = 0;

	if (s->n == 0)
		return;
	qsort(s->v, s->n, sizeof(*s->v), by_number);
	for (i = 0; i < s->n; i++)
		if (n == 0 || s->v[n - 1] != s->v[i])
			s->v[n++] = s->v[i];
	s->n = n;
}

void
sessp_set_intersect(struct sessp_set *s, const struct sessp_set *with)
{
	size_t i, k = 0, n = 0;

	for (i = 0; i < s->n; i++) {
		while (k < with->n && with->v[k] < s->v[i])
			k++;
		if (k < with->n && with->v[k] == s->v[i])
			s->v[n++] = s->v[i];
	}
	s->n = n;
}
