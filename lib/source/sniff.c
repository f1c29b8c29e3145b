#include "stage.h"

#include <string.h>

#define TAR_BLOCK 512

/* Magic bytes; a '?' stands for any byte that `also` accepts. */
static const struct magic {
	enum sessp_kind kind;
	const char *bytes;
	size_t len;
	const char *also;
} magics[] = {
	{ SESSP_GZIP, "\x1f\x8b\x08", 3, NULL },
	{ SESSP_ZSTD, "\x28\xb5\x2f\xfd", 4, NULL },
	{ SESSP_ZSTD, "?\x2a\x4d\x18", 4,	/* a skippable frame */
	    "\x50\x51\x52\x53\x54\x55\x56\x57\x58\x59\x5a\x5b\x5c\x5d\x5e\x5f" },
	{ SESSP_XZ, "\xfd" "7zXZ\0", 6, NULL },
	{ SESSP_BZIP2, "BZh?\x31\x41\x59\x26\x53\x59", 10, "123456789" },
	{ SESSP_BZIP2, "BZh?\x17\x72\x45\x38\x50\x90", 10, "123456789" },
	{ SESSP_LZ4, "\x04\x22\x4d\x18", 4, NULL },
	{ SESSP_LZ4, "\x02\x21\x4c\x18", 4, NULL },
	{ SESSP_ZIP, "PK\3\4", 4, NULL },
	{ SESSP_ZIP, "PK\5\6", 4, NULL },
	{ SESSP_7ZIP, "7z\xbc\xaf\x27\x1c", 6, NULL },
};

/* Whether the bytes there are agree with the magic. */
static bool
agrees(const struct magic *m, const unsigned char *p, size_t len)
{
	size_t i;

	for (i = 0; i < m->len && i < len; i++)
		if (m->also != NULL && m->bytes[i] == '?' ?
		    strchr(m->also, p[i]) == NULL || p[i] == '\0' :
		    (unsigned char)m->bytes[i] != p[i])
			return false;
	return true;
}

/* Whether the n bytes of a number in a tar header, as far as there are any,
 * are one: octal digits, blanks and NULs, or binary with the high bit set. */
static bool
tar_number(const unsigned char *p, size_t len, size_t at, size_t n)
{
	size_t i;

	if (at < len && p[at] & 0x80)
		return true;
	for (i = at; i < at + n && i < len; i++)
		if (p[i] != ' ' && p[i] != '\0' && (p[i] < '0' || p[i] > '7'))
			return false;
	return true;
}

/* The checksum of a header: the sum of its bytes, its own field as blanks. */
static bool
tar_checksum(const unsigned char *h)
{
	unsigned sum = 0, stated = 0;
	int delta = 0;		/* some tars summed signed bytes */
	size_t i;

	for (i = 0; i < TAR_BLOCK; i++) {
		sum += i >= 148 && i < 156 ? ' ' : h[i];
		if (h[i] >= 0x80 && (i < 148 || i >= 156))
			delta -= 256;
	}
	for (i = 148; i < 156 && h[i] == ' '; i++)
		;
	for (; i < 156 && h[i] >= '0' && h[i] <= '7'; i++)
		stated = stated * 8 + (h[i] - (unsigned)'0');
	return stated == sum || (int)stated == (int)sum + delta;
}

static bool
all_zero(const unsigned char *p, size_t len)
{
	return len == 0 || (*p == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/*
 * A tar begins with a name of 100 bytes, padded with NULs, and numbers.  A
 * newline in the name is taken as a sign of text: a line is told from a tar
 * as soon as it is there, and no log of ours begins with a NUL.
 */
static enum sessp_kind
tar(const unsigned char *p, size_t len, bool ended)
{
	size_t name = len < 100 ? len : 100;
	const unsigned char *nul = memchr(p, '\0', name);

	/* An empty tar is zeros to its end; zeros before text are the hole
	 * that a truncating log rotation leaves. */
	if (len > 0 && *p == '\0') {
		if (!all_zero(p, len))
			return SESSP_PLAIN;
		if (!ended)
			return SESSP_UNSURE;
		return len >= 2 * TAR_BLOCK && len % TAR_BLOCK == 0 && len < SESSP_READ_SIZE ?
		    SESSP_TAR : SESSP_PLAIN;
	}
	if (memchr(p, '\n', nul != NULL ? (size_t)(nul - p) : name) != NULL ||
	    (nul != NULL && !all_zero(nul, (size_t)(p + name - nul))) ||
	    !tar_number(p, len, 100, 8) || !tar_number(p, len, 108, 8) ||
	    !tar_number(p, len, 116, 8) || !tar_number(p, len, 124, 12) ||
	    !tar_number(p, len, 136, 12) || !tar_number(p, len, 148, 8))
		return SESSP_PLAIN;
	if (len < TAR_BLOCK)
		return ended ? SESSP_PLAIN : SESSP_UNSURE;
	return tar_checksum(p) ? SESSP_TAR : SESSP_PLAIN;
}

enum sessp_kind
sessp_magic_of(const unsigned char *p, size_t len, bool ended)
{
	const struct magic *m;

	for (m = magics; m < magics + sizeof(magics) / sizeof(*magics); m++) {
		if (!agrees(m, p, len))
			continue;
		if (len >= m->len)
			return m->kind;
		if (!ended)
			return SESSP_UNSURE;
		/* a file cut within its magic is cut data, not text */
		if (len >= 2 && (p[0] == 0x1f || p[0] >= 0x80))
			return m->kind;
	}
	return tar(p, len, ended);
}
