#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "private.h"
#include "sess/when.h"

#define PIPE_SIZE (1024 * 1024)
#define QUIET (30 * 60 * 1000)	/* ms, of --follow */
#define CLOSED_PIPE 141		/* what the shell says of one who died of SIGPIPE */

/* What can't be settled before all options are read: some speak of others. */
struct given {
	const char *now, *rule, *idle, *max_duration, *newest;
	const char *map, *hash_user, *store;
	bool default_store, no_input;
	struct {
		enum option opt;
		const char *value;
	} *own;			/* the program's own */
	size_t nown;
	unsigned stdin_uses;
};

/* What workers read until the stream is freed. */
static struct {
	char *map, *key, *store;
} held;

/* A file opened where 0, 1 or 2 was closed would be taken for a standard one.
 * What stands in for it fails when used. */
static void
keep_standard_files(void)
{
	static const int flags[] = { O_WRONLY, O_RDONLY, O_RDWR };
	int fd;

	for (fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd]) < 0)
			_exit(CLI_TROUBLE);
}

static int64_t
clock_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
cli_start(struct cli *c, const char *name, unsigned program, const char *usage)
{
	const char *tmpdir = getenv("TMPDIR");

	keep_standard_files();
	say_start(name, usage);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)fcntl(STDIN_FILENO, F_SETPIPE_SZ, PIPE_SIZE);	/* fails on what is no pipe */
	(void)fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_SIZE);

	*c = (struct cli){ .name = name, .program = program };
	sess_session_opts_init(&c->session);
	c->stream.out_fds[c->stream.nout_fds++] = STDOUT_FILENO;
	c->stream.out_fds[c->stream.nout_fds++] = STDERR_FILENO;
	c->now = clock_now();
	if (tmpdir != NULL && *tmpdir != '\0')
		c->session.tmpdir = tmpdir;
}

/* -- arguments of options */

const char *
cli_option_name(enum option opt)
{
	return option_info[opt].name;
}

uint64_t
cli_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 || n < min || n > max)
		cli_misuse("--%s: '%s' is no number from %llu to %llu", option, text,
		    (unsigned long long)min, (unsigned long long)max);
	return n;
}

uint64_t
cli_size(const char *option, const char *text)
{
	static const char units[] = "KMGT";
	unsigned long long n;
	const char *unit;
	unsigned shift = 0;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (*end != '\0' && (unit = strchr(units, toupper((unsigned char)*end))) != NULL) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 || n == 0 ||
	    n > (UINT64_MAX >> shift))
		cli_misuse("--%s: '%s' is no size like 512M", option, text);
	return n << shift;
}

int64_t
cli_duration(const char *option, const char *text)
{
	int64_t ms;

	if (sess_when_duration(text, &ms) < 0)
		cli_misuse("--%s: '%s' is no length of time like 90s, 30m or 2h", option, text);
	return ms;
}

int64_t
cli_quiet(const struct cli *c)
{
	const struct sess_session_opts *o = &c->session;

	return o->rule.idle > 0 ? o->rule.idle : o->visit.idle > 0 ? o->visit.idle : QUIET;
}

int64_t
cli_time(const struct cli *c, const char *option, const char *text)
{
	struct sess_err err = { 0 };
	int64_t ms;

	if (sess_when_parse(text, c->now, c->tz, &ms, &err) < 0)
		cli_misuse("--%s: %s", option, err.text);
	return ms;
}

static void
mask_ip(struct sess_convert_opts *o, const char *text)
{
	char v4[8], v6[8];
	int end = 0;

	if (sscanf(text, "%7[0-9],%7[0-9]%n", v4, v6, &end) != 2 || text[end] != '\0')
		cli_misuse("--mask-ip: '%s' is not like 24,48", text);
	o->mask_ip4 = (unsigned)cli_number("mask-ip", v4, 1, 32);
	o->mask_ip6 = (unsigned)cli_number("mask-ip", v6, 1, 128);
}

static struct sess_shard
shard(const char *text)
{
	struct sess_err err = { 0 };
	struct sess_shard s;

	if (sess_shard_parse(&s, text, &err) < 0)
		cli_misuse("--shard: %s", err.text);
	return s;
}

static unsigned
session_by(const char *text)
{
	static const struct {
		const char *name;
		unsigned bit;
	} fields[] = { { "ip", SESS_BY_IP }, { "ua", SESS_BY_UA }, { "user", SESS_BY_USER } };
	size_t i, len, n = sizeof(fields) / sizeof(fields[0]);
	const char *p = text;
	unsigned by = 0;

	do {
		len = strcspn(p, ",");
		for (i = 0; i < n; i++)
			if (strlen(fields[i].name) == len && memcmp(p, fields[i].name, len) == 0)
				break;
		if (i == n)
			cli_misuse("--session-by: '%s' is no list of ip, ua, user", text);
		by |= fields[i].bit;
		p += len;
	} while (*p++ == ',');
	return by;
}

static enum sess_clock
clock_of(const char *text)
{
	if (strcmp(text, "auto") == 0)
		return SESS_CLOCK_AUTO;
	if (strcmp(text, "client") == 0)
		return SESS_CLOCK_CLIENT;
	if (strcmp(text, "server") != 0)
		cli_misuse("--clock: '%s' is none of client, server, auto", text);
	return SESS_CLOCK_SERVER;
}

static const char *
not_empty(enum option opt, const char *value)
{
	if (*value == '\0')
		cli_misuse("--%s needs an argument", cli_option_name(opt));
	return value;
}

/* -- the shared options */

/* How records are read.  False where opt is no such option. */
static bool
input_option(struct cli *c, struct given *g, enum option opt, const char *value)
{
	struct sess_convert_opts *o = &c->stream.convert;

	switch (opt) {
	case OPT_FORMAT:
	case OPT_INPUT_FORMAT:	o->format = value; break;
	case OPT_MAP:		g->map = not_empty(opt, value); break;
	case OPT_TRUST_FORWARDED: o->trust_forwarded = true; break;
	case OPT_GEOIP:		o->geoip = not_empty(opt, value); break;
	case OPT_UA_REGEXES:	o->ua_regexes = not_empty(opt, value); break;
	case OPT_HASH_USER:	g->hash_user = not_empty(opt, value); break;
	case OPT_MASK_IP:	mask_ip(o, value); break;
	case OPT_DROP_QUERY:	o->drop_query = true; break;
	case OPT_EXTRA:		o->extra = true; break;
	case OPT_SESSION_BY:	o->session_by = session_by(value); break;
	case OPT_REJECTS:	c->rejects = not_empty(opt, value); break;
	case OPT_SUMMARY:	c->summary = not_empty(opt, value); break;
	case OPT_STRICT:	c->stream.strict = true; break;
	case OPT_SHARD:		c->stream.shard = shard(value); break;
	case OPT_MAX_LINE:	c->stream.max_line = cli_size("max-line", value); break;
	case OPT_JOBS:
		c->stream.jobs = c->session.jobs = (unsigned)cli_number("jobs", value, 1, 1024);
		break;
	default:		return false;
	}
	return true;
}

/* Sessions, and what every program has.  False where opt is none of these. */
static bool
shared_option(struct cli *c, struct given *g, enum option opt, const char *value)
{
	switch (opt) {
	case OPT_SESSION_RULE:	g->rule = value; break;
	case OPT_IDLE:		g->idle = value; break;
	case OPT_MAX_DURATION:	g->max_duration = value; break;
	case OPT_CLOCK:		c->session.clock = clock_of(value); break;
	case OPT_SORTED:	c->session.sorted = true; break;
	case OPT_NEWEST:	g->newest = value; break;
	case OPT_FOLLOW:	c->follow = true; break;
	case OPT_MAX_EVENTS:
		c->session.max_events = cli_number("max-events", value, 1, UINT32_MAX);
		break;
	case OPT_MEMORY:	c->session.memory = cli_size("memory", value); break;
	case OPT_TMPDIR:	c->session.tmpdir = not_empty(opt, value); break;
	case OPT_STORE:		g->store = not_empty(opt, value); break;
	case OPT_DEFAULT_STORE:	g->default_store = true; break;
	case OPT_NOW:		g->now = value; break;
	case OPT_TZ:		c->tz = not_empty(opt, value); break;
	case OPT_NO_MATCH_OK:	c->no_match_ok = true; break;
	case OPT_QUIET:		c->quiet = true; break;
	case OPT_VERBOSE:	c->verbose = true; break;
	case OPT_NO_PROGRESS:	c->no_progress = true; break;
	case OPT_HELP:
		fputs(say_usage(), stdout);
		option_help(c->program);
		exit(cli_finish(CLI_YES));
	case OPT_VERSION:
		printf("%s %s\n", c->name, SESS_VERSION);
		exit(cli_finish(CLI_YES));
	default:
		return input_option(c, g, opt, value);
	}
	return true;
}

static void
settle_rule(struct sess_session_opts *o, const struct given *g)
{
	struct sess_rule rule;

	if (g->rule != NULL) {
		if (sess_rule_find(g->rule, &rule) < 0)
			cli_misuse("--session-rule: there is no rule '%s'", g->rule);
		o->rule = rule;
		/* a rule that trusts ids has nothing to say where there are none */
		if (rule.idle != 0 || rule.max_duration != 0)
			o->visit = rule;
	}
	if (g->idle != NULL)
		o->rule.idle = o->visit.idle = cli_duration("idle", g->idle);
	if (g->max_duration != NULL)
		o->rule.max_duration = o->visit.max_duration =
		    cli_duration("max-duration", g->max_duration);
}

static void
settle_files(struct sess_convert_opts *o, const struct given *g)
{
	if (g->map != NULL)
		o->map = held.map = cli_read_file(g->map, &o->map_len);
	if (g->hash_user == NULL)
		return;
	held.key = cli_read_file(g->hash_user, &o->hash_key_len);
	o->hash_key = (const unsigned char *)held.key;
	if (o->hash_key_len == 0)
		cli_misuse("--hash-user: %s is empty: it has to hold a key", g->hash_user);
}

/* $SESS_STORE, else as the XDG base directories have it. */
static const char *
default_store(void)
{
	const char *dir = getenv("SESS_STORE"), *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");

	if (dir != NULL && *dir != '\0')
		return dir;
	if (data != NULL && *data == '/') {
		if (asprintf(&held.store, "%s/sess", data) < 0)
			cli_misuse("out of memory");
	} else if (home == NULL || *home == '\0') {
		cli_misuse("where is the store? --store or $SESS_STORE says it");
	} else if (asprintf(&held.store, "%s/.local/share/sess", home) < 0)
		cli_misuse("out of memory");
	return held.store;
}

/* With a store to read there is no other input. */
static void
settle_store(struct cli *c, const struct given *g, char **operands)
{
	if (g->store != NULL && g->default_store)
		cli_misuse("either --default-store or --store");
	if (g->store != NULL || g->default_store || c->program == INDEX)
		c->store_dir = g->store != NULL ? g->store : default_store();
	if (c->store_dir == NULL || c->program == INDEX)
		return;
	if (c->program != PATH && *operands != NULL)
		cli_misuse("with a store there is no other input: %s", *operands);
	if (c->follow)
		cli_misuse("--follow needs live input: not with a store");
	cli_open_store(c);
	c->ids = c->stream.operands = (const char *const *)operands;
}

/* Standard input is read once: by the operands or by one option. */
static void
settle_operands(struct cli *c, char **operands, unsigned uses)
{
	char **op;

	if (c->store != NULL)
		return;
	for (op = operands; *op != NULL; op++)
		uses += strcmp(*op, "-") == 0;
	uses += op == operands;
	if (uses > 1)
		cli_misuse("standard input is asked for %u times", uses);
	if (op == operands && isatty(STDIN_FILENO)) {
		say_synopsis(stderr);
		exit(CLI_TROUBLE);
	}
	c->stream.operands = (const char *const *)operands;
}

static void
settle(struct cli *c, struct given *g, char **operands)
{
	const char *now = g->now != NULL ? g->now : getenv("SESS_NOW");

	/* a zone that there is not would be UTC without a word */
	if (c->tz != NULL)
		(void)cli_time(c, "tz", "today");
	if (now != NULL && *now != '\0')
		c->now = cli_time(c, "now", now);
	settle_rule(&c->session, g);
	if (g->newest != NULL)
		c->session.newest = cli_time(c, "newest", g->newest);
	settle_store(c, g, operands);
	if (g->no_input && *operands != NULL)
		cli_misuse("nothing is read here: %s", *operands);
	if (!g->no_input)
		settle_operands(c, operands, g->stdin_uses);
	if (c->session.sorted && (c->follow || c->store != NULL))
		cli_misuse("--sorted is for input that ends, and not for a store");
	c->part = (c->session.sorted || c->stream.shard.of > 1) && c->store == NULL &&
	    c->session.newest == INT64_MIN;
	c->session.part = c->part;
	settle_files(&c->stream.convert, g);
	c->stream.tmpdir = c->session.tmpdir;
}

void
cli_options(struct cli *c, int argc, char **argv,
    void (*own)(void *arg, enum option opt, const char *value), void *arg)
{
	struct given g = { 0 };
	const char *value;
	enum option opt;
	size_t i;

	g.own = calloc((size_t)argc, sizeof(*g.own));
	if (g.own == NULL)
		cli_misuse("out of memory");
	while ((opt = option_next(c->program, argc, argv, &value)) != OPT_NONE) {
		/* nothing is read for these */
		g.no_input |= opt == OPT_COMPACT || opt == OPT_PRUNE || opt == OPT_FORGET ||
		    opt == OPT_STAT || opt == OPT_VERIFY || opt == OPT_SALVAGE || opt == OPT_SQL;
		if ((opt == OPT_IDS_FROM || opt == OPT_MAP || opt == OPT_HASH_USER ||
		    opt == OPT_RAW_FROM) && strcmp(value, "-") == 0)
			g.stdin_uses++;
		if (shared_option(c, &g, opt, value))
			continue;
		g.own[g.nown].opt = opt;
		g.own[g.nown++].value = value;
	}
	settle(c, &g, argv + optind);
	for (i = 0; i < g.nown; i++)
		own(arg, g.own[i].opt, g.own[i].value);
	free(g.own);
}

/* -- files, and the end */

char *
cli_read_file(const char *path, size_t *len)
{
	struct sess_err err = { 0 };
	struct sess_buf b = { 0 };
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	size_t n;

	if (f == NULL) {
		sess_err_sys(&err, errno, NULL);
		cli_die(path, &err);
	}
	do {
		if (sess_buf_room(&b, BUFSIZ) < 0) {
			sess_err_nomem(&err);
			cli_die(path, &err);
		}
		n = fread(b.data + b.len, 1, b.cap - b.len, f);
		b.len += n;
	} while (n > 0);
	if (ferror(f)) {
		sess_err_sys(&err, errno, NULL);
		cli_die(path, &err);
	}
	if (f != stdin)
		fclose(f);
	*len = b.len;
	return b.data;
}

int
finish(int yes_no)
{
	struct sess_err err = { 0 };
	int error;

	input_finish();
	error = output_finish();
	if (error == EPIPE)
		return CLOSED_PIPE;
	if (error != 0) {
		sess_err_sys(&err, error, NULL);
		cli_warn("<stdout>", &err);
	}
	return say_had_trouble() ? CLI_TROUBLE : yes_no;
}

int
cli_finish(int yes_no)
{
	int status = finish(yes_no);

	free(held.map);
	free(held.key);
	free(held.store);
	held.map = held.key = held.store = NULL;
	return status;
}
