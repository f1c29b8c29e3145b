#include "signature.h"

#include <string.h>
#include <strings.h>

/*
 * Stacks, a frame a line:
 *
 *	    at Object.pay [as onClick] (https://shop.example/app.js:23:44)	Chrome, Edge
 *	    at async https://shop.example/app.js:23:44
 *	   at Anonymous function (https://shop.example/app.js:23:44)		old Edge, IE
 *	  at pay @ https://shop.example/app.js:23:44				as some SDKs write it
 *	pay@https://shop.example/app.js:23:44					Firefox, Safari
 *	async*pay/<@https://shop.example/app.js:23:44				Firefox
 *	https://shop.example/app.js:23:44					Safari
 */
struct frame {
	struct sess_slice function;	/* as it stands */
	struct sess_slice script;	/* without line and column */
};

static struct sess_slice
slice(const char *p, const char *end)
{
	return (struct sess_slice){ p, (size_t)(end - p) };
}

static struct sess_slice
from(struct sess_slice s, size_t n)
{
	return (struct sess_slice){ s.p + n, s.len - n };
}

static const char *
find(struct sess_slice s, const char *text)
{
	return s.len > 0 ? memmem(s.p, s.len, text, strlen(text)) : NULL;
}

static bool
starts(struct sess_slice s, const char *text)
{
	size_t n = strlen(text);

	return s.len >= n && memcmp(s.p, text, n) == 0;
}

static bool
ends(struct sess_slice s, const char *text)
{
	size_t n = strlen(text);

	return s.len >= n && memcmp(s.p + s.len - n, text, n) == 0;
}

static bool
is(struct sess_slice s, const char *text)
{
	return s.len == strlen(text) && starts(s, text);
}

static bool
same(struct sess_slice a, struct sess_slice b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.p, b.p, a.len) == 0);
}

/* Without white space around it. */
static struct sess_slice
trimmed(struct sess_slice s)
{
	while (s.len > 0 && (unsigned char)s.p[0] <= ' ')
		s = from(s, 1);
	while (s.len > 0 && (unsigned char)s.p[s.len - 1] <= ' ')
		s.len--;
	return s;
}

/* -- a line to its function and its script */

/* Take :line or :line:column off; false where there is none. */
static bool
without_position(struct sess_slice *s)
{
	bool found = false;
	size_t n;

	for (int i = 0; i < 2; i++) {
		for (n = s->len; n > 0 && s->p[n - 1] >= '0' && s->p[n - 1] <= '9'; n--)
			;
		if (n == s->len || n < 2 || s->p[n - 1] != ':')
			break;
		s->len = n - 1;
		found = true;
	}
	return found;
}

static bool
split_chrome(struct sess_slice line, struct frame *f)
{
	const char *open = find(line, " ("), *at = find(line, " @ ");

	f->function = (struct sess_slice){ "", 0 };
	f->script = line;
	if (open != NULL && ends(line, ")")) {
		f->function = slice(line.p, open);
		f->script = slice(open + 2, line.p + line.len - 1);
	} else if (at != NULL) {
		f->function = slice(line.p, at);
		f->script = slice(at + 3, line.p + line.len);
	} else if (starts(line, "async ")) {
		f->script = from(line, 6);
	}
	return without_position(&f->script);
}

static bool
split_firefox(struct sess_slice line, struct frame *f)
{
	const char *at = memchr(line.p, '@', line.len), *url = find(line, "://");

	/* An @ behind the scheme is part of the URL: npm's names have one. */
	if (at == NULL || (url != NULL && url < at))
		at = NULL;
	f->function = slice(line.p, at != NULL ? at : line.p);
	f->script = at != NULL ? slice(at + 1, line.p + line.len) : line;
	return (at != NULL || url != NULL) && without_position(&f->script);
}

static bool
split(struct sess_slice line, struct frame *f)
{
	line = trimmed(line);
	if (starts(line, "at "))
		return split_chrome(trimmed(from(line, 3)), f);
	return line.len > 0 && split_firefox(line, f);
}

/* -- whose script it is */

struct place {
	struct sess_slice scheme, host, path;	/* host may have a port */
};

#define LONGEST_HOST 260	/* what is longer is none */

static struct place
place_of(struct sess_slice url)
{
	struct place at = { { "", 0 }, { "", 0 }, { "", 0 } };
	const char *host, *end, *p, *user;

	if (url.len == 0)
		return at;
	host = find(url, "://");
	end = url.p + url.len;
	at.path = url;
	if (host != NULL) {
		at.scheme = slice(url.p, host);
		host += 3;
		for (p = host; p < end && memchr("/?#\x7f", *p, 4) == NULL && (unsigned char)*p > ' '; p++)
			;
		user = memrchr(host, '@', (size_t)(p - host));
		host = user != NULL ? user + 1 : host;
		if (p - host <= LONGEST_HOST)
			at.host = slice(host, p);
		at.path = slice(p, end);
	}
	for (p = at.path.p; p < end && *p != '?' && *p != '#'; p++)
		;
	at.path = slice(at.path.p, p);
	if (host != NULL && at.path.len == 0)
		at.path = (struct sess_slice){ "/", 1 };
	return at;
}

/* The browser's, its extensions', what was made up at run time. */
static bool
is_foreign(const struct place *at)
{
	static const char *const schemes[] = {
		"chrome", "resource", "about", "edge", "node", "javascript", "user-script",
		"webkit-masked-url"
	};

	if (ends(at->scheme, "extension"))
		return true;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (is(at->scheme, schemes[i]))
			return true;
	return false;
}

/* Whether it is a script at all: not <anonymous>, native code, index 0, eval
 * at pay (https://...), https://shop.example/app.js line 3 > eval. */
static bool
is_script(struct sess_slice s, const struct place *at)
{
	bool spaced;

	if (s.len == 0 || starts(s, "data:") || starts(s, "eval at "))
		return false;
	spaced = memchr(s.p, ' ', s.len) != NULL;
	if (spaced && (find(s, "> eval") != NULL || find(s, "> Function") != NULL))
		return false;
	if (at->scheme.len > 0)
		return memchr(at->scheme.p, ' ', at->scheme.len) == NULL;
	return !spaced && memchr(s.p, '.', s.len) != NULL &&
	    memchr("<[(", s.p[0], 3) == NULL && !starts(s, "node:") && !starts(s, "javascript:");
}

/* Whether a word of s begins with one of the texts (lower case). */
static bool
has_any(struct sess_slice s, const char *const *texts, size_t n)
{
	bool inside = false, letter;

	for (; s.len > 0; s = from(s, 1), inside = letter) {
		letter = (s.p[0] | 0x20) >= 'a' && (s.p[0] | 0x20) <= 'z';
		for (size_t i = 0; !inside && i < n; i++)
			if ((s.p[0] | 0x20) == texts[i][0] && s.len >= strlen(texts[i]) &&
			    strncasecmp(s.p, texts[i], strlen(texts[i])) == 0)
				return true;
	}
	return false;
}

/* What wraps the application's functions to watch them, told by the name of its
 * file or host, or, where it is bundled, of its function. */
static bool
is_watcher(const struct frame *f, const struct place *at)
{
	static const char *const files[] = {
		"bl.js", "arms-js-sdk", "rum-browser", "browser-sdk", "sentry", "raven", "bugsnag",
		"rollbar", "trackjs", "raygun", "airbrake", "honeybadger", "fundebug", "newrelic",
		"nr-loader", "nr-spa", "datadog-rum", "datadog-logs", "elastic-apm", "logrocket",
		"appinsights", "applicationinsights", "faro-web", "boomerang", "posthog",
		"opentelemetry", "tracekit", "zone.js", "zone.min.js"
	};
	static const char *const hosts[] = {
		"retcode.alicdn.com", "rum.aliyuncs.com", "sentry-cdn.com", "newrelic.com",
		"datadoghq-browser-agent.com", "bugsnag.com", "rollbar.com"
	};
	static const char *const functions[] = { "sentrywrapped", "nrwrapper", "__bugsnag" };
	const char *slash = at->path.len > 0 ? memrchr(at->path.p, '/', at->path.len) : NULL;
	struct sess_slice file = slash != NULL ? slice(slash + 1, at->path.p + at->path.len) : at->path;

	return has_any(file, files, sizeof(files) / sizeof(files[0])) ||
	    has_any(at->host, hosts, sizeof(hosts) / sizeof(hosts[0])) ||
	    has_any(f->function, functions, sizeof(functions) / sizeof(functions[0]));
}

/* Of the page's own host, and no script inside the page itself: where
 * all scripts come from elsewhere, what calls them from the page is the same for
 * all errors.  A bundler's own names have no host. */
static bool
is_own(const struct place *at, const struct place *page)
{
	if (at->host.len == 0 || page->host.len == 0)
		return true;
	return same(at->host, page->host) && !same(at->path, page->path);
}

/* -- what is told of it */

/*
 * The name that all browsers agree on: of Object.a.pay, new pay, pay [as b],
 * async*pay and outer/pay it is pay; a function without one has none, whatever
 * stands for it.  Names that are numbers (of a bundler's modules) change with each release.
 */
static struct sess_slice
plain_name(struct sess_slice s)
{
	static const char *const prefixes[] = { "async ", "new ", "bound " };
	static const char *const nameless[] = {
		"anonymous", "Anonymous function", "Global code", "global code", "module code", "eval code"
	};
	const struct sess_slice none = { "", 0 };
	const char *p;

	if (s.len > 0 && (p = memrchr(s.p, '*', s.len)) != NULL)
		s = slice(p + 1, s.p + s.len);
	if ((p = find(s, " [")) != NULL)
		s = slice(s.p, p);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (starts(s, prefixes[i]))
			s = from(s, strlen(prefixes[i]));
	if (ends(s, "<") || ends(s, ">"))
		return none;
	if ((p = find(s, "./")) != NULL)	/* webpack: a module */
		return slice(p, s.p + s.len);
	for (size_t i = s.len; i > 0; i--)
		if (s.p[i - 1] == '.' || s.p[i - 1] == '/') {
			s = from(s, i);
			break;
		}
	for (size_t i = 0; i < sizeof(nameless) / sizeof(nameless[0]); i++)
		if (is(s, nameless[i]))
			return none;
	return s.len > 0 && s.p[0] >= '0' && s.p[0] <= '9' ? none : s;
}

/* Its host, where it's not the page's, and its path.  What is no place of
 * the application stays the URL that it is. */
static int
put_place(struct sess_buf *out, struct sess_slice script, const struct place *page)
{
	struct place at = place_of(script);

	if (is_foreign(&at) || starts(script, "blob:") || starts(script, "data:"))
		return sessp_fold_url(out, script.p, script.len);
	if (!same(at.host, page->host) && sess_buf_add(out, at.host.p, at.host.len) < 0)
		return -1;
	return sessp_fold_url(out, at.path.p, at.path.len);
}

/* The frame to show: the first own one, else the first; false where there is none. */
static bool
choose(struct sess_slice stack, const struct place *page, struct frame *best)
{
	bool any = false;
	struct frame f;
	struct place at;
	const char *line = stack.p, *end = stack.p + stack.len, *newline;

	for (; line < end; line = newline + 1) {
		newline = memchr(line, '\n', (size_t)(end - line));
		newline = newline != NULL ? newline : end;
		if (!split(slice(line, newline), &f))
			continue;
		at = place_of(f.script);
		if (!is_script(f.script, &at) || is_foreign(&at) || is_watcher(&f, &at))
			continue;
		if (is_own(&at, page)) {
			*best = f;
			return true;
		}
		if (!any)
			*best = f;
		any = true;
	}
	return any;
}

int
sessp_fold_frame(struct sess_buf *out, struct sess_slice stack, struct sess_slice script,
    struct sess_slice page_url)
{
	struct place page = place_of(page_url);
	struct sess_slice name;
	struct frame f;

	if (stack.len == 0 || !choose(stack, &page, &f))
		return put_place(out, script, &page);
	name = plain_name(f.function);
	if (name.len > 0 && (sessp_fold_message(out, name.p, name.len) < 0 || sess_buf_putc(out, ' ') < 0))
		return -1;
	return put_place(out, f.script, &page);
}
