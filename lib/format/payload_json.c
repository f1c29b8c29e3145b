#include "payload.h"

#include <stdlib.h>

#define MAX_DEPTH 512

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Behind the string that begins at p, or NULL where it isn't closed. */
static const char *
string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : NULL;
}

/* Behind the checked value that begins at p. */
static const char *
skip_value(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = string_end(p, end);
			if (p == NULL)
				return end;
		} else if (*p == '{' || *p == '[') {
			depth++;
			p++;
			continue;
		} else if (*p == '}' || *p == ']') {
			if (depth == 0)
				return p;
			depth--;
			p++;
		} else if (*p == ',' && depth == 0) {
			return p;
		} else {
			p++;
			continue;
		}
		if (depth == 0)
			return p;
	}
	return end;
}

bool
sessp_array_next(struct sess_slice *rest, struct sess_slice *element)
{
	const char *p = rest->p, *end = rest->p + rest->len, *start;

	while (p < end && (is_blank(*p) || *p == '[' || *p == ',')) {
		bool begun = *p == '[' || *p == ',';

		p++;
		if (begun)
			break;
	}
	while (p < end && is_blank(*p))
		p++;
	if (p >= end || *p == ']')
		return false;
	start = p;
	p = skip_value(p, end);
	rest->len = (size_t)(end - p);
	rest->p = p;
	while (p > start && is_blank(p[-1]))
		p--;
	element->p = start;
	element->len = (size_t)(p - start);
	return true;
}

void
sessp_value(struct sess_slice text, struct sessp_field *f)
{
	memset(f, 0, sizeof(*f));
	f->name = "";
	f->val = text.p;
	f->val_len = (uint32_t)text.len;
	switch (text.len > 0 ? text.p[0] : 'n') {
	case '"':
		f->type = SESSP_STRING;
		f->val++;
		f->val_len -= 2;
		f->val_esc = memchr(f->val, '\\', f->val_len) != NULL;
		f->val_utf8 = 1;
		break;
	case '{': case '[': f->type = SESSP_NESTED; break;
	case 't': f->type = SESSP_TRUE; break;
	case 'f': f->type = SESSP_FALSE; break;
	case 'n': f->type = SESSP_NULL; break;
	default: f->type = SESSP_NUMBER;
	}
}

/* Where a cut text may be closed. */
struct cut {
	size_t at;		/* behind the last whole value */
	size_t depth;		/* brackets open there; 0: nowhere */
	bool string;		/* at is inside a string */
	char brackets[MAX_DEPTH];
};

/* Find the place to close a cut text: an element of an array stays whole or
 * goes.  False where closing can't make JSON of it: it isn't cut, or no JSON. */
static bool
find_cut(const char *p, size_t len, bool cut_string, struct cut *cut)
{
	const char *q;
	size_t i, depth = 0, array = 0;	/* array: depth inside the outermost one */
	char last = '\0';		/* the last character that isn't blank */
	bool value;

	cut->at = cut->depth = 0;
	cut->string = false;
	for (i = 0; i < len; last = is_blank(p[i]) ? last : p[i], i++) {
		switch (p[i]) {
		case '"':
			value = last == ':' || (depth > 0 && cut->brackets[depth - 1] == '[');
			if ((q = string_end(p + i, p + len)) == NULL) {
				if (cut_string && value && depth == 1) {
					cut->string = true;
					cut->at = len;
					cut->depth = 1;
				}
				return cut->depth > 0;
			}
			i = (size_t)(q - p) - 1;
			if (!value)
				continue;
			break;
		case '{': case '[':
			if (depth == MAX_DEPTH)
				return false;
			cut->brackets[depth++] = p[i];
			if (p[i] == '[' && array == 0)
				array = depth;
			if (depth > 1 && p[i] == '{')
				continue;	/* an object without members is no whole value */
			break;
		case '}': case ']':
			if (depth < 2 || cut->brackets[depth - 1] != (p[i] == '}' ? '{' : '['))
				return false;
			if (depth-- == array)
				array = 0;
			break;
		case ',':
			break;
		default:
			continue;
		}
		if (array == 0 || depth <= array) {
			cut->at = p[i] == ',' ? i : i + 1;
			cut->depth = depth;
		}
	}
	return cut->depth > 0;
}

/* Length of a string's cut body without an escape that isn't whole. */
static size_t
whole_escapes(const char *p, size_t len)
{
	size_t back, slashes;

	for (back = 1; back <= 5 && back < len; back++)
		if (p[len - back] == '\\') {
			for (slashes = 1; slashes < len - back && p[len - back - slashes] == '\\';)
				slashes++;
			if (slashes % 2 != 0 && (back == 1 || p[len - back + 1] == 'u'))
				return len - back;
			break;
		}
	return len;
}

/* Read text[0..len + tail), of which text[0..len) is the source's and may be
 * cut.  There is room to close it and padding behind it. */
static enum sessp_read
read_text(struct sessp_conv *cv, char *text, size_t len, size_t tail, bool cut_string,
    struct sessp_nest *nest)
{
	enum sessp_read r = SESSP_READ_OK;
	enum sess_status st;
	struct cut cut;

	st = sessp_json_fields(text, len + tail, &nest->f, &nest->n, &nest->cap, NULL);
	if (st == SESS_EFORMAT && find_cut(text, len, cut_string, &cut)) {
		r = SESSP_READ_CUT;
		len = cut.at;
		if (cut.string) {
			len = whole_escapes(text, len);
			text[len++] = '"';
		}
		while (cut.depth-- > 0)
			text[len++] = cut.brackets[cut.depth] == '{' ? '}' : ']';
		st = sessp_json_fields(text, len, &nest->f, &nest->n, &nest->cap, NULL);
	}
	if (st == SESS_OK)
		return r;
	nest->n = 0;
	if (st != SESS_ENOMEM)
		return SESSP_READ_BAD;
	sessp_fail(cv);
	return SESSP_READ_NOMEM;
}

/* A copy of before and text in the arena, with room to close it and padding. */
static char *
copy(struct sessp_conv *cv, const char *before, struct sess_slice text)
{
	size_t n = strlen(before), room = n + MAX_DEPTH + 2 + SESSP_PAD;
	char *p;

	if (text.len > SIZE_MAX - room ||
	    (p = sessp_arena_get(&cv->arena, text.len + room)) == NULL) {
		sessp_fail(cv);
		return NULL;
	}
	memcpy(p, before, n);
	memcpy(p + n, text.p, text.len);
	memset(p + n + text.len, 0, room - n);
	return p;
}

enum sessp_read
sessp_read_object(struct sessp_conv *cv, struct sess_slice text, bool cut_string,
    struct sessp_nest *nest)
{
	char *p;

	nest->n = 0;
	if (text.len == 0)
		return SESSP_READ_BAD;
	if ((p = copy(cv, "", text)) == NULL)
		return SESSP_READ_NOMEM;
	return read_text(cv, p, text.len, 0, cut_string, nest);
}

/* An array is read as the only member of an object: sessp_json_fields checks
 * objects. */
enum sessp_read
sessp_read_array(struct sessp_conv *cv, struct sess_slice text, struct sess_slice *array)
{
	struct sessp_nest nest = { 0 };
	enum sessp_read r;
	char *p;

	*array = (struct sess_slice){ "[]", 2 };
	while (text.len > 0 && is_blank(*text.p))
		text.p++, text.len--;
	if (text.len == 0 || *text.p != '[')
		return SESSP_READ_BAD;
	if ((p = copy(cv, "{\"\":", text)) == NULL)
		return SESSP_READ_NOMEM;
	p[4 + text.len] = '}';
	r = read_text(cv, p, 4 + text.len, 1, false, &nest);
	if (r <= SESSP_READ_CUT && nest.n == 1 && nest.f[0].type == SESSP_NESTED)
		*array = (struct sess_slice){ nest.f[0].val, nest.f[0].val_len };
	else if (r <= SESSP_READ_CUT)
		r = SESSP_READ_BAD;
	sessp_nest_release(&nest);
	return r;
}

bool
sessp_nest_read(struct sessp_conv *cv, struct sess_slice text, struct sessp_nest *nest)
{
	enum sess_status st;

	nest->n = 0;
	if (text.len == 0 || text.p[0] != '{')
		return false;
	st = sessp_json_fields(text.p, text.len, &nest->f, &nest->n, &nest->cap, NULL);
	if (st == SESS_ENOMEM)
		sessp_fail(cv);
	if (st != SESS_OK)
		nest->n = 0;
	return st == SESS_OK;
}

const struct sessp_field *
sessp_nest_find(const struct sessp_nest *nest, const char *name, size_t len)
{
	size_t i;

	for (i = nest->n; i-- > 0;)
		if (nest->f[i].name_len == len && memcmp(nest->f[i].name, name, len) == 0)
			return &nest->f[i];
	return NULL;
}

bool
sessp_nest_inner(struct sessp_conv *cv, const struct sessp_nest *nest, const char *name,
    struct sessp_nest *inner)
{
	const struct sessp_field *f = sessp_nest_find(nest, name, strlen(name));

	inner->n = 0;
	return f != NULL && f->type == SESSP_NESTED &&
	    sessp_nest_read(cv, (struct sess_slice){ f->val, f->val_len }, inner);
}

struct sess_slice
sessp_text(struct sessp_conv *cv, const struct sessp_field *f)
{
	if (f->type == SESSP_NESTED || (f->type == SESSP_STRING && !f->val_esc))
		return (struct sess_slice){ f->val, f->val_len };
	return sessp_field_text(cv, f);
}

struct sess_slice
sessp_name(struct sessp_conv *cv, const struct sessp_field *f)
{
	struct sessp_field n = { .type = SESSP_STRING, .val_esc = 1, .val_utf8 = 1 };

	if (!f->name_esc)
		return (struct sess_slice){ f->name, f->name_len };
	n.val = f->name;
	n.val_len = f->name_len;
	return sessp_field_text(cv, &n);
}

struct sess_slice
sessp_nest_text(struct sessp_conv *cv, const struct sessp_nest *nest, const char *name)
{
	const struct sessp_field *f = sessp_nest_find(nest, name, strlen(name));

	return f != NULL ? sessp_text(cv, f) : (struct sess_slice){ NULL, 0 };
}

double
sessp_nest_number(struct sessp_conv *cv, const struct sessp_nest *nest,
    const char *name, double missing)
{
	double v;

	return sessp_number(sessp_nest_text(cv, nest, name), &v) ? v : missing;
}

void
sessp_nest_release(struct sessp_nest *nest)
{
	free(nest->f);
	*nest = (struct sessp_nest){ 0 };
}
