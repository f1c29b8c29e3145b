#include "sess/text.h"

#include <stdint.h>
#include <stdio.h>
#include <utf8proc.h>

enum {
	ZWNJ = 0x200c, ZWJ = 0x200d, VS16 = 0xfe0f,
	EXTENDERS = 16		/* a grapheme of more code points is no writing */
};

/* A grapheme, or what is shown in its place. */
struct glyph {
	size_t len;		/* bytes of the text */
	size_t columns;
	size_t mark_len;	/* 0: shown as it is */
	char mark[16];
};

static const utf8proc_property_t *
property(utf8proc_int32_t c)
{
	return utf8proc_get_property(c);
}

static size_t
decode(const char *p, size_t len, utf8proc_int32_t *c)
{
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p,
	    len < 4 ? (utf8proc_ssize_t)len : 4, c);

	return n > 0 ? (size_t)n : 0;
}

/* Format characters that have a shape of their own: signs of numbers and
 * verses in Arabic, Syriac and Kaithi. */
static bool
visible_format(utf8proc_int32_t c)
{
	return (c >= 0x600 && c <= 0x605) || c == 0x6dd || c == 0x70f ||
	    c == 0x890 || c == 0x891 || c == 0x8e2 || c == 0x110bd || c == 0x110cd;
}

/* What no text has to hold: a terminal obeys it, hides it, or doesn't know
 * how wide it is.  Letters that are blank by design are among them. */
static bool
unprintable(utf8proc_int32_t c)
{
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CN:
	case UTF8PROC_CATEGORY_CS:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return true;
	case UTF8PROC_CATEGORY_CF:
		return !visible_format(c);
	default:
		return c == 0x115f || c == 0x1160 || c == 0x3164 || c == 0xffa0;
	}
}

/* Whether it would go on whatever stands before it, were it sent. */
static bool
baseless(utf8proc_int32_t c)
{
	int class = property(c)->boundclass;

	return class == UTF8PROC_BOUNDCLASS_EXTEND ||
	    class == UTF8PROC_BOUNDCLASS_SPACINGMARK || utf8proc_charwidth(c) <= 0;
}

static bool
pictograph(utf8proc_int32_t c)
{
	return property(c)->boundclass == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

static bool
regional(utf8proc_int32_t c)
{
	return property(c)->boundclass == UTF8PROC_BOUNDCLASS_REGIONAL_INDICATOR;
}

/* Whether a joiner after base has a meaning: in emoji, and from Hebrew to
 * the last of the Indic blocks. */
static bool
joins(utf8proc_int32_t base)
{
	return pictograph(base) || (base >= 0x590 && base < 0x1d00);
}

static void
mark_bytes(struct glyph *g, const char *fmt, unsigned value)
{
	g->mark_len = (size_t)snprintf(g->mark, sizeof(g->mark), fmt, value);
	g->columns = g->mark_len;
}

static void
mark_char(struct glyph *g, utf8proc_int32_t c)
{
	if (c >= 0x20 && c != 0x7f) {
		mark_bytes(g, "<U+%04X>", (unsigned)c);
		return;
	}
	g->mark_len = (size_t)utf8proc_encode_char(c == 0x7f ? 0x2421 : 0x2400 + c,
	    (utf8proc_uint8_t *)g->mark);
	g->columns = 1;
}

/* Whether next goes on the grapheme that begins with base. */
static bool
extends(utf8proc_int32_t base, utf8proc_int32_t prev, utf8proc_int32_t next,
    utf8proc_int32_t *state)
{
	if (property(prev)->boundclass == UTF8PROC_BOUNDCLASS_PREPEND)
		return false;
	if (next == ZWNJ || next == ZWJ) {
		if (!joins(base))
			return false;
	} else if (unprintable(next))
		return false;
	return !utf8proc_grapheme_break_stateful(prev, next, state);
}

/* Whether next takes columns of its own behind what it goes on: vowel signs of
 * Indic scripts, Thai's am, half-width voicing marks.  The parts of a Hangul
 * syllable and of an emoji share theirs. */
static bool
takes_room(utf8proc_int32_t next)
{
	int class = property(next)->boundclass;

	return class == UTF8PROC_BOUNDCLASS_SPACINGMARK || regional(next) ||
	    (class == UTF8PROC_BOUNDCLASS_EXTEND &&
	    utf8proc_category(next) != UTF8PROC_CATEGORY_SK);
}

/* utf8proc gives 0 to all spacing marks, terminals 1. */
static size_t
own_columns(utf8proc_int32_t c)
{
	int columns = utf8proc_charwidth(c);

	if (columns == 0 && utf8proc_category(c) == UTF8PROC_CATEGORY_MC)
		return 1;
	return columns > 0 ? (size_t)columns : 0;
}

/* The grapheme that begins with base, n bytes long, up to its end. */
static void
extend(struct glyph *g, const char *p, size_t len, utf8proc_int32_t base)
{
	utf8proc_int32_t prev = base, next, state = 0;
	size_t n, count;

	for (count = 0; count < EXTENDERS && g->len < len; count++, prev = next) {
		n = decode(p + g->len, len - g->len, &next);
		if (n == 0 || !extends(base, prev, next, &state))
			break;
		g->len += n;
		if (next == VS16 && pictograph(base))
			g->columns = 2;
		else if (takes_room(next))
			g->columns += own_columns(next);
		else if (own_columns(next) > g->columns)
			g->columns = own_columns(next);
	}
}

/* The first glyph of a text that is not empty. */
static void
glyph(struct glyph *g, const char *p, size_t len)
{
	unsigned char c = (unsigned char)p[0];
	utf8proc_int32_t base;

	g->len = g->columns = 1;
	g->mark_len = 0;
	if (c >= 0x20 && c < 0x7f && (len == 1 || (unsigned char)p[1] < 0x80))
		return;
	g->len = decode(p, len, &base);
	if (g->len == 0) {
		g->len = 1;
		mark_bytes(g, "\\x%02x", c);
	} else if (unprintable(base) || baseless(base))
		mark_char(g, base);
	else {
		g->columns = (size_t)utf8proc_charwidth(base);
		extend(g, p, len, base);
	}
}

static int
put(struct sess_buf *out, const struct glyph *g, const char *p)
{
	return g->mark_len > 0 ? sess_buf_add(out, g->mark, g->mark_len) :
	    sess_buf_add(out, p, g->len);
}

size_t
sess_text_width(const char *p, size_t len)
{
	struct glyph g;
	size_t at, columns = 0;

	for (at = 0; at < len; at += g.len) {
		glyph(&g, p + at, len - at);
		columns += g.columns;
	}
	return columns;
}

int
sess_text_clean(struct sess_buf *out, const char *p, size_t len)
{
	struct glyph g;
	size_t at;

	for (at = 0; at < len; at += g.len) {
		glyph(&g, p + at, len - at);
		if (put(out, &g, p + at) < 0)
			return -1;
	}
	return 0;
}

/* sess_text_fit, and how many columns it took. */
static int
fit(struct sess_buf *out, const char *p, size_t len, size_t columns, size_t *used)
{
	struct glyph g;
	size_t at, keep = out->len, kept = 0;	/* what leaves room for the ellipsis */

	*used = 0;
	for (at = 0; at < len; at += g.len) {
		glyph(&g, p + at, len - at);
		if (g.columns > columns - *used) {
			out->len = keep;
			*used = columns > 0 ? kept + 1 : 0;
			return columns > 0 ? sess_buf_puts(out, "…") : 0;
		}
		if (put(out, &g, p + at) < 0)
			return -1;
		*used += g.columns;
		if (*used < columns) {
			keep = out->len;
			kept = *used;
		}
	}
	return 0;
}

int
sess_text_fit(struct sess_buf *out, const char *p, size_t len, size_t columns)
{
	size_t used;

	return fit(out, p, len, columns, &used);
}

int
sess_text_pad(struct sess_buf *out, const char *p, size_t len, size_t columns,
    bool right)
{
	size_t start = out->len, used, text, fill;

	if (fit(out, p, len, columns, &used) < 0)
		return -1;
	text = out->len - start;
	fill = columns - used;
	if (sess_buf_room(out, fill) < 0)
		return -1;
	if (fill == 0)
		return 0;
	if (right)
		memmove(out->data + start + fill, out->data + start, text);
	memset(out->data + start + (right ? 0 : text), ' ', fill);
	out->len += fill;
	return 0;
}

/* Whether a line may end behind the first of so many bytes. */
static bool
ends_line(const char *p, size_t len)
{
	if (len > 1 && p[1] == '[')		/* the attributes of an element */
		return true;
	if (p[0] == '/')
		return len < 2 || p[1] != '/';
	return p[0] == '&' || p[0] == '?' || p[0] == ',' || p[0] == ';';
}

size_t
sess_text_wrap(const char *p, size_t len, size_t columns, size_t *next)
{
	struct glyph g;
	size_t at, used = 0, brk = 0, end;
	bool wide, space;

	for (at = 0; at < len; at += g.len) {
		glyph(&g, p + at, len - at);
		wide = g.columns == 2 && g.mark_len == 0;
		space = p[at] == ' ';
		if ((wide || space) && used > columns / 2)
			brk = at;
		if (!space && at > 0 && used + g.columns > columns)
			break;
		used += g.columns;
		if (ends_line(p + at, len - at) && used > columns / 2)
			brk = at + g.len;
	}
	end = at >= len ? len : brk > 0 ? brk : at;
	for (*next = end; *next < len && p[*next] == ' '; )
		++*next;
	while (end > 0 && p[end - 1] == ' ')
		end--;
	return end;
}
