/*
 * part: partials of reports: under what conditions one is made, and reading them.
 *
 * Partials add up where the same was counted in each: what was asked for, and what
 * makes a session.  That goes into their first lines as texts; the ids of --session
 * and --ids-from do not, which choose the part.
 */
#ifndef PART_H
#define PART_H

#include <stdbool.h>
#include <stddef.h>

#include "cli.h"
#include "search.h"
#include "sess/stats.h"

struct part {			/* zeros: no conditions */
	const char **text;	/* sorted and NULL-terminated by part_settle */
	size_t n;
};

/* A condition that search_option took. */
void part_condition(struct part *p, const struct cli *c, enum option opt, const char *value);

/* All conditions are known: those of a partial to o.  Misuse where a part of the
 * input can't tell what is asked for. */
void part_settle(struct part *p, const struct search *s, struct sess_stats_opts *o);

/* Merge the files that the operands name, or standard input.  *st is made like the
 * first one, with o's memory, tmpdir and limit.  Whatever is wrong with one ends the
 * program. */
void part_merge(const char *const *paths, struct sess_stats **st,
    const struct sess_stats_opts *o);

void part_release(struct part *p);

#endif
