/* Messages: all of them go to standard error, none can steer a terminal. */
#include "private.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "cli.h"

static struct {
	const char *name, *usage;
	bool trouble;
} self;

void
say_start(const char *name, const char *usage)
{
	self.name = name;
	self.usage = usage;
	/* a message is one write: those of a pipeline's programs don't mix */
	(void)setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
}

const char *
say_usage(void)
{
	return self.usage;
}

void
say_synopsis(FILE *f)
{
	const char *end = strstr(self.usage, "\n\n");

	fprintf(f, "%.*s\n", (int)(end != NULL ? (size_t)(end - self.usage) :
	    strcspn(self.usage, "\n")), self.usage);
}

void
say_trouble(void)
{
	self.trouble = true;
}

bool
say_had_trouble(void)
{
	return self.trouble;
}

/* Marks that change the direction of what stands around them. */
static bool
turns(wchar_t c)
{
	return c == 0x200e || c == 0x200f || c == 0x061c ||
	    (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void
say_safe(FILE *f, const char *p, size_t len)
{
	mbstate_t state;
	wchar_t c;
	size_t n;

	while (len > 0) {
		memset(&state, 0, sizeof(state));
		n = mbrtowc(&c, p, len, &state);
		if (n == 0 || n > len) {	/* NUL, or no UTF-8 */
			n = 1;
			fputc('?', f);
		} else if (!iswprint((wint_t)c) || turns(c))
			fputc('?', f);
		else
			fwrite(p, 1, n, f);
		p += n;
		len -= n;
	}
}

static void say(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static void
say(const char *fmt, va_list ap)
{
	char *text;
	int len;

	len = vasprintf(&text, fmt, ap);
	progress_clear();
	fprintf(stderr, "%s: ", self.name);
	if (len >= 0) {
		say_safe(stderr, text, (size_t)len);
		free(text);
	} else
		fputs("out of memory", stderr);
	fputc('\n', stderr);
	fflush(stderr);
}

void
cli_warnf(const char *fmt, ...)
{
	va_list ap;

	say_trouble();
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void
cli_warn(const char *what, const struct sess_err *err)
{
	if (what == NULL)
		cli_warnf("%s", err->text);
	else if (err->line > 0)
		cli_warnf("%s:%llu: %s", what, (unsigned long long)err->line, err->text);
	else
		cli_warnf("%s: %s", what, err->text);
}

void
cli_note(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void
cli_die(const char *what, const struct sess_err *err)
{
	cli_flush();
	cli_warn(what, err);
	exit(finish(CLI_TROUBLE));
}

void
cli_misuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	say_synopsis(stderr);
	exit(CLI_TROUBLE);
}
