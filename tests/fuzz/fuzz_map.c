/*
 * map: any bytes as a map, and behind an empty line a record that it is used
 * on.  A map that is refused says why.
 */
#include "payload.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sess_convert_opts opts = { .format = NULL };
	struct sess_err err = { .code = SESS_OK };
	struct sessp_conv *cv;
	const char *p = (const char *)data, *gap = NULL;
	char *map;

	if (len > 1)
		gap = memmem(p, len, "\n\n", 2);
	opts.map_len = gap != NULL ? (size_t)(gap - p) + 1 : len;
	must((map = malloc(opts.map_len + 1)) != NULL);	/* its own size: no byte behind it is read */
	if (opts.map_len > 0)
		memcpy(map, p, opts.map_len);
	opts.map = map;
	if (sessp_conv_new(&cv, &opts, &err) != SESS_OK) {
		must(err.text[0] != '\0');
		free(map);
		return 0;
	}
	if (gap != NULL)
		convert_twice(cv, &sessp_json, gap + 2, (size_t)(p + len - gap - 2));
	sessp_conv_free(cv);
	free(map);
	return 0;
}
