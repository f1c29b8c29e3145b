/*
 * fuzz_store: a store with some of its bytes changed.
 *
 * The input is how: whether the checksums are made to fit (as somebody would who
 * means harm), then changes of five bytes each.  Where they are not, whatever was
 * changed is found by verifying, and a look-up gives the lines that it gave before,
 * or some of them and says so.  Where they are, nothing is promised but an end.
 */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "../../lib/store/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define EVENTS 60
#define DAYS 2
#define FILES_MAX 8

struct file {
	char name[128];
	struct sess_buf was, is;
};

static char dir[64], other[80];
static struct file files[FILES_MAX];
static size_t nfiles;
static uint64_t lines[EVENTS];		/* hashes of those that were put in */
static struct sess_query *queries[8];
static size_t answers[8];		/* how many lines each gives */

/* -- the store as it is meant to be */

static size_t
event(char *line, size_t cap, unsigned i)
{
	static const char *const more[] = {
		"\"kind\":\"view\",\"page\":\"shop.example/cart\"",
		"\"kind\":\"api\",\"api\":\"/v1/order\",\"status\":\"500\",\"ok\":false,\"duration_ms\":1200,"
		"\"trace_id\":\"0a1b2c3d\"",
		"\"kind\":\"error\",\"error_type\":\"TypeError\",\"message\":\"x is not a function\","
		"\"stack\":\"at f (a.js:1:2)\"",
		"\"kind\":\"load\",\"load_ms\":9000"
	};

	return (size_t)snprintf(line, cap, "{\"v\":1,\"id\":\"%016x\",\"time\":\"2026-11-%02uT10:00:%02u.000Z\","
	    "%s,\"session_id\":\"s%u\",\"view_id\":\"v%u\",\"user_id\":\"u%u\",\"user_name\":\"\xe5\xbc\xa0%u\","
	    "\"ip\":\"10.0.0.%u\",\"browser\":\"chrome\"}", i, 23 + i % DAYS, i, more[i % 4], i % 7, i % 9,
	    i % 3, i % 3, i % 5);
}

static void
fill(struct sess_indexer *ix)
{
	struct sess_event_scanner sc = { 0 };
	struct sess_indexed done;
	struct sess_buf packed = { 0 };
	struct sess_event ev;
	char line[1024];
	unsigned i;
	size_t len;

	for (i = 0; i < EVENTS; i++) {
		memset(line, 0, sizeof(line));
		len = event(line, sizeof(line) - SESSP_PAD, i);
		lines[i] = XXH3_64bits(line, len);
		assert(sess_event_scan(&sc, &ev, line, len, NULL) == SESS_OK);
		assert(sess_indexer_pack(&ev, &packed, NULL) == SESS_OK);
	}
	assert(sess_indexer_add(ix, packed.data, packed.len, NULL) == SESS_OK);
	assert(sess_indexer_commit(ix, &done, NULL) == SESS_OK && done.events == EVENTS);
	sess_buf_release(&packed);
	sess_event_scanner_release(&sc);
}

static void
keep(const char *name)
{
	struct file *f = &files[nfiles++];
	char path[256];
	int fd;

	assert(nfiles <= FILES_MAX);
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	assert(fd >= 0 && sessp_read_fd(fd, 1 << 20, &f->was, NULL) == SESS_OK);
	close(fd);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static void
add_query(size_t i, const char *name, const char *value)
{
	assert(sess_query_new(&queries[i], NULL) == SESS_OK);
	assert(sess_query_add(queries[i], name, value, NULL) == SESS_OK);
	assert(sess_query_compile(queries[i], NULL) == SESS_OK);
}

static void
clean_up(void)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "rm -rf %s %s", dir, other);
	if (system(command) != 0)
		abort();
}

static void
set_up(void)
{
	struct sess_indexer_opts o = { .memory = 1 << 20, .jobs = 1 };
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	struct sess_indexer *ix;
	struct dirent *e;
	char path[200], name[100];
	DIR *d;

	(void)snprintf(dir, sizeof(dir), "%s/fuzz-store-XXXXXX", tmp);
	assert(mkdtemp(dir) != NULL && rmdir(dir) == 0);
	(void)snprintf(other, sizeof(other), "%s.other", dir);
	assert(atexit(clean_up) == 0);
	assert(sess_indexer_open(&ix, dir, &o, NULL) == SESS_OK);
	fill(ix);
	sess_indexer_free(ix);
	keep("MANIFEST");
	(void)snprintf(path, sizeof(path), "%s/segments", dir);
	assert((d = opendir(path)) != NULL);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "segments/%.40s/catalog", e->d_name);
		keep(name);
		(void)snprintf(name, sizeof(name), "segments/%.40s/events.zst", e->d_name);
		keep(name);
	}
	closedir(d);
	qsort(files, nfiles, sizeof(*files), by_name);	/* MANIFEST, then catalog and events */
	assert(nfiles == 1 + 2 * DAYS);
	add_query(0, "session", "s3");
	add_query(1, "user", "u1");
	add_query(2, "user-name", "*1");
	add_query(3, "error", "not a f");
	add_query(4, "trace-id", "0a1b2c3d");
	add_query(5, "ip", "10.0.0.0/30");
	add_query(6, "page", "*cart");
	add_query(7, "slow-load", NULL);
}

/* -- changes */

static void
put64(struct sess_buf *b, size_t at, uint64_t n)
{
	n = htole64(n);
	if (at <= b->len && b->len - at >= sizeof(n))
		memcpy(b->data + at, &n, sizeof(n));
}

static void
change(struct sess_buf *b, size_t at, unsigned op, uint8_t value)
{
	static const uint64_t odd[] = { 0, 1, 7, 8, 4095, 4096, UINT32_MAX, INT64_MAX, UINT64_MAX };

	if (b->len == 0)
		return;
	at %= b->len;
	switch (op % 4) {
	case 0:	b->data[at] = (char)value; break;
	case 1:	b->data[at] ^= (char)value; break;
	case 2:	put64(b, at & ~(size_t)7, odd[value % (sizeof(odd) / sizeof(odd[0]))]); break;
	default: b->len = at; break;
	}
}

/* The sums of the frames, in the catalog. */
static void
fix_frames(struct sess_buf *catalog, const struct sess_buf *events)
{
	const struct sessp_header *h;
	struct sessp_frame f, next;
	uint64_t at, i, n;
	size_t pages = catalog->len / (SESSP_PAGE + 8);

	if (pages == 0)
		return;
	h = (const struct sessp_header *)(const void *)(catalog->data + (pages - 1) * SESSP_PAGE);
	at = le64toh(h->sections[SESSP_S_FRAMES].at);
	n = le64toh(h->sections[SESSP_S_FRAMES].len) / sizeof(f);
	for (i = 0; i + 1 < n && i < 100; i++, at += sizeof(f)) {
		if (at > catalog->len || catalog->len - at < 2 * sizeof(f))
			return;
		memcpy(&f, catalog->data + at, sizeof(f));
		memcpy(&next, catalog->data + at + sizeof(f), sizeof(f));
		if (le64toh(f.at) <= le64toh(next.at) && le64toh(next.at) <= events->len)
			put64(catalog, at + offsetof(struct sessp_frame, sum), XXH3_64bits(
			    events->data + le64toh(f.at), le64toh(next.at) - le64toh(f.at)));
	}
}

/* The sums of the pages; returns their sum. */
static uint64_t
fix_pages(struct sess_buf *catalog)
{
	size_t pages = catalog->len / (SESSP_PAGE + 8), i;
	char *sums = catalog->data + pages * SESSP_PAGE;

	for (i = 0; i < pages; i++)
		put64(catalog, (size_t)(sums - catalog->data) + 8 * i,
		    XXH3_64bits(catalog->data + i * SESSP_PAGE, SESSP_PAGE));
	return XXH3_64bits(sums, pages * 8);
}

/* What the MANIFEST says of a catalog, and of itself. */
static void
fix_check(struct sess_buf *manifest, size_t segment, uint64_t sum)
{
	static const char key[] = "\"check\":\"";
	char *p = manifest->data, *end = p + manifest->len, text[17];

	for (; p != NULL; segment--) {
		p = memmem(p, (size_t)(end - p), key, sizeof(key) - 1);
		if (p == NULL || (size_t)(end - p) < sizeof(key) + 16)
			return;
		p += sizeof(key) - 1;
		if (segment == 0)
			break;
	}
	(void)snprintf(text, sizeof(text), "%016llx", (unsigned long long)sum);
	memcpy(p, text, 16);
}

static void
fix_manifest(struct sess_buf *m)
{
	static const char key[] = "{\"xxh3\":\"";
	char *p = memmem(m->data, m->len, key, sizeof(key) - 1), text[17];

	if (p == NULL || (size_t)(m->data + m->len - p) < sizeof(key) + 16)
		return;
	(void)snprintf(text, sizeof(text), "%016llx",
	    (unsigned long long)XXH3_64bits(m->data, (size_t)(p - m->data)));
	memcpy(p + sizeof(key) - 1, text, 16);
}

static void
fix(void)
{
	size_t i;

	for (i = 0; i < DAYS; i++) {
		fix_frames(&files[1 + 2 * i].is, &files[2 + 2 * i].is);
		fix_check(&files[0].is, i, fix_pages(&files[1 + 2 * i].is));
	}
	fix_manifest(&files[0].is);
}

/* Write them; whether they differ from what they were. */
static bool
write_files(void)
{
	bool differ = false;
	char path[256];
	size_t i;
	int fd;

	for (i = 0; i < nfiles; i++) {
		struct file *f = &files[i];

		(void)snprintf(path, sizeof(path), "%s/%.127s", dir, f->name);
		fd = open(path, O_WRONLY | O_TRUNC);
		assert(fd >= 0 && sessp_write_fd(fd, f->is.data, f->is.len, NULL) == SESS_OK);
		close(fd);
		differ |= f->is.len != f->was.len || memcmp(f->is.data, f->was.data, f->is.len) != 0;
	}
	return differ;
}

/* -- what is read of it */

static bool
is_ours(const char *p, size_t len)
{
	uint64_t hash = XXH3_64bits(p, len);
	size_t i;

	for (i = 0; i < EVENTS; i++)
		if (lines[i] == hash)
			return true;
	return false;
}

/* All lines of the choice; how many.  trusted: each has to be one that was put in.
 * What can't be read is counted as problems. */
static size_t
read_lines(struct sess_store *st, bool trusted, size_t *problems)
{
	const struct sess_feed *feed = sess_store_feed(st);
	struct sess_buf out = { 0 };
	enum sess_status s;
	const char *p, *nl;
	size_t part, n = 0;
	void *state;

	assert(feed != NULL);
	for (part = 0; part < feed->nparts; part++) {
		if (feed->open(feed->arg, part, &state, NULL) < 0) {
			++*problems;
			continue;
		}
		out.len = 0;
		do {
			s = feed->fill(state, &out, NULL);
			*problems += s < 0;
		} while (s != SESS_END && s != SESS_ENOMEM && out.len < 1 << 24);
		feed->close(state);
		for (p = out.data; p != NULL && p < out.data + out.len; p = nl + 1, n++) {
			nl = memchr(p, '\n', (size_t)(out.data + out.len - p));
			assert(nl != NULL);
			assert(!trusted || is_ours(p, (size_t)(nl - p)));
		}
	}
	sess_buf_release(&out);
	return n;
}

static void
problem(void *arg, const char *name, const struct sess_err *err)
{
	assert(name != NULL && err->text[0] != '\0');
	++*(size_t *)arg;
}

static void
salvage(bool trusted)
{
	struct sess_indexer_opts o = { .memory = 1 << 20, .jobs = 1 };
	struct sess_indexer *ix;
	struct sess_indexed done;
	struct sess_store *st;
	size_t problems = 0;

	assert(sess_indexer_open(&ix, other, &o, NULL) == SESS_OK);
	if (sess_store_salvage(dir, ix, problem, &problems, NULL) == SESS_OK &&
	    sess_indexer_commit(ix, &done, NULL) == SESS_OK) {
		assert(sess_store_open(&st, other, NULL) == SESS_OK);
		(void)read_lines(st, trusted, &problems);
		sess_store_free(st);
	}
	sess_indexer_free(ix);
}

/* Open it; NULL where it says that it can't be. */
static struct sess_store *
open_store(bool differ, size_t *problems)
{
	struct sess_store *st;
	struct sess_err err = { 0 };

	*problems = 0;
	if (sess_store_open(&st, dir, &err) < 0) {
		assert(differ && err.text[0] != '\0');
		return NULL;
	}
	sess_store_on_problem(st, problem, problems);
	return st;
}

/* Each query on a store that was just opened: what is damaged is told once. */
static void
ask(bool trusted, bool differ)
{
	struct sess_store *st;
	size_t problems, i, n;

	for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		if ((st = open_store(differ, &problems)) == NULL)
			return;
		n = 0;
		if (sess_store_choose(st, queries[i], NULL) < 0)
			problems++;
		else
			n = read_lines(st, trusted, &problems);
		if (!differ)
			answers[i] = n;
		assert(!trusted || n == answers[i] || (n < answers[i] && problems > 0));
		assert(differ || (n > 0 && problems == 0));
		sess_store_free(st);
	}
}

static void
look(bool trusted, bool differ)
{
	struct sess_store *st;
	uint64_t bad = 0;
	size_t problems, n = 8;
	int64_t bound;

	ask(trusted, differ);
	if ((st = open_store(differ, &problems)) == NULL)
		return;
	if (sess_store_choose_newest(st, &n, &bound, NULL) == SESS_OK)
		(void)read_lines(st, trusted, &problems);
	assert(sess_store_choose(st, NULL, NULL) == SESS_OK);
	n = read_lines(st, trusted, &problems);
	assert(n == EVENTS || !trusted || problems > 0);
	assert(differ || problems == 0);
	sess_store_free(st);
	if ((st = open_store(differ, &problems)) == NULL)
		return;
	assert(sess_store_verify(st, &bad, NULL) == SESS_OK);
	assert(!trusted || (bad > 0) == differ);
	assert((bad > 0) == (problems > 0));
	sess_store_free(st);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	bool trusted = len == 0 || (data[0] & 1) == 0, differ;
	size_t i;

	if (nfiles == 0) {
		set_up();
		ask(true, false);
	}
	for (i = 0; i < nfiles; i++) {
		files[i].is.len = 0;
		assert(sess_buf_add(&files[i].is, files[i].was.data, files[i].was.len) == 0);
	}
	for (i = 1; i + 5 <= len; i += 5)
		change(&files[data[i] % nfiles].is, (size_t)data[i + 1] << 8 | data[i + 2],
		    data[i + 3], data[i + 4]);
	if (!trusted)
		fix();
	differ = write_files();
	look(trusted, differ);
	if (len > 0 && (data[0] & 2) != 0)
		salvage(trusted);
	return 0;
}
