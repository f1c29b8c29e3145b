#include <math.h>
#include <stdio.h>

#include "private.h"
#include "sess/text.h"
#include "sess/when.h"

#define TAB 4			/* columns */

const char *const sessp_sgr[] = {
	[SESSP_PLAIN] = "\033[0m", [SESSP_BOLD] = "\033[1m", [SESSP_DIM] = "\033[2m",
	[SESSP_RED] = "\033[31m", [SESSP_YELLOW] = "\033[33m"
};

void
sessp_out_put(struct sess_path *p, const char *s)
{
	p->nomem |= sess_buf_puts(p->out, s) < 0;
}

void
sessp_spaces(struct sess_path *p, size_t n)
{
	p->nomem |= sess_text_pad(p->out, "", 0, n, false) < 0;
}

void
sessp_style(struct sess_path *p, enum sessp_style style)
{
	if (!p->o.color || style == p->style)
		return;
	if (p->style != SESSP_PLAIN && style != SESSP_PLAIN)
		sessp_out_put(p, sessp_sgr[SESSP_PLAIN]);
	sessp_out_put(p, sessp_sgr[style]);
	p->style = style;
}

void
sessp_pad(struct sess_path *p, const char *t, size_t len, size_t columns, bool right)
{
	p->nomem |= sess_text_pad(p->out, t, len, columns, right) < 0;
}

void
sessp_newline(struct sess_path *p)
{
	while (p->out->len > 0 && p->out->data[p->out->len - 1] == ' ')
		p->out->len--;
	sessp_out_put(p, "\n");
}

void
sessp_label(struct sess_path *p, const char *label)
{
	sessp_style(p, SESSP_DIM);
	sessp_pad(p, label, strlen(label), SESSP_TEXT_AT - 1, true);
	sessp_style(p, SESSP_PLAIN);
	sessp_out_put(p, " ");
}

void
sessp_fact(struct sess_path *p, const char *label, const char *t, size_t len)
{
	if (len > 0)
		p->look->fact(p, label, t, len);
}

void
sessp_text_fact(struct sess_path *p, const char *label, const char *t, size_t len)
{
	sessp_label(p, label);
	sessp_wrapped(p, t, len, SESSP_TEXT_AT, p->width - SESSP_TEXT_AT, 0, SESSP_PLAIN);
	sessp_newline(p);
}

void
sessp_say(struct sess_path *p, const char *s)
{
	p->nomem |= sess_buf_puts(&p->text, s) < 0;
}

void
sessp_say_slice(struct sess_path *p, struct sess_slice s)
{
	p->nomem |= sess_buf_add(&p->text, s.p, s.len) < 0;
}

void
sessp_say_key(struct sess_path *p, enum sess_key k)
{
	if (!sess_event_has(&p->ev, k))
		return;
	if (p->text.len > 0)
		sessp_say(p, " ");
	sessp_say_slice(p, p->ev.v[k]);
}

/* One paragraph; gives the lines it took. */
static size_t
paragraph(struct sess_path *p, const char *t, size_t len, size_t indent,
    size_t columns, size_t lines, enum sessp_style style)
{
	size_t n, end, next, tabs = 0, room;

	/* the indent of a stack's lines, as long as it leaves room for them */
	for (; lines == 0 && len > 0 && t[0] == '\t'; t++, len--)
		tabs += tabs + TAB <= columns / 2 ? TAB : 0;
	sessp_spaces(p, tabs);
	for (n = 0; n == 0 || len > 0; n++, t += next, len -= next) {
		if (n > 0) {
			sessp_newline(p);
			sessp_spaces(p, indent);
		}
		room = n > 0 ? columns : columns - tabs;
		end = sess_text_wrap(t, len, room, &next);
		if (n + 1 == lines && next < len)
			end = next = len;
		sessp_style(p, style);
		p->nomem |= (lines > 0 ? sess_text_fit(p->out, t, end, room) :
		    sess_text_clean(p->out, t, end)) < 0;
		sessp_style(p, SESSP_PLAIN);
	}
	return n;
}

void
sessp_wrapped(struct sess_path *p, const char *t, size_t len, size_t indent,
    size_t columns, size_t lines, enum sessp_style style)
{
	const char *end;
	size_t n;

	while (lines == 0 && (end = memchr(t, '\n', len)) != NULL) {
		n = (size_t)(end - t);
		paragraph(p, t, n > 0 && t[n - 1] == '\r' ? n - 1 : n, indent, columns,
		    0, style);
		t += n + 1;
		len -= n + 1;
		if (len == 0)
			return;
		sessp_newline(p);
		sessp_spaces(p, indent);
	}
	paragraph(p, t, len, indent, columns, lines, style);
}

/* Minutes and more. */
static void
long_span(double ms, char out[SESSP_FIGURE])
{
	double s = floor(ms / 1000 + 0.5);

	if (s < 3600)
		snprintf(out, SESSP_FIGURE, "%.0fm%02.0fs", floor(s / 60), fmod(s, 60));
	else if (s < 86400)
		snprintf(out, SESSP_FIGURE, "%.0fh%02.0fm", floor(s / 3600),
		    floor(fmod(s, 3600) / 60));
	else if (s < 86400 * 1e3)
		snprintf(out, SESSP_FIGURE, "%.0fd%02.0fh", floor(s / 86400),
		    floor(fmod(s, 86400) / 3600));
	else
		snprintf(out, SESSP_FIGURE, "%.0fd", s < 86400 * 1e6 ? s / 86400 : 999999);
}

void
sessp_span(double ms, char out[SESSP_FIGURE])
{
	if (!(ms >= 0))				/* NaN as well */
		snprintf(out, SESSP_FIGURE, "-");
	else if (ms < 999.5)
		snprintf(out, SESSP_FIGURE, "%.0fms", ms);
	else if (ms < 9995)
		snprintf(out, SESSP_FIGURE, "%.2fs", ms / 1000);
	else if (ms < 59950)
		snprintf(out, SESSP_FIGURE, "%.1fs", ms / 1000);
	else
		long_span(ms, out);
}

void
sessp_bytes(double n, char out[SESSP_FIGURE])
{
	if (!(n >= 0))
		snprintf(out, SESSP_FIGURE, "-");
	else if (n < 1000)
		snprintf(out, SESSP_FIGURE, "%.0f B", n);
	else if (n < 999.5e3)
		snprintf(out, SESSP_FIGURE, "%.*f kB", n < 99.95e3, n / 1e3);
	else if (n < 1e12)
		snprintf(out, SESSP_FIGURE, "%.1f MB", n / 1e6);
	else
		snprintf(out, SESSP_FIGURE, "%.1e B", n);
}

/* The offset from UTC, asked for once a quarter of an hour: no zone changes
 * between two. */
static void
know_zone(struct sess_path *p, int64_t ms)
{
	int64_t quarter = ms / 900000 - (ms < 0), local;
	char text[41];
	size_t len;

	if (quarter == p->zone_from)
		return;
	p->zone_from = quarter;
	len = sess_when_local(ms, p->o.tz, text);
	if (len < SESSP_LOCAL || sess_when_rfc3339(text, SESSP_LOCAL - 1, &local) < 0) {
		p->zone_ms = 0;
		snprintf(p->zone, sizeof(p->zone), "+0000");
		return;
	}
	p->zone_ms = local - ms;
	snprintf(p->zone, sizeof(p->zone), "%.7s", text + SESSP_LOCAL);
}

void
sessp_local(struct sess_path *p, int64_t ms, char out[SESSP_LOCAL])
{
	char utc[SESS_WHEN_LEN];

	know_zone(p, ms);
	sess_when_format(ms + p->zone_ms, utc);
	memcpy(out, utc, SESSP_LOCAL - 1);
	out[10] = ' ';
	out[SESSP_LOCAL - 1] = '\0';
}
