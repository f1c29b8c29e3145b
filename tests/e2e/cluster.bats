#!/usr/bin/env bats
# The programs as tasks of an engine that splits, sorts and retries.

load helper

@test "keyed lines are a key, a tab and the event, and read as the event" {
	sess-ingest "$DATA/demo" >plain
	sess-ingest --keyed "$DATA/demo" >keyed
	cut -f 2- keyed | cmp - plain
	# one key a session, and none else has it
	paste <(cut -f 1 keyed) <(jq -r '.session_id // .visitor' plain) | sort -u >pairs
	[ "$(cut -f 1 pairs | sort -u | wc -l)" -eq 43 ]
	[ "$(wc -l <pairs)" -eq 43 ]
	sess-ingest keyed | cmp - plain
	for p in sess-find sess-path; do
		"$p" plain >want
		"$p" keyed | cmp - want
	done
	sess-stats -o ndjson plain >want
	sess-stats -o ndjson keyed | cmp - want
	sess-index --store st keyed
	[ "$(sess-find --store st -c)" -eq 43 ]
}

@test "keys are one field whatever an id holds" {
	event 1 user_id '"x"' | sed 's/"s1"/"a\\tb c\\n{@%张"/' | sess-ingest --keyed >keyed
	[ "$(wc -l <keyed)" -eq 1 ]
	[ "$(cut -f 1 keyed | cut -d : -f 2-)" = 'a%09b%20c%0A{%40%25%E5%BC%A0@' ]
	[ "$(awk -F '\t' '{ print NF }' keyed)" -eq 2 ]
	[ "$(sess-find --ids -0 keyed | tr '\0' '|')" = "$(printf 'a\tb c\n{@%%张|')" ]
}

@test "shares are disjoint, and all of it together" {
	sess-ingest "$DATA/demo" | sort >all
	for n in 1 2 7; do
		: >parts
		for ((i = 0; i < n; i++)); do
			sess-ingest --shard "$i/$n" "$DATA/demo" >part
			cat part >>parts
			# the same in each program, and of what was read before
			sess-ingest --shard "$i/$n" all | sort | cmp - <(sort part)
			[ "$(sess-find -c --no-match-ok --shard "$i/$n" "$DATA/demo")" -eq \
			    "$(sess-find -c --no-match-ok part)" ]
		done
		sort parts | cmp - all
	done
	# who has a key knows the share
	sess-ingest --keyed --shard 3/7 "$DATA/demo" | cut -c 1-8 | sort -u >hashes
	[ -s hashes ]
	while read -r hash; do [ $((0x$hash % 7)) -eq 3 ]; done <hashes
	# no session is in two of them
	for i in 0 1 2; do sess-find --ids --shard "$i/3" "$DATA/demo"; done | sort >ids
	[ "$(uniq -d ids | wc -l)" -eq 0 ]
	sess-find --ids "$DATA/demo" | sort | cmp - ids
	for bad in 3/3 1 x/y 0/0 0/65537; do
		run sess-find --shard "$bad" "$DATA/demo"
		exits 2
		has 'is not like 0/16'
	done
}

@test "partials of the shares are one pass" {
	sess-stats -r overview,slow,pages,errors,apis,sessions -o ndjson "$DATA/demo" >want
	for i in 0 1 2 3 4; do
		sess-stats -r overview,slow,pages,errors,apis,sessions --partial --no-match-ok \
		    --shard "$i/5" "$DATA/demo" >part.$i
	done
	sess-stats --merge -o ndjson part.3 part.0 part.4 part.1 part.2 | cmp - want
}

# shuffled N: the demo's events in N sorted tasks, part.0 and so on; some are empty.
shuffled() {
	local i
	for ((i = 0; i < $1; i++)); do : >"task.$i"; done
	sess-ingest --keyed "$DATA/demo" | shuf --random-source="$DATA/demo/access.json.log.1.gz" |
	    awk -F '\t' -v n="$1" '{ if (!($1 in t)) t[$1] = int(++m / 11) % n; print >("task." t[$1]) }'
	for ((i = 0; i < $1; i++)); do LC_ALL=C sort -k1,1 "task.$i" >"part.$i"; done
}

@test "sorted tasks, a session at a time, give what one machine gives" {
	shuffled 6
	[ ! -s part.5 ]
	for args in -l --ids '' '-l --has-error' '-l -w js_errors>1' '-l --idle 2s'; do
		for ((i = 0; i < 6; i++)); do
			# shellcheck disable=SC2086
			sess-find $args --sorted --no-match-ok --newest 2030-01-01 <"part.$i"
		done | without_src | sort >got
		# shellcheck disable=SC2086
		sess-find $args --newest 2030-01-01 "$DATA/demo" | without_src | sort | cmp - got
	done
	for ((i = 0; i < 6; i++)); do sess-path -o ndjson --sorted --no-match-ok "part.$i"; done |
	    without_src | sort >got
	sess-path -o ndjson "$DATA/demo" | without_src | sort | cmp - got
	for ((i = 0; i < 6; i++)); do
		sess-stats -r overview,slow,errors,apis,pages,sessions,flows --partial \
		    --no-match-ok --sorted "part.$i" >"sum.$i"
	done
	sess-stats --merge -o ndjson sum.5 sum.3 sum.1 sum.0 sum.2 sum.4 >got
	sess-stats -r overview,slow,errors,apis,pages,sessions,flows -o ndjson "$DATA/demo" | cmp - got
}

@test "the shuffle's input may be cut anywhere" {
	sess-ingest "$DATA/demo" >events
	sess-ingest --keyed events | sort -k1,1 >want
	for seed in 1 2 3; do
		RANDOM=$seed
		rm -f map.*
		# some tasks get nothing, some one line
		: >map.0
		for ((at = 1, i = 1; at <= $(wc -l <events); i++)); do
			n=$((RANDOM % 5 == 0 ? 1 : RANDOM % 400))
			tail -n "+$at" events | head -n "$n" >"map.$i"
			at=$((at + n))
		done
		for f in map.*; do sess-ingest --keyed "$f"; done | sort -k1,1 | cmp - want
		# some of the tasks ran twice, and both results were taken
		{ for f in map.* map.1 map.2; do sess-ingest --keyed "$f"; done; } | sort -k1,1 |
		    sess-find --sorted | cmp - <(sess-find --sorted want)
	done
}

@test "how sessions of a part ended is told by --newest, or not at all" {
	whole() { sess-find -l --idle 2s --newest 2026-11-23T21:09:00Z "$@" "$DATA/demo" | sort; }
	sess-ingest --keyed "$DATA/demo" | sort -k1,1 >all
	whole >want
	grep -q '"end_reason":"idle"' want
	grep -q '"end_reason":"eof"' want
	sess-find -l --idle 2s --sorted --newest 2026-11-23T21:09:00Z all | sort | cmp - want
	for i in 0 1 2; do whole --shard "$i/3"; done | sort | cmp - want
	# what is cut has ended for sure
	for args in --sorted '--shard 0/1 --sorted'; do
		# shellcheck disable=SC2086
		sess-find -l --idle 2s $args all >got
		jq -c 'del(.end_reason)' got | sort | cmp - <(jq -c 'del(.end_reason)' want | sort)
		jq -r .end_reason got | sort -u | cmp - <(printf '%s\n' idle null)
	done
	sess-path --collapse --idle 2s --sorted all >got
	run grep -c 'end of the log' got
	[ "$output" -eq 0 ]
	for args in '-w end_reason>0' '-l --sort end_reason'; do
		# shellcheck disable=SC2086
		run sess-find $args --sorted all
		exits 2
		has 'end_reason'
		# shellcheck disable=SC2086
		run sess-find $args --shard 1/3 all
		exits 2
	done
	run sess-stats -w 'end_reason = "idle"' --sorted all
	exits 2
	run sess-find --related 5 --session x --shard 1/3 all
	exits 2
}

@test "partials of sorted tasks know the newest event" {
	shuffled 4
	for ((i = 0; i < 4; i++)); do
		sess-stats -r sessions --idle 2s --partial --no-match-ok --sorted "part.$i" >"sum.$i"
	done
	sess-stats --merge -o ndjson sum.? >got
	sess-stats -r sessions --idle 2s -o ndjson "$DATA/demo" >want
	grep -q '"end_reason":"eof"' want
	cmp got want
	sess-stats -r sessions --idle 2s -o ndjson --sorted <(cat part.? | sort -k1,1) | cmp - want
	# which is what --newest asks for
	newest=$(tail -qn 1 sum.? | jq -s 'map(.newest_ms // 0) | max')
	for ((i = 0; i < 4; i++)); do
		sess-find -l --idle 2s --sorted --no-match-ok \
		    --newest "$newest" "part.$i"
	done | sort >got
	sess-find -l --idle 2s "$DATA/demo" | sort | cmp - got
}

@test "tasks hand keyed events on" {
	sess-ingest --keyed "$DATA/demo" | sort -k1,1 >all
	sess-find --keyed "$DATA/demo" | sort | cmp - <(sort all)
	sess-find --keyed --has-error "$DATA/demo" | sort -k1,1 >errors
	[ -s errors ]
	sess-find --sorted --keyed --has-error all | cmp - <(sess-find --sorted --keyed errors)
	sess-find --sorted --keyed all | cut -f 2- | cmp - <(sess-find --sorted all)
	sess-find --sorted --keyed all | sess-path --sorted | cmp - <(sess-path --sorted all)
	# the keys in front needn't be there
	cut -f 2- all | sess-find --sorted | cmp - <(sess-find --sorted all)
	sess-find --follow --each --keyed --has-error <all | sort >got
	[ "$(wc -l <got)" -eq "$(sess-find --follow --each --has-error <all | wc -l)" ]
	[ "$(comm -12 got <(sort all) | wc -l)" -eq "$(wc -l <got)" ]
	for args in -l -c --ids; do
		run sess-find --keyed $args all
		exits 2
		has '--keyed writes events'
	done
}

@test "what tasks found is put in order by one more" {
	shuffled 4
	for ((i = 3; i >= 0; i--)); do
		sess-find --sorted --no-match-ok --has-error "part.$i"
	done >found
	sess-find --has-error "$DATA/demo" >want
	sess-find found | without_src | cmp - <(without_src <want)
	newest=$(sess-stats --partial "$DATA/demo" | tail -n 1 | jq .newest_ms)
	sess-find -l --newest "$newest" found | cmp - <(sess-find -l --has-error "$DATA/demo")
}

@test "a task that runs again gives the same bytes" {
	shuffled 3
	for ((i = 0; i < 3; i++)); do
		sess-find --sorted "part.$i" >once
		# lines of one session in another order, on one thread, with little memory
		tac "part.$i" | LC_ALL=C sort -s -k1,1 | sess-find --sorted -j 1 --memory 1M | cmp - once
	done
}

@test "sorted input that is not sorted is trouble, and says where" {
	shuffled 1
	# the first session comes back at the end
	head -n 1 part.0 >again
	cat part.0 again >back
	for j in 1 4; do
		run --separate-stderr sess-find --sorted -j $j --ids back
		exits 2
		[ "$stderr" = "sess-find: back:$(wc -l <back): the input is not sorted by key: $(
		    cut -c 1-50 again) comes behind $(tail -n 1 part.0 | cut -c 1-50)" ]
	done
	run sess-find --sorted --ids part.0 again
	exits 2
	has 'sess-find: again:1: the input is not sorted by key'
	run sess-find --sorted -l "$DATA/demo"
	exits 2
	has 'not sorted by key'
	run sess-path --sorted "$DATA/demo"
	exits 2
	has 'not sorted by key'
	run sess-stats --sorted "$DATA/demo"
	exits 2
	run sess-find --sorted --follow </dev/null
	exits 2
}

@test "an empty task is no trouble" {
	for p in sess-find sess-path sess-stats; do
		"$p" --sorted --no-match-ok </dev/null
		"$p" --no-match-ok </dev/null
	done
	sess-ingest --keyed </dev/null
	sess-stats --partial --no-match-ok </dev/null >sum
	sess-stats --merge --no-match-ok sum sum
}

# sharded N: the demo's events in the store `shards` of N shards, and in the store `one`.
sharded() {
	local i
	sess-index --store one "$DATA/demo"
	for ((i = 0; i < $1; i++)); do
		sess-index --shard "$i/$1" --store shards "$DATA/demo"
	done
}

@test "a store of shards gives what one store gives" {
	sharded 64		# more than there are sessions: some are empty
	[ -d shards/shard-0063-of-0064 ]
	sess-find --store one --ids >ids
	# shellcheck disable=SC2089	# quotes for SQL
	for args in -l --ids '' -c '-l --has-error' '--has-error' '-l -w js_errors>1' \
	    '-l --idle 2s' "-l -w end_reason='idle' --idle 2s" '-v --has-error' '-l --related 5 --has-error' \
	    "--session $(head -n 1 ids)" "-l --session $(tail -n 1 ids)" '-l --ids-from ids' \
	    '--ids --session-rule rum' '-l --sort -js_errors -n 3' '--user-name 张*'; do
		# shellcheck disable=SC2086,SC2090
		sess-find -q $args --store one >want
		[ -s want ]
		# shellcheck disable=SC2086,SC2090
		sess-find -q $args --store shards | cmp - want
	done
	piece=$(sess-find --store one --idle 2s --ids | grep -m 1 '\.')
	sess-find --store one --idle 2s --session "$piece" >want
	sess-find --store shards --idle 2s --session "$piece" | cmp - want
	sess-path --store shards "$(head -n 1 ids)" | cmp - <(sess-path --store one "$(head -n 1 ids)")
	sess-path --store shards | cmp - <(sess-path --store one)
	run sess-path --store shards no-such-session
	exits 1
	sess-stats -r overview,errors,sessions -o ndjson --store shards |
	    cmp - <(sess-stats -r overview,errors,sessions -o ndjson --store one)
	sess-index --sql 'SELECT count(*), sum(events) FROM session' --store shards |
	    cmp - <(sess-index --sql 'SELECT count(*), sum(events) FROM session' --store one)
	sess-index --verify --store shards
	sess-index --stat -o json --store shards |
	    jq -e '.shards == 64 and .events == 1211 and .days == 1'
	sess-index --stat --store shards | grep -q '^segment  *shard-00../*'
}

@test "tasks over a store of shards, as many or not" {
	sharded 4
	for n in 4 3; do
		for ((i = 0; i < n; i++)); do
			sess-find -l --idle 2s --store shards --shard "$i/$n"
		done | sort | cmp - <(sess-find -l --idle 2s "$DATA/demo" | sort)
		for ((i = 0; i < n; i++)); do
			sess-stats -r errors,sessions --partial --store shards --shard "$i/$n" >"sum.$i"
		done
		sess-stats --merge -o ndjson sum.? |
		    cmp - <(sess-stats -r errors,sessions -o ndjson "$DATA/demo")
		rm sum.?
	done
	# of as many shards the others are not looked at
	printf x >shards/shard-0000-of-0004/segments/2026-11-23-0/catalog
	run sess-find --store shards --ids
	exits 2
	sess-find --store shards --shard 3/4 >got
	sess-find --shard 3/4 "$DATA/demo" | without_src | cmp - <(without_src <got)
	# nor where an id is of another one
	sess-find --store shards --session "$(head -n 1 got | jq -r .session_id)" >/dev/null
}

@test "a shard is written again, in parts and from what was shuffled" {
	sess-index --store one "$DATA/demo"
	sess-ingest --keyed "$DATA/demo" >all
	for i in 0 1 2; do
		# a task has what hashes to it; another attempt gives it once more
		while IFS=$'\t' read -r key line; do
			[ $((0x${key%%:*} % 3)) -ne $i ] || printf '%s\t%s\n' "$key" "$line"
		done <all >task
		split -n l/2 task task.
		for part in task.aa task.ab task.aa; do
			sess-index --shard "$i/3" --store shards <"$part"
		done
	done
	sess-find --store shards | without_src | cmp - <(sess-find --store one | without_src)
	sess-index --shard 1/3 --store shards --compact
	sess-index --verify --store shards
	# what is left of a store goes into shards, too
	for i in 0 1; do sess-index --shard "$i/2" --salvage one --store again; done
	sess-find --store again | cmp - <(sess-find --store one)
}

@test "shards that don't belong together are not read" {
	sharded 3
	rm -r shards/shard-0001-of-0003
	run sess-find --store shards -l
	exits 2
	has 'sess-find: shards: shard-0001-of-0003 is missing'
	cp -r shards/shard-0000-of-0003 shards/shard-0001-of-0003
	for p in 'sess-find --ids' sess-path 'sess-stats -r errors' 'sess-index --verify'; do
		run $p --store shards
		exits 2
		has 'shard-0001-of-0003 was not written as that shard'
	done
	rm -r shards/shard-0001-of-0003
	sess-index --shard 0/2 --store shards "$DATA/demo"
	run sess-find --store shards -l
	exits 2
	has 'there are shards of 2 and of 3'
}

@test "shards are written as such" {
	sharded 2
	for action in "$DATA/demo" --compact '--prune 1d' '--forget --user x'; do
		# shellcheck disable=SC2086
		run sess-index --store shards $action
		exits 2
		has 'it is a store of shards, of which one is written at a time'
	done
	run sess-index --shard 0/2 --store one "$DATA/demo"
	exits 2
	has 'a shard of what is a store itself'
	run sess-index --store shards/shard-0001-of-0002 "$DATA/demo"
	exits 2
	has 'the store is shard 1 of 2'
	run sess-index --verify --store shards
	exits 0
	# each is a store
	sess-find --store shards/shard-0001-of-0002 | cmp - <(sess-find --store shards --shard 1/2)
}
