/*
 * sorter: records put in order of their key, in bounded memory.
 *
 *	sessp_sorter_new(&s, "/var/tmp", 64 << 20, &err);
 *	sessp_sorter_add(s, &rec, &err);		in any order
 *	while ((r = sessp_sorter_next(s, &rec, &err)) == SESS_OK)
 *		use(rec.key, rec.klen, rec.data, rec.len);
 *	sessp_sorter_free(s);
 *
 * Keys compare as bytes, a prefix before what it begins; records of equal keys
 * come in no particular order.  Beyond its memory a sorter writes sorted runs,
 * compressed, to files without a name (mode 0600) and merges them; few are open
 * at a time, however many there were.  No file is made before it is needed.
 */
#ifndef SESSP_SORTER_H
#define SESSP_SORTER_H

#include <stdbool.h>
#include <stddef.h>

#include "sess/err.h"

struct sessp_sorter;

struct sessp_record {
	const char *key, *data;
	size_t klen, len;
};

/* tmpdir is copied; memory is in bytes, a few hundred kilobytes at least are
 * used.  On error *s is NULL. */
enum sess_status sessp_sorter_new(struct sessp_sorter **s, const char *tmpdir,
    size_t memory, struct sess_err *err);

/* Copy one record in. */
enum sess_status sessp_sorter_add(struct sessp_sorter *s,
    const struct sessp_record *rec, struct sess_err *err);

/* For who has sorted already: write one record to the current run, straight to
 * disk; its key is not below that of the one before.  _cut ends the run. */
enum sess_status sessp_sorter_put(struct sessp_sorter *s,
    const struct sessp_record *rec, struct sess_err *err);
enum sess_status sessp_sorter_cut(struct sessp_sorter *s, struct sess_err *err);

/* The next record in order; the first call ends the input.  Borrowed until the
 * next call.  SESS_END after the last. */
enum sess_status sessp_sorter_next(struct sessp_sorter *s,
    struct sessp_record *rec, struct sess_err *err);

/* Free s; its files are gone with it.  NULL is allowed. */
void sessp_sorter_free(struct sessp_sorter *s);

#endif
