#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/*
 * Two sorts.  Rows as they come, by report and own key, the base before the rest:
 *
 *	key:	report, key parts, 0 for the base and 1 for others, dimension
 *	data:	struct figures, dimension, name, ids of sessions
 *
 * and what was found worse, by how much: the key is the rank, the data a
 * struct found and its texts.
 */

#define FIGURES 64		/* most columns of a table */

struct figures {
	double n;		/* samples; 0: unknown */
	double v[FIGURES];	/* NAN: unknown, or not to be compared */
};

struct found {
	uint32_t report, column;
	double base, value, change, score, base_n, n;
	uint32_t dim_len, key_len, ids_len;
};

enum { DIMENSION, KEY, METRIC, CHANGE, SAMPLES, BASE_SAMPLES, VALUE, BASE, SCORE, IDS, NCOLUMNS };

static const struct sess_stats_column columns[NCOLUMNS] = {
	[DIMENSION] = { "of", SESS_T_STR, "", SESS_COL_KEY, "value of the dimension" },
	[KEY] = { "what", SESS_T_STR, "", SESS_COL_KEY, "row: page, API, error, ..." },
	[METRIC] = { "metric", SESS_T_STR, "", SESS_COL_KEY, "report.column" },
	[BASE] = { "base", SESS_T_NUM, "", 0, "its value in the base" },
	[VALUE] = { "value", SESS_T_NUM, "", 0, "its value" },
	[CHANGE] = { "change", SESS_T_NUM, "", SESS_COL_SHARE | SESS_COL_WORSE_UP,
	    "how much worse, as a share of the base; of a success rate, of the failures" },
	[BASE_SAMPLES] = { "base_samples", SESS_T_INT, "", 0, "what the base rests on" },
	[SAMPLES] = { "samples", SESS_T_INT, "", 0, "what the value rests on" },
	[SCORE] = { "score", SESS_T_NUM, "", SESS_COL_MAIN | SESS_COL_DETAIL,
	    "ln(ratio) times the root of the fewer samples" },
	[IDS] = { "sample_sessions", SESS_T_OBJ, "", SESS_COL_SESSION | SESS_COL_DETAIL,
	    "sessions of the row" }
};

static const struct sess_stats_table table = {
	"compare", "What got worse", "figures that are worse than in the base", columns,
	NCOLUMNS, 0
};

struct sess_compare {
	struct sess_slice base;		/* borrowed */
	struct sessp_sorter *rows, *found;
	const struct sess_stats_table *tables[32];
	unsigned ntables;
	bool ended, has_base;
	struct sess_buf key, data, base_key, base_data;
	struct sess_cell cells[NCOLUMNS];
	struct sess_stats_row row;
};

enum sess_status
sess_compare_new(struct sess_compare **compare, const char *base,
    const struct sess_stats_opts *o, struct sess_err *err)
{
	struct sess_compare *c = calloc(1, sizeof(*c));
	const char *tmpdir = o->tmpdir != NULL ? o->tmpdir : "/var/tmp";
	enum sess_status r;

	*compare = NULL;
	if (c == NULL)
		return sess_err_nomem(err);
	c->base = (struct sess_slice){ base, strlen(base) };
	r = sessp_sorter_new(&c->rows, tmpdir, o->memory / 4, err);
	if (r >= 0)
		r = sessp_sorter_new(&c->found, tmpdir, o->memory / 4, err);
	if (r < 0)
		sess_compare_free(c);
	else
		*compare = c;
	return r;
}

void
sess_compare_free(struct sess_compare *c)
{
	if (c == NULL)
		return;
	sessp_sorter_free(c->rows);
	sessp_sorter_free(c->found);
	sess_buf_release(&c->key);
	sess_buf_release(&c->data);
	sess_buf_release(&c->base_key);
	sess_buf_release(&c->base_data);
	free(c);
}

const struct sess_stats_table *
sess_compare_table(void)
{
	return &table;
}

/* -- rows in */

static void
take_figures(const struct sess_stats_table *t, const struct sess_cell *cells, struct figures *f)
{
	const unsigned worse = SESS_COL_WORSE_UP | SESS_COL_WORSE_DOWN;
	size_t i;

	f->n = 0;
	for (i = 0; i < FIGURES; i++)
		f->v[i] = NAN;
	for (i = 0; i < t->ncolumns && i < FIGURES; i++) {
		/* counts depend on how much there was of all; details say the same again */
		if (t->columns[i].type == SESS_T_NUM && (t->columns[i].flags & worse) != 0 &&
		    (t->columns[i].flags & SESS_COL_DETAIL) == 0 && cells[i].known)
			f->v[i] = cells[i].d;
		if ((t->columns[i].flags & SESS_COL_SAMPLES) != 0 && cells[i].known)
			f->n = (double)cells[i].i;
	}
}

/* The keys of a row but its dimension, as one text. */
static int
put_name(struct sess_buf *out, const struct sess_stats_table *t, const struct sess_cell *cells)
{
	size_t i, at = out->len;

	for (i = t->ndimensions; i < t->ncolumns; i++)
		if ((t->columns[i].flags & SESS_COL_KEY) != 0 && cells[i].known &&
		    (t->columns[i].flags & SESS_COL_DETAIL) == 0 &&
		    (sess_buf_puts(out, out->len > at ? " " : "") < 0 ||
		    sess_buf_add(out, cells[i].text.p, cells[i].text.len) < 0))
			return -1;
	return 0;
}

/* A text with its length before it. */
static int
put_text(struct sess_buf *out, const char *p, size_t len)
{
	uint32_t n = (uint32_t)len;

	return sess_buf_add(out, &n, sizeof(n)) < 0 || sess_buf_add(out, p, len) < 0 ? -1 : 0;
}

static struct sess_slice
get_text(const char **p)
{
	struct sess_slice s;
	uint32_t n;

	memcpy(&n, *p, sizeof(n));
	s = (struct sess_slice){ *p + sizeof(n), n };
	*p = s.p + n;
	return s;
}

static int
put_key(struct sess_compare *c, const struct sess_stats_table *t, const struct sess_cell *cells,
    struct sess_slice dim, bool base)
{
	size_t i;

	c->key.len = 0;
	if (sess_buf_putc(&c->key, (char)(c->ntables - 1)) < 0)
		return -1;
	for (i = 1; i < t->ncolumns; i++)
		if ((t->columns[i].flags & SESS_COL_KEY) != 0 && sessp_key_part(&c->key,
		    cells[i].text.p, cells[i].known ? cells[i].text.len : 0) < 0)
			return -1;
	return sess_buf_putc(&c->key, !base) < 0 || sessp_key_part(&c->key, dim.p, dim.len) < 0 ?
	    -1 : 0;
}

static int
put_data(struct sess_compare *c, const struct sess_stats_table *t, const struct sess_cell *cells,
    struct sess_slice dim)
{
	struct sess_slice ids = { "", 0 };
	struct sess_buf name = { 0 };
	struct figures f;
	size_t i;
	int r;

	for (i = 0; i < t->ncolumns && ids.len == 0; i++)
		if ((t->columns[i].flags & SESS_COL_SESSION) != 0 && cells[i].known)
			ids = cells[i].text;
	take_figures(t, cells, &f);
	c->data.len = 0;
	r = put_name(&name, t, cells) < 0 || sess_buf_add(&c->data, &f, sizeof(f)) < 0 ||
	    put_text(&c->data, dim.p, dim.len) < 0 ||
	    put_text(&c->data, name.data, name.len) < 0 ||
	    put_text(&c->data, ids.p, ids.len) < 0 ? -1 : 0;
	sess_buf_release(&name);
	return r;
}

enum sess_status
sess_compare_add(struct sess_compare *c, const struct sess_stats_table *t,
    const struct sess_stats_row *row, struct sess_err *err)
{
	struct sess_slice dim = row->cells[0].known ? row->cells[0].text :
	    (struct sess_slice){ "", 0 };
	bool base = dim.len == c->base.len && memcmp(dim.p, c->base.p, dim.len) == 0;
	struct sessp_record rec;

	if (c->ntables == 0 || c->tables[c->ntables - 1] != t)
		c->tables[c->ntables++] = t;
	if (put_key(c, t, row->cells, dim, base) < 0 || put_data(c, t, row->cells, dim) < 0)
		return sess_err_nomem(err);
	c->has_base |= base;
	rec = (struct sessp_record){ c->key.data, c->data.data, c->key.len, c->data.len };
	return sessp_sorter_add(c->rows, &rec, err);
}

/* -- what is worse */

/*
 * How much worse a figure is, as a ratio: of a rate by what is bad of it, with
 * half an occurrence added on both sides so that none at all can be compared.
 * Milliseconds have ten added: 1 or 3 are the same to anybody.
 */
static double
ratio(const struct sess_stats_column *col, double base, double base_n, double value, double n)
{
	bool down = (col->flags & SESS_COL_WORSE_DOWN) != 0;
	double least = strcmp(col->unit, "ms") == 0 ? 10 : 0.01;

	if ((col->flags & SESS_COL_SHARE) == 0)
		return down ? (base + least) / (value + least) : (value + least) / (base + least);
	if (down) {
		base = 1 - base;
		value = 1 - value;
	}
	return (value * n + 0.5) / (n + 1) / ((base * base_n + 0.5) / (base_n + 1));
}

static enum sess_status
put_found(struct sess_compare *c, struct found *f, struct sess_slice dim, struct sess_slice name,
    struct sess_slice ids, struct sess_err *err)
{
	struct sessp_record rec;
	struct sess_buf key = { 0 }, data = { 0 };
	unsigned char rank[8];
	enum sess_status r;
	uint64_t u;
	int i;

	memcpy(&u, &f->score, sizeof(u));	/* above 0: sorts as it is */
	for (i = 0; i < 8; i++)
		rank[i] = (unsigned char)(~u >> (56 - 8 * i));
	f->dim_len = (uint32_t)dim.len;
	f->key_len = (uint32_t)name.len;
	f->ids_len = (uint32_t)ids.len;
	if (sess_buf_add(&key, rank, sizeof(rank)) < 0 ||
	    sess_buf_add(&key, c->key.data, c->key.len) < 0 ||
	    sess_buf_putc(&key, (char)f->column) < 0 || sess_buf_add(&data, f, sizeof(*f)) < 0 ||
	    sess_buf_add(&data, dim.p, dim.len) < 0 || sess_buf_add(&data, name.p, name.len) < 0 ||
	    sess_buf_add(&data, ids.p, ids.len) < 0) {
		r = sess_err_nomem(err);
	} else {
		rec = (struct sessp_record){ key.data, data.data, key.len, data.len };
		r = sessp_sorter_add(c->found, &rec, err);
	}
	sess_buf_release(&key);
	sess_buf_release(&data);
	return r;
}

/* A row against the base of its key. */
static enum sess_status
hold_against(struct sess_compare *c, const struct sessp_record *rec, struct sess_err *err)
{
	const struct sess_stats_table *t = c->tables[(unsigned char)rec->key[0]];
	const char *p = rec->data + sizeof(struct figures);
	struct sess_slice dim = get_text(&p), name = get_text(&p), ids = get_text(&p);
	struct figures base, row;
	enum sess_status r = SESS_OK;
	struct found f = { .report = (unsigned char)rec->key[0] };
	double by;

	memcpy(&base, c->base_data.data, sizeof(base));
	memcpy(&row, rec->data, sizeof(row));
	for (; f.column < t->ncolumns && f.column < FIGURES && r >= 0; f.column++) {
		if (isnan(base.v[f.column]) || isnan(row.v[f.column]))
			continue;
		by = ratio(&t->columns[f.column], base.v[f.column], base.n, row.v[f.column], row.n);
		f.score = log(by) * sqrt(base.n < row.n ? base.n : row.n);
		if (!(f.score > 0) || !isfinite(f.score))
			continue;
		f.base = base.v[f.column];
		f.value = row.v[f.column];
		f.change = by - 1;
		f.base_n = base.n;
		f.n = row.n;
		r = put_found(c, &f, dim, name, ids, err);
	}
	return r;
}

/* Bytes of a row's key that tell report and key parts. */
static size_t
own_len(const struct sess_compare *c, const struct sessp_record *rec)
{
	const struct sess_stats_table *t = c->tables[(unsigned char)rec->key[0]];
	const char *p = rec->key + 1;
	size_t i;

	for (i = 1; i < t->ncolumns; i++)
		if ((t->columns[i].flags & SESS_COL_KEY) != 0)
			p = (const char *)memchr(p, 0, (size_t)(rec->key + rec->klen - p)) + 1;
	return (size_t)(p - rec->key);
}

static enum sess_status
compare(struct sess_compare *c, struct sess_err *err)
{
	struct sessp_record rec;
	enum sess_status r;
	size_t len;

	while ((r = sessp_sorter_next(c->rows, &rec, err)) == SESS_OK) {
		len = own_len(c, &rec);
		c->key.len = 0;
		if (sess_buf_add(&c->key, rec.key, rec.klen) < 0)
			return sess_err_nomem(err);
		if (rec.key[len] == 0) {
			c->base_key.len = c->base_data.len = 0;
			if (sess_buf_add(&c->base_key, rec.key, len) < 0 ||
			    sess_buf_add(&c->base_data, rec.data, rec.len) < 0)
				return sess_err_nomem(err);
		} else if (c->base_key.len == len && memcmp(c->base_key.data, rec.key, len) == 0 &&
		    (r = hold_against(c, &rec, err)) < 0)
			return r;
	}
	return r < 0 ? r : SESS_OK;
}

/* -- rows out */

static void
set_text(struct sess_cell *c, const char *p, size_t len)
{
	c->known = len > 0;
	c->text = (struct sess_slice){ p, len };
}

enum sess_status
sess_compare_next(struct sess_compare *c, const struct sess_stats_row **row,
    struct sess_err *err)
{
	const struct sess_stats_table *t;
	struct sessp_record rec;
	enum sess_status r = c->ended ? SESS_OK : compare(c, err);
	struct found f;
	const char *p;

	c->ended = true;
	if (r < 0 || (r = sessp_sorter_next(c->found, &rec, err)) != SESS_OK)
		return r;
	memcpy(&f, rec.data, sizeof(f));
	p = rec.data + sizeof(f);
	t = c->tables[f.report];
	memset(c->cells, 0, sizeof(c->cells));
	set_text(&c->cells[DIMENSION], p, f.dim_len);
	set_text(&c->cells[KEY], p + f.dim_len, f.key_len);
	c->data.len = 0;
	if (sess_buf_printf(&c->data, "%s.%s", t->name, t->columns[f.column].name) < 0)
		return sess_err_nomem(err);
	set_text(&c->cells[METRIC], c->data.data, c->data.len);
	set_text(&c->cells[IDS], p + f.dim_len + f.key_len, f.ids_len);
	c->cells[BASE] = (struct sess_cell){ .known = true, .d = f.base };
	c->cells[VALUE] = (struct sess_cell){ .known = true, .d = f.value };
	c->cells[CHANGE] = (struct sess_cell){ .known = true, .d = f.change };
	c->cells[SCORE] = (struct sess_cell){ .known = true, .d = f.score };
	c->cells[BASE_SAMPLES] = (struct sess_cell){ .known = true, .i = (int64_t)f.base_n };
	c->cells[SAMPLES] = (struct sess_cell){ .known = true, .i = (int64_t)f.n };
	c->row = (struct sess_stats_row){ .cells = c->cells };
	*row = &c->row;
	return SESS_OK;
}

bool
sess_compare_has_base(const struct sess_compare *c)
{
	return c->has_base;
}
