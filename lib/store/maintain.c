/* What is done to a store as a whole: fewer segments, fewer events. */
#include <stdlib.h>

#include "../session/private.h"
#include "private.h"
#include "sess/group.h"

/* Go through the days; each segment of one is given once with all of its day. */
typedef enum sess_status day_fn(struct sess_indexer *ix, struct sessp_manifest *to,
    const struct sessp_segment *v, size_t n, void *arg, struct sess_indexed *done,
    struct sess_err *err);

static enum sess_status
each_day(struct sess_indexer *ix, day_fn *fn, void *arg, struct sess_indexed *done,
    struct sess_err *err)
{
	struct sessp_manifest to;
	enum sess_status st = SESS_OK;
	struct sessp_segment *v;
	size_t i, n;

	*done = (struct sess_indexed){ 0 };
	if (sessp_manifest_copy(&to, &ix->m) < 0)
		return sess_err_nomem(err);
	for (i = 0; i < ix->m.n && st == SESS_OK; i += n) {
		if ((v = sessp_of_day(&ix->m, ix->m.segments[i].day, &n)) == NULL)
			st = sess_err_nomem(err);
		else
			st = fn(ix, &to, v, n, arg, done, err);
		free(v);
	}
	if (st == SESS_OK && done->days > 0)
		st = sessp_indexer_publish(ix, &to, err);
	sessp_manifest_release(&to);
	return st;
}

/* -- compact */

static enum sess_status
compact_day(struct sess_indexer *ix, struct sessp_manifest *to, const struct sessp_segment *v,
    size_t n, void *arg, struct sess_indexed *done, struct sess_err *err)
{
	(void)arg;
	if (n < 2)
		return SESS_OK;
	done->days++;
	return sessp_replace(ix, to, v, n, NULL, NULL, done, err);
}

enum sess_status
sess_indexer_compact(struct sess_indexer *ix, struct sess_indexed *done,
    struct sess_err *err)
{
	return each_day(ix, compact_day, NULL, done, err);
}

/* -- prune */

static enum sess_status
prune_day(struct sess_indexer *ix, struct sessp_manifest *to, const struct sessp_segment *v,
    size_t n, void *arg, struct sess_indexed *done, struct sess_err *err)
{
	const int32_t *first = arg;
	size_t i;

	(void)ix, (void)err;
	if (v[0].day >= *first)
		return SESS_OK;
	done->days++;
	for (i = 0; i < n; i++) {
		done->removed += v[i].events;
		sessp_manifest_remove(to, v[i].name);
	}
	return SESS_OK;
}

enum sess_status
sess_indexer_prune(struct sess_indexer *ix, int64_t before, struct sess_indexed *done,
    struct sess_err *err)
{
	int32_t first = sessp_day(before);

	return each_day(ix, prune_day, &first, done, err);
}

/* -- forget */

struct forget {
	const struct sess_groups *groups;
	uint64_t removed;
};

static bool
is_forgotten(void *arg, const struct sess_event *ev)
{
	struct forget *f = arg;
	char name[SESS_GROUP_NAME];
	struct sess_slice id = sess_event_group(ev, name), app = { "", 0 };
	bool visitor = !sess_event_has(ev, SESS_K_SESSION_ID);

	if (!visitor)
		app = sess_event_get(ev, SESS_K_APP_ID);
	if (!f->groups->has(f->groups->arg, id, app, visitor))
		return false;
	f->removed++;
	return true;
}

/* Whether the segment may have one of the rows. */
static enum sess_status
concerned(struct sess_indexer *ix, const struct sessp_segment *s, const struct sess_groups *g,
    bool *is, struct sess_err *err)
{
	struct sessp_catalog c;
	enum sess_status st;
	uint64_t row;
	size_t i;

	*is = false;
	if ((st = sessp_catalog_open(&c, ix->segments, s, err)) < 0)
		return st;
	for (i = 0; i < g->n && st == SESS_OK && !*is; i++) {
		st = sessp_catalog_row(&c, sessp_row_hash(g->ids[i]), &row, err);
		*is = st == SESS_OK && row != UINT64_MAX;
	}
	sessp_catalog_close(&c);
	return st;
}

static enum sess_status
forget_day(struct sess_indexer *ix, struct sessp_manifest *to, const struct sessp_segment *v,
    size_t n, void *arg, struct sess_indexed *done, struct sess_err *err)
{
	struct forget *f = arg;
	enum sess_status st;
	bool is, touched = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if ((st = concerned(ix, &v[i], f->groups, &is, err)) < 0)
			return st;
		if (!is)
			continue;
		st = sessp_replace(ix, to, &v[i], 1, is_forgotten, f, done, err);
		if (st < 0)
			return st;
		touched = true;
	}
	done->days += touched;
	return SESS_OK;
}

enum sess_status
sess_indexer_forget(struct sess_indexer *ix, const struct sess_groups *groups,
    struct sess_indexed *done, bool *kept, struct sess_err *err)
{
	struct forget f = { groups, 0 };
	enum sess_status st = each_day(ix, forget_day, &f, done, err);

	done->removed = f.removed;
	/* what was read meanwhile stays until it isn't */
	return st == SESS_OK ? sessp_sweep(ix->dirfd, &ix->m, kept, err) : st;
}
