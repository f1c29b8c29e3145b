/* A segment's events: frames of zstd, each with a checksum in the catalog. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <xxhash.h>
#include <zstd.h>

#include "private.h"

static enum sess_status
damaged(const struct sessp_frames *f, uint64_t frame, const char *what, struct sess_err *err)
{
	return sess_err_set(err, SESS_EFORMAT, 0, "%s/events.zst: frame %llu is damaged (%s)",
	    f->c->seg->name, (unsigned long long)frame, what);
}

enum sess_status
sessp_frames_open(struct sessp_frames *f, int dirfd, struct sessp_catalog *c,
    struct sess_err *err)
{
	char path[64];

	*f = (struct sessp_frames){ .c = c, .fd = -1, .frame = UINT64_MAX };
	(void)snprintf(path, sizeof(path), "%s/events.zst", c->seg->name);
	f->fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (f->fd < 0)
		return sess_err_sys(err, errno, path);
	if ((f->dctx = ZSTD_createDCtx()) == NULL) {
		sessp_frames_close(f);
		return sess_err_nomem(err);
	}
	return SESS_OK;
}

void
sessp_frames_close(struct sessp_frames *f)
{
	if (f->fd >= 0)
		close(f->fd);
	ZSTD_freeDCtx(f->dctx);
	sess_buf_release(&f->packed);
	sess_buf_release(&f->raw);
	*f = (struct sessp_frames){ .fd = -1, .frame = UINT64_MAX };
}

enum sess_status
sessp_frame_get(struct sessp_catalog *c, uint64_t i, struct sessp_frame *frame,
    struct sess_err *err)
{
	const void *p = sessp_catalog_get(c, SESSP_S_FRAMES, i * sizeof(*frame), sizeof(*frame),
	    err);

	if (p == NULL)
		return err != NULL && err->code != SESS_OK ? err->code : SESS_EFORMAT;
	memcpy(frame, p, sizeof(*frame));
	frame->raw = le64toh(frame->raw);
	frame->at = le64toh(frame->at);
	frame->sum = le64toh(frame->sum);
	return SESS_OK;
}

static enum sess_status
read_frame(struct sessp_frames *f, uint64_t i, const struct sessp_frame *frame, size_t len,
    struct sess_err *err)
{
	size_t got = 0;
	ssize_t n;

	f->packed.len = 0;
	if (sess_buf_room(&f->packed, len) < 0)
		return sess_err_nomem(err);
	while (got < len) {
		n = pread(f->fd, f->packed.data + got, len - got, (off_t)(frame->at + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sess_err_sys(err, errno, f->c->seg->name);
		if (n == 0)
			return damaged(f, i, "the file was cut", err);
		got += (size_t)n;
	}
	f->packed.len = len;
	if (XXH3_64bits(f->packed.data, len) != frame->sum)
		return damaged(f, i, "its checksum is wrong", err);
	return SESS_OK;
}

enum sess_status
sessp_frames_load(struct sessp_frames *f, uint64_t i, const struct sessp_frame *frame,
    const struct sessp_frame *next, struct sess_err *err)
{
	enum sess_status st;
	size_t len, raw;

	f->frame = UINT64_MAX;
	f->end = next->raw;
	if (next->at < frame->at || next->raw <= frame->raw ||
	    next->at > f->c->seg->events_bytes || next->raw > f->c->h.raw_bytes)
		return damaged(f, i, "its size is wrong", err);
	len = next->at - frame->at;
	raw = next->raw - frame->raw;
	if (raw > SESSP_FRAME_MAX || len > ZSTD_compressBound(raw))
		return damaged(f, i, "its size is wrong", err);
	if ((st = read_frame(f, i, frame, len, err)) < 0)
		return st;
	if (ZSTD_getFrameContentSize(f->packed.data, len) != raw)
		return damaged(f, i, "its size is wrong", err);
	f->raw.len = 0;
	if (sess_buf_room(&f->raw, raw + SESSP_PAD) < 0)
		return sess_err_nomem(err);
	if (ZSTD_decompressDCtx(f->dctx, f->raw.data, raw, f->packed.data, len) != raw)
		return damaged(f, i, "it can't be decoded", err);
	memset(f->raw.data + raw, 0, SESSP_PAD);
	f->raw.len = raw;
	f->frame = i;
	f->at = frame->raw;
	return SESS_OK;
}

enum sess_status
sessp_frame_of(struct sessp_catalog *c, uint64_t at, uint64_t *i, struct sess_err *err)
{
	uint64_t lo = 0, hi = c->h.frames, mid;
	struct sessp_frame frame;
	enum sess_status st;

	/* the last frame that begins at or before it */
	while (lo + 1 < hi) {
		mid = lo + (hi - lo) / 2;
		if ((st = sessp_frame_get(c, mid, &frame, err)) < 0)
			return st;
		if (frame.raw <= at)
			lo = mid;
		else
			hi = mid;
	}
	*i = lo;
	return c->h.frames > 0 ? SESS_OK : sess_err_set(err, SESS_EFORMAT, 0,
	    "%s: catalog is damaged (it has no frames)", c->seg->name);
}

enum sess_status
sessp_frames_seek(struct sessp_frames *f, uint64_t at, struct sess_err *err)
{
	struct sessp_frame frame, next;
	enum sess_status st;
	uint64_t i;

	if (f->frame != UINT64_MAX && at >= f->at && at - f->at < f->raw.len)
		return SESS_OK;
	f->frame = f->end = UINT64_MAX;
	if ((st = sessp_frame_of(f->c, at, &i, err)) < 0 ||
	    (st = sessp_frame_get(f->c, i, &frame, err)) < 0 ||
	    (st = sessp_frame_get(f->c, i + 1, &next, err)) < 0)
		return st;
	if (at < frame.raw || at >= next.raw)
		return damaged(f, i, "rows are not in it", err);
	return sessp_frames_load(f, i, &frame, &next, err);
}
