/*
 * choice: sessions that have to wait for the last one: --sort and --related.
 *
 *	choice_init(&c, "-js_errors", -1, NULL);
 *	...				for each session
 *		choice_add(&c, s, match, text, len);
 *	n = choice_settle(&c);
 *	for (i = 0; i < n; i++)
 *		choice_put(&c, i);
 *
 * What a session is written as may be given when it is added, or after it was
 * chosen.  It waits in an unlinked file once there is much of it; in memory
 * stay some hundred bytes a session.  Failures end the program.
 */
#ifndef CHOICE_H
#define CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "names.h"
#include "sess/session.h"

#define CHOICE_KEYS 8		/* most columns to sort by */

struct choice {
	struct { size_t column; bool descend; } keys[CHOICE_KEYS];
	size_t nkeys;
	int64_t related;	/* ms, or -1 */
	const char *tmpdir;
	struct choice_entry *v;
	size_t n, cap;
	struct choice_value *values;	/* nkeys of each entry */
	size_t values_cap;
	struct sess_buf names;	/* keys, and the texts that are sorted by */
	struct names people;	/* users and visitors */
	struct choice_tie *ties;	/* who is in which session */
	size_t nties, ties_cap;
	struct sess_buf held, scratch;
	int fd;			/* the file, or -1 */
	uint64_t spilled;	/* bytes in it */
};

/* sort is "KEY,-KEY" or NULL; columns that do not exist are misuse. */
void choice_init(struct choice *c, const char *sort, int64_t related, const char *tmpdir);

/* Whether sessions have to wait at all. */
bool choice_waits(const struct choice *c);

/* A session, in order of (start, key).  One that does not match is only of use
 * with --related. */
void choice_add(struct choice *c, const struct sess_session *s, bool match,
    const char *text, size_t len);

/* Choose and sort; the number of those chosen. */
size_t choice_settle(struct choice *c);

/* Of the i-th of those chosen: what tells it from all others, and its session
 * id or visitor, borrowed until the next choice_add. */
struct sess_slice choice_name(const struct choice *c, size_t i);
struct sess_slice choice_key(const struct choice *c, size_t i, bool *visitor);

/* What tells a session from all others, as choice_name has it; borrowed until
 * the next call. */
struct sess_slice choice_name_of(struct choice *c, const struct sess_session *s);

/* Give the text of the i-th of those chosen; write it to standard output. */
void choice_text(struct choice *c, size_t i, const char *text, size_t len);
void choice_put(struct choice *c, size_t i);

void choice_release(struct choice *c);

#endif
