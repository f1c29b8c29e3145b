/* sess-ingest: log archives of any kind to canonical events. */
#include "cli.h"
#include "sess/group.h"

static const char usage[] =
    "usage: sess-ingest [OPTION]... [FILE|DIRECTORY]...\n"
    "\n"
    "Write the browser-monitoring events of logs as NDJSON, see sess-event(5).\n"
    "Logs may be compressed and in archives; with no operand, standard input.\n"
    "\n"
    "  sess-ingest logs/ > events.ndjson\n"
    "  sess-ingest access.log.*.gz | jq -r 'select(.kind == \"error\") | .message'\n"
    "  tail -F access.log | sess-ingest | sess-find --follow --error TypeError\n";

/* On a worker: an event becomes its line. */
static enum sess_status
write_event(void *arg, unsigned worker, const struct sess_event *ev,
    struct sess_buf *out, struct sess_err *err)
{
	(void)arg, (void)worker;
	return sess_event_write(ev, out) < 0 ? sess_err_nomem(err) : SESS_OK;
}

/* The same behind the key of its group and a TAB. */
static enum sess_status
write_keyed(void *arg, unsigned worker, const struct sess_event *ev, struct sess_buf *out,
    struct sess_err *err)
{
	if (sess_event_key(ev, out) < 0 || sess_buf_putc(out, '\t') < 0)
		return sess_err_nomem(err);
	return write_event(arg, worker, ev, out, err);
}

static void
own(void *arg, enum option opt, const char *value)
{
	struct cli *c = arg;

	(void)value;
	if (opt == OPT_KEYED)
		c->stream.map = write_keyed;
}

int
main(int argc, char **argv)
{
	struct sess_stream_block block;
	struct sess_stream *stream;
	struct cli c;

	cli_start(&c, "sess-ingest", INGEST, usage);
	c.stream.map = write_event;
	cli_options(&c, argc, argv, own, &c);
	stream = cli_stream(&c);
	while (!cli_put_failed() && cli_next(&c, stream, &block, -1)) {
		cli_put(block.data, block.len);
		if (block.pause)
			cli_flush();
	}
	cli_done(&c, stream);
	return cli_finish(CLI_YES);
}
