/* Reading input that is sorted by key, a session at a time. */
#include "cli.h"

static void
check(enum sess_status st, const char *name, const struct sess_err *err)
{
	if (st < 0)
		cli_die(name, err);
}

struct sess_stream *
cli_reduce(struct cli *c, struct sess_reducer *r, sess_gather_take *take, void *arg)
{
	struct sess_stream *stream;
	struct sess_stream_block block;
	struct sess_err err = { 0 };
	enum sess_status st = SESS_OK;

	c->stream.unordered = false;
	stream = cli_stream(c);
	while (st == SESS_OK && cli_next(c, stream, &block, -1)) {
		st = sess_reducer_add(r, block.data, block.len, take, arg, &err);
		check(st, err.line > 0 ? block.name : NULL, &err);
	}
	if (st == SESS_OK)
		check(sess_reducer_end(r, take, arg, &err), NULL, &err);
	return stream;
}
