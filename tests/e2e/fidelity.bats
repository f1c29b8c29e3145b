#!/usr/bin/env bats
# What the SDKs really sent, read a second time without code of ours
# (tests/oracle), against sess; and what the browser did against both.
# SESS_CORPUS=DIR adds a capture of the same layout that isn't bundled.

load helper

setup_file() {
	export ORACLE="$BATS_TEST_DIRNAME/../oracle"
	export CORPUS="$BATS_TEST_DIRNAME/../data/corpus"
	cd "$BATS_FILE_TMPDIR" || return 1
	for sdk in arms-js-sdk arms-rum-browser; do
		python3 "$ORACLE/oracle.py" "$CORPUS/$sdk/collector.jsonl.zst" >"$sdk.oracle"
		zstd -qdc "$CORPUS/$sdk/truth.ndjson.zst" >"$sdk.truth"
	done
}

# equal SDK LOG...: every session as in the raw requests
equal() {
	local sdk=$1
	shift
	run python3 "$ORACLE/compare.py" "$BATS_FILE_TMPDIR/$sdk.oracle" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "arms-js-sdk: JSON access logs with bodies equal the raw requests" {
	equal arms-js-sdk "$CORPUS"/arms-js-sdk/logs/access.json.log.*
}

@test "arms-rum-browser: JSON access logs with bodies equal the raw requests" {
	equal arms-rum-browser "$CORPUS"/arms-rum-browser/logs/access.json.log.*
}

@test "arms-js-sdk: combined logs hold all but the bodies" {
	run python3 "$ORACLE/compare.py" --no-bodies "$BATS_FILE_TMPDIR/arms-js-sdk.oracle" \
	    "$CORPUS"/arms-js-sdk/logs/access.log.*
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "the collector's own capture reads like the access log" {
	equal arms-js-sdk "$CORPUS/arms-js-sdk/collector.jsonl.zst"
	equal arms-rum-browser "$CORPUS/arms-rum-browser/collector.jsonl.zst"
}

@test "the whole folder with all copies and both log forms: each event once" {
	equal arms-js-sdk "$CORPUS/arms-js-sdk/logs" "$CORPUS/arms-js-sdk/collector.jsonl.zst"
	equal arms-rum-browser "$CORPUS/arms-rum-browser/logs" "$CORPUS/arms-rum-browser/collector.jsonl.zst"
}

# Another capture, of what sites seldom do: two instances of the SDK on a page,
# routes that change before the load, points of time on later routes, names that
# are numbers or cut in half a character, requests without an answer, sessions
# that end in between, retries, clocks that jump, no storage, no cookies.
@test "a capture of what sites seldom do equals its raw requests" {
	for sdk in arms-js-sdk arms-rum-browser; do
		python3 "$ORACLE/oracle.py" "$BATS_TEST_DIRNAME/../data/seldom/$sdk.jsonl.zst" >seldom.oracle
		run python3 "$ORACLE/compare.py" seldom.oracle "$BATS_TEST_DIRNAME/../data/seldom/$sdk.jsonl.zst"
		echo "$output"
		[ "$status" -eq 0 ]
	done
}

@test "what the browser did: every difference has a name" {
	for sdk in arms-js-sdk arms-rum-browser; do
		python3 "$ORACLE/compare.py" --sessions "$sdk.sessions" \
		    "$BATS_FILE_TMPDIR/$sdk.oracle" "$CORPUS/$sdk"/logs/access.json.log.*
		run python3 "$ORACLE/truth.py" "$BATS_FILE_TMPDIR/$sdk.truth" "$sdk.sessions"
		echo "$output"
		[ "$status" -eq 0 ]
	done
}

@test "the check of differences can fail" {
	zstd -qdc "$CORPUS/arms-js-sdk/truth.ndjson.zst" |
	    sed '1s/"api_calls": 13/"api_calls": 14/' >wrong.truth
	python3 "$ORACLE/compare.py" --sessions s.ndjson \
	    "$BATS_FILE_TMPDIR/arms-js-sdk.oracle" "$CORPUS"/arms-js-sdk/logs/access.json.log.*
	run python3 "$ORACLE/truth.py" wrong.truth s.ndjson
	[ "$status" -eq 1 ]
	[[ "$output" == *"UNEXPLAINED 1"* ]]
}

@test "a capture named by SESS_CORPUS equals its raw requests, too" {
	[ -n "${SESS_CORPUS:-}" ] || skip "SESS_CORPUS is not set"
	for sdk in arms-js-sdk arms-rum-browser; do
		[ -e "$SESS_CORPUS/$sdk/collector.jsonl" ] || continue
		python3 "$ORACLE/oracle.py" "$SESS_CORPUS/$sdk/collector.jsonl" >other.oracle
		python3 "$ORACLE/compare.py" --sessions other.sessions other.oracle \
		    "$SESS_CORPUS/$sdk"/access.json.log*
		python3 "$ORACLE/truth.py" "$SESS_CORPUS/$sdk/truth.ndjson" other.sessions
	done
}
