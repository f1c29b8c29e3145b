/* trail: names of fields, learned from the lines that come by. */
#include <string.h>

#include "private.h"

#define SLOTS (sizeof(((struct sessp_trail *)0)->slot))

static const char *
blanks(const char *p, const char *end)
{
	while (p < end && *p == ' ')
		p++;
	return p;
}

static struct sessp_trail_name *
learn(struct sessp_trail *s, const char *q, const char *value, const struct sessp_field *f)
{
	struct sessp_trail_name *n = &s->name[s->n];
	size_t len = (size_t)(value - q);

	if (s->n == SESSP_TRAIL_MAX)
		return &s->name[0];
	memcpy(n->text, q, len);
	memset(n->mask, 0xff, len);
	n->len = (uint8_t)len;
	n->name_len = (uint8_t)f->name_len;
	n->name_from = (uint8_t)(value - f->name);
	n->number = (uint8_t)s->n++;
	n->next = &s->name[0];
	return n;
}

void
sessp_trail_begin(struct sessp_trail *s)
{
	unsigned i;

	if (s->n == 0) {
		/* Number 0 is like nothing that has a comma, and no value begins so. */
		s->n = 1;
		s->name[0].text[0] = '\x01';
		s->name[0].mask[0] = (char)0xff;
		s->start.next = s->name[0].next = &s->name[0];
	}
	for (i = 0; i < s->n; i++)
		s->name[i].usual = s->name[i].misses = 0;
}

struct sessp_trail_name *
sessp_trail_find(struct sessp_trail *s, const char *q, const char *end, char before,
    const char **value, struct sessp_field *f)
{
	const char *p = blanks(q + 1, end);
	struct sessp_trail_name *n;
	uint64_t head, tail;
	size_t len, i;

	if (q >= end || *q != before || p == end || *p++ != '"')
		return NULL;
	f->name = p;
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
		p++;
	if (end - p < 3 || p[0] != '"' || p[1] != ':')
		return NULL;
	f->name_len = (uint32_t)(p - f->name);
	*value = blanks(p + 2, end);
	len = (size_t)(*value - q);
	if (*value == end)
		return NULL;
	if (len > SESSP_TRAIL_TEXT)
		return &s->name[0];
	sessp_words(f->name, f->name_len, &head, &tail);
	i = sessp_words_hash(head, tail, f->name_len) * 0x9e3779b97f4a7c15u >> 32;
	for (i %= SLOTS; s->slot[i] != 0; i = (i + 1) % SLOTS) {
		n = &s->name[s->slot[i]];
		if (n->len == len && memcmp(n->text, q, len) == 0)
			return n;
	}
	n = learn(s, q, *value, f);
	s->slot[i] = n->number;
	return n;
}
