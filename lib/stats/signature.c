#include "signature.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { MOST = 512 };		/* bytes of a folded text */

/* A text on its way: p goes to end once, a few bytes ahead looked at.  Stars
 * side by side are one. */
struct fold {
	const char *begin, *p, *end;
	bool path;			/* of a URL */
	bool starred, full;
	size_t len;
	char text[MOST];
};

/* -- characters: ASCII, whatever the locale */

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
letter(char c)
{
	return (c >= 'a' && c <= 'z') || upper(c);
}

static bool
alnum(char c)
{
	return digit(c) || letter(c);
}

static bool
hex(char c)
{
	return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

static bool
one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* The end of the run of such characters at p. */
static inline const char *
run(const char *p, const char *end, bool (*is)(char))
{
	while (p < end && is(*p))
		p++;
	return p;
}

/* Whether prefix (lower case) is at p. */
static bool
begins(const char *p, const char *end, const char *prefix)
{
	size_t n = strlen(prefix);

	return (size_t)(end - p) >= n && (*p | 0x20) == (prefix[0] | 0x20) &&
	    strncasecmp(p, prefix, n) == 0;
}

/* -- out */

/* The text is not cleared. */
static void
begin(struct fold *f, const char *p, size_t len)
{
	f->begin = f->p = p;
	f->end = p + len;
	f->path = f->starred = f->full = false;
	f->len = 0;
}

/* Cut between characters where there is no room for all of it. */
static void
put(struct fold *f, const char *p, size_t n)
{
	if (n > MOST - f->len) {
		n = MOST - f->len;
		while (n > 0 && ((unsigned char)p[n] & 0xc0) == 0x80)
			n--;
		f->full = true;
	}
	memcpy(f->text + f->len, p, n);
	f->len += n;
	f->starred = false;
}

/* What is up to here stays. */
static void
keep(struct fold *f, const char *up_to)
{
	put(f, f->p, (size_t)(up_to - f->p));
	f->p = up_to;
}

/* It is folded. */
static void
star(struct fold *f, const char *up_to)
{
	if (!f->starred)
		put(f, "*", 1);
	f->starred = true;
	f->p = up_to;
}

/* -- numbers */

/* Whether a part of a number is at p: digits, behind them maybe a unit, the T
 * of a date or an exponent. */
static bool
numeric(const char *p, const char *end)
{
	const char *behind = run(p, end, digit), *word = run(behind, end, letter);

	if (behind == p)
		return false;
	if (word - behind == 1 && one_of(*behind, "TeE") && word < end && digit(*word)) {
		word = run(word, end, digit);
		return word == end || !letter(*word) || *word == 'Z';
	}
	return word - behind <= 3 && (word == end || !digit(*word));
}

/* Behind a number: 12, 1.5e10, 1.2.3, 12:30, 2026-11-23T20:31:57.120Z, 1,2,3. */
static const char *
number_end(const char *p, const char *end)
{
	bool dated = false;

	p = run(p, end, digit);
	while (p + 1 < end && (one_of(*p, ".,:/-TeE") || (dated && *p == '+')) &&
	    digit(p[1]) && numeric(p + 1, end)) {
		dated |= *p == 'T';
		p = run(p + 1, end, digit);
	}
	return dated && p < end && *p == 'Z' ? p + 1 : p;
}

/* Whether what was put says that a code comes: "status code ", "error #",
 * "errno=", "errorCode: ", not "decode ". */
static bool
code_expected(const struct fold *f)
{
	static const char *const words[] = { "code", "status", "errno", "http", "error" };
	const char *end = f->text + f->len, *p = end;
	bool numbered = false;
	size_t n;

	while (p > f->text && end - p < 4 && one_of(p[-1], " :=#-\"'"))
		numbered |= *--p == '#';
	if (p == end)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		n = strlen(words[i]);
		if ((size_t)(p - f->text) >= n && strncasecmp(p - n, words[i], n) == 0 &&
		    (p - n == f->text || !letter(*(p - n - 1)) || upper(*(p - n))))
			return numbered || strcmp(words[i], "error") != 0;
	}
	return false;
}

static void
number(struct fold *f)
{
	const char *end = number_end(f->p, f->end);
	const char *digits = run(f->p, f->end, digit);

	if (end == digits && end - f->p <= 5 && (end == f->end || !alnum(*end)) &&
	    code_expected(f))
		keep(f, end);
	else
		star(f, end);
}

/* -- ids and addresses; each gives the end of what is at p, or NULL */

static const char *
uuid(const char *p, const char *end)
{
	static const int groups[] = { 8, 4, 4, 4, 12 };

	for (int i = 0; i < 5; i++) {
		if (run(p, end, hex) - p != groups[i])
			return NULL;
		p += groups[i];
		if (i < 4 && (p == end || *p++ != '-'))
			return NULL;
	}
	return p < end && alnum(*p) ? NULL : p;
}

/* IPv6 or a hardware address: two to eight groups of hex digits; at least four, or
 * some left out (::). */
static const char *
colons(const char *p, const char *end)
{
	unsigned groups = 0, digits = 0;
	bool gap = false;
	const char *group;

	for (;; p++) {
		for (group = p; p < end && hex(*p); p++)
			digits += digit(*p);
		if (p == group || p - group > 4 || ++groups > 8)
			return NULL;
		if (end - p > 2 && p[0] == ':' && p[1] == ':' && hex(p[2])) {
			gap = true;
			p++;
		} else if (end - p < 2 || *p != ':' || !hex(p[1])) {
			break;
		}
	}
	if (digits == 0 || (p < end && alnum(*p)) || groups < (gap ? 2 : 4))
		return NULL;
	return p;
}

static bool
local_part(char c)
{
	return alnum(c) || one_of(c, "._%+-");
}

static bool
domain(char c)
{
	return alnum(c) || c == '.' || c == '-';
}

/* The local part is looked for once in a run of its characters, at its begin. */
static const char *
email(const struct fold *f)
{
	const char *at, *p, *dot;

	if (f->p > f->begin && local_part(f->p[-1]))
		return NULL;
	at = run(f->p, f->end, local_part);
	if (at == f->end || *at != '@')
		return NULL;
	p = run(at + 1, f->end, domain);
	while (p > at + 1 && !alnum(p[-1]))
		p--;
	dot = memrchr(at, '.', (size_t)(p - at));
	if (dot == NULL || dot == at + 1 || p - dot < 3 || run(dot + 1, p, letter) != p)
		return NULL;
	return p;
}

/* Whether a bundle's extension is at p.  Not .map: so an array's method is called. */
static bool
extension(const char *p, const char *end)
{
	static const char *const of[] = {
		".js", ".mjs", ".cjs", ".css", ".wasm", ".png", ".jpg", ".jpeg", ".gif", ".svg",
		".webp", ".avif", ".woff", ".woff2", ".ttf"
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (begins(p, end, of[i]) &&
		    (p + strlen(of[i]) == end || !alnum(p[strlen(of[i])])))
			return true;
	return false;
}

/* What bundlers put in the name of a file, at its '-', '.' or '_': eight characters
 * of base64url that are no word.  (Hashes in hex are told as such.) */
static const char *
file_hash(const char *p, const char *end)
{
	bool digits = false, inner = false;
	const char *c = p + 1, *dot = p + 9;

	if (end - p < 12 || !one_of(*p, "-._") || *dot != '.' || !extension(dot, end))
		return NULL;
	for (; c < dot; c++) {
		if (!alnum(*c) && *c != '-' && *c != '_')
			return NULL;
		digits |= digit(*c);
		inner |= c > p + 1 && upper(*c);
	}
	return digits || inner ? dot : NULL;
}

static bool
base64url(char c)
{
	return alnum(c) || c == '-' || c == '_';
}

/* An id or a token in base64url, looked for at the begin of a run of its
 * characters: long, upper and lower case, several runs of digits.  In a path it is a whole
 * segment; in a text it could be a name, so it needs more of them. */
static const char *
token(const struct fold *f)
{
	const char *p = f->p, *end;
	unsigned runs = 0;
	bool large = false, small = false;

	if (p > f->begin && base64url(p[-1]))
		return NULL;
	end = run(p, f->end, base64url);
	for (; p < end; p++) {
		runs += digit(*p) && (p == f->p || !digit(p[-1]));
		large |= upper(*p);
		small |= letter(*p) && !upper(*p);
	}
	if (end - f->p < 16 || !large || !small || runs < (f->path ? 2 : 3) ||
	    (f->path && end < f->end && *end != '/'))
		return NULL;
	return end;
}

/* A run of escapes: %E5%BC%A0. */
static const char *
escapes(const char *p, const char *end)
{
	while (end - p >= 3 && *p == '%' && hex(p[1]) && hex(p[2]))
		p += 3;
	return p;
}

/* -- words: runs of letters and digits */

/* A name with digits in it: e2, i18n and utf8 stay, item12345 is item*. */
static void
name(struct fold *f, const char *end)
{
	const char *p = f->p, *behind;

	while (p < end) {
		behind = run(p, end, digit);
		if (behind - p >= 4) {
			keep(f, p);
			star(f, behind);
		}
		p = run(behind, end, letter);
	}
	keep(f, end);
}

static void
word(struct fold *f)
{
	const char *end = run(f->p, f->end, alnum);
	size_t len = (size_t)(end - f->p), digits = 0, runs = 0, hexes = 0;

	for (const char *p = f->p; p < end; p++) {
		runs += digit(*p) && (p == f->p || !digit(p[-1]));
		digits += digit(*p);
		hexes += hex(*p);
	}
	if (digits == len)
		number(f);
	else if (digits == 0)
		(hexes == len && len >= 16 ? star : keep)(f, end);
	else if ((hexes == len && len >= 8) || (len >= 16 && runs >= 2))
		star(f, end);
	else if (!digit(*f->p))
		name(f, end);
	else if (!begins(f->p, end, "0x") && (runs == 1 || numeric(f->p, f->end)))
		number(f);		/* its unit is the next word */
	else
		star(f, end);
}

/* -- URLs */

static void fold(struct fold *f);

/* What is up to `end` as a path; the rest of the URL, from its query or fragment on, is
 * left out. */
static void
path(struct fold *f, const char *url_end)
{
	const char *text_end = f->end, *p = f->p;

	while (p < url_end && *p != '?' && *p != '#')
		p++;
	f->end = p;
	f->path = true;
	fold(f);
	f->path = false;
	f->end = text_end;
	f->p = url_end;
}

/* From the host on.  It is kept, its port too, unless it is an id. */
static void
authority(struct fold *f, const char *url_end)
{
	const char *end = f->p, *user;

	while (end < url_end && !one_of(*end, "/?#") && !blank(*end))
		end++;
	if ((user = memrchr(f->p, '@', (size_t)(end - f->p))) != NULL)
		f->p = user + 1;
	if (uuid(f->p, end) == end)
		star(f, end);
	else
		keep(f, end);
	path(f, url_end);
}

static bool
of_url(char c)
{
	return !blank(c) && (unsigned char)c < 0x80 && !one_of(c, "\"'`<>(){}[]|\\^");
}

/* Where a URL inside a text ends. */
static const char *
url_end_at(const char *p, const char *end)
{
	const char *first = p;

	p = run(p, end, of_url);
	while (p > first && one_of(p[-1], ".,;:!?"))
		p--;
	return p;
}

/* Behind "scheme://", or NULL. */
static const char *
scheme(const char *p, const char *end)
{
	const char *colon = run(p, end, alnum);

	return colon > p && begins(colon, end, "://") ? colon + 3 : NULL;
}

/* Behind the colon of data: or blob:, or NULL. */
static const char *
opaque(const char *p, const char *end)
{
	const char *type;

	if (begins(p, end, "blob:") && scheme(p + 5, end) != NULL)
		return p + 5;
	if (!begins(p, end, "data:"))
		return NULL;
	type = run(p + 5, end, letter);
	return type < end && one_of(*type, type > p + 5 ? "/" : ",;") ? p + 5 : NULL;
}

/* Behind the name and the equals sign of a query at the question mark p, or NULL. */
static const char *
query(const char *p, const char *end)
{
	const char *behind = p + 1;

	while (behind < end && behind - p < 40 && (alnum(*behind) || one_of(*behind, "_-.[]%")))
		behind++;
	return behind > p + 1 && behind < end && *behind == '=' ? behind + 1 : NULL;
}

/* -- all of it */

/* The end of a word that is no more than that, which most are; or NULL. */
static const char *
plain_word(const struct fold *f)
{
	const char *end = run(f->p, f->end, letter);

	if (end - f->p >= 16 || (end < f->end && (digit(*end) || one_of(*end, ":@._%+-"))))
		return NULL;
	return end > f->p ? end : NULL;
}

/* Whether a URL, an address or an id is at a word's begin; it is folded then. */
static bool
reference(struct fold *f)
{
	const char *behind;

	if (!f->path && (behind = scheme(f->p, f->end)) != NULL) {
		keep(f, behind);
		authority(f, url_end_at(f->p, f->end));
	} else if (!f->path && (behind = opaque(f->p, f->end)) != NULL) {
		keep(f, behind);
		star(f, url_end_at(f->p, f->end));
	} else if ((behind = uuid(f->p, f->end)) != NULL || (behind = colons(f->p, f->end)) != NULL ||
	    (behind = email(f)) != NULL || (behind = token(f)) != NULL) {
		star(f, behind);
	} else {
		return false;
	}
	return true;
}

/* Whether the sign of a number is at p. */
static bool
sign(const struct fold *f)
{
	return (*f->p == '-' || *f->p == '+') && f->p + 1 < f->end && digit(f->p[1]) &&
	    (f->p == f->begin || blank(f->p[-1]) || one_of(f->p[-1], "([{=,:<>\"'")) &&
	    !code_expected(f);
}

static void
other(struct fold *f)
{
	const char *behind;

	if ((behind = file_hash(f->p, f->end)) != NULL) {
		keep(f, f->p + 1);
		star(f, behind);
	} else if (f->path && *f->p == '%' && (behind = escapes(f->p, f->end)) > f->p) {
		star(f, behind);
	} else if (*f->p == '?' && (behind = query(f->p, f->end)) != NULL) {
		f->p = url_end_at(behind, f->end);
	} else if (sign(f)) {
		f->p++;
	} else {
		for (behind = f->p + 1; behind < f->end && ((unsigned char)*behind & 0xc0) == 0x80; )
			behind++;
		keep(f, behind);
	}
}

static void
fold(struct fold *f)
{
	const char *end;

	while (f->p < f->end && !f->full) {
		if (blank(*f->p)) {
			f->p = run(f->p, f->end, blank);
			if (f->p < f->end && f->len > 0)
				put(f, " ", 1);
		} else if (!alnum(*f->p)) {
			other(f);
		} else if ((end = plain_word(f)) != NULL) {
			keep(f, end);
		} else if (!reference(f)) {
			word(f);
		}
	}
}

int
sessp_fold_message(struct sess_buf *out, const char *p, size_t len)
{
	struct fold f;

	if (len == 0)
		return 0;
	begin(&f, p, len);
	fold(&f);
	return sess_buf_add(out, f.text, f.len);
}

int
sessp_fold_url(struct sess_buf *out, const char *p, size_t len)
{
	const char *host, *opaque_part;
	struct fold f;

	if (len == 0)
		return 0;
	begin(&f, p, len);
	if ((opaque_part = opaque(p, f.end)) != NULL) {
		keep(&f, opaque_part);
		star(&f, f.end);
	} else if ((host = scheme(p, f.end)) != NULL || begins(p, f.end, "//")) {
		keep(&f, host != NULL ? host : p + 2);
		authority(&f, f.end);
	} else {
		path(&f, f.end);
	}
	return sess_buf_add(out, f.text, f.len);
}
