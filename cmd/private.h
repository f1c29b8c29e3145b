/*
 * private: what cli.c, say.c, output.c and input.c share behind cli.h.
 */
#ifndef CLI_PRIVATE_H
#define CLI_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* say.c: who speaks, and the text that --help begins with. */
void say_start(const char *name, const char *usage);

/* The synopsis, all of the usage text up to its first empty line. */
void say_synopsis(FILE *f);
const char *say_usage(void);

/* Something went wrong that the exit status has to tell. */
void say_trouble(void);
bool say_had_trouble(void);

/* Write text with everything that could steer a terminal as ?. */
void say_safe(FILE *f, const char *p, size_t len);

/* output.c: write out what is held, close, and the errno of the first failure
 * or 0. */
int output_finish(void);

/* input.c: take the progress line off the terminal. */
void progress_clear(void);

/* The notes of the last file, --rejects and --summary to disk. */
void input_finish(void);

/* cli.c: cli_finish for an end that comes while workers run: it takes nothing
 * from under them. */
int finish(int yes_no);

#endif
