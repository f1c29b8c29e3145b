-- overview, slow, errors and apis of sess-stats as DuckDB computes them from gen.c's
-- records; :files is the files.  Errors are grouped by their message as it is.
create temp table e as
  select t, page, sid, uid, pv_id, "begin", load, fpt, api, success, time, code, cate, msg, traceId, username,
      detector_browser, ip_region, dns, tcp, ssl, ttfb, trans, dom, res, firstbyte, tti, ready, errcount
  from read_json(:files, format = 'newline_delimited', columns = {t: 'VARCHAR', page: 'VARCHAR', sid: 'VARCHAR',
    uid: 'VARCHAR', pv_id: 'VARCHAR', "begin": 'BIGINT', load: 'INTEGER', fpt: 'INTEGER', api: 'VARCHAR',
    success: 'INTEGER', time: 'INTEGER', code: 'VARCHAR', cate: 'VARCHAR', msg: 'VARCHAR', traceId: 'VARCHAR',
    username: 'VARCHAR', detector_browser: 'VARCHAR', ip_region: 'VARCHAR', dns: 'INTEGER', tcp: 'INTEGER',
    ssl: 'INTEGER', ttfb: 'INTEGER', trans: 'INTEGER', dom: 'INTEGER', res: 'INTEGER', firstbyte: 'INTEGER',
    tti: 'INTEGER', ready: 'INTEGER', errcount: 'INTEGER'});
select count(distinct sid) as sessions, count(distinct uid) as users, count(*) filter (t = 'pv') as page_views,
    count(*) filter (t = 'error') as js_errors,
    count(distinct pv_id) filter (t = 'error' or errcount > 0) / count(*) filter (t = 'pv') as js_error_rate,
    count(*) filter (t = 'api') as api_calls, count(*) filter (t = 'api' and success = 0) as api_failures,
    count(*) filter (t = 'perf' and load > 8000) as slow_loads, count(*) filter (t = 'api' and time > 1000) as slow_apis,
    quantile_disc(load, 0.75) as load_p75_ms,
    (count(*) filter (fpt <= 2000) + count(*) filter (fpt <= 8000)) / 2 / count(fpt) as apdex
  from e;
select quantile_disc(d, [0.5, 0.75, 0.95]), quantile_disc(n, [0.5, 0.75, 0.95]), count(*) filter (n = 1) as bounces
  from (select max("begin") - min("begin") as d, count(*) filter (t = 'pv') as n from e group by sid);
select "begin", page, load, sid, pv_id, uid, username, detector_browser, ip_region, dns, tcp, ssl, ttfb, trans, dom,
    res, firstbyte, fpt, tti, ready
  from e where t = 'perf' order by load desc, sid, pv_id limit 20;
select cate, msg, count(*) as occurrences, count(distinct pv_id) as page_views, count(distinct uid) as users,
    count(distinct sid) as sessions, count(distinct uid) / (select count(distinct uid) from e) as user_share,
    min("begin") as first_seen, max("begin") as last_seen, histogram(detector_browser), histogram(page), min(sid)
  from e where t = 'error' group by cate, msg order by occurrences desc;
select api, count(*) as calls, count(*) filter (success = 0) as failures,
    count(*) filter (success = 1) / count(*) as success_rate, count(distinct uid) filter (success = 0) as failed_users,
    count(*) filter (time > 1000) as slow_calls, quantile_disc(time, [0.5, 0.75, 0.95, 0.99]),
    histogram(code), histogram(msg) filter (success = 0), min(sid) filter (success = 0),
    min(traceId) filter (success = 0), min(sid) filter (time > 1000), min(traceId) filter (time > 1000)
  from e where t = 'api' group by api order by calls desc;
