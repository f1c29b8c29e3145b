#!/usr/bin/env bats
# What every program does with input and output that are not as they should be.

load helper

programs="sess-ingest sess-find sess-path"

# ended PROGRAM: the last run ended well; a program that looks for sessions may say 1
# where there are none.
ended() {
	[ "$status" -eq 0 ] || { [ "$1" != sess-ingest ] && [ "$status" -eq 1 ]; } || exits 0
}

@test "empty input is no trouble" {
	: >empty
	for p in $programs; do
		run "$p" </dev/null
		ended "$p"
		run "$p" empty
		ended "$p"
		run "$p" -q empty
		[ -z "$output" ]
	done
}

@test "a last line without newline counts" {
	events 3 >in
	for p in $programs; do
		"$p" in >want
		head -c -1 in | "$p" >got
		cmp want got
	done
}

@test "CRLF line ends are line ends" {
	for i in {1..3}; do combined "$i"; done >in
	sed 's/$/\r/' in >crlf
	sess-ingest <in | without_src >want
	sess-ingest <crlf | without_src | cmp - want
	events 3 >in
	sed 's/$/\r/' in >crlf
	for p in $programs; do
		run "$p" crlf
		exits 0
	done
}

@test "a NUL byte spoils its line at most" {
	{ event 1; printf '{"v":1,"id":"00\0"}\n'; event 2; } >in
	for p in $programs; do
		run --separate-stderr "$p" in
		exits 2
		[[ "$stderr" == "$p: in:2: "* ]]
	done
	[ "$(sess-ingest in 2>err | wc -l)" -eq 2 ]
}

@test "a hole that a truncated log has before a line spoils nothing" {
	{ head -c 100000 /dev/zero; combined 1; combined 2; head -c 5000 /dev/zero; events 1; } >in
	{ combined 1; combined 2; } | sess-ingest | without_src >want
	run --separate-stderr sess-ingest --summary books <in
	exits 2				# of another format is only what isn't combined
	[ "$(without_src <<<"$output")" = "$(<want)" ]
	[ "$(jq -c '[.records, .converted, .rejected]' books)" = '[3,2,1]' ]
	{ head -c 1000000 /dev/zero; events 1; } >one
	events 1 | cmp - <(sess-ingest one)
}

@test "a line of 16 MiB is data" {
	{
		event 1
		printf '{"v":1,"id":"00000000000000ff","time":"2026-11-23T20:00:30.000Z","kind":"error","session_id":"s1","message":"'
		head -c 16777216 /dev/zero | tr '\0' x
		printf '"}\n'
		event 2
	} >big
	[ "$(sess-ingest big | wc -l)" -eq 3 ]
	sess-ingest big | cmp - big
	for p in sess-find sess-path; do
		"$p" big >out
		[ -s out ]
	done
}

@test "a line of 16 MiB without sense is one reject" {
	{ event 1; head -c 16777216 /dev/zero | tr '\0' '{'; echo; event 2; } >big
	for p in $programs; do
		run --separate-stderr "$p" big
		exits 2
		[ "${#stderr_lines[@]}" -le 2 ]
	done
}

@test "a truncated gzip gives what it holds, exit 2" {
	events 2000 | gzip -n >whole.gz
	head -c "$(($(stat -c %s whole.gz) - 100))" whole.gz >cut.gz
	for p in $programs; do
		run --separate-stderr "$p" cut.gz
		exits 2
		[ -n "$output" ]
		[[ "$stderr" == *"$p: cut.gz"* ]]
	done
}

@test "two gzip members are one file" {
	events 4 >in
	{ head -n 1 in | gzip -n; tail -n +2 in | gzip -n; } >two.gz
	for p in $programs; do
		"$p" in >want
		"$p" <two.gz | cmp - want
	done
}

@test "a closed reader ends them quietly" {
	for i in {1..3000}; do event "$i" title "\"$(printf '%0300d' "$i")\""; done >in
	for p in "sess-ingest" "sess-find" "sess-path --details"; do
		set +e
		{ $p in 2>err; echo $? >status; } | :
		[ "$(cat status)" -eq 141 ]
		[ ! -s err ]
		# with SIGPIPE ignored, as under some supervisors
		( trap '' PIPE; { $p in 2>err; echo $? >status; } | : )
		[ "$(cat status)" -eq 141 ]
		[ ! -s err ]
		set -e
	done
}

@test "a full disk is exit 2 with a message" {
	events 2000 >in
	for p in $programs; do
		status=0
		"$p" in >/dev/full 2>err || status=$?
		[ "$status" -eq 2 ]
		[ "$(cat err)" = "$p: <stdout>: No space left on device" ]
		status=0
		"$p" --help >/dev/full 2>err || status=$?
		[ "$status" -eq 2 ]
	done
}

@test "a closed standard output is exit 2" {
	events 2 >in
	for p in $programs; do
		status=0
		"$p" in >&- 2>err || status=$?
		[ "$status" -eq 2 ]
		grep -q '<stdout>' err
	done
}

@test "a missing file doesn't stop the others" {
	events 2 >in
	for p in $programs; do
		"$p" in >want
		run --separate-stderr "$p" missing in
		exits 2
		[ "$output" = "$(cat want)" ]
		[ "$stderr" = "$p: missing: No such file or directory" ]
	done
}

@test "an unreadable file doesn't stop the others" {
	[ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null || skip 'root reads everything'
	events 2 >in
	events 2 >secret
	chmod 0 secret
	chmod 755 .
	for p in $programs; do
		"$p" in >want
		if [ "$(id -u)" -eq 0 ]; then
			# root without what makes it read everything
			run --separate-stderr setpriv --bounding-set -all --inh-caps -all --ambient-caps -all \
			    --reuid 65534 --clear-groups "$(command -v "$p")" secret in
			[ "$status" -ne 127 ] && [[ "$stderr" != *setpriv* ]] || skip 'no other user'
			[[ "$stderr" != *"$p: in: "* ]] || skip 'the folder is closed to others'
		else
			run --separate-stderr "$p" secret in
		fi
		exits 2
		[ "$output" = "$(cat want)" ]
		[ "$stderr" = "$p: secret: Permission denied" ]
	done
}

@test "a FIFO is read when it is named, and passed over in a directory" {
	mkdir dir
	mkfifo pipe dir/pipe
	events 2 >dir/in
	for p in $programs; do
		"$p" dir/in >want
		cat dir/in >pipe &
		"$p" pipe | sed 's/pipe:/in:/' >got
		wait
		cmp want got
		"$p" --summary sum.json dir | cmp - want
		[ "$(jq .skipped sum.json)" -eq 1 ]
	done
}

@test "a directory with a symlink loop ends" {
	mkdir -p dir/inner
	ln -s .. dir/inner/up
	ln -s self dir/self
	events 2 >dir/inner/in
	for p in $programs; do
		"$p" dir/inner/in >want
		run "$p" dir
		exits 0
		[ "$output" = "$(cat want)" ]
	done
}

@test "the file that stdout goes to is not read" {
	mkdir dir
	events 2 >dir/in
	for p in $programs; do
		"$p" dir >dir/out
		"$p" dir/in | cmp - dir/out
		rm dir/out
	done
}

@test "the files that are written are not read" {
	mkdir dir
	events 2 >dir/in
	echo '{"v":1,' >>dir/in
	for p in $programs; do
		for _ in 1 2; do		# the second time the files are there before
			"$p" --rejects dir/bad --summary dir/books dir >out 2>dir/err || [ $? -eq 2 ]
			[ "$(wc -l <dir/bad)" -eq 1 ]
			[ "$(wc -l <dir/err)" -eq 1 ]
			[ "$(jq -c '[.records, .files, .skipped]' dir/books)" = '[3,1,3]' ]
		done
		rm dir/bad dir/books dir/err
	done
}

@test "what is read is not overwritten by --rejects or --summary" {
	events 2 >in
	cp in copy
	ln in link
	for p in $programs; do
		for o in --rejects --summary; do
			run "$p" "$o" link copy in
			exits 2
			has 'link: is to be read and not written'
			cmp in copy
		done
	done
	sess-ingest --summary /dev/stderr in 2>&1 >/dev/null | jq -e '.records == 2'
	sess-ingest --summary >(cat >books) in >/dev/null
}

@test "standard input is asked for once" {
	event 1 >one
	for p in $programs; do
		run "$p" - - </dev/null
		exits 2
	done
	run sess-find --ids-from - </dev/null
	exits 2
	run sess-path --raw-from - <one
	exits 2
	has "standard input is asked for 2 times"
	run sess-path --raw-from - one <one
	exits 0
}

@test "a time zone that there is not is misuse" {
	event 1 >one
	for p in sess-find sess-path; do
		run "$p" --tz Mars/Olympus one
		exits 2
		has "$p: --tz: unknown time zone 'Mars/Olympus'"
		run "$p" --tz Asia/Shanghai one
		exits 0
	done
}

@test "misuse, --help and --version are alike in all programs" {
	for p in $programs; do
		run --separate-stderr "$p" --no-such-option </dev/null
		exits 2
		[ -z "$output" ]
		[ "${stderr_lines[0]}" = "$p: unknown option --no-such-option" ]
		run --separate-stderr "$p" --help
		exits 0
		[[ "$output" == "usage: $p "* ]]
		[ -z "$stderr" ]
		run "$p" --version
		exits 0
		[[ "$output" == "$p "[0-9]* ]]
	done
}

@test "the three in a row" {
	for i in {1..20}; do combined "$i"; done | gzip -n >in.gz
	sess-path in.gz >want
	sess-ingest in.gz | sess-find | sess-path | sed 's/<stdin>/in.gz/' >got
	cmp want got
}
