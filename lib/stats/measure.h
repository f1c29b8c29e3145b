/*
 * measure: what a row remembers, one state a measure.
 *
 * States merge in any order and grouping to the same state, and the same state
 * is written as the same bytes.
 *
 *	COUNT	    sum of whole numbers, up to INT64_MAX; those below 0 add nothing
 *	LEAST	    least whole number, MOST the greatest (times)
 *	DISTINCT    how many different hashes: all of them up to SESSP_EXACT_DISTINCT, then
 *		    HyperLogLog with 2^14 registers (standard error 0.81 %)
 *	SKETCH	    percentiles: up to SESSP_EXACT_VALUES different values, then log-linear
 *		    buckets 0.8 % wide at most, so that their middle is within 0.4 %
 *	SAMPLES_OF  SESSP_SAMPLES texts, those of the least XXH3 hashes, each once
 *	FIRST	    the text of the least number (when), of equal ones the least text
 *	TALLY	    is no state: rows of their own (private.h)
 *
 * Whether it is exact or a sketch depends on what it holds alone, never on the
 * order in which it came.
 *
 * The values of a SKETCH are kept in whole millionths (from 2.2e9 on in whole
 * numbers; what is above 9.2e12 counts as that), so a value of 1e-4 or more is within
 * 1 % in any case; one below 0 or not a number adds nothing.  In texts U+FFFD
 * stands for what is no UTF-8.  The hash 0 is taken for 1.
 *
 * A state is one thread's, also for reading: what is read is put in order first.
 */
#ifndef SESSP_MEASURE_H
#define SESSP_MEASURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sess/buf.h"
#include "sess/err.h"
#include "sess/event.h"

#define SESSP_EXACT_DISTINCT 1024
#define SESSP_EXACT_VALUES 256
#define SESSP_SAMPLES 5

enum sessp_measure_type {
	SESSP_COUNT, SESSP_LEAST, SESSP_MOST, SESSP_DISTINCT, SESSP_SKETCH, SESSP_SAMPLES_OF,
	SESSP_FIRST, SESSP_TALLY
};

union sessp_state {	/* zeros and set false: nothing seen */
	int64_t n;	/* COUNT, LEAST, MOST */
	void *p;	/* the others; NULL: nothing seen */
};

/* What is added: of a LEAST, MOST or COUNT n; of DISTINCT a hash; of a SKETCH d
 * with n its weight (n occurrences of that value, > 0); of SAMPLES_OF a text (hashed here);
 * of FIRST a text with n. */
struct sessp_added {
	int64_t n;
	uint64_t hash;
	double d;
	struct sess_slice text;
};

/* LEAST starts as INT64_MAX, MOST as INT64_MIN: not seen. */
void sessp_state_init(enum sessp_measure_type type, union sessp_state *s);
void sessp_state_release(enum sessp_measure_type type, union sessp_state *s);

/* 0, or -1 when memory is out: then *s, or a part of from in *to, is as good as
 * lost, but can be released. */
int sessp_state_add(enum sessp_measure_type type, union sessp_state *s,
    const struct sessp_added *v);
int sessp_state_merge(enum sessp_measure_type type, union sessp_state *to,
    const union sessp_state *from);

/* Bytes allocated for it. */
size_t sessp_state_bytes(enum sessp_measure_type type, const union sessp_state *s);

/*
 * As a JSON value, `null` for nothing seen; 0 or -1:
 *
 *	numbers	    that number
 *	DISTINCT    "base64 of the hashes, ascending, of 8 bytes each, most significant first", or
 *		    {"registers":"12AD3B"}: a letter each, A = 0 ... z = 51, after a number that many
 *	SKETCH	    [value,count,...], or {"buckets":[count,...]}, -n in place of n empty ones
 *	SAMPLES_OF  [text,...] in the order of their hashes
 *	FIRST	    [number,text]
 *
 * And back, into an *s that holds nothing: SESS_EFORMAT for what is no such state
 * (whatever a stranger wrote: counts negative, registers out of range, values not
 * in order, too many of them), SESS_ENOMEM; *s then holds nothing.  Texts can
 * hold NUL: json is loaded with JSON_ALLOW_NUL.
 */
int sessp_state_write(enum sessp_measure_type type, const union sessp_state *s,
    struct sess_buf *out);
enum sess_status sessp_state_read(enum sessp_measure_type type, union sessp_state *s,
    const json_t *json, struct sess_err *err);

/* What it says.  *estimated is set where the number is, else left. */
uint64_t sessp_state_distinct(const union sessp_state *s, bool *estimated);

/* Number of values (their weights), and the q-quantile, q in (0, 1] with up to six
 * decimals: the value of rank ceil(q n), of a bucket its middle.  -1 where there
 * is none. */
uint64_t sessp_state_samples(const union sessp_state *s);
double sessp_state_quantile(const union sessp_state *s, double q);

/* The texts of SAMPLES_OF in the order of their hashes (i from 0; false behind
 * the last), and that of FIRST. */
bool sessp_state_sample(const union sessp_state *s, size_t i, struct sess_slice *text);
bool sessp_state_first(const union sessp_state *s, struct sess_slice *text);

#endif
