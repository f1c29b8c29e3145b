/*
 * A page of HTML that needs nothing but itself: reports, then the paths of the
 * sessions that they link to.  No script, nothing loaded, and a policy that says so.
 */
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "write.h"

#define HOLD (8 * 1024 * 1024)	/* bytes; a longer page lists what it began with */

void
sessp_html(struct sess_report *r, const char *p, size_t len)
{
	r->nomem |= sessp_html_text(r->out, p, len) < 0;
}

static void
html_string(struct sess_report *r, const char *s)
{
	sessp_html(r, s, strlen(s));
}

/* -- the page around it */

/* The one style there is, by its hash: a policy that lets nothing else in. */
static void
policy(struct sess_report *r)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	char text[BASE64_ENCODE_RAW_LENGTH(SHA256_DIGEST_SIZE) + 1];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, strlen(sessp_html_style), (const uint8_t *)sessp_html_style);
	sha256_digest(&ctx, sizeof(digest), digest);
	base64_encode_raw(text, sizeof(digest), digest);
	text[sizeof(text) - 1] = '\0';
	sessp_emitf(r, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	    "style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n", text);
}

static void
head(struct sess_report *r)
{
	const char *title = r->o.title != NULL ? r->o.title : "Session reports";

	sessp_write_emit(r, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	policy(r);
	sessp_write_emit(r, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"color-scheme\" content=\"light dark\">\n"
	    "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	html_string(r, title);
	sessp_write_emit(r, "</title>\n<style>");
	sessp_write_emit(r, sessp_html_style);
	sessp_write_emit(r, "</style>\n</head>\n<body>\n<header>\n<h1>");
	html_string(r, title);
	sessp_write_emit(r, "</h1>\n</header>\n");
}

static void
nav(struct sess_report *r)
{
	sessp_write_emit(r, "<nav aria-label=\"Reports\"><ul>\n");
	sessp_emit_bytes(r, r->page->nav.data, r->page->nav.len);
	if (r->seen.n > 0)
		sessp_write_emit(r, "<li><a href=\"#sessions\">Sessions</a></li>\n");
	sessp_write_emit(r, "</ul></nav>\n");
}

/* Write what was held back, and hold nothing more. */
static void
flow(struct sess_report *r)
{
	struct sessp_page *g = r->page;

	if (g->flowing)
		return;
	g->flowing = true;
	head(r);
	if (g->nav.len > 0)
		nav(r);
	sessp_write_emit(r, "<main>\n");
	sessp_emit_bytes(r, g->held.data, g->held.len);
	sess_buf_release(&g->held);
}

/* Between these, what is written is held back if need be. */
static struct sess_buf *
hold(struct sess_report *r)
{
	struct sess_buf *out = r->out;

	if (!r->page->flowing)
		r->out = &r->page->held;
	return out;
}

static void
unhold(struct sess_report *r, struct sess_buf *out)
{
	r->out = out;
	if (r->page->held.len > HOLD)
		flow(r);
}

/* -- tables */

static void
begin_section(struct sess_report *r)
{
	const struct sess_stats_table *t = r->table;
	unsigned long long n = r->ntables;

	r->nomem |= sess_buf_printf(&r->page->nav, "<li><a href=\"#r%llu\">", n) < 0 ||
	    sessp_html_text(&r->page->nav, t->title, strlen(t->title)) < 0 ||
	    sess_buf_puts(&r->page->nav, "</a></li>\n") < 0;
	sessp_emitf(r, "<section id=\"r%llu\" aria-labelledby=\"h%llu\">\n<h2 id=\"h%llu\">", n, n, n);
	html_string(r, t->title);
	sessp_write_emit(r, "</h2>\n<p class=\"doc\">");
	html_string(r, t->doc);
	sessp_write_emit(r, "</p>\n");
}

static void
begin_rows(struct sess_report *r)
{
	sessp_write_emit(r, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"");
	html_string(r, r->table->title);
	sessp_write_emit(r, "\">\n<table class=\"rows\">\n<thead>\n");
	sessp_html_head_row(r);
	sessp_write_emit(r, "</thead>\n<tbody>\n");
}

static void
note(struct sess_report *r, const char *text)
{
	sessp_write_emit(r, "<p class=\"note\">");
	html_string(r, text);
	sessp_write_emit(r, "</p>\n");
}

static bool
single(const struct sess_report *r)
{
	size_t i;

	for (i = 0; i < r->table->ncolumns; i++)
		if (sessp_column_has(&r->table->columns[i], SESS_COL_KEY))
			return false;
	return r->kept.n == 1;
}

static void
look_at(struct sess_report *r, size_t i, const struct sess_cell *cell)
{
	const struct sess_stats_column *c = &r->table->columns[i];
	struct sessp_clock clock;

	if (!sessp_cell_known(c, cell))
		return;
	if (c->type == SESS_T_TIME && r->page->zone[0] == '\0') {
		sessp_clock(r, cell->i, &clock);
		memcpy(r->page->zone, clock.zone, sizeof(r->page->zone));
	}
	if (i != sessp_bar_column(r->table))
		return;
	if (sessp_cell_number(c, cell) > r->page->most)
		r->page->most = sessp_cell_number(c, cell);
	if (sessp_column_has(c, SESS_COL_SHARE))
		r->page->most = 1;
}

/* Enough was seen, or all. */
static void
kept_rows(struct sess_report *r, bool more)
{
	size_t i, k;

	for (k = 0; k < r->kept.n; k++)
		for (i = 0; i < r->table->ncolumns; i++)
			look_at(r, i, &r->kept.v[k].cells[i]);
	if (r->page->zone[0] != '\0') {
		sessp_emitf(r, "<p class=\"doc\">Times are at %s unless they say otherwise.</p>\n",
		    r->page->zone);
	}
	if (r->kept.n == 0)
		note(r, "no rows");
	else if (single(r))
		sessp_html_figures(r, &r->kept.v[0]);
	else {
		if (!more)
			sessp_html_charts(r);
		begin_rows(r);
		for (k = 0; k < r->kept.n && !r->nomem; k++)
			sessp_html_row(r, &r->kept.v[k]);
	}
}

/* Remember the first id of a cell: a session whose path is asked for. */
static void
ask(struct sess_report *r, const char *id, size_t len)
{
	int new;

	if (!r->page->one_asked && r->page->asked < r->o.sessions) {
		new = sessp_seen_add(&r->seen, id, len);
		r->nomem |= new < 0;
		r->page->asked += new > 0;
	}
	r->page->one_asked = true;
}

static void
html_begin(struct sess_report *r)
{
	struct sess_buf *out = hold(r);

	sessp_kept_reset(&r->kept);
	r->estimated = false;
	r->page->asked = 0;
	r->page->zone[0] = '\0';
	r->page->most = 0;
	begin_section(r);
	unhold(r, out);
}

static void
html_row(struct sess_report *r, const struct sess_stats_row *row)
{
	struct sess_buf *out = hold(r);
	size_t i;

	r->estimated |= row->estimated;
	for (i = 0; i < r->table->ncolumns; i++) {
		r->page->one_asked = false;
		if (sessp_column_has(&r->table->columns[i], SESS_COL_SESSION))
			sessp_each_id(r, &r->table->columns[i], &row->cells[i], ask);
	}
	if (r->nrows == SESSP_LOOK + 1)
		kept_rows(r, true);
	if (r->nrows > SESSP_LOOK)
		sessp_html_row(r, row);
	else
		r->nomem |= sessp_kept_add(&r->kept, row, r->table->ncolumns) < 0;
	unhold(r, out);
}

/* Which columns there are, what they mean, and which are left out. */
static void
about_columns(struct sess_report *r)
{
	const struct sess_stats_column *c = r->table->columns;
	size_t i;

	sessp_write_emit(r, "<details class=\"doc\"><summary>What the columns mean</summary>\n"
	    "<dl class=\"facts\">\n");
	for (i = 0; i < r->table->ncolumns; i++) {
		sessp_write_emit(r, "<div><dt>");
		html_string(r, c[i].name);
		sessp_write_emit(r, "</dt><dd>");
		html_string(r, c[i].doc);
		sessp_write_emit(r, sessp_html_shown(r, i) ? "</dd></div>\n" :
		    " (shown by --details)</dd></div>\n");
	}
	sessp_write_emit(r, "</dl></details>\n");
}

static void
html_finish(struct sess_report *r)
{
	struct sess_buf *out = hold(r);

	if (r->nrows <= SESSP_LOOK)
		kept_rows(r, false);
	if (r->nrows > 0 && !single(r))
		sessp_write_emit(r, "</tbody>\n</table>\n</div>\n");
	if (r->estimated)
		note(r, "~ distinct users are estimated above 1024, with a standard error of 0.81 %");
	if (r->nrows > 0)
		about_columns(r);
	sessp_write_emit(r, "</section>\n");
	unhold(r, out);
}

/* -- sessions */

static void
begin_sessions(struct sess_report *r)
{
	struct sessp_page *g = r->page;

	flow(r);
	if (g->sessions)
		return;
	g->sessions = true;
	r->nomem |= sess_buf_room(&g->told, r->seen.n + 1) < 0;
	if (r->nomem)
		return;
	memset(g->told.data, 0, r->seen.n + 1);
	g->told.len = r->seen.n;
	sessp_write_emit(r, "<section id=\"sessions\" aria-labelledby=\"hs\">\n"
	    "<h2 id=\"hs\">Sessions</h2>\n<p class=\"doc\">What happened, page by page. "
	    "✗ JS error, ! failed, ~ slow.</p>\n");
}

/* Which of the ids that were asked for names s, or seen.n. */
static size_t
asked_as(const struct sess_report *r, const struct sess_session *s)
{
	size_t i;

	for (i = 0; i < r->seen.n; i++)
		if (!r->page->told.data[i] &&
		    sess_session_named(s, r->seen.text.data + r->seen.v[i].at, r->seen.v[i].len))
			break;
	return i;
}

static void
html_session(struct sess_report *r, const struct sess_session *s)
{
	size_t i;

	begin_sessions(r);
	if (r->nomem || (i = asked_as(r, s)) == r->seen.n)
		return;
	r->page->told.data[i] = 1;
	sessp_emitf(r, "<section class=\"session\" id=\"s%zu\">\n", i + 1);
	r->nomem |= sess_path_render(r->page->path, s, r->out, NULL) < 0;
	sessp_write_emit(r, "</section>\n");
}

/* Where rows link to sessions that never came. */
static void
missing(struct sess_report *r)
{
	size_t i;

	for (i = 0; i < r->seen.n && !r->nomem; i++) {
		if (r->page->told.data[i])
			continue;
		sessp_emitf(r, "<p class=\"note\" id=\"s%zu\">Session <code>", i + 1);
		sessp_html(r, r->seen.text.data + r->seen.v[i].at, r->seen.v[i].len);
		sessp_write_emit(r, "</code> was not found.</p>\n");
	}
}

static void
html_end(struct sess_report *r)
{
	flow(r);
	if (r->seen.n > 0)
		begin_sessions(r);
	if (r->page->sessions) {
		missing(r);
		sessp_write_emit(r, "</section>\n");
	}
	sessp_write_emit(r, "</main>\n</body>\n</html>\n");
}

/* -- a page's life */

static enum sess_status
html_init(struct sess_report *r, struct sess_err *err)
{
	struct sess_path_opts o;

	r->page = calloc(1, sizeof(*r->page));
	if (r->page == NULL)
		return sess_err_nomem(err);
	sess_path_opts_init(&o);
	o.format = SESS_PATH_HTML;
	o.tz = r->o.tz;
	o.slow_load = r->o.slow_load > 0 ? r->o.slow_load : o.slow_load;
	o.slow_api = r->o.slow_api > 0 ? r->o.slow_api : o.slow_api;
	return sess_path_new(&r->page->path, &o, err);
}

void
sessp_html_free(struct sessp_page *page)
{
	if (page == NULL)
		return;
	sess_buf_release(&page->held);
	sess_buf_release(&page->nav);
	sess_buf_release(&page->told);
	sess_path_free(page->path);
	free(page);
}

const struct sessp_writer sessp_write_html = {
	.name = "html", .init = html_init, .begin = html_begin, .row = html_row,
	.finish = html_finish, .session = html_session, .end = html_end
};
