#!/usr/bin/env bats
# sess-ingest: sources, formats, options, books.

load helper

# books: what --summary wrote balances, and N is its NAME: books NAME N ...
books() {
	jq -e '.records == .converted + .partial + .ignored + .rejected' sum.json
	while [ $# -gt 1 ]; do
		[ "$(jq ".$1" sum.json)" = "$2" ] || {
			printf '%s is not %s in %s\n' "$1" "$2" "$(cat sum.json)"
			return 1
		}
		shift 2
	done
}

@test "canonical events come out as the bytes they were" {
	events 3 >in
	run --separate-stderr sess-ingest in
	exits 0
	[ "$output" = "$(cat in)" ]
	[ -z "$stderr" ]
}

@test "an ARMS beacon in a combined log becomes a view" {
	combined 1 >access.log
	run sess-ingest access.log
	exits 0
	[ "${#lines[@]}" -eq 1 ]
	jq -e '.v == 1 and .kind == "view" and .session_id == "s1" and .view_id == "p1" and
	    .app_id == "app1" and .page == "shop.example/cart" and .ip == "203.0.113.1" and
	    .received == "2026-11-23T20:00:01.000Z" and .time == "2026-11-23T20:00:00.001Z" and
	    .src == "access.log:1"' <<<"$output"
}

@test "what was recognised is said with --verbose, and in the summary" {
	combined 1 >access.log
	events 2 >two
	run --separate-stderr sess-ingest --verbose --summary sum.json access.log two
	exits 0
	has "sess-ingest: access.log: combined"
	books records 3 converted 3 partial 0 ignored 0 rejected 0 events 3 files 2 members 2
	jq -e '.recognised.combined == 1 and ([.recognised[]] | add) == 2' sum.json
	[ "$(stat -c %a sum.json)" = 600 ]
}

@test "silence is success" {
	combined 1 >access.log
	run --separate-stderr sess-ingest access.log
	exits 0
	[ -z "$stderr" ]
}

@test "a bad record is told, the others count, exit 2" {
	{ combined 1; echo '203.0.113.9 - - [nonsense'; combined 2; } >access.log
	run --separate-stderr sess-ingest --summary sum.json --rejects rej access.log
	exits 2
	[ "${#lines[@]}" -eq 2 ]
	has "sess-ingest: access.log:2: "
	books records 3 converted 2 rejected 1 events 2
	[ "$(wc -l <rej)" -eq 1 ]
	[ "$(jq -r .src rej)" = access.log:2 ]
	[ "$(jq -r .record rej)" = '203.0.113.9 - - [nonsense' ]
	jq -e '.reason | length > 0' rej
	[ "$(stat -c %a rej)" = 600 ]
}

@test "after ten bad records of a file they are counted" {
	{
		for i in {1..60}; do combined "$i"; done
		for _ in {1..42}; do echo '203.0.113.9 - - [nonsense'; done
		combined 61
	} >a.log
	{ combined 3; echo '203.0.113.9 - - [nonsense'; } >b.log
	run --separate-stderr sess-ingest --rejects rej a.log b.log
	exits 2
	[ "${#lines[@]}" -eq 62 ]
	[ "${#stderr_lines[@]}" -eq 12 ]
	[ "${stderr_lines[10]}" = "sess-ingest: a.log: … and 32 more" ]
	[[ "${stderr_lines[11]}" == "sess-ingest: b.log:2: "* ]]
	[ "$(wc -l <rej)" -eq 43 ]
}

@test "rejects of bytes that are no UTF-8, and of controls, are good JSON" {
	{ combined 1; printf '203.0.113.9 - - [\xff\xc3\x01\x1b"\\\t\n'; combined 2; } >access.log
	run --separate-stderr sess-ingest --rejects rej access.log
	exits 2
	printf '203.0.113.9 - - [\xef\xbf\xbd\xef\xbf\xbd\x01\x1b"\\\t\n' >want
	jq -r .record rej | cmp - want
}

@test "nothing that a file is called can steer the terminal" {
	printf 'x\n' >$'a\e[31m\xe2\x80\xaeb'
	run --separate-stderr sess-ingest $'a\e[31m\xe2\x80\xaeb' $'no\nsuch'
	exits 2
	has 'sess-ingest: a?[31m?b: '
	has 'sess-ingest: no?such: No such file or directory'
}

@test "--strict stops at the first bad record" {
	{ echo '{"v":1'; events 3; } >in
	run sess-ingest --strict --input-format events in
	exits 2
	has in:1
}

@test "--strict writes what stands before the first bad record" {
	{ events 3; echo '{"v":1'; event 5; } >in
	head -n 3 in >good
	run --separate-stderr sess-ingest --strict in
	exits 2
	[ "$output" = "$(<good)" ]
	[ "$stderr" = "sess-ingest: in:4: '}' expected at byte 7
sess-ingest: stopped at the first problem" ]
	sess-ingest --strict --summary books in || [ $? -eq 2 ]
	[ "$(jq -c '[.records, .converted, .rejected, .events]' books)" = '[4,3,1,3]' ]
	events 5000 >many
	gzip -c many | head -c 20000 >cut.gz
	run --separate-stderr sess-ingest --strict cut.gz many
	exits 2
	[ "$(sess-ingest cut.gz 2>err)" = "$output" ]
}

@test "a file of no known format is one error, not one a line" {
	seq 100000 >numbers
	run --separate-stderr sess-ingest --summary sum.json numbers
	exits 2
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	has "sess-ingest: numbers: "
	books unrecognised 1 events 0
}

@test "empty files and empty archives are fine" {
	: >empty
	gzip -k <empty >empty.gz
	tar cf empty.tar -T /dev/null
	run --separate-stderr sess-ingest empty empty.gz empty.tar
	exits 0
	[ -z "$output$stderr" ]
}

@test "every container gives the same events" {
	for i in {1..200}; do combined "$i"; done >access.log
	sess-ingest access.log | without_src >want
	gzip -kn access.log
	{ head -n 77 access.log | gzip -n; tail -n +78 access.log | gzip -n; } >two.gz
	zstd -qk access.log -o one.zst
	{ head -n 77 access.log | zstd -qc; tail -n +78 access.log | zstd -qc; } >two.zst
	xz -k access.log
	bzip2 -k access.log
	lz4 -q access.log one.lz4
	tar cf plain.tar access.log
	tar czf of.tar.gz access.log
	tar cf of-gz.tar access.log.gz
	gzip -nk of-gz.tar
	bsdtar -a -cf one.zip access.log
	bsdtar -a -cf one.7z access.log
	for f in access.log.gz two.gz one.zst two.zst access.log.xz access.log.bz2 one.lz4 plain.tar \
	    of.tar.gz of-gz.tar of-gz.tar.gz one.zip one.7z; do
		echo "$f"
		sess-ingest "$f" | without_src | cmp - want
		sess-ingest <"$f" | without_src | cmp - want
	done
}

@test "an archive's members are named in src" {
	combined 1 >access.log
	gzip -nk access.log
	tar cf logs.tar access.log.gz
	[ "$(sess-ingest logs.tar | jq -r .src)" = 'logs.tar!access.log.gz:1' ]
	[ "$(sess-ingest <access.log | jq -r .src)" = '<stdin>:1' ]
}

@test "a member called ../../etc/passwd is only a name" {
	mkdir -p in/deep
	combined 1 >in/evil
	bsdtar -cf evil.tar -C in/deep --absolute-paths -s ',^.*evil$,../../etc/passwd,' ../evil
	[[ "$(sess-ingest evil.tar | jq -r .src)" == *'!'*'etc/passwd:1' ]]
}

@test "a directory is read in natural order, recursively" {
	mkdir -p logs/inner
	combined 1 >logs/access.log.2
	combined 2 >logs/access.log.10
	combined 3 >logs/inner/x
	run sess-ingest logs
	exits 0
	[ "$(jq -r .view_id <<<"$output" | paste -sd' ')" = "p1 p2 p3" ]
}

@test "a cut gzip gives what it holds, then a message" {
	for i in {1..2000}; do combined "$i" "&x=$RANDOM$RANDOM"; done | gzip -n >whole.gz
	combined 9999 >next.log
	head -c "$(($(stat -c %s whole.gz) / 2))" whole.gz >cut.gz
	run --separate-stderr sess-ingest --summary sum.json cut.gz next.log
	exits 2
	[ "${#lines[@]}" -gt 100 ]
	[ "$(tail -n 1 <<<"$output" | jq -r .view_id)" = p9999 ]
	has "sess-ingest: cut.gz"
	books damaged 1
}

@test "--format reads what isn't recognised by itself, and refuses what it doesn't know" {
	combined 1 >access.log
	run sess-ingest --format combined access.log
	exits 0
	run sess-ingest --input-format nonsense access.log
	exits 2
	has nonsense
}

@test "--format takes the names that the page lists, and tells them" {
	sed -n '/^A log is one of these/,/^\.El/s/^\.It Cm //p' "$ROOT/man/sess-ingest.1" >names
	[ "$(wc -l <names)" -eq 9 ]
	run sess-ingest --format none </dev/null
	exits 2
	while read -r name; do
		sess-ingest --format "$name" </dev/null
		has "$name"
	done <names
}

@test "arrays one behind the other are all read" {
	events 4 >in
	{ head -n 2 in | jq -cs .; echo; tail -n 2 in | jq -s .; } >arrays
	[ "$(sess-ingest arrays | jq -c .id)" = "$(jq -c .id in)" ]
	{ cat arrays; echo oops; } >longer
	run --separate-stderr sess-ingest longer
	exits 2
	[ "$(jq -c .id <<<"$output")" = "$(jq -c .id in)" ]
	[ "$stderr" = 'sess-ingest: longer: text behind the JSON array' ]
}

@test "--map reads any NDJSON" {
	echo '{"ctx":{"sid":"abc"},"ts":1795464000123,"what":"/v1/x"}' >in
	printf 'session_id = .ctx.sid\ntime = .ts | ms\nkind = "api"\napi = .what\n' >map
	run sess-ingest --map map in
	exits 0
	jq -e '.session_id == "abc" and .kind == "api" and .api == "/v1/x" and
	    .time == "2026-11-23T20:00:00.123Z"' <<<"$output"
	echo 'session_id = = nonsense' >map
	run sess-ingest --map map in
	exits 2
	run sess-ingest --map missing in
	exits 2
	has 'missing: No such file'
}

@test "--hash-user hashes with the key and leaves no name" {
	combined 1 '&uid=u-1024&username=alice' >access.log
	printf secret >key
	want=$(python3 -c 'import hmac; print(hmac.new(b"secret", b"u-1024", "sha256").hexdigest()[:32])')
	run sess-ingest --hash-user key access.log
	exits 0
	[ "$(jq -r .user_id <<<"$output")" = "$want" ]
	[[ "$output" != *alice* && "$output" != *u-1024* ]]
	: >key
	run sess-ingest --hash-user key access.log
	exits 2
	has 'key is empty'
}

@test "--mask-ip keeps so many bits" {
	combined 77 >access.log
	combined 78 | sed 's/^[0-9.]*/2001:db8:1:2::99/' >>access.log
	run sess-ingest --mask-ip 24,48 access.log
	exits 0
	[ "$(jq -r .ip <<<"$output" | paste -sd' ')" = "203.0.113.0 2001:db8:1::" ]
	for bad in 24 24,48,1 33,48 24,129 0,0 a,b ','; do
		run sess-ingest --mask-ip "$bad" access.log
		exits 2
	done
}

@test "--drop-query cuts URLs" {
	combined 1 '&dl=https%3A%2F%2Fshop.example%2Fcart%3Ftoken%3Dsecret%23frag' >access.log
	run sess-ingest access.log
	has secret
	run sess-ingest --drop-query access.log
	exits 0
	[[ "$output" != *secret* ]]
}

@test "--session-by says what makes a visitor" {
	printf '203.0.113.1 - - [23/Nov/2026:20:00:01 +0000] "GET /a HTTP/1.1" 200 43 "-" "A"\n' >in
	printf '203.0.113.1 - - [23/Nov/2026:20:00:02 +0000] "GET /a HTTP/1.1" 200 43 "-" "B"\n' >>in
	visitors() { jq -r .visitor | sort -u | wc -l; }
	[ "$(sess-ingest in | visitors)" -eq 2 ]
	[ "$(sess-ingest --session-by ip in | visitors)" -eq 1 ]
	[ "$(sess-ingest --session-by ip,ua in | visitors)" -eq 2 ]
	for bad in '' 'ip,' browser ',ip'; do
		run sess-ingest --session-by "$bad" in
		exits 2
	done
}

@test "an archive that can't be sought in is held in -T" {
	events 3 >in
	bsdtar -cf in.7z --format 7zip in
	cat in.7z | sess-ingest -T . | cmp - in
	cat in.7z | TMPDIR=. sess-ingest | cmp - in
	for how in 'sess-ingest -T nowhere' 'env TMPDIR=nowhere sess-ingest'; do
		run bash -c "cat in.7z | $how"
		exits 2
		has "temporary file: No such file or directory"
	done
	[ "$(ls)" = "$(printf 'in\nin.7z')" ]
}

@test "a stray quote doesn't swallow the rows behind it" {
	{
		echo t,begin,sid,pid,msg
		echo 'error,1626320736212,S1,p,"two
lines ""quoted"""'
		echo 'error,1626320736213,S1,p,"open'
		echo 'error,1626320736214,S1,p,5" screen'
		echo 'error,1626320736215,S1,p,"closed"'
		echo 'error,1626320736216,S1,p,"open at the end'
		echo 'error,1626320736217,S1,p,last'
	} >rows.csv
	run --separate-stderr sess-ingest --summary books rows.csv
	exits 2
	[ "$(jq -r '.message' <<<"$output")" = 'two
lines "quoted"
5" screen
closed
last' ]
	[ "$stderr" = 'sess-ingest: rows.csv:4: a quote that is never closed
sess-ingest: rows.csv:7: a quote that is never closed' ]
	[ "$(jq -c '[.records, .converted, .rejected]' books)" = '[6,4,2]' ]
}

@test "what stands around records that are too long is read, whatever the format" {
	beacon() { printf '{"t":"error","begin":%d,"sid":"S1","pid":"p","msg":"%s"}\n' "$((1626320736000 + $1))" "$2"; }
	row() { printf 'error,%d,S1,p,"%s"\n' "$((1626320736000 + $1))" "$2"; }
	long=$(seq 100000 220000)
	texts=(a b "$long" c "$long" d)
	for i in "${!texts[@]}"; do beacon "$i" "${texts[i]//$'\n'/ }"; done >lines
	jq -s . lines >array
	{ echo t,begin,sid,pid,msg; for i in "${!texts[@]}"; do row "$i" "${texts[i]}"; done; } >rows
	for f in lines array rows; do
		for max in 1K 300K; do
			run --separate-stderr sess-ingest --max-line $max --summary books "$f"
			exits 2
			[ "$(jq -r .message <<<"$output" | tr -d '\n')" = abcd ]
			[ "$(jq -c '[.records, .converted, .rejected]' books)" = '[6,4,2]' ]
			[ "$(grep -c 'line longer than' <<<"$stderr")" -eq 2 ]
		done
	done
	run sess-ingest --max-line 300K lines
	has 'lines:3: line longer than 307200 bytes'
	has 'lines:5: line longer than 307200 bytes'
	has '"src":"lines:6"'
}

@test "--max-line makes a reject of a longer line" {
	{ event 1; event 2 title "\"$(printf '%05000d' 0)\""; event 3; } >in
	run --separate-stderr sess-ingest --max-line 4K --summary sum.json in
	exits 2
	[ "${#lines[@]}" -eq 2 ]
	books rejected 1 converted 2
}

@test "equal requests of one second are as many events, in blocks and forms of any kind" {
	line='{"time":"2026-11-23T20:00:00Z","request_method":"GET","request_uri":"/","status":"200","remote_addr":"203.0.113.7"}'
	clf='203.0.113.7 - - [23/Nov/2026:20:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "agent"'
	yes "$line" | head -n 6000 >access-json
	jq -s . access-json >array
	sed 's/^/key\t/' access-json >keyed
	{ echo time,request_method,request_uri,status,remote_addr,agent
	    yes '2026-11-23T20:00:00Z,GET,/,200,203.0.113.7,"a long, long agent to fill the block with"' | head -n 6000; } >csv
	yes "$clf" | head -n 6000 >combined
	jq -Rc '{"@timestamp": "x", message: .}' combined >json
	for f in access-json array keyed csv combined json; do
		for j in 1 2; do
			sess-ingest -j $j --summary books "$f" >out
			[ "$(jq -r '.recognised | keys[0]' books)" = "$f" ]
			[ "$(jq -r .id out | sort -u | wc -l)" -eq 6000 ]
		done
	done
}

@test "the number of threads changes nothing" {
	for i in {1..3000}; do combined "$i"; done | gzip -n >a.gz
	for i in {3001..4000}; do combined "$i"; done >b
	sess-ingest -j 1 a.gz b >one
	sess-ingest -j 4 a.gz b | cmp - one
	sess-ingest --jobs=2 a.gz b | cmp - one
}

@test "sess-ingest of its own output changes nothing" {
	sess-ingest "$DATA/demo" >once
	sess-ingest once | cmp - once
	[ "$(wc -l <once)" -gt 1000 ]
	jq -e . once >/dev/null
}

@test "the demo logs balance" {
	run --separate-stderr sess-ingest --summary sum.json "$DATA/demo"
	exits 0
	books records 1056 rejected 0 files 4 damaged 0 events "${#lines[@]}"
}

@test "live input is written when it pauses" {
	mkfifo pipe
	sess-ingest <pipe >out &
	exec 7>pipe
	event 1 >&7
	for _ in {1..100}; do
		[ -s out ] && break
		sleep 0.1
	done
	[ "$(wc -l <out)" -eq 1 ]
	exec 7>&-
	wait
}

@test "options and operands come in any order, -- ends the options" {
	event 1 >-v
	event 2 >b
	[ "$(sess-ingest b -j 1 -- -v | wc -l)" -eq 2 ]
	[ "$(cat -- -v | sess-ingest - b | wc -l)" -eq 2 ]
}

@test "misuse is exit 2, with the synopsis" {
	for bad in --nonsense -Z --jobs --jobs=0 --jobs=1x --jobs=-1 --jobs=99999999999999999999 \
	    --max-line=0 --max-line=4Q --max-line= --verb --hel --strict=yes --session-by=x --user=x; do
		run --separate-stderr sess-ingest "$bad" </dev/null
		exits 2
		has 'usage: sess-ingest'
		[ -z "$output" ]
	done
	run sess-ingest --verb </dev/null
	has '--verbose'
	run sess-ingest - - </dev/null
	exits 2
}

@test "--help and --version go to standard output" {
	run --separate-stderr sess-ingest --help
	exits 0
	[ -z "$stderr" ]
	[[ "$output" == 'usage: sess-ingest'* ]]
	has '  -j, --jobs N'
	run sess-ingest -h
	exits 0
	run sess-ingest -V
	exits 0
	[[ "$output" =~ ^sess-ingest\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "a summary or rejects file that can't be made is told at once" {
	event 1 >in
	run --separate-stderr sess-ingest --summary no/such/folder in
	exits 2
	[ -z "$output" ]
	has 'no/such/folder: No such file or directory'
	run sess-ingest --rejects no/such/folder in
	exits 2
	run --separate-stderr sess-ingest --summary /dev/full in
	exits 2
	has '/dev/full: No space left on device'
}

@test "no progress line unless stderr is a terminal" {
	{ event 1; sleep 1.5; event 2; } >slow &
	wait
	run --separate-stderr sess-ingest slow
	[ -z "$stderr" ]
}

@test "a progress line on a terminal after a second" {
	command -v script >/dev/null || skip 'no script(1)'
	script -qec "(sleep 1.6; cat '$DATA/demo/access.json.log.1.gz'; sleep 1) | sess-ingest >out" typescript </dev/null
	grep -q 'events' typescript
	script -qec "(sleep 1.6; cat '$DATA/demo/access.json.log.1.gz') | sess-ingest --no-progress >out" typescript </dev/null
	run ! grep -q 'events' typescript
}

@test "--trust-forwarded takes the right-most hop that isn't one's own" {
	{ combined 1 | sed 's/$/ "198.51.100.7, 10.0.0.3"/'; combined 2; } >access.log
	[ "$(sess-ingest access.log | jq -r .ip | xargs)" = "203.0.113.1 203.0.113.2" ]
	[ "$(sess-ingest --trust-forwarded access.log | jq -r .ip | xargs)" = "198.51.100.7 203.0.113.2" ]
}

@test "--geoip fills country, region, city and isp" {
	python3 "$DATA/mmdb.py" 203.0.113.0/24 >geo.mmdb
	combined 1 >access.log
	sess-ingest --geoip geo.mmdb access.log >out
	jq -e '[.country, .region, .city, .isp] == ["China", "Zhejiang", "Hangzhou", "China Telecom"]' out
	combined 1 | sed 's/^203/192/' >elsewhere.log
	sess-ingest --geoip geo.mmdb elsewhere.log | jq -e 'has("country") | not'
	run sess-ingest --geoip access.log access.log
	exits 2
	has "access.log"
}

@test "--ua-regexes reads browsers by another file" {
	printf 'user_agent_parsers:\n  - regex: "(Mozilla)/([0-9]+)"\n    family_replacement: "Old $1"\n' >re.yaml
	combined 1 >access.log
	sess-ingest --ua-regexes re.yaml access.log | jq -e '.browser == "Old Mozilla" and .browser_version == "5"'
	run sess-ingest --ua-regexes missing.yaml access.log
	exits 2
	has "missing.yaml"
}

@test "--extra keeps what has no key" {
	combined 1 "&c1=vip" >access.log
	sess-ingest --extra access.log | jq -e '.extra.c1 == "vip"'
	sess-ingest access.log | jq -e 'has("extra") | not'
}
