#include "search.h"

#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "sess/when.h"

#define TOLD 10				/* sessions that could not be decided; then they are counted */
#define TICK 1000			/* ms between two looks for sessions that are idle */

struct search_worker {
	struct sess_query_scratch *scratch;
	struct sess_packer *packer;
};

static void __attribute__((noreturn))
out_of_memory(void)
{
	struct sess_err err = { 0 };

	sess_err_nomem(&err);
	cli_die(NULL, &err);
}

/* -- options */

void
search_init(struct search *s, struct cli *c)
{
	struct sess_err err = { 0 };

	*s = (struct search){ .cli = c, .since = SESS_NO_TIME, .until = SESS_NO_TIME };
	if (sess_query_new(&s->query, &err) < 0)
		cli_die(NULL, &err);
}

/* Several thresholds: a session may meet any. */
static void
lower_to(double *threshold, bool *given, const char *value)
{
	double ms = value != NULL ? strtod(value, NULL) : *threshold;

	if (!*given || ms < *threshold)
		*threshold = ms;
	*given = true;
}

static void
condition(struct search *s, enum option opt, const char *value)
{
	const struct sess_convert_opts *o = &s->cli->stream.convert;
	struct sess_err err = { 0 };

	if (o->hash_key != NULL)
		sess_query_hash_user(s->query, o->hash_key, o->hash_key_len);
	if (sess_query_add(s->query, cli_option_name(opt), value, &err) < 0)
		cli_misuse("--%s: %s", cli_option_name(opt), err.text);
	s->of_end |= opt == OPT_WHERE && strcasestr(value, "end_reason") != NULL;
	if (opt == OPT_SLOW_LOAD)
		lower_to(&s->cli->session.slow_load, &s->slow_load, value);
	if (opt == OPT_SLOW_API)
		lower_to(&s->cli->session.slow_api, &s->slow_api, value);
}

static void
ids_from(struct search *s, const char *path)
{
	struct sess_err err = { 0 };
	size_t len;
	char *text = cli_read_file(path, &len);

	if (sess_query_add_ids(s->query, text, len, &err) < 0)
		cli_die("--ids-from", &err);
	free(text);
}

bool
search_option(struct search *s, enum option opt, const char *value)
{
	switch (opt) {
	case OPT_IDS_FROM:	ids_from(s, value); break;
	case OPT_SINCE:		s->since = cli_time(s->cli, "since", value); break;
	case OPT_UNTIL:		s->until = cli_time(s->cli, "until", value); break;
	case OPT_INVERT:	sess_query_invert(s->query, true); break;
	default:
		if (sess_query_condition(cli_option_name(opt)) < 0)
			return false;
		condition(s, opt, value);
	}
	return true;
}

static unsigned
cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

void
search_start(struct search *s)
{
	struct sess_stream_opts *o = &s->cli->stream;
	struct sess_err err = { 0 };
	unsigned i;

	if (s->since != SESS_NO_TIME && s->until != SESS_NO_TIME && s->since >= s->until)
		cli_misuse("--since is not before --until");
	if (s->of_end && s->cli->part)
		cli_misuse("how sessions ended (end_reason) a part can't tell without --newest");
	sess_query_range(s->query, s->since, s->until);
	if (sess_query_compile(s->query, &err) < 0 ||
	    sess_query_scratch_new(&s->scratch, s->query, &err) < 0)
		cli_die(NULL, &err);
	if (o->jobs == 0)
		o->jobs = cores();
	s->workers = calloc(o->jobs, sizeof(*s->workers));
	if (s->workers == NULL)
		out_of_memory();
	for (i = 0; i < o->jobs; i++)
		if (sess_query_scratch_new(&s->workers[i].scratch, s->query, &err) < 0)
			cli_die(NULL, &err);
}

/* -- on the workers */

/* The id that tells whose the event is; empty where it has none. */
static struct sess_slice
key_of(const struct sess_event *ev)
{
	return sess_event_get(ev, sess_event_has(ev, SESS_K_SESSION_ID) ?
	    SESS_K_SESSION_ID : SESS_K_VISITOR);
}

static void
begin_block(void *arg, unsigned worker)
{
	struct search *s = arg;

	sess_packer_reset(s->workers[worker].packer);
}

static enum sess_status
pack_event(void *arg, unsigned worker, const struct sess_event *ev, struct sess_buf *out,
    struct sess_err *err)
{
	struct search *s = arg;
	struct search_worker *w = &s->workers[worker];
	struct sess_slice key = key_of(ev);
	uint32_t marks;

	if (s->narrow && !sess_query_wants(s->query, ev))
		return SESS_OK;
	/* who has no id at all is named by the packer: that can't be told here */
	if (s->wanted != NULL && key.len > 0 &&
	    names_find(s->wanted, key.p, key.len) == NAMES_NONE)
		return SESS_OK;
	/* a limit that is hit is in the marks, and said once for the session */
	if (sess_query_event(s->query, w->scratch, ev, &marks, NULL) == SESS_ENOMEM ||
	    sess_pack(w->packer, ev, marks, out) < 0)
		return sess_err_nomem(err);
	return SESS_OK;
}

/* Whose the events are that meet a condition: 's' or 'v', length, id. */
static enum sess_status
give_key(void *arg, unsigned worker, const struct sess_event *ev, struct sess_buf *out,
    struct sess_err *err)
{
	struct search *s = arg;
	struct sess_slice key = key_of(ev);
	char kind = sess_event_has(ev, SESS_K_SESSION_ID) ? 's' : 'v';
	uint32_t marks;

	if (sess_query_event(s->query, s->workers[worker].scratch, ev, &marks, NULL) ==
	    SESS_ENOMEM)
		return sess_err_nomem(err);
	if (marks == 0)
		return SESS_OK;
	if (sess_buf_putc(out, kind) < 0 || sess_buf_add(out, &key.len, sizeof(key.len)) < 0 ||
	    sess_buf_add(out, key.p, key.len) < 0)
		return sess_err_nomem(err);
	return SESS_OK;
}

/* -- passes over the input */

/* What is read of a store. */
static void
choose(struct search *s)
{
	struct sess_slice *ids = NULL;
	size_t i, n = s->wanted != NULL ? s->wanted->n : 0;

	if (s->cli->store == NULL)
		return;
	if (s->wanted != NULL && (ids = calloc(n + 1, sizeof(*ids))) == NULL)
		out_of_memory();
	for (i = 0; i < n; i++)
		ids[i] = names_get(s->wanted, i);
	cli_choose(s->cli, s->whole || ids != NULL ? NULL : s->query, ids, n);
	free(ids);
}

/* Have the workers pack what is read; *o: for who puts it together. */
static void
start_packing(struct search *s, const struct search_kept *kept, struct sess_session_opts *o)
{
	struct sess_stream_opts *stream = &s->cli->stream;
	struct sess_err err = { 0 };
	unsigned i;

	*o = s->cli->session;
	o->lines = kept->lines;
	o->note = kept->note;
	o->note_arg = kept->note_arg;
	for (i = 0; i < stream->jobs; i++) {
		sess_packer_free(s->workers[i].packer);
		if (sess_packer_new(&s->workers[i].packer, o, &err) < 0)
			cli_die(NULL, &err);
	}
	stream->map = pack_event;
	stream->begin = begin_block;
	stream->arg = s;
}

static struct sess_gather *
start_gathering(struct search *s, const struct search_kept *kept)
{
	struct sess_session_opts o;
	struct sess_gather *g;
	struct sess_err err = { 0 };

	start_packing(s, kept, &o);
	if (sess_gather_new(&g, &o, &err) < 0)
		cli_die(NULL, &err);
	return g;
}

/* The books of what was read, and the end of reading. */
static void
stop_reading(struct search *s, struct sess_stream *stream)
{
	struct sess_books b = { 0 };

	sess_stream_books(stream, &b);
	s->rejected = b.rejected;
	s->bodiless = b.nobody;
	cli_done(s->cli, stream);
}

/* -- sorted input: a session at a time, as they come */

static void
reduce(struct search *s, const struct search_kept *kept, sess_gather_take *take, void *arg)
{
	struct sess_session_opts o;
	struct sess_reducer *r;
	struct sess_err err = { 0 };

	start_packing(s, kept, &o);
	if (sess_reducer_new(&r, &o, &err) < 0)
		cli_die(NULL, &err);
	stop_reading(s, cli_reduce(s->cli, r, take, arg));
	s->newest = sess_reducer_newest(r);
	sess_reducer_free(r);
}

struct taking {
	search_take *take;
	void *arg;
};

static enum sess_status
take_one(void *arg, unsigned thread, const struct sess_session *session, struct sess_err *err)
{
	const struct taking *t = arg;

	(void)thread, (void)err;
	t->take(t->arg, session);
	return cli_put_failed() ? SESS_END : SESS_OK;
}

/* -- any input */

/* Read all of the input. */
static struct sess_gather *
gather(struct search *s, const struct search_kept *kept, const char *literal)
{
	struct sess_gather *g;
	struct sess_stream_block block;
	struct sess_stream *stream;
	struct sess_err err = { 0 };

	choose(s);
	g = start_gathering(s, kept);
	s->cli->stream.literal = literal;
	s->cli->stream.unordered = true;
	stream = cli_stream(s->cli);
	while (cli_next(s->cli, stream, &block, -1))
		if (block.len > 0 && sess_gather_add(g, block.data, block.len, &err) < 0)
			cli_die(NULL, &err);
	stop_reading(s, stream);
	/* lines tell nothing of how a session ended */
	if (!kept->lines || kept->note != NULL || !sess_query_of_events(s->query))
		cli_tell_newest(s->cli, g, s->tell_newest);
	return g;
}

void
search_gather(struct search *s, const struct search_kept *kept, const char *literal,
    search_take *take, void *arg)
{
	struct taking t = { take, arg };
	const struct sess_session *session;
	struct sess_gather *g;
	struct sess_err err = { 0 };
	enum sess_status st;

	if (s->cli->session.sorted) {
		reduce(s, kept, take_one, &t);
		return;
	}
	g = gather(s, kept, literal);
	while ((st = sess_gather_next(g, &session, &err)) == SESS_OK && !cli_put_failed())
		take(arg, session);
	if (st < 0)
		cli_die(NULL, &err);
	s->newest = sess_gather_newest(g);
	sess_gather_free(g);
}

void
search_gather_each(struct search *s, const struct search_kept *kept, sess_gather_take *take,
    void *arg)
{
	struct sess_gather *g;
	struct sess_err err = { 0 };

	if (s->cli->session.sorted) {
		reduce(s, kept, take, arg);
		return;
	}
	g = gather(s, kept, NULL);
	if (sess_gather_each(g, s->cli->stream.jobs, take, arg, &err) < 0)
		cli_die(NULL, &err);
	s->newest = sess_gather_newest(g);
	sess_gather_free(g);
}

void
search_keys(struct search *s, const char *literal, struct names *keys, bool *ids)
{
	struct sess_stream_block block;
	struct sess_stream *stream;
	const char *p;
	size_t len;

	*ids = true;
	s->cli->stream.map = give_key;
	s->cli->stream.begin = NULL;
	s->cli->stream.arg = s;
	s->cli->stream.literal = literal;
	s->cli->stream.unordered = true;
	stream = cli_stream(s->cli);
	while (cli_next(s->cli, stream, &block, -1))
		for (p = block.data; p < block.data + block.len; p += len) {
			*ids &= *p++ == 's';
			memcpy(&len, p, sizeof(len));
			p += sizeof(len);
			(void)names_add(keys, p, len);
		}
	cli_done(s->cli, stream);
}

/* Read only records that can hold one of the ids, where that is sound: all are
 * ids of sessions, few, and stand in the log as they are. */
static void
look_for(struct search *s, const struct names *keys, bool ids)
{
	struct sess_slice key;
	size_t i;

	s->cli->stream.literals = NULL;
	if (!ids || keys->n > SESS_STREAM_LITERALS || s->cli->stream.convert.map != NULL)
		return;
	for (i = 0; i < keys->n; i++) {
		key = names_get(keys, i);
		if (!sess_query_safe(key.p, key.len))
			return;
		s->literals[i] = key.p;
	}
	s->literals[i] = NULL;
	s->cli->stream.literals = s->literals;
}

void
search_gather_named(struct search *s, const struct names *keys, bool ids,
    const struct search_kept *kept, search_take *take, void *arg)
{
	s->wanted = keys;
	if (s->cli->store == NULL)
		look_for(s, keys, ids);
	search_gather(s, kept, NULL, take, arg);
	s->cli->stream.literals = NULL;
	s->wanted = NULL;
}

/* -- live input */

static int64_t
steady_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
take_ripe(struct sess_gather *g, int64_t now, int64_t idle, search_take *take, void *arg)
{
	const struct sess_session *session;
	struct sess_err err = { 0 };
	enum sess_status st;

	while ((st = sess_gather_ripe(g, now, idle, &session, &err)) == SESS_OK)
		take(arg, session);
	if (st < 0)
		cli_die(NULL, &err);
}

void
search_follow(struct search *s, const struct search_kept *kept, search_take *take,
    bool (*done)(const void *arg), void *arg)
{
	int64_t idle = cli_quiet(s->cli);
	struct sess_gather *g = start_gathering(s, kept);
	struct sess_stream *stream = cli_stream(s->cli);
	struct sess_stream_block block;
	struct sess_err err = { 0 };
	int64_t now, last = 0;

	take_ripe(g, steady_ms(), idle, take, arg);	/* tells that it is live */
	while (!cli_put_failed() && !done(arg) && cli_next(s->cli, stream, &block, TICK)) {
		if (block.len > 0 && sess_gather_add(g, block.data, block.len, &err) < 0)
			cli_die(NULL, &err);
		now = steady_ms();
		if (!block.pause && now - last < TICK)
			continue;
		last = now;
		take_ripe(g, now, idle, take, arg);
		cli_flush();
	}
	take_ripe(g, INT64_MAX, idle, take, arg);
	stop_reading(s, stream);
	sess_gather_free(g);
}

/* -- what is asked */

struct sess_query_scratch *
search_scratch(const struct search *s, unsigned worker)
{
	return s->workers[worker].scratch;
}

bool
search_ask(struct search *s, const struct sess_session *session)
{
	struct sess_err err = { 0 };
	enum sess_status st;
	bool match;

	if (s->sessions++ == 0 || session->start < s->first)
		s->first = session->start;
	if (s->sessions == 1 || session->end > s->last)
		s->last = session->end;
	st = sess_query_session(s->query, s->scratch, session, &match, &err);
	if (st == SESS_ENOMEM)
		out_of_memory();
	if (st < 0 && !s->retold && s->undecided++ < TOLD)
		cli_warn(NULL, &err);
	s->matched += match;
	return match;
}

void
search_restart(struct search *s)
{
	s->sessions = s->matched = 0;
	s->retold = true;
	sess_query_scratch_free(s->scratch);
	if (sess_query_scratch_new(&s->scratch, s->query, NULL) < 0)
		out_of_memory();
}

const char *
search_literal(const struct search *s, bool *each)
{
	const struct cli *c = s->cli;

	*each = false;
	if (c->store != NULL || c->session.sorted || c->verbose || c->summary != NULL || c->rejects != NULL || c->stream.strict ||
	    c->stream.convert.map != NULL)
		return NULL;
	return sess_query_literal(s->query, each);
}

bool
search_rereadable(const struct search *s)
{
	const char *const *op = s->cli->stream.operands;
	struct stat st;

	if (s->cli->store != NULL)
		return true;
	if (s->cli->session.sorted)
		return false;		/* twice is not cheaper */
	for (; *op != NULL; op++)
		if (strcmp(*op, "-") == 0 || (stat(*op, &st) == 0 &&
		    !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
			return false;
	return op != s->cli->stream.operands;
}

/* Most sessions of a store were never looked at. */
static void
explain_store(const struct search *s)
{
	struct sess_store_figures f;
	char from[SESS_WHEN_LEN], to[SESS_WHEN_LEN];

	sess_store_figures(s->cli->store, &f);
	if (f.events == 0) {
		cli_note(s->cli, "0 of 0 sessions: the store is empty");
		return;
	}
	sess_when_format(f.first, from);
	sess_when_format(f.last, to);
	cli_note(s->cli, "0 sessions of the store match (%" PRIu64 " events, %.10s %.5sZ-%.10s %.5sZ)",
	    f.events, from, from + 11, to, to + 11);
}

void
search_explain(const struct search *s)
{
	struct sess_buf b = { 0 };
	char from[SESS_WHEN_LEN], to[SESS_WHEN_LEN];
	const char *holds;
	uint64_t n;
	size_t i;

	if (s->cli->quiet)
		return;
	if (s->cli->store != NULL && sess_store_narrowed(s->cli->store)) {
		explain_store(s);
		return;
	}
	if (s->sessions > 0) {
		sess_when_format(s->first, from);
		sess_when_format(s->last, to);
		(void)sess_buf_printf(&b, " (%.10s %.5sZ-%.10s%s%.5sZ)", from, from + 11,
		    memcmp(from, to, 10) == 0 ? "" : to,
		    memcmp(from, to, 10) == 0 ? "" : " ", to + 11);
	}
	for (i = 0; sess_query_why(s->scratch, i, &holds, &n); i++)
		(void)sess_buf_printf(&b, "; %" PRIu64 " %s", n, holds);
	if (s->undecided > 0)
		(void)sess_buf_printf(&b, "; %" PRIu64 " could not be decided", s->undecided);
	if (s->rejected > 0)
		(void)sess_buf_printf(&b, "; %" PRIu64 " record%s rejected", s->rejected,
		    s->rejected == 1 ? "" : "s");
	if (s->bodiless > 0)
		(void)sess_buf_printf(&b, "; %" PRIu64 " record%s without a body in the log",
		    s->bodiless, s->bodiless == 1 ? "" : "s");
	/* a search that passed over records has said nothing of bad ones */
	if (s->rejected > 0)
		cli_warnf("0 of %" PRIu64 " sessions%.*s", s->sessions, (int)b.len, b.data);
	else
		cli_note(s->cli, "0 of %" PRIu64 " sessions%.*s", s->sessions, (int)b.len,
		    b.data != NULL ? b.data : "");
	sess_buf_release(&b);
}

void
search_release(struct search *s)
{
	unsigned i;

	if (s->undecided > TOLD)
		cli_warnf("… and %" PRIu64 " more sessions that could not be decided",
		    s->undecided - TOLD);
	for (i = 0; s->workers != NULL && i < s->cli->stream.jobs; i++) {
		sess_query_scratch_free(s->workers[i].scratch);
		sess_packer_free(s->workers[i].packer);
	}
	free(s->workers);
	sess_query_scratch_free(s->scratch);
	sess_query_free(s->query);
	sess_store_free(s->cli->store);
}
