/*
 * The scanner of flat objects against jansson, and its two versions against
 * each other.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../lib/event/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	struct sessp_field *fields;
	size_t n, cap;
	enum sess_status st;
	struct sess_err err;
};

static void
read_by(const struct sessp_scan_version *by, const char *text, size_t len,
    struct sessp_trail *seen, struct result *r)
{
	r->err = (struct sess_err){ 0 };
	r->st = sessp_json_fields_by(by, text, len, 0, seen, &r->fields, &r->n, &r->cap,
	    &r->err);
	assert(r->st == SESS_OK || r->st == SESS_EFORMAT);
	assert(r->st == r->err.code);
	assert((r->st == SESS_OK) == (r->err.text[0] == '\0'));
}

static void
same(const struct result *a, const struct result *b)
{
	assert(a->st == b->st && a->n == b->n);
	assert(strcmp(a->err.text, b->err.text) == 0);
	for (size_t i = 0; i < a->n; i++) {
		const struct sessp_field *f = &a->fields[i], *g = &b->fields[i];

		assert(f->name == g->name && f->name_len == g->name_len);
		assert(f->val == g->val && f->val_len == g->val_len);
		assert(f->type == g->type && f->name_esc == g->name_esc);
		assert(f->val_esc == g->val_esc && f->val_utf8 == g->val_utf8);
	}
}

/* Whether jansson takes the text for a string of UTF-8. */
static bool
is_utf8(const char *p, size_t len)
{
	json_t *s = json_stringn(p, len);

	json_decref(s);
	return s != NULL;
}

static struct sess_slice
decoded(const char *p, size_t len, struct sess_buf *b)
{
	b->len = 0;
	assert(sessp_json_decode(p, len, b) == 0);
	return (struct sess_slice){ b->data, b->len };
}

static void
same_value(const struct sessp_field *f, const json_t *v)
{
	struct sess_buf b = { 0 };
	struct sess_slice s;
	json_t *nested;
	char *text;

	switch ((enum sessp_json)f->type) {
	case SESSP_STRING:
		s = decoded(f->val, f->val_len, &b);
		assert(json_is_string(v) && json_string_length(v) == s.len);
		assert(s.len == 0 || memcmp(json_string_value(v), s.p, s.len) == 0);
		assert(f->val_esc == (memchr(f->val, '\\', f->val_len) != NULL));
		break;
	case SESSP_NUMBER:
		assert(json_is_number(v) && sessp_json_number(f->val, f->val_len));
		text = strndup(f->val, f->val_len);
		assert(json_number_value(v) == strtod(text, NULL));
		free(text);
		break;
	case SESSP_TRUE:
		assert(json_is_true(v) && f->val_len == 4);
		break;
	case SESSP_FALSE:
		assert(json_is_false(v) && f->val_len == 5);
		break;
	case SESSP_NULL:
		assert(json_is_null(v) && f->val_len == 4);
		break;
	case SESSP_NESTED:
		nested = json_loadb(f->val, f->val_len, JSON_ALLOW_NUL, NULL);
		assert(nested != NULL && json_equal(nested, v));
		assert(sessp_json_object(f->val, f->val_len) == json_is_object(v));
		json_decref(nested);
		break;
	}
	sess_buf_release(&b);
}

static void
same_values(const struct result *r, const json_t *root)
{
	struct sess_buf b = { 0 };
	struct sess_slice name;
	const json_t *v;
	size_t distinct = 0, i, j;
	struct sess_slice *names = calloc(r->n + 1, sizeof(*names));

	assert(names != NULL);
	/* Of duplicates jansson keeps the last. */
	for (i = r->n; i-- > 0; ) {
		name = decoded(r->fields[i].name, r->fields[i].name_len, &b);
		for (j = 0; j < distinct; j++)
			if (names[j].len == name.len && (name.len == 0 ||
			    memcmp(names[j].p, name.p, name.len) == 0))
				break;
		if (j < distinct)
			continue;
		v = json_object_getn(root, name.len > 0 ? name.p : "", name.len);
		assert(v != NULL);
		same_value(&r->fields[i], v);
		names[distinct++] = name;
		b = (struct sess_buf){ 0 };
		if (distinct > 500)
			break;
	}
	assert(distinct > 500 || distinct == json_object_size(root));
	sess_buf_release(&b);
	for (j = 0; j < distinct; j++)
		free((void *)(uintptr_t)names[j].p);
	free(names);
}

/* The judge sees bytes that are not UTF-8 as letters, and NUL as another
 * control byte: jansson passes over one behind a number. */
static void
judge(const struct result *r, const char *text, size_t len)
{
	bool utf8 = is_utf8(text, len);
	char *copy = malloc(len + 1);
	json_error_t err;
	json_t *root;

	assert(copy != NULL);
	for (size_t i = 0; i < len; i++)
		copy[i] = !utf8 && (unsigned char)text[i] >= 0x80 ? 'x' :
		    text[i] == '\0' ? '\1' : text[i];
	root = json_loadb(copy, len, JSON_ALLOW_NUL, &err);
	if (root == NULL && (json_error_code(&err) == json_error_numeric_overflow ||
	    json_error_code(&err) == json_error_null_byte_in_key)) {
		/* stated differences */
	} else if (strncmp(r->err.text, "nested deeper", 13) == 0) {
		/* jansson goes to 2048 */
	} else {
		assert((r->st == SESS_OK) == json_is_object(root));
		if (r->st == SESS_OK && utf8)
			same_values(r, root);
	}
	json_decref(root);
	free(copy);
}

/* Any bytes as a string: JSON, and the same again where they are UTF-8. */
static void
quote(const char *p, size_t len)
{
	struct sess_buf q = { 0 }, d = { 0 };
	json_t *s;

	assert(sessp_json_quote(p, len, &q) == 0 && q.len >= 2);
	s = json_loadb(q.data, q.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	assert(json_is_string(s));
	assert(sessp_json_decode(q.data + 1, q.len - 2, &d) == 0);
	assert(json_string_length(s) == d.len);
	assert(d.len == 0 || memcmp(json_string_value(s), d.data, d.len) == 0);
	if (is_utf8(p, len))
		assert(d.len == len && (len == 0 || memcmp(d.data, p, len) == 0));
	json_decref(s);
	sess_buf_release(&q);
	sess_buf_release(&d);
}

/* Names that were learned from the text itself, or from its tail, change nothing. */
static void
along_names(const struct sessp_scan_version *by, const char *text, size_t size,
    const struct result *want)
{
	struct sessp_trail *seen = calloc(1, sizeof(*seen));
	struct result r = { 0 };

	if (seen == NULL)
		return;
	for (size_t turn = 0; turn < 3; turn++) {
		read_by(by, text, size, seen, &r);
		same(want, &r);
	}
	for (size_t from = 1; from < size; from += 1 + size / 8)
		read_by(by, text + from, size - from, seen, &r);
	read_by(by, text, size, seen, &r);
	same(want, &r);
	free(r.fields);
	free(seen);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result a = { 0 }, b = { 0 };
	char *text = malloc(size);	/* exact: a look behind it is found out */

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	read_by(&sessp_scan_portable, text, size, NULL, &a);
	read_by(sessp_scan_best(), text, size, NULL, &b);
	same(&a, &b);
	along_names(&sessp_scan_portable, text, size, &a);
	along_names(sessp_scan_best(), text, size, &a);
	judge(&a, text, size);
	assert(sessp_json_object(text, size) == (a.st == SESS_OK));
	quote(text, size);
	free(a.fields);
	free(b.fields);
	free(text);
	return 0;
}
