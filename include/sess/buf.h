/*
 * buf: bytes that grow.
 *
 *	struct sess_buf b = { 0 };
 *
 *	if (sess_buf_add(&b, "abc", 3) < 0)
 *		...				out of memory
 *	write(1, b.data, b.len);
 *	sess_buf_release(&b);
 *
 * A buffer of zeros is a valid, empty one.  data is not NUL-terminated and is
 * NULL until the first byte; it moves when the buffer grows.
 */
#ifndef SESS_BUF_H
#define SESS_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

struct sess_buf {
	char *data;
	size_t len;		/* bytes in use */
	size_t cap;		/* bytes allocated */
};

/* Make room for extra more bytes behind len, so that they can be written
 * straight to data + len.  0, or -1 when memory (or size_t) is exhausted; the
 * buffer is then as it was. */
int sess_buf_grow(struct sess_buf *b, size_t extra);

/* Free what b holds and make it empty. */
void sess_buf_release(struct sess_buf *b);

/* Room for extra more bytes, without a call when there is room already. */
static inline int
sess_buf_room(struct sess_buf *b, size_t extra)
{
	return b->cap - b->len >= extra ? 0 : sess_buf_grow(b, extra);
}

/* Append len bytes.  0 or -1 as sess_buf_grow. */
static inline int
sess_buf_add(struct sess_buf *b, const void *p, size_t len)
{
	if (sess_buf_room(b, len) < 0)
		return -1;
	if (len > 0)
		memcpy(b->data + b->len, p, len);
	b->len += len;
	return 0;
}

/* Append a string without its NUL.  0 or -1 as sess_buf_grow. */
static inline int
sess_buf_puts(struct sess_buf *b, const char *s)
{
	return sess_buf_add(b, s, strlen(s));
}

/* Append one byte.  0 or -1 as sess_buf_grow. */
static inline int
sess_buf_putc(struct sess_buf *b, char c)
{
	return sess_buf_add(b, &c, 1);
}

/* Append formatted text.  0 or -1 as sess_buf_grow. */
int sess_buf_printf(struct sess_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int sess_buf_vprintf(struct sess_buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

#endif
