#include "private.h"

#include <arpa/inet.h>
#include <string.h>

/* An address as 16 bytes.  0 or -1. */
static int
parse_address(unsigned char addr[16], bool *v4, const char *p, size_t len)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (len == 0 || len >= sizeof(text) || memchr(p, '\0', len) != NULL)
		return -1;
	memcpy(text, p, len);
	text[len] = '\0';
	*v4 = memchr(p, ':', len) == NULL;
	if (!*v4)
		return inet_pton(AF_INET6, text, addr) == 1 ? 0 : -1;
	memcpy(addr, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, addr + sizeof(mapped)) == 1 ? 0 : -1;
}

int
sessp_cidr_parse(struct sessp_cidr *c, const char *p, size_t len)
{
	const char *slash = len > 0 ? memchr(p, '/', len) : NULL;
	const char *q, *end = p + len;
	unsigned bits = 0;
	bool v4;

	if (parse_address(c->addr, &v4, p, slash != NULL ? (size_t)(slash - p) : len) < 0)
		return -1;
	c->bits = 128;
	if (slash == NULL)
		return 0;
	if (end - slash < 2 || end - slash > 4)
		return -1;
	for (q = slash + 1; q < end; q++) {
		if (*q < '0' || *q > '9')
			return -1;
		bits = bits * 10 + (unsigned)(*q - '0');
	}
	if (bits > (v4 ? 32 : 128))
		return -1;
	c->bits = v4 ? bits + 96 : bits;
	return 0;
}

bool
sessp_cidr_has(const struct sessp_cidr *c, const unsigned char addr[16])
{
	size_t whole = c->bits / 8;
	unsigned mask = 0xff00u >> c->bits % 8 & 0xff;

	return memcmp(c->addr, addr, whole) == 0 &&
	    (mask == 0 || ((c->addr[whole] ^ addr[whole]) & mask) == 0);
}
