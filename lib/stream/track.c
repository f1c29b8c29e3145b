/* How far files are read, and how they are known again. */
#include <string.h>

#include <xxhash.h>

#include "private.h"

static int64_t
ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

void
sessp_track_stat(struct sess_mark *m, const struct stat *st)
{
	m->device = st->st_dev;
	m->inode = st->st_ino;
	m->size = (uint64_t)st->st_size;
	m->modified = ns(&st->st_mtim);
	m->changed = ns(&st->st_ctim);
}

bool
sessp_track_same(const struct sess_stream_opts *o, const struct stat *st, size_t *i)
{
	struct sess_mark now = { .at = 0 };

	sessp_track_stat(&now, st);
	for (*i = 0; *i < o->nmarks; (*i)++) {
		const struct sess_mark *m = &o->marks[*i];

		if (m->inode == now.inode && m->device == now.device && m->size == now.size &&
		    m->modified == now.modified && m->changed == now.changed)
			return S_ISREG(st->st_mode);
	}
	return false;
}

/* The first bytes of the member. */
static enum sess_status
read_head(struct sessp_track *t, struct sessp_input *in, struct sess_err *err)
{
	enum sess_status st;
	size_t n;

	t->head.len = 0;
	if (sess_buf_room(&t->head, SESSP_HEAD) < 0)
		return sess_err_nomem(err);
	do {
		st = sessp_input_read(in, t->head.data + t->head.len, SESSP_HEAD - t->head.len,
		    &n, err);
		t->head.len += n;
	} while (st == SESS_OK && n > 0 && t->head.len < SESSP_HEAD);
	t->got = t->head.len;
	return st;
}

/* The mark that goes furthest of those whose first bytes these are. */
static size_t
find_mark(const struct sessp_track *t, const struct sess_stream_opts *o)
{
	size_t i, best = o->nmarks;

	for (i = 0; i < o->nmarks; i++) {
		const struct sess_mark *m = &o->marks[i];

		if (m->head_len == 0 || m->head_len > t->head.len ||
		    (best < o->nmarks && m->at <= o->marks[best].at) ||
		    XXH3_64bits(t->head.data, m->head_len) != m->head_sum ||
		    sessp_format_find(m->format) == NULL)
			continue;
		best = i;
	}
	return best;
}

/* Go to where the mark says; *fits is false where what is before it is not what
 * it was. */
static enum sess_status
pass_over(struct sessp_track *t, struct sessp_input *in, const struct sess_mark *m,
    bool *fits, struct sess_err *err)
{
	char tail[SESSP_TAIL];
	enum sess_status st;
	size_t got = 0, n;

	*fits = false;
	if (m->tail_len > sizeof(tail) || m->tail_len > m->at)
		return SESS_OK;
	if (m->at <= t->head.len) {
		*fits = XXH3_64bits(t->head.data + m->at - m->tail_len, m->tail_len) == m->tail_sum;
		return SESS_OK;
	}
	/* what of the tail is in the head was compared with it */
	n = m->at - t->head.len < m->tail_len ? m->at - t->head.len : m->tail_len;
	st = sessp_input_skip(in, m->at - n - t->head.len, fits, err);
	if (st < 0 || !*fits)
		return st;
	memcpy(tail, t->head.data + t->head.len - (m->tail_len - n), m->tail_len - n);
	while (got < n) {
		size_t k;

		st = sessp_input_read(in, tail + (m->tail_len - n) + got, n - got, &k, err);
		if (st < 0 || k == 0) {
			*fits = false;
			return st;
		}
		got += k;
	}
	*fits = XXH3_64bits(tail, m->tail_len) == m->tail_sum;
	return SESS_OK;
}

enum sess_status
sessp_track_begin(struct sessp_track *t, struct sessp_input *in,
    const struct sess_stream_opts *o, bool try, bool *matched, bool *again,
    struct sess_err *err)
{
	enum sess_status st;

	*matched = *again = false;
	t->before = o->nmarks;
	t->mark = (struct sess_mark){ .at = 0 };
	sessp_track_stat(&t->mark, sessp_input_stat(in));
	if ((st = read_head(t, in, err)) < 0 || !try)
		return st;
	t->before = find_mark(t, o);
	if (t->before == o->nmarks)
		return SESS_OK;
	st = pass_over(t, in, &o->marks[t->before], matched, err);
	if (!*matched) {
		/* the head may be all that is left to read from memory */
		*again = o->marks[t->before].at > t->head.len;
		t->before = o->nmarks;
		return *again ? SESS_OK : st;
	}
	if (o->marks[t->before].at > t->got)
		t->got = o->marks[t->before].at;
	return st;
}

void
sessp_track_end(struct sessp_track *t, uint64_t at, uint64_t line, const char *data,
    size_t len, size_t context, const char *format)
{
	struct sess_mark *m = &t->mark;

	m->at = at - context;
	m->line = line - sessp_count_byte(data + len - context, context, '\n');
	len -= context;
	m->tail_len = len < SESSP_TAIL ? len : SESSP_TAIL;
	m->tail_sum = XXH3_64bits(data + len - m->tail_len, m->tail_len);
	m->head_len = t->head.len < m->at ? t->head.len : m->at;
	m->head_sum = XXH3_64bits(t->head.data, m->head_len);
	(void)strncpy(m->format, format, sizeof(m->format) - 1);
}
