#!/usr/bin/env bats
# A writer that ends at any of its steps, or is refused any of them, loses nothing.
# FAULT_STRIDE=1 for each step; by default some of them, others with each kind.

load helper

# The library goes before the sanitizer's own, where there is one.
export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0

setup_file() {
	cc -O1 -shared -fPIC -o "$BATS_FILE_TMPDIR/fault.so" "${BATS_TEST_FILENAME%/*}/fault.c" -ldl
}

# more N: the log grows by N lines.
more() {
	local i
	for ((i = 0; i < $1; i++)); do combined "$((++lines))"; done >>log
}

index() {
	sess-index --incremental --now 2030-01-01 --store st log
}

count() {
	sess-find -q --store st | wc -l
}

# Readers, as long as there is a file `reading`: what they see only grows, and
# never fails.
readers() {
	local n last=0
	while [ -e reading ]; do
		n=$(sess-find -q --store st 2>>reader.err | wc -l) || echo "failed" >>reader.err
		[ "$n" -ge "$last" ] || echo "$n after $last" >>reader.err
		last=$n
	done
}

faults() {
	local kind=$1 start=$2 stride=${FAULT_STRIDE:-4} lines=0 before status at calls n=0
	[ "$stride" -gt 1 ] || start=1
	more 30
	index
	touch reading
	readers 3>&- &
	# how many steps there are, in a batch that ends with merging a day
	more 20
	FAULT_COUNT=$PWD/calls LD_PRELOAD=$BATS_FILE_TMPDIR/fault.so index
	calls=$(cat calls)
	[ "$calls" -ge 20 ]
	for ((at = start; at <= calls + 4; at += stride)); do
		before=$lines
		more 3
		status=0
		FAULT_AT=$at FAULT_KIND=$kind LD_PRELOAD=$BATS_FILE_TMPDIR/fault.so index 2>err || status=$?
		case $kind in
		enospc | eio) [ "$status" -eq 0 ] || { [ "$status" -eq 2 ] && [ -s err ]; } ;;
		*) [ "$status" -eq 0 ] || [ "$status" -eq 137 ] ;;
		esac
		[ "$status" -eq 0 ] || n=$((n + 1))
		sess-index --store st --verify
		after=$(count)
		[ "$after" -eq "$before" ] || [ "$after" -eq "$lines" ]
		[ "$status" -ne 0 ] || [ "$after" -eq "$lines" ]
		index
		[ "$(count)" -eq "$lines" ]
	done
	rm reading
	wait
	[ "$n" -ge $((calls / stride / 2)) ]
	[ ! -s reader.err ] || { cat reader.err; return 1; }
	index		# what was still read is removed now
	sess-index --store st --verify
	sess-ingest log | without_src | sort >want
	sess-find --store st | without_src | sort | diff want -
	# nothing is left behind
	[ "$(find st/segments -mindepth 1 -maxdepth 1 | wc -l)" -eq "$(sess-index --store st --stat | grep -c '^segment ')" ]
	[ "$(ls st)" = "$(printf "LOCK\nMANIFEST\nsegments")" ]
}

@test "killed before a step" {
	faults kill 1
}

@test "killed behind a step" {
	faults after 2
}

@test "killed in the middle of a write" {
	faults half 3
}

@test "the disk is full" {
	faults enospc 2
}

@test "the disk fails" {
	faults eio 3
}
