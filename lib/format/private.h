/*
 * format: log lines to canonical events.
 *
 * An envelope (how a request got into the log) yields a struct sessp_request;
 * a payload (what an SDK sent) yields events from it.  Both are rows of tables
 * in format.c.  A converter belongs to one worker thread and is used for one
 * line after another.
 */
#ifndef SESSP_FORMAT_H
#define SESSP_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/private.h"
#include "../event/private.h"
#include "sess/convert.h"
#include "sess/when.h"

/* How a member's bytes are cut into records. */
enum sessp_framing {
	SESSP_LINES,		/* a record a line */
	SESSP_CSV,		/* RFC 4180: a record may span lines; the first is the header */
	SESSP_ARRAY		/* one JSON array: its elements are the records */
};

struct sessp_conv;

/* What became of a record: the books (design section 7). */
enum sessp_verdict {
	SESSP_CONVERTED,	/* all it holds became events */
	SESSP_PARTIAL,		/* something is missing: the log has no bodies, or the
				 * payload was cut; what could be, was converted */
	SESSP_IGNORED,		/* no event by its nature: a CORS preflight, a health
				 * check, a blank line, a bulk action line */
	SESSP_REJECTED		/* not a record of this format: err says why */
};

/* An envelope. */
struct sessp_format {
	const char *name;	/* for --format and --verbose: "combined", ... */
	enum sessp_framing framing;
	/* 0 (not mine) to 100 (surely mine) for one whole record, which is
	 * padded; of CSV the header, of an array its first element. */
	int (*sniff)(const char *p, size_t len);
	enum sessp_verdict (*convert)(struct sessp_conv *cv, const char *p,
	    size_t len, struct sess_err *err);
};

/* One HTTP request as an envelope read it; slices borrow from the line or
 * from cv->arena and are decoded (no JSON or log escapes; query and body are
 * as sent, percent-encoded).  A slice with p NULL was not in the log; one
 * with len 0 was there and empty. */
struct sessp_request {
	int64_t received;		/* or SESS_NO_TIME */
	struct sess_slice ip;		/* peer, or as --trust-forwarded has it */
	struct sess_slice forwarded;	/* X-Forwarded-For, where the log has it */
	struct sess_slice method, path, query, status, referrer, user_agent, user,
	    host, language, content_type;
	struct sess_slice body;		/* p NULL: the log has no bodies */
	struct sess_slice duration_ms, size;	/* decimal text */
	struct sess_slice country, region, city, isp;	/* where the log has them */
	struct sess_slice scheme;
};

/* Payloads.  Each is given a request; both return SESSP_IGNORED's sibling
 * through *mine = false where the request is none of theirs. */
struct sessp_payload {
	const char *name;	/* "arms", "arms-rum", ... for --verbose */
	bool (*mine)(const struct sessp_request *rq);
	enum sessp_verdict (*convert)(struct sessp_conv *cv,
	    const struct sessp_request *rq, struct sess_err *err);
};
extern const struct sessp_payload sessp_arms_beacon, sessp_rum_bundle;

/* A converter: a worker's scratch and the settings. */
struct sessp_conv {
	const struct sess_convert_opts *opts;
	struct sessp_arena arena;	/* reset for each record */
	struct sess_event ev;		/* the event being built */
	struct sessp_field *fields;	/* of the current JSON line */
	size_t nfields, fields_cap;
	struct sessp_trail seen;		/* names of fields of JSON lines */
	struct sessp_arms_name {	/* arms.c: what it knows of these */
		uint64_t hash;		/* of the name */
		int16_t wire;		/* or -1 */
		bool ours;		/* wire is no -1, and the field counts for identity */
		bool known;
		bool meta;		/* the log service's own */
	} arms_names[SESSP_TRAIL_MAX];
	const char *name;		/* display name of the member */
	uint64_t line;			/* of the record, 1-based */
	uint64_t identity;		/* of the payload: set before the first emit */
	unsigned index;			/* of the next event within its record */
	uint64_t events;		/* emitted so far, over all records */
	bool failed;			/* the sink or memory failed: stop */
	sess_event_fn *sink;
	void *sink_arg;
	struct sessp_ua *ua;		/* user agents seen: ua.c */
	struct sessp_geo *geo;		/* geo.c, or NULL */
	struct sessp_map *map;		/* --map, or NULL */
	struct sessp_seconds *seconds;	/* equal lines of a second: identity of
					 * plain access log lines */
	char **csv_header; size_t ncsv;	/* column names of the current CSV member */
	struct sess_event_scanner scanner;	/* canonical events */
	struct sess_buf text;		/* scratch of whoever needs it, for one call */
	struct sess_buf row;		/* csv.c: a row as JSON */
	struct sess_slice src;		/* name:line, in src_text; made when needed */
	struct sess_buf src_text;
	bool src_plain;			/* as in struct sess_event */
	int64_t outer;			/* __time__ of the row the record came in */
	unsigned depth;			/* of records wrapped in records */
	bool has_identity;		/* identity is set, though nothing was emitted */
	bool privacy;			/* any of hash-user, mask-ip, drop-query is on */
	bool nomem;			/* memory failed */
	bool timeless;			/* an event without a time was left out */
	bool counting;			/* context is read: nothing is emitted */
	int64_t second;			/* of the last request, or SESS_NO_TIME */
	uint64_t preflights, nobody;	/* so far: see struct sess_books */
	void *inflate;			/* inflate.c */
};

/* -- the converter's life, format.c */

/* All formats, for --help and --format; NULL behind the last. */
extern const struct sessp_format *const sessp_formats[];
const struct sessp_format *sessp_format_find(const char *name);

/* How many NULs stand before a line: a log that was truncated under its writer
 * has them.  0 where there is nothing else. */
size_t sessp_hole(const char *p, size_t len);

/* Nothing but white space, a BOM allowed. */
bool sessp_blank(const char *p, size_t len);

/* The format of a member from its head (256 KiB of it are looked at); whole:
 * it is all there is.  Several records are judged; NULL where half of them are
 * nothing that is known, or memory is out.  Blank lines don't count. */
const struct sessp_format *sessp_sniff(const char *head, size_t len, bool whole);

/* The same under settings: with --map any JSON objects are a format, and
 * --format is what it says. */
const struct sessp_format *sessp_sniff_opts(const struct sess_convert_opts *o,
    const char *head, size_t len, bool whole);

/* *cv is the caller's to free; opts are borrowed for its life.  SESS_EFORMAT,
 * SESS_ESYS for a map, a database or a regexes file that was asked for and
 * can't be used. */
enum sess_status sessp_conv_new(struct sessp_conv **cv,
    const struct sess_convert_opts *o, struct sess_err *err);
void sessp_conv_free(struct sessp_conv *cv);

/* What a converter holds, of one that the caller made of zeros and opts. */
void sessp_conv_release(struct sessp_conv *cv);

/*
 * Convert one record of a member.  p is readable SESSP_PAD bytes behind len.
 * A byte order mark and a CR are stripped, blank records are ignored.  Events
 * are borrowed by the sink for its call; with sink NULL they are made and
 * dropped.  cv->failed where the sink or memory said stop (err is then
 * SESS_ENOMEM): such a converter is of no more use.
 */
enum sessp_verdict sessp_convert(struct sessp_conv *cv, const struct sessp_format *f,
    const char *name, uint64_t line, const char *p, size_t len,
    sess_event_fn *sink, void *arg, struct sess_err *err);

/* The CSV header of the member that is read next. */
enum sess_status sessp_conv_header(struct sessp_conv *cv, const char *p, size_t len,
    struct sess_err *err);

/*
 * Equal access-log lines of one second are told apart by their count.  At the
 * end of a block sessp_tail gives the offset of the run of whole lines at the
 * end of p that are of the last line's second (len where the format needs
 * none); the next block starts with sessp_conv_seconds on those lines, which
 * forgets the counts of before and counts them.  p is padded; header: of CSV, else
 * NULL.
 */
size_t sessp_tail(const struct sessp_format *f, const char *header, size_t header_len,
    const char *p, size_t len);
void sessp_conv_seconds(struct sessp_conv *cv, const struct sessp_format *f,
    const char *p, size_t len);

/* The id of a plain line from the hash of the line: mixed with its count among
 * the equal lines of its second. */
uint64_t sessp_seconds_id(struct sessp_conv *cv, uint64_t hash, int64_t received);

/* What a plain line is told by, before its count. */
uint64_t sessp_line_hash(const char *p, size_t len);

void sessp_seconds_free(struct sessp_seconds *s);

/* csv.c: read the names of the columns into cv->csv_header.
 * Of columns that the log service doubled (x and x_0) the second is left out:
 * its name is NULL. */
bool sessp_csv_header(struct sessp_conv *cv, const char *p, size_t len);
void sessp_csv_forget(struct sessp_conv *cv);

/* csv.c: the end of the record that begins at p: its newline; where final, end
 * as well; NULL where it isn't whole.  A cell goes on over lines only where its
 * quote is closed as it has to be, or else one stray quote would swallow the rows
 * behind it: then the record is the first line. */
const char *sessp_csv_end(const char *p, const char *end, bool final);

/* csv.c: the columns of a record, decoded, in the arena; none where a quote is
 * never closed.  False where memory is out. */
bool sessp_csv_split(struct sessp_conv *cv, const char *p, size_t len,
    struct sess_slice **columns, size_t *n);

/* Memory is out: the converter has failed. */
static inline void
sessp_fail(struct sessp_conv *cv)
{
	cv->failed = cv->nomem = true;
}

/* -- envelopes */

extern const struct sessp_format sessp_combined, sessp_common, sessp_events,
    sessp_access_json, sessp_sls, sessp_json, sessp_csv, sessp_array, sessp_keyed;

/* json.c: one JSON object of any kind that is known; text padded. */
enum sessp_verdict sessp_json_record(struct sessp_conv *cv, const char *p, size_t len,
    struct sess_err *err);

/* What a JSON object is, for sniffing; padded.  depth is 0. */
enum sessp_class {
	SESSP_C_NONE,
	SESSP_C_EVENT,		/* a canonical event */
	SESSP_C_ACCESS,		/* a request */
	SESSP_C_RECORD,		/* what an SDK sent, or a row that wraps something */
	SESSP_C_SLS		/* either of these two with a log service's own fields */
};
enum sessp_class sessp_json_class(const char *p, size_t len, unsigned depth);

/* Close an object whose end is missing behind its last whole field; returns
 * the new length. */
size_t sessp_json_cut(char *p, size_t len);

/* access.c: whether the fields are those of an access log, and converting it. */
bool sessp_access_mine(const struct sessp_field *f, size_t n);
enum sessp_verdict sessp_access_record(struct sessp_conv *cv, const char *p, size_t len,
    struct sess_err *err);

/* combined.c: the second of a line, as its bytes. */
struct sess_slice sessp_combined_second(const char *p, size_t len);

/* -- text.c */

/* The escapes of nginx and Apache logs undone: \xHH \" \\ \n \t \r \b \v. */
struct sess_slice sessp_unlog(struct sessp_conv *cv, struct sess_slice s);

/* base64, standard or URL alphabet, white space and padding skipped, into the
 * arena; {NULL, 0} where it is none. */
struct sess_slice sessp_base64(struct sessp_conv *cv, struct sess_slice s);

/* A decimal text times factor, in the arena, three decimals at most; {NULL, 0}
 * where it is no number or below 0. */
struct sess_slice sessp_scaled(struct sessp_conv *cv, struct sess_slice s, double factor);

/* inflate.c: a body that is gzip, zlib or (where deflate says so) raw deflate,
 * inflated; s itself where it is none of these, is cut or is over 16 MiB. */
struct sess_slice sessp_inflate(struct sessp_conv *cv, struct sess_slice s, bool deflate);
void sessp_inflate_free(void *state);

/* -- privacy.c: --mask-ip, --hash-user, --drop-query on cv->ev.  hashed: ids of
 * 32 hex digits are hashes already (events that were converted before). */
void sessp_private(struct sessp_conv *cv, bool hashed);

/* Begin the next event of the record: resets cv->ev and sets what the request
 * knows (received, ip, user_agent and what follows from it, geography). */
void sessp_begin(struct sessp_conv *cv, const struct sessp_request *rq);

/* Finish cv->ev and hand it to the sink: id from cv->identity and the event's
 * index in the record, app-wide options (mask-ip, hash-user, drop-query),
 * visitor where there is no session id, src.  Ids "", "null", "undefined",
 * "-" count as none.  Sets cv->failed when the sink says stop. */
void sessp_emit(struct sessp_conv *cv);

/* Set a key from text, a number's text or a C string of the program's own. */
static inline void
sessp_set(struct sessp_conv *cv, enum sess_key k, struct sess_slice s)
{
	sess_event_set(&cv->ev, k, s.p, s.len);
}

/* Finish an event that has its id, visitor and src (a canonical one). */
void sessp_emit_as_is(struct sessp_conv *cv);

/* Make the visitor of such an event anew, as its fields have changed. */
void sessp_visitor_again(struct sessp_conv *cv);

/* Percent-decoding into the arena ('+' is kept: SDKs send %20 and %2B; with
 * plus true it is a space); invalid escapes stay as they are.  Returns src
 * itself where there is nothing to decode. */
struct sess_slice sessp_percent(struct sessp_arena *a, struct sess_slice src, bool plus);

/* A JSON string field's decoded text (arena only when it has escapes); other
 * scalars as their text; null, true nesting: {NULL, 0}. */
struct sess_slice sessp_field_text(struct sessp_conv *cv, const struct sessp_field *f);

/*
 * Identity of a payload: its names and values, whatever their order.  Zeros
 * are an empty one; add each pair (not those the transport or the log service
 * added), finish.  A pair with an empty value is as if it weren't there:
 * containers differ in whether they keep those.  The number is the same on
 * all machines and for ever: it is in ids.
 */
struct sessp_ident { uint64_t sum, n; };

static inline uint64_t
sessp_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t sessp_ident_long(uint64_t seed, const char *p, size_t len);

/* A hash of some bytes, quick where they are few: wyhash's reading of short
 * texts, its mixing, XXH3 beyond 16 bytes. */
static inline uint64_t
sessp_ident_hash(uint64_t seed, const char *p, size_t len)
{
	uint64_t head, tail;

	if (len > 16)
		return sessp_ident_long(seed, p, len);
	sessp_words(p, len, &head, &tail);
	return sessp_mix(head ^ 0xa0761d6478bd642fu, tail ^ seed ^ len * 0xe7037ed1a0b428dbu);
}

/* The same for a text behind whose first byte eight bytes are readable: nothing
 * to foresee where lengths vary. */
static inline uint64_t
sessp_ident_hash_padded(uint64_t seed, const char *p, size_t len)
{
	uint64_t head, tail;

	if (len > 16)
		return sessp_ident_long(seed, p, len);
	sessp_words_padded(p, len, &head, &tail);
	return sessp_mix(head ^ 0xa0761d6478bd642fu, tail ^ seed ^ len * 0xe7037ed1a0b428dbu);
}

/* The part of a pair that the name decides, for names that come often. */
static inline uint64_t
sessp_ident_name(const char *p, size_t len)
{
	return sessp_ident_hash(0x8ebc6af09c88c6e3u, p, len);
}

/* Add the hash of a pair whose value is not empty. */
static inline void
sessp_ident_add_hash(struct sessp_ident *id, uint64_t hash)
{
	id->sum += sessp_mix(hash ^ 0x589965cc75374cc3u, 0x9e3779b97f4a7c15u);
	id->n++;
}

static inline void
sessp_ident_add(struct sessp_ident *id, struct sess_slice name, struct sess_slice value)
{
	if (value.len > 0)
		sessp_ident_add_hash(id, sessp_ident_hash(sessp_ident_name(name.p, name.len),
		    value.p, value.len));
}

static inline uint64_t
sessp_ident_finish(const struct sessp_ident *id)
{
	return sessp_mix(id->sum ^ 0xa0761d6478bd642fu, (id->n + 1) * 0xe7037ed1a0b428dbu);
}

/*
 * ARMS records that come as JSON (bare lines, SLS rows, JSON arrays, CSV
 * rows): cv->fields hold them.  `mine` looks for t plus one of pid, pv_id,
 * sid, begin.  Times come from begin, else date, else __time__ (s).
 */
bool sessp_arms_record_mine(const struct sessp_field *f, size_t n);
enum sessp_verdict sessp_arms_record(struct sessp_conv *cv, struct sess_err *err);

/* ARMS RUM bundles and RUM rows (dotted or nested) that come as JSON lines. */
bool sessp_rum_record_mine(const struct sessp_field *f, size_t n);
enum sessp_verdict sessp_rum_record(struct sessp_conv *cv, const char *p, size_t len, struct sess_err *err);

/* --map: a converter for any NDJSON. */
enum sess_status sessp_map_load(struct sessp_map **m, const char *text, size_t len, struct sess_err *err);
enum sessp_verdict sessp_map_record(struct sessp_conv *cv, const char *p, size_t len, struct sess_err *err);
void sessp_map_free(struct sessp_map *m);

/* A request as an SDK's payload, or as a `request` event of its own. */
enum sessp_verdict sessp_request_convert(struct sessp_conv *cv,
    const struct sessp_request *rq, const char *line, size_t len, struct sess_err *err);

/* "GET /path?query HTTP/1.1", as far as it is one, into rq: what has no method
 * leaves rq as it is. */
void sessp_request_line(struct sessp_request *rq, struct sess_slice line);

/* A request target into rq: /path?query, or a whole URL. */
void sessp_request_target(struct sessp_request *rq, struct sess_slice target);

/* User agents: browser, OS and device by uap-core's regexes, each distinct
 * agent once.  path is borrowed; NULL: where Debian has it, and when that file
 * isn't there the keys stay away.  sessp_ua_set fills the browser, os and device
 * keys of ev; the slices live until the next call on ua. */
struct sessp_ua;
enum sess_status sessp_ua_new(struct sessp_ua **ua, const char *regexes_path, struct sess_err *err);
void sessp_ua_set(struct sessp_ua *ua, struct sess_event *ev, struct sess_slice agent);
void sessp_ua_free(struct sessp_ua *ua);

/* Whether there is a file of regexes to read (path NULL: the default one). */
bool sessp_ua_available(const char *path);

/* Geography from a MaxMind database (libmaxminddb, where built with it). */
struct sessp_geo;
enum sess_status sessp_geo_open(struct sessp_geo **g, const char *path, struct sess_err *err);
void sessp_geo_set(struct sessp_geo *g, struct sessp_conv *cv, struct sess_slice ip);
void sessp_geo_free(struct sessp_geo *g);

#endif
