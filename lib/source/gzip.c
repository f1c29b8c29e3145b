#include "stage.h"

#include <stdlib.h>
#include <string.h>

#include <isa-l/igzip_lib.h>

struct gzip {
	struct sessp_stage stage;
	enum { FIRST, WITHIN, BETWEEN, ENDED } where;	/* of the members */
	bool again;		/* a member has been read whole */
	bool full;		/* the last call filled its output: there may be more */
	enum sess_status status;	/* with which it ENDED */
	unsigned char tail[64];	/* then: what ISA-L left undecoded */
	size_t tail_pos, tail_len;
	struct inflate_state inflate;
};

#define CODE_MAX 15		/* bits of a symbol's code */
#define PAD_MAX 60		/* enough for any match to come to its end */

/* The literal that the first of bits are the code of, or -1 where that is a
 * match: with no history each match is an error. */
static int
literal(struct inflate_state *scratch, const struct inflate_state *s, uint64_t bits)
{
	uint8_t byte;

	*scratch = *s;
	scratch->read_in = bits;
	scratch->read_in_length = PAD_MAX;
	scratch->avail_in = 0;
	scratch->crc_flag = ISAL_DEFLATE;
	scratch->total_out = scratch->dict_length = 0;
	scratch->tmp_out_valid = scratch->tmp_out_processed = 0;
	scratch->next_out = &byte;
	scratch->avail_out = 1;
	(void)isal_inflate(scratch);
	return scratch->avail_out == 0 ? byte : -1;
}

/*
 * Literals that stand in full in the last bits of a cut stream.
 *
 * ISA-L decodes up to three symbols in one step, and none of them where the
 * last is cut.  Here they are taken one by one: a code is whole within the
 * first `used` bits just if the symbol is the same with zeros and with ones
 * behind them.
 */
static void
take_tail(struct gzip *g)
{
	struct inflate_state *s = &g->inflate, *scratch;
	int left = s->read_in_length, used = 1, a, b;
	uint64_t bits = s->read_in, mask;

	if (s->block_state != ISAL_BLOCK_CODED || left <= 0 ||
	    (scratch = malloc(sizeof(*scratch))) == NULL)
		return;
	while (used <= left && used <= CODE_MAX && g->tail_len < sizeof(g->tail)) {
		mask = (UINT64_C(1) << used) - 1;
		a = literal(scratch, s, bits & mask);
		b = literal(scratch, s, (bits & mask) |
		    (((UINT64_C(1) << PAD_MAX) - 1) & ~mask));
		if (a < 0 || a != b) {
			used++;
			continue;
		}
		g->tail[g->tail_len++] = (unsigned char)a;
		bits >>= used;
		left -= used;
		used = 1;
	}
	free(scratch);
}

/* Nothing more comes in: what is left, then the end or the error. */
static enum sess_status
drain(struct gzip *g, char *buf, size_t cap, size_t *n)
{
	*n = g->tail_len - g->tail_pos;
	if (*n > cap)
		*n = cap;
	memcpy(buf, g->tail + g->tail_pos, *n);
	g->tail_pos += *n;
	return g->tail_pos == g->tail_len ? g->status : SESS_OK;
}

/* Padding behind a member, as tapes have it, then another member or nothing.
 * false where there is something else. */
static bool
begin_member(struct gzip *g, const unsigned char *p, size_t len)
{
	size_t zeros = 0;

	if (g->where == BETWEEN)
		while (zeros < len && p[zeros] == 0)
			zeros++;
	sessp_stage_skip(g->stage.from, zeros);
	if (zeros == len)
		return true;
	if (p[zeros] != 0x1f)
		return false;
	if (g->where == FIRST)
		isal_inflate_init(&g->inflate);
	else
		isal_inflate_reset(&g->inflate);
	g->inflate.crc_flag = ISAL_GZIP;
	g->where = WITHIN;
	return true;
}

static enum sess_status
garbage(struct sess_err *err)
{
	return sess_err_set(err, SESS_EFORMAT, 0, "trailing garbage after gzip data");
}

/* One step of ISA-L; *n counts what came out. */
static enum sess_status
inflate_step(struct gzip *g, const unsigned char *p, size_t len, char *buf, size_t cap,
    size_t *n, struct sess_err *err)
{
	struct inflate_state *s = &g->inflate;
	int r;

	s->next_in = (uint8_t *)(uintptr_t)p;
	s->avail_in = (uint32_t)len;
	s->next_out = (uint8_t *)buf;
	s->avail_out = cap < UINT32_C(1) << 30 ? (uint32_t)cap : UINT32_C(1) << 30;
	r = isal_inflate(s);
	*n = (size_t)(s->next_out - (uint8_t *)buf);
	sessp_stage_skip(g->stage.from, len - s->avail_in);
	g->full = s->avail_out == 0 && s->block_state != ISAL_BLOCK_FINISH;
	if (s->block_state == ISAL_BLOCK_FINISH && r >= 0) {
		g->where = BETWEEN;
		g->again = true;
		return SESS_OK;
	}
	if (r >= 0 && (*n > 0 || len == 0 || s->avail_in < len))
		return SESS_OK;
	g->where = ENDED;
	if (r == ISAL_INVALID_WRAPPER && g->again)
		return g->status = garbage(err);
	return g->status = sessp_bad(err, SESSP_GZIP,
	    r == ISAL_INCORRECT_CHECKSUM ? "wrong checksum" : NULL);
}

static enum sess_status
gzip_read(struct sessp_stage *st, char *buf, size_t cap, size_t *n, struct sess_err *err)
{
	struct gzip *g = (struct gzip *)st;
	const unsigned char *p = NULL;
	enum sess_status r;
	size_t len;

	while (*n == 0) {
		if (g->where == ENDED)
			return drain(g, buf, cap, n);
		len = 0;
		if (!g->full) {
			r = sessp_stage_view(st->from, &p, &len, err);
			if (r < 0 || len == 0) {
				if (g->where == WITHIN)
					take_tail(g);
				g->status = r < 0 ? r : g->where == BETWEEN ? SESS_OK :
				    sessp_stage_cut(err, SESSP_GZIP);
				g->where = ENDED;
				continue;
			}
		}
		if (g->where != WITHIN) {
			if (!begin_member(g, p, len)) {
				g->where = ENDED;
				g->status = garbage(err);
			}
			continue;
		}
		r = inflate_step(g, p, len, buf, cap, n, err);
		if (r < 0)
			return r;
	}
	return SESS_OK;
}

static bool
gzip_pending(const struct sessp_stage *st)
{
	return ((const struct gzip *)st)->full;
}

static void
gzip_free(struct sessp_stage *st)
{
	free(st);
}

static const struct sessp_stage_ops ops = {
	.read = gzip_read, .pending = gzip_pending, .free = gzip_free,
};

struct sessp_stage *
sessp_gzip_stage(struct sessp_stage *from)
{
	struct gzip *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	sessp_stage_init(&g->stage, &ops, from);
	return &g->stage;
}
