/* Every byte of a store, read and checked. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "private.h"

struct check {
	struct sess_store *st;
	uint64_t bad;
	bool nomem;		/* then nothing is known of what was looked at */
};

static void
bad(struct check *k, const struct sess_err *err)
{
	if (err->code == SESS_ENOMEM) {
		k->nomem = true;
		return;
	}
	k->bad++;
	if (k->st->problem != NULL)
		k->st->problem(k->st->problem_arg, k->st->name, err);
}

/* The files are as long as they are said to be; the catalog's pages are. */
static enum sess_status
check_size(const struct sess_store *st, const struct sessp_segment *s, struct sess_err *err)
{
	struct stat sb;
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/events.zst", s->name);
	if (fstatat(st->segments, path, &sb, AT_SYMLINK_NOFOLLOW) < 0)
		return sess_err_sys(err, errno, path);
	if (!S_ISREG(sb.st_mode) || (uint64_t)sb.st_size != s->events_bytes)
		return sess_err_set(err, SESS_EFORMAT, 0,
		    "%s is damaged (its size is not what the MANIFEST says)", path);
	return SESS_OK;
}

static enum sess_status
check_values(void *arg, uint64_t i, struct sess_slice text, bool cut, struct sess_err *err)
{
	(void)arg, (void)i, (void)text, (void)cut, (void)err;
	return SESS_OK;
}

static void
check_row(void *arg, uint64_t row)
{
	(void)arg, (void)row;
}

/* All pages, and all that is in them. */
static enum sess_status
check_catalog(struct sessp_catalog *c, struct sess_err *err)
{
	enum sess_status st;
	unsigned i, key;
	uint64_t k, n;

	for (i = 0; i < SESSP_NSECTIONS; i++)
		if (sessp_catalog_get(c, i, 0, sessp_catalog_len(c, i), err) == NULL)
			return SESS_EFORMAT;
	if (sessp_catalog_whole(c, err) < 0)
		return SESS_EFORMAT;
	for (key = 0; key < SESSP_NTERMS; key++) {
		n = sessp_catalog_len(c, SESSP_S_TERMS + 4 * key + SESSP_TERM_HASHES) / 8;
		for (k = 0; k < n; k++)
			if ((st = sessp_catalog_rows_of(c, key, k, check_row, NULL, err)) < 0)
				return st;
		if ((st = sessp_catalog_texts(c, key, check_values, NULL, err)) < 0)
			return st;
	}
	return SESS_OK;
}

/* Each row is where the catalog says, with as many events. */
static enum sess_status
check_rows(struct sessp_lines *l, struct sess_shard shard, struct sess_err *err)
{
	uint64_t i, n, events = 0, hash = 0;
	struct sessp_row row;
	enum sess_status st;
	const void *p;

	for (i = 0; i < l->c.h.rows; i++) {
		if ((st = sessp_catalog_get_row(&l->c, i, &row, err)) < 0)
			return st;
		if (row.at != l->at)
			return sess_err_set(err, SESS_EFORMAT, 0,
			    "%s: catalog is damaged (a row is elsewhere)", l->c.seg->name);
		if ((p = sessp_catalog_get(&l->c, SESSP_S_HASHES, 8 * i, 8, err)) == NULL)
			return err->code;
		hash = sessp_le64(p);
		for (n = 0; n < row.events; n++) {
			if ((st = sessp_lines_next(l, err)) < 0)
				return st;
			if (st != SESS_END && !sess_shard_has(shard, l->ev))
				return sess_err_set(err, SESS_EFORMAT, 0,
				    "%s has an event of another shard", l->c.seg->name);
			if (st == SESS_END || sessp_place_row(l->place) != hash)
				return sess_err_set(err, SESS_EFORMAT, 0,
				    "%s: catalog is damaged (a row has other events)",
				    l->c.seg->name);
		}
		events += n;
	}
	if (l->at != l->end || events != l->c.seg->events)
		return sess_err_set(err, SESS_EFORMAT, 0,
		    "%s: catalog is damaged (events are missing)", l->c.seg->name);
	return SESS_OK;
}

/* Damage of frames is told one by one. */
static void
check_frames(struct check *k, struct sessp_lines *l)
{
	struct sessp_frame frame, next;
	struct sess_err err;
	uint64_t i, before = k->bad;

	for (i = 0; i < l->c.h.frames; i++) {
		err = (struct sess_err){ 0 };
		if (sessp_frame_get(&l->c, i, &frame, &err) < 0 ||
		    sessp_frame_get(&l->c, i + 1, &next, &err) < 0 ||
		    sessp_frames_load(&l->f, i, &frame, &next, &err) < 0)
			bad(k, &err);
	}
	err = (struct sess_err){ 0 };
	l->f.frame = UINT64_MAX;
	if (k->bad == before && check_rows(l, k->st->m.shard, &err) < 0)
		bad(k, &err);
}

static void
check_segment(struct check *k, const struct sessp_segment *s)
{
	struct sess_err err = { 0 };
	struct sessp_lines l;

	if (check_size(k->st, s, &err) < 0)
		bad(k, &err);
	err = (struct sess_err){ 0 };
	if (sessp_lines_open(&l, k->st->segments, s, &err) < 0) {
		bad(k, &err);
		return;
	}
	if (check_catalog(&l.c, &err) < 0)
		bad(k, &err);
	check_frames(k, &l);
	sessp_lines_close(&l);
}

enum sess_status
sess_store_verify(struct sess_store *st, uint64_t *problems, struct sess_err *err)
{
	struct check k = { st, 0, false };
	size_t i;

	if (st->nshards > 0)
		return sessp_shards_verify(st, problems, err);
	for (i = 0; i < st->m.n; i++)
		check_segment(&k, &st->m.segments[i]);
	*problems = k.bad;
	return k.nomem ? sess_err_nomem(err) : SESS_OK;
}
