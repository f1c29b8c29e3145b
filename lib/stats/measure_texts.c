#include "measure_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../event/private.h"

/* -- texts are kept as JSON gives them back: U+FFFD for what is no UTF-8 */

static int
mend(struct sess_slice *text, struct sess_buf *out)
{
	if (sessp_utf8_mend(text->p, text->len, out) < 0)
		return -1;
	*text = (struct sess_slice){ out->data, out->len };
	return 0;
}

static int
compare(struct sess_slice a, struct sess_slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int c = len > 0 ? memcmp(a.p, b.p, len) : 0;

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* -- SAMPLES_OF */

struct sample {
	uint64_t hash;
	struct sess_slice text;		/* its bytes are behind the last sample */
};

struct samples {
	size_t n, bytes;
	struct sample e[];
};

static struct samples *
samples_of(const struct sample *e, size_t n)
{
	struct samples *s;
	size_t bytes = sizeof(*s) + n * sizeof(*e);
	char *text;

	for (size_t i = 0; i < n; i++)
		bytes += e[i].text.len;
	if ((s = malloc(bytes)) == NULL)
		return NULL;
	s->n = n;
	s->bytes = bytes;
	text = (char *)&s->e[n];
	for (size_t i = 0; i < n; i++) {
		s->e[i] = e[i];
		s->e[i].text.p = text;
		if (e[i].text.len > 0)
			memcpy(text, e[i].text.p, e[i].text.len);
		text += e[i].text.len;
	}
	return s;
}

static int
by_hash(const struct sample *a, const struct sample *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return compare(a->text, b->text);
}

/* The samples with a further one; text is UTF-8. */
static int
add(void **p, struct sess_slice text)
{
	struct samples *old = *p, *new;
	struct sample e[SESSP_SAMPLES + 1], it = { XXH3_64bits(text.p, text.len), text };
	size_t n = old != NULL ? old->n : 0, i = n;
	int c;

	if (n == SESSP_SAMPLES && it.hash > old->e[n - 1].hash)
		return 0;
	for (; i > 0; i--) {
		if ((c = by_hash(&it, &old->e[i - 1])) == 0)
			return 0;
		if (c > 0)
			break;
		e[i] = old->e[i - 1];
	}
	e[i] = it;
	if (i > 0)
		memcpy(e, old->e, i * sizeof(e[0]));
	if ((new = samples_of(e, n < SESSP_SAMPLES ? n + 1 : SESSP_SAMPLES)) == NULL)
		return -1;
	free(old);
	*p = new;
	return 0;
}

int
sessp_samples_add(void **p, struct sess_slice text)
{
	struct sess_buf mended = { 0 };
	int r;

	if (sessp_utf8_valid(text.p, text.len))
		return add(p, text);
	r = mend(&text, &mended) < 0 ? -1 : add(p, text);
	sess_buf_release(&mended);
	return r;
}

int
sessp_samples_merge(void **p, const void *from)
{
	const struct samples *s = from;

	for (size_t i = 0; s != NULL && i < s->n; i++)
		if (add(p, s->e[i].text) < 0)
			return -1;
	return 0;
}

size_t
sessp_samples_bytes(const void *p)
{
	return p != NULL ? ((const struct samples *)p)->bytes : 0;
}

int
sessp_samples_write(const void *p, struct sess_buf *out)
{
	const struct samples *s = p;

	for (size_t i = 0; i < s->n; i++)
		if (sess_buf_putc(out, i > 0 ? ',' : '[') < 0 ||
		    sessp_json_quote(s->e[i].text.p, s->e[i].text.len, out) < 0)
			return -1;
	return sess_buf_putc(out, ']');
}

enum sess_status
sessp_samples_read(void **p, const json_t *json, struct sess_err *err)
{
	struct sample e[SESSP_SAMPLES];
	size_t n = json_array_size(json);
	const json_t *text;

	if (n == 0 || n > SESSP_SAMPLES)
		return sess_err_set(err, SESS_EFORMAT, 0, "not a list of samples");
	for (size_t i = 0; i < n; i++) {
		text = json_array_get(json, i);
		if (!json_is_string(text))
			return sess_err_set(err, SESS_EFORMAT, 0, "a sample is no text");
		e[i].text = (struct sess_slice){ json_string_value(text), json_string_length(text) };
		e[i].hash = XXH3_64bits(e[i].text.p, e[i].text.len);
		if (i > 0 && by_hash(&e[i - 1], &e[i]) >= 0)
			return sess_err_set(err, SESS_EFORMAT, 0, "samples not in order");
	}
	*p = samples_of(e, n);
	return *p != NULL ? SESS_OK : sess_err_nomem(err);
}

bool
sessp_state_sample(const union sessp_state *s, size_t i, struct sess_slice *text)
{
	const struct samples *samples = s->p;

	if (samples == NULL || i >= samples->n)
		return false;
	*text = samples->e[i].text;
	return true;
}

/* -- FIRST */

struct first {
	int64_t n;
	size_t len;
	char text[];
};

static struct sess_slice
first_text(const struct first *f)
{
	return (struct sess_slice){ f->text, f->len };
}

static int
put(void **p, int64_t n, struct sess_slice text)
{
	struct first *f = malloc(sizeof(*f) + text.len);

	if (f == NULL)
		return -1;
	f->n = n;
	f->len = text.len;
	if (text.len > 0)
		memcpy(f->text, text.p, text.len);
	free(*p);
	*p = f;
	return 0;
}

int
sessp_first_add(void **p, int64_t n, struct sess_slice text)
{
	struct sess_buf mended = { 0 };
	const struct first *f = *p;
	int r = 0;

	if (f != NULL && n > f->n)
		return 0;
	if (!sessp_utf8_valid(text.p, text.len) && mend(&text, &mended) < 0)
		return -1;
	if (f == NULL || n < f->n || compare(text, first_text(f)) < 0)
		r = put(p, n, text);
	sess_buf_release(&mended);
	return r;
}

int
sessp_first_merge(void **p, const void *from)
{
	const struct first *f = from;

	return f != NULL ? sessp_first_add(p, f->n, first_text(f)) : 0;
}

size_t
sessp_first_bytes(const void *p)
{
	return p != NULL ? sizeof(struct first) + ((const struct first *)p)->len : 0;
}

int
sessp_first_write(const void *p, struct sess_buf *out)
{
	const struct first *f = p;

	if (sess_buf_printf(out, "[%" PRId64 ",", f->n) < 0 ||
	    sessp_json_quote(f->text, f->len, out) < 0)
		return -1;
	return sess_buf_putc(out, ']');
}

enum sess_status
sessp_first_read(void **p, const json_t *json, struct sess_err *err)
{
	const json_t *n = json_array_get(json, 0), *text = json_array_get(json, 1);

	if (json_array_size(json) != 2 || !json_is_integer(n) || !json_is_string(text))
		return sess_err_set(err, SESS_EFORMAT, 0, "not a number and its text");
	return put(p, json_integer_value(n),
	    (struct sess_slice){ json_string_value(text), json_string_length(text) }) < 0 ?
	    sess_err_nomem(err) : SESS_OK;
}

bool
sessp_state_first(const union sessp_state *s, struct sess_slice *text)
{
	if (s->p == NULL)
		return false;
	*text = first_text(s->p);
	return true;
}
