/*
 * Many sessions at the end of input, on two cores: groups are put in order in
 * two parts; then another thread folds sessions while the caller uses those
 * before, or each thread folds and uses its share where their order is of no
 * matter.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define RING		256		/* sessions folded ahead */
#define STEP		32		/* of them told at a time */
#define IN_FLIGHT	(64 * 1024)	/* events of theirs, unless one has more */
#define KEEP		4096		/* larger arrays are not kept */
#define SHARE		64		/* sessions that a thread takes at a time */
#define MOST_THREADS	64

/* -- order */

struct order {
	const struct sess_gather *g;
	struct sessp_part part;
	size_t from, to;
	enum sess_status status;
	struct sess_err err;
};

static void *
order(void *arg)
{
	struct order *o = arg;
	size_t i;

	for (i = o->from; i < o->to && o->status == SESS_OK; i++)
		o->status = sessp_gather_order(o->g, &o->part, i, &o->err);
	return NULL;
}

/* Append the pieces of another part. */
static int
join(struct sessp_part *part, const struct sessp_part *other)
{
	while (part->cap < part->n + other->n)
		if (sessp_more_room(&part->pieces, &part->cap, part->cap,
		    sizeof(*part->pieces)) < 0)
			return -1;
	if (other->n > 0)
		memcpy(part->pieces + part->n, other->pieces, other->n * sizeof(*part->pieces));
	part->n += other->n;
	if (other->newest > part->newest)
		part->newest = other->newest;
	return 0;
}

enum sess_status
sessp_crew_order(struct sess_gather *g, unsigned n, struct sess_err *err)
{
	size_t half = n > 1 ? g->store.ngroups / 2 : g->store.ngroups;
	struct order mine = { .g = g, .part = g->part, .to = half },
	    other = { .g = g, .from = half, .to = g->store.ngroups };
	pthread_t thread;
	bool started;

	other.part.newest = INT64_MIN;
	started = n > 1 && pthread_create(&thread, NULL, order, &other) == 0;
	order(&mine);
	if (started)
		pthread_join(thread, NULL);
	else
		order(&other);
	g->part = mine.part;
	if (mine.status == SESS_OK && other.status == SESS_OK &&
	    join(&g->part, &other.part) < 0)
		mine.status = sess_err_nomem(&mine.err);
	sessp_work_release(&other.part.work);
	free(other.part.pieces);
	if (mine.status == SESS_OK && other.status < 0) {
		mine.status = other.status;
		mine.err = other.err;
	}
	if (mine.status < 0)
		sess_err_set(err, mine.status, 0, "%s", mine.err.text);
	return mine.status;
}

/* -- fold and use */

/* Arrays as large as one session needed are not kept for the next. */
static void
trim(struct sessp_fold *f)
{
	if (f->members_cap > KEEP || f->views_cap > KEEP || f->work_cap > KEEP ||
	    f->users_cap > KEEP)
		sessp_fold_release(f);
}

struct share {
	const struct sess_gather *g;
	sess_gather_take *take;
	void *arg;
	unsigned number;
	atomic_size_t *next;		/* piece that nobody has; all threads' */
	struct sessp_fold fold;
	enum sess_status status;
	struct sess_err err;
};

static void *
use(void *arg)
{
	struct share *s = arg;
	size_t i = 0, end = 0, n = s->g->part.n;

	for (;; i++) {
		if (i == end) {
			i = atomic_fetch_add(s->next, SHARE);
			end = i + SHARE;
		}
		if (i >= n)
			break;
		trim(&s->fold);
		if ((s->status = sessp_gather_fold(s->g, i, &s->fold, &s->err)) < 0 ||
		    (s->status = s->take(s->arg, s->number, &s->fold.s, &s->err)) < 0) {
			atomic_store(s->next, n);	/* the others stop as well */
			break;
		}
	}
	sessp_fold_release(&s->fold);
	return NULL;
}

enum sess_status
sessp_crew_each(const struct sess_gather *g, unsigned n, sess_gather_take *take, void *arg,
    struct sess_err *err)
{
	struct share share[MOST_THREADS];
	pthread_t thread[MOST_THREADS];
	atomic_size_t next = 0;
	enum sess_status st = SESS_OK;
	unsigned i, started;

	n = n < MOST_THREADS ? n : MOST_THREADS;
	for (i = 0; i < n; i++)
		share[i] = (struct share){ .g = g, .take = take, .arg = arg, .number = i,
		    .next = &next };
	for (started = 1; started < n; started++)
		if (pthread_create(&thread[started], NULL, use, &share[started]) != 0)
			break;
	use(&share[0]);
	for (i = 0; i < started; i++) {
		if (i > 0)
			pthread_join(thread[i], NULL);
		if (share[i].status < 0 && st == SESS_OK) {
			st = share[i].status;
			sess_err_set(err, st, 0, "%s", share[i].err.text);
		}
	}
	return st;
}

/* -- fold ahead */

struct sessp_crew {
	const struct sess_gather *g;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t folded, used;	/* there is more of it */
	struct sessp_fold ring[RING];
	size_t nfolded, nused;		/* pieces; under lock */
	bool quit;			/* under lock */
	enum sess_status status;	/* of the thread, behind nfolded */
	struct sess_err err;
	size_t at, known;		/* caller's: the next; nfolded when last looked at */
};

/* Wait until piece i fits in the ring, and tell what was folded meanwhile.
 * False when the caller wants no more. */
static bool
make_way(struct sessp_crew *c, size_t i, size_t *known_used, size_t in_flight)
{
	bool go;

	pthread_mutex_lock(&c->lock);
	c->nfolded = i;
	pthread_cond_signal(&c->folded);
	while (!c->quit && (i - c->nused >= RING ||
	    (in_flight > IN_FLIGHT && c->nused < i)))
		pthread_cond_wait(&c->used, &c->lock);
	*known_used = c->nused;
	go = !c->quit;
	pthread_mutex_unlock(&c->lock);
	return go;
}

static void *
fold(void *arg)
{
	struct sessp_crew *c = arg;
	const struct sess_gather *g = c->g;
	enum sess_status st = SESS_OK;
	size_t i, used = 0, counted = 0, events = 0;

	for (i = 0; i < g->part.n; i++) {
		events += g->part.pieces[i].n;
		if ((i % STEP == 0 || i - used >= RING || events > IN_FLIGHT) &&
		    !make_way(c, i, &used, events))
			return NULL;
		for (; counted < used; counted++)
			events -= g->part.pieces[counted].n;
		trim(&c->ring[i % RING]);
		if ((st = sessp_gather_fold(g, i, &c->ring[i % RING], &c->err)) < 0)
			break;
	}
	pthread_mutex_lock(&c->lock);
	c->nfolded = i;
	c->status = st == SESS_OK ? SESS_END : st;
	pthread_cond_signal(&c->folded);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

struct sessp_crew *
sessp_crew_new(const struct sess_gather *g)
{
	struct sessp_crew *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->g = g;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->folded, NULL);
	pthread_cond_init(&c->used, NULL);
	if (pthread_create(&c->thread, NULL, fold, c) == 0)
		return c;
	pthread_cond_destroy(&c->used);
	pthread_cond_destroy(&c->folded);
	pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}

enum sess_status
sessp_crew_next(struct sessp_crew *c, const struct sess_session **s, struct sess_err *err)
{
	enum sess_status st = SESS_OK;

	/* All before c->at are used: the caller is back for the next. */
	if (c->at == c->known) {
		pthread_mutex_lock(&c->lock);
		c->nused = c->at;
		pthread_cond_signal(&c->used);
		while (c->nfolded == c->at && c->status == SESS_OK)
			pthread_cond_wait(&c->folded, &c->lock);
		c->known = c->nfolded;
		st = c->known == c->at ? c->status : SESS_OK;
		pthread_mutex_unlock(&c->lock);
		if (st < 0)
			sess_err_set(err, st, 0, "%s", c->err.text);
		if (st != SESS_OK)
			return st;
	}
	*s = &c->ring[c->at++ % RING].s;
	return SESS_OK;
}

void
sessp_crew_free(struct sessp_crew *c)
{
	size_t i;

	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->quit = true;
	pthread_cond_signal(&c->used);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	for (i = 0; i < RING; i++)
		sessp_fold_release(&c->ring[i]);
	pthread_cond_destroy(&c->used);
	pthread_cond_destroy(&c->folded);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
