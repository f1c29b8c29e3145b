/* Reading from a store: which sessions. */
#include <stdlib.h>
#include <sys/resource.h>

#include "cli.h"

#define FIRST 16		/* sessions that are looked at first for the newest event */

struct newest {
	struct sess_packer **packers;
	struct sess_session_opts o;
};

static void __attribute__((noreturn))
die(struct sess_err *err)
{
	sess_err_nomem(err);		/* unless it says something else */
	cli_die(NULL, err);
}

static void
on_problem(void *arg, const char *name, const struct sess_err *err)
{
	(void)arg;
	cli_warn(name, err);
}

/* A store of a thousand shards takes more open files than are usual. */
static void
allow_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

void
cli_open_store(struct cli *c)
{
	struct sess_err err = { 0 };

	allow_files();
	if (sess_store_open(&c->store, c->store_dir, &err) < 0)
		cli_die(c->store_dir, &err);
	sess_store_on_problem(c->store, on_problem, NULL);
	sess_store_share(c->store, c->stream.shard);
}

static enum sess_status
pack(void *arg, unsigned worker, const struct sess_event *ev, struct sess_buf *out,
    struct sess_err *err)
{
	const struct newest *n = arg;

	return sess_pack(n->packers[worker], ev, 0, out) < 0 ? sess_err_nomem(err) : SESS_OK;
}

static void
begin(void *arg, unsigned worker)
{
	const struct newest *n = arg;

	sess_packer_reset(n->packers[worker]);
}

/* When the last event of the chosen sessions was; what is damaged is told by
 * those who read it for its own sake. */
static int64_t
last_event(struct cli *c, struct newest *n)
{
	struct sess_stream_opts o = { .feed = sess_store_feed(c->store), .jobs = c->stream.jobs,
	    .convert = c->stream.convert, .map = pack, .begin = begin, .arg = n,
	    .unordered = true };
	const struct sess_session *session;
	struct sess_stream_block block;
	struct sess_stream *s;
	struct sess_gather *g;
	struct sess_err err = { 0 };
	int64_t last = INT64_MIN;
	enum sess_status st;

	if (o.feed == NULL || sess_gather_new(&g, &n->o, &err) < 0 ||
	    sess_stream_open(&s, &o, &err) < 0)
		die(&err);
	while ((st = sess_stream_next(s, &block, -1, &err)) == SESS_OK)
		if (block.len > 0 && sess_gather_add(g, block.data, block.len, &err) < 0)
			die(&err);
	sess_stream_free(s);
	while (st >= 0 && (st = sess_gather_next(g, &session, &err)) == SESS_OK)
		if (session->end > last)
			last = session->end;
	if (st < 0)
		die(&err);
	sess_gather_free(g);
	return last;
}

/* The newest event of the store, as the gatherer of all of it would see it: of
 * those sessions whose clocks say the latest, as many as it takes. */
static int64_t
newest_event(struct cli *c)
{
	struct newest n = { .o = c->session };
	struct sess_err err = { 0 };
	int64_t bound, last = INT64_MIN;
	size_t want, got;
	unsigned i;

	n.o.lines = false;
	n.packers = calloc(c->stream.jobs, sizeof(struct sess_packer *));
	if (n.packers == NULL)
		die(&err);
	for (i = 0; i < c->stream.jobs; i++)
		if (sess_packer_new(&n.packers[i], &n.o, &err) < 0)
			die(&err);
	for (want = FIRST; ; want *= 8) {
		got = want;
		if (sess_store_choose_newest(c->store, &got, &bound, &err) < 0)
			die(&err);
		last = last_event(c, &n);
		if (got < want || last >= bound)
			break;
	}
	for (i = 0; i < c->stream.jobs; i++)
		sess_packer_free(n.packers[i]);
	free(n.packers);
	return last;
}

void
cli_choose(struct cli *c, const struct sess_query *q, const struct sess_slice *ids, size_t n)
{
	const struct sess_convert_opts *o = &c->stream.convert;
	struct sess_err err = { 0 };

	/* what is indexed is what the store holds, not what becomes of it on the way */
	if (o->hash_key != NULL || o->mask_ip4 > 0 || o->mask_ip6 > 0 || o->drop_query)
		q = NULL;
	if (sess_store_choose(c->store, q, &err) < 0 ||
	    (ids != NULL && sess_store_choose_ids(c->store, ids, n, &err) < 0))
		die(&err);
}

void
cli_tell_newest(struct cli *c, struct sess_gather *g, bool always)
{
	if (c->store == NULL || c->session.newest != INT64_MIN ||
	    (!sess_store_narrowed(c->store) && c->stream.shard.of <= 1) ||
	    (!always && !sess_gather_asks_newest(g)))
		return;
	c->session.newest = newest_event(c);
	sess_gather_tell_newest(g, c->session.newest);
}
