/* The writers of reports, on tables made by hand. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "alloc.h"
#include "sess/report.h"
#include "sess/text.h"

#define T0 1795467600000	/* 2026-11-23T21:00:00Z */

#define COLUMN(name, type, unit, flags) { name, SESS_T_##type, unit, flags, "doc of " name }
#define TEXT(s) { .known = true, .text = { s, sizeof(s) - 1 } }
#define INT(n) { .known = true, .i = (n) }
#define NUM(x) { .known = true, .d = (x) }
#define NONE { .known = false }
#define TABLE(name, title, columns, ndimensions) \
	{ name, title, "doc of " name, columns, sizeof(columns) / sizeof((columns)[0]), ndimensions }

static const struct sess_stats_column slow_columns[] = {
	COLUMN("time", TIME, "", 0),
	COLUMN("page", STR, "", 0),
	COLUMN("load_ms", NUM, "ms", SESS_COL_MAIN | SESS_COL_WORSE_UP),
	COLUMN("session_id", STR, "", SESS_COL_KEY | SESS_COL_SESSION),
	COLUMN("user_name", STR, "", 0),
	COLUMN("dns_ms", NUM, "ms", SESS_COL_DETAIL),
};
static const struct sess_stats_table slow = TABLE("slow", "Slowest page loads", slow_columns, 0);

static const struct sess_stats_column error_columns[] = {
	COLUMN("browser", STR, "", SESS_COL_KEY),
	COLUMN("message", STR, "", SESS_COL_KEY),
	COLUMN("occurrences", INT, "", SESS_COL_MAIN | SESS_COL_WORSE_UP),
	COLUMN("users", INT, "", 0),
	COLUMN("user_share", NUM, "", SESS_COL_SHARE),
	COLUMN("bytes", INT, "bytes", 0),
	COLUMN("pages", OBJ, "", SESS_COL_DETAIL),
	COLUMN("sample_sessions", OBJ, "", SESS_COL_SESSION),
};
static const struct sess_stats_table errors = TABLE("errors", "Errors", error_columns, 1);

static const struct sess_stats_column overview_columns[] = {
	COLUMN("sessions", INT, "", SESS_COL_MAIN),
	COLUMN("users", INT, "", 0),
	COLUMN("js_error_rate", NUM, "", SESS_COL_SHARE | SESS_COL_WORSE_UP),
	COLUMN("apdex", NUM, "", 0),
	COLUMN("durations", OBJ, "", SESS_COL_DETAIL),
};
static const struct sess_stats_table overview = TABLE("overview", "Overview", overview_columns, 0);

static const struct sess_stats_column hourly_columns[] = {
	COLUMN("time", TIME, "", SESS_COL_KEY),
	COLUMN("page_views", INT, "", SESS_COL_MAIN),
	COLUMN("load_p75_ms", NUM, "ms", 0),
};
static const struct sess_stats_table hourly = TABLE("overview", "Overview", hourly_columns, 1);

/* -- a report and what it wrote */

struct written {
	struct sess_report *r;
	struct sess_buf out;
	struct sess_err err;
};

static struct sess_report_opts
as(enum sess_report_format format)
{
	return (struct sess_report_opts){ .format = format, .width = 80, .tz = "Europe/Berlin",
	    .id_end = '\n' };
}

static void
start(struct written *w, const struct sess_report_opts *o)
{
	memset(w, 0, sizeof(*w));
	assert_int_equal(sess_report_new(&w->r, o, &w->err), SESS_OK);
}

static enum sess_status
put(struct written *w, const struct sess_stats_table *t, const struct sess_cell *cells,
    bool estimated)
{
	struct sess_cell own[16];
	struct sess_stats_row row = { .cells = own, .estimated = estimated };
	size_t i;

	for (i = 0; cells != NULL && i < t->ncolumns; i++) {
		own[i] = cells[i];
		own[i].estimated = estimated && strncmp(t->columns[i].name, "user", 4) == 0;
	}
	return sess_report_row(w->r, t, cells != NULL ? &row : NULL, &w->out, &w->err);
}

static void
table(struct written *w, const struct sess_stats_table *t)
{
	assert_int_equal(put(w, t, NULL, false), SESS_OK);
}

static void
row(struct written *w, const struct sess_stats_table *t, const struct sess_cell *cells)
{
	assert_int_equal(put(w, t, cells, false), SESS_OK);
}

static const char *
text(struct written *w)
{
	assert_int_equal(sess_report_end(w->r, &w->out, &w->err), SESS_OK);
	assert_int_equal(sess_buf_putc(&w->out, '\0'), 0);
	return w->out.data;
}

static void
stop(struct written *w)
{
	sess_report_free(w->r);
	sess_buf_release(&w->out);
}

static const struct sess_cell slow_row[] = {
	INT(T0 + 1234), TEXT("shop.example/\"cart\""), NUM(9876.5), TEXT("s-1"), TEXT("张伟"), NONE
};
static const struct sess_cell error_row[] = {
	TEXT("Chrome"), TEXT("a,b \"c\"\td\\e\nf\033[31m\r"), INT(12), INT(7), NUM(1.0 / 3), INT(12345),
	TEXT("{\"/cart\":10,\"/\":2}"), TEXT("[\"s-1\",\"s-2\",\"s-1\"]")
};

static const struct sess_cell overview_row[] = {
	INT(412), INT(2000), NUM(0.04212), NUM(0.8733), TEXT("{\"<10s\":30,\"10s-1m\":10}")
};

/* -- ndjson */

static void
ndjson_has_all_digits_and_no_unknown_values(void **state)
{
	const struct sess_cell nan_row[] = { NONE, TEXT(""), NUM(NAN), TEXT("s"), NONE, NUM(1e-7) };
	struct sess_report_opts o = as(SESS_REPORT_NDJSON);
	struct written w;

	(void)state;
	start(&w, &o);
	table(&w, &slow);
	row(&w, &slow, slow_row);
	row(&w, &slow, nan_row);
	table(&w, &errors);
	assert_int_equal(put(&w, &errors, error_row, true), SESS_OK);
	assert_string_equal(text(&w),
	    "{\"report\":\"slow\",\"time\":\"2026-11-23T21:00:01.234Z\",\"page\":\"shop.example/"
	    "\\\"cart\\\"\",\"load_ms\":9876.5,\"session_id\":\"s-1\",\"user_name\":\"张伟\"}\n"
	    "{\"report\":\"slow\",\"page\":\"\",\"session_id\":\"s\",\"dns_ms\":1e-07}\n"
	    "{\"report\":\"errors\",\"browser\":\"Chrome\",\"message\":\"a,b \\\"c\\\"\\td\\\\e\\nf"
	    "\\u001b[31m\\r\",\"occurrences\":12,\"users\":7,\"user_share\":0.3333333333333333,"
	    "\"bytes\":12345,\"pages\":{\"/cart\":10,\"/\":2},"
	    "\"sample_sessions\":[\"s-1\",\"s-2\",\"s-1\"],\"estimated\":true}\n");
	stop(&w);
}

/* -- csv, tsv, ids */

static void
csv_quotes_what_needs_it_and_tames_control_characters(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_CSV);
	struct written w;

	(void)state;
	start(&w, &o);
	table(&w, &errors);
	row(&w, &errors, error_row);
	assert_string_equal(text(&w),
	    "browser,message,occurrences,users,user_share,bytes,pages,sample_sessions\n"
	    "Chrome,\"a,b \"\"c\"\"\td\\e\nf␛[31m␍\",12,7,0.3333333333333333,12345,"
	    "\"{\"\"/cart\"\":10,\"\"/\"\":2}\",\"[\"\"s-1\"\",\"\"s-2\"\",\"\"s-1\"\"]\"\n");
	stop(&w);
}

static void
csv_keeps_letters_and_quotes_spaces_at_the_ends(void **state)
{
	const struct sess_cell cells[] = { NONE, TEXT(" 商品 \302\233x\377 👨‍👩‍👧"), NONE,
	    TEXT("\342\200\216ab"), TEXT(""), NONE };
	struct sess_report_opts o = as(SESS_REPORT_CSV);
	struct written w;

	(void)state;
	start(&w, &o);
	table(&w, &slow);
	row(&w, &slow, cells);
	assert_string_equal(text(&w), "time,page,load_ms,session_id,user_name,dns_ms\n"
	    ",\" 商品 <U+009B>x\\xff 👨‍👩‍👧\",,\342\200\216ab,,\n");
	stop(&w);
}

static void
tsv_escapes_what_would_end_a_field(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_TSV);
	struct written w;

	(void)state;
	start(&w, &o);
	table(&w, &errors);
	row(&w, &errors, error_row);
	assert_string_equal(text(&w),
	    "browser\tmessage\toccurrences\tusers\tuser_share\tbytes\tpages\tsample_sessions\n"
	    "Chrome\ta,b \"c\"\\td\\\\e\\nf␛[31m\\r\t12\t7\t0.3333333333333333\t12345\t"
	    "{\"/cart\":10,\"/\":2}\t[\"s-1\",\"s-2\",\"s-1\"]\n");
	stop(&w);
}

static void
csv_holds_one_report_only(void **state)
{
	static const enum sess_report_format formats[] = { SESS_REPORT_CSV, SESS_REPORT_TSV };
	struct sess_report_opts o;
	struct written w;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		o = as(formats[i]);
		start(&w, &o);
		table(&w, &errors);
		assert_int_equal(put(&w, &slow, NULL, false), SESS_EFORMAT);
		assert_string_equal(w.err.text, i == 0 ?
		    "csv holds one report, not errors and slow" :
		    "tsv holds one report, not errors and slow");
		stop(&w);
	}
}

static void
ids_come_once_in_the_order_of_the_rows(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_IDS);
	const struct sess_cell other[] = { NONE, NONE, NONE, TEXT("s\n3"), NONE, NONE };
	const struct sess_cell unknown[] = { NONE, NONE, NONE, NONE, NONE, NONE, NONE,
	    TEXT("[\"\",5]") };
	struct written w;

	(void)state;
	start(&w, &o);
	table(&w, &errors);
	row(&w, &errors, error_row);
	row(&w, &errors, unknown);
	table(&w, &slow);
	row(&w, &slow, slow_row);
	row(&w, &slow, other);
	assert_string_equal(text(&w), "s-1\ns-2\ns?3\n");
	stop(&w);

	o.id_end = '\0';
	start(&w, &o);
	table(&w, &slow);
	row(&w, &slow, slow_row);
	row(&w, &slow, other);
	text(&w);
	assert_int_equal(w.out.len, 9);		/* and the end of text() */
	assert_memory_equal(w.out.data, "s-1\0s\n3\0", 9);
	stop(&w);
}

static void
many_ids_are_told_apart(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_IDS);
	struct sess_cell cells[6] = { NONE };
	struct written w;
	char id[32];
	int i, n = 0;
	char *p;

	(void)state;
	start(&w, &o);
	table(&w, &slow);
	for (i = 0; i < 20000; i++) {
		snprintf(id, sizeof(id), "session-%d", i % 7000);
		cells[3] = (struct sess_cell){ .known = true, .text = { id, strlen(id) } };
		row(&w, &slow, cells);
	}
	text(&w);
	for (p = w.out.data; sscanf(p, "session-%d\n", &i) == 1; p = strchr(p, '\n') + 1)
		assert_int_equal(i, n++);
	assert_int_equal(n, 7000);
	stop(&w);
}

/* -- prometheus */

static void
gauges_are_labelled_by_the_keys_and_stand_together(void **state)
{
	const struct sess_cell other[] = { NONE, TEXT("a"), INT(3), NONE, NUM(0.5), NONE, NONE, NONE };
	struct sess_report_opts o = as(SESS_REPORT_PROMETHEUS);
	struct written w;

	(void)state;
	start(&w, &o);
	table(&w, &errors);
	row(&w, &errors, error_row);
	row(&w, &errors, other);
	assert_string_equal(text(&w),
	    "# HELP sess_errors_occurrences doc of occurrences\n"
	    "# TYPE sess_errors_occurrences gauge\n"
	    "sess_errors_occurrences{browser=\"Chrome\",message=\"a,b \\\"c\\\"␉d\\\\e\\nf␛[31m␍\"} 12\n"
	    "sess_errors_occurrences{browser=\"\",message=\"a\"} 3\n"
	    "# HELP sess_errors_users doc of users\n"
	    "# TYPE sess_errors_users gauge\n"
	    "sess_errors_users{browser=\"Chrome\",message=\"a,b \\\"c\\\"␉d\\\\e\\nf␛[31m␍\"} 7\n"
	    "# HELP sess_errors_user_share doc of user_share\n"
	    "# TYPE sess_errors_user_share gauge\n"
	    "sess_errors_user_share{browser=\"Chrome\",message=\"a,b \\\"c\\\"␉d\\\\e\\nf␛[31m␍\"} "
	    "0.3333333333333333\n"
	    "sess_errors_user_share{browser=\"\",message=\"a\"} 0.5\n"
	    "# HELP sess_errors_bytes doc of bytes\n"
	    "# TYPE sess_errors_bytes gauge\n"
	    "sess_errors_bytes{browser=\"Chrome\",message=\"a,b \\\"c\\\"␉d\\\\e\\nf␛[31m␍\"} 12345\n");
	stop(&w);
}

static void
milliseconds_become_seconds_and_names_are_plain(void **state)
{
	static const struct sess_stats_column columns[] = {
		COLUMN("api", STR, "", SESS_COL_KEY), COLUMN("p75_ms", NUM, "ms", 0),
		COLUMN("longest", INT, "ms", 0), COLUMN("size", INT, "bytes", 0),
	};
	static const struct sess_stats_table t = TABLE("errors-by-page", "x", columns, 0);
	const struct sess_cell cells[] = { TEXT("/a"), NUM(1433.2), INT(90), INT(4) };
	struct sess_report_opts o = as(SESS_REPORT_PROMETHEUS);
	struct written w;

	(void)state;
	start(&w, &o);
	table(&w, &t);
	row(&w, &t, cells);
	text(&w);
	assert_non_null(strstr(w.out.data, "\nsess_errors_by_page_p75_seconds{api=\"/a\"} 1.4332\n"));
	assert_non_null(strstr(w.out.data, "\nsess_errors_by_page_longest_seconds{api=\"/a\"} 0.09\n"));
	assert_non_null(strstr(w.out.data, "\nsess_errors_by_page_size_bytes{api=\"/a\"} 4\n"));
	stop(&w);
}

static void
no_two_gauges_have_the_same_labels(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_PROMETHEUS);
	struct sess_cell cells[8];
	struct written w;

	(void)state;
	start(&w, &o);
	table(&w, &errors);
	memcpy(cells, error_row, sizeof(cells));
	cells[1] = (struct sess_cell)TEXT("\033");
	row(&w, &errors, cells);
	cells[1] = (struct sess_cell)TEXT("␛");
	row(&w, &errors, cells);
	cells[1] = (struct sess_cell)NONE;
	row(&w, &errors, cells);
	cells[1] = (struct sess_cell)TEXT("");
	row(&w, &errors, cells);
	text(&w);
	assert_non_null(strstr(w.out.data, "\nsess_errors_users{browser=\"Chrome\",message=\"␛\"} 7\n"
	    "sess_errors_users{browser=\"Chrome\",message=\"␛\",duplicate=\"2\"} 7\n"
	    "sess_errors_users{browser=\"Chrome\",message=\"\"} 7\n"
	    "sess_errors_users{browser=\"Chrome\",message=\"\",duplicate=\"2\"} 7\n"));
	stop(&w);
}

static void
what_is_no_series_has_no_gauges(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_PROMETHEUS);
	struct written w;

	(void)state;
	start(&w, &o);
	table(&w, &slow);
	row(&w, &slow, slow_row);
	table(&w, &hourly);
	row(&w, &hourly, slow_row);
	table(&w, &overview);
	row(&w, &overview, overview_row);
	assert_string_equal(text(&w),
	    "# no gauges of slow: its rows are single sessions or events, not series\n"
	    "# no gauges of overview: its rows are moments, and Prometheus keeps the time itself\n"
	    "# HELP sess_overview_sessions doc of sessions\n"
	    "# TYPE sess_overview_sessions gauge\n"
	    "sess_overview_sessions 412\n"
	    "# HELP sess_overview_users doc of users\n"
	    "# TYPE sess_overview_users gauge\n"
	    "sess_overview_users 2000\n"
	    "# HELP sess_overview_js_error_rate doc of js_error_rate\n"
	    "# TYPE sess_overview_js_error_rate gauge\n"
	    "sess_overview_js_error_rate 0.04212\n"
	    "# HELP sess_overview_apdex doc of apdex\n"
	    "# TYPE sess_overview_apdex gauge\n"
	    "sess_overview_apdex 0.8733\n");
	stop(&w);
}

/* -- table */

static void
a_table_is_aligned_by_columns_of_the_terminal(void **state)
{
	const struct sess_cell rows[][6] = {
		{ INT(T0 + 5000), TEXT("shop.example/cart"), NUM(31876), TEXT("k9kp3r4y46nd3wdd2e5R7q"),
		    TEXT("张伟"), NUM(3) },
		{ INT(T0 + 125000), TEXT("shop.example/商品/详情/很长很长的路径"), NUM(9100),
		    TEXT("62mLjwLatyXrgCd5vvheeg"), TEXT("👨‍👩‍👧"), NONE },
		{ INT(T0 + 3600000), TEXT("evil\033[31m\nx"), NUM(312), TEXT("s-3"), NONE, NONE },
	};
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct written w;
	size_t i;

	(void)state;
	o.width = 94;
	start(&w, &o);
	table(&w, &slow);
	for (i = 0; i < 3; i++)
		row(&w, &slow, rows[i]);
	assert_string_equal(text(&w),
	    "Slowest page loads  -r slow, 3 rows, times 2026-11-23 +0100\n"
	    "time      page                                   load_ms  session_id              user_name\n"
	    "22:00:05  shop.example/cart                        31.9s  k9kp3r4y46nd3wdd2e5R7q  张伟\n"
	    "22:02:05  shop.example/商品/详情/很长很长的路径    9.10s  62mLjwLatyXrgCd5vvheeg  👨‍👩‍👧\n"
	    "23:00:00  evil␛[31m␊x                              312ms  s-3                     -\n"
	    "not shown: dns_ms (--details or -o ndjson shows them)\n");
	stop(&w);
}

static void
a_narrow_table_cuts_texts_and_puts_ids_below(void **state)
{
	struct sess_cell cells[8];
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct written w;

	(void)state;
	memcpy(cells, error_row, sizeof(cells));
	cells[1] = (struct sess_cell)TEXT("Cannot read properties of undefined (reading 'price') 很长");
	cells[7] = (struct sess_cell)TEXT("[\"62mLjwLatyXrgCd5vvheegwxgCUw\",\"b\",\"c\"]");
	o.width = 60;
	start(&w, &o);
	table(&w, &errors);
	row(&w, &errors, cells);
	cells[2].i = 3;
	assert_int_equal(put(&w, &errors, cells, true), SESS_OK);
	assert_string_equal(text(&w),
	    "Errors  -r errors, 2 rows\n"
	    "                                                       user_\n"
	    "browser  message                  occurrences  users   share\n"
	    "Chrome   Cannot read properties…           12      7   33.3%\n"
	    "    sample_sessions 62mLjwLatyXrgCd5vvheegwxgCUw +2\n"
	    "Chrome   Cannot read properties…            3     ~7  ~33.3%\n"
	    "    sample_sessions 62mLjwLatyXrgCd5vvheegwxgCUw +2\n"
	    "~ distinct users are estimated above 1024, with a standard\n"
	    "error of 0.81 %\n"
	    "not shown: bytes, pages (--details or -o ndjson shows them)\n");
	stop(&w);
}

static void
a_row_without_keys_is_names_and_values(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct written w;

	(void)state;
	start(&w, &o);
	table(&w, &overview);
	assert_int_equal(put(&w, &overview, overview_row, true), SESS_OK);
	assert_string_equal(text(&w),
	    "Overview  -r overview\n"
	    "  sessions         412    js_error_rate   4.2%\n"
	    "  users          ~2000    apdex          0.873\n"
	    "  durations      <10s         30  ███████████████\n"
	    "                 10s-1m       10  █████\n"
	    "~ distinct users are estimated above 1024, with a standard error of 0.81 %\n");
	stop(&w);
}

static void
pages_are_cut_in_the_middle_and_empty_columns_left_out(void **state)
{
	static const char *const pages[] = {
		"shop.example:8080/account/orders/history", "shop.example:8080/商品/详情页面/很长的路径",
		"shop.example:8080/account/settings/profile",
	};
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct sess_cell cells[6];
	struct written w;
	size_t i;

	(void)state;
	o.width = 50;
	start(&w, &o);
	table(&w, &slow);
	for (i = 0; i < 3; i++) {
		memcpy(cells, slow_row, sizeof(cells));
		cells[1].text = (struct sess_slice){ pages[i], strlen(pages[i]) };
		cells[4].known = false;
		row(&w, &slow, cells);
	}
	assert_string_equal(text(&w),
	    "Slowest page loads  -r slow, 3 rows, times 2026-11-23 +0100\n"
	    "time      page                             load_ms\n"
	    "22:00:01  shop.e…0/account/orders/history    9.88s\n"
	    "    session_id s-1\n"
	    "22:00:01  shop.e…商品/详情页面/很长的路径    9.88s\n"
	    "    session_id s-1\n"
	    "22:00:01  shop.e…account/settings/profile    9.88s\n"
	    "    session_id s-1\n"
	    "not shown: user_name, dns_ms (--details or -o\n"
	    "ndjson shows them)\n");
	stop(&w);
}

static void
no_rows_are_said(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct written w;

	(void)state;
	start(&w, &o);
	table(&w, &overview);
	table(&w, &slow);
	assert_string_equal(text(&w), "Overview  -r overview\nno rows\n\n"
	    "Slowest page loads  -r slow\nno rows\n");
	stop(&w);
}

static void
details_that_do_not_fit_are_names_and_values(void **state)
{
	struct sess_cell cells[8];
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct written w;

	(void)state;
	memcpy(cells, error_row, sizeof(cells));
	cells[1] = (struct sess_cell)TEXT("Cannot read properties of undefined (reading 'price')");
	o.details = true;
	o.width = 70;
	start(&w, &o);
	table(&w, &errors);
	row(&w, &errors, cells);
	row(&w, &errors, cells);
	assert_string_equal(text(&w),
	    "Errors  -r errors, 2 rows\n"
	    "\n"
	    "  browser          Chrome\n"
	    "  message          Cannot read properties of undefined (reading\n"
	    "                   'price')\n"
	    "  occurrences           12    user_share         33.3%\n"
	    "  users                  7    bytes            12.3 kB\n"
	    "  pages            /cart       10  ████████████████▋\n"
	    "                   /            2  ███▍\n"
	    "  sample_sessions  s-1, s-2, s-1\n"
	    "\n"
	    "  browser          Chrome\n"
	    "  message          Cannot read properties of undefined (reading\n"
	    "                   'price')\n"
	    "  occurrences           12    user_share         33.3%\n"
	    "  users                  7    bytes            12.3 kB\n"
	    "  pages            /cart       10  ████████████████▋\n"
	    "                   /            2  ███▍\n"
	    "  sample_sessions  s-1, s-2, s-1\n");
	stop(&w);
}

static void
figures_over_time_are_a_line_with_their_least_and_most(void **state)
{
	struct sess_cell cells[3] = { NONE };
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct written w;
	int i;

	(void)state;
	start(&w, &o);
	table(&w, &hourly);
	for (i = 0; i < 5; i++) {
		/* One hour is missing, and rows come by their figure. */
		cells[0] = (struct sess_cell)INT(T0 + (i < 2 ? i : i + 1) * INT64_C(3600000));
		cells[1] = (struct sess_cell)INT(100 * (i + 1));
		cells[2] = (struct sess_cell)NUM(i == 3 ? NAN : i == 0 ? 400.0 : 800.0);
		row(&w, &hourly, cells);
	}
	assert_string_equal(text(&w),
	    "Overview  -r overview, 5 rows, times +0100\n"
	    "  page_views            ▂▄ ▅▇█  100–500\n"
	    "  load_p75_ms           ▅█ █ █  400ms–800ms\n"
	    "\n"
	    "time              page_views                    load_p75_ms\n"
	    "2026-11-23 22:00         100  ███▎                    400ms\n"
	    "2026-11-23 23:00         200  ██████▍                 800ms\n"
	    "2026-11-24 01:00         300  █████████▋              800ms\n"
	    "2026-11-24 02:00         400  ████████████▊               -\n"
	    "2026-11-24 03:00         500  ████████████████        800ms\n");
	stop(&w);
}

/* Each line of out is clean and no wider than width. */
static void
assert_lines(const struct written *w, size_t width)
{
	const char *p = w->out.data, *end;
	struct sess_buf clean = { 0 };

	for (; *p != '\0'; p = end + 1) {
		end = strchr(p, '\n');
		assert_non_null(end);
		assert_true(sess_text_width(p, (size_t)(end - p)) <= width);
		clean.len = 0;
		assert_int_equal(sess_text_clean(&clean, p, (size_t)(end - p)), 0);
		assert_int_equal(clean.len, end - p);
		assert_memory_equal(clean.data, p, clean.len);
	}
	sess_buf_release(&clean);
}

static void
no_line_is_wider_than_the_terminal(void **state)
{
	static const char *const pages[] = {
		"shop.example/cart", "购物车/商品/详情页面/很长的中文路径/测试/还有更多的文字", "\033]0;x\a",
		"\xe2\x80\xaegnp.exe", "👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦🇩🇪🇩🇪", "e\xcc\x81\xcc\x81\xcc\x81", "\xff\xfe\x80",
		"a very long text that has no end, or at least none that a table would show at once",
	};
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct sess_cell cells[8];
	struct written w;
	unsigned width;
	size_t i;

	(void)state;
	for (width = 60; width <= 200; width += 7)
		for (o.details = false; ; o.details = true) {
			o.width = width;
			start(&w, &o);
			table(&w, &errors);
			for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
				memcpy(cells, error_row, sizeof(cells));
				cells[1].text = (struct sess_slice){ pages[i], strlen(pages[i]) };
				row(&w, &errors, cells);
			}
			text(&w);
			assert_lines(&w, width);
			stop(&w);
			if (o.details)
				break;
		}
}

static void
colours_only_where_they_are_asked_for(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct written w;

	(void)state;
	start(&w, &o);
	table(&w, &errors);
	row(&w, &errors, error_row);
	assert_null(strchr(text(&w), '\033'));
	stop(&w);

	o.color = true;
	start(&w, &o);
	table(&w, &errors);
	row(&w, &errors, error_row);
	assert_non_null(strstr(text(&w), "\033[1mErrors\033[0m"));
	assert_null(strstr(w.out.data, "\033[31m\xe2\x90\x8d"));	/* not those of the data */
	stop(&w);
}

static void
ten_thousand_rows_flow_through_and_figures_are_never_cut(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct sess_cell cells[3] = { NONE };
	size_t lines = 0, i, early = 0;
	struct written w;
	char *p;

	(void)state;
	start(&w, &o);
	table(&w, &hourly);
	for (i = 0; i < 10000; i++) {
		cells[0] = (struct sess_cell)INT(T0 + (int64_t)i * 86400000);
		cells[1] = (struct sess_cell)INT(i < 9999 ? (int64_t)i : 1234567890123456);
		row(&w, &hourly, cells);
		if (i == 5000)
			early = w.out.len;
	}
	assert_true(early > 100000);		/* memory stays small */
	assert_non_null(strstr(text(&w), "1234567890123456"));
	for (p = w.out.data; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_int_equal(lines, 10003);
	stop(&w);
}

static void
shares_and_sizes_are_for_people(void **state)
{
	static const struct { double share; const char *text; } known[] = {
		{ 0, "0%" }, { 1, "100%" }, { 0.00001, "<0.01%" }, { 0.99999999, ">99.99%" },
		{ 0.0042, "0.42%" }, { 0.123456, "12.3%" }, { 0.99966, "99.97%" }, { 0.9, "90.0%" },
		{ 0.999, "99.90%" }, { 0.5, "50.0%" },
	};
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct sess_cell cells[8];
	struct written w;
	char want[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		memcpy(cells, error_row, sizeof(cells));
		cells[4].d = known[i].share;
		o.width = 0;
		start(&w, &o);
		table(&w, &errors);
		row(&w, &errors, cells);
		snprintf(want, sizeof(want), "  %s  ", known[i].text);
		assert_non_null(strstr(text(&w), want));
		assert_non_null(strstr(w.out.data, "12.3 kB"));
		stop(&w);
	}
}

static void
a_zone_that_is_not_there_is_an_error(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct sess_err err = { 0 };
	struct sess_report *r;

	(void)state;
	o.tz = "Nowhere/Land";
	assert_int_equal(sess_report_new(&r, &o, &err), SESS_EFORMAT);
	assert_null(r);
}

static void
times_in_another_offset_say_so(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_TABLE);
	struct sess_cell cells[3] = { NONE };
	struct written w;
	int i;

	(void)state;
	start(&w, &o);
	table(&w, &hourly);
	for (i = 0; i < 3; i++) {
		/* 2026-10-24 and -25, the night in which summer time ends */
		cells[0] = (struct sess_cell)INT(1792792800000 + i * INT64_C(86400000));
		cells[1] = (struct sess_cell)INT(1);
		row(&w, &hourly, cells);
	}
	text(&w);
	assert_non_null(strstr(w.out.data, "times +0200"));
	assert_non_null(strstr(w.out.data, "\n2026-10-25 00:00 "));
	assert_non_null(strstr(w.out.data, "\n2026-10-25 23:00+0100 "));
	stop(&w);
}

/* -- html */

static const char page_begin[] = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
    "<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" "
    "content=\"default-src 'none'; style-src 'sha256-";

static void
data_in_a_page_is_escaped_and_rows_link_to_sessions(void **state)
{
	static const char *const wanted[] = { "s-1" };
	struct sess_report_opts o = as(SESS_REPORT_HTML);
	struct sess_cell cells[8];
	struct sess_slice id;
	struct written w;

	(void)state;
	o.title = "a <b> & 'c'";
	o.sessions = 1;
	start(&w, &o);
	table(&w, &errors);
	memcpy(cells, error_row, sizeof(cells));
	cells[1] = (struct sess_cell)TEXT("<script>\"x\" & 'y'\033\xe2\x80\xae");
	assert_int_equal(put(&w, &errors, cells, true), SESS_OK);
	cells[7] = (struct sess_cell)TEXT("[\"s-9\"]");
	row(&w, &errors, cells);
	assert_true(sess_report_wanted(w.r, 0, &id));
	assert_memory_equal(id.p, wanted[0], id.len);
	assert_false(sess_report_wanted(w.r, 1, &id));
	text(&w);
	assert_memory_equal(w.out.data, page_begin, sizeof(page_begin) - 1);
	assert_non_null(strstr(w.out.data, "<title>a &lt;b&gt; &amp; &#39;c&#39;</title>"));
	assert_non_null(strstr(w.out.data, "<th scope=\"row\" class=\"text key\">Chrome</th>"
	    "<td class=\"text key\">&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;␛&lt;U+202E&gt;</td>"
	    "<td class=\"n main worse\">12<svg "));
	assert_non_null(strstr(w.out.data, "<td class=\"n\">~7</td><td class=\"n\">~33.3%</td>"
	    "<td class=\"n\">12.3 kB</td><td class=\"id\"><code><a href=\"#s1\">s-1</a></code>"
	    "<details><summary>more</summary><code>s-2</code><br><code><a href=\"#s1\">s-1</a></code>"
	    "</details></td></tr>"));
	assert_non_null(strstr(w.out.data, "<td class=\"id\"><code>s-9</code></td></tr>"));
	assert_non_null(strstr(w.out.data, "<p class=\"note\" id=\"s1\">Session <code>s-1</code> "
	    "was not found.</p>"));
	assert_non_null(strstr(w.out.data, "standard error of 0.81 %"));
	stop(&w);
}

/* A session with a failed call and an error; other is another one. */
static const struct sess_view views[] = { { .view_id = { "v1", 2 }, .page = { "/<cart>", 7 },
    .start = T0, .end = T0 + 9000, .stay_ms = 9000, .load_ms = 8500, .js_errors = 1,
    .api_failures = 1, .viewed = true } };
static const char lines[][512] = {
	"{\"v\":1,\"id\":\"0000000000000001\",\"time\":\"2026-11-23T21:00:00.000Z\",\"kind\":\"load\","
	"\"load_ms\":8500,\"fpt_ms\":300,\"ttfb_ms\":100,\"dom_ms\":2000}",
	"{\"v\":1,\"id\":\"0000000000000002\",\"time\":\"2026-11-23T21:00:02.000Z\",\"kind\":\"api\","
	"\"api\":\"/pay\",\"method\":\"POST\",\"status\":\"502\",\"ok\":false,\"duration_ms\":1200,"
	"\"trace_id\":\"t<1>\"}",
	"{\"v\":1,\"id\":\"0000000000000003\",\"time\":\"2026-11-24T21:00:03.000Z\",\"kind\":\"error\","
	"\"message\":\"no <b>\",\"stack\":\"at a\\n\\tat b\",\"file\":\"app.js\",\"line\":3}",
	"{\"v\":1,\"id\":\"0000000000000004\",\"time\":\"2026-11-24T21:00:04.000Z\",\"kind\":"
	"\"resource\",\"url\":\"https://x/a.png\",\"start_ms\":10,\"duration_ms\":90,\"size\":2048}",
};

static void
render(struct written *w, const char *key)
{
	static const enum sess_kind kinds[] = { SESS_LOAD, SESS_API, SESS_ERROR, SESS_RESOURCE };
	struct sess_member members[4];
	struct sess_session s = { .key = { key, strlen(key) }, .session_id = { key, strlen(key) },
	    .user_name = { "张伟", 6 }, .start = T0, .end = T0 + 86403000, .page_views = 1,
	    .js_errors = 1, .js_errors_recorded = 1, .end_reason = "idle", .views = views,
	    .nviews = 1, .members = members, .nmembers = 4 };
	size_t i;

	for (i = 0; i < 4; i++)
		members[i] = (struct sess_member){ .when = T0 + (i < 2 ? (int64_t)i * 2000 : 86403000),
		    .time = T0, .received = SESS_NO_TIME, .id = i + 1, .kind = kinds[i], .times = 1,
		    .line = lines[i], .line_len = strlen(lines[i]) };
	assert_int_equal(sess_report_session(w->r, &s, &w->out, &w->err), SESS_OK);
}

static void
a_session_is_pages_with_what_happened_on_them(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_HTML);
	struct written w;
	const char *p;

	(void)state;
	o.sessions = 10;
	start(&w, &o);
	table(&w, &slow);
	row(&w, &slow, slow_row);
	render(&w, "nobody asked for it");
	render(&w, "s-1");
	render(&w, "s-1");			/* once is enough */
	text(&w);
	assert_null(strstr(w.out.data, "nobody"));
	assert_non_null(p = strstr(w.out.data, "<section class=\"session\" id=\"s1\">\n"
	    "<h3>Session <code>s-1</code></h3>\n<dl class=\"overview\">\n"
	    "<div><dt>User name</dt><dd>张伟</dd></div>\n"));
	assert_null(strstr(p + 1, "<section class=\"session\""));
	assert_non_null(strstr(p, "<div class=\"bad\"><dt>✗ JS errors</dt><dd>1</dd></div>\n"));
	assert_non_null(strstr(p, "<li><details open><summary><time "
	    "datetime=\"2026-11-23T21:00:00.000Z\">22:00:00.000</time> <b class=\"page\">/&lt;cart&gt;</b> "
	    "<span class=\"slow\">~ load <b>8.50s</b></span> <span class=\"figure\">stay <b>9.00s</b></span> "
	    "<span class=\"bad\">✗ 1</span> <span class=\"bad\">! 1</span></summary>\n"));
	assert_non_null(strstr(p, "<li class=\"bad\"><span class=\"mark\"><span title=\"failed\">!</span>"
	    "<span title=\"slow\">~</span></span> <time datetime=\"2026-11-23T21:00:02.000Z\">22:00:02</time> "
	    "<span class=\"since\">+2.000s</span> <span class=\"kind\">api</span> "
	    "<div class=\"what\">POST /pay</div> <span class=\"status\">502</span> "
	    "<span class=\"ms\">1.20s</span>\n<details class=\"more\"><summary>more</summary>"
	    "<dl class=\"facts\"><div><dt>trace</dt><dd>t&lt;1&gt;</dd></div></dl></details></li>\n"
	    "<li class=\"day\">2026-11-24</li>\n<li class=\"bad\">"));
	assert_non_null(strstr(p, "<div class=\"what\">no &lt;b&gt;</div>\n<span class=\"aside\">app.js:3"
	    "</span><details class=\"more\"><summary>more</summary><dl class=\"facts\"><div><dt>stack</dt>"
	    "<dd>at a\n    at b</dd></div></dl></details></li>\n</ol>\n"
	    "<details class=\"more\"><summary>1 resource, 100ms</summary><table class=\"bars\">\n"
	    "<tr><th scope=\"row\" title=\"https://x/a.png\">a.png</th><td></td><td>2.0 kB</td>"
	    "<td>90ms</td><td><svg class=\"bar\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" "
	    "aria-hidden=\"true\"><rect x=\"10\" width=\"90\" height=\"1\"/></svg></td></tr>\n"
	    "</table></details>\n</details></li>\n</ol>\n"));
	stop(&w);
}

static void
a_series_is_a_line_that_stops_where_nothing_is_known(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_HTML);
	struct sess_cell cells[3] = { NONE };
	struct written w;
	int i;

	(void)state;
	start(&w, &o);
	table(&w, &hourly);
	for (i = 0; i < 5; i++) {
		cells[0] = (struct sess_cell)INT(T0 + (i < 2 ? i : i + 1) * INT64_C(3600000));
		cells[1] = (struct sess_cell)INT(100 * (i + 1));
		cells[2] = (struct sess_cell)NUM(i == 3 ? NAN : 800.0);
		row(&w, &hourly, cells);
	}
	text(&w);
	assert_non_null(strstr(w.out.data, "<b>page_views, 100 to 500</b>"));
	assert_non_null(strstr(w.out.data,
	    "d=\"M4.0 77.6h0L122.4 59.2M359.2 40.8h0L477.6 22.4L596.0 4.0\"/>"));
	assert_non_null(strstr(w.out.data, "d=\"M4.0 4.0h0L122.4 4.0M359.2 4.0h0M596.0 4.0h0\"/>"));
	assert_non_null(strstr(w.out.data, "<span>2026-11-23 22:00</span><span>2026-11-24 03:00</span>"));
	assert_non_null(strstr(w.out.data, "<title>2026-11-23 23:00: 200</title>"));
	stop(&w);
}

static void
long_texts_and_many_rows_stay_readable(void **state)
{
	struct sess_report_opts o = as(SESS_REPORT_HTML);
	struct sess_cell cells[6];
	struct written w;
	char message[1001], *p;
	size_t i, n = 0;

	(void)state;
	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	memcpy(cells, slow_row, sizeof(cells));
	cells[1].text = (struct sess_slice){ message, sizeof(message) - 1 };
	start(&w, &o);
	table(&w, &slow);
	for (i = 0; i < 12000; i++)
		row(&w, &slow, cells);
	assert_true(w.out.len > 1000000);		/* not all is held back */
	text(&w);
	for (p = w.out.data; (p = strstr(p, "<tr><td class=\"time\">")) != NULL; p++)
		n++;
	assert_int_equal(n, 12000);
	assert_non_null(p = strstr(w.out.data, "<details class=\"long\"><summary>xxx"));
	assert_int_equal(strspn(p + 31, "x"), 119);
	assert_memory_equal(p + 31 + 119, "…</summary>xxx", 16);
	stop(&w);
}

/* -- all of them */

static void
formats_have_names(void **state)
{
	(void)state;
	assert_int_equal(sess_report_format("table"), SESS_REPORT_TABLE);
	assert_int_equal(sess_report_format("ndjson"), SESS_REPORT_NDJSON);
	assert_int_equal(sess_report_format("csv"), SESS_REPORT_CSV);
	assert_int_equal(sess_report_format("tsv"), SESS_REPORT_TSV);
	assert_int_equal(sess_report_format("ids"), SESS_REPORT_IDS);
	assert_int_equal(sess_report_format("html"), SESS_REPORT_HTML);
	assert_int_equal(sess_report_format("prometheus"), SESS_REPORT_PROMETHEUS);
	assert_int_equal(sess_report_format("xml"), -1);
	assert_int_equal(sess_report_format(""), -1);
}

static const struct sess_member short_members[] = { { .when = T0, .time = T0,
    .received = SESS_NO_TIME, .id = 1, .kind = SESS_LOAD, .times = 1, .line = lines[0],
    .line_len = sizeof("{\"v\":1}") } };
static const struct sess_session short_session = { .key = { "s-1", 3 }, .session_id = { "s-1", 3 },
    .start = T0, .end = T0, .views = views, .nviews = 1, .members = short_members, .nmembers = 1 };

/* One report of each kind, with the n-th allocation failing; whether it did.  What
 * can do without that memory writes the same: whole, where that is given. */
static bool
fails_at(long n, const struct sess_report_opts *o, struct sess_buf *whole)
{
	const struct sess_stats_table *const tables[] = { &errors, &overview, &hourly };
	const struct sess_cell *const rows[] = { error_row, overview_row, slow_row };
	bool one = o->format == SESS_REPORT_CSV || o->format == SESS_REPORT_TSV;
	struct written w = { 0 };
	enum sess_status r;
	bool failed;
	size_t i, k;

	alloc_fail_at(n);
	r = sess_report_new(&w.r, o, &w.err);
	for (i = 0; i < (one ? 1 : 3) && r == SESS_OK; i++) {
		r = put(&w, tables[i], NULL, false);
		for (k = 0; k < 4 && r == SESS_OK; k++)
			r = put(&w, tables[i], rows[i], k == 1);
	}
	if (r == SESS_OK)
		r = sess_report_session(w.r, &short_session, &w.out, &w.err);
	if (r == SESS_OK)
		r = sess_report_end(w.r, &w.out, &w.err);
	failed = alloc_failed();
	alloc_fail_at(-1);
	if (r == SESS_OK && n >= 0) {
		assert_int_equal(w.out.len, whole->len);
		assert_memory_equal(w.out.data, whole->data, whole->len);
	} else if (r == SESS_OK) {
		assert_int_equal(sess_buf_add(whole, w.out.data, w.out.len), 0);
	} else {
		assert_true(failed);
		assert_int_equal(r, SESS_ENOMEM);
	}
	stop(&w);
	return failed;
}

static void
memory_that_runs_out_is_told(void **state)
{
	struct sess_buf whole = { 0 };
	struct sess_report_opts o;
	long n;
	int format;

	(void)state;
	for (format = SESS_REPORT_TABLE; format <= SESS_REPORT_PROMETHEUS; format++) {
		o = as((enum sess_report_format)format);
		o.tz = "UTC0";
		o.sessions = 5;
		assert_false(fails_at(-1, &o, &whole));
		for (n = 0; fails_at(n, &o, &whole); n++)
			;
		assert_true(n > 3);
		sess_buf_release(&whole);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ndjson_has_all_digits_and_no_unknown_values),
		cmocka_unit_test(csv_quotes_what_needs_it_and_tames_control_characters),
		cmocka_unit_test(csv_keeps_letters_and_quotes_spaces_at_the_ends),
		cmocka_unit_test(tsv_escapes_what_would_end_a_field),
		cmocka_unit_test(csv_holds_one_report_only),
		cmocka_unit_test(ids_come_once_in_the_order_of_the_rows),
		cmocka_unit_test(many_ids_are_told_apart),
		cmocka_unit_test(gauges_are_labelled_by_the_keys_and_stand_together),
		cmocka_unit_test(milliseconds_become_seconds_and_names_are_plain),
		cmocka_unit_test(no_two_gauges_have_the_same_labels),
		cmocka_unit_test(what_is_no_series_has_no_gauges),
		cmocka_unit_test(a_table_is_aligned_by_columns_of_the_terminal),
		cmocka_unit_test(a_narrow_table_cuts_texts_and_puts_ids_below),
		cmocka_unit_test(a_row_without_keys_is_names_and_values),
		cmocka_unit_test(pages_are_cut_in_the_middle_and_empty_columns_left_out),
		cmocka_unit_test(no_rows_are_said),
		cmocka_unit_test(details_that_do_not_fit_are_names_and_values),
		cmocka_unit_test(figures_over_time_are_a_line_with_their_least_and_most),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
		cmocka_unit_test(colours_only_where_they_are_asked_for),
		cmocka_unit_test(ten_thousand_rows_flow_through_and_figures_are_never_cut),
		cmocka_unit_test(shares_and_sizes_are_for_people),
		cmocka_unit_test(a_zone_that_is_not_there_is_an_error),
		cmocka_unit_test(times_in_another_offset_say_so),
		cmocka_unit_test(data_in_a_page_is_escaped_and_rows_link_to_sessions),
		cmocka_unit_test(a_session_is_pages_with_what_happened_on_them),
		cmocka_unit_test(a_series_is_a_line_that_stops_where_nothing_is_known),
		cmocka_unit_test(long_texts_and_many_rows_stay_readable),
		cmocka_unit_test(formats_have_names),
		cmocka_unit_test(memory_that_runs_out_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
