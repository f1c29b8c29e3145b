/* inflate: bodies that came compressed. */
#include "private.h"

#include <isa-l/igzip_lib.h>
#include <stdlib.h>

#define MOST (16 * 1024 * 1024)		/* bytes of a body, inflated */

/* What the body is by its first bytes: a flag of ISA-L's, or -1. */
static int
container(const unsigned char *p, size_t len, bool deflate)
{
	if (len >= 18 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8)
		return ISAL_GZIP;
	if (!deflate || len < 2)
		return -1;
	if ((p[0] & 0x0f) == 8 && (p[0] << 8 | p[1]) % 31 == 0)
		return ISAL_ZLIB;
	return ISAL_DEFLATE;
}

/* Inflate into out; whether the stream was whole. */
static bool
inflate_all(struct inflate_state *st, struct sess_slice s, struct sess_buf *out)
{
	int r;

	st->next_in = (uint8_t *)(uintptr_t)s.p;
	st->avail_in = (uint32_t)s.len;
	do {
		if (out->len >= MOST || sess_buf_room(out, s.len * 4 + 4096) < 0)
			return false;
		st->next_out = (uint8_t *)out->data + out->len;
		st->avail_out = (uint32_t)(out->cap - out->len);
		r = isal_inflate(st);
		out->len = (size_t)((char *)st->next_out - out->data);
	} while (r == ISAL_DECOMP_OK && st->block_state != ISAL_BLOCK_FINISH &&
	    (st->avail_in > 0 || st->avail_out == 0));
	return r == ISAL_DECOMP_OK && st->block_state == ISAL_BLOCK_FINISH &&
	    out->len <= MOST;
}

struct sess_slice
sessp_inflate(struct sessp_conv *cv, struct sess_slice s, bool deflate)
{
	int kind = container((const unsigned char *)s.p, s.len, deflate);
	struct inflate_state *st = cv->inflate;
	char *copy;

	if (kind < 0 || s.len > MOST)
		return s;
	if (st == NULL && (st = cv->inflate = malloc(sizeof(*st))) == NULL) {
		sessp_fail(cv);
		return s;
	}
	isal_inflate_init(st);
	st->crc_flag = (uint32_t)kind;
	cv->text.len = 0;
	if (!inflate_all(st, s, &cv->text))
		return s;
	if ((copy = sessp_arena_dup(&cv->arena, cv->text.data, cv->text.len)) == NULL) {
		sessp_fail(cv);
		return s;
	}
	return (struct sess_slice){ copy, cv->text.len };
}

void
sessp_inflate_free(void *state)
{
	free(state);
}
