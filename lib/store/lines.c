/* The events of segments one by one, and several segments as one. */
#include <stdlib.h>

#include "private.h"

static enum sess_status
damaged(const struct sessp_lines *l, const char *what, struct sess_err *err)
{
	return sess_err_set(err, SESS_EFORMAT, 0, "%s/events.zst is damaged (%s)",
	    l->c.seg->name, what);
}

enum sess_status
sessp_lines_open(struct sessp_lines *l, int dirfd, const struct sessp_segment *seg,
    struct sess_err *err)
{
	enum sess_status st;

	*l = (struct sessp_lines){ .c = { .fd = -1 }, .f = { .fd = -1 } };
	if ((st = sessp_catalog_open(&l->c, dirfd, seg, err)) < 0)
		return st;
	if ((l->ev = malloc(sizeof(*l->ev))) == NULL)
		st = sess_err_nomem(err);
	else
		st = sessp_frames_open(&l->f, dirfd, &l->c, err);
	if (st < 0) {
		sessp_lines_close(l);
		return st;
	}
	l->end = l->c.h.raw_bytes;
	return SESS_OK;
}

void
sessp_lines_close(struct sessp_lines *l)
{
	sessp_frames_close(&l->f);
	sessp_catalog_close(&l->c);
	sess_event_scanner_release(&l->scanner);
	free(l->ev);
	l->ev = NULL;
}

enum sess_status
sessp_lines_next(struct sessp_lines *l, struct sess_err *err)
{
	char before[SESSP_PLACE_LEN];
	bool first = l->line == NULL;
	enum sess_status st;
	const char *nl;
	size_t rest;

	if (l->at >= l->end)
		return SESS_END;
	if ((st = sessp_frames_seek(&l->f, l->at, err)) < 0)
		return st;
	memcpy(before, l->place, sizeof(before));
	l->line = l->f.raw.data + (l->at - l->f.at);
	rest = l->f.raw.len - (size_t)(l->at - l->f.at);
	if ((nl = memchr(l->line, '\n', rest)) == NULL)
		return damaged(l, "a line has no end", err);
	l->len = (size_t)(nl - l->line);
	l->at += l->len + 1;
	if ((st = sess_event_scan(&l->scanner, l->ev, l->line, l->len, NULL)) < 0)
		return st == SESS_ENOMEM ? sess_err_nomem(err) :
		    damaged(l, "a line is no event", err);
	sessp_place(l->ev, l->line, l->len, l->place);
	if (sessp_place_day(l->place) != l->c.seg->day ||
	    (!first && memcmp(before, l->place, sizeof(before)) >= 0))
		return damaged(l, "events are out of order", err);
	return SESS_OK;
}

enum sess_status
sessp_lines_seek(struct sessp_lines *l, uint64_t hash, bool *found, struct sess_err *err)
{
	struct sessp_row row;
	enum sess_status st;
	uint64_t i;

	*found = false;
	l->line = NULL;
	l->at = l->end = 0;
	if ((st = sessp_catalog_row(&l->c, hash, &i, err)) < 0 || i == UINT64_MAX)
		return st;
	if ((st = sessp_catalog_get_row(&l->c, i, &row, err)) < 0 ||
	    (st = sessp_catalog_row_end(&l->c, i, &l->end, err)) < 0)
		return st;
	l->at = row.at;
	*found = true;
	return SESS_OK;
}

/* -- merging */

struct merge {
	struct sessp_lines *v;
	size_t opened;
	struct sessp_lines **heap;	/* those with a line, the least first */
	size_t n;
};

static bool
before(const struct sessp_lines *a, const struct sessp_lines *b)
{
	return memcmp(a->place, b->place, SESSP_PLACE_LEN) < 0;
}

static void
sift(struct merge *m, size_t i)
{
	struct sessp_lines *l = m->heap[i];
	size_t c;

	while ((c = 2 * i + 1) < m->n) {
		if (c + 1 < m->n && before(m->heap[c + 1], m->heap[c]))
			c++;
		if (!before(m->heap[c], l))
			break;
		m->heap[i] = m->heap[c];
		i = c;
	}
	m->heap[i] = l;
}

/* Go on behind the least line. */
static enum sess_status
step(struct merge *m, struct sess_err *err)
{
	enum sess_status st = sessp_lines_next(m->heap[0], err);

	if (st < 0)
		return st;
	if (st == SESS_END)
		m->heap[0] = m->heap[--m->n];
	if (m->n > 0)
		sift(m, 0);
	return SESS_OK;
}

static enum sess_status
open_all(struct merge *m, int dirfd, const struct sessp_segment *from, size_t n,
    struct sess_err *err)
{
	enum sess_status st;
	size_t i;

	m->v = calloc(n, sizeof(*m->v));
	m->heap = calloc(n, sizeof(struct sessp_lines *));
	if (m->v == NULL || m->heap == NULL)
		return sess_err_nomem(err);
	for (i = 0; i < n; i++) {
		if ((st = sessp_lines_open(&m->v[i], dirfd, &from[i], err)) < 0)
			return st;
		m->opened++;
		if ((st = sessp_lines_next(&m->v[i], err)) < 0)
			return st;
		if (st == SESS_OK)
			m->heap[m->n++] = &m->v[i];
	}
	for (i = m->n / 2; i-- > 0; )
		sift(m, i);
	return SESS_OK;
}

static enum sess_status
copy_all(struct merge *m, struct sessp_builder **b, int dirfd, const char *name,
    unsigned jobs, sessp_drop_fn *drop, void *arg, struct sess_err *err)
{
	char last[SESSP_PLACE_LEN] = { 0 };
	enum sess_status st = SESS_OK;
	struct sessp_lines *l;

	while (m->n > 0 && st == SESS_OK) {
		l = m->heap[0];
		if ((*b == NULL || memcmp(last, l->place, sizeof(last)) != 0) &&
		    (drop == NULL || !drop(arg, l->ev))) {
			if (*b == NULL && (st = sessp_builder_new(b, dirfd, name,
			    l->c.seg->day, jobs, err)) < 0)
				return st;
			if ((st = sessp_builder_add(*b, l->place, l->line, l->len, err)) < 0)
				return st;
			memcpy(last, l->place, sizeof(last));
		}
		st = step(m, err);
	}
	return st;
}

enum sess_status
sessp_merge(int dirfd, const struct sessp_segment *from, size_t n, const char *name,
    unsigned jobs, sessp_drop_fn *drop, void *arg, struct sessp_segment *seg,
    struct sess_err *err)
{
	struct sessp_builder *b = NULL;
	struct merge m = { 0 };
	enum sess_status st;

	*seg = (struct sessp_segment){ .events = 0 };
	st = open_all(&m, dirfd, from, n, err);
	if (st == SESS_OK)
		st = copy_all(&m, &b, dirfd, name, jobs, drop, arg, err);
	if (st == SESS_OK && b != NULL)
		st = sessp_builder_end(b, seg, err);
	sessp_builder_free(b);
	while (m.opened > 0)
		sessp_lines_close(&m.v[--m.opened]);
	free(m.v);
	free(m.heap);
	return st;
}
