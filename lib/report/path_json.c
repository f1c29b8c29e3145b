#include <math.h>

#include "../event/private.h"
#include "private.h"
#include "sess/when.h"

static void
put(struct sess_path *p, const char *s, size_t len)
{
	p->nomem |= sess_buf_add(p->out, s, len) < 0;
}

/* ,"name": the comma but at the beginning of an object. */
static void
name(struct sess_path *p, const char *s)
{
	if (p->out->len > 0 && p->out->data[p->out->len - 1] != '{')
		sessp_out_put(p, ",");
	p->nomem |= sess_buf_printf(p->out, "\"%s\":", s) < 0;
}

static void
text(struct sess_path *p, const char *key, struct sess_slice s)
{
	if (s.len == 0)
		return;
	name(p, key);
	p->nomem |= sessp_json_quote(s.p, s.len, p->out) < 0;
}

static void
when(struct sess_path *p, const char *key, int64_t ms)
{
	char out[SESS_WHEN_LEN];

	if (ms == SESS_NO_TIME)
		return;
	sess_when_format(ms, out);
	text(p, key, (struct sess_slice){ out, sizeof(out) });
}

static void
integer(struct sess_path *p, const char *key, int64_t n)
{
	name(p, key);
	p->nomem |= sess_buf_printf(p->out, "%lld", (long long)n) < 0;
}

static void
milliseconds(struct sess_path *p, const char *key, double ms)
{
	if (!isfinite(ms) || ms < 0)
		return;
	name(p, key);
	p->nomem |= sess_buf_printf(p->out, "%.15g", ms) < 0;
}

/* The keys of p->ev behind what stands in the open object, and its end. */
static void
event(struct sess_path *p, const struct sess_member *m)
{
	struct sess_buf *b = &p->scratch;

	b->len = 0;
	p->ev.line = NULL;		/* written anew: each key once, UTF-8 only */
	p->nomem |= sess_event_write(&p->ev, b) < 0;
	if (p->nomem || b->len < 4)
		return;
	sessp_out_put(p, ",");
	put(p, b->data + 1, b->len - 3);	/* less { } and newline */
	sessp_path_shown(p, m);
	sessp_out_put(p, "}");
}

static void
behaviour(struct sess_path *p, size_t i)
{
	const struct sess_member *m = &p->s->members[i];

	sessp_path_scan(p, i);
	sessp_out_put(p, "{");
	integer(p, "seq", (int64_t)i + 1);
	when(p, "at", m->when);
	event(p, m);
}

static void
view(struct sess_path *p, size_t v)
{
	const struct sess_view *w = &p->s->views[v];

	text(p, "view_id", w->view_id);
	text(p, "page", w->page);
	text(p, "page_url", w->page_url);
	text(p, "title", w->title);
	when(p, "start", w->start);
	when(p, "end", w->end);
	milliseconds(p, "stay_ms", w->stay_ms);
	milliseconds(p, "load_ms", w->load_ms);
	integer(p, "js_errors", w->js_errors);
	integer(p, "api_calls", w->api_calls);
	integer(p, "api_failures", w->api_failures);
	name(p, "viewed");
	sessp_out_put(p, w->viewed ? "true" : "false");
}

/* View v, or where it is nviews the members without one. */
static void
view_object(struct sess_path *p, size_t v)
{
	const char *comma = "";
	size_t i;

	sessp_out_put(p, "{");
	if (v < p->s->nviews)
		view(p, v);
	name(p, "behaviours");
	sessp_out_put(p, "[");
	for (i = p->first[v]; i < p->first[v + 1]; i++) {
		if (p->o.collapse || !(p->flags[p->order[i]] & SESSP_SHOW))
			continue;
		sessp_out_put(p, comma);
		behaviour(p, p->order[i]);
		comma = ",";
	}
	sessp_out_put(p, "]}");
}

void
sessp_path_json(struct sess_path *p)
{
	size_t v;

	sessp_out_put(p, "{\"overview\":");
	p->nomem |= sess_session_write(p->s, p->out) < 0;
	if (!p->nomem)
		p->out->len--;			/* its newline */
	sessp_out_put(p, ",\"views\":[");
	for (v = 0; v <= p->s->nviews; v++) {
		if (v == p->s->nviews && p->first[v] == p->first[v + 1])
			continue;
		if (v > 0)
			sessp_out_put(p, ",");
		view_object(p, v);
	}
	sessp_out_put(p, "]}\n");
}

void
sessp_path_ndjson(struct sess_path *p)
{
	const struct sess_session *s = p->s;
	const struct sess_view *w;
	size_t i;

	for (i = 0; i < s->nmembers; i++) {
		if (!(p->flags[i] & SESSP_SHOW))
			continue;
		w = s->members[i].view < s->nviews ? &s->views[s->members[i].view] : NULL;
		sessp_path_scan(p, i);
		/* The id that a look-up takes: of a piece, KEY.T. */
		sess_event_set(&p->ev, SESS_K_SESSION_ID, s->key.p, s->key.len);
		if (w != NULL && !sess_event_has(&p->ev, SESS_K_PAGE))
			sess_event_set(&p->ev, SESS_K_PAGE, w->page.p, w->page.len);
		if (w != NULL && !sess_event_has(&p->ev, SESS_K_VIEW_ID))
			sess_event_set(&p->ev, SESS_K_VIEW_ID, w->view_id.p, w->view_id.len);
		sessp_out_put(p, "{");
		integer(p, "seq", (int64_t)i + 1);
		when(p, "at", s->members[i].when);
		when(p, "session_start", s->start);
		if (w != NULL)
			when(p, "view_start", w->start);
		event(p, &s->members[i]);
		sessp_out_put(p, "\n");
	}
}
