#include <stdlib.h>
#include <string.h>

#include "private.h"

/* What a view tells of beyond what is recorded is counted at its last leave. */
struct lost {
	size_t leave;			/* number of a member, or NONE */
	int64_t errors, calls, failures;
};
#define NONE ((size_t)-1)

bool
sessp_is_counted(const struct sess_member *m)
{
	return m->line_len > 0;
}

static int
room(size_t **v, size_t *cap, size_t n)
{
	size_t *more;

	if (n <= *cap)
		return 0;
	more = reallocarray(*v, n + n / 2, sizeof(size_t));
	if (more == NULL)
		return -1;
	*v = more;
	*cap = n + n / 2;
	return 0;
}

/* Members by view, each view's in order: st->order, first[v] on. */
static int
order_by_view(struct sess_stats *st, const struct sess_session *s)
{
	size_t i;

	if (room(&st->first, &st->first_cap, s->nviews + 2) < 0 ||
	    room(&st->order, &st->order_cap, s->nmembers + 1) < 0)
		return -1;
	memset(st->first, 0, (s->nviews + 2) * sizeof(size_t));
	for (i = 0; i < s->nmembers; i++)
		st->first[s->members[i].view + 1]++;
	for (i = 0; i < s->nviews; i++)
		st->first[i + 1] += st->first[i];
	for (i = 0; i < s->nmembers; i++)
		st->order[st->first[s->members[i].view]++] = i;
	memmove(st->first + 1, st->first, s->nviews * sizeof(size_t));
	st->first[0] = 0;
	return 0;
}

static struct lost
lost_of(const struct sess_stats *st, const struct sess_session *s, size_t view)
{
	const struct sess_view *v = &s->views[view];
	struct lost lost = { NONE, v->js_errors - v->js_errors_recorded,
	    v->api_calls - v->api_calls_recorded, v->api_failures - v->api_failures_recorded };
	size_t i;

	for (i = st->first[view]; i < st->first[view + 1]; i++)
		if (s->members[st->order[i]].kind == SESS_LEAVE &&
		    sessp_is_counted(&s->members[st->order[i]]))
			lost.leave = st->order[i];
	return lost;
}

static void
whose(struct sessp_obs *o)
{
	const struct sess_session *s = o->s;

	o->user = o->ev != NULL ? sess_event_get(o->ev, SESS_K_USER_ID) : s->user_id;
	if (o->user.len == 0)
		o->user = s->user_id.len > 0 ? s->user_id : s->visitor.len > 0 ? s->visitor : s->key;
}

void
sessp_member_event(struct sess_stats *st, const struct sess_member *m)
{
	sess_event_reset(&st->ev);
	sessp_note_read(m->line, m->line_len, &st->ev);
	st->ev.kind = m->kind;
	st->ev.id = m->id;
	st->ev.time = m->time;
	st->ev.received = m->received;
}

static int
observe_event(struct sess_stats *st, struct sessp_obs *o, const struct lost *lost, size_t i)
{
	const struct sess_member *m = &o->s->members[i];
	int64_t sampling;

	sessp_member_event(st, m);
	o->on = 1u << m->kind;
	o->m = m;
	o->ev = &st->ev;
	o->when = m->received != SESS_NO_TIME ? m->received : m->time;
	o->n = m->times;
	sampling = sess_event_int(&st->ev, SESS_K_SAMPLING, 1);
	o->weight = o->n * (sampling > 1 && sampling < SESSP_MOST_SAMPLING ? sampling : 1);
	o->lost_errors = i == lost->leave ? lost->errors : 0;
	o->lost_calls = i == lost->leave ? lost->calls : 0;
	o->lost_failures = i == lost->leave ? lost->failures : 0;
	whose(o);
	return sessp_observe(st, o);
}

int
sessp_observe_at(struct sess_stats *st, struct sessp_obs *o, unsigned on, int64_t when)
{
	o->on = on;
	o->when = when;
	o->n = o->weight = 1;
	o->lost_errors = o->lost_calls = o->lost_failures = 0;
	whose(o);
	return sessp_observe(st, o);
}

/* A view's events, then what is its own. */
static int
observe_view(struct sess_stats *st, const struct sess_session *s, size_t view, bool *any)
{
	struct sessp_obs o = { .s = s, .v = &s->views[view] };
	struct lost lost = lost_of(st, s, view);
	bool seen = false;
	size_t i, k;

	st->nviews++;
	for (k = st->first[view]; k < st->first[view + 1]; k++) {
		i = st->order[k];
		if (!sessp_is_counted(&s->members[i]))
			continue;
		seen = true;
		if ((st->on & 1u << s->members[i].kind) != 0 &&
		    observe_event(st, &o, &lost, i) < 0)
			return -1;
	}
	*any |= seen;
	o.m = NULL;
	o.ev = NULL;
	return seen && (st->on & SESSP_ON_VIEW) != 0 ?
	    sessp_observe_at(st, &o, SESSP_ON_VIEW, o.v->start) : 0;
}

int
sessp_observe_session(struct sess_stats *st, const struct sess_session *s)
{
	struct sessp_obs o = { .s = s };
	bool any = false;
	size_t view;

	st->nsessions++;
	if (order_by_view(st, s) < 0)
		return -1;
	for (view = 0; view < s->nviews; view++)
		if (observe_view(st, s, view, &any) < 0)
			return -1;
	if (!any)
		return 0;
	if (((st->on & SESSP_ON_STEP) != 0 && sessp_watch_steps(st, s) < 0) ||
	    ((st->on & SESSP_ON_SIGNAL) != 0 && sessp_watch_signals(st, s) < 0))
		return -1;
	return (st->on & SESSP_ON_SESSION) != 0 ?
	    sessp_observe_at(st, &o, SESSP_ON_SESSION, s->start) : 0;
}
