/*
 * when_zone: what the files of `when` share: civil dates and time zones.
 */
#ifndef SESSP_WHEN_ZONE_H
#define SESSP_WHEN_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sess/err.h"

#define SESSP_DAY INT64_C(86400)

/* Moments of the years 1 to 9999. */
#define SESSP_WHEN_MIN INT64_C(-62135596800000)
#define SESSP_WHEN_MAX INT64_C(253402300799999)

/* Days since 1970-01-01 of a day of the proleptic Gregorian calendar, and
 * back; m and d from 1. */
int64_t sessp_days(int64_t y, unsigned m, unsigned d);
void sessp_civil(int64_t days, int64_t *y, unsigned *m, unsigned *d);

/* sess_when_rfc3339 that also tells whether the text named a zone. */
int sessp_when_civil(const char *p, size_t len, int64_t *ms, bool *zoned);

/*
 * A time zone.  Read from the system's zone database (TZif, RFC 8536) or from
 * a POSIX rule such as UTC0 or CET-1CEST,M3.5.0,M10.5.0/3; the process's own,
 * by localtime_r, where no name is given.
 */
struct sessp_zone;

/* SESS_EFORMAT where there is no such zone. */
enum sess_status sessp_zone_open(struct sessp_zone **z, const char *tz, struct sess_err *err);
void sessp_zone_free(struct sessp_zone *z);

/* Seconds east of UTC at t, in seconds since the epoch. */
int64_t sessp_zone_offset(const struct sessp_zone *z, int64_t t);

/*
 * The moment at which local clocks show `local` (seconds, as if UTC).  The
 * earlier where they show it twice; where they skip it, what a clock not yet
 * put forward would show, so that a midnight that isn't is the first moment
 * of its day.
 */
int64_t sessp_zone_utc(const struct sessp_zone *z, int64_t local);

#endif
