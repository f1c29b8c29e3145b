/* xz: by liblzma itself, not through libarchive, whose filter throws away what
 * it decoded of a block when the data ends too early. */
#include "stage.h"

#include <stdlib.h>

#include <lzma.h>

/* What liblzma needs beside the window. */
#define OVERHEAD (UINT64_C(16) << 20)

struct xz {
	struct sessp_stage stage;
	lzma_stream s;
	bool full;		/* the last call filled its output: there may be more */
	bool ended;
};

static enum sess_status
xz_error(const struct xz *x, lzma_ret r, struct sess_err *err)
{
	switch (r) {
	case LZMA_MEM_ERROR:
		return sess_err_nomem(err);
	case LZMA_MEMLIMIT_ERROR:
		return sess_err_set(err, SESS_ELIMIT, 0, "xz window of more than %llu MiB",
		    (unsigned long long)x->stage.limits->window >> 20);
	case LZMA_BUF_ERROR:
		return sessp_stage_cut(err, SESSP_XZ);
	case LZMA_FORMAT_ERROR:
		return sessp_bad(err, SESSP_XZ, "no stream where one should begin");
	default:
		return sessp_bad(err, SESSP_XZ, NULL);
	}
}

static enum sess_status
xz_read(struct sessp_stage *st, char *buf, size_t cap, size_t *n, struct sess_err *err)
{
	struct xz *x = (struct xz *)st;
	const unsigned char *p = NULL;
	enum sess_status status;
	size_t len;
	lzma_ret r;

	x->s.next_out = (uint8_t *)buf;
	x->s.avail_out = cap;
	while (*n == 0 && !x->ended) {
		len = 0;
		if (!x->full) {
			status = sessp_stage_view(st->from, &p, &len, err);
			if (status < 0)
				return status;
		}
		x->s.next_in = p;
		x->s.avail_in = len;
		/* no input at all: the file has ended, unless output was short */
		r = lzma_code(&x->s, len == 0 && !x->full ? LZMA_FINISH : LZMA_RUN);
		sessp_stage_skip(st->from, len - x->s.avail_in);
		*n = cap - x->s.avail_out;
		x->full = x->s.avail_out == 0;
		x->ended = r == LZMA_STREAM_END;
		if (r != LZMA_OK && r != LZMA_STREAM_END && !(r == LZMA_BUF_ERROR && *n > 0))
			return xz_error(x, r, err);
	}
	return SESS_OK;
}

static bool
xz_pending(const struct sessp_stage *st)
{
	return ((const struct xz *)st)->full;
}

static void
xz_free(struct sessp_stage *st)
{
	struct xz *x = (struct xz *)st;

	lzma_end(&x->s);
	free(x);
}

static const struct sessp_stage_ops ops = {
	.read = xz_read, .pending = xz_pending, .free = xz_free,
};

struct sessp_stage *
sessp_xz_stage(struct sessp_stage *from)
{
	struct xz *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	sessp_stage_init(&x->stage, &ops, from);
	x->s = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_decoder(&x->s, from->limits->window + OVERHEAD, LZMA_CONCATENATED) != LZMA_OK) {
		free(x);
		return NULL;
	}
	return &x->stage;
}
