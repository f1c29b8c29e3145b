/* sess-path: what happened in a session, page by page. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "sess/path.h"
#include "terminal.h"

#define WAIT 250		/* ms between two looks at what is quiet */
#define FULL (1 << 20)		/* bytes of output that are passed on */

static const char usage[] =
    "usage: sess-path [OPTION]... [FILE|DIRECTORY]...\n"
    "\n"
    "Show sessions page by page: loads, API calls, errors, clicks.\n"
    "Events and logs of any kind may be read; with no operand, standard input.\n"
    "\n"
    "  sess-find --user-name 张伟 logs/*.gz | sess-path\n"
    "  sess-path --before-error 5 logs/ | less -R\n"
    "  sess-path -o ndjson logs/ | jq -r 'select(.kind == \"api\") | .api'\n";

/* A place in the output where an event's log line belongs. */
struct place {
	size_t at;
	uint64_t id;
};

/* A log line that was found again, in raw.text. */
struct found {
	uint64_t id;
	size_t at, len;
};

struct raw {
	const char **paths;		/* NULL-terminated; NULL: not asked for */
	size_t npaths;
	struct place *places;
	size_t n, cap;
	uint64_t *ids;			/* of places, sorted, each once */
	size_t nids;
	struct found *found;		/* by ids */
	struct sess_buf text;
};

struct path {
	struct cli cli;
	struct sess_path_opts opts;
	const char *color;		/* auto, always, never */
	const char *ids_from;
	char separator;			/* of ids */
	struct sess_path *render;
	struct sess_packer **packers;	/* one a worker */
	struct sess_gather *gather;
	struct sess_reducer *reducer;	/* in its place, with --sorted */
	struct sess_query *ids;		/* --ids-from, or NULL */
	struct sess_query_scratch *scratch;
	struct sess_buf out;
	struct raw raw;
	uint64_t read, shown;		/* sessions */
};

static void
die(const char *what, struct sess_err *err)
{
	sess_err_nomem(err);		/* unless it says something else */
	cli_die(what, err);
}

/* -- options */

static uint32_t
kinds_of(const char *list)
{
	const char *p = list;
	uint32_t kinds = 0;
	size_t len;
	int kind;

	do {
		len = strcspn(p, ",");
		kind = sess_kind_find(p, len);
		if (kind < 0)
			cli_misuse("--kind: there is no kind '%.*s', see sess-event(5)", (int)len, p);
		kinds |= (uint32_t)1 << kind;
		p += len;
	} while (*p++ == ',');
	return kinds;
}

static enum sess_path_format
format_of(const char *name)
{
	if (strcmp(name, "text") == 0)
		return SESS_PATH_TEXT;
	if (strcmp(name, "json") == 0)
		return SESS_PATH_JSON;
	if (strcmp(name, "ndjson") != 0)
		cli_misuse("--format: '%s' is none of text, json, ndjson", name);
	return SESS_PATH_NDJSON;
}

static void
raw_path(struct raw *r, const char *path)
{
	struct sess_err err = { 0 };
	const char **paths = reallocarray(r->paths, r->npaths + 2, sizeof(*paths));

	if (paths == NULL)
		die("--raw-from", &err);
	r->paths = paths;
	paths[r->npaths++] = path;
	paths[r->npaths] = NULL;
}

static void
slower_than(double *ms, enum option opt, const char *value)
{
	if (value != NULL)
		*ms = (double)cli_number(cli_option_name(opt), value, 0, UINT32_MAX);
}

static void
own(void *arg, enum option opt, const char *value)
{
	struct path *p = arg;
	struct sess_path_opts *o = &p->opts;

	switch (opt) {
	case OPT_FORMAT_OUT:	o->format = format_of(value); break;
	case OPT_COLLAPSE:	o->collapse = true; break;
	case OPT_DETAILS:	o->details = true; break;
	case OPT_KIND:		o->kinds |= kinds_of(value); break;
	case OPT_ONLY_PROBLEMS:	o->only_problems = true; break;
	case OPT_BEFORE_ERROR:
		o->before_error = true;
		o->backtrack = (size_t)cli_number("before-error", value, 0, UINT32_MAX);
		break;
	case OPT_SLOW_LOAD_IS:	slower_than(&p->cli.session.slow_load, opt, value); break;
	case OPT_SLOW_API_IS:	slower_than(&p->cli.session.slow_api, opt, value); break;
	case OPT_COLOR:		p->color = terminal_color_option(value); break;
	case OPT_WIDTH:
		o->width = (unsigned)cli_number("width", value, SESS_PATH_MIN_WIDTH, 10000);
		break;
	case OPT_IDS_FROM:	p->ids_from = value; break;
	case OPT_NULL_SEP:	p->separator = '\0'; break;
	case OPT_RAW_FROM:	raw_path(&p->raw, value); break;
	default:		break;
	}
}

/* -- sessions to read */

static void
add_ids(struct path *p, char *text, size_t left)
{
	struct sess_err err = { 0 };
	char *at, *end, *id;
	size_t len, n;

	if (left > 0 && memchr(text, '\0', left) != NULL)
		p->separator = '\0';
	for (at = text; left > 0; at += n, left -= n) {
		end = memchr(at, p->separator, left);
		len = end != NULL ? (size_t)(end - at) : left;
		n = end != NULL ? len + 1 : len;
		if (len > 0 && p->separator == '\n' && at[len - 1] == '\r')
			len--;
		if (len == 0)
			continue;
		id = strndup(at, len);
		if (id == NULL || sess_query_add(p->ids, "session", id, &err) < 0)
			die("--ids-from", &err);
		free(id);
	}
}

/* The sessions that are asked for: those of --ids-from and, of a store, the
 * operands. */
static void
read_ids(struct path *p)
{
	struct sess_err err = { 0 };
	const char *const *op;
	size_t len;
	char *text;

	if (sess_query_new(&p->ids, &err) < 0)
		die(NULL, &err);
	if (p->ids_from != NULL) {
		text = cli_read_file(p->ids_from, &len);
		add_ids(p, text, len);
		free(text);
	}
	for (op = p->cli.ids; op != NULL && *op != NULL; op++)
		if (sess_query_add(p->ids, "session", *op, &err) < 0)
			die(*op, &err);
	if (sess_query_compile(p->ids, &err) < 0 ||
	    sess_query_scratch_new(&p->scratch, p->ids, &err) < 0)
		die(NULL, &err);
}

/* On a worker. */
static void
begin_block(void *arg, unsigned worker)
{
	const struct path *p = arg;

	sess_packer_reset(p->packers[worker]);
}

static enum sess_status
pack(void *arg, unsigned worker, const struct sess_event *ev, struct sess_buf *out,
    struct sess_err *err)
{
	const struct path *p = arg;

	if (p->ids != NULL && !sess_query_wants(p->ids, ev))
		return SESS_OK;
	return sess_pack(p->packers[worker], ev, 0, out) < 0 ? sess_err_nomem(err) : SESS_OK;
}

static void
start(struct path *p)
{
	struct sess_err err = { 0 };
	struct cli *c = &p->cli;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned i;

	if (c->stream.jobs == 0)
		c->stream.jobs = cores > 0 ? (unsigned)cores : 1;
	if (c->store != NULL)
		cli_choose(c, p->ids, NULL, 0);
	c->session.lines = true;
	c->stream.map = pack;
	c->stream.begin = begin_block;
	c->stream.arg = p;
	p->packers = calloc(c->stream.jobs, sizeof(struct sess_packer *));
	if (p->packers == NULL)
		die(NULL, &err);
	for (i = 0; i < c->stream.jobs; i++)
		if (sess_packer_new(&p->packers[i], &c->session, &err) < 0)
			die(NULL, &err);
	if ((c->session.sorted ? sess_reducer_new(&p->reducer, &c->session, &err) :
	    sess_gather_new(&p->gather, &c->session, &err)) < 0 ||
	    sess_path_new(&p->render, &p->opts, &err) < 0)
		die(NULL, &err);
}

/* -- sessions to show */

static void
pass_on(struct path *p)
{
	cli_put(p->out.data, p->out.len);
	p->out.len = 0;
}

static void
show(struct path *p, const struct sess_session *s)
{
	struct sess_err err = { 0 };
	bool wanted = true;

	p->read++;
	if (p->ids != NULL && sess_query_session(p->ids, p->scratch, s, &wanted, &err) < 0)
		die("--ids-from", &err);
	if (!wanted)
		return;
	if (p->shown++ > 0 && p->opts.format == SESS_PATH_TEXT &&
	    sess_buf_putc(&p->out, '\n') < 0)
		die(NULL, &err);
	if (sess_path_render(p->render, s, &p->out, &err) < 0)
		die(NULL, &err);
	if (s->oversize && p->opts.format != SESS_PATH_TEXT && !p->opts.collapse)
		cli_warnf("session %.*s: its %" PRIu64 " events are more than --max-events: "
		    "not shown", (int)s->key.len, s->key.p, s->events);
	/* Log lines are put in once all sessions are known. */
	if (p->raw.paths == NULL && p->out.len >= FULL)
		pass_on(p);
}

static void
show_all(struct path *p)
{
	const struct sess_session *s;
	struct sess_err err = { 0 };
	enum sess_status r;

	while (!cli_put_failed() && (r = sess_gather_next(p->gather, &s, &err)) != SESS_END) {
		if (r < 0)
			die(NULL, &err);
		show(p, s);
	}
}

static int64_t
steady_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What is quiet at now; INT64_MAX: all of it. */
static void
show_ripe(struct path *p, int64_t now)
{
	const struct sess_session *s;
	struct sess_err err = { 0 };
	enum sess_status r;

	while ((r = sess_gather_ripe(p->gather, now, cli_quiet(&p->cli), &s, &err)) != SESS_END) {
		if (r < 0)
			die(NULL, &err);
		show(p, s);
	}
	pass_on(p);
	cli_flush();
}

static enum sess_status
show_one(void *arg, unsigned thread, const struct sess_session *s, struct sess_err *err)
{
	(void)thread, (void)err;
	show(arg, s);
	return cli_put_failed() ? SESS_END : SESS_OK;
}

/* --sorted: a session at a time, as they come. */
static void
read_sorted(struct path *p)
{
	cli_done(&p->cli, cli_reduce(&p->cli, p->reducer, show_one, p));
}

static void
read_all(struct path *p)
{
	struct sess_stream *stream;
	struct sess_stream_block block;
	struct sess_err err = { 0 };
	struct cli *c = &p->cli;

	stream = cli_stream(c);
	if (c->follow)
		show_ripe(p, steady_ms());
	while (!cli_put_failed() && cli_next(c, stream, &block, c->follow ? WAIT : -1)) {
		if (block.len > 0 && sess_gather_add(p->gather, block.data, block.len, &err) < 0)
			die(NULL, &err);
		if (c->follow)
			show_ripe(p, steady_ms());
	}
	cli_done(c, stream);
	if (c->follow) {
		show_ripe(p, INT64_MAX);
		return;
	}
	cli_tell_newest(c, p->gather, false);
	show_all(p);
}

/* Why nothing is shown, in one line. */
static void
explain(const struct path *p)
{
	if (p->shown > 0)
		return;
	if (p->ids != NULL && p->ids_from == NULL)
		cli_note(&p->cli, "none of these sessions is in the store");
	else if (p->ids != NULL)
		cli_note(&p->cli, "none of the sessions of %s is in the input",
		    strcmp(p->ids_from, "-") == 0 ? "<stdin>" : p->ids_from);
	else
		cli_note(&p->cli, "no sessions: the input has no events");
}

/* -- original log lines */

static void
note_place(void *arg, size_t at, uint64_t id, struct sess_slice src)
{
	struct raw *r = arg;
	struct sess_err err = { 0 };
	struct place *more;

	(void)src;		/* informative: lines are found by what they hold */
	if (r->n == r->cap) {
		r->cap = r->cap > 0 ? 2 * r->cap : 1024;
		more = reallocarray(r->places, r->cap, sizeof(*more));
		if (more == NULL)
			die("--raw-from", &err);
		r->places = more;
	}
	r->places[r->n++] = (struct place){ at, id };
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
sort_ids(struct raw *r)
{
	struct sess_err err = { 0 };
	size_t i;

	r->ids = calloc(r->n + 1, sizeof(*r->ids));
	r->found = calloc(r->n + 1, sizeof(*r->found));
	if (r->ids == NULL || r->found == NULL)
		die("--raw-from", &err);
	for (i = 0; i < r->n; i++)
		r->ids[i] = r->places[i].id;
	qsort(r->ids, r->n, sizeof(*r->ids), by_number);
	for (i = 0; i < r->n; i++)
		if (r->nids == 0 || r->ids[i] != r->ids[r->nids - 1])
			r->ids[r->nids++] = r->ids[i];
}

static const uint64_t *
find_id(const struct raw *r, uint64_t id)
{
	return bsearch(&id, r->ids, r->nids, sizeof(*r->ids), by_number);
}

/* On a worker: the records whose conversion gives an event that was shown, as
 * id, length and bytes. */
static enum sess_status
keep_raw(void *arg, unsigned worker, const struct sess_event *ev, struct sess_buf *out,
    struct sess_err *err)
{
	const struct path *p = arg;

	(void)worker;
	if (ev->raw == NULL || find_id(&p->raw, ev->id) == NULL)
		return SESS_OK;
	if (sess_buf_add(out, &ev->id, sizeof(ev->id)) < 0 ||
	    sess_buf_add(out, &ev->raw_len, sizeof(ev->raw_len)) < 0 ||
	    sess_buf_add(out, ev->raw, ev->raw_len) < 0)
		return sess_err_nomem(err);
	return SESS_OK;
}

/* Of several records of one event (a rotated copy) the first is shown. */
static void
take_raw(struct raw *r, const char *data, size_t len)
{
	struct sess_err err = { 0 };
	struct found *f;
	const char *end = data + len;
	uint64_t id;
	size_t n;

	for (; data < end; data += n) {
		memcpy(&id, data, sizeof(id));
		memcpy(&n, data + sizeof(id), sizeof(n));
		data += sizeof(id) + sizeof(n);
		f = &r->found[find_id(r, id) - r->ids];
		if (f->len > 0)
			continue;
		*f = (struct found){ id, r->text.len, n };
		if (sess_buf_add(&r->text, data, n) < 0)
			die("--raw-from", &err);
	}
}

/* Of the files named with --raw-from only what can't be read is told: they may
 * well hold records of other kinds. */
static void
raw_problem(void *arg, const char *name, const struct sess_err *err, const char *text,
    size_t len)
{
	(void)arg, (void)len;
	if (text == NULL && err->line == 0)
		cli_warn(name, err);
}

static void
find_raw(struct path *p)
{
	struct sess_stream_opts o = p->cli.stream;
	struct sess_stream_block block;
	struct sess_err err = { 0 };
	struct sess_stream *s;
	enum sess_status r;

	o.feed = NULL;
	o.operands = p->raw.paths;
	o.map = keep_raw;
	o.begin = NULL;
	o.problem = raw_problem;
	o.recognised = NULL;
	o.rejects = false;
	o.strict = false;
	if (sess_stream_open(&s, &o, &err) < 0)
		die("--raw-from", &err);
	while ((r = sess_stream_next(s, &block, -1, &err)) == SESS_OK)
		take_raw(&p->raw, block.data, block.len);
	if (r < 0)
		die("--raw-from", &err);
	sess_stream_free(s);
}

/* One line, unless it is text and the same record was shown just before. */
static void
put_raw(struct path *p, const struct found *f, size_t *last)
{
	struct sess_err err = { 0 };
	struct sess_buf b = { 0 };
	const char *line = p->raw.text.data + f->at;

	if (p->opts.format == SESS_PATH_TEXT && *last < p->raw.nids &&
	    p->raw.found[*last].len == f->len &&
	    memcmp(p->raw.text.data + p->raw.found[*last].at, line, f->len) == 0)
		return;
	*last = (size_t)(f - p->raw.found);
	if (sess_path_raw(p->render, line, f->len, &b) < 0)
		die("--raw-from", &err);
	cli_put(b.data, b.len);
	sess_buf_release(&b);
}

/* The output with the log lines in their places. */
static void
put_with_raw(struct path *p)
{
	const struct raw *r = &p->raw;
	const struct found *f;
	size_t i, done = 0, last = SIZE_MAX;
	uint64_t missing = 0;

	for (i = 0; i < r->n; i++) {
		cli_put(p->out.data + done, r->places[i].at - done);
		done = r->places[i].at;
		f = &r->found[find_id(r, r->places[i].id) - r->ids];
		if (f->len > 0)
			put_raw(p, f, &last);
		else
			missing++;
	}
	cli_put(p->out.data + done, p->out.len - done);
	p->out.len = 0;
	if (missing > 0)
		cli_note(&p->cli, "%" PRIu64 " of %zu events are not in the files of --raw-from",
		    missing, r->n);
}

/* -- */

static void
settle(struct path *p)
{
	if (p->raw.paths != NULL && p->cli.follow)
		cli_misuse("--raw-from needs input that ends, not --follow");
	if (p->opts.collapse && (p->opts.details || p->opts.before_error ||
	    p->opts.format == SESS_PATH_NDJSON))
		cli_misuse("--collapse shows no behaviours: not with --details, --before-error "
		    "or --format ndjson");
	p->opts.slow_load = p->cli.session.slow_load;
	p->opts.slow_api = p->cli.session.slow_api;
	p->opts.tz = p->cli.tz;
	p->opts.color = p->opts.format == SESS_PATH_TEXT && terminal_has_colors(p->color);
	if (p->opts.width == 0)
		p->opts.width = terminal_columns();
	if (p->raw.paths != NULL) {
		p->opts.raw = note_place;
		p->opts.raw_arg = &p->raw;
	}
	if (p->ids_from != NULL || (p->cli.ids != NULL && *p->cli.ids != NULL))
		read_ids(p);
}

static void
release(struct path *p)
{
	unsigned i;

	for (i = 0; i < p->cli.stream.jobs; i++)
		sess_packer_free(p->packers[i]);
	free(p->packers);
	sess_gather_free(p->gather);
	sess_reducer_free(p->reducer);
	sess_path_free(p->render);
	sess_query_scratch_free(p->scratch);
	sess_query_free(p->ids);
	sess_store_free(p->cli.store);
	sess_buf_release(&p->out);
	sess_buf_release(&p->raw.text);
	free(p->raw.paths);
	free(p->raw.places);
	free(p->raw.ids);
	free(p->raw.found);
}

int
main(int argc, char **argv)
{
	struct path p = { .color = "auto", .separator = '\n' };

	sess_path_opts_init(&p.opts);
	p.opts.width = 0;
	cli_start(&p.cli, "sess-path", PATH, usage);
	cli_options(&p.cli, argc, argv, own, &p);
	settle(&p);
	start(&p);
	if (p.cli.session.sorted)
		read_sorted(&p);
	else
		read_all(&p);
	if (p.raw.paths != NULL) {
		sort_ids(&p.raw);
		find_raw(&p);
		put_with_raw(&p);
	}
	pass_on(&p);
	explain(&p);
	release(&p);
	return cli_finish(p.shown > 0 || p.cli.no_match_ok ? CLI_YES : CLI_NO);
}
