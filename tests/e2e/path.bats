#!/usr/bin/env bats
# sess-path: text, JSON, what is chosen, original lines, hostile data.

load helper

# A user with a name to align, six JS errors, a failed call and a trail of clicks.
ID=62mLjwLatyXrgCd5vvheegwxgCUw

# A page, a failed call, a click, an error: sessions s1 and s2.
two_sessions() {
	local s
	for s in s1 s2; do
		event 1 session_id "\"$s\"" user_name '"张伟"'
		event 2 session_id "\"$s\"" kind '"api"' api '"/v1/order"' method '"POST"' \
		    status '"500"' ok false duration_ms 312
		event 3 session_id "\"$s\"" kind '"action"' action '"click"' target '"button#pay"'
		event 4 session_id "\"$s\"" kind '"error"' message '"x is null"'
	done | sed 's/"kind":"view",\(.*\)"kind"/\1"kind"/; s/"session_id":"s1",\(.*"session_id"\)/\1/'
}

only_one() {
	echo "$ID" >ids
	run --separate-stderr sess-path --ids-from ids "$@" "$DATA/demo"
	exits 0
	[ -z "$stderr" ]
}

# No line is wider than N columns of plain text.
within() {
	local n=$1
	while IFS= read -r line; do
		[ "${#line}" -le "$n" ] || {
			printf 'wider than %s: %s\n' "$n" "$line"
			return 1
		}
	done
}

@test "a real session at 80 columns" {
	only_one
	golden path-80.out
}

@test "a real session at 200 columns" {
	only_one --width 200
	golden path-200.out
}

@test "a real session at 60 columns: facts one below the other, none cut to pieces" {
	only_one --width 60
	golden path-60.out
	grep -q '^  Browser      Chrome 126.0.0$' <<<"$output"
	run sess-path --width 60 --collapse --ids-from ids "$DATA/demo"
	grep -q '^                        load  892ms  stay  7.57s ✗' <<<"$output"
	run sess-path --width 60 <(event 1)
	[[ "$output" != *$'\n\n' && "$output" == *'  1 20:00:01.000        shop.example/' ]]
	run sess-path --width 73 --ids-from ids "$DATA/demo"
	grep -q '^  Browser      Chrome 126.0.0$' <<<"$output"
	run sess-path --width 74 --ids-from ids "$DATA/demo"
	grep -q '  IP           172.16.9.8$' <<<"$output"
}

@test "a real session with details" {
	only_one --details
	golden path-details-80.out
	only_one --details --width 200
	golden path-details-200.out
}

@test "pages only" {
	only_one --collapse
	golden path-collapse.out
}

@test "only pages with problems, or with a kind" {
	at() { printf '{"v":1,"id":"%016x","time":"2026-11-23T20:00:0%d.000Z","kind":"%s","session_id":"s1","view_id":"p%d","page":"page%d"%s}\n' "$1" "$1" "${@:2}"; }
	{
		at 1 view 1 1 ''
		at 2 view 2 2 ''
		at 3 leave 2 2 ',"errors":2'		# sampled away
		at 4 error 3 3 ',"message":"boom"'
		at 5 api 4 4 ',"api":"/x"'
	} >in
	run sess-path --collapse --only-problems in
	exits 0
	[ "$(grep -o 'page[0-9]' <<<"$output" | paste -sd' ')" = 'page2 page3' ]
	has '2 of 4 pages: nothing of what was asked for'
	run sess-path --collapse --kind api in
	[ "$(grep -o 'page[0-9]' <<<"$output" | paste -sd' ')" = page4 ]
	run sess-path --collapse -o ndjson in
	exits 2
	has '--collapse shows no behaviours'
}

@test "what came before each error" {
	only_one --before-error 2
	golden path-before.out
}

@test "no line is wider than asked for" {
	export LC_ALL=C.UTF-8
	sess-path --details --width 80 "$DATA/demo" | within 80
	sess-path --width 61 "$DATA/demo" | within 61
	# a stack's tabs take room as well
	for n in 1 2 3 4 50; do
		event "$n" stack "\"$(printf '\\t%.0s' $(seq $n))$(printf 'a%.0s' {1..60})\"" |
		    sed 's/"kind":"view"/"kind":"error"/'
	done >in
	[ "$(sess-path --details --width 60 in | tr -dc a | wc -c)" -ge 300 ]
	sess-path --details --width 60 in | within 60
	COLUMNS=70 sess-path "$DATA/demo" | within 70
}

@test "sessions come in order, an empty line between" {
	two_sessions >in
	run sess-path in
	exits 0
	[ "$(grep -c '^Session ' <<<"$output")" -eq 2 ]
	[ "$(grep -B1 '^Session s2' <<<"$output" | head -n 1)" = "" ]
	has '!   20:00:02   +1.000s  api     POST /v1/order                       500   312ms'
	has '✗   20:00:04   +3.000s  error   x is null'
}

@test "every event is in the JSON, once" {
	sess-ingest "$DATA/demo" | jq -r .id | sort -u >ids
	sess-path -o json "$DATA/demo" | jq -r '.views[].behaviours[].id' | sort >out.json
	sess-path -o ndjson "$DATA/demo" | jq -r .id | sort >out.ndjson
	cmp ids out.json
	cmp ids out.ndjson
}

@test "the overview of the JSON is the record of the session" {
	sess-find -l "$DATA/demo" | jq -cS . >records
	sess-path -o json "$DATA/demo" | jq -cS .overview >overviews
	cmp records overviews
}

@test "a line of the NDJSON says its session and its page" {
	two_sessions >in
	run sess-path -o ndjson --kind error in
	exits 0
	[ "${#lines[@]}" -eq 2 ]
	jq -e '.session_id == "s1" and .seq == 4 and .at == "2026-11-23T20:00:04.000Z" and
	    .session_start == "2026-11-23T20:00:01.000Z" and .view_start == .session_start and
	    .page == "shop.example/" and .message == "x is null"' <<<"${lines[0]}"
}

@test "kinds and problems are chosen in every format" {
	two_sessions >in
	run sess-path --kind api,action in
	exits 0
	has button#pay
	has /v1/order
	[[ "$output" != *"x is null"* ]]
	run sess-path --only-problems in
	has "x is null"
	[[ "$output" != *button#pay* ]]
	[ "$(sess-path -o json --only-problems in | jq -c '[.views[].behaviours[].kind]' | head -n 1)" = \
	    '["api","error"]' ]
	[ "$(sess-path -o ndjson --before-error 1 in | jq -r .kind | tr '\n' ' ')" = \
	    'action error action error ' ]
}

@test "a click comes before the call and the error of its millisecond" {
	at() {
		printf '{"v":1,"id":"%016x","time":"2026-11-23T20:00:09.000Z","kind":"%s","session_id":"s1","view_id":"p1",%s}\n' "$@"
	}
	{
		at 1 error '"message":"x is null"'
		at 2 api '"api":"/v1/order"'
		at 3 action '"action":"click","target":"button#pay"'
	} >in
	[ "$(sess-path -o ndjson in | jq -r .kind | paste -sd' ')" = 'action api error' ]
	[ "$(sess-path -o ndjson --before-error 2 in | jq -r .kind | paste -sd' ')" = 'action api error' ]
	[ "$(sess-path -o ndjson --before-error 1 --kind action in | jq -r .kind | paste -sd' ')" = 'action error' ]
}

@test "what counts as slow is an option" {
	two_sessions >in
	run sess-path --slow-api=300 in
	has '!~  20:00:02'
	has '~ Slow APIs    1'
}

@test "an unknown kind, format, colour or width is misuse" {
	two_sessions >in
	for bad in --kind=foo --kind= -oxml --color=red --width=59 --width=x --before-error=x; do
		run sess-path "$bad" in
		exits 2
	done
	run sess-path --collapse --details in
	exits 2
}

@test "no session: a line why, exit 1" {
	: >empty
	run --separate-stderr sess-path empty
	exits 1
	[ -z "$output" ]
	has "sess-path: no sessions"
	two_sessions >in
	echo s9 >ids
	run --separate-stderr sess-path --ids-from ids in
	exits 1
	has "sess-path: none of the sessions of ids is in the input"
	run --separate-stderr sess-path -q --no-match-ok --ids-from ids in
	exits 0
	[ -z "$stderr" ]
}

@test "ids come from lines, from NULs and from standard input" {
	two_sessions >in
	printf 's2\r\n\ns7' >ids
	run sess-path --ids-from ids in
	exits 0
	has "Session s2"
	[[ "$output" != *"Session s1"* ]]
	printf 's1\0s2\0' >ids
	[ "$(sess-path -0 --ids-from ids in | grep -c '^Session')" -eq 2 ]
	[ "$(echo s1 | sess-path --ids-from - in | grep -c '^Session')" -eq 1 ]
}

@test "the id of a cut piece finds its piece" {
	{ event 1; event 2 time '"2026-11-23T22:00:00.000Z"'; } |
	    sed 's/"time":"2026-11-23T20[^,]*,\(.*"time"\)/\1/' >in
	[ "$(sess-path --idle 30m -o json in | wc -l)" -eq 2 ]
	id=$(sess-path --idle 30m -o json in | jq -r .overview.session_id | tail -n 1)
	[[ "$id" == s1.* ]]
	run sess-path --idle 30m -o json --ids-from - in <<<"$id"
	exits 0
	[ "$(jq -r .overview.session_id <<<"$output")" = "$id" ]
}

@test "what is not known is said, and the day where it changes" {
	at() { printf '{"v":1,"id":"%016x","time":"%s","kind":"%s","session_id":"s1","view_id":"%s"%s}\n' "$@"; }
	{
		at 1 2026-11-23T23:59:50.000Z view p1 ',"title":"The title"'
		at 2 2026-11-23T23:59:55.000Z error p1 ''
		at 3 2026-11-24T00:00:05.000Z action p1 ',"action":"click","target":"#pay"'
		at 4 2026-11-24T00:00:06.000Z api p1 ',"method":"GET"'
		at 5 2026-11-26T00:00:06.000Z view p2 ''
		at 6 2026-11-26T00:00:07.000Z api p3 ''
	} >in
	run sess-path in
	exits 0
	[ "$(sed '1,/^$/d' <<<"$output")" = "$(cat <<-'EOT'
	  1 23:59:50.000        The title
	✗   23:59:55   +5.000s  error   (no message)
	    2026-11-24
	    00:00:05  +15.000s  click   #pay
	    00:00:06  +16.000s  api     GET

	    2026-11-26
	  2 00:00:06.000        (no page name)

	  3 00:00:07.000        (no page view)
	    00:00:07   +0.000s  api     (no name)
	EOT
	)" ]
}

@test "what failed without a status says so, and a timing its group" {
	{
		event 1 kind '"api"' api '"/hang"' method '"GET"' ok false duration_ms 500
		event 2 kind '"custom"' name '"pay"' ok false
		event 3 kind '"timing"' name '"t1"' group '"hero"' value 20
	} | sed 's/"kind":"view",\(.*\)"kind"/\1"kind"/' >in
	run sess-path in
	exits 0
	[[ "$output" == *'GET /hang   '*'failed   500ms'* ]]
	[[ "$output" == *'  custom  pay failed'* ]]
	[[ "$output" == *'  timing  hero/t1 20ms'* ]]
}

@test "clock times are in --tz" {
	two_sessions >in
	run sess-path --tz Asia/Shanghai in
	has "2026-11-24 04:00:01.000 +0800"
	has "    04:00:03   +2.000s  click   button#pay"
	TZ=UTC-1 run sess-path in
	has "2026-11-23 21:00:01.000 +0100"
}

@test "colours only where told" {
	two_sessions >in
	run sess-path in
	[[ "$output" != *$'\e'* ]]
	run sess-path --color always in
	has $'\e[31m✗'
	run sess-path --color always -o json in
	[[ "$output" != *$'\e'* ]]
}

@test "original lines are found by what they hold" {
	sess-ingest "$DATA/demo" | sess-find --session "$ID" >events
	run --separate-stderr sess-path --kind error --raw-from "$DATA/demo" events
	exits 0
	[ -z "$stderr" ]
	[ "$(grep -c '^    raw {' <<<"$output")" -eq 6 ]
	sess-path -o json --raw-from "$DATA/demo" events >out.json
	sess-path -o ndjson --raw-from "$DATA/demo" events >out.ndjson
	jq -r '.views[].behaviours[].raw' out.json | sort -u >lines
	for f in "$DATA"/demo/*.gz; do gzip -dc "$f"; done | sort -u | comm -12 - lines | cmp - lines
	[ "$(jq -r .raw out.ndjson | sort -u | cksum)" = "$(cksum <lines)" ]
}

@test "a line that converts to another event is not shown" {
	combined 1 >access.log
	sess-ingest access.log >events
	combined 2 >other.log
	run --separate-stderr sess-path --kind view --raw-from other.log events
	exits 0
	[[ "$output" != *"raw "* ]]
	has "1 of 1 events are not in the files of --raw-from"
	# only what is named is opened, whatever src says
	sed 's/"src":"[^"]*"/"src":"access.log:1"/' events >in
	run --separate-stderr sess-path --kind view --raw-from other.log in
	[[ "$output" != *"raw "* ]]
	run --separate-stderr sess-path --raw-from missing events
	exits 2
	has "sess-path: missing: No such file or directory"
}

@test "hostile data is shown, never sent" {
	{
		event 1 user_name '"\u001b]0;x\u0007\u0000"' title '"\u202e\u2066"' user_id '"\u009b31m"'
		event 2 kind '"error"' message '"\u001b[31m\n\u0085"' stack '"\u001bc\r\n\u200f"' file '"\u001b"'
		event 3 kind '"api"' api '"\u001b"' method '"\u0007"' status '"\u001b"' \
		    snapshot '"{\"\\u001b\":\"\\u001b\"}"'
		event 4 kind '"action"' action '"\u001b"' target '"\u061c"'
		event 5 kind '"error"' message "$(printf '"%0300000d"' 0)"
		printf '{"v":1,"id":"0000000000000006","time":"2026-11-23T20:00:06Z","kind":"error","session_id":"s1","message":"\377\302\233\033"}\n'
	} | sed 's/"kind":"view",\(.*"kind"\)/\1/' >in
	for options in "" --details "--details --width 200" "--collapse" "--raw-from in"; do
		# shellcheck disable=SC2086
		sess-path $options in >out 2>err || [ $? -eq 2 ]
		[ -s out ]
		LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f\x7f]' out && return 1
		grep -q -a -P '\x00' out && return 1
		LC_ALL=C grep -q -P '\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]|\xd8\x9c' out &&
		    return 1
		iconv -f UTF-8 -t UTF-8 out >/dev/null
	done
	grep -q '␛' out
}

@test "a huge message is cut, and said to be" {
	{ event 1; event 2 message "$(printf '"%0100000d"' 0)" | sed 's/"kind":"view"/"kind":"error"/'; } >in
	run sess-path in
	exits 0
	[ "${#output}" -lt 3000 ]
	has "000…"
	[ "$(sess-path --details in | tr -cd 0 | wc -c)" -gt 100000 ]
}

@test "events that are too many are missing in no format without a word" {
	events 5 >in
	run --separate-stderr sess-path --max-events 4 in
	exits 0
	[[ "$output" == *'More events than --max-events: only the figures above are kept.'* ]]
	for format in json ndjson; do
		run --separate-stderr sess-path -o $format --max-events 4 in
		exits 2
		[ "$stderr" = 'sess-path: session s1: its 5 events are more than --max-events: not shown' ]
	done
	run sess-path -o json --collapse --max-events 4 in
	exits 0
}

@test "a log without bodies is said to have no clicks" {
	mkdir plain
	combined 1 '&t=error&msg=boom' | sed 's/t=pv&//' >plain/access.log
	run --separate-stderr sess-path plain
	exits 0
	has "No clicks, keys or navigation recorded"
}

@test "the order of operands and the memory change nothing" {
	sess-path "$DATA"/demo/*.gz >a
	sess-path -j 1 --memory 1M "$DATA"/demo/*.4.gz "$DATA"/demo/*.[123].gz >b
	cmp a b
	sess-find -l "$DATA/demo" >/dev/null
	sess-ingest "$DATA/demo" | sess-path >c
	cmp a c
}

@test "with --follow a session is shown when it is quiet, the others at the end" {
	two_sessions >in
	mkfifo pipe
	sess-path --follow --idle 1s pipe >out &
	{
		grep '"s1"' in
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			sleep 0.5
			grep -q '^Session s1' out && break
		done
		cp out early
		grep '"s2"' in
	} >pipe
	wait $!
	grep -q '^Session s1' early
	run grep '^Session s2' early
	exits 1
	grep -q '^Session s2' out
	run sess-path --follow --raw-from in in
	exits 2
}

@test "with --follow a session that never ends is shown in one piece" {
	[ "$({ event 1; sleep 0.8; event 2; } | sess-path --follow --idle 0 -o json | jq -c .overview.events)" = 2 ]
}
