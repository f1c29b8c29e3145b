/* sess-find: the sessions that match. */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "choice.h"
#include "cli.h"
#include "names.h"
#include "sess/query.h"
#include "sess/when.h"

#define TICK 1000			/* ms between two looks for sessions that are idle */
#define IDLE (30 * 60 * 1000)		/* of --follow */

static const char usage[] =
    "usage: sess-find [OPTION]... [FILE|DIRECTORY]...\n"
    "\n"
    "Write the events of the sessions that match.  Reads logs of any kind and events;\n"
    "with no operand, standard input.\n"
    "\n"
    "  sess-find --user-name 张伟 logs/*.gz | sess-path\n"
    "  sess-find -l --has-error --since 2h logs/\n"
    "  sess-find -w 'js_errors > 2 and duration_ms > 60000' --sort -js_errors -n 10 --ids logs/\n";

enum mode { EVENTS, LIST, IDS, COUNT };

struct worker {
	struct sess_query_scratch *scratch;
	struct sess_packer *packer;
};

struct find {
	struct cli cli;
	enum mode mode;
	bool each, limited;
	char end;			/* of an id */
	uint64_t limit;
	int64_t since, until, related;
	const char *sort;

	struct sess_query *query;
	struct sess_query_scratch *scratch;	/* of the main thread */
	struct worker *workers;
	bool narrow;			/* pass over what no --session asks for */
	const struct names *wanted;	/* read only the sessions of these ids, or NULL */
	const char *literals[SESS_STREAM_LITERALS + 1];	/* ids that records are chosen by */
	struct names chosen;		/* sessions to write in the second pass */
	struct choice choice;
	struct sess_buf text;

	uint64_t sessions, matched, given, found;	/* seen; ...; in the second pass */
	int64_t first, last;		/* of the sessions' times */
	uint64_t rejected, bodiless;

	pthread_mutex_t lock;		/* --each: what workers have to say */
	struct sess_err trouble;
	uint64_t troubles;
};

static void __attribute__((noreturn))
out_of_memory(void)
{
	struct sess_err err = { 0 };

	sess_err_nomem(&err);
	cli_die(NULL, &err);
}

/* -- options */

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
condition(struct find *f, enum option opt, const char *value)
{
	const struct sess_convert_opts *o = &f->cli.stream.convert;
	struct sess_err err = { 0 };

	if (o->hash_key != NULL)
		sess_query_hash_user(f->query, o->hash_key, o->hash_key_len);
	if (sess_query_add(f->query, cli_option_name(opt), value, &err) < 0)
		cli_misuse("--%s: %s", cli_option_name(opt), err.text);
}

static void
ids_from(struct find *f, const char *path)
{
	struct sess_err err = { 0 };
	size_t len;
	char *text = cli_read_file(path, &len);

	if (sess_query_add_ids(f->query, text, len, &err) < 0)
		cli_die("--ids-from", &err);
	free(text);
}

static void
set_mode(struct find *f, enum mode mode)
{
	if (f->mode != EVENTS && f->mode != mode)
		cli_misuse("only one of --list, --ids, --count");
	f->mode = mode;
}

static void
own_option(void *arg, enum option opt, const char *value)
{
	struct find *f = arg;
	static bool slow_load, slow_api;

	switch (opt) {
	case OPT_IDS_FROM:	ids_from(f, value); break;
	case OPT_SINCE:		f->since = cli_time(&f->cli, "since", value); break;
	case OPT_UNTIL:		f->until = cli_time(&f->cli, "until", value); break;
	case OPT_RELATED:
		f->related = (int64_t)cli_number("related", value, 0, 1000000) * 60000;
		break;
	case OPT_INVERT:	sess_query_invert(f->query, true); break;
	case OPT_LIST:		set_mode(f, LIST); break;
	case OPT_IDS:		set_mode(f, IDS); break;
	case OPT_COUNT:		set_mode(f, COUNT); break;
	case OPT_NULL_SEP:	f->end = '\0'; break;
	case OPT_SORT:		f->sort = value; break;
	case OPT_LIMIT:
		f->limit = cli_number("limit", value, 1, UINT64_MAX);
		f->limited = true;
		break;
	case OPT_EACH:		f->each = true; break;
	case OPT_SLOW_LOAD:
		condition(f, opt, value);
		lower_to(&f->cli.session.slow_load, &slow_load, value);
		break;
	case OPT_SLOW_API:
		condition(f, opt, value);
		lower_to(&f->cli.session.slow_api, &slow_api, value);
		break;
	default:
		condition(f, opt, value);
	}
}

/* Options that make no sense together. */
static void
check_options(struct find *f)
{
	if (f->since != SESS_NO_TIME && f->until != SESS_NO_TIME && f->since >= f->until)
		cli_misuse("--since is not before --until");
	if (f->end == '\0' && f->mode != IDS)
		cli_misuse("--null is for --ids");
	if (f->each && !f->cli.follow)
		cli_misuse("--each is for --follow");
	if (f->cli.follow && (f->sort != NULL || f->related >= 0))
		cli_misuse("--follow does not wait for the end: no --sort, no --related");
	if (f->each && (f->mode != EVENTS || f->limited))
		cli_misuse("--each writes events: no --list, --ids, --count, --limit");
	if (f->each && !sess_query_of_one_event(f->query))
		cli_misuse("--each looks at single events: no --where, no --path");
}

static unsigned
cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static void
parse(struct find *f, int argc, char **argv)
{
	struct sess_err err = { 0 };
	struct sess_stream_opts *o = &f->cli.stream;
	unsigned i;

	if (sess_query_new(&f->query, &err) < 0)
		cli_die(NULL, &err);
	cli_options(&f->cli, argc, argv, own_option, f);
	check_options(f);
	sess_query_range(f->query, f->since, f->until);
	if (sess_query_compile(f->query, &err) < 0 ||
	    sess_query_scratch_new(&f->scratch, f->query, &err) < 0)
		cli_die(NULL, &err);
	choice_init(&f->choice, f->sort, f->related, f->cli.session.tmpdir);
	if (o->jobs == 0)
		o->jobs = cores();
	o->arg = f;
	f->workers = calloc(o->jobs, sizeof(*f->workers));
	if (f->workers == NULL)
		out_of_memory();
	for (i = 0; i < o->jobs; i++)
		if (sess_query_scratch_new(&f->workers[i].scratch, f->query, &err) < 0)
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
	struct find *f = arg;

	sess_packer_reset(f->workers[worker].packer);
}

static enum sess_status
pack_event(void *arg, unsigned worker, const struct sess_event *ev, struct sess_buf *out,
    struct sess_err *err)
{
	struct find *f = arg;
	struct worker *w = &f->workers[worker];
	struct sess_slice key = key_of(ev);
	uint32_t marks;

	if (f->narrow && !sess_query_wants(f->query, ev))
		return SESS_OK;
	/* who has no id at all is named by the packer: that can't be told here */
	if (f->wanted != NULL && key.len > 0 &&
	    names_find(f->wanted, key.p, key.len) == NAMES_NONE)
		return SESS_OK;
	/* a limit that is hit is in the marks, and said once for the session */
	if (sess_query_event(f->query, w->scratch, ev, &marks, NULL) == SESS_ENOMEM ||
	    sess_pack(w->packer, ev, marks, out) < 0)
		return sess_err_nomem(err);
	return SESS_OK;
}

/* Whose the events are that meet a condition: 's' or 'v', length, id. */
static enum sess_status
give_key(void *arg, unsigned worker, const struct sess_event *ev, struct sess_buf *out,
    struct sess_err *err)
{
	struct find *f = arg;
	struct sess_slice key = key_of(ev);
	char kind = sess_event_has(ev, SESS_K_SESSION_ID) ? 's' : 'v';
	uint32_t marks;

	if (sess_query_event(f->query, f->workers[worker].scratch, ev, &marks, NULL) ==
	    SESS_ENOMEM)
		return sess_err_nomem(err);
	if (marks == 0)
		return SESS_OK;
	if (sess_buf_putc(out, kind) < 0 || sess_buf_add(out, &key.len, sizeof(key.len)) < 0 ||
	    sess_buf_add(out, key.p, key.len) < 0)
		return sess_err_nomem(err);
	return SESS_OK;
}

static enum sess_status
write_if_match(void *arg, unsigned worker, const struct sess_event *ev,
    struct sess_buf *out, struct sess_err *err)
{
	struct find *f = arg;
	struct sess_err why = { 0 };
	enum sess_status st;
	uint32_t marks;

	st = sess_query_event(f->query, f->workers[worker].scratch, ev, &marks, &why);
	if (st == SESS_ELIMIT) {
		pthread_mutex_lock(&f->lock);
		f->trouble = why;
		f->troubles++;
		pthread_mutex_unlock(&f->lock);
		return SESS_OK;
	}
	if (st == SESS_OK && sess_query_holds(f->query, ev, marks))
		st = sess_event_write(ev, out);
	return st < 0 ? sess_err_nomem(err) : SESS_OK;
}

/* -- sessions on their way out */

/* What the session is written as, behind what f->text holds. */
static void
make_text(struct find *f, const struct sess_session *s)
{
	size_t i, at = f->text.len;

	if (f->mode == LIST && sess_session_write(s, &f->text) < 0)
		out_of_memory();
	if (f->mode == IDS) {
		if (sess_buf_add(&f->text, s->key.p, s->key.len) < 0 ||
		    sess_buf_putc(&f->text, f->end) < 0)
			out_of_memory();
		/* an id must not become two, nor steer a terminal */
		for (i = at; f->end == '\n' && i + 1 < f->text.len; i++)
			if ((unsigned char)f->text.data[i] < ' ' || f->text.data[i] == 0x7f)
				f->text.data[i] = '?';
	}
	for (i = 0; f->mode == EVENTS && i < s->nmembers; i++)
		if (sess_buf_add(&f->text, s->members[i].line, s->members[i].line_len) < 0 ||
		    sess_buf_putc(&f->text, '\n') < 0)
			out_of_memory();
	if (f->mode == EVENTS && s->oversize)
		cli_warnf("session %.*s: its %" PRIu64 " events are more than --max-events: "
		    "not written", (int)s->key.len, s->key.p, s->events);
}

/* A session that is to be written, in the order of the output. */
static void
give(struct find *f, const struct sess_session *s)
{
	if (f->given == f->limit)
		return;
	f->given++;
	f->text.len = 0;
	make_text(f, s);
	cli_put(f->text.data, f->text.len);
}

static bool
ask(struct find *f, const struct sess_session *s)
{
	struct sess_err err = { 0 };
	enum sess_status st;
	bool match;

	if (f->sessions++ == 0 || s->start < f->first)
		f->first = s->start;
	if (f->sessions == 1 || s->end > f->last)
		f->last = s->end;
	st = sess_query_session(f->query, f->scratch, s, &match, &err);
	if (st == SESS_ENOMEM)
		out_of_memory();
	if (st < 0)
		cli_warn(NULL, &err);
	f->matched += match;
	return match;
}

/* All in one: decide and write. */
static void
take_all(struct find *f, const struct sess_session *s)
{
	bool match = ask(f, s);

	if (!choice_waits(&f->choice)) {
		if (match)
			give(f, s);
		return;
	}
	if (!match && f->related < 0)
		return;
	f->text.len = 0;
	make_text(f, s);
	choice_add(&f->choice, s, match, f->text.data, f->text.len);
}

/* First of two passes: decide only. */
static void
take_match(struct find *f, const struct sess_session *s)
{
	bool match = ask(f, s);

	if (match || f->related >= 0)
		choice_add(&f->choice, s, match, NULL, 0);
}

/* Second of two passes: write what was chosen. */
static void
take_chosen(struct find *f, const struct sess_session *s)
{
	struct sess_slice name = choice_name_of(&f->choice, s);
	size_t i = names_find(&f->chosen, name.p, name.len);

	if (i == NAMES_NONE)
		return;
	f->found++;
	f->text.len = 0;
	make_text(f, s);
	if (f->sort == NULL)
		cli_put(f->text.data, f->text.len);
	else
		choice_text(&f->choice, i, f->text.data, f->text.len);
}

/* Only to know why nothing was found. */
static void
take_none(struct find *f, const struct sess_session *s)
{
	(void)ask(f, s);
}

/* -- passes over the input */

static void
make_packers(struct find *f, const struct sess_session_opts *o)
{
	struct sess_err err = { 0 };
	unsigned i;

	for (i = 0; i < f->cli.stream.jobs; i++) {
		sess_packer_free(f->workers[i].packer);
		if (sess_packer_new(&f->workers[i].packer, o, &err) < 0)
			cli_die(NULL, &err);
	}
}

static void
note_books(struct find *f, const struct sess_stream *s)
{
	struct sess_books b = { 0 };

	sess_stream_books(s, &b);
	f->rejected = b.rejected;
	f->bodiless = b.nobody;
}

static struct sess_gather *
start_gathering(struct find *f, bool lines)
{
	struct sess_session_opts o = f->cli.session;
	struct sess_gather *g;
	struct sess_err err = { 0 };

	o.lines = lines;
	make_packers(f, &o);
	f->cli.stream.map = pack_event;
	f->cli.stream.begin = begin_block;
	if (sess_gather_new(&g, &o, &err) < 0)
		cli_die(NULL, &err);
	return g;
}

/* Gather whole sessions and have each of them taken, in order. */
static void
gather_pass(struct find *f, bool lines, const char *literal,
    void (*take)(struct find *, const struct sess_session *))
{
	struct sess_gather *g = start_gathering(f, lines);
	struct sess_stream_block block;
	struct sess_stream *stream;
	const struct sess_session *s;
	struct sess_err err = { 0 };
	enum sess_status st;

	f->cli.stream.literal = literal;
	f->cli.stream.unordered = true;
	stream = cli_stream(&f->cli);
	while (cli_next(&f->cli, stream, &block, -1))
		if (block.len > 0 && sess_gather_add(g, block.data, block.len, &err) < 0)
			cli_die(NULL, &err);
	note_books(f, stream);
	cli_done(&f->cli, stream);
	while ((st = sess_gather_next(g, &s, &err)) == SESS_OK && !cli_put_failed())
		take(f, s);
	if (st < 0)
		cli_die(NULL, &err);
	sess_gather_free(g);
}

/* Only the ids of sessions with an event that has the literal where it was
 * asked for.  *ids is false where one of them is a visitor. */
static void
collect_pass(struct find *f, const char *literal, struct names *keys, bool *ids)
{
	struct sess_stream_block block;
	struct sess_stream *stream;
	const char *p;
	size_t len;

	*ids = true;
	f->cli.stream.map = give_key;
	f->cli.stream.begin = NULL;
	f->cli.stream.literal = literal;
	f->cli.stream.unordered = true;
	stream = cli_stream(&f->cli);
	while (cli_next(&f->cli, stream, &block, -1))
		for (p = block.data; p < block.data + block.len; p += len) {
			*ids &= *p++ == 's';
			memcpy(&len, p, sizeof(len));
			p += sizeof(len);
			(void)names_add(keys, p, len);
		}
	cli_done(&f->cli, stream);
}

/* Read only records that can hold one of the ids, where that is sound: all are
 * ids of sessions, few, and stand in the log as they are. */
static void
look_for(struct find *f, const struct names *keys, bool ids)
{
	struct sess_slice key;
	size_t i;

	f->cli.stream.literals = NULL;
	if (!ids || keys->n > SESS_STREAM_LITERALS || f->cli.stream.convert.map != NULL)
		return;
	for (i = 0; i < keys->n; i++) {
		key = names_get(keys, i);
		if (!sess_query_safe(key.p, key.len))
			return;
		f->literals[i] = key.p;
	}
	f->literals[i] = NULL;
	f->cli.stream.literals = f->literals;
}

/* Look for the literal first: few records need to be converted. */
static void
two_quick_passes(struct find *f, const char *literal)
{
	struct names keys = { 0 };
	bool ids;

	collect_pass(f, literal, &keys, &ids);
	if (keys.n > 0) {
		f->wanted = &keys;
		look_for(f, &keys, ids);
		gather_pass(f, true, NULL, take_all);
		f->cli.stream.literals = NULL;
		f->wanted = NULL;
	}
	names_release(&keys);
}

/* Decide without lines, then read those of the chosen sessions only. */
static void
two_passes(struct find *f)
{
	struct names keys = { 0 };
	struct sess_slice s;
	bool visitor, ids = true;
	size_t i, n;

	gather_pass(f, false, NULL, take_match);
	f->matched = n = choice_settle(&f->choice);
	f->given = n < f->limit ? n : f->limit;
	for (i = 0; i < f->given; i++) {
		s = choice_name(&f->choice, i);
		(void)names_add(&f->chosen, s.p, s.len);
		s = choice_key(&f->choice, i, &visitor);
		(void)names_add(&keys, s.p, s.len);
		ids &= !visitor;
	}
	if (n > 0) {
		f->wanted = &keys;
		look_for(f, &keys, ids);
		gather_pass(f, true, NULL, take_chosen);
		f->cli.stream.literals = NULL;
		f->wanted = NULL;
		if (f->found < f->given && !cli_put_failed())
			cli_warnf("the input changed while it was read: %" PRIu64
			    " sessions of %" PRIu64 " are gone", f->given - f->found, f->given);
		for (i = 0; f->sort != NULL && i < f->given; i++)
			choice_put(&f->choice, i);
	}
	names_release(&keys);
}

/* Write the sessions that had to wait. */
static void
put_waiting(struct find *f)
{
	size_t i, n;

	if (!choice_waits(&f->choice))
		return;
	f->matched = n = choice_settle(&f->choice);
	f->given = n < f->limit ? n : f->limit;
	for (i = 0; i < f->given; i++)
		choice_put(&f->choice, i);
}

/* Whether the input can be read again: files, and folders, of which only files
 * are read. */
static bool
rereadable(const struct find *f)
{
	const char *const *op = f->cli.stream.operands;
	struct stat st;

	for (; *op != NULL; op++)
		if (strcmp(*op, "-") == 0 || (stat(*op, &st) == 0 &&
		    !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
			return false;
	return op != f->cli.stream.operands;
}

/* Whether records may be passed over: nobody wants the books of all of them,
 * and what is asked for stands in them as it was typed. */
static bool
may_skip(const struct find *f)
{
	const struct cli *c = &f->cli;

	return !c->verbose && c->summary == NULL && c->rejects == NULL &&
	    !c->stream.strict && c->stream.convert.map == NULL;
}

static void
explain(const struct find *f)
{
	struct sess_buf b = { 0 };
	char from[SESS_WHEN_LEN], to[SESS_WHEN_LEN];
	const char *holds;
	uint64_t n;
	size_t i;

	if (f->cli.quiet)
		return;
	if (f->sessions > 0) {
		sess_when_format(f->first, from);
		sess_when_format(f->last, to);
		(void)sess_buf_printf(&b, " (%.10s %.5sZ-%.10s%s%.5sZ)", from, from + 11,
		    memcmp(from, to, 10) == 0 ? "" : to,
		    memcmp(from, to, 10) == 0 ? "" : " ", to + 11);
	}
	for (i = 0; sess_query_why(f->scratch, i, &holds, &n); i++)
		(void)sess_buf_printf(&b, "; %" PRIu64 " %s", n, holds);
	if (f->rejected > 0)
		(void)sess_buf_printf(&b, "; %" PRIu64 " record%s rejected", f->rejected,
		    f->rejected == 1 ? "" : "s");
	if (f->bodiless > 0)
		(void)sess_buf_printf(&b, "; %" PRIu64 " record%s without a body in the log",
		    f->bodiless, f->bodiless == 1 ? "" : "s");
	/* a search that passed over records has said nothing of bad ones */
	if (f->rejected > 0)
		cli_warnf("0 of %" PRIu64 " sessions%.*s", f->sessions, (int)b.len, b.data);
	else
		cli_note(&f->cli, "0 of %" PRIu64 " sessions%.*s", f->sessions, (int)b.len,
		    b.data != NULL ? b.data : "");
	sess_buf_release(&b);
}

/* All that is found once the input has ended. */
static void
search(struct find *f)
{
	bool again = rereadable(f), each = false, alone, skipped = false;
	const char *literal = may_skip(f) ? sess_query_literal(f->query, &each) : NULL;

	/* whether a session can be judged while others are not read */
	alone = f->mode == EVENTS && f->related < 0 && sess_query_of_events(f->query);
	if (alone && again && sess_query_by_id(f->query)) {
		f->narrow = skipped = true;
		gather_pass(f, true, each ? literal : NULL, take_all);
		f->narrow = false;
	} else if (alone && again && literal != NULL && !each) {
		skipped = true;
		two_quick_passes(f, literal);
	} else if (f->mode == EVENTS && again && !sess_query_empty(f->query)) {
		two_passes(f);
		return;
	} else
		gather_pass(f, f->mode == EVENTS, NULL, take_all);
	put_waiting(f);
	if (f->matched == 0 && skipped && !f->cli.quiet) {
		f->sessions = 0;
		sess_query_scratch_free(f->scratch);
		if (sess_query_scratch_new(&f->scratch, f->query, NULL) < 0)
			out_of_memory();
		gather_pass(f, false, NULL, take_none);
	}
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
give_ripe(struct find *f, struct sess_gather *g, int64_t now, int64_t idle)
{
	const struct sess_session *s;
	struct sess_err err = { 0 };
	enum sess_status st;

	while ((st = sess_gather_ripe(g, now, idle, &s, &err)) == SESS_OK)
		if (ask(f, s))
			give(f, s);
	if (st < 0)
		cli_die(NULL, &err);
}

static void
follow_sessions(struct find *f)
{
	const struct sess_session_opts *o = &f->cli.session;
	int64_t idle = o->rule.idle > 0 ? o->rule.idle : o->visit.idle > 0 ? o->visit.idle : IDLE;
	struct sess_gather *g = start_gathering(f, f->mode == EVENTS);
	struct sess_stream *stream = cli_stream(&f->cli);
	struct sess_stream_block block;
	struct sess_err err = { 0 };
	int64_t now, last = 0;

	give_ripe(f, g, steady_ms(), idle);	/* tells that it is live */
	while (!cli_put_failed() && f->given < f->limit &&
	    cli_next(&f->cli, stream, &block, TICK)) {
		if (block.len > 0 && sess_gather_add(g, block.data, block.len, &err) < 0)
			cli_die(NULL, &err);
		now = steady_ms();
		if (!block.pause && now - last < TICK)
			continue;
		last = now;
		give_ripe(f, g, now, idle);
		cli_flush();
	}
	give_ripe(f, g, INT64_MAX, idle);
	note_books(f, stream);
	cli_done(&f->cli, stream);
	sess_gather_free(g);
}

static void
say_troubles(struct find *f)
{
	pthread_mutex_lock(&f->lock);
	if (f->troubles > 1)
		cli_warnf("%" PRIu64 " events could not be judged; the last: %s", f->troubles,
		    f->trouble.text);
	else if (f->troubles == 1)
		cli_warn(NULL, &f->trouble);
	f->troubles = 0;
	pthread_mutex_unlock(&f->lock);
}

static void
follow_each(struct find *f)
{
	struct sess_stream_block block;
	struct sess_stream *stream;

	f->cli.stream.map = write_if_match;
	stream = cli_stream(&f->cli);
	while (!cli_put_failed() && cli_next(&f->cli, stream, &block, -1)) {
		cli_put(block.data, block.len);
		f->matched += block.len > 0;
		if (block.pause)
			cli_flush();
		say_troubles(f);
	}
	cli_done(&f->cli, stream);
}

/* -- end */

static void
finish(struct find *f)
{
	char count[32];
	int len;

	if (f->mode == COUNT) {
		len = snprintf(count, sizeof(count), "%" PRIu64 "\n", f->given);
		cli_put(count, (size_t)len);
	}
	if (f->matched > f->given && f->given > 0)
		cli_note(&f->cli, "%" PRIu64 " of %" PRIu64 " sessions", f->given, f->matched);
	if (f->matched == 0 && !f->each)
		explain(f);
}

static void
release(struct find *f)
{
	unsigned i;

	for (i = 0; i < f->cli.stream.jobs; i++) {
		sess_query_scratch_free(f->workers[i].scratch);
		sess_packer_free(f->workers[i].packer);
	}
	free(f->workers);
	sess_query_scratch_free(f->scratch);
	sess_query_free(f->query);
	choice_release(&f->choice);
	names_release(&f->chosen);
	sess_buf_release(&f->text);
}

int
main(int argc, char **argv)
{
	struct find f = { .end = '\n', .limit = UINT64_MAX, .since = SESS_NO_TIME,
	    .until = SESS_NO_TIME, .related = -1, .lock = PTHREAD_MUTEX_INITIALIZER };
	bool found;

	cli_start(&f.cli, "sess-find", FIND, usage);
	parse(&f, argc, argv);
	if (f.each)
		follow_each(&f);
	else if (f.cli.follow)
		follow_sessions(&f);
	else
		search(&f);
	finish(&f);
	found = f.matched > 0 || f.cli.no_match_ok;
	release(&f);
	return cli_finish(found ? CLI_YES : CLI_NO);
}
