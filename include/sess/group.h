/*
 * group: whose an event is, for those who split events among several machines.
 *
 *	sess_event_key(&ev, &out);			KEY, for a shuffle
 *	if (sess_shard_has(shard, &ev))			--shard 3/16
 *		...
 *
 * Events of one group make a session (or several, where it is cut).  The group is
 * (app_id, session_id); where there is no session id it is the visitor; and where
 * there is neither, a visitor made of app_id, user_id, ip and user_agent.  What
 * needs whole sessions works on any partition of the groups.
 */
#ifndef SESS_GROUP_H
#define SESS_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sess/buf.h"
#include "sess/err.h"
#include "sess/event.h"

#define SESS_GROUP_NAME 17	/* room for the name of who has none */

/* The id that the event's group is found by: its session id or visitor, borrowed
 * from ev, or the visitor that it is given, which is made in name. */
struct sess_slice sess_event_group(const struct sess_event *ev, char name[SESS_GROUP_NAME]);

/*
 * Append the group's key to out: HASH:ID@APP of a session (APP may be empty),
 * HASH:VISITOR of a visitor.  HASH is sess_group_hash of the id as 8 lower-case hex
 * digits, so that who has a key knows its share (and keys in order are evenly
 * spread).  Blanks, control characters, %, @ and what is not ASCII are written
 * %XX, so that a key is one field of one line for whatever reads it, sorts alike
 * as bytes, UTF-16 and characters, and does not begin like an event; different
 * groups have different keys.  Keys are the same for ever.  SESS_OK or
 * SESS_ENOMEM.
 */
enum sess_status sess_event_key(const struct sess_event *ev, struct sess_buf *out);

/* The same of an id: a visitor's where app is NULL. */
enum sess_status sess_group_key(struct sess_slice id, const struct sess_slice *app,
    struct sess_buf *out);

/* The upper half of XXH64, seed 0, of an id: session id or visitor, without the
 * application, so that who has an id knows the share. */
uint32_t sess_group_hash(struct sess_slice id);

/* A share of the groups: those whose hash is index modulo of. */
#define SESS_SHARDS_MAX 65536
struct sess_shard {
	unsigned index, of;	/* of 0 or 1: all */
};

/* I/N as text, I from 0.  SESS_EFORMAT. */
enum sess_status sess_shard_parse(struct sess_shard *shard, const char *text,
    struct sess_err *err);

unsigned sess_shard_of(struct sess_slice id, unsigned of);
bool sess_shard_has(struct sess_shard shard, const struct sess_event *ev);

#endif
