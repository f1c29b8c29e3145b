/*
 * Events in order to a segment.
 *
 * The caller's thread cuts them into frames; other threads read each frame's
 * events for what the catalog is to hold, and compress it; the caller's thread
 * takes the frames back in order.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>
#include <zstd.h>

#include "private.h"

#define FRAME (256u << 10)
/* Sessions lie together, so that a higher level gains little and costs a lot. */
#define LEVEL 1
#define MAX_JOBS 64

enum job_state { JOB_FREE, JOB_READY, JOB_TAKEN, JOB_DONE };

struct line_of {		/* a line of the job's raw bytes */
	uint32_t row, len;
};

struct part {			/* of a row, what this job has of it */
	uint64_t number;
	struct sessp_row row;	/* at is not used */
};

struct job {
	enum job_state state;
	struct sess_buf raw, packed, error;
	struct line_of *lines;
	size_t nlines, lines_cap;
	struct part *parts;
	size_t nparts, parts_cap;
	struct sessp_dict *dicts[SESSP_NTERMS];
	struct sess_err err;
};

struct worker {
	struct sessp_builder *b;
	pthread_t thread;
	bool started;
	ZSTD_CCtx *cctx;
	struct sess_event_scanner scanner;
	struct sess_event ev;
};

struct sessp_builder {
	int dirfd, events, catalog;	/* the segment's directory, its files */
	struct sessp_segment seg;
	int64_t first, last, newest;

	pthread_mutex_t lock;
	pthread_cond_t work, done;
	bool stop;
	struct worker *workers;
	unsigned nworkers;
	struct job *jobs;		/* a ring */
	size_t njobs, head, take, tail;	/* counts: filled, taken by workers, collected */

	uint64_t row;			/* hash of the last one */
	uint64_t nrows, raw, packed;
	struct sess_buf hashes, rows, frames;
	struct sessp_dict *dicts[SESSP_NTERMS];

	struct sess_buf page;		/* of the catalog: not yet written */
	struct sess_buf sums;
	uint64_t written;
	struct sessp_header header;
};

/* -- on the workers */

static int
more(void *array, size_t *cap, size_t n, size_t size)
{
	size_t want = *cap > 0 ? 2 * *cap : 64;
	void *p;

	if (n < *cap)
		return 0;
	memcpy(&p, array, sizeof(p));	/* whatever it points to */
	if (want > SIZE_MAX / 2 / size || (p = realloc(p, want * size)) == NULL)
		return -1;
	memcpy(array, &p, sizeof(p));
	*cap = want;
	return 0;
}

static int64_t
newest(const struct sess_event *ev)
{
	return ev->time > ev->received ? ev->time : ev->received;
}

static void
note_row(struct sessp_row *row, const struct sess_event *ev)
{
	int64_t t = sessp_ranged(ev);
	double ms;

	if (row->events++ == 0 || t < row->first)
		row->first = t;
	if (row->events == 1 || t > row->last)
		row->last = t;
	if (row->events == 1 || newest(ev) > row->newest)
		row->newest = newest(ev);
	if (ev->kind == SESS_ERROR || (ev->kind == SESS_LEAVE &&
	    sess_event_int(ev, SESS_K_ERRORS, 0) > 0))
		row->flags |= SESSP_ROW_ERROR;
	if (ev->kind == SESS_API && sess_event_failed(ev))
		row->flags |= SESSP_ROW_FAILED;
	if (ev->kind == SESS_API &&
	    (ms = sess_event_num(ev, SESS_K_DURATION_MS, -1)) > row->slow_api)
		row->slow_api = ms;
	if (ev->kind == SESS_LOAD && (ms = sess_event_num(ev, SESS_K_LOAD_MS, -1)) > row->slow_load)
		row->slow_load = ms;
}

static bool
indexed(unsigned term, const struct sess_event *ev)
{
	switch (term) {
	case SESSP_T_API:
	case SESSP_T_STATUS:
	case SESSP_T_TRACE_ID:
		return ev->kind == SESS_API && sess_event_has(ev, sessp_term_keys[term]);
	case SESSP_T_MESSAGE:
		return ev->kind == SESS_ERROR;
	default:
		return sess_event_has(ev, sessp_term_keys[term]);
	}
}

static int
note_terms(struct job *j, const struct sess_event *ev, uint64_t row)
{
	struct sess_slice v;
	unsigned i;

	for (i = 0; i < SESSP_NTERMS; i++) {
		if (!indexed(i, ev))
			continue;
		if (i != SESSP_T_MESSAGE) {
			v = ev->v[sessp_term_keys[i]];
		} else {
			if (sessp_error_text(ev, &j->error) < 0)
				return -1;
			v = (struct sess_slice){ j->error.data, j->error.len };
		}
		if (v.len > UINT32_MAX || sessp_dict_add(j->dicts[i], sessp_term_hash(v.p, v.len),
		    v.p, v.len, i != SESSP_T_TRACE_ID, row) < 0)
			return -1;
	}
	return 0;
}

/* The part of a row: that of the last event, or a new one. */
static struct sessp_row *
part_of(struct job *j, uint64_t number)
{
	if (j->nparts > 0 && j->parts[j->nparts - 1].number == number)
		return &j->parts[j->nparts - 1].row;
	if (more(&j->parts, &j->parts_cap, j->nparts, sizeof(*j->parts)) < 0)
		return NULL;
	j->parts[j->nparts] = (struct part){ number, { .slow_load = -1, .slow_api = -1 } };
	return &j->parts[j->nparts++].row;
}

static enum sess_status
read_events(struct worker *w, struct job *j)
{
	const char *p = j->raw.data;
	struct sessp_row *row;
	size_t i;

	for (i = 0; i < j->nlines; p += j->lines[i++].len + 1) {
		if (sess_event_scan(&w->scanner, &w->ev, p, j->lines[i].len, &j->err) < 0)
			return j->err.code;
		if ((row = part_of(j, j->lines[i].row)) == NULL ||
		    note_terms(j, &w->ev, j->lines[i].row) < 0)
			return sess_err_nomem(&j->err);
		note_row(row, &w->ev);
	}
	return SESS_OK;
}

static enum sess_status
compress(struct worker *w, struct job *j)
{
	size_t bound = ZSTD_compressBound(j->raw.len), n;

	j->packed.len = 0;
	if (sess_buf_room(&j->packed, bound) < 0)
		return sess_err_nomem(&j->err);
	n = ZSTD_compress2(w->cctx, j->packed.data, bound, j->raw.data, j->raw.len);
	if (ZSTD_isError(n))
		return sess_err_set(&j->err, SESS_ENOMEM, 0, "compressing a frame: %s",
		    ZSTD_getErrorName(n));
	j->packed.len = n;
	return SESS_OK;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct sessp_builder *b = w->b;
	struct job *j;

	pthread_mutex_lock(&b->lock);
	while (!b->stop) {
		if (b->take == b->head) {
			pthread_cond_wait(&b->work, &b->lock);
			continue;
		}
		j = &b->jobs[b->take++ % b->njobs];
		j->state = JOB_TAKEN;
		pthread_mutex_unlock(&b->lock);
		if (read_events(w, j) == SESS_OK)
			(void)compress(w, j);
		pthread_mutex_lock(&b->lock);
		j->state = JOB_DONE;
		pthread_cond_signal(&b->done);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* -- frames, on the caller's thread */

static int
put64(struct sess_buf *out, uint64_t n)
{
	n = htole64(n);
	return sess_buf_add(out, &n, sizeof(n));
}

static void
join_rows(struct sessp_row *to, const struct sessp_row *r)
{
	to->first = r->first < to->first ? r->first : to->first;
	to->last = r->last > to->last ? r->last : to->last;
	to->newest = r->newest > to->newest ? r->newest : to->newest;
	to->slow_load = r->slow_load > to->slow_load ? r->slow_load : to->slow_load;
	to->slow_api = r->slow_api > to->slow_api ? r->slow_api : to->slow_api;
	to->events += r->events;
	to->flags |= r->flags;
}

/* Rows were begun by sessp_builder_add, which knows where they are. */
static void
take_parts(struct sessp_builder *b, const struct job *j)
{
	struct sessp_row *rows = (struct sessp_row *)(void *)b->rows.data, *row;
	size_t i;

	for (i = 0; i < j->nparts; i++) {
		const struct sessp_row *r = &j->parts[i].row;

		row = &rows[j->parts[i].number];
		if (b->seg.events == 0 || r->first < b->first)
			b->first = r->first;
		if (b->seg.events == 0 || r->last > b->last)
			b->last = r->last;
		if (b->seg.events == 0 || r->newest > b->newest)
			b->newest = r->newest;
		b->seg.events += r->events;
		if (row->events > 0) {
			join_rows(row, r);
			continue;
		}
		row->first = r->first;
		row->last = r->last;
		row->newest = r->newest;
		row->slow_load = r->slow_load;
		row->slow_api = r->slow_api;
		row->events = r->events;
		row->flags = r->flags;
	}
}

static enum sess_status
take_job(struct sessp_builder *b, struct job *j, struct sess_err *err)
{
	enum sess_status st = SESS_OK;
	unsigned i;

	if (j->err.code != SESS_OK)
		return sess_err_set(err, j->err.code, 0, "%s", j->err.text);
	if ((st = sessp_write_fd(b->events, j->packed.data, j->packed.len, err)) < 0)
		return st;
	if (put64(&b->frames, b->raw) < 0 || put64(&b->frames, b->packed) < 0 ||
	    put64(&b->frames, XXH3_64bits(j->packed.data, j->packed.len)) < 0)
		return sess_err_nomem(err);
	b->raw += j->raw.len;
	b->packed += j->packed.len;
	take_parts(b, j);
	for (i = 0; i < SESSP_NTERMS; i++) {
		if (sessp_dict_merge(b->dicts[i], j->dicts[i], i != SESSP_T_TRACE_ID) < 0)
			return sess_err_nomem(err);
		sessp_dict_reset(j->dicts[i]);
	}
	j->raw.len = j->nlines = j->nparts = 0;
	return SESS_OK;
}

/* Take back the oldest job. */
static enum sess_status
collect(struct sessp_builder *b, struct sess_err *err)
{
	struct job *j = &b->jobs[b->tail % b->njobs];
	enum sess_status st;

	pthread_mutex_lock(&b->lock);
	while (j->state != JOB_DONE)
		pthread_cond_wait(&b->done, &b->lock);
	pthread_mutex_unlock(&b->lock);
	st = take_job(b, j, err);
	j->state = JOB_FREE;
	b->tail++;
	return st;
}

/* Give the job being filled to the workers. */
static enum sess_status
dispatch(struct sessp_builder *b, struct sess_err *err)
{
	struct job *j = &b->jobs[b->head % b->njobs];

	if (sess_buf_room(&j->raw, SESSP_PAD) < 0)
		return sess_err_nomem(err);
	memset(j->raw.data + j->raw.len, 0, SESSP_PAD);
	pthread_mutex_lock(&b->lock);
	j->state = JOB_READY;
	b->head++;
	pthread_cond_signal(&b->work);
	pthread_mutex_unlock(&b->lock);
	return b->head - b->tail == b->njobs ? collect(b, err) : SESS_OK;
}

static uint64_t
raw_now(const struct sessp_builder *b)
{
	uint64_t at = b->raw;
	size_t i;

	for (i = b->tail; i <= b->head; i++)
		at += b->jobs[i % b->njobs].raw.len;
	return at;
}

static enum sess_status
begin_row(struct sessp_builder *b, uint64_t hash, struct sess_err *err)
{
	struct sessp_row row = { .at = raw_now(b) };

	if (b->nrows == UINT32_MAX)
		return sess_err_set(err, SESS_ELIMIT, 0, "a day has too many sessions");
	if (put64(&b->hashes, hash) < 0 || sess_buf_add(&b->rows, &row, sizeof(row)) < 0)
		return sess_err_nomem(err);
	b->row = hash;
	b->nrows++;
	return SESS_OK;
}

enum sess_status
sessp_builder_add(struct sessp_builder *b, const char *place, const char *line, size_t len,
    struct sess_err *err)
{
	uint64_t hash = sessp_place_row(place);
	struct job *j = &b->jobs[b->head % b->njobs];
	enum sess_status st;

	if ((b->nrows == 0 || b->row != hash) && (st = begin_row(b, hash, err)) < 0)
		return st;
	if (more(&j->lines, &j->lines_cap, j->nlines, sizeof(*j->lines)) < 0 ||
	    sess_buf_add(&j->raw, line, len) < 0 || sess_buf_putc(&j->raw, '\n') < 0)
		return sess_err_nomem(err);
	j->lines[j->nlines++] = (struct line_of){ (uint32_t)(b->nrows - 1), (uint32_t)len };
	return j->raw.len >= FRAME ? dispatch(b, err) : SESS_OK;
}

/* -- the catalog's file */

static enum sess_status
flush_pages(struct sessp_builder *b, struct sess_err *err)
{
	size_t at, whole = b->page.len / SESSP_PAGE * SESSP_PAGE;
	enum sess_status st;

	for (at = 0; at < whole; at += SESSP_PAGE)
		if (put64(&b->sums, XXH3_64bits(b->page.data + at, SESSP_PAGE)) < 0)
			return sess_err_nomem(err);
	if ((st = sessp_write_fd(b->catalog, b->page.data, whole, err)) < 0)
		return st;
	memmove(b->page.data, b->page.data + whole, b->page.len - whole);
	b->page.len -= whole;
	b->written += whole;
	return SESS_OK;
}

static enum sess_status
put_padded(struct sessp_builder *b, const void *p, size_t len, size_t align,
    struct sess_err *err)
{
	static const char zeros[SESSP_PAGE];
	size_t rest;

	if (sess_buf_add(&b->page, p, len) < 0)
		return sess_err_nomem(err);
	rest = b->page.len % align;
	if (rest > 0 && sess_buf_add(&b->page, zeros, align - rest) < 0)
		return sess_err_nomem(err);
	return b->page.len >= 256 * SESSP_PAGE ? flush_pages(b, err) : SESS_OK;
}

static enum sess_status
put_section(struct sessp_builder *b, unsigned i, struct sess_buf *from, struct sess_err *err)
{
	enum sess_status st;

	b->header.sections[i].at = htole64(b->written + b->page.len);
	b->header.sections[i].len = htole64(from->len);
	st = put_padded(b, from->data, from->len, 8, err);
	sess_buf_release(from);
	return st;
}

/* Rows and doubles as they are on disk. */
static void
rows_to_disk(struct sess_buf *b)
{
	struct sessp_row *r = (struct sessp_row *)(void *)b->data;
	size_t i, n = b->len / sizeof(*r);
	uint64_t d[2];

	for (i = 0; i < n; i++, r++) {
		r->at = htole64(r->at);
		r->first = (int64_t)htole64((uint64_t)r->first);
		r->last = (int64_t)htole64((uint64_t)r->last);
		r->newest = (int64_t)htole64((uint64_t)r->newest);
		memcpy(d, &r->slow_load, sizeof(d[0]));
		memcpy(d + 1, &r->slow_api, sizeof(d[1]));
		d[0] = htole64(d[0]);
		d[1] = htole64(d[1]);
		memcpy(&r->slow_load, d, sizeof(d[0]));
		memcpy(&r->slow_api, d + 1, sizeof(d[1]));
		r->events = htole32(r->events);
		r->flags = htole32(r->flags);
	}
}

static enum sess_status
write_terms(struct sessp_builder *b, struct sess_err *err)
{
	enum sess_status st = SESS_OK;
	unsigned i, k;

	for (i = 0; i < SESSP_NTERMS && st == SESS_OK; i++) {
		struct sess_buf out[4] = { { 0 } };

		if (sessp_dict_write(b->dicts[i], out) < 0)
			st = sess_err_nomem(err);
		sessp_dict_free(b->dicts[i]);
		b->dicts[i] = NULL;
		for (k = 0; k < 4 && st == SESS_OK; k++)
			st = put_section(b, SESSP_S_TERMS + 4 * i + k, &out[k], err);
		for (k = 0; k < 4; k++)
			sess_buf_release(&out[k]);
	}
	return st;
}

static enum sess_status
write_header(struct sessp_builder *b, struct sess_err *err)
{
	struct sessp_header *h = &b->header;
	enum sess_status st;

	memcpy(h->magic, SESSP_CATALOG_MAGIC, sizeof(h->magic));
	h->version = htole32(SESSP_STORE_VERSION);
	h->nsections = htole32(SESSP_NSECTIONS);
	h->rows = htole64(b->nrows);
	h->events = htole64(b->seg.events);
	h->raw_bytes = htole64(b->raw);
	h->events_bytes = htole64(b->packed);
	h->first = (int64_t)htole64((uint64_t)b->first);
	h->last = (int64_t)htole64((uint64_t)b->last);
	if ((st = put_padded(b, NULL, 0, SESSP_PAGE, err)) < 0 ||
	    (st = put_padded(b, h, sizeof(*h), SESSP_PAGE, err)) < 0 ||
	    (st = flush_pages(b, err)) < 0)
		return st;
	b->seg.catalog_bytes = b->written + b->sums.len;
	b->seg.check = XXH3_64bits(b->sums.data, b->sums.len);
	return sessp_write_fd(b->catalog, b->sums.data, b->sums.len, err);
}

static enum sess_status
write_catalog(struct sessp_builder *b, struct sess_err *err)
{
	enum sess_status st;

	b->header.frames = htole64(b->frames.len / sizeof(struct sessp_frame));
	if (put64(&b->frames, b->raw) < 0 || put64(&b->frames, b->packed) < 0 ||
	    put64(&b->frames, 0) < 0)
		return sess_err_nomem(err);
	rows_to_disk(&b->rows);
	if ((st = put_section(b, SESSP_S_HASHES, &b->hashes, err)) < 0 ||
	    (st = put_section(b, SESSP_S_ROWS, &b->rows, err)) < 0 ||
	    (st = put_section(b, SESSP_S_FRAMES, &b->frames, err)) < 0 ||
	    (st = write_terms(b, err)) < 0)
		return st;
	return write_header(b, err);
}

static enum sess_status
to_disk(int *fd, const char *name, struct sess_err *err)
{
	enum sess_status st = SESS_OK;

	if (fsync(*fd) < 0)
		st = sess_err_sys(err, errno, name);
	if (close(*fd) < 0 && st == SESS_OK)
		st = sess_err_sys(err, errno, name);
	*fd = -1;
	return st;
}

enum sess_status
sessp_builder_end(struct sessp_builder *b, struct sessp_segment *seg, struct sess_err *err)
{
	struct job *j = &b->jobs[b->head % b->njobs];
	enum sess_status st = SESS_OK;

	if (j->raw.len > 0)
		st = dispatch(b, err);
	while (st == SESS_OK && b->tail < b->head)
		st = collect(b, err);
	if (st < 0 || (st = write_catalog(b, err)) < 0 ||
	    (st = to_disk(&b->events, b->seg.name, err)) < 0 ||
	    (st = to_disk(&b->catalog, b->seg.name, err)) < 0 ||
	    (st = to_disk(&b->dirfd, b->seg.name, err)) < 0)
		return st;
	b->seg.rows = b->nrows;
	b->seg.raw_bytes = b->raw;
	b->seg.events_bytes = b->packed;
	b->seg.first = b->first;
	b->seg.last = b->last;
	b->seg.newest = b->newest;
	*seg = b->seg;
	return SESS_OK;
}

/* -- life */

static enum sess_status
create_files(struct sessp_builder *b, int dirfd, struct sess_err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;

	if (mkdirat(dirfd, b->seg.name, 0700) < 0 ||
	    (b->dirfd = openat(dirfd, b->seg.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    (b->events = openat(b->dirfd, "events.zst", flags, 0600)) < 0 ||
	    (b->catalog = openat(b->dirfd, "catalog", flags, 0600)) < 0)
		return sess_err_sys(err, errno, b->seg.name);
	return SESS_OK;
}

static enum sess_status
start_workers(struct sessp_builder *b, unsigned n, struct sess_err *err)
{
	unsigned i, k;
	int e;

	b->nworkers = n;
	b->njobs = 2 * (size_t)n + 1;
	b->workers = calloc(n, sizeof(*b->workers));
	b->jobs = calloc(b->njobs, sizeof(*b->jobs));
	if (b->workers == NULL || b->jobs == NULL)
		return sess_err_nomem(err);
	for (i = 0; i < b->njobs; i++)
		for (k = 0; k < SESSP_NTERMS; k++)
			if ((b->jobs[i].dicts[k] = sessp_dict_new()) == NULL)
				return sess_err_nomem(err);
	for (k = 0; k < SESSP_NTERMS; k++)
		if ((b->dicts[k] = sessp_dict_new()) == NULL)
			return sess_err_nomem(err);
	for (i = 0; i < n; i++) {
		b->workers[i].b = b;
		if ((b->workers[i].cctx = ZSTD_createCCtx()) == NULL)
			return sess_err_nomem(err);
		(void)ZSTD_CCtx_setParameter(b->workers[i].cctx, ZSTD_c_compressionLevel, LEVEL);
		/* for those who have no catalog: zstd itself, and salvage */
		(void)ZSTD_CCtx_setParameter(b->workers[i].cctx, ZSTD_c_checksumFlag, 1);
		e = pthread_create(&b->workers[i].thread, NULL, work, &b->workers[i]);
		if (e != 0)
			return sess_err_sys(err, e, "cannot start a thread");
		b->workers[i].started = true;
	}
	return SESS_OK;
}

enum sess_status
sessp_builder_new(struct sessp_builder **bp, int dirfd, const char *name, int32_t day,
    unsigned jobs, struct sess_err *err)
{
	struct sessp_builder *b = calloc(1, sizeof(*b));
	enum sess_status st;

	*bp = NULL;
	if (b == NULL)
		return sess_err_nomem(err);
	b->dirfd = b->events = b->catalog = -1;
	b->seg.day = day;
	(void)snprintf(b->seg.name, sizeof(b->seg.name), "%s", name);
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->work, NULL);
	pthread_cond_init(&b->done, NULL);
	if ((st = create_files(b, dirfd, err)) < 0 || (st = start_workers(b,
	    jobs < 1 ? 1 : jobs > MAX_JOBS ? MAX_JOBS : jobs, err)) < 0) {
		sessp_builder_free(b);
		return st;
	}
	*bp = b;
	return SESS_OK;
}

static void
job_release(struct job *j)
{
	unsigned k;

	sess_buf_release(&j->raw);
	sess_buf_release(&j->packed);
	sess_buf_release(&j->error);
	free(j->lines);
	free(j->parts);
	for (k = 0; k < SESSP_NTERMS; k++)
		sessp_dict_free(j->dicts[k]);
}

static void
stop_workers(struct sessp_builder *b)
{
	unsigned i;

	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_broadcast(&b->work);
	pthread_mutex_unlock(&b->lock);
	for (i = 0; b->workers != NULL && i < b->nworkers; i++) {
		if (b->workers[i].started)
			pthread_join(b->workers[i].thread, NULL);
		ZSTD_freeCCtx(b->workers[i].cctx);
		sess_event_scanner_release(&b->workers[i].scanner);
	}
	free(b->workers);
}

void
sessp_builder_free(struct sessp_builder *b)
{
	unsigned k;
	size_t i;

	if (b == NULL)
		return;
	stop_workers(b);
	for (i = 0; b->jobs != NULL && i < b->njobs; i++)
		job_release(&b->jobs[i]);
	free(b->jobs);
	for (k = 0; k < SESSP_NTERMS; k++)
		sessp_dict_free(b->dicts[k]);
	sess_buf_release(&b->hashes);
	sess_buf_release(&b->rows);
	sess_buf_release(&b->frames);
	sess_buf_release(&b->page);
	sess_buf_release(&b->sums);
	if (b->events >= 0)
		close(b->events);
	if (b->catalog >= 0)
		close(b->catalog);
	if (b->dirfd >= 0)
		close(b->dirfd);
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->work);
	pthread_cond_destroy(&b->done);
	free(b);
}
