/* The snapshot of a failed call: JSON within JSON, often cut by the SDK. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* A value laid out over lines; a text that is JSON itself as what it holds. */
static void
show_value(struct sess_path *p, const char *label, const json_t *value)
{
	const char *t = json_string_value(value);
	json_t *inner = NULL;
	char *dump;

	if (t != NULL) {
		inner = json_loadb(t, json_string_length(value), JSON_ALLOW_NUL, NULL);
		if (inner == NULL) {
			sessp_fact(p, label, t, json_string_length(value));
			return;
		}
	}
	dump = json_dumps(inner != NULL ? inner : value, JSON_INDENT(2) | JSON_ENCODE_ANY);
	json_decref(inner);
	if (dump != NULL)
		sessp_fact(p, label, dump, strlen(dump));
	p->nomem |= dump == NULL;
	free(dump);
}

void
sessp_path_snapshot(struct sess_path *p, struct sess_slice snapshot)
{
	json_t *root = json_loadb(snapshot.p, snapshot.len, JSON_ALLOW_NUL, NULL), *value;
	const char *key;

	if (!json_is_object(root))
		sessp_fact(p, "snapshot", snapshot.p, snapshot.len);
	else if (json_object_size(root) > 0)
		json_object_foreach(root, key, value)
			show_value(p, key, value);
	json_decref(root);
}
