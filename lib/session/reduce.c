/* Events that come in the order of their groups: one group after another. */
#include <stdlib.h>
#include <string.h>

#include "private.h"

struct sess_reducer {
	struct sess_gather *g;	/* of the current group */
	struct sess_buf key;	/* the group's */
	bool any;		/* there is one */
	int64_t newest;		/* event of those before it */
};

enum sess_status
sess_reducer_new(struct sess_reducer **rp, const struct sess_session_opts *opts,
    struct sess_err *err)
{
	struct sess_reducer *r = calloc(1, sizeof(*r));
	enum sess_status st;

	*rp = NULL;
	if (r == NULL)
		return sess_err_nomem(err);
	if ((st = sess_gather_new(&r->g, opts, err)) < 0) {
		free(r);
		return st;
	}
	r->newest = opts->newest;
	*rp = r;
	return SESS_OK;
}

int64_t
sess_reducer_newest(const struct sess_reducer *r)
{
	return r->newest;
}

void
sess_reducer_free(struct sess_reducer *r)
{
	if (r == NULL)
		return;
	sess_gather_free(r->g);
	sess_buf_release(&r->key);
	free(r);
}

/* The sessions of the group, all of whose events are there. */
static enum sess_status
give(struct sess_reducer *r, sess_gather_take *take, void *arg, struct sess_err *err)
{
	const struct sess_session *s;
	enum sess_status st;

	while ((st = sess_gather_next(r->g, &s, err)) == SESS_OK)
		if ((st = take(arg, 0, s, err)) != SESS_OK)
			return st;
	if (sess_gather_newest(r->g) > r->newest)
		r->newest = sess_gather_newest(r->g);
	sessp_gather_reset(r->g);
	return st == SESS_END ? SESS_OK : st;
}

/* The group that the next events are of, from that line on. */
static enum sess_status
enter(struct sess_reducer *r, struct sess_slice key, uint64_t line, sess_gather_take *take,
    void *arg, struct sess_err *err)
{
	size_t n = key.len < r->key.len ? key.len : r->key.len;
	int c = r->any ? memcmp(key.p, r->key.data, n) : 1;
	enum sess_status st = SESS_OK;

	if (c == 0)
		c = (key.len > r->key.len) - (key.len < r->key.len);
	if (c == 0)
		return SESS_OK;
	if (c < 0)
		return sess_err_set(err, SESS_EFORMAT, line,
		    "the input is not sorted by key: %.*s comes behind %.*s",
		    key.len < 50 ? (int)key.len : 50, key.p,
		    r->key.len < 50 ? (int)r->key.len : 50, r->key.data);
	if (r->any && (st = give(r, take, arg, err)) != SESS_OK)
		return st;
	r->any = true;
	r->key.len = 0;
	return sess_buf_add(&r->key, key.p, key.len) < 0 ? sess_err_nomem(err) : SESS_OK;
}

enum sess_status
sess_reducer_add(struct sess_reducer *r, const char *packed, size_t len,
    sess_gather_take *take, void *arg, struct sess_err *err)
{
	const char *end = packed + len;
	struct sessp_packed_group head;
	enum sess_status st;
	struct sess_slice key;

	while (packed < end) {
		memcpy(&head, packed, sizeof(head));
		key = (struct sess_slice){ packed + sizeof(head), head.key_len };
		packed += sizeof(head) + head.key_len;
		if ((st = enter(r, key, head.line, take, arg, err)) != SESS_OK ||
		    (st = sess_gather_add(r->g, packed, head.len, err)) < 0)
			return st;
		packed += head.len;
	}
	return SESS_OK;
}

enum sess_status
sess_reducer_end(struct sess_reducer *r, sess_gather_take *take, void *arg,
    struct sess_err *err)
{
	enum sess_status st = r->any ? give(r, take, arg, err) : SESS_OK;

	r->any = false;
	return st;
}
