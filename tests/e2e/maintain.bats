#!/usr/bin/env bats
# What is done to a store as a whole.

load helper

# fault.so may be loaded before the sanitizer's library
export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0

# days: the demo's events, moved over five days, in st, in small batches.
days() {
	local d
	sess-ingest "$DATA/demo" >demo
	for d in 20 21 22 23 24; do sed "s/2026-11-2[0-9]/2026-11-$d/g; s/\"session_id\":\"\(.\)/\"session_id\":\"${1:-$d}\1/" demo; done >events
	sort -R --random-source=<(yes) events >mixed
	split -n l/7 mixed part.
	for p in part.*; do sess-index --store st "$p"; done
}

content() {
	sess-find --store "${1:-st}" | without_src | sort | md5sum
}

segments() {
	find st/segments -mindepth 1 -maxdepth 1 | wc -l
}

@test "compacting changes nothing but the number of segments" {
	days
	before=$(content)
	sess-find --store st -l --has-error >want
	[ "$(segments)" -gt 5 ]
	sess-index --store st --compact
	[ "$(segments)" -eq 5 ]
	[ "$before" = "$(content)" ]
	sess-find --store st -l --has-error | cmp - want
	sess-index --store st --verify
	run -0 sess-index --store st --compact --verbose
	has '0 written, in 0 days'
}

@test "batches of one day are written as often as the page says, at most" {
	sess-ingest "$DATA/demo" >events
	split -n l/32 events part.
	total=0
	for p in part.*; do
		n=$(sess-index --store st --verbose "$p" 2>&1 | sed -n 's/.*; \([0-9]*\) written.*/\1/p')
		total=$((total + n))
	done
	# 2 + 1.7 log2 32
	[ "$total" -le $((1211 * 105 / 10)) ]
	[ "$total" -gt 1211 ]
	[ "$(segments)" -le 4 ]
}

@test "pruning removes whole days, and nothing else" {
	days x		# sessions over all days
	sess-index --store st --prune 2d --now 2026-11-24T12:00:00Z
	awk '/"received":"2026-11-2[01]/ { next } 1' events >want
	grep -c . want
	[ "$(content)" = "$(sess-find want | without_src | sort | md5sum)" ]
	[ -z "$(find st/segments -name '2026-11-2[01]*')" ]
	sess-find -q -l --has-error want >a || :
	sess-find -q -l --has-error --store st >b || :
	[ -s a ]
	cmp a b
	sess-index --store st --verify
}

@test "forgetting removes the sessions of a person, and nothing else" {
	days x
	sess-find -v --user-name 张伟 events | without_src | sort | md5sum >want
	[ "$(sess-find -c --user-name 张伟 events)" -ge 2 ]
	sess-index --store st --forget --user-name 张伟 --verbose 2>err
	grep -q 'events removed, in 5 days' err
	content | cmp - want
	run -1 sess-find --store st --user-name 张伟 -c
	# segments are those of a store that never had the person
	sess-index --store st --compact
	grep -v -F -f <(sess-find --ids --user-name 张伟 events) events >rest
	sess-index --store never rest
	for s in events.zst catalog; do
		cat never/segments/*/$s >never.files
		cat st/segments/*/$s | cmp - never.files
	done
	for s in st/segments/*; do
		[ -z "$(zstdcat "$s/events.zst" | grep 张伟)" ]
		[ -z "$(grep -l 张伟 "$s/catalog")" ]
	done
	sess-index --store st --verify
	# twice changes nothing
	sess-index --store st --forget --user-name 张伟
	content | cmp - want
}

@test "whom nobody knows can be forgotten; forgetting nobody in particular is misuse" {
	days
	before=$(content)
	sess-index --store st --forget --user nobody
	[ "$before" = "$(content)" ]
	run -2 sess-index --store st --forget
	run -2 sess-index --store st --user x "$DATA/demo"
	run -2 sess-index --store st --compact --stat
	run -2 sess-index --store st --compact "$DATA/demo"
}

@test "what is read stays until it was read" {
	days
	mkfifo pipe
	sess-find --store st -l --no-progress >pipe &
	exec 9<pipe
	read -r _ <&9
	sess-index --store st --compact
	wc -l <&9 >rest
	wait $!
	exec 9<&-
	[ "$(cat rest)" -eq $((43 * 5 - 1)) ]
	sess-index --store st --compact
	[ "$(segments)" -eq 5 ]
	[ "$(ls st)" = "$(printf "LOCK\nMANIFEST\nsegments")" ]
}

@test "figures, as text, JSON and for Prometheus" {
	sess-index --store st --now 2026-11-24T00:00:00Z "$DATA/demo"
	run -0 sess-index --store st --stat
	has 'events         1211'
	has 'last_batch     2026-11-24T00:00:00.000Z'
	has 'segment        2026-11-23-0  1211 events, 43 sessions'
	run -0 sess-index --store st --stat -o json
	[ "$(jq .events <<<"$output")" = 1211 ]
	[ "$(jq -r .first_event <<<"$output")" = 2026-11-23T21:04:37.781Z ]
	[ "$(jq .events_bytes <<<"$output")" = "$(stat -c %s st/segments/*/events.zst)" ]
	[ "$(jq .catalog_bytes <<<"$output")" = "$(stat -c %s st/segments/*/catalog)" ]
	run -0 sess-index --store st --stat -o prometheus
	has 'sess_store_last_batch_seconds 1795478400.000'
	has 'sess_store_events 1211'
	[ -z "$(grep -v -E '^(# (HELP|TYPE) )?sess_store_[a-z_]+ ' <<<"$output")" ]
}

@test "questions in SQL" {
	days
	run -0 sess-index --store st --sql 'select user_name, sum(js_errors) n from session group by 1 having n > 0 order by 2 desc, 1 limit 3'
	[ "$(jq -c '[.user_name, .n]' <<<"$output")" = "$(sess-find -l events |
	    jq -sc 'group_by(.user_name) | map([.[0].user_name, (map(.js_errors) | add)]) | map(select(.[1] > 0)) |
	    sort_by(-.[1], .[0]) | .[:3][]')" ]
	run -0 sess-index --store st --sql 'with t as (select * from session where js_errors > 0) select count(*) c, min(start) s from t'
	[ "$(jq .c <<<"$output")" = "$(sess-find -c --where 'js_errors > 0' events)" ]
	run -0 sess-index --store st --sql 'select count(*) n from session, json_each(user_ids)'
	[ "$(jq .n <<<"$output")" = "$(sess-find -l events | jq -s 'map(.user_ids | length) | add')" ]
	run -0 sess-index --store st --sql "select x'ff00' as a, char(55296) as b"
	[ "$(jq -c 'map_values(type)' <<<"$output")" = '{"a":"string","b":"string"}' ]
	for bad in 'delete from session' 'attach "x" as y' 'select load_extension("x")' 'pragma user_version' \
	    'select 1; select 2' 'select * from sqlite_master' 'create table x (y)' 'explain select 1' 'select readfile("/etc/passwd")' \
	    'with recursive t(x) as (select 1 union all select x + 1 from t) select * from t' ''; do
		run -2 sess-index --store st --sql "$bad"
	done
}

@test "random damage is found by --verify, and no look-up gives wrong data" {
	sess-ingest "$DATA/demo" >events
	for i in 1 2 3; do split -n l/$i/3 events | sed "s/2026-11-23/2026-11-2$i/" | sess-index --store good -; done
	sess-index --store good --verify
	sess-find -l --store good | sort >all
	RANDOM=11
	files=$(find good -type f ! -name LOCK | sort)
	for n in $(seq 60); do
		rm -rf st
		cp -r good st
		f=st${files:4}
		f=$(sed -n "$((RANDOM % $(wc -l <<<"$files") + 1))p" <<<"$files")
		f=st${f#good}
		at=$(((RANDOM * 32768 + RANDOM) % $(stat -c %s "$f")))
		byte=$(dd if="$f" bs=1 skip=$at count=1 status=none | od -An -tu1)
		printf "\\x$(printf %x $((byte ^ (1 << (RANDOM % 8)))))" | dd of="$f" bs=1 seek=$at conv=notrunc status=none
		run sess-index --store st --verify
		[ "$status" -eq 2 ] || { echo "not found: $f at $at"; return 1; }
		status=0
		sess-find -l --store st >got 2>err || status=$?
		# all, or less and told
		if [ "$status" -ne 2 ]; then
			sort got | cmp - all
		else
			[ -s err ]
			[ "$(wc -l <got)" -le "$(wc -l <all)" ]
		fi
	done
}

@test "salvage keeps what can be read" {
	sess-ingest "$DATA/demo" >events
	sess-index --store st events
	before=$(content)
	sess-index --store new --salvage st
	[ "$(content new)" = "$before" ]
	# a damaged catalog and no MANIFEST: all events are still there
	printf 'XXXX' | dd of="$(echo st/segments/*/catalog)" bs=1 seek=50 conv=notrunc status=none
	echo x >st/MANIFEST
	rm -r new
	run -2 sess-index --store new --salvage st
	[ "$(content new)" = "$before" ]
	sess-index --store new --verify
	# damaged events: the other frames are
	printf 'XXXXXXXX' | dd of="$(echo st/segments/*/events.zst)" bs=1 seek=40000 conv=notrunc status=none
	rm -r new
	run -2 sess-index --store new --salvage st
	has "bytes can't be read"
	n=$(sess-find --store new | wc -l)
	[ "$n" -gt 500 ]
	[ "$n" -lt 1211 ]
}

# kept: events of the salvaged store new, each of them one of st's as it was (all).
kept() {
	sess-index --store new --verify
	sess-find -q --store new | without_src | sort >got
	[ -z "$(comm -13 all got)" ]
	wc -l <got
}

@test "salvage of a segment that was cut, of one without a catalog, and of none" {
	sess-ingest "$DATA/demo" >events
	for d in 21 22 23; do sed "s/2026-11-23/2026-11-$d/g; s/\"session_id\":\"/&$d/" events | sess-index --store st -; done
	sess-find --store st | without_src | sort >all
	# cut in its last frame
	truncate -s -100 "$(echo st/segments/2026-11-21-*/events.zst)"
	run -2 sess-index --store new --salvage st
	has "2026-11-21-0/events.zst: "
	has "bytes can't be read, from "
	n=$(kept)
	[ "$n" -gt $((1211 * 2)) ]
	[ "$n" -lt $((1211 * 3)) ]
	rm -r new
	# no catalogs at all, and nothing more is lost
	rm st/segments/*/catalog
	run -2 sess-index --store new --salvage st
	[ "$(kept)" -eq "$n" ]
	rm -r new
	# a segment that the MANIFEST speaks of is gone
	rm -r st/segments/2026-11-21-*
	run -2 sess-index --store new --salvage st
	has '2026-11-21-0/events.zst: No such file'
	[ "$(kept)" -eq $((1211 * 2)) ]
	rm -r new
	# a MANIFEST that is cut, or gone
	truncate -s -10 st/MANIFEST
	run -2 sess-index --store new --salvage st
	has 'MANIFEST: it is damaged'
	[ "$(kept)" -eq $((1211 * 2)) ]
	rm -r new st/MANIFEST
	run -2 sess-index --store new --salvage st
	[ "$(kept)" -eq $((1211 * 2)) ]
}

@test "salvage of large segments, damaged here and there, on a disk that has bad blocks" {
	cc -O1 -shared -fPIC -o fault.so "$E2E/fault.c" -ldl
	# ids that don't compress: files of more bytes than are read at a time
	awk 'BEGIN { srand(1)
	    for (i = 0; i < 60000; i++) {
		    for (page = ""; length(page) < 180; )
			    page = page sprintf("%06x", int(16777216 * rand()))
		    printf "{\"v\":1,\"id\":\"%016x\",\"time\":\"2026-11-23T20:00:%02d.000Z\",\"kind\":\"view\"," \
		        "\"session_id\":\"s%d\",\"page\":\"%s\"}\n", i, i % 60, i % 5000, page
	    } }' >events
	sess-index --store st events
	sess-find --store st | without_src | sort >all
	total=$(wc -l <all)
	file=$(echo st/segments/*/events.zst)
	[ "$(stat -c %s "$file")" -gt 5000000 ]
	sess-index --store new --salvage st
	[ "$(kept)" -eq "$total" ]
	rm -r new
	FAULT_UNREADABLE=4190208 LD_PRELOAD=$PWD/fault.so run -2 sess-index --store new --salvage st
	has "bytes can't be read"
	n=$(kept)
	[ "$n" -gt $((total * 9 / 10)) ]
	[ "$n" -lt "$total" ]
	rm -r new
	for at in 0 1000000 2100000 4194302 5000000; do
		printf 'XXXXXXXX' | dd of="$file" bs=1 seek=$at conv=notrunc status=none
	done
	run -2 sess-index --store new --salvage st
	[ "$(grep -c "bytes can't be read" <<<"$output")" -eq 5 ]
	n=$(kept)
	[ "$n" -gt $((total * 7 / 10)) ]
	[ "$n" -lt "$total" ]
}
