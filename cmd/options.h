/*
 * options: every option of every program, declared once.
 *
 * X(ID, "long-name", letter or 0, argument, "ARG", programs, "help").  getopt,
 * --help, the completions and the pages' check are made from this list.  The
 * argument is NO, YES or MAYBE (--opt or --opt=ARG).  A name means the same in all
 * programs (but --format, which is the output's where there is a choice of it,
 * and the input's in sess-ingest; and --slow-load and --slow-api are conditions
 * besides where there are conditions).  The order is that of --help, by section.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

enum { NO, YES, MAYBE };
enum { INGEST = 1, FIND = 2, PATH = 4, STATS = 8, INDEX = 16 };
#define ALL (INGEST | FIND | PATH | STATS | INDEX)
#define CHOOSE (FIND | STATS)		/* programs that choose sessions */

#define OPTIONS(X) \
/* conditions: a session matches if all of them hold */ \
X(USER,            "user",            0, YES, "GLOB", CHOOSE | INDEX, "user id") \
X(USER_NAME,       "user-name",       0, YES, "GLOB", CHOOSE | INDEX, "user name") \
X(SESSION,         "session",         0, YES, "ID", CHOOSE, "session id, also KEY.T of a cut piece; repeatable") \
X(IDS_FROM,        "ids-from",        0, YES, "FILE", CHOOSE | PATH, "session ids, one a line; - for standard input") \
X(IP,              "ip",              0, YES, "ADDR", CHOOSE, "client address or CIDR block") \
X(PAGE,            "page",            0, YES, "GLOB", CHOOSE, "page name") \
X(BROWSER,         "browser",         0, YES, "GLOB", CHOOSE, "browser") \
X(BROWSER_VERSION, "browser-version", 0, YES, "GLOB", CHOOSE, "browser version") \
X(OS,              "os",              0, YES, "GLOB", CHOOSE, "operating system") \
X(DEVICE,          "device",          0, YES, "GLOB", CHOOSE, "device") \
X(NETWORK,         "network",         0, YES, "GLOB", CHOOSE, "network type") \
X(REGION,          "region",          0, YES, "GLOB", CHOOSE, "region") \
X(COUNTRY,         "country",         0, YES, "GLOB", CHOOSE, "country") \
X(CITY,            "city",            0, YES, "GLOB", CHOOSE, "city") \
X(RELEASE,         "release",         0, YES, "GLOB", CHOOSE, "application version") \
X(ENVIRONMENT,     "environment",     0, YES, "GLOB", CHOOSE, "environment") \
X(APP,             "app",             0, YES, "GLOB", CHOOSE, "application id") \
X(SINCE,           "since",           0, YES, "TIME", CHOOSE, "from this time on: RFC 3339, epoch, 2h, yesterday") \
X(UNTIL,           "until",           0, YES, "TIME", CHOOSE, "up to, not including, this time") \
X(ERROR,           "error",           0, YES, "REGEX", CHOOSE, "a JS error whose type, message or stack matches") \
X(HAS_ERROR,       "has-error",       0, NO,  NULL, CHOOSE, "a JS error of any kind") \
X(API,             "api",             0, YES, "GLOB", CHOOSE, "an API call of that name") \
X(API_FAILED,      "api-failed",      0, NO,  NULL, CHOOSE, "an API call that failed") \
X(STATUS,          "status",          0, YES, "CODE", CHOOSE, "an API call with that status: 502, 5xx, FAILED") \
X(SLOW_LOAD,       "slow-load",       0, MAYBE, "MS", CHOOSE, "a page load slower than MS (8000); sets what counts as slow") \
X(SLOW_API,        "slow-api",        0, MAYBE, "MS", CHOOSE, "an API call slower than MS (1000); sets what counts as slow") \
X(TRACE_ID,        "trace-id",        0, YES, "ID", CHOOSE, "an API call with that trace id") \
X(WHERE,           "where",           'w', YES, "EXPR", CHOOSE, "an SQL expression over the session's columns") \
X(PATH_REGEX,      "path",            0, YES, "REGEX", CHOOSE, "the pages in order, as >home>cart>") \
X(RELATED,         "related",         0, YES, "MIN", FIND, "also sessions of the same user or visitor within MIN minutes") \
X(INVERT,          "invert-match",    'v', NO, NULL, CHOOSE, "sessions that do not match") \
/* output */ \
X(REPORT,          "report",          'r', YES, "NAME,...", STATS, "reports to make (overview); repeatable") \
X(BY,              "by",              0, YES, "DIM,...", STATS, "rows for each browser, os, release, page, hour, day, ...") \
X(INTERVAL,        "interval",        0, YES, "TIME", STATS, "rows for each such time: 5m, 1h") \
X(COMPARE,         "compare",         0, YES, "BASE", STATS, "what got worse against this value of --by") \
X(FUNNEL,          "funnel",          0, YES, "PAGE,...", STATS, "how many sessions reach each of these pages, in order") \
X(THRESHOLD,       "threshold",       0, YES, "WHAT=N,...", STATS, "load=8000,api=1000,resource=2000,apdex=2000, ...") \
X(COLUMNS,         "columns",         0, NO, NULL, STATS, "say what columns the reports have") \
X(FAIL_IF,         "fail-if",         0, YES, "EXPR", STATS, "exit 1 where the SQL expression holds for a row") \
X(PARTIAL,         "partial",         0, NO, NULL, STATS, "write what --merge can add up") \
X(MERGE,           "merge",           0, NO, NULL, STATS, "the operands are files of --partial") \
X(LIST,            "list",            'l', NO, NULL, FIND, "a record a session instead of its events") \
X(IDS,             "ids",             0, NO, NULL, FIND, "session ids, one a line") \
X(COUNT,           "count",           'c', NO, NULL, FIND, "how many sessions match") \
X(NULL_SEP,        "null",            '0', NO, NULL, CHOOSE | PATH, "ids end in NUL instead of newline") \
X(SORT,            "sort",            0, YES, "KEY,-KEY", FIND, "order of sessions, by columns; - descends") \
X(SORT_ROWS,       "sort",            0, YES, "COLUMN", STATS, "order of rows; -COLUMN descends") \
X(LIMIT,           "limit",           'n', YES, "N", FIND, "the first N sessions") \
X(ROWS,            "limit",           'n', YES, "N", STATS, "the first N rows of each report") \
X(FORMAT_OUT,      "format",          'o', YES, "FORMAT", PATH, "text (default), json or ndjson") \
X(STAT_FORMAT,     "format",          'o', YES, "FORMAT", INDEX, "of --stat: text (default), json or prometheus") \
X(FORMAT_REPORT,   "format",          'o', YES, "FORMAT", STATS, "table (default), ndjson, csv, tsv, ids, html or prometheus") \
X(PATHS,           "paths",           0, YES, "N", STATS, "in -o html the paths of N sessions a report (20)") \
X(TITLE,           "title",           0, YES, "TEXT", STATS, "of -o html") \
X(COLLAPSE,        "collapse",        0, NO, NULL, PATH, "pages only") \
X(DETAILS,         "details",         0, NO, NULL, PATH, "everything: stacks, messages, load phases, waterfall") \
X(ALL_COLUMNS,     "details",         0, NO, NULL, STATS, "all columns in a table") \
X(BEFORE_ERROR,    "before-error",    0, YES, "N", PATH, "the N behaviours before each JS error") \
X(KIND,            "kind",            0, YES, "KIND,...", PATH, "only behaviours of these kinds") \
X(ONLY_PROBLEMS,   "only-problems",   0, NO, NULL, PATH, "only errors, failures and what is slow") \
X(SLOW_LOAD_IS,    "slow-load",       0, MAYBE, "MS", PATH, "a page load above MS is slow (8000)") \
X(SLOW_API_IS,     "slow-api",        0, MAYBE, "MS", PATH, "an API call above MS is slow (1000)") \
X(RAW_FROM,        "raw-from",        0, YES, "PATH", PATH, "show the original log lines, found again in PATH; repeatable") \
X(COLOR,           "color",           0, YES, "WHEN", PATH | STATS, "auto (default), always or never") \
X(WIDTH,           "width",           0, YES, "N", PATH | STATS, "columns of text output (terminal's, else 80)") \
X(KEYED,           "keyed",           0, NO, NULL, INGEST | FIND, "KEY, TAB, event: for a shuffle by session") \
/* sessions */ \
X(SESSION_RULE,    "session-rule",    0, YES, "RULE", FIND | PATH | STATS, "when a session ends: arms, rum, visit, ...") \
X(SESSION_BY,      "session-by",      0, YES, "FIELDS", ALL, "what makes a visitor where there is no session id: ip,ua,user") \
X(IDLE,            "idle",            0, YES, "TIME", FIND | PATH | STATS, "a session ends after this long without an event") \
X(MAX_DURATION,    "max-duration",    0, YES, "TIME", FIND | PATH | STATS, "and at the latest after this long") \
X(CLOCK,           "clock",           0, YES, "WHICH", FIND | PATH | STATS, "client, server or auto (default)") \
X(SORTED,          "sorted",          0, NO, NULL, FIND | PATH | STATS, "the input is sorted by --keyed's key: a session at a time") \
X(NEWEST,          "newest",          0, YES, "TIME", FIND | PATH | STATS, "when the newest event of all input was, for end_reason") \
X(FOLLOW,          "follow",          0, NO, NULL, FIND | PATH, "live input: give each session once it is idle") \
X(EACH,            "each",            0, NO, NULL, FIND, "with --follow: each matching event at once") \
X(MAX_EVENTS,      "max-events",      0, YES, "N", FIND | PATH | STATS, "a session with more is folded as oversize (1M)") \
/* store */ \
X(DEFAULT_STORE,   "default-store",   'S', NO, NULL, CHOOSE | PATH, "read the store ($SESS_STORE, else ~/.local/share/sess)") \
X(STORE,           "store",           0, YES, "DIR", CHOOSE | PATH | INDEX, "the store in that folder") \
X(INCREMENTAL,     "incremental",     0, NO, NULL, INDEX, "read files on from where they were read up to") \
X(COMPACT,         "compact",         0, NO, NULL, INDEX, "one segment for each day") \
X(PRUNE,           "prune",           0, YES, "TIME", INDEX, "remove the days before that time: 30d") \
X(FORGET,          "forget",          0, NO, NULL, INDEX, "remove the sessions of --user or --user-name") \
X(STAT,            "stat",            0, NO, NULL, INDEX, "what is in the store") \
X(VERIFY,          "verify",          0, NO, NULL, INDEX, "check every byte") \
X(SALVAGE,         "salvage",         0, YES, "DIR", INDEX, "put what can be read of a damaged store in DIR into this one") \
X(SQL,             "sql",             0, YES, "QUERY", INDEX, "a SELECT over the table session") \
/* input */ \
X(FORMAT,          "format",          0, YES, "NAME", INGEST, "the same as --input-format") \
X(INPUT_FORMAT,    "input-format",    0, YES, "NAME", ALL, "the log format, instead of recognising it") \
X(MAP,             "map",             0, YES, "FILE", ALL, "how to read any NDJSON: lines like session_id = .ctx.sid") \
X(TRUST_FORWARDED, "trust-forwarded", 0, NO, NULL, ALL, "client address from X-Forwarded-For") \
X(GEOIP,           "geoip",           0, YES, "MMDB", ALL, "fill country, region, city, isp") \
X(UA_REGEXES,      "ua-regexes",      0, YES, "FILE", ALL, "uap-core's regexes.yaml") \
X(HASH_USER,       "hash-user",       0, YES, "KEYFILE", ALL, "replace user ids and names by keyed hashes") \
X(MASK_IP,         "mask-ip",         0, YES, "V4,V6", ALL, "keep so many bits of addresses: 24,48") \
X(DROP_QUERY,      "drop-query",      0, NO, NULL, ALL, "cut the query from URLs") \
X(EXTRA,           "extra",           0, NO, NULL, ALL, "keep unknown fields under extra") \
X(REJECTS,         "rejects",         0, YES, "FILE", ALL, "write each bad record there, with its origin and the reason") \
X(SUMMARY,         "summary",         0, YES, "FILE", ALL, "write the books there as JSON") \
X(STRICT,          "strict",          0, NO, NULL, ALL, "stop at the first bad record") \
X(MAX_LINE,        "max-line",        0, YES, "SIZE", ALL, "longest line that is data (64M)") \
X(SHARD,           "shard",           0, YES, "I/N", ALL, "only share I, from 0, of N of the sessions") \
X(JOBS,            "jobs",            'j', YES, "N", ALL, "worker threads (cores)") \
X(MEMORY,          "memory",          0, YES, "SIZE", FIND | PATH | STATS | INDEX, "hold so much, then spill (512M)") \
X(TMPDIR,          "tmpdir",          'T', YES, "DIR", ALL, "where to spill ($TMPDIR, else /var/tmp)") \
/* every program */ \
X(NOW,             "now",             0, YES, "TIME", FIND | PATH | STATS | INDEX, "what now is ($SESS_NOW, else the clock)") \
X(TZ,              "tz",              0, YES, "ZONE", FIND | PATH | STATS, "time zone of days and text ($TZ, else local)") \
X(NO_MATCH_OK,     "no-match-ok",     0, NO, NULL, FIND | PATH | STATS, "exit 0 where nothing is found") \
X(QUIET,           "quiet",           'q', NO, NULL, ALL, "no notes, only errors") \
X(VERBOSE,         "verbose",         0, NO, NULL, ALL, "say what was recognised, and the books") \
X(NO_PROGRESS,     "no-progress",     0, NO, NULL, ALL, "no progress line") \
X(HELP,            "help",            'h', NO, NULL, ALL, "this text") \
X(VERSION,         "version",         'V', NO, NULL, ALL, "the version")

enum option {
	OPT_NONE,
#define OPTION_ENUM(ID, name, letter, arg, meta, programs, help) OPT_##ID,
	OPTIONS(OPTION_ENUM)
#undef OPTION_ENUM
	OPT_END
};

/* What the list says of one option. */
struct option_info {
	const char *name, *meta, *help;
	unsigned programs;
	int arg;		/* NO, YES, MAYBE */
	char letter;		/* or 0 */
};
extern const struct option_info option_info[OPT_END];

/* The next option of argv for one of the programs, with its argument or NULL;
 * OPT_NONE after the last, and the operands are argv + optind then.  Options
 * and operands come in any order, "--" ends the options, long names are taken
 * in full only.  Anything else is misuse and exits. */
enum option option_next(unsigned program, int argc, char **argv, const char **value);

/* The options of a program, by section, to standard output. */
void option_help(unsigned program);

#endif
