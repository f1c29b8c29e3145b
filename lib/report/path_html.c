/*
 * How a session looks in HTML: a heading, its facts, and a list of pages, each
 * with a list of what happened.  All of it is open and in order without a
 * style; marks say in a character what colours say, too.
 */
#include <stdio.h>
#include <string.h>

#include "private.h"
#include "sess/when.h"

/* Elements that may be open inside of a page, from the outer to the inner. */
enum {
	STEPS = 1,		/* the list of behaviours */
	STEP = 2,		/* one of them */
	MORE = 4,		/* what is known of it, closed at first */
	FACTS = 8		/* names and values, of a behaviour or of the page */
};

static const struct { unsigned element; const char *begin, *end; } elements[] = {
	{ STEPS, "<ol class=\"steps\">\n", "</ol>\n" },
	{ STEP, "<li", "</li>\n" },
	{ MORE, "<details class=\"more\"><summary>more</summary>", "</details>" },
	{ FACTS, "<dl class=\"facts\">", "</dl>" },
};

static void
put(struct sess_path *p, const char *text, size_t len)
{
	p->nomem |= sessp_html_text(p->out, text, len) < 0;
}

/* End all elements that are open down to this one. */
static void
end(struct sess_path *p, unsigned element)
{
	size_t i;

	for (i = sizeof(elements) / sizeof(elements[0]); i-- > 0; )
		if (elements[i].element >= element && (p->elements & elements[i].element)) {
			sessp_out_put(p, elements[i].end);
			p->elements &= ~elements[i].element;
		}
}

static void
begin(struct sess_path *p, unsigned element)
{
	size_t i;

	for (i = 0; elements[i].element != element; i++)
		;
	if (!(p->elements & element))
		sessp_out_put(p, elements[i].begin);
	p->elements |= element;
}

/* What is said beside: <span class="CLASS">text</span> */
static void
span(struct sess_path *p, const char *class, const char *text, size_t len)
{
	sessp_out_put(p, "<span class=\"");
	sessp_out_put(p, class);
	sessp_out_put(p, "\">");
	put(p, text, len);
	sessp_out_put(p, "</span>");
}

static const char *
style_class(enum sessp_style style)
{
	return style == SESSP_RED ? "bad" : style == SESSP_YELLOW ? "slow" : "";
}

/* The clock's time of a moment; the element has all of it. */
static void
moment(struct sess_path *p, int64_t ms, size_t len)
{
	char local[SESSP_LOCAL], utc[SESS_WHEN_LEN];

	sess_when_format(ms, utc);
	sessp_local(p, ms, local);
	sessp_out_put(p, "<time datetime=\"");
	p->nomem |= sess_buf_add(p->out, utc, sizeof(utc)) < 0;
	sessp_out_put(p, "\">");
	p->nomem |= sess_buf_add(p->out, local + 11, len) < 0;
	sessp_out_put(p, "</time>");
}

/* -- the session */

static void
cells(struct sess_path *p, const struct sessp_side *side)
{
	const struct sessp_cell *c;

	for (c = side->cell; c < side->cell + side->n; c++) {
		sessp_out_put(p, c->mark != NULL ? "<div class=\"" : "<div>");
		if (c->mark != NULL) {
			sessp_out_put(p, style_class(c->style));
			sessp_out_put(p, "\">");
		}
		sessp_out_put(p, "<dt>");
		if (c->mark != NULL) {
			sessp_out_put(p, c->mark);
			sessp_out_put(p, " ");
		}
		sessp_out_put(p, c->label);
		sessp_out_put(p, "</dt><dd>");
		put(p, p->text.data + c->at, c->len);
		sessp_out_put(p, "</dd></div>\n");
	}
}

static void
html_head(struct sess_path *p)
{
	struct sessp_side left = { .n = 0 }, right = { .n = 0 };

	p->elements = 0;
	p->text.len = 0;
	sessp_path_left(p, &left);
	sessp_path_right(p, &right);
	sessp_out_put(p, p->s->session_id.len > 0 ? "<h3>Session <code>" : "<h3>Visitor <code>");
	put(p, p->s->key.p, p->s->key.len);
	sessp_out_put(p, "</code></h3>\n<dl class=\"overview\">\n");
	cells(p, &left);
	cells(p, &right);
	sessp_out_put(p, "</dl>\n");
	p->text.len = 0;
}

static void
html_note(struct sess_path *p, bool of_pages, const char *text)
{
	(void)of_pages;
	sessp_out_put(p, "<p class=\"note\">");
	put(p, text, strlen(text));
	sessp_out_put(p, "</p>\n");
}

/* -- pages */

static void
html_begin_pages(struct sess_path *p)
{
	sessp_out_put(p, "<ol class=\"pages\">\n");
}

/* The date, where it isn't that of what was written last, between these. */
static void
day(struct sess_path *p, int64_t ms, const char *before, const char *behind)
{
	char local[SESSP_LOCAL];

	sessp_local(p, ms, local);
	if (memcmp(p->date, local, sizeof(p->date)) == 0)
		return;
	memcpy(p->date, local, sizeof(p->date));
	sessp_out_put(p, before);
	put(p, p->date, sizeof(p->date));
	sessp_out_put(p, behind);
}

static void
figure(struct sess_path *p, const char *name, double ms, bool slow)
{
	char text[SESSP_FIGURE];

	if (ms < 0)
		return;
	sessp_out_put(p, slow ? " <span class=\"slow\">~ " : " <span class=\"figure\">");
	sessp_out_put(p, name);
	sessp_out_put(p, " <b>");
	sessp_span(ms, text);
	sessp_out_put(p, text);
	sessp_out_put(p, "</b></span>");
}

static void
marks(struct sess_path *p, const struct sess_view *w)
{
	if (w->js_errors > 0)
		p->nomem |= sess_buf_printf(p->out, " <span class=\"bad\">✗ %lld</span>",
		    (long long)w->js_errors) < 0;
	if (w->api_failures > 0)
		p->nomem |= sess_buf_printf(p->out, " <span class=\"bad\">! %lld</span>",
		    (long long)w->api_failures) < 0;
}

static void
html_page(struct sess_path *p, const struct sess_view *w, size_t n)
{
	struct sess_slice name = sessp_page_name(w);

	(void)n;			/* the list counts */
	sessp_out_put(p, "<li><details open><summary>");
	day(p, w->start, "<span class=\"day\">", "</span> ");
	moment(p, w->start, 12);
	sessp_out_put(p, " <b class=\"page\">");
	put(p, name.p, name.len);
	sessp_out_put(p, "</b>");
	figure(p, "load", w->load_ms, w->load_ms > p->o.slow_load);
	figure(p, "stay", w->stay_ms, false);
	marks(p, w);
	sessp_out_put(p, "</summary>\n");
}

static void
html_end_page(struct sess_path *p)
{
	end(p, STEPS);
	sessp_out_put(p, "</details></li>\n");
}

static void
html_end_pages(struct sess_path *p)
{
	sessp_out_put(p, "</ol>\n");
}

/* -- behaviours */

static void
mark(struct sess_path *p, unsigned flags)
{
	sessp_out_put(p, "<span class=\"mark\">");
	if (flags & SESSP_ERROR)
		sessp_out_put(p, "<span title=\"JS error\">✗</span>");
	else if (flags & SESSP_FAILED)
		sessp_out_put(p, "<span title=\"failed\">!</span>");
	if (flags & SESSP_SLOW)
		sessp_out_put(p, "<span title=\"slow\">~</span>");
	sessp_out_put(p, "</span>");
}

static void
what(struct sess_path *p)
{
	sessp_out_put(p, "<div class=\"what\">");
	p->nomem |= sessp_html_long(p->out, p->text.data, p->text.len) < 0;
	sessp_out_put(p, "</div>");
}

static void
html_line(struct sess_path *p, const struct sess_view *w, size_t i, const char *label,
    const struct sessp_right *r)
{
	const struct sess_member *m = &p->s->members[i];
	unsigned flags = p->flags[i];
	char text[SESSP_FIGURE];

	end(p, p->elements & STEPS ? STEP : FACTS);
	begin(p, STEPS);
	day(p, m->when, "<li class=\"day\">", "</li>\n");
	begin(p, STEP);
	sessp_out_put(p, flags & (SESSP_ERROR | SESSP_FAILED) ? " class=\"bad\">" :
	    flags & SESSP_SLOW ? " class=\"slow\">" : ">");
	mark(p, flags);
	sessp_out_put(p, " ");
	moment(p, m->when, 8);
	sessp_out_put(p, " ");
	sessp_since(m->when - w->start, text);
	span(p, "since", text, strlen(text));
	sessp_out_put(p, " ");
	span(p, "kind", label, strlen(label));
	sessp_out_put(p, " ");
	what(p);
	if (r->status.len > 0) {
		sessp_out_put(p, " ");
		span(p, "status", r->status.p, r->status.len);
	}
	if (r->ms >= 0) {
		sessp_out_put(p, " ");
		sessp_span(r->ms, text);
		span(p, "ms", text, strlen(text));
	}
	sessp_out_put(p, "\n");
}

static void
html_aside(struct sess_path *p)
{
	span(p, "aside", p->text.data, p->text.len);
}

/* Lines of text as they were. */
static void
lines(struct sess_path *p, const char *t, size_t len)
{
	const char *end_of_line;
	size_t n;

	while (len > 0) {
		end_of_line = memchr(t, '\n', len);
		n = end_of_line != NULL ? (size_t)(end_of_line - t) : len;
		for (; n > 0 && t[0] == '\t'; t++, len--, n--)
			sessp_out_put(p, "    ");
		put(p, t, n > 0 && t[n - 1] == '\r' ? n - 1 : n);
		if (end_of_line == NULL)
			return;
		sessp_out_put(p, "\n");
		t += n + 1;
		len -= n + 1;
	}
}

static void
html_fact(struct sess_path *p, const char *label, const char *t, size_t len)
{
	if (p->elements & STEP)
		begin(p, MORE);
	begin(p, FACTS);
	sessp_out_put(p, "<div><dt>");
	put(p, label, strlen(label));
	sessp_out_put(p, "</dt><dd>");
	lines(p, t, len);
	sessp_out_put(p, "</dd></div>");
}

/* -- bars */

static void
html_phases(struct sess_path *p, const struct sessp_phase *ph, size_t n, double all)
{
	char text[SESSP_FIGURE];
	size_t i;

	end(p, FACTS);
	begin(p, MORE);
	sessp_out_put(p, "<table class=\"bars\">");
	for (i = 0; i < n; i++) {
		sessp_span(ph[i].ms, text);
		p->nomem |= sess_buf_printf(p->out, "<tr><th scope=\"row\">%s</th><td>%s</td><td>",
		    ph[i].name, text) < 0;
		p->nomem |= sessp_html_bar(p->out, ph[i].from, ph[i].from + ph[i].ms, all) < 0;
		sessp_out_put(p, "</td></tr>\n");
	}
	sessp_out_put(p, "</table>");
}

static void
resource(struct sess_path *p, size_t i, double all)
{
	struct sess_slice type = sess_event_get(&p->ev, SESS_K_RESOURCE_TYPE),
	    url = sess_event_get(&p->ev, SESS_K_URL), tail = sessp_url_tail(url);
	double from = sess_event_num(&p->ev, SESS_K_START_MS, 0),
	    ms = sess_event_num(&p->ev, SESS_K_DURATION_MS, -1),
	    size = sess_event_num(&p->ev, SESS_K_SIZE, -1);
	bool failed = (p->flags[i] & SESSP_FAILED) != 0;
	char text[SESSP_FIGURE];

	sessp_out_put(p, failed ? "<tr class=\"bad\"><th scope=\"row\" title=\"" :
	    "<tr><th scope=\"row\" title=\"");
	put(p, url.p, url.len);
	sessp_out_put(p, failed ? "\">! " : "\">");
	put(p, tail.p, tail.len);
	sessp_out_put(p, "</th><td>");
	put(p, type.p, type.len);
	sessp_out_put(p, "</td><td>");
	sessp_bytes(size, text);
	sessp_out_put(p, size >= 0 ? text : "");
	sessp_out_put(p, "</td><td>");
	sessp_span(ms, text);
	sessp_out_put(p, ms >= 0 ? text : "");
	sessp_out_put(p, "</td><td>");
	p->nomem |= sessp_html_bar(p->out, from, from + ms, all) < 0;
	sessp_out_put(p, "</td></tr>\n");
}

static void
html_waterfall(struct sess_path *p, double all)
{
	size_t i, n = p->scratch.len / sizeof(struct sessp_entry);
	struct sessp_entry e;
	char text[SESSP_FIGURE];

	end(p, STEPS);
	sessp_span(all, text);
	p->nomem |= sess_buf_printf(p->out, "<details class=\"more\"><summary>%zu resource%s, %s"
	    "</summary><table class=\"bars\">\n", n, n == 1 ? "" : "s", text) < 0;
	for (i = 0; i < n && !p->nomem; i++) {
		memcpy(&e, p->scratch.data + i * sizeof(e), sizeof(e));
		sessp_path_scan(p, e.member);
		resource(p, e.member, all);
	}
	sessp_out_put(p, "</table></details>\n");
}

const struct sessp_look sessp_look_html = {
	.head = html_head, .note = html_note, .begin_pages = html_begin_pages,
	.page = html_page, .line = html_line, .aside = html_aside, .fact = html_fact,
	.phases = html_phases, .waterfall = html_waterfall, .end_page = html_end_page,
	.end_pages = html_end_pages
};
