#include "part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sess/when.h"

static void __attribute__((noreturn))
out_of_memory(void)
{
	struct sess_err err = { 0 };

	sess_err_nomem(&err);
	cli_die(NULL, &err);
}

/* -- conditions */

static void __attribute__((format(printf, 2, 3)))
add(struct part *p, const char *fmt, ...)
{
	const char **more = reallocarray(p->text, p->n + 2, sizeof(*more));
	char *text;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (more == NULL || r < 0)
		out_of_memory();
	p->text = more;
	p->text[p->n++] = text;
	p->text[p->n] = NULL;
}

/* What is replaced in the events by its keyed hash is so here, too. */
static void
add_hashed(struct part *p, const struct cli *c, const char *name, const char *value)
{
	const struct sess_convert_opts *o = &c->stream.convert;
	char hash[33];

	sess_hash_user(o->hash_key, o->hash_key_len, value, strlen(value), hash);
	add(p, "--%s=%s", name, hash);
}

void
part_condition(struct part *p, const struct cli *c, enum option opt, const char *value)
{
	const char *name = cli_option_name(opt);

	switch (opt) {
	case OPT_SESSION:	/* these choose the part */
	case OPT_IDS_FROM:
	case OPT_SINCE:		/* these may be relative: part_settle */
	case OPT_UNTIL:
		break;
	case OPT_USER:
	case OPT_USER_NAME:
		if (c->stream.convert.hash_key != NULL) {
			add_hashed(p, c, name, value);
			break;
		}
		/* FALLTHROUGH */
	default:
		add(p, value != NULL ? "--%s=%s" : "--%s", name, value);
	}
}

static void
add_time(struct part *p, const char *name, int64_t when)
{
	char text[SESS_WHEN_LEN];

	if (when == SESS_NO_TIME)
		return;
	sess_when_format(when, text);
	add(p, "--%s=%.*s", name, (int)sizeof(text), text);
}

/* What makes a session, where it is not what it is by default. */
static void
add_sessions(struct part *p, const struct sess_session_opts *o, unsigned by)
{
	static const char *const clocks[] = { "auto", "client", "server" };
	struct sess_session_opts usual;

	sess_session_opts_init(&usual);
	if (o->rule.max_duration > 0 || o->visit.max_duration > 0)
		add(p, "max_duration_ms=%" PRId64 ",%" PRId64, o->rule.max_duration,
		    o->visit.max_duration);
	if (o->clock != usual.clock)
		add(p, "--clock=%s", clocks[o->clock]);
	if (o->max_events != usual.max_events)
		add(p, "--max-events=%" PRIu64, o->max_events);
	if (by != 0 && by != (SESS_BY_IP | SESS_BY_UA))
		add(p, "--session-by=%s%s%s", by & SESS_BY_IP ? "ip" : "",
		    by & SESS_BY_UA ? by & SESS_BY_IP ? ",ua" : "ua" : "",
		    by & SESS_BY_USER ? by & ~(unsigned)SESS_BY_USER ? ",user" : "user" : "");
}

/* What becomes of records on the way. */
static void
add_conversion(struct part *p, const struct cli *c)
{
	const struct sess_convert_opts *o = &c->stream.convert;

	if (o->hash_key != NULL)
		add_hashed(p, c, "hash-user", "");	/* tells keys apart */
	if (o->mask_ip4 > 0)
		add(p, "--mask-ip=%u,%u", o->mask_ip4, o->mask_ip6);
	if (o->drop_query)
		add(p, "--drop-query");
	if (o->trust_forwarded)
		add(p, "--trust-forwarded");
}

/* Hours and days are those of a zone: where --tz names none, of the process's own. */
static void
add_zone(struct part *p, const struct sess_stats_opts *o)
{
	const char *tz = getenv("TZ");
	const char *const *by;

	for (by = o->by; o->tz == NULL && *by != NULL; by++)
		if (strcmp(*by, "hour") == 0 || strcmp(*by, "day") == 0) {
			add(p, "TZ=%s", tz != NULL ? tz : "");
			return;
		}
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void
part_settle(struct part *p, const struct search *s, struct sess_stats_opts *o)
{
	const struct sess_session_opts *session = &s->cli->session;
	const char *sort = o->sort != NULL ? o->sort + (*o->sort == '-') : "";

	if ((s->of_end || strcmp(sort, "end_reason") == 0) && session->newest == INT64_MIN)
		cli_misuse("--partial: how sessions ended (end_reason) only all of the input tells, or --newest");
	add_time(p, "since", s->since);
	add_time(p, "until", s->until);
	add_sessions(p, session, s->cli->stream.convert.session_by);
	add_conversion(p, s->cli);
	add_zone(p, o);
	if (p->n > 0)
		qsort(p->text, p->n, sizeof(*p->text), by_text);
	o->conditions = p->text;
}

void
part_release(struct part *p)
{
	while (p->n > 0)
		free((void *)p->text[--p->n]);
	free(p->text);
}

/* -- reading */

static void
merge_lines(FILE *f, const char *path, struct sess_stats **st, const struct sess_stats_opts *o)
{
	struct sess_err err = { 0 };
	uint64_t number = 0;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	while (err.code >= 0 && (len = getline(&line, &cap, f)) > 0) {
		number++;
		if (*st != NULL || sess_stats_like(st, line, (size_t)len, o, &err) == SESS_OK)
			(void)sess_stats_merge(*st, line, (size_t)len, &err);
	}
	free(line);
	if (err.code >= 0 && ferror(f))
		sess_err_sys(&err, errno, NULL);
	else if (err.code >= 0 && number == 0)
		sess_err_set(&err, SESS_EFORMAT, 0, "an empty file is no partial");
	else if (err.code < 0 || sess_stats_merged(*st, &err) < 0)
		err.line = number;
	if (err.code < 0)
		cli_die(path, &err);
}

static void
merge_file(const char *path, struct sess_stats **st, const struct sess_stats_opts *o)
{
	bool standard = strcmp(path, "-") == 0;
	struct sess_err err = { 0 };
	FILE *f = standard ? stdin : fopen(path, "re");

	if (f == NULL) {
		sess_err_sys(&err, errno, NULL);
		cli_die(path, &err);
	}
	merge_lines(f, standard ? "<stdin>" : path, st, o);
	if (!standard)
		(void)fclose(f);
}

void
part_merge(const char *const *paths, struct sess_stats **st, const struct sess_stats_opts *o)
{
	if (*paths == NULL)
		merge_file("-", st, o);
	for (; *paths != NULL; paths++)
		merge_file(*paths, st, o);
}
