#include <math.h>
#include <xxhash.h>

#include "private.h"

/* The session's facts, by the keys of the events that they come from. */
static const struct { enum sess_key key; size_t at; } facts[] = {
#define FACT(KEY, member) { SESS_K_##KEY, offsetof(struct sess_session, member) }
	FACT(SESSION_ID, session_id), FACT(VISITOR, visitor), FACT(USER_ID, user_id),
	FACT(USER_NAME, user_name), FACT(APP_ID, app_id), FACT(RELEASE, release),
	FACT(ENVIRONMENT, environment), FACT(IP, ip), FACT(COUNTRY, country),
	FACT(REGION, region), FACT(CITY, city), FACT(ISP, isp), FACT(NETWORK, network),
	FACT(BROWSER, browser), FACT(BROWSER_VERSION, browser_version), FACT(OS, os),
	FACT(OS_VERSION, os_version), FACT(DEVICE, device), FACT(DEVICE_TYPE, device_type),
	FACT(SCREEN, screen)
#undef FACT
};

struct sess_slice
sessp_obs_fact(const struct sessp_obs *o, enum sess_key k)
{
	static const struct sess_slice none = { "", 0 };
	size_t i;

	if (o->ev != NULL && sess_event_has(o->ev, k))
		return o->ev->v[k];
	if (k == SESS_K_PAGE)
		return o->v != NULL ? o->v->page : o->s->exit_page;
	if (o->v != NULL && k == SESS_K_VIEW_ID)
		return o->v->view_id;
	if (o->v != NULL && k == SESS_K_PAGE_URL)
		return o->v->page_url;
	for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (facts[i].key == k)
			return *(const struct sess_slice *)((const char *)o->s + facts[i].at);
	return none;
}

bool
sessp_obs_times(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->n = o->n;
	return true;
}

bool
sessp_obs_weights(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->n = o->weight;
	return true;
}

bool
sessp_obs_one(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)o, (void)arg;
	v->n = 1;
	return true;
}

bool
sessp_obs_number(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st;
	v->d = sess_event_num(o->ev, (enum sess_key)arg, -1);
	v->n = o->n;
	return isfinite(v->d) && v->d >= 0;
}

bool
sessp_obs_text(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st;
	v->text = sessp_obs_fact(o, (enum sess_key)arg);
	v->n = o->when;
	return v->text.len > 0;
}

bool
sessp_obs_moment(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->n = o->when;
	return true;
}

bool
sessp_obs_user(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->text = o->user;
	v->hash = XXH3_64bits(o->user.p, o->user.len);
	return o->user.len > 0;
}

bool
sessp_obs_session_id(struct sess_stats *st, const struct sessp_obs *o, int arg,
    struct sessp_added *v)
{
	(void)st, (void)arg;
	v->text = o->s->key;
	return true;
}

int
sessp_key_fact(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sess_buf *out)
{
	struct sess_slice s = sessp_obs_fact(o, (enum sess_key)arg);

	(void)st;
	return s.len == 0 ? 0 : sess_buf_add(out, s.p, s.len) < 0 ? -1 : 1;
}
