/*
 * A session as bytes, for those that wait on disk for their turn: the structs
 * as they are, then all strings, one behind another; their lengths are in the
 * structs.  The bytes never leave the process.
 */
#include <string.h>

#include "private.h"

/* Calls fn for each string of s and its arrays, always in the same order. */
static int
each_string(struct sess_session *s, struct sess_slice *users, struct sess_view *views,
    struct sess_member *members, int (*fn)(void *arg, const char **p, size_t len), void *arg)
{
	struct sess_slice *own[] = {
#define FACT_SLICE(NAME, member) &s->member,
		SESSP_WHO_FACTS(FACT_SLICE)
		SESSP_ENV_FACTS(FACT_SLICE)
#undef FACT_SLICE
		&s->key, &s->entry_page, &s->exit_page,
	}, *of_view[4];
	size_t i, j;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (fn(arg, &own[i]->p, own[i]->len) < 0)
			return -1;
	for (i = 0; i < s->nuser_ids; i++)
		if (fn(arg, &users[i].p, users[i].len) < 0)
			return -1;
	for (i = 0; i < s->nviews; i++) {
		of_view[0] = &views[i].view_id;
		of_view[1] = &views[i].page;
		of_view[2] = &views[i].page_url;
		of_view[3] = &views[i].title;
		for (j = 0; j < 4; j++)
			if (fn(arg, &of_view[j]->p, of_view[j]->len) < 0)
				return -1;
	}
	for (i = 0; i < s->nmembers; i++)
		if (members[i].line != NULL &&
		    fn(arg, &members[i].line, members[i].line_len) < 0)
			return -1;
	return 0;
}

static int
write_string(void *arg, const char **p, size_t len)
{
	return sess_buf_add(arg, *p, len);
}

static int
read_string(void *arg, const char **p, size_t len)
{
	const char **at = arg;

	*p = *at;
	*at += len;
	return 0;
}

int
sessp_freeze(const struct sess_session *s, enum sessp_end end, struct sess_buf *out)
{
	struct sess_session copy = *s;
	uint64_t how = end;

	if (sess_buf_add(out, s, sizeof(*s)) < 0 ||
	    sess_buf_add(out, &how, sizeof(how)) < 0 ||
	    sess_buf_add(out, s->user_ids, s->nuser_ids * sizeof(*s->user_ids)) < 0 ||
	    sess_buf_add(out, s->views, s->nviews * sizeof(*s->views)) < 0 ||
	    sess_buf_add(out, s->members, s->nmembers * sizeof(*s->members)) < 0)
		return -1;
	/* Writing changes no string: the casts are safe. */
	return each_string(&copy, (struct sess_slice *)s->user_ids,
	    (struct sess_view *)s->views, (struct sess_member *)s->members,
	    write_string, out);
}

void
sessp_thaw(char *p, struct sess_session *s, enum sessp_end *end)
{
	struct sess_slice *users;
	struct sess_view *views;
	struct sess_member *members;
	const char *strings;
	uint64_t how;

	memcpy(s, p, sizeof(*s));
	memcpy(&how, p + sizeof(*s), sizeof(how));
	*end = (enum sessp_end)how;
	users = (struct sess_slice *)(void *)(p + sizeof(*s) + sizeof(how));
	views = (struct sess_view *)(void *)(users + s->nuser_ids);
	members = (struct sess_member *)(void *)(views + s->nviews);
	strings = (char *)(members + s->nmembers);
	each_string(s, users, views, members, read_string, &strings);
	s->user_ids = users;
	s->views = views;
	s->members = s->nmembers > 0 ? members : NULL;
}

/* A string that ends where no byte of another can: NUL is NUL, 0xff; the end
 * is NUL, NUL. */
static int
put_escaped(struct sess_buf *out, struct sess_slice s)
{
	const char *nul;
	size_t n;

	while ((nul = s.len > 0 ? memchr(s.p, 0, s.len) : NULL) != NULL) {
		n = (size_t)(nul - s.p) + 1;
		if (sess_buf_add(out, s.p, n) < 0 || sess_buf_putc(out, (char)0xff) < 0)
			return -1;
		s.p += n;
		s.len -= n;
	}
	if (sess_buf_add(out, s.p, s.len) < 0)
		return -1;
	return sess_buf_add(out, "\0", 2);
}

int
sessp_session_key(const struct sess_session *s, struct sess_buf *out)
{
	bool visitor = s->session_id.len == 0;
	struct sess_slice none = { "", 0 };

	out->len = 0;
	if (sess_buf_room(out, 8) < 0)
		return -1;
	sessp_put64s(out->data, s->start);
	out->len = 8;
	if (put_escaped(out, s->key) < 0 || sess_buf_putc(out, visitor) < 0)
		return -1;
	return put_escaped(out, visitor ? none : s->app_id);
}
