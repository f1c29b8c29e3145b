/*
 * walk: the fields of an object whose names come in the order they came in
 * before, as they do in a log.
 *
 * A name that is the one expected is compared, not looked for; a string is
 * read up to its quote in steps of the widest load there is.  Whatever is out
 * of the ordinary (nesting, white space of more than a blank, anything wrong)
 * ends the walk, and scan.c goes on from there: it alone judges.
 */
#ifndef SESSP_WALK_H
#define SESSP_WALK_H

#include "index.h"

/* Whether the 32 bytes at p begin with the name's text, from the comma on. */
typedef bool sessp_begins_fn(const char *p, const struct sessp_trail_name *name);

/* How many of the bytes at p, width at most, are before the first quote,
 * backslash or control character; *high is not 0 where one of these is over
 * 0x7f. */
typedef size_t sessp_plain_fn(const char *p, uint64_t *high);

/* How many of the bytes at p are digits, width at most. */
typedef size_t sessp_digits_fn(const char *p);

/* The quote that ends the string in which p is, all between being right; NULL
 * where it isn't. */
const char *sessp_string_end(const char *p, const char *end, uint64_t *high);

/* The end of the number, true, false or null at p and its type, or NULL. */
const char *sessp_scalar_end(const char *p, const char *end, uint8_t *type);

/* What differs between the versions; width is that of a step, 32 at most. */
struct sessp_walk_by {
	sessp_begins_fn *begins;
	sessp_plain_fn *plain;
	sessp_digits_fn *digits;
	size_t width;
};

/* A walk: the byte behind the object's brace, and the last place from which 32
 * bytes can be loaded. */
struct sessp_walk {
	const char *end, *safe;
};

/*
 * Behind the n bytes at p.  Where a name's values mostly have one length, as ids
 * and times have, the processor goes on to the next field before it knows how long
 * this one is: what is returned is the sum with the usual length, and whether that
 * is n is left to its branch prediction.  The barrier keeps the compiler from
 * taking the one for the other.
 */
SESSP_INLINE const char *
sessp_walk_behind(struct sessp_trail_name *name, const char *p, size_t n)
{
	uintptr_t usual = (uintptr_t)p + name->usual;	/* anywhere, if it isn't n */

	__asm__ volatile ("" : "+r"(usual));
	if (n == name->usual)
		return (const char *)usual;
	sessp_trail_unusual(name, n);
	return p + n;
}

/* The number or literal at c: the byte behind it, or NULL. */
SESSP_INLINE const char *
sessp_walk_scalar(const struct sessp_walk *w, struct sessp_field *f, const char *c,
    struct sessp_trail_name *name, const struct sessp_walk_by *by)
{
	size_t n = c <= w->safe ? by->digits(c) : 0;
	const char *d = c + n;

	if (n > 0 && n < by->width && (*c != '0' || n == 1) && (*d == ',' || *d == '}')) {
		f->type = SESSP_NUMBER;
		d = sessp_walk_behind(name, c, n);
	} else if (c >= w->end || (d = sessp_scalar_end(c, w->end, &f->type)) == NULL)
		return NULL;
	f->val = c;
	f->val_len = (uint32_t)(d - c);
	return d;
}

/* The string that begins at c, behind its quote: the byte behind it, or NULL.
 * Where that is behind the end the text had no quote. */
SESSP_INLINE const char *
sessp_walk_string(const struct sessp_walk *w, struct sessp_field *f, const char *c,
    struct sessp_trail_name *name, const struct sessp_walk_by *by)
{
	const char *d = c;
	uint64_t high = 0;
	size_t n;

	do {
		if (d > w->safe)
			return NULL;
		n = by->plain(d, &high);
		d += n;
	} while (n == by->width);
	n = (size_t)(d - c);
	if (*d == '"') {
		d = sessp_walk_behind(name, c, n);
	} else {
		if ((d = sessp_string_end(d, w->end, &high)) == NULL)
			return NULL;
		f->val_esc = 1;
		n = (size_t)(d - c);
	}
	f->type = SESSP_STRING;
	f->val = c;
	f->val_len = (uint32_t)n;
	f->val_utf8 = high != 0;
	return d + 1;
}

/* The value at c: the byte behind it, or NULL. */
SESSP_INLINE const char *
sessp_walk_value(const struct sessp_walk *w, struct sessp_field *f, const char *c,
    struct sessp_trail_name *name, const struct sessp_walk_by *by)
{
	f->name_esc = f->val_esc = f->val_utf8 = 0;
	return *c == '"' ? sessp_walk_string(w, f, c + 1, name, by) :
	    sessp_walk_scalar(w, f, c, name, by);
}

/*
 * Walk along text[p .. len), p being the object's brace, and read *n fields, max
 * at most.  Where the walk ended, behind the brace or the comma before a field;
 * len where the object is through.  behind bytes behind len are readable.
 */
SESSP_INLINE size_t
sessp_walk(struct sessp_trail *seen, const char *text, size_t p, size_t len, size_t behind,
    struct sessp_field *first, size_t max, size_t *n, const struct sessp_walk_by *by)
{
	struct sessp_walk w = { .end = text + len };
	struct sessp_trail_name *at = &seen->start, *name;
	struct sessp_field *f = first, *last;
	const char *q = text + p, *value, *next;

	*n = 0;
	if (max == 0 || len - p + behind <= SESSP_TRAIL_TEXT)
		return p + 1;
	/* One more for the byte with which the value behind a name begins. */
	w.safe = w.end + behind - SESSP_TRAIL_TEXT - 1;
	/* q is where the value before ended: at the comma, if all is well. */
	for (last = first + max; f < last && q <= w.safe; f++, q = next, at = name) {
		name = at->next;
		value = q + name->len;
		if (!by->begins(q, name)) {
			name = sessp_trail_find(seen, q, w.end, f == first ? '{' : ',', &value, f);
			if (name == NULL)
				break;
			at->next = name;
		} else {
			f->name = value - name->name_from;
			f->name_len = name->name_len;
		}
		f->seen = name->number;
		if ((next = sessp_walk_value(&w, f, value, name, by)) == NULL)
			break;
	}
	*n = (size_t)(f - first);
	if (q + 1 == w.end && *q == '}' && *n > 0)
		return len;
	if (q < w.end && *q == ',')
		return (size_t)(q - text) + 1;
	/* The last value is not to be counted on. */
	*n = 0;
	return p + 1;
}

#endif
