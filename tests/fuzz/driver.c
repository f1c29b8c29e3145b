/*
 * driver: run a fuzz target over files, where there is no libFuzzer.
 *
 *	replay/NAME FILE|DIRECTORY...
 *
 * Each input is run whole and, to make a small corpus go further, cut at some
 * places of it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CUTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static size_t inputs;

/* A copy of its own size, so that a read behind the end is seen. */
static void
run(const char *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, data, len);
	(void)LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static int
complain(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return -1;
}

static int
run_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	char *data = malloc(size + 1);
	size_t cut, len;

	if (f == NULL || data == NULL)
		return complain(path);
	len = fread(data, 1, size, f);
	fclose(f);
	run(data, len);
	for (cut = 1; cut < CUTS; cut++)
		run(data, len / CUTS * cut);
	free(data);
	inputs++;
	return 0;
}

static int
run_path(const char *path)
{
	char *inner;
	struct dirent *entry;
	struct stat st;
	int bad = 0;
	DIR *dir;

	if (stat(path, &st) < 0)
		return complain(path);
	if (!S_ISDIR(st.st_mode))
		return run_file(path, (size_t)st.st_size);
	if ((dir = opendir(path)) == NULL)
		return complain(path);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&inner, "%s/%s", path, entry->d_name) < 0)
			abort();
		bad |= run_path(inner);
		free(inner);
	}
	closedir(dir);
	return bad;
}

int
main(int argc, char **argv)
{
	int i, bad = 0;

	run("", 0);
	for (i = 1; i < argc; i++)
		bad |= run_path(argv[i]);
	printf("%s: %zu inputs\n", argv[0], inputs);
	return bad != 0;
}
