/* The events of the chosen sessions, as parts that several threads read. */
#include <stdlib.h>

#include "private.h"

#define BLOCK (256u << 10)	/* bytes of lines at a time */
#define PART (4u << 20)		/* bytes of frames in a part */

/* -- planning */

static int
more(void *array, size_t *cap, size_t n, size_t size)
{
	size_t want = *cap > 0 ? 2 * *cap : 64;
	void *p;

	if (n < *cap)
		return 0;
	memcpy(&p, array, sizeof(p));	/* whatever it points to */
	if (want > SIZE_MAX / 2 / size || (p = realloc(p, want * size)) == NULL)
		return -1;
	memcpy(array, &p, sizeof(p));
	*cap = want;
	return 0;
}

/* Bytes [from, to) of a segment, which are whole lines, as pieces of its frames. */
static enum sess_status
add_bytes(struct sess_store *st, size_t segment, uint64_t from, uint64_t to,
    struct sess_err *err)
{
	struct sessp_catalog *c = &st->catalogs[segment];
	struct sessp_piece_of p = { .segment = (uint32_t)segment }, *last;
	enum sess_status r;
	uint64_t i;

	if (from >= to || to > c->h.raw_bytes)
		return sess_err_set(err, SESS_EFORMAT, 0,
		    "%s: catalog is damaged (a row is not in the events)", c->seg->name);
	if ((r = sessp_frame_of(c, from, &i, err)) < 0)
		return r;
	for (; from < to; i++, from = p.to) {
		if ((r = sessp_frame_get(c, i, &p.frame, err)) < 0 ||
		    (r = sessp_frame_get(c, i + 1, &p.next, err)) < 0)
			return r;
		if (from < p.frame.raw || from >= p.next.raw)
			return sess_err_set(err, SESS_EFORMAT, 0,
			    "%s: catalog is damaged (frames are out of order)", c->seg->name);
		p.number = i;
		p.from = from;
		p.to = to < p.next.raw ? to : p.next.raw;
		last = st->npieces > 0 ? &st->pieces[st->npieces - 1] : NULL;
		if (last != NULL && last->segment == segment && last->number == i &&
		    last->to == from) {
			last->to = p.to;
			continue;
		}
		if (more(&st->pieces, &st->pieces_cap, st->npieces, sizeof(p)) < 0)
			return sess_err_nomem(err);
		st->pieces[st->npieces++] = p;
	}
	return SESS_OK;
}

static enum sess_status
add_row(struct sess_store *st, size_t segment, uint64_t i, struct sess_err *err)
{
	struct sessp_catalog *c = &st->catalogs[segment];
	struct sessp_row row;
	enum sess_status r;
	uint64_t end;

	if ((r = sessp_catalog_get_row(c, i, &row, err)) < 0 ||
	    (r = sessp_catalog_row_end(c, i, &end, err)) < 0)
		return r;
	return add_bytes(st, segment, row.at, end, err);
}

/* The rows of the set: looked for one by one where they are few, else side by
 * side with all there are. */
static enum sess_status
add_rows(struct sess_store *st, size_t segment, struct sess_err *err)
{
	struct sessp_catalog *c = &st->catalogs[segment];
	const struct sessp_set *set = &st->set;
	enum sess_status r = SESS_OK;
	const char *hashes;
	uint64_t row;
	size_t i;

	if (set->n < c->h.rows / 32) {
		for (i = 0; i < set->n && r == SESS_OK; i++) {
			if ((r = sessp_catalog_row(c, set->v[i], &row, err)) == SESS_OK &&
			    row != UINT64_MAX)
				r = add_row(st, segment, row, err);
		}
		return r;
	}
	hashes = sessp_catalog_get(c, SESSP_S_HASHES, 0, 8 * c->h.rows, err);
	if (hashes == NULL)
		return err->code;
	for (i = 0, row = 0; i < set->n && row < c->h.rows && r == SESS_OK; ) {
		uint64_t hash = sessp_le64(hashes + 8 * row);

		if (hash == set->v[i])
			r = add_row(st, segment, row, err);
		if (hash <= set->v[i])
			row++;
		else
			i++;
	}
	return r;
}

static enum sess_status
add_segment(struct sess_store *st, size_t i, struct sess_err *err)
{
	struct sessp_catalog *c = sessp_store_catalog(st, i);
	struct sess_err why = { 0 };
	size_t before = st->npieces;
	enum sess_status r;

	if (c == NULL)
		return SESS_OK;
	if (st->narrowed)
		r = add_rows(st, i, &why);
	else
		r = c->h.rows > 0 ? add_bytes(st, i, 0, c->h.raw_bytes, &why) : SESS_OK;
	if (r == SESS_ENOMEM)
		return sess_err_nomem(err);
	if (r < 0) {
		st->npieces = before;
		sessp_store_bad(st, i, &why);
	}
	return SESS_OK;
}

/* Pieces of one segment that are read one after another. */
static enum sess_status
cut_parts(struct sess_store *st, struct sess_err *err)
{
	uint64_t bytes = 0;
	size_t i;

	st->feed.nparts = 0;
	for (i = 0; i < st->npieces; i++) {
		const struct sessp_piece_of *p = &st->pieces[i];

		if (i == 0 || p->segment != p[-1].segment ||
		    (bytes >= PART && p->number != p[-1].number)) {
			if (more(&st->parts, &st->parts_cap, st->feed.nparts + 1,
			    sizeof(*st->parts)) < 0)
				return sess_err_nomem(err);
			st->parts[st->feed.nparts++] = i;
			bytes = 0;
		}
		if (bytes == 0 || p->number != p[-1].number)
			bytes += p->next.raw - p->frame.raw;
	}
	if (st->feed.nparts > 0)
		st->parts[st->feed.nparts] = st->npieces;
	return SESS_OK;
}

/* -- reading */

struct reading {
	struct sess_store *st;
	struct sessp_frames f;
	const struct sessp_piece_of *at, *end;
};

static const char *
part_name(void *arg, size_t part)
{
	const struct sess_store *st = arg;

	(void)part;
	return st->name;
}

static enum sess_status
part_open(void *arg, size_t part, void **state, struct sess_err *err)
{
	struct sess_store *st = arg;
	struct reading *r = calloc(1, sizeof(*r));
	enum sess_status s;

	*state = NULL;
	if (r == NULL)
		return sess_err_nomem(err);
	r->st = st;
	r->at = &st->pieces[st->parts[part]];
	r->end = &st->pieces[st->parts[part + 1]];
	s = sessp_frames_open(&r->f, st->segments, &st->catalogs[r->at->segment], err);
	if (s < 0) {
		free(r);
		return s;
	}
	*state = r;
	return SESS_OK;
}

static void
part_close(void *state)
{
	struct reading *r = state;

	sessp_frames_close(&r->f);
	free(r);
}

static enum sess_status
fill_piece(struct reading *r, struct sess_buf *out, struct sess_err *err)
{
	const struct sessp_piece_of *p = r->at;
	enum sess_status st = SESS_OK;
	size_t from, len;

	if (r->f.frame != p->number)
		st = sessp_frames_load(&r->f, p->number, &p->frame, &p->next, err);
	if (st < 0) {
		/* nothing of this frame can be read */
		while (r->at < r->end && r->at->number == p->number)
			r->at++;
		return st;
	}
	r->at++;
	from = p->from - r->f.at;
	len = p->to - p->from;
	if (sess_buf_room(out, len + 1 + SESSP_PAD) < 0 ||
	    sess_buf_add(out, r->f.raw.data + from, len) < 0)
		return sess_err_nomem(err);
	if (out->data[out->len - 1] != '\n')
		out->data[out->len++] = '\n';
	return SESS_OK;
}

static enum sess_status
part_fill(void *state, struct sess_buf *out, struct sess_err *err)
{
	struct reading *r = state;
	enum sess_status st = SESS_OK;

	while (r->at < r->end && out->len < BLOCK && st == SESS_OK)
		st = fill_piece(r, out, err);
	return st == SESS_OK && r->at == r->end ? SESS_END : st;
}

const struct sess_feed *
sess_store_feed(struct sess_store *st)
{
	bool none = st->narrowed && st->set.n == 0;	/* no catalog need be opened */
	struct sess_err err = { 0 };
	size_t i;

	if (st->nshards > 0)
		return sessp_shards_feed(st);
	st->feed = (struct sess_feed){ st, 0, part_name, part_open, part_fill, part_close };
	st->npieces = 0;
	for (i = 0; i < st->m.n && !none; i++)
		if (add_segment(st, i, &err) < 0)
			return NULL;
	return cut_parts(st, &err) < 0 ? NULL : &st->feed;
}
