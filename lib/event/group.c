/* group: whose an event is, as a key for a shuffle and as a share. */
#include "sess/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

/* Events with neither a session id nor a visitor: those that look like one
 * client are together. */
static size_t
nobody(const struct sess_event *ev, char name[SESS_GROUP_NAME])
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
	return (size_t)snprintf(name, SESS_GROUP_NAME, "%016llx", (unsigned long long)h);
}

struct sess_slice
sess_event_group(const struct sess_event *ev, char name[SESS_GROUP_NAME])
{
	if (sess_event_has(ev, SESS_K_SESSION_ID))
		return ev->v[SESS_K_SESSION_ID];
	if (sess_event_has(ev, SESS_K_VISITOR))
		return ev->v[SESS_K_VISITOR];
	return (struct sess_slice){ name, nobody(ev, name) };
}

/* -- keys */

/* What a key holds as it is: not what ends a field or a line for somebody, what isn't
 * the same in all orders of characters, nor what stands between id and application. */
static const bool plain[256] = {
	['!' ... '$'] = true, ['&' ... '?'] = true, ['A' ... '~'] = true
};

static int
put_hash(uint32_t hash, struct sess_buf *out)
{
	static const char hex[] = "0123456789abcdef";
	char *to;
	int i;

	if (sess_buf_room(out, 9) < 0)
		return -1;
	to = out->data + out->len;
	for (i = 0; i < 8; i++)
		to[i] = hex[hash >> (28 - 4 * i) & 15];
	to[i] = ':';
	out->len += 9;
	return 0;
}

static int
escape(struct sess_slice s, struct sess_buf *out)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char c;
	size_t i;
	char *to;

	if (s.len > SIZE_MAX / 3 || sess_buf_room(out, 3 * s.len) < 0)
		return -1;
	to = out->data + out->len;
	for (i = 0; i < s.len; i++) {
		c = (unsigned char)s.p[i];
		if (plain[c]) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	out->len = (size_t)(to - out->data);
	return 0;
}

enum sess_status
sess_group_key(struct sess_slice id, const struct sess_slice *app, struct sess_buf *out)
{
	size_t len = out->len;

	if (put_hash(sess_group_hash(id), out) < 0 || escape(id, out) < 0 ||
	    (app != NULL && (sess_buf_putc(out, '@') < 0 || escape(*app, out) < 0))) {
		out->len = len;
		return SESS_ENOMEM;
	}
	return SESS_OK;
}

enum sess_status
sess_event_key(const struct sess_event *ev, struct sess_buf *out)
{
	char name[SESS_GROUP_NAME];
	struct sess_slice app = sess_event_get(ev, SESS_K_APP_ID);

	return sess_group_key(sess_event_group(ev, name),
	    sess_event_has(ev, SESS_K_SESSION_ID) ? &app : NULL, out);
}

/* -- shares */

/* A number of a few digits, and what is behind it; NULL where there is none. */
static const char *
digits(const char *p, unsigned *n)
{
	const char *start = p;

	for (*n = 0; *p >= '0' && *p <= '9' && p - start < 6; p++)
		*n = *n * 10 + (unsigned)(*p - '0');
	return p > start ? p : NULL;
}

enum sess_status
sess_shard_parse(struct sess_shard *shard, const char *text, struct sess_err *err)
{
	const char *p = digits(text, &shard->index);

	shard->of = 0;
	if (p != NULL && *p == '/')
		p = digits(p + 1, &shard->of);
	if (p == NULL || *p != '\0' || shard->of > SESS_SHARDS_MAX || shard->index >= shard->of)
		return sess_err_set(err, SESS_EFORMAT, 0,
		    "'%.20s' is not like 0/16: which one, from 0, of how many, up to %d", text,
		    SESS_SHARDS_MAX);
	return SESS_OK;
}

uint32_t
sess_group_hash(struct sess_slice id)
{
	return (uint32_t)(XXH64(id.p, id.len, 0) >> 32);
}

unsigned
sess_shard_of(struct sess_slice id, unsigned of)
{
	return sess_group_hash(id) % of;
}

bool
sess_shard_has(struct sess_shard shard, const struct sess_event *ev)
{
	char name[SESS_GROUP_NAME];

	return shard.of <= 1 || sess_shard_of(sess_event_group(ev, name), shard.of) == shard.index;
}
