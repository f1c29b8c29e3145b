#include <stdlib.h>
#include <string.h>

#include "private.h"

static size_t
columns_of(const struct sessp_report *r)
{
	size_t n = 0;

	if (r->of_sessions)
		return sess_ncolumns;
	while (r->columns[n].c.name != NULL)
		n++;
	return n;
}

/* Whether a narrow table of sessions has the column. */
static bool
is_session_detail(const char *name)
{
	static const char *const shown[] = {
		"session_id", "user_id", "user_name", "start", "duration_ms", "page_views",
		"js_errors", "api_calls", "api_failures", "slow_loads", "browser", "device"
	};
	size_t i;

	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (strcmp(shown[i], name) == 0)
			return false;
	return true;
}

/* The column of a session record. */
static struct sess_stats_column
session_column(size_t i)
{
	const struct sess_column *c = &sess_columns[i];
	size_t len = strlen(c->name);
	struct sess_stats_column to = { c->name, c->type,
	    len > 3 && strcmp(c->name + len - 3, "_ms") == 0 ? "ms" : "",
	    is_session_detail(c->name) ? SESS_COL_DETAIL : 0, c->doc };

	if (i == (size_t)sess_column_find("user_ids", 8))
		to.type = SESS_T_OBJ;	/* a JSON array */
	if (i == (size_t)sess_column_find("session_id", 10) ||
	    i == (size_t)sess_column_find("visitor", 7))
		to.flags = SESS_COL_KEY | SESS_COL_SESSION;
	else if (i == (size_t)sess_column_find("start", 5))
		to.flags = SESS_COL_MAIN;
	return to;
}

/* Whether the report has a column of its own that is called so. */
static bool
has_column(const struct sessp_report *r, const char *name)
{
	size_t i;

	if (r->of_sessions)
		return sess_column_find(name, strlen(name)) >= 0;
	for (i = 0; r->columns[i].c.name != NULL; i++)
		if (strcmp(r->columns[i].c.name, name) == 0)
			return true;
	return false;
}

static struct sess_stats_column
dimension_column(const struct sessp_report *r, const struct sessp_dimension *d)
{
	return (struct sess_stats_column){ has_column(r, d->name) ? d->by_name : d->name,
	    d->type, "", SESS_COL_KEY, d->doc != NULL ? d->doc : sess_keys[d->key].doc };
}

static enum sess_status
make(const struct sess_stats *st, const struct sessp_report *r, struct sess_stats_table *t,
    struct sess_err *err)
{
	size_t i, own = columns_of(r);
	struct sess_stats_column *c;

	t->name = r->name;
	t->title = r->title;
	t->doc = r->doc;
	t->ndimensions = st->ndims;
	t->ncolumns = st->ndims + own;
	if (t->ncolumns > SESSP_COLUMNS)
		return sess_err_set(err, SESS_EFORMAT, 0, "too many dimensions for %s", r->name);
	t->columns = c = calloc(t->ncolumns, sizeof(*c));
	if (c == NULL)
		return sess_err_nomem(err);
	for (i = 0; i < st->ndims; i++)
		*c++ = dimension_column(r, st->dims[i]);
	for (i = 0; i < own; i++)
		*c++ = r->of_sessions ? session_column(i) : r->columns[i].c;
	return SESS_OK;
}

/* The column that the rows of table i are in the order of.  true: o.sort names it. */
static bool
order(struct sess_stats *st, size_t i)
{
	struct sess_stats_column *c = (struct sess_stats_column *)st->tables[i].columns;
	size_t k, n = st->tables[i].ncolumns;
	const char *sort = st->o.sort;
	bool descend = sort != NULL && *sort == '-';

	st->ascending[i] = st->reports[i]->ascending;
	for (k = 0; k < n; k++)
		if ((c[k].flags & SESS_COL_MAIN) != 0)
			st->main[i] = k;
	for (k = st->ndims; sort != NULL && k < n; k++)
		if (strcmp(c[k].name, sort + descend) == 0) {
			c[st->main[i]].flags &= ~(unsigned)SESS_COL_MAIN;
			c[k].flags |= SESS_COL_MAIN;
			st->main[i] = k;
			st->ascending[i] = !descend;
			return true;
		}
	return false;
}

enum sess_status
sessp_tables_make(struct sess_stats *st, struct sess_err *err)
{
	bool sorted = st->o.sort == NULL;
	size_t i;

	for (i = 0; i < st->nreports; i++) {
		if (make(st, st->reports[i], &st->tables[i], err) < 0)
			return err->code;
		sorted |= order(st, i);
	}
	return sorted ? SESS_OK : sess_err_set(err, SESS_EFORMAT, 0, "no column %s to sort by",
	    st->o.sort);
}

void
sessp_tables_release(struct sess_stats *st)
{
	size_t i;

	for (i = 0; i < st->nreports; i++)
		free((void *)st->tables[i].columns);
	free(st->tally);
	sess_buf_release(&st->tally_text);
	sess_buf_release(&st->lists);
	sess_buf_release(&st->given_for);
}

const struct sess_stats_table *
sess_stats_table(const struct sess_stats *st, size_t i)
{
	return i < st->nreports ? &st->tables[i] : NULL;
}
