/* Standard output: few, large writes. */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cli.h"

#define HELD (256 * 1024)

static struct {
	char data[HELD];
	size_t len;
	int error;		/* the first errno, or 0 */
} out;

/* Whether the write may be tried again. */
static bool
passing(int error)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

	if (error == EAGAIN)
		(void)poll(&p, 1, -1);
	return error == EAGAIN || error == EINTR;
}

/* What is held, then p. */
static void
write_out(const char *p, size_t len)
{
	struct iovec v[2] = { { out.data, out.len }, { (char *)(uintptr_t)p, len } };
	size_t i = out.len > 0 ? 0 : 1;
	ssize_t n;

	progress_clear();
	out.len = 0;
	while (i < 2 && v[i].iov_len > 0) {
		n = writev(STDOUT_FILENO, v + i, (int)(2 - i));
		if (n < 0 && passing(errno))
			continue;
		if (n < 0) {
			out.error = errno;
			return;
		}
		for (; i < 2 && (size_t)n >= v[i].iov_len; i++)
			n -= (ssize_t)v[i].iov_len;
		if (i < 2) {
			v[i].iov_base = (char *)v[i].iov_base + n;
			v[i].iov_len -= (size_t)n;
		}
	}
}

void
cli_put(const char *p, size_t len)
{
	if (out.error != 0)
		return;
	if (len > HELD - out.len) {
		write_out(p, len);
		return;
	}
	if (len > 0)
		memcpy(out.data + out.len, p, len);
	out.len += len;
}

void
cli_flush(void)
{
	if (out.error == 0 && out.len > 0)
		write_out(NULL, 0);
}

bool
cli_put_failed(void)
{
	return out.error != 0;
}

int
output_finish(void)
{
	cli_flush();
	errno = 0;
	/* --help goes through stdio */
	if ((fflush(stdout) != 0 || close(STDOUT_FILENO) < 0) && out.error == 0)
		out.error = errno != 0 ? errno : EIO;
	return out.error;
}
