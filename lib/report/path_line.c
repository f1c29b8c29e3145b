/* One behaviour: its line, and under --details all that is known of it. */
#include <math.h>
#include <stdio.h>

#include "private.h"
#include "sess/text.h"

enum {
	MARK = 4, CLOCK = 8, SINCE = 10, LABEL_AT = 24, LABEL = 8, TEXT_AT = SESSP_TEXT_AT,
	LINES = 3		/* of text without --details */
};

static const struct sessp_right nothing = { .status = { "", 0 }, .ms = -1 };

static void
mark(struct sess_path *p, unsigned flags)
{
	const char *text = flags & SESSP_ERROR ? "✗" : flags & SESSP_FAILED ?
	    flags & SESSP_SLOW ? "!~" : "!" : flags & SESSP_SLOW ? "~" : "";

	sessp_style(p, flags & (SESSP_ERROR | SESSP_FAILED) ? SESSP_RED :
	    flags & SESSP_SLOW ? SESSP_YELLOW : SESSP_PLAIN);
	sessp_pad(p, text, strlen(text), MARK, false);
	sessp_style(p, SESSP_PLAIN);
}

void
sessp_since(int64_t ms, char out[SESSP_FIGURE])
{
	double d = fabs((double)ms);

	out[0] = ms < 0 ? '-' : '+';
	if (d < 59999.5)
		snprintf(out + 1, SESSP_FIGURE - 1, "%.3fs", d / 1000);
	else {
		char span[SESSP_FIGURE];

		sessp_span(d, span);
		snprintf(out + 1, SESSP_FIGURE - 1, "%.20s", span);
	}
}

static enum sessp_style
label_style(unsigned flags)
{
	if (flags & (SESSP_ERROR | SESSP_FAILED))
		return SESSP_RED;
	return flags & SESSP_SLOW ? SESSP_YELLOW : SESSP_PLAIN;
}

/* All up to the text. */
static void
begin(struct sess_path *p, const struct sess_view *v, size_t i, const char *label)
{
	const struct sess_member *m = &p->s->members[i];
	char local[SESSP_LOCAL], rel[SESSP_FIGURE];

	sessp_local(p, m->when, local);
	sessp_path_day(p, local);
	mark(p, p->flags[i]);
	sessp_since(m->when - v->start, rel);
	sessp_style(p, SESSP_DIM);
	sessp_pad(p, local + 11, CLOCK, CLOCK, false);
	sessp_pad(p, rel, strlen(rel), SINCE, true);
	sessp_style(p, SESSP_PLAIN);
	sessp_spaces(p, LABEL_AT - MARK - CLOCK - SINCE);
	sessp_style(p, label_style(p->flags[i]));
	sessp_pad(p, label, strlen(label), LABEL - 1, false);
	sessp_style(p, SESSP_PLAIN);
	sessp_out_put(p, " ");
}

/* The figures at the right edge, as wide as right_columns says. */
static void
figures(struct sess_path *p, const struct sessp_right *r, size_t columns)
{
	char span[SESSP_FIGURE];

	sessp_out_put(p, " ");
	sessp_style(p, r->style);
	sessp_pad(p, r->status.p, r->status.len, columns - 9, true);
	sessp_style(p, SESSP_PLAIN);
	sessp_out_put(p, " ");
	sessp_span(r->ms, span);
	sessp_style(p, r->time_style);
	sessp_pad(p, span, r->ms >= 0 ? strlen(span) : 0, 7, true);
	sessp_style(p, SESSP_PLAIN);
}

static size_t
right_columns(const struct sessp_right *r)
{
	size_t status = sess_text_width(r->status.p, r->status.len);

	if (r->status.len == 0 && r->ms < 0)
		return 0;
	return 9 + (status < 5 ? 5 : status > 16 ? 16 : status);
}

/* What was said, with the figures on its first line. */
static void
body(struct sess_path *p, const struct sessp_right *r)
{
	size_t right = right_columns(r), lines = p->o.details ? 0 : LINES;
	size_t columns = (right > 0 ? p->layout : p->width) - TEXT_AT - right;
	size_t len = p->text.len, end, next = 0;

	if (right == 0) {
		sessp_wrapped(p, p->text.data, len, TEXT_AT, columns, lines, SESSP_PLAIN);
		sessp_newline(p);
		return;
	}
	end = sess_text_wrap(p->text.data, len, columns, &next);
	sessp_pad(p, p->text.data, end, columns, false);
	figures(p, r, right);
	sessp_newline(p);
	if (next >= len)
		return;
	sessp_spaces(p, TEXT_AT);
	sessp_wrapped(p, p->text.data + next, len - next, TEXT_AT, columns,
	    lines > 0 ? lines - 1 : 0, SESSP_PLAIN);
	sessp_newline(p);
}

void
sessp_text_line(struct sess_path *p, const struct sess_view *v, size_t i, const char *label,
    const struct sessp_right *r)
{
	begin(p, v, i, label);
	body(p, r);
}

void
sessp_text_aside(struct sess_path *p)
{
	sessp_spaces(p, TEXT_AT);
	sessp_wrapped(p, p->text.data, p->text.len, TEXT_AT, p->width - TEXT_AT,
	    p->o.details ? 0 : 2, SESSP_DIM);
	sessp_newline(p);
}

/* -- what is said of each kind */

static void
line(struct sess_path *p, const struct sess_view *v, size_t i, const char *label,
    const struct sessp_right *r)
{
	p->look->line(p, v, i, label, r);
}

static void
fact(struct sess_path *p, const char *label, enum sess_key k)
{
	struct sess_slice s = sess_event_get(&p->ev, k);

	sessp_fact(p, label, s.p, s.len);
}

/* Append " name 12ms" for a figure that is there. */
static void
say_span(struct sess_path *p, const char *name, enum sess_key k)
{
	double ms = sess_event_num(&p->ev, k, -1);
	char span[SESSP_FIGURE];

	if (ms < 0)
		return;
	if (p->text.len > 0)
		sessp_say(p, "  ");
	sessp_say(p, name);
	sessp_say(p, " ");
	sessp_span(ms, span);
	sessp_say(p, span);
}

static void
load(struct sess_path *p, const struct sess_view *v, size_t i)
{
	struct sessp_right r = nothing;

	r.ms = sess_event_num(&p->ev, SESS_K_LOAD_MS, -1);
	r.time_style = p->flags[i] & SESSP_SLOW ? SESSP_YELLOW : SESSP_PLAIN;
	say_span(p, "ttfb", SESS_K_TTFB_MS);
	say_span(p, "dom", SESS_K_DOM_MS);
	say_span(p, "ready", SESS_K_READY_MS);
	line(p, v, i, "load", &r);
	if (p->facts) {
		fact(p, "how", SESS_K_NAVIGATION_TYPE);
		sessp_path_phases(p);
	}
}

static void
call(struct sess_path *p, const struct sess_view *v, size_t i)
{
	struct sessp_right r = nothing;
	bool api = p->ev.kind == SESS_API;

	r.status = sess_event_get(&p->ev, SESS_K_STATUS);
	if (r.status.len == 0 && p->flags[i] & SESSP_FAILED)
		r.status = (struct sess_slice){ "failed", 6 };
	r.ms = sess_event_num(&p->ev, SESS_K_DURATION_MS, -1);
	r.style = p->flags[i] & SESSP_FAILED ? SESSP_RED : SESSP_PLAIN;
	r.time_style = p->flags[i] & SESSP_SLOW ? SESSP_YELLOW : SESSP_PLAIN;
	sessp_say_key(p, SESS_K_METHOD);
	sessp_say_key(p, api && sess_event_has(&p->ev, SESS_K_API) ? SESS_K_API : SESS_K_URL);
	if (p->text.len == 0)
		sessp_say(p, "(no name)");
	line(p, v, i, api ? "api" : "request", &r);
	if (!p->facts)
		return;
	if (api && sess_event_has(&p->ev, SESS_K_API))
		fact(p, "url", SESS_K_URL);
	fact(p, "message", SESS_K_MESSAGE);
	fact(p, "trace", SESS_K_TRACE_ID);
	fact(p, "bytes", SESS_K_SIZE);
	if (sess_event_has(&p->ev, SESS_K_SNAPSHOT))
		sessp_path_snapshot(p, p->ev.v[SESS_K_SNAPSHOT]);
}

static void
say_place(struct sess_path *p)
{
	sessp_say_key(p, SESS_K_FILE);
	if (!sess_event_has(&p->ev, SESS_K_LINE))
		return;
	sessp_say(p, p->text.len > 0 ? ":" : "line ");
	sessp_say_slice(p, p->ev.v[SESS_K_LINE]);
	if (sess_event_has(&p->ev, SESS_K_COLUMN)) {
		sessp_say(p, ":");
		sessp_say_slice(p, p->ev.v[SESS_K_COLUMN]);
	}
}

static bool
starts_with(struct sess_slice s, struct sess_slice with)
{
	return s.len >= with.len && memcmp(s.p, with.p, with.len) == 0;
}

static void
error(struct sess_path *p, const struct sess_view *v, size_t i)
{
	struct sess_slice type = sess_event_get(&p->ev, SESS_K_ERROR_TYPE),
	    message = sess_event_get(&p->ev, SESS_K_MESSAGE);
	char times[SESSP_FIGURE];

	if (p->s->members[i].times > 1) {
		snprintf(times, sizeof(times), "×%lld ", (long long)p->s->members[i].times);
		sessp_say(p, times);
	}
	/* Browsers begin the message with the type or leave it out. */
	if (type.len > 0 && !starts_with(message, type) &&
	    !(message.len > 9 && starts_with(message, (struct sess_slice){ "Uncaught ", 9 }))) {
		sessp_say_slice(p, type);
		sessp_say(p, message.len > 0 ? ": " : "");
	}
	sessp_say_slice(p, message);
	if (type.len == 0 && message.len == 0)
		sessp_say(p, "(no message)");
	line(p, v, i, "error", &nothing);
	p->text.len = 0;
	say_place(p);
	if (p->text.len > 0)
		p->look->aside(p);
	if (p->facts)
		fact(p, "stack", SESS_K_STACK);
}

/* What an action is called in a column of seven. */
static const char *
action_label(struct sess_slice a)
{
	static const struct { const char *name, *label; } known[] = {
		{ "click", "click" }, { "ui.click", "click" }, { "keypress", "key" },
		{ "ui.keypress", "key" }, { "navigation", "nav" }, { "console", "console" },
		{ "custom", "custom" }, { "input", "input" }, { "scroll", "scroll" },
		{ "tap", "tap" }, { "submit", "submit" }, { "change", "change" },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == a.len && memcmp(known[i].name, a.p, a.len) == 0)
			return known[i].label;
	return NULL;
}

static void
action(struct sess_path *p, const struct sess_view *v, size_t i)
{
	const char *label = action_label(sess_event_get(&p->ev, SESS_K_ACTION));

	if (label == NULL)
		sessp_say_key(p, SESS_K_ACTION);
	sessp_say_key(p, SESS_K_LEVEL);
	sessp_say_key(p, SESS_K_NAME);
	sessp_say_key(p, SESS_K_TARGET);
	sessp_say_key(p, SESS_K_FROM);
	if (sess_event_has(&p->ev, SESS_K_TO))
		sessp_say(p, p->text.len > 0 ? " →" : "→");
	sessp_say_key(p, SESS_K_TO);
	sessp_say_key(p, SESS_K_MESSAGE);
	line(p, v, i, label != NULL ? label : "action", &nothing);
}

static void
resource(struct sess_path *p, const struct sess_view *v, size_t i)
{
	struct sessp_right r = nothing;

	r.status = sess_event_get(&p->ev, SESS_K_STATUS);
	r.ms = sess_event_num(&p->ev, SESS_K_DURATION_MS, -1);
	r.style = p->flags[i] & SESSP_FAILED ? SESSP_RED : SESSP_PLAIN;
	sessp_say_key(p, SESS_K_RESOURCE_TYPE);
	sessp_say_key(p, SESS_K_URL);
	line(p, v, i, "res", &r);
	if (p->facts) {
		fact(p, "element", SESS_K_TARGET);
		fact(p, "message", SESS_K_MESSAGE);
	}
}

/* " LCP 1.23s": a measurement of p->ev. */
static void
say_value(struct sess_path *p)
{
	double value = sess_event_num(&p->ev, SESS_K_VALUE, NAN);
	struct sess_slice name = sess_event_get(&p->ev, SESS_K_NAME);
	bool shift = name.len == 3 && memcmp(name.p, "CLS", 3) == 0;
	char figure[SESSP_FIGURE];

	if (p->text.len > 0)
		sessp_say(p, " ");
	if ((p->ev.kind == SESS_METRIC || p->ev.kind == SESS_TIMING) &&
	    sess_event_has(&p->ev, SESS_K_GROUP)) {
		sessp_say_slice(p, p->ev.v[SESS_K_GROUP]);
		sessp_say(p, "/");
	}
	sessp_say_slice(p, name);
	sessp_say_key(p, SESS_K_SUBKEY);
	if (isnan(value))
		return;
	if ((p->ev.kind == SESS_VITAL && !shift) || p->ev.kind == SESS_TIMING)
		sessp_span(value, figure);
	else
		snprintf(figure, sizeof(figure), "%.4g", value);
	sessp_say(p, " ");
	if (p->ev.kind == SESS_METRIC)
		sessp_say_slice(p, p->ev.v[SESS_K_VALUE]);	/* as it was given */
	else
		sessp_say(p, figure);
}

void
sessp_path_values(struct sess_path *p, const struct sess_view *v, size_t from, size_t to)
{
	static const char *const labels[SESS_NKINDS] = {
		[SESS_VITAL] = "vital", [SESS_TIMING] = "timing", [SESS_METRIC] = "metric"
	};
	size_t i;

	p->text.len = 0;
	for (i = from; i < to; i++) {
		sessp_path_scan(p, p->order[i]);
		if (p->text.len > 0)
			sessp_say(p, " ");
		say_value(p);
	}
	line(p, v, p->order[from], labels[p->ev.kind], &nothing);
	sessp_path_shown(p, &p->s->members[p->order[from]]);
}

/* Kinds of which there is little to say. */
static void
other(struct sess_path *p, const struct sess_view *v, size_t i)
{
	static const char *const labels[SESS_NKINDS] = {
		[SESS_VIEW] = "view", [SESS_LEAVE] = "leave", [SESS_VITAL] = "vital",
		[SESS_LONGTASK] = "longtsk", [SESS_TIMING] = "timing",
		[SESS_METRIC] = "metric", [SESS_CUSTOM] = "custom"
	};
	struct sessp_right r = nothing;

	if (p->ev.kind == SESS_VIEW)
		sessp_say_key(p, sess_event_has(&p->ev, SESS_K_TITLE) ? SESS_K_TITLE :
		    SESS_K_PAGE);
	else if (p->ev.kind == SESS_LEAVE)
		say_span(p, "stayed", SESS_K_STAY_MS);
	else
		say_value(p);
	sessp_say_key(p, SESS_K_MESSAGE);
	if (p->ev.kind == SESS_CUSTOM && sess_event_failed(&p->ev))
		sessp_say(p, " failed");
	r.ms = sess_event_num(&p->ev, SESS_K_DURATION_MS, -1);
	line(p, v, i, labels[p->ev.kind], &r);
}

void
sessp_path_behaviour(struct sess_path *p, const struct sess_view *v, size_t i)
{
	sessp_path_scan(p, i);
	p->text.len = 0;
	switch (p->ev.kind) {
	case SESS_LOAD: load(p, v, i); break;
	case SESS_RESOURCE: resource(p, v, i); break;
	case SESS_API:
	case SESS_REQUEST: call(p, v, i); break;
	case SESS_ERROR: error(p, v, i); break;
	case SESS_ACTION: action(p, v, i); break;
	default: other(p, v, i); break;
	}
	if (p->facts && sess_event_has(&p->ev, SESS_K_EXTRA))
		fact(p, "extra", SESS_K_EXTRA);
	sessp_path_shown(p, &p->s->members[i]);
}
