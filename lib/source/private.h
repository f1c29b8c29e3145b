/*
 * source: bytes out of whatever is on disk.
 *
 * A walk turns operands into a list of files; an input turns one file into
 * members (a plain or compressed file has one, an archive as many as it holds,
 * archives inside archives flattened) and each member into decompressed bytes.
 * What it is, is told by content, never by name.  Nothing here knows of lines
 * or JSON.
 */
#ifndef SESSP_SOURCE_H
#define SESSP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "sess/err.h"

/* One file to read. */
struct sessp_file {
	char *path;		/* as it is opened; NULL: standard input */
	char *name;		/* as messages and src show it: "<stdin>" for stdin */
	uint64_t size;		/* bytes, 0 where it isn't a regular file */
	bool regular;		/* can be read twice */
};

struct sessp_walk {
	struct sessp_file *files;	/* operands as given, directories in natural
					 * order (log.2 before log.10), recursive */
	size_t n;
	uint64_t skipped;	/* symlinks, FIFOs, sockets, devices in directories, and
				 * the files that are written */
	bool rereadable;	/* all files are regular */
};

/* A problem with one operand, while the others still count. */
typedef void sessp_walk_warn(void *arg, const char *name, const struct sess_err *err);

/*
 * Expand operands (NULL-terminated; none, or "-": standard input) into w, the
 * caller's to release.  An operand that can't be read is told to warn and
 * passed over (it counts as one problem).  Operands themselves may be symlinks
 * or FIFOs; inside directories such are skipped and counted.  out holds
 * the fstat of nout files that are written: they are never read.  Symlink loops can't
 * occur; a directory reached twice by operands is read twice.
 * SESS_OK or SESS_ENOMEM.
 */
enum sess_status sessp_walk(struct sessp_walk *w, const char *const *operands,
    const struct stat *out, size_t nout, sessp_walk_warn *warn, void *arg, struct sess_err *err);
void sessp_walk_release(struct sessp_walk *w);

/* strverscmp-like order without its surprises: runs of digits compare as
 * numbers, the rest as bytes; equal by that: as bytes. */
int sessp_natural_cmp(const char *a, const char *b);

/* Limits against bombs (design section 7).  Zero: the default. */
struct sessp_limits {
	uint64_t ratio;		/* 1000, counted after the first `after` bytes ... */
	uint64_t after;		/* ... 1 GiB, of a member */
	unsigned depth;		/* 4 archives or compressions inside one another */
	uint64_t members;	/* 1,000,000 */
	uint64_t window;	/* 128 MiB of window, of zstd, xz and 7z */
	const char *tmpdir;	/* where a 7z that can't be sought in is spooled, to an
				 * unlinked file: /var/tmp */
};

struct sessp_input;

/* Open one file.  *in is the caller's to free; NULL on error. */
enum sess_status sessp_input_open(struct sessp_input **in,
    const struct sessp_file *file, const struct sessp_limits *limits,
    struct sess_err *err);

/*
 * Go on to the next member; what was unread of the current one is passed
 * over.  *name is its display name, borrowed until the next call: "file" for
 * a plain or compressed file, "file!member" in an archive,
 * "file!inner.tar!member" when nested.  Member names are only names: never
 * opened, `..` and all.  SESS_END after the last.  An error says what is
 * damaged; after it the next call goes on with the next member where that is
 * possible, and else returns SESS_END; *name is set with an error too.
 * Encrypted members and ones of a method that isn't supported are such
 * errors.  Directories, links and devices in archives are no members.
 */
enum sess_status sessp_input_member(struct sessp_input *in, const char **name,
    struct sess_err *err);

/*
 * Read up to cap bytes of the current member; *n is 0 only at its end.
 * Compressed data inside an archive member is decompressed, all gzip
 * members, zstd and lz4 frames, xz and bzip2 streams one after another.  A cut or
 * damaged stream gives the bytes it holds first; the call after them returns the error
 * (SESS_EFORMAT, SESS_ELIMIT for a bomb, SESS_ESYS) and the member has ended.
 * A read from a pipe returns what is there and does not wait for cap bytes.
 */
enum sess_status sessp_input_read(struct sessp_input *in, char *buf, size_t cap,
    size_t *n, struct sess_err *err);

/* Pass over n bytes of the current member; *done is false where it has fewer.  A
 * plain file is sought in, all others are read. */
enum sess_status sessp_input_skip(struct sessp_input *in, uint64_t n, bool *done,
    struct sess_err *err);

/* What the file was when it was opened; and whether it is read as it stands. */
const struct stat *sessp_input_stat(const struct sessp_input *in);
bool sessp_input_plain(const struct sessp_input *in);

/* Whether a read might block now: the file is a pipe, socket or terminal
 * (under any decoder) and nothing is there to be read.  False for regular files. */
bool sessp_input_idle(struct sessp_input *in);

/* Bytes of the file consumed so far, for progress.  Any thread may ask. */
uint64_t sessp_input_consumed(const struct sessp_input *in);

/* Close and free.  NULL is allowed. */
void sessp_input_free(struct sessp_input *in);

#endif
