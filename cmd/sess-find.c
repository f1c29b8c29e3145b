/* sess-find: the sessions that match. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "choice.h"
#include "cli.h"
#include "names.h"
#include "search.h"
#include "sess/group.h"

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

/* What members keep: their lines where events are written. */
static const struct search_kept whole = { .lines = true }, nothing = { .lines = false };

struct find {
	struct cli cli;
	struct search search;
	enum mode mode;
	bool each, limited, keyed;
	char end;			/* of an id */
	uint64_t limit;
	int64_t related;
	const char *sort;

	struct names chosen;		/* sessions to write in the second pass */
	struct choice choice;
	struct sess_buf text, key;
	uint64_t matched, given, found;	/* ...; in the second pass */

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

	if (search_option(&f->search, opt, value))
		return;
	switch (opt) {
	case OPT_RELATED:
		f->related = (int64_t)cli_number("related", value, 0, 1000000) * 60000;
		break;
	case OPT_LIST:		set_mode(f, LIST); break;
	case OPT_IDS:		set_mode(f, IDS); break;
	case OPT_COUNT:		set_mode(f, COUNT); break;
	case OPT_KEYED:		f->keyed = true; break;
	case OPT_NULL_SEP:	f->end = '\0'; break;
	case OPT_SORT:		f->sort = value; break;
	case OPT_LIMIT:
		f->limit = cli_number("limit", value, 1, UINT64_MAX);
		f->limited = true;
		break;
	case OPT_EACH:		f->each = true; break;
	default:		break;
	}
}

/* Options that make no sense together. */
static void
check_options(struct find *f)
{
	if (f->end == '\0' && f->mode != IDS)
		cli_misuse("--null is for --ids");
	if (f->keyed && f->mode != EVENTS)
		cli_misuse("--keyed writes events: no --list, --ids, --count");
	if (f->related >= 0 && f->cli.stream.shard.of > 1)
		cli_misuse("--related looks at all sessions: no --shard");
	if (f->cli.part && f->sort != NULL && strstr(f->sort, "end_reason") != NULL)
		cli_misuse("how sessions ended (end_reason) a part can't tell without --newest");
	if (f->each && !f->cli.follow)
		cli_misuse("--each is for --follow");
	if (f->cli.follow && (f->sort != NULL || f->related >= 0))
		cli_misuse("--follow does not wait for the end: no --sort, no --related");
	if (f->each && (f->mode != EVENTS || f->limited))
		cli_misuse("--each writes events: no --list, --ids, --count, --limit");
	if (f->each && !sess_query_of_one_event(f->search.query))
		cli_misuse("--each looks at single events: no --where, no --path");
}

static void
parse(struct find *f, int argc, char **argv)
{
	search_init(&f->search, &f->cli);
	cli_options(&f->cli, argc, argv, own_option, f);
	check_options(f);
	search_start(&f->search);
	choice_init(&f->choice, f->sort, f->related, f->cli.session.tmpdir);
}

/* -- on the workers */

static enum sess_status
write_if_match(void *arg, unsigned worker, const struct sess_event *ev,
    struct sess_buf *out, struct sess_err *err)
{
	struct find *f = arg;
	struct sess_err why = { 0 };
	enum sess_status st;
	uint32_t marks;

	st = sess_query_event(f->search.query, search_scratch(&f->search, worker), ev, &marks,
	    &why);
	if (st == SESS_ELIMIT) {
		pthread_mutex_lock(&f->lock);
		f->trouble = why;
		f->troubles++;
		pthread_mutex_unlock(&f->lock);
		return SESS_OK;
	}
	if (st < 0 || !sess_query_holds(f->search.query, ev, marks))
		return st < 0 ? sess_err_nomem(err) : SESS_OK;
	if (f->keyed && (sess_event_key(ev, out) < 0 || sess_buf_putc(out, '\t') < 0))
		return sess_err_nomem(err);
	st = sess_event_write(ev, out);
	return st < 0 ? sess_err_nomem(err) : SESS_OK;
}

/* -- sessions on their way out */

/* Its events; a key, where wanted, is that of all of them. */
static void
make_events(struct find *f, const struct sess_session *s)
{
	bool visitor = s->session_id.len == 0;
	size_t i;

	f->key.len = 0;
	if (f->keyed && (sess_group_key(visitor ? s->visitor : s->session_id,
	    visitor ? NULL : &s->app_id, &f->key) < 0 || sess_buf_putc(&f->key, '\t') < 0))
		out_of_memory();
	for (i = 0; i < s->nmembers; i++)
		if (sess_buf_add(&f->text, f->key.data, f->key.len) < 0 ||
		    sess_buf_add(&f->text, s->members[i].line, s->members[i].line_len) < 0 ||
		    sess_buf_putc(&f->text, '\n') < 0)
			out_of_memory();
	if (s->oversize)
		cli_warnf("session %.*s: its %" PRIu64 " events are more than --max-events: "
		    "not written", (int)s->key.len, s->key.p, s->events);
}

/* What the session is written as, behind what f->text holds. */
static void
make_text(struct find *f, const struct sess_session *s)
{
	size_t i, at = f->text.len;

	if (f->mode == EVENTS)
		make_events(f, s);
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

/* All in one: decide and write. */
static void
take_all(void *arg, const struct sess_session *s)
{
	struct find *f = arg;
	bool match = search_ask(&f->search, s);

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
take_match(void *arg, const struct sess_session *s)
{
	struct find *f = arg;
	bool match = search_ask(&f->search, s);

	if (match || f->related >= 0)
		choice_add(&f->choice, s, match, NULL, 0);
}

/* Second of two passes: write what was chosen. */
static void
take_chosen(void *arg, const struct sess_session *s)
{
	struct find *f = arg;
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
take_none(void *arg, const struct sess_session *s)
{
	struct find *f = arg;

	(void)search_ask(&f->search, s);
}

/* -- passes over the input */

/* Look for the literal first: few records need to be converted. */
static void
two_quick_passes(struct find *f, const char *literal)
{
	struct names keys = { 0 };
	bool ids;

	search_keys(&f->search, literal, &keys, &ids);
	if (keys.n > 0)
		search_gather_named(&f->search, &keys, ids, &whole, take_all, f);
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

	search_gather(&f->search, &nothing, NULL, take_match, f);
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
		search_gather_named(&f->search, &keys, ids, &whole, take_chosen, f);
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

	f->matched = f->search.matched;
	if (!choice_waits(&f->choice))
		return;
	f->matched = n = choice_settle(&f->choice);
	f->given = n < f->limit ? n : f->limit;
	for (i = 0; i < f->given; i++)
		choice_put(&f->choice, i);
}

/* All that is found once the input has ended. */
static void
find_all(struct find *f)
{
	struct search *s = &f->search;
	const struct search_kept *kept = f->mode == EVENTS ? &whole : &nothing;
	bool again = search_rereadable(s), each, alone, skipped = false;
	const char *literal = search_literal(s, &each);

	/* whether a session can be judged while others are not read */
	alone = f->mode == EVENTS && f->related < 0 && sess_query_of_events(s->query);
	s->whole = f->related >= 0;
	/* of a store few sessions are read that don't match */
	if (alone && f->sort == NULL && f->cli.store != NULL)
		search_gather(s, kept, NULL, take_all, f);
	else if (alone && again && sess_query_by_id(s->query)) {
		s->narrow = skipped = true;
		search_gather(s, kept, each ? literal : NULL, take_all, f);
		s->narrow = false;
	} else if (alone && again && literal != NULL && !each) {
		skipped = true;
		two_quick_passes(f, literal);
	} else if (f->mode == EVENTS && again && !sess_query_empty(s->query)) {
		two_passes(f);
		return;
	} else
		search_gather(s, kept, NULL, take_all, f);
	put_waiting(f);
	if (f->matched == 0 && skipped && f->cli.store == NULL && !f->cli.quiet) {
		search_restart(s);
		search_gather(s, &nothing, NULL, take_none, f);
	}
}

/* -- live input */

static void
take_live(void *arg, const struct sess_session *s)
{
	struct find *f = arg;

	if (search_ask(&f->search, s))
		give(f, s);
}

static bool
has_enough(const void *arg)
{
	const struct find *f = arg;

	return f->given == f->limit;
}

static void
follow_sessions(struct find *f)
{
	search_follow(&f->search, f->mode == EVENTS ? &whole : &nothing, take_live, has_enough, f);
	f->matched = f->search.matched;
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
	f->cli.stream.arg = f;
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
		search_explain(&f->search);
}

static void
release(struct find *f)
{
	search_release(&f->search);
	choice_release(&f->choice);
	names_release(&f->chosen);
	sess_buf_release(&f->text);
	sess_buf_release(&f->key);
}

int
main(int argc, char **argv)
{
	struct find f = { .end = '\n', .limit = UINT64_MAX, .related = -1,
	    .lock = PTHREAD_MUTEX_INITIALIZER };
	bool found;

	cli_start(&f.cli, "sess-find", FIND, usage);
	parse(&f, argc, argv);
	if (f.each)
		follow_each(&f);
	else if (f.cli.follow)
		follow_sessions(&f);
	else
		find_all(&f);
	finish(&f);
	found = f.matched > 0 || f.cli.no_match_ok;
	release(&f);
	return cli_finish(found ? CLI_YES : CLI_NO);
}
