#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

const char *
terminal_color_option(const char *value)
{
	if (strcmp(value, "auto") != 0 && strcmp(value, "always") != 0 &&
	    strcmp(value, "never") != 0)
		cli_misuse("--color: '%s' is none of auto, always, never", value);
	return value;
}

bool
terminal_has_colors(const char *color)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	if (strcmp(color, "auto") != 0)
		return strcmp(color, "always") == 0;
	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') && term != NULL &&
	    *term != '\0' && strcmp(term, "dumb") != 0;
}

unsigned
terminal_columns(void)
{
	const char *env = getenv("COLUMNS");
	struct winsize ws;
	unsigned long n;
	char *end;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		return ws.ws_col;
	n = env != NULL && *env >= '1' && *env <= '9' ? strtoul(env, &end, 10) : 0;
	return n > 0 && n <= 10000 && *end == '\0' ? (unsigned)n : 80;
}
