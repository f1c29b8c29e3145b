# Loaded by every suite: the programs just built, a neutral environment, and the
# words the tests are written in.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

E2E=${BASH_SOURCE[0]%/*}
DATA=$(cd "$E2E/../data" && pwd)
ROOT=$(cd "$E2E/../.." && pwd)
BUILD=${BUILD:-$ROOT/build}
GOLDEN_DIR=$ROOT/tests/golden
PATH=$BUILD:$PATH
LC_ALL=C TZ=UTC0
unset SESS_NOW SESS_STORE XDG_DATA_HOME POSIXLY_CORRECT
export PATH LC_ALL TZ DATA ROOT BUILD

# A sanitizer's report must not pass for the exit status of a failed filter.
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99} UBSAN_OPTIONS=${UBSAN_OPTIONS:-exitcode=99}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# A test that failed leaves nothing running, which bats would wait for.
teardown() {
	local pids
	pids=$(jobs -p)
	# shellcheck disable=SC2086	# ids are words
	[ -z "$pids" ] || kill $pids 2>/dev/null || :
}

# golden NAME: $output is what tests/golden/NAME holds.  GOLDEN=update records it.
golden() {
	if [ "${GOLDEN:-}" = update ]; then
		mkdir -p "$GOLDEN_DIR"
		printf '%s\n' "${output?}" >"$GOLDEN_DIR/$1"
	fi
	diff -u "$GOLDEN_DIR/$1" <(printf '%s\n' "${output?}")
}

# exits N: the status of the last run; what it wrote is shown when it differs.
exits() {
	[ "${status?}" -eq "$1" ] || {
		printf 'exit %s, not %s:\n%s\n%s\n' "$status" "$1" "${output:-}" "${stderr:-}"
		return 1
	}
}

# has TEXT: the last run wrote it.
has() {
	[[ "${output:-}${stderr:-}" == *"$1"* ]] || {
		printf 'no "%s" in:\n%s\n%s\n' "$1" "${output:-}" "${stderr:-}"
		return 1
	}
}

# event I [KEY JSON]...: one line of canonical NDJSON, a page view of session s1.
event() {
	local i=$1 more=
	shift
	while [ $# -gt 1 ]; do
		more+=",\"$1\":$2"
		shift 2
	done
	printf '{"v":1,"id":"%016x","time":"2026-11-23T20:00:%02d.000Z","kind":"view","session_id":"s1","view_id":"p1","page":"shop.example/"%s}\n' \
	    "$i" "$((i % 60))" "$more"
}

# events N: N of them.
events() {
	local i
	for ((i = 1; i <= $1; i++)); do event "$i"; done
}

# combined I [QUERY]: a line of a combined access log, an ARMS page view in it.
combined() {
	printf '203.0.113.%d - - [23/Nov/2026:20:00:%02d +0000] "GET /r.png?t=pv&pid=app1&sid=s1&pv_id=p%d&page=shop.example%%2Fcart&begin=%d&z=z%d%s HTTP/1.1" 200 43 "https://shop.example/cart" "Mozilla/5.0"\n' \
	    "$(($1 % 250))" "$(($1 % 60))" "$1" "$((1795464000000 + $1))" "$1" "${2:-}"
}

# without_src: events but for where they were read.
without_src() {
	sed 's/,"src":"[^"]*"}$/}/'
}
