/* An event to packed bytes: what a session needs to know of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "private.h"
#include "sess/group.h"

#define SLOTS_MIN	1024
#define SHORT		127		/* a string whose length takes one byte */

struct slot {
	uint32_t epoch, hash;
	uint32_t at;		/* in the output */
	uint32_t number;
};

struct sess_packer {
	struct sess_session_opts opts;
	struct slot *slots;	/* tuples of this buffer */
	size_t size, used;
	uint32_t epoch;		/* of slots: those of other buffers are empty */
	uint32_t ntuples;
	bool failed;		/* there was no memory for a string */
	struct sess_buf group, key;	/* sorted: key of the current group; scratch */
	size_t run;		/* where its sessp_packed_group is */
};

enum sess_status
sess_packer_new(struct sess_packer **pkp, const struct sess_session_opts *opts,
    struct sess_err *err)
{
	struct sess_packer *pk;

	*pkp = NULL;
	if ((pk = calloc(1, sizeof(*pk))) == NULL)
		return sess_err_nomem(err);
	pk->opts = *opts;
	pk->size = SLOTS_MIN;
	pk->epoch = 1;
	if ((pk->slots = calloc(pk->size, sizeof(*pk->slots))) == NULL) {
		free(pk);
		return sess_err_nomem(err);
	}
	*pkp = pk;
	return SESS_OK;
}

void
sess_packer_free(struct sess_packer *pk)
{
	if (pk == NULL)
		return;
	free(pk->slots);
	sess_buf_release(&pk->group);
	sess_buf_release(&pk->key);
	free(pk);
}

/* What comes next refers to nothing before it. */
static void
forget(struct sess_packer *pk)
{
	pk->used = 0;
	pk->ntuples = 0;
	pk->failed = false;
	if (++pk->epoch == 0) {
		memset(pk->slots, 0, pk->size * sizeof(*pk->slots));
		pk->epoch = 1;
	}
}

void
sess_packer_reset(struct sess_packer *pk)
{
	forget(pk);
	pk->group.len = 0;
}

uint32_t
sessp_hash(const char *p, size_t len)
{
	uint64_t h = XXH3_64bits(p, len);

	return (uint32_t)(h ^ h >> 32);
}

/* -- tuples: built where they stay if the buffer has none of the same bytes */

#define TUPLE_AT	(1 + sizeof(struct sessp_packed_tuple))

#define ONE_MORE(NAME, member) + 1
/* Enough for any of them, if its strings are short. */
#define TUPLE_ROOM	(TUPLE_AT + 1 + \
    (0 SESSP_WHO_FACTS(ONE_MORE) SESSP_ENV_FACTS(ONE_MORE)) * (1 + SHORT))

/* memcpy, without a call for the short strings that most are. */
static inline char *
copy(char *to, const char *p, size_t len)
{
	uint64_t a, b;
	uint32_t c, d;
	char e[16], f[16];

	if (len > 32) {
		memcpy(to, p, len);
	} else if (len >= 16) {
		memcpy(e, p, 16);
		memcpy(f, p + len - 16, 16);
		memcpy(to, e, 16);
		memcpy(to + len - 16, f, 16);
	} else if (len >= 8) {
		memcpy(&a, p, 8);
		memcpy(&b, p + len - 8, 8);
		memcpy(to, &a, 8);
		memcpy(to + len - 8, &b, 8);
	} else if (len >= 4) {
		memcpy(&c, p, 4);
		memcpy(&d, p + len - 4, 4);
		memcpy(to, &c, 4);
		memcpy(to + len - 4, &d, 4);
	} else if (len > 0) {
		to[0] = p[0];
		to[len / 2] = p[len / 2];
		to[len - 1] = p[len - 1];
	}
	return to + len;
}

/* There is room for short strings: this one may need more. */
static char * __attribute__((noinline))
put_long(struct sess_packer *pk, struct sess_buf *out, char *to, struct sess_slice s)
{
	size_t at = (size_t)(to - out->data), n;

	if (s.len > UINT32_MAX - TUPLE_ROOM - (at - out->len) ||
	    sess_buf_room(out, at - out->len + s.len + 10 + TUPLE_ROOM) < 0) {
		pk->failed = true;
		s.len = 0;
	}
	to = out->data + at;
	for (n = s.len; n > 0x7f; n >>= 7)
		*to++ = (char)((n & 0x7f) | 0x80);
	*to++ = (char)n;
	return copy(to, s.p, s.len);
}

static inline char *
put(struct sess_packer *pk, struct sess_buf *out, char *to, const struct sess_event *ev,
    enum sess_key k)
{
	bool plain = ev->plain[k / 64] >> k % 64 & 1;
	char name[SESS_GROUP_NAME];
	struct sess_slice made;

	if (k == SESS_K_VISITOR && sess_event_has(ev, SESS_K_SESSION_ID)) {
		*to++ = 0;		/* the session id has it */
	} else if (sess_event_has(ev, k)) {
		if (ev->v[k].len > SHORT)
			return put_long(pk, out, to, ev->v[k]);
		*to++ = (char)ev->v[k].len;
		if (plain && ev->v[k].len <= 32) {
			/* so many are readable, and there is room: no need to
			 * foresee its length */
			memcpy(to, ev->v[k].p, 32);
			to += ev->v[k].len;
		} else
			to = copy(to, ev->v[k].p, ev->v[k].len);
	} else if (k == SESS_K_VISITOR) {
		made = sess_event_group(ev, name);
		*to++ = (char)made.len;
		to = copy(to, made.p, made.len);
	} else
		*to++ = 0;
	return to;
}

size_t
sessp_tuple_key(const char *tuple)
{
	const char *p = tuple + 1;
	struct sess_slice id, rest;

	p = sessp_tuple_next(p, &id);
	p = sessp_tuple_next(p, &rest);
	if (id.len > 0)			/* of a session id the application is part */
		p = sessp_tuple_next(p, &rest);
	return (size_t)(p - (tuple + 1));
}

static int
grow(struct sess_packer *pk)
{
	struct slot *slots, *s;
	size_t size = 2 * pk->size, i, j;

	if ((slots = calloc(size, sizeof(*slots))) == NULL)
		return -1;
	for (i = 0; i < pk->size; i++) {
		s = &pk->slots[i];
		if (s->epoch != pk->epoch)
			continue;
		for (j = s->hash & (size - 1); slots[j].epoch == pk->epoch; )
			j = (j + 1) & (size - 1);
		slots[j] = *s;
	}
	free(pk->slots);
	pk->slots = slots;
	pk->size = size;
	return 0;
}

/* The number of the tuple that was built behind the end of out, up to `end`; it
 * stays there if it is new.  0 or -1 (memory). */
static int
intern(struct sess_packer *pk, struct sess_buf *out, const char *end, uint32_t *number)
{
	char *p = out->data + out->len + TUPLE_AT;
	struct sessp_packed_tuple head = { .len = (uint32_t)(end - p) };
	struct slot *s;
	size_t i;

	if (pk->failed)
		return -1;
	head.hash = sessp_hash(p, head.len);
	for (i = head.hash & (pk->size - 1); ; i = (i + 1) & (pk->size - 1)) {
		s = &pk->slots[i];
		if (s->epoch != pk->epoch)
			break;
		/* Tuples are prefix-free, so that one length is enough. */
		if (s->hash == head.hash && memcmp(out->data + s->at, p, head.len) == 0) {
			*number = s->number;
			return 0;
		}
	}
	*number = ++pk->ntuples;
	p[-(ptrdiff_t)TUPLE_AT] = SESSP_TUPLE;
	memcpy(p - sizeof(head), &head, sizeof(head));
	out->len = (size_t)(end - out->data);
	if ((size_t)(p - out->data) > UINT32_MAX)
		return 0;		/* it is not remembered */
	*s = (struct slot){ pk->epoch, head.hash, (uint32_t)(p - out->data), *number };
	return ++pk->used > pk->size / 2 ? grow(pk) : 0;
}

/* name(): the number of an event's tuple; 0 where it has none of the facts,
 * which a who tuple is never without.  The code is made for each fact, so that
 * what the processor learns of one (is it there, how long) is not of another. */
#define PUT(NAME, member) to = put(pk, out, to, ev, SESS_K_##NAME);
#define TUPLE(name, WHICH, FACTS) \
static int \
name(struct sess_packer *pk, const struct sess_event *ev, uint32_t *number, \
    struct sess_buf *out) \
{ \
	char *to; \
\
	if (sess_buf_room(out, TUPLE_ROOM) < 0) \
		return -1; \
	to = out->data + out->len + TUPLE_AT; \
	*to++ = (char)WHICH; \
	FACTS(PUT) \
	if (WHICH != SESSP_WHO && \
	    to == out->data + out->len + TUPLE_AT + 1 FACTS(ONE_MORE)) { \
		*number = 0; \
		return 0; \
	} \
	return intern(pk, out, to, number); \
}
#define PLACE_FACTS(X) X(PAGE, page) X(PAGE_URL, page_url) X(TITLE, title)
TUPLE(who, SESSP_WHO, SESSP_WHO_FACTS)
TUPLE(env, SESSP_ENV, SESSP_ENV_FACTS)
TUPLE(place, SESSP_PLACE, PLACE_FACTS)

/* -- the rest of an event */

/* Append the view, which most events in a buffer share with few others; *len bytes. */
static int
put_view(struct sess_packer *pk, const struct sess_event *ev, uint32_t *len,
    struct sess_buf *out)
{
	char *to;

	if (sess_event_get(ev, SESS_K_VIEW_ID).len == 0)
		return 0;
	if (sess_buf_room(out, TUPLE_ROOM) < 0)
		return -1;
	to = out->data + out->len;
	*to++ = SESSP_VIEW;
	PUT(VIEW_ID, view_id)
	*len = (uint32_t)(to - (out->data + out->len));
	out->len += *len;
	return pk->failed ? -1 : 0;
}

static uint32_t
count(const struct sess_event *ev, enum sess_key k, int64_t missing)
{
	int64_t n = sess_event_has(ev, k) ? sess_event_int(ev, k, missing) : missing;

	return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static double
ms(const struct sess_event *ev, enum sess_key k)
{
	double n = sess_event_num(ev, k, -1);

	return isfinite(n) && n >= 0 ? n : -1;
}

/* Times outside of the years 1 to 9999 don't occur; sums of others are safe. */
static int64_t
sane(int64_t t)
{
	const int64_t min = -62135596800000, max = 253402300799999;

	return t == SESS_NO_TIME ? t : t < min ? min : t > max ? max : t;
}

/* Most events of most kinds need no more than a digest. */
static bool
fill_more(const struct sess_event *ev, struct sessp_more *m)
{
	*m = (struct sessp_more){ .ms = -1, .times = 1 };
	if (sess_event_has(ev, SESS_K_TIMES)) {
		m->times = count(ev, SESS_K_TIMES, 1);
		if (m->times == 0)
			m->times = 1;
	}
	if (ev->kind == SESS_LOAD) {
		m->ms = ms(ev, SESS_K_LOAD_MS);
	} else if (ev->kind == SESS_LEAVE) {
		m->ms = ms(ev, SESS_K_STAY_MS);
		m->errors = count(ev, SESS_K_ERRORS, 0);
		m->api_ok = count(ev, SESS_K_API_OK, 0);
		m->api_failed = count(ev, SESS_K_API_FAILED, 0);
	}
	return m->times != 1 || m->ms >= 0 || m->errors > 0 || m->api_ok > 0 ||
	    m->api_failed > 0;
}

static int
put_line(const struct sess_packer *pk, const struct sess_event *ev, uint32_t marks,
    struct sess_buf *out)
{
	if (pk->opts.note != NULL)
		return pk->opts.note(pk->opts.note_arg, ev, marks, out);
	if (ev->line != NULL)
		return sess_buf_add(out, ev->line, ev->line_len);
	if (sess_event_write(ev, out) < 0)
		return -1;
	out->len--;		/* the newline */
	return 0;
}

/* Append the more, and the line where it is wanted; *len bytes. */
static int
put_more(const struct sess_packer *pk, const struct sess_event *ev, uint32_t marks,
    struct sessp_more *m, uint32_t *len, struct sess_buf *out)
{
	size_t start = out->len;

	if (sess_buf_add(out, m, SESSP_MORE_SIZE) < 0)
		return -1;
	if (pk->opts.lines && put_line(pk, ev, marks, out) < 0)
		return -1;
	if (out->len - start > UINT32_MAX)
		return -1;
	*len = (uint32_t)(out->len - start);
	m->line_len = *len - (uint32_t)SESSP_MORE_SIZE;
	memcpy(out->data + start, m, SESSP_MORE_SIZE);
	return 0;
}

/* Whether a server was asked for a style, a picture, an answer of an interface:
 * what a page wants, not what a user goes to.  A log does not say so; the method
 * and the path do, mostly. */
static bool
is_part(const struct sess_event *ev)
{
	static const char names[] = " css js mjs map png jpg jpeg gif svg ico webp avif bmp"
	    " woff woff2 ttf otf eot mp3 mp4 webm ogg json xml wasm txt webmanifest ";
	struct sess_slice s = sess_event_get(ev, SESS_K_METHOD),
	    url = sess_event_get(ev, SESS_K_URL);
	const char *at, *dot, *end;

	if (s.len > 0 && (s.len != 3 || memcmp(s.p, "GET", 3) != 0))
		return true;
	if (url.len == 0)
		return false;
	if ((end = memchr(url.p, '?', url.len)) == NULL)
		end = url.p + url.len;
	if (memmem(url.p, (size_t)(end - url.p), "/api/", 5) != NULL)
		return true;
	for (dot = end; dot > url.p && dot[-1] != '.' && dot[-1] != '/'; dot--)
		;
	if (dot == url.p || dot[-1] == '/' || dot == end ||
	    memchr(dot, ' ', (size_t)(end - dot)) != NULL)
		return false;
	at = memmem(names, sizeof(names) - 1, dot, (size_t)(end - dot));
	return at != NULL && at[-1] == ' ' && at[end - dot] == ' ';
}

static uint8_t
flags(const struct sess_packer *pk, const struct sess_event *ev, const struct sessp_more *m)
{
	uint8_t f = 0;

	if (ev->kind == SESS_API || ev->kind == SESS_RESOURCE) {
		if (sess_event_failed(ev))
			f |= SESSP_FAILED;
	}
	if (ev->kind == SESS_LOAD && m->ms > pk->opts.slow_load)
		f |= SESSP_SLOW;
	if (ev->kind == SESS_API && sess_event_has(ev, SESS_K_DURATION_MS) &&
	    ms(ev, SESS_K_DURATION_MS) > pk->opts.slow_api)
		f |= SESSP_SLOW;
	if (ev->kind == SESS_REQUEST && is_part(ev))
		f |= SESSP_PART;
	return f;
}

static enum sess_status
pack(struct sess_packer *pk, const struct sess_event *ev, uint32_t marks,
    struct sess_buf *out)
{
	struct sessp_digest d = { .id = ev->id, .marks = marks, .kind = (uint8_t)ev->kind };
	struct sessp_more m;
	size_t at;

	d.time = sane(ev->time);
	d.received = sane(ev->received);
	d.nkeys = (uint8_t)sess_event_nkeys(ev);
	if (who(pk, ev, &d.who, out) < 0 || env(pk, ev, &d.env, out) < 0 ||
	    place(pk, ev, &d.place, out) < 0 || sess_buf_room(out, 1 + sizeof(d)) < 0)
		return SESS_ENOMEM;
	at = out->len + 1;
	out->data[out->len] = SESSP_EVENT;
	out->len += 1 + sizeof(d);
	if (put_view(pk, ev, &d.view, out) < 0) {
		out->len = at - 1;
		return SESS_ENOMEM;
	}
	if ((fill_more(ev, &m) || pk->opts.lines) &&
	    put_more(pk, ev, marks, &m, &d.more, out) < 0) {
		out->len = at - 1;
		return SESS_ENOMEM;
	}
	d.flags = flags(pk, ev, &m);
	memcpy(out->data + at, &d, sizeof(d));
	return SESS_OK;
}

/* Begin a run where the event is of another group than the one before. */
static int
begin_run(struct sess_packer *pk, const struct sess_event *ev, struct sess_buf *out)
{
	struct sessp_packed_group head = { .line = ev->raw_line };
	struct sess_buf before = pk->group;

	pk->key.len = 0;
	if (sess_event_key(ev, &pk->key) < 0)
		return -1;
	if (pk->key.len == before.len && memcmp(pk->key.data, before.data, before.len) == 0)
		return 0;
	head.key_len = pk->key.len;
	pk->run = out->len;
	if (sess_buf_add(out, &head, sizeof(head)) < 0 ||
	    sess_buf_add(out, pk->key.data, pk->key.len) < 0)
		return -1;
	pk->group = pk->key;
	pk->key = before;
	forget(pk);
	return 0;
}

static void
end_run(const struct sess_packer *pk, struct sess_buf *out)
{
	struct sessp_packed_group head;

	memcpy(&head, out->data + pk->run, sizeof(head));
	head.len = out->len - pk->run - sizeof(head) - head.key_len;
	memcpy(out->data + pk->run, &head, sizeof(head));
}

enum sess_status
sess_pack(struct sess_packer *pk, const struct sess_event *ev, uint32_t marks,
    struct sess_buf *out)
{
	if (!pk->opts.sorted)
		return pack(pk, ev, marks, out);
	if (begin_run(pk, ev, out) < 0 || pack(pk, ev, marks, out) < 0)
		return SESS_ENOMEM;
	end_run(pk, out);
	return SESS_OK;
}
