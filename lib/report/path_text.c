/* A session for people: overview, then its pages and what happened on them. */
#include <stdio.h>

#include "private.h"
#include "sess/text.h"

enum { NUMBER = 3, CLOCK = 12, PAGE_AT = 24, FIGURES = 2 * 13, MARKS = 4,
	NAME_LEAST = 20		/* columns; narrower, a name is read downwards */
};

/* A line in low voice below the pages or the overview. */
static void
low(struct sess_path *p, size_t indent, const char *text)
{
	sessp_spaces(p, indent);
	sessp_wrapped(p, text, strlen(text), indent, p->width - indent, 0, SESSP_DIM);
	sessp_newline(p);
}

/* Whether pages are lines and nothing else. */
static bool
compact(const struct sess_path *p)
{
	return p->o.collapse || p->s->oversize;
}

/* Whether a member is worth a line of its own. */
static bool
wanted(const struct sess_path *p, size_t i)
{
	if (!(p->flags[i] & SESSP_SHOW))
		return false;
	switch (p->s->members[i].kind) {
	case SESS_VIEW:			/* the page's own line says it */
	case SESS_LEAVE:
		return p->o.kinds != 0 || p->o.details;
	case SESS_RESOURCE:
		if (p->flags[i] & SESSP_FAILED)
			return true;
		return p->o.details ? !(p->flags[i] & SESSP_BAR) : p->o.kinds != 0;
	default:
		return true;
	}
}

static bool
listed(const struct sess_path *p, size_t i)
{
	return wanted(p, i) && !compact(p);
}

static bool
filtered(const struct sess_path *p)
{
	return p->o.kinds != 0 || p->o.only_problems || p->o.before_error;
}

void
sessp_path_day(struct sess_path *p, const char *local)
{
	char date[sizeof(p->date) + 3];

	if (memcmp(p->date, local, sizeof(p->date)) == 0)
		return;
	memcpy(p->date, local, sizeof(p->date));
	snprintf(date, sizeof(date), "%.10s", local);
	low(p, NUMBER + 1, date);
}

/* "load 1.43s  stay 2m13s" on the right of a page, p->layout columns in. */
static void
figures(struct sess_path *p, const struct sess_view *w)
{
	char span[SESSP_FIGURE];
	bool slow = w->load_ms > p->o.slow_load;

	sessp_style(p, SESSP_DIM);
	sessp_out_put(p, w->load_ms >= 0 ? "  load " : "       ");
	sessp_style(p, SESSP_PLAIN);
	sessp_style(p, slow ? SESSP_YELLOW : SESSP_PLAIN);
	sessp_span(w->load_ms, span);
	sessp_pad(p, span, w->load_ms >= 0 ? strlen(span) : 0, 6, true);
	sessp_style(p, SESSP_PLAIN);
	sessp_style(p, SESSP_DIM);
	sessp_out_put(p, w->stay_ms >= 0 ? "  stay " : "       ");
	sessp_style(p, SESSP_PLAIN);
	sessp_span(w->stay_ms, span);
	sessp_pad(p, span, w->stay_ms >= 0 ? strlen(span) : 0, 6, true);
}

/* The worst of what happened on a page, where its behaviours aren't shown. */
static void
page_marks(struct sess_path *p, const struct sess_view *w)
{
	sessp_style(p, SESSP_RED);
	sessp_out_put(p, w->js_errors > 0 ? " ✗" : "  ");
	sessp_out_put(p, w->api_failures > 0 ? "!" : " ");
	sessp_style(p, SESSP_PLAIN);
	sessp_style(p, SESSP_YELLOW);
	sessp_out_put(p, w->load_ms > p->o.slow_load ? "~" : " ");
	sessp_style(p, SESSP_PLAIN);
}

struct sess_slice
sessp_page_name(const struct sess_view *w)
{
	struct sess_slice none = { "(no page view)", 14 }, nameless = { "(no page name)", 14 };

	if (w->page.len > 0)
		return w->page;
	if (w->page_url.len > 0)
		return w->page_url;
	if (w->title.len > 0)
		return w->title;
	return w->viewed ? nameless : none;
}

static bool
has_figures(const struct sess_path *p, const struct sess_view *w)
{
	return w->load_ms >= 0 || w->stay_ms >= 0 ||
	    (compact(p) && (w->js_errors > 0 || w->api_failures > 0));
}

/* What stands on the right of a page. */
static void
page_right(struct sess_path *p, const struct sess_view *w)
{
	figures(p, w);
	if (compact(p))
		page_marks(p, w);
	sessp_newline(p);
}

static void
text_note(struct sess_path *p, bool of_pages, const char *text)
{
	sessp_out_put(p, "\n");
	low(p, of_pages ? NUMBER + 1 : 0, text);
}

static void
text_begin_pages(struct sess_path *p)
{
	if (compact(p))
		sessp_out_put(p, "\n");
}

/* The line of page number n. */
static void
text_page(struct sess_path *p, const struct sess_view *w, size_t n)
{
	size_t right = FIGURES + (compact(p) ? MARKS : 0);
	bool narrow = p->layout < PAGE_AT + NAME_LEAST + right;	/* figures go below */
	size_t columns = p->layout - PAGE_AT - (narrow ? 0 : right);
	struct sess_slice name = sessp_page_name(w);
	char number[24], local[SESSP_LOCAL];
	size_t end, next = 0;

	if (!compact(p))
		sessp_out_put(p, "\n");
	sessp_local(p, w->start, local);
	sessp_path_day(p, local);
	snprintf(number, sizeof(number), "%zu", n);
	sessp_style(p, SESSP_BOLD);
	sessp_pad(p, number, strlen(number), NUMBER < strlen(number) ? strlen(number) : NUMBER,
	    true);
	sessp_out_put(p, " ");
	sessp_pad(p, local + 11, CLOCK, CLOCK, false);
	sessp_spaces(p, PAGE_AT - CLOCK - NUMBER - 1);
	end = sess_text_wrap(name.p, name.len, columns, &next);
	sessp_pad(p, name.p, end, columns, false);
	sessp_style(p, SESSP_PLAIN);
	if (!narrow)
		page_right(p, w);
	else
		sessp_newline(p);
	if (next < name.len) {
		sessp_spaces(p, PAGE_AT);
		sessp_wrapped(p, name.p + next, name.len - next, PAGE_AT, columns,
		    p->o.details ? 0 : 3, SESSP_BOLD);
		sessp_newline(p);
	}
	if (narrow && has_figures(p, w)) {
		sessp_spaces(p, PAGE_AT - 2);
		page_right(p, w);
	}
}

const struct sessp_look sessp_look_text = {
	.head = sessp_path_overview, .note = text_note, .begin_pages = text_begin_pages,
	.page = text_page, .line = sessp_text_line, .aside = sessp_text_aside,
	.fact = sessp_text_fact, .phases = sessp_text_phases, .waterfall = sessp_text_waterfall
};

/* -- what is said of a session and its pages, however it looks */

/* Title, URL and referrer; the last is known to the events only. */
static void
page_facts(struct sess_path *p, const struct sess_view *w, size_t v)
{
	struct sess_slice from;
	size_t i;

	sessp_fact(p, "title", w->title.p, w->title.len);
	sessp_fact(p, "url", w->page_url.p, w->page_url.len);
	for (i = p->first[v]; i < p->first[v + 1]; i++) {
		if (p->s->members[p->order[i]].kind != SESS_VIEW)
			continue;
		sessp_path_scan(p, p->order[i]);
		from = sess_event_get(&p->ev, SESS_K_REFERRER);
		sessp_fact(p, "from", from.p, from.len);
		return;
	}
}

static bool
has_value(enum sess_kind kind)
{
	return kind == SESS_VITAL || kind == SESS_TIMING || kind == SESS_METRIC;
}

/* Where the run of measurements that order[from] begins ends: the same kind
 * within a second is one line. */
static size_t
run(const struct sess_path *p, size_t from, size_t to)
{
	const struct sess_member *m = &p->s->members[p->order[from]], *n;
	size_t i = from + 1;

	if (!has_value(m->kind) || p->o.details || p->o.raw != NULL)
		return i;
	for (; i < to && listed(p, p->order[i]); i++) {
		n = &p->s->members[p->order[i]];
		if (n->kind != m->kind || n->when - m->when > 1000)
			break;
	}
	return i;
}

static void
behaviours(struct sess_path *p, const struct sess_view *w, size_t v)
{
	size_t i, next, last = p->first[v + 1];

	for (i = p->first[v]; i < last && !p->nomem; i = next) {
		next = i + 1;
		if (!listed(p, p->order[i]))
			continue;
		next = run(p, i, last);
		if (has_value(p->s->members[p->order[i]].kind) && !p->o.details)
			sessp_path_values(p, w, i, next);
		else
			sessp_path_behaviour(p, w, p->order[i]);
	}
	if (p->facts)
		sessp_path_waterfall(p, v);
}

/* Whether there is anything of what was asked for in view v.  On a line of its
 * own, a page has the marks of errors that were sampled away, too. */
static bool
anything(const struct sess_path *p, size_t v)
{
	const struct sess_view *w;
	size_t i;

	for (i = p->first[v]; i < p->first[v + 1]; i++)
		if (wanted(p, p->order[i]))
			return true;
	if (!p->o.collapse || !p->o.only_problems || v == p->s->nviews)
		return false;
	w = &p->s->views[v];
	return w->js_errors > 0 || w->api_failures > 0 || w->load_ms > p->o.slow_load;
}

/* View v, or the members without one. */
static void
view(struct sess_path *p, size_t v)
{
	struct sess_view loose = { .start = p->s->start, .stay_ms = -1, .load_ms = -1 };
	const struct sess_view *w = v < p->s->nviews ? &p->s->views[v] : &loose;

	p->look->page(p, w, v + 1);
	if (!compact(p)) {
		if (p->facts)
			page_facts(p, w, v);
		behaviours(p, w, v);
	}
	if (p->look->end_page != NULL)
		p->look->end_page(p);
}

static void
pages(struct sess_path *p)
{
	const struct sess_session *s = p->s;
	size_t v, views = s->nviews, hidden = 0;
	char text[96];

	if (p->first[views] < p->first[views + 1])
		views++;
	p->look->begin_pages(p);
	for (v = 0; v < views && !p->nomem; v++)
		if (!s->oversize && filtered(p) && !anything(p, v))
			hidden++;
		else
			view(p, v);
	if (p->look->end_pages != NULL)
		p->look->end_pages(p);
	if (hidden == 0)
		return;
	snprintf(text, sizeof(text), "%zu of %zu pages: nothing of what was asked for",
	    hidden, views);
	p->look->note(p, true, hidden < views ? text :
	    "nothing of what was asked for on any page");
}

/* Resources that were loaded and aren't shown. */
static void
passed_over(struct sess_path *p)
{
	size_t i, n = 0;
	char text[80];

	if (compact(p) || filtered(p))
		return;
	for (i = 0; i < p->s->nmembers; i++)
		n += p->s->members[i].kind == SESS_RESOURCE && !listed(p, i);
	if (n == 0 || p->facts)
		return;
	snprintf(text, sizeof(text), "%zu resource%s loaded: --details shows %s", n,
	    n == 1 ? " was" : "s were", n == 1 ? "it" : "them");
	p->look->note(p, true, text);
}

/* What the log can't tell, so that its absence isn't read as "nothing". */
static void
caveats(struct sess_path *p)
{
	size_t i;
	bool errors = false, actions = false;

	if (p->s->oversize) {
		p->look->note(p, false, "More events than --max-events: only the figures above are kept.");
		return;
	}
	for (i = 0; i < p->s->nmembers; i++) {
		errors |= p->s->members[i].kind == SESS_ERROR;
		actions |= p->s->members[i].kind == SESS_ACTION;
	}
	if (!errors || actions)
		return;
	p->look->note(p, false, "No clicks, keys or navigation recorded in this session: SDKs send them in "
	    "request bodies, and a log without bodies has none.");
}

void
sessp_path_people(struct sess_path *p)
{
	p->look->head(p);
	caveats(p);
	pages(p);
	passed_over(p);
	if (p->look->end != NULL)
		p->look->end(p);
}
