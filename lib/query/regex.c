#define PCRE2_CODE_UNIT_WIDTH 8

#include "private.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "../base/private.h"

/* A search that goes back more often than this is given up. */
#define MATCH_LIMIT 1000000
#define DEPTH_LIMIT 100000
#define HEAP_LIMIT (32 << 10)		/* KiB */
#define STACK_FIRST (32 << 10)
#define STACK_MAX (1 << 20)

struct sessp_regex {
	pcre2_code *code;
	bool jit;			/* compiled for the processor */
	char *plain;			/* a pattern that is a text itself, or NULL */
	size_t plain_len;
};

struct sessp_matcher {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

enum sess_status
sessp_regex_new(struct sessp_regex **re, const char *pattern, struct sess_err *err)
{
	const uint32_t flags = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
	unsigned char text[120];
	PCRE2_SIZE at;
	int code;

	*re = calloc(1, sizeof(**re));
	if (*re == NULL)
		return sess_err_nomem(err);
	(*re)->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, flags,
	    &code, &at, NULL);
	if ((*re)->code != NULL && pattern[strcspn(pattern, "\\^$.[]|()?*+{}")] == '\0') {
		(*re)->plain_len = strlen(pattern);
		(*re)->plain = sessp_dup(pattern);
		if ((*re)->plain == NULL) {
			sessp_regex_free(*re);
			*re = NULL;
			return sess_err_nomem(err);
		}
	}
	if ((*re)->code != NULL) {
		/* what the JIT can't do, the interpreter does within the same limits */
		(*re)->jit = pcre2_jit_compile((*re)->code, PCRE2_JIT_COMPLETE) == 0;
		return SESS_OK;
	}
	free(*re);
	*re = NULL;
	if (code == PCRE2_ERROR_HEAP_FAILED)
		return sess_err_nomem(err);
	(void)pcre2_get_error_message(code, text, sizeof(text));
	return sess_err_set(err, SESS_EFORMAT, 0, "bad pattern at byte %zu: %s", at + 1,
	    (char *)text);
}

void
sessp_regex_free(struct sessp_regex *re)
{
	if (re == NULL)
		return;
	pcre2_code_free(re->code);
	free(re->plain);
	free(re);
}

enum sess_status
sessp_matcher_new(struct sessp_matcher **m, struct sess_err *err)
{
	struct sessp_matcher *n = calloc(1, sizeof(*n));

	*m = NULL;
	if (n == NULL)
		return sess_err_nomem(err);
	/* nobody asks where a match was: one pair is enough */
	n->data = pcre2_match_data_create(1, NULL);
	n->context = pcre2_match_context_create(NULL);
	n->stack = pcre2_jit_stack_create(STACK_FIRST, STACK_MAX, NULL);
	/* without a JIT there is no stack, and no need of one */
	if (n->data == NULL || n->context == NULL) {
		sessp_matcher_free(n);
		return sess_err_nomem(err);
	}
	(void)pcre2_set_match_limit(n->context, MATCH_LIMIT);
	(void)pcre2_set_depth_limit(n->context, DEPTH_LIMIT);
	(void)pcre2_set_heap_limit(n->context, HEAP_LIMIT);
	pcre2_jit_stack_assign(n->context, NULL, n->stack);
	*m = n;
	return SESS_OK;
}

void
sessp_matcher_free(struct sessp_matcher *m)
{
	if (m == NULL)
		return;
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	pcre2_jit_stack_free(m->stack);
	free(m);
}

/* As much of the text as may be searched, not cut inside a character. */
static size_t
cut(const char *p, size_t len, size_t max)
{
	size_t n = max, i;

	if (len <= max)
		return len;
	for (i = 0; i < 3 && n > 0 && ((unsigned char)p[n] & 0xc0) == 0x80; i++)
		n--;
	return n;
}

enum sess_status
sessp_regex_find(const struct sessp_regex *re, struct sessp_matcher *m, const char *p,
    size_t len, size_t max, bool *found, struct sess_err *err)
{
	size_t n = cut(p, len, max);
	int rc;

	*found = false;
	if (n < len && re->plain != NULL) {
		*found = memmem(p, len, re->plain, re->plain_len) != NULL;
		return SESS_OK;
	}
	/* what pcre2_match asks before it does the same is a sixth of a short search */
	rc = (re->jit ? pcre2_jit_match : pcre2_match)(re->code, (PCRE2_SPTR)p, n, 0,
	    n < len ? PCRE2_NOTEOL : 0, m->data, m->context);
	if (rc >= 0) {
		*found = true;
		return SESS_OK;
	}
	switch (rc) {
	case PCRE2_ERROR_NOMATCH:
		if (n == len)
			return SESS_OK;
		return sess_err_set(err, SESS_ELIMIT, 0,
		    "not in the first %zu KiB of a longer text", max >> 10);
	case PCRE2_ERROR_NOMEMORY:
		return sess_err_nomem(err);
	case PCRE2_ERROR_MATCHLIMIT:
	case PCRE2_ERROR_DEPTHLIMIT:
	case PCRE2_ERROR_HEAPLIMIT:
	case PCRE2_ERROR_JIT_STACKLIMIT:
		return sess_err_set(err, SESS_ELIMIT, 0, "the pattern takes too many steps");
	default:
		return sess_err_set(err, SESS_ELIMIT, 0, "the pattern failed (%d)", rc);
	}
}
