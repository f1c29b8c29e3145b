# Loaded by the suites of engines, beside the words of the end-to-end tests.
# shellcheck shell=bash

# shellcheck disable=SC2034	# a word of the suites
REPORTS=overview,slow,pages,errors,errors-by-page,apis,resources,vitals,sessions,users,flows,paths,frustration,log

# archives N: the corpus, and N generated records the sessions of which are in several of
# the five files; all below logs/.
archives() {
	mkdir -p logs/new
	ln -s "$DATA/demo" demo
	cp -rL demo logs/demo
	cp -r "$DATA/corpus/arms-js-sdk/logs" logs/js
	cp -r "$DATA/corpus/arms-rum-browser/logs" logs/rum
	"$BUILD/gen" "$1" 7 5 logs/new
	gzip -q logs/new/part-[01].ndjson
	zstd -q --rm logs/new/part-[23].ndjson
}

# same_lines WANT GOT: in whatever order.
same_lines() {
	sort "$1" >"$1.sorted"
	sort "$2" | cmp "$1.sorted" -
}

# waits_for COMMAND...: until it holds, a minute at most.
waits_for() {
	local i
	for ((i = 0; i < 600; i++)); do
		! "$@" || return 0
		sleep 0.1
	done
	printf 'in vain: %s\n' "$*"
	return 1
}

# holding PROGRAM CONDITION: the folder "held" for PATH, with one that, where the condition
# holds, gives half of what it has to and waits then until there is the file "lost"; each
# is a line in "started".
holding() {
	local real
	real=$(command -v "$1")
	mkdir -p held
	cat >"held/$1" <<-END
	#!/bin/bash
	[[ $2 ]] || exec $real "\$@"
	out=\$(mktemp)
	trap 'rm -f "\$out"' EXIT
	$real "\$@" >"\$out"
	status=\$?
	half=\$((\$(wc -c <"\$out") / 2))
	head -c "\$half" "\$out"
	echo \$\$ >>$PWD/started
	for ((i = 0; i < 600; i++)); do
	    [ ! -e $PWD/lost ] || break
	    sleep 0.1
	done
	tail -c "+\$((half + 1))" "\$out"
	exit \$status
	END
	chmod +x "held/$1"
}
