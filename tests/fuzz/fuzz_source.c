/*
 * fuzz_source: any bytes as a file, all members read.  What comes out does not
 * depend on the size of the reads, and it comes to an end.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../lib/source/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct sum {
	uint64_t hash, bytes, members, errors;
};

static void
add(struct sum *s, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		s->hash = (s->hash ^ (unsigned char)p[i]) * UINT64_C(1099511628211);
	s->bytes += n;
}

static void
drain(const char *path, size_t cap, struct sum *s)
{
	/* small limits: a bomb is to be found, not to be suffered */
	static const struct sessp_limits limits = { .ratio = 20, .after = 1 << 16,
		.members = 500, .window = 8 << 20 };
	static char buf[1 << 16];
	struct sessp_file file = { .path = (char *)(uintptr_t)path, .name = (char *)"f" };
	struct sess_err err = { 0 };
	struct sessp_input *in;
	enum sess_status r;
	const char *name;
	size_t n;

	memset(s, 0, sizeof(*s));
	assert(sessp_input_open(&in, &file, &limits, NULL) == SESS_OK);
	while ((r = sessp_input_member(in, &name, &err)) != SESS_END) {
		assert(strncmp(name, "f", 1) == 0);
		assert(r == SESS_OK || err.text[0] != '\0');
		add(s, name, strlen(name));
		if (r == SESS_OK)
			while ((r = sessp_input_read(in, buf, cap, &n, &err)) == SESS_OK && n > 0)
				add(s, buf, n);
		assert(r == SESS_OK || err.text[0] != '\0');
		s->members++;
		s->errors += r < 0;
		err = (struct sess_err){ 0 };
	}
	sessp_input_free(in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char path[64];
	struct sum a, b;
	int fd = memfd_create("fuzz", 0);

	assert(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	drain(path, 1 << 16, &a);
	drain(path, 4000, &b);
	assert(a.members == b.members);
	/* where a bomb is cut, or what is left of damage, may differ */
	if (a.errors == 0 && b.errors == 0)
		assert(a.bytes == b.bytes && a.hash == b.hash);
	close(fd);
	return 0;
}
