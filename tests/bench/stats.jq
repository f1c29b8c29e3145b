# overview, slow, errors and apis of sess-stats as jq computes them from gen.c's
# records: jq -nf stats.jq.  Errors are grouped by their message as it is.  Sorted
# arrays: adding to an object in a loop copies it (jq 1.6).
def different(f): map(f) | unique | length;
def tally(f): map(f) | sort | group_by(.) | map({key: .[0], value: length}) | from_entries;
def quantile($p): if length == 0 then null else .[(length * $p | ceil) - 1] end;
[inputs | {t, sid, uid, pv_id, begin, page, load, fpt, api, success, time, code, cate, msg, errcount, username, detector_browser}] as $e
| ($e | map(select(.t == "perf"))) as $loads
| ($e | map(select(.t == "api"))) as $calls
| ($e | map(select(.t == "error"))) as $errors
| ($e | different(.uid)) as $users
| {overview: {
    sessions: ($e | different(.sid)), users: $users, page_views: ($e | map(select(.t == "pv")) | length), js_errors: ($errors | length),
    error_page_views: ($e | map(select(.t == "error" or (.errcount // 0) > 0)) | different(.pv_id)),
    api_calls: ($calls | length), api_failures: ($calls | map(select(.success == 0)) | length),
    slow_loads: ($loads | map(select(.load > 8000)) | length), slow_apis: ($calls | map(select(.time > 1000)) | length),
    load_p75_ms: ($loads | map(.load) | sort | quantile(0.75)),
    apdex: ((($loads | map(select(.fpt <= 2000)) | length) + ($loads | map(select(.fpt <= 8000)) | length)) / 2 / ($loads | length))},
  slow: ($loads | sort_by(-.load, .sid, .pv_id) | .[:20]),
  errors: ($errors | group_by([.cate, .msg]) | map({
    error_type: .[0].cate, message: .[0].msg, occurrences: length, page_views: different(.pv_id), users: different(.uid), user_share: (different(.uid) / $users),
    sessions: different(.sid), first_seen: (map(.begin) | min), last_seen: (map(.begin) | max), browsers: tally(.detector_browser), pages: tally(.page)})
    | sort_by(-.occurrences)),
  apis: ($calls | group_by(.api) | map((map(.time) | sort) as $ms | map(select(.success == 0)) as $failed | {
    api: .[0].api, calls: length, failures: ($failed | length), failed_users: ($failed | different(.uid)),
    slow_calls: (map(select(.time > 1000)) | length), statuses: tally(.code), messages: ($failed | tally(.msg)),
    p50_ms: ($ms | quantile(0.5)), p75_ms: ($ms | quantile(0.75)), p95_ms: ($ms | quantile(0.95)), p99_ms: ($ms | quantile(0.99))})
    | sort_by(-.calls))}
