/* Phases of a load and the resources of a page as bars over time. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "sess/text.h"

enum { SPAN = 8, MAX_BAR = 60, TYPE = 7, SIZE = 9 };

bool
sessp_bar_fits(double from, double to, double all)
{
	/* not told, or figures that don't fit: off by more than 1 ms */
	return all > 0 && from >= -1 && to >= from && to <= all + 1;
}

/* A bar of columns cells for [from, to) of [0, all), in ms. */
static void
bar(struct sess_path *p, double from, double to, double all, size_t columns,
    enum sessp_style style)
{
	size_t start, end, i;

	if (!sessp_bar_fits(from, to, all))
		return;
	from = from > 0 ? from : 0;
	start = (size_t)(from / all * (double)columns);
	end = (size_t)ceil(to / all * (double)columns);
	if (start >= columns)
		start = columns - 1;
	if (end > columns)
		end = columns;
	sessp_spaces(p, start);
	sessp_style(p, style);
	sessp_out_put(p, end > start ? "" : "▏");
	for (i = start; i < end; i++)
		sessp_out_put(p, "█");
	sessp_style(p, SESSP_PLAIN);
}

static size_t
bar_columns(const struct sess_path *p, size_t used)
{
	size_t left = p->layout > used + 8 ? p->layout - used : 8;

	return left < MAX_BAR ? left : MAX_BAR;
}

/* Where each phase was, from what ARMS and others report of it; load = fpt +
 * dom + (ready - tti) + res. */
static size_t
phases(const struct sess_event *ev, struct sessp_phase *out)
{
	double fpt = sess_event_num(ev, SESS_K_FPT_MS, NAN),
	    tti = sess_event_num(ev, SESS_K_TTI_MS, NAN),
	    ready = sess_event_num(ev, SESS_K_READY_MS, NAN),
	    load = sess_event_num(ev, SESS_K_LOAD_MS, NAN),
	    dns = sess_event_num(ev, SESS_K_DNS_MS, NAN),
	    tcp = sess_event_num(ev, SESS_K_TCP_MS, NAN),
	    ssl = sess_event_num(ev, SESS_K_SSL_MS, NAN),
	    ttfb = sess_event_num(ev, SESS_K_TTFB_MS, NAN),
	    trans = sess_event_num(ev, SESS_K_TRANS_MS, NAN),
	    res = sess_event_num(ev, SESS_K_RES_MS, NAN),
	    first = fpt - trans - sess_event_num(ev, SESS_K_FIRSTBYTE_MS, NAN);
	double connect = first + (isnan(dns) ? 0 : dns);
	const struct sessp_phase all[] = {
		{ "dns", first, dns }, { "connect", connect, tcp },
		{ "tls", connect + tcp - ssl, ssl }, { "ttfb", fpt - trans - ttfb, ttfb },
		{ "download", fpt - trans, trans },
		{ "dom", fpt, sess_event_num(ev, SESS_K_DOM_MS, NAN) },
		{ "scripts", tti, ready - tti }, { "resources", load - res, res },
		{ "load", 0, load }, { "fmp", 0, sess_event_num(ev, SESS_K_FMP_MS, NAN) },
	};
	size_t i, n = 0;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		/* TLS is part of connecting; where it's longer there was none. */
		if (all[i].ms >= 0 && isfinite(all[i].ms) && !(i == 2 && ssl > tcp))
			out[n++] = all[i];
	return n;
}

void
sessp_path_phases(struct sess_path *p)
{
	struct sessp_phase ph[10];
	double all = 0;
	size_t n = phases(&p->ev, ph), i;

	for (i = 0; i < n; i++)
		if (ph[i].from + ph[i].ms > all)
			all = ph[i].from + ph[i].ms;
	if (n > 0)
		p->look->phases(p, ph, n, all);
}

void
sessp_text_phases(struct sess_path *p, const struct sessp_phase *ph, size_t n, double all)
{
	size_t columns = bar_columns(p, SESSP_TEXT_AT + SPAN + 1), i;
	char span[SESSP_FIGURE];

	for (i = 0; i < n; i++) {
		sessp_label(p, ph[i].name);
		sessp_span(ph[i].ms, span);
		sessp_pad(p, span, strlen(span), SPAN - 1, true);
		sessp_spaces(p, 2);
		bar(p, ph[i].from, ph[i].from + ph[i].ms, all, columns,
		    ph[i].from > 0 ? SESSP_PLAIN : SESSP_DIM);
		sessp_newline(p);
	}
}

static int
by_start(const void *a, const void *b)
{
	const struct sessp_entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->member > y->member) - (x->member < y->member);
}

/* The resources of view v by their start, in p->scratch.  The time that they span; 0
 * without any. */
static double
entries(struct sess_path *p, size_t v)
{
	const unsigned char wanted = SESSP_BAR | SESSP_SHOW;
	struct sessp_entry e;
	double all = 0, end;
	size_t i;

	p->scratch.len = 0;
	for (i = p->first[v]; i < p->first[v + 1]; i++) {
		e.member = p->order[i];
		if ((p->flags[e.member] & wanted) != wanted)
			continue;
		sessp_path_scan(p, e.member);
		e.start = sess_event_num(&p->ev, SESS_K_START_MS, 0);
		p->nomem |= sess_buf_add(&p->scratch, &e, sizeof(e)) < 0;
		end = e.start + sess_event_num(&p->ev, SESS_K_DURATION_MS, 0);
		if (end > all && isfinite(end))
			all = end;
	}
	if (p->scratch.len > 0)
		qsort(p->scratch.data, p->scratch.len / sizeof(e), sizeof(e), by_start);
	return all;
}

/* The end of a URL tells more than its beginning. */
struct sess_slice
sessp_url_tail(struct sess_slice url)
{
	const char *q = memchr(url.p, '?', url.len), *slash;
	size_t len = q != NULL ? (size_t)(q - url.p) : url.len;

	slash = len > 1 ? memrchr(url.p, '/', len - 1) : NULL;
	if (slash == NULL)
		return url;
	return (struct sess_slice){ slash + 1, url.len - (size_t)(slash + 1 - url.p) };
}

static void
bar_line(struct sess_path *p, size_t i, double all, size_t name, size_t columns)
{
	struct sess_slice type = sess_event_get(&p->ev, SESS_K_RESOURCE_TYPE),
	    url = sessp_url_tail(sess_event_get(&p->ev, SESS_K_URL));
	double from = sess_event_num(&p->ev, SESS_K_START_MS, NAN),
	    ms = sess_event_num(&p->ev, SESS_K_DURATION_MS, NAN),
	    size = sess_event_num(&p->ev, SESS_K_SIZE, NAN);
	bool failed = (p->flags[i] & SESSP_FAILED) != 0;
	char span[SESSP_FIGURE];

	sessp_style(p, failed ? SESSP_RED : SESSP_PLAIN);
	sessp_out_put(p, failed ? "!   " : "    ");
	sessp_pad(p, type.p, type.len, TYPE, false);
	sessp_out_put(p, " ");
	sessp_pad(p, url.p, url.len, name, false);
	sessp_style(p, SESSP_PLAIN);
	sessp_bytes(size, span);
	sessp_pad(p, span, size >= 0 ? strlen(span) : 0, SIZE, true);
	sessp_span(ms, span);
	sessp_pad(p, span, ms >= 0 ? strlen(span) : 0, SPAN, true);
	sessp_spaces(p, 2);
	bar(p, from, from + ms, all, columns, failed ? SESSP_RED : SESSP_PLAIN);
	sessp_newline(p);
}

void
sessp_path_waterfall(struct sess_path *p, size_t v)
{
	double all = entries(p, v);

	if (all > 0)
		p->look->waterfall(p, all);
}

void
sessp_text_waterfall(struct sess_path *p, double all)
{
	size_t columns, name = p->layout / 3, i;
	char head[80], span[SESSP_FIGURE];
	struct sessp_entry e;

	columns = bar_columns(p, 4 + TYPE + 1 + name + SIZE + SPAN + 3);
	sessp_span(all, span);
	snprintf(head, sizeof(head), "resources, %.20s", span);
	sessp_spaces(p, 4);
	sessp_style(p, SESSP_DIM);
	sessp_out_put(p, head);
	sessp_style(p, SESSP_PLAIN);
	sessp_newline(p);
	for (i = 0; i < p->scratch.len / sizeof(e) && !p->nomem; i++) {
		memcpy(&e, p->scratch.data + i * sizeof(e), sizeof(e));
		sessp_path_scan(p, e.member);
		bar_line(p, e.member, all, name, columns);
		sessp_path_shown(p, &p->s->members[e.member]);
	}
}
