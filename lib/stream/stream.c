#include "sess/stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

#define MAX_LINE (64 * 1024 * 1024)
#define MAX_JOBS 64
/* Blocks one file may be ahead of the caller by, for each worker: enough to
 * keep all busy while the caller writes. */
#define AHEAD 4

/* A file that is being read. */
struct lane {
	struct sessp_reader *reader;
	size_t file;			/* index into the walk */
	bool busy;			/* a worker fills a block */
	bool ended;			/* the last block was filled */
	uint64_t filled, taken;		/* blocks: filled so far, given to the caller */
	struct sessp_block *ready;	/* converted, in order of seq */
};

struct worker {
	struct sess_stream *s;
	pthread_t thread;
	unsigned index;
	bool started;
	struct sessp_conv *cv;
	uint64_t origin;		/* serial of the member cv is set to */
	struct sessp_block *block;	/* being converted */
	struct sess_err map_err;
};

struct sess_stream {
	struct sess_stream_opts o;
	struct sessp_walk walk;
	struct sessp_reader_opts ro;
	struct sessp_hunt hunt;		/* for the literals; each block has its own copy */
	atomic_bool stop;
	atomic_ullong serials;

	pthread_mutex_t lock;		/* of all below */
	pthread_cond_t work;		/* something may be filled */
	pthread_cond_t ready;		/* something may be taken */
	struct lane *lanes;		/* open files, in the order of the walk */
	size_t nlanes, max_lanes;
	size_t next_file, nfiles;	/* of the walk, or parts of the feed */
	struct sessp_block *free_blocks;
	uint64_t closed_bytes, all_bytes;
	struct sess_err fatal;		/* ends the stream */

	struct sess_err stopped;	/* --strict: what the next call returns */
	struct sessp_block *given;	/* to the caller, until its next call */
	struct sess_books books;	/* the caller's thread only */
	size_t note;			/* next problem of the walk */
	struct worker *workers;
	unsigned nworkers;
};

/* -- blocks */

static void
block_clear(struct sessp_block *b)
{
	sessp_origin_drop(b->origin);
	free(b->note_name);
	free(b->mark);
	b->mark = NULL;
	b->origin = NULL;
	b->note_name = NULL;
	b->len = b->context = 0;
	b->out.len = b->note_text.len = 0;
	b->nnotes = 0;
	b->events = 0;
	b->pause = b->recognised = b->last = false;
	b->books = (struct sess_books){ 0 };
	b->fatal = (struct sess_err){ 0 };
}

static void
block_free(struct sessp_block *b)
{
	block_clear(b);
	free(b->data);
	free(b->notes);
	sess_buf_release(&b->out);
	sess_buf_release(&b->note_text);
	free(b);
}

/* Outsized buffers were for an outsized line: they are not kept. */
static bool
block_outsized(const struct sessp_block *b)
{
	return b->cap > 4 * 1024 * 1024 || b->out.cap > 16 * 1024 * 1024 ||
	    b->note_text.cap > 4 * 1024 * 1024;
}

static struct sessp_block *
block_get(struct sess_stream *s)
{
	struct sessp_block *b = s->free_blocks;

	if (b == NULL)
		return calloc(1, sizeof(*b));
	s->free_blocks = b->next;
	return b;
}

static void
block_put(struct sess_stream *s, struct sessp_block *b)
{
	if (block_outsized(b)) {
		block_free(b);
		return;
	}
	block_clear(b);
	b->next = s->free_blocks;
	s->free_blocks = b;
}

/* End the stream with this error, NULL: out of memory.  Under the lock. */
static void
fail(struct sess_stream *s, const struct sess_err *err)
{
	if (s->fatal.code != SESS_OK)
		return;
	if (err != NULL)
		s->fatal = *err;
	else
		sess_err_nomem(&s->fatal);
	atomic_store(&s->stop, true);
	pthread_cond_broadcast(&s->work);
	pthread_cond_signal(&s->ready);
}

/* -- lanes, under the lock */

static void
lane_close(struct sess_stream *s, size_t i)
{
	s->closed_bytes += sessp_reader_consumed(s->lanes[i].reader);
	sessp_reader_free(s->lanes[i].reader);
	memmove(&s->lanes[i], &s->lanes[i + 1],
	    (s->nlanes - i - 1) * sizeof(*s->lanes));
	s->nlanes--;
}

static struct lane *
lane_open(struct sess_stream *s)
{
	struct lane *l;

	if (s->nlanes == s->max_lanes || s->next_file == s->nfiles)
		return NULL;
	l = &s->lanes[s->nlanes];
	*l = (struct lane){ .file = s->next_file };
	l->reader = s->o.feed != NULL ? sessp_reader_fed(s->o.feed, s->next_file, &s->ro) :
	    sessp_reader_new(&s->walk.files[s->next_file], &s->ro);
	if (l->reader == NULL) {
		fail(s, NULL);
		return NULL;
	}
	s->next_file++;
	s->nlanes++;
	return l;
}

/*
 * A file from which a block may be filled now: the first in order that nobody
 * reads and that isn't too far ahead of the caller.  Files behind the first
 * may be ahead by less, so that it gets the blocks it needs.
 */
static struct lane *
lane_pick(struct sess_stream *s)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++) {
		struct lane *l = &s->lanes[i];

		if (!l->busy && !l->ended &&
		    l->filled - l->taken < (uint64_t)AHEAD * s->nworkers)
			return l;
	}
	return lane_open(s);
}

static struct lane *
lane_of(struct sess_stream *s, size_t file)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++)
		if (s->lanes[i].file == file)
			return &s->lanes[i];
	return NULL;
}

/* -- workers */

static int
on_event(void *arg, const struct sess_event *ev)
{
	struct worker *w = arg;
	struct sess_stream *s = w->s;

	if (!sess_shard_has(s->o.shard, ev))
		return 0;
	w->block->events++;
	return s->o.map(s->o.arg, w->index, ev, &w->block->out, &w->map_err) < 0;
}

static void
account(struct worker *w, struct sessp_block *b, enum sessp_verdict v,
    const struct sess_err *err, const char *p, size_t len)
{
	b->books.records++;
	switch (v) {
	case SESSP_CONVERTED:
		b->books.converted++;
		break;
	case SESSP_PARTIAL:
		b->books.partial++;
		break;
	case SESSP_IGNORED:
		b->books.ignored++;
		break;
	case SESSP_REJECTED:
		b->books.rejected++;
		sessp_block_note(b, err, p, len, w->s->o.rejects);
		break;
	}
}

/* Convert one record: p[0 .. len) without its newline. */
static void
convert_record(struct worker *w, struct sessp_block *b, uint64_t line,
    const char *p, size_t len)
{
	struct sess_err err = { 0 };
	enum sessp_verdict v;

	if (len > w->s->ro.max_line) {
		sess_err_set(&err, SESS_ELIMIT, line, "line longer than %llu bytes",
		    (unsigned long long)w->s->ro.max_line);
		account(w, b, SESSP_REJECTED, &err, p, 0);
		return;
	}
	w->cv->ev.raw = p;
	w->cv->ev.raw_len = len;
	w->cv->ev.raw_line = line;
	v = sessp_convert(w->cv, b->origin->format, b->origin->name, line, p, len,
	    on_event, w, &err);
	if (v == SESSP_REJECTED)
		err.line = line;
	account(w, b, v, &err, p, len);
	if (w->map_err.code != SESS_OK)
		b->fatal = w->map_err;
	else if (err.code == SESS_ENOMEM)
		b->fatal = err;
}

/* Whether the rest of the block is to be left alone: with --strict what stands
 * before the first bad record is the last that counts. */
static bool
stopped(const struct worker *w, const struct sessp_block *b)
{
	return b->fatal.code != SESS_OK || (w->s->o.strict && b->books.rejected > 0);
}

static void
convert_all(struct worker *w, struct sessp_block *b, const char *p, const char *end)
{
	bool csv = b->origin->format->framing == SESSP_CSV;
	uint64_t line = b->first_line;
	const char *nl;

	while (p < end && !stopped(w, b)) {
		if (csv)
			nl = sessp_csv_end(p, end, true);
		else if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			nl = end;
		convert_record(w, b, line, p, (size_t)(nl - p));
		line += csv ? 1 + sessp_count_byte(p, (size_t)(nl - p), '\n') : 1;
		p = nl + (nl < end);
	}
}

/* Only the records that can hold one of the literals. */
static void
convert_candidates(struct worker *w, struct sessp_block *b, const char *p,
    const char *end)
{
	struct sessp_hunt hunt = w->s->hunt;
	uint64_t line = b->first_line;
	const char *q, *nl;

	while (p < end && !stopped(w, b)) {
		q = sessp_hunt_next(&hunt, p, end);
		if (q == end)
			return;
		line += sessp_count_byte(p, (size_t)(q - p), '\n');
		if ((nl = memchr(q, '\n', (size_t)(end - q))) == NULL)
			nl = end;
		convert_record(w, b, line++, q, (size_t)(nl - q));
		p = nl + (nl < end);
	}
}

static void
convert_block(struct worker *w, struct sessp_block *b)
{
	const struct sess_stream *s = w->s;
	const char *p = b->data + b->context, *end = b->data + b->len;
	struct sessp_origin *o = b->origin;
	uint64_t preflights = w->cv->preflights, nobody = w->cv->nobody;

	w->block = b;
	if (s->o.begin != NULL)
		s->o.begin(s->o.arg, w->index);
	if (w->origin != o->serial && o->header != NULL) {
		w->origin = o->serial;
		if (sessp_conv_header(w->cv, o->header, o->header_len, &b->fatal) < 0)
			return;
	}
	sessp_conv_seconds(w->cv, o->format, b->data, b->context);
	if (s->hunt.n > 0 && o->format->framing != SESSP_CSV)
		convert_candidates(w, b, p, end);
	else
		convert_all(w, b, p, end);
	b->books.events = b->events;
	b->books.preflights = w->cv->preflights - preflights;
	b->books.nobody = w->cv->nobody - nobody;
}

/* Put a converted block where the caller will look for it. */
static void
publish(struct lane *l, struct sessp_block *b)
{
	struct sessp_block **at = &l->ready;

	while (*at != NULL && (*at)->seq < b->seq)
		at = &(*at)->next;
	b->next = *at;
	*at = b;
}

/*
 * Fill and convert the next block of a lane.  Called with the lock held and
 * returns with it; in between, others may open and close lanes, so that the
 * lane is looked up anew.
 */
static void
work_on(struct worker *w, struct lane *l, struct sessp_block *b)
{
	struct sess_stream *s = w->s;
	struct sessp_reader *reader = l->reader;
	size_t file = l->file;

	l->busy = true;
	b->seq = l->filled++;
	pthread_mutex_unlock(&s->lock);
	sessp_reader_fill(reader, b);

	pthread_mutex_lock(&s->lock);
	l = lane_of(s, file);
	l->busy = false;
	l->ended = b->last;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
	if (b->len > b->context && b->fatal.code == SESS_OK)
		convert_block(w, b);

	pthread_mutex_lock(&s->lock);
	if (b->fatal.code != SESS_OK)
		fail(s, &b->fatal);
	publish(lane_of(s, file), b);
	pthread_cond_signal(&s->ready);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct sess_stream *s = w->s;
	struct sessp_block *b;
	struct lane *l;

	pthread_mutex_lock(&s->lock);
	while (!atomic_load(&s->stop)) {
		if ((l = lane_pick(s)) == NULL)
			pthread_cond_wait(&s->work, &s->lock);
		else if ((b = block_get(s)) == NULL)
			fail(s, NULL);
		else
			work_on(w, l, b);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* -- the caller's side */

static void
on_walk_problem(void *arg, const char *name, const struct sess_err *err)
{
	struct sess_stream *s = arg;

	s->books.damaged++;
	if (s->o.problem != NULL)
		s->o.problem(s->o.note_arg, name, err, NULL, 0);
}

static enum sess_status
open_walk(struct sess_stream *s, struct sess_err *err)
{
	struct stat out[sizeof(s->o.out_fds) / sizeof(*s->o.out_fds)];
	size_t i, nout = 0;

	if (s->o.feed != NULL) {
		s->walk.rereadable = true;
		s->nfiles = s->o.feed->nparts;
		return SESS_OK;
	}
	for (i = 0; i < s->o.nout_fds; i++)
		nout += fstat(s->o.out_fds[i], &out[nout]) == 0;
	if (sessp_walk(&s->walk, s->o.operands, out, nout, on_walk_problem, s, err) < 0)
		return SESS_ENOMEM;
	s->nfiles = s->walk.n;
	s->books.skipped = s->walk.skipped;
	for (i = 0; i < s->walk.n; i++)
		s->all_bytes += s->walk.files[i].size;
	return SESS_OK;
}

static unsigned
cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > MAX_JOBS ? MAX_JOBS : (unsigned)n;
}

static enum sess_status
start(struct sess_stream *s, struct sess_err *err)
{
	unsigned i;
	int e;

	for (i = 0; i < s->nworkers; i++) {
		struct worker *w = &s->workers[i];

		w->s = s;
		w->index = i;
		if (sessp_conv_new(&w->cv, &s->o.convert, err) < 0)
			return err != NULL ? err->code : SESS_EFORMAT;
	}
	for (i = 0; i < s->nworkers; i++) {
		e = pthread_create(&s->workers[i].thread, NULL, work, &s->workers[i]);
		if (e != 0)
			return sess_err_sys(err, e, "cannot start a thread");
		s->workers[i].started = true;
	}
	return SESS_OK;
}

static void
set_hunt(struct sessp_hunt *h, const struct sess_stream_opts *o)
{
	const char *const *l;

	if (o->literal != NULL)
		h->v[h->n++].text = o->literal;
	for (l = o->literals; l != NULL && *l != NULL && h->n < SESS_STREAM_LITERALS; l++)
		h->v[h->n++].text = *l;
	if (l != NULL && *l != NULL)
		h->n = 0;		/* too many: all records, then */
	for (size_t i = 0; i < h->n; i++)
		h->v[i].len = strlen(h->v[i].text);
}

static enum sess_status
no_format(const char *name, struct sess_err *err)
{
	const struct sessp_format *const *f;
	char names[120] = "";
	size_t n = 0;

	for (f = sessp_formats; *f != NULL && n < sizeof(names); f++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n > 0 ? ", " : "",
		    (*f)->name);
	return sess_err_set(err, SESS_EFORMAT, 0, "no format '%.20s'; there are %s", name, names);
}

enum sess_status
sess_stream_open(struct sess_stream **sp, const struct sess_stream_opts *o,
    struct sess_err *err)
{
	struct sess_stream *s = calloc(1, sizeof(*s));
	enum sess_status st = SESS_ENOMEM;

	*sp = NULL;
	if (s == NULL)
		return sess_err_nomem(err);
	s->o = *o;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	pthread_cond_init(&s->ready, NULL);
	s->nworkers = o->jobs == 0 ? cores() : o->jobs > MAX_JOBS ? MAX_JOBS : o->jobs;
	s->max_lanes = s->nworkers;
	set_hunt(&s->hunt, o);
	s->ro = (struct sessp_reader_opts){
		.max_line = o->max_line > 0 ? o->max_line : MAX_LINE,
		.limits.tmpdir = o->tmpdir, .convert = &s->o.convert, .stop = &s->stop,
		.serials = &s->serials, .marks = o->marked != NULL ? &s->o : NULL
	};
	if (o->convert.format != NULL && sessp_format_find(o->convert.format) == NULL) {
		st = no_format(o->convert.format, err);
		goto fail;
	}
	s->workers = calloc(s->nworkers, sizeof(*s->workers));
	s->lanes = calloc(s->max_lanes, sizeof(*s->lanes));
	if (s->workers == NULL || s->lanes == NULL) {
		sess_err_nomem(err);
		goto fail;
	}
	if ((st = open_walk(s, err)) < 0 || (st = start(s, err)) < 0)
		goto fail;
	*sp = s;
	return SESS_OK;
fail:
	sess_stream_free(s);
	return st;
}

/* The block the caller gets next, or NULL where it isn't ready. */
static struct sessp_block *
take(struct sess_stream *s)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++) {
		struct lane *l = &s->lanes[i];
		struct sessp_block *b = l->ready;

		if (b != NULL && (s->o.unordered || b->seq == l->taken)) {
			l->ready = b->next;
			l->taken++;
			if (l->ended && !l->busy && l->taken == l->filled)
				lane_close(s, i);
			pthread_cond_signal(&s->work);
			return b;
		}
		if (!s->o.unordered)
			return NULL;
	}
	return NULL;
}

static bool
finished(const struct sess_stream *s)
{
	return s->nlanes == 0 && s->next_file == s->nfiles;
}

static void
add_books(struct sess_books *to, const struct sess_books *b)
{
	to->records += b->records;
	to->converted += b->converted;
	to->partial += b->partial;
	to->ignored += b->ignored;
	to->rejected += b->rejected;
	to->events += b->events;
	to->bytes += b->bytes;
	to->files += b->files;
	to->members += b->members;
	to->unrecognised += b->unrecognised;
	to->damaged += b->damaged;
	to->preflights += b->preflights;
	to->nobody += b->nobody;
}

/* Tell what the workers noted.  With --strict the first problem is the last: the
 * block, which has what stood before it, still goes out. */
static void
tell(struct sess_stream *s, const struct sessp_block *b)
{
	const char *name = b->note_name != NULL ? b->note_name :
	    b->origin != NULL ? b->origin->name : "";
	size_t i;

	if (b->mark != NULL)
		s->o.marked(s->o.marked_arg, b->mark, b->mark_before);
	if (b->recognised && s->o.recognised != NULL)
		s->o.recognised(s->o.note_arg, name, b->origin->format->name);
	for (i = 0; i < b->nnotes; i++) {
		const struct sessp_note *n = &b->notes[i];

		if (s->o.problem != NULL)
			s->o.problem(s->o.note_arg, name, &n->err,
			    n->about_record ? b->note_text.data != NULL ?
			    b->note_text.data + n->text : "" : NULL, n->text_len);
		if (s->o.strict) {
			sess_err_set(&s->stopped, n->err.code, 0, "stopped at the first problem");
			return;
		}
	}
}

static void
deadline(struct timespec *t, int timeout_ms)
{
	clock_gettime(CLOCK_REALTIME, t);
	t->tv_sec += timeout_ms / 1000;
	t->tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
}

/* Wait for the next block; NULL at the end (*end), on a time-out, or when the
 * stream has failed (*fatal). */
static struct sessp_block *
await(struct sess_stream *s, int timeout_ms, bool *end, struct sess_err *fatal)
{
	struct sessp_block *b = NULL;
	struct timespec until;
	int e = 0;

	if (timeout_ms >= 0)
		deadline(&until, timeout_ms);
	pthread_mutex_lock(&s->lock);
	if (s->given != NULL)
		block_put(s, s->given);
	s->given = NULL;
	pthread_cond_signal(&s->work);
	while (s->fatal.code == SESS_OK && (b = take(s)) == NULL &&
	    !(*end = finished(s)) && e == 0) {
		if (timeout_ms < 0)
			pthread_cond_wait(&s->ready, &s->lock);
		else
			e = pthread_cond_timedwait(&s->ready, &s->lock, &until);
	}
	*fatal = s->fatal;
	pthread_mutex_unlock(&s->lock);
	return b;
}

enum sess_status
sess_stream_next(struct sess_stream *s, struct sess_stream_block *block,
    int timeout_ms, struct sess_err *err)
{
	struct sess_err fatal = { 0 };
	struct sessp_block *b;
	bool end = false;

	*block = (struct sess_stream_block){ .data = "", .name = "" };
	if (s->stopped.code != SESS_OK) {
		if (err != NULL && err->code == SESS_OK)
			*err = s->stopped;
		return s->stopped.code;
	}
	b = await(s, timeout_ms, &end, &fatal);
	s->given = b;
	if (fatal.code != SESS_OK) {
		if (err != NULL && err->code == SESS_OK)
			*err = fatal;
		return fatal.code;
	}
	if (b == NULL) {
		block->pause = true;
		return end ? SESS_END : SESS_OK;
	}
	add_books(&s->books, &b->books);
	tell(s, b);
	block->data = b->out.data != NULL ? b->out.data : "";
	block->len = b->out.len;
	block->name = b->origin != NULL ? b->origin->name : "";
	block->events = b->events;
	block->pause = b->pause;
	return SESS_OK;
}

void
sess_stream_books(const struct sess_stream *s, struct sess_books *b)
{
	*b = s->books;
}

void
sess_stream_progress(const struct sess_stream *s, uint64_t *done, uint64_t *all)
{
	struct sess_stream *m = (struct sess_stream *)s;	/* for the lock alone */
	size_t i;

	pthread_mutex_lock(&m->lock);
	*done = s->closed_bytes;
	for (i = 0; i < s->nlanes; i++)
		*done += sessp_reader_consumed(s->lanes[i].reader);
	*all = s->walk.rereadable ? s->all_bytes : 0;
	pthread_mutex_unlock(&m->lock);
}

bool
sess_stream_rereadable(const struct sess_stream *s)
{
	return s->walk.rereadable;
}

void
sess_stream_free(struct sess_stream *s)
{
	struct sessp_block *b;
	unsigned i;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	atomic_store(&s->stop, true);
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->lock);
	for (i = 0; s->workers != NULL && i < s->nworkers; i++) {
		if (s->workers[i].started)
			pthread_join(s->workers[i].thread, NULL);
		sessp_conv_free(s->workers[i].cv);
	}
	while (s->nlanes > 0) {
		while ((b = s->lanes[0].ready) != NULL) {
			s->lanes[0].ready = b->next;
			block_free(b);
		}
		lane_close(s, 0);
	}
	while ((b = s->free_blocks) != NULL) {
		s->free_blocks = b->next;
		block_free(b);
	}
	if (s->given != NULL)
		block_free(s->given);
	sessp_walk_release(&s->walk);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->ready);
	free(s->workers);
	free(s->lanes);
	free(s);
}
