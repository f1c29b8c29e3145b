#include "sess/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_SIZE 256

int
sess_buf_grow(struct sess_buf *b, size_t extra)
{
	size_t need, cap;
	char *data;

	if (extra > SIZE_MAX / 2 - b->len)
		return -1;
	need = b->len + extra;
	if (need <= b->cap)
		return 0;
	cap = b->cap > 0 ? b->cap : FIRST_SIZE;
	while (cap < need)
		cap *= 2;
	data = realloc(b->data, cap);
	if (data == NULL)
		return -1;
	b->data = data;
	b->cap = cap;
	return 0;
}

void
sess_buf_release(struct sess_buf *b)
{
	free(b->data);
	*b = (struct sess_buf){ 0 };
}

int
sess_buf_vprintf(struct sess_buf *b, const char *fmt, va_list ap)
{
	size_t room = b->cap - b->len;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(room > 0 ? b->data + b->len : NULL, room, fmt, ap);
	if (n >= 0 && (size_t)n >= room) {	/* it did not fit */
		n = sess_buf_room(b, (size_t)n + 1) < 0 ? -1 : n;
		if (n >= 0)
			(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	if (n < 0)
		return -1;
	b->len += (size_t)n;
	return 0;
}

int
sess_buf_printf(struct sess_buf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = sess_buf_vprintf(b, fmt, ap);
	va_end(ap);
	return r;
}
