/* sess-index: events to a store on disk. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "names.h"
#include "search.h"
#include "sess/sql.h"
#include "sess/when.h"

static const char usage[] =
    "usage: sess-index [OPTION]... [FILE|DIRECTORY]...\n"
    "\n"
    "Put events into a store, from which sess-find -S and sess-path -S answer at once.\n"
    "Reads logs of any kind and events; with no operand, standard input.  What the store\n"
    "has already is passed over.\n"
    "\n"
    "  sess-index logs/ && sess-find -S --has-error | sess-path\n"
    "  sess-index --incremental logs/\n";

enum action { ADD, COMPACT, PRUNE, FORGET, STAT, VERIFY, SALVAGE, SQL };

struct index {
	struct cli cli;
	struct search search;
	struct sess_indexer *indexer;
	enum action action;
	bool incremental, users;
	int64_t before;			/* --prune */
	const char *salvage, *sql, *format;
	char *shard;			/* of the store: its directory */

	struct names forgotten;		/* as key_name has them */
	struct sess_buf name;
	struct sess_sql *answers;
};

static void
set_action(struct index *x, enum action action)
{
	if (x->action != ADD)
		cli_misuse("only one of --compact, --prune, --forget, --stat, --verify, --salvage, "
		    "--sql");
	x->action = action;
}

static void
own(void *arg, enum option opt, const char *value)
{
	struct index *x = arg;

	switch (opt) {
	case OPT_INCREMENTAL:	x->incremental = true; break;
	case OPT_COMPACT:	set_action(x, COMPACT); break;
	case OPT_FORGET:	set_action(x, FORGET); break;
	case OPT_STAT:		set_action(x, STAT); break;
	case OPT_VERIFY:	set_action(x, VERIFY); break;
	case OPT_STAT_FORMAT:	x->format = value; break;
	case OPT_PRUNE:
		set_action(x, PRUNE);
		x->before = cli_time(&x->cli, "prune", value);
		break;
	case OPT_SALVAGE:
		set_action(x, SALVAGE);
		x->salvage = value;
		break;
	case OPT_SQL:
		set_action(x, SQL);
		x->sql = value;
		break;
	default:
		x->users |= search_option(&x->search, opt, value);
		break;
	}
}

static void
check_options(const struct index *x)
{
	if (x->incremental && x->action != ADD)
		cli_misuse("--incremental is for reading");
	if (x->users != (x->action == FORGET))
		cli_misuse("--forget removes the sessions of --user or --user-name");
	if (x->format != NULL && x->action != STAT)
		cli_misuse("--format is for --stat");
}

/* On a worker. */
static enum sess_status
pack(void *arg, unsigned worker, const struct sess_event *ev, struct sess_buf *out,
    struct sess_err *err)
{
	(void)arg, (void)worker;
	return sess_indexer_pack(ev, out, err);
}

/* With --shard it is one shard of the store that is meant. */
static void
choose_shard(struct index *x)
{
	struct sess_shard shard = x->cli.stream.shard;
	char name[SESS_SHARD_NAME];

	if (shard.of == 0)
		return;
	sess_shard_name(shard, name);
	if (asprintf(&x->shard, "%s/%s", x->cli.store_dir, name) < 0)
		cli_misuse("out of memory");
	x->cli.store_dir = x->shard;
}

/* The folders above the default store may not be there yet. */
static void
make_parents(const char *dir)
{
	char *path = strdup(dir), *slash;

	if (path == NULL)
		cli_misuse("out of memory");
	for (slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700);	/* what it fails for, opening the store tells */
		*slash = '/';
	}
	free(path);
}

static void
open_store(struct index *x)
{
	struct cli *c = &x->cli;
	struct sess_indexer_opts o = { .memory = c->session.memory, .jobs = c->stream.jobs,
	    .tmpdir = c->session.tmpdir, .now = c->now, .shard = c->stream.shard };
	struct sess_err err = { 0 };

	make_parents(c->store_dir);
	if (sess_indexer_open(&x->indexer, c->store_dir, &o, &err) < 0)
		cli_die(c->store_dir, &err);
}

static void
marked(void *arg, const struct sess_mark *mark, size_t before)
{
	struct index *x = arg;
	struct sess_err err = { 0 };

	if (sess_indexer_mark(x->indexer, mark, before, &err) < 0)
		cli_die(NULL, &err);
}

static void
read_all(struct index *x)
{
	struct cli *c = &x->cli;
	struct sess_stream_block block;
	struct sess_stream *stream;
	struct sess_err err = { 0 };

	c->stream.map = pack;
	c->stream.unordered = true;
	if (x->incremental) {
		c->stream.marked = marked;
		c->stream.marked_arg = x;
		c->stream.marks = sess_indexer_marks(x->indexer, &c->stream.nmarks);
		c->stream.now = c->now;
	}
	stream = cli_stream(c);
	while (cli_next(c, stream, &block, -1))
		if (block.len > 0 && sess_indexer_add(x->indexer, block.data, block.len, &err) < 0)
			cli_die(c->store_dir, &err);
	cli_done(c, stream);
}

static void
say_done(const struct index *x, const struct sess_indexed *done)
{
	if (!x->cli.verbose)
		return;
	if (x->action == PRUNE || x->action == FORGET)
		cli_note(&x->cli, "%" PRIu64 " events removed, in %" PRIu64 " days", done->removed,
		    done->days);
	else
		cli_note(&x->cli, "%" PRIu64 " events added, %" PRIu64 " were known; %" PRIu64
		    " written, in %" PRIu64 " days", done->events, done->known, done->written,
		    done->days);
}

/* What was begun is taken back before the end. */
static void __attribute__((noreturn))
fail(struct index *x, const struct sess_err *err)
{
	sess_indexer_free(x->indexer);
	cli_die(x->cli.store_dir, err);
}

static void
commit(struct index *x)
{
	struct sess_indexed done;
	struct sess_err err = { 0 };

	if (sess_indexer_commit(x->indexer, &done, &err) < 0)
		fail(x, &err);
	say_done(x, &done);
}

static void
compact_or_prune(struct index *x)
{
	struct sess_indexed done;
	struct sess_err err = { 0 };

	if ((x->action == COMPACT ? sess_indexer_compact(x->indexer, &done, &err) :
	    sess_indexer_prune(x->indexer, x->before, &done, &err)) < 0)
		fail(x, &err);
	say_done(x, &done);
}

/* -- reading the store itself */

static void
on_problem(void *arg, const char *name, const struct sess_err *err)
{
	(void)arg;
	cli_warn(name, err);
}

static void
verify(struct index *x)
{
	struct sess_err err = { 0 };
	uint64_t bad;

	cli_open_store(&x->cli);
	if (sess_store_verify(x->cli.store, &bad, &err) < 0)
		cli_die(x->cli.store_dir, &err);
	if (bad == 0 && x->cli.verbose)
		cli_note(&x->cli, "%s: all is well", x->cli.store_dir);
}

/* All sessions, whole. */
static void
gather(struct index *x, search_take *take)
{
	static const struct search_kept nothing = { .lines = false };

	x->cli.session.rule = x->cli.session.visit = (struct sess_rule){ 0, 0 };
	search_start(&x->search);
	search_gather(&x->search, &nothing, NULL, take, x);
}

/* -- forgetting */

/* What tells a group from all others. */
static struct sess_slice
key_name(struct index *x, struct sess_slice id, struct sess_slice app, bool visitor)
{
	x->name.len = 0;
	if (sess_buf_putc(&x->name, visitor ? 'v' : 's') < 0 ||
	    sess_buf_printf(&x->name, "%zu:", id.len) < 0 ||
	    sess_buf_add(&x->name, id.p, id.len) < 0 ||
	    (!visitor && sess_buf_add(&x->name, app.p, app.len) < 0))
		cli_misuse("out of memory");
	return (struct sess_slice){ x->name.data, x->name.len };
}

static void
take_forgotten(void *arg, const struct sess_session *s)
{
	struct index *x = arg;
	struct sess_slice name;
	bool visitor = s->session_id.len == 0;

	if (!search_ask(&x->search, s))
		return;
	name = key_name(x, visitor ? s->visitor : s->session_id, s->app_id, visitor);
	(void)names_add(&x->forgotten, name.p, name.len);
}

static bool
is_forgotten(void *arg, struct sess_slice id, struct sess_slice app, bool visitor)
{
	struct index *x = arg;
	struct sess_slice name = key_name(x, id, app, visitor);

	return names_find(&x->forgotten, name.p, name.len) != NAMES_NONE;
}

/* The id inside of what key_name made. */
static struct sess_slice
id_of(const struct names *names, size_t i)
{
	struct sess_slice name = names_get(names, i);
	char *end;
	size_t len = strtoul(name.p + 1, &end, 10);

	return (struct sess_slice){ end + 1, len };
}

static void
forget(struct index *x)
{
	struct sess_groups groups = { .n = 0, .has = is_forgotten, .arg = x };
	struct sess_slice *ids;
	struct sess_indexed done;
	struct sess_err err = { 0 };
	bool kept = false;
	size_t i;

	cli_open_store(&x->cli);
	gather(x, take_forgotten);
	sess_store_free(x->cli.store);
	x->cli.store = NULL;
	ids = calloc(x->forgotten.n + 1, sizeof(*ids));
	if (ids == NULL)
		cli_misuse("out of memory");
	for (i = 0; i < x->forgotten.n; i++)
		ids[i] = id_of(&x->forgotten, i);
	groups.ids = ids;
	groups.n = x->forgotten.n;
	if (sess_indexer_forget(x->indexer, &groups, &done, &kept, &err) < 0)
		fail(x, &err);
	free(ids);
	say_done(x, &done);
	if (kept && done.removed > 0)
		cli_warnf("somebody reads the store: files that hold what was removed stay until "
		    "sess-index runs again");
}

/* -- questions */

static void
take_row(void *arg, const struct sess_session *s)
{
	struct index *x = arg;
	struct sess_err err = { 0 };

	if (sess_sql_add(x->answers, s, &err) < 0)
		cli_die("--sql", &err);
}

static int
put_row(void *arg, const char *line, size_t len)
{
	(void)arg;
	cli_put(line, len);
	return cli_put_failed() ? -1 : 0;
}

static void
ask(struct index *x)
{
	struct sess_err err = { 0 };

	if (sess_sql_new(&x->answers, &err) < 0)
		cli_die("--sql", &err);
	if (sess_sql_check(x->answers, x->sql, &err) < 0)
		cli_misuse("--sql: %s", err.text);
	cli_open_store(&x->cli);
	gather(x, take_row);
	if (sess_sql_run(x->answers, x->sql, put_row, NULL, &err) < 0)
		cli_die("--sql", &err);
	sess_sql_free(x->answers);
}

/* -- what is in the store */

static void
put(const char *fmt, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		cli_misuse("out of memory");
	cli_put(text, (size_t)len);
	free(text);
}

static void
put_time(const char *name, int64_t ms, bool json)
{
	char when[SESS_WHEN_LEN];

	if (ms == SESS_NO_TIME)
		return;
	sess_when_format(ms, when);
	if (json)
		put(",\"%s\":\"%.*s\"", name, SESS_WHEN_LEN, when);
	else
		put("%-14s %.*s\n", name, SESS_WHEN_LEN, when);
}

#define FIGURES(X) \
	X(events, "events in the store") X(days, "UTC days") X(segments, "segments") \
	X(events_bytes, "bytes of compressed events") X(catalog_bytes, "bytes of catalogs") \
	X(raw_bytes, "bytes of events before compression") X(batches, "states published so far") \
	X(inputs, "inputs whose reading is remembered") \
	X(shards, "shards that the store is made of, 0 where it is one itself")

static void
stat_text(const struct sess_store *st, const struct sess_store_figures *f)
{
	struct sess_store_segment s;
	char shard[SESS_SHARD_NAME];
	size_t i;

#define FIGURE(name, help) put("%-14s %" PRIu64 "\n", #name, f->name);
	FIGURES(FIGURE)
#undef FIGURE
	put_time("first_event", f->first, false);
	put_time("last_event", f->last, false);
	put_time("last_batch", f->batch_time, false);
	for (i = 0; sess_store_segment(st, i, &s); i++) {
		sess_shard_name(s.shard, shard);
		put("segment        %s%s%s  %" PRIu64 " events, %" PRIu64 " sessions, %" PRIu64
		    " + %" PRIu64 " bytes\n", s.shard.of > 0 ? shard : "",
		    s.shard.of > 0 ? "/" : "", s.name, s.events, s.sessions, s.events_bytes,
		    s.catalog_bytes);
	}
}

static void
stat_json(const struct sess_store_figures *f)
{
	const char *comma = "{";

#define FIGURE(name, help) put("%s\"" #name "\":%" PRIu64, comma, f->name); comma = ",";
	FIGURES(FIGURE)
#undef FIGURE
	put_time("first_event", f->first, true);
	put_time("last_event", f->last, true);
	put_time("last_batch", f->batch_time, true);
	put("}\n");
}

static void
stat_prometheus(const struct sess_store_figures *f)
{
#define FIGURE(name, help) put("# HELP sess_store_" #name " " help "\n" \
	    "# TYPE sess_store_" #name " gauge\nsess_store_" #name " %" PRIu64 "\n", f->name);
	FIGURES(FIGURE)
#undef FIGURE
	if (f->last != SESS_NO_TIME)
		put("# HELP sess_store_last_event_seconds when the newest event was\n"
		    "# TYPE sess_store_last_event_seconds gauge\n"
		    "sess_store_last_event_seconds %.3f\n", (double)f->last / 1000);
	if (f->batch_time != SESS_NO_TIME)
		put("# HELP sess_store_last_batch_seconds when the last batch was published\n"
		    "# TYPE sess_store_last_batch_seconds gauge\n"
		    "sess_store_last_batch_seconds %.3f\n", (double)f->batch_time / 1000);
}

static void
show(struct index *x)
{
	const char *format = x->format != NULL ? x->format : "text";
	struct sess_store_figures f;

	cli_open_store(&x->cli);
	sess_store_figures(x->cli.store, &f);
	if (strcmp(format, "text") == 0)
		stat_text(x->cli.store, &f);
	else if (strcmp(format, "json") == 0)
		stat_json(&f);
	else if (strcmp(format, "prometheus") == 0)
		stat_prometheus(&f);
	else
		cli_misuse("--format: '%s' is none of text, json, prometheus", format);
}

static void
salvage(struct index *x)
{
	struct sess_err err = { 0 };

	if (sess_store_salvage(x->salvage, x->indexer, on_problem, NULL, &err) < 0)
		fail(x, &err);
	commit(x);
}

static void
act(struct index *x)
{
	if (x->action != STAT && x->action != VERIFY && x->action != SQL)
		open_store(x);
	switch (x->action) {
	case ADD:
		read_all(x);
		commit(x);
		break;
	case COMPACT:
	case PRUNE:	compact_or_prune(x); break;
	case FORGET:	forget(x); break;
	case STAT:	show(x); break;
	case VERIFY:	verify(x); break;
	case SALVAGE:	salvage(x); break;
	case SQL:	ask(x); break;
	}
}

int
main(int argc, char **argv)
{
	struct index x = { .action = ADD };

	cli_start(&x.cli, "sess-index", INDEX, usage);
	search_init(&x.search, &x.cli);
	cli_options(&x.cli, argc, argv, own, &x);
	check_options(&x);
	choose_shard(&x);
	act(&x);
	sess_indexer_free(x.indexer);
	search_release(&x.search);
	names_release(&x.forgotten);
	sess_buf_release(&x.name);
	free(x.shard);
	return cli_finish(CLI_YES);
}
