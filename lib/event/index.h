/*
 * index: where the quotes of a JSON text are, a window at a time.
 *
 * The first of the scanner's two steps, and the only one that looks at each
 * byte: a window of text becomes bitmaps.  The second step (scan.c) jumps from
 * quote to quote with them.  There are two versions of the first, with the
 * same results.
 */
#ifndef SESSP_INDEX_H
#define SESSP_INDEX_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "private.h"

#define SESSP_WINDOW 4096
#define SESSP_WORDS (SESSP_WINDOW / 64)

/* Bit i of a bitmap, in bytes of eight, is of the byte at base + i.  A word of
 * zeros is behind each, so that eight bytes can be read anywhere. */
struct sessp_index {
	const char *text;
	size_t len;
	size_t base;		/* of the window */
	size_t next;		/* where the one behind it begins */
	uint64_t escaped;	/* 1: the byte at next is behind a backslash */
	uint64_t any_special;
	uint64_t quote[SESSP_WORDS + 1];	/* those that no backslash escapes */
	uint64_t special[SESSP_WORDS + 1];	/* backslashes, control bytes */
	uint64_t high[SESSP_WORDS + 1];		/* bytes over 0x7f */
};

/* Index the window at next. */
typedef void sessp_index_fn(struct sessp_index *ix);

/* The walk along names that are expected: see walk.h. */
typedef size_t sessp_walk_fn(struct sessp_trail *seen, const char *text, size_t p, size_t len,
    size_t behind, struct sessp_field *f, size_t max, size_t *n);

/* What there are two versions of. */
struct sessp_scan_version {
	sessp_index_fn *index;
	sessp_walk_fn *walk;
};
extern const struct sessp_scan_version sessp_scan_portable;
#if defined(__x86_64__)
extern const struct sessp_scan_version sessp_scan_avx2;
#endif

/* The fastest for this processor. */
const struct sessp_scan_version *sessp_scan_best(void);

/* sessp_json_fields_along by a given version; seen may be NULL. */
enum sess_status sessp_json_fields_by(const struct sessp_scan_version *by, const char *text,
    size_t len, size_t behind, struct sessp_trail *seen, struct sessp_field **fields,
    size_t *nfields, size_t *cap, struct sess_err *err);

/* What the versions share; inlined into each, compiled for its processor. */

struct sessp_masks {
	uint64_t quote, backslash, control, high;	/* bit i: byte i is one */
};

typedef void sessp_masks_fn(const char *p, struct sessp_masks *m);

#define SESSP_INLINE static inline __attribute__((always_inline))

/* Which bytes a backslash escapes: each that an odd run of them precedes.
 * *carry goes from block to block. */
SESSP_INLINE uint64_t
sessp_escaped(uint64_t backslash, uint64_t *carry)
{
	const uint64_t even = 0x5555555555555555u;
	uint64_t follows, odd_starts, runs, escaped;

	if (backslash == 0) {
		escaped = *carry;
		*carry = 0;
		return escaped;
	}
	backslash &= ~*carry;
	follows = backslash << 1 | *carry;
	odd_starts = backslash & ~even & ~follows;
	/* The sum carries each run that starts at an odd bit to its end. */
	*carry = __builtin_add_overflow(odd_starts, backslash, &runs);
	return (even ^ runs << 1) & follows;
}

/* The masks of the last r < 64 bytes.  Nothing outside of the text is read. */
SESSP_INLINE void
sessp_masks_tail(const char *text, size_t len, size_t r, sessp_masks_fn *masks,
    struct sessp_masks *m)
{
	char block[64];
	unsigned shift;

	if (len >= 64) {
		shift = 64 - (unsigned)r;
		masks(text + len - 64, m);
		m->quote >>= shift;
		m->backslash >>= shift;
		m->control >>= shift;
		m->high >>= shift;
	} else {
		memset(block, ' ', sizeof(block));
		memcpy(block, text + len - r, r);
		masks(block, m);
	}
}

SESSP_INLINE void
sessp_index_window(struct sessp_index *ix, sessp_masks_fn *masks)
{
	struct sessp_masks m;
	size_t p = ix->next, end, i = 0;
	uint64_t any = 0, carry = ix->escaped;

	end = ix->len - p > SESSP_WINDOW ? p + SESSP_WINDOW : ix->len;
	ix->base = p;
	for (; p < end; p += 64, i++) {
		if (end - p >= 64)
			masks(ix->text + p, &m);
		else
			sessp_masks_tail(ix->text, ix->len, end - p, masks, &m);
		ix->quote[i] = htole64(m.quote & ~sessp_escaped(m.backslash, &carry));
		ix->special[i] = htole64(m.backslash | m.control);
		ix->high[i] = htole64(m.high);
		any |= m.backslash | m.control;
	}
	ix->quote[i] = ix->special[i] = ix->high[i] = 0;
	ix->any_special = any;
	ix->escaped = carry;
	ix->next = end;
}

#endif
