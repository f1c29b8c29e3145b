/* Packed events in memory: digests, and each of their strings once. */
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define TABLE_MIN	256
#define POOL_SMALL	15	/* bits: chunks of 32 KiB */
#define POOL_LARGE	18
#define AHEAD		8	/* tuples whose memory is asked for in advance */

int
sessp_more_room(void *array, size_t *cap, size_t n, size_t size)
{
	size_t want = *cap > 0 ? 2 * *cap : 64;
	void *p;

	if (n < *cap)
		return 0;
	memcpy(&p, array, sizeof(p));	/* whatever it points to */
	if (want > SIZE_MAX / 2 / size || (p = realloc(p, want * size)) == NULL)
		return -1;
	memcpy(array, &p, sizeof(p));
	*cap = want;
	return 0;
}

/* -- pool */

/* len bytes, aligned to 8; NULL when memory is out.  What is larger than a
 * chunk has several in a row. */
static void *
pool_get(struct sessp_pool *pl, size_t len, uint32_t *ref)
{
	size_t size = (size_t)1 << pl->bits, parts, i, start;
	char *p;

	if (len > SIZE_MAX / 2)
		return NULL;
	len = (len + 7) & ~(size_t)7;
	if (pl->n == 0 || size - pl->used < len) {
		/* Ref 0 is none: the first chunk begins with 8 idle bytes. */
		start = pl->n == 0 ? 8 : 0;
		parts = (len + start + size - 1) >> pl->bits;
		if ((uint64_t)(pl->n + parts) << pl->bits >> 3 > UINT32_MAX)
			return NULL;
		for (i = 0; i < parts; i++)
			if (sessp_more_room(&pl->chunks, &pl->cap, pl->n + i,
			    sizeof(*pl->chunks)) < 0)
				return NULL;
		if ((p = malloc(parts << pl->bits)) == NULL)
			return NULL;
		for (i = 0; i < parts; i++)
			pl->chunks[pl->n++] = (struct sessp_pool_chunk){
			    p + (i << pl->bits), i == 0 };
		pl->bytes += parts << pl->bits;
		/* used counts from the last part's beginning; what is before it
		 * is taken by what is allocated now. */
		*ref = (uint32_t)(((uint64_t)(pl->n - parts) << pl->bits | start) >> 3);
		pl->used = start + len - ((parts - 1) << pl->bits);
		return p + start;
	}
	p = pl->chunks[pl->n - 1].p + pl->used;
	*ref = (uint32_t)(((uint64_t)(pl->n - 1) << pl->bits | pl->used) >> 3);
	pl->used += len;
	return p;
}

/* Free what was taken since there were n chunks, and used of the last. */
static void
pool_rewind(struct sessp_pool *pl, size_t n, size_t used)
{
	while (pl->n > n) {
		if (pl->chunks[--pl->n].owned)
			free(pl->chunks[pl->n].p);
		pl->bytes -= (size_t)1 << pl->bits;
	}
	pl->used = used;
}

static void
pool_release(struct sessp_pool *pl)
{
	while (pl->n > 0)
		if (pl->chunks[--pl->n].owned)
			free(pl->chunks[pl->n].p);
	free(pl->chunks);
	*pl = (struct sessp_pool){ .bits = pl->bits };
}

/* -- tables */

/* Make room for one more. */
static int
table_room(struct sessp_table *t)
{
	size_t size, i, j;
	struct sessp_slot *slots;

	if (t->used < t->size - t->size / 4)
		return 0;
	size = t->size > 0 ? 2 * t->size : TABLE_MIN;
	if (size > (size_t)1 << 31 || (slots = calloc(size, sizeof(*slots))) == NULL)
		return -1;
	for (i = 0; i < t->size; i++) {
		if (t->slots[i].ref == 0)
			continue;
		for (j = t->slots[i].hash & (size - 1); slots[j].ref != 0; )
			j = (j + 1) & (size - 1);
		slots[j] = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->size = size;
	return 0;
}

static void
table_reset(struct sessp_table *t)
{
	if (t->size > TABLE_MIN) {	/* clearing it should not cost more than using it */
		free(t->slots);
		t->slots = NULL;
		t->size = 0;
	} else if (t->used > 0)
		memset(t->slots, 0, t->size * sizeof(*t->slots));
	t->used = 0;
}

/* The group of a who tuple that wasn't there before. */
static int
group_find(struct sessp_store *st, uint32_t who, struct sessp_entry *e)
{
	size_t len = sessp_tuple_key(e->bytes), i;
	uint32_t hash = sessp_hash(e->bytes + 1, len);
	struct sessp_slot *s;
	const struct sessp_entry *other;

	if (table_room(&st->keys) < 0)
		return -1;
	for (i = hash & (st->keys.size - 1); ; i = (i + 1) & (st->keys.size - 1)) {
		s = &st->keys.slots[i];
		if (s->ref == 0)
			break;
		if (s->hash != hash)
			continue;
		/* Keys are prefix-free, so that one length is enough. */
		other = sessp_store_tuple(st, st->groups[s->ref - 1].who);
		if (other->len > len && memcmp(other->bytes + 1, e->bytes + 1, len) == 0) {
			e->group = s->ref - 1;
			return 0;
		}
	}
	if (st->ngroups >= UINT32_MAX - 1 || sessp_more_room(&st->groups,
	    &st->groups_cap, st->ngroups, sizeof(*st->groups)) < 0)
		return -1;
	e->group = (uint32_t)st->ngroups;
	st->groups[st->ngroups++] = (struct sessp_group){ .who = who };
	*s = (struct sessp_slot){ hash, (uint32_t)st->ngroups };
	st->keys.used++;
	return 0;
}

static int
intern(struct sessp_store *st, struct sessp_defs *d)
{
	struct sessp_table *t = &st->tuples;
	struct sessp_slot *s;
	struct sessp_entry *e;
	size_t i;

	if (table_room(t) < 0)
		return -1;
	for (i = d->hash & (t->size - 1); ; i = (i + 1) & (t->size - 1)) {
		s = &t->slots[i];
		if (s->ref == 0)
			break;
		if (s->hash != d->hash)
			continue;
		e = sessp_store_bytes(st, s->ref);
		if (e->len == d->len && memcmp(e->bytes, d->p, d->len) == 0) {
			d->ref = s->ref;
			if (d->p[0] == SESSP_WHO)
				__builtin_prefetch(&st->groups[e->group], 1);
			return 0;
		}
	}
	if ((e = pool_get(&st->pool, sizeof(*e) + d->len, &d->ref)) == NULL)
		return -1;
	e->len = d->len;
	e->group = 0;
	memcpy(e->bytes, d->p, d->len);
	if (d->p[0] == SESSP_WHO && group_find(st, d->ref, e) < 0)
		return -1;
	*s = (struct sessp_slot){ d->hash, d->ref };
	t->used++;
	return 0;
}

/* -- adding */

static void
ahead_slot(const struct sessp_store *st, const struct sessp_defs *d)
{
	if (st->tuples.size > 0)
		__builtin_prefetch(&st->tuples.slots[d->hash & (st->tuples.size - 1)]);
}

static void
ahead_entry(const struct sessp_store *st, const struct sessp_defs *d)
{
	const struct sessp_table *t = &st->tuples;
	const struct sessp_slot *s;
	const char *e;
	size_t i;

	if (t->size == 0)
		return;
	for (i = d->hash & (t->size - 1); ; i = (i + 1) & (t->size - 1)) {
		s = &t->slots[i];
		if (s->ref == 0)
			return;
		if (s->hash == d->hash)
			break;
	}
	for (e = sessp_store_bytes(st, s->ref), i = 0; i < sizeof(struct sessp_entry) + d->len;
	    i += 64)
		__builtin_prefetch(e + i);
}

/* Find the tuples of the buffer and learn their refs.  All at a time: their
 * places in memory are far apart, and asked for before they are needed. */
static int
learn(struct sessp_store *st, const char *p, const char *end)
{
	struct sessp_packed_tuple head;
	struct sessp_digest d;
	size_t i;

	st->ndefs = 0;
	while (p < end) {
		if (*p++ == SESSP_EVENT) {
			memcpy(&d, p, sizeof(d));
			p += sizeof(d) + d.view + d.more;
			continue;
		}
		memcpy(&head, p, sizeof(head));
		p += sizeof(head);
		if (sessp_more_room(&st->defs, &st->defs_cap, st->ndefs,
		    sizeof(*st->defs)) < 0)
			return -1;
		st->defs[st->ndefs++] = (struct sessp_defs){ p, head.len, head.hash, 0 };
		p += head.len;
	}
	for (i = 0; i < st->ndefs; i++) {
		if (i + 2 * AHEAD < st->ndefs)
			ahead_slot(st, &st->defs[i + 2 * AHEAD]);
		if (i + AHEAD < st->ndefs)
			ahead_entry(st, &st->defs[i + AHEAD]);
		if (intern(st, &st->defs[i]) < 0)
			return -1;
	}
	return 0;
}

/* Copy the more, unless it says nothing once the line is gone. */
static int
keep_more(struct sessp_store *st, const char *p, uint32_t len, uint32_t *ref)
{
	struct sessp_more m, *to;

	if (!st->drop_lines) {
		if ((to = pool_get(&st->pool, len, ref)) == NULL)
			return -1;
		memcpy(to, p, len);
		return 0;
	}
	if ((to = pool_get(&st->pool, sizeof(m), ref)) == NULL)
		return -1;
	memcpy(&m, p, SESSP_MORE_SIZE);
	m.line_len = 0;
	memcpy(to, &m, SESSP_MORE_SIZE);
	return 0;
}

/* An empty block, with room for so many unless there is a spare one. */
static struct sessp_block *
block_new(struct sessp_store *st, uint32_t cap, uint32_t *ref)
{
	struct sessp_block *b;

	if ((*ref = st->spare) != 0) {
		b = sessp_store_block(st, *ref);
		st->spare = b->next;
	} else {
		b = pool_get(&st->pool, sizeof(*b) + cap * sizeof(b->d[0]), ref);
		if (b == NULL)
			return NULL;
		b->cap = cap;
	}
	b->next = 0;
	return b;
}

/* Room for one more digest of the group. */
static struct sessp_digest *
digest_new(struct sessp_store *st, struct sessp_group *g)
{
	struct sessp_block *b;
	uint32_t ref, cap;

	if (g->last != 0 && g->fill < g->cap) {
		b = sessp_store_block(st, g->last);
	} else {
		cap = g->last == 0 ? SESSP_BLOCK_MIN :
		    g->cap < SESSP_BLOCK_MAX ? 2 * g->cap : SESSP_BLOCK_MAX;
		if (g->n == UINT32_MAX || (b = block_new(st, cap, &ref)) == NULL)
			return NULL;
		if (g->last == 0)
			g->first = ref;
		else
			sessp_store_block(st, g->last)->next = ref;
		g->last = ref;
		g->fill = 0;
		g->cap = (uint16_t)b->cap;
	}
	g->n++;
	st->n++;
	return &b->d[g->fill++];
}

/* Where the events of the buffer will go, asked for in advance. */
static void
ahead_blocks(const struct sessp_store *st)
{
	const struct sessp_group *g;
	const struct sessp_digest *d;
	size_t i;

	for (i = 0; i < st->ndefs; i++) {
		if (st->defs[i].p[0] != SESSP_WHO)
			continue;
		g = &st->groups[sessp_store_tuple(st, st->defs[i].ref)->group];
		if (g->view != 0)
			__builtin_prefetch(sessp_store_tuple(st, g->view));
		if (g->last == 0 || g->fill == g->cap)
			continue;
		d = &sessp_store_block(st, g->last)->d[g->fill];
		__builtin_prefetch(d, 1);
		__builtin_prefetch((const char *)(d + 1) - 1, 1);
	}
}

/* The tuple of a view: that of the event before it in the group, as a rule. */
static int
view_find(struct sessp_store *st, struct sessp_group *g, const char *p, uint32_t len)
{
	const struct sessp_entry *e;
	struct sessp_defs d = { .p = p, .len = len };

	if (g->view != 0) {
		e = sessp_store_tuple(st, g->view);
		if (e->len == len && memcmp(e->bytes, p, len) == 0)
			return 0;
	}
	d.hash = sessp_hash(p, len);
	if (intern(st, &d) < 0)
		return -1;
	g->view = d.ref;
	return 0;
}

enum sess_status
sessp_store_add(struct sessp_store *st, const char *p, size_t len, struct sess_err *err)
{
	const char *end = p + len;
	struct sessp_packed_tuple head;
	struct sessp_digest d, *to;
	struct sessp_group *g;
	uint32_t view, more;

	if (learn(st, p, end) < 0)
		return sess_err_nomem(err);
	ahead_blocks(st);
	while (p < end) {
		if (*p++ == SESSP_TUPLE) {
			memcpy(&head, p, sizeof(head));
			p += sizeof(head) + head.len;
			continue;
		}
		memcpy(&d, p, sizeof(d));
		p += sizeof(d);
		view = d.view;
		more = d.more;
		d.who = st->defs[d.who - 1].ref;
		d.env = d.env > 0 ? st->defs[d.env - 1].ref : 0;
		d.place = d.place > 0 ? st->defs[d.place - 1].ref : 0;
		st->last = sessp_store_tuple(st, d.who)->group;
		g = &st->groups[st->last];
		if (view > 0) {
			if (view_find(st, g, p, view) < 0)
				return sess_err_nomem(err);
			d.view = g->view;
			p += view;
		}
		if ((to = digest_new(st, g)) == NULL)
			return sess_err_nomem(err);
		st->mark = st->pool.n;
		st->mark_used = st->pool.used;
		if (more > 0 && keep_more(st, p, more, &d.more) < 0)
			return sess_err_nomem(err);
		p += more;
		*to = d;
		g->touched = true;
	}
	return SESS_OK;
}

const struct sessp_more *
sessp_store_more(const struct sessp_store *st, const struct sessp_digest *d)
{
	static const struct sessp_more plain = { .ms = -1, .times = 1 };

	return d->more != 0 ? sessp_store_bytes(st, d->more) : &plain;
}

int
sessp_store_pack(const struct sessp_store *st, const struct sessp_digest *d,
    struct sess_buf *out)
{
	struct sessp_digest packed = *d;
	uint32_t *refs[] = { &packed.who, &packed.env, &packed.place };
	uint32_t number = 0;
	const struct sessp_more *m = sessp_store_more(st, d);
	struct sessp_packed_tuple head;
	const struct sessp_entry *e;
	size_t i;

	for (i = 0; i < sizeof(refs) / sizeof(refs[0]); i++) {
		if (*refs[i] == 0)
			continue;
		e = sessp_store_tuple(st, *refs[i]);
		head = (struct sessp_packed_tuple){ e->len, sessp_hash(e->bytes, e->len) };
		if (sess_buf_putc(out, SESSP_TUPLE) < 0 ||
		    sess_buf_add(out, &head, sizeof(head)) < 0 ||
		    sess_buf_add(out, e->bytes, e->len) < 0)
			return -1;
		*refs[i] = ++number;
	}
	e = d->view != 0 ? sessp_store_tuple(st, d->view) : NULL;
	packed.view = e != NULL ? e->len : 0;
	packed.more = d->more != 0 ? (uint32_t)SESSP_MORE_SIZE + m->line_len : 0;
	if (sess_buf_putc(out, SESSP_EVENT) < 0 ||
	    sess_buf_add(out, &packed, sizeof(packed)) < 0 ||
	    (e != NULL && sess_buf_add(out, e->bytes, e->len) < 0))
		return -1;
	return packed.more > 0 ? sess_buf_add(out, m, packed.more) : 0;
}

/* -- life */

void
sessp_store_init(struct sessp_store *st, uint64_t memory)
{
	*st = (struct sessp_store){ 0 };
	st->pool.bits = memory < 64u << 20 ? POOL_SMALL : POOL_LARGE;
}

uint64_t
sessp_store_size(const struct sessp_store *st)
{
	return st->pool.bytes +
	    (st->tuples.size + st->keys.size) * sizeof(struct sessp_slot) +
	    st->groups_cap * sizeof(struct sessp_group) +
	    st->ngroups * sizeof(struct sessp_piece);
}

struct sessp_digest *
sessp_store_last(const struct sessp_store *st)
{
	const struct sessp_group *g = &st->groups[st->last];

	return &sessp_store_block(st, g->last)->d[g->fill - 1];
}

void
sessp_store_pop(struct sessp_store *st, bool rewind)
{
	struct sessp_group *g = &st->groups[st->last];

	st->n--;
	g->n--;
	g->fill--;		/* an empty block stays the last */
	if (rewind)
		pool_rewind(&st->pool, st->mark, st->mark_used);
}

void
sessp_store_give_back(struct sessp_store *st, uint32_t first)
{
	struct sessp_block *b;
	uint32_t next;

	for (; first != 0; first = next) {
		b = sessp_store_block(st, first);
		next = b->next;
		b->next = st->spare;
		st->spare = first;
	}
}

void
sessp_store_reset(struct sessp_store *st)
{
	st->n = 0;
	st->spare = 0;
	st->ngroups = 0;
	if (st->groups_cap > TABLE_MIN) {
		free(st->groups);
		st->groups = NULL;
		st->groups_cap = 0;
	}
	table_reset(&st->tuples);
	table_reset(&st->keys);
	/* One chunk stays, unless it is the first part of a large one. */
	if (st->pool.n > 1 && !st->pool.chunks[1].owned)
		pool_rewind(&st->pool, 0, 0);
	else if (st->pool.n > 0)
		pool_rewind(&st->pool, 1, 8);
}

void
sessp_store_release(struct sessp_store *st)
{
	free(st->groups);
	free(st->tuples.slots);
	free(st->keys.slots);
	free(st->defs);
	pool_release(&st->pool);
	*st = (struct sessp_store){ .pool = st->pool };
}
