/* geo: country, region, city and carrier of an address, from a MaxMind database. */
#include <arpa/inet.h>
#include <errno.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "payload.h"

struct sessp_geo {
	MMDB_s db;
};

enum sess_status
sessp_geo_open(struct sessp_geo **gp, const char *path, struct sess_err *err)
{
	struct sessp_geo *g = calloc(1, sizeof(*g));
	int r;

	*gp = NULL;
	if (g == NULL)
		return sess_err_nomem(err);
	if ((r = MMDB_open(path, MMDB_MODE_MMAP, &g->db)) != MMDB_SUCCESS) {
		free(g);
		if ((r == MMDB_FILE_OPEN_ERROR || r == MMDB_IO_ERROR) && errno != 0)
			return sess_err_sys(err, errno, path);
		return sess_err_set(err, SESS_EFORMAT, 0, "%.80s: %.70s", path, MMDB_strerror(r));
	}
	*gp = g;
	return SESS_OK;
}

void
sessp_geo_free(struct sessp_geo *g)
{
	if (g != NULL) {
		MMDB_close(&g->db);
		free(g);
	}
}

static bool
look_up(const MMDB_s *db, struct sess_slice ip, MMDB_entry_s *entry)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	char text[INET6_ADDRSTRLEN];
	MMDB_lookup_result_s r;
	int e;

	if (ip.len == 0 || ip.len >= sizeof(text))
		return false;
	memcpy(text, ip.p, ip.len);
	text[ip.len] = '\0';
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		r = MMDB_lookup_sockaddr(db, (struct sockaddr *)&v4, &e);
	else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		r = MMDB_lookup_sockaddr(db, (struct sockaddr *)&v6, &e);
	else
		return false;
	*entry = r.entry;
	return e == MMDB_SUCCESS && r.found_entry;
}

/* The first of these texts that the entry has.  It is in the mapped file and
 * lives as long as the database. */
static void
set(struct sessp_conv *cv, enum sess_key k, MMDB_entry_s *entry, const char *const *paths[])
{
	MMDB_entry_data_s d;

	for (; *paths != NULL && !sess_event_has(&cv->ev, k); paths++)
		if (MMDB_aget_value(entry, &d, *paths) == MMDB_SUCCESS && d.has_data &&
		    d.type == MMDB_DATA_TYPE_UTF8_STRING)
			sess_event_set(&cv->ev, k, d.utf8_string, d.data_size);
}

#define PATH(...) (const char *const []){ __VA_ARGS__, NULL }

void
sessp_geo_set(struct sessp_geo *g, struct sessp_conv *cv, struct sess_slice ip)
{
	MMDB_entry_s entry;

	if (!look_up(&g->db, ip, &entry))
		return;
	set(cv, SESS_K_COUNTRY, &entry, (const char *const *[]){
	    PATH("country", "names", "en"), PATH("country", "names", "zh-CN"),
	    PATH("country", "iso_code"), NULL });
	set(cv, SESS_K_REGION, &entry, (const char *const *[]){
	    PATH("subdivisions", "0", "names", "en"), PATH("subdivisions", "0", "names", "zh-CN"),
	    PATH("subdivisions", "0", "iso_code"), NULL });
	set(cv, SESS_K_CITY, &entry, (const char *const *[]){
	    PATH("city", "names", "en"), PATH("city", "names", "zh-CN"), NULL });
	set(cv, SESS_K_ISP, &entry, (const char *const *[]){
	    PATH("isp"), PATH("traits", "isp"), PATH("autonomous_system_organization"), NULL });
}
