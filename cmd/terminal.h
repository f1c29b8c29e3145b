/*
 * terminal: what text for people may use of where it goes to.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>

/* The argument of --color: auto, always or never; anything else is misuse. */
const char *terminal_color_option(const char *value);

/* Whether standard output takes colours: as --color says, else a terminal does
 * unless $NO_COLOR or $TERM speak against it. */
bool terminal_has_colors(const char *color);

/* Columns: the terminal's, else $COLUMNS, else 80. */
unsigned terminal_columns(void);

#endif
