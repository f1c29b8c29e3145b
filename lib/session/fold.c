/* The events of one session, in order, to what is known of the session. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "private.h"
#include "sess/arms.h"

#define NONE		UINT32_MAX
#define DAY		(24 * 3600 * 1000)	/* ms */
#define LONGEST_STAY	(366.0 * DAY)
#define ROUTE_CHANGE	250	/* ms from the end of a view to the next of its document */
#define MAP_MIN		32

struct sessp_fold_view {
	struct sess_view v;
	uint32_t ref;			/* of view_id */
	uint32_t place;			/* the last looked at */
	bool placed;			/* by a `view` event */
	unsigned char sign;		/* what v.start is, see sign_of */
	int64_t id_time, load_time;	/* effective, or SESS_NO_TIME */
	int64_t errors, api_ok, api_failed;	/* as leave records say */
	uint32_t rank;			/* where it is in s.views */
};

#define FACT_MEMBER(NAME, member) offsetof(struct sess_session, member),
static const uint16_t who_members[] = { SESSP_WHO_FACTS(FACT_MEMBER) };
static const uint16_t env_members[] = { SESSP_ENV_FACTS(FACT_MEMBER) };
#define NWHO	(sizeof(who_members) / sizeof(who_members[0]))
#define NENV	(sizeof(env_members) / sizeof(env_members[0]))

static const struct sess_slice nothing = { "", 0 };

/* -- map */

static int
map_room(struct sessp_map *m)
{
	struct sessp_map to = { .size = m->size > 0 ? 2 * m->size : MAP_MIN };
	size_t i, j;

	if (m->used < m->size / 2)
		return 0;
	to.keys = malloc(to.size * sizeof(*to.keys));
	to.vals = calloc(to.size, sizeof(*to.vals));
	if (to.keys == NULL || to.vals == NULL) {
		free(to.keys);
		free(to.vals);
		return -1;
	}
	for (i = 0; i < m->size; i++) {
		if (m->vals[i] == 0)
			continue;
		for (j = m->keys[i] & (to.size - 1); to.vals[j] != 0; )
			j = (j + 1) & (to.size - 1);
		to.keys[j] = m->keys[i];
		to.vals[j] = m->vals[i];
	}
	to.used = m->used;
	free(m->keys);
	free(m->vals);
	*m = to;
	return 0;
}

static void
map_release(struct sessp_map *m)
{
	free(m->keys);
	free(m->vals);
	*m = (struct sessp_map){ 0 };
}

static void
map_reset(struct sessp_map *m)
{
	if (m->size > 16 * MAP_MIN)
		map_release(m);
	else if (m->used > 0)
		memset(m->vals, 0, m->size * sizeof(*m->vals));
	m->used = 0;
}

/* Scatter numbers that are close together. */
static uint64_t
scatter(uint64_t n)
{
	n *= 0x9e3779b97f4a7c15;
	return n ^ n >> 32;
}

/* -- facts */

static bool
same(struct sess_slice a, struct sess_slice b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

static int
add_user(struct sessp_fold *f, struct sess_slice id)
{
	struct sessp_map *m = &f->user_map;
	size_t n = f->s.nuser_ids, i;
	uint64_t h;

	if (n > 0 && same(f->users[n - 1], id))
		return 0;
	if (map_room(m) < 0)
		return -1;
	h = XXH3_64bits(id.p, id.len);
	for (i = h & (m->size - 1); m->vals[i] != 0; i = (i + 1) & (m->size - 1))
		if (m->keys[i] == h && same(f->users[m->vals[i] - 1], id))
			return 0;
	if (sessp_more_room(&f->users, &f->users_cap, n, sizeof(*f->users)) < 0)
		return -1;
	f->users[n] = id;
	m->keys[i] = h;
	m->vals[i] = (uint32_t)++f->s.nuser_ids;
	m->used++;
	return 0;
}

static struct sess_slice *
member(struct sess_session *s, uint16_t at)
{
	return (struct sess_slice *)(void *)((char *)s + at);
}

/* What the event knows replaces what those before it knew. */
static void
take_facts(struct sessp_fold *f, uint32_t ref, const uint16_t *members, size_t n)
{
	const char *p = sessp_store_tuple(f->st, ref)->bytes + 1;
	struct sess_slice v;
	size_t i;

	for (i = 0; i < n; i++) {
		p = sessp_tuple_next(p, &v);
		if (v.len > 0)
			*member(&f->s, members[i]) = v;
	}
}

static int
take_who(struct sessp_fold *f, uint32_t ref)
{
	struct sess_slice before = f->s.user_id;

	f->who = ref;
	take_facts(f, ref, who_members, NWHO);
	return f->s.user_id.p != before.p ? add_user(f, f->s.user_id) : 0;
}

/* -- views */

static struct sessp_fold_view *
view_new(struct sessp_fold *f, uint32_t ref, int64_t when)
{
	struct sessp_fold_view *w;

	if (f->nwork >= NONE - 1 || sessp_more_room(&f->work, &f->work_cap, f->nwork,
	    sizeof(*f->work)) < 0)
		return NULL;
	w = &f->work[f->nwork];
	memset(w, 0, sizeof(*w));
	w->v.view_id = w->v.page = w->v.page_url = w->v.title = nothing;
	w->v.start = w->v.end = when;
	w->v.stay_ms = w->v.load_ms = -1;
	w->ref = ref;
	w->id_time = w->load_time = SESS_NO_TIME;
	if (ref != 0) {
		sessp_tuple_next(sessp_store_tuple(f->st, ref)->bytes + 1, &w->v.view_id);
		w->id_time = sess_arms_id_time(w->v.view_id.p, w->v.view_id.len);
		if (w->id_time != SESS_NO_TIME)
			w->id_time += f->skew;
	}
	f->nwork++;
	return w;
}

static struct sess_slice
place_string(const struct sessp_fold *f, uint32_t place, unsigned which)
{
	struct sess_slice s = nothing;
	const char *p;

	if (place == 0)
		return s;
	p = sessp_store_tuple(f->st, place)->bytes + 1;
	do
		p = sessp_tuple_next(p, &s);
	while (which-- > 0);
	return s;
}

/*
 * Events without a view_id: neighbours of one page are one view.  A page come
 * back to is another view, and so is each `view` event but the first of its
 * page, which may follow what it is about.  A page's parts are of the page
 * before them.
 */
static struct sessp_fold_view *
loose_view(struct sessp_fold *f, const struct sessp_digest *d, int64_t when)
{
	struct sess_slice page = place_string(f, d->place, SESSP_PAGE);
	struct sessp_fold_view *w;

	if (f->loose != NONE) {
		w = &f->work[f->loose];
		if ((d->flags & SESSP_PART || page.len == 0 || w->v.page.len == 0 ||
		    same(page, w->v.page)) && !(d->kind == SESS_VIEW && w->v.viewed))
			return w;
	}
	f->loose = (uint32_t)f->nwork;
	return view_new(f, 0, when);
}

static struct sessp_fold_view *
find_view(struct sessp_fold *f, const struct sessp_digest *d, int64_t when)
{
	struct sessp_map *m = &f->view_map;
	struct sessp_fold_view *w;
	uint64_t h;
	size_t i;

	if (d->view == 0)
		return loose_view(f, d, when);
	if (f->nwork > 0 && f->work[f->nwork - 1].ref == d->view)
		return &f->work[f->nwork - 1];
	if (map_room(m) < 0)
		return NULL;
	h = scatter(d->view);
	for (i = h & (m->size - 1); m->vals[i] != 0; i = (i + 1) & (m->size - 1))
		if (f->work[m->vals[i] - 1].ref == d->view)
			return &f->work[m->vals[i] - 1];
	if ((w = view_new(f, d->view, when)) == NULL)
		return NULL;
	m->keys[i] = h;
	m->vals[i] = (uint32_t)f->nwork;
	m->used++;
	return w;
}

static void
take(struct sess_slice *to, struct sess_slice s, bool replace)
{
	if (s.len > 0 && (replace || to->len == 0))
		*to = s;
}

/* The first that is known, or what the `view` event says. */
static void
take_place(struct sessp_fold *f, struct sessp_fold_view *w, const struct sessp_digest *d)
{
	bool replace = d->kind == SESS_VIEW && !w->placed;

	if (d->place == 0 || (d->place == w->place && !replace))
		return;
	w->place = d->place;
	w->placed |= replace;
	take(&w->v.page, place_string(f, d->place, SESSP_PAGE), replace);
	take(&w->v.page_url, place_string(f, d->place, SESSP_PAGE_URL), replace);
	take(&w->v.title, place_string(f, d->place, SESSP_TITLE), replace);
}

/* How good a sign of a view's start an event is.  The best that there is counts,
 * and of equals the earliest.  A trail of actions is sent late and reaches back
 * to views before.  The time of a call may be the application's, and that of a
 * timing is of the document, whose first view is long gone. */
enum { AN_ACTION, AN_EVENT, ITS_OWN };

static unsigned char
sign_of(const struct sessp_fold_view *w, const struct sessp_digest *d, double stay)
{
	if (d->kind == SESS_ACTION)
		return AN_ACTION;
	return w->ref == 0 || d->kind == SESS_VIEW || d->kind == SESS_LOAD ||
	    (d->kind == SESS_LEAVE && stay >= 0) ? ITS_OWN : AN_EVENT;
}

static void
take_start(struct sessp_fold_view *w, unsigned char sign, int64_t when)
{
	if (sign > w->sign || (sign == w->sign && when < w->v.start)) {
		w->sign = sign;
		w->v.start = when;
	}
}

/* A route that changes before its document is loaded: the load is reported of
 * the new view, while it began that which is left at when. */
static void
route_change(struct sessp_fold *f, struct sessp_fold_view *left, int64_t when)
{
	struct sessp_fold_view *w = f->loading != NONE ? &f->work[f->loading] : left;

	if (w == left || left->id_time < w->load_time || left->id_time > when ||
	    w->id_time < when || w->id_time > when + ROUTE_CHANGE)
		return;
	take_start(left, ITS_OWN, w->load_time);
	w->v.start = w->id_time;
}

static void
load(struct sessp_fold *f, struct sessp_fold_view *w, const struct sessp_more *m,
    int64_t when)
{
	if (w->v.load_ms < 0)
		w->v.load_ms = m->ms;
	if (w->load_time == SESS_NO_TIME && w->id_time > when) {
		w->load_time = when;
		f->loading = (uint32_t)(w - f->work);
	}
}

static void
leave(struct sessp_fold *f, struct sessp_fold_view *w, const struct sessp_more *m,
    int64_t when)
{
	w->errors += m->errors;
	w->api_ok += m->api_ok;
	w->api_failed += m->api_failed;
	/* Each leave of a view counts from its beginning. */
	if (m->ms <= LONGEST_STAY && m->ms > w->v.stay_ms)
		w->v.stay_ms = m->ms;
	route_change(f, w, when);
}

/* -- counts */

static void
count(struct sessp_fold *f, struct sessp_fold_view *w, const struct sessp_digest *d,
    int64_t when)
{
	const struct sessp_more *m = sessp_store_more(f->st, d);
	struct sess_session *s = &f->s;
	int64_t n = m->times, failed = d->flags & SESSP_FAILED ? n : 0,
	    slow = d->flags & SESSP_SLOW ? n : 0;
	double stay;

	stay = d->kind == SESS_LEAVE && m->ms <= LONGEST_STAY ? m->ms : -1;
	take_start(w, sign_of(w, d, stay), when - (stay > 0 ? (int64_t)stay : 0));
	switch ((enum sess_kind)d->kind) {
	case SESS_VIEW:
		s->page_views += n;
		w->v.viewed = true;
		break;
	case SESS_LOAD:
		s->slow_loads += slow;
		load(f, w, m, when);
		break;
	case SESS_RESOURCE:
		s->resource_errors += failed;
		break;
	case SESS_API:
		w->v.api_calls += n;
		w->v.api_failures += failed;
		s->slow_apis += slow;
		break;
	case SESS_ERROR:
		w->v.js_errors += n;
		break;
	case SESS_ACTION:
		s->actions += n;
		break;
	case SESS_LEAVE:
		leave(f, w, m, when);
		break;
	default:
		break;
	}
}

static int
add_member(struct sessp_fold *f, const struct sessp_digest *d, uint32_t view, int64_t when)
{
	const struct sessp_more *m = sessp_store_more(f->st, d);
	struct sess_session *s = &f->s;
	struct sess_member *to;

	if (s->events > f->opts->max_events) {
		s->oversize = true;
		s->nmembers = 0;
		return 0;
	}
	if (sessp_more_room(&f->members, &f->members_cap, s->nmembers,
	    sizeof(*f->members)) < 0)
		return -1;
	to = &f->members[s->nmembers++];
	memset(to, 0, sizeof(*to));		/* its padding may go to disk */
	to->when = when;
	to->time = d->time;
	to->received = d->received;
	to->id = d->id;
	to->kind = (enum sess_kind)d->kind;
	to->marks = d->marks;
	to->view = view;
	to->times = m->times;
	if (f->opts->lines) {
		to->line = m->line;
		to->line_len = m->line_len;
	}
	return 0;
}

/* -- the fold */

void
sessp_fold_begin(struct sessp_fold *f, const struct sessp_store *st,
    const struct sess_session_opts *opts, int64_t skew)
{
	size_t i;

	f->st = st;
	f->opts = opts;
	f->skew = skew;
	memset(&f->s, 0, sizeof(f->s));		/* its padding may go to disk */
	f->s.clock_skew = skew;
	f->s.end_reason = "eof";
	for (i = 0; i < NWHO; i++)
		*member(&f->s, who_members[i]) = nothing;
	for (i = 0; i < NENV; i++)
		*member(&f->s, env_members[i]) = nothing;
	f->s.key = f->s.entry_page = f->s.exit_page = nothing;
	f->nwork = 0;
	f->who = f->env = 0;
	f->loose = f->loading = NONE;
	map_reset(&f->view_map);
	map_reset(&f->user_map);
}

enum sess_status
sessp_fold_add(struct sessp_fold *f, const struct sessp_digest *d, int64_t when,
    struct sess_err *err)
{
	struct sessp_fold_view *w;

	if (f->s.events++ == 0)
		f->s.start = when;
	f->s.end = when;
	f->s.marks |= d->marks;
	if (d->who != f->who && take_who(f, d->who) < 0)
		return sess_err_nomem(err);
	if (d->env != f->env && d->env != 0)
		take_facts(f, f->env = d->env, env_members, NENV);
	if ((w = find_view(f, d, when)) == NULL)
		return sess_err_nomem(err);
	if (when > w->v.end)
		w->v.end = when;
	take_place(f, w, d);
	count(f, w, d, when);
	if (add_member(f, d, (uint32_t)(w - f->work), when) < 0)
		return sess_err_nomem(err);
	return SESS_OK;
}

/* A view's figures are complete: what was sampled away counts, too. */
static void
settle(struct sessp_fold *f, struct sessp_fold_view *w)
{
	struct sess_session *s = &f->s;
	struct sess_view *v = &w->v;

	s->js_errors_recorded += v->js_errors_recorded = v->js_errors;
	s->api_calls_recorded += v->api_calls_recorded = v->api_calls;
	s->api_failures_recorded += v->api_failures_recorded = v->api_failures;
	if (w->errors > v->js_errors)
		v->js_errors = w->errors;
	if (w->api_ok + w->api_failed > v->api_calls)
		v->api_calls = w->api_ok + w->api_failed;
	if (w->api_failed > v->api_failures)
		v->api_failures = w->api_failed;
	s->js_errors += v->js_errors;
	s->api_calls += v->api_calls;
	s->api_failures += v->api_failures;
	/* An id that is much older than its view is a copy or no time at all. */
	if (w->id_time != SESS_NO_TIME && v->start - w->id_time <= DAY &&
	    w->id_time - v->start <= DAY)
		take_start(w, ITS_OWN, w->id_time);
}

static int
by_start(const void *a, const void *b)
{
	const struct sessp_fold_view *x = *(struct sessp_fold_view *const *)a,
	    *y = *(struct sessp_fold_view *const *)b;

	if (x->v.start != y->v.start)
		return x->v.start < y->v.start ? -1 : 1;
	return (x > y) - (x < y);	/* the order of their first events */
}

/* f->views in order of their start; members learn the new numbers. */
static int
order_views(struct sessp_fold *f)
{
	struct sessp_fold_view **order;
	bool sorted = true;
	size_t i;

	while (f->views_cap < f->nwork)
		if (sessp_more_room(&f->views, &f->views_cap, f->views_cap,
		    sizeof(*f->views)) < 0)
			return -1;
	for (i = 0; i < f->nwork; i++) {
		f->views[i] = f->work[i].v;
		sorted &= i == 0 || f->work[i - 1].v.start <= f->work[i].v.start;
	}
	if (sorted)
		return 0;
	if ((order = malloc(f->nwork * sizeof(*order))) == NULL)
		return -1;
	for (i = 0; i < f->nwork; i++)
		order[i] = &f->work[i];
	qsort(order, f->nwork, sizeof(*order), by_start);
	for (i = 0; i < f->nwork; i++) {
		f->views[i] = order[i]->v;
		order[i]->rank = (uint32_t)i;
	}
	for (i = 0; i < f->s.nmembers; i++)
		f->members[i].view = f->work[f->members[i].view].rank;
	free(order);
	return 0;
}

int
sessp_session_name(struct sess_slice key, int64_t start, bool cut, struct sess_buf *out)
{
	char digits[16], *p = digits + sizeof(digits);
	uint64_t n = start < 0 ? -(uint64_t)start : (uint64_t)start;

	out->len = 0;
	if (sess_buf_add(out, key.p, key.len) < 0)
		return -1;
	if (!cut)
		return 0;
	do
		*--p = "0123456789abcdefghijklmnopqrstuvwxyz"[n % 36];
	while ((n /= 36) > 0);
	if (start < 0)
		*--p = '-';
	*--p = '.';
	return sess_buf_add(out, p, (size_t)(digits + sizeof(digits) - p));
}

enum sess_status
sessp_fold_end(struct sessp_fold *f, enum sessp_end end, bool cut, struct sess_err *err)
{
	struct sess_session *s = &f->s;
	size_t i;

	f->end = end;
	for (i = 0; i < f->nwork; i++)
		settle(f, &f->work[i]);
	s->key = s->session_id.len > 0 ? s->session_id : s->visitor;
	if (order_views(f) < 0 || sessp_session_name(s->key, s->start, cut, &f->key) < 0)
		return sess_err_nomem(err);
	s->key = (struct sess_slice){ f->key.data, f->key.len };
	s->views = f->views;
	s->nviews = f->nwork;
	s->members = s->nmembers > 0 ? f->members : NULL;
	s->user_ids = f->users;
	for (i = 0; i < s->nviews && s->entry_page.len == 0; i++)
		s->entry_page = s->views[i].page;
	for (i = s->nviews; i > 0 && s->exit_page.len == 0; i--)
		s->exit_page = s->views[i - 1].page;
	return SESS_OK;
}

void
sessp_fold_release(struct sessp_fold *f)
{
	free(f->work);
	free(f->views);
	free(f->members);
	free(f->users);
	map_release(&f->view_map);
	map_release(&f->user_map);
	sess_buf_release(&f->key);
	memset(f, 0, sizeof(*f));
}
