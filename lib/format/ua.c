/*
 * ua: browser, OS and device of a User-Agent, by uap-core's regexes.
 *
 * The file is read when the first agent is met (so that input without agents
 * pays nothing), a regex is compiled when it is first tried, and translated to
 * machine code once it was tried often.  What was found is remembered.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "payload.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define DEFAULT_PATH "/usr/share/uap-core/regexes.yaml"
#define AGENT_MAX 1024			/* what is longer is cut before it is matched */
#define CACHE_AGENTS 65536		/* remembered; then it starts again */
#define CACHE_BYTES (64u * 1024 * 1024)
#define MATCH_LIMIT 100000		/* steps of one regex on one agent */
#define HEAP_LIMIT 1024			/* KiB */
#define JIT_AFTER 30			/* tries */

enum part { BROWSER, OS, DEVICE, NPARTS };

/* What a rule may say instead of a group of its regex: family and the parts of
 * a version; of a device family, brand and model. */
#define NREPLACE 5

struct rule {
	char *regex, *replace[NREPLACE];
	bool nocase, bad;
	unsigned tries;
	pcre2_code *code;
};

struct agent {
	uint64_t hash;
	struct sess_slice text, browser, browser_version, os, os_version, device, type;
};

struct sessp_ua {
	const char *path;
	bool loaded;
	struct rule *rules[NPARTS];
	size_t n[NPARTS];
	pcre2_match_data *match;
	uint32_t groups;		/* of match that are set; what is behind is old */
	pcre2_match_context *limits;
	struct agent **slots;		/* by hash; 2 * CACHE_AGENTS */
	size_t used;
	struct sessp_arena arena;	/* of the agents */
	struct agent *last;
};

/* -- reading the file */

static bool
read_rule(yaml_document_t *doc, yaml_node_t *node, enum part part, struct rule *r)
{
	static const char *const names[NPARTS][NREPLACE] = {
		{ "family_replacement", "v1_replacement", "v2_replacement", "v3_replacement" },
		{ "os_replacement", "os_v1_replacement", "os_v2_replacement", "os_v3_replacement",
		    "os_v4_replacement" },
		{ "device_replacement", "brand_replacement", "model_replacement" },
	};
	yaml_node_pair_t *p;
	yaml_node_t *name, *value;
	const char *key, *text;
	char **to;
	size_t i;

	if (node == NULL || node->type != YAML_MAPPING_NODE)
		return true;
	for (p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		name = yaml_document_get_node(doc, p->key);
		value = yaml_document_get_node(doc, p->value);
		if (name == NULL || value == NULL || name->type != YAML_SCALAR_NODE ||
		    value->type != YAML_SCALAR_NODE)
			continue;
		key = (const char *)name->data.scalar.value;
		text = (const char *)value->data.scalar.value;
		to = strcmp(key, "regex") == 0 ? &r->regex : NULL;
		for (i = 0; i < NREPLACE && names[part][i] != NULL; i++)
			if (strcmp(key, names[part][i]) == 0)
				to = &r->replace[i];
		if (strcmp(key, "regex_flag") == 0)
			r->nocase = strchr(text, 'i') != NULL;
		if (to != NULL && *to == NULL && (*to = sessp_dup(text)) == NULL)
			return false;
	}
	return true;
}

static bool
read_part(struct sessp_ua *ua, yaml_document_t *doc, yaml_node_t *list, enum part part)
{
	yaml_node_item_t *item;
	struct rule *r;

	if (list == NULL || list->type != YAML_SEQUENCE_NODE || ua->rules[part] != NULL)
		return true;
	ua->rules[part] = calloc((size_t)(list->data.sequence.items.top -
	    list->data.sequence.items.start) + 1, sizeof(*ua->rules[part]));
	if (ua->rules[part] == NULL)
		return false;
	for (item = list->data.sequence.items.start; item < list->data.sequence.items.top; item++) {
		r = &ua->rules[part][ua->n[part]++];
		if (!read_rule(doc, yaml_document_get_node(doc, *item), part, r))
			return false;
		r->bad = r->regex == NULL;
	}
	return true;
}

static bool
read_document(struct sessp_ua *ua, yaml_document_t *doc)
{
	static const char *const names[NPARTS] = {
		"user_agent_parsers", "os_parsers", "device_parsers"
	};
	yaml_node_t *root = yaml_document_get_root_node(doc), *name;
	yaml_node_pair_t *p;
	unsigned part;

	if (root == NULL || root->type != YAML_MAPPING_NODE)
		return false;
	for (p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
		name = yaml_document_get_node(doc, p->key);
		for (part = 0; part < NPARTS; part++)
			if (name != NULL && name->type == YAML_SCALAR_NODE &&
			    strcmp((const char *)name->data.scalar.value, names[part]) == 0 &&
			    !read_part(ua, doc, yaml_document_get_node(doc, p->value), part))
				return false;
	}
	return true;
}

/* Read the rules.  Where that fails part of them may be there: no harm. */
static bool
load(struct sessp_ua *ua)
{
	yaml_parser_t parser;
	yaml_document_t doc;
	bool good = false;
	FILE *f;

	ua->loaded = true;
	if ((f = fopen(ua->path, "re")) == NULL)
		return false;
	if (yaml_parser_initialize(&parser)) {
		yaml_parser_set_input_file(&parser, f);
		if (yaml_parser_load(&parser, &doc)) {
			good = read_document(ua, &doc) &&
			    ua->n[BROWSER] + ua->n[OS] + ua->n[DEVICE] > 0;
			yaml_document_delete(&doc);
		}
		yaml_parser_delete(&parser);
	}
	fclose(f);
	return good;
}

bool
sessp_ua_available(const char *path)
{
	return access(path != NULL ? path : DEFAULT_PATH, R_OK) == 0;
}

enum sess_status
sessp_ua_new(struct sessp_ua **uap, const char *path, struct sess_err *err)
{
	struct sessp_ua *ua;
	enum sess_status st = SESS_OK;

	*uap = NULL;
	/* The default may be missing; what was asked for may not. */
	if (path != NULL && !sessp_ua_available(path))
		return sess_err_sys(err, errno, path);
	if ((ua = calloc(1, sizeof(*ua))) == NULL)
		return sess_err_nomem(err);
	ua->path = path != NULL ? path : DEFAULT_PATH;
	if (path != NULL && !load(ua))
		st = sess_err_set(err, SESS_EFORMAT, 0, "%.100s: no regexes of uap-core", path);
	if (st == SESS_OK)
		*uap = ua;
	else
		sessp_ua_free(ua);
	return st;
}

void
sessp_ua_free(struct sessp_ua *ua)
{
	unsigned part, k;
	size_t i;

	if (ua == NULL)
		return;
	for (part = 0; part < NPARTS; part++) {
		for (i = 0; i < ua->n[part]; i++) {
			free(ua->rules[part][i].regex);
			for (k = 0; k < NREPLACE; k++)
				free(ua->rules[part][i].replace[k]);
			pcre2_code_free(ua->rules[part][i].code);
		}
		free(ua->rules[part]);
	}
	pcre2_match_data_free(ua->match);
	pcre2_match_context_free(ua->limits);
	sessp_arena_release(&ua->arena);
	free(ua->slots);
	free(ua);
}

/* -- matching */

static bool
try_rule(struct sessp_ua *ua, struct rule *r, struct sess_slice agent)
{
	PCRE2_SIZE at;
	int e;

	if (r->code == NULL && !r->bad) {
		r->code = pcre2_compile((PCRE2_SPTR)r->regex, PCRE2_ZERO_TERMINATED,
		    r->nocase ? PCRE2_CASELESS : 0, &e, &at, NULL);
		r->bad = r->code == NULL;
	}
	if (r->bad)
		return false;
	if (++r->tries == JIT_AFTER)
		(void)pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);	/* or goes on without */
	e = pcre2_match(r->code, (PCRE2_SPTR)agent.p, agent.len, 0, 0, ua->match, ua->limits);
	ua->groups = e > 0 ? (uint32_t)e : pcre2_get_ovector_count(ua->match);
	return e >= 0;
}

/* The first rule that matches; its groups are then in ua->match. */
static const struct rule *
first_match(struct sessp_ua *ua, enum part part, struct sess_slice agent)
{
	size_t i;

	for (i = 0; i < ua->n[part]; i++)
		if (try_rule(ua, &ua->rules[part][i], agent))
			return &ua->rules[part][i];
	return NULL;
}

static struct sess_slice
group(const struct sessp_ua *ua, struct sess_slice agent, uint32_t i)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(ua->match);
	struct sess_slice s = { "", 0 };

	/* \K may set a start behind the end. */
	if (i < ua->groups && v[2 * i] != PCRE2_UNSET &&
	    v[2 * i + 1] <= agent.len && v[2 * i] < v[2 * i + 1])
		s = (struct sess_slice){ agent.p + v[2 * i], v[2 * i + 1] - v[2 * i] };
	return s;
}

/* What the rule has as its i-th, with $1 .. $9 put in, else group g (0: nothing);
 * cut to what fits, without blanks around it. */
struct text {
	char p[256];
	size_t len;
};

static void
add(struct text *t, struct sess_slice s)
{
	size_t n = s.len < sizeof(t->p) - t->len ? s.len : sizeof(t->p) - t->len;

	if (n > 0)
		memcpy(t->p + t->len, s.p, n);
	t->len += n;
}

static void
expand(const struct sessp_ua *ua, struct sess_slice agent, const struct rule *r, unsigned i,
    uint32_t g, struct text *t)
{
	const char *p = r->replace[i];
	size_t from = 0;

	t->len = 0;
	if (p == NULL && g > 0)
		add(t, group(ua, agent, g));
	for (; p != NULL && *p != '\0'; p++) {
		if (*p == '$' && p[1] >= '1' && p[1] <= '9')
			add(t, group(ua, agent, (uint32_t)(*++p - '0')));
		else
			add(t, (struct sess_slice){ p, 1 });
	}
	while (t->len > 0 && t->p[t->len - 1] == ' ')
		t->len--;
	while (from < t->len && t->p[from] == ' ')
		from++;
	memmove(t->p, t->p + from, t->len - from);
	t->len -= from;
}

/* "Other" is how uap-core says that it doesn't know. */
static struct sess_slice
keep(struct sessp_ua *ua, const struct text *t)
{
	char *copy = NULL;

	if (t->len > 0 && !(t->len == 5 && memcmp(t->p, "Other", 5) == 0))
		copy = sessp_arena_dup(&ua->arena, t->p, t->len);
	return copy != NULL ? (struct sess_slice){ copy, t->len } : SESSP_LIT("");
}

/* Family, and version numbers joined by dots up to the first that is missing. */
static void
family_and_version(struct sessp_ua *ua, enum part part, struct sess_slice agent,
    struct sess_slice *family, struct sess_slice *numbers)
{
	const struct rule *r = first_match(ua, part, agent);
	struct text t, all = { .len = 0 };
	unsigned i, parts = part == OS ? 4 : 3;

	if (r == NULL)
		return;
	expand(ua, agent, r, 0, 1, &t);
	*family = keep(ua, &t);
	for (i = 1; i <= parts; i++) {
		expand(ua, agent, r, i, i + 1, &t);
		if (t.len == 0)
			break;
		if (all.len > 0)
			add(&all, SESSP_LIT("."));
		add(&all, (struct sess_slice){ t.p, t.len });
	}
	*numbers = keep(ua, &all);
}

/* "Samsung SM-G991B": brand and model, the brand once; else the family.
 * *spider: the rule says that nobody sits there. */
static struct sess_slice
device(struct sessp_ua *ua, struct sess_slice agent, bool *spider)
{
	const struct rule *r = first_match(ua, DEVICE, agent);
	struct text family, brand, model;

	*spider = false;
	if (r == NULL)
		return SESSP_LIT("");
	expand(ua, agent, r, 0, 1, &family);
	expand(ua, agent, r, 1, 0, &brand);
	expand(ua, agent, r, 2, 1, &model);
	*spider = family.len == 6 && memcmp(family.p, "Spider", 6) == 0;
	if (*spider || brand.len == 0 || model.len == 0)
		return keep(ua, &family);
	if (brand.len > model.len || memcmp(brand.p, model.p, brand.len) != 0) {
		add(&brand, SESSP_LIT(" "));
		add(&brand, (struct sess_slice){ model.p, model.len });
		return keep(ua, &brand);
	}
	return keep(ua, &model);
}

static bool
holds(struct sess_slice s, const char *part)
{
	return s.len > 0 && memmem(s.p, s.len, part, strlen(part)) != NULL;
}

static bool
holds_any(struct sess_slice s, const char *const *parts)
{
	for (; *parts != NULL; parts++)
		if (holds(s, *parts))
			return true;
	return false;
}

/* The class of the device, which uap-core doesn't tell. */
static struct sess_slice
device_type(const struct agent *a, bool spider)
{
	static const char *const tablets[] = { "iPad", "Tablet", "PlayBook", "Kindle", "Silk/", NULL };
	static const char *const mobiles[] = { "Mobile", "iPhone", "iPod", "Windows Phone",
	    "BlackBerry", "Opera Mini", "Android", "HarmonyOS", NULL };
	static const char *const pcs[] = { "Windows", "Mac OS X", "Linux", "Ubuntu", "Chrome OS",
	    "Fedora", "Debian", "BSD", "Solaris", "Red Hat", "SUSE", NULL };

	if (spider)
		return SESSP_LIT("bot");
	if (holds_any(a->text, tablets) || (holds(a->text, "Android") && !holds(a->text, "Mobile")))
		return SESSP_LIT("tablet");
	if (holds_any(a->text, mobiles))
		return SESSP_LIT("mobile");
	return holds_any(a->os, pcs) ? SESSP_LIT("pc") : SESSP_LIT("");
}

static void
take_apart(struct sessp_ua *ua, struct agent *a)
{
	struct sess_slice text = a->text;
	bool spider;

	if (text.len > AGENT_MAX)
		text.len = AGENT_MAX;
	family_and_version(ua, BROWSER, text, &a->browser, &a->browser_version);
	family_and_version(ua, OS, text, &a->os, &a->os_version);
	a->device = device(ua, text, &spider);
	a->type = device_type(a, spider);
}

/* -- remembering */

/* What is needed once an agent is met; false where it can't be had. */
static bool
ready(struct sessp_ua *ua)
{
	if (!ua->loaded)
		(void)load(ua);
	if (ua->slots == NULL)
		ua->slots = calloc(2 * CACHE_AGENTS, sizeof(*ua->slots));
	if (ua->match == NULL)
		ua->match = pcre2_match_data_create(16, NULL);
	if (ua->limits == NULL && (ua->limits = pcre2_match_context_create(NULL)) != NULL) {
		pcre2_set_match_limit(ua->limits, MATCH_LIMIT);
		pcre2_set_heap_limit(ua->limits, HEAP_LIMIT);
	}
	return ua->n[BROWSER] + ua->n[OS] + ua->n[DEVICE] > 0 && ua->slots != NULL &&
	    ua->match != NULL && ua->limits != NULL;
}

static bool
same(const struct agent *a, struct sess_slice s)
{
	return a->text.len == s.len && memcmp(a->text.p, s.p, s.len) == 0;
}

static struct agent *
find(struct sessp_ua *ua, struct sess_slice s)
{
	uint64_t hash = XXH3_64bits(s.p, s.len);
	size_t i = hash % (2 * CACHE_AGENTS);
	struct agent *a;
	char *text;

	for (; (a = ua->slots[i]) != NULL; i = (i + 1) % (2 * CACHE_AGENTS))
		if (a->hash == hash && same(a, s))
			return a;
	if (ua->used == CACHE_AGENTS || ua->arena.total > CACHE_BYTES) {
		memset(ua->slots, 0, 2 * CACHE_AGENTS * sizeof(*ua->slots));
		sessp_arena_reset(&ua->arena);
		ua->used = 0;
		i = hash % (2 * CACHE_AGENTS);
	}
	a = sessp_arena_get(&ua->arena, sizeof(*a));
	text = sessp_arena_dup(&ua->arena, s.p, s.len);
	if (a == NULL || text == NULL)
		return NULL;
	*a = (struct agent){ .hash = hash, .text = { text, s.len } };
	take_apart(ua, a);
	ua->slots[i] = a;
	ua->used++;
	return a;
}

void
sessp_ua_set(struct sessp_ua *ua, struct sess_event *ev, struct sess_slice agent)
{
	if (ua->last == NULL || !same(ua->last, agent)) {
		if (!ready(ua) || (ua->last = find(ua, agent)) == NULL)
			return;
	}
	sess_event_set(ev, SESS_K_BROWSER, ua->last->browser.p, ua->last->browser.len);
	sess_event_set(ev, SESS_K_BROWSER_VERSION, ua->last->browser_version.p,
	    ua->last->browser_version.len);
	sess_event_set(ev, SESS_K_OS, ua->last->os.p, ua->last->os.len);
	sess_event_set(ev, SESS_K_OS_VERSION, ua->last->os_version.p, ua->last->os_version.len);
	sess_event_set(ev, SESS_K_DEVICE, ua->last->device.p, ua->last->device.len);
	sess_event_set(ev, SESS_K_DEVICE_TYPE, ua->last->type.p, ua->last->type.len);
}
