#include "declare.h"

/* Where people went: transitions, common paths, and a funnel. */

#define DETAIL SESS_COL_DETAIL
#define LONGEST_PATH 20		/* pages of a path that are shown */

static struct sess_slice
text_of(const char *s)
{
	return (struct sess_slice){ s, strlen(s) };
}

static bool
same(struct sess_slice a, struct sess_slice b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

/* -- flows: from one page to the next */

/* The page that the session went to from view i: the next that is another. */
static struct sess_slice
next_page(const struct sess_session *s, size_t i)
{
	struct sess_slice here = s->views[i].page;

	while (++i < s->nviews)
		if (s->views[i].page.len > 0 && !same(s->views[i].page, here))
			return s->views[i].page;
	return text_of("(end)");
}

/* Of neighbours of one page the last leaves it. */
static bool
leaves_page(struct sess_stats *st, const struct sessp_obs *o)
{
	size_t i = (size_t)(o->v - o->s->views);

	(void)st;
	if (o->v->page.len == 0)
		return false;
	while (++i < o->s->nviews && o->s->views[i].page.len == 0)
		;
	return i == o->s->nviews || !same(o->s->views[i].page, o->v->page);
}

static int
to_key(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sess_buf *out)
{
	struct sess_slice to = next_page(o->s, (size_t)(o->v - o->s->views));

	(void)st, (void)arg;
	return sess_buf_add(out, to.p, to.len) < 0 ? -1 : 1;
}

enum { F_COUNT, F_SESSIONS, F_USERS, F_SAMPLES };

static const struct sessp_measure measures[] = {
	[F_COUNT] = { "transitions", SESSP_COUNT, 0, sessp_obs_one, 0, 0 },
	[F_SESSIONS] = { "sessions", SESSP_COUNT, 0, sessp_obs_one, 0, SESSP_ONCE_A_SESSION },
	[F_USERS] = { "users", SESSP_DISTINCT, 0, sessp_obs_user, 0, 0 },
	[F_SAMPLES] = { "sample_sessions", SESSP_SAMPLES_OF, 0, sessp_obs_session_id, 0, 0 },
	{ .name = NULL }
};

static const struct sessp_column flow_columns[] = {
	COL_KEY("from", 0, "page"),
	COL_KEY("to", 1, "page after it; (end): none"),
	COL_COUNT("transitions", F_COUNT, SESS_COL_MAIN, "how often"),
	COL_COUNT("sessions", F_SESSIONS, 0, "in so many sessions"),
	COL_COUNT("users", F_USERS, 0, "distinct users"),
	COL_LIST("sample_sessions", F_SAMPLES, SESS_COL_SESSION | DETAIL, "sessions that went so"),
	{ .c = { .name = NULL } }
};

const struct sessp_report sessp_report_flows = {
	.name = "flows", .title = "Page transitions", .doc = "from which page to which",
	.on = SESSP_ON_VIEW, .wants = leaves_page,
	.key = { { sessp_key_fact, SESS_K_PAGE }, { to_key, 0 } },
	.measures = measures, .columns = flow_columns
};

/* -- paths: all pages of a session in order */

static int
path_key(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sess_buf *out)
{
	struct sess_slice last = { "", 0 };
	size_t i, n = 0;

	(void)st, (void)arg;
	for (i = 0; i < o->s->nviews; i++) {
		struct sess_slice page = o->s->views[i].page;

		if (page.len == 0 || same(page, last))
			continue;
		if (n++ == LONGEST_PATH)
			return sess_buf_puts(out, " > ...") < 0 ? -1 : 1;
		if (sess_buf_puts(out, n > 1 ? " > " : "") < 0 ||
		    sess_buf_add(out, page.p, page.len) < 0)
			return -1;
		last = page;
	}
	return n > 0;
}

static const struct sessp_column path_columns[] = {
	COL_KEY("path", 0, "pages in order, neighbours that are equal as one"),
	COL_COUNT("sessions", F_SESSIONS, SESS_COL_MAIN, "sessions that went so"),
	COL_COUNT("users", F_USERS, 0, "distinct users"),
	COL_LIST("sample_sessions", F_SAMPLES, SESS_COL_SESSION | DETAIL, "sessions that went so"),
	{ .c = { .name = NULL } }
};

const struct sessp_report sessp_report_paths = {
	.name = "paths", .title = "Common paths", .doc = "the pages of sessions in order",
	.on = SESSP_ON_SESSION, .key = { { path_key, 0 } },
	.measures = measures, .columns = path_columns
};

/* -- funnel: how far sessions came */

int
sessp_watch_steps(struct sess_stats *st, const struct sess_session *s)
{
	struct sessp_obs o = { .s = s };
	size_t i, reached = 0, n;

	for (i = 0; i < s->nviews && st->o.funnel[reached] != NULL; i++)
		if (s->views[i].page.len > 0 && sess_glob(st->o.funnel[reached],
		    s->views[i].page.p, s->views[i].page.len, false))
			reached++;
	for (n = 0; st->o.funnel[n] != NULL; n++) {
		o.step = n;
		o.reached = n < reached;
		o.dropped = n + 1 == reached && st->o.funnel[n + 1] != NULL;
		if (sessp_observe_at(st, &o, SESSP_ON_STEP, s->start) < 0)
			return -1;
	}
	return 0;
}

static int
step_key(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sess_buf *out)
{
	const char *pattern = st->o.funnel[o->step];

	return (arg == 0 ? sess_buf_printf(out, "%zu", o->step + 1) :
	    sess_buf_puts(out, pattern)) < 0 ? -1 : 1;
}

/* The sessions at a step, or (arg) those of the first. */
static bool
reached(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->n = 1;
	return o->reached;
}

static bool
dropped(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	v->n = 1;
	return o->dropped && (arg == 0 || sessp_obs_session_id(st, o, arg, v));
}

enum { S_SESSIONS, S_REACHED, S_DROPPED, S_SAMPLES };

static const struct sessp_measure step_measures[] = {
	[S_SESSIONS] = { "sessions", SESSP_COUNT, 0, sessp_obs_one, 0, 0 },
	[S_REACHED] = { "reached", SESSP_COUNT, 0, reached, 0, 0 },
	[S_DROPPED] = { "dropped", SESSP_COUNT, 0, dropped, 0, 0 },
	[S_SAMPLES] = { "sample_sessions", SESSP_SAMPLES_OF, 0, dropped, 1, 0 },
	{ .name = NULL }
};

static const struct sessp_column step_columns[] = {
	{ .c = COL("step", INT, "", SESS_COL_KEY | SESS_COL_MAIN, "number of the step"),
	    .show = SESSP_KEY_PART, .a = 0 },
	COL_KEY("page", 1, "its page pattern"),
	COL_COUNT("sessions", S_REACHED, SESS_COL_SAMPLES, "sessions that reached it, after the steps before"),
	COL_RATIO("rate", S_REACHED, S_SESSIONS, SESS_COL_WORSE_DOWN, "of all sessions"),
	COL_COUNT("dropped", S_DROPPED, SESS_COL_WORSE_UP, "sessions that reached no further step"),
	COL_RATIO("drop_rate", S_DROPPED, S_REACHED, SESS_COL_WORSE_UP, "of those that reached it"),
	COL_LIST("sample_sessions", S_SAMPLES, SESS_COL_SESSION | DETAIL, "sessions that dropped off"),
	{ .c = { .name = NULL } }
};

const struct sessp_report sessp_report_funnel = {
	.name = "funnel", .title = "Funnel", .doc = "how many sessions reach each step of --funnel",
	.on = SESSP_ON_STEP, .standing = true, .key = { { step_key, 0 }, { step_key, 1 } },
	.measures = step_measures, .columns = step_columns, .ascending = true
};
