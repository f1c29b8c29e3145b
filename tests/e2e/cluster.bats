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
	event 1 user_id '"x"' | sed 's/"s1"/"a\\tb c\\n{@%"/' | sess-ingest --keyed >keyed
	[ "$(wc -l <keyed)" -eq 1 ]
	[ "$(cut -f 1 keyed)" = 'a%09b%20c%0A%7B%40%25@' ]
	[ "$(awk -F '\t' '{ print NF }' keyed)" -eq 2 ]
	[ "$(sess-find --ids -0 keyed | tr '\0' '|')" = "$(printf 'a\tb c\n{@%%|')" ]
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
