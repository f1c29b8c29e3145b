/* query: patterns, addresses, expressions and ids as somebody may type them. */
#include <fnmatch.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/query/private.h"

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* A pattern that means the text and nothing else. */
static char *
escape(const char *p, size_t len)
{
	char *s = malloc(2 * len + 1), *q = s;

	must(s != NULL);
	for (; len > 0; p++, len--) {
		if (strchr("*?[\\", *p) != NULL)
			*q++ = '\\';
		*q++ = *p;
	}
	*q = '\0';
	return s;
}

static bool
is_ascii(const char *p)
{
	for (; *p != '\0'; p++)
		if ((unsigned char)*p > 0x7f)
			return false;
	return true;
}

static void
globs(const char *pattern, const char *text, size_t len)
{
	bool match = sess_glob(pattern, text, len, false);
	size_t n = strlen(pattern);
	char *p = malloc(n + 2);

	must(p != NULL);
	if (match && strchr(pattern, '[') == NULL)	/* not so for [!a] */
		must(sess_glob(pattern, text, len, true));
	memcpy(p, pattern, n);
	memcpy(p + n, "*", 2);
	if (match && strchr(pattern, '\\') == NULL && strchr(pattern, '[') == NULL)
		must(sess_glob(p, text, len, false));
	free(p);
	if (sessp_glob_plain(pattern))
		must(match == (n == len && memcmp(pattern, text, len) == 0));
	/* the C library knows sets that we don't */
	if (strlen(text) == len && len < 200 && n < 20 && is_ascii(text) && is_ascii(pattern) &&
	    strpbrk(pattern, "[\\") == NULL)
		must(match == (fnmatch(pattern, text, FNM_NOESCAPE) == 0));
	if (memchr(text, '\0', len) == NULL) {
		p = escape(text, len);
		must(sess_glob(p, text, len, false));
		free(p);
	}
}

static void
addresses(const char *text, size_t len)
{
	struct sessp_cidr c, all;

	if (sessp_cidr_parse(&c, text, len) < 0)
		return;
	must(c.bits <= 128 && sessp_cidr_has(&c, c.addr));
	must(sessp_cidr_parse(&all, "::/0", 4) == 0 && sessp_cidr_has(&all, c.addr));
}

static bool
value(const void *row, const struct sess_column *column, size_t index,
    struct sess_buf *scratch, struct sessp_value *v)
{
	(void)row;
	(void)column;
	if (sess_buf_puts(scratch, "shop/cart") < 0)
		return false;
	v->text = (struct sess_slice){ scratch->data, scratch->len };
	v->i = (int64_t)index * 1000;
	return index % 5 != 0;
}

static void
expressions(const char *expr)
{
	struct sess_err err = { 0 };
	struct sessp_where *w;
	enum sess_status st;
	bool first, second;

	st = sessp_where_new(&w, "session", sess_columns, sess_ncolumns, expr, &err);
	must(st == SESS_OK || ((st == SESS_EFORMAT || st == SESS_ELIMIT) && err.text[0] != '\0'));
	must((st == SESS_OK) == (w != NULL));
	if (w == NULL)
		return;
	st = sessp_where_test(w, NULL, value, &first, NULL);
	must(st == SESS_OK || st == SESS_ELIMIT || st == SESS_EFORMAT);
	must(sessp_where_test(w, NULL, value, &second, NULL) == st && first == second);
	sessp_where_free(w);
}

static void
regexes(const char *pattern, const char *text, size_t len)
{
	struct sessp_matcher *m;
	struct sessp_regex *re;
	bool found;

	if (sessp_regex_new(&re, pattern, NULL) < 0)
		return;
	must(sessp_matcher_new(&m, NULL) == SESS_OK);
	(void)sessp_regex_find(re, m, text, len, 1000, &found, NULL);
	sessp_matcher_free(m);
	sessp_regex_free(re);
}

static void
ids(const char *list, const char *text, size_t len)
{
	struct sess_query *q;
	struct sess_event ev;
	size_t n = strlen(list);

	sess_event_reset(&ev);
	sess_event_set(&ev, SESS_K_SESSION_ID, list, n);
	must(sess_query_new(&q, NULL) == SESS_OK);
	must(sess_query_add_ids(q, text, len, NULL) == SESS_OK);
	if (n > 0)
		must(sess_query_add(q, "session", list, NULL) == SESS_OK);
	must(sess_query_compile(q, NULL) == SESS_OK);
	must(sess_query_wants(q, &ev));
	sess_query_free(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A letter for the parser, then its argument, a NUL, and a text. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *arg, *text;
	size_t n;
	char *copy;

	if (size < 2 || (copy = malloc(size)) == NULL)
		return 0;
	memcpy(copy, data + 1, size - 1);
	copy[size - 1] = '\0';
	arg = copy;
	n = strlen(arg);
	text = n < size - 1 ? arg + n + 1 : arg + n;
	n = size - 1 - (size_t)(text - copy);
	switch (data[0]) {
	case 'g':	globs(arg, text, n); break;
	case 'a':	addresses(copy, size - 1); break;
	case 'w':	expressions(arg); break;
	case 'r':	regexes(arg, text, n); break;
	case 'i':	ids(arg, text, n); break;
	}
	free(copy);
	return 0;
}
