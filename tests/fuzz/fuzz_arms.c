/*
 * arms: any bytes as an ARMS beacon or row.  The first line is a query, the
 * rest its body; where the first byte is a brace all of it is a row.  Also:
 * with a log that has no bodies the record keeps its identity.
 */
#include "payload.h"

#include "sess/arms.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct sess_convert_opts opts[] = { { .extra = false }, { .extra = true } };
	static struct sessp_conv *cv[2];
	const char *p = (const char *)data, *nl;
	size_t i;
	int64_t t;

	t = sess_arms_id_time(p, len);
	must(t == SESS_NO_TIME || (t >= 1420070400000 && t < 4102444800000));
	for (i = 0; i < 2; i++) {
		must(cv[i] != NULL || sessp_conv_new(&cv[i], &opts[i], NULL) == SESS_OK);
		if (len > 0 && *p == '{') {
			convert_twice(cv[i], &sessp_json, p, len);
			continue;
		}
		nl = len > 0 ? memchr(p, '\n', len) : NULL;
		if (nl == NULL)
			convert_request(cv[i], p, len, NULL, 0);
		else
			convert_request(cv[i], p, (size_t)(nl - p), nl + 1, (size_t)(p + len - nl - 1));
	}
	return 0;
}
