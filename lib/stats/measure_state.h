/*
 * measure_state: the states behind pointers, and what their files share.
 *
 *	measure_keys.c	    the set of numbers that both DISTINCT and SKETCH begin as
 *	measure_distinct.c  DISTINCT
 *	measure_sketch.c    SKETCH
 *	measure_texts.c	    SAMPLES_OF, FIRST
 *
 * A function that adds takes the state's pointer by reference: states move when
 * they grow.  One that fails (memory) leaves a state that can be released.
 */
#ifndef SESSP_MEASURE_STATE_H
#define SESSP_MEASURE_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure.h"

/*
 * keys: a hash table of numbers above 0, each with a count where width is 2.
 * A NULL is an empty one.
 */
struct sessp_keys {
	bool many;		/* false: that it is this, not what it grows into */
	bool sorted;		/* the keys are at the front, ascending */
	unsigned char width;	/* words a slot */
	unsigned char shift;	/* 64 - log2(cap) */
	uint32_t n, cap;
	uint64_t slot[];	/* cap slots; key 0: free */
};

/* What DISTINCT and SKETCH grow into begins as struct sessp_keys does. */
static inline bool
sessp_is_many(const void *state)
{
	return state != NULL && *(const bool *)state;
}

/* The slot of key, or the free one where it would be.  k is not NULL. */
static inline uint64_t *
sessp_keys_find(struct sessp_keys *k, unsigned width, uint64_t key)
{
	size_t i = (size_t)(key * 0x9e3779b97f4a7c15u >> k->shift);
	uint64_t *slot = &k->slot[i * width];

	while (*slot != key && *slot != 0) {
		i = (i + 1) & (k->cap - 1);
		slot = &k->slot[i * width];
	}
	return slot;
}

/* Insert a key that is not there; its slot, or NULL when memory is out.  *p is
 * the keys, they move.  At most SESSP_KEYS_MOST words are ever in use. */
#define SESSP_KEYS_MOST 1024
uint64_t *sessp_keys_insert(void **p, unsigned width, uint64_t key);

/* Sort them, for reading; back to a table, before anything is looked up. */
void sessp_keys_sort(struct sessp_keys *k);
void sessp_keys_unsort(struct sessp_keys *k);

size_t sessp_keys_bytes(const struct sessp_keys *k);

/* Of two counts, at most INT64_MAX. */
static inline int64_t
sessp_sum(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int sessp_distinct_add(void **p, uint64_t hash);
int sessp_distinct_merge(void **p, const void *from);
size_t sessp_distinct_bytes(const void *p);
int sessp_distinct_write(void *p, struct sess_buf *out);
enum sess_status sessp_distinct_read(void **p, const json_t *json, struct sess_err *err);

int sessp_sketch_add(void **p, double d, int64_t n);
int sessp_sketch_merge(void **p, const void *from);
void sessp_sketch_release(void *p);
size_t sessp_sketch_bytes(const void *p);
int sessp_sketch_write(void *p, struct sess_buf *out);
enum sess_status sessp_sketch_read(void **p, const json_t *json, struct sess_err *err);

int sessp_samples_add(void **p, struct sess_slice text);
int sessp_samples_merge(void **p, const void *from);
size_t sessp_samples_bytes(const void *p);
int sessp_samples_write(const void *p, struct sess_buf *out);
enum sess_status sessp_samples_read(void **p, const json_t *json, struct sess_err *err);

int sessp_first_add(void **p, int64_t n, struct sess_slice text);
int sessp_first_merge(void **p, const void *from);
size_t sessp_first_bytes(const void *p);
int sessp_first_write(const void *p, struct sess_buf *out);
enum sess_status sessp_first_read(void **p, const json_t *json, struct sess_err *err);

#endif
