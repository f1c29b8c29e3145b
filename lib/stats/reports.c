#include "declare.h"

/* Every report there is: a new one is a declaration and a line here. */
const struct sessp_report *const sessp_reports[] = {
	&sessp_report_overview, &sessp_report_slow, &sessp_report_pages, &sessp_report_errors,
	&sessp_report_errors_by_page, &sessp_report_apis, &sessp_report_resources,
	&sessp_report_vitals, &sessp_report_sessions, &sessp_report_users, &sessp_report_flows, &sessp_report_paths,
	&sessp_report_funnel, &sessp_report_frustration, &sessp_report_log,
	NULL
};
