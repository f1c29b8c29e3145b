#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "private.h"

#define RECOUNT (1 << 16)	/* looks between two counts of the memory in use; as many
				 * as there are rows, if that is more */

const char *
sessp_row_key(const struct sessp_row *row)
{
	return (const char *)&row->state[2 * row->nstates];
}

/* Behind the states: the last view or session that a measure has counted. */
uint64_t *
sessp_row_stamp(struct sessp_row *row, size_t measure)
{
	return (uint64_t *)&row->state[row->nstates + measure].n;
}

size_t
sessp_row_types(const struct sess_stats *st, const char *key, size_t len,
    enum sessp_measure_type *types)
{
	struct sessp_key_info info;
	const struct sessp_measure *m;
	size_t n = 0;

	if (!sessp_key_read(st, key, len, &info))
		return 0;
	if (info.tally >= 0) {
		types[0] = SESSP_COUNT;
		return 1;
	}
	for (m = info.report->measures; m->name != NULL && n < SESSP_STATES; m++)
		types[n++] = m->type;
	return n;
}

static struct sessp_row *
row_new(const struct sess_stats *st, const char *key, size_t len)
{
	enum sessp_measure_type types[SESSP_STATES];
	size_t i, n = sessp_row_types(st, key, len, types);
	struct sessp_row *row;

	row = malloc(sizeof(*row) + 2 * n * sizeof(row->state[0]) + len);
	if (row == NULL)
		return NULL;
	row->len = (uint32_t)len;
	row->nstates = (uint32_t)n;
	for (i = 0; i < n; i++) {
		sessp_state_init(types[i], &row->state[i]);
		*sessp_row_stamp(row, i) = 0;
	}
	memcpy(&row->state[2 * n], key, len);
	return row;
}

void
sessp_row_free(const struct sess_stats *st, struct sessp_row *row)
{
	enum sessp_measure_type types[SESSP_STATES];
	size_t i, n;

	if (row == NULL)
		return;
	n = sessp_row_types(st, sessp_row_key(row), row->len, types);
	for (i = 0; i < n; i++)
		sessp_state_release(types[i], &row->state[i]);
	free(row);
}

static size_t
row_bytes(const struct sess_stats *st, const struct sessp_row *row)
{
	enum sessp_measure_type types[SESSP_STATES];
	size_t i, n = sessp_row_types(st, sessp_row_key(row), row->len, types);
	size_t bytes = sizeof(*row) + 2 * n * sizeof(row->state[0]) + row->len + 16;

	for (i = 0; i < n; i++)
		bytes += sessp_state_bytes(types[i], &row->state[i]);
	return bytes;
}

/* -- the hash table */

static int
more_slots(struct sessp_table *t)
{
	size_t i, k, n = t->nslots > 0 ? 2 * t->nslots : 1024;
	struct sessp_row **slots = calloc(n, sizeof(struct sessp_row *));

	if (slots == NULL)
		return -1;
	for (i = 0; i < t->nslots; i++) {
		if (t->slots[i] == NULL)
			continue;
		for (k = t->slots[i]->hash & (n - 1); slots[k] != NULL; k = (k + 1) & (n - 1))
			;
		slots[k] = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->nslots = n;
	return 0;
}

/* Where the row of that key is, or would be; NULL when memory is out. */
static struct sessp_row **
slot_of(struct sessp_table *t, uint64_t hash, const char *key, size_t len)
{
	const struct sessp_row *row;
	size_t i;

	if (t->n * 4 >= t->nslots * 3 && more_slots(t) < 0)
		return NULL;
	for (i = hash & (t->nslots - 1); (row = t->slots[i]) != NULL;
	    i = (i + 1) & (t->nslots - 1))
		if (row->hash == hash && row->len == len &&
		    memcmp(sessp_row_key(row), key, len) == 0)
			break;
	return &t->slots[i];
}

static void
fill_slot(struct sess_stats *st, struct sessp_row **slot, struct sessp_row *row)
{
	st->table.bytes += row_bytes(st, row) + sizeof(*slot);
	st->table.n++;
	*slot = row;
}

struct sessp_row *
sessp_table_get(struct sess_stats *st, const char *key, size_t len)
{
	struct sessp_table *t = &st->table;
	uint64_t hash = XXH3_64bits(key, len);
	struct sessp_row **slot = slot_of(t, hash, key, len), *row;

	t->adds++;
	if (slot == NULL || *slot != NULL)
		return slot != NULL ? *slot : NULL;
	row = row_new(st, key, len);
	if (row == NULL)
		return NULL;
	row->hash = hash;
	fill_slot(st, slot, row);
	return row;
}

static void
empty(struct sess_stats *st)
{
	struct sessp_table *t = &st->table;
	size_t i;

	for (i = 0; i < t->nslots; i++) {
		sessp_row_free(st, t->slots[i]);
		t->slots[i] = NULL;
	}
	t->n = t->bytes = 0;
}

/* -- beyond its memory */

static enum sess_status
spill(struct sess_stats *st, struct sess_err *err)
{
	struct sessp_table *t = &st->table;
	struct sessp_record rec;
	enum sess_status r = SESS_OK;
	struct sessp_row *row;
	size_t i;

	if (t->spilled == NULL)
		r = sessp_sorter_new(&t->spilled, st->o.tmpdir, st->o.memory / 4, err);
	if (r < 0)
		return r;
	for (i = 0; i < t->nslots; i++) {
		if ((row = t->slots[i]) == NULL)
			continue;
		st->scratch.len = 0;
		if (sessp_row_write(st, row, &st->scratch) < 0)
			return sess_err_nomem(err);
		rec = (struct sessp_record){ sessp_row_key(row), st->scratch.data, row->len,
		    st->scratch.len };
		if ((r = sessp_sorter_add(t->spilled, &rec, err)) < 0)
			return r;
	}
	empty(st);
	return SESS_OK;
}

enum sess_status
sessp_table_settle(struct sess_stats *st, struct sess_err *err)
{
	struct sessp_table *t = &st->table;
	size_t i;

	if (t->adds >= RECOUNT && t->adds >= t->n) {
		t->adds = 0;
		for (t->bytes = i = 0; i < t->nslots; i++)
			if (t->slots[i] != NULL)
				t->bytes += row_bytes(st, t->slots[i]) + sizeof(t->slots[i]);
	}
	return t->bytes > st->o.memory / 2 ? spill(st, err) : SESS_OK;
}

/* -- what was counted elsewhere */

static int
merge_row(struct sess_stats *st, struct sessp_row *to, const struct sessp_row *from)
{
	enum sessp_measure_type types[SESSP_STATES];
	size_t i, n = sessp_row_types(st, sessp_row_key(from), from->len, types);

	for (i = 0; i < n; i++)
		if (types[i] != SESSP_TALLY &&	/* they are rows of their own */
		    sessp_state_merge(types[i], &to->state[i], &from->state[i]) < 0)
			return -1;
	return 0;
}

/* Add the row, and have it: it is freed, or st's. */
static int
take_row(struct sess_stats *st, struct sessp_row *row)
{
	struct sessp_row **slot = slot_of(&st->table, row->hash, sessp_row_key(row), row->len);
	int r = 0;

	if (slot != NULL && *slot == NULL) {
		fill_slot(st, slot, row);
		return 0;
	}
	if (slot == NULL || merge_row(st, *slot, row) < 0)
		r = -1;
	sessp_row_free(st, row);
	return r;
}

/* What the other had to spill goes to what st did. */
static enum sess_status
join_spilled(struct sess_stats *st, struct sess_stats *from, struct sess_err *err)
{
	struct sessp_record rec;
	enum sess_status r = spill(st, err);

	while (r >= 0 && (r = sessp_sorter_next(from->table.spilled, &rec, err)) == SESS_OK)
		r = sessp_sorter_add(st->table.spilled, &rec, err);
	return r < 0 ? r : SESS_OK;
}

enum sess_status
sessp_table_join(struct sess_stats *st, struct sess_stats *from, struct sess_err *err)
{
	struct sessp_table *t = &from->table;
	enum sess_status r = SESS_OK;
	struct sessp_row *row;
	size_t i;

	for (i = 0; i < t->nslots && r >= 0; i++) {
		if ((row = t->slots[i]) == NULL)
			continue;
		t->slots[i] = NULL;
		if (take_row(st, row) < 0)
			return sess_err_nomem(err);
		st->table.adds++;
		r = sessp_table_settle(st, err);
	}
	return r >= 0 && t->spilled != NULL ? join_spilled(st, from, err) : r;
}

/* -- reading */

static int
by_key(const void *a, const void *b)
{
	const struct sessp_row *x = *(struct sessp_row *const *)a,
	    *y = *(struct sessp_row *const *)b;
	int c = memcmp(sessp_row_key(x), sessp_row_key(y), x->len < y->len ? x->len : y->len);

	return c != 0 ? c : (x->len > y->len) - (x->len < y->len);
}

static enum sess_status
start(struct sess_stats *st, struct sess_err *err)
{
	struct sessp_table *t = &st->table;
	size_t i, n = 0;

	t->reading = true;
	if (sessp_stand(st) < 0)
		return sess_err_nomem(err);
	if (t->spilled != NULL)
		return spill(st, err);
	t->sorted = malloc((t->n + 1) * sizeof(struct sessp_row *));
	if (t->sorted == NULL)
		return sess_err_nomem(err);
	for (i = 0; i < t->nslots; i++)
		if (t->slots[i] != NULL)
			t->sorted[n++] = t->slots[i];
	qsort(t->sorted, n, sizeof(struct sessp_row *), by_key);
	return SESS_OK;
}

/* The next record of the spill into next_key and next_data. */
static enum sess_status
read_next(struct sessp_table *t, struct sess_err *err)
{
	struct sessp_record rec;
	enum sess_status r = sessp_sorter_next(t->spilled, &rec, err);

	t->has_next = r == SESS_OK;
	if (r != SESS_OK)
		return r < 0 ? r : SESS_OK;
	t->next_key.len = t->next_data.len = 0;
	if (sess_buf_add(&t->next_key, rec.key, rec.klen) < 0 ||
	    sess_buf_add(&t->next_data, rec.data, rec.len) < 0)
		return sess_err_nomem(err);
	return SESS_OK;
}

static enum sess_status
merge_next(const struct sess_stats *st, struct sessp_table *t, struct sessp_row *row,
    struct sess_err *err)
{
	json_t *states = json_loadb(t->next_data.data, t->next_data.len,
	    JSON_ALLOW_NUL, NULL);
	enum sess_status r = states != NULL ? sessp_row_read(st, row, states, err) :
	    sess_err_nomem(err);

	json_decref(states);
	return r < 0 ? r : read_next(t, err);
}

/* All records of one key as one row. */
static enum sess_status
merge(struct sess_stats *st, struct sessp_row **row, struct sess_err *err)
{
	struct sessp_table *t = &st->table;
	enum sess_status r = SESS_OK;

	if (t->next_key.data == NULL)
		r = read_next(t, err);
	if (r < 0 || !t->has_next)
		return r < 0 ? r : SESS_END;
	*row = row_new(st, t->next_key.data, t->next_key.len);
	if (*row == NULL)
		return sess_err_nomem(err);
	do
		r = merge_next(st, t, *row, err);
	while (r >= 0 && t->has_next && t->next_key.len == (*row)->len &&
	    memcmp(t->next_key.data, sessp_row_key(*row), (*row)->len) == 0);
	if (r < 0)
		sessp_row_free(st, *row);
	return r;
}

enum sess_status
sessp_table_next(struct sess_stats *st, struct sessp_row **row, struct sess_err *err)
{
	struct sessp_table *t = &st->table;

	enum sess_status r = t->reading ? SESS_OK : start(st, err);

	if (r < 0)
		return r;
	if (t->spilled != NULL)
		return merge(st, row, err);
	if (t->at == t->n)
		return SESS_END;
	*row = t->sorted[t->at++];
	return SESS_OK;
}

void
sessp_table_release(struct sess_stats *st)
{
	struct sessp_table *t = &st->table;

	for (; t->sorted != NULL && t->at < t->n; t->at++)
		sessp_row_free(st, t->sorted[t->at]);
	if (t->sorted == NULL)
		empty(st);
	free(t->slots);
	free(t->sorted);
	sessp_sorter_free(t->spilled);
	sess_buf_release(&t->next_key);
	sess_buf_release(&t->next_data);
}
