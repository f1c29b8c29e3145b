/*
 * What can be read of a damaged store: frames of events, for which no catalog is
 * needed and which say themselves whether they are whole.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "private.h"

#define WINDOW ((size_t)4 << 20)	/* bytes of a file at a time */
#define DISK_BLOCK 4096
#define HEAD 32			/* more than what a frame begins with */

/* Bytes of a file from `at` on; the first `done` of them were looked at. */
struct window {
	int fd;
	uint64_t at, size;
	struct sess_buf bytes;
	size_t done;
};

struct salvage {
	struct sess_indexer *ix;
	struct sess_event_scanner scanner;
	struct sess_event ev;
	struct sess_buf raw, packed;
	uint64_t lost, odd;	/* not yet told: bytes before here, lines */
	sess_store_problem *problem;
	void *arg;
};

/* -- frames */

static enum sess_status
take_lines(struct salvage *s, struct sess_err *err)
{
	char *p = s->raw.data, *end = p + s->raw.len, *nl;
	enum sess_status st;

	for (; p < end; p = nl + 1) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			nl = end;
		st = sess_event_scan(&s->scanner, &s->ev, p, (size_t)(nl - p), NULL);
		if (st == SESS_ENOMEM)
			return sess_err_nomem(err);
		s->odd += st < 0;
		if (st < 0 || !sess_shard_has(s->ix->m.shard, &s->ev))
			continue;
		s->packed.len = 0;
		if ((st = sess_indexer_pack(&s->ev, &s->packed, err)) < 0 ||
		    (st = sess_indexer_add(s->ix, s->packed.data, s->packed.len, err)) < 0)
			return st;
	}
	return SESS_OK;
}

/* The frame at p, of at most len bytes: how long it is, 0 where it is none. */
static enum sess_status
take_frame(struct salvage *s, const char *p, size_t len, size_t *packed, struct sess_err *err)
{
	unsigned long long raw;

	*packed = ZSTD_findFrameCompressedSize(p, len);
	if (ZSTD_isError(*packed)) {
		*packed = 0;
		return SESS_OK;
	}
	raw = ZSTD_getFrameContentSize(p, len);
	if (raw > SESSP_FRAME_MAX) {		/* what it doesn't say is more than any */
		*packed = 0;
		return SESS_OK;
	}
	s->raw.len = 0;
	if (sess_buf_room(&s->raw, (size_t)raw + SESSP_PAD) < 0)
		return sess_err_nomem(err);
	if (ZSTD_decompress(s->raw.data, (size_t)raw, p, *packed) != raw) {
		*packed = 0;
		return SESS_OK;
	}
	s->raw.len = (size_t)raw;
	memset(s->raw.data + s->raw.len, 0, SESSP_PAD);
	return take_lines(s, err);
}

/* -- the file they are in */

static size_t
rest_of(const struct window *w)
{
	return w->bytes.len - w->done;
}

static bool
is_last(const struct window *w)
{
	return w->at + w->bytes.len == w->size;
}

/* At least so many bytes that were not looked at, where the file has them.  What
 * the disk doesn't give is zeros, a block at a time: the rest may be good. */
static enum sess_status
widen(struct window *w, size_t want, struct sess_err *err)
{
	uint64_t at;
	size_t len;
	ssize_t n;

	if (rest_of(w) >= want || is_last(w))
		return SESS_OK;
	if (w->done > 0)
		memmove(w->bytes.data, w->bytes.data + w->done, rest_of(w));
	w->at += w->done;
	w->bytes.len -= w->done;
	w->done = 0;
	want += WINDOW;
	if (sess_buf_room(&w->bytes, want - w->bytes.len) < 0)
		return sess_err_nomem(err);
	while (w->bytes.len < want && !is_last(w)) {
		at = w->at + w->bytes.len;
		len = want - w->bytes.len;
		if (len > w->size - at)
			len = (size_t)(w->size - at);
		n = pread(w->fd, w->bytes.data + w->bytes.len, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)		/* it was cut meanwhile */
			w->size = at;
		if (n < 0) {
			n = (ssize_t)(DISK_BLOCK - at % DISK_BLOCK);
			n = (size_t)n < len ? n : (ssize_t)len;
			memset(w->bytes.data + w->bytes.len, 0, (size_t)n);
		}
		w->bytes.len += (size_t)n;
	}
	return SESS_OK;
}

/* Pass over what is no frame, up to where the next may begin. */
static size_t
skip(struct window *w)
{
	static const char magic[] = { '\x28', '\xb5', '\x2f', '\xfd' };
	const char *p = w->bytes.data + w->done, *next = NULL;
	size_t len = rest_of(w), n = len;

	if (len > 1)
		next = memmem(p + 1, len - 1, magic, sizeof(magic));
	if (next != NULL)
		n = (size_t)(next - p);
	else if (!is_last(w) && len >= sizeof(magic))
		n = len - (sizeof(magic) - 1);	/* it may be cut by the window's end */
	w->done += n;
	return n;
}

/* Whether a frame begins there that may go on behind the window. */
static bool
goes_on(const struct window *w)
{
	unsigned long long raw = ZSTD_getFrameContentSize(w->bytes.data + w->done, rest_of(w));

	/* what isn't known is larger than any */
	return !is_last(w) && raw <= SESSP_FRAME_MAX && rest_of(w) < ZSTD_compressBound((size_t)raw);
}

static void
tell(struct salvage *s, const char *name, uint64_t at)
{
	struct sess_err why = { 0 }, odd = { 0 };

	if (s->lost > 0) {
		sess_err_set(&why, SESS_EFORMAT, 0, "%" PRIu64 " bytes can't be read, from %" PRIu64
		    " on", s->lost, at - s->lost);
		s->problem(s->arg, name, &why);
	}
	if (s->odd > 0) {
		sess_err_set(&odd, SESS_EFORMAT, 0, "%" PRIu64 " lines are no events", s->odd);
		s->problem(s->arg, name, &odd);
	}
	s->lost = s->odd = 0;
}

/* One frame after another; behind what is none, the next that begins as one. */
static enum sess_status
take_events(struct salvage *s, struct window *w, const char *name, struct sess_err *err)
{
	enum sess_status st;
	size_t n, want = HEAD;

	while ((st = widen(w, want, err)) == SESS_OK && rest_of(w) > 0) {
		st = take_frame(s, w->bytes.data + w->done, rest_of(w), &n, err);
		if (st < 0)
			break;
		if (n == 0 && goes_on(w)) {
			want = 2 * rest_of(w);
			continue;
		}
		if (n > 0)
			tell(s, name, w->at + w->done);
		else
			s->lost += skip(w);
		w->done += n;
		want = HEAD;
	}
	tell(s, name, w->at + w->done);
	return st;
}

static enum sess_status
take_segment(struct salvage *s, int segments, const char *name, struct sess_err *err)
{
	struct window w = { .at = 0 };
	struct sess_err why = { 0 };
	enum sess_status st;
	struct stat sb;
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/events.zst", name);
	w.fd = openat(segments, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (w.fd < 0 || fstat(w.fd, &sb) < 0 || !S_ISREG(sb.st_mode)) {
		if (w.fd < 0)
			sess_err_sys(&why, errno, NULL);
		else
			sess_err_set(&why, SESS_EFORMAT, 0, "it is no file");
		s->problem(s->arg, path, &why);
		if (w.fd >= 0)
			close(w.fd);
		return SESS_OK;
	}
	w.size = (uint64_t)sb.st_size;
	st = take_events(s, &w, path, err);
	close(w.fd);
	sess_buf_release(&w.bytes);
	return st;
}

/* The segments that the MANIFEST speaks of, or, where it can't be read, all. */
static enum sess_status
take_all(struct salvage *s, const char *dir, struct sess_err *err)
{
	struct sess_err why = { 0 };
	struct sess_store *st = NULL;
	enum sess_status r = SESS_OK;
	struct dirent *e;
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), segments;
	DIR *d;
	size_t i;

	segments = dirfd >= 0 ? openat(dirfd, "segments", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (segments < 0 || (d = fdopendir(segments)) == NULL) {
		r = sess_err_sys(err, errno, "segments");
		if (segments >= 0)
			close(segments);
		if (dirfd >= 0)
			close(dirfd);
		return r;
	}
	if (sess_store_open(&st, dir, &why) == SESS_ENOMEM)
		r = sess_err_nomem(err);
	else if (st == NULL)
		s->problem(s->arg, dir, &why);
	for (i = 0; st != NULL && i < st->m.n && r == SESS_OK; i++)
		r = take_segment(s, segments, st->m.segments[i].name, err);
	while (st == NULL && r == SESS_OK && (e = readdir(d)) != NULL)
		if (sessp_segment_name(e->d_name))
			r = take_segment(s, segments, e->d_name, err);
	sess_store_free(st);
	closedir(d);
	close(dirfd);
	return r;
}

enum sess_status
sess_store_salvage(const char *dir, struct sess_indexer *ix, sess_store_problem *problem,
    void *arg, struct sess_err *err)
{
	struct salvage s = { .ix = ix, .problem = problem, .arg = arg };
	enum sess_status st = take_all(&s, dir, err);

	sess_event_scanner_release(&s.scanner);
	sess_buf_release(&s.raw);
	sess_buf_release(&s.packed);
	return st;
}
