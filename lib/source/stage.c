#include "stage.h"

#include <stdlib.h>
#include <string.h>

void
sessp_stage_init(struct sessp_stage *st, const struct sessp_stage_ops *ops,
    struct sessp_stage *from)
{
	st->ops = ops;
	st->from = from;
	if (from != NULL) {
		st->limits = from->limits;
		st->source = from->source;
		st->mark = *st->source;
	}
}

void
sessp_stage_reset(struct sessp_stage *st)
{
	st->pos = st->len = 0;
	st->state = SESS_OK;
	st->err = (struct sess_err){ 0 };
	st->told = false;
	st->out = 0;
	st->mark = *st->source;
}

void
sessp_stage_free(struct sessp_stage *st)
{
	if (st == NULL)
		return;
	free(st->buf);
	st->ops->free(st);
}

/* Whether more came out than a file can honestly hold.  What was read ahead
 * before the member began may belong to it, hence the slack. */
static bool
bomb(const struct sessp_stage *st)
{
	return st->from != NULL && st->out > st->limits->after &&
	    st->out / st->limits->ratio > *st->source - st->mark + SESSP_READ_SIZE;
}

/* One read of the stage itself; end and error are kept in it. */
static size_t
pull(struct sessp_stage *st, char *buf, size_t cap)
{
	size_t n = 0;

	if (st->state != SESS_OK || cap == 0)
		return 0;
	st->state = st->ops->read(st, buf, cap, &n, &st->err);
	st->out += n;
	if (st->state == SESS_OK && n == 0)
		st->state = SESS_END;
	if (st->state == SESS_OK && bomb(st))
		st->state = sess_err_set(&st->err, SESS_ELIMIT, 0,
		    "data expands more than %llu times",
		    (unsigned long long)st->limits->ratio);
	return n;
}

/* There is nothing more: the end, or, once, the error. */
static enum sess_status
tell(struct sessp_stage *st, struct sess_err *err)
{
	if (st->state >= 0 || st->told)
		return SESS_OK;
	st->told = true;
	if (err != NULL && err->code == SESS_OK)
		*err = st->err;
	return st->state;
}

enum sess_status
sessp_stage_read(struct sessp_stage *st, char *buf, size_t cap, size_t *n, struct sess_err *err)
{
	*n = st->len - st->pos;
	if (*n > cap)
		*n = cap;
	if (*n > 0) {
		memcpy(buf, st->buf + st->pos, *n);
		st->pos += *n;
		return SESS_OK;
	}
	*n = pull(st, buf, cap);
	return *n > 0 || cap == 0 ? SESS_OK : tell(st, err);
}

enum sess_status
sessp_stage_ahead(struct sessp_stage *st, size_t want, struct sess_err *err)
{
	if (st->buf == NULL && (st->buf = malloc(SESSP_READ_SIZE)) == NULL)
		return sess_err_nomem(err);
	if (st->pos > 0) {
		memmove(st->buf, st->buf + st->pos, st->len - st->pos);
		st->len -= st->pos;
		st->pos = 0;
	}
	while (st->len < want && st->state == SESS_OK)
		st->len += pull(st, st->buf + st->len, SESSP_READ_SIZE - st->len);
	return SESS_OK;
}

enum sess_status
sessp_stage_view(struct sessp_stage *st, const unsigned char **p, size_t *n, struct sess_err *err)
{
	*n = 0;
	if (st->pos == st->len && sessp_stage_ahead(st, 1, err) < 0)
		return SESS_ENOMEM;
	*p = (const unsigned char *)st->buf + st->pos;
	*n = st->len - st->pos;
	return *n > 0 ? SESS_OK : tell(st, err);
}

void
sessp_stage_skip(struct sessp_stage *st, size_t n)
{
	st->pos += n;
}

enum sess_status
sessp_stage_kind(struct sessp_stage *st, enum sessp_kind *kind, struct sess_err *err)
{
	size_t len = 0;

	do {
		if (sessp_stage_ahead(st, len + 1, err) < 0)
			return SESS_ENOMEM;
		len = st->len;
		*kind = sessp_magic_of((const unsigned char *)st->buf, len,
		    st->state != SESS_OK || len == SESSP_READ_SIZE);
	} while (*kind == SESSP_UNSURE);
	return SESS_OK;
}

static const char *const names[] = {
	[SESSP_PLAIN] = "plain", [SESSP_GZIP] = "gzip", [SESSP_ZSTD] = "zstd",
	[SESSP_XZ] = "xz", [SESSP_BZIP2] = "bzip2", [SESSP_LZ4] = "lz4",
	[SESSP_TAR] = "tar", [SESSP_ZIP] = "zip", [SESSP_7ZIP] = "7z",
};

const char *
sessp_kind_name(enum sessp_kind kind)
{
	return names[kind];
}

enum sess_status
sessp_stage_cut(struct sess_err *err, enum sessp_kind kind)
{
	return sess_err_set(err, SESS_EFORMAT, 0, "unexpected end of %s data", names[kind]);
}

enum sess_status
sessp_bad(struct sess_err *err, enum sessp_kind kind, const char *why)
{
	return sess_err_set(err, SESS_EFORMAT, 0, "bad %s data%s%s", names[kind],
	    why != NULL ? ": " : "", why != NULL ? why : "");
}
