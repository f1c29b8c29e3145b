#include "sorter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "private.h"

#define MEMORY_MIN	(128u << 10)	/* two chunks of the arena */
#define BLOCK_MIN	(16u << 10)
#define BLOCK_MAX	(256u << 10)
#define FAN_MIN		32
#define FAN_MAX		64
#define LEVEL		1		/* of zstd: runs are read once */

/* A run is a file of blocks: sizes, then that many compressed bytes.  Records
 * go over the ends of blocks. */
struct block {
	uint32_t raw, packed;
};

struct head {
	uint64_t klen, len;
};

struct run {
	int fd;
	unsigned level;		/* how many merges it has been through */
	char *raw;		/* the block being read */
	size_t have, used;	/* of raw */
	struct sess_buf rec;	/* key and data of the current record */
	struct head head;
};

struct held {			/* a record in memory; its bytes follow */
	size_t klen, len;
	char bytes[];
};

struct sessp_sorter {
	char *tmpdir;
	size_t memory, block, fan;
	struct sessp_arena arena;
	struct held **held;	/* those not yet in a run */
	size_t nheld, held_cap, at;
	struct run **runs;
	size_t nruns, runs_cap;
	struct run **heap;	/* of a merge: least record first */
	size_t nheap;
	struct run *out;	/* the run being written, or NULL */
	char *raw, *packed;	/* block being written; a compressed block */
	size_t filled;
	ZSTD_CCtx *cctx;
	ZSTD_DCtx *dctx;
	bool reading;
};

static size_t
clamp(size_t n, size_t min, size_t max)
{
	return n < min ? min : n > max ? max : n;
}

enum sess_status
sessp_sorter_new(struct sessp_sorter **sp, const char *tmpdir, size_t memory,
    struct sess_err *err)
{
	struct sessp_sorter *s;

	*sp = NULL;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return sess_err_nomem(err);
	s->memory = memory > MEMORY_MIN ? memory : MEMORY_MIN;
	s->block = clamp(memory / 64, BLOCK_MIN, BLOCK_MAX);
	s->fan = clamp(memory / 2 / s->block, FAN_MIN, FAN_MAX);
	if ((s->tmpdir = sessp_dup(tmpdir)) == NULL) {
		free(s);
		return sess_err_nomem(err);
	}
	*sp = s;
	return SESS_OK;
}

static void
run_free(struct run *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r->raw);
	sess_buf_release(&r->rec);
	free(r);
}

void
sessp_sorter_free(struct sessp_sorter *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->nruns; i++)
		run_free(s->runs[i]);
	run_free(s->out);
	free(s->runs);
	free(s->heap);
	free(s->held);
	free(s->raw);
	free(s->packed);
	ZSTD_freeCCtx(s->cctx);
	ZSTD_freeDCtx(s->dctx);
	sessp_arena_release(&s->arena);
	free(s->tmpdir);
	free(s);
}

static int
compare(const char *a, size_t alen, const char *b, size_t blen)
{
	int c = memcmp(a, b, alen < blen ? alen : blen);

	return c != 0 ? c : (alen > blen) - (alen < blen);
}

static int
held_cmp(const void *a, const void *b)
{
	const struct held *x = *(struct held *const *)a, *y = *(struct held *const *)b;

	return compare(x->bytes, x->klen, y->bytes, y->klen);
}

/* -- writing a run */

/* A file nobody else can open, gone when it is closed. */
static enum sess_status
nameless(const char *dir, int *fd, struct sess_err *err)
{
	struct sess_buf path = { 0 };
	int saved;

	*fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*fd >= 0)
		return SESS_OK;
	/* Some file systems have no O_TMPFILE. */
	if (sess_buf_printf(&path, "%s/sess-XXXXXX", dir) < 0 ||
	    sess_buf_putc(&path, '\0') < 0) {
		sess_buf_release(&path);
		return sess_err_nomem(err);
	}
	*fd = mkostemp(path.data, O_CLOEXEC);
	saved = errno;
	if (*fd >= 0)
		unlink(path.data);
	sess_buf_release(&path);
	return *fd >= 0 ? SESS_OK : sess_err_sys(err, saved, dir);
}

static enum sess_status
run_begin(struct sessp_sorter *s, struct sess_err *err)
{
	if (s->cctx == NULL && (s->cctx = ZSTD_createCCtx()) == NULL)
		return sess_err_nomem(err);
	if (s->raw == NULL && (s->raw = malloc(s->block)) == NULL)
		return sess_err_nomem(err);
	if (s->packed == NULL &&
	    (s->packed = malloc(sizeof(struct block) + ZSTD_compressBound(s->block))) == NULL)
		return sess_err_nomem(err);
	if ((s->out = calloc(1, sizeof(*s->out))) == NULL)
		return sess_err_nomem(err);
	s->out->fd = -1;
	s->filled = 0;
	return nameless(s->tmpdir, &s->out->fd, err);
}

static enum sess_status
write_all(struct sessp_sorter *s, const char *p, size_t len, struct sess_err *err)
{
	ssize_t n;

	while (len > 0) {
		n = write(s->out->fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sess_err_sys(err, errno, s->tmpdir);
		p += n;
		len -= (size_t)n;
	}
	return SESS_OK;
}

static enum sess_status
block_write(struct sessp_sorter *s, struct sess_err *err)
{
	struct block b;
	size_t n;

	if (s->filled == 0)
		return SESS_OK;
	n = ZSTD_compressCCtx(s->cctx, s->packed + sizeof(b),
	    ZSTD_compressBound(s->block), s->raw, s->filled, LEVEL);
	if (ZSTD_isError(n))
		return sess_err_set(err, SESS_ENOMEM, 0, "compressing a run: %s",
		    ZSTD_getErrorName(n));
	b.raw = (uint32_t)s->filled;
	b.packed = (uint32_t)n;
	memcpy(s->packed, &b, sizeof(b));
	s->filled = 0;
	return write_all(s, s->packed, sizeof(b) + n, err);
}

static enum sess_status
run_write(struct sessp_sorter *s, const void *data, size_t len, struct sess_err *err)
{
	const char *p = data;
	enum sess_status st;
	size_t n;

	while (len > 0) {
		if (s->filled == s->block && (st = block_write(s, err)) < 0)
			return st;
		n = s->block - s->filled < len ? s->block - s->filled : len;
		memcpy(s->raw + s->filled, p, n);
		s->filled += n;
		p += n;
		len -= n;
	}
	return SESS_OK;
}

enum sess_status
sessp_sorter_put(struct sessp_sorter *s, const struct sessp_record *rec,
    struct sess_err *err)
{
	struct head h = { rec->klen, rec->len };
	enum sess_status st;

	if (s->out == NULL && (st = run_begin(s, err)) < 0)
		return st;
	if ((st = run_write(s, &h, sizeof(h), err)) < 0 ||
	    (st = run_write(s, rec->key, rec->klen, err)) < 0)
		return st;
	return run_write(s, rec->data, rec->len, err);
}

/* -- reading a run */

static enum sess_status
read_all(struct sessp_sorter *s, struct run *r, void *to, size_t len,
    bool *eof, struct sess_err *err)
{
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		n = read(r->fd, (char *)to + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sess_err_sys(err, errno, s->tmpdir);
		if (n == 0) {
			*eof = got == 0;
			return *eof ? SESS_OK : sess_err_set(err, SESS_EFORMAT, 0,
			    "%.100s: temporary file was cut", s->tmpdir);
		}
		got += (size_t)n;
	}
	*eof = false;
	return SESS_OK;
}

static enum sess_status
block_read(struct sessp_sorter *s, struct run *r, bool *eof, struct sess_err *err)
{
	struct block b;
	enum sess_status st;
	bool cut = false;
	size_t n = 0;

	if ((st = read_all(s, r, &b, sizeof(b), eof, err)) < 0 || *eof)
		return st;
	if (b.raw <= s->block && b.packed <= ZSTD_compressBound(s->block)) {
		if ((st = read_all(s, r, s->packed, b.packed, &cut, err)) < 0)
			return st;
		n = ZSTD_decompressDCtx(s->dctx, r->raw, s->block, s->packed, b.packed);
	}
	if (cut || n != b.raw)
		return sess_err_set(err, SESS_EFORMAT, 0,
		    "%.100s: temporary file is damaged", s->tmpdir);
	r->have = n;
	r->used = 0;
	return SESS_OK;
}

static enum sess_status
run_read(struct sessp_sorter *s, struct run *r, void *to, size_t len, bool *eof,
    struct sess_err *err)
{
	char *p = to;
	enum sess_status st;
	size_t n;

	*eof = false;
	while (len > 0) {
		if (r->used == r->have) {
			if ((st = block_read(s, r, eof, err)) < 0 || *eof)
				return st;
		}
		n = r->have - r->used < len ? r->have - r->used : len;
		memcpy(p, r->raw + r->used, n);
		r->used += n;
		p += n;
		len -= n;
	}
	return SESS_OK;
}

/* Load the run's next record; SESS_END when there is none. */
static enum sess_status
run_next(struct sessp_sorter *s, struct run *r, struct sess_err *err)
{
	enum sess_status st;
	bool eof;

	if ((st = run_read(s, r, &r->head, sizeof(r->head), &eof, err)) < 0)
		return st;
	if (eof)
		return SESS_END;
	r->rec.len = 0;
	if (sess_buf_room(&r->rec, r->head.klen + r->head.len) < 0)
		return sess_err_nomem(err);
	r->rec.len = r->head.klen + r->head.len;
	if ((st = run_read(s, r, r->rec.data, r->rec.len, &eof, err)) < 0)
		return st;
	return !eof ? SESS_OK : sess_err_set(err, SESS_EFORMAT, 0,
	    "%.100s: temporary file was cut", s->tmpdir);
}

/* -- merging */

static bool
before(const struct run *a, const struct run *b)
{
	return compare(a->rec.data, a->head.klen, b->rec.data, b->head.klen) < 0;
}

static void
sift(struct run **heap, size_t n, size_t i)
{
	struct run *r = heap[i];
	size_t c;

	while ((c = 2 * i + 1) < n) {
		if (c + 1 < n && before(heap[c + 1], heap[c]))
			c++;
		if (!before(heap[c], r))
			break;
		heap[i] = heap[c];
		i = c;
	}
	heap[i] = r;
}

/* Begin to merge the last n runs. */
static enum sess_status
merge_begin(struct sessp_sorter *s, size_t n, struct sess_err *err)
{
	enum sess_status st;
	struct run *r;
	size_t i;

	if (s->dctx == NULL && (s->dctx = ZSTD_createDCtx()) == NULL)
		return sess_err_nomem(err);
	if (s->heap == NULL && (s->heap = malloc(s->fan * sizeof(*s->heap))) == NULL)
		return sess_err_nomem(err);
	s->nheap = 0;
	for (i = s->nruns - n; i < s->nruns; i++) {
		r = s->runs[i];
		if (lseek(r->fd, 0, SEEK_SET) < 0)
			return sess_err_sys(err, errno, s->tmpdir);
		if (r->raw == NULL && (r->raw = malloc(s->block)) == NULL)
			return sess_err_nomem(err);
		if ((st = run_next(s, r, err)) < 0)
			return st;
		if (st == SESS_OK)
			s->heap[s->nheap++] = r;
	}
	for (i = s->nheap / 2; i-- > 0; )
		sift(s->heap, s->nheap, i);
	return SESS_OK;
}

/* Leave the least record behind. */
static enum sess_status
merge_step(struct sessp_sorter *s, struct sess_err *err)
{
	enum sess_status st = run_next(s, s->heap[0], err);

	if (st < 0)
		return st;
	if (st == SESS_END)
		s->heap[0] = s->heap[--s->nheap];
	if (s->nheap > 0)
		sift(s->heap, s->nheap, 0);
	return SESS_OK;
}

static void
merge_record(const struct sessp_sorter *s, struct sessp_record *rec)
{
	const struct run *r = s->heap[0];

	rec->key = r->rec.data;
	rec->klen = r->head.klen;
	rec->data = r->rec.data + r->head.klen;
	rec->len = r->head.len;
}

/* The run written is complete: keep it. */
static enum sess_status
run_end(struct sessp_sorter *s, unsigned level, struct sess_err *err)
{
	struct run **runs;
	enum sess_status st;
	size_t cap;

	if (s->out == NULL)
		return SESS_OK;
	if ((st = block_write(s, err)) < 0)
		return st;
	if (s->nruns == s->runs_cap) {
		cap = s->runs_cap > 0 ? 2 * s->runs_cap : 16;
		if ((runs = realloc(s->runs, cap * sizeof(*runs))) == NULL)
			return sess_err_nomem(err);
		s->runs = runs;
		s->runs_cap = cap;
	}
	s->out->level = level;
	s->runs[s->nruns++] = s->out;
	s->out = NULL;
	return SESS_OK;
}

/* Make one run of the last n. */
static enum sess_status
merge_runs(struct sessp_sorter *s, size_t n, struct sess_err *err)
{
	struct sessp_record rec;
	unsigned level = s->runs[s->nruns - n]->level + 1;
	enum sess_status st;

	if ((st = merge_begin(s, n, err)) < 0)
		return st;
	while (s->nheap > 0) {
		merge_record(s, &rec);
		if ((st = sessp_sorter_put(s, &rec, err)) < 0 ||
		    (st = merge_step(s, err)) < 0)
			return st;
	}
	while (n-- > 0)
		run_free(s->runs[--s->nruns]);
	return run_end(s, level, err);
}

enum sess_status
sessp_sorter_cut(struct sessp_sorter *s, struct sess_err *err)
{
	enum sess_status st = run_end(s, 0, err);

	/* As soon as there are enough runs of one level they become one of the
	 * next, so that few files are open. */
	while (st == SESS_OK && s->nruns >= s->fan &&
	    s->runs[s->nruns - s->fan]->level == s->runs[s->nruns - 1]->level)
		st = merge_runs(s, s->fan, err);
	return st;
}

/* -- records in memory */

static enum sess_status
flush(struct sessp_sorter *s, struct sess_err *err)
{
	struct sessp_record rec;
	enum sess_status st;
	struct held *h;
	size_t i;

	if (s->nheld == 0)
		return SESS_OK;
	qsort(s->held, s->nheld, sizeof(*s->held), held_cmp);
	for (i = 0; i < s->nheld; i++) {
		h = s->held[i];
		rec = (struct sessp_record){ h->bytes, h->bytes + h->klen, h->klen, h->len };
		if ((st = sessp_sorter_put(s, &rec, err)) < 0)
			return st;
	}
	s->nheld = 0;
	sessp_arena_reset(&s->arena);
	return sessp_sorter_cut(s, err);
}

enum sess_status
sessp_sorter_add(struct sessp_sorter *s, const struct sessp_record *rec,
    struct sess_err *err)
{
	enum sess_status st;
	struct held *h, **held;
	size_t cap;

	if (rec->len > SIZE_MAX / 4 || rec->klen > SIZE_MAX / 4)
		return sess_err_nomem(err);
	/* Files are begun before memory is passed, not after. */
	if (s->nheld > 0 && s->arena.total + s->nheld * sizeof(*held) +
	    rec->klen + rec->len > s->memory && (st = flush(s, err)) < 0)
		return st;
	if (s->nheld == s->held_cap) {
		cap = s->held_cap > 0 ? 2 * s->held_cap : 64;
		if ((held = realloc(s->held, cap * sizeof(*held))) == NULL)
			return sess_err_nomem(err);
		s->held = held;
		s->held_cap = cap;
	}
	if ((h = sessp_arena_get(&s->arena, sizeof(*h) + rec->klen + rec->len)) == NULL)
		return sess_err_nomem(err);
	h->klen = rec->klen;
	h->len = rec->len;
	if (rec->klen > 0)
		memcpy(h->bytes, rec->key, rec->klen);
	if (rec->len > 0)
		memcpy(h->bytes + rec->klen, rec->data, rec->len);
	s->held[s->nheld++] = h;
	return SESS_OK;
}

/* The input has ended: sort what fits, or get ready to merge. */
static enum sess_status
begin_reading(struct sessp_sorter *s, struct sess_err *err)
{
	enum sess_status st;

	if (s->nruns == 0 && s->out == NULL) {
		if (s->nheld > 0)
			qsort(s->held, s->nheld, sizeof(*s->held), held_cmp);
		return SESS_OK;
	}
	if ((st = sessp_sorter_cut(s, err)) < 0 || (st = flush(s, err)) < 0)
		return st;
	sessp_arena_release(&s->arena);
	while (s->nruns > s->fan)
		if ((st = merge_runs(s, s->nruns - s->fan + 1 < s->fan ?
		    s->nruns - s->fan + 1 : s->fan, err)) < 0)
			return st;
	return merge_begin(s, s->nruns, err);
}

enum sess_status
sessp_sorter_next(struct sessp_sorter *s, struct sessp_record *rec,
    struct sess_err *err)
{
	enum sess_status st;
	struct held *h;

	if (!s->reading) {
		if ((st = begin_reading(s, err)) < 0)
			return st;
		s->reading = true;
	} else if (s->nheap > 0 && (st = merge_step(s, err)) < 0)
		return st;
	if (s->nruns == 0) {
		if (s->at == s->nheld)
			return SESS_END;
		h = s->held[s->at++];
		*rec = (struct sessp_record){ h->bytes, h->bytes + h->klen, h->klen, h->len };
		return SESS_OK;
	}
	if (s->nheap == 0)
		return SESS_END;
	merge_record(s, rec);
	return SESS_OK;
}
