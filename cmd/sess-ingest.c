/* sess-ingest: log archives of any kind to canonical events. */
#include "cli.h"

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

int
main(int argc, char **argv)
{
	struct sess_stream_block block;
	struct sess_stream *stream;
	struct cli c;

	cli_start(&c, "sess-ingest", INGEST, usage);
	cli_options(&c, argc, argv, NULL, NULL);
	c.stream.map = write_event;
	stream = cli_stream(&c);
	while (!cli_put_failed() && cli_next(&c, stream, &block, -1)) {
		cli_put(block.data, block.len);
		if (block.pause)
			cli_flush();
	}
	cli_done(&c, stream);
	return cli_finish(CLI_YES);
}
