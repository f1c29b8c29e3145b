/*
 * declare: short words for the tables of report_*.c.
 *
 * A file that declares a report numbers its measures by an enum in the order
 * of its list; COL_* name them by that number.
 */
#ifndef SESSP_DECLARE_H
#define SESSP_DECLARE_H

#include "private.h"

/* Columns of a report of groups. */
#define COL(name, type, unit, flags, doc) { name, SESS_T_##type, unit, flags, doc }
#define COL_KEY(name, part, doc) \
	{ .c = COL(name, STR, "", SESS_COL_KEY, doc), .show = SESSP_KEY_PART, .a = part }
#define COL_COUNT(name, m, flags, doc) \
	{ .c = COL(name, INT, "", flags, doc), .show = SESSP_VALUE, .a = m }
#define COL_TIME(name, m, flags, doc) \
	{ .c = COL(name, TIME, "", flags, doc), .show = SESSP_VALUE, .a = m }
#define COL_TEXT(name, m, flags, doc) \
	{ .c = COL(name, STR, "", flags, doc), .show = SESSP_VALUE, .a = m }
#define COL_RATIO(name, m, of, flags, doc) \
	{ .c = COL(name, NUM, "", SESS_COL_SHARE | (flags), doc), .show = SESSP_RATIO, .a = m, .b = of }
#define COL_REST(name, m, of, flags, doc) \
	{ .c = COL(name, NUM, "", SESS_COL_SHARE | (flags), doc), .show = SESSP_REST, .a = m, .b = of }
#define COL_SHARE(name, m, total, flags, doc) \
	{ .c = COL(name, NUM, "", SESS_COL_SHARE | (flags), doc), .show = SESSP_SHARE, .a = m, .b = total }
#define COL_QUANTILE(name, unit, m, Q, flags, doc) \
	{ .c = COL(name, NUM, unit, flags, doc), .show = SESSP_QUANTILE, .a = m, .q = Q }
#define COL_TOP(name, m, doc) \
	{ .c = COL(name, OBJ, "", SESS_COL_DETAIL, doc), .show = SESSP_TOP, .a = m }
#define COL_LIST(name, m, flags, doc) \
	{ .c = COL(name, OBJ, "", flags, doc), .show = SESSP_LIST, .a = m }
#define COL_COMPUTED(name, type, flags, fn, doc) \
	{ .c = COL(name, type, "", flags, doc), .show = SESSP_COMPUTED, .compute = fn }

/* Columns of a report of single rows: a text, a number of the event, ... */
#define CELL_TEXT(name, KEY, flags, doc) \
	{ .c = COL(name, STR, "", flags, doc), .value = sessp_obs_text, .a = SESS_K_##KEY }
#define CELL_NUM(name, unit, KEY, flags, doc) \
	{ .c = COL(name, NUM, unit, flags, doc), .value = sessp_obs_number, .a = SESS_K_##KEY }
#define CELL(name, type, flags, fn, doc) \
	{ .c = COL(name, type, "", flags, doc), .value = fn }

/* report_overview.c: what several reports ask of an event; n is its occurrences. */
sessp_value_of sessp_obs_slow_load;		/* a load slower than --slow-load */
sessp_value_of sessp_obs_slow_api;		/* a call slower than --slow-api */
sessp_value_of sessp_obs_failures;		/* a failed call or resource */
sessp_value_of sessp_obs_js_errors;		/* of an error; of a leave those not recorded */
sessp_value_of sessp_obs_error_view;	/* an error, or a leave that tells of some */

extern const struct sessp_report sessp_report_overview, sessp_report_slow,
    sessp_report_pages, sessp_report_errors, sessp_report_errors_by_page, sessp_report_apis,
    sessp_report_resources, sessp_report_vitals, sessp_report_sessions, sessp_report_users,
    sessp_report_log, sessp_report_flows, sessp_report_paths, sessp_report_funnel,
    sessp_report_frustration;

#endif
