#include "choice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define HELD (4 << 20)		/* bytes of text that stay in memory */

struct choice_entry {
	size_t order;		/* in which it came */
	size_t name, name_len;	/* in names: s or v, application, NUL, key */
	size_t key, key_len;	/* within: session id or visitor */
	bool visitor, match, chosen;
	int64_t start, end;
	uint64_t text, text_len;	/* in the file, then held */
};

struct choice_value {
	bool known;
	int64_t number;
	size_t text, len;	/* in names */
};

struct choice_tie {
	size_t person, entry;
};

static void
die(int error, const char *what)
{
	struct sess_err err = { 0 };

	if (error == ENOMEM)
		sess_err_nomem(&err);
	else
		sess_err_sys(&err, error, NULL);
	cli_die(what, &err);
}

/* An array of n elements with room for one more. */
static void *
roomy(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;
	*cap = *cap > 0 ? *cap * 2 : 64;
	v = reallocarray(v, *cap, size);
	if (v == NULL)
		die(ENOMEM, NULL);
	return v;
}

static void
add_bytes(struct sess_buf *b, const char *p, size_t len)
{
	if (sess_buf_add(b, p, len) < 0)
		die(ENOMEM, NULL);
}

void
choice_init(struct choice *c, const char *sort, int64_t related, const char *tmpdir)
{
	const char *p;
	size_t len;
	int column;

	*c = (struct choice){ .related = related, .tmpdir = tmpdir, .fd = -1 };
	for (p = sort; p != NULL; p = *p == ',' ? p + 1 : NULL) {
		if (c->nkeys == CHOICE_KEYS)
			cli_misuse("--sort: more than %d columns", CHOICE_KEYS);
		c->keys[c->nkeys].descend = *p == '-';
		p += *p == '-';
		len = strcspn(p, ",");
		column = sess_column_find(p, len);
		if (column < 0)
			cli_misuse("--sort: sessions have no column '%.*s'", (int)len, p);
		c->keys[c->nkeys++].column = (size_t)column;
		p += len;
	}
}

bool
choice_waits(const struct choice *c)
{
	return c->nkeys > 0 || c->related >= 0;
}

/* -- texts */

static void
write_all(int fd, const char *p, size_t len, const char *what)
{
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			die(errno, what);
	}
}

/* A file without a name in the folder for such. */
static int
nameless(const char *dir)
{
	char path[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	if ((size_t)snprintf(path, sizeof(path), "%s/sess-XXXXXX", dir) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

static void
spill(struct choice *c)
{
	const char *dir = c->tmpdir != NULL ? c->tmpdir : "/var/tmp";

	if (c->fd < 0 && (c->fd = nameless(dir)) < 0)
		die(errno, dir);
	write_all(c->fd, c->held.data, c->held.len, dir);
	c->spilled += c->held.len;
	c->held.len = 0;
}

static void
keep_text(struct choice *c, struct choice_entry *e, const char *text, size_t len)
{
	e->text = c->spilled + c->held.len;
	e->text_len = len;
	add_bytes(&c->held, text, len);
	if (c->held.len > HELD)
		spill(c);
}

void
choice_text(struct choice *c, size_t i, const char *text, size_t len)
{
	keep_text(c, &c->v[i], text, len);
}

void
choice_put(struct choice *c, size_t i)
{
	const struct choice_entry *e = &c->v[i];
	char part[64 << 10];
	uint64_t done = 0;
	size_t want;
	ssize_t n;

	if (e->text >= c->spilled) {
		cli_put(c->held.data + (e->text - c->spilled), e->text_len);
		return;
	}
	while (done < e->text_len && !cli_put_failed()) {
		want = e->text_len - done < sizeof(part) ? (size_t)(e->text_len - done) :
		    sizeof(part);
		n = pread(c->fd, part, want, (off_t)(e->text + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die(n < 0 ? errno : EIO, "temporary file");
		cli_put(part, (size_t)n);
		done += (uint64_t)n;
	}
}

/* -- sessions */

static void
add_name(struct sess_buf *b, const struct sess_session *s)
{
	add_bytes(b, s->session_id.len > 0 ? "s" : "v", 1);
	add_bytes(b, s->app_id.p, s->app_id.len);
	add_bytes(b, "", 1);
	add_bytes(b, s->key.p, s->key.len);
}

struct sess_slice
choice_name_of(struct choice *c, const struct sess_session *s)
{
	c->scratch.len = 0;
	add_name(&c->scratch, s);
	return (struct sess_slice){ c->scratch.data, c->scratch.len };
}

static void
add_values(struct choice *c, const struct sess_session *s)
{
	struct sess_slice text;
	struct choice_value *v;
	size_t k;

	for (k = 0; k < c->nkeys; k++) {
		c->values = roomy(c->values, c->n * c->nkeys + k, &c->values_cap,
		    sizeof(*c->values));
		v = &c->values[c->n * c->nkeys + k];
		*v = (struct choice_value){ .text = c->names.len };
		text = (struct sess_slice){ NULL, 0 };
		c->scratch.len = 0;
		v->known = sess_session_value(s, c->keys[k].column, &text, &v->number,
		    &c->scratch);
		if (v->known && text.p != NULL) {
			v->len = text.len;
			add_bytes(&c->names, text.p, text.len);
		}
	}
}

static void
add_tie(struct choice *c, char kind, struct sess_slice who)
{
	c->scratch.len = 0;
	add_bytes(&c->scratch, &kind, 1);
	add_bytes(&c->scratch, who.p, who.len);
	c->ties = roomy(c->ties, c->nties, &c->ties_cap, sizeof(*c->ties));
	c->ties[c->nties++] = (struct choice_tie){
	    names_add(&c->people, c->scratch.data, c->scratch.len), c->n };
}

void
choice_add(struct choice *c, const struct sess_session *s, bool match, const char *text,
    size_t len)
{
	struct choice_entry *e;
	size_t i;

	c->v = roomy(c->v, c->n, &c->cap, sizeof(*c->v));
	e = &c->v[c->n];
	*e = (struct choice_entry){ .order = c->n, .name = c->names.len, .match = match,
	    .chosen = match, .start = s->start, .end = s->end };
	add_name(&c->names, s);
	e->name_len = c->names.len - e->name;
	/* the key of a cut piece begins with it */
	e->visitor = s->session_id.len == 0;
	e->key = e->name + s->app_id.len + 2;
	e->key_len = e->visitor ? s->visitor.len : s->session_id.len;
	keep_text(c, e, text, len);
	add_values(c, s);
	if (c->related >= 0) {
		for (i = 0; i < s->nuser_ids; i++)
			add_tie(c, 'u', s->user_ids[i]);
		if (s->visitor.len > 0)
			add_tie(c, 'v', s->visitor);
	}
	c->n++;
}

/* -- related ones */

static int
compare_ties(const void *a, const void *b)
{
	const struct choice_tie *x = a, *y = b;

	if (x->person != y->person)
		return x->person < y->person ? -1 : 1;
	return (x->entry > y->entry) - (x->entry < y->entry);
}

/*
 * One person's sessions, in order of their start.  A session that is near a
 * match began before that one's end or is followed by its start: so the
 * latest end of the matches before it, and the next match after it, decide.
 */
static void
relate(struct choice *c, const struct choice_tie *t, size_t n)
{
	int64_t end = INT64_MIN, start = INT64_MAX;
	struct choice_entry *e;
	size_t i;

	for (i = 0; i < n; i++) {
		e = &c->v[t[i].entry];
		if (e->match)
			end = e->end > end ? e->end : end;
		else if (end != INT64_MIN && e->start <= end + c->related)
			e->chosen = true;
	}
	for (i = n; i-- > 0; ) {
		e = &c->v[t[i].entry];
		if (e->match)
			start = e->start;
		else if (start != INT64_MAX && e->end >= start - c->related)
			e->chosen = true;
	}
}

static void
choose_related(struct choice *c)
{
	size_t i, n;

	if (c->nties > 0)
		qsort(c->ties, c->nties, sizeof(*c->ties), compare_ties);
	for (i = 0; i < c->nties; i += n) {
		for (n = 1; i + n < c->nties && c->ties[i + n].person == c->ties[i].person; n++)
			;
		relate(c, c->ties + i, n);
	}
}

/* -- order */

/* What is not known comes last, whichever way the rest goes. */
static int
compare_values(const struct choice *c, const struct choice_value *a,
    const struct choice_value *b, bool descend)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int d;

	if (!a->known || !b->known)
		return (int)b->known - (int)a->known;
	d = len > 0 ? memcmp(c->names.data + a->text, c->names.data + b->text, len) : 0;
	if (d == 0)
		d = (a->len > b->len) - (a->len < b->len);
	if (d == 0)
		d = (a->number > b->number) - (a->number < b->number);
	return descend ? -d : d;
}

static int
compare_entries(const void *x, const void *y, void *arg)
{
	const struct choice *c = arg;
	const struct choice_entry *a = x, *b = y;
	size_t k;
	int d;

	for (k = 0; k < c->nkeys; k++) {
		d = compare_values(c, &c->values[a->order * c->nkeys + k],
		    &c->values[b->order * c->nkeys + k], c->keys[k].descend);
		if (d != 0)
			return d;
	}
	return (a->order > b->order) - (a->order < b->order);
}

size_t
choice_settle(struct choice *c)
{
	size_t i, n = 0;

	if (c->related >= 0)
		choose_related(c);
	for (i = 0; i < c->n; i++)
		if (c->v[i].chosen)
			c->v[n++] = c->v[i];
	c->n = n;
	if (n > 0 && c->nkeys > 0)
		qsort_r(c->v, n, sizeof(*c->v), compare_entries, c);
	return n;
}

struct sess_slice
choice_name(const struct choice *c, size_t i)
{
	return (struct sess_slice){ c->names.data + c->v[i].name, c->v[i].name_len };
}

struct sess_slice
choice_key(const struct choice *c, size_t i, bool *visitor)
{
	*visitor = c->v[i].visitor;
	return (struct sess_slice){ c->names.data + c->v[i].key, c->v[i].key_len };
}

void
choice_release(struct choice *c)
{
	free(c->v);
	free(c->values);
	free(c->ties);
	sess_buf_release(&c->names);
	sess_buf_release(&c->held);
	sess_buf_release(&c->scratch);
	names_release(&c->people);
	if (c->fd >= 0)
		close(c->fd);
}
