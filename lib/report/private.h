/*
 * report: what the files that render a path share.
 *
 * A renderer writes to the caller's buffer through p->out; memory that runs
 * out is kept in p->nomem and told once, at the end.
 */
#ifndef SESSP_REPORT_H
#define SESSP_REPORT_H

#include "sess/path.h"

#define SESSP_TEXT_AT 32	/* the column in which texts begin; labels end before it */
#define SESSP_LOCAL 24		/* a local time as text, with its NUL */

/* What is known of a member before it is rendered. */
enum {
	SESSP_ERROR = 1,	/* a JS error */
	SESSP_FAILED = 2,	/* a failed call or resource */
	SESSP_SLOW = 4,
	SESSP_SHOW = 8,		/* chosen by the options */
	SESSP_BAR = 16,		/* a resource whose place in the waterfall is known */
	SESSP_PROBLEM = SESSP_ERROR | SESSP_FAILED | SESSP_SLOW
};

enum sessp_style { SESSP_PLAIN, SESSP_BOLD, SESSP_DIM, SESSP_RED, SESSP_YELLOW };
extern const char *const sessp_sgr[];	/* the sequence of each */

struct sess_path {
	struct sess_path_opts o;
	size_t width, layout;		/* columns in all, and up to the right-hand ones */
	struct sess_event_scanner sc;
	struct sess_event ev;		/* of the member that was scanned last */
	const struct sess_session *s;	/* being rendered */
	unsigned char *flags;		/* of each member */
	size_t *order;			/* members by view, in each in order */
	size_t *first;			/* of view v: order[first[v]] to order[first[v + 1]]; the
					 * last, nviews, is of those without a view */
	size_t flags_cap, order_cap, first_cap;
	struct sess_buf *out;
	struct sess_buf text;		/* what a line will say, as it came */
	struct sess_buf scratch;
	int64_t zone_from;		/* the quarter of an hour that zone_ms was asked for */
	int64_t zone_ms;		/* local time less UTC */
	char zone[8];			/* the same as text: +0100 */
	char date[10];			/* the date that was said last */
	enum sessp_style style;		/* in force */
	const struct sessp_look *look;
	bool facts;			/* of a behaviour what is known beside its line */
	unsigned elements;		/* HTML: those that are open */
	bool nomem;
};

/* What stands on the right of a behaviour's line. */
struct sessp_right {
	struct sess_slice status;
	double ms;		/* below 0: none */
	enum sessp_style style, time_style;
};

/* A phase of a load: ms behind its start, and how long. */
struct sessp_phase {
	const char *name;
	double from, ms;
};

/*
 * What is said of a session (path_text.c, path_head.c, path_line.c) is drawn
 * as text or as HTML.  end_page, end_pages and end may be NULL.
 */
struct sessp_look {
	void (*head)(struct sess_path *p);
	void (*note)(struct sess_path *p, bool of_pages, const char *text);
	void (*begin_pages)(struct sess_path *p);
	void (*page)(struct sess_path *p, const struct sess_view *w, size_t n);
	/* Member i: p->text says what happened. */
	void (*line)(struct sess_path *p, const struct sess_view *w, size_t i,
	    const char *label, const struct sessp_right *right);
	void (*aside)(struct sess_path *p);	/* p->text belongs to the line above */
	void (*fact)(struct sess_path *p, const char *label, const char *t, size_t len);
	void (*phases)(struct sess_path *p, const struct sessp_phase *ph, size_t n, double all);
	void (*waterfall)(struct sess_path *p, double all);	/* p->scratch: struct sessp_entry */
	void (*end_page)(struct sess_path *p);
	void (*end_pages)(struct sess_path *p);
	void (*end)(struct sess_path *p);
};
extern const struct sessp_look sessp_look_text;

/* path.c: read the line of member i into p->ev; where it has none, what the
 * member knows. */
void sessp_path_scan(struct sess_path *p, size_t i);

/* Tell o.raw of the member that p->ev was read from. */
void sessp_path_shown(struct sess_path *p, const struct sess_member *m);

/* path_json.c */
void sessp_path_json(struct sess_path *p);
void sessp_path_ndjson(struct sess_path *p);

/* path_text.c: everything for people. */
void sessp_path_people(struct sess_path *p);
struct sess_slice sessp_page_name(const struct sess_view *w);

/* A line with the date, where it isn't that of what was written last. */
void sessp_path_day(struct sess_path *p, const char *local);

/* path_head.c: the session's overview. */
#define SESSP_CELLS 12
struct sessp_cell {
	const char *label;
	size_t at, len;			/* in p->text */
	const char *mark;		/* before the label, where it is a problem */
	enum sessp_style style;
};
struct sessp_side {
	struct sessp_cell cell[SESSP_CELLS];
	size_t n;
	size_t at, from;		/* the cell and the byte of it to show next */
};
void sessp_path_left(struct sess_path *p, struct sessp_side *side);	/* what it is */
void sessp_path_right(struct sess_path *p, struct sessp_side *side);	/* what happened */
void sessp_path_overview(struct sess_path *p);

/* path_html.c, html.c */
extern const struct sessp_look sessp_look_html;

/* Append text, cleaned as text.h does, as HTML text or attribute.  0, or -1 when
 * memory is out. */
int sessp_html_text(struct sess_buf *out, const char *p, size_t len);

/* The same; of a long text the beginning, and all of it once that is opened: not
 * for attributes. */
int sessp_html_long(struct sess_buf *out, const char *p, size_t len);

/* A bar from .. to of [0, all) as an SVG element; nothing where they are no part
 * of it. */
int sessp_html_bar(struct sess_buf *out, double from, double to, double all);

/* path_line.c: the text of one behaviour, one line of it and more where needed;
 * then what --details adds. */
void sessp_path_behaviour(struct sess_path *p, const struct sess_view *v, size_t i);

/* The text of consecutive members of one kind with a name and a value each:
 * vitals, timings, metrics.  order[from] up to, not including, to. */
void sessp_path_values(struct sess_path *p, const struct sess_view *v, size_t from,
    size_t to);

/* path_bars.c: the phases of a load, and the resources of view v, as bars. */
void sessp_path_phases(struct sess_path *p);
void sessp_path_waterfall(struct sess_path *p, size_t v);
bool sessp_bar_fits(double from, double to, double all);
struct sessp_entry {		/* a resource with a place in time */
	double start;
	size_t member;
};
struct sess_slice sessp_url_tail(struct sess_slice url);	/* behind its last slash */

/* path_snapshot.c: a request snapshot as facts. */
void sessp_path_snapshot(struct sess_path *p, struct sess_slice snapshot);

/* out.c: writing text; all of it to p->out unless they say otherwise. */
void sessp_out_put(struct sess_path *p, const char *s);		/* the program's own */
void sessp_spaces(struct sess_path *p, size_t n);
void sessp_style(struct sess_path *p, enum sessp_style style);
void sessp_pad(struct sess_path *p, const char *t, size_t len, size_t columns, bool right);
void sessp_newline(struct sess_path *p);	/* without spaces at the line's end */

/* A fact below a behaviour or a page: its label up to the text column; then
 * with text that is wrapped, and the end of the line. */
void sessp_label(struct sess_path *p, const char *label);
void sessp_fact(struct sess_path *p, const char *label, const char *t, size_t len);

/* How text looks (struct sessp_look). */
void sessp_text_line(struct sess_path *p, const struct sess_view *v, size_t i,
    const char *label, const struct sessp_right *r);
void sessp_text_aside(struct sess_path *p);
void sessp_text_fact(struct sess_path *p, const char *label, const char *t, size_t len);
void sessp_text_phases(struct sess_path *p, const struct sessp_phase *ph, size_t n,
    double all);
void sessp_text_waterfall(struct sess_path *p, double all);

/* Append text to p->text. */
void sessp_say(struct sess_path *p, const char *s);
void sessp_say_slice(struct sess_path *p, struct sess_slice s);
void sessp_say_key(struct sess_path *p, enum sess_key k);	/* of p->ev; before it a space where there is text */

/* Text wrapped behind column `indent`, where the cursor is; at most `lines`
 * lines (0: all), the last cut with an ellipsis.  Its newlines begin lines
 * where lines is 0.  No newline at its end. */
void sessp_wrapped(struct sess_path *p, const char *t, size_t len, size_t indent,
    size_t columns, size_t lines, enum sessp_style style);

/* Short texts of figures, NUL-terminated. */
#define SESSP_FIGURE 24
void sessp_since(int64_t ms, char out[SESSP_FIGURE]);	/* +1.145s, where the last digits matter */
void sessp_span(double ms, char out[SESSP_FIGURE]);	/* 312ms 1.43s 2m13s 1h02m 2d03h */
void sessp_bytes(double n, char out[SESSP_FIGURE]);	/* 512 B, 12.3 kB */

/* Local time of p: 2026-11-23 21:10:02.025 */
void sessp_local(struct sess_path *p, int64_t ms, char out[SESSP_LOCAL]);

#endif
