#include <stdlib.h>

#include "../query/private.h"
#include "sess/stats.h"

struct sess_check {
	struct sessp_where *where;
	struct sess_column *columns;
};

enum sess_status
sess_check_new(struct sess_check **check, const struct sess_stats_table *t, const char *expr,
    struct sess_err *err)
{
	struct sess_check *c = calloc(1, sizeof(*c));
	enum sess_status r;
	size_t i;

	*check = NULL;
	if (c == NULL)
		return sess_err_nomem(err);
	c->columns = calloc(t->ncolumns, sizeof(*c->columns));
	if (c->columns == NULL) {
		free(c);
		return sess_err_nomem(err);
	}
	for (i = 0; i < t->ncolumns; i++)
		c->columns[i] = (struct sess_column){ t->columns[i].name, t->columns[i].type,
		    t->columns[i].doc };
	r = sessp_where_new(&c->where, t->name, c->columns, t->ncolumns, expr, err);
	if (r < 0)
		sess_check_free(c);
	else
		*check = c;
	return r;
}

static bool
value(const void *row, const struct sess_column *column, size_t i, struct sess_buf *scratch,
    struct sessp_value *v)
{
	const struct sess_cell *c = &((const struct sess_stats_row *)row)->cells[i];

	(void)column, (void)scratch;
	v->text = c->text;
	v->i = c->i;
	v->d = c->d;
	return c->known;
}

enum sess_status
sess_check_row(struct sess_check *c, const struct sess_stats_row *row, bool *holds,
    struct sess_err *err)
{
	return sessp_where_test(c->where, row, value, holds, err);
}

void
sess_check_free(struct sess_check *c)
{
	if (c == NULL)
		return;
	sessp_where_free(c->where);
	free(c->columns);
	free(c);
}
