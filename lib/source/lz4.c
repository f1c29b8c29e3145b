/* lz4: frames by liblz4's frame decoder.  It takes blocks only whole, so they are
 * collected here, and one that the end of the data cuts is decoded as far as it
 * goes.  The legacy format (lz4 -l), which that decoder doesn't know, is a row of
 * blocks of its own. */
#include "stage.h"

#include <stdlib.h>
#include <string.h>

#include <lz4.h>
#include <lz4frame.h>

#define WORD 4				/* magics, sizes and checksums */
#define FRAME_MAGIC 0x184d2204u
#define LEGACY_MAGIC 0x184c2102u
#define SKIPPABLE_MAGIC 0x184d2a50u	/* the last digit may be any */
#define RAW_BLOCK 0x80000000u		/* in a block's size: it isn't compressed */
#define LEGACY_BLOCK (8 << 20)
#define LEGACY_MOST ((uint32_t)LZ4_COMPRESSBOUND(LEGACY_BLOCK))
#define WINDOW (64 << 10)		/* how far a block may refer back */

/* What the piece holds, or is to hold. */
enum part {
	MAGIC, HEADER,			/* of a frame; HEADER ends with a block's size */
	BLOCK,				/* with its checksum, and the next block's size */
	SUFFIX,				/* a frame's checksum */
	SKIPPED,			/* a part of a skippable frame */
	LEGACY_SIZE, LEGACY_DATA
};

struct lz4 {
	struct sessp_stage stage;
	LZ4F_dctx *ctx;
	enum part part;
	char *piece;
	size_t len, want, cap;
	size_t fed;			/* how much of it the decoder took */
	bool full;			/* its last call filled the output: there may be more */
	unsigned char flags;		/* of the frame */
	uint32_t size;			/* of the block */
	uint64_t skip;			/* left of a skippable frame */
	bool any, cut;			/* a frame was begun; the data ended too early ... */
	struct sess_err below;		/* ... by this damage of what it comes from */
	char window[WINDOW];		/* the last bytes that came out of this frame */
	size_t window_len;
	char *out;			/* what was decoded here, not by the frame decoder */
	size_t out_pos, out_len;
};

static uint32_t
word(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

/* Collect the piece, as far as there is input. */
static enum sess_status
collect(struct lz4 *z, struct sess_err *err)
{
	const unsigned char *p;
	enum sess_status status;
	char *more;
	size_t n;

	if (z->want > z->cap) {
		if ((more = realloc(z->piece, z->want)) == NULL)
			return sess_err_nomem(err);
		z->piece = more;
		z->cap = z->want;
	}
	while (z->len < z->want) {
		status = sessp_stage_view(z->stage.from, &p, &n, &z->below);
		if (status == SESS_ENOMEM)
			return sess_err_nomem(err);
		if (status < 0 || n == 0)
			break;
		if (n > z->want - z->len)
			n = z->want - z->len;
		memcpy(z->piece + z->len, p, n);
		z->len += n;
		sessp_stage_skip(z->stage.from, n);
	}
	return SESS_OK;
}

/* The next piece has want bytes; what there is already of it stays where keep. */
static void
expect(struct lz4 *z, enum part part, size_t want, bool keep)
{
	z->part = part;
	z->want = want;
	z->fed = 0;
	if (!keep)
		z->len = 0;
}

static void
expect_skipped(struct lz4 *z)
{
	if (z->skip == 0)
		expect(z, MAGIC, WORD, false);
	else
		expect(z, SKIPPED, z->skip < SESSP_READ_SIZE ? (size_t)z->skip : SESSP_READ_SIZE,
		    false);
}

/* Four bytes that begin a frame. */
static enum sess_status
begin(struct lz4 *z, struct sess_err *err)
{
	uint32_t magic = word(z->piece);

	z->window_len = 0;
	if (magic == LEGACY_MAGIC)
		expect(z, LEGACY_SIZE, WORD, false);
	else if (magic == FRAME_MAGIC)
		expect(z, HEADER, LZ4F_MIN_SIZE_TO_KNOW_HEADER_LENGTH, true);
	else if ((magic & ~15u) == SKIPPABLE_MAGIC)
		expect(z, HEADER, 2 * WORD, true);
	else
		return sessp_bad(err, SESSP_LZ4, z->any ? "text behind its end" : NULL);
	z->any = true;
	return SESS_OK;
}

/* What comes behind a piece that ended with a block's size. */
static void
expect_block(struct lz4 *z)
{
	z->size = word(z->piece + z->len - WORD);
	if (z->size == 0)
		expect(z, SUFFIX, WORD, false);
	else
		expect(z, BLOCK, (z->size & ~RAW_BLOCK) + (z->flags & 0x10 ? WORD : 0) + WORD,
		    false);
}

static enum sess_status
frame_error(size_t r, struct sess_err *err)
{
	const char *name = LZ4F_getErrorName(r);

	if (strstr(name, "allocation") != NULL)
		return sess_err_nomem(err);
	return sessp_bad(err, SESSP_LZ4, strstr(name, "hecksum") != NULL ? "wrong checksum" : NULL);
}

static void
remember(struct lz4 *z, const char *p, size_t n)
{
	size_t keep;

	if (n > WINDOW) {
		p += n - WINDOW;
		n = WINDOW;
	}
	keep = z->window_len < WINDOW - n ? z->window_len : WINDOW - n;
	memmove(z->window, z->window + z->window_len - keep, keep);
	memcpy(z->window + keep, p, n);
	z->window_len = keep + n;
}

/* Give the piece, or what is left of it, to the frame decoder. */
static enum sess_status
feed(struct lz4 *z, char *buf, size_t cap, size_t *n, struct sess_err *err)
{
	size_t in = z->len - z->fed, out = cap, r;

	r = LZ4F_decompress(z->ctx, buf, &out, z->piece + z->fed, &in, NULL);
	if (LZ4F_isError(r))
		return frame_error(r, err);
	*n = out;
	remember(z, buf, out);
	z->fed += in;
	z->full = r != 0 && out == cap;
	if (r == 0)
		expect(z, MAGIC, WORD, false);
	else if (!z->full && z->fed == z->len && !z->cut)
		expect_block(z);
	return SESS_OK;
}

/* A frame's first bytes: how long its header is, then the header. */
static enum sess_status
header(struct lz4 *z, char *buf, size_t cap, size_t *n, struct sess_err *err)
{
	size_t len;

	if (word(z->piece) != FRAME_MAGIC) {
		z->skip = word(z->piece + WORD);
		expect_skipped(z);
		return SESS_OK;
	}
	len = LZ4F_headerSize(z->piece, z->len);
	if (LZ4F_isError(len))
		return frame_error(len, err);
	if (z->len < len + WORD) {
		expect(z, HEADER, len + WORD, true);
		return SESS_OK;
	}
	z->flags = (unsigned char)z->piece[WORD];
	return feed(z, buf, cap, n, err);
}

/*
 * Decode to z->out what there is of a compressed block.  The decoder takes data
 * that ends anywhere but inside a length, which goes on in bytes of 255: then it
 * is given a little less.
 */
static enum sess_status
decode_part(struct lz4 *z, struct sess_err *err)
{
	size_t len = z->len;
	int r = -1, tries;

	if (z->out == NULL && (z->out = malloc(LEGACY_BLOCK)) == NULL)
		return sess_err_nomem(err);
	if (len > (z->size & ~RAW_BLOCK))
		len = z->size & ~RAW_BLOCK;
	for (tries = 0; r < 0 && len > 0 && tries < 16; tries++, len--) {
		r = LZ4_decompress_safe_partial_usingDict(z->piece, z->out, (int)len,
		    LEGACY_BLOCK, LEGACY_BLOCK, z->window, (int)z->window_len);
		while (len > 1 && z->piece[len - 1] == '\xff' && z->piece[len - 2] == '\xff')
			len--;
	}
	z->out_pos = 0;
	z->out_len = r > 0 ? (size_t)r : 0;
	return SESS_OK;
}

static enum sess_status
legacy_block(struct lz4 *z, struct sess_err *err)
{
	int r;

	if (z->out == NULL && (z->out = malloc(LEGACY_BLOCK)) == NULL)
		return sess_err_nomem(err);
	r = LZ4_decompress_safe(z->piece, z->out, (int)z->len, LEGACY_BLOCK);
	if (r < 0)
		return sessp_bad(err, SESSP_LZ4, NULL);
	z->out_pos = 0;
	z->out_len = (size_t)r;
	expect(z, LEGACY_SIZE, WORD, false);
	return SESS_OK;
}

/* The piece is there. */
static enum sess_status
decode(struct lz4 *z, char *buf, size_t cap, size_t *n, struct sess_err *err)
{
	switch (z->part) {
	case MAGIC:
		return begin(z, err);
	case HEADER:
		return header(z, buf, cap, n, err);
	case SKIPPED:
		z->skip -= z->len;
		expect_skipped(z);
		return SESS_OK;
	case LEGACY_SIZE:
		/* longer than a block can be: the magic of another frame */
		if (word(z->piece) > LEGACY_MOST)
			return begin(z, err);
		z->size = word(z->piece);
		expect(z, LEGACY_DATA, z->size, false);
		return SESS_OK;
	case LEGACY_DATA:
		return legacy_block(z, err);
	default:
		return feed(z, buf, cap, n, err);
	}
}

/* The data ended inside a piece, or before one: what there is all the same. */
static enum sess_status
ended(struct lz4 *z, struct sess_err *err)
{
	if (z->cut && z->below.code != SESS_OK) {
		if (err != NULL && err->code == SESS_OK)
			*err = z->below;
		return z->below.code;
	}
	if (z->cut)
		return sessp_stage_cut(err, SESSP_LZ4);
	if (z->len == 0 && z->below.code == SESS_OK &&
	    (z->part == MAGIC || z->part == LEGACY_SIZE))
		return SESS_END;
	z->cut = true;
	if (z->part == LEGACY_DATA || (z->part == BLOCK && (z->size & RAW_BLOCK) == 0)) {
		z->fed = z->len;
		return decode_part(z, err);
	}
	if (z->part != BLOCK)
		z->fed = z->len;	/* nothing of it is data */
	return SESS_OK;
}

static size_t
drain(struct lz4 *z, char *buf, size_t cap)
{
	size_t n = z->out_len - z->out_pos;

	if (n > cap)
		n = cap;
	memcpy(buf, z->out + z->out_pos, n);
	z->out_pos += n;
	return n;
}

static enum sess_status
lz4_read(struct sessp_stage *st, char *buf, size_t cap, size_t *n, struct sess_err *err)
{
	struct lz4 *z = (struct lz4 *)st;
	enum sess_status status = SESS_OK;

	while (*n == 0 && status == SESS_OK) {
		if (z->out_pos < z->out_len) {
			*n = drain(z, buf, cap);
		} else if (z->full || (z->fed > 0 && z->fed < z->len) ||
		    (z->cut && z->fed < z->len)) {
			status = feed(z, buf, cap, n, err);
		} else if ((status = z->cut ? SESS_OK : collect(z, err)) == SESS_OK) {
			status = z->len < z->want || z->cut ? ended(z, err) :
			    decode(z, buf, cap, n, err);
		}
	}
	return status == SESS_END ? SESS_OK : status;
}

static bool
lz4_pending(const struct sessp_stage *st)
{
	const struct lz4 *z = (const struct lz4 *)st;

	return z->full || z->out_pos < z->out_len || (z->fed > 0 && z->fed < z->len);
}

static void
lz4_free(struct sessp_stage *st)
{
	struct lz4 *z = (struct lz4 *)st;

	(void)LZ4F_freeDecompressionContext(z->ctx);
	free(z->piece);
	free(z->out);
	free(z);
}

static const struct sessp_stage_ops ops = {
	.read = lz4_read, .pending = lz4_pending, .free = lz4_free,
};

struct sessp_stage *
sessp_lz4_stage(struct sessp_stage *from)
{
	struct lz4 *z = calloc(1, sizeof(*z));

	if (z == NULL)
		return NULL;
	sessp_stage_init(&z->stage, &ops, from);
	if (LZ4F_isError(LZ4F_createDecompressionContext(&z->ctx, LZ4F_VERSION))) {
		free(z);
		return NULL;
	}
	expect(z, MAGIC, WORD, false);
	return &z->stage;
}
