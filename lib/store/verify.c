/* Every byte of a store read and checked; and what is left of a damaged one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "private.h"

struct check {
	struct sess_store *st;
	uint64_t bad;
};

static void
bad(struct check *k, const struct sess_err *err)
{
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
	struct check k = { st, 0 };
	size_t i;

	if (st->nshards > 0)
		return sessp_shards_verify(st, problems, err);
	for (i = 0; i < st->m.n; i++)
		check_segment(&k, &st->m.segments[i]);
	*problems = k.bad;
	return SESS_OK;
}

/* -- salvage */

struct salvage {
	struct sess_indexer *ix;
	struct sess_event_scanner scanner;
	struct sess_event ev;
	struct sess_buf raw, packed;
	sess_store_problem *problem;
	void *arg;
};

#define FRAME_MAX ((size_t)1 << 30)

/* The whole lines that are events. */
static enum sess_status
take_lines(struct salvage *s, struct sess_err *err)
{
	char *p = s->raw.data, *end = p + s->raw.len, *nl;
	enum sess_status st;

	for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL; p = nl + 1) {
		st = sess_event_scan(&s->scanner, &s->ev, p, (size_t)(nl - p), NULL);
		if (st == SESS_ENOMEM)
			return sess_err_nomem(err);
		if (st < 0 || !sess_shard_has(s->ix->m.shard, &s->ev))
			continue;
		s->packed.len = 0;
		if ((st = sess_indexer_pack(&s->ev, &s->packed, err)) < 0 ||
		    (st = sess_indexer_add(s->ix, s->packed.data, s->packed.len, err)) < 0)
			return st;
	}
	return SESS_OK;
}

/* The frame at p, of at most len bytes: how long it is, 0 where it is none. */
static enum sess_status
take_frame(struct salvage *s, const char *p, size_t len, size_t *packed, struct sess_err *err)
{
	unsigned long long raw;

	*packed = ZSTD_findFrameCompressedSize(p, len);
	if (ZSTD_isError(*packed)) {
		*packed = 0;
		return SESS_OK;
	}
	raw = ZSTD_getFrameContentSize(p, len);
	if (raw == ZSTD_CONTENTSIZE_UNKNOWN || raw == ZSTD_CONTENTSIZE_ERROR || raw > FRAME_MAX) {
		*packed = 0;
		return SESS_OK;
	}
	s->raw.len = 0;
	if (sess_buf_room(&s->raw, (size_t)raw + SESSP_PAD) < 0)
		return sess_err_nomem(err);
	if (ZSTD_decompress(s->raw.data, (size_t)raw, p, *packed) != raw) {
		*packed = 0;
		return SESS_OK;
	}
	s->raw.len = (size_t)raw;
	memset(s->raw.data + s->raw.len, 0, SESSP_PAD);
	return take_lines(s, err);
}

/* One frame after another; behind what is none, the next that begins as one. */
static enum sess_status
take_events(struct salvage *s, const char *p, size_t len, const char *name,
    struct sess_err *err)
{
	static const char magic[] = { '\x28', '\xb5', '\x2f', '\xfd' };
	const char *end = p + len, *next;
	struct sess_err why = { 0 };
	enum sess_status st;
	size_t n;

	while (p < end) {
		if ((st = take_frame(s, p, (size_t)(end - p), &n, err)) < 0)
			return st;
		if (n > 0) {
			p += n;
			continue;
		}
		next = p + 1 < end ? memmem(p + 1, (size_t)(end - p - 1), magic, sizeof(magic)) : NULL;
		if (next == NULL)
			next = end;
		why = (struct sess_err){ 0 };
		sess_err_set(&why, SESS_EFORMAT, 0, "%zu bytes can't be read", (size_t)(next - p));
		s->problem(s->arg, name, &why);
		p = next;
	}
	return SESS_OK;
}

static enum sess_status
take_segment(struct salvage *s, int segments, const char *name, struct sess_err *err)
{
	struct sess_err why = { 0 };
	struct sess_buf file = { 0 };
	enum sess_status st;
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/events.zst", name);
	fd = openat(segments, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		sess_err_sys(&why, errno, NULL);
		s->problem(s->arg, path, &why);
		return SESS_OK;
	}
	st = sessp_read_fd(fd, UINT64_MAX, &file, err);
	close(fd);
	if (st == SESS_OK)
		st = take_events(s, file.data, file.len, path, err);
	sess_buf_release(&file);
	return st;
}

/* The segments that the MANIFEST speaks of, or, where it can't be read, all. */
static enum sess_status
take_all(struct salvage *s, const char *dir, struct sess_err *err)
{
	struct sess_err why = { 0 };
	struct sess_store *st = NULL;
	enum sess_status r = SESS_OK;
	struct dirent *e;
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), segments;
	DIR *d;
	size_t i;

	segments = dirfd >= 0 ? openat(dirfd, "segments", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (segments < 0 || (d = fdopendir(segments)) == NULL) {
		r = sess_err_sys(err, errno, "segments");
		if (segments >= 0)
			close(segments);
		if (dirfd >= 0)
			close(dirfd);
		return r;
	}
	if (sess_store_open(&st, dir, &why) < 0)
		s->problem(s->arg, dir, &why);
	for (i = 0; st != NULL && i < st->m.n && r == SESS_OK; i++)
		r = take_segment(s, segments, st->m.segments[i].name, err);
	while (st == NULL && r == SESS_OK && (e = readdir(d)) != NULL)
		if (sessp_segment_name(e->d_name))
			r = take_segment(s, segments, e->d_name, err);
	sess_store_free(st);
	closedir(d);
	close(dirfd);
	return r;
}

enum sess_status
sess_store_salvage(const char *dir, struct sess_indexer *ix, sess_store_problem *problem,
    void *arg, struct sess_err *err)
{
	struct salvage s = { .ix = ix, .problem = problem, .arg = arg };
	enum sess_status st = take_all(&s, dir, err);

	sess_event_scanner_release(&s.scanner);
	sess_buf_release(&s.raw);
	sess_buf_release(&s.packed);
	return st;
}
