#!/usr/bin/env bats
# A store gives what a stream of the same events gives.

load helper

# same STREAM... -- OPTION...: sess-find of the files and of the store st give the same.
same() {
	local files=() got=0 want=0
	while [ "$1" != -- ]; do
		files+=("$1")
		shift
	done
	shift
	sess-find -q "$@" "${files[@]}" >want.raw || want=$?
	sess-find -q "$@" --store st >got.raw || got=$?
	without_src <want.raw >want.out
	without_src <got.raw >got.out
	if ! cmp want.out got.out || [ "$want" -ne "$got" ]; then
		printf 'differs (%s, %s): sess-find %s\n' "$want" "$got" "$*"
		return 1
	fi
}

conditions() {
	cat <<-'END'
	-l
	--ids
	-c
	-l --has-error
	--has-error
	--user-name 张伟
	--user-name 张*
	-l --user u-*
	--error TypeError
	-l --error (?i)cannot.read
	--error . --page *index*
	-l --api /api/coupon/* --status 5xx
	--api-failed
	-l --status 500 --status 404
	-l --slow-api=100
	-l --slow-load=100
	--browser CHROME*
	-l --os win*
	-l --ip 127.0.0.0/8
	-l --ip 10.1.2.3
	--country 中国 --has-error
	-l --since 2026-11-23T21:05:00Z
	-l --since 2026-11-23T21:05:00Z --until 2026-11-23T21:06:00Z --has-error
	-l --until 2026-11-23T21:05:30Z --api *
	-l --page *cart*
	-l -v --has-error
	-v --user-name 张伟
	-l -w js_errors>1
	-w js_errors>1
	-l -w end_reason='eof'
	-l -w end_reason='idle' --has-error
	-l --has-error --session-rule visit
	-l --has-error --session-rule rum --idle 10s
	--has-error --idle 20s
	-l --path >.*cart
	--path index --has-error
	-l --has-error --sort -js_errors,start -n 3
	--sort -duration_ms -n 4 --has-error
	--related 5 --user-name 张伟 -l
	--related 5 --user-name 张伟
	-l --session nobody
	-l --trace-id nothing
	-l --clock server --has-error
	-l --clock client --api-failed
	END
}

all_conditions() {
	local line options n=0
	while IFS= read -r line; do
		read -ra options <<<"$line"
		same "$@" -- "${options[@]}"
		n=$((n + 1))
	done < <(conditions)
	[ "$n" -ge 40 ]
}

@test "conditions on a store are those on the files" {
	sess-index --store st "$DATA/demo"
	all_conditions "$DATA/demo"
}

@test "conditions on a store of many small batches are those on the files" {
	sess-ingest "$DATA/demo" >events
	sort -R --random-source=<(yes) events | split -l 97 - part.
	for p in part.*; do sess-index --store st "$p"; done
	[ "$(find st/segments -mindepth 1 -maxdepth 1 | wc -l)" -lt 6 ]
	all_conditions events
	# again, and with everything once more: nothing changes
	before=$(sess-find --store st | md5sum)
	sess-index --store st events part.aa
	[ "$before" = "$(sess-find --store st | md5sum)" ]
}

# pick WORD...: one of them.
pick() {
	shift $((RANDOM % $#))
	picked=$1
}

# random_options: some conditions, a session rule and an output, in options.
random_options() {
	local i
	options=()
	for ((i = RANDOM % 4; i > 0; i--)); do
		pick "--has-error" "--user-name=张*" "--user-name=*a*" "--user=u*" "--error=TypeError|not defined" \
		    "--error=(?i)PAYMENT" "--api=/api/*" "--api=*coupon*" "--status=5xx" "--status=404" "--api-failed" \
		    "--slow-api=200" "--slow-load=600" "--page=*cart*" "--page=*index*" "--browser=chr*" \
		    "--os=*" "--device-none" "--release=*" "--since=2026-11-23T21:0$((RANDOM % 10)):00Z" \
		    "--until=2026-11-23T21:0$((RANDOM % 10)):30Z" "--country=*" "--ip=0.0.0.0/0" "-v" \
		    "--where=page_views > $((RANDOM % 5))" "--path=>index" "--network=4g" "--environment=p*" \
		    "--app=*" "--where=end_reason = 'idle'"
		[ "$picked" != --device-none ] || picked=--device='*'
		options+=("$picked")
	done
	pick "" "" --session-rule=visit --session-rule=rum "--idle=$((RANDOM % 60 + 1))s" "--max-duration=$((RANDOM % 90 + 1))s" \
	    --clock=server --clock=client
	[ -z "$picked" ] || options+=("$picked")
	pick "" -l --ids -c "--sort=-duration_ms" "--related=$((RANDOM % 3))" "-n$((RANDOM % 9 + 1))"
	[ -z "$picked" ] || options+=("$picked")
}

@test "random conditions and session rules, on a random split with overlaps and repeats" {
	RANDOM=${SEED:-4711}
	sess-ingest "$DATA/demo" >events
	# a few sessions lose their ids, some events their times by one of the clocks
	awk 'NR % 7 == 0 { gsub(/"session_id":"[A-Za-z]/, "\"visitor\":\"v") }
	    NR % 11 == 0 { sub(/"received":"[^"]*",/, "") } NR % 13 == 0 { sub(/"time":"[^"]*",/, "") } 1' events |
	    grep -e '"time"' -e '"received"' >mixed
	total=$(wc -l <mixed)
	for i in $(seq 12); do
		at=$((RANDOM % total))
		sed -n "$((at + 1)),$((at + RANDOM % 300 + 1))p" mixed >piece
		sess-index --store st piece
	done
	sort -R --random-source=<(yes) mixed | split -l 400 - rest.
	for p in rest.*; do sess-index --store st "$p" "$p"; done
	[ "$(sess-find --store st | without_src | sort | md5sum)" = "$(sess-find mixed | without_src | sort | md5sum)" ]
	for i in $(seq "${ROUNDS:-40}"); do
		random_options
		same mixed -- "${options[@]}"
		[ $((i % 20)) -ne 0 ] || sess-index --store st --compact
	done
}

@test "other logs, with sessions over several days, without ids and with odd clocks" {
	for c in arms-js-sdk arms-rum-browser; do
		rm -rf st
		sess-ingest -q "$DATA/corpus/$c/logs" >events
		sess-index --store st events
		for o in -l "-l --has-error" "--has-error" "-l --api-failed" "-l -w js_errors>0" \
		    "-l --browser firefox*" "-l --user u*" "-l --session-rule visit --has-error"; do
			read -ra options <<<"$o"
			same events -- "${options[@]}"
		done
	done
}

@test "every session is found by its id, in find and in path" {
	sess-index --store st "$DATA/demo"
	sess-find --ids "$DATA/demo" >ids
	[ "$(wc -l <ids)" -eq 43 ]
	while read -r id; do
		same "$DATA/demo" -- --session "$id"
		sess-find --session "$id" "$DATA/demo" | sess-path >want
		sess-path --store st "$id" >got
		cmp want got
	done < <(head -n 12 ids)
	sess-find "$DATA/demo" | sess-path -o ndjson --ids-from ids | without_src >want
	SESS_STORE=st sess-path -S -o ndjson --ids-from ids | without_src >got
	cmp want got
	run sess-path --store st nobody
	exits 1
	has 'none of these sessions is in the store'
}

@test "a piece of a cut session is found by its name" {
	sess-index --store st "$DATA/demo"
	sess-find --ids --idle 3s "$DATA/demo" >ids
	grep -q '\.' ids
	while read -r id; do
		same "$DATA/demo" -- -l --idle 3s --session "$id"
	done < <(grep '\.' ids | head -n 5)
}

@test "reports of a store are those of the files" {
	sess-index --store st "$DATA/demo"
	for o in "-r overview,slow,errors,apis,users" "-r errors --has-error --browser chrome*" "-r log --user-name 张伟" \
	    "-r pages,sessions --since 2026-11-23T21:06:00Z" "-r overview -v --has-error"; do
		read -ra options <<<"$o"
		sess-stats -q -o ndjson "${options[@]}" "$DATA/demo" >want
		sess-stats -q -o ndjson "${options[@]}" --store st >got
		[ -s want ]
		cmp want got
	done
}

@test "events without any id are found by the visitor they are given" {
	event 1 >in
	sed -i 's/"session_id":"s1",//' in
	sess-index --store st in
	id=$(sess-find --ids in)
	[ -n "$id" ]
	[ "$(sess-find --store st --ids --session "$id")" = "$id" ]
}

@test "late events join their session, and the better record of an id is taken" {
	event 1 >a
	event 2 >>a
	event 2 user_id '"u9"' >b
	event 90000 >c
	sed -i 's/2026-11-23/2026-12-24/' c
	for f in a c b; do sess-index --store st $f; done
	same a b c -- -l
	same a b c -- --user u9
	[ "$(sess-find --store st | wc -l)" -eq 3 ]
	rm -r st
	for f in b a c a b; do sess-index --store st $f; done
	same a b c -- -l
	[ "$(sess-find --store st -l | jq -r .user_id)" = u9 ]
}

@test "how a session ended depends on those that are not looked at" {
	event 1 session_id2 1 | sed 's/"session_id":"s1"/"visitor":"v1"/; s/,"session_id2":1//' >in
	event 2 | sed 's/"session_id":"s1"/"visitor":"v2"/; s/20:00:02/20:29:00/' >>in
	sess-index --store st in
	same in -- -l --session v1
	[ "$(sess-find --store st -l --session v1 | jq -r .end_reason)" = eof ]
	event 3 | sed 's/"session_id":"s1"/"visitor":"v3"/; s/20:00:03/21:00:00/' >later
	sess-index --store st later
	same in later -- -l --session v1
	[ "$(sess-find --store st -l --session v1 | jq -r .end_reason)" = idle ]
}

@test "the default store is where the environment says" {
	sess-index --store a/b/st "$DATA/demo"
	SESS_STORE=a/b/st run -0 sess-find -S -c
	[ "$output" = 43 ]
	unset SESS_STORE
	export XDG_DATA_HOME=$PWD/data HOME=$PWD/home
	sess-index "$DATA/demo"
	[ -s data/sess/MANIFEST ]
	run -0 sess-find -S -c
	unset XDG_DATA_HOME
	run -2 sess-find -S -c
	has 'home/.local/share/sess: No such file'
	run -2 sess-find --store data/sess "$DATA/demo"
	has 'there is no other input'
}

@test "a store is for its owner's eyes" {
	umask 0
	sess-index --store st "$DATA/demo"
	[ -z "$(find st -type d ! -perm 700)" ]
	[ -z "$(find st -type f ! -perm 600)" ]
	[ -n "$(find st -name events.zst)" ]
}

@test "zstdcat reads the events" {
	sess-index --store st "$DATA/demo"
	cat st/segments/*/events.zst | zstdcat | sort >got
	sess-ingest "$DATA/demo" | sort >want
	cmp want got
}

@test "one process writes, and is named" {
	sess-index --store st "$DATA/demo"
	mkfifo pipe
	sess-index --store st pipe &
	writer=$!
	exec 9>pipe
	for _ in $(seq 100); do
		[ "$(cat st/LOCK)" != "$writer" ] || break
		sleep 0.05
	done
	run -2 sess-index --store st "$DATA/demo"
	has "being written by process $writer"
	# readers don't care
	[ "$(sess-find --store st -c)" = 43 ]
	kill -9 "$writer"
	wait "$writer" || :
	exec 9>&-
	sess-index --store st "$DATA/demo"
}

@test "a folder that is something else is not made a store" {
	mkdir d
	touch d/precious
	run -2 sess-index --store d "$DATA/demo"
	has 'not empty, and no store'
	[ "$(ls d)" = precious ]
}

@test "a newer store is refused" {
	sess-index --store st "$DATA/demo"
	sed -i '1s/"sess_store":1/"sess_store":2/' st/MANIFEST
	run -2 sess-find --store st -l
	has 'newer format'
	run -2 sess-index --store st "$DATA/demo"
	has 'newer format'
}

@test "what is damaged is told, and the rest is found" {
	sess-ingest "$DATA/demo" >events
	head -n 600 events >a
	tail -n +601 events | sed 's/2026-11-23/2026-11-22/g' >b
	sess-index --store st a b
	printf 'X' | dd of="$(echo st/segments/2026-11-23-*/events.zst)" bs=1 seek=100 conv=notrunc status=none
	run -2 --separate-stderr sess-find --store st -l
	[[ "$stderr" == *'events.zst: frame 0 is damaged'* ]]
	[ "$(sess-find -q --store st --until 2026-11-22T23:59:59Z -c)" -gt 5 ]
	printf 'X' | dd of="$(echo st/segments/2026-11-22-*/catalog)" bs=1 seek=10 conv=notrunc status=none
	run -2 --separate-stderr sess-find --store st -l
	[[ "$stderr" == *'catalog is damaged'* ]]
}

@test "a look-up reads no events but those of the sessions that may match" {
	# without the errors that are too long to be kept in a catalog
	sess-ingest "$DATA/demo" | awk 'length < 6000' >demo
	for d in 21 22 23; do
		sed "s/2026-11-23/2026-11-$d/g; s/\"session_id\":\"/&$d/; s/\"user_id\":\"/&$d/; s/\"user_name\":\"/&$d/; s/\"message\":\"/&$d/" demo
	done >events
	sess-index --store st events
	rm st/segments/2026-11-2[13]*/events.zst
	s=$(sess-find --ids --has-error events | grep ^22 | head -n 1)
	[ -n "$s" ]
	same events -- --session "$s"
	same events -- -l --user-name '22张*'
	same events -- -l --user '22*' --api-failed
	same events -- -l --error '^22.*not defined'
	same events -- -l --has-error --since 2026-11-22 --until 2026-11-23
	run -2 sess-find --store st -c
	has 'sess-find: st: 2026-11-21-0/events.zst: No such file'
	# of the segment, too, only the frames
	sess-index --store one <(grep '"session_id":"22' events)
	first=$(zstdcat one/segments/*/events.zst | head -n 1 | jq -r .session_id)
	last=$(zstdcat one/segments/*/events.zst | tail -n 1 | jq -r .session_id)
	want=$(sess-find --store one --session "$first" | md5sum)
	truncate -s -10 one/segments/*/events.zst
	[ "$(sess-find --store one --session "$first" | md5sum)" = "$want" ]
	run -2 sess-find --store one --session "$last"
	has 'is damaged'
}
