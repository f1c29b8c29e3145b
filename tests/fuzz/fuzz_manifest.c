/*
 * fuzz_manifest: any lines as a MANIFEST, with a checksum that fits unless the
 * input says otherwise.  What is refused says why; what is read is written as
 * lines that are read as the same, and names no file but a segment.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "../../lib/store/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Lines that end in their checksum. */
static void
seal(struct sess_buf *text)
{
	assert(sess_buf_printf(text, "{\"xxh3\":\"%016" PRIx64 "\"}\n",
	    (uint64_t)XXH3_64bits(text->data, text->len)) == 0);
}

static void
check_names(const struct sessp_manifest *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		assert(sessp_segment_name(m->segments[i].name));
		assert(strchr(m->segments[i].name, '/') == NULL);
		assert(i == 0 || m->segments[i].day >= m->segments[i - 1].day);
	}
	assert(m->shard.of == 0 || m->shard.index < m->shard.of);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sess_buf text = { 0 }, once = { 0 }, twice = { 0 };
	struct sessp_manifest m, again, copy;
	struct sess_err err = { 0 };

	assert(sess_buf_add(&text, data, len) == 0);
	/* without its newline it is left as it is */
	if (len > 0 && data[len - 1] == '\n')
		seal(&text);
	if (sessp_manifest_parse(&m, text.data != NULL ? text.data : "", text.len, &err) < 0) {
		assert(err.text[0] != '\0');
	} else {
		check_names(&m);
		assert(sessp_manifest_copy(&copy, &m) == 0);
		assert(sessp_manifest_write(&copy, &once) == 0);
		assert(sessp_manifest_parse(&again, once.data, once.len, NULL) == SESS_OK);
		assert(sessp_manifest_write(&again, &twice) == 0);
		assert(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
		assert(again.n == m.n && again.nmarks == m.nmarks);
		sessp_manifest_release(&again);
		sessp_manifest_release(&copy);
	}
	sessp_manifest_release(&m);
	sess_buf_release(&text);
	sess_buf_release(&once);
	sess_buf_release(&twice);
	return 0;
}
