/* bzip2: by libbz2 itself, not through libarchive, whose filter throws away what
 * it decoded of a block when the data ends too early. */
#include "stage.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <bzlib.h>

struct bzip2 {
	struct sessp_stage stage;
	bz_stream s;
	bool within;		/* a stream has begun and not ended */
	bool any;		/* one has ended before */
	bool full;		/* the last call filled its output: there may be more */
};

/* Begin the next of several streams; SESS_END behind the last. */
static enum sess_status
begin(struct bzip2 *b, struct sess_err *err)
{
	struct sessp_stage *from = b->stage.from;
	const unsigned char *p;
	size_t len;

	if (sessp_stage_ahead(from, 4, err) < 0)
		return SESS_ENOMEM;
	if (sessp_stage_view(from, &p, &len, err) < 0)
		return err != NULL ? err->code : SESS_EFORMAT;
	if (len == 0)
		return SESS_END;
	if (len < 4 || memcmp(p, "BZh", 3) != 0)
		return sessp_bad(err, SESSP_BZIP2, b->any ? "text behind its end" : NULL);
	memset(&b->s, 0, sizeof(b->s));
	if (BZ2_bzDecompressInit(&b->s, 0, 0) != BZ_OK)
		return sess_err_nomem(err);
	b->within = true;
	return SESS_OK;
}

static enum sess_status
bzip2_read(struct sessp_stage *st, char *buf, size_t cap, size_t *n, struct sess_err *err)
{
	struct bzip2 *b = (struct bzip2 *)st;
	unsigned most = cap > UINT_MAX ? UINT_MAX : (unsigned)cap;
	const unsigned char *p = NULL;
	enum sess_status status;
	size_t len;
	int r;

	while (*n == 0) {
		if (!b->within && (status = begin(b, err)) != SESS_OK)
			return status == SESS_END ? SESS_OK : status;
		len = 0;
		if (!b->full) {
			status = sessp_stage_view(st->from, &p, &len, err);
			if (status < 0)
				return status;
			if (len == 0)
				return sessp_stage_cut(err, SESSP_BZIP2);
		}
		b->s.next_in = (char *)(uintptr_t)p;
		b->s.avail_in = len > UINT_MAX ? UINT_MAX : (unsigned)len;
		len = b->s.avail_in;
		b->s.next_out = buf;
		b->s.avail_out = most;
		r = BZ2_bzDecompress(&b->s);
		sessp_stage_skip(st->from, len - b->s.avail_in);
		*n = most - b->s.avail_out;
		b->full = b->s.avail_out == 0;
		if (r == BZ_STREAM_END) {
			BZ2_bzDecompressEnd(&b->s);
			b->within = b->full = false;
			b->any = true;
		} else if (r == BZ_MEM_ERROR)
			return sess_err_nomem(err);
		else if (r != BZ_OK)
			return sessp_bad(err, SESSP_BZIP2, NULL);
	}
	return SESS_OK;
}

static bool
bzip2_pending(const struct sessp_stage *st)
{
	return ((const struct bzip2 *)st)->full;
}

static void
bzip2_free(struct sessp_stage *st)
{
	struct bzip2 *b = (struct bzip2 *)st;

	if (b->within)
		BZ2_bzDecompressEnd(&b->s);
	free(b);
}

static const struct sessp_stage_ops ops = {
	.read = bzip2_read, .pending = bzip2_pending, .free = bzip2_free,
};

struct sessp_stage *
sessp_bzip2_stage(struct sessp_stage *from)
{
	struct bzip2 *b = calloc(1, sizeof(*b));

	if (b != NULL)
		sessp_stage_init(&b->stage, &ops, from);
	return b != NULL ? &b->stage : NULL;
}
