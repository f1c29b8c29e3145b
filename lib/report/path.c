#include "sess/path.h"

#include <stdlib.h>
#include <string.h>

#include "../event/private.h"
#include "private.h"
#include "sess/text.h"

void
sess_path_opts_init(struct sess_path_opts *o)
{
	struct sess_session_opts s;

	sess_session_opts_init(&s);
	*o = (struct sess_path_opts){ .format = SESS_PATH_TEXT, .width = 80,
	    .slow_load = s.slow_load, .slow_api = s.slow_api };
}

enum sess_status
sess_path_new(struct sess_path **path, const struct sess_path_opts *o,
    struct sess_err *err)
{
	struct sess_path *p = calloc(1, sizeof(*p));

	*path = p;
	if (p == NULL)
		return sess_err_nomem(err);
	p->o = *o;
	if (o->format == SESS_PATH_HTML)
		p->o.raw = NULL;
	p->width = o->width > SESS_PATH_MIN_WIDTH ? o->width : SESS_PATH_MIN_WIDTH;
	/* On a wide terminal figures stay near the text they belong to. */
	p->layout = p->width < 120 ? p->width : 120;
	p->zone_from = SESS_NO_TIME;
	p->look = o->format == SESS_PATH_HTML ? &sessp_look_html : &sessp_look_text;
	p->facts = o->details || o->format == SESS_PATH_HTML;
	return SESS_OK;
}

void
sess_path_free(struct sess_path *p)
{
	if (p == NULL)
		return;
	sess_event_scanner_release(&p->sc);
	sess_buf_release(&p->text);
	sess_buf_release(&p->scratch);
	free(p->flags);
	free(p->order);
	free(p->first);
	free(p);
}

void
sessp_path_scan(struct sess_path *p, size_t i)
{
	const struct sess_member *m = &p->s->members[i];
	enum sess_status r = SESS_EFORMAT;

	if (m->line != NULL)
		r = sess_event_scan(&p->sc, &p->ev, m->line, m->line_len, NULL);
	if (r == SESS_OK)
		return;
	p->nomem |= r == SESS_ENOMEM;
	sess_event_reset(&p->ev);
	p->ev.kind = m->kind;
	p->ev.id = m->id;
	p->ev.time = m->time;
	p->ev.received = m->received;
}

void
sessp_path_shown(struct sess_path *p, const struct sess_member *m)
{
	if (p->o.raw != NULL && m->line != NULL && !p->nomem)
		p->o.raw(p->o.raw_arg, p->out->len, m->id,
		    sess_event_get(&p->ev, SESS_K_SRC));
}

/* At least n elements of size bytes instead of old ones, which are not kept.
 * NULL, and old as it was, when memory is out. */
static void *
room(void *old, size_t *cap, size_t n, size_t size)
{
	void *grown;

	if (n <= *cap)
		return old;
	if (n > SIZE_MAX / 2 / size || (grown = malloc(n * size)) == NULL)
		return NULL;
	free(old);
	*cap = n;
	return grown;
}

/* Room for what is known of the members and views of p->s. */
static bool
make_room(struct sess_path *p)
{
	size_t n = p->s->nmembers + 1, views = p->s->nviews + 2;
	void *a;

	if ((a = room(p->flags, &p->flags_cap, n, sizeof(*p->flags))) == NULL)
		return false;
	p->flags = a;
	if ((a = room(p->order, &p->order_cap, n, sizeof(*p->order))) == NULL)
		return false;
	p->order = a;
	if ((a = room(p->first, &p->first_cap, views, sizeof(*p->first))) == NULL)
		return false;
	p->first = a;
	return true;
}

static size_t
view_of(const struct sess_session *s, size_t i)
{
	return s->members[i].view < s->nviews ? s->members[i].view : s->nviews;
}

/* Members by view: a counting sort, so that each view's stay in order. */
static void
sort_by_view(struct sess_path *p)
{
	const struct sess_session *s = p->s;
	size_t i, v;

	memset(p->first, 0, (s->nviews + 2) * sizeof(*p->first));
	for (i = 0; i < s->nmembers; i++)
		p->first[view_of(s, i) + 1]++;
	for (v = 0; v <= s->nviews; v++)
		p->first[v + 1] += p->first[v];
	for (i = 0; i < s->nmembers; i++)
		p->order[p->first[view_of(s, i)]++] = i;
	memmove(p->first + 1, p->first, (s->nviews + 1) * sizeof(*p->first));
	p->first[0] = 0;
}

static unsigned char
judge(const struct sess_path *p)
{
	const struct sess_event *ev = &p->ev;

	switch (ev->kind) {
	case SESS_ERROR:
		return SESSP_ERROR;
	case SESS_LOAD:
		return sess_event_num(ev, SESS_K_LOAD_MS, 0) > p->o.slow_load ?
		    SESSP_SLOW : 0;
	case SESS_API:
		return (sess_event_failed(ev) ? SESSP_FAILED : 0) |
		    (sess_event_num(ev, SESS_K_DURATION_MS, 0) > p->o.slow_api ?
		    SESSP_SLOW : 0);
	case SESS_RESOURCE:
		return (sess_event_failed(ev) ? SESSP_FAILED : 0) |
		    (sess_event_has(ev, SESS_K_START_MS) ? SESSP_BAR : 0);
	case SESS_REQUEST:
		return sess_event_failed(ev) ||
		    sess_event_int(ev, SESS_K_STATUS, 0) >= 400 ? SESSP_FAILED : 0;
	default:
		return 0;
	}
}

static bool
chosen(const struct sess_path *p, enum sess_kind kind, unsigned flags)
{
	if (p->o.kinds != 0 && !(p->o.kinds >> kind & 1))
		return false;
	return !p->o.only_problems || (flags & SESSP_PROBLEM) != 0;
}

/* What counts as a step on the way to an error where no kinds are named:
 * what the user and the page did, not what was measured of it. */
static bool
is_step(const struct sess_path *p, enum sess_kind kind, unsigned flags)
{
	if (p->o.kinds != 0)
		return true;
	switch (kind) {
	case SESS_LOAD: case SESS_API: case SESS_ERROR: case SESS_ACTION:
	case SESS_CUSTOM: case SESS_REQUEST:
		return true;
	default:
		return (flags & SESSP_FAILED) != 0;
	}
}

/* Choose each error and the steps before it; order is borrowed for them. */
static void
backtrack(struct sess_path *p)
{
	const struct sess_session *s = p->s;
	size_t i, n = 0, done = 0, from;

	for (i = 0; i < s->nmembers; i++) {
		if (s->members[i].kind == SESS_ERROR) {
			from = n > p->o.backtrack ? n - p->o.backtrack : 0;
			for (from = from > done ? from : done; from < n; from++)
				p->flags[p->order[from]] |= SESSP_SHOW;
			done = n;
			p->flags[i] |= SESSP_SHOW;
		}
		if (chosen(p, s->members[i].kind, p->flags[i]) &&
		    is_step(p, s->members[i].kind, p->flags[i]))
			p->order[n++] = i;
	}
}

/* Judge all members and choose which to show. */
static bool
prepare(struct sess_path *p)
{
	const struct sess_session *s = p->s;
	size_t i;

	if (!make_room(p))
		return false;
	for (i = 0; i < s->nmembers; i++) {
		sessp_path_scan(p, i);
		p->flags[i] = judge(p);
		if (!p->o.before_error && chosen(p, s->members[i].kind, p->flags[i]))
			p->flags[i] |= SESSP_SHOW;
	}
	if (p->o.before_error)
		backtrack(p);
	sort_by_view(p);
	return true;
}

enum sess_status
sess_path_render(struct sess_path *p, const struct sess_session *s,
    struct sess_buf *out, struct sess_err *err)
{
	size_t start = out->len;

	p->s = s;
	p->out = out;
	p->nomem = false;
	if (!prepare(p))
		p->nomem = true;
	if (!p->nomem)
		switch (p->o.format) {
		case SESS_PATH_TEXT:
		case SESS_PATH_HTML: sessp_path_people(p); break;
		case SESS_PATH_JSON: sessp_path_json(p); break;
		case SESS_PATH_NDJSON: sessp_path_ndjson(p); break;
		}
	if (!p->nomem)
		return SESS_OK;
	out->len = start;
	return sess_err_nomem(err);
}

int
sess_path_raw(const struct sess_path *p, const char *line, size_t len,
    struct sess_buf *out)
{
	if (p->o.format != SESS_PATH_TEXT) {
		if (sess_buf_puts(out, ",\"raw\":") < 0)
			return -1;
		return sessp_json_quote(line, len, out);
	}
	if (sess_buf_puts(out, p->o.color ? "    \033[2mraw " : "    raw ") < 0 ||
	    sess_text_clean(out, line, len) < 0)
		return -1;
	return sess_buf_puts(out, p->o.color ? "\033[0m\n" : "\n");
}
