/*
 * sql: questions about sessions in SQL.
 *
 *	sess_sql_new(&sql, &err);
 *	while (sess_gather_next(g, &s, &err) == SESS_OK)
 *		sess_sql_add(sql, s, &err);
 *	sess_sql_run(sql, "select user_name, sum(js_errors) from session group by 1",
 *	    put, arg, &err);
 *	sess_sql_free(sql);
 *
 * There is one table, `session`, with the columns of session records
 * (session.h); times are RFC 3339 text.  What can be done is SELECT with pure
 * functions: nothing is written, no file opened.  The table is in an unlinked
 * file of SQLite's once it is large.
 */
#ifndef SESS_SQL_H
#define SESS_SQL_H

#include <stddef.h>

#include "sess/err.h"
#include "sess/session.h"

struct sess_sql;

enum sess_status sess_sql_new(struct sess_sql **sql, struct sess_err *err);
void sess_sql_free(struct sess_sql *sql);

/* Whether the text is a question that can be asked; SESS_EFORMAT says why not. */
enum sess_status sess_sql_check(struct sess_sql *sql, const char *text, struct sess_err *err);

enum sess_status sess_sql_add(struct sess_sql *sql, const struct sess_session *s,
    struct sess_err *err);

/* Each row of the answer as a line of JSON, with its newline; put returns below 0
 * to stop. */
enum sess_status sess_sql_run(struct sess_sql *sql, const char *text,
    int (*put)(void *arg, const char *line, size_t len), void *arg, struct sess_err *err);

#endif
