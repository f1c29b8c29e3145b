/*
 * convert: one record of a log to canonical events.  The stream (stream.h)
 * does this for whole files; this header is for those who have lines already,
 * and for the tests and fuzzers.
 */
#ifndef SESS_CONVERT_H
#define SESS_CONVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sess/err.h"
#include "sess/event.h"

/* Takes one event; it is borrowed for the call.  Non-zero stops. */
typedef int sess_event_fn(void *arg, const struct sess_event *ev);

/* What --session-by may name: the fields that make a visitor. */
enum { SESS_BY_IP = 1, SESS_BY_UA = 2, SESS_BY_USER = 4 };

/* Settings of a conversion; zeros are the defaults.  Borrowed for the life of
 * the converter. */
struct sess_convert_opts {
	const char *format;		/* --format: an envelope's name, or NULL: told
					 * by content */
	const char *map;		/* --map: text of the map file, or NULL */
	size_t map_len;
	bool trust_forwarded;		/* ip is the right-most hop of X-Forwarded-For
					 * that is no private or loopback address */
	const char *geoip;		/* path of an .mmdb, or NULL */
	const char *ua_regexes;		/* path of uap-core's regexes.yaml, or NULL: the default */
	const unsigned char *hash_key;	/* --hash-user: key, or NULL */
	size_t hash_key_len;
	unsigned mask_ip4, mask_ip6;	/* --mask-ip: prefix lengths kept; 0: all */
	bool drop_query;		/* cut ? and # from URLs in every key */
	bool extra;			/* keep unknown fields under extra */
	unsigned session_by;		/* of SESS_BY_*; 0: ip and user agent */
};

/* user_id or user_name as --hash-user writes it: the first 32 hex digits of
 * HMAC-SHA256 under the key.  Look-ups hash their argument with it. */
void sess_hash_user(const unsigned char *key, size_t key_len, const char *p,
    size_t len, char out[33]);

/* Counts that balance: records = converted + partial + ignored + rejected. */
struct sess_books {
	uint64_t records, converted, partial, ignored, rejected;
	uint64_t events;		/* given to the sink */
	uint64_t bytes;			/* decompressed */
	uint64_t files, members;
	uint64_t unrecognised;		/* members of no known format */
	uint64_t damaged;		/* members or files that were cut or unreadable */
	uint64_t skipped;		/* symlinks, FIFOs ... passed over in directories */
	uint64_t preflights, nobody;	/* of ignored, of partial: requests whose log has no bodies */
};

#endif
