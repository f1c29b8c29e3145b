/*
 * The law of the gatherer: the same events in any order, any number of times,
 * in any buffers and any memory make the same sessions, byte for byte.
 *
 * Input: 8 bytes of settings, then 8 bytes an event.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sess/session.h"

#define MOST	400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void
set(struct sess_event *ev, enum sess_key k, const char *text)
{
	sess_event_set(ev, k, text, strlen(text));
}

/* One event of 8 bytes: few ids, sessions, users, views and times, so that they
 * meet. */
static void
make(struct sess_event *ev, const uint8_t b[8])
{
	static const char *const apps[] = { "", "app", "app2", "a\tb" };
	static const char *const sids[] = { "s1", "s2", "s1.a", "long-session-id-3", "", "", "s" };
	static const char *const visitors[] = { "", "v1", "v2", "s1" };
	static const char *const users[] = { "", "u1", "u2", "\xe5\xbc\xa0\xe4\xbc\x9f" };
	static const char *const views[] = { "", "view-1", "view-2",
	    "bkkRsrej4OFdv2d4yeb37Xb2R2Xp" };
	static const char *const pages[] = { "", "/a", "/b", "/c/d" };
	static const char *const figures[] = { "0", "1", "2", "900", "1e4", "8001",
	    "123456789012345678901234567890", "x" };
	const int64_t base = 1626320731064;
	size_t figure = b[7] >> 5;

	sess_event_reset(ev);
	ev->kind = (enum sess_kind)(b[0] % SESS_NKINDS);
	ev->id = b[1] & 0x3f;
	if (b[2] & 0x80)
		ev->id *= 0x0101010101010101;
	if ((b[2] & 3) != 3)
		ev->time = base + b[3] * 1000;
	if ((b[2] & 3) != 2)
		ev->received = base + (b[4] >> 1) * 2000 + (b[2] & 4 ? 700000 : 0) -
		    (b[2] & 8 ? 300000 : 0);
	set(ev, SESS_K_APP_ID, apps[b[5] >> 6]);
	set(ev, SESS_K_SESSION_ID, sids[b[5] % 7]);
	set(ev, SESS_K_VISITOR, visitors[b[5] >> 3 & 3]);
	set(ev, SESS_K_USER_ID, users[b[6] & 3]);
	set(ev, SESS_K_USER_NAME, users[b[6] >> 1 & 3]);
	set(ev, SESS_K_VIEW_ID, views[b[6] >> 2 & 3]);
	set(ev, SESS_K_PAGE, pages[b[6] >> 4 & 3]);
	set(ev, SESS_K_TITLE, pages[b[6] >> 6]);
	set(ev, SESS_K_BROWSER, b[7] & 1 ? "Chrome" : "");
	set(ev, SESS_K_TIMES, b[7] & 2 ? figures[figure] : "");
	set(ev, SESS_K_OK, b[7] & 4 ? "false" : "");
	set(ev, SESS_K_LOAD_MS, figures[figure]);
	set(ev, SESS_K_STAY_MS, figures[figure]);
	set(ev, SESS_K_DURATION_MS, figures[figure]);
	set(ev, SESS_K_ERRORS, b[7] & 8 ? figures[figure] : "");
	set(ev, SESS_K_API_FAILED, b[7] & 16 ? figures[figure] : "");
	set(ev, SESS_K_MESSAGE, b[2] & 16 ? "message" : "");
	set(ev, SESS_K_SRC, b[2] & 32 ? "file:1" : "");
}

static void
text(struct sess_buf *out, struct sess_slice s)
{
	assert(s.len == 0 || s.p != NULL);
	assert(sess_buf_add(out, s.p, s.len) == 0 && sess_buf_putc(out, '|') == 0);
}

static void
dump(const struct sess_session *s, struct sess_buf *out)
{
	const struct sess_view *v;
	const struct sess_member *m;
	size_t i;

	assert(s->events > 0 && s->start <= s->end && s->nviews > 0);
	assert(s->oversize ? s->nmembers == 0 : s->nmembers == s->events);
	assert(sess_session_named(s, s->key.p, s->key.len));
	assert(sess_session_write(s, out) == SESS_OK);
	for (i = 0; i < s->nviews; i++) {
		v = &s->views[i];
		assert(i == 0 || s->views[i - 1].start <= v->start);
		text(out, v->view_id);
		text(out, v->page);
		text(out, v->page_url);
		text(out, v->title);
		assert(sess_buf_printf(out, "%lld %lld %g %g %lld %lld %lld %d\n",
		    (long long)v->start, (long long)v->end, v->stay_ms, v->load_ms,
		    (long long)v->js_errors, (long long)v->api_calls,
		    (long long)v->api_failures, v->viewed) == 0);
	}
	for (i = 0; i < s->nmembers; i++) {
		m = &s->members[i];
		assert(m->view < s->nviews);
		assert(i == 0 || s->members[i - 1].when <= m->when);
		assert(sess_buf_printf(out, "%lld %lld %lld %llx %d %x %u %lld %.*s\n",
		    (long long)m->when, (long long)m->time, (long long)m->received,
		    (unsigned long long)m->id, m->kind, m->marks, m->view,
		    (long long)m->times, (int)m->line_len,
		    m->line != NULL ? m->line : "") == 0);
	}
	assert(sess_buf_printf(out, "marks %x\n", s->marks) == 0);
}

/* Gather the n events in the given order, in buffers of so many, as text. */
static void
gather(const struct sess_session_opts *o, const uint8_t *events, const size_t *order,
    size_t n, size_t per_buffer, struct sess_buf *out)
{
	const struct sess_session *s;
	struct sess_packer *pk;
	struct sess_gather *g;
	struct sess_buf packed = { 0 };
	struct sess_event ev;
	struct sess_err err = { 0 };
	enum sess_status st;
	size_t i;

	assert(sess_packer_new(&pk, o, &err) == SESS_OK);
	assert(sess_gather_new(&g, o, &err) == SESS_OK);
	for (i = 0; i < n; i++) {
		make(&ev, events + 8 * order[i]);
		assert(sess_pack(pk, &ev, events[8 * order[i]] >> 4, &packed) == SESS_OK);
		if ((i + 1) % per_buffer == 0 || i + 1 == n) {
			st = sess_gather_add(g, packed.data, packed.len, &err);
			assert(st == SESS_OK);
			packed.len = 0;
			sess_packer_reset(pk);
		}
	}
	while ((st = sess_gather_next(g, &s, &err)) == SESS_OK)
		dump(s, out);
	assert(st == SESS_END);
	sess_gather_free(g);
	sess_packer_free(pk);
	sess_buf_release(&packed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sess_session_opts o;
	struct sess_buf a = { 0 }, b = { 0 };
	size_t order[2 * MOST], i, j, t, n, all;
	uint32_t seed;

	if (size < 16)
		return 0;
	sess_session_opts_init(&o);
	o.rule.idle = data[0] & 1 ? 1000 * (data[0] >> 1) : 0;
	o.visit.idle = data[1] & 1 ? 1000 * (data[1] >> 1) : 0;
	o.rule.max_duration = data[2] & 1 ? 1000 * (data[2] >> 1) : 0;
	o.visit.max_duration = data[2] & 2 ? 1000 * (data[2] >> 1) : 0;
	o.clock = (enum sess_clock)(data[3] % 3);
	o.lines = data[3] & 8;
	o.max_events = data[3] & 16 ? data[4] : 1000000;
	o.tmpdir = "/tmp";
	seed = data[5] | (uint32_t)data[6] << 8;
	data += 8;
	n = (size - 8) / 8 < MOST ? (size - 8) / 8 : MOST;

	for (i = 0; i < n; i++)
		order[i] = i;
	gather(&o, data, order, n, n, &a);

	/* Some twice, shuffled. */
	for (all = n, i = 0; i < n; i++)
		if (next(&seed) % 4 == 0)
			order[all++] = i;
	for (i = all; i > 1; i--) {
		j = next(&seed) % i;
		t = order[j];
		order[j] = order[i - 1];
		order[i - 1] = t;
	}
	o.memory = (uint64_t)(data[-1] & 3) * 60000;
	gather(&o, data, order, all, 1 + data[-1] % 64, &b);
	if (a.len != b.len || memcmp(a.data, b.data, a.len) != 0) {
		fprintf(stderr, "--- one\n%.*s--- other\n%.*s", (int)a.len, a.data,
		    (int)b.len, b.data);
		abort();
	}
	sess_buf_release(&a);
	sess_buf_release(&b);
	return 0;
}
