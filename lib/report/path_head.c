/* The overview: what the session is, beside what happened in it. */
#include <stdio.h>

#include "private.h"
#include "sess/text.h"

enum {
	LEFT_LABEL = 13, RIGHT_LABEL = 15, LEFT = 44, LEFT_MOST = 60,
	RIGHT_LEAST = 15	/* an IPv4 address */
};

/* A cell for what was said since at; none where that is nothing. */
static void
cell(struct sess_path *p, struct sessp_side *side, const char *label, size_t at)
{
	if (p->text.len > at && side->n < SESSP_CELLS)
		side->cell[side->n++] = (struct sessp_cell){ .label = label, .at = at,
		    .len = p->text.len - at };
}

static void
fact(struct sess_path *p, struct sessp_side *side, const char *label, struct sess_slice s)
{
	size_t at = p->text.len;

	sessp_say_slice(p, s);
	cell(p, side, label, at);
}

/* Behind what was said since at, with a space or so between. */
static void
more(struct sess_path *p, size_t at, const char *between, struct sess_slice s)
{
	if (s.len == 0)
		return;
	if (p->text.len > at)
		sessp_say(p, between);
	sessp_say_slice(p, s);
}

static bool
same(struct sess_slice a, struct sess_slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static void
user(struct sess_path *p, struct sessp_side *side)
{
	const struct sess_session *s = p->s;
	const char *between = " (also ";
	struct sess_slice none = { "-", 1 };
	size_t at, i;

	fact(p, side, "User name", s->user_name.len > 0 ? s->user_name : none);
	at = p->text.len;
	sessp_say_slice(p, s->user_id.len > 0 ? s->user_id : none);
	for (i = 0; i < s->nuser_ids; i++) {
		if (same(s->user_ids[i], s->user_id))
			continue;
		sessp_say(p, between);
		sessp_say_slice(p, s->user_ids[i]);
		between = ", ";
	}
	if (between[0] == ',')
		sessp_say(p, ")");
	cell(p, side, "User id", at);
}

static const char *
ended(const char *reason)
{
	if (reason != NULL && strcmp(reason, "idle") == 0)
		return " (then idle)";
	if (reason != NULL && strcmp(reason, "max") == 0)
		return " (longest duration)";
	if (reason != NULL && strcmp(reason, "eof") == 0)
		return " (end of the log)";
	return "";
}

static void
times(struct sess_path *p, struct sessp_side *side)
{
	const struct sess_session *s = p->s;
	char local[SESSP_LOCAL], end[SESSP_LOCAL], span[SESSP_FIGURE];
	size_t at = p->text.len;

	sessp_local(p, s->start, local);
	memcpy(p->date, local, sizeof(p->date));
	sessp_say(p, local);
	sessp_say(p, " ");
	sessp_say(p, p->zone);
	cell(p, side, "Start", at);

	at = p->text.len;
	sessp_local(p, s->end, end);
	sessp_say(p, memcmp(local, end, sizeof(p->date)) == 0 ? end + 11 : end);
	sessp_say(p, ended(s->end_reason));
	cell(p, side, "End", at);

	at = p->text.len;
	sessp_span((double)s->end - (double)s->start, span);
	sessp_say(p, span);
	cell(p, side, "Duration", at);

	if (s->clock_skew == 0)
		return;
	at = p->text.len;
	sessp_span(s->clock_skew < 0 ? -(double)s->clock_skew : (double)s->clock_skew, span);
	sessp_say(p, "client was ");
	sessp_say(p, span);
	sessp_say(p, s->clock_skew < 0 ? " fast, corrected" : " slow, corrected");
	cell(p, side, "Clock skew", at);
}

void
sessp_path_left(struct sess_path *p, struct sessp_side *side)
{
	const struct sess_session *s = p->s;
	size_t at;

	user(p, side);
	times(p, side);
	at = p->text.len;
	more(p, at, "", s->release);
	more(p, at, ", ", s->environment);
	cell(p, side, "Release", at);
	fact(p, side, "App", s->app_id);
}

static void
count(struct sess_path *p, struct sessp_side *side, const char *label, int64_t n,
    int64_t recorded, const char *mark, enum sessp_style style)
{
	size_t at = p->text.len;
	char figure[48];

	snprintf(figure, sizeof(figure), "%lld", (long long)n);
	sessp_say(p, figure);
	if (recorded != n) {
		snprintf(figure, sizeof(figure), " (%lld recorded)", (long long)recorded);
		sessp_say(p, figure);
	}
	cell(p, side, label, at);
	if (n > 0 && mark != NULL && side->n > 0) {
		side->cell[side->n - 1].mark = mark;
		side->cell[side->n - 1].style = style;
	}
}

void
sessp_path_right(struct sess_path *p, struct sessp_side *side)
{
	const struct sess_session *s = p->s;
	size_t at;

	count(p, side, "Page views", s->page_views, s->page_views, NULL, SESSP_PLAIN);
	count(p, side, "JS errors", s->js_errors, s->js_errors_recorded, "✗", SESSP_RED);
	count(p, side, "API calls", s->api_calls, s->api_calls_recorded, NULL, SESSP_PLAIN);
	count(p, side, "API failures", s->api_failures, s->api_failures_recorded, "!",
	    SESSP_RED);
	count(p, side, "Slow loads", s->slow_loads, s->slow_loads, "~", SESSP_YELLOW);
	if (s->slow_apis > 0)
		count(p, side, "Slow APIs", s->slow_apis, s->slow_apis, "~", SESSP_YELLOW);
	at = p->text.len;
	more(p, at, "", s->device.len > 0 ? s->device : s->device_type);
	more(p, at, ", ", s->os);
	more(p, at, " ", s->os_version);
	more(p, at, ", ", s->screen);
	cell(p, side, "Device", at);
	at = p->text.len;
	more(p, at, "", s->country);
	more(p, at, " ", s->region);
	if (!same(s->city, s->region))
		more(p, at, " ", s->city);
	cell(p, side, "Region", at);
	at = p->text.len;
	more(p, at, "", s->browser);
	more(p, at, " ", s->browser_version);
	cell(p, side, "Browser", at);
	fact(p, side, "IP", s->ip);
	at = p->text.len;
	more(p, at, "", s->network);
	more(p, at, ", ", s->isp);
	cell(p, side, "Network", at);
}

/* The next line of a side: of the cell it is at, or blanks. */
static void
side_line(struct sess_path *p, struct sessp_side *side, size_t label, size_t columns)
{
	static const struct sessp_cell none = { .label = "" };
	const struct sessp_cell *c = side->at < side->n ? &side->cell[side->at] : &none;
	bool first = side->from == 0;
	const char *mark = first && c->mark != NULL ? c->mark : "";
	size_t len, next = 0;

	sessp_style(p, c->style);
	sessp_pad(p, mark, strlen(mark), 2, false);
	sessp_style(p, c->mark != NULL ? c->style : SESSP_DIM);
	sessp_pad(p, c->label, first ? strlen(c->label) : 0, label - 2, false);
	sessp_style(p, SESSP_PLAIN);
	len = sess_text_wrap(p->text.data + c->at + side->from, c->len - side->from,
	    columns, &next);
	sessp_pad(p, p->text.data + c->at + side->from, len, columns, false);
	side->from += next;
	if (side->from >= c->len) {
		side->from = 0;
		side->at++;
	}
}

/* Session k9kp3r4y46nd3wdd2e5R7q42F5zR ──────────── */
static void
heading(struct sess_path *p)
{
	const char *what = p->s->session_id.len > 0 ? "Session " : "Visitor ";
	size_t used = strlen(what) + sess_text_width(p->s->key.p, p->s->key.len) + 1;

	sessp_style(p, SESSP_BOLD);
	sessp_out_put(p, what);
	p->nomem |= sess_text_clean(p->out, p->s->key.p, p->s->key.len) < 0;
	sessp_out_put(p, " ");
	sessp_style(p, SESSP_DIM);
	for (; used < p->layout; used++)
		sessp_out_put(p, "─");
	sessp_style(p, SESSP_PLAIN);
	sessp_newline(p);
}

/* Side by side, the left one `wide` columns. */
static void
beside(struct sess_path *p, struct sessp_side *l, struct sessp_side *r, size_t wide)
{
	while (!p->nomem && (l->at < l->n || r->at < r->n)) {
		side_line(p, l, LEFT_LABEL, wide - LEFT_LABEL - 2);
		sessp_spaces(p, 2);
		side_line(p, r, RIGHT_LABEL, p->layout - wide - RIGHT_LABEL);
		sessp_newline(p);
	}
}

static void
alone(struct sess_path *p, struct sessp_side *side)
{
	while (!p->nomem && side->at < side->n) {
		side_line(p, side, RIGHT_LABEL, p->layout - RIGHT_LABEL);
		sessp_newline(p);
	}
}

void
sessp_path_overview(struct sess_path *p)
{
	struct sessp_side l = { .n = 0 }, r = { .n = 0 };
	size_t wide = p->layout / 2 > LEFT ? p->layout / 2 : LEFT;

	p->text.len = 0;
	heading(p);
	sessp_path_left(p, &l);
	sessp_path_right(p, &r);
	wide = wide < LEFT_MOST ? wide : LEFT_MOST;
	if (p->layout >= wide + RIGHT_LABEL + RIGHT_LEAST)
		beside(p, &l, &r, wide);
	else {
		alone(p, &l);
		alone(p, &r);
	}
	p->text.len = 0;
}
