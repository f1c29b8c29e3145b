/* 7z: the windows that its decoders ask for, before libarchive, which has no limit
 * for them, makes room for one.  Only the part of the headers is read that names
 * the decoders; what is odd in it is left for libarchive to refuse. */
#include "stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lzma.h>

#define START 32			/* the header that says where the header is */
#define HEADER_MAX (64 << 20)
#define STREAMS_MAX 4			/* of one decoder */
#define NESTED_MAX 4			/* headers packed in one another */

enum id {
	ID_END = 0x00, ID_HEADER = 0x01, ID_MAIN = 0x04, ID_PACKED = 0x06, ID_UNPACKED = 0x07,
	ID_SIZE = 0x09, ID_CRC = 0x0a, ID_FOLDER = 0x0b, ID_UNPACK_SIZE = 0x0c,
	ID_ENCODED_HEADER = 0x17
};

/* Bytes that are read one by one; bad where they have ended. */
struct bytes {
	const unsigned char *p, *end;
	bool bad;
};

/* What the streams of a header are. */
struct streams {
	uint64_t at, packed, unpacked;	/* of the first: where, and how long */
	uint64_t window;		/* the largest of all */
	unsigned char coder;		/* of the first: its id's last byte, ... */
	unsigned char props[5];
	size_t nprops, ncoders;
};

static unsigned char
byte(struct bytes *b)
{
	if (b->p == b->end) {
		b->bad = true;
		return 0;
	}
	return *b->p++;
}

static void
skip(struct bytes *b, uint64_t n)
{
	if (n > (uint64_t)(b->end - b->p))
		b->bad = true;
	else
		b->p += n;
}

/* The first byte says by its leading ones how many follow. */
static uint64_t
number(struct bytes *b)
{
	unsigned char first = byte(b), mask = 0x80;
	uint64_t v = 0;
	unsigned i;

	for (i = 0; i < 8 && (first & mask) != 0; i++, mask >>= 1)
		v |= (uint64_t)byte(b) << (8 * i);
	if (i < 8)
		v += (uint64_t)(first & (mask - 1)) << (8 * i);
	return v;
}

static uint64_t
le(const unsigned char *p, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* Checksums of n streams: all are there, or a bit each tells. */
static void
skip_sums(struct bytes *b, uint64_t n)
{
	uint64_t i, there = n;
	unsigned char bits = 0;

	if (byte(b) == 0)
		for (there = i = 0; i < n && !b->bad; i++) {
			bits = i % 8 == 0 ? byte(b) : (unsigned char)(bits << 1);
			there += bits >> 7;
		}
	skip(b, there > UINT64_MAX / 4 ? UINT64_MAX : there * 4);
}

static void
packed_info(struct bytes *b, struct streams *s)
{
	uint64_t n, i;
	unsigned char id;

	s->at = number(b);
	n = number(b);
	while (!b->bad && (id = byte(b)) != ID_END) {
		if (id == ID_CRC) {
			skip_sums(b, n);
			continue;
		}
		b->bad |= id != ID_SIZE;
		for (i = 0; i < n && !b->bad; i++) {
			uint64_t size = number(b);

			if (i == 0)
				s->packed = size;
		}
	}
}

/* The window of a decoder, 0 where it has none of note. */
static uint64_t
window(const unsigned char *id, size_t nid, const unsigned char *props, uint64_t nprops)
{
	static const unsigned char lzma[] = { 3, 1, 1 }, ppmd[] = { 3, 4, 1 };

	if (nid == 3 && nprops >= 5 && (memcmp(id, lzma, 3) == 0 || memcmp(id, ppmd, 3) == 0))
		return le(props + 1, 4);
	if (nid == 1 && *id == 0x21 && nprops == 1)
		return *props >= 40 ? UINT32_MAX : (uint64_t)(2 | (*props & 1)) << (*props / 2 + 11);
	return 0;
}

static void
coder(struct bytes *b, struct streams *s, bool first, uint64_t *in, uint64_t *out)
{
	unsigned char flags = byte(b);
	const unsigned char *id = b->p, *props;
	uint64_t n = 0, size;

	skip(b, flags & 15);
	if (flags & 0x10) {
		*in += number(b);
		*out += number(b);
	} else {
		++*in;
		++*out;
	}
	if (flags & 0x20)
		n = number(b);
	props = b->p;
	skip(b, n);
	if (b->bad)
		return;
	size = window(id, flags & 15, props, n);
	if (size > s->window)
		s->window = size;
	if (first && (flags & 15) > 0) {
		s->coder = id[(flags & 15) - 1];
		s->nprops = n < sizeof(s->props) ? (size_t)n : sizeof(s->props);
		memcpy(s->props, props, s->nprops);
	}
}

static void
folders(struct bytes *b, struct streams *s)
{
	uint64_t n, i, k, in, out, coders;

	b->bad |= byte(b) != ID_FOLDER;
	n = number(b);
	b->bad |= byte(b) != 0;			/* they are elsewhere */
	for (i = 0; i < n && !b->bad; i++) {
		coders = number(b);
		b->bad |= coders == 0 || coders > STREAMS_MAX;
		for (in = out = k = 0; k < coders && !b->bad; k++)
			coder(b, s, i == 0 && k == 0, &in, &out);
		if (i == 0)
			s->ncoders = (size_t)coders;
		b->bad |= out == 0 || in > STREAMS_MAX * 4 || out > STREAMS_MAX * 4 || in + 1 < out;
		for (k = 0; k + 1 < out && !b->bad; k++) {
			(void)number(b);
			(void)number(b);
		}
		for (k = 0; !b->bad && in + 1 - out > 1 && k < in + 1 - out; k++)
			(void)number(b);
	}
	b->bad |= byte(b) != ID_UNPACK_SIZE;
	s->unpacked = number(b);
}

static void
streams(struct bytes *b, struct streams *s)
{
	unsigned char id = byte(b);

	if (id == ID_PACKED) {
		packed_info(b, s);
		id = byte(b);
	}
	if (id == ID_UNPACKED)
		folders(b, s);
	else
		b->bad = true;
}

/* Read len bytes at an offset; NULL where they aren't there. */
static unsigned char *
fetch(struct sessp_stage *from, uint64_t at, uint64_t len)
{
	unsigned char *p;
	size_t n, got = 0;

	if (len == 0 || len > HEADER_MAX || at > INT64_MAX ||
	    from->ops->seek(from, (int64_t)at, SEEK_SET) < 0 || (p = malloc((size_t)len)) == NULL)
		return NULL;
	for (; got < len; got += n) {
		n = 0;
		if (from->ops->read(from, (char *)p + got, (size_t)len - got, &n, NULL) < 0 || n == 0) {
			free(p);
			return NULL;
		}
	}
	return p;
}

/* A header that is packed itself, unpacked; NULL where that can't be done. */
static unsigned char *
unpack(struct sessp_stage *from, const struct streams *s)
{
	lzma_filter filters[2] = { { .id = s->coder == 0x21 ? LZMA_FILTER_LZMA2 : LZMA_FILTER_LZMA1 },
	    { .id = LZMA_VLI_UNKNOWN } };
	unsigned char *in = NULL, *out = NULL;
	size_t in_pos = 0, out_pos = 0;

	if (s->ncoders != 1 || (s->coder != 0x21 && s->coder != 0x01) || s->unpacked == 0 ||
	    s->unpacked > HEADER_MAX || s->at > INT64_MAX - START ||
	    lzma_properties_decode(&filters[0], NULL, s->props, s->nprops) != LZMA_OK)
		return NULL;
	if ((in = fetch(from, START + s->at, s->packed)) != NULL &&
	    (out = calloc(1, (size_t)s->unpacked)) != NULL)
		(void)lzma_raw_buffer_decode(filters, NULL, in, &in_pos, (size_t)s->packed, out,
		    &out_pos, (size_t)s->unpacked);
	free(filters[0].options);
	free(in);
	if (out_pos != s->unpacked) {
		free(out);
		return NULL;
	}
	return out;
}

/* The largest window that is asked for, or 0 where that isn't known; of a header
 * too long to look into, too much. */
static uint64_t
largest(struct sessp_stage *from, uint64_t at, uint64_t len, uint64_t limit)
{
	unsigned char *p = fetch(from, at, len);
	struct streams s = { .window = len > HEADER_MAX ? UINT64_MAX : 0 };
	unsigned nested, id;

	for (nested = 0; p != NULL && nested < NESTED_MAX; nested++) {
		struct bytes b = { p, p + len, false };

		s = (struct streams){ 0 };
		id = byte(&b);
		if (id == ID_HEADER)
			b.bad |= byte(&b) != ID_MAIN;
		if (!b.bad)
			streams(&b, &s);
		free(p);
		if (id != ID_ENCODED_HEADER || s.window > limit || b.bad)
			return s.window;
		if (s.unpacked > HEADER_MAX)
			return UINT64_MAX;
		p = unpack(from, &s);
		len = s.unpacked;
	}
	free(p);
	return s.window;
}

enum sess_status
sessp_7zip_check(struct sessp_stage *from, struct sess_err *err)
{
	uint64_t limit = from->limits->window, at, len, need = 0;
	unsigned char *start = fetch(from, 0, START);
	int64_t size = from->ops->seek(from, 0, SEEK_END);
	bool cut = start == NULL;

	if (start != NULL) {
		at = le(start + 12, 8);
		len = le(start + 20, 8);
		cut = size >= START && (at > (uint64_t)size - START ||
		    len > (uint64_t)size - START - at);
		if (!cut)
			need = largest(from, START + at, len, limit);
	}
	free(start);
	if (from->ops->seek(from, 0, SEEK_SET) < 0)
		return sess_err_sys(err, errno, NULL);
	from->pos = from->len = 0;
	from->state = SESS_OK;
	if (cut)
		return sessp_stage_cut(err, SESSP_7ZIP);
	if (need <= limit)
		return SESS_OK;
	return sess_err_set(err, SESS_ELIMIT, 0, "7z window of more than %llu MiB",
	    (unsigned long long)limit >> 20);
}
