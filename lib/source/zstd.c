#include "stage.h"

#include <stdlib.h>

#include <zstd.h>
#include <zstd_errors.h>

struct zstd {
	struct sessp_stage stage;
	ZSTD_DCtx *ctx;
	bool within;		/* a frame has begun and not ended */
	bool full;		/* the last call filled its output: there may be more */
};

static enum sess_status
zstd_error(const struct zstd *z, size_t r, struct sess_err *err)
{
	switch (ZSTD_getErrorCode(r)) {
	case ZSTD_error_frameParameter_windowTooLarge:
		return sess_err_set(err, SESS_ELIMIT, 0, "zstd window of more than %llu MiB",
		    (unsigned long long)z->stage.limits->window >> 20);
	case ZSTD_error_memory_allocation:
		return sess_err_nomem(err);
	case ZSTD_error_checksum_wrong:
		return sessp_bad(err, SESSP_ZSTD, "wrong checksum");
	case ZSTD_error_prefix_unknown:
		return sessp_bad(err, SESSP_ZSTD, "no frame where one should begin");
	default:
		return sessp_bad(err, SESSP_ZSTD, NULL);
	}
}

static enum sess_status
zstd_read(struct sessp_stage *st, char *buf, size_t cap, size_t *n, struct sess_err *err)
{
	struct zstd *z = (struct zstd *)st;
	ZSTD_outBuffer out = { buf, cap, 0 };
	ZSTD_inBuffer in;
	const unsigned char *p;
	enum sess_status status;
	size_t len, r;

	do {
		len = 0;
		p = NULL;
		if (!z->full) {
			status = sessp_stage_view(st->from, &p, &len, err);
			if (status < 0)
				return status;
			if (len == 0)
				return z->within ? sessp_stage_cut(err, SESSP_ZSTD) : SESS_OK;
		}
		in = (ZSTD_inBuffer){ p, len, 0 };
		do {
			r = ZSTD_decompressStream(z->ctx, &out, &in);
			*n = out.pos;
			if (ZSTD_isError(r)) {
				sessp_stage_skip(st->from, in.pos);
				return zstd_error(z, r, err);
			}
			z->within = r != 0;
		} while (in.pos < in.size && out.pos < out.size);
		sessp_stage_skip(st->from, in.pos);
		z->full = out.pos == out.size && r != 0;
	} while (*n == 0);
	return SESS_OK;
}

static bool
zstd_pending(const struct sessp_stage *st)
{
	return ((const struct zstd *)st)->full;
}

static void
zstd_free(struct sessp_stage *st)
{
	struct zstd *z = (struct zstd *)st;

	ZSTD_freeDCtx(z->ctx);
	free(z);
}

static const struct sessp_stage_ops ops = {
	.read = zstd_read, .pending = zstd_pending, .free = zstd_free,
};

struct sessp_stage *
sessp_zstd_stage(struct sessp_stage *from)
{
	struct zstd *z = calloc(1, sizeof(*z));
	int log = 10;

	if (z == NULL)
		return NULL;
	sessp_stage_init(&z->stage, &ops, from);
	z->ctx = ZSTD_createDCtx();
	if (z->ctx == NULL) {
		free(z);
		return NULL;
	}
	while (log < 31 && UINT64_C(1) << (log + 1) <= from->limits->window)
		log++;
	(void)ZSTD_DCtx_setParameter(z->ctx, ZSTD_d_windowLogMax, log);
	return &z->stage;
}
