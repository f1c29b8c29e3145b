/*
 * signature: any bytes as a message, a URL, and, cut at NUL bytes, as a stack,
 * a script and a page.  What comes out is short, holds no control character, and is
 * UTF-8 where the input was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "../../lib/stats/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static int
is_utf8(const char *p, size_t len)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if ((n = utf8proc_iterate((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)len, &c)) <= 0)
			return 0;
	return 1;
}

/* What was appended to "before". */
static void
is_folded(const struct sess_buf *out, size_t most, int utf8)
{
	must(out->len >= 6 && memcmp(out->data, "before", 6) == 0 && out->len - 6 <= most);
	for (size_t i = 0; i < out->len; i++)
		must((unsigned char)out->data[i] >= ' ' && out->data[i] != 0x7f);
	must(!utf8 || is_utf8(out->data, out->len));
}

static struct sess_slice
cut(const char **p, const char *end)
{
	const char *nul = *p < end ? memchr(*p, '\0', (size_t)(end - *p)) : NULL;
	struct sess_slice s = { *p, (size_t)((nul != NULL ? nul : end) - *p) };

	*p = nul != NULL ? nul + 1 : end;
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size;
	struct sess_slice stack, script, page;
	int utf8 = is_utf8(p, size);
	struct sess_buf out = { 0 };

	must(sess_buf_puts(&out, "before") == 0);
	must(sessp_fold_message(&out, p, size) == 0);
	is_folded(&out, 512, utf8);
	out.len = 6;
	must(sessp_fold_url(&out, p, size) == 0);
	is_folded(&out, 512, utf8);
	out.len = 6;
	stack = cut(&p, end);
	script = cut(&p, end);
	page = cut(&p, end);
	must(sessp_fold_frame(&out, stack, script, page) == 0);
	is_folded(&out, 512 + 1 + 260 + 512, 0);
	sess_buf_release(&out);
	return 0;
}
