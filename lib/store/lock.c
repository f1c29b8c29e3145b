/*
 * One writer, and readers that are never waited for.
 *
 * The writer holds a lock on LOCK.  A reader holds a shared lock on the MANIFEST
 * it has read, that very file: the writer publishes by putting another in its
 * place, keeps the old one under a name of its own as long as somebody has it
 * locked, and removes no segment that it speaks of.  Locks die with whoever
 * holds them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

#define MANIFEST_MAX ((uint64_t)1 << 30)
#define OLD "MANIFEST.old."
#define TRIES 1000

static int
try_lock(int fd, short type)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET };
	int r;

	do
		r = fcntl(fd, F_OFD_SETLK, &fl);
	while (r < 0 && errno == EINTR);
	return r;
}

enum sess_status
sessp_read_fd(int fd, uint64_t max, struct sess_buf *text, struct sess_err *err)
{
	ssize_t n;

	do {
		if (text->len > max)
			return sess_err_set(err, SESS_ELIMIT, 0, "a file is larger than it may be");
		if (sess_buf_room(text, 65536) < 0)
			return sess_err_nomem(err);
		n = pread(fd, text->data + text->len, text->cap - text->len, (off_t)text->len);
		if (n > 0)
			text->len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? sess_err_sys(err, errno, NULL) : SESS_OK;
}

enum sess_status
sessp_write_fd(int fd, const void *p, size_t len, struct sess_err *err)
{
	const char *at = p;
	ssize_t n;

	while (len > 0) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sess_err_sys(err, errno, NULL);
		at += n;
		len -= (size_t)n;
	}
	return SESS_OK;
}

/* -- the writer's lock */

enum sess_status
sessp_lock_write(int dirfd, int *fdp, struct sess_err *err)
{
	struct sess_buf who = { 0 };
	char pid[32];
	int fd = openat(dirfd, "LOCK", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int len;

	*fdp = -1;
	if (fd < 0)
		return sess_err_sys(err, errno, "LOCK");
	if (try_lock(fd, F_WRLCK) < 0) {
		(void)sessp_read_fd(fd, 64, &who, NULL);
		sess_err_set(err, SESS_ELIMIT, 0, "the store is being written by process %.*s",
		    who.len > 0 ? (int)strspn(who.data, "0123456789") : 1,
		    who.len > 0 ? who.data : "?");
		sess_buf_release(&who);
		close(fd);
		return SESS_ELIMIT;
	}
	/* who it is, is told to those who come later; no more than that */
	len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)len, 0) < 0) {
		sess_err_sys(err, errno, "LOCK");
		close(fd);
		return SESS_ESYS;
	}
	*fdp = fd;
	return SESS_OK;
}

/* -- readers */

enum sess_status
sessp_lock_state(int dirfd, int *fdp, struct sess_buf *text, struct sess_err *err)
{
	struct stat mine, now;
	unsigned tries = 0;
	enum sess_status st;
	int fd;

	for (;;) {
		fd = openat(dirfd, "MANIFEST", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			return sess_err_sys(err, errno, "MANIFEST");
		/* Whom it is refused looks again: for a moment the writer has it, on a
		 * state that nobody reads any more.  Where there are no locks at all, a
		 * long look-up may lose a segment and say so. */
		if (try_lock(fd, F_RDLCK) < 0 && errno == EAGAIN && tries++ < TRIES) {
			close(fd);
			(void)sched_yield();
			continue;
		}
		if (fstat(fd, &mine) < 0 || fstatat(dirfd, "MANIFEST", &now, 0) < 0) {
			sess_err_sys(err, errno, "MANIFEST");
			close(fd);
			return SESS_ESYS;
		}
		if (mine.st_ino == now.st_ino && mine.st_dev == now.st_dev)
			break;
		close(fd);
	}
	text->len = 0;
	st = S_ISREG(mine.st_mode) ? sessp_read_fd(fd, MANIFEST_MAX, text, err) :
	    sess_err_set(err, SESS_EFORMAT, 0, "MANIFEST: it is no file");
	if (st < 0) {
		close(fd);
		return st;
	}
	*fdp = fd;
	return SESS_OK;
}

/* -- publishing */

static enum sess_status
write_new(int dirfd, const struct sessp_manifest *m, struct sess_err *err)
{
	struct sess_buf text = { 0 };
	enum sess_status st = SESS_OK;
	int fd = openat(dirfd, "MANIFEST.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
	    O_NOFOLLOW, 0600);

	if (fd < 0)
		return sess_err_sys(err, errno, "MANIFEST.new");
	if (sessp_manifest_write(m, &text) < 0)
		st = sess_err_nomem(err);
	else if ((st = sessp_write_fd(fd, text.data, text.len, err)) == SESS_OK &&
	    fsync(fd) < 0)
		st = sess_err_sys(err, errno, "MANIFEST.new");
	if (close(fd) < 0 && st == SESS_OK)
		st = sess_err_sys(err, errno, "MANIFEST.new");
	sess_buf_release(&text);
	return st;
}

enum sess_status
sessp_publish(int dirfd, const struct sessp_manifest *m, struct sess_err *err)
{
	char old[64];
	enum sess_status st;

	if ((st = write_new(dirfd, m, err)) < 0)
		return st;
	(void)snprintf(old, sizeof(old), OLD "%" PRIu64, m->generation - 1);
	if (unlinkat(dirfd, old, 0) < 0 && errno != ENOENT)
		return sess_err_sys(err, errno, old);
	if (linkat(dirfd, "MANIFEST", dirfd, old, 0) < 0 && errno != ENOENT)
		return sess_err_sys(err, errno, old);
	if (renameat(dirfd, "MANIFEST.new", dirfd, "MANIFEST") < 0)
		return sess_err_sys(err, errno, "MANIFEST");
	return fsync(dirfd) < 0 ? sess_err_sys(err, errno, NULL) : SESS_OK;
}

/* -- sweeping */

/* Remove a segment's directory with what can be in one. */
enum sess_status
sessp_remove_segment(int segments, const char *name, struct sess_err *err)
{
	static const char *const files[] = { "events.zst", "catalog" };
	int dir = openat(segments, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	size_t i;

	if (dir < 0)
		return sess_err_sys(err, errno, name);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (unlinkat(dir, files[i], 0) < 0 && errno != ENOENT) {
			sess_err_sys(err, errno, name);
			close(dir);
			return SESS_ESYS;
		}
	close(dir);
	if (unlinkat(segments, name, AT_REMOVEDIR) < 0)
		return sess_err_sys(err, errno, name);
	return SESS_OK;
}

static bool
speaks_of(const struct sessp_manifest *m, size_t n, const char *name)
{
	size_t i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < m[i].n; j++)
			if (strcmp(m[i].segments[j].name, name) == 0)
				return true;
	return false;
}

static enum sess_status
remove_unspoken(int dirfd, const struct sessp_manifest *states, size_t n,
    struct sess_err *err)
{
	int segments = openat(dirfd, "segments", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = segments >= 0 ? fdopendir(segments) : NULL;
	enum sess_status st = SESS_OK;
	struct dirent *e;

	if (d == NULL) {
		st = sess_err_sys(err, errno, "segments");
		if (segments >= 0)
			close(segments);
		return st;
	}
	while (st == SESS_OK && (e = readdir(d)) != NULL)
		if (sessp_segment_name(e->d_name) && !speaks_of(states, n, e->d_name))
			st = sessp_remove_segment(segments, e->d_name, err);
	closedir(d);
	return st;
}

/* The old state of that name: whether somebody reads it, and then what it
 * speaks of. */
static enum sess_status
look_at_old(int dirfd, const char *name, bool *read, struct sessp_manifest *m,
    struct sess_err *err)
{
	struct sess_buf text = { 0 };
	enum sess_status st;
	int fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return sess_err_sys(err, errno, name);
	*read = try_lock(fd, F_WRLCK) < 0;
	st = *read ? sessp_read_fd(fd, MANIFEST_MAX, &text, err) : SESS_OK;
	if (*read && st == SESS_OK)
		st = sessp_manifest_parse(m, text.data, text.len, err);
	else if (!*read && unlinkat(dirfd, name, 0) < 0)
		st = sess_err_sys(err, errno, name);
	sess_buf_release(&text);
	close(fd);
	return st;
}

struct states {
	struct sessp_manifest *v;
	size_t n;
};

/* Add what is still read to the states. */
static enum sess_status
old_states(int dirfd, struct states *s, struct sess_err *err)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	enum sess_status st = SESS_OK;
	struct sessp_manifest m, *v;
	struct dirent *e;
	bool read = false;

	if (d == NULL) {
		st = sess_err_sys(err, errno, NULL);
		if (copy >= 0)
			close(copy);
		return st;
	}
	while (st == SESS_OK && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, OLD, sizeof(OLD) - 1) != 0)
			continue;
		st = look_at_old(dirfd, e->d_name, &read, &m, err);
		if (st < 0 || !read)
			continue;
		if ((v = realloc(s->v, (s->n + 1) * sizeof(*v))) == NULL) {
			sessp_manifest_release(&m);
			st = sess_err_nomem(err);
			continue;
		}
		s->v = v;
		s->v[s->n++] = m;
	}
	closedir(d);
	return st;
}

enum sess_status
sessp_sweep(int dirfd, const struct sessp_manifest *m, bool *kept, struct sess_err *err)
{
	struct states s = { NULL, 0 };
	enum sess_status st;

	if ((s.v = malloc(sizeof(*s.v))) == NULL)
		return sess_err_nomem(err);
	if (sessp_manifest_copy(&s.v[s.n++], m) < 0) {
		free(s.v);
		return sess_err_nomem(err);
	}
	st = old_states(dirfd, &s, err);
	*kept = s.n > 1;
	if (st == SESS_OK)
		st = remove_unspoken(dirfd, s.v, s.n, err);
	while (s.n > 0)
		sessp_manifest_release(&s.v[--s.n]);
	free(s.v);
	return st;
}
