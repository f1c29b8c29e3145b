/*
 * access: access logs in JSON, whatever the server calls its fields.
 *
 * A field's name, with those of the objects it stands in, is folded to
 * lower case with _ for - and . and looked up in one table: nginx, Apache,
 * Caddy, Traefik, Elastic Common Schema, cloud balancers and log collectors
 * are rows of it.  A new server is a new row.
 */
#include "private.h"

#include <stdlib.h>
#include <string.h>

enum target {
	T_TIME, T_IP, T_FORWARDED, T_METHOD, T_TARGET, T_PATH, T_QUERY, T_LINE, T_STATUS,
	T_SECONDS, T_MILLIS, T_MICROS, T_NANOS, T_SIZE, T_REFERRER, T_AGENT, T_USER, T_HOST,
	T_SCHEME, T_LANGUAGE, T_TYPE, T_ENCODING, T_BODY, T_BODY_ENCODING, T_COUNTRY, T_REGION,
	T_CITY, T_ISP,
	NTARGETS
};

/* Names in order of bytes.  Where a log has several fields of one meaning the
 * highest rank wins, then the first. */
static const struct row {
	const char *name;
	unsigned char target, rank;
} rows[] = {
	{ "@timestamp", T_TIME, 2 },
	{ "__time__", T_TIME, 1 },
	{ "__time_ns_part__", NTARGETS, 0 },
	{ "accept_language", T_LANGUAGE, 1 },
	{ "agent", T_AGENT, 1 },
	{ "args", T_QUERY, 1 },
	{ "authority", T_HOST, 2 },
	{ "body", T_BODY, 1 },
	{ "body_bytes_sent", T_SIZE, 3 },
	{ "body_encoding", T_BODY_ENCODING, 1 },
	{ "body_size", T_SIZE, 1 },
	{ "bytes", T_SIZE, 1 },
	{ "bytes_sent", T_SIZE, 2 },
	{ "city", T_CITY, 1 },
	{ "client", T_IP, 1 },
	{ "client_address", T_IP, 2 },
	{ "client_ip", T_IP, 2 },
	{ "clientaddr", T_IP, 1 },
	{ "clienthost", T_IP, 3 },
	{ "clientip", T_IP, 2 },
	{ "clientusername", T_USER, 1 },
	{ "content_encoding", T_ENCODING, 1 },
	{ "content_type", T_TYPE, 1 },
	{ "country", T_COUNTRY, 1 },
	{ "domain", T_HOST, 1 },
	{ "downstream_remote_address", T_IP, 1 },
	{ "downstreamcontentsize", T_SIZE, 1 },
	{ "downstreamstatus", T_STATUS, 2 },
	{ "duration", T_SECONDS, 1 },
	{ "duration_ms", T_MILLIS, 2 },
	{ "duration_ns", T_NANOS, 2 },
	{ "duration_us", T_MICROS, 2 },
	{ "elapsed_ms", T_MILLIS, 1 },
	{ "event_duration", T_NANOS, 1 },
	{ "geo_city_name", T_CITY, 1 },
	{ "geo_country_name", T_COUNTRY, 1 },
	{ "geo_region_name", T_REGION, 1 },
	{ "geoip_city", T_CITY, 2 },
	{ "geoip_city_country_name", T_COUNTRY, 2 },
	{ "geoip_country_name", T_COUNTRY, 2 },
	{ "geoip_org", T_ISP, 1 },
	{ "geoip_region", T_REGION, 1 },
	{ "geoip_region_name", T_REGION, 2 },
	{ "host", T_HOST, 1 },
	{ "hostname", T_HOST, 0 },
	{ "http_request_body", T_BODY, 1 },
	{ "http_request_body_content", T_BODY, 1 },
	{ "http_request_method", T_METHOD, 1 },
	{ "http_request_mime_type", T_TYPE, 1 },
	{ "http_request_referrer", T_REFERRER, 1 },
	{ "http_response_body_bytes", T_SIZE, 2 },
	{ "http_response_body_size", T_SIZE, 2 },
	{ "http_response_bytes", T_SIZE, 1 },
	{ "http_response_status_code", T_STATUS, 1 },
	{ "http_status", T_STATUS, 1 },
	{ "httprequest_latency", NTARGETS, 0 },
	{ "httprequest_remoteip", T_IP, 1 },
	{ "httprequest_requestmethod", T_METHOD, 1 },
	{ "httprequest_requesturl", T_TARGET, 1 },
	{ "httprequest_responsesize", T_SIZE, 1 },
	{ "httprequest_status", T_STATUS, 1 },
	{ "ip", T_IP, 1 },
	{ "isp", T_ISP, 1 },
	{ "latency_ms", T_MILLIS, 1 },
	{ "method", T_METHOD, 1 },
	{ "msec", T_TIME, 5 },
	{ "network_client_ip", T_IP, 1 },
	{ "path", T_PATH, 1 },
	{ "query", T_QUERY, 1 },
	{ "query_string", T_QUERY, 1 },
	{ "referer", T_REFERRER, 1 },
	{ "referrer", T_REFERRER, 1 },
	{ "region", T_REGION, 1 },
	{ "remote", T_IP, 1 },
	{ "remote_addr", T_IP, 4 },
	{ "remote_address", T_IP, 2 },
	{ "remote_host", T_IP, 1 },
	{ "remote_ip", T_IP, 3 },
	{ "remote_user", T_USER, 2 },
	{ "remoteip", T_IP, 2 },
	{ "request", T_LINE, 1 },
	{ "request_body", T_BODY, 2 },
	{ "request_client_ip", T_IP, 4 },
	{ "request_host", T_HOST, 2 },
	{ "request_line", T_LINE, 1 },
	{ "request_method", T_METHOD, 2 },
	{ "request_path", T_PATH, 2 },
	{ "request_query", T_QUERY, 1 },
	{ "request_remote_ip", T_IP, 3 },
	{ "request_time", T_SECONDS, 2 },
	{ "request_time_ms", T_MILLIS, 2 },
	{ "request_uri", T_TARGET, 3 },
	{ "request_url", T_TARGET, 2 },
	{ "requesthost", T_HOST, 2 },
	{ "requestmethod", T_METHOD, 2 },
	{ "requestpath", T_TARGET, 2 },
	{ "requestscheme", T_SCHEME, 1 },
	{ "response_code", T_STATUS, 1 },
	{ "response_size", T_SIZE, 1 },
	{ "response_status", T_STATUS, 1 },
	{ "response_time_ms", T_MILLIS, 1 },
	{ "scheme", T_SCHEME, 1 },
	{ "server_name", T_HOST, 0 },
	{ "size", T_SIZE, 1 },
	{ "source_address", T_IP, 1 },
	{ "source_ip", T_IP, 1 },
	{ "start_time", T_TIME, 3 },
	{ "startlocal", T_TIME, 3 },
	{ "startutc", T_TIME, 4 },
	{ "status", T_STATUS, 1 },
	{ "status_code", T_STATUS, 1 },
	{ "time", T_TIME, 3 },
	{ "time_iso8601", T_TIME, 3 },
	{ "time_local", T_TIME, 3 },
	{ "time_msec", T_TIME, 4 },
	{ "time_taken_ms", T_MILLIS, 1 },
	{ "time_taken_us", T_MICROS, 1 },
	{ "timestamp", T_TIME, 3 },
	{ "ts", T_TIME, 3 },
	{ "upstream_addr", NTARGETS, 0 },
	{ "uri", T_TARGET, 1 },
	{ "url", T_TARGET, 1 },
	{ "url_domain", T_HOST, 1 },
	{ "url_full", T_TARGET, 1 },
	{ "url_original", T_TARGET, 2 },
	{ "url_path", T_PATH, 1 },
	{ "url_query", T_QUERY, 1 },
	{ "url_scheme", T_SCHEME, 1 },
	{ "user", T_USER, 1 },
	{ "user_agent", T_AGENT, 1 },
	{ "user_agent_original", T_AGENT, 1 },
	{ "user_id", T_USER, 1 },
	{ "user_name", T_USER, 1 },
	{ "useragent", T_AGENT, 1 },
	{ "username", T_USER, 1 },
	{ "vhost", T_HOST, 1 },
	{ "x_forwarded_for", T_FORWARDED, 1 },
	{ "xff", T_FORWARDED, 1 },
};

/* Request headers, behind one of these prefixes. */
static const char *const header_prefixes[] = {
	"request_headers_", "req_headers_", "headers_", "http_request_headers_", "request_", "http_",
};
static const struct row headers[] = {
	{ "accept_language", T_LANGUAGE, 2 },
	{ "content_encoding", T_ENCODING, 2 },
	{ "content_type", T_TYPE, 2 },
	{ "host", T_HOST, 2 },
	{ "referer", T_REFERRER, 3 },
	{ "referrer", T_REFERRER, 2 },
	{ "user_agent", T_AGENT, 3 },
	{ "x_forwarded_for", T_FORWARDED, 2 },
};

#define NAME_MAX_LEN 64
#define DEEPEST 3

/* What was found of a record. */
struct found {
	struct sessp_field f[NTARGETS];
	unsigned char rank[NTARGETS];	/* 0: not there, else the row's plus 1 */
	bool meta;			/* the log service added fields of its own */
};

/* -- names */

static int
by_name(const void *key, const void *row)
{
	return strcmp(key, ((const struct row *)row)->name);
}

static const struct row *
look_up(const char *name)
{
	const struct row *r = bsearch(name, rows, sizeof(rows) / sizeof(*rows),
	    sizeof(*rows), by_name);
	size_t i, n;

	for (i = 0; r == NULL && i < sizeof(header_prefixes) / sizeof(*header_prefixes); i++) {
		n = strlen(header_prefixes[i]);
		if (strncmp(name, header_prefixes[i], n) == 0)
			r = bsearch(name + n, headers, sizeof(headers) / sizeof(*headers),
			    sizeof(*headers), by_name);
	}
	return r;
}

/* prefix_name, folded; its length, or 0 where it is none of ours by length. */
static size_t
fold(char out[NAME_MAX_LEN], const char *prefix, const struct sessp_field *f)
{
	size_t n = strlen(prefix), i;
	char c;

	if (n + 1 + f->name_len + 1 > NAME_MAX_LEN || f->name_len == 0)
		return 0;
	memcpy(out, prefix, n);
	if (n > 0)
		out[n++] = '_';
	for (i = 0; i < f->name_len; i++) {
		c = f->name[i];
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		out[n++] = c == '-' || c == '.' ? '_' : c;
	}
	out[n] = '\0';
	return strlen(out) == n ? n : 0;
}

/* -- values */

/* ["a"] as "a": Caddy's headers. */
static void
first_of_array(struct sessp_field *f)
{
	const char *p = f->val, *end = p + f->val_len, *q;

	for (p++; p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'); p++)
		;
	if (p >= end || *p != '"')
		return;
	for (q = ++p; q < end && *q != '"'; q++)
		if (*q == '\\')
			q++;
	f->val = p;
	f->val_len = (uint32_t)(q - p);
	f->type = SESSP_STRING;
	f->val_esc = memchr(p, '\\', (size_t)(q - p)) != NULL;
}

static void
take(struct found *found, const struct row *r, const struct sessp_field *f)
{
	struct sessp_field *to = &found->f[r->target];

	if (f->type == SESSP_NULL || (f->type == SESSP_NESTED && *f->val == '{') ||
	    r->rank + 1 <= found->rank[r->target])
		return;
	/* An empty one is better than none, but a value of lower rank is better. */
	if (f->type == SESSP_STRING && found->rank[r->target] > 0 &&
	    (f->val_len == 0 || (f->val_len == 1 && *f->val == '-')))
		return;
	*to = *f;
	found->rank[r->target] = (unsigned char)(r->rank + 1);
	if (to->type == SESSP_NESTED)
		first_of_array(to);
}

static void
look(struct found *found, const char *prefix, const struct sessp_field *f, size_t n,
    unsigned depth)
{
	struct sessp_field *inner = NULL;
	size_t i, ninner = 0, cap = 0;
	char name[NAME_MAX_LEN];
	const struct row *r;

	for (i = 0; i < n; i++) {
		if (f[i].name_len > 2 && memcmp(f[i].name, "__", 2) == 0)
			found->meta = true;
		if (fold(name, prefix, &f[i]) == 0)
			continue;
		if (f[i].type == SESSP_NESTED && *f[i].val == '{' && depth < DEEPEST) {
			if (sessp_json_fields(f[i].val, f[i].val_len, &inner, &ninner, &cap,
			    NULL) == SESS_OK)
				look(found, name, inner, ninner, depth + 1);
		} else if ((r = look_up(name)) != NULL && r->target < NTARGETS) {
			take(found, r, &f[i]);
		}
	}
	free(inner);
}

static bool
is_request(const struct found *found)
{
	const unsigned char *rank = found->rank;

	if (rank[T_LINE] > 0 && found->f[T_LINE].type == SESSP_STRING &&
	    memchr(found->f[T_LINE].val, ' ', found->f[T_LINE].val_len) != NULL)
		return true;
	return (rank[T_TARGET] > 0 || rank[T_PATH] > 0) && rank[T_METHOD] > 0 &&
	    (rank[T_STATUS] > 0 || rank[T_IP] > 0 || rank[T_TIME] > 0);
}

bool
sessp_access_mine(const struct sessp_field *f, size_t n)
{
	struct found found = { .meta = false };

	look(&found, "", f, n, 0);
	return is_request(&found);
}

/* -- to a request */

static struct sess_slice
text(struct sessp_conv *cv, const struct found *found, enum target t)
{
	struct sess_slice s = { NULL, 0 };

	if (found->rank[t] == 0)
		return s;
	s = sessp_field_text(cv, &found->f[t]);
	if (s.len == 1 && *s.p == '-' && t != T_BODY)
		return (struct sess_slice){ NULL, 0 };
	return s;
}

static int64_t
when(struct sessp_conv *cv, const struct found *found)
{
	struct sess_slice s = text(cv, found, T_TIME);
	int64_t ms;

	return s.len > 0 && sess_when_any(s.p, s.len, &ms) == 0 ? ms : SESS_NO_TIME;
}

/* Peers that come with their port: 10.1.2.3:4711, [::1]:4711. */
static struct sess_slice
without_port(struct sess_slice s)
{
	const char *colon;

	if (s.len > 2 && *s.p == '[' && (colon = memchr(s.p, ']', s.len)) != NULL)
		return (struct sess_slice){ s.p + 1, (size_t)(colon - s.p) - 1 };
	if (s.len > 0 && (colon = memchr(s.p, ':', s.len)) != NULL &&
	    memchr(colon + 1, ':', s.len - (size_t)(colon - s.p) - 1) == NULL)
		s.len = (size_t)(colon - s.p);
	return s;
}

static struct sess_slice
duration(struct sessp_conv *cv, const struct found *found)
{
	static const struct { enum target t; double factor; } units[] = {
		{ T_MILLIS, 1 }, { T_MICROS, 1e-3 }, { T_NANOS, 1e-6 }, { T_SECONDS, 1e3 },
	};
	struct sess_slice s = { NULL, 0 };
	double factor;
	size_t i;

	for (i = 0; s.p == NULL && i < sizeof(units) / sizeof(*units); i++) {
		factor = units[i].factor;
		/* Traefik's Duration is ns, Caddy's duration is s. */
		if (units[i].t == T_SECONDS && found->rank[T_SECONDS] > 0 &&
		    *found->f[T_SECONDS].name == 'D')
			factor = 1e-6;
		s = sessp_scaled(cv, text(cv, found, units[i].t), factor);
	}
	return s;
}

static bool
has_word(struct sess_slice s, const char *word)
{
	size_t n = strlen(word), i;

	for (i = 0; i + n <= s.len; i++)
		if (memcmp(s.p + i, word, n) == 0)
			return true;
	return false;
}

static struct sess_slice
body(struct sessp_conv *cv, const struct found *found)
{
	struct sess_slice s = text(cv, found, T_BODY), plain,
	    encoding = text(cv, found, T_ENCODING);

	if (s.len == 1 && *s.p == '-')
		s.len = 0;
	if (s.len > 0 && has_word(text(cv, found, T_BODY_ENCODING), "base64")) {
		plain = sessp_base64(cv, s);
		if (plain.p != NULL)
			s = plain;
	}
	return s.len > 0 ? sessp_inflate(cv, s, has_word(encoding, "deflate")) : s;
}

static void
build(struct sessp_conv *cv, const struct found *found, struct sessp_request *rq)
{
	struct sess_slice s;

	if (found->rank[T_LINE] > 0)
		sessp_request_line(rq, text(cv, found, T_LINE));
	if ((s = text(cv, found, T_PATH)).len > 0)
		rq->path = s;
	if ((s = text(cv, found, T_TARGET)).len > 0)
		sessp_request_target(rq, s);
	if ((s = text(cv, found, T_QUERY)).len > 0 && rq->query.len == 0)
		rq->query = *s.p == '?' ? (struct sess_slice){ s.p + 1, s.len - 1 } : s;
	if ((s = text(cv, found, T_METHOD)).len > 0)
		rq->method = s;
	if ((s = text(cv, found, T_HOST)).len > 0)
		rq->host = s;
	if ((s = text(cv, found, T_SCHEME)).len > 0)
		rq->scheme = s;
	rq->received = when(cv, found);
	rq->ip = without_port(text(cv, found, T_IP));
	rq->forwarded = text(cv, found, T_FORWARDED);
	rq->status = text(cv, found, T_STATUS);
	rq->referrer = text(cv, found, T_REFERRER);
	rq->user_agent = text(cv, found, T_AGENT);
	rq->user = text(cv, found, T_USER);
	rq->language = text(cv, found, T_LANGUAGE);
	rq->content_type = text(cv, found, T_TYPE);
	rq->size = text(cv, found, T_SIZE);
	rq->country = text(cv, found, T_COUNTRY);
	rq->region = text(cv, found, T_REGION);
	rq->city = text(cv, found, T_CITY);
	rq->isp = text(cv, found, T_ISP);
	rq->duration_ms = duration(cv, found);
	rq->body = body(cv, found);
}

/* Rows of a log service carry fields of its own, which differ from export to
 * export: the row is told by the others. */
static uint64_t
row_identity(struct sessp_conv *cv)
{
	struct sessp_ident id = { 0, 0 };
	const struct sessp_field *f;
	struct sess_slice name, value;
	size_t i;

	for (i = 0; i < cv->nfields; i++) {
		f = &cv->fields[i];
		name = (struct sess_slice){ f->name, f->name_len };
		if (f->name_len > 2 && memcmp(f->name, "__", 2) == 0)
			continue;
		value = f->type == SESSP_NESTED ? (struct sess_slice){ f->val, f->val_len } :
		    sessp_field_text(cv, f);
		sessp_ident_add(&id, name, value);
	}
	return sessp_ident_finish(&id);
}

enum sessp_verdict
sessp_access_record(struct sessp_conv *cv, const char *p, size_t len, struct sess_err *err)
{
	struct found found = { .meta = false };
	struct sessp_request rq = { .received = SESS_NO_TIME };

	look(&found, "", cv->fields, cv->nfields, 0);
	build(cv, &found, &rq);
	if (found.meta) {
		cv->identity = row_identity(cv);
		cv->has_identity = true;
	}
	return sessp_request_convert(cv, &rq, p, len, err);
}
