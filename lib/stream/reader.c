#include "private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Small enough to stay in a core's second-level cache from decoding to output. */
#define BLOCK (256 * 1024)
/* Lines of one second kept as context for the next block: see sessp_tail. */
#define CONTEXT_MAX (8 * 1024 * 1024)
#define SETTLED (60 * 1000)	/* ms after which a file is not being written to */

enum array_state { ARRAY_BEFORE, ARRAY_ELEMENTS, ARRAY_AFTER };

struct sessp_reader {
	const struct sessp_file *file;
	struct sessp_reader_opts opts;
	const struct sess_feed *feed;	/* read instead of a file, or NULL */
	size_t part;
	void *fed;			/* state of the feed */
	struct sessp_input *in;
	struct sessp_origin *origin;	/* of the member being read, or NULL */
	bool opened, ended;
	atomic_ullong consumed;
	bool member_end;		/* the member has no more bytes */
	bool skipping;			/* inside a record that is too long */
	bool quoted;			/* and in a quoted cell of it */
	uint64_t line;			/* of the next record */
	struct sessp_track track;
	struct sess_buf carry;		/* the start of a record, behind the last block */
	struct sess_buf context;	/* see sessp_tail */
	/* a JSON array being cut */
	enum array_state array;
	unsigned depth;
	bool in_string, escaped, garbage;
};

struct sessp_reader *
sessp_reader_new(const struct sessp_file *file, const struct sessp_reader_opts *opts)
{
	struct sessp_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->file = file;
	r->opts = *opts;
	return r;
}

struct sessp_reader *
sessp_reader_fed(const struct sess_feed *feed, size_t part,
    const struct sessp_reader_opts *opts)
{
	struct sessp_reader *r = sessp_reader_new(NULL, opts);

	if (r != NULL) {
		r->feed = feed;
		r->part = part;
	}
	return r;
}

void
sessp_origin_drop(struct sessp_origin *o)
{
	if (o != NULL && atomic_fetch_sub(&o->refs, 1) == 1) {
		free(o->header);
		free(o);
	}
}

void
sessp_reader_free(struct sessp_reader *r)
{
	if (r == NULL)
		return;
	sessp_origin_drop(r->origin);
	if (r->fed != NULL)
		r->feed->close(r->fed);
	sessp_input_free(r->in);
	sess_buf_release(&r->carry);
	sess_buf_release(&r->context);
	sess_buf_release(&r->track.head);
	free(r);
}

uint64_t
sessp_reader_consumed(const struct sessp_reader *r)
{
	return atomic_load(&r->consumed);
}

int
sessp_block_room(struct sessp_block *b, size_t extra)
{
	size_t need, cap;
	char *data;

	if (extra > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
		return -1;
	need = b->len + extra + SESSP_PAD;
	if (need <= b->cap)
		return 0;
	cap = b->cap > 0 ? b->cap : BLOCK + BLOCK / 4;
	while (cap < need)
		cap += cap / 2;
	if ((data = realloc(b->data, cap)) == NULL)
		return -1;
	b->data = data;
	b->cap = cap;
	return 0;
}

void
sessp_block_note(struct sessp_block *b, const struct sess_err *err,
    const char *text, size_t len, bool keep_text)
{
	struct sessp_note *notes, *n;
	size_t cap;

	if (b->nnotes == b->notes_cap) {
		cap = b->notes_cap > 0 ? b->notes_cap * 2 : 8;
		if ((notes = realloc(b->notes, cap * sizeof(*notes))) == NULL) {
			sess_err_nomem(&b->fatal);
			return;
		}
		b->notes = notes;
		b->notes_cap = cap;
	}
	n = &b->notes[b->nnotes++];
	*n = (struct sessp_note){ .err = *err, .about_record = text != NULL };
	if (text == NULL || !keep_text)
		return;
	n->text = b->note_text.len;
	n->text_len = len;
	if (sess_buf_add(&b->note_text, text, len) < 0)
		sess_err_nomem(&b->fatal);
}

/* A note about the reader's file or member. */
static void
note(struct sessp_reader *r, struct sessp_block *b, const struct sess_err *err)
{
	struct sess_err e = *err;

	if (e.code == SESS_ENOMEM)
		b->fatal = e;
	b->books.damaged++;
	r->track.trouble = true;
	sessp_block_note(b, &e, NULL, 0, false);
	if (r->origin == NULL && b->note_name == NULL &&
	    (b->note_name = sessp_dup(r->file->name)) == NULL)
		sess_err_nomem(&b->fatal);
}

static struct sessp_origin *
origin_new(struct sessp_reader *r, const char *name)
{
	size_t len = strlen(name) + 1;
	struct sessp_origin *o = calloc(1, sizeof(*o) + len);

	if (o == NULL)
		return NULL;
	atomic_init(&o->refs, 1);
	o->serial = atomic_fetch_add(r->opts.serials, 1) + 1;
	memcpy(o->name, name, len);
	return o;
}

/* -- reading on from where a mark says */

/* Hand on how far the file was read. */
static void
give_mark(struct sessp_reader *r, struct sessp_block *b)
{
	struct sess_mark *m = &r->track.mark;

	if (r->opts.marks == NULL || m->size == 0)
		return;
	/* what has to be read from its beginning is known as a whole, if at all */
	if (!r->track.on && r->track.trouble)
		return;
	if (!r->track.on)
		m->head_len = 0;
	if ((b->mark = malloc(sizeof(*m))) == NULL) {
		sess_err_nomem(&b->fatal);
		return;
	}
	*b->mark = *m;
	b->mark_before = r->track.before;
}

/* The file is what it was when it was read last. */
static bool
nothing_new(struct sessp_reader *r, struct sessp_block *b)
{
	const struct sess_stream_opts *o = r->opts.marks;
	size_t i;

	if (o == NULL || !sessp_track_same(o, sessp_input_stat(r->in), &i))
		return false;
	r->track.before = i;
	r->track.mark = o->marks[i];
	r->track.on = o->marks[i].head_len > 0;
	r->ended = true;
	give_mark(r, b);
	return true;
}

/* The marks were misleading: the file is read from its beginning. */
static enum sess_status
reopen(struct sessp_reader *r, struct sess_err *err)
{
	const char *name;
	enum sess_status st;

	sessp_input_free(r->in);
	r->in = NULL;
	if ((st = sessp_input_open(&r->in, r->file, &r->opts.limits, err)) < 0)
		return st;
	return sessp_input_member(r->in, &name, err);
}

static void
begin_tracking(struct sessp_reader *r, struct sessp_block *b)
{
	const struct sess_stream_opts *o = r->opts.marks;
	struct sessp_track *t = &r->track;
	struct sess_err err = { 0 };
	bool matched, again;
	enum sess_status st;
	size_t from = 0;

	t->on = o != NULL && r->file->regular && strcmp(r->origin->name, r->file->name) == 0;
	if (!t->on) {
		if (o != NULL)
			sessp_track_stat(&t->mark, sessp_input_stat(r->in));
		t->before = o != NULL ? o->nmarks : 0;
		return;
	}
	st = sessp_track_begin(t, r->in, o, true, &matched, &again, &err);
	if (again && (st = reopen(r, &err)) == SESS_OK)
		st = sessp_track_begin(t, r->in, o, false, &matched, &again, &err);
	if (st < 0)
		note(r, b, &err);
	if (matched) {
		const struct sess_mark *m = &o->marks[t->before];

		from = m->at < t->head.len ? m->at : t->head.len;
		t->mark.at = m->at;
		t->mark.line = r->line = m->line;
		t->mark.tail_len = m->tail_len;
		t->mark.tail_sum = m->tail_sum;
		t->mark.head_len = m->head_len;
		t->mark.head_sum = m->head_sum;
		memcpy(t->mark.format, m->format, sizeof(m->format));
		r->origin->format = sessp_format_find(m->format);
	}
	if (sess_buf_add(&r->carry, t->head.data + from, t->head.len - from) < 0)
		sess_err_nomem(&b->fatal);
}

/* How far the member was read, with this block; len bytes of it are whole lines. */
static void
track_block(struct sessp_reader *r, const struct sessp_block *b, size_t len, size_t unread)
{
	const struct sessp_format *f = r->origin->format;
	size_t end = b->context + len;

	if (f->framing != SESSP_LINES) {
		r->track.on = false;
		return;
	}
	if (len > 0)
		sessp_track_end(&r->track, r->track.got - unread,
		    r->line + sessp_count_byte(b->data + b->context, len, '\n'), b->data, end,
		    end - sessp_tail(f, NULL, 0, b->data, end), f->name);
}

/* Whether a last line without newline may yet get one. */
static bool
unfinished(const struct sessp_reader *r)
{
	const struct sess_stream_opts *o = r->opts.marks;

	return o != NULL && r->track.on && sessp_input_plain(r->in) &&
	    r->track.mark.modified / 1000000 > o->now - SETTLED;
}

/* Go on to the next member.  False where the file has ended or a note is due. */
static bool
next_member(struct sessp_reader *r, struct sessp_block *b)
{
	struct sess_err err = { 0 };
	const char *name;
	enum sess_status st;

	sessp_origin_drop(r->origin);
	r->origin = NULL;
	r->carry.len = r->context.len = 0;
	r->line = 1;
	r->member_end = r->skipping = r->quoted = false;
	r->array = ARRAY_BEFORE;
	r->depth = 0;
	r->in_string = r->escaped = r->garbage = false;
	if (!r->opened) {
		r->opened = true;
		st = sessp_input_open(&r->in, r->file, &r->opts.limits, &err);
		if (st < 0) {
			note(r, b, &err);
			r->ended = true;
			return false;
		}
		b->books.files++;
		if (nothing_new(r, b))
			return false;
	}
	st = sessp_input_member(r->in, &name, &err);
	if (st == SESS_END) {
		r->ended = true;
		give_mark(r, b);
	}
	if (st < 0)
		note(r, b, &err);
	if (st != SESS_OK)
		return false;
	b->books.members++;
	if ((r->origin = origin_new(r, name)) == NULL) {
		sess_err_nomem(&b->fatal);
		return false;
	}
	begin_tracking(r, b);
	return b->fatal.code == SESS_OK;
}

/*
 * Cut a JSON array, or several, into lines, in place: its elements, each with a newline behind
 * it, white space around them gone.  Newlines inside an element are white space
 * too, so they become spaces.  Returns the new length of p[0 .. len).
 */
static size_t
array_lines(struct sessp_reader *r, char *p, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		char c = p[i];

		if (r->in_string) {
			if (r->escaped)
				r->escaped = false;
			else if (c == '\\')
				r->escaped = true;
			else if (c == '"')
				r->in_string = false;
			p[n++] = c;
			continue;
		}
		if (c == '\n' || c == '\r' || c == '\t' || c == ' ') {
			if (r->depth > 1)
				p[n++] = ' ';
			continue;
		}
		if (r->array == ARRAY_AFTER && c != '[') {
			r->garbage = true;
			continue;
		}
		if (c == '"')
			r->in_string = true;
		else if (c == '[' || c == '{')
			r->depth++;
		else if (c == ']' || c == '}')
			r->depth -= r->depth > 0;
		if (r->array != ARRAY_ELEMENTS) {
			r->array = ARRAY_ELEMENTS;	/* the opening bracket */
			continue;
		}
		if (r->depth == 0) {			/* the closing one */
			r->array = ARRAY_AFTER;
			p[n++] = '\n';
		} else if (r->depth == 1 && c == ',')
			p[n++] = '\n';
		else
			p[n++] = c;
	}
	return n;
}

static bool
is_csv(const struct sessp_reader *r)
{
	return r->origin->format != NULL && r->origin->format->framing == SESSP_CSV;
}

/* How much of the records in p is whole: up to and with the last newline that
 * ends one. */
static size_t
whole_records(const struct sessp_reader *r, const char *p, size_t len)
{
	const char *nl, *start = p, *end = p + len;

	if (!is_csv(r)) {
		nl = len > 0 ? memrchr(p, '\n', len) : NULL;
		return nl != NULL ? (size_t)(nl - p) + 1 : 0;
	}
	while (p < end && (nl = sessp_csv_end(p, end, false)) != NULL)
		p = nl + 1;
	return (size_t)(p - start);
}

/* Wait for live input without spinning; false where the stream is to stop. */
static bool
wait_input(struct sessp_reader *r)
{
	while (sessp_input_idle(r->in)) {
		const struct timespec nap = { .tv_nsec = 10 * 1000 * 1000 };

		if (atomic_load(r->opts.stop))
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

/* How many quotes there are, more or less by two. */
static bool
odd_quotes(const char *p, size_t len)
{
	return sessp_count_byte(p, len, '"') % 2 != 0;
}

/* Tell of the record behind the context, that is longer than allowed; its bytes
 * are gone, and the rest of it is to be passed over. */
static void
note_long(struct sessp_reader *r, struct sessp_block *b)
{
	struct sess_err err = { 0 };
	const char *p = b->data + b->context;
	size_t len = b->len - b->context;

	sess_err_set(&err, SESS_ELIMIT, r->line, "line longer than %llu bytes",
	    (unsigned long long)r->opts.max_line);
	sessp_block_note(b, &err, "", 0, false);
	b->books.records++;
	b->books.rejected++;
	r->line += 1 + sessp_count_byte(p, len, '\n');
	r->skipping = true;
	r->quoted = is_csv(r) && odd_quotes(p, len);
	b->len = b->context;
}

/* Drop the rest of a line that is too long from what was just read at p. */
static size_t
skip_rest(struct sessp_reader *r, char *p, size_t len)
{
	char *end = p + len, *from = p, *nl;

	for (; (nl = memchr(from, '\n', (size_t)(end - from))) != NULL; from = nl + 1) {
		r->quoted ^= is_csv(r) && odd_quotes(from, (size_t)(nl - from));
		if (!r->quoted)
			break;
		r->line++;
	}
	if (nl == NULL) {
		r->quoted ^= is_csv(r) && odd_quotes(from, (size_t)(end - from));
		return 0;
	}
	r->skipping = false;
	len = (size_t)(end - nl - 1);
	memmove(p, nl + 1, len);
	return len;
}

/* Recognise the member from its first records.  False where it is nothing we know. */
static bool
recognise(struct sessp_reader *r, struct sessp_block *b)
{
	char *p = b->data + b->context;
	size_t len = b->len - b->context;
	struct sess_err err = { 0 };

	if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		memmove(p, p + 3, len - 3);
		b->len -= 3;
		len -= 3;
	}
	r->origin->format = sessp_sniff_opts(r->opts.convert, p, len, r->member_end);
	if (r->origin->format == NULL) {
		sess_err_set(&err, SESS_EFORMAT, 0, "not a log format that is known");
		sessp_block_note(b, &err, NULL, 0, false);
		b->books.unrecognised++;
		return false;
	}
	b->recognised = true;
	if (r->origin->format->framing == SESSP_ARRAY)
		b->len = b->context + array_lines(r, p, len);
	return true;
}

static bool
blank(const char *p, size_t len)
{
	while (len > 0 && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++, len--;
	return len == 0;
}

/* Take the header line of a CSV member off the block. */
static void
take_header(struct sessp_reader *r, struct sessp_block *b, size_t *whole)
{
	struct sessp_origin *o = r->origin;
	char *p = b->data + b->context;
	size_t len = (size_t)(sessp_csv_end(p, p + *whole, true) - p);

	len += len < *whole;
	if ((o->header = malloc(len + SESSP_PAD)) == NULL) {
		sess_err_nomem(&b->fatal);
		return;
	}
	memcpy(o->header, p, len);
	o->header_len = len;
	r->line += sessp_count_byte(p, len, '\n');
	memmove(p, p + len, b->len - b->context - len);
	b->len -= len;
	*whole -= len;
}

/*
 * Read into b until it holds whole records and is full, the member ends or live
 * input pauses.  Returns how many bytes behind the context are whole records.
 */
static size_t
read_records(struct sessp_reader *r, struct sessp_block *b)
{
	struct sess_err err = { 0 };
	size_t whole = 0, n, fresh;
	bool tried = r->origin->format != NULL, too_long;

	for (;;) {
		too_long = b->len - b->context - whole > r->opts.max_line;
		if (whole > 0 && (too_long || b->len - b->context >= BLOCK))
			return whole;
		if (too_long &&
		    (tried || memchr(b->data + b->context, '\n', b->len - b->context) == NULL))
			note_long(r, b);
		if (whole > 0 && sessp_input_idle(r->in)) {
			b->pause = true;
			return whole;
		}
		if (sessp_block_room(b, BLOCK) < 0) {
			sess_err_nomem(&b->fatal);
			return 0;
		}
		if (!wait_input(r))
			return 0;
		n = 0;
		if (sessp_input_read(r->in, b->data + b->len, BLOCK, &n, &err) < 0)
			note(r, b, &err);
		if (n == 0) {
			r->member_end = true;
			break;
		}
		b->books.bytes += n;
		r->track.got += n;
		fresh = b->len;
		if (tried && r->origin->format->framing == SESSP_ARRAY)
			n = array_lines(r, b->data + fresh, n);
		if (r->skipping)
			n = skip_rest(r, b->data + fresh, n);
		b->len += n;
		if (!tried && memchr(b->data + fresh, '\n', n) != NULL &&
		    (b->len - b->context >= BLOCK || sessp_input_idle(r->in)) &&
		    !blank(b->data + b->context, b->len - b->context)) {
			tried = true;
			if (!recognise(r, b))
				return 0;
		}
		if (tried)
			whole += whole_records(r, b->data + b->context + whole,
			    b->len - b->context - whole);
	}
	if (!tried && !blank(b->data + b->context, b->len - b->context) &&
	    !recognise(r, b))
		return 0;
	if (r->origin->format == NULL)
		return 0;			/* nothing but white space */
	if (r->origin->format->framing == SESSP_ARRAY && err.code == SESS_OK &&
	    (r->array != ARRAY_AFTER || r->garbage)) {
		sess_err_set(&err, SESS_EFORMAT, 0, "%s", r->garbage ?
		    "text behind the JSON array" : "unexpected end of the JSON array");
		note(r, b, &err);
	}
	if (unfinished(r))
		return whole_records(r, b->data + b->context, b->len - b->context);
	return b->len - b->context;		/* a last line needs no newline */
}

/* Keep the lines of the block's last second for the next block. */
static void
keep_context(struct sessp_reader *r, struct sessp_block *b)
{
	size_t off = sessp_tail(r->origin->format, r->origin->header, r->origin->header_len,
	    b->data, b->len);

	r->context.len = 0;
	if (b->len - off > CONTEXT_MAX)
		return;
	if (sess_buf_add(&r->context, b->data + off, b->len - off) < 0)
		sess_err_nomem(&b->fatal);
}

static void
fill_member(struct sessp_reader *r, struct sessp_block *b)
{
	size_t whole;

	if (sessp_block_room(b, r->context.len + r->carry.len) < 0) {
		sess_err_nomem(&b->fatal);
		return;
	}
	memcpy(b->data, r->context.data != NULL ? r->context.data : "", r->context.len);
	b->context = b->len = r->context.len;
	memcpy(b->data + b->len, r->carry.data != NULL ? r->carry.data : "", r->carry.len);
	b->len += r->carry.len;
	r->carry.len = 0;
	atomic_fetch_add(&r->origin->refs, 1);
	b->origin = r->origin;
	whole = read_records(r, b);
	if (whole > 0 && r->origin->format->framing == SESSP_CSV && r->origin->header == NULL)
		take_header(r, b, &whole);
	if (r->origin->format == NULL)
		r->member_end = true;		/* not recognised: pass over the rest */
	else if (!r->member_end &&
	    sess_buf_add(&r->carry, b->data + b->context + whole,
	    b->len - b->context - whole) < 0)
		sess_err_nomem(&b->fatal);
	if (r->track.on && r->origin->format != NULL) {
		size_t lines = whole_records(r, b->data + b->context, whole);

		track_block(r, b, lines, b->len - b->context - lines);
	}
	b->len = b->context + whole;
	b->first_line = r->line;
	r->line += sessp_count_byte(b->data + b->context, whole, '\n');
	if (whole > 0 && !r->member_end)
		keep_context(r, b);
}

/* The block is of a feed's part, which is opened for the first. */
static bool
open_fed(struct sessp_reader *r, struct sessp_block *b)
{
	struct sess_err err = { 0 };
	bool first = !r->opened;

	r->opened = true;
	if (first && (r->origin = origin_new(r, r->feed->name(r->feed->arg, r->part))) == NULL) {
		sess_err_nomem(&b->fatal);
		return false;
	}
	r->origin->format = &sessp_events;
	atomic_fetch_add(&r->origin->refs, 1);
	b->origin = r->origin;
	if (first && r->feed->open(r->feed->arg, r->part, &r->fed, &err) < 0) {
		note(r, b, &err);
		r->ended = true;
		return false;
	}
	return true;
}

static void
fill_fed(struct sessp_reader *r, struct sessp_block *b)
{
	struct sess_buf out = { b->data, b->len, b->cap };
	struct sess_err err = { 0 };
	enum sess_status st;

	if (r->ended || !open_fed(r, b))
		return;
	st = r->feed->fill(r->fed, &out, &err);
	b->data = out.data;
	b->len = out.len;
	b->cap = out.cap;
	if (sessp_block_room(b, 0) < 0)
		sess_err_nomem(&b->fatal);
	if (st < 0)
		note(r, b, &err);
	r->ended |= st == SESS_END;
	b->books.bytes += b->len;
	b->first_line = r->line + 1;
	r->line += sessp_count_byte(b->data, b->len, '\n');
}

void
sessp_reader_fill(struct sessp_reader *r, struct sessp_block *b)
{
	if (r->feed != NULL)
		fill_fed(r, b);
	while (r->feed == NULL && b->fatal.code == SESS_OK && !r->ended && b->nnotes == 0 &&
	    b->mark == NULL && b->len == b->context && !atomic_load(r->opts.stop)) {
		/* a block is of one member: none yet, or it was empty */
		sessp_origin_drop(b->origin);
		b->origin = NULL;
		if (r->origin == NULL || r->member_end) {
			if (!next_member(r, b))
				continue;
		}
		fill_member(r, b);
	}
	if (r->in != NULL)
		atomic_store(&r->consumed, sessp_input_consumed(r->in));
	b->last = r->ended || b->fatal.code != SESS_OK || atomic_load(r->opts.stop);
	if (b->cap > 0)
		memset(b->data + b->len, 0, SESSP_PAD);
}
