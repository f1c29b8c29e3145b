/* <getopt.h> has a struct option, we an enum of that tag. */
#define option getopt_option
#include <getopt.h>
#undef option

#include "options.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"

#define LONG 256		/* values of long options begin here */
#define COLUMN 28		/* where help texts begin */

const struct option_info option_info[OPT_END] = {
#define OPTION_INFO(ID, name, letter, arg, meta, programs, help) \
	[OPT_##ID] = { name, meta, help, programs, arg, letter },
	OPTIONS(OPTION_INFO)
#undef OPTION_INFO
};

/* The sections of --help, by the first option of each. */
static const struct {
	enum option first;
	const char *title;
} sections[] = {
	{ OPT_USER, "Conditions (a session matches if all of them hold)" },
	{ OPT_REPORT, "Output" },
	{ OPT_SESSION_RULE, "Sessions" },
	{ OPT_DEFAULT_STORE, "Store" },
	{ OPT_FORMAT, "Input" },
	{ OPT_NOW, "General" },
	{ OPT_END, NULL }
};

/* What getopt_long wants: the options of one program. */
struct getopt_tables {
	char letters[2 * OPT_END + 2];
	struct getopt_option names[OPT_END];
};

static void
make_tables(struct getopt_tables *t, unsigned program)
{
	const struct option_info *o;
	char *letter = t->letters;
	size_t i, n = 0;

	*letter++ = ':';		/* tell a missing argument from an unknown option */
	for (i = OPT_NONE + 1; i < OPT_END; i++) {
		o = &option_info[i];
		if ((o->programs & program) == 0)
			continue;
		t->names[n++] = (struct getopt_option){ o->name,
		    o->arg == YES ? required_argument :
		    o->arg == MAYBE ? optional_argument : no_argument,
		    NULL, (int)(LONG + i) };
		if (o->letter == 0)
			continue;
		*letter++ = o->letter;
		if (o->arg != NO)
			*letter++ = ':';
	}
	*letter = '\0';
	t->names[n] = (struct getopt_option){ 0 };
}

static enum option
by_letter(unsigned program, int letter)
{
	int i;

	for (i = OPT_NONE + 1; i < OPT_END; i++)
		if (option_info[i].letter == letter &&
		    (option_info[i].programs & program) != 0)
			return (enum option)i;
	return OPT_NONE;
}

/* getopt_long takes any unambiguous beginning of a name; a script that uses one
 * would break when an option is added.  arg is the argument as it was typed. */
static void
check_whole_name(enum option opt, const char *arg)
{
	size_t len = strlen(option_info[opt].name);

	arg += 2;
	if (strncmp(arg, option_info[opt].name, len) != 0 ||
	    (arg[len] != '\0' && arg[len] != '='))
		cli_misuse("unknown option --%.*s (is it --%s?)",
		    (int)strcspn(arg, "="), arg, option_info[opt].name);
}

static void
bad_option(int c, char **argv)
{
	if (c == ':' && optopt >= LONG)
		cli_misuse("--%s needs an argument", option_info[optopt - LONG].name);
	if (c == ':')
		cli_misuse("-%c needs an argument", optopt);
	if (optopt >= LONG)
		cli_misuse("--%s takes no argument", option_info[optopt - LONG].name);
	if (optopt != 0)
		cli_misuse("unknown option -%c", optopt);
	cli_misuse("unknown option %s", argv[optind - 1]);
}

enum option
option_next(unsigned program, int argc, char **argv, const char **value)
{
	struct getopt_tables tables;
	enum option opt;
	int c;

	make_tables(&tables, program);
	opterr = 0;
	c = getopt_long(argc, argv, tables.letters, tables.names, NULL);
	if (c == -1)
		return OPT_NONE;
	if (c == '?' || c == ':')
		bad_option(c, argv);
	*value = optarg;
	if (c < LONG)
		return by_letter(program, c);
	opt = (enum option)(c - LONG);
	check_whole_name(opt, argv[optind - (optarg == argv[optind - 1] ? 2 : 1)]);
	return opt;
}

static void
help_line(const struct option_info *o)
{
	const char *meta = o->meta != NULL ? o->meta : "";
	int width;

	width = o->letter != 0 ? printf("  -%c, ", o->letter) : printf("      ");
	width += printf(o->arg == YES ? "--%s %s" : o->arg == MAYBE ? "--%s[=%s]" : "--%s%s",
	    o->name, meta);
	if (width > COLUMN - 2)
		width = printf("\n") - 1;
	printf("%*s%s\n", COLUMN - width, "", o->help);
}

void
option_help(unsigned program)
{
	size_t section;
	int i;

	for (section = 0; sections[section].title != NULL; section++) {
		const char *title = sections[section].title;

		for (i = sections[section].first; i < (int)sections[section + 1].first; i++) {
			if ((option_info[i].programs & program) == 0)
				continue;
			if (title != NULL)
				printf("\n%s:\n", title);
			title = NULL;
			help_line(&option_info[i]);
		}
	}
}
