#include "stage.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

/* A container: tar, zip, 7z. */
struct archive_stage {
	struct sessp_stage stage;
	struct archive *a;
	struct archive_entry *entry;	/* the current member, borrowed from a */
	enum sessp_kind kind;
	bool opened;
	bool over;		/* no further member can be had */
	bool stumbled;		/* damage was told since the last good header */
	size_t viewed;		/* bytes of the stage below that libarchive holds */
	const char *block;	/* what libarchive gave last of the member */
	size_t block_len;
	int64_t block_at, at;	/* where it belongs, where we are: between is a hole */
};

/* -- libarchive's side: it reads from the stage below */

static la_ssize_t
on_read(struct archive *a, void *arg, const void **p)
{
	struct archive_stage *s = arg;
	const unsigned char *view;
	struct sess_err err = { 0 };
	size_t n;

	/* The view of the last call is used up only now. */
	sessp_stage_skip(s->stage.from, s->viewed);
	s->viewed = 0;
	if (sessp_stage_view(s->stage.from, &view, &n, &err) < 0) {
		archive_set_error(a, err.code == SESS_ENOMEM ? ENOMEM : EIO, "%s", err.text);
		return -1;
	}
	*p = view;
	s->viewed = n;
	return (la_ssize_t)n;
}

static la_int64_t
on_seek(struct archive *a, void *arg, la_int64_t offset, int whence)
{
	struct archive_stage *s = arg;
	struct sessp_stage *from = s->stage.from;
	int64_t at;

	at = from->ops->seek(from, offset, whence);
	if (at < 0) {
		archive_set_error(a, errno, "%s", strerror(errno));
		return ARCHIVE_FATAL;
	}
	from->pos = from->len = s->viewed = 0;
	from->state = SESS_OK;
	return at;
}

/* What libarchive says, in our words. */
static enum sess_status
fail(struct archive_stage *s, struct sess_err *err)
{
	const char *text;
	char why[96];

	/* the cause lies below: a cut .tar.gz is a cut gzip */
	if (s->stage.from->state < 0) {
		if (err != NULL && err->code == SESS_OK)
			*err = s->stage.from->err;
		return s->stage.from->state;
	}
	if (archive_errno(s->a) == ENOMEM)
		return sess_err_nomem(err);
	text = archive_error_string(s->a);
	if (text == NULL)
		return sessp_bad(err, s->kind, NULL);
	if (strstr(text, "runcated") != NULL || strstr(text, "end of file") != NULL ||
	    strstr(text, "end-of-file") != NULL || strstr(text, "No progress") != NULL)
		return sessp_stage_cut(err, s->kind);
	if (strcasestr(text, "encrypted") != NULL || strcasestr(text, "passphrase") != NULL)
		return sess_err_set(err, SESS_EFORMAT, 0, "encrypted");
	(void)snprintf(why, sizeof(why), "%s", text);
	if (isupper((unsigned char)why[0]) && islower((unsigned char)why[1]))
		why[0] = (char)tolower((unsigned char)why[0]);
	return sessp_bad(err, s->kind, why);
}

/* Only what was recognised is enabled. */
static int
enable(struct archive_stage *s)
{
	struct archive *a = s->a;

	switch (s->kind) {
	case SESSP_TAR:
		if (archive_read_support_format_tar(a) != ARCHIVE_OK)
			return ARCHIVE_FATAL;
		/* what follows an end mark is not passed over in silence */
		return archive_read_set_option(a, "tar", "read_concatenated_archives", "1");
	case SESSP_ZIP:
		if (s->stage.from->ops->seek == NULL)
			return archive_read_support_format_zip_streamable(a);
		return archive_read_support_format_zip(a);
	default:
		return archive_read_support_format_7zip(a);
	}
}

static enum sess_status
open_archive(struct archive_stage *s, struct sess_err *err)
{
	struct sessp_stage *from = s->stage.from;
	enum sess_status status;
	int r;

	s->opened = true;
	s->over = true;
	s->a = archive_read_new();
	if (s->a == NULL)
		return sess_err_nomem(err);
	if (s->kind == SESSP_7ZIP && (status = sessp_7zip_check(from, err)) < 0)
		return status;
	r = enable(s);
	if (r == ARCHIVE_WARN)		/* by an external program only */
		return sess_err_set(err, SESS_EFORMAT, 0, "%s is not supported here",
		    sessp_kind_name(s->kind));
	if (r != ARCHIVE_OK)
		return fail(s, err);
	(void)archive_read_set_read_callback(s->a, on_read);
	if (from->ops->seek != NULL)
		(void)archive_read_set_seek_callback(s->a, on_seek);
	(void)archive_read_set_callback_data(s->a, s);
	if (archive_read_open1(s->a) != ARCHIVE_OK)
		return fail(s, err);
	s->over = false;
	return SESS_OK;
}

/*
 * The next header; SESS_END after the last.  A damaged header of a tar is told
 * once, then whatever follows it is searched block by block for the next good
 * one.  Any other second failure in a row is the same damage again, and the end.
 */
static enum sess_status
next_header(struct archive_stage *s, struct sess_err *err)
{
	int r;

	do
		r = archive_read_next_header(s->a, &s->entry);
	while (r == ARCHIVE_RETRY && s->stumbled && s->kind == SESSP_TAR);
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN) {
		s->stumbled = false;
		return SESS_OK;
	}
	if (r == ARCHIVE_EOF) {
		s->over = true;
		return SESS_END;
	}
	s->over = r == ARCHIVE_FATAL || s->stumbled;
	if (s->stumbled)
		return SESS_END;
	s->stumbled = true;
	return fail(s, err);
}

static enum sess_status
read_block(struct archive_stage *s, struct sess_err *err)
{
	const void *p;
	int r;

	r = archive_read_data_block(s->a, &p, &s->block_len, &s->block_at);
	s->block = p;
	if (r == ARCHIVE_EOF)
		return SESS_END;
	/* of the data of a member a warning is a failure too: a wrong checksum */
	if (r != ARCHIVE_OK || s->block_at < s->at) {
		s->block_len = 0;
		return fail(s, err);
	}
	return SESS_OK;
}

static enum sess_status
member_read(struct sessp_stage *st, char *buf, size_t cap, size_t *n, struct sess_err *err)
{
	struct archive_stage *s = (struct archive_stage *)st;
	enum sess_status r;

	if (s->over)
		return SESS_OK;
	while (s->block_len == 0)
		if ((r = read_block(s, err)) != SESS_OK)
			return r < 0 ? r : SESS_OK;
	if (s->block_at > s->at) {		/* the hole of a sparse file */
		*n = cap;
		if ((uint64_t)(s->block_at - s->at) < cap)
			*n = (size_t)(s->block_at - s->at);
		memset(buf, 0, *n);
		s->at += (int64_t)*n;
		return SESS_OK;
	}
	*n = s->block_len < cap ? s->block_len : cap;
	memcpy(buf, s->block, *n);
	s->block += *n;
	s->block_len -= *n;
	s->at += (int64_t)*n;
	s->block_at = s->at;
	return SESS_OK;
}

static bool
member_pending(const struct sessp_stage *st)
{
	return ((const struct archive_stage *)st)->block_len > 0;
}

/* Read the rest of the member, through our own counting of what comes out: a
 * bomb that nobody looks at is one too. */
static void
pass_over(struct archive_stage *s)
{
	const unsigned char *p;
	size_t n;

	if (s->entry == NULL)
		return;
	s->stumbled = s->stage.told;
	do {
		sessp_stage_skip(&s->stage, s->stage.len - s->stage.pos);
		if (sessp_stage_view(&s->stage, &p, &n, NULL) < 0)
			break;
	} while (n > 0);
	if (s->stage.state == SESS_ELIMIT || s->stage.state == SESS_ENOMEM)
		s->over = true;		/* libarchive would only read on */
	s->entry = NULL;
	s->block_len = 0;
	s->block_at = s->at = 0;
	sessp_stage_reset(&s->stage);
}

/* After the last member: damage of the file below that shows behind it, as the
 * checksum of a .tar.gz. */
static enum sess_status
finish(struct archive_stage *s, struct sess_err *err)
{
	const unsigned char *p;
	size_t n;

	s->over = true;
	if (s->stage.from->from == NULL)
		return SESS_END;
	s->viewed = 0;
	do {
		sessp_stage_skip(s->stage.from, s->stage.from->len - s->stage.from->pos);
		if (sessp_stage_view(s->stage.from, &p, &n, err) < 0)
			return s->stage.from->state;
	} while (n > 0);
	return SESS_END;
}

static const char *
entry_name(struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e);

	/* NULL where the locale can't say it */
	return name != NULL ? name : archive_entry_pathname_utf8(e);
}

static enum sess_status
member_next(struct sessp_stage *st, const char **name, struct sess_err *err)
{
	struct archive_stage *s = (struct archive_stage *)st;
	enum sess_status r;

	*name = NULL;
	if (!s->opened && (r = open_archive(s, err)) < 0)
		return r;
	for (;;) {
		pass_over(s);
		if (s->over)
			return SESS_END;
		r = next_header(s, err);
		if (r == SESS_END)
			return finish(s, err);
		if (r < 0) {
			s->entry = NULL;
			return r;
		}
		if (archive_entry_filetype(s->entry) != AE_IFREG ||
		    archive_entry_hardlink(s->entry) != NULL)
			continue;
		*name = entry_name(s->entry);
		if (!archive_entry_is_data_encrypted(s->entry))
			return SESS_OK;
		return sess_err_set(err, SESS_EFORMAT, 0, "encrypted");
	}
}

static void
archive_stage_free(struct sessp_stage *st)
{
	struct archive_stage *s = (struct archive_stage *)st;

	if (s->a != NULL)
		(void)archive_read_free(s->a);
	free(s);
}

static const struct sessp_stage_ops ops = {
	.read = member_read, .next = member_next, .pending = member_pending,
	.free = archive_stage_free,
};

struct sessp_stage *
sessp_archive_stage(struct sessp_stage *from, enum sessp_kind kind)
{
	struct archive_stage *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->kind = kind;
	sessp_stage_init(&s->stage, &ops, from);
	return &s->stage;
}
