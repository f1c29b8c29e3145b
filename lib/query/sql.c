#include "sess/sql.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "../event/private.h"
#include "private.h"
#include "sess/when.h"

struct sess_sql {
	sqlite3 *db;
	sqlite3_stmt *insert;
	bool asking;			/* the text is somebody's, and so restricted */
	struct sess_buf scratch, line;
};

/* What a SELECT may use, beside operators. */
static const char *const functions[] = {
	"abs", "avg", "ceil", "ceiling", "char", "coalesce", "count", "cume_dist", "date",
	"datetime", "dense_rank", "first_value", "floor", "glob", "group_concat", "hex", "iif",
	"ifnull", "instr", "json_array_length", "json_each", "json_extract", "julianday", "lag",
	"last_value", "lead", "length", "like", "lower", "ltrim", "max", "min", "nth_value",
	"ntile", "nullif", "percent_rank", "printf", "rank", "replace", "round", "row_number",
	"rtrim", "sign", "strftime", "substr", "substring", "sum", "time", "total", "trim",
	"typeof", "unicode", "unixepoch", "upper"
};

static int
authorize(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
	const struct sess_sql *sql = arg;
	size_t i;

	(void)c, (void)d;
	if (!sql->asking)
		return SQLITE_OK;
	if (action == SQLITE_SELECT)
		return SQLITE_OK;
	if (action == SQLITE_READ)
		return a != NULL && (strcmp(a, "session") == 0 || strcmp(a, "json_each") == 0) ?
		    SQLITE_OK : SQLITE_DENY;
	if (action != SQLITE_FUNCTION)
		return SQLITE_DENY;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (sqlite3_stricmp(functions[i], b) == 0)
			return SQLITE_OK;
	return SQLITE_DENY;
}

static enum sess_status
failed(const struct sess_sql *sql, int rc, struct sess_err *err)
{
	if (rc == SQLITE_NOMEM)
		return sess_err_nomem(err);
	return sess_err_set(err, SESS_EFORMAT, 0, "%s",
	    sql->db != NULL ? sqlite3_errmsg(sql->db) : sqlite3_errstr(rc));
}

/* create table session (...), and the statement that fills it. */
static enum sess_status
make_table(struct sess_sql *sql, struct sess_err *err)
{
	struct sess_buf make = { 0 }, insert = { 0 };
	int r = sess_buf_puts(&make, "create table session (") |
	    sess_buf_puts(&insert, "insert into session values ("), rc = SQLITE_NOMEM;
	size_t i;

	for (i = 0; i < sess_ncolumns && r == 0; i++)
		r = sess_buf_printf(&make, "%s\"%s\"", i > 0 ? ", " : "", sess_columns[i].name) |
		    sess_buf_puts(&insert, i > 0 ? ", ?" : "?");
	if (r == 0)
		r = sess_buf_add(&make, ")", 2) | sess_buf_add(&insert, ")", 2);
	if (r == 0 && (rc = sqlite3_exec(sql->db, make.data, NULL, NULL, NULL)) == SQLITE_OK)
		rc = sqlite3_prepare_v2(sql->db, insert.data, -1, &sql->insert, NULL);
	/* json_each declares its columns when it is first met, which those who ask
	 * aren't allowed to */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(sql->db, "select 1 from json_each('[]'); begin", NULL, NULL, NULL);
	sess_buf_release(&make);
	sess_buf_release(&insert);
	return rc == SQLITE_OK ? SESS_OK : failed(sql, rc, err);
}

enum sess_status
sess_sql_new(struct sess_sql **sqlp, struct sess_err *err)
{
	struct sess_sql *sql = calloc(1, sizeof(*sql));
	enum sess_status st;
	int rc;

	*sqlp = NULL;
	if (sql == NULL)
		return sess_err_nomem(err);
	/* no name: a file of its own, gone when it is closed */
	rc = sqlite3_open_v2("", &sql->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
	    SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		st = failed(sql, rc, err);
	} else {
		(void)sqlite3_limit(sql->db, SQLITE_LIMIT_ATTACHED, 0);
		(void)sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
		(void)sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		(void)sqlite3_db_config(sql->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		(void)sqlite3_set_authorizer(sql->db, authorize, sql);
		st = make_table(sql, err);
	}
	if (st < 0) {
		sess_sql_free(sql);
		return st;
	}
	*sqlp = sql;
	return SESS_OK;
}

void
sess_sql_free(struct sess_sql *sql)
{
	if (sql == NULL)
		return;
	sqlite3_finalize(sql->insert);
	sqlite3_close(sql->db);
	sess_buf_release(&sql->scratch);
	sess_buf_release(&sql->line);
	free(sql);
}

static int
bind(struct sess_sql *sql, int at, const struct sess_session *s, size_t column)
{
	char when[SESS_WHEN_LEN];
	struct sess_slice text;
	int64_t number;

	sql->scratch.len = 0;
	if (!sess_session_value(s, column, &text, &number, &sql->scratch))
		return sqlite3_bind_null(sql->insert, at);
	if (sess_columns[column].type == SESS_T_STR || sess_columns[column].type == SESS_T_OBJ)
		return sqlite3_bind_text64(sql->insert, at, text.p, text.len, SQLITE_TRANSIENT,
		    SQLITE_UTF8);
	if (sess_columns[column].type != SESS_T_TIME)
		return sqlite3_bind_int64(sql->insert, at, number);
	sess_when_format(number, when);
	return sqlite3_bind_text64(sql->insert, at, when, sizeof(when), SQLITE_TRANSIENT,
	    SQLITE_UTF8);
}

enum sess_status
sess_sql_add(struct sess_sql *sql, const struct sess_session *s, struct sess_err *err)
{
	int rc = SQLITE_OK;
	size_t i;

	for (i = 0; i < sess_ncolumns && rc == SQLITE_OK; i++)
		rc = bind(sql, (int)i + 1, s, i);
	if (rc == SQLITE_OK && (rc = sqlite3_step(sql->insert)) == SQLITE_DONE)
		rc = SQLITE_OK;
	(void)sqlite3_reset(sql->insert);
	return rc == SQLITE_OK ? SESS_OK : failed(sql, rc, err);
}

/* -- asking */

static enum sess_status
prepare(struct sess_sql *sql, const char *text, sqlite3_stmt **stmt, struct sess_err *err)
{
	const char *rest;
	int rc;

	*stmt = NULL;
	sql->asking = true;
	rc = sqlite3_prepare_v2(sql->db, text, -1, stmt, &rest);
	sql->asking = false;
	if (rc != SQLITE_OK)
		return failed(sql, rc, err);
	if (*stmt == NULL || rest[strspn(rest, " \t\n;")] != '\0' ||
	    !sqlite3_stmt_readonly(*stmt) || sqlite3_stmt_isexplain(*stmt) ||
	    sqlite3_column_count(*stmt) == 0) {
		sqlite3_finalize(*stmt);
		*stmt = NULL;
		return sess_err_set(err, SESS_EFORMAT, 0, "it is not one SELECT");
	}
	return SESS_OK;
}

enum sess_status
sess_sql_check(struct sess_sql *sql, const char *text, struct sess_err *err)
{
	sqlite3_stmt *stmt;
	enum sess_status st = prepare(sql, text, &stmt, err);

	sqlite3_finalize(stmt);
	return st;
}

static int
put_value(struct sess_buf *out, sqlite3_stmt *stmt, int i)
{
	double d;

	switch (sqlite3_column_type(stmt, i)) {
	case SQLITE_NULL:
		return sess_buf_puts(out, "null");
	case SQLITE_INTEGER:
		return sess_buf_printf(out, "%lld", (long long)sqlite3_column_int64(stmt, i));
	case SQLITE_FLOAT:
		d = sqlite3_column_double(stmt, i);
		return isfinite(d) ? sess_buf_printf(out, "%.15g", d) : sess_buf_puts(out, "null");
	default:
		return sessp_json_quote((const char *)sqlite3_column_text(stmt, i),
		    (size_t)sqlite3_column_bytes(stmt, i), out);
	}
}

static int
make_line(struct sess_sql *sql, sqlite3_stmt *stmt)
{
	struct sess_buf *out = &sql->line;
	const char *name;
	int i, r = 0;

	out->len = 0;
	for (i = 0; i < sqlite3_column_count(stmt) && r == 0; i++) {
		if ((name = sqlite3_column_name(stmt, i)) == NULL)
			return -1;
		r = sess_buf_putc(out, i > 0 ? ',' : '{');
		if (r == 0 && (r = sessp_json_quote(name, strlen(name), out)) == 0 &&
		    (r = sess_buf_putc(out, ':')) == 0)
			r = put_value(out, stmt, i);
	}
	return r == 0 ? sess_buf_puts(out, "}\n") : r;
}

enum sess_status
sess_sql_run(struct sess_sql *sql, const char *text,
    int (*put)(void *arg, const char *line, size_t len), void *arg, struct sess_err *err)
{
	sqlite3_stmt *stmt;
	enum sess_status st = prepare(sql, text, &stmt, err);
	int rc;

	if (st < 0)
		return st;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && st == SESS_OK) {
		if (make_line(sql, stmt) < 0)
			st = sess_err_nomem(err);
		else if (put(arg, sql->line.data, sql->line.len) < 0)
			break;
	}
	if (st == SESS_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
		st = failed(sql, rc, err);
	sqlite3_finalize(stmt);
	return st;
}
