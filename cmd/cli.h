/*
 * cli: all that the commands share: start, options, output, warnings, exit.
 * Only cmd/ prints, exits or reads the environment.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"
#include "sess/query.h"
#include "sess/session.h"
#include "sess/store.h"
#include "sess/stream.h"

enum { CLI_YES = 0, CLI_NO = 1, CLI_TROUBLE = 2 };

/* What the shared options fill; a command reads it after cli_options. */
struct cli {
	const char *name;		/* sess-find */
	unsigned program;		/* FIND */
	struct sess_stream_opts stream;
	struct sess_session_opts session;
	const char *tz;
	int64_t now;
	bool quiet, verbose, no_match_ok, no_progress, follow;
	bool part;			/* what is read isn't all: nothing tells when the newest
					 * event of all was */
	const char *store_dir;		/* --store, -S; sess-index has always one */
	struct sess_store *store;	/* read instead of operands; or NULL */
	const char *const *ids;		/* with a store: the operands of sess-path */
	const char *summary, *rejects;
};

/* First call of main: signals (SIGPIPE default), locale for wcwidth only, the
 * defaults of cli, $SESS_NOW, $TZ, $TMPDIR.  usage is how --help begins: the
 * synopsis, an empty line, examples. */
void cli_start(struct cli *c, const char *name, unsigned program, const char *usage);

/*
 * Read the options: calls own for each option that isn't one of the shared
 * ones (input, sessions but --each, every program), with its argument or NULL,
 * in order, once all of the shared ones are known; NULL where the program has
 * none of its own.  --help and --version exit; misuse says so and exits 2.  Afterwards
 * c->stream.operands is set, or c->store.  With nothing to read and standard input
 * a terminal: usage, exit 2.
 */
void cli_options(struct cli *c, int argc, char **argv,
    void (*own)(void *arg, enum option opt, const char *value), void *arg);

/* The long name of an option. */
const char *cli_option_name(enum option opt);

/* Numbers of options: whole text, in range, or misuse (exit 2). */
uint64_t cli_number(const char *option, const char *text, uint64_t min, uint64_t max);
uint64_t cli_size(const char *option, const char *text);		/* 512M, 64K, 1G */
int64_t cli_duration(const char *option, const char *text);	
/* --follow: how long nothing of a session arrived before it is written, ms:
 * --idle, or what the rule has; half an hour where sessions never end. */
int64_t cli_quiet(const struct cli *c);
	/* ms */
int64_t cli_time(const struct cli *c, const char *option, const char *text);	/* ms */

/* Open c->store_dir for reading; what is damaged in it is said.  Exits 2 on failure. */
void cli_open_store(struct cli *c);

/* With a store: read the sessions that may match q (NULL: all), of these those with
 * one of n ids (ids NULL: all). */
void cli_choose(struct cli *c, const struct sess_query *q, const struct sess_slice *ids,
    size_t n);

/* All that was chosen of a store, if there is one, was added to g: tell it when the
 * newest event of the others was, where the end of a session rests on that (or
 * always).  The choice is lost. */
void cli_tell_newest(struct cli *c, struct sess_gather *g, bool always);

/* Open the stream with c's settings and messages (problem notes go to stderr and
 * --rejects, ten a file, then counted; --verbose says what was recognised).  A
 * second stream over the same operands is silent: what it meets was said and is
 * in the books already.  Exits 2 on failure. */
struct sess_stream *cli_stream(struct cli *c);

/* The next block, with the progress line kept; false at the end of input.  A
 * fatal error is said and exits 2. */
bool cli_next(struct cli *c, struct sess_stream *s, struct sess_stream_block *b, int timeout_ms);

/* --sorted: open the stream and read all of it, for workers that pack for a reducer;
 * each session is taken.  Input that is not sorted is said, and exits 2. */
struct sess_stream *cli_reduce(struct cli *c, struct sess_reducer *r, sess_gather_take *take,
    void *arg);

/* Books to stderr (--verbose) and to --summary; notes damage for the exit status. Frees s. */
void cli_done(struct cli *c, struct sess_stream *s);

/* Bytes to standard output, through a large buffer; the first error is kept. */
void cli_put(const char *p, size_t len);
void cli_flush(void);
bool cli_put_failed(void);

/* "sess-find: what: err->text", control bytes as ?; counts as trouble (exit 2). */
void cli_warn(const char *what, const struct sess_err *err);
void cli_warnf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "sess-find: ..." on stderr unless -q; no trouble. */
void cli_note(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Say it and exit 2. */
void cli_die(const char *what, const struct sess_err *err) __attribute__((noreturn));
void cli_misuse(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A whole file's bytes, malloc'd; - is standard input.  Exits 2 on failure. */
char *cli_read_file(const char *path, size_t *len);

/* Flush, check standard output, and give main's return value: CLI_TROUBLE
 * where there was any, else yes_no. */
int cli_finish(int yes_no);

#endif
