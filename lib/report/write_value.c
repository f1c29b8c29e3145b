/* A cell of a report: what it holds, for programs and for people. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "sess/text.h"
#include "sess/when.h"
#include "write.h"

bool
sessp_cell_known(const struct sess_stats_column *c, const struct sess_cell *cell)
{
	if (!cell->known)
		return false;
	switch (c->type) {
	case SESS_T_NUM:
		return isfinite(cell->d);
	case SESS_T_TIME:
		return cell->i != SESS_NO_TIME;
	case SESS_T_OBJ:
		return cell->text.len > 0;
	default:
		return true;
	}
}

double
sessp_cell_number(const struct sess_stats_column *c, const struct sess_cell *cell)
{
	return c->type == SESS_T_NUM ? cell->d : (double)cell->i;
}

size_t
sessp_bar_column(const struct sess_stats_table *t)
{
	const struct sess_stats_column *c = t->columns;
	unsigned flag = SESS_COL_MAIN;
	size_t i;

	for (i = 0; i < t->ncolumns; i++)
		if (sessp_column_has(&c[i], SESS_COL_MAIN) && sessp_column_has(&c[i], SESS_COL_KEY))
			flag = SESS_COL_SAMPLES;
	for (i = 0; i < t->ncolumns && !sessp_column_has(&c[i], flag); i++)
		;
	return i < t->ncolumns && sessp_column_number(&c[i]) ? i : t->ncolumns;
}

/* The shortest text that reads back as the same number. */
static void
shortest(double d, char out[SESSP_FIGURE + 8])
{
	int digits;

	for (digits = 15; digits <= 17; digits++) {
		snprintf(out, SESSP_FIGURE + 8, "%.*g", digits, d);
		if (strtod(out, NULL) == d)
			return;
	}
}

void
sessp_write_value(struct sess_report *r, const struct sess_stats_column *c,
    const struct sess_cell *cell, struct sess_buf *out)
{
	char text[SESSP_FIGURE + 8], when[SESS_WHEN_LEN];

	if (!sessp_cell_known(c, cell))
		return;
	switch (c->type) {
	case SESS_T_INT:
		r->nomem |= sess_buf_printf(out, "%lld", (long long)cell->i) < 0;
		break;
	case SESS_T_NUM:
		shortest(cell->d, text);
		r->nomem |= sess_buf_puts(out, text) < 0;
		break;
	case SESS_T_TIME:
		sess_when_format(cell->i, when);
		r->nomem |= sess_buf_add(out, when, sizeof(when)) < 0;
		break;
	case SESS_T_BOOL:
		r->nomem |= sess_buf_puts(out, cell->i != 0 ? "true" : "false") < 0;
		break;
	default:
		r->nomem |= sess_buf_add(out, cell->text.p, cell->text.len) < 0;
		break;
	}
}

int
sessp_tamed(struct sess_buf *out, const char *p, size_t len,
    const char *(*escape)(char c))
{
	const char *text;
	utf8proc_ssize_t n;
	utf8proc_int32_t c;
	size_t at, step;
	int bad = 0;

	for (at = 0; at < len && bad == 0; at += step) {
		n = utf8proc_iterate((const utf8proc_uint8_t *)p + at,
		    (utf8proc_ssize_t)(len - at), &c);
		step = n > 0 ? (size_t)n : 1;
		if (n == 1 && (text = escape(p[at])) != NULL)
			bad = sess_buf_puts(out, text);
		else if (n <= 0 || utf8proc_category(c) == UTF8PROC_CATEGORY_CC)
			bad = sess_text_clean(out, p + at, step);
		else
			bad = sess_buf_add(out, p + at, step);
	}
	return bad;
}

/* -- for people */

void
sessp_share(double share, char out[SESSP_FIGURE])
{
	double percent = share * 100;

	/* What isn't all or nothing never reads as if it were. */
	if (percent == 0 || percent == 100)
		snprintf(out, SESSP_FIGURE, "%.0f%%", percent);
	else if (percent > 0 && percent < 0.01)
		snprintf(out, SESSP_FIGURE, "<0.01%%");
	else if (percent > 99.99 && percent < 100)
		snprintf(out, SESSP_FIGURE, ">99.99%%");
	else
		snprintf(out, SESSP_FIGURE, "%.*f%%",
		    percent < 0.95 || (percent > 99.05 && percent < 100) ? 2 : 1, percent);
}

static void
number(const struct sess_stats_column *c, const struct sess_cell *cell,
    char out[SESSP_FIGURE])
{
	double d = sessp_cell_number(c, cell);

	if (sessp_column_has(c, SESS_COL_SHARE))
		sessp_share(d, out);
	else if (strcmp(c->unit, "ms") == 0)
		sessp_span(d, out);
	else if (strcmp(c->unit, "bytes") == 0)
		sessp_bytes(d, out);
	else if (c->type == SESS_T_INT)
		snprintf(out, SESSP_FIGURE, "%lld", (long long)cell->i);
	else
		snprintf(out, SESSP_FIGURE, d == floor(d) && fabs(d) < 1e15 ? "%.0f" : "%.3g",
		    d);
}

void
sessp_clock(const struct sess_report *r, int64_t ms, struct sessp_clock *c)
{
	int64_t s = ms / 1000 - (ms % 1000 < 0), east = sessp_zone_offset(r->zone, s),
	    minutes = (east < 0 ? -east : east) / 60;
	char utc[SESS_WHEN_LEN];

	sess_when_format(ms + east * 1000, utc);
	memcpy(c->text, utc, sizeof(c->text) - 1);
	c->text[10] = ' ';
	c->text[sizeof(c->text) - 1] = '\0';
	snprintf(c->zone, sizeof(c->zone), "%c%02d%02d", east < 0 ? '-' : '+',
	    (int)(minutes / 60 % 100), (int)(minutes % 60));
}

/* An element of a JSON array or object as text. */
static void
element(struct sess_report *r, const char *name, const json_t *value, struct sess_buf *out)
{
	char *dump;

	if (name != NULL) {
		r->nomem |= sess_buf_puts(out, name) < 0;
		r->nomem |= sess_buf_puts(out, " ") < 0;
	}
	if (json_is_string(value)) {
		r->nomem |= sess_buf_add(out, json_string_value(value),
		    json_string_length(value)) < 0;
		return;
	}
	dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(4));
	r->nomem |= dump == NULL || sess_buf_puts(out, dump) < 0;
	free(dump);
}

/* {"Chrome":12,"Safari":3} as: Chrome 12, Safari 3 */
static void
list(struct sess_report *r, const struct sess_cell *cell, struct sess_buf *out)
{
	json_t *root = json_loadb(cell->text.p, cell->text.len, JSON_ALLOW_NUL, NULL), *value;
	size_t start = out->len, i;
	const char *name;

	json_array_foreach(root, i, value) {
		if (out->len > start)
			r->nomem |= sess_buf_puts(out, ", ") < 0;
		element(r, NULL, value, out);
	}
	if (json_is_object(root))
		json_object_foreach(root, name, value) {
			if (out->len > start)
				r->nomem |= sess_buf_puts(out, ", ") < 0;
			element(r, name, value, out);
		}
	if (root == NULL)
		r->nomem |= sess_buf_add(out, cell->text.p, cell->text.len) < 0;
	json_decref(root);
}

void
sessp_figure(struct sess_report *r, const struct sess_stats_column *c,
    const struct sess_cell *cell, struct sess_buf *out)
{
	size_t start = out->len;
	char text[SESSP_FIGURE];

	if (sessp_cell_known(c, cell)) {
		if (c->type == SESS_T_OBJ)
			list(r, cell, out);
		else if (c->type == SESS_T_BOOL)
			r->nomem |= sess_buf_puts(out, cell->i != 0 ? "yes" : "no") < 0;
		else if (c->type == SESS_T_STR)
			r->nomem |= sess_buf_add(out, cell->text.p, cell->text.len) < 0;
		else {
			number(c, cell, text);
			r->nomem |= sess_buf_puts(out, text) < 0;
		}
	}
	if (out->len == start)
		r->nomem |= sess_buf_puts(out, "-") < 0;
}

size_t
sessp_each_id(struct sess_report *r, const struct sess_stats_column *c,
    const struct sess_cell *cell,
    void (*f)(struct sess_report *r, const char *id, size_t len))
{
	json_t *root, *value;
	size_t i, n = 0;

	if (!sessp_cell_known(c, cell))
		return 0;
	if (c->type == SESS_T_STR) {
		if (cell->text.len > 0)
			f(r, cell->text.p, cell->text.len);
		return cell->text.len > 0;
	}
	root = json_loadb(cell->text.p, cell->text.len, JSON_ALLOW_NUL, NULL);
	json_array_foreach(root, i, value)
		if (json_string_length(value) > 0) {
			f(r, json_string_value(value), json_string_length(value));
			n++;
		}
	json_decref(root);
	return n;
}
