/* An event to packed bytes: what a session needs to know of it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "private.h"

#define SLOTS_MIN	1024

#define FACT_KEY(NAME, member) SESS_K_##NAME,
static const uint8_t who_keys[] = { SESSP_WHO_FACTS(FACT_KEY) };
static const uint8_t env_keys[] = { SESSP_ENV_FACTS(FACT_KEY) };
static const uint8_t view_keys[] = { SESS_K_VIEW_ID };
static const uint8_t place_keys[] = { SESS_K_PAGE, SESS_K_PAGE_URL, SESS_K_TITLE };

struct slot {
	uint32_t epoch, hash;
	uint32_t at;		/* in seen */
	uint32_t number;
};

struct sess_packer {
	struct sess_session_opts opts;
	struct sess_buf seen;	/* tuples of this buffer, one behind another */
	struct slot *slots;
	size_t size, used;
	uint32_t epoch;		/* of slots: those of other buffers are empty */
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
	sess_buf_release(&pk->seen);
	free(pk->slots);
	free(pk);
}

void
sess_packer_reset(struct sess_packer *pk)
{
	pk->seen.len = 0;
	pk->used = 0;
	if (++pk->epoch == 0) {
		memset(pk->slots, 0, pk->size * sizeof(*pk->slots));
		pk->epoch = 1;
	}
}

uint32_t
sessp_hash(const char *p, size_t len)
{
	uint64_t h = XXH3_64bits(p, len);

	return (uint32_t)(h ^ h >> 32);
}

/* -- tuples */

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

static inline char *
put(char *to, const char *p, size_t len)
{
	size_t n;

	for (n = len; n > 0x7f; n >>= 7)
		*to++ = (char)((n & 0x7f) | 0x80);
	*to++ = (char)n;
	return copy(to, p, len);
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

struct built {			/* a tuple that may be new: it is behind the end of seen */
	size_t at;
	uint32_t len, hash;	/* len 0: all of its strings are absent */
};

/* The number of a tuple; a new one is kept, and written to out.  Those before
 * it in seen are dealt with.  0 or -1 (memory). */
static int
intern(struct sess_packer *pk, const struct built *b, uint32_t *number,
    struct sess_buf *out)
{
	const char *p = pk->seen.data + b->at;
	struct sessp_packed_tuple head = { b->len, b->hash };
	struct slot *s;
	size_t i;

	if (b->len == 0) {
		*number = 0;
		return 0;
	}
	for (i = b->hash & (pk->size - 1); ; i = (i + 1) & (pk->size - 1)) {
		s = &pk->slots[i];
		if (s->epoch != pk->epoch)
			break;
		/* Tuples are prefix-free, so that one length is enough. */
		if (s->hash == b->hash && memcmp(pk->seen.data + s->at, p, b->len) == 0) {
			*number = s->number;
			return 0;
		}
	}
	if (sess_buf_room(out, 1 + sizeof(head) + b->len) < 0)
		return -1;
	*s = (struct slot){ pk->epoch, b->hash, (uint32_t)pk->seen.len,
	    (uint32_t)++pk->used };
	*number = s->number;
	out->data[out->len++] = SESSP_TUPLE;
	memcpy(out->data + out->len, &head, sizeof(head));
	memcpy(out->data + out->len + sizeof(head), p, b->len);
	out->len += sizeof(head) + b->len;
	if (b->at != pk->seen.len)
		memmove(pk->seen.data + pk->seen.len, p, b->len);
	pk->seen.len += b->len;
	return pk->used > pk->size / 2 ? grow(pk) : 0;
}

/* Events with neither a session id nor a visitor: those that look like one
 * client are together. */
static size_t
nobody(const struct sess_event *ev, char name[17])
{
	static const uint8_t keys[] = {
		SESS_K_APP_ID, SESS_K_USER_ID, SESS_K_IP, SESS_K_USER_AGENT
	};
	uint64_t h = 0;
	struct sess_slice s;
	size_t i;

	for (i = 0; i < sizeof(keys); i++) {
		s = sess_event_get(ev, keys[i]);
		h = XXH3_64bits_withSeed(s.p, s.len, h + s.len);
	}
	return (size_t)snprintf(name, 17, "%016llx", (unsigned long long)h);
}

/* Build a tuple at *end of seen; its slot is asked for, it will be needed soon. */
static int
build(struct sess_packer *pk, const struct sess_event *ev, enum sessp_tuple which,
    const uint8_t *keys, size_t n, size_t *end, struct built *b)
{
	char name[17], *p;
	struct sess_slice s;
	size_t i, len = 0, need = 1 + 10 * n + sizeof(name), start = pk->seen.len;

	*b = (struct built){ .at = *end };
	for (i = 0; i < n; i++)
		if (sess_event_has(ev, keys[i]))
			len += ev->v[keys[i]].len;
	if (len == 0 && which != SESSP_WHO)
		return 0;
	if (len > UINT32_MAX - need - *end ||
	    sess_buf_room(&pk->seen, *end - start + len + need) < 0)
		return -1;
	p = pk->seen.data + *end;
	*p++ = (char)which;
	for (i = 0; i < n; i++) {
		if (keys[i] == SESS_K_VISITOR && sess_event_has(ev, SESS_K_SESSION_ID)) {
			*p++ = 0;		/* the session id has it */
		} else if (sess_event_has(ev, keys[i])) {
			s = ev->v[keys[i]];
			p = put(p, s.p, s.len);
		} else if (keys[i] == SESS_K_VISITOR) {
			p = put(p, name, nobody(ev, name));
		} else
			*p++ = 0;
	}
	b->len = (uint32_t)(p - (pk->seen.data + *end));
	b->hash = sessp_hash(pk->seen.data + *end, b->len);
	*end += b->len;
	__builtin_prefetch(&pk->slots[b->hash & (pk->size - 1)]);
	return 0;
}

static int
tuples(struct sess_packer *pk, const struct sess_event *ev, struct sessp_digest *d,
    struct sess_buf *out)
{
	struct built who, env, view, place;
	size_t end = pk->seen.len;

	if (build(pk, ev, SESSP_WHO, who_keys, sizeof(who_keys), &end, &who) < 0 ||
	    build(pk, ev, SESSP_ENV, env_keys, sizeof(env_keys), &end, &env) < 0 ||
	    build(pk, ev, SESSP_VIEW, view_keys, sizeof(view_keys), &end, &view) < 0 ||
	    build(pk, ev, SESSP_PLACE, place_keys, sizeof(place_keys), &end, &place) < 0 ||
	    intern(pk, &who, &d->who, out) < 0 || intern(pk, &env, &d->env, out) < 0 ||
	    intern(pk, &view, &d->view, out) < 0)
		return -1;
	return intern(pk, &place, &d->place, out);
}

/* -- the rest of an event */

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
	return f;
}

enum sess_status
sess_pack(struct sess_packer *pk, const struct sess_event *ev, uint32_t marks,
    struct sess_buf *out)
{
	struct sessp_digest d = { .id = ev->id, .marks = marks, .kind = (uint8_t)ev->kind };
	struct sessp_more m;
	size_t at;

	d.time = sane(ev->time);
	d.received = sane(ev->received);
	d.nkeys = (uint8_t)sess_event_nkeys(ev);
	if (tuples(pk, ev, &d, out) < 0 || sess_buf_room(out, 1 + sizeof(d)) < 0)
		return SESS_ENOMEM;
	at = out->len + 1;
	out->data[out->len] = SESSP_EVENT;
	out->len += 1 + sizeof(d);
	if ((fill_more(ev, &m) || pk->opts.lines) &&
	    put_more(pk, ev, marks, &m, &d.more, out) < 0) {
		out->len = at - 1;
		return SESS_ENOMEM;
	}
	d.flags = flags(pk, ev, &m);
	memcpy(out->data + at, &d, sizeof(d));
	return SESS_OK;
}
