/*
 * query: conditions, and the small matchers they are made of.
 */
#ifndef SESSP_QUERY_H
#define SESSP_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sess/buf.h"
#include "sess/err.h"
#include "sess/query.h"
#include "sess/session.h"

/* -- glob.c: shell patterns */

/* Whether the pattern is plain text: it matches itself and nothing else. */
bool sessp_glob_plain(const char *pattern);

/* -- cidr.c: blocks of addresses */

/* A block of IPv6 addresses; IPv4 ones are the mapped ones (::ffff:a.b.c.d). */
struct sessp_cidr {
	unsigned char addr[16];
	unsigned bits;			/* 0 to 128 */
};

/* An address or ADDRESS/BITS, whole text.  0 or -1. */
int sessp_cidr_parse(struct sessp_cidr *c, const char *p, size_t len);

/* Whether the address addr (16 bytes as above) is in the block. */
bool sessp_cidr_has(const struct sessp_cidr *c, const unsigned char addr[16]);

/* -- regex.c: PCRE2 within limits */

/* Texts longer than this are not searched to their end: the time of a search
 * may grow with the square of the length. */
#define SESSP_TEXT_MAX ((size_t)64 << 10)	/* of an event */
#define SESSP_PATH_MAX ((size_t)1 << 20)	/* of a session's pages */

struct sessp_regex;
struct sessp_matcher;			/* a thread's memory for matching */

/* Compile a pattern for UTF-8 text; SESS_EFORMAT where it is none. */
enum sess_status sessp_regex_new(struct sessp_regex **re, const char *pattern,
    struct sess_err *err);
void sessp_regex_free(struct sessp_regex *re);

enum sess_status sessp_matcher_new(struct sessp_matcher **m, struct sess_err *err);
void sessp_matcher_free(struct sessp_matcher *m);

/* Whether re is found in p.  A pattern that is a plain text is, wherever it
 * stands; for others only the first max bytes are searched: where it is not in
 * them and there is more, or a search takes too many steps, SESS_ELIMIT. */
enum sess_status sessp_regex_find(const struct sessp_regex *re, struct sessp_matcher *m,
    const char *p, size_t len, size_t max, bool *found, struct sess_err *err);

/* -- where.c: SQL expressions over one record's columns */

struct sessp_where;

/* A column's value, the member that its type says: TIME (ms), INT and BOOL
 * are i, NUM is d, all others text. */
struct sessp_value {
	struct sess_slice text;
	int64_t i;
	double d;
};

/* Get the value of a column of row; false where it is unknown (NULL).  Text is
 * borrowed until the next call.  scratch is the evaluator's, empty. */
typedef bool sessp_value_fn(const void *row, const struct sess_column *column,
    size_t index, struct sess_buf *scratch, struct sessp_value *v);

/*
 * Compile an expression over columns, which are the columns of `table` and are
 * borrowed for its life.  SESS_EFORMAT says what is wrong with it.  Times are
 * RFC 3339 text, as in records, so that they compare as text.
 */
enum sess_status sessp_where_new(struct sessp_where **w, const char *table,
    const struct sess_column *columns, size_t ncolumns, const char *expr,
    struct sess_err *err);
void sessp_where_free(struct sessp_where *w);

/* Whether the expression is true (not 0, not NULL) for a row.  SESS_ELIMIT where
 * it takes too many steps or makes too long a text. */
enum sess_status sessp_where_test(struct sessp_where *w, const void *row,
    sessp_value_fn *value, bool *is_true, struct sess_err *err);

/* -- ids.c: sessions asked for by id */

struct sessp_id {
	size_t off, len;		/* in text */
	size_t key_len;			/* of it: what it is found by */
};

struct sessp_ids {
	struct sess_buf text;		/* each with a NUL behind it */
	struct sessp_id *v;
	size_t n, cap;
	size_t *slots;			/* hash table of indices + 1 */
	size_t nslots;			/* a power of 2 */
};

/* Add an id as it was given, KEY or KEY.T: it is found by either reading of it.
 * 0 or -1 (memory). */
int sessp_ids_add(struct sessp_ids *ids, const char *id, size_t len);

/* Make the table, after the last was added.  0 or -1 (memory). */
int sessp_ids_seal(struct sessp_ids *ids);

/* Whether events of this session id or visitor may be asked for. */
bool sessp_ids_wants(const struct sessp_ids *ids, struct sess_slice key);

/* Whether the session is asked for. */
bool sessp_ids_has(const struct sessp_ids *ids, const struct sess_session *s);

void sessp_ids_release(struct sessp_ids *ids);

/* -- query.c, match.c */

/* How a condition is decided. */
enum sessp_how {
	HOW_FIELD,	/* pattern of one key, on any event */
	HOW_IP,		/* address, on any event */
	HOW_PAGE,	/* pattern of the page, on the event the others ask for */
	HOW_API,	/* all of these on one api event: by pattern ... */
	HOW_EXACT,	/* ... by text */
	HOW_STATUS, HOW_FAILED, HOW_SLOW_API,
	HOW_ERROR, HOW_HAS_ERROR,
	HOW_SLOW_LOAD,
	HOW_SESSION, HOW_WHERE, HOW_PATH	/* of the whole session */
};

/* X(ID, "option", argument (0 no, 1 yes, 2 optional), how, key, fold case,
 * "what a session that meets it has") */
#define SESSP_CONDITIONS(X) \
X(USER,        "user",            1, FIELD,  USER_ID,   false, "had that user id") \
X(USER_NAME,   "user-name",       1, FIELD,  USER_NAME, false, "had that user name") \
X(BROWSER,     "browser",         1, FIELD,  BROWSER,   true,  "had that browser") \
X(BROWSER_VERSION, "browser-version", 1, FIELD, BROWSER_VERSION, false, "had that browser version") \
X(OS,          "os",              1, FIELD,  OS,        true,  "had that OS") \
X(DEVICE,      "device",          1, FIELD,  DEVICE,    true,  "had that device") \
X(NETWORK,     "network",         1, FIELD,  NETWORK,   true,  "had that network") \
X(COUNTRY,     "country",         1, FIELD,  COUNTRY,   true,  "were from that country") \
X(REGION,      "region",          1, FIELD,  REGION,    true,  "were from that region") \
X(CITY,        "city",            1, FIELD,  CITY,      true,  "were from that city") \
X(RELEASE,     "release",         1, FIELD,  RELEASE,   false, "had that release") \
X(ENVIRONMENT, "environment",     1, FIELD,  ENVIRONMENT, false, "had that environment") \
X(APP,         "app",             1, FIELD,  APP_ID,    false, "were of that app") \
X(IP,          "ip",              1, IP,     IP,        false, "had such an address") \
X(PAGE,        "page",            1, PAGE,   PAGE,      false, "had that page") \
X(API,         "api",             1, API,    API,       false, "had such an API call") \
X(STATUS,      "status",          1, STATUS, STATUS,    false, "had such an API call") \
X(TRACE_ID,    "trace-id",        1, EXACT,  TRACE_ID,  false, "had such an API call") \
X(API_FAILED,  "api-failed",      0, FAILED, OK,        false, "had such an API call") \
X(SLOW_API,    "slow-api",        2, SLOW_API, DURATION_MS, false, "had such an API call") \
X(ERROR,       "error",           1, ERROR,  MESSAGE,   false, "had such an error") \
X(HAS_ERROR,   "has-error",       0, HAS_ERROR, ERRORS, false, "had a JS error") \
X(SLOW_LOAD,   "slow-load",       2, SLOW_LOAD, LOAD_MS, false, "had such a slow load") \
X(SESSION,     "session",         1, SESSION, SESSION_ID, false, "had such an id") \
X(WHERE,       "where",           1, WHERE,  V,         false, "fit the expression") \
X(PATH,        "path",            1, PATH,   V,         false, "took such a path")

enum sessp_condition {
#define SESSP_CONDITION_ENUM(ID, ...) SESSP_C_##ID,
	SESSP_CONDITIONS(SESSP_CONDITION_ENUM)
#undef SESSP_CONDITION_ENUM
	SESSP_NCONDITIONS
};

struct sessp_condition_info {
	const char *name;
	int arg;
	enum sessp_how how;
	enum sess_key key;
	bool fold;
	const char *holds;
};
extern const struct sessp_condition_info sessp_conditions[SESSP_NCONDITIONS];

/* One argument of a condition: how it's compared follows from the condition. */
struct sessp_arg {
	char *text;
	size_t len;
	bool plain;			/* no pattern: compare bytes */
	struct sessp_cidr net;
	struct sessp_regex *re;
	double ms;
};

struct sessp_cond {
	bool given;
	uint32_t bit;			/* its mark; 0 where it has none of its own */
	struct sessp_arg *arg;		/* any of them */
	size_t n, cap;
};

/* What is counted to explain an empty result: sessions that have all of bits,
 * or meet a condition of the whole session (bits 0). */
struct sessp_why {
	char holds[72];
	uint32_t bits;
	enum sessp_condition cond;
};

/* A regex gave up on an event of the session: nothing can be said of it. */
#define SESSP_MARK_LIMIT ((uint32_t)1 << 31)

struct sess_query {
	struct sessp_cond cond[SESSP_NCONDITIONS];
	struct sessp_ids ids;
	int64_t since, until;
	bool invert;
	const unsigned char *hash_key;
	size_t hash_key_len;

	/* made by compile */
	enum sessp_condition field[SESSP_NCONDITIONS];	/* given ones of HOW_FIELD */
	size_t nfields;
	uint32_t need;			/* marks a session must have */
	uint32_t api, error, load;	/* marks of one event that has it all, or 0 */
	uint32_t page, range;		/* marks of their own, where none of the above is
					 * asked for */
	struct sessp_why why[SESSP_NCONDITIONS + 1];
	size_t nwhy;
};

/* For an index: whether a value is as a condition of HOW_FIELD, PAGE, API, EXACT
 * or STATUS asks for; whether an address is; whether type, message or stack of
 * an event matches --error (below 0: it can't be told). */
bool sessp_query_value(const struct sess_query *q, enum sessp_condition c,
    struct sess_slice v);
bool sessp_query_address(const struct sess_query *q, struct sess_slice v);
enum sess_status sessp_query_error(const struct sess_query *q,
    struct sess_query_scratch *sc, const struct sess_event *ev, bool *found,
    struct sess_err *err);

struct sess_query_scratch {
	const struct sess_query *q;
	struct sessp_matcher *matcher;	/* NULL where there is no regex */
	struct sessp_where **where;	/* one for each --where; opened when first used */
	struct sess_buf path;
	uint64_t matched;
	uint64_t held[SESSP_NCONDITIONS + 1];	/* sessions, by q->why */
};

#endif
