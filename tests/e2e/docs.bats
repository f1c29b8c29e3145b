#!/usr/bin/env bats
# What the documents say is so: examples run, options and keys are all there.

load helper

filters="sess-ingest sess-find sess-path sess-stats sess-index"
programs="$filters sess-spark"

# A folder in which the paths of the examples lead to the demo's logs.
examples_folder() {
	ln -s "$ROOT/tests" tests
	ln -s "$DATA/demo" logs
	export XDG_DATA_HOME=$PWD/data
}

# help_options PROGRAM: its long options, sorted.
help_options() {
	"$1" --help | sed -n 's/^  \(-.,\|   \) --\([a-z-]*\).*/\2/p' | sort
}

# page_options PAGE: the long options that the page explains, sorted.
page_options() {
	sed -n '/^\.It Fl/p' "$1" | grep -o 'Fl -[a-z][a-z-]*' | sed 's/^Fl -//' | sort -u
}

# page_examples PAGE: its examples as a shell would get them, a blank line between.
page_examples() {
	awk '
	/^\.Sh / { in_examples = $0 == ".Sh EXAMPLES" }
	in_examples && /^\.Ed/ { shown = 0; print "" }
	shown { gsub(/\\&/, ""); gsub(/\\e/, "\\"); print }
	in_examples && /^\.Bd/ { shown = 1 }' "$1"
}

# try COMMANDS: they run, and find something or nothing.
try() {
	local status=0
	printf -- '--- %s\n' "$1"
	bash -n <<<"$1"
	# what follows a file has no end
	[[ "$1" != *'tail -F'* ]] || return 0
	bash -c "set -o pipefail; $1" >out 2>err </dev/null || status=$?
	cat err
	[ "$status" -eq 0 ] || [ "$status" -eq 1 ] || [ "$status" -eq 141 ]
}

@test "the README's examples run and print what it shows" {
	local line cmd='' want='' open=0 n=0
	examples_folder

	compare() {
		[ -n "$cmd" ] || return 0
		printf -- '--- %s\n' "$cmd"
		n=$((n + 1))
		bash -c "$cmd" >got 2>&1 || :
		if [[ "$want" == *$'\n...\n' ]]; then
			want=${want%$'...\n'}
			head -n "$(printf %s "$want" | wc -l)" got >got.head
			mv got.head got
		fi
		diff -u <(printf %s "$want") got
	}
	while IFS= read -r line; do
		case $open$line in
		0'```console') open=1 cmd='' want='' ;;
		1'```') compare; open=0 cmd='' ;;
		1'$ '*) compare; cmd=${line#'$ '} want='' ;;
		1*) if [[ "$cmd" == *'|' ]]; then cmd+=$line; else want+=$line$'\n'; fi ;;
		esac
	done <"$ROOT/README.md"
	[ "$n" -ge 4 ]
}

@test "the examples of --help run" {
	examples_folder
	cp "$DATA"/demo/access.json.log.*.gz .
	for f in access.json.log.*.gz; do mv "$f" "access.log.${f#access.json.log.}"; done
	for p in $filters; do	# what Spark runs is tried in tests/engines
		"$p" --help | sed '/^[A-Z].*:$/,$d' | sed -n 's/^  \(.*\)/\1/p' >examples
		[ -s examples ]
		while IFS= read -r line; do
			try "$line"
		done <examples
	done
}

@test "the pages' examples run" {
	local page line text
	examples_folder
	for page in "$ROOT"/man/*.[157]; do
		[ "${page##*/}" != sess-spark.1 ] || continue
		echo "$page"
		page_examples "$page" >examples
		grep -q . examples
		text=
		while IFS= read -r line; do
			if [ -n "$line" ]; then
				text+=$line$'\n'
			else
				try "$text"
				text=
			fi
		done <examples
	done
}

@test "pages explain the options that --help lists, and no others" {
	for p in $programs; do
		echo "$p"
		diff <(help_options "$p") <(page_options "$ROOT/man/$p.1")
		grep -q '^\.Sh EXIT STATUS' "$ROOT/man/$p.1"
		grep -q '^\.Sh EXAMPLES' "$ROOT/man/$p.1"
	done
}

@test "only what chooses sessions is called a condition" {
	sess-path --help | sed -n '/^Conditions/,/^$/p' >got
	[ "$(grep -c '^  ' got)" -eq 1 ]
	grep -q -- --ids-from got
	# a call of 312 ms: slow by that limit, and the session is shown by any
	event 1 kind '"api"' duration_ms 312 | sed 's/"kind":"view",\(.*\)\("page":"[^"]*",\)"kind":"api"/"kind":"api",\1"page":"p"/' >in
	[ "$(sess-path --slow-api=300 -o json in | jq .overview.slow_apis)" = 1 ]
	[ "$(sess-path --slow-api=400 -o json in | jq .overview.slow_apis)" = 0 ]
}

@test "completions are those of the options" {
	mkdir made
	"$ROOT/completions/generate" made
	for f in sess.bash _sess sess.fish; do
		diff -u "$ROOT/completions/$f" "made/$f"
	done
}

@test "completions load and complete" {
	complete_as() {
		bash -c '. "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$(($# - 2)); compopt() { :; }
		    _sess "$2"; printf "%s\n" "${COMPREPLY[@]}"' - "$ROOT/completions/sess.bash" "$@"
	}
	[ "$(complete_as sess-path --clock s)" = server ]
	[ "$(complete_as sess-find --clock = s)" = server ]
	[ "$(complete_as sess-find --clock = | paste -sd' ')" = 'auto client server' ]
	[ "$(complete_as sess-path -o j)" = json ]
	[ "$(complete_as sess-path --kind '')" = \
	    "$(sed -n '/define SESS_KINDS/,/^$/p' "$ROOT/include/sess/keys.h" | grep -o '"[a-z]*"' | tr -d '"')" ]
	[ "$(complete_as sess-ingest --mask-)" = --mask-ip ]
	[ -z "$(complete_as sess-find --user x)" ]
	touch log.gz
	[ "$(complete_as sess-find lo)" = log.gz ]
	! command -v zsh >/dev/null || zsh -n "$ROOT/completions/_sess"
	! command -v fish >/dev/null || fish -n "$ROOT/completions/sess.fish"
}

@test "sess-event(5) lists the keys that there are" {
	awk -f "$ROOT/tests/e2e/keys.awk" "$ROOT/include/sess/keys.h" >want
	[ "$(grep -c '^\.It Va' want)" -ge 70 ]
	sed -n '/^\.\\" keys:/,/^\.\\" end of keys/p' "$ROOT/man/sess-event.5" | sed '1d;$d' | diff want -
	for kind in $(sed -n '/define SESS_KINDS/,/^$/p' "$ROOT/include/sess/keys.h" | grep -o '"[a-z]*"' | tr -d '"'); do
		grep -q "^\.It Cm $kind\$" "$ROOT/man/sess-event.5"
	done
}

@test "sess-event(5) lists the columns of session records that there are" {
	awk -f "$ROOT/tests/e2e/columns.awk" "$ROOT/lib/session/column.c" >want
	[ "$(grep -c '^\.It Va' want)" -ge 40 ]
	sed -n '/^\.\\" columns:/,/^\.\\" end of columns/p' "$ROOT/man/sess-event.5" | sed '1d;$d' | diff want -
	sess-find -l "$DATA/demo" | jq -r 'keys_unsorted[]' | sort -u |
	    while read -r key; do grep -q "^\.It Va $key\$" want; done
}

@test "sess(7) lists the functions of expressions that there are" {
	sed -n '/^static const char \*const functions/,/^}/p' "$ROOT/lib/query/where.c" | grep -o '"[a-z_]*"' |
	    tr -d '"' >want
	[ "$(wc -l <want)" -ge 20 ]
	sed -n '/^\.\\" functions:/,/^\.\\" end of functions/p' "$ROOT/man/sess.7" | sed '1d;$d' |
	    grep -o '[a-z_]*' | diff want -
}

@test "real events hold no other keys, in no other order" {
	sed -n 's/^X([A-Z_]*, *"\([a-z_]*\)".*/\1/p' "$ROOT/include/sess/keys.h" >keys
	sess-ingest "$DATA/demo" | jq -r 'keys_unsorted | join(" ")' | sort -u >orders
	[ -s orders ]
	while read -r line; do
		# shellcheck disable=SC2086
		grep -n -x -F "$(printf '%s\n' $line)" keys | cut -d: -f2 | paste -sd' ' >sorted
		[ "$line" = "$(cat sorted)" ]
	done <orders
}

@test "the pages are good mdoc" {
	command -v mandoc >/dev/null || skip 'no mandoc'
	run mandoc -T lint -W warning "$ROOT"/man/*.[157]
	exits 0
	[ -z "$output" ]
}

@test "every rule that there is is in sess(7)" {
	for rule in $(sed -n 's/^	{ "\([a-z]*\)",.*MINUTE.*/\1/p' "$ROOT/lib/session/column.c") arms; do
		grep -q "^\.It.*$rule.* Ta " "$ROOT/man/sess.7"
	done
}

@test "sess-stats(1) lists the reports, dimensions and thresholds that there are" {
	local page="$ROOT/man/sess-stats.1" word
	for word in $(sess-stats --columns | cut -f 1 | sort -u); do
		grep -q "^\.It Cm $word\$" "$page"
		sess-stats --help | grep -q "\b$word\b" || [ "$word" = funnel ]
	done
	run sess-stats --by nothing "$DATA/demo"
	# time is what --interval makes
	for word in $(sed -n "s/ time\$//; s/.*there are //p" <<<"$output"); do
		grep -Eq "^\.Cm .*\b$word\b" "$page"
	done
	for word in $(sed -n '/define SESS_THRESHOLDS/,/^$/p' "$ROOT/include/sess/stats.h" | grep -o '"[a-z_]*",' | tr -d '",'); do
		grep -Eq "^\.Cm $word\b" "$page"
	done
}

@test "the crontab of the README runs" {
	local line gate
	examples_folder
	export SESS_NOW=2026-11-24T00:20:00Z
	sed -n '/^```crontab/,/^```$/p' "$ROOT/README.md" | sed '1d;$d' >lines
	[ "$(wc -l <lines)" -ge 5 ]
	while read -r _ _ _ _ _ line; do
		echo "$line"
		bash -c "set -o pipefail; $line" >out 2>err </dev/null
		# cron mails whatever is said
		[ ! -s err ]
		[[ "$line" != *--fail-if* ]] || gate=$line
	done <lines
	grep -q '<title>Shop</title>' report.html
	grep -q 'class="session"' report.html
	grep -Eq '^sess_overview_sessions(\{\})? 43$' sess.prom
	# a second time changes nothing
	sess-index --incremental logs/
	[ "$(sess-find -S -c)" -eq 43 ]
	# while an API fails, the gate tells
	export SESS_NOW=2026-11-23T21:30:00Z
	run bash -c "${gate/calls > 100/calls > 10}"
	exits 1
	has /api/
}
