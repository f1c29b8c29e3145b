/*
 * A directory of shards: stores, each of which has the events of one share of the
 * sessions.  As a store it is all of them; who asks for ids asks the shards that
 * these hash to.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "private.h"

void
sess_shard_name(struct sess_shard shard, char name[SESS_SHARD_NAME])
{
	(void)snprintf(name, SESS_SHARD_NAME, "shard-%04u-of-%04u", shard.index, shard.of);
}

/* Whether it is a shard's name: of others nobody knows what they are. */
static bool
parse_name(const char *name, struct sess_shard *shard)
{
	char same[SESS_SHARD_NAME];

	if (sscanf(name, "shard-%5u-of-%5u", &shard->index, &shard->of) != 2 ||
	    shard->of > SESS_SHARDS_MAX || shard->index >= shard->of)
		return false;
	sess_shard_name(*shard, same);
	return strcmp(name, same) == 0;
}

/* Each shard that is there, to fn, until it returns below 0. */
static enum sess_status
each_name(int dirfd, enum sess_status (*fn)(void *arg, struct sess_shard shard,
    struct sess_err *err), void *arg, struct sess_err *err)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	enum sess_status st = SESS_OK;
	struct sess_shard shard;
	struct dirent *e;

	if (d == NULL) {
		st = sess_err_sys(err, errno, NULL);
		if (copy >= 0)
			close(copy);
		return st;
	}
	while (st == SESS_OK && (e = readdir(d)) != NULL)
		if (parse_name(e->d_name, &shard))
			st = fn(arg, shard, err);
	closedir(d);
	return st;
}

static enum sess_status
count(void *arg, struct sess_shard shard, struct sess_err *err)
{
	unsigned *of = arg;

	if (*of > 0 && *of != shard.of)
		return sess_err_set(err, SESS_EFORMAT, 0, "there are shards of %u and of %u",
		    *of < shard.of ? *of : shard.of, *of < shard.of ? shard.of : *of);
	*of = shard.of;
	return SESS_OK;
}

enum sess_status
sessp_shards_find(int dirfd, unsigned *of, struct sess_err *err)
{
	*of = 0;
	return each_name(dirfd, count, of, err);
}

/* -- opening */

static enum sess_status
open_shard(struct sess_store *st, struct sess_shard shard, struct sess_err *err)
{
	char name[SESS_SHARD_NAME];
	struct sess_buf path = { 0 };
	struct sess_err why = { 0 };
	struct sess_store *sub = NULL;
	enum sess_status r;

	sess_shard_name(shard, name);
	if (faccessat(st->dirfd, name, F_OK, 0) < 0)
		return sess_err_set(err, SESS_EFORMAT, 0, "%s is missing", name);
	if (sess_buf_printf(&path, "%s/%s", st->name, name) < 0 || sess_buf_putc(&path, '\0') < 0)
		r = sess_err_nomem(&why);
	else
		r = sess_store_open(&sub, path.data, &why);
	sess_buf_release(&path);
	if (r < 0)
		return sess_err_set(err, r, 0, "%s: %s", name, why.text);
	if (sub->m.shard.of != shard.of || sub->m.shard.index != shard.index) {
		sess_store_free(sub);
		return sess_err_set(err, SESS_EFORMAT, 0, "%s was not written as that shard", name);
	}
	st->shards[st->nshards++] = sub;
	return SESS_OK;
}

enum sess_status
sessp_shards_open(struct sess_store *st, struct sess_err *err)
{
	struct sess_shard shard = { 0, 0 };
	enum sess_status r;

	if ((r = sessp_shards_find(st->dirfd, &shard.of, err)) < 0 || shard.of == 0)
		return r;
	if ((st->shards = calloc(shard.of, sizeof(struct sess_store *))) == NULL)
		return sess_err_nomem(err);
	for (; shard.index < shard.of; shard.index++)
		if ((r = open_shard(st, shard, err)) < 0)
			return r;
	return SESS_OK;
}

void
sessp_shards_free(struct sess_store *st)
{
	size_t i;

	for (i = 0; i < st->nshards; i++)
		sess_store_free(st->shards[i]);
	free(st->shards);
}

/* -- choosing */

/* Whether only other shards have events of the share that is read. */
static bool
is_other(const struct sess_store *st, size_t i)
{
	return st->share.of == st->nshards && st->share.index != i;
}

enum sess_status
sessp_shards_choose(struct sess_store *st, const struct sess_query *q, struct sess_err *err)
{
	enum sess_status r = SESS_OK;
	size_t i;

	for (i = 0; i < st->nshards && r == SESS_OK; i++)
		r = is_other(st, i) ? sess_store_choose_ids(st->shards[i], NULL, 0, err) :
		    sess_store_choose(st->shards[i], q, err);
	return r;
}

enum sess_status
sessp_shards_choose_ids(struct sess_store *st, const struct sess_slice *ids, size_t n,
    struct sess_err *err)
{
	enum sess_status r = SESS_OK;
	size_t i;

	for (i = 0; i < st->nshards && r == SESS_OK; i++)
		r = sess_store_choose_ids(st->shards[i], ids, n, err);
	return r;
}

/* The first few of each, n of all: as good a guess as the first n of all, and the
 * bound tells what it is worth. */
enum sess_status
sessp_shards_choose_newest(struct sess_store *st, size_t *n, int64_t *bound,
    struct sess_err *err)
{
	size_t i, got, few = (*n + st->nshards - 1) / st->nshards;
	enum sess_status r = SESS_OK;
	int64_t b;

	*bound = INT64_MIN;
	for (i = 0; i < st->nshards && r == SESS_OK; i++) {
		got = few;
		r = sess_store_choose_newest(st->shards[i], &got, &b, err);
		if (r == SESS_OK && b > *bound)
			*bound = b;
	}
	return r;
}

bool
sessp_shards_narrowed(const struct sess_store *st)
{
	size_t i;

	for (i = 0; i < st->nshards; i++)
		if (st->shards[i]->narrowed)
			return true;
	return false;
}

/* -- reading: the parts of all of them */

struct part {
	const struct sess_feed *feed;
	void *state;
};

/* Whose part it is; *part becomes its number there. */
static const struct sess_feed *
feed_of(const struct sess_store *st, size_t *part)
{
	size_t i = 0;

	while (st->parts[i + 1] <= *part)
		i++;
	*part -= st->parts[i];
	return &st->shards[i]->feed;
}

static const char *
part_name(void *arg, size_t n)
{
	const struct sess_feed *feed = feed_of(arg, &n);

	return feed->name(feed->arg, n);
}

static enum sess_status
part_open(void *arg, size_t n, void **state, struct sess_err *err)
{
	struct part *p = malloc(sizeof(*p));
	enum sess_status st;

	*state = NULL;
	if (p == NULL)
		return sess_err_nomem(err);
	p->feed = feed_of(arg, &n);
	if ((st = p->feed->open(p->feed->arg, n, &p->state, err)) < 0) {
		free(p);
		return st;
	}
	*state = p;
	return SESS_OK;
}

static enum sess_status
part_fill(void *state, struct sess_buf *out, struct sess_err *err)
{
	const struct part *p = state;

	return p->feed->fill(p->state, out, err);
}

static void
part_close(void *state)
{
	struct part *p = state;

	p->feed->close(p->state);
	free(p);
}

const struct sess_feed *
sessp_shards_feed(struct sess_store *st)
{
	const struct sess_feed *feed;
	size_t i;

	st->feed = (struct sess_feed){ st, 0, part_name, part_open, part_fill, part_close };
	free(st->parts);
	if ((st->parts = calloc(st->nshards + 1, sizeof(*st->parts))) == NULL)
		return NULL;
	for (i = 0; i < st->nshards; i++) {
		if ((feed = sess_store_feed(st->shards[i])) == NULL)
			return NULL;
		st->feed.nparts += feed->nparts;
		st->parts[i + 1] = st->feed.nparts;
	}
	return &st->feed;
}

/* -- figures */

static int
by_day(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* Days that any of them has; 0 as well where memory is out. */
static uint64_t
count_days(const struct sess_store *st, size_t segments)
{
	int32_t *days = calloc(segments + 1, sizeof(*days));
	const struct sessp_manifest *m;
	size_t i, k, n = 0;
	uint64_t count = 0;

	if (days == NULL)
		return 0;
	for (i = 0; i < st->nshards; i++)
		for (m = &st->shards[i]->m, k = 0; k < m->n; k++)
			days[n++] = m->segments[k].day;
	qsort(days, n, sizeof(*days), by_day);
	for (i = 0; i < n; i++)
		count += i == 0 || days[i] != days[i - 1];
	free(days);
	return count;
}

void
sessp_shards_figures(const struct sess_store *st, struct sess_store_figures *f)
{
	struct sess_store_figures s;
	size_t i;

	*f = (struct sess_store_figures){ .first = SESS_NO_TIME, .last = SESS_NO_TIME,
	    .batch_time = SESS_NO_TIME, .shards = st->nshards };
	for (i = 0; i < st->nshards; i++) {
		sess_store_figures(st->shards[i], &s);
		f->segments += s.segments;
		f->events += s.events;
		f->sessions += s.sessions;
		f->events_bytes += s.events_bytes;
		f->catalog_bytes += s.catalog_bytes;
		f->other_bytes += s.other_bytes;
		f->raw_bytes += s.raw_bytes;
		f->batches += s.batches;
		f->inputs += s.inputs;
		if (s.events > 0 && (f->first == SESS_NO_TIME || s.first < f->first))
			f->first = s.first;
		if (s.last > f->last)		/* SESS_NO_TIME is the least */
			f->last = s.last;
		if (s.batch_time > f->batch_time)
			f->batch_time = s.batch_time;
	}
	f->days = count_days(st, f->segments);
}

bool
sessp_shards_segment(const struct sess_store *st, size_t i, struct sess_store_segment *seg)
{
	size_t k;

	for (k = 0; k < st->nshards; i -= st->shards[k++]->m.n)
		if (sess_store_segment(st->shards[k], i, seg))
			return true;
	return false;
}

enum sess_status
sessp_shards_verify(struct sess_store *st, uint64_t *bad, struct sess_err *err)
{
	enum sess_status r = SESS_OK;
	uint64_t n;
	size_t i;

	*bad = 0;
	for (i = 0; i < st->nshards && r == SESS_OK; i++) {
		r = sess_store_verify(st->shards[i], &n, err);
		*bad += n;
	}
	return r;
}
