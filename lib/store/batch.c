/* What is added becomes segments, and the segments a state of the store. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/sorter.h"
#include "private.h"
#include "sess/when.h"

#define MEMORY (512u << 20)
#define MARKS 10000		/* inputs that are remembered */
#define DAY_MS (24 * 3600 * (int64_t)1000)

/* -- opening */

static enum sess_status
make_store(const char *dir, struct sess_indexer *ix, struct sess_err *err)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return sess_err_sys(err, errno, dir);
	ix->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ix->dirfd < 0)
		return sess_err_sys(err, errno, dir);
	return SESS_OK;
}

static bool
is_empty(int dirfd)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *e;
	bool empty = d != NULL;

	while (empty && (e = readdir(d)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	if (d != NULL)
		closedir(d);
	else if (copy >= 0)
		close(copy);
	return empty;
}

/* A folder that has something else in it is not made a store. */
static enum sess_status
check_folder(const struct sess_indexer *ix, struct sess_err *err)
{
	struct stat st;
	unsigned of;

	if (ix->o.shard.of > 0 && fstatat(ix->dirfd, "../MANIFEST", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return sess_err_set(err, SESS_EFORMAT, 0, "a shard of what is a store itself");
	if (fstatat(ix->dirfd, "MANIFEST", &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	    fstatat(ix->dirfd, "LOCK", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return SESS_OK;
	if (is_empty(ix->dirfd))
		return SESS_OK;
	return sess_err_set(err, SESS_EFORMAT, 0,
	    sessp_shards_find(ix->dirfd, &of, NULL) < 0 || of > 0 ?
	    "it is a store of shards, of which one is written at a time" :
	    "the folder is not empty, and no store");
}

static enum sess_status
load_state(struct sess_indexer *ix, struct sess_err *err)
{
	struct sess_buf text = { 0 };
	enum sess_status st;
	int fd = openat(ix->dirfd, "MANIFEST", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT) {
		ix->m.shard = ix->o.shard;
		return SESS_OK;
	}
	if (fd < 0)
		return sess_err_sys(err, errno, "MANIFEST");
	st = sessp_read_fd(fd, UINT64_MAX, &text, err);
	close(fd);
	if (st == SESS_OK)
		st = sessp_manifest_parse(&ix->m, text.data != NULL ? text.data : "", text.len, err);
	sess_buf_release(&text);
	if (st == SESS_OK && (ix->m.shard.of != ix->o.shard.of ||
	    ix->m.shard.index != ix->o.shard.index))
		st = ix->m.shard.of > 0 ?
		    sess_err_set(err, SESS_EFORMAT, 0, "the store is shard %u of %u",
		    ix->m.shard.index, ix->m.shard.of) :
		    sess_err_set(err, SESS_EFORMAT, 0, "the store is no shard");
	return st;
}

static unsigned
cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned)n;
}

enum sess_status
sess_indexer_open(struct sess_indexer **ixp, const char *dir,
    const struct sess_indexer_opts *o, struct sess_err *err)
{
	struct sess_indexer *ix = calloc(1, sizeof(*ix));
	enum sess_status st;
	bool kept;

	*ixp = NULL;
	if (ix == NULL)
		return sess_err_nomem(err);
	ix->dirfd = ix->segments = ix->lock = -1;
	ix->m.batch_time = SESS_NO_TIME;
	ix->o = *o;
	ix->jobs = o->jobs > 0 ? o->jobs : cores();
	if ((st = make_store(dir, ix, err)) < 0 || (st = check_folder(ix, err)) < 0 ||
	    (st = sessp_lock_write(ix->dirfd, &ix->lock, err)) < 0 ||
	    (st = load_state(ix, err)) < 0)
		goto fail;
	if (mkdirat(ix->dirfd, "segments", 0700) < 0 && errno != EEXIST) {
		st = sess_err_sys(err, errno, "segments");
		goto fail;
	}
	ix->segments = openat(ix->dirfd, "segments", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ix->segments < 0) {
		st = sess_err_sys(err, errno, "segments");
		goto fail;
	}
	/* what a writer left that was killed, once the state is sure to stay */
	if (fsync(ix->dirfd) < 0) {
		st = sess_err_sys(err, errno, dir);
		goto fail;
	}
	if ((st = sessp_sweep(ix->dirfd, &ix->m, &kept, err)) < 0 ||
	    (st = sessp_sorter_new(&ix->sorter, o->tmpdir != NULL ? o->tmpdir : "/var/tmp",
	    o->memory > 0 ? o->memory : MEMORY, err)) < 0)
		goto fail;
	*ixp = ix;
	return SESS_OK;
fail:
	sess_indexer_free(ix);
	return st;
}

void
sess_indexer_free(struct sess_indexer *ix)
{
	bool kept;

	if (ix == NULL)
		return;
	/* Segments that were begun and not published.  Where it isn't known which state
	 * will be found after a power cut, the next writer does it. */
	if (ix->segments >= 0 && ix->lock >= 0 && !ix->unsure)
		(void)sessp_sweep(ix->dirfd, &ix->m, &kept, NULL);
	sessp_sorter_free(ix->sorter);
	sessp_manifest_release(&ix->m);
	free(ix->marks);
	free(ix->replaced);
	if (ix->segments >= 0)
		close(ix->segments);
	if (ix->lock >= 0)
		close(ix->lock);
	if (ix->dirfd >= 0)
		close(ix->dirfd);
	free(ix);
}

/* -- adding */

/* Place, length, line. */
enum sess_status
sess_indexer_pack(const struct sess_event *ev, struct sess_buf *out, struct sess_err *err)
{
	size_t start = out->len, at = start + SESSP_PLACE_LEN + sizeof(uint32_t), len;
	uint32_t n;

	if (sess_buf_room(out, at - start) < 0)
		return sess_err_nomem(err);
	out->len = at;
	if (sess_event_write(ev, out) < 0)
		return sess_err_nomem(err);
	len = out->len - at;
	if (len > 0 && out->data[out->len - 1] == '\n')
		len--;
	if (len > SESSP_LINE_MAX)
		return sess_err_set(err, SESS_ELIMIT, 0, "an event is too long");
	out->len = at + len;
	n = (uint32_t)len;
	memcpy(out->data + start + SESSP_PLACE_LEN, &n, sizeof(n));
	sessp_place(ev, out->data + at, len, out->data + start);
	return SESS_OK;
}

enum sess_status
sess_indexer_add(struct sess_indexer *ix, const char *packed, size_t len,
    struct sess_err *err)
{
	const char *p = packed, *end = packed + len;
	struct sessp_record rec = { .klen = SESSP_PLACE_LEN };
	enum sess_status st;
	uint32_t n;

	for (; p < end; p = rec.data + n) {
		memcpy(&n, p + SESSP_PLACE_LEN, sizeof(n));
		rec.key = p;
		rec.data = p + SESSP_PLACE_LEN + sizeof(n);
		rec.len = n;
		if ((st = sessp_sorter_add(ix->sorter, &rec, err)) < 0)
			return st;
	}
	return SESS_OK;
}

/* -- how far inputs were read */

const struct sess_mark *
sess_indexer_marks(const struct sess_indexer *ix, size_t *n)
{
	*n = ix->m.nmarks;
	return ix->m.marks;
}

enum sess_status
sess_indexer_mark(struct sess_indexer *ix, const struct sess_mark *mark, size_t before,
    struct sess_err *err)
{
	size_t cap = ix->marks_cap > 0 ? 2 * ix->marks_cap : 16;
	struct sess_mark *v;

	if (ix->replaced == NULL && (ix->replaced = calloc(ix->m.nmarks + 1, 1)) == NULL)
		return sess_err_nomem(err);
	if (ix->nmarks == ix->marks_cap) {
		if ((v = realloc(ix->marks, cap * sizeof(*v))) == NULL)
			return sess_err_nomem(err);
		ix->marks = v;
		ix->marks_cap = cap;
	}
	ix->marks[ix->nmarks++] = *mark;
	if (before < ix->m.nmarks)
		ix->replaced[before] = 1;
	return SESS_OK;
}

static int
last_seen_first(const void *a, const void *b)
{
	const struct sess_mark *x = a, *y = b;

	return (x->seen < y->seen) - (x->seen > y->seen);
}

/* Those of this run, and those that were not met: a file may be out of the way
 * for a time, and a store be fed from several places. */
static enum sess_status
new_marks(const struct sess_indexer *ix, struct sessp_manifest *to, struct sess_err *err)
{
	size_t i;

	to->nmarks = 0;
	for (i = 0; i < ix->nmarks; i++) {
		if (sessp_manifest_mark(to, &ix->marks[i]) < 0)
			return sess_err_nomem(err);
		to->marks[to->nmarks - 1].seen = ix->m.generation + 1;
	}
	for (i = 0; i < ix->m.nmarks; i++)
		if ((ix->replaced == NULL || !ix->replaced[i]) &&
		    sessp_manifest_mark(to, &ix->m.marks[i]) < 0)
			return sess_err_nomem(err);
	if (to->nmarks > MARKS) {
		qsort(to->marks, to->nmarks, sizeof(*to->marks), last_seen_first);
		to->nmarks = MARKS;
	}
	return SESS_OK;
}

/* -- a batch */

void
sessp_name_segment(struct sessp_manifest *m, int32_t day, char name[40])
{
	char when[SESS_WHEN_LEN];

	sess_when_format(day * DAY_MS, when);
	(void)snprintf(name, 40, "%.10s-%llu", when, (unsigned long long)m->serial++);
}

struct delta {			/* what the batch has of a day that is new */
	int32_t day;
	bool begun;			/* last and row are those of an event */
	uint64_t row;
	char last[SESSP_PLACE_LEN];
	struct sessp_builder *b;
	struct sessp_lines *known;	/* of the day's segments */
	bool *in_row;			/* it has lines of the row, and has one to compare */
	size_t nknown;
};

static void
delta_release(struct delta *d)
{
	sessp_builder_free(d->b);
	while (d->nknown > 0)
		sessp_lines_close(&d->known[--d->nknown]);
	free(d->known);
	free(d->in_row);
	*d = (struct delta){ .b = NULL };
}

static enum sess_status
delta_begin(struct sess_indexer *ix, struct delta *d, int32_t day, struct sess_err *err)
{
	enum sess_status st;
	size_t i;

	*d = (struct delta){ .day = day };
	d->known = calloc(ix->m.n + 1, sizeof(*d->known));
	d->in_row = calloc(ix->m.n + 1, sizeof(*d->in_row));
	if (d->known == NULL || d->in_row == NULL)
		return sess_err_nomem(err);
	for (i = 0; i < ix->m.n; i++) {
		if (ix->m.segments[i].day != day)
			continue;
		st = sessp_lines_open(&d->known[d->nknown], ix->segments, &ix->m.segments[i], err);
		if (st < 0)
			return st;
		d->nknown++;
	}
	return SESS_OK;
}

/* Whether a segment of the day has the event. */
static enum sess_status
is_known(struct delta *d, size_t i, const char *place, bool *known, struct sess_err *err)
{
	struct sessp_lines *l = &d->known[i];
	enum sess_status st;
	int c = -1;

	while (d->in_row[i] && (c = memcmp(l->place, place, SESSP_PLACE_LEN)) < 0) {
		if ((st = sessp_lines_next(l, err)) < 0)
			return st;
		d->in_row[i] = st == SESS_OK;
	}
	*known = d->in_row[i] && c == 0;
	return SESS_OK;
}

static enum sess_status
go_to_row(struct delta *d, uint64_t row, struct sess_err *err)
{
	enum sess_status st;
	size_t i;

	d->row = row;
	for (i = 0; i < d->nknown; i++) {
		if ((st = sessp_lines_seek(&d->known[i], row, &d->in_row[i], err)) < 0)
			return st;
		if (!d->in_row[i])
			continue;
		if ((st = sessp_lines_next(&d->known[i], err)) < 0)
			return st;
		d->in_row[i] = st == SESS_OK;
	}
	return SESS_OK;
}

static enum sess_status
delta_add(struct sess_indexer *ix, struct sessp_manifest *to, struct delta *d,
    const struct sessp_record *rec, struct sess_indexed *done, struct sess_err *err)
{
	uint64_t row = sessp_place_row(rec->key);
	enum sess_status st;
	bool known = false;
	char name[40];
	size_t i;

	if (d->begun && memcmp(d->last, rec->key, SESSP_PLACE_LEN) == 0) {
		done->known++;
		return SESS_OK;
	}
	memcpy(d->last, rec->key, SESSP_PLACE_LEN);
	if ((!d->begun || row != d->row) && (st = go_to_row(d, row, err)) < 0)
		return st;
	d->begun = true;
	for (i = 0; i < d->nknown && !known; i++)
		if ((st = is_known(d, i, rec->key, &known, err)) < 0)
			return st;
	if (known) {
		done->known++;
		return SESS_OK;
	}
	if (d->b == NULL) {
		sessp_name_segment(to, d->day, name);
		if ((st = sessp_builder_new(&d->b, ix->segments, name, d->day, ix->jobs, err)) < 0)
			return st;
	}
	done->events++;
	return sessp_builder_add(d->b, rec->key, rec->data, rec->len, err);
}

static enum sess_status
delta_end(struct sessp_manifest *to, struct delta *d, struct sess_indexed *done,
    struct sess_err *err)
{
	struct sessp_segment seg;
	enum sess_status st;

	if (d->b == NULL)
		return SESS_OK;
	if ((st = sessp_builder_end(d->b, &seg, err)) < 0)
		return st;
	done->days++;
	done->written += seg.events;
	return sessp_manifest_add(to, &seg) < 0 ? sess_err_nomem(err) : SESS_OK;
}

/* All that was added, a segment a day. */
static enum sess_status
write_deltas(struct sess_indexer *ix, struct sessp_manifest *to, struct sess_indexed *done,
    struct sess_err *err)
{
	struct sessp_record rec;
	struct delta d = { .b = NULL };
	enum sess_status st;
	bool open = false;

	while ((st = sessp_sorter_next(ix->sorter, &rec, err)) == SESS_OK) {
		int32_t day = sessp_place_day(rec.key);

		if (open && day != d.day) {
			if ((st = delta_end(to, &d, done, err)) < 0)
				break;
			delta_release(&d);
			open = false;
		}
		if (!open && (st = delta_begin(ix, &d, day, err)) < 0)
			break;
		open = true;
		if ((st = delta_add(ix, to, &d, &rec, done, err)) < 0)
			break;
	}
	if (st == SESS_END && open)
		st = delta_end(to, &d, done, err);
	delta_release(&d);
	return st < 0 ? st : SESS_OK;
}

/* -- merging within a day */

static int
by_size(const void *a, const void *b)
{
	const struct sessp_segment *x = a, *y = b;

	return x->events != y->events ? (x->events > y->events) - (x->events < y->events) :
	    strcmp(x->name, y->name);
}

struct sessp_segment *
sessp_of_day(const struct sessp_manifest *m, int32_t day, size_t *n)
{
	struct sessp_segment *v = calloc(m->n + 1, sizeof(*v));
	size_t i;

	*n = 0;
	if (v == NULL)
		return NULL;
	for (i = 0; i < m->n; i++)
		if (m->segments[i].day == day)
			v[(*n)++] = m->segments[i];
	qsort(v, *n, sizeof(*v), by_size);
	return v;
}

/*
 * How many of the smallest are to become one: those no larger than twice what
 * is before them.  Then a segment grows by half at least whenever it is
 * written again, and those of a day differ by more than a factor of two, so
 * that they are few.
 */
static size_t
how_many(const struct sessp_segment *v, size_t n)
{
	uint64_t sum;
	size_t i;

	for (i = 1, sum = v[0].events; i < n && v[i].events <= 2 * sum; i++)
		sum += v[i].events;
	return i;
}

enum sess_status
sessp_replace(struct sess_indexer *ix, struct sessp_manifest *to,
    const struct sessp_segment *from, size_t n, sessp_drop_fn *drop, void *arg,
    struct sess_indexed *done, struct sess_err *err)
{
	struct sessp_segment seg;
	enum sess_status st;
	char name[40];
	size_t i;

	sessp_name_segment(to, from[0].day, name);
	st = sessp_merge(ix->segments, from, n, name, ix->jobs, drop, arg, &seg, err);
	if (st < 0)
		return st;
	for (i = 0; i < n; i++)
		sessp_manifest_remove(to, from[i].name);
	done->written += seg.events;
	if (seg.events > 0 && sessp_manifest_add(to, &seg) < 0)
		return sess_err_nomem(err);
	return SESS_OK;
}

/* The days that got a segment have few. */
static enum sess_status
tidy(struct sess_indexer *ix, struct sessp_manifest *to, struct sess_indexed *done,
    struct sess_err *err)
{
	enum sess_status st = SESS_OK;
	struct sessp_segment *v;
	size_t i, n, k;
	int32_t day;

	for (i = 0; i < to->n && st == SESS_OK; ) {
		day = to->segments[i].day;
		if ((v = sessp_of_day(to, day, &n)) == NULL)
			return sess_err_nomem(err);
		if (n > 1 && (k = how_many(v, n)) > 1)
			st = sessp_replace(ix, to, v, k, NULL, NULL, done, err);
		free(v);
		while (i < to->n && to->segments[i].day == day)
			i++;
	}
	return st;
}

/* -- the next state */

enum sess_status
sessp_indexer_publish(struct sess_indexer *ix, struct sessp_manifest *to,
    struct sess_err *err)
{
	enum sess_status st;
	bool kept;

	to->generation = ix->m.generation + 1;
	to->batch_time = ix->o.now;
	if (fsync(ix->segments) < 0)
		return sess_err_sys(err, errno, "segments");
	if ((st = sessp_publish(ix->dirfd, to, err)) < 0) {
		ix->unsure = true;
		return st;
	}
	sessp_manifest_release(&ix->m);
	ix->m = *to;
	*to = (struct sessp_manifest){ .batch_time = SESS_NO_TIME };
	return sessp_sweep(ix->dirfd, &ix->m, &kept, err);
}

enum sess_status
sess_indexer_commit(struct sess_indexer *ix, struct sess_indexed *done,
    struct sess_err *err)
{
	struct sessp_manifest to;
	enum sess_status st;

	*done = (struct sess_indexed){ 0 };
	if (sessp_manifest_copy(&to, &ix->m) < 0)
		return sess_err_nomem(err);
	if ((st = write_deltas(ix, &to, done, err)) == SESS_OK &&
	    (st = tidy(ix, &to, done, err)) == SESS_OK &&
	    (st = new_marks(ix, &to, err)) == SESS_OK)
		st = sessp_indexer_publish(ix, &to, err);
	sessp_manifest_release(&to);
	return st;
}
