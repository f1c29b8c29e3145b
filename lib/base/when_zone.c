#include "when_zone.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

#define ZONEINFO "/usr/share/zoneinfo/"
#define FILE_MAX (1 << 20)
#define HEADER 44

/* One of the two days of a POSIX rule: "M3.5.0/2", "J60", "59". */
struct change {
	char kind;		/* 'M', 'J', or '0': day from zero, leap day counted */
	int month, week, day;
	int64_t time;		/* seconds after midnight of the local clock before it */
};

struct sessp_zone {
	bool own;		/* the process's: ask localtime_r */
	unsigned char *file;	/* TZif, or NULL */
	const unsigned char *times, *types, *infos;	/* within file, checked */
	size_t ntimes;
	int64_t std, dst;	/* what follows the last of times, by rule */
	bool has_dst;
	struct change begin, end;	/* of dst */
};

/* -- the POSIX rule */

static bool
number(const char **s, int min, int max, int *v)
{
	int n = 0;
	const char *p = *s;

	while (isdigit((unsigned char)*p) && n <= max)
		n = n * 10 + (*p++ - '0');
	if (p == *s || n < min || n > max)
		return false;
	*s = p;
	*v = n;
	return true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool
clock_time(const char **s, int64_t *t)
{
	int h, m = 0, sec = 0, sign = 1;

	if (**s == '+' || **s == '-')
		sign = *(*s)++ == '-' ? -1 : 1;
	if (!number(s, 0, 167, &h))
		return false;
	if (**s == ':' && (++*s, !number(s, 0, 59, &m)))
		return false;
	if (**s == ':' && (++*s, !number(s, 0, 59, &sec)))
		return false;
	*t = sign * (h * 3600 + m * 60 + sec);
	return true;
}

/* CEST or <+0330>. */
static bool
zone_name(const char **s)
{
	const char *p = *s;
	size_t n;

	if (*p == '<') {
		n = strcspn(p, ">");
		if (p[n] == '\0')
			return false;
		*s = p + n + 1;
		return n > 1;
	}
	while (isalpha((unsigned char)*p))
		p++;
	n = (size_t)(p - *s);
	*s = p;
	return n >= 3;
}

static bool
change_parse(const char **s, struct change *c)
{
	c->time = 2 * 3600;
	c->kind = '0';
	if (**s == 'M' || **s == 'J')
		c->kind = *(*s)++;
	if (c->kind == 'M') {
		if (!number(s, 1, 12, &c->month) || *(*s)++ != '.' ||
		    !number(s, 1, 5, &c->week) || *(*s)++ != '.' ||
		    !number(s, 0, 6, &c->day))
			return false;
	} else if (!number(s, c->kind == 'J', 365, &c->day)) {
		return false;
	}
	return **s != '/' || (++*s, clock_time(s, &c->time));
}

static bool
rule_parse(struct sessp_zone *z, const char *s)
{
	int64_t t;

	if (!zone_name(&s) || !clock_time(&s, &t))
		return false;
	z->std = -t;
	if (*s == '\0')
		return true;
	z->has_dst = true;
	z->dst = z->std + 3600;
	if (!zone_name(&s))
		return false;
	if (*s != '\0' && *s != ',') {
		if (!clock_time(&s, &t))
			return false;
		z->dst = -t;
	}
	if (*s == '\0')
		s = ",M3.2.0,M11.1.0";
	return *s++ == ',' && change_parse(&s, &z->begin) && *s++ == ',' &&
	    change_parse(&s, &z->end) && *s == '\0';
}

/* When the change comes in year y, in seconds of the local clock before it. */
static int64_t
change_at(const struct change *c, int64_t y)
{
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	int64_t day, first, next;

	if (c->kind == 'M') {
		first = sessp_days(y, (unsigned)c->month, 1);
		next = c->month < 12 ? sessp_days(y, (unsigned)c->month + 1, 1) :
		    sessp_days(y + 1, 1, 1);
		/* 1970-01-01 was a Thursday, day 4 */
		day = first + (c->day - (first + 4) % 7 + 14) % 7 + (c->week - 1) * 7;
		while (day >= next)
			day -= 7;
	} else if (c->kind == 'J') {	/* 1 .. 365, 29 February never counted */
		day = sessp_days(y, 1, 1) + c->day - 1 + (leap && c->day >= 60);
	} else {
		day = sessp_days(y, 1, 1) + c->day;
	}
	return day * SESSP_DAY + c->time;
}

static int64_t
rule_offset(const struct sessp_zone *z, int64_t t)
{
	int64_t y, begin, end;
	unsigned m, d;

	if (!z->has_dst)
		return z->std;
	sessp_civil((t + z->std - (t + z->std < 0 ? SESSP_DAY - 1 : 0)) / SESSP_DAY, &y, &m, &d);
	begin = change_at(&z->begin, y) - z->std;
	end = change_at(&z->end, y) - z->dst;
	if (begin < end)
		return t >= begin && t < end ? z->dst : z->std;
	return t >= begin || t < end ? z->dst : z->std;
}

/* -- TZif */

static uint32_t
be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
be64(const unsigned char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* The length of the data behind a header, with times of `width` bytes. */
static uint64_t
data_len(const unsigned char *h, unsigned width)
{
	return (uint64_t)be32(h + 32) * (width + 1) + (uint64_t)be32(h + 36) * 6 +
	    be32(h + 40) + (uint64_t)be32(h + 28) * (width + 4) + be32(h + 24) + be32(h + 20);
}

/* Find and check the parts of a TZif file of len bytes (a NUL behind them). */
static bool
tzif_parse(struct sessp_zone *z, size_t len)
{
	const unsigned char *h = z->file, *end = z->file + len;
	uint64_t n, ntypes, i;
	char *footer;

	/* Version 2 and later repeat all with 64-bit times, then the rule. */
	if (len < HEADER || memcmp(h, "TZif", 4) != 0 || h[4] < '2')
		return false;
	n = HEADER + data_len(h, 4);
	if (n > len || len - n < HEADER)
		return false;
	h += n;
	n = data_len(h, 8);
	if (memcmp(h, "TZif", 4) != 0 || n > (size_t)(end - h) - HEADER)
		return false;
	z->ntimes = be32(h + 32);
	ntypes = be32(h + 36);
	z->times = h + HEADER;
	z->types = z->times + z->ntimes * 8;
	z->infos = z->types + z->ntimes;
	if (ntypes == 0)
		return false;
	for (i = 0; i < z->ntimes; i++)
		if (z->types[i] >= ntypes)
			return false;
	footer = (char *)z->file + (h - z->file) + HEADER + n;
	if (*footer++ != '\n')
		return false;
	footer[strcspn(footer, "\n")] = '\0';
	if (*footer != '\0')
		return rule_parse(z, footer);
	/* no rule: the last type lasts */
	z->std = (int32_t)be32(z->infos + (z->ntimes > 0 ? z->types[z->ntimes - 1] * 6 : 0));
	return true;
}

static int64_t
tzif_offset(const struct sessp_zone *z, int64_t t)
{
	size_t lo = 0, hi = z->ntimes, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (be64(z->times + mid * 8) <= t)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Before the first change the first type holds. */
	return (int32_t)be32(z->infos + (lo > 0 ? z->types[lo - 1] * 6 : 0));
}

/* Read the zone's file whole; false where there is none. */
static bool
tzif_read(struct sessp_zone *z, const char *path, size_t *len)
{
	struct stat st;
	ssize_t n = -1;
	int fd;

	/* A name may lead to a FIFO: don't wait for its writer. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX &&
	    (z->file = malloc((size_t)st.st_size + 1)) != NULL)
		n = read(fd, z->file, (size_t)st.st_size);
	(void)close(fd);
	if (n < 0)
		return false;
	z->file[n] = '\0';
	*len = (size_t)n;
	return true;
}

static bool
zone_load(struct sessp_zone *z, const char *tz)
{
	char path[256];
	size_t len, n;
	bool found;

	if (*tz == ':')
		tz++;
	if (*tz == '\0' || strcmp(tz, "UTC") == 0)
		return true;		/* without a zone database too */
	n = strlen(tz);
	if (n + sizeof(ZONEINFO) > sizeof(path))
		return false;
	path[0] = '\0';
	if (*tz != '/')
		memcpy(path, ZONEINFO, sizeof(ZONEINFO));
	memcpy(path + strlen(path), tz, n + 1);
	found = strstr(tz, "..") == NULL && tzif_read(z, path, &len);
	return found ? tzif_parse(z, len) : rule_parse(z, tz);
}

enum sess_status
sessp_zone_open(struct sessp_zone **z, const char *tz, struct sess_err *err)
{
	*z = calloc(1, sizeof(**z));
	if (*z == NULL)
		return sess_err_nomem(err);
	(*z)->own = tz == NULL;
	if (tz == NULL || zone_load(*z, tz))
		return SESS_OK;
	sessp_zone_free(*z);
	*z = NULL;
	return sess_err_set(err, SESS_EFORMAT, 0, "unknown time zone '%.60s'", tz);
}

void
sessp_zone_free(struct sessp_zone *z)
{
	if (z == NULL)
		return;
	free(z->file);
	free(z);
}

int64_t
sessp_zone_offset(const struct sessp_zone *z, int64_t t)
{
	struct tm tm;
	time_t tt = (time_t)t;

	if (z->own)
		return localtime_r(&tt, &tm) != NULL ? tm.tm_gmtoff : 0;
	if (z->ntimes > 0 && t < be64(z->times + (z->ntimes - 1) * 8))
		return tzif_offset(z, t);
	return rule_offset(z, t);
}

int64_t
sessp_zone_utc(const struct sessp_zone *z, int64_t local)
{
	int64_t before = sessp_zone_offset(z, local - SESSP_DAY);
	int64_t after = sessp_zone_offset(z, local + SESSP_DAY);
	int64_t first = local - (before > after ? before : after);
	int64_t second = local - (before > after ? after : before);

	if (sessp_zone_offset(z, first) == local - first)
		return first;
	if (sessp_zone_offset(z, second) == local - second)
		return second;
	return local - before;
}
