/* sess-stats: reports, each row with sessions to look into. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "names.h"
#include "part.h"
#include "search.h"
#include "sess/report.h"
#include "sess/stats.h"
#include "terminal.h"

#define FULL (1 << 16)		/* bytes of output to pass on */
#define NAMES 64		/* most reports and dimensions */
#define PATHS 20		/* of each report, sessions whose paths a page holds */

static const char usage[] =
    "usage: sess-stats [-r REPORT]... [OPTION]... [FILE|DIRECTORY]...\n"
    "\n"
    "Reports over the sessions that match: overview, slow, pages, errors, errors-by-page,\n"
    "apis, resources, vitals, sessions, users, flows, paths, frustration, log.\n"
    "Reads logs of any kind and events; with no operand, standard input; with --merge,\n"
    "files that --partial wrote.\n"
    "\n"
    "  sess-stats -r slow logs/\n"
    "  sess-stats -r errors --since 24h -o ids -n 1 logs/ | sess-path --ids-from - logs/\n"
    "  sess-stats -r apis --fail-if 'success_rate < 0.98 and calls > 100' logs/\n";

struct stats {
	struct cli cli;
	struct search search;
	struct sess_stats_opts opts;
	struct sess_report_opts how;
	const char *color;
	const char *reports[NAMES + 1], *by[NAMES + 1];
	const char *funnel[NAMES + 1];
	size_t nreports, nby, nfunnel;
	struct part part;
	bool partial, merge, own_options;
	const char *fail_if, *base;

	struct sess_stats *stats, **shares;	/* a thread's: shares[0] is stats */
	pthread_mutex_t lock;		/* of what is asked of a session */
	struct sess_report *report;
	struct sess_compare *compare;
	struct sess_buf out;
	struct sess_check *check;	/* of the table that is written, or NULL */
	bool checked, failed;		/* some table; some row */
	struct names wanted;		/* sessions whose paths the page holds */
	uint64_t oversize;
	uint64_t worst;			/* most rows of --compare; 0: all */
};

static void __attribute__((noreturn))
die(const char *what, struct sess_err *err)
{
	if (err->code >= 0)
		sess_err_nomem(err);
	cli_die(what, err);
}

/* -- options */

/* Texts between commas, the caller's to free. */
static void
add_names(const char *option, const char **v, size_t *n, size_t most, const char *value)
{
	size_t len;

	for (; *value != '\0'; value += len + (value[len] == ',')) {
		len = strcspn(value, ",");
		if (*n == most)
			cli_misuse("--%s: more than %zu of them", option, most);
		if (len > 0 && (v[(*n)++] = strndup(value, len)) == NULL)
			die(NULL, &(struct sess_err){ 0 });
	}
}

/* A threshold: load=8000 */
static void
threshold(struct stats *s, const char *word)
{
	size_t len = strcspn(word, "="), i;
	double value;
	char *end;

	for (i = 0; i < SESS_NTHRESHOLDS; i++)
		if (strlen(sess_thresholds[i].name) == len &&
		    strncmp(sess_thresholds[i].name, word, len) == 0)
			break;
	if (i == SESS_NTHRESHOLDS)
		cli_misuse("--threshold: there is no %.*s", (int)len, word);
	value = word[len] == '=' ? strtod(word + len + 1, &end) : -1;
	if (!(value >= 0 && value < 1e12) || end == word + len + 1 || *end != '\0')
		cli_misuse("--threshold: %s: not a number", word);
	s->opts.threshold[i] = value;
}

static void
thresholds(struct stats *s, const char *value)
{
	const char *words[SESS_NTHRESHOLDS + 1];
	size_t n = 0, i;

	add_names("threshold", words, &n, SESS_NTHRESHOLDS, value);
	for (i = 0; i < n; i++) {
		threshold(s, words[i]);
		free((void *)words[i]);
	}
}

/* The reports' columns, and what each is. */
static void
columns(void)
{
	static const char *const types[] = { "text", "time", "integer", "number", "boolean", "json" };
	const char *all[NAMES + 1] = { NULL }, *doc, *none[] = { "*", NULL };
	struct sess_stats_opts o;
	const struct sess_stats_table *t;
	struct sess_stats *st;
	struct sess_err err = { 0 };
	size_t i, k;

	for (i = 0; i < NAMES && (all[i] = sess_stats_report(i, &doc)) != NULL; i++)
		;
	sess_stats_opts_init(&o);
	o.reports = all;
	o.funnel = none;
	if (sess_stats_new(&st, &o, &err) < 0)
		die(NULL, &err);
	for (i = 0; (t = sess_stats_table(st, i)) != NULL; i++)
		for (k = 0; k < t->ncolumns; k++)
			printf("%s\t%s\t%s\t%s\t%s\n", t->name, t->columns[k].name,
			    types[t->columns[k].type], t->columns[k].unit, t->columns[k].doc);
	sess_stats_free(st);
	exit(cli_finish(CLI_YES));
}

static void
format(struct stats *s, const char *value)
{
	int f = sess_report_format(value);

	if (f < 0)
		cli_misuse("--format: %s is none of table, ndjson, csv, tsv, ids, html, prometheus",
		    value);
	s->how.format = (enum sess_report_format)f;
}

static void
own(void *arg, enum option opt, const char *value)
{
	struct stats *s = arg;

	switch (opt) {
	case OPT_REPORT:	add_names("report", s->reports, &s->nreports, NAMES, value); break;
	case OPT_BY:		add_names("by", s->by, &s->nby, NAMES, value); break;
	case OPT_INTERVAL:
		s->opts.interval = cli_duration("interval", value);
		if (s->opts.interval < 1000)
			cli_misuse("--interval: at least a second");
		break;
	case OPT_THRESHOLD:	thresholds(s, value); break;
	case OPT_FUNNEL:	add_names("funnel", s->funnel, &s->nfunnel, NAMES, value); break;
	case OPT_COLUMNS:	columns(); break;
	case OPT_ROWS:		s->opts.limit = cli_number("limit", value, 1, UINT64_MAX); break;
	case OPT_SORT_ROWS:	s->opts.sort = value; break;
	case OPT_COMPARE:	s->base = value; break;
	case OPT_FAIL_IF:	s->fail_if = value; break;
	case OPT_PARTIAL:	s->partial = s->search.tell_newest = true; break;
	case OPT_MERGE:		s->merge = true; break;
	case OPT_FORMAT_REPORT:	format(s, value); break;
	case OPT_ALL_COLUMNS:	s->how.details = true; break;
	case OPT_PATHS:		s->how.sessions = cli_number("paths", value, 0, SIZE_MAX); break;
	case OPT_TITLE:		s->how.title = value; break;
	case OPT_COLOR:		s->color = terminal_color_option(value); break;
	case OPT_WIDTH:
		s->how.width = (unsigned)cli_number("width", value, 20, 10000);
		break;
	case OPT_NULL_SEP:	s->how.id_end = '\0'; break;
	default:
		if (search_option(&s->search, opt, value)) {
			part_condition(&s->part, &s->cli, opt, value);
			s->own_options = true;
		}
	}
	s->own_options |= opt == OPT_REPORT || opt == OPT_BY || opt == OPT_INTERVAL ||
	    opt == OPT_THRESHOLD || opt == OPT_FUNNEL || opt == OPT_SORT_ROWS;
}

/* Options that make no sense together, and what follows from all of them. */
static void
settle(struct stats *s)
{
	if (s->merge && s->own_options)
		cli_misuse("--merge: reports, their options and conditions are those of the partials");
	if (s->merge && s->partial && s->opts.limit > 0)
		cli_misuse("--merge: the limit of a --partial is that of its parts");
	if (s->partial && s->fail_if != NULL)
		cli_misuse("--fail-if looks at the rows of a report, not at a --partial");
	if (s->base != NULL && (s->partial || (!s->merge && s->nby != 1)))
		cli_misuse("--compare needs one dimension in --by, and makes no --partial");
	if (s->how.id_end == '\0' && s->how.format != SESS_REPORT_IDS)
		cli_misuse("--null is for -o ids");
	if (s->nfunnel > 0) {
		s->opts.funnel = s->funnel;
		add_names("report", s->reports, &s->nreports, NAMES, "funnel");
	}
	if (s->nreports == 0)
		add_names("report", s->reports, &s->nreports, NAMES, "overview");
	if (s->base != NULL) {	/* the limit is of what is worse, not of what is compared */
		s->worst = s->opts.limit;
		s->opts.limit = UINT64_MAX;
	}
	s->opts.beyond = s->fail_if != NULL;
	s->opts.reports = s->reports;
	s->opts.by = s->by;
	s->opts.tz = s->how.tz = s->cli.tz;
	/* a condition that names a threshold sets it, as in sess-find */
	if (s->search.slow_load)
		s->opts.threshold[SESS_THRESHOLD_LOAD] = s->cli.session.slow_load;
	if (s->search.slow_api)
		s->opts.threshold[SESS_THRESHOLD_API] = s->cli.session.slow_api;
	s->cli.session.slow_load = s->opts.threshold[SESS_THRESHOLD_LOAD];
	s->cli.session.slow_api = s->opts.threshold[SESS_THRESHOLD_API];
	s->how.slow_load = s->cli.session.slow_load;
	s->how.slow_api = s->cli.session.slow_api;
	s->opts.query = s->search.query;
	s->opts.tmpdir = s->cli.session.tmpdir;
	/* how sessions ended is settled when rows are written */
	s->cli.session.part = false;
	s->opts.idle = s->cli.session.rule.idle;
	s->opts.visit_idle = s->cli.session.visit.idle;
	/* what the gatherer may hold, and the reports */
	s->opts.memory = s->cli.session.memory / 3;
	s->cli.session.memory -= s->opts.memory;
	if (s->merge && s->cli.store != NULL)
		cli_misuse("--merge reads files, no store");
	if (s->partial && !s->merge)
		part_settle(&s->part, &s->search, &s->opts);
	if (s->how.format == SESS_REPORT_HTML && s->how.sessions > 0 &&
	    (s->merge || !search_rereadable(&s->search))) {
		cli_note(&s->cli, "the page holds no session's path: %s", s->merge ?
		    "partials have no events" : s->cli.session.sorted ?
		    "sorted input is read once" : "standard input can't be read again");
		s->how.sessions = 0;
	}
	s->how.color = s->how.format == SESS_REPORT_TABLE && terminal_has_colors(s->color);
	if (s->how.width == 0)
		s->how.width = terminal_columns();
}

/* -- --fail-if */

/* --fail-if is asked of the tables that have its columns. */
static void
start_check(struct stats *s, const struct sess_stats_table *table, struct sess_err *why)
{
	sess_check_free(s->check);
	s->check = NULL;
	if (s->fail_if != NULL && sess_check_new(&s->check, table, s->fail_if, why) == SESS_OK)
		s->checked = true;
}

/* An expression that fits none of the reports is misuse, said before anything is
 * read. */
static void
check_expression(struct stats *s)
{
	struct sess_err err = { 0 };
	const struct sess_stats_table *t;
	size_t i;

	if (s->fail_if != NULL && s->base != NULL)
		start_check(s, sess_compare_table(), &err);
	for (i = 0; s->fail_if != NULL && s->base == NULL &&
	    (t = sess_stats_table(s->stats, i)) != NULL; i++) {
		err = (struct sess_err){ 0 };
		start_check(s, t, &err);
	}
	if (s->fail_if != NULL && !s->checked)
		cli_misuse("--fail-if: %s", err.text);
}

/* -- reading */

static bool
is_counted(struct stats *s, const struct sess_session *session)
{
	if (!search_ask(&s->search, session))
		return false;
	if (session->oversize && s->oversize++ == 0)
		cli_warnf("session %.*s: its %" PRIu64 " events are more than --max-events: "
		    "not counted", (int)session->key.len, session->key.p, session->events);
	return !session->oversize;
}

static enum sess_status
take(void *arg, unsigned thread, const struct sess_session *session, struct sess_err *err)
{
	struct stats *s = arg;
	bool counted;

	pthread_mutex_lock(&s->lock);
	counted = is_counted(s, session);
	pthread_mutex_unlock(&s->lock);
	return counted ? sess_stats_add(s->shares[thread], session, err) : SESS_OK;
}

/* Each thread counts for itself, the first one in the stats itself. */
static void
count_input(struct stats *s)
{
	struct search_kept kept = { .lines = true, .note = sess_stats_note,
	    .note_arg = s->stats };
	unsigned i, n = s->cli.stream.jobs;
	struct sess_err err = { 0 };

	if ((s->shares = calloc(n, sizeof(struct sess_stats *))) == NULL)
		die(NULL, &err);
	s->shares[0] = s->stats;
	for (i = 1; i < n; i++)
		if (sess_stats_share(&s->shares[i], s->stats, n - 1, &err) < 0)
			die(NULL, &err);
	search_gather_each(&s->search, &kept, take, s);
	for (i = 1; i < n; i++)
		if (sess_stats_join(s->shares[i], &err) < 0)
			die(NULL, &err);
	free(s->shares);
}

static void
read_input(struct stats *s)
{
	struct sess_err err = { 0 };

	if (sess_stats_new(&s->stats, &s->opts, &err) < 0)
		cli_misuse("%s", err.text);
	check_expression(s);
	count_input(s);
	sess_stats_newest(s->stats, s->search.newest);
	if (s->search.matched == 0)
		search_explain(&s->search);
}

static void
read_partials(struct stats *s)
{
	part_merge(s->cli.stream.operands, &s->stats, &s->opts);
	check_expression(s);
}

/* -- writing */

static int
put_line(void *arg, const char *line, size_t len)
{
	(void)arg;
	cli_put(line, len);
	return cli_put_failed() ? -1 : 0;
}

static void
write_partial(struct stats *s)
{
	struct sess_err err = { 0 };

	if (sess_stats_partial(s->stats, put_line, NULL, &err) < 0 && !cli_put_failed())
		die(NULL, &err);
}

static void
check_row(struct stats *s, const struct sess_stats_row *row)
{
	struct sess_err err = { 0 };
	bool holds = false;

	if (s->check == NULL)
		return;
	if (sess_check_row(s->check, row, &holds, &err) < 0)
		die("--fail-if", &err);
	s->failed |= holds;
}

static void
pass_on(struct stats *s)
{
	cli_put(s->out.data, s->out.len);
	s->out.len = 0;
}

/* -- paths of sessions, in a page */

static void
show(void *arg, const struct sess_session *session)
{
	struct stats *s = arg;
	struct sess_err err = { 0 };

	if (names_find(&s->wanted, session->key.p, session->key.len) == NAMES_NONE)
		return;
	if (sess_report_session(s->report, session, &s->out, &err) < 0)
		die(NULL, &err);
}

/* The sessions that rows lead to: their ids, and whose pieces they are. */
static void
want_sessions(struct stats *s, struct names *keys)
{
	struct sess_slice id;
	const char *dot;
	size_t i;

	for (i = 0; sess_report_wanted(s->report, i, &id); i++) {
		(void)names_add(&s->wanted, id.p, id.len);
		(void)names_add(keys, id.p, id.len);
		dot = memrchr(id.p, '.', id.len);
		if (dot != NULL)	/* a piece of a session */
			(void)names_add(keys, id.p, (size_t)(dot - id.p));
	}
}

/* Read the input again for them. */
static void
show_sessions(struct stats *s)
{
	struct search_kept whole = { .lines = true };
	struct names keys = { 0 };

	want_sessions(s, &keys);
	if (keys.n > 0)
		search_gather_named(&s->search, &keys, false, &whole, show, s);
	names_release(&keys);
}

/* A table begins (row NULL), or one of its rows, which --fail-if is asked of whether
 * it is shown or not. */
static void
put_row(struct stats *s, const struct sess_stats_table *table,
    const struct sess_stats_row *row, bool shown)
{
	struct sess_err err = { 0 }, why = { 0 };

	if (row == NULL)
		start_check(s, table, &why);
	else
		check_row(s, row);
	if (shown && sess_report_row(s->report, table, row, &s->out, &err) < 0)
		die(NULL, &err);
	if (s->out.len >= FULL)
		pass_on(s);
}

/* Instead of rows what is worse in them. */
static void
put_comparison(struct stats *s)
{
	const struct sess_stats_table *table = sess_compare_table();
	const struct sess_stats_row *row;
	struct sess_err err = { 0 };
	enum sess_status r = SESS_OK;
	uint64_t n;

	if (!sess_compare_has_base(s->compare))
		cli_warnf("--compare: no row is of %s", s->base);
	put_row(s, table, NULL, true);
	for (n = 0; (s->worst == 0 || n < s->worst || s->check != NULL) && !cli_put_failed() &&
	    (r = sess_compare_next(s->compare, &row, &err)) == SESS_OK; n++)
		put_row(s, table, row, s->worst == 0 || n < s->worst);
	if (r < 0)
		die("--compare", &err);
}

static void
write_tables(struct stats *s)
{
	const struct sess_stats_table *table;
	const struct sess_stats_row *row;
	struct sess_err err = { 0 };
	enum sess_status r;

	if (sess_report_new(&s->report, &s->how, &err) < 0 || (s->base != NULL &&
	    sess_compare_new(&s->compare, s->base, &s->opts, &err) < 0))
		die(NULL, &err);
	while (!cli_put_failed() &&
	    (r = sess_stats_next(s->stats, &table, &row, &err)) != SESS_END) {
		if (r < 0)
			die(NULL, &err);
		if (s->base == NULL)
			put_row(s, table, row, row == NULL || !row->beyond);
		else if (table->ndimensions != 1)
			cli_misuse("--compare needs partials of one dimension");
		else if (row != NULL && sess_compare_add(s->compare, table, row, &err) < 0)
			die("--compare", &err);
	}
	if (s->base != NULL)
		put_comparison(s);
	show_sessions(s);
	if (sess_report_end(s->report, &s->out, &err) < 0)
		die(NULL, &err);
	pass_on(s);
}

static void
free_names(const char **v, size_t n)
{
	while (n > 0)
		free((void *)v[--n]);
}

static void
release(struct stats *s)
{
	sess_check_free(s->check);
	sess_report_free(s->report);
	sess_compare_free(s->compare);
	names_release(&s->wanted);
	sess_stats_free(s->stats);
	search_release(&s->search);
	part_release(&s->part);
	sess_buf_release(&s->out);
	free_names(s->reports, s->nreports);
	free_names(s->by, s->nby);
	free_names(s->funnel, s->nfunnel);
}

int
main(int argc, char **argv)
{
	struct stats s = { .color = "auto", .how = { .id_end = '\n', .sessions = PATHS },
	    .lock = PTHREAD_MUTEX_INITIALIZER };
	bool found;

	sess_stats_opts_init(&s.opts);
	cli_start(&s.cli, "sess-stats", STATS, usage);
	search_init(&s.search, &s.cli);
	cli_options(&s.cli, argc, argv, own, &s);
	settle(&s);
	search_start(&s.search);
	if (s.merge)
		read_partials(&s);
	else
		read_input(&s);
	if (s.partial)
		write_partial(&s);
	else
		write_tables(&s);
	found = s.partial || s.merge ? s.stats != NULL : s.search.matched > 0;
	release(&s);
	return cli_finish((found || s.cli.no_match_ok) && !s.failed ? CLI_YES : CLI_NO);
}
