#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <lz4.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zstd.h>

#include "../../lib/source/private.h"
#include "../../lib/source/stage.h"
#include "alloc.h"
#include "sess/buf.h"

/* -- making things */

enum container { TAR = ARCHIVE_FORMAT_TAR_USTAR, ZIP = ARCHIVE_FORMAT_ZIP,
	SEVEN = ARCHIVE_FORMAT_7ZIP, PAX = ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE,
	RAW = ARCHIVE_FORMAT_RAW };

struct item {
	const char *name;
	const char *data;
	size_t len;
};

/* Text of len bytes, lines that differ, compressible. */
static char *
text_of(size_t len)
{
	char *p = malloc(len + 64);
	size_t n = 0;
	unsigned i = 1;

	assert_non_null(p);
	while (n < len) {
		n += (size_t)sprintf(p + n, "line %u of %u\n", i, i * 2654435761u);
		i++;
	}
	p[len] = '\0';
	return p;
}

/* What libarchive makes of the items, in b. */
static void
pack(struct sess_buf *b, int format, int filter, const struct item *items, size_t n)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	size_t used = 0, i, cap = 1 << 16;

	for (i = 0; i < n; i++)
		cap += 2 * items[i].len + 4096;
	*b = (struct sess_buf){ 0 };
	assert_int_equal(sess_buf_room(b, cap), 0);
	assert_int_equal(archive_write_set_format(a, format), ARCHIVE_OK);
	assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
	if (filter == ARCHIVE_FILTER_GZIP)
		assert_int_equal(archive_write_set_filter_option(a, "gzip", "timestamp", NULL),
		    ARCHIVE_OK);
	assert_int_equal(archive_write_set_bytes_in_last_block(a, 1), ARCHIVE_OK);
	assert_int_equal(archive_write_open_memory(a, b->data, cap, &used), ARCHIVE_OK);
	for (i = 0; i < n; i++) {
		archive_entry_clear(e);
		archive_entry_set_pathname(e, items[i].name);
		archive_entry_set_mode(e, items[i].data == NULL ? AE_IFDIR | 0755 : AE_IFREG | 0644);
		archive_entry_set_size(e, (la_int64_t)items[i].len);
		assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
		if (items[i].len > 0)
			assert_int_equal(archive_write_data(a, items[i].data, items[i].len),
			    items[i].len);
	}
	archive_entry_free(e);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	b->len = used;
}

/* One thing compressed. */
static void
squeeze(struct sess_buf *b, int filter, const void *p, size_t len)
{
	struct item it = { "data", p, len };

	pack(b, RAW, filter, &it, 1);
}

/* -- reading things */

struct got {
	char names[4096];	/* "f!a f!b ", errors as "f!c(reason) " */
	struct sess_buf data;	/* of all members */
	unsigned members, errors;
	struct sess_err last;	/* the last error */
};

static void
note(struct got *g, const char *name, const struct sess_err *err)
{
	size_t n = strlen(g->names);

	if (err == NULL)
		(void)snprintf(g->names + n, sizeof(g->names) - n, "%s ", name);
	else
		(void)snprintf(g->names + n, sizeof(g->names) - n, "%s(%s) ", name, err->text);
	if (err != NULL) {
		g->errors++;
		g->last = *err;
	}
}

static void
read_member(struct sessp_input *in, size_t cap, const char *name, struct got *g)
{
	struct sess_err err = { 0 };
	size_t n;

	for (;;) {
		assert_int_equal(sess_buf_room(&g->data, cap), 0);
		if (sessp_input_read(in, g->data.data + g->data.len, cap, &n, &err) < 0) {
			assert_int_equal(n, 0);
			note(g, name, &err);
			/* then the member has ended */
			assert_int_equal(sessp_input_read(in, g->data.data + g->data.len, cap,
			    &n, NULL), SESS_OK);
			assert_int_equal(n, 0);
			return;
		}
		if (n == 0)
			return;
		g->data.len += n;
	}
}

static void
read_fd(int fd, const struct sessp_limits *limits, size_t cap, struct got *g)
{
	char path[64];
	struct sessp_file file = { .path = path, .name = (char *)"f" };
	struct sessp_input *in;
	struct sess_err err = { 0 };
	enum sess_status r;
	const char *name;

	memset(g, 0, sizeof(*g));
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(sessp_input_open(&in, &file, limits, &err), SESS_OK);
	while ((r = sessp_input_member(in, &name, &err)) != SESS_END) {
		if (r < 0) {
			note(g, name, &err);
			err = (struct sess_err){ 0 };
			continue;
		}
		g->members++;
		note(g, name, NULL);
		read_member(in, cap, name, g);
	}
	assert_int_equal(sessp_input_member(in, &name, &err), SESS_END);
	sessp_input_free(in);
}

static int
file_of(const void *p, size_t len)
{
	int fd = memfd_create("test", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, len), len);
	return fd;
}

static void
read_bytes(const void *p, size_t len, const struct sessp_limits *limits, struct got *g)
{
	int fd = file_of(p, len);

	read_fd(fd, limits, 1 << 16, g);
	close(fd);
}

/* The same through a pipe; len must fit in one. */
static void
read_piped(const void *p, size_t len, struct got *g)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	assert_true(fcntl(fd[1], F_SETPIPE_SZ, 1 << 20) >= 0);
	assert_int_equal(write(fd[1], p, len), len);
	close(fd[1]);
	read_fd(fd[0], NULL, 1 << 16, g);
	close(fd[0]);
}

static void
assert_data(const struct got *g, const char *p, size_t len)
{
	assert_int_equal(g->data.len, len);
	if (len > 0)
		assert_memory_equal(g->data.data, p, len);
}

static void
done(struct got *g, struct sess_buf *b)
{
	sess_buf_release(&g->data);
	if (b != NULL)
		sess_buf_release(b);
}

/* -- single files */

static const int filters[] = { ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP,
	ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_LZ4 };
#define NFILTERS (sizeof(filters) / sizeof(*filters))

static void
each_compression_reads_like_the_plain_file(void **state)
{
	char *text = text_of(700000);
	struct sess_buf b;
	struct got g;
	size_t i;

	(void)state;
	for (i = 0; i < NFILTERS; i++) {
		squeeze(&b, filters[i], text, 700000);
		read_bytes(b.data, b.len, NULL, &g);
		assert_string_equal(g.names, "f ");
		assert_data(&g, text, 700000);
		done(&g, NULL);
		read_piped(b.data, b.len, &g);
		assert_string_equal(g.names, "f ");
		assert_data(&g, text, 700000);
		done(&g, &b);
	}
	free(text);
}

static void
empty_files_hold_one_empty_member(void **state)
{
	/* as lz4 writes it: libarchive's writer dies of it */
	static const char lz4[] = "\x04\x22\x4d\x18\x64\x40\xa7\0\0\0\0\x05\x5d\xcc\x02";
	struct sess_buf b;
	struct got g;
	size_t i;

	(void)state;
	read_bytes(lz4, sizeof(lz4) - 1, NULL, &g);
	assert_string_equal(g.names, "f ");
	assert_int_equal(g.data.len, 0);
	done(&g, NULL);
	for (i = 0; i < NFILTERS - 1; i++) {
		squeeze(&b, filters[i], "", 0);
		read_bytes(b.data, b.len, NULL, &g);
		assert_string_equal(g.names, "f ");
		assert_int_equal(g.data.len, 0);
		done(&g, &b);
	}
}

static void
concatenated_streams_are_all_read(void **state)
{
	char *text = text_of(5000);
	struct sess_buf b, c;
	struct got g;
	size_t i;

	(void)state;
	for (i = 0; i < NFILTERS; i++) {
		squeeze(&b, filters[i], text, 3000);
		squeeze(&c, filters[i], text + 3000, 2000);
		assert_int_equal(sess_buf_add(&b, c.data, c.len), 0);
		read_bytes(b.data, b.len, NULL, &g);
		assert_string_equal(g.names, "f ");
		assert_data(&g, text, 5000);
		done(&g, &b);
		sess_buf_release(&c);
	}
	free(text);
}

static void
a_small_buffer_gives_the_same_bytes(void **state)
{
	char *text = text_of(20000);
	struct sess_buf b;
	struct got g;
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < NFILTERS; i++) {
		squeeze(&b, filters[i], text, 20000);
		fd = file_of(b.data, b.len);
		read_fd(fd, NULL, 1, &g);
		close(fd);
		assert_data(&g, text, 20000);
		done(&g, &b);
	}
	free(text);
}

static void
a_cut_stream_gives_what_it_holds_and_says_so(void **state)
{
	static const char *const names[] = { "gzip", "zstd", "xz", "bzip2", "lz4" };
	char *text = text_of(400000), want[64];
	struct sess_buf b;
	struct got g;
	size_t i, cut, prev;

	(void)state;
	for (i = 1; i < NFILTERS; i++) {
		squeeze(&b, filters[i], text, 400000);
		(void)snprintf(want, sizeof(want), "f f(unexpected end of %s data) ", names[i - 1]);
		prev = 0;
		for (cut = 11; cut < b.len; cut += 1000) {
			read_bytes(b.data, cut, NULL, &g);
			assert_string_equal(g.names, want);
			assert_int_equal(g.last.code, SESS_EFORMAT);
			assert_true(g.data.len >= prev && g.data.len <= 400000);
			assert_data(&g, text, g.data.len);
			prev = g.data.len;
			done(&g, NULL);
		}
		assert_true(i > 1 || prev > 350000);
		sess_buf_release(&b);
	}
	free(text);
}

/* A frame of lz4 that begins like the one the program writes, with these
 * settings; or one of its legacy format. */
static void
lz4_frame(struct sess_buf *b, const LZ4F_preferences_t *how, const char *p, size_t len)
{
	static const char legacy[] = "\x02\x21\x4c\x18";
	size_t cap = how != NULL ? LZ4F_compressFrameBound(len, how) :
	    8 + (size_t)LZ4_compressBound((int)len), n;

	*b = (struct sess_buf){ 0 };
	assert_int_equal(sess_buf_room(b, cap), 0);
	if (how != NULL) {
		b->len = LZ4F_compressFrame(b->data, cap, p, len, how);
		assert_false(LZ4F_isError(b->len));
		return;
	}
	n = (size_t)LZ4_compress_default(p, b->data + 8, (int)len, (int)(cap - 8));
	assert_true(n > 0);
	memcpy(b->data, legacy, 4);
	b->data[4] = (char)n, b->data[5] = (char)(n >> 8), b->data[6] = (char)(n >> 16);
	b->data[7] = 0;
	b->len = n + 8;
}

/* Blocks of up to 8 MiB are compressed as one: what a cut one holds is not lost. */
static void
a_cut_lz4_block_gives_what_it_holds(void **state)
{
	static const LZ4F_preferences_t shapes[] = {
		{ .frameInfo = { .blockSizeID = LZ4F_max4MB, .blockMode = LZ4F_blockIndependent,
		    .contentChecksumFlag = LZ4F_contentChecksumEnabled } },
		{ .frameInfo = { .blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockLinked } },
		{ .frameInfo = { .blockSizeID = LZ4F_max256KB, .contentSize = 600000,
		    .blockChecksumFlag = LZ4F_blockChecksumEnabled } },
	};
	static const char skipped[] = "\x53\x2a\x4d\x18\x05\0\0\0abcde";
	char *text = text_of(600000);
	struct sess_buf b, twice;
	size_t i, cut;
	struct got g;

	(void)state;
	for (i = 0; i < 4; i++) {
		lz4_frame(&b, i < 3 ? &shapes[i] : NULL, text, 600000);
		for (cut = 100; cut < b.len; cut += 997) {
			read_bytes(b.data, cut, NULL, &g);
			assert_string_equal(g.names, "f f(unexpected end of lz4 data) ");
			assert_data(&g, text, g.data.len);
			/* text compresses a little better further on */
			assert_true(g.data.len + 10000 >= 600000 * cut / b.len);
			done(&g, NULL);
		}
		twice = (struct sess_buf){ 0 };
		assert_int_equal(sess_buf_add(&twice, b.data, b.len), 0);
		assert_int_equal(sess_buf_add(&twice, skipped, i < 3 ? sizeof(skipped) - 1 : 0), 0);
		assert_int_equal(sess_buf_add(&twice, b.data, b.len), 0);
		read_bytes(twice.data, twice.len, NULL, &g);
		assert_string_equal(g.names, "f ");
		assert_int_equal(g.data.len, 1200000);
		assert_memory_equal(g.data.data + 600000, text, 600000);
		done(&g, &twice);
		b.data[b.len / 2] ^= 0x55;
		read_bytes(b.data, b.len, NULL, &g);
		if (i == 0 || i == 2)		/* the others have no checksum */
			assert_int_equal(g.errors, 1);
		done(&g, &b);
	}
	free(text);
}

static size_t
slurp(const char *path, char *p, size_t cap)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(p, 1, cap, f);
	assert_int_equal(fclose(f), 0);
	return n;
}

/* cut.lengths: for each cut of cut.gz, how many bytes zlib gets out of it. */
static void
a_gzip_cut_anywhere_gives_as_much_as_zlib_gives(void **state)
{
	static char gz[4096], whole[8192];
	struct got g;
	FILE *f;
	size_t len, cut, want, n = 0;

	(void)state;
	len = slurp("tests/data/source/cut.gz", gz, sizeof(gz));
	read_bytes(gz, len, NULL, &g);
	assert_true(g.data.len < sizeof(whole));
	memcpy(whole, g.data.data, g.data.len);
	done(&g, NULL);
	f = fopen("tests/data/source/cut.lengths", "r");
	assert_non_null(f);
	while (fscanf(f, "%zu %zu", &cut, &want) == 2) {
		assert_true(cut < len && want < sizeof(whole));
		read_bytes(gz, cut, NULL, &g);
		assert_data(&g, whole, want);
		assert_string_equal(g.last.text, "unexpected end of gzip data");
		done(&g, NULL);
		n++;
	}
	fclose(f);
	assert_int_equal(n, len - 3);
}

static void
zeros_behind_gzip_data_are_padding_and_other_bytes_an_error_after_it(void **state)
{
	static const char zeros[2000];
	struct sess_buf b, c;
	struct got g;

	(void)state;
	squeeze(&b, ARCHIVE_FILTER_GZIP, "abc\n", 4);
	squeeze(&c, ARCHIVE_FILTER_GZIP, "def\n", 4);
	assert_int_equal(sess_buf_add(&b, zeros, sizeof(zeros)), 0);
	read_bytes(b.data, b.len, NULL, &g);
	assert_string_equal(g.names, "f ");
	assert_data(&g, "abc\n", 4);
	done(&g, NULL);
	assert_int_equal(sess_buf_add(&b, c.data, c.len), 0);
	read_bytes(b.data, b.len, NULL, &g);
	assert_data(&g, "abc\ndef\n", 8);
	done(&g, NULL);
	assert_int_equal(sess_buf_puts(&b, "junk"), 0);
	read_bytes(b.data, b.len, NULL, &g);
	assert_string_equal(g.names, "f f(trailing garbage after gzip data) ");
	assert_data(&g, "abc\ndef\n", 8);
	done(&g, &b);
	sess_buf_release(&c);
}

static void
a_wrong_checksum_is_told_after_the_data(void **state)
{
	struct sess_buf b;
	struct got g;

	(void)state;
	squeeze(&b, ARCHIVE_FILTER_GZIP, "abc\n", 4);
	b.data[b.len - 8] ^= 1;
	read_bytes(b.data, b.len, NULL, &g);
	assert_string_equal(g.names, "f f(bad gzip data: wrong checksum) ");
	assert_data(&g, "abc\n", 4);
	done(&g, &b);
}

static void
a_skippable_zstd_frame_is_skipped(void **state)
{
	static const char skip[] = "\x5a\x2a\x4d\x18\3\0\0\0abc";
	struct sess_buf b = { 0 }, c;
	struct got g;

	(void)state;
	squeeze(&c, ARCHIVE_FILTER_ZSTD, "abc\n", 4);
	assert_int_equal(sess_buf_add(&b, skip, sizeof(skip) - 1), 0);
	assert_int_equal(sess_buf_add(&b, c.data, c.len), 0);
	assert_int_equal(sess_buf_add(&b, skip, sizeof(skip) - 1), 0);
	assert_int_equal(sess_buf_add(&b, c.data, c.len), 0);
	read_bytes(b.data, b.len, NULL, &g);
	assert_string_equal(g.names, "f ");
	assert_data(&g, "abc\nabc\n", 8);
	done(&g, &b);
	sess_buf_release(&c);
}

static void
a_zstd_window_over_the_limit_is_refused(void **state)
{
	const struct sessp_limits small = { .window = 1 << 20 };
	char *text = text_of(3 << 20), *z = malloc(4 << 20);
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	struct got g;
	size_t n;

	(void)state;
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, 21);
	n = ZSTD_compress2(ctx, z, 4 << 20, text, 3 << 20);
	assert_false(ZSTD_isError(n));
	read_bytes(z, n, NULL, &g);
	assert_data(&g, text, 3 << 20);
	done(&g, NULL);
	read_bytes(z, n, &small, &g);
	assert_string_equal(g.names, "f f(zstd window of more than 1 MiB) ");
	assert_int_equal(g.last.code, SESS_ELIMIT);
	assert_int_equal(g.data.len, 0);
	done(&g, NULL);
	ZSTD_freeCCtx(ctx);
	free(text);
	free(z);
}

/* -- archives */

static const struct item three[] = {
	{ "logs/", NULL, 0 }, { "logs/a.log", "aaa\n", 4 },
	{ "logs/empty", "", 0 }, { "../../etc/passwd", "root\n", 5 },
};

static void
each_container_gives_its_members(void **state)
{
	static const int formats[] = { TAR, PAX, ZIP, SEVEN };
	static const char want[] = "f!logs/a.log f!logs/empty f!../../etc/passwd ";
	struct sess_buf b;
	struct got g;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		pack(&b, formats[i], ARCHIVE_FILTER_NONE, three, 4);
		read_bytes(b.data, b.len, NULL, &g);
		/* a 7z keeps what is empty for its end */
		if (formats[i] == SEVEN)
			assert_string_equal(g.names, "f!logs/a.log f!../../etc/passwd f!logs/empty ");
		else
			assert_string_equal(g.names, want);
		assert_data(&g, "aaa\nroot\n", 9);
		done(&g, NULL);
		read_piped(b.data, b.len, &g);
		assert_int_equal(g.members, 3);
		assert_int_equal(g.errors, 0);
		assert_data(&g, "aaa\nroot\n", 9);
		done(&g, &b);
	}
}

static void
a_tar_of_any_compression_gives_its_members(void **state)
{
	struct sess_buf b;
	struct got g;
	size_t i;

	(void)state;
	for (i = 0; i < NFILTERS; i++) {
		pack(&b, TAR, filters[i], three, 4);
		read_bytes(b.data, b.len, NULL, &g);
		assert_string_equal(g.names, "f!logs/a.log f!logs/empty f!../../etc/passwd ");
		assert_data(&g, "aaa\nroot\n", 9);
		done(&g, &b);
	}
}

static void
empty_archives_have_no_members(void **state)
{
	static const int formats[] = { TAR, ZIP, SEVEN };
	struct sess_buf b;
	struct got g;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		pack(&b, formats[i], ARCHIVE_FILTER_NONE, NULL, 0);
		read_bytes(b.data, b.len, NULL, &g);
		assert_string_equal(g.names, "");
		done(&g, &b);
	}
}

static void
compressed_members_are_decompressed(void **state)
{
	struct sess_buf z[NFILTERS], b;
	struct item items[NFILTERS];
	struct got g;
	size_t i;

	(void)state;
	for (i = 0; i < NFILTERS; i++) {
		squeeze(&z[i], filters[i], "abc\n", 4);
		items[i] = (struct item){ "m", z[i].data, z[i].len };
	}
	pack(&b, TAR, ARCHIVE_FILTER_GZIP, items, NFILTERS);
	read_bytes(b.data, b.len, NULL, &g);
	assert_string_equal(g.names, "f!m f!m f!m f!m f!m f!m ");
	assert_data(&g, "abc\nabc\nabc\nabc\nabc\nabc\n", 24);
	done(&g, &b);
	pack(&b, ZIP, ARCHIVE_FILTER_NONE, items, NFILTERS);
	read_bytes(b.data, b.len, NULL, &g);
	assert_int_equal(g.members, NFILTERS);
	assert_data(&g, "abc\nabc\nabc\nabc\nabc\nabc\n", 24);
	done(&g, &b);
	for (i = 0; i < NFILTERS; i++)
		sess_buf_release(&z[i]);
}

static void
archives_in_archives_are_flattened(void **state)
{
	struct sess_buf tar, zip, seven, b;
	struct got g;

	(void)state;
	pack(&tar, TAR, ARCHIVE_FILTER_XZ, three, 4);
	pack(&zip, ZIP, ARCHIVE_FILTER_NONE, three + 1, 1);
	pack(&seven, SEVEN, ARCHIVE_FILTER_NONE, three + 1, 1);
	{
		struct item outer[] = { { "first", "1\n", 2 }, { "in.tar.xz", tar.data, tar.len },
			{ "in.zip", zip.data, zip.len }, { "in.7z", seven.data, seven.len },
			{ "last", "2\n", 2 } };

		pack(&b, TAR, ARCHIVE_FILTER_NONE, outer, 5);
	}
	read_bytes(b.data, b.len, NULL, &g);
	assert_string_equal(g.names, "f!first f!in.tar.xz!logs/a.log f!in.tar.xz!logs/empty "
	    "f!in.tar.xz!../../etc/passwd f!in.zip!logs/a.log f!in.7z!logs/a.log f!last ");
	assert_data(&g, "1\naaa\nroot\naaa\naaa\n2\n", 21);
	done(&g, &b);
	sess_buf_release(&tar);
	sess_buf_release(&zip);
	sess_buf_release(&seven);
}

static void
four_layers_are_read_and_five_are_a_limit(void **state)
{
	struct sess_buf b, c;
	struct item items[2] = { { "x", NULL, 0 }, { "y", "good\n", 5 } };
	struct got g;
	int i;

	(void)state;
	squeeze(&b, ARCHIVE_FILTER_GZIP, "deep\n", 5);
	for (i = 2; i <= 5; i++) {
		squeeze(&c, i % 2 ? ARCHIVE_FILTER_GZIP : ARCHIVE_FILTER_ZSTD, b.data, b.len);
		sess_buf_release(&b);
		b = c;
		read_bytes(b.data, b.len, NULL, &g);
		if (i <= 4) {
			assert_string_equal(g.names, "f ");
			assert_data(&g, "deep\n", 5);
		} else {
			assert_string_equal(g.names,
			    "f(more than 4 archives or compressions inside one another) ");
			assert_int_equal(g.last.code, SESS_ELIMIT);
		}
		done(&g, NULL);
	}
	/* the next member still counts */
	items[0].data = b.data;
	items[0].len = b.len;
	pack(&c, TAR, ARCHIVE_FILTER_NONE, items, 2);
	read_bytes(c.data, c.len, NULL, &g);
	assert_string_equal(g.names,
	    "f!x(more than 4 archives or compressions inside one another) f!y ");
	assert_data(&g, "good\n", 5);
	done(&g, &c);
	sess_buf_release(&b);
}

static void
links_in_archives_are_no_members(void **state)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	char buf[20000];
	size_t used;
	struct got g;
	int i;

	(void)state;
	archive_write_set_format_ustar(a);
	archive_write_open_memory(a, buf, sizeof(buf), &used);
	for (i = 0; i < 4; i++) {
		archive_entry_clear(e);
		archive_entry_set_pathname(e, i == 3 ? "file" : "link");
		archive_entry_set_mode(e, i == 1 ? AE_IFLNK : i == 2 ? AE_IFIFO : AE_IFREG | 0644);
		if (i == 0)
			archive_entry_set_hardlink(e, "/etc/passwd");
		if (i == 1)
			archive_entry_set_symlink(e, "/etc/passwd");
		archive_entry_set_size(e, i == 3 ? 2 : 0);
		assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	}
	archive_write_data(a, "x\n", 2);
	archive_entry_free(e);
	archive_write_close(a);
	archive_write_free(a);
	read_bytes(buf, used, NULL, &g);
	assert_string_equal(g.names, "f!file ");
	assert_data(&g, "x\n", 2);
	done(&g, NULL);
}

static void
a_damaged_tar_header_costs_only_its_member(void **state)
{
	static const struct item items[] = { { "a", "aaa\n", 4 }, { "b", "bbb\n", 4 },
		{ "c", "ccc\n", 4 } };
	struct sess_buf b;
	struct got g;

	(void)state;
	pack(&b, TAR, ARCHIVE_FILTER_NONE, items, 3);
	b.data[1024 + 20] = 'x';	/* in the header of b */
	read_bytes(b.data, b.len, NULL, &g);
	assert_int_equal(g.errors, 1);
	assert_string_equal(g.names, "f!a f(bad tar data: damaged tar archive) f!c ");
	assert_data(&g, "aaa\nccc\n", 8);
	done(&g, &b);
}

static void
a_damaged_member_is_told_and_the_next_ones_go_on(void **state)
{
	static const int formats[] = { TAR, ZIP };
	char *text = text_of(9000);
	struct sess_buf gz, b;
	struct got g;
	size_t i;
	char *p;

	(void)state;
	squeeze(&gz, ARCHIVE_FILTER_GZIP, text, 9000);
	for (i = 0; i < 2; i++) {
		struct item items[] = { { "a", "aaa\n", 4 }, { "bad", gz.data, gz.len },
			{ "c", "ccc\n", 4 } };

		gz.data[gz.len - 6] ^= 0x55;	/* the checksum */
		pack(&b, formats[i], ARCHIVE_FILTER_NONE, items, 3);
		read_bytes(b.data, b.len, NULL, &g);
		assert_string_equal(g.names,
		    "f!a f!bad f!bad(bad gzip data: wrong checksum) f!c ");
		assert_int_equal(g.data.len, 4 + 9000 + 4);
		done(&g, &b);
		gz.data[gz.len - 6] ^= 0x55;
	}
	sess_buf_release(&gz);
	{
		/* damage in the deflated data of a zip */
		struct item items[] = { { "a", "aaa\n", 4 }, { "bad", text, 9000 },
			{ "c", "ccc\n", 4 } };

		pack(&b, ZIP, ARCHIVE_FILTER_NONE, items, 3);
		p = memmem(b.data, b.len, "bad", 3);
		assert_non_null(p);
		memset(p + 500, 0xff, 64);
		read_bytes(b.data, b.len, NULL, &g);
		assert_int_equal(g.errors, 1);
		assert_int_equal(g.members, 3);
		assert_non_null(strstr(g.names, "f!bad(bad zip data"));
		assert_memory_equal(g.data.data + g.data.len - 4, "ccc\n", 4);
		done(&g, &b);
	}
	free(text);
}

static void
a_cut_archive_gives_the_members_it_holds(void **state)
{
	char *text = text_of(30000);
	const struct item items[] = { { "a", text, 30000 }, { "b", text, 30000 },
		{ "c", text, 30000 } };
	static const int formats[] = { TAR, ZIP };
	struct sess_buf b;
	struct got g;
	size_t i, k, cut, n, prev;

	(void)state;
	for (i = 0; i < 2; i++)
		for (k = 0; k < (i == 0 ? NFILTERS : 1); k++) {
			pack(&b, formats[i], filters[k], items, 3);
			prev = 0;
			for (cut = 600; cut < b.len; cut += 1000) {
				read_bytes(b.data, cut, NULL, &g);
				for (n = 0; n < g.data.len; n += 30000)
					assert_memory_equal(g.data.data + n, text,
					    g.data.len - n < 30000 ? g.data.len - n : 30000);
				assert_true(g.data.len >= prev);
				prev = g.data.len;
				assert_true(g.members <= 3 && g.errors <= 1);
				/* a tar cut between members, or in its end mark, can't be told */
				assert_true(g.errors == 1 || g.data.len % 30000 == 0);
				done(&g, NULL);
			}
			sess_buf_release(&b);
		}
	free(text);
}

static void
damage_behind_the_last_member_of_a_tar_is_told(void **state)
{
	struct sess_buf b;
	struct got g;

	(void)state;
	pack(&b, TAR, ARCHIVE_FILTER_GZIP, three, 4);
	b.data[b.len - 8] ^= 1;
	read_bytes(b.data, b.len, NULL, &g);
	assert_int_equal(g.members, 3);
	assert_int_equal(g.errors, 1);
	assert_string_equal(g.last.text, "bad gzip data: wrong checksum");
	done(&g, &b);
}

static void
tars_one_behind_another_are_all_read(void **state)
{
	struct sess_buf b, c;
	struct got g;

	(void)state;
	pack(&b, TAR, ARCHIVE_FILTER_NONE, three + 1, 1);
	pack(&c, TAR, ARCHIVE_FILTER_NONE, three + 3, 1);
	assert_int_equal(sess_buf_add(&b, c.data, c.len), 0);
	read_bytes(b.data, b.len, NULL, &g);
	assert_string_equal(g.names, "f!logs/a.log f!../../etc/passwd ");
	done(&g, &b);
	sess_buf_release(&c);
}

/* -- limits */

static void
a_bomb_is_stopped_and_the_next_member_goes_on(void **state)
{
	const struct sessp_limits limits = { .ratio = 10, .after = 65536 };
	const size_t big = 8 << 20;
	char *zeros = calloc(1, big);
	struct sess_buf gz, b;
	struct got g;

	(void)state;
	squeeze(&gz, ARCHIVE_FILTER_GZIP, zeros, big);
	read_bytes(gz.data, gz.len, NULL, &g);
	assert_int_equal(g.errors, 0);
	assert_int_equal(g.data.len, big);
	done(&g, NULL);
	read_bytes(gz.data, gz.len, &limits, &g);
	assert_string_equal(g.names, "f f(data expands more than 10 times) ");
	assert_int_equal(g.last.code, SESS_ELIMIT);
	assert_true(g.data.len >= 65536 && g.data.len < big);
	done(&g, NULL);
	{
		struct item items[] = { { "bomb", gz.data, gz.len }, { "good", "good\n", 5 } };

		pack(&b, TAR, ARCHIVE_FILTER_NONE, items, 2);
	}
	read_bytes(b.data, b.len, &limits, &g);
	assert_string_equal(g.names, "f!bomb f!bomb(data expands more than 10 times) f!good ");
	done(&g, &b);
	sess_buf_release(&gz);
	free(zeros);
}

static void
too_many_members_are_a_limit(void **state)
{
	const struct sessp_limits limits = { .members = 2 };
	struct sess_buf b;
	struct got g;

	(void)state;
	pack(&b, ZIP, ARCHIVE_FILTER_NONE, three, 4);
	read_bytes(b.data, b.len, &limits, &g);
	assert_string_equal(g.names,
	    "f!logs/a.log f!logs/empty f!../../etc/passwd(more than 2 members) ");
	assert_int_equal(g.last.code, SESS_ELIMIT);
	done(&g, &b);
}

/* -- what things are */

static enum sessp_kind
sniff(const char *s, size_t len)
{
	return sessp_magic_of((const unsigned char *)s, len, false);
}

static void
a_line_is_told_as_plain_at_once(void **state)
{
	static const char *const lines[] = { "{\"a\":1}\n", "1.2.3.4 - - [x] \"GET /\"\n",
		"Bravo\n", "PKI\n", "7zip\n", "\n", "BZh9 is no bzip2\n", "(x\n", "[\n",
		"\xe5\xbc\xa0\n", "07070100000000\n", "!<arch>\nabc", "#mtree\n" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_int_equal(sniff(lines[i], strlen(lines[i])), SESSP_PLAIN);
	assert_int_equal(sniff("BZh", 3), SESSP_UNSURE);
	assert_int_equal(sniff("\x1f\x8b\x08", 3), SESSP_GZIP);
	assert_int_equal(sessp_magic_of((const unsigned char *)"\x1f\x8b", 2, true), SESSP_GZIP);
	assert_int_equal(sessp_magic_of((const unsigned char *)"", 0, true), SESSP_PLAIN);
}

static void
long_text_and_holes_are_plain(void **state)
{
	static char p[4096];
	struct got g;

	(void)state;
	memset(p, '7', sizeof(p));	/* digits wherever a tar has numbers */
	read_bytes(p, sizeof(p), NULL, &g);
	assert_string_equal(g.names, "f ");
	assert_data(&g, p, sizeof(p));
	done(&g, NULL);
	memset(p, 0, sizeof(p));	/* a log truncated under its writer */
	p[3000] = '{';
	read_bytes(p, sizeof(p), NULL, &g);
	assert_string_equal(g.names, "f ");
	assert_data(&g, p, sizeof(p));
	done(&g, NULL);
}

static void
a_pipe_is_idle_while_nothing_is_in_it(void **state)
{
	char path[64], buf[64];
	struct sessp_file file = { .path = path, .name = (char *)"p" };
	struct sessp_input *in;
	const char *name;
	size_t n;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
	assert_int_equal(sessp_input_open(&in, &file, NULL, NULL), SESS_OK);
	assert_true(sessp_input_idle(in));
	assert_int_equal(write(fd[1], "a line\n", 7), 7);
	assert_false(sessp_input_idle(in));
	assert_int_equal(sessp_input_member(in, &name, NULL), SESS_OK);
	assert_false(sessp_input_idle(in));
	assert_int_equal(sessp_input_read(in, buf, sizeof(buf), &n, NULL), SESS_OK);
	assert_int_equal(n, 7);
	assert_true(sessp_input_idle(in));
	assert_int_equal(sessp_input_consumed(in), 7);
	close(fd[1]);
	assert_false(sessp_input_idle(in));
	assert_int_equal(sessp_input_read(in, buf, sizeof(buf), &n, NULL), SESS_OK);
	assert_int_equal(n, 0);
	sessp_input_free(in);
	close(fd[0]);
}

static void
a_missing_file_is_told_in_the_systems_words(void **state)
{
	struct sessp_file file = { .path = (char *)"/no/such/file", .name = (char *)"x" };
	struct sess_err err = { 0 };
	struct sessp_input *in;

	(void)state;
	assert_int_equal(sessp_input_open(&in, &file, NULL, &err), SESS_ESYS);
	assert_null(in);
	assert_string_equal(err.text, "No such file or directory");
	assert_int_equal(err.sys, ENOENT);
}

/* -- the walk */

static char problems[4096];

static void
problem(void *arg, const char *name, const struct sess_err *err)
{
	size_t n = strlen(problems);

	(void)arg;
	(void)snprintf(problems + n, sizeof(problems) - n, "%s: %s\n", name, err->text);
}

static void
touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x\n", 2), 2);
	close(fd);
}

/* The names of a walk, each with a blank behind it. */
static void
walked(const struct sessp_walk *w, char *out, size_t cap)
{
	size_t i, n = 0;

	*out = '\0';
	for (i = 0; i < w->n; i++)
		n += (size_t)snprintf(out + n, cap - n, "%s ", w->files[i].name);
}

static void
a_directory_is_walked_in_natural_order_without_links(void **state)
{
	static const char *const files[] = { "log.10", "log.2", "log", "sub/b", "log.1.gz" };
	const char *operands[] = { "log.2", ".", "none", "fifo", NULL };
	char dir[] = "/tmp/sess-test-XXXXXX", got[1024];
	struct sessp_walk w;
	struct stat st;
	size_t i;
	int back = open(".", O_RDONLY);

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(mkdir("sub", 0700), 0);
	for (i = 0; i < 5; i++)
		touch(files[i]);
	assert_int_equal(symlink("..", "sub/loop"), 0);
	assert_int_equal(symlink("log", "link"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	touch("out");
	assert_int_equal(stat("out", &st), 0);

	problems[0] = '\0';
	assert_int_equal(sessp_walk(&w, operands, &st, 1, problem, NULL, NULL), SESS_OK);
	walked(&w, got, sizeof(got));
	assert_string_equal(got,
	    "log.2 ./log ./log.1.gz ./log.2 ./log.10 ./sub/b fifo ");
	assert_string_equal(problems, "none: No such file or directory\n");
	assert_int_equal(w.skipped, 4);		/* two links, the FIFO inside, out */
	assert_false(w.rereadable);
	assert_true(w.files[0].regular);
	assert_int_equal(w.files[0].size, 2);
	assert_false(w.files[6].regular);
	sessp_walk_release(&w);

	/* as an operand a link is followed */
	operands[0] = "sub/loop/link";
	operands[1] = NULL;
	assert_int_equal(sessp_walk(&w, operands, NULL, 0, problem, NULL, NULL), SESS_OK);
	walked(&w, got, sizeof(got));
	assert_string_equal(got, "sub/loop/link ");
	assert_true(w.rereadable);
	sessp_walk_release(&w);

	for (i = 0; i < 5; i++)
		unlink(files[i]);
	unlink("sub/loop");
	unlink("link");
	unlink("fifo");
	unlink("out");
	rmdir("sub");
	assert_int_equal(fchdir(back), 0);
	close(back);
	rmdir(dir);
}

static void
no_operand_is_standard_input(void **state)
{
	static const char *const dash[] = { "-", NULL };
	static const char *const none[] = { NULL };
	struct sessp_walk w;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(sessp_walk(&w, i == 0 ? dash : none, NULL, 0, problem, NULL, NULL),
		    SESS_OK);
		assert_int_equal(w.n, 1);
		assert_null(w.files[0].path);
		assert_string_equal(w.files[0].name, "<stdin>");
		sessp_walk_release(&w);
	}
}

static void
numbers_in_names_compare_as_numbers(void **state)
{
	static const char *const sorted[] = { "", "a", "a.log", "a.log.1", "a.log.2.gz",
		"a.log.10", "a.log.99999999999999999999999", "a.log.100000000000000000000000",
		"a1", "a01b", "a2", "b" };
	size_t i, k;
	int c;

	(void)state;
	for (i = 0; i < sizeof(sorted) / sizeof(*sorted); i++)
		for (k = 0; k < sizeof(sorted) / sizeof(*sorted); k++) {
			c = sessp_natural_cmp(sorted[i], sorted[k]);
			assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
		}
	assert_true(sessp_natural_cmp("a01", "a1") < 0);	/* equal as numbers: as bytes */
}

/* -- memory */

static void
running_out_of_memory_is_an_error_everywhere(void **state)
{
	struct sess_buf gz, tar;
	struct item it = { "m.gz", NULL, 0 };
	const char *const operands[] = { "tests/data/source", NULL };
	char path[64], buf[100];
	struct sessp_file file = { .path = path, .name = (char *)"f" };
	struct sessp_walk w;
	struct sessp_input *in;
	struct sess_err err;
	const char *name;
	size_t n;
	long i;
	int fd, r;

	(void)state;
	squeeze(&gz, ARCHIVE_FILTER_ZSTD, "abc\n", 4);
	it.data = gz.data;
	it.len = gz.len;
	pack(&tar, TAR, ARCHIVE_FILTER_GZIP, &it, 1);
	fd = file_of(tar.data, tar.len);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (i = 0, r = SESS_ENOMEM; r < 0; i++) {
		err = (struct sess_err){ 0 };
		in = NULL;
		alloc_fail_at(i);
		if ((r = sessp_input_open(&in, &file, NULL, &err)) == SESS_OK &&
		    (r = sessp_input_member(in, &name, &err)) == SESS_OK)
			r = sessp_input_read(in, buf, sizeof(buf), &n, &err);
		sessp_input_free(in);
		alloc_fail_at(-1);
		if (r < 0)
			assert_int_equal(err.code, SESS_ENOMEM);
	}
	assert_int_equal(r, SESS_OK);
	assert_int_equal(n, 4);
	assert_true(i > 5);
	for (i = 0, r = SESS_ENOMEM; r < 0; i++) {
		err = (struct sess_err){ 0 };
		alloc_fail_at(i);
		r = sessp_walk(&w, operands, NULL, 0, problem, NULL, &err);
		alloc_fail_at(-1);
		assert_int_equal(err.code, r);
	}
	assert_int_equal(w.n, 2);
	sessp_walk_release(&w);
	close(fd);
	sess_buf_release(&gz);
	sess_buf_release(&tar);
}

static void
put_le(char *p, uint64_t v, unsigned n)
{
	for (; n-- > 0; v >>= 8)
		*p++ = (char)v;
}

static uint64_t
get_le(const char *p, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | (unsigned char)p[n];
	return v;
}

/* State where a 7z's header is, and the checksums of both. */
static void
seal_7z(struct sess_buf *b, size_t at, size_t len)
{
	put_le(b->data + 12, at - 32, 8);
	put_le(b->data + 20, len, 8);
	put_le(b->data + 28, lzma_crc32((const uint8_t *)b->data + at, len, 0), 4);
	put_le(b->data + 8, lzma_crc32((const uint8_t *)b->data + 12, 20, 0), 4);
}

/* A number in the header, in its longest form. */
static void
put_7z(struct sess_buf *b, uint64_t v)
{
	char p[9] = "\xff";

	put_le(p + 1, v, 8);
	assert_int_equal(sess_buf_add(b, p, 9), 0);
}

/* The same archive with its header packed, as 7z itself writes it. */
static void
pack_7z_header(struct sess_buf *b)
{
	size_t at = 32 + (size_t)get_le(b->data + 12, 8), len = (size_t)get_le(b->data + 20, 8), n = 0;
	lzma_options_lzma o;
	lzma_filter chain[] = { { LZMA_FILTER_LZMA1, &o }, { LZMA_VLI_UNKNOWN, NULL } };
	uint8_t packed[4096];
	char props[5];

	assert_false(lzma_lzma_preset(&o, 0));
	assert_int_equal(lzma_raw_buffer_encode(chain, NULL, (const uint8_t *)b->data + at, len,
	    packed, &n, sizeof(packed)), LZMA_OK);
	assert_int_equal(lzma_properties_encode(chain, (uint8_t *)props), LZMA_OK);
	b->len = at;
	assert_int_equal(sess_buf_add(b, (char *)packed, n), 0);
	at = b->len;
	assert_int_equal(sess_buf_add(b, "\x17\x06", 2), 0);
	put_7z(b, at - n - 32);
	assert_int_equal(sess_buf_add(b, "\x01\x09", 2), 0);
	put_7z(b, n);
	assert_int_equal(sess_buf_add(b, "\0\x07\x0b\x01\0\x01\x23\x03\x01\x01\x05", 11), 0);
	assert_int_equal(sess_buf_add(b, props, 5), 0);
	assert_int_equal(sess_buf_putc(b, 0x0c), 0);
	put_7z(b, len);
	assert_int_equal(sess_buf_add(b, "\0\0", 2), 0);
	seal_7z(b, at, b->len - at);
}

static void
a_7z_window_over_the_limit_is_refused(void **state)
{
	struct sessp_limits wide = { .window = UINT64_C(2) << 30 };
	char *text = text_of(3000), *props;
	struct item it = { "a.log", text, 3000 };
	struct sess_buf b;
	struct got g;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		pack(&b, SEVEN, ARCHIVE_FILTER_NONE, &it, 1);
		props = memmem(b.data, b.len, "\x23\x03\x01\x01\x05\x5d", 6);
		assert_non_null(props);
		put_le(props + 6, UINT64_C(1) << 30, 4);
		seal_7z(&b, 32 + (size_t)get_le(b.data + 12, 8), (size_t)get_le(b.data + 20, 8));
		if (i == 1)
			pack_7z_header(&b);
		read_bytes(b.data, b.len, NULL, &g);
		assert_string_equal(g.names, "f(7z window of more than 128 MiB) ");
		assert_int_equal(g.last.code, SESS_ELIMIT);
		done(&g, NULL);
		read_bytes(b.data, b.len, &wide, &g);
		assert_string_equal(g.names, "f!a.log ");
		assert_data(&g, text, 3000);
		done(&g, NULL);
		read_bytes(b.data, b.len - 1, NULL, &g);
		assert_string_equal(g.names, "f(unexpected end of 7z data) ");
		done(&g, &b);
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_compression_reads_like_the_plain_file),
		cmocka_unit_test(empty_files_hold_one_empty_member),
		cmocka_unit_test(concatenated_streams_are_all_read),
		cmocka_unit_test(a_small_buffer_gives_the_same_bytes),
		cmocka_unit_test(a_7z_window_over_the_limit_is_refused),
		cmocka_unit_test(a_cut_lz4_block_gives_what_it_holds),
		cmocka_unit_test(a_cut_stream_gives_what_it_holds_and_says_so),
		cmocka_unit_test(a_gzip_cut_anywhere_gives_as_much_as_zlib_gives),
		cmocka_unit_test(zeros_behind_gzip_data_are_padding_and_other_bytes_an_error_after_it),
		cmocka_unit_test(a_wrong_checksum_is_told_after_the_data),
		cmocka_unit_test(a_skippable_zstd_frame_is_skipped),
		cmocka_unit_test(a_zstd_window_over_the_limit_is_refused),
		cmocka_unit_test(each_container_gives_its_members),
		cmocka_unit_test(a_tar_of_any_compression_gives_its_members),
		cmocka_unit_test(empty_archives_have_no_members),
		cmocka_unit_test(compressed_members_are_decompressed),
		cmocka_unit_test(archives_in_archives_are_flattened),
		cmocka_unit_test(four_layers_are_read_and_five_are_a_limit),
		cmocka_unit_test(links_in_archives_are_no_members),
		cmocka_unit_test(a_damaged_tar_header_costs_only_its_member),
		cmocka_unit_test(a_damaged_member_is_told_and_the_next_ones_go_on),
		cmocka_unit_test(a_cut_archive_gives_the_members_it_holds),
		cmocka_unit_test(damage_behind_the_last_member_of_a_tar_is_told),
		cmocka_unit_test(tars_one_behind_another_are_all_read),
		cmocka_unit_test(a_bomb_is_stopped_and_the_next_member_goes_on),
		cmocka_unit_test(too_many_members_are_a_limit),
		cmocka_unit_test(a_line_is_told_as_plain_at_once),
		cmocka_unit_test(long_text_and_holes_are_plain),
		cmocka_unit_test(a_pipe_is_idle_while_nothing_is_in_it),
		cmocka_unit_test(a_missing_file_is_told_in_the_systems_words),
		cmocka_unit_test(a_directory_is_walked_in_natural_order_without_links),
		cmocka_unit_test(no_operand_is_standard_input),
		cmocka_unit_test(numbers_in_names_compare_as_numbers),
		cmocka_unit_test(running_out_of_memory_is_an_error_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
