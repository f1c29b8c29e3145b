#include "stage.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct file {
	struct sessp_stage stage;
	int fd;
	bool close_it;
	uint64_t bytes;			/* read so far: source of the chain */
	_Atomic uint64_t *consumed;	/* the same for others to see */
};

static enum sess_status
file_read(struct sessp_stage *st, char *buf, size_t cap, size_t *n, struct sess_err *err)
{
	struct file *f = (struct file *)st;
	ssize_t r;

	do
		r = read(f->fd, buf, cap);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return sess_err_sys(err, errno, NULL);
	*n = (size_t)r;
	f->bytes += *n;
	if (f->consumed != NULL)
		atomic_fetch_add_explicit(f->consumed, *n, memory_order_relaxed);
	return SESS_OK;
}

static int64_t
file_seek(struct sessp_stage *st, int64_t offset, int whence)
{
	struct file *f = (struct file *)st;

	return lseek(f->fd, offset, whence);
}

static void
file_free(struct sessp_stage *st)
{
	struct file *f = (struct file *)st;

	if (f->close_it)
		(void)close(f->fd);
	free(f);
}

static const struct sessp_stage_ops seekable = {
	.read = file_read, .seek = file_seek, .free = file_free,
};
static const struct sessp_stage_ops streamed = {
	.read = file_read, .free = file_free,
};

struct sessp_stage *
sessp_file_stage(int fd, bool close_it, const struct sessp_limits *limits,
    _Atomic uint64_t *consumed)
{
	struct file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	/* Offsets count from where we were given the file: only its start will do. */
	sessp_stage_init(&f->stage, lseek(fd, 0, SEEK_CUR) == 0 ? &seekable : &streamed, NULL);
	f->fd = fd;
	f->close_it = close_it;
	f->consumed = consumed;
	f->stage.limits = limits;
	f->stage.source = &f->bytes;
	return &f->stage;
}
