#include "measure.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "measure_state.h"

/* What a number is while nothing was seen. */
static int64_t
unseen(enum sessp_measure_type type)
{
	return type == SESSP_LEAST ? INT64_MAX : type == SESSP_MOST ? INT64_MIN : 0;
}

static bool
is_number(enum sessp_measure_type type)
{
	return type == SESSP_COUNT || type == SESSP_LEAST || type == SESSP_MOST;
}

void
sessp_state_init(enum sessp_measure_type type, union sessp_state *s)
{
	if (is_number(type))
		s->n = unseen(type);
	else
		s->p = NULL;
}

void
sessp_state_release(enum sessp_measure_type type, union sessp_state *s)
{
	if (type == SESSP_SKETCH)
		sessp_sketch_release(s->p);
	else if (!is_number(type))
		free(s->p);
	sessp_state_init(type, s);
}

static void
add_number(enum sessp_measure_type type, union sessp_state *s, int64_t n)
{
	if (type == SESSP_COUNT)
		s->n = n > 0 ? sessp_sum(s->n, n) : s->n;
	else if (type == SESSP_LEAST ? n < s->n : n > s->n)
		s->n = n;
}

int
sessp_state_add(enum sessp_measure_type type, union sessp_state *s,
    const struct sessp_added *v)
{
	switch (type) {
	case SESSP_COUNT:
	case SESSP_LEAST:
	case SESSP_MOST:
		add_number(type, s, v->n);
		return 0;
	case SESSP_DISTINCT:
		return sessp_distinct_add(&s->p, v->hash);
	case SESSP_SKETCH:
		return sessp_sketch_add(&s->p, v->d, v->n);
	case SESSP_SAMPLES_OF:
		return sessp_samples_add(&s->p, v->text);
	case SESSP_FIRST:
		return sessp_first_add(&s->p, v->n, v->text);
	case SESSP_TALLY:
		break;
	}
	assert(!"a tally is no state");
	return -1;
}

int
sessp_state_merge(enum sessp_measure_type type, union sessp_state *to,
    const union sessp_state *from)
{
	switch (type) {
	case SESSP_COUNT:
	case SESSP_LEAST:
	case SESSP_MOST:
		add_number(type, to, from->n);
		return 0;
	case SESSP_DISTINCT:
		return sessp_distinct_merge(&to->p, from->p);
	case SESSP_SKETCH:
		return sessp_sketch_merge(&to->p, from->p);
	case SESSP_SAMPLES_OF:
		return sessp_samples_merge(&to->p, from->p);
	case SESSP_FIRST:
		return sessp_first_merge(&to->p, from->p);
	case SESSP_TALLY:
		break;
	}
	assert(!"a tally is no state");
	return -1;
}

size_t
sessp_state_bytes(enum sessp_measure_type type, const union sessp_state *s)
{
	switch (type) {
	case SESSP_DISTINCT:
		return sessp_distinct_bytes(s->p);
	case SESSP_SKETCH:
		return sessp_sketch_bytes(s->p);
	case SESSP_SAMPLES_OF:
		return sessp_samples_bytes(s->p);
	case SESSP_FIRST:
		return sessp_first_bytes(s->p);
	default:
		return 0;
	}
}

int
sessp_state_write(enum sessp_measure_type type, const union sessp_state *s,
    struct sess_buf *out)
{
	if (is_number(type) ? s->n == unseen(type) : s->p == NULL)
		return sess_buf_puts(out, "null");
	switch (type) {
	case SESSP_DISTINCT:
		return sessp_distinct_write(s->p, out);
	case SESSP_SKETCH:
		return sessp_sketch_write(s->p, out);
	case SESSP_SAMPLES_OF:
		return sessp_samples_write(s->p, out);
	case SESSP_FIRST:
		return sessp_first_write(s->p, out);
	default:
		return sess_buf_printf(out, "%" PRId64, s->n);
	}
}

static enum sess_status
read_number(enum sessp_measure_type type, union sessp_state *s, const json_t *json,
    struct sess_err *err)
{
	json_int_t n = json_integer_value(json);

	if (!json_is_integer(json) || (type == SESSP_COUNT && n < 0))
		return sess_err_set(err, SESS_EFORMAT, 0,
		    type == SESSP_COUNT ? "not a count" : "not a whole number");
	s->n = n;
	return SESS_OK;
}

static enum sess_status
read_state(enum sessp_measure_type type, union sessp_state *s, const json_t *json,
    struct sess_err *err)
{
	switch (type) {
	case SESSP_DISTINCT:
		return sessp_distinct_read(&s->p, json, err);
	case SESSP_SKETCH:
		return sessp_sketch_read(&s->p, json, err);
	case SESSP_SAMPLES_OF:
		return sessp_samples_read(&s->p, json, err);
	case SESSP_FIRST:
		return sessp_first_read(&s->p, json, err);
	default:
		return read_number(type, s, json, err);
	}
}

enum sess_status
sessp_state_read(enum sessp_measure_type type, union sessp_state *s, const json_t *json,
    struct sess_err *err)
{
	enum sess_status st;

	sessp_state_init(type, s);
	if (json_is_null(json))
		return SESS_OK;
	if ((st = read_state(type, s, json, err)) < 0)
		sessp_state_release(type, s);
	return st;
}
