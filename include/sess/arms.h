/*
 * arms: what is known of identifiers made by @arms/js-sdk.
 */
#ifndef SESS_ARMS_H
#define SESS_ARMS_H

#include <stddef.h>
#include <stdint.h>

/*
 * When an identifier (sid, uid or pv_id) was made, by the client's clock: ms
 * since the epoch.  The SDK makes them of 28 base-36 characters, of which
 * those at 2, 5, 8 ... 23 (0-based) are the time in ms, base 36.  SESS_NO_TIME
 * (INT64_MIN) where id isn't of that form or the time is not in 2015 .. 2099.
 */
int64_t sess_arms_id_time(const char *id, size_t len);

#endif
