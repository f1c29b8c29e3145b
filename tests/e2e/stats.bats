#!/usr/bin/env bats
# sess-stats: what is counted, and what a report is written as.

load helper

all=overview,slow,pages,errors,errors-by-page,apis,resources,vitals,sessions,users,flows,paths,frustration,log

# ev N SESSION KIND TIME [MEMBERS]: one event; TIME is hh:mm:ss of a day.
ev() {
	printf '{"v":1,"id":"%016x","time":"2026-11-23T%s.000Z","kind":"%s","session_id":"%s"%s}\n' \
	    "$1" "$4" "$3" "$2" "${5:+,$5}"
}

# Two users: alice meets a failed order and two errors that differ by a number,
# bob a slow load that stands for 10, and leaves with more than was recorded.
shop() {
	ev 1 alice01 view 20:00:00 '"view_id":"a1","user_id":"u-alice","page":"home","browser":"Chrome","release":"1.2"'
	ev 2 alice01 api 20:00:01 '"view_id":"a1","user_id":"u-alice","page":"home","browser":"Chrome","api":"/list","method":"GET","status":"200","ok":true,"duration_ms":100'
	ev 3 alice01 view 20:01:00 '"view_id":"a2","user_id":"u-alice","page":"cart","browser":"Chrome","release":"1.2"'
	ev 4 alice01 api 20:01:01 '"view_id":"a2","user_id":"u-alice","page":"cart","browser":"Chrome","api":"/order","method":"POST","status":"502","ok":false,"duration_ms":1500,"message":"bad gateway","trace_id":"trace-2"'
	ev 5 alice01 error 20:01:02 '"view_id":"a2","user_id":"u-alice","page":"cart","browser":"Chrome","release":"1.2","error_type":"TypeError","message":"item 17 is gone","file":"https://x/app.js"'
	ev 6 alice01 error 20:01:03 '"view_id":"a2","user_id":"u-alice","page":"cart","browser":"Chrome","release":"1.2","times":2,"error_type":"TypeError","message":"item 23 is gone","file":"https://x/app.js"'
	ev 7 bob0001 view 21:00:00 '"view_id":"b1","user_id":"u-bob","page":"home","browser":"Firefox","release":"1.3"'
	ev 8 bob0001 load 21:00:01 '"view_id":"b1","user_id":"u-bob","page":"home","browser":"Firefox","sampling":10,"load_ms":9000,"fpt_ms":3000'
	ev 9 bob0001 leave 21:00:30 '"view_id":"b1","user_id":"u-bob","page":"home","browser":"Firefox","stay_ms":30000,"errors":4,"api_ok":6,"api_failed":1'
}

# rows REPORT FILTER ARG...: what jq makes of the rows of a report over shop.ndjson.
rows() {
	local report=$1 filter=$2
	shift 2
	sess-stats -q --no-match-ok -r "$report" -o ndjson "$@" shop.ndjson | jq -c "$filter"
}

is() {
	[ "$1" = "$2" ] || {
		printf 'got\n%s\nnot\n%s\n' "$1" "$2"
		return 1
	}
}

@test "overview counts occurrences, and what leaving tells of" {
	shop >shop.ndjson
	is "$(rows overview '[.sessions,.users,.page_views,.js_errors,.api_calls,.api_failures,.slow_loads,.slow_apis]')" \
	    '[2,2,3,7,9,2,1,1]'
	# views with an error: a2, and b1 that told of four
	is "$(rows overview '[(.js_error_rate*3|round), .bounces, .bounce_rate, .loads, .loads_weighted]')" '[2,1,0.5,1,10]'
	is "$(rows overview '.api_success_rate*9|round')" 7
	# one load of 3 s: tolerated at 2 s, satisfied at 3
	is "$(rows overview .apdex)" 0.5
	is "$(rows overview .apdex --threshold apdex=3000)" 1
	is "$(rows overview '[.duration_p50_ms,.duration_p95_ms,.durations]')" '[30000,63000,{"10s-1m":1,"1m-3m":1}]'
}

@test "overview and a funnel of nothing are zeros, rates unknown" {
	: >shop.ndjson
	is "$(rows overview '[.sessions,.users,.page_views,.js_errors,.slow_loads,.js_error_rate,.apdex]')" '[0,0,0,0,0,null,null]'
	is "$(rows funnel '[.step,.page,.sessions,.rate]' --funnel 'a,b')" $'[1,"a",0,null]\n[2,"b",0,null]'
	is "$(rows overview . --by browser)" ''
	is "$(rows slow .)" ''
	run sess-stats -q --no-match-ok --fail-if 'sessions < 1' shop.ndjson
	exits 1
	sess-stats -q --no-match-ok -o prometheus shop.ndjson | grep -qx 'sess_overview_sessions 0'
	sess-stats -q --no-match-ok -o csv shop.ndjson | tail -n 1 | grep -q '^0,0,0,0,,0,0,,0'
	sess-stats -q --no-match-ok -r "$all" -o html shop.ndjson >page.html
	python3 "$E2E/page.py" page.html
	# an empty part adds nothing
	sess-stats -q --no-match-ok --partial shop.ndjson >empty
	shop >shop.ndjson
	sess-stats --partial shop.ndjson | cmp - <(sess-stats --merge --partial empty <(sess-stats --partial shop.ndjson))
}

@test "conditions choose sessions, and the events that count" {
	shop >shop.ndjson
	is "$(rows overview '[.sessions,.page_views,.js_errors]' --user u-alice)" '[1,2,3]'
	is "$(rows overview '[.sessions,.page_views,.js_errors]' --page cart)" '[1,1,3]'
	is "$(rows overview '[.sessions,.page_views,.js_errors]' --since 2026-11-23T20:01:00Z --until 2026-11-23T20:01:03Z)" '[1,1,1]'
	is "$(rows apis '[.api,.calls]' --api-failed)" '["/order",1]'
	is "$(rows apis '[.api,.calls]' -v --user u-bob)" $'["/list",1]\n["/order",1]'
	is "$(rows errors .occurrences --error 'item 23')" 2
	is "$(rows slow .load_ms --slow-load=9000)" ''
	is "$(rows overview .slow_loads --threshold load=9000)" 0
	is "$(rows overview .sessions --where 'js_errors > 3')" 1
}

@test "errors are grouped by what they have in common" {
	shop >shop.ndjson
	is "$(rows errors '[.error_type,.message,.occurrences,.page_views,.users,.sessions,.user_share,.first_release,.browsers,.pages]')" \
	    '["TypeError","item * is gone",3,1,1,1,0.5,"1.2",{"Chrome":3},{"cart":3}]'
	is "$(rows errors '[.first_seen,.last_seen,.sample_sessions,.sample_message]')" \
	    '["2026-11-23T20:01:02.000Z","2026-11-23T20:01:03.000Z",["alice01"],"item 17 is gone"]'
	is "$(rows errors-by-page '[.page,.js_error_rate,.js_errors,.users]')" $'["cart",1,3,1]\n["home",0.5,4,1]'
}

@test "APIs lead to the sessions and traces of their failures" {
	shop >shop.ndjson
	is "$(rows apis '[.api,.calls,.failures,.success_rate,.failed_users,.slow_calls,.p50_ms,.statuses,.messages,.sample_sessions,.failed_traces]' --api '/o*')" \
	    '["/order",1,1,0,1,1,1500,{"502":1},{"bad gateway":1},["alice01"],["trace-2"]]'
	run sess-stats -r apis -o ids shop.ndjson
	is "$output" alice01
	run sess-stats -r slow -o ids -0 shop.ndjson
	is "$output" bob0001
}

@test "pages: times on page, exits, loads" {
	shop >shop.ndjson
	is "$(rows pages '[.page,.page_views,.users,.samples,.load_p75_ms,.fpt_p95_ms,.exits,.exit_rate,.stay_p50_ms]' --by browser --page home)" \
	    $'["home",1,1,0,null,null,0,0,null]\n["home",1,1,1,9000,3000,1,1,30000]'
}

@test "dimensions, intervals, zones" {
	shop >shop.ndjson
	is "$(rows overview '[.browser,.sessions]' --by browser)" $'["Chrome",1]\n["Firefox",1]'
	is "$(rows overview '[.hour,.release,.page_views]' --by hour,release)" \
	    $'["2026-11-23T20:00+00:00","1.2",2]\n["2026-11-23T21:00+00:00","1.3",1]'
	is "$(rows overview '[.day,.page_views]' --by day --tz Asia/Shanghai)" '["2026-11-24+08:00",3]'
	is "$(rows overview '[.time,.page_views]' --interval 30m)" \
	    $'["2026-11-23T20:00:00.000Z",2]\n["2026-11-23T21:00:00.000Z",1]'
	# two rows for each browser
	is "$(rows flows '[.browser,.from,.to]' --by browser -n 1)" $'["Chrome","cart","(end)"]\n["Firefox","home","(end)"]'
}

@test "no two columns of a report have one name" {
	local report
	shop >shop.ndjson
	for report in ${all//,/ }; do
		sess-stats -r "$report" --by browser,page,day,browser --interval 10m -o csv shop.ndjson | head -n 1 | tr , '\n' | sort >names
		is "$(uniq -d names)" ''
	done
	is "$(rows slow '[.by_browser,.browser,.by_time,.time]' --by browser --interval 1h)" \
	    '["Firefox","Firefox","2026-11-23T21:00:00.000Z","2026-11-23T21:00:01.000Z"]'
	is "$(rows pages '[.by_page,.page]' --by page -n 1)" $'["cart","cart"]\n["home","home"]'
}

@test "hours are not cut in a narrow table" {
	shop >shop.ndjson
	is "$(sess-stats -r pages --by hour --width 80 shop.ndjson | grep -c '^2026-11-23T2[01]:00+00:00 ')" 3
}

@test "flows, paths and a funnel" {
	shop >shop.ndjson
	is "$(rows flows '[.from,.to,.transitions]')" $'["cart","(end)",1]\n["home","(end)",1]\n["home","cart",1]'
	is "$(rows paths '[.path,.sessions]')" $'["home",1]\n["home > cart",1]'
	is "$(rows funnel '[.step,.page,.sessions,.dropped,.drop_rate,.sample_sessions]' --funnel 'h*,cart,pay')" \
	    $'[1,"h*",2,1,0.5,["bob0001"]]\n[2,"cart",1,1,1,["alice01"]]\n[3,"pay",0,0,null,null]'
}

@test "the bars of a funnel are of its sessions, not of its steps" {
	shop >shop.ndjson
	sess-stats -r funnel --funnel 'h*,cart,pay' --width 80 shop.ndjson | sed -n 2,5p >table
	is "$(tr -s ' ' <table | cut -d ' ' -f 1-4)" $'step page sessions rate\n 1 h* 2\n 2 cart 1\n 3 pay 0'
	grep -q 'h\*  *2  █' table
	sess-stats -r funnel --funnel 'h*,cart,pay' -o html shop.ndjson >page.html
	is "$(grep -o '<td class="n main">[0-9]*' page.html | grep -o '[0-9]*$' | paste -sd' ')" '2 1 0'
}

@test "frustration: rage, error and dead clicks" {
	local click='"view_id":"v","page":"cart","action":"click","target":"button#pay"'
	{
		ev 1 s view 20:00:00 '"view_id":"v","page":"cart"'
		ev 2 s action 20:00:01 "$click"
		ev 3 s action 20:00:01 "$click"
		ev 4 s action 20:00:01 "$click"
		ev 5 s action 20:00:01 "$click"
		ev 6 s error 20:00:01 '"view_id":"v","page":"cart","message":"x"'
		ev 7 s action 20:00:10 '"view_id":"v","page":"cart","action":"click","target":"a#more"'
		ev 8 s view 20:00:20 '"view_id":"w","page":"home"'
	} >shop.ndjson
	is "$(rows frustration '[.signal,.target,.count]')" \
	    $'["error","button#pay",4]\n["dead (weak)","a#more",1]\n["rage","button#pay",1]'
	is "$(rows frustration '[.signal,.count]' --threshold rage_clicks=5,error_click=0,dead_click=20000 | head -n 1)" '["error",4]'
	is "$(rows frustration '[.signal,.count]' --threshold rage_clicks=5 | grep -c rage)" 0
	is "$(rows frustration '[.signal,.count]' --threshold rage_clicks=1 | grep -c rage)" 2
	for n in 0 0.5 17; do
		run sess-stats -r frustration --threshold "rage_clicks=$n" shop.ndjson
		exits 2
		has 'rage_clicks is not 1 to 16'
	done
}

@test "sessions are the records of sess-find -l" {
	diff <(sess-stats -r sessions -o ndjson "$DATA/demo" | jq -cS 'del(.report)') <(sess-find -l "$DATA/demo" | jq -cS .)
	is "$(sess-stats -r sessions --sort -js_errors -n 2 -o ndjson "$DATA/demo" | jq -c .js_errors)" $'17\n8'
	sess-stats -r sessions -o ids "$DATA/corpus/arms-rum-browser/logs" | sort >ids	# visitors, too
	sess-find --ids "$DATA/corpus/arms-rum-browser/logs" | sort | diff - ids
	is "$(sess-stats -r log -o ndjson "$DATA/demo" | wc -l)" "$(sess-find "$DATA/demo" | wc -l)"
}

@test "a split into partials, merged in any order, is one pass, byte for byte" {
	local n
	sess-stats -r "$all" -o ndjson --by browser "$DATA/demo" >want
	sess-find --ids "$DATA/demo" | shuf --random-source="$DATA/demo/access.json.log.1.gz" | split -n r/5 - ids.
	for n in ids.*; do sess-stats -r "$all" --by browser --ids-from "$n" --partial "$DATA/demo" >"partial.$n"; done
	sess-stats --merge -o ndjson partial.ids.ad partial.ids.aa partial.ids.ae partial.ids.ac partial.ids.ab | cmp - want
	# of some of them a partial again
	sess-stats --merge --partial partial.ids.ab partial.ids.ac >some
	sess-stats --merge -o ndjson some partial.ids.ad partial.ids.aa partial.ids.ae | cmp - want
	[ "$(wc -l <want)" -gt 1000 ]
}

@test "texts may hold NUL, also in rows that were spilled" {
	awk 'BEGIN { for (i = 1; i <= 20000; i++) printf "{\"v\":1,\"id\":\"%016x\"," \
	    "\"received\":\"2026-11-23T20:00:00Z\",\"kind\":\"error\",\"session_id\":\"s%d\"," \
	    "\"page\":\"p\",\"release\":\"1\\u0000%d\",\"error_type\":\"T%d\"," \
	    "\"message\":\"a\\u0000b\"}\n", i, i, i % 3, i }' >nul.ndjson
	sess-stats -r errors -o ndjson -n 30000 nul.ndjson >want
	[ "$(wc -l <want)" -eq 20000 ]
	[ "$(grep -c '"first_release":"1\\u0000[0-2]"' want)" -eq 20000 ]
	sess-stats -r errors -o ndjson -n 30000 --memory 1M -T . nul.ndjson | cmp - want
	sess-stats -r errors --partial nul.ndjson | sess-stats --merge -o ndjson -n 30000 | cmp - want
}

# peak COMMAND...: its output to out, and how many MiB it took at most.
peak() {
	python3 -c 'import os, subprocess, sys
p = subprocess.Popen(sys.argv[1:], stdout=open("out", "wb"))
_, status, usage = os.wait4(p.pid, 0)
print(usage.ru_maxrss // 1024)
sys.exit(status != 0)' "$@"
}

@test "memory is bounded, however many users and messages there are" {
	local least most
	awk 'BEGIN { for (i = 1; i <= 60000; i++) printf "{\"v\":1,\"id\":\"%016x\"," \
	    "\"received\":\"2026-11-23T20:00:00Z\",\"kind\":\"error\",\"session_id\":\"s%d\"," \
	    "\"user_id\":\"u%d\",\"page\":\"p%d\",\"message\":\"%c%c%c%c\"}\n", i, i, i, i % 40, \
	    97 + i % 26, 97 + int(i / 26) % 26, 97 + int(i / 676) % 26, 97 + int(i / 17576) }' >many.ndjson
	least=$(peak sess-stats -q -r overview,errors,pages,users -o ndjson -j2 --memory 4M -T . many.ndjson)
	mv out small
	most=$(peak sess-stats -q -r overview,errors,pages,users -o ndjson -j2 --memory 256M many.ndjson)
	cmp out small
	[ "$(wc -l <out)" -eq 120041 ]
	# the sanitizer has its own idea of memory
	if ! nm "$BUILD/sess-stats" | grep -q __asan_init; then
		[ "$least" -lt 30 ]
		[ "$least" -lt "$most" ]
	fi
}

@test "an estimate is marked as one, and what is exact is not" {
	awk 'BEGIN { for (i = 1; i <= 1030; i++) printf "{\"v\":1,\"id\":\"%016x\"," \
	    "\"received\":\"2026-11-23T20:00:00Z\",\"kind\":\"error\",\"session_id\":\"s%d\"," \
	    "\"user_id\":\"u%d\",\"message\":\"%s\"}\n", i, i, i, (i > 1 ? "often" : "once") }' >shop.ndjson
	is "$(rows errors '[.message,.estimated]')" $'["often",true]\n["once",true]'
	sess-stats -r errors --width 100 shop.ndjson >table
	grep -q 'often .* ~10[0-9][0-9]  *1029  *~' table
	grep -q 'once .* 1  *1  *1  *~0.10%' table
	grep -q '^~ distinct users are estimated' table
	sess-stats -r overview -o prometheus shop.ndjson | grep -q '^# sess_overview_users: rests on estimated users'
	sed -i '1,7d' shop.ndjson	# 1023 are counted
	is "$(rows errors '[.users,.estimated]')" '[1023,null]'
	run ! grep -q '~' <(sess-stats -r errors --width 100 shop.ndjson)
}

@test "memory, threads and the order of operands change nothing" {
	sess-stats -r "$all" -o ndjson --by page "$DATA/demo" >want
	sess-stats -r "$all" -o ndjson --by page --memory 1M -T . "$DATA/demo" | cmp - want
	sess-stats -r "$all" -o ndjson --by page -j 1 "$DATA"/demo/*.4.gz "$DATA"/demo/*.1.gz "$DATA"/demo/*.3.gz "$DATA"/demo/*.2.gz | cmp - want
	sess-ingest "$DATA/demo" | sess-stats -r "$all" -o ndjson --by page | cmp - want
	sess-ingest "$DATA/demo" "$DATA/demo" | sess-stats -r "$all" -o ndjson --by page | cmp - want
}

@test "partials that do not fit are refused" {
	shop >shop.ndjson
	sess-stats -r apis --partial shop.ndjson >a
	sess-stats -r errors --partial shop.ndjson >b
	run sess-stats --merge a b
	exits 2
	has 'differ in reports: apis'
	run sess-stats --merge shop.ndjson
	exits 2
	sed 's/"sess_stats":2/"sess_stats":1/' a >c
	for words in c 'a c'; do
		# shellcheck disable=SC2086
		run sess-stats --merge $words
		exits 2
		has 'c:1: no line of a partial of this version'
	done
	{ cat a; echo '{"report":"apis","key":["x"],"states":{"calls":-4}}'; } >c
	run sess-stats --merge c
	exits 2
	has 'c:'
	: >empty
	run sess-stats --merge empty
	exits 2
	for words in '-r apis' '--has-error' '--since 2h' '--partial -n 3'; do
		# shellcheck disable=SC2086
		run --separate-stderr sess-stats --merge $words a
		exits 2
		[ -z "$output" ]
	done
}

@test "partials of other conditions are refused, and say which" {
	shop >shop.ndjson
	part() { TZ=${zone:-UTC0} sess-stats -q --no-match-ok -r sessions --partial "$@" shop.ndjson; }
	refused() {
		run --separate-stderr sess-stats --merge "$1" "$2"
		exits 2
		[ -z "$output" ]
		[[ "$stderr" == *"$2:1: the partials differ in $3"* ]] || {
			printf '%s\n' "$stderr"
			return 1
		}
	}
	differs() {	# WHAT ARG...
		local what=$1
		shift
		part "$@" >b
		refused a b "$what"
		refused b a "$what"
		sess-stats --merge b b >both	# the same ones add up
	}
	part >a
	differs 'conditions: --user=u-alice' --user u-alice
	differs 'conditions: --has-error' --has-error
	differs 'conditions: --invert-match' -v
	differs 'conditions: --where=js_errors > 1' --where 'js_errors > 1'
	differs 'conditions: --since=2026-11-22T23:00:00.000Z' --since 1d --now 2026-11-23T23:00:00Z
	differs 'conditions: --until=2026-11-23T20:00:00.000Z' --until 2026-11-23T20:00:00Z
	differs 'conditions: max_duration_ms=3600000,' --max-duration 1h
	differs 'conditions: --clock=server' --clock server
	differs 'conditions: --session-by=ip,user' --session-by user,ip
	differs 'conditions: --max-events=9' --max-events 9
	differs 'conditions: --mask-ip=24,48' --mask-ip 24,48
	differs 'conditions: --drop-query' --drop-query
	differs 'conditions: --trust-forwarded' --trust-forwarded
	differs idle_ms --session-rule visit
	differs idle_ms --idle 1h
	differs thresholds --threshold load=2000
	differs tz --tz Asia/Tokyo
	differs limit -n 3
	differs by --by browser
	differs sort --sort=-js_errors
	# the zone of hours and days, which the process may have of its own
	zone=Asia/Tokyo part >b
	sess-stats --merge a b >/dev/null
	part --by day >a
	zone=Asia/Tokyo part --by day >b
	refused a b 'conditions: TZ='
	# keys of --hash-user, and no name in the clear
	echo one >one.key
	echo two >two.key
	part --hash-user one.key --user-name 张伟 >a
	part --hash-user two.key --user-name 张伟 >b
	refused a b 'conditions: --hash-user='
	run ! grep -q 张伟 a
	# what chooses the part is no condition
	part --session alice01 >a
	echo bob0001 >ids
	part --ids-from ids >b
	is "$(sess-stats --merge -o ids a b)" $'alice01\nbob0001'
}

@test "a partial that was cut or changed is noticed" {
	local number
	shop >shop.ndjson
	sess-stats -r apis,errors,slow --partial shop.ndjson >a
	damaged() {
		run --separate-stderr sess-stats --merge a c
		exits 2
		[ -z "$output" ]
		[[ "$stderr" == *"$1"* ]]
	}
	head -n -1 a >c
	damaged 'the partial is cut off'
	head -n 1 a >c
	damaged 'the partial is cut off'
	head -n -1 a | cat - a >c
	damaged 'the partial is cut off'
	for number in $(seq 2 $(($(wc -l <a) - 1))); do
		sed "${number}d" a >c
		damaged 'lost or changed'
		sed "${number}p" a >c
		damaged 'lost or changed'
	done
	sed '/"slow"/s/9000/9001/' a >c
	damaged 'lost or changed'
	sed '/"end":/s/"newest_ms":./&1/' a >c
	damaged 'lost or changed'
	{ cat a; sed -n 2p a; } >c
	damaged 'no line of a partial'
	# one behind the other is two
	cat a a >c
	cmp <(sess-stats --merge -o ndjson c) <(sess-stats --merge -o ndjson a a)
}

@test "how sessions ended is for all of the input to say" {
	local words
	visit() { printf '{"v":1,"id":"%016x","time":"2026-11-23T%s:00.000Z","kind":"view","visitor":"%s","page":"p"}\n' "$1" "$2" "$3"; }
	visit 1 20:00 early >a.ndjson
	visit 2 20:20 later >b.ndjson
	visit 3 20:40 last >c.ndjson
	for f in a b c; do sess-stats -r sessions --partial $f.ndjson >$f; done
	for words in 'a b c' 'c b a' 'b c a'; do
		# shellcheck disable=SC2086
		is "$(sess-stats --merge -o ndjson $words | jq -r .end_reason | paste -sd' ')" 'idle eof eof'
	done
	sess-stats --merge --partial b a >ab
	is "$(sess-stats --merge -o ndjson ab | jq -r .end_reason | paste -sd' ')" 'eof eof'
	sess-stats --merge --partial c ab | cmp - <(sess-stats -r sessions --partial b.ndjson a.ndjson c.ndjson)
	for words in '--where end_reason=1' '-r sessions --sort end_reason'; do
		# shellcheck disable=SC2086
		run sess-stats --partial $words a.ndjson
		exits 2
		has 'end_reason'
	done
}

@test "--fail-if is a gate" {
	shop >shop.ndjson
	run sess-stats -r apis --fail-if 'success_rate < 0.98 and calls >= 1' shop.ndjson
	exits 1
	has /order
	run sess-stats -r apis --fail-if 'success_rate < 0.98 and calls > 1' shop.ndjson
	exits 0
	# asked of the reports that have the columns
	run sess-stats -r overview,apis --fail-if 'success_rate < 0.98' shop.ndjson
	exits 1
	# of rows beyond the limit, too
	run --separate-stderr sess-stats -r apis -n 1 -o csv --fail-if "api = '/order'" shop.ndjson
	exits 1
	is "$(cut -d, -f 1 <<<"$output" | paste -sd' ')" 'api /list'
	run sess-stats --merge -n 1 -o csv --fail-if "api = '/order'" <(sess-stats -r apis --partial shop.ndjson)
	exits 1
	is "${#lines[@]}" 2
	run sess-stats -r overview --fail-if 'no_such > 1' shop.ndjson
	exits 2
	has no_such
	run sess-stats --merge --fail-if 'calls > 5' <(sess-stats -r apis --partial shop.ndjson)
	exits 0
}

@test "what nobody can mean is refused" {
	shop >shop.ndjson
	for words in '-r nothing' '--by nothing' '--by time' '--interval 1ms' '--threshold load' '--threshold x=1' \
	    '--sort nothing' '-o nothing' '-0' '-r funnel' '--partial --fail-if 1'; do
		# shellcheck disable=SC2086
		run --separate-stderr sess-stats $words shop.ndjson
		exits 2
		[ -n "$stderr" ] && [ -z "$output" ]
	done
}

@test "nothing found is explained, exit 1" {
	shop >shop.ndjson
	run --separate-stderr sess-stats --user nobody shop.ndjson
	exits 1
	[[ "$stderr" == *'0 of 2 sessions'*'0 had that user id'* ]]
	run sess-stats --no-match-ok --user nobody shop.ndjson
	exits 0
}

@test "the columns that --columns tells of are those of the rows" {
	sess-stats -r "$all" --funnel '*' -o ndjson "$DATA/demo" | jq -r '. as $row | keys_unsorted[] | select(. != "report") | "\($row.report)\t\(.)"' | sort -u >got
	sess-stats --columns | cut -f 1,2 | sort -u >told
	[ "$(wc -l <got)" -gt 150 ]
	[ -z "$(comm -23 got told)" ]
	# each says what it is
	[ -z "$(sess-stats --columns | awk -F '\t' 'NF != 5 || $5 == ""')" ]
}

@test "--compare ranks what got worse against a base" {
	{
		shop
		for i in 11 12 13 14; do
			ev $i "r$i" api 22:00:00 '"view_id":"r","release":"1.2","api":"/pay","ok":true,"duration_ms":100'
			ev 2$i "q$i" api 22:00:00 "\"view_id\":\"q\",\"release\":\"1.3\",\"api\":\"/pay\",\"ok\":$([ $i = 11 ] && echo true || echo false),\"duration_ms\":$((i * 10))"
		done
	} >shop.ndjson
	compare() { sess-stats -r apis --by release --compare 1.2 -o ndjson "$@" shop.ndjson; }
	is "$(compare | jq -c '[.report,.of,.what,.metric,.base,.value,.base_samples,.samples]' | head -n 1)" \
	    '["compare","1.3","/pay","apis.success_rate",1,0.25,4,4]'
	# durations rose a little, and nothing that got better is told
	is "$(compare | jq -c 'select(.metric == "apis.p99_ms") | [.base,.value,(.change*100|round)]')" '[100,140,36]'
	is "$(compare | jq -s 'map(.score) as $s | $s == ($s | sort | reverse) and ($s | min) > 0')" true
	is "$(compare -n 1 | wc -l)" 1
	run sess-stats -r apis --by release --compare 1.2 -n 1 -o csv --fail-if "metric = 'apis.p99_ms'" shop.ndjson
	exits 1
	is "${#lines[@]}" 2
	is "$(sess-stats -r apis --by release --compare 1.2 -o ids shop.ndjson | sort | paste -sd' ')" 'q12 q13 q14'
	sess-stats -r apis --by release --partial shop.ndjson >partial
	compare | cmp - <(sess-stats --merge --compare 1.2 -o ndjson partial)
	run sess-stats -r apis --by release --compare 1.2 --fail-if 'change > 1 and samples >= 4' shop.ndjson
	exits 1
	run sess-stats -r apis --by release --compare 9.9 shop.ndjson
	exits 2
	has 'no row is of 9.9'
	run sess-stats -r apis --compare 1.2 shop.ndjson
	exits 2
}

# links PAGE: those that lead nowhere.
links() {
	comm -23 <(grep -o 'href="#[^"]*"' "$1" | sed 's/.*#//' | sort -u) <(grep -o ' id="[^"]*"' "$1" | sed 's/ id="//' | sort -u)
}

@test "-o html is one page whose rows lead to the sessions in it" {
	sess-stats -r overview,slow,errors,apis -o html --title 'Shop & Co' "$DATA/demo" >page.html
	[ -z "$(links page.html)" ]
	[ "$(grep -o 'id="s[0-9]*"' page.html | wc -l)" -ge 20 ]
	grep -q '<title>Shop &amp; Co</title>' page.html
	grep -q "default-src 'none'" page.html
	# nothing runs, nothing is fetched
	run ! grep -Eiq '<script|<link|<img|<iframe|src=|http-equiv="refresh"|@import|url\(|href="[^#]' page.html
	sess-stats -r slow -o html --paths 0 "$DATA/demo" >bare.html
	run ! grep -q 'id="s1"' bare.html
	# the sessions of a cut rule are found again, too
	sess-stats -r slow -n 3 -o html --idle 1s "$DATA/demo" >cut.html
	[ -z "$(links cut.html)" ]
	[ "$(grep -c 'class="session" id=' cut.html)" -ge 3 ]
	run --separate-stderr bash -c 'sess-ingest "$0" | sess-stats -r slow -o html' "$DATA/demo"
	exits 0
	[[ "$stderr" == *'holds no session'* ]]
}

@test "markup in the data stays text in a page" {
	shop | sed 's|u-alice|<script>alert(1)</script>|; s|item 17 is gone|</td><img src=x onerror=alert(2)>|; s|"home"|"a\\u202eb\\u0007\\"onload=\\"x"|' >shop.ndjson
	sess-stats -r overview,errors,pages,users,sessions,log --by page -o html shop.ndjson >page.html
	grep -q '&lt;script&gt;alert(1)' page.html
	run ! grep -Eq '<script|<img|onload="' page.html
	run ! env LC_ALL=C grep -q $'\x07\|\xe2\x80\xae' page.html
	[ -z "$(links page.html)" ]
}

@test "a log and its events give the same rows, whatever bytes they hold" {
	{
		combined 1 '&uid=a%ff'
		combined 2 '&uid=a%fe'
		combined 3 '&t=error&msg=x%ff%C3&cate=E%00'
	} >access.log
	sess-stats -r "$all" -o ndjson access.log >want
	sess-ingest access.log | sess-stats -r "$all" -o ndjson | cmp - want
	sess-stats -r "$all" --partial access.log | sess-stats --merge -o ndjson | cmp - want
	# two bad bytes are one text
	is "$(sess-stats -o ndjson access.log | jq .users)" 1
}

# What a page's name, a user and an error may hold.
hostile() {
	printf '%s\n' \
	    '{"v":1,"id":"00000000000000a1","time":"2026-11-23T20:00:00.000Z","kind":"view","session_id":"s\"><script>","view_id":"v1","user_name":"<b onclick=x>张伟</b>","page":"</title><script>alert(1)</script>"}' \
	    '{"v":1,"id":"00000000000000a2","time":"2026-11-23T20:00:01.000Z","kind":"load","session_id":"s\"><script>","view_id":"v1","page":"</title><script>alert(1)</script>","load_ms":9100,"fpt_ms":100,"ttfb_ms":30,"dom_ms":200}' \
	    '{"v":1,"id":"00000000000000a3","time":"2026-11-23T20:00:02.000Z","kind":"error","session_id":"s\"><script>","view_id":"v1","page":"</title><script>alert(1)</script>","error_type":"E&amp;<x>","message":"\u001b[31mred\u202e ]]> <!-- \" '"'"'","stack":"at <a href=x>\n\tat \u0000b"}' \
	    '{"v":1,"id":"00000000000000a4","time":"2026-11-23T20:00:03.000Z","kind":"api","session_id":"s\"><script>","view_id":"v1","page":"</style><style>","api":"/a\\b\"c\nd{e}","method":"GET","status":"500","ok":false,"duration_ms":1500,"message":"<i>no</i>","trace_id":"\">"}'
}

@test "a page of HTML is sound, and data in it is text" {
	hostile >hostile.ndjson
	sess-stats -r "$all" --title '</title><script>"&' -o html hostile.ndjson >page.html
	python3 "$E2E/page.py" page.html '</title><script>alert(1)</script>' '<b onclick=x>张伟</b>' \
	    's"><script>' '␛[31mred<U+202E> ]]> <!-- "' 'E&amp;<x>' '</title><script>"&' 'at <a href=x>' '</style><style>'
	shop >shop.ndjson
	for arg in '--by hour' '--by browser,page --interval 10m' '--interval 1m' '--details' '--user nobody'; do
		# shellcheck disable=SC2086
		sess-stats -q --no-match-ok -r "$all" $arg -o html shop.ndjson >page.html
		python3 "$E2E/page.py" page.html
	done
}

@test "a page holds the paths of the sessions that its rows name" {
	shop >shop.ndjson
	sess-stats -r slow,errors -o html --tz Asia/Shanghai shop.ndjson >page.html
	python3 "$E2E/page.py" page.html 'Session bob0001' 'Session alice01' 'item 17 is gone' \
	    '2026-11-24 04:00:00.000 +0800' 'load 9.00s'
	grep -q '<a href="#s1">bob0001</a>' page.html
	grep -q '<section class="session" id="s1">' page.html
	# one of each report: the first row's
	sess-stats -r slow,errors --paths 1 -o html shop.ndjson >one.html
	[ "$(grep -c 'class="session"' one.html)" -eq 2 ]
	sess-stats -r slow,errors --paths 0 -o html shop.ndjson >none.html
	[ "$(grep -c 'class="session"\|href="#s' none.html)" -eq 0 ]
	# standard input can't be read twice
	sess-stats -r slow -o html <shop.ndjson >stdin.html
	python3 "$E2E/page.py" stdin.html bob0001
	[ "$(grep -c 'href="#s' stdin.html)" -eq 0 ]
	# pieces of a session that was cut
	sess-stats -r sessions --idle 30s -o html shop.ndjson >cut.html
	python3 "$E2E/page.py" cut.html
	[ "$(grep -c 'class="session"' cut.html)" -eq 3 ]
	run ! grep -q 'was not found' cut.html
}

@test "gauges are what a scraper takes" {
	shop >shop.ndjson
	hostile >hostile.ndjson
	sess-stats -r "$all" -o prometheus shop.ndjson hostile.ndjson >all.prom
	python3 "$E2E/gauges.py" <all.prom >scraped
	grep -qx 'sess_overview_sessions{} 3.0' scraped
	grep -q '^sess_apis_p75_seconds{"api": "/order"} 1.5$' scraped
	grep -qxF 'sess_apis_failures{"api": "/a\\b\"c\nd{e}"} 1.0' scraped
	grep -q '^# no gauges of slow: ' all.prom
	grep -q '^# no gauges of log: ' all.prom
	if command -v promtool >/dev/null; then
		promtool check metrics <all.prom
	fi
}

@test "a table has no control character of the data, and says that it is empty" {
	hostile >hostile.ndjson
	shop >>hostile.ndjson
	for width in 60 80 200; do
		for details in '' --details; do
			sess-stats -r "$all" --width $width $details hostile.ndjson >out
			run ! grep -q "$(printf '[\001-\010\013-\037\177]')" out
		done
	done
	[ "$(sess-stats -r slow --user nobody --no-match-ok -q hostile.ndjson)" = "$(printf 'Slowest page loads  -r slow\nno rows')" ]
}

@test "a store gives the same bytes as the logs, under any condition" {
	local words
	sess-index --store st "$DATA/demo"
	for words in '' --has-error '--by hour,browser' '--since 2026-11-23T21:06:00Z' '--api-failed --page *cart*' \
	    '--idle 5s' '--where js_errors>2' '-v --has-error'; do
		# shellcheck disable=SC2086
		sess-stats -r "$all" -o ndjson $words "$DATA/demo" >want
		# shellcheck disable=SC2086
		sess-stats --store st -r "$all" -o ndjson $words | cmp - want
	done
	cmp <(sess-stats -r slow,errors -o html "$DATA/demo") <(sess-stats --store st -r slow,errors -o html)
	[ "$(sess-stats --store st -r slow -o ids -n 1 | sess-path --store st --ids-from - | grep -c '^Session')" -eq 1 ]
}
