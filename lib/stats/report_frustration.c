#include "declare.h"

/*
 * Signs of frustration in what a user clicked:
 *
 *	rage	so many clicks on one target in a short time; counted once, at the
 *		click that makes it so many, until a pause
 *	error	a JS error soon after the click, on the same page view
 *	dead	nothing at all on the page view soon after the click; weak: an
 *		application that draws without calls is not seen
 */

struct clicks {
	struct sess_slice target;
	int64_t when[SESSP_RAGE_CLICKS];	/* of the last ones, newest last */
	size_t n;
	bool raged;
};

static bool
is_click(struct sess_stats *st, const struct sess_member *m, struct sess_slice *target)
{
	struct sess_slice action;

	if (m->kind != SESS_ACTION || !sessp_is_counted(m))
		return false;
	sessp_member_event(st, m);
	action = sess_event_get(&st->ev, SESS_K_ACTION);
	*target = sess_event_get(&st->ev, SESS_K_TARGET);
	return target->len > 0 && (action.len == 5 && memcmp(action.p, "click", 5) == 0);
}

/* Whether this click makes it a rage. */
static bool
rages(const struct sess_stats *st, struct clicks *c, struct sess_slice target, int64_t when)
{
	size_t most = (size_t)st->o.threshold[SESS_THRESHOLD_RAGE_CLICKS];
	bool fast;

	if (c->target.len != target.len || memcmp(c->target.p, target.p, target.len) != 0) {
		*c = (struct clicks){ .target = target };
	} else if (c->n > 0 && (double)(when - c->when[c->n - 1]) > st->o.threshold[SESS_THRESHOLD_RAGE]) {
		c->n = 0;
		c->raged = false;
	}
	if (c->n == most)
		memmove(c->when, c->when + 1, --c->n * sizeof(c->when[0]));
	c->when[c->n++] = when;
	fast = c->n == most && (double)(when - c->when[0]) <= st->o.threshold[SESS_THRESHOLD_RAGE] && !c->raged;
	c->raged |= fast;
	return fast;
}

/* What followed click i on its view: an error soon, or nothing. */
static void
aftermath(const struct sess_stats *st, const struct sess_session *s, size_t i, bool *error,
    bool *dead)
{
	const struct sess_member *m = s->members, *click = &s->members[i];
	double after;

	*error = false;
	*dead = true;
	while (++i < s->nmembers) {
		after = (double)(m[i].when - click->when);
		if (after > st->o.threshold[SESS_THRESHOLD_ERROR_CLICK] && (after > st->o.threshold[SESS_THRESHOLD_DEAD_CLICK] || !*dead))
			break;
		if (m[i].kind == SESS_ERROR && m[i].view == click->view &&
		    after <= st->o.threshold[SESS_THRESHOLD_ERROR_CLICK])
			*error = true;
		if (m[i].kind != SESS_ACTION && after <= st->o.threshold[SESS_THRESHOLD_DEAD_CLICK])
			*dead = false;
	}
	/* the session ended with it: nobody waited for an answer */
	if (i == s->nmembers && (double)(s->end - click->when) <= st->o.threshold[SESS_THRESHOLD_DEAD_CLICK])
		*dead = false;
}

static int
signal_at(struct sess_stats *st, struct sessp_obs *o, const struct sess_member *m,
    const char *name)
{
	o->signal = name;
	o->m = m;
	o->v = &o->s->views[m->view];
	sessp_member_event(st, m);
	o->ev = &st->ev;
	return sessp_observe_at(st, o, SESSP_ON_SIGNAL,
	    m->received != SESS_NO_TIME ? m->received : m->time);
}

int
sessp_watch_signals(struct sess_stats *st, const struct sess_session *s)
{
	struct sessp_obs o = { .s = s };
	struct clicks clicks = { .target = { "", 0 } };
	struct sess_slice target;
	bool error, dead;
	size_t i;

	for (i = 0; i < s->nmembers; i++) {
		if (!is_click(st, &s->members[i], &target))
			continue;
		aftermath(st, s, i, &error, &dead);
		if ((rages(st, &clicks, target, s->members[i].when) &&
		    signal_at(st, &o, &s->members[i], "rage") < 0) ||
		    (error && signal_at(st, &o, &s->members[i], "error") < 0) ||
		    (dead && signal_at(st, &o, &s->members[i], "dead (weak)") < 0))
			return -1;
	}
	return 0;
}

static int
signal_key(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sess_buf *out)
{
	(void)st, (void)arg;
	return sess_buf_puts(out, o->signal) < 0 ? -1 : 1;
}

enum { COUNT, SESSIONS, USERS, SAMPLES };

static const struct sessp_measure measures[] = {
	[COUNT] = { "count", SESSP_COUNT, 0, sessp_obs_one, 0, 0 },
	[SESSIONS] = { "sessions", SESSP_COUNT, 0, sessp_obs_one, 0, SESSP_ONCE_A_SESSION },
	[USERS] = { "users", SESSP_DISTINCT, 0, sessp_obs_user, 0, 0 },
	[SAMPLES] = { "sample_sessions", SESSP_SAMPLES_OF, 0, sessp_obs_session_id, 0, 0 },
	{ .name = NULL }
};

static const struct sessp_column columns[] = {
	COL_KEY("signal", 0, "rage, error or dead (weak)"),
	COL_KEY("page", 1, "page"),
	COL_KEY("target", 2, "what was clicked"),
	COL_COUNT("count", COUNT, SESS_COL_MAIN | SESS_COL_WORSE_UP, "how often"),
	COL_COUNT("sessions", SESSIONS, SESS_COL_WORSE_UP, "in so many sessions"),
	COL_COUNT("users", USERS, SESS_COL_WORSE_UP, "distinct users"),
	COL_LIST("sample_sessions", SAMPLES, SESS_COL_SESSION | SESS_COL_DETAIL, "sessions with it"),
	{ .c = { .name = NULL } }
};

static const enum sess_key keys[] = { SESS_K_ACTION, SESS_K_TARGET, SESS_K_PAGE, SESS_K_V };

const struct sessp_report sessp_report_frustration = {
	.name = "frustration", .title = "Signs of frustration",
	.doc = "rage clicks, clicks that led to an error, clicks that led to nothing",
	.on = SESSP_ON_SIGNAL | SESSP_ON(ACTION), .rows = SESSP_ON_SIGNAL, .keys = keys,
	.key = { { signal_key, 0 }, { sessp_key_fact, SESS_K_PAGE }, { sessp_key_fact, SESS_K_TARGET } },
	.measures = measures, .columns = columns
};
