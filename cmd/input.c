/* The stream of a command: its problems, its books and its progress. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "private.h"

#define SAID 10			/* problems of a file that are said; then they are counted */
#define TICK 250		/* ms between two states of the progress line */
#define PATIENCE 1000		/* ms without one */

#define BOOKS(X) \
	X(records) X(converted) X(partial) X(ignored) X(rejected) X(events) \
	X(bytes) X(files) X(members) X(unrecognised) X(damaged) X(skipped) \
	X(preflights) X(nobody)

struct format_count {
	char *name;
	uint64_t members;
};

static struct {
	struct sess_stream *first;	/* the one whose books are told, until they are */
	bool begun;			/* there was a first one */
	const char *const *operands;	/* of which the problems are told */
	struct sess_buf file;		/* the file whose problems are counted */
	uint64_t bad_records, bad_members, unsaid;
	struct format_count *formats;
	size_t nformats;
	FILE *rejects, *summary;
	const char *rejects_name, *summary_name;
} in;

static struct {
	bool on, shown;
	int64_t begun, last;		/* ms of the steady clock */
	uint64_t events;
} progress;

/* -- problems */

static void
say_unsaid(void)
{
	if (in.unsaid > 0)
		cli_warnf("%.*s: … and %" PRIu64 " more", (int)in.file.len, in.file.data,
		    in.unsaid);
	in.unsaid = in.bad_records = in.bad_members = 0;
}

/* Whether one more problem of name is to be said.  The members of an archive
 * share its account. */
static bool
may_say(const char *name, bool record)
{
	size_t len = strcspn(name, "!");
	uint64_t *n = record ? &in.bad_records : &in.bad_members;

	if (in.file.len != len || (len > 0 && memcmp(in.file.data, name, len) != 0)) {
		say_unsaid();
		in.file.len = 0;
		if (sess_buf_add(&in.file, name, len) < 0)
			in.file.len = 0;
	}
	if ((*n)++ < SAID)
		return true;
	in.unsaid++;
	return false;
}

/* The inside of a JSON string, of whatever bytes. */
static void
put_json(FILE *f, const char *p, size_t len)
{
	mbstate_t state;
	wchar_t c;
	size_t n;

	for (; len > 0; p += n, len -= n) {
		memset(&state, 0, sizeof(state));
		n = mbrtowc(&c, p, len, &state);
		if (n > len) {
			n = 1;
			fputs("\357\277\275", f);	/* U+FFFD */
		} else if (n == 0 || (unsigned char)*p < 0x20) {
			n = 1;
			fprintf(f, "\\u%04x", (unsigned char)*p);
		} else {
			if (*p == '"' || *p == '\\')
				fputc('\\', f);
			fwrite(p, 1, n, f);
		}
	}
}

static void
put_reject(FILE *f, const char *name, const struct sess_err *err, const char *text,
    size_t len)
{
	fputs("{\"src\":\"", f);
	put_json(f, name, strlen(name));
	if (err->line > 0)
		fprintf(f, ":%" PRIu64, err->line);
	fputs("\",\"reason\":\"", f);
	put_json(f, err->text, strlen(err->text));
	fputs("\",\"record\":\"", f);
	put_json(f, text, len);
	fputs("\"}\n", f);
}

static void
on_problem(void *arg, const char *name, const struct sess_err *err, const char *text,
    size_t len)
{
	(void)arg;
	say_trouble();
	if (text != NULL && in.rejects != NULL)
		put_reject(in.rejects, name, err, text, len);
	if (may_say(name, err->line > 0))
		cli_warn(name, err);
}

/* Problems that a first stream has said. */
static void
on_known_problem(void *arg, const char *name, const struct sess_err *err,
    const char *text, size_t len)
{
	(void)arg, (void)name, (void)err, (void)text, (void)len;
}

static void
on_recognised(void *arg, const char *name, const char *format)
{
	const struct cli *c = arg;
	struct format_count *more;
	size_t i;

	if (c->verbose)
		cli_note(c, "%s: %s", name, format);
	for (i = 0; i < in.nformats; i++)
		if (strcmp(in.formats[i].name, format) == 0)
			break;
	if (i == in.nformats) {
		more = reallocarray(in.formats, i + 1, sizeof(*more));
		if (more == NULL)
			return;
		in.formats = more;
		if ((more[i].name = strdup(format)) == NULL)
			return;
		more[i].members = 0;
		in.nformats++;
	}
	in.formats[i].members++;
}

/* -- the progress line */

static int64_t
steady_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
progress_clear(void)
{
	if (progress.shown)
		fputs("\r\033[K", stderr);
	progress.shown = false;
}

/* A number of bytes in a few columns. */
static const char *
human(double n, char text[16])
{
	static const char units[] = "BKMGTPE";
	size_t unit = 0;

	while (n >= 1000 && unit < sizeof(units) - 2) {
		n /= 1024;
		unit++;
	}
	(void)snprintf(text, 16, unit == 0 ? "%.0f %c" : "%.1f %c", n, units[unit]);
	return text;
}

static void
progress_show(const struct cli *c, const struct sess_stream *s)
{
	int64_t now = steady_ms(), ms = now - progress.begun;
	char of[16], size[16], rate[16];
	uint64_t done, all, left;

	if (!progress.on || ms < PATIENCE || now - progress.last < TICK)
		return;
	progress.last = now;
	sess_stream_progress(s, &done, &all);
	fprintf(stderr, "\r%s: %s", c->name, human((double)done, size));
	if (all > 0)
		fprintf(stderr, " of %s", human((double)all, of));
	fprintf(stderr, ", %s/s, %" PRIu64 " events",
	    human((double)done * 1000 / (double)ms, rate), progress.events);
	if (all > done && done > 0) {
		left = (uint64_t)((double)ms / 1000 * (double)(all - done) / (double)done);
		fprintf(stderr, ", %" PRIu64 ":%02" PRIu64 " left", left / 60, left % 60);
	}
	fputs("\033[K", stderr);
	fflush(stderr);
	progress.shown = true;
}

/* -- the stream */

/* Whether fd is a regular file that is also an operand. */
static bool
is_operand(const struct cli *c, int fd)
{
	const char *const *op;
	struct stat out, st;

	if (fstat(fd, &out) < 0 || !S_ISREG(out.st_mode))
		return false;
	for (op = c->stream.operands; *op != NULL; op++)
		if (stat(*op, &st) == 0 && st.st_dev == out.st_dev && st.st_ino == out.st_ino)
			return true;
	return false;
}

/* Opened at once, so that hours of work don't end at a folder that isn't there. */
static FILE *
create(struct cli *c, const char *path)
{
	struct sess_err err = { 0 };
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (f != NULL && is_operand(c, fd)) {
		sess_err_set(&err, SESS_EFORMAT, 0, "is to be read and not written");
		cli_die(path, &err);
	}
	/* what can't be truncated is no file: a pipe, /dev/stderr */
	if (f != NULL && ftruncate(fd, 0) < 0 && errno != EINVAL)
		f = NULL;
	if (f == NULL) {
		sess_err_sys(&err, errno, NULL);
		cli_die(path, &err);
	}
	c->stream.out_fds[c->stream.nout_fds++] = fd;
	return f;
}

struct sess_stream *
cli_stream(struct cli *c)
{
	struct sess_err err = { 0 };
	struct sess_stream *s;
	bool known;

	if (!in.begun) {
		if (c->rejects != NULL)
			in.rejects = create(c, in.rejects_name = c->rejects);
		if (c->summary != NULL)
			in.summary = create(c, in.summary_name = c->summary);
	}
	known = c->store == NULL && in.operands == c->stream.operands;
	c->stream.feed = c->store != NULL ? sess_store_feed(c->store) : NULL;
	if (c->store != NULL && c->stream.feed == NULL) {
		sess_err_nomem(&err);
		cli_die(NULL, &err);
	}
	in.operands = c->stream.operands;
	c->stream.problem = known ? on_known_problem : on_problem;
	c->stream.recognised = known ? NULL : on_recognised;
	c->stream.rejects = !known && in.rejects != NULL;
	c->stream.note_arg = c;
	if (sess_stream_open(&s, &c->stream, &err) < 0)
		cli_die(NULL, &err);
	if (!in.begun)
		in.first = s;
	in.begun = true;
	progress.on = !c->no_progress && !c->quiet && isatty(STDERR_FILENO);
	progress.begun = steady_ms();
	progress.events = 0;
	return s;
}

bool
cli_next(struct cli *c, struct sess_stream *s, struct sess_stream_block *b, int timeout_ms)
{
	struct sess_err err = { 0 };
	enum sess_status status;

	if (progress.on && (timeout_ms < 0 || timeout_ms > TICK))
		timeout_ms = TICK;
	status = sess_stream_next(s, b, timeout_ms, &err);
	if (status == SESS_OK) {
		progress.events += b->events;
		progress_show(c, s);
		return true;
	}
	progress_clear();
	say_unsaid();
	if (status < 0)
		cli_die(NULL, &err);
	return false;
}

/* -- the books */

static void
write_summary(FILE *f, const struct sess_books *b)
{
	const char *comma = "";
	size_t i;

#define BOOK(name) fprintf(f, "%s\"" #name "\":%" PRIu64, *comma != '\0' ? "," : "{", b->name); comma = ",";
	BOOKS(BOOK)
#undef BOOK
	fputs(",\"recognised\":{", f);
	for (i = 0; i < in.nformats; i++) {
		fprintf(f, "%s\"", i > 0 ? "," : "");
		put_json(f, in.formats[i].name, strlen(in.formats[i].name));
		fprintf(f, "\":%" PRIu64, in.formats[i].members);
	}
	fputs("}}\n", f);
}

static void
say_books(const struct cli *c, const struct sess_books *b)
{
	cli_note(c, "%" PRIu64 " records = %" PRIu64 " converted + %" PRIu64 " partial + %"
	    PRIu64 " ignored + %" PRIu64 " rejected", b->records, b->converted, b->partial,
	    b->ignored, b->rejected);
	cli_note(c, "%" PRIu64 " events; %" PRIu64 " bytes in %" PRIu64 " members of %" PRIu64
	    " files, %" PRIu64 " unrecognised, %" PRIu64 " damaged, %" PRIu64 " skipped",
	    b->events, b->bytes, b->members, b->files, b->unrecognised, b->damaged, b->skipped);
}

void
cli_done(struct cli *c, struct sess_stream *s)
{
	struct sess_books b = { 0 };

	progress_clear();
	sess_stream_books(s, &b);
	sess_stream_free(s);
	if (s != in.first)
		return;
	in.first = NULL;
	if (c->verbose)
		say_books(c, &b);
	if (b.nobody > 0)
		cli_note(c, "%" PRIu64 " request%s from logs without bodies: what they "
		    "carried (clicks, resources, answers) is not there", b.nobody,
		    b.nobody == 1 ? " is" : "s are");
	if (in.summary != NULL)
		write_summary(in.summary, &b);
}

static void
finish_file(FILE **f, const char *name)
{
	struct sess_err err = { 0 };
	bool bad;

	if (*f == NULL)
		return;
	errno = 0;
	bad = ferror(*f) != 0;
	bad |= fclose(*f) != 0;
	*f = NULL;
	if (bad) {
		sess_err_sys(&err, errno != 0 ? errno : EIO, NULL);
		cli_warn(name, &err);
	}
}

void
input_finish(void)
{
	struct sess_books b;

	say_unsaid();
	/* an end before its time: the books so far */
	if (in.first != NULL && in.summary != NULL) {
		sess_stream_books(in.first, &b);
		write_summary(in.summary, &b);
	}
	finish_file(&in.rejects, in.rejects_name);
	finish_file(&in.summary, in.summary_name);
	sess_buf_release(&in.file);
	while (in.nformats > 0)
		free(in.formats[--in.nformats].name);
	free(in.formats);
	in.formats = NULL;
}
