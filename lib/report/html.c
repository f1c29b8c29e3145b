/* Text and bars in HTML. */
#include <string.h>

#include "private.h"
#include "sess/text.h"

enum { LONG = 240, HEAD = 120 };	/* columns */

static const char *
entity(char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	default: return NULL;
	}
}

int
sessp_html_text(struct sess_buf *out, const char *p, size_t len)
{
	size_t start = out->len, from, to, extra = 0, n;
	const char *e;

	if (sess_text_clean(out, p, len) < 0)
		return -1;
	for (from = start; from < out->len; from++)
		if ((e = entity(out->data[from])) != NULL)
			extra += strlen(e) - 1;
	if (extra == 0)
		return 0;
	if (sess_buf_room(out, extra) < 0)
		return -1;
	/* From the end on, so that nothing is written over before it was read. */
	for (from = out->len, to = from + extra; from < to; ) {
		e = entity(out->data[--from]);
		n = e != NULL ? strlen(e) : 1;
		to -= n;
		memcpy(out->data + to, e != NULL ? e : &out->data[from], n);
	}
	out->len += extra;
	return 0;
}

int
sessp_html_long(struct sess_buf *out, const char *p, size_t len)
{
	struct sess_buf head = { 0 };
	int bad;

	if (len <= LONG || sess_text_width(p, len) <= LONG)
		return sessp_html_text(out, p, len);
	bad = sess_text_fit(&head, p, len, HEAD) < 0 ||
	    sess_buf_puts(out, "<details class=\"long\"><summary>") < 0 ||
	    sessp_html_text(out, head.data, head.len) < 0 ||
	    sess_buf_puts(out, "</summary>") < 0 || sessp_html_text(out, p, len) < 0 ||
	    sess_buf_puts(out, "</details>") < 0;
	sess_buf_release(&head);
	return bad ? -1 : 0;
}

int
sessp_html_bar(struct sess_buf *out, double from, double to, double all)
{
	double x, width;

	if (!sessp_bar_fits(from, to, all))
		return 0;
	x = from > 0 ? from / all * 100 : 0;
	width = to / all * 100 - x;
	/* What is there is seen. */
	width = width > 0.5 ? width : 0.5;
	x = x + width <= 100 ? x : 100 - width;
	return sess_buf_printf(out, "<svg class=\"bar\" viewBox=\"0 0 100 1\" "
	    "preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect x=\"%.4g\" width=\"%.4g\" "
	    "height=\"1\"/></svg>", x, width);
}
