/* text: whatever comes in, what goes out is printable and as wide as said. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sess/text.h"

static void
must(int holds)
{
	if (!holds)
		abort();
}

/* No byte a terminal obeys, and no bidi control. */
static void
printable(const char *p, size_t len)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t i;

	for (i = 0; i < len; i++) {
		must(u[i] >= 0x20 && u[i] != 0x7f);
		if (i + 1 < len && u[i] == 0xc2)
			must(u[i + 1] >= 0xa0);
		if (i + 2 < len && u[i] == 0xe2 && u[i + 1] == 0x80)
			must(u[i + 2] != 0x8e && u[i + 2] != 0x8f &&
			    (u[i + 2] < 0xa8 || u[i + 2] > 0xae));
		if (i + 2 < len && u[i] == 0xe2 && u[i + 1] == 0x81)
			must(u[i + 2] < 0xa6 || u[i + 2] > 0xa9);
	}
}

static void
wraps(const char *p, size_t len, size_t columns)
{
	size_t at, end, next;

	for (at = 0; at < len; at += next) {
		end = sess_text_wrap(p + at, len - at, columns, &next);
		must(end <= next && next > 0 && next <= len - at);
		for (; end < next; end++)
			must(p[at + end] == ' ');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct sess_buf once = { 0 }, twice = { 0 }, cut = { 0 };
	size_t width = sess_text_width(p, size), columns = size > 0 ? data[0] % 32 : 0;

	must(sess_text_clean(&once, p, size) == 0);
	printable(once.data, once.len);
	must(sess_text_width(once.data, once.len) == width);
	must(sess_text_clean(&twice, once.data, once.len) == 0);
	must(once.len == twice.len && (once.len == 0 ||
	    memcmp(once.data, twice.data, once.len) == 0));

	must(sess_text_fit(&cut, p, size, columns) == 0);
	must(sess_text_width(cut.data, cut.len) <= columns);
	must(width > columns || cut.len == once.len);
	cut.len = 0;
	must(sess_text_pad(&cut, p, size, columns, size % 2) == 0);
	must(sess_text_width(cut.data, cut.len) == columns);
	wraps(p, size, columns);

	sess_buf_release(&once);
	sess_buf_release(&twice);
	sess_buf_release(&cut);
	return 0;
}
