#include "private.h"

#include <ctype.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "sess/when.h"

/*
 * The expression is prepared once, as
 *
 *	SELECT (expr) FROM (SELECT CAST(?1 AS TEXT) AS a, ...) AS session
 *
 * on an empty database in memory; for a row only the columns it names are
 * bound.  The casts give the columns what a table's would have, an affinity:
 * user_id = 1001 compares texts, js_errors > '2' numbers.  SQLite is given nothing else: no tables, no second SELECT, and only
 * functions that are pure and whose cost is bounded by the length of a text.
 */

#define MAX_EXPR (64 << 10)
#define MAX_TEXT (64 << 10)	/* instr() may take the square of it */
#define MAX_DEPTH 200
#define MAX_STEPS 1000		/* in thousands of SQLite's own */
#define SELECTS 2		/* the outer and the inner one above */

struct sessp_where {
	sqlite3 *db;
	sqlite3_stmt *stmt;
	const struct sess_column *columns;
	size_t ncolumns;
	bool *used;			/* by the expression, maybe */
	unsigned selects, steps;
	struct sess_buf scratch;
};

static const char *const functions[] = {
	"abs", "ceil", "ceiling", "char", "coalesce", "floor", "glob", "hex", "iif",
	"ifnull", "instr", "json_array_length", "length", "like", "lower", "ltrim",
	"max", "min", "nullif", "replace", "round", "rtrim", "sign", "substr",
	"substring", "trim", "typeof", "unicode", "upper"
};

static int
authorize(void *arg, int action, const char *a, const char *b, const char *c,
    const char *d)
{
	struct sessp_where *w = arg;
	size_t i;

	(void)a;
	(void)c;
	(void)d;
	if (action == SQLITE_SELECT)
		return ++w->selects <= SELECTS ? SQLITE_OK : SQLITE_DENY;
	if (action != SQLITE_FUNCTION)
		return SQLITE_DENY;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (sqlite3_stricmp(functions[i], b) == 0)
			return SQLITE_OK;
	return SQLITE_DENY;
}

static int
too_long(void *arg)
{
	struct sessp_where *w = arg;

	return ++w->steps > MAX_STEPS;
}

static void
note_column(struct sessp_where *w, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < w->ncolumns; i++)
		if (strlen(w->columns[i].name) == len &&
		    sqlite3_strnicmp(w->columns[i].name, name, (int)len) == 0)
			w->used[i] = true;
}

static bool
is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Behind the text or name in quotes at p, or NULL where it isn't closed. */
static const char *
skip_quoted(struct sessp_where *w, const char *p)
{
	char close = *p == '[' ? ']' : *p;
	const char *q = strchr(p + 1, close);

	if (q == NULL)
		return NULL;
	if (*p != '\'')
		note_column(w, p + 1, (size_t)(q - p) - 1);
	return q + 1;		/* a doubled quote begins the next one */
}

/*
 * Read the expression as SQLite will: it must stay inside the parentheses that
 * it is put in, and hold nothing but values and operators.  Notes the columns
 * it may use.  Returns what is wrong with it, or NULL.
 */
static const char *
check_text(struct sessp_where *w, const char *p)
{
	const char *q;
	int depth = 0;

	for (q = p; *p != '\0'; p = q) {
		q = p + 1;
		if (is_name(*p)) {
			while (is_name(*q))
				q++;
			note_column(w, p, (size_t)(q - p));
		} else if (strchr("'\"`[", *p) != NULL) {
			q = skip_quoted(w, p);
			if (q == NULL)
				return "a quote is not closed";
		} else if ((*p == '-' && *q == '-') || (*p == '/' && *q == '*')) {
			return "comments are not allowed";
		} else if (strchr(";?:@$#", *p) != NULL) {
			return "only values and operators are allowed";
		} else if (*p == '(') {
			depth++;
		} else if (*p == ')' && --depth < 0) {
			return "a parenthesis is not opened";
		}
	}
	return depth > 0 ? "a parenthesis is not closed" : NULL;
}

/* What is wrong with the expression, in words for one who has not seen what is
 * put around it. */
static enum sess_status
mistake(const char *text, struct sess_err *err)
{
	static const char function[] = "not authorized to use function: ";

	if (strncmp(text, function, sizeof(function) - 1) == 0)
		return sess_err_set(err, SESS_EFORMAT, 0, "no such function: %s",
		    text + sizeof(function) - 1);
	if (strcmp(text, "near \")\": syntax error") == 0)
		text = "syntax error at a ')' or at the end";
	return sess_err_set(err, SESS_EFORMAT, 0, "%s", text);
}

static enum sess_status
sqlite_error(struct sessp_where *w, int rc, struct sess_err *err)
{
	if (rc == SQLITE_NOMEM)
		return sess_err_nomem(err);
	if (rc == SQLITE_INTERRUPT)
		return sess_err_set(err, SESS_ELIMIT, 0, "the expression takes too many steps");
	if (rc == SQLITE_TOOBIG)
		return sess_err_set(err, SESS_ELIMIT, 0,
		    "a text is longer than %d KiB", MAX_TEXT >> 10);
	if (rc == SQLITE_AUTH && w->selects > SELECTS)
		return sess_err_set(err, SESS_EFORMAT, 0, "no SELECT in an expression");
	return mistake(w->db != NULL ? sqlite3_errmsg(w->db) : sqlite3_errstr(rc), err);
}

/* An empty database that can do little. */
static int
open_database(struct sessp_where *w)
{
	static const struct { int id, value; } limits[] = {
		{ SQLITE_LIMIT_EXPR_DEPTH, MAX_DEPTH },
		{ SQLITE_LIMIT_ATTACHED, 0 },
		{ SQLITE_LIMIT_COMPOUND_SELECT, 1 },
		{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1024 },
		{ SQLITE_LIMIT_TRIGGER_DEPTH, 0 },
		{ SQLITE_LIMIT_WORKER_THREADS, 0 },
		{ SQLITE_LIMIT_VDBE_OP, 100000 },
	};
	size_t i;
	int rc;

	rc = sqlite3_open_v2(":memory:", &w->db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return rc;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		(void)sqlite3_limit(w->db, limits[i].id, limits[i].value);
	/* "colunm" is a mistake, not a text */
	(void)sqlite3_db_config(w->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(w->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(w->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return SQLITE_OK;
}

static const char *
affinity(enum sess_type type)
{
	switch (type) {
	case SESS_T_INT:
	case SESS_T_BOOL:
		return "INTEGER";
	case SESS_T_NUM:
		return "REAL";
	default:
		return "TEXT";
	}
}

/* The statement's text.  0 or -1 (memory). */
static int
make_sql(const struct sessp_where *w, const char *table, const char *expr,
    struct sess_buf *sql)
{
	size_t i;

	if (sess_buf_printf(sql, "SELECT (%s\n) FROM (SELECT ", expr) < 0)
		return -1;
	for (i = 0; i < w->ncolumns; i++)
		if (sess_buf_printf(sql, "%sCAST(?%zu AS %s) AS \"%s\"", i > 0 ? ", " : "",
		    i + 1, affinity(w->columns[i].type), w->columns[i].name) < 0)
			return -1;
	return sess_buf_printf(sql, ") AS \"%s\"", table);
}

static enum sess_status
prepare(struct sessp_where *w, const char *table, const char *expr, struct sess_err *err)
{
	struct sess_buf sql = { 0 };
	int rc;

	if (make_sql(w, table, expr, &sql) < 0) {
		sess_buf_release(&sql);
		return sess_err_nomem(err);
	}
	(void)sqlite3_set_authorizer(w->db, authorize, w);
	rc = sqlite3_prepare_v3(w->db, sql.data, (int)sql.len, SQLITE_PREPARE_PERSISTENT,
	    &w->stmt, NULL);
	sess_buf_release(&sql);
	if (rc != SQLITE_OK)
		return sqlite_error(w, rc, err);
	if (sqlite3_column_count(w->stmt) != 1 || !sqlite3_stmt_readonly(w->stmt))
		return sess_err_set(err, SESS_EFORMAT, 0, "it is not one expression");
	sqlite3_progress_handler(w->db, 1000, too_long, w);
	/* from here on, so that a long expression may have a long text itself */
	(void)sqlite3_limit(w->db, SQLITE_LIMIT_LENGTH, MAX_TEXT);
	return SESS_OK;
}

enum sess_status
sessp_where_new(struct sessp_where **where, const char *table,
    const struct sess_column *columns, size_t ncolumns, const char *expr,
    struct sess_err *err)
{
	struct sessp_where *w;
	enum sess_status st;
	const char *wrong;
	int rc;

	*where = NULL;
	if (strlen(expr) > MAX_EXPR)
		return sess_err_set(err, SESS_EFORMAT, 0, "it is longer than %d KiB",
		    MAX_EXPR >> 10);
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return sess_err_nomem(err);
	w->columns = columns;
	w->ncolumns = ncolumns;
	w->used = calloc(ncolumns + 1, sizeof(*w->used));
	if (w->used == NULL)
		st = sess_err_nomem(err);
	else if ((wrong = check_text(w, expr)) != NULL)
		st = sess_err_set(err, SESS_EFORMAT, 0, "%s", wrong);
	else if ((rc = open_database(w)) != SQLITE_OK)
		st = sqlite_error(w, rc, err);
	else
		st = prepare(w, table, expr, err);
	if (st < 0) {
		sessp_where_free(w);
		return st;
	}
	*where = w;
	return SESS_OK;
}

void
sessp_where_free(struct sessp_where *w)
{
	if (w == NULL)
		return;
	sqlite3_finalize(w->stmt);
	sqlite3_close(w->db);
	sess_buf_release(&w->scratch);
	free(w->used);
	free(w);
}

static int
bind(struct sessp_where *w, int n, const struct sess_column *c, const struct sessp_value *v)
{
	char when[SESS_WHEN_LEN];

	switch (c->type) {
	case SESS_T_INT:
	case SESS_T_BOOL:
		return sqlite3_bind_int64(w->stmt, n, v->i);
	case SESS_T_NUM:
		return sqlite3_bind_double(w->stmt, n, v->d);
	case SESS_T_TIME:
		sess_when_format(v->i, when);
		return sqlite3_bind_text64(w->stmt, n, when, sizeof(when),
		    SQLITE_TRANSIENT, SQLITE_UTF8);
	default:
		return sqlite3_bind_text64(w->stmt, n, v->text.p, v->text.len,
		    SQLITE_TRANSIENT, SQLITE_UTF8);
	}
}

enum sess_status
sessp_where_test(struct sessp_where *w, const void *row, sessp_value_fn *value,
    bool *is_true, struct sess_err *err)
{
	struct sessp_value v = { { "", 0 }, 0, 0 };
	enum sess_status st = SESS_OK;
	size_t i;
	int rc = SQLITE_OK;

	*is_true = false;
	w->steps = 0;
	for (i = 0; i < w->ncolumns && rc == SQLITE_OK; i++) {
		if (!w->used[i])
			continue;
		w->scratch.len = 0;
		if (value(row, &w->columns[i], i, &w->scratch, &v))
			rc = bind(w, (int)i + 1, &w->columns[i], &v);
		else
			rc = sqlite3_bind_null(w->stmt, (int)i + 1);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_step(w->stmt);
	if (rc == SQLITE_ROW)
		*is_true = sqlite3_column_double(w->stmt, 0) != 0;
	else
		st = sqlite_error(w, rc, err);
	(void)sqlite3_reset(w->stmt);
	return st;
}
