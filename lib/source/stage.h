/*
 * stage: one link of the chain from a file to the bytes of a member.
 *
 *	file -> gzip -> tar -> zstd
 *
 * Each stage reads from the one below it (from).  What was read ahead, to see
 * what it is or as input of the stage above, waits in the stage's buffer; a
 * stage above works in that buffer, without a copy, and the last stage writes
 * straight to where the caller wants the bytes.
 */
#ifndef SESSP_STAGE_H
#define SESSP_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "private.h"
#include "sess/err.h"

#define SESSP_READ_SIZE (256 * 1024)

struct sessp_stage;

struct sessp_stage_ops {
	/*
	 * Decode up to cap bytes to buf.  SESS_OK with *n 0 is the end.  An
	 * error may come with the bytes before it in *n.  cap is not 0.
	 */
	enum sess_status (*read)(struct sessp_stage *st, char *buf, size_t cap,
	    size_t *n, struct sess_err *err);
	/* Archives: go on to the next member, its name borrowed until the next
	 * call (NULL where it has none).  Else NULL. */
	enum sess_status (*next)(struct sessp_stage *st, const char **name,
	    struct sess_err *err);
	/* Files: go to an absolute offset; -1 where that fails.  Else NULL. */
	int64_t (*seek)(struct sessp_stage *st, int64_t offset, int whence);
	/* Whether there is output that waits for no input; may be NULL. */
	bool (*pending)(const struct sessp_stage *st);
	void (*free)(struct sessp_stage *st);
};

struct sessp_stage {
	const struct sessp_stage_ops *ops;
	struct sessp_stage *from;	/* not owned; NULL for a file */
	const struct sessp_limits *limits;
	char *buf;			/* read ahead: SESSP_READ_SIZE, or NULL */
	size_t pos, len;
	enum sess_status state;		/* SESS_OK: more may come; END; an error */
	struct sess_err err;
	bool told;			/* the error was handed out */
	uint64_t out;			/* bytes decoded, of the current member */
	const uint64_t *source;		/* bytes read of the file the chain stands on */
	uint64_t mark;			/* *source when the member began */
};

/* What a stream's first bytes are. */
enum sessp_kind {
	SESSP_PLAIN, SESSP_GZIP, SESSP_ZSTD, SESSP_XZ, SESSP_BZIP2, SESSP_LZ4,
	SESSP_TAR, SESSP_ZIP, SESSP_7ZIP,
	SESSP_UNSURE		/* more bytes are needed to tell */
};

/* Tell from the first len bytes; ended: there are no more.  Text is told as
 * plain by its first line, so that live input doesn't wait. */
enum sessp_kind sessp_magic_of(const unsigned char *p, size_t len, bool ended);

/* Begin st on from: what all stages share. */
void sessp_stage_init(struct sessp_stage *st, const struct sessp_stage_ops *ops,
    struct sessp_stage *from);

/* Forget buffer, end and error: the stage stands at the start of something new. */
void sessp_stage_reset(struct sessp_stage *st);

/* Free st (not what it reads from).  NULL is allowed. */
void sessp_stage_free(struct sessp_stage *st);

/* As sessp_input_read. */
enum sess_status sessp_stage_read(struct sessp_stage *st, char *buf, size_t cap,
    size_t *n, struct sess_err *err);

/* Read ahead until the buffer holds want bytes, or there are no more.  SESS_ENOMEM. */
enum sess_status sessp_stage_ahead(struct sessp_stage *st, size_t want, struct sess_err *err);

/* Borrow what is in the buffer; fills it when empty.  *n is 0 at the end. */
enum sess_status sessp_stage_view(struct sessp_stage *st, const unsigned char **p,
    size_t *n, struct sess_err *err);

/* Done with n bytes of the view. */
void sessp_stage_skip(struct sessp_stage *st, size_t n);

/* Tell what st holds, leaving its bytes in place.  SESS_ENOMEM. */
enum sess_status sessp_stage_kind(struct sessp_stage *st, enum sessp_kind *kind,
    struct sess_err *err);

/* The stages.  NULL when memory is out.  A file stage takes fd and counts
 * into *consumed what it reads. */
struct sessp_stage *sessp_file_stage(int fd, bool close_it, const struct sessp_limits *limits,
    _Atomic uint64_t *consumed);
struct sessp_stage *sessp_gzip_stage(struct sessp_stage *from);
struct sessp_stage *sessp_zstd_stage(struct sessp_stage *from);
struct sessp_stage *sessp_xz_stage(struct sessp_stage *from);
struct sessp_stage *sessp_bzip2_stage(struct sessp_stage *from);
struct sessp_stage *sessp_lz4_stage(struct sessp_stage *from);
/* Whether a 7z is whole and asks for no larger window than it may have; from can be
 * sought in, and stands at its start again. */
enum sess_status sessp_7zip_check(struct sessp_stage *from, struct sess_err *err);
struct sessp_stage *sessp_archive_stage(struct sessp_stage *from, enum sessp_kind kind);

/* A name for messages: "gzip". */
const char *sessp_kind_name(enum sessp_kind kind);

/* "unexpected end of gzip data", "bad gzip data: why" (why NULL: without). */
enum sess_status sessp_stage_cut(struct sess_err *err, enum sessp_kind kind);
enum sess_status sessp_bad(struct sess_err *err, enum sessp_kind kind, const char *why);

#endif
