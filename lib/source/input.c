#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sess/buf.h"

#define MAX_DEPTH 16
#define MAX_CHAIN (1 + 2 * MAX_DEPTH)	/* the file; each layer, perhaps spooled */

struct sessp_input {
	struct sessp_limits limits;
	int fd;
	bool regular;
	struct stat st;
	bool started, ended;
	struct sessp_stage *chain[MAX_CHAIN];	/* the file first */
	size_t prefix[MAX_CHAIN];	/* of a container: the length of its own name */
	size_t n;
	unsigned depth;			/* stages that decode */
	uint64_t members;
	struct sess_buf name;		/* NUL-terminated */
	_Atomic uint64_t consumed;
};

static struct sessp_stage *
top(const struct sessp_input *in)
{
	return in->chain[in->n - 1];
}

static void
pop(struct sessp_input *in)
{
	struct sessp_stage *st = in->chain[--in->n];

	in->depth -= st->from != NULL;	/* a file, or spool, has nothing below */
	sessp_stage_free(st);
}

/* Down to the innermost container, or the file. */
static void
pop_member(struct sessp_input *in)
{
	while (in->n > 1 && top(in)->ops->next == NULL)
		pop(in);
}

static enum sess_status
push(struct sessp_input *in, struct sessp_stage *st, struct sess_err *err)
{
	if (st == NULL)
		return sess_err_nomem(err);
	in->prefix[in->n] = in->name.len;
	in->chain[in->n++] = st;
	in->depth += st->from != NULL;
	return SESS_OK;
}

/* Put "!member" behind the name of the container, or just end the name. */
static enum sess_status
set_name(struct sessp_input *in, size_t prefix, const char *member, struct sess_err *err)
{
	in->name.len = prefix;
	if ((member != NULL && (sess_buf_putc(&in->name, '!') < 0 ||
	    sess_buf_puts(&in->name, member) < 0)) || sess_buf_putc(&in->name, '\0') < 0)
		return sess_err_nomem(err);
	in->name.len--;
	return SESS_OK;
}

static enum sess_status
copy_to(int fd, struct sessp_stage *st, struct sess_err *err)
{
	const unsigned char *p;
	enum sess_status r;
	ssize_t w;
	size_t n;

	while ((r = sessp_stage_view(st, &p, &n, err)) == SESS_OK && n > 0) {
		w = write(fd, p, n);
		if (w < 0 && errno != EINTR)
			return sess_err_sys(err, errno, "temporary file");
		sessp_stage_skip(st, w > 0 ? (size_t)w : 0);
	}
	if (r == SESS_OK && lseek(fd, 0, SEEK_SET) < 0)
		return sess_err_sys(err, errno, "temporary file");
	return r;
}

/* A 7z has its headers at its end: what can't be sought in goes to a file. */
static enum sess_status
spool(struct sessp_input *in, struct sess_err *err)
{
	struct sessp_stage *st = NULL;
	char path[PATH_MAX];
	enum sess_status r;
	int fd;

	if (snprintf(path, sizeof(path), "%s/sess.XXXXXX", in->limits.tmpdir) >= PATH_MAX)
		return sess_err_sys(err, ENAMETOOLONG, "temporary file");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return sess_err_sys(err, errno, "temporary file");
	(void)unlink(path);
	r = copy_to(fd, top(in), err);
	if (r == SESS_OK && (st = sessp_file_stage(fd, true, &in->limits, NULL)) == NULL)
		r = sess_err_nomem(err);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	return push(in, st, err);
}

static enum sess_status
push_kind(struct sessp_input *in, enum sessp_kind kind, struct sess_err *err)
{
	enum sess_status r;

	if (in->depth >= in->limits.depth)
		return sess_err_set(err, SESS_ELIMIT, 0,
		    "more than %u archives or compressions inside one another",
		    in->limits.depth);
	if (kind == SESSP_GZIP)
		return push(in, sessp_gzip_stage(top(in)), err);
	if (kind == SESSP_ZSTD)
		return push(in, sessp_zstd_stage(top(in)), err);
	if (kind == SESSP_XZ)
		return push(in, sessp_xz_stage(top(in)), err);
	if (kind == SESSP_BZIP2)
		return push(in, sessp_bzip2_stage(top(in)), err);
	if (kind == SESSP_LZ4)
		return push(in, sessp_lz4_stage(top(in)), err);
	if (kind == SESSP_7ZIP && top(in)->ops->seek == NULL && (r = spool(in, err)) < 0)
		return r;
	return push(in, sessp_archive_stage(top(in), kind), err);
}

/* Put decoders on the top until its bytes are plain (*plain), or it is a
 * container whose members come next. */
static enum sess_status
resolve(struct sessp_input *in, bool *plain, struct sess_err *err)
{
	enum sessp_kind kind;
	enum sess_status r;

	do {
		r = sessp_stage_kind(top(in), &kind, err);
		if (r < 0)
			return r;
		*plain = kind == SESSP_PLAIN;
		if (*plain)
			return SESS_OK;
		r = push_kind(in, kind, err);
	} while (r == SESS_OK && top(in)->ops->next == NULL);
	return r;
}

/* The next member of the container on top; SESS_END behind the last. */
static enum sess_status
next_in(struct sessp_input *in, struct sess_err *err)
{
	const char *member;
	enum sess_status r, named;

	r = top(in)->ops->next(top(in), &member, err);
	if (r == SESS_END)
		return r;
	if (member == NULL && r == SESS_OK)
		member = "?";
	named = set_name(in, in->prefix[in->n - 1], member, err);
	if (r < 0 || named < 0)
		return r < 0 ? r : named;
	if (++in->members <= in->limits.members)
		return SESS_OK;
	in->ended = true;
	return sess_err_set(err, SESS_ELIMIT, 0, "more than %llu members",
	    (unsigned long long)in->limits.members);
}

enum sess_status
sessp_input_member(struct sessp_input *in, const char **name, struct sess_err *err)
{
	enum sess_status r;
	bool plain = false;

	*name = in->name.data;
	if (in->ended)
		return SESS_END;
	pop_member(in);
	if (in->started && in->n == 1) {
		in->ended = true;
		return SESS_END;
	}
	while (!plain) {
		if (in->started) {
			r = next_in(in, err);
			if (r == SESS_END) {
				pop(in);
				pop_member(in);
				if (in->n > 1)
					continue;
				in->ended = true;
			}
			*name = in->name.data;
			if (r != SESS_OK)
				return r;
		}
		in->started = true;
		r = resolve(in, &plain, err);
		if (r < 0)
			return r;
	}
	return SESS_OK;
}

enum sess_status
sessp_input_read(struct sessp_input *in, char *buf, size_t cap, size_t *n, struct sess_err *err)
{
	*n = 0;
	if (!in->started || in->ended)
		return SESS_OK;
	return sessp_stage_read(top(in), buf, cap, n, err);
}

const struct stat *
sessp_input_stat(const struct sessp_input *in)
{
	return &in->st;
}

bool
sessp_input_plain(const struct sessp_input *in)
{
	return in->n == 1 && in->regular;
}

enum sess_status
sessp_input_skip(struct sessp_input *in, uint64_t n, bool *done, struct sess_err *err)
{
	struct sessp_stage *st = top(in);
	char scratch[16384];
	enum sess_status r;
	int64_t at;
	size_t got;

	*done = true;
	for (; n > 0; n -= got) {
		if (in->n == 1 && in->regular && st->pos == st->len && st->state == SESS_OK) {
			at = st->ops->seek(st, 0, SEEK_CUR);
			*done = at >= 0 && (uint64_t)in->st.st_size >= (uint64_t)at + n &&
			    st->ops->seek(st, (int64_t)n, SEEK_CUR) >= 0;
			return SESS_OK;
		}
		r = sessp_input_read(in, scratch, n < sizeof(scratch) ? n : sizeof(scratch),
		    &got, err);
		if (r < 0 || got == 0) {
			*done = false;
			return r;
		}
	}
	return SESS_OK;
}

bool
sessp_input_idle(struct sessp_input *in)
{
	struct pollfd pfd = { .fd = in->fd, .events = POLLIN };
	const struct sessp_stage *st;
	size_t i;

	if (in->regular)
		return false;
	for (i = in->n; i-- > 0; ) {
		st = in->chain[i];
		if (st->pos < st->len || st->state != SESS_OK ||
		    (st->ops->pending != NULL && st->ops->pending(st)))
			return false;
	}
	return poll(&pfd, 1, 0) == 0;
}

uint64_t
sessp_input_consumed(const struct sessp_input *in)
{
	return atomic_load_explicit(&in->consumed, memory_order_relaxed);
}

static void
set_limits(struct sessp_limits *l, const struct sessp_limits *given)
{
	if (given != NULL)
		*l = *given;
	if (l->ratio == 0)
		l->ratio = 1000;
	if (l->after == 0)
		l->after = UINT64_C(1) << 30;
	if (l->depth == 0)
		l->depth = 4;
	if (l->depth > MAX_DEPTH)
		l->depth = MAX_DEPTH;
	if (l->members == 0)
		l->members = 1000000;
	if (l->window == 0)
		l->window = UINT64_C(128) << 20;
	if (l->tmpdir == NULL)
		l->tmpdir = "/var/tmp";
}

enum sess_status
sessp_input_open(struct sessp_input **inp, const struct sessp_file *file,
    const struct sessp_limits *limits, struct sess_err *err)
{
	struct sessp_input *in;
	int fd = STDIN_FILENO;

	*inp = NULL;
	if (file->path != NULL && (fd = open(file->path, O_RDONLY | O_CLOEXEC)) < 0)
		return sess_err_sys(err, errno, NULL);
	in = calloc(1, sizeof(*in));
	if (in != NULL) {
		set_limits(&in->limits, limits);
		in->chain[0] = sessp_file_stage(fd, file->path != NULL, &in->limits,
		    &in->consumed);
	}
	if (in == NULL || in->chain[0] == NULL) {
		if (file->path != NULL)
			(void)close(fd);
		free(in);
		return sess_err_nomem(err);
	}
	in->n = 1;
	in->fd = fd;
	in->regular = fstat(fd, &in->st) == 0 && S_ISREG(in->st.st_mode);
	if (in->regular)
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (sess_buf_puts(&in->name, file->name) < 0 ||
	    set_name(in, in->name.len, NULL, err) < 0) {
		sessp_input_free(in);
		return sess_err_nomem(err);
	}
	*inp = in;
	return SESS_OK;
}

void
sessp_input_free(struct sessp_input *in)
{
	if (in == NULL)
		return;
	while (in->n > 0)
		pop(in);
	sess_buf_release(&in->name);
	free(in);
}
