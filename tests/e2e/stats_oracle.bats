#!/usr/bin/env bats
# The figures of sess-stats against an independent computation (tests/oracle/stats.py),
# against what the browser did, and the laws of partial aggregates.
# SESS_CORPUS=DIR adds a capture of the same layout that isn't bundled.

load helper

ALL_REPORTS=overview,slow,pages,errors,errors-by-page,apis,resources,vitals,sessions,users,log,flows,paths,frustration

setup_file() {
	export ORACLE="$BATS_TEST_DIRNAME/../oracle"
	export CORPUS="$BATS_TEST_DIRNAME/../data/corpus"
	cd "$BATS_FILE_TMPDIR" || return 1
	python3 "$ORACLE/made.py" 6000 1 >made.ndjson
	grep '"session_id"' made.ndjson >named.ndjson
	# enough for percentiles and users beyond what is exact
	python3 "$ORACLE/made.py" 20000 2 >more.ndjson
	for sdk in arms-js-sdk arms-rum-browser; do
		zstd -qdc "$CORPUS/$sdk/truth.ndjson.zst" >"$sdk.truth"
	done
}

# agrees [OPTION]... LOG...: every figure is as computed
agrees() {
	run python3 "$ORACLE/stats.py" "$@"
	[ "$status" -eq 0 ] || {
		printf '%s\n' "$*" "$output"
		return 1
	}
}

# truthful TRUTH LOG...
truthful() {
	run python3 "$ORACLE/truth_stats.py" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
}

made() { printf '%s\n' "$BATS_FILE_TMPDIR/made.ndjson"; }
named() { printf '%s\n' "$BATS_FILE_TMPDIR/named.ndjson"; }

# -- sessions

@test "sessions put together a second time are those of sess-find -l" {
	local logs
	for logs in "$CORPUS/arms-js-sdk/logs" "$CORPUS/arms-rum-browser/logs" "$(made)"; do
		sess-ingest -q "$logs" | python3 "$ORACLE/gathered.py" | jq -Sc . | sort >second
		sess-find -q -l "$logs" | jq -Sc . | sort >first
		[ -s first ]
		diff first second
	done
}

# -- figures

@test "every figure of every report, arms-js-sdk" {
	agrees --funnel '*8080,*list*,*cart' "$CORPUS/arms-js-sdk/logs"
}

@test "every figure of every report, arms-rum-browser" {
	agrees --funnel '/,*list*,*cart' "$CORPUS/arms-rum-browser/logs"
}

@test "every figure of every report, the demo" {
	agrees "$DATA/demo"
}

@test "every figure of every report, events that captures seldom have" {
	agrees --funnel 'shop.example,*list,购物车' "$(made)"
	agrees "$BATS_FILE_TMPDIR/more.ndjson"
	sess-stats -q -o ndjson "$BATS_FILE_TMPDIR/more.ndjson" | jq -e '.users > 1024 and .estimated'
}

@test "figures by dimensions" {
	agrees --by browser "$CORPUS/arms-js-sdk/logs"
	agrees --by device --by os --by browser_version "$CORPUS/arms-rum-browser/logs"
	agrees --by page --by release "$(made)"
	agrees --by app_id --by environment --by region --by isp "$(made)"
}

@test "figures by hour, day and interval, in several time zones" {
	agrees --by hour --by day "$(made)"
	agrees --by hour --tz Asia/Kolkata "$(made)"
	agrees --by day --tz America/St_Johns "$(made)"
	agrees --interval 1m "$CORPUS/arms-js-sdk/logs"
	agrees --interval 7m --by os --tz Asia/Kathmandu "$(made)"
}

@test "conditions choose what is counted" {
	local logs=$CORPUS/arms-js-sdk/logs
	agrees --browser 'chrome*' --page '*list*' "$logs"
	agrees --api-failed --by page "$logs"
	agrees --error 'TypeError|undefined' --has-error "$logs"
	agrees --slow-load=1500 --by browser "$logs"
	agrees --slow-api=300 --status 2xx --api '*order*' "$logs"
	agrees --where 'js_errors > 2' "$logs"
	agrees -v --api-failed --by hour "$logs"
	agrees --since 2026-11-23T21:08:00Z --until 2026-11-23T21:10:00Z --interval 30s "$logs"
	agrees --page '*cart' --error 'price' --by browser "$(made)"
	agrees --since 2026-11-23T21:30:00Z --has-error --by release "$(made)"
	agrees --status 5xx --status FAILED --slow-api=100 "$(made)"
	agrees -v --slow-load --page 'shop.example' "$(made)"
}

@test "thresholds" {
	agrees --threshold load=3000,api=200,resource=500,apdex=900,rage_clicks=2,rage=5000,error_click=4000,dead_click=2500 "$(made)"
}

@test "the check of figures can fail: no change of a figure is missed" {
	python3 "$ORACLE/stats.py" --mutate --funnel '*8080,*list*,*cart' "$DATA/demo"
	python3 "$ORACLE/stats.py" --mutate -r vitals -r resources "$(made)"
	sess-stats -q -o ndjson -r apis -n 1000000 "$DATA/demo" >rows
	python3 "$ORACLE/stats.py" --given rows -r apis "$DATA/demo"
	sed '3s/"failures":/"failures":1/' rows >wrong
	run python3 "$ORACLE/stats.py" --given wrong -r apis "$DATA/demo"
	[ "$status" -eq 1 ]
	has $'\tfailures\twant'
}

@test "-n gives the first rows of each value of the dimensions" {
	sess-stats -q -o ndjson -r slow,apis,users --by browser -n 1000000 "$(made)" >all
	sess-stats -q -o ndjson -r slow,apis,users --by browser -n 2 "$(made)" >two
	jq -c -s 'group_by([.report, .browser]) | map(.[:2]) | add | sort[]' all >want
	jq -c -s 'sort[]' two | diff want -
	sess-stats -q -o ndjson -r slow "$(made)" >default
	sess-stats -q -o ndjson -r slow -n 1000000 "$(made)" | head -n 20 | diff - default
	[ "$(wc -l <default)" -eq 20 ]
}

# -- truth

@test "reports say what the browser did; every difference has a name" {
	truthful "$BATS_FILE_TMPDIR/arms-js-sdk.truth" "$CORPUS"/arms-js-sdk/logs
	truthful "$BATS_FILE_TMPDIR/arms-rum-browser.truth" "$CORPUS"/arms-rum-browser/logs
}

@test "the check against the truth can fail" {
	sed '1s/"api_calls": 13/"api_calls": 14/' "$BATS_FILE_TMPDIR/arms-js-sdk.truth" >wrong.truth
	run python3 "$ORACLE/truth_stats.py" wrong.truth "$CORPUS"/arms-js-sdk/logs/access.json.log.*
	[ "$status" -eq 1 ]
	has 'UNEXPLAINED 1'
	sed 's/undefinedCartHelper/undefinedOther/' "$BATS_FILE_TMPDIR/arms-rum-browser.truth" >wrong.truth
	run python3 "$ORACLE/truth_stats.py" wrong.truth "$CORPUS"/arms-rum-browser/logs
	[ "$status" -eq 1 ]
	has 'undefinedCartHelper is not defined	truth 0	report 1	?	UNEXPLAINED 1'
	has 'undefinedOther is not defined	truth 1	report 0	?	UNEXPLAINED 1'
}

# -- laws

# splits EVENTS SEED [OPTION]...: partials of random splits, merged in any order
# and grouping, are the one pass.
splits() {
	local events=$1 seed=$2 i f
	shift 2
	rm -f part* state* one* rows ab ef
	python3 "$ORACLE/split.py" 5 "$seed" part <"$events"
	for i in 0 1 2 3 4; do
		sess-stats -q --partial "$@" "part$i" >"state$i"
	done
	sess-stats -q --partial "$@" "$events" >one
	mapfile -t f < <(shuf -e --random-source=<(yes "$seed") state*)
	sess-stats -q --merge --partial "${f[@]}" | cmp - one
	sess-stats -q --merge --partial "${f[0]}" "${f[1]}" >ab
	sess-stats -q --merge --partial "${f[2]}" "${f[3]}" >ef
	sess-stats -q --merge --partial "${f[4]}" ef ab | cmp - one
	sess-stats -q -o ndjson "$@" "$events" >rows
	sess-stats -q -o ndjson --merge "${f[@]}" | cmp - rows
	[ -s rows ]
}

@test "random splits by session, merged in random order, are one pass" {
	local seed
	for seed in 1 2; do
		splits "$(named)" "$seed" -r "$ALL_REPORTS"
	done
	splits "$BATS_FILE_TMPDIR/more.ndjson" 4 -r overview,pages,errors,apis
	sess-ingest -q "$CORPUS/arms-js-sdk/logs" >events
	splits events 5 -r "$ALL_REPORTS",funnel --funnel '*8080,*list*'
}

@test "random splits of visitors' sessions" {
	splits "$(made)" 3 -r "$ALL_REPORTS"
	splits "$(made)" 4 -r sessions --session-rule rum --by browser
	# how the last ones ended is up to all of the input
	[ "$(grep -l '"eof"' state* | wc -l)" -gt 1 ]
	[ "$(cat state* | grep -c '"eof"')" -ne "$(grep -c '"eof"' one)" ]
}

@test "random splits with dimensions, conditions and limits" {
	splits "$(named)" 1 -r overview,slow,errors,apis,sessions --by browser,hour
	splits "$(made)" 2 -r overview,pages,log,flows --interval 10m --tz Asia/Kolkata
	splits "$(named)" 3 -r "$ALL_REPORTS" --has-error --page '*list' -n 3
	splits "$(made)" 4 -r users,vitals,resources -v --api-failed --threshold resource=300
}

@test "merged partials are one pass in every format" {
	local format i
	python3 "$ORACLE/split.py" 4 9 part <"$(named)"
	for i in 0 1 2 3; do
		sess-stats -q --partial -r "$ALL_REPORTS" "part$i" >"state$i"
		sess-stats -q --partial -r apis --by os "part$i" >"apis$i"
	done
	for format in table ndjson ids html prometheus; do
		# a merge has no sessions whose paths a page could hold
		sess-stats -q -o "$format" --paths 0 -r "$ALL_REPORTS" "$(named)" >one
		sess-stats -q -o "$format" --merge state2 state0 state3 state1 | cmp - one
		[ -s one ]
	done
	for format in csv tsv; do
		sess-stats -q -o "$format" -r apis --by os "$(named)" >one
		sess-stats -q -o "$format" --merge apis3 apis1 apis0 apis2 | cmp - one
		[ -s one ]
	done
}

@test "the same bytes for any order of input, memory, threads" {
	sess-stats -q -o ndjson -r "$ALL_REPORTS" --by release "$(made)" >one
	python3 "$ORACLE/split.py" 3 1 part <"$(made)"
	sess-stats -q -o ndjson -r "$ALL_REPORTS" --by release -j1 part2 part0 part1 | cmp - one
	sess-stats -q -o ndjson -r "$ALL_REPORTS" --by release --memory 1M part1 part2 part0 | cmp - one
	# duplicates change nothing
	sess-stats -q -o ndjson -r "$ALL_REPORTS" --by release part1 "$(made)" part0 | cmp - one
}

@test "a capture named by SESS_CORPUS agrees, too" {
	local sdk
	[ -n "${SESS_CORPUS:-}" ] || skip "SESS_CORPUS is not set"
	for sdk in arms-js-sdk arms-rum-browser; do
		[ -e "$SESS_CORPUS/$sdk/collector.jsonl" ] || continue
		agrees "$SESS_CORPUS/$sdk"/*access*.log*
		agrees --by browser --by hour "$SESS_CORPUS/$sdk"/access.json.log*
		truthful "$SESS_CORPUS/$sdk/truth.ndjson" "$SESS_CORPUS/$sdk"/access.json.log*
	done
}
