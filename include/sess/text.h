/*
 * text: what somebody else wrote, made fit for a terminal.
 *
 *	sess_text_pad(&out, name, len, 20, false);	20 columns, cut with an ellipsis
 *	sess_text_clean(&out, message, len);		all of it
 *
 * Every call here cleans: what a terminal would obey or hide is shown as a
 * mark of plain characters instead, so that the output is printable UTF-8
 * whatever the input was:
 *
 *	C0, DEL				their control picture: an escape is ␛, a newline ␊
 *	C1, bidi controls, invisible	<U+202E>
 *	and unassigned characters
 *	bytes that are not UTF-8	\xff
 *
 * A joiner (U+200C, U+200D) stays inside an emoji or a word of a script that
 * needs it; a combining mark stays on its letter, up to sixteen of them.
 * Columns are counted by grapheme: CJK and emoji take two, combining marks
 * none, an emoji joined of several two.
 */
#ifndef SESS_TEXT_H
#define SESS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "sess/buf.h"

/* Columns that the cleaned text takes. */
size_t sess_text_width(const char *p, size_t len);

/* Append the cleaned text.  0, or -1 when memory is out, as all below. */
int sess_text_clean(struct sess_buf *out, const char *p, size_t len);

/* Append as much of it as fits into so many columns; where it is cut, the
 * last of them is an ellipsis. */
int sess_text_fit(struct sess_buf *out, const char *p, size_t len, size_t columns);

/* The same, filled up with spaces to exactly so many columns; on the left
 * where right is true. */
int sess_text_pad(struct sess_buf *out, const char *p, size_t len, size_t columns,
    bool right);

/*
 * Wrapping: how many bytes from p on make a line of at most so many columns
 * (one grapheme at least, however wide).  Breaks after a space or a mark of
 * punctuation or beside a wide character where that leaves no line more than
 * half empty, else anywhere.  *next is where the next line begins: spaces at
 * the break belong to no line; len when there is none.
 */
size_t sess_text_wrap(const char *p, size_t len, size_t columns, size_t *next);

#endif
