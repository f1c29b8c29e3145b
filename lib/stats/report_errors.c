#include <xxhash.h>

#include "declare.h"
#include "signature.h"

/* JS errors by signature: "Frequent Errors" and "Diagnose". */

/* What makes errors the same: type, message with its variable parts folded, top
 * frame.  arg: which of them. */
enum { TYPE, MESSAGE, FRAME };

static int
put_part(const struct sessp_obs *o, int part, struct sess_buf *out)
{
	const struct sess_event *ev = o->ev;
	struct sess_slice s = sess_event_get(ev, part == TYPE ? SESS_K_ERROR_TYPE :
	    part == MESSAGE ? SESS_K_MESSAGE : SESS_K_STACK);

	switch (part) {
	case TYPE:
		return sess_buf_add(out, s.p, s.len);
	case MESSAGE:
		return sessp_fold_message(out, s.p, s.len);
	default:
		return sessp_fold_frame(out, s, sess_event_get(ev, SESS_K_FILE),
		    sessp_obs_fact(o, SESS_K_PAGE_URL));
	}
}

/* All three as 16 hex digits: the row's name, and its first part.  The texts stay
 * for the others. */
static int
signature(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sess_buf *out)
{
	struct sess_buf *b = &st->folded;
	int i;

	(void)arg;
	b->len = 0;
	for (i = TYPE; i <= FRAME; i++) {
		if ((i > TYPE && sess_buf_putc(b, 0) < 0) || put_part(o, i, b) < 0)
			return -1;
		st->folded_end[i] = b->len;
	}
	return sess_buf_printf(out, "%016llx",
	    (unsigned long long)XXH3_64bits(b->data, b->len)) < 0 ? -1 : 1;
}

static int
part(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sess_buf *out)
{
	size_t from = arg == TYPE ? 0 : st->folded_end[arg - 1] + 1;

	(void)o;
	return sess_buf_add(out, st->folded.data + from, st->folded_end[arg] - from) < 0 ? -1 : 1;
}

enum {
	OCCURRENCES, VIEWS, USERS, ALL_USERS, SESSIONS, FIRST_SEEN, LAST_SEEN, RELEASE, SAMPLE,
	BROWSERS, PAGES, SAMPLES
};

static const struct sessp_measure measures[] = {
	[OCCURRENCES] = { "occurrences", SESSP_COUNT, 0, sessp_obs_times, 0, 0 },
	[VIEWS] = { "page_views", SESSP_COUNT, 0, sessp_obs_one, 0, SESSP_ONCE_A_VIEW },
	[USERS] = { "users", SESSP_DISTINCT, 0, sessp_obs_user, 0, 0 },
	[ALL_USERS] = { "all_users", SESSP_DISTINCT, 0, sessp_obs_user, 0, SESSP_OF_TOTAL },
	[SESSIONS] = { "sessions", SESSP_COUNT, 0, sessp_obs_one, 0, SESSP_ONCE_A_SESSION },
	[FIRST_SEEN] = { "first_seen", SESSP_LEAST, 0, sessp_obs_moment, 0, 0 },
	[LAST_SEEN] = { "last_seen", SESSP_MOST, 0, sessp_obs_moment, 0, 0 },
	[RELEASE] = { "first_release", SESSP_FIRST, 0, sessp_obs_text, SESS_K_RELEASE, 0 },
	[SAMPLE] = { "sample_message", SESSP_FIRST, 0, sessp_obs_text, SESS_K_MESSAGE, 0 },
	[BROWSERS] = { "browsers", SESSP_TALLY, 0, sessp_obs_text, SESS_K_BROWSER, 0 },
	[PAGES] = { "pages", SESSP_TALLY, 0, sessp_obs_text, SESS_K_PAGE, 0 },
	[SAMPLES] = { "sample_sessions", SESSP_SAMPLES_OF, 0, sessp_obs_session_id, 0, 0 },
	{ .name = NULL }
};

#define UP SESS_COL_WORSE_UP

static const struct sessp_column columns[] = {
	{ .c = COL("signature", STR, "", SESS_COL_KEY | SESS_COL_DETAIL,
	    "hash of type, folded message and frame"), .show = SESSP_KEY_PART, .a = 0 },
	COL_KEY("error_type", 1, "class of the error"),
	COL_KEY("message", 2, "message, its variable parts as *"),
	{ .c = COL("frame", STR, "", SESS_COL_KEY | SESS_COL_DETAIL,
	    "top frame of the application's own"), .show = SESSP_KEY_PART, .a = 3 },
	COL_COUNT("occurrences", OCCURRENCES, SESS_COL_MAIN | UP, "how often"),
	COL_COUNT("page_views", VIEWS, UP, "page views with it"),
	COL_COUNT("users", USERS, UP | SESS_COL_SAMPLES, "distinct users that met it"),
	COL_COUNT("sessions", SESSIONS, UP, "sessions with it"),
	COL_SHARE("user_share", USERS, ALL_USERS, UP, "users, of all"),
	COL_TIME("first_seen", FIRST_SEEN, SESS_COL_DETAIL, "first time"),
	COL_TIME("last_seen", LAST_SEEN, 0, "last time"),
	COL_TEXT("first_release", RELEASE, SESS_COL_DETAIL, "release of the first time"),
	COL_TOP("browsers", BROWSERS, "occurrences by browser"),
	COL_TOP("pages", PAGES, "occurrences by page"),
	COL_TEXT("sample_message", SAMPLE, SESS_COL_DETAIL, "message of the first, as it was"),
	COL_LIST("sample_sessions", SAMPLES, SESS_COL_SESSION | SESS_COL_DETAIL, "sessions with it"),
	{ .c = { .name = NULL } }
};

static const enum sess_key keys[] = {
	SESS_K_ERROR_TYPE, SESS_K_MESSAGE, SESS_K_STACK, SESS_K_FILE, SESS_K_PAGE, SESS_K_PAGE_URL,
	SESS_K_RELEASE, SESS_K_BROWSER, SESS_K_V
};

const struct sessp_report sessp_report_errors = {
	.name = "errors", .title = "JS errors",
	.doc = "JS errors by signature: how often, whom they hit, since when, where",
	.on = SESSP_ON_EVENT, .rows = SESSP_ON(ERROR), .total = true, .keys = keys,
	.key = { { signature, 0 }, { part, TYPE }, { part, MESSAGE }, { part, FRAME } },
	.measures = measures, .columns = columns
};
