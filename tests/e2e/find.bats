#!/usr/bin/env bats
# Words are split where options stand in one text; nothing is written to what is read.
# shellcheck disable=SC2086,SC2094
# sess-find: which sessions match, and what is written of them.

load helper

# ev N SESSION KIND TIME [MEMBERS]: one event; TIME is hh:mm:ss of a day.
ev() {
	printf '{"v":1,"id":"%016x","time":"2026-11-23T%s.000Z","received":"2026-11-23T%s.000Z","kind":"%s","session_id":"%s"%s}\n' \
	    "$1" "$4" "$4" "$3" "$2" "${5:+,$5}"
}

# Three sessions: alice meets a failed order and an error, bob a slow page,
# carol nothing at all.
shop() {
	ev 1 alice01 view 20:00:00 '"view_id":"a1","user_id":"u-alice","user_name":"Alice","page":"shop/home","ip":"203.0.113.7","browser":"Chrome","browser_version":"120.1","os":"Windows","device":"PC","network":"4g","country":"DE","region":"Berlin","city":"Berlin","release":"1.2.0","environment":"prod","app_id":"app1"'
	ev 2 alice01 api 20:00:01 '"view_id":"a1","page":"shop/home","api":"/v1/list","method":"GET","status":"200","ok":true,"duration_ms":120,"trace_id":"trace-0001","app_id":"app1"'
	ev 3 alice01 view 20:01:00 '"view_id":"a2","page":"shop/cart","app_id":"app1"'
	ev 4 alice01 api 20:01:01 '"view_id":"a2","page":"shop/cart","api":"/v1/order/**","method":"POST","status":"502","ok":false,"duration_ms":1500,"trace_id":"trace-0002","app_id":"app1"'
	ev 5 alice01 error 20:01:02 '"view_id":"a2","page":"shop/cart","error_type":"TypeError","message":"x is undefined","stack":"at pay (cart.js:3:7)","app_id":"app1"'
	ev 6 bob0001 view 20:02:00 '"view_id":"b1","user_id":"u-bob","user_name":"Bob","page":"shop/home","ip":"2001:db8::5","browser":"Mobile Safari","os":"iOS","device":"iPhone","network":"wifi","country":"FR","release":"1.3.0","environment":"gray","app_id":"app2"'
	ev 7 bob0001 load 20:02:01 '"view_id":"b1","page":"shop/home","load_ms":9000,"app_id":"app2"'
	ev 8 bob0001 view 20:03:00 '"view_id":"b2","page":"shop/cart","user_id":"u-bob","app_id":"app2"'
	ev 9 carol01 view 21:00:00 '"view_id":"c1","user_id":"u-carol","user_name":"张伟","page":"shop/home","ip":"198.51.100.1"'
}

# found ARG...: the ids that are found in shop.ndjson, on one line.
found() {
	sess-find -q --no-match-ok --ids "$@" shop.ndjson | tr '\n' ' '
}

is() {
	[ "$1" = "$2" ] || {
		printf 'got "%s", not "%s"\n' "$1" "$2"
		return 1
	}
}

@test "each condition finds the sessions it holds for" {
	shop >shop.ndjson
	is "$(found)" "alice01 bob0001 carol01 "
	is "$(found --user u-bob)" "bob0001 "
	is "$(found --user 'u-*')" "alice01 bob0001 carol01 "
	is "$(found --user-name 张伟)" "carol01 "
	is "$(found --user-name '张?')" "carol01 "
	is "$(found --user-name alice)" ""
	is "$(found --session carol01)" "carol01 "
	is "$(found --ip 203.0.113.7)" "alice01 "
	is "$(found --ip 2001:db8::/32)" "bob0001 "
	is "$(found --ip 0.0.0.0/0)" "alice01 carol01 "
	is "$(found --page '*/cart')" "alice01 bob0001 "
	is "$(found --browser 'mobile safari')" "bob0001 "
	is "$(found --browser-version '120.*')" "alice01 "
	is "$(found --os ios)" "bob0001 "
	is "$(found --device iphone)" "bob0001 "
	is "$(found --network WIFI)" "bob0001 "
	is "$(found --country de)" "alice01 "
	is "$(found --region BERLIN)" "alice01 "
	is "$(found --city Berlin)" "alice01 "
	is "$(found --release '1.[23].0')" "alice01 bob0001 "
	is "$(found --environment gray)" "bob0001 "
	is "$(found --app app1)" "alice01 "
	is "$(found --has-error)" "alice01 "
	is "$(found --error '^x is')" "alice01 "
	is "$(found --error 'cart\.js')" "alice01 "
	is "$(found --api '/v1/*')" "alice01 "
	is "$(found --api-failed)" "alice01 "
	is "$(found --status 5xx)" "alice01 "
	is "$(found --status 404)" ""
	is "$(found --slow-load)" "bob0001 "
	is "$(found --slow-load=9000)" ""
	is "$(found --slow-api)" "alice01 "
	is "$(found --slow-api=1500)" ""
	is "$(found --trace-id trace-0002)" "alice01 "
	is "$(found -w 'page_views = 2 and js_errors = 0')" "bob0001 "
	is "$(found --where "start > '2026-11-23T20:30'")" "carol01 "
	is "$(found --path '^>shop/home>shop/cart>$')" "alice01 bob0001 "
}

@test "all conditions have to hold, and one of the values of each" {
	shop >shop.ndjson
	is "$(found --user u-alice --user u-bob)" "alice01 bob0001 "
	is "$(found --user u-alice --os ios)" ""
	is "$(found --session carol01 --session bob0001)" "bob0001 carol01 "
	is "$(found --session carol01 --user-name Bob)" ""
}

@test "a value that looks like a pattern is found as it stands" {
	{ ev 1 sess001 view 20:00:00 '"page":"[index]"'; ev 2 sess002 view 20:00:00 '"page":"i"'
	  ev 3 sess003 view 20:00:00 '"page":"a\\b"'; } | sed 's/"page":"[^"]*",\(.*"page"\)/\1/' >odd.ndjson
	is "$(sess-find --ids --page '[index]' odd.ndjson | paste -sd' ')" "sess001 sess002"
	is "$(sess-find --ids --page '\[index\]' odd.ndjson)" "sess001"
	is "$(sess-find --ids --page 'a\b' odd.ndjson)" "sess003"
}

@test "API conditions, the page and the time belong to one call" {
	shop >shop.ndjson
	is "$(found --api '/v1/order/*' --status 502)" "alice01 "
	is "$(found --api /v1/list --status 502)" ""
	is "$(found --api /v1/list --page shop/cart)" ""
	is "$(found --api /v1/list --page shop/home)" "alice01 "
	is "$(found --api-failed --until 2026-11-23T20:01:01Z)" ""
	is "$(found --api-failed --until 2026-11-23T20:01:02Z)" "alice01 "
	is "$(found --error TypeError --page shop/home)" ""
	is "$(found --page shop/home --since 2026-11-23T20:03:00Z)" "bob0001 carol01 "
}

@test "a range is half-open and takes many forms" {
	shop >shop.ndjson
	is "$(found --since 2026-11-23T21:00:00Z)" "carol01 "
	is "$(found --until 2026-11-23T21:00:00Z)" "alice01 bob0001 "
	is "$(found --since 2h --now 2026-11-23T22:59:00Z)" "carol01 "
	is "$(found --since today --now 2026-11-24T01:00:00Z)" ""
	is "$(found --since today --tz America/New_York --now 2026-11-24T01:00:00Z)" \
	    "alice01 bob0001 carol01 "
	run sess-find --since 2h --until 3h --now 2026-11-23T22:00:00Z shop.ndjson
	exits 2
}

@test "sessions that match and those that don't are all" {
	local -a conditions=(--has-error '--api-failed' '--page=*/cart' '--os=ios' '--since=2026-11-23T21:06:00Z'
	    '--where=js_errors > 0' '--path=cart' '--error=TypeError' '--user-name=*')
	local c
	sess-find --ids "$DATA/demo" | sort >all
	for c in "${conditions[@]}"; do
		sess-find -q --no-match-ok --ids "$c" "$DATA/demo" >yes
		sess-find -q --no-match-ok --ids -v "$c" "$DATA/demo" >no
		[ -s yes ] && [ -s no ]
		sort yes no | diff - all
		[ "$(sess-find -c "$c" "$DATA/demo")" -eq "$(wc -l <yes)" ]
		[ "$(sess-find -c --invert-match "$c" "$DATA/demo")" -eq "$(wc -l <no)" ]
	done
}

@test "events are written whole, as they were read, session by session" {
	shop >shop.ndjson
	sess-find shop.ndjson | diff - shop.ndjson
	shuf --random-source=<(yes) shop.ndjson | sess-find | diff - shop.ndjson
	sess-find --user u-alice shop.ndjson | diff - <(grep alice01 shop.ndjson)
	sed 's/,"kind"/, "later":[1, 2] ,"kind"/' shop.ndjson >odd.ndjson
	sess-find --has-error odd.ndjson | diff - <(grep alice01 odd.ndjson)
}

@test "reading twice finds what reading once finds" {
	local -a queries=('--user-name=田中 さくら' '--user-name=bob.smith@example.com' --has-error
	    '--api-failed --page=*' '--where=end_reason=='"'eof'" '--user-name=bob* --related=3' '--invert-match --has-error'
	    '--sort=-js_errors,start --limit=5' '--has-error --sort=-events')
	local q
	local -a args
	sess-ingest "$DATA/demo" >events
	sess-find --ids --where 'length(session_id) > 8' -n 1 -q events >id
	queries+=("--session=$(cat id)" "--user=$(sess-find -l -q -n 1 events | jq -r .user_id)")
	for q in "${queries[@]}"; do
		# an argument may hold blanks: cut before options only
		mapfile -t args <<<"${q// --/$'\n'--}"
		sess-find -q "${args[@]}" events >twice
		sess-find -q "${args[@]}" <events >once
		[ -s once ]
		cmp twice once
		sess-find -q "${args[@]}" "$DATA/demo" | without_src | cmp - <(without_src <once)
	done
}

@test "neither the order of operands, nor memory, nor threads change a byte" {
	local f=("$DATA"/demo/*)
	local mode
	for mode in -l --ids -c '--has-error' '--sort=-duration_ms' '--user-name=bob.smith@example.com'; do
		sess-find $mode "${f[@]}" >expected
		[ -s expected ]
		sess-find $mode "${f[3]}" "${f[1]}" "${f[0]}" "${f[2]}" | cmp - expected
		sess-find $mode --memory 1M -T . "${f[@]}" | cmp - expected
		sess-find $mode --memory 512M --tmpdir "$BATS_TEST_TMPDIR" "${f[@]}" | cmp - expected
		sess-find $mode -j 1 "${f[@]}" | cmp - expected
		sess-find $mode --jobs 2 "${f[@]}" | cmp - expected
	done
}

@test "a file given twice changes nothing" {
	shop >shop.ndjson
	sess-find -l shop.ndjson shop.ndjson | diff - <(sess-find -l shop.ndjson)
	sess-find --has-error shop.ndjson shop.ndjson | diff - <(grep alice01 shop.ndjson)
}

@test "a record a session is written with -l" {
	shop >shop.ndjson
	is "$(sess-find -l --has-error shop.ndjson | jq -c '[.session_id,.user_name,.js_errors,.api_failures]')" \
	    '["alice01","Alice",1,1]'
	is "$(sess-find --list shop.ndjson | wc -l)" 3
}

@test "what counts as slow is said once for condition and record" {
	shop >shop.ndjson
	is "$(sess-find -l --slow-api=100 shop.ndjson | jq -r .slow_apis)" 2
	is "$(sess-find -l --slow-api shop.ndjson | jq -r .slow_apis)" 1
	is "$(sess-find -l --slow-load=10 shop.ndjson | jq -r .slow_loads)" 1
}

@test "ids go out and come in again" {
	shop >shop.ndjson
	sess-find --ids --page '*/cart' shop.ndjson >ids
	is "$(tr '\n' ' ' <ids)" "alice01 bob0001 "
	is "$(found --ids-from ids)" "alice01 bob0001 "
	is "$(sess-find --ids -0 --page '*/cart' shop.ndjson | tr '\0' +)" "alice01+bob0001+"
	sess-find --ids --null --user u-bob shop.ndjson >ids0
	is "$(found --ids-from ids0)" "bob0001 "
	is "$(found --ids-from - <ids)" "alice01 bob0001 "
	is "$(found --ids-from /dev/null)" ""
	is "$(found -v --ids-from ids)" "carol01 "
	run sess-find -0 shop.ndjson
	exits 2
	has "--null is for --ids"
}

@test "an id can be no two lines and no escape" {
	ev 1 'a\nb\u001b[2J' view 20:00:00 >odd.ndjson
	is "$(sess-find --ids odd.ndjson)" 'a?b?[2J'
	is "$(sess-find --ids -0 odd.ndjson | od -An -c | tr -d ' \n')" 'a\nb033[2J\0'
	# and comes in again as the one it is
	{ ev 1 'a\nb\u001b[2J' view 20:00:00; ev 2 a view 20:00:00; } >both.ndjson
	sess-find --ids -0 odd.ndjson >ids0
	is "$(sess-find --ids-from ids0 both.ndjson | jq -r .id)" "$(jq -r .id odd.ndjson)"
	is "$(sess-path -o ndjson --ids-from ids0 both.ndjson | jq -r .id)" "$(jq -r .id odd.ndjson)"
}

@test "pieces of a cut session are found and named" {
	{ ev 1 kiosk01 view 20:00:00 '"user_id":"u-1"'; ev 2 kiosk01 error 20:00:05 '"message":"boom"'
	  ev 3 kiosk01 view 21:00:00 '"user_id":"u-2"'; } >kiosk.ndjson
	is "$(sess-find -c kiosk.ndjson)" 1
	is "$(sess-find -c --idle 30m kiosk.ndjson)" 2
	is "$(sess-find -c --session-rule rum kiosk.ndjson)" 2
	is "$(sess-find -c --max-duration 10m kiosk.ndjson)" 2
	# whole events of the piece alone, read twice and once, by any condition
	sess-find --idle 30m --has-error kiosk.ndjson | diff - <(head -n 2 kiosk.ndjson)
	sess-find --idle 30m --user u-2 <kiosk.ndjson | diff - <(tail -n 1 kiosk.ndjson)
	sess-find --idle 30m --user kiosk-none -q kiosk.ndjson && return 1
	piece=$(sess-find --ids --idle 30m --user u-2 kiosk.ndjson)
	[[ $piece == kiosk01.* ]]
	sess-find --idle 30m --session "$piece" kiosk.ndjson | diff - <(tail -n 1 kiosk.ndjson)
	# the id stays good when an earlier event arrives
	ev 4 kiosk01 view 20:59:00 >>kiosk.ndjson
	is "$(sess-find --idle 30m --session "$piece" kiosk.ndjson | wc -l)" 2
	is "$(sess-find --idle 30m --session kiosk01 kiosk.ndjson | wc -l)" 4
}

@test "the clock can be chosen" {
	ev 1 s1 view 20:00:00 | sed 's/"received":"2026-11-23T20/"received":"2026-11-23T22/' >skew.ndjson
	is "$(sess-find -l --clock server skew.ndjson | jq -r .start)" 2026-11-23T22:00:00.000Z
	is "$(sess-find -l --clock client skew.ndjson | jq -r .start)" 2026-11-23T20:00:00.000Z
}

@test "visitors can be made of the fields asked for" {
	for i in 1 2 3; do
		printf '203.0.113.%d - u%d [23/Nov/2026:20:00:0%d +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8"\n' $((i % 2)) "$i" "$i"
	done >access.log
	is "$(sess-find -c --session-by ua access.log)" 1
	is "$(sess-find -c --session-by ip access.log)" 2
	is "$(sess-find -c --session-by ip,ua access.log)" 2
}

@test "related sessions are those of the same person nearby" {
	{ ev 1 one view 20:00:00 '"user_id":"u1"'; ev 2 one error 20:01:00 '"message":"x","user_id":"u1"'
	  ev 3 two view 20:06:00 '"user_id":"u1"'; ev 4 three view 20:30:00 '"user_id":"u1"'
	  ev 5 four view 20:00:30 '"user_id":"u2"'; ev 6 zero view 19:56:00 '"user_id":"u1"'; } >shop.ndjson
	is "$(found --has-error)" "one "
	is "$(found --has-error --related 0)" "one "
	is "$(found --has-error --related 4)" "zero one "
	is "$(found --has-error --related 5)" "zero one two "
	is "$(found --has-error --related 29)" "zero one two three "
	sess-find --has-error --related 5 shop.ndjson | cmp - <(sess-find --has-error --related 5 <shop.ndjson)
	is "$(sess-find --has-error --related 5 shop.ndjson | wc -l)" 4
	is "$(sess-find -c --has-error --related 5 shop.ndjson)" 3
}

@test "sessions are sorted by columns, unknown ones last" {
	shop >shop.ndjson
	is "$(found --sort -start)" "carol01 bob0001 alice01 "
	is "$(found --sort user_name)" "alice01 bob0001 carol01 "
	is "$(found --sort -api_calls,-duration_ms)" "alice01 bob0001 carol01 "
	is "$(found --sort browser)" "alice01 bob0001 carol01 "
	is "$(found --sort -browser)" "bob0001 alice01 carol01 "
	sess-find --sort -start shop.ndjson | cmp - <(tail -n 1 shop.ndjson; sed -n 6,8p shop.ndjson; head -n 5 shop.ndjson)
	run sess-find --sort nonsense shop.ndjson
	exits 2
	has "no column 'nonsense'"
}

@test "a limit gives the first ones and says so" {
	shop >shop.ndjson
	run --separate-stderr sess-find --ids -n 2 shop.ndjson
	exits 0
	is "$output" $'alice01\nbob0001'
	is "$stderr" "sess-find: 2 of 3 sessions"
	run --separate-stderr sess-find --ids -q --limit 1 --sort -start shop.ndjson
	is "$output" carol01
	is "$stderr" ""
	run --separate-stderr sess-find -n 3 -c shop.ndjson
	is "$output$stderr" 3
	run --separate-stderr sess-find -n 1 --user 'u-*' shop.ndjson
	is "$output" "$(head -n 5 shop.ndjson)"
}

@test "nothing found is explained in one line and exits 1" {
	shop >shop.ndjson
	echo 'no record' >>shop.ndjson
	run --separate-stderr sess-find --user-name nobody --os ios shop.ndjson
	exits 2		# for the rejected record
	has "sess-find: 0 of 3 sessions (2026-11-23 20:00Z-21:00Z); 0 had that user name; 1 had that OS; 1 record rejected"
	sed -i '$d' shop.ndjson
	for args in "--user u-nobody" "--session nobody01" "--browser Lynx" "-w page_views>9"; do
		run --separate-stderr sess-find $args shop.ndjson
		exits 1
		[ -z "$output" ]
		is "$(printf '%s\n' "$stderr" | wc -l)" 1
		has "0 of 3 sessions (2026-11-23 20:00Z-21:00Z); 0 "
	done
	# page and time belong to the call, error or load that is asked for
	run --separate-stderr sess-find --api '/v1/*' --page shop/list --since 2026-11-23T20:30Z --os ios shop.ndjson
	has "; 1 had that OS; 0 had such an API call on that page in that time"
	run --separate-stderr sess-find --error TypeError --until 2026-11-23T20:00Z shop.ndjson
	has "; 0 had such an error in that time"
	run --separate-stderr sess-find --slow-load --page shop/cart shop.ndjson
	has "; 0 had such a slow load on that page"
	run --separate-stderr sess-find --user u-bob --page shop/list --until 2026-11-23T20:00Z shop.ndjson
	has "; 1 had that user id; 0 had that page; 0 had an event in that time"
	run --separate-stderr sess-find -q --user u-nobody shop.ndjson
	exits 1
	[ -z "$output$stderr" ]
	run sess-find --no-match-ok -q --user u-nobody shop.ndjson
	exits 0
	run --separate-stderr sess-find -c --user u-nobody shop.ndjson
	exits 1
	is "$output" 0
	run sess-find -v shop.ndjson
	exits 1
	run --separate-stderr sess-find /dev/null
	exits 1
	is "$stderr" "sess-find: 0 of 0 sessions"
}

@test "users can be looked up where they are hashed" {
	printf secret >key
	combined 1 '&uid=u-1024' >access.log
	sess-ingest --hash-user key access.log >hashed.ndjson
	run ! grep -q u-1024 hashed.ndjson
	is "$(sess-find --ids --hash-user key --user u-1024 hashed.ndjson)" s1
	is "$(sess-find --ids --hash-user key --user u-1024 access.log)" s1
	run sess-find -q --user u-1024 hashed.ndjson
	exits 1
}

@test "an id that the log escapes is found as well" {
	combined 1 '&uid=%75-%31024' >access.log
	is "$(sess-find --ids --user u-1024 access.log)" s1
	ev 1 s1 view 20:00:00 '"user_id":"\u0075-1024"' >esc.ndjson
	is "$(sess-find --ids --user u-1024 esc.ndjson)" s1
	sess-find --user u-1024 esc.ndjson | cmp - esc.ndjson
}

@test "a session over --max-events is not split silently" {
	shop >shop.ndjson
	run --separate-stderr sess-find --user u-alice --max-events 3 shop.ndjson
	exits 2
	has "session alice01: its 5 events are more than --max-events: not written"
	is "$(sess-find -l --user u-alice --max-events 3 shop.ndjson | jq -c '[.oversize,.events]')" '[true,5]'
}

@test "a pattern or expression without end is an error that names the session" {
	shop >shop.ndjson
	ev 20 evil001 error 20:05:00 "\"message\":\"$(printf 'x%.0s' {1..60})zy\"" >>shop.ndjson
	run --separate-stderr timeout 20 sess-find --ids --error '(x+x+)+y$|TypeError' shop.ndjson
	exits 2
	is "$output" alice01
	has "session evil001: --error: "
	run --separate-stderr timeout 20 sess-find -v --ids --error '(x+x+)+y$' shop.ndjson
	exits 2
	is "$output" $'alice01\nbob0001\ncarol01'
	run --separate-stderr timeout 20 sess-find --ids --error '(x+x+)+y$' shop.ndjson
	exits 2
	has "; 0 had such an error; 1 could not be decided"
	for i in {1..25}; do
		ev $((30 + i)) "evil1$i" error 20:05:00 "\"message\":\"$(printf 'x%.0s' {1..60})zy\""
	done >many.ndjson
	for how in --ids -l -c ''; do
		run --separate-stderr timeout 60 sess-find $how --error '(x+x+)+y$' many.ndjson
		exits 2
		is "$(grep -c 'session evil1[0-9]*: --error: ' <<<"$stderr")" 10
		has "… and 15 more sessions that could not be decided"
	done
	grow="session_id||'aaaaaaaaaaaaaaaa'"
	for _ in 1 2 3 4 5 6 7 8 9; do grow="replace($grow,'a','aaaa')"; done
	run --separate-stderr timeout 20 sess-find -w "instr($grow, 'b') or 1" shop.ndjson
	exits 2
	has "session alice01: --where: a text is longer than 64 KiB"
	run --separate-stderr timeout 20 sess-find --path '(([^>]*>)*)*$.' shop.ndjson
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ]
}

@test "conditions that are none are misuse" {
	shop >shop.ndjson
	for args in '--error=(' '--path=[' '--ip=10.0.0' '--status=' '--user=' '--slow-load=fast' '--where=1)' \
	    '--where=(select 1)' "--where=random()" '--where=nonsense > 1' '--sort=' '--related=-1' '--limit=0' \
	    '-l --ids' '-l -c' '--each' '--follow --sort=start' '--follow --related=1' \
	    '--follow --each -l' '--follow --each -n 1' '--follow --each --where=1'; do
		# the last ones are several words
		if [[ $args == *' -'* ]]; then run sess-find $args shop.ndjson
		else run sess-find "$args" shop.ndjson; fi
		exits 2
		has "sess-find: "
	done
}

@test "live sessions come when they are idle, and the rest at the end" {
	shop | sess-find --follow --page '*/cart' --ids >out
	is "$(tr '\n' ' ' <out)" "alice01 bob0001 "
	mkfifo pipe
	sess-find --follow --idle 1s --ids --user 'u-*' <pipe >out &
	pid=$!
	exec 4>pipe
	shop >&4
	for _ in $(seq 100); do
		grep -q carol01 out && break
		sleep 0.1
	done
	grep -q carol01 out
	exec 4>&-
	wait $pid
	# --idle cuts as well: ids of pieces
	is "$(cut -d. -f1 out | uniq | tr '\n' ' ')" "alice01 bob0001 carol01 "
}

@test "live input is searched event by event" {
	shop >shop.ndjson
	sess-find --follow --each --has-error <shop.ndjson | diff - <(sed -n 5p shop.ndjson)
	sess-find --follow --each --session bob0001 shop.ndjson | diff - <(grep bob0001 shop.ndjson)
	sess-find --follow --each -v --page '*' shop.ndjson >out || true
	[ ! -s out ]
	run sess-find --follow --each --user nobody shop.ndjson
	exits 1
	mkfifo pipe
	sess-find --follow --each --error TypeError <pipe >out &
	pid=$!
	exec 4>pipe
	cat shop.ndjson >&4
	for _ in $(seq 100); do
		[ -s out ] && break
		sleep 0.1
	done
	[ "$(wc -l <out)" -eq 1 ]
	exec 4>&-
	wait $pid
}

@test "what is asked of the input's reading is passed on" {
	combined 1 >access.log
	is "$(sess-find -c --input-format combined access.log)" 1
	printf '{"ctx":{"sid":"m1"},"ts":1795464000000}\n' >odd.ndjson
	printf 'session_id = .ctx.sid\ntime = .ts | ms\nkind = "view"\n' >map
	is "$(sess-find --ids --map map odd.ndjson)" m1
	is "$(sess-find --map map --session m1 odd.ndjson | jq -r .kind)" view
	printf 'user_id = "constant"\nsession_id = .ctx.sid\ntime = .ts | ms\nkind = "view"\n' >map
	is "$(sess-find --map map --user constant odd.ndjson | jq -r .session_id)" m1
	shop >shop.ndjson
	echo 'no record' >>shop.ndjson
	run sess-find --strict -c shop.ndjson
	exits 2
	run --separate-stderr sess-find --verbose --rejects bad --summary books --user u-alice shop.ndjson
	exits 2
	is "$(jq -r .reason bad | wc -l)" 1
	is "$(jq -r .events books)" 9
	is "$(printf '%s\n' "$output" | wc -l)" 5
}

@test "-q says nothing of what is not found" {
	event 1 >in
	run --separate-stderr sess-find --quiet --user nobody in
	[ "$status" -eq 1 ]
	[ -z "$stderr" ]
	run --separate-stderr sess-find --user nobody in
	[[ "$stderr" == *"0 of 1 sessions"* ]]
}
