/*
 * event: reading flat JSON objects fast, for the stages that turn log lines
 * into events; writing JSON strings.
 */
#ifndef SESSP_EVENT_H
#define SESSP_EVENT_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sess/event.h"

enum sessp_json {		/* what a field's value is */
	SESSP_STRING, SESSP_NUMBER, SESSP_TRUE, SESSP_FALSE, SESSP_NULL,
	SESSP_NESTED		/* an object or array: its text, for jansson */
};

struct sessp_field {
	const char *name;	/* between the quotes, as it stands */
	const char *val;	/* a string's bytes between the quotes; else the
				 * value's text: a number, true, {...} */
	uint32_t name_len, val_len;
	uint8_t type;		/* enum sessp_json */
	uint8_t name_esc;	/* name holds a backslash */
	uint8_t val_esc;	/* a string value holds a backslash */
	uint8_t val_utf8;	/* a string value holds bytes over 0x7f */
	uint8_t seen;		/* the name's number in a struct sessp_trail, or 0 */
};

/*
 * Split one JSON object into its top-level fields.  The whole text is checked
 * to be JSON as RFC 8259 has it (numbers, escapes, lone surrogates, control
 * characters, nesting to depth 512, nothing behind the object but white
 * space), as jansson's loader judges it with JSON_DISABLE_EOF_CHECK off, but
 * for three things: bytes that are not UTF-8 are let through (logs hold them:
 * the writer makes U+FFFD of them), numbers out of a double's range are let
 * through as text, and so is \u0000.  Fields come in the order of the text; of duplicates
 * all come.
 *
 * *fields is an array the call grows with realloc; the caller frees it.
 * SESS_EFORMAT with err->text saying what is wrong and at which byte;
 * SESS_ENOMEM; SESS_ELIMIT for 4 GiB or more.  Nothing outside of text is read:
 * it needs no padding.
 */
enum sess_status sessp_json_fields(const char *text, size_t len,
    struct sessp_field **fields, size_t *nfields, size_t *cap, struct sess_err *err);

/*
 * trail: names of fields that came by, and which came behind which.  The lines
 * of a log have few names, and these in few orders: what comes next is mostly
 * known.  Zeros are an empty one; it never shrinks, so that what somebody knows
 * of a name by its number stays true.
 */
#define SESSP_TRAIL_MAX 256
#define SESSP_TRAIL_TEXT 32
struct sessp_trail_name {
	char text[SESSP_TRAIL_TEXT];	/* from the brace or comma before it to its value */
	char mask[SESSP_TRAIL_TEXT];	/* -1 where text is */
	struct sessp_trail_name *next;	/* what came behind it */
	uint8_t len;			/* of text */
	uint8_t name_len;
	uint8_t name_from;		/* where it begins, before the value */
	uint8_t number;
	/* Values of mostly one length: that of the last; SIZE_MAX: it changes too often. */
	size_t usual;
	uint32_t misses;		/* how often it changed in this period */
};
/* Of so many lines, how many may have a value of another length than the one before. */
#define SESSP_TRAIL_PERIOD 4096
#define SESSP_TRAIL_MISSES 256
struct sessp_trail {
	unsigned n;		/* numbers given out; 0 is of no name */
	uint32_t lines;
	uint8_t slot[2 * SESSP_TRAIL_MAX];	/* hash to number */
	struct sessp_trail_name start;	/* of an object: its next is the first */
	struct sessp_trail_name name[SESSP_TRAIL_MAX];
};

/* A period begins: what was too unusual may be as usual by now. */
void sessp_trail_begin(struct sessp_trail *s);

/* The name in the text at q, which is to begin with before (a brace or comma),
 * learned if need be; number 0 where it is too long or one too many.  f gets the
 * name, *value is where its value begins.  NULL where it is anything but blanks,
 * a name without escapes, a colon, blanks and a value. */
struct sessp_trail_name *sessp_trail_find(struct sessp_trail *s, const char *q,
    const char *end, char before, const char **value, struct sessp_field *f);

/* A value of the name has n bytes, not as many as usual. */
static inline void
sessp_trail_unusual(struct sessp_trail_name *name, size_t n)
{
	name->usual = ++name->misses < SESSP_TRAIL_MISSES ? n : SIZE_MAX;
}

/* Begin the next line. */
static inline void
sessp_trail_line(struct sessp_trail *s)
{
	if (s->lines++ % SESSP_TRAIL_PERIOD == 0)
		sessp_trail_begin(s);
}

/* sessp_json_fields for one line after another of a log: names that come in
 * the order of the line before are cheap, and have their numbers in seen.
 * behind bytes behind the text are readable. */
enum sess_status sessp_json_fields_along(const char *text, size_t len, size_t behind,
    struct sessp_trail *seen, struct sessp_field **fields, size_t *nfields,
    size_t *cap, struct sess_err *err);

/* sess_event_scan of a line behind which so many bytes are readable. */
enum sess_status sessp_event_scan(struct sess_event_scanner *sc, struct sess_event *ev,
    const char *line, size_t len, size_t behind, struct sess_err *err);

/* Append the decoded bytes of a JSON string body (between the quotes) to out.
 * \u escapes become UTF-8, surrogate pairs one character; the text was
 * checked by sessp_json_fields.  0 or -1 (memory). */
int sessp_json_decode(const char *p, size_t len, struct sess_buf *out);

/* Write a character (not a surrogate) as UTF-8 to d, which has room for four
 * bytes; returns their number. */
size_t sessp_utf8_put(char *d, uint32_t cp);

/* Whether the bytes are UTF-8; and, appended to out, the text that an event with
 * these bytes is written and read again as (U+FFFD for what is none).  0 or -1. */
bool sessp_utf8_valid(const char *p, size_t len);
int sessp_utf8_mend(const char *p, size_t len, struct sess_buf *out);

/* Whether the bytes are one JSON object, judged as sessp_json_fields does. */
bool sessp_json_object(const char *p, size_t len);

/* Append p as a quoted JSON string, escaped as sess_event_write says.  0 or -1. */
int sessp_json_quote(const char *p, size_t len, struct sess_buf *out);

/* Whether the eight bytes at p are digits; *v is their value. */
static inline bool
sessp_eight_digits(const char *p, uint64_t *v)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	w = le64toh(w);
	/* High half 3, and still so with 6 added: 0 to 9. */
	if ((((w & ones * 0xf0) ^ ones * 0x30) |
	    (((w + ones * 0x06) & ones * 0xf0) ^ ones * 0x30)) != 0)
		return false;
	/* Digits to pairs, to fours, to eight. */
	w = (w & ones * 0x0f) * (1 + (10 << 8)) >> 8;
	w = (w & 0x00ff00ff00ff00ff) * (1 + (100 << 16)) >> 16;
	*v = (w & 0x0000ffff0000ffff) * (1 + (UINT64_C(10000) << 32)) >> 32;
	return true;
}

/* Whether the bytes are a JSON number. */
bool sessp_json_number(const char *p, size_t len);

/*
 * names: which of a fixed set of names is this?  A perfect hash, built once by
 * its owner, then read-only and free to share between threads.
 *
 *	static const char *const wire[] = { "t", "sid", "begin" };
 *	struct sessp_names t;
 *
 *	if (sessp_names_init(&t, wire, 3) < 0)
 *		...				out of memory
 *	switch (sessp_names_find(&t, f->name, f->name_len)) {
 *	case 2:					it is wire[2]
 *	case -1:				none of them
 *	}
 *	sessp_names_release(&t);
 */
struct sessp_names {
	struct sessp_name {
		uint64_t head, tail;	/* sessp_words of the name */
		size_t len;
		const char *name;
		int index;
	} *entry;			/* entry[0] is like no name */
	uint16_t *slot;			/* hash to entry */
	uint64_t seed;
	unsigned shift;
};

/* Build t from n distinct names, borrowed for the life of t.  SESS_ENOMEM;
 * SESS_ELIMIT for more than 4096, SESS_EFORMAT where two are equal: then
 * nothing may be looked up in t.  Release is allowed in any case. */
enum sess_status sessp_names_init(struct sessp_names *t, const char *const *names,
    size_t n);
void sessp_names_release(struct sessp_names *t);

/* Eight bytes as a number whose lowest byte is the first. */
static inline uint64_t
sessp_load64(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return le64toh(w);
}

/* The first and the last eight bytes of a name; of a shorter one both are the
 * name with zeros behind it.  A name of up to 16 bytes is told by these and
 * its length. */
static inline void
sessp_words(const char *p, size_t len, uint64_t *head, uint64_t *tail)
{
	uint32_t a, b;

	if (len >= 8) {
		*head = sessp_load64(p);
		*tail = sessp_load64(p + len - 8);
		return;
	}
	*head = 0;
	if (len >= 4) {
		memcpy(&a, p, sizeof(a));
		memcpy(&b, p + len - 4, sizeof(b));
		*head = le32toh(a) | (uint64_t)le32toh(b) << (8 * (len - 4));
	} else if (len > 0) {
		*head = (uint64_t)(unsigned char)p[0] |
		    (uint64_t)(unsigned char)p[len / 2] << (8 * (len / 2)) |
		    (uint64_t)(unsigned char)p[len - 1] << (8 * (len - 1));
	}
	*tail = *head;
}

/* The same, without branches on the length, where eight bytes from p on are
 * readable whatever the length. */
static inline void
sessp_words_padded(const char *p, size_t len, uint64_t *head, uint64_t *tail)
{
	size_t n = len < 8 ? len : 8;
	uint64_t mask = n > 0 ? ~(uint64_t)0 >> (64 - 8 * n) : 0;

	*head = sessp_load64(p) & mask;
	*tail = sessp_load64(p + len - n) & mask;
}

static inline uint64_t
sessp_words_hash(uint64_t head, uint64_t tail, size_t len)
{
	return head ^ (tail * 0x9e3779b97f4a7c15u + len);
}

static inline int
sessp_names_lookup(const struct sessp_names *t, const char *p, size_t len,
    uint64_t head, uint64_t tail)
{
	uint64_t h = sessp_words_hash(head, tail, len) * t->seed >> t->shift;
	const struct sessp_name *e = &t->entry[t->slot[h]];

	if (e->head != head || e->tail != tail || e->len != len ||
	    (len > 16 && memcmp(p + 8, e->name + 8, len - 16) != 0))
		return -1;
	return e->index;
}

/* The index of the name in the list t was built from, or -1. */
static inline int
sessp_names_find(const struct sessp_names *t, const char *p, size_t len)
{
	uint64_t head, tail;

	sessp_words(p, len, &head, &tail);
	return sessp_names_lookup(t, p, len, head, tail);
}

/* Blocks and lines handed to the scanner are readable this far behind their end. */
#define SESSP_PAD 64

#endif
