/*
 * rum: any bytes as a bundle, as the body of a request and as a line.
 */
#include "payload.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct sess_convert_opts opts[] = { { .extra = false }, { .extra = true } };
	static struct sessp_conv *cv[2];
	const char *p = (const char *)data;
	size_t i;

	for (i = 0; i < 2; i++) {
		must(cv[i] != NULL || sessp_conv_new(&cv[i], &opts[i], NULL) == SESS_OK);
		convert_request(cv[i], "workspace=w&service_id=s", 24, p, len);
		if (len > 0 && *p == '{')
			convert_twice(cv[i], &sessp_json, p, len);
	}
	return 0;
}
