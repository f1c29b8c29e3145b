#!/usr/bin/env bats
# sess-index --incremental: each record once, whatever becomes of the files.

load helper

# log FROM TO: lines of a combined log.
log() {
	local i
	for ((i = $1; i <= $2; i++)); do combined "$i"; done
}

# add FILE...: an hourly run.  The clock is far ahead, so that files are settled.
add() {
	sess-index --verbose --incremental --now 2030-01-01 --store st "$@" 2>err
	records=$(sed -n 's/^sess-index: \([0-9]*\) records.*/\1/p' err)
	new=$(sed -n 's/^sess-index: \([0-9]*\) events added.*/\1/p' err)
}

# holds FROM TO: the store has these records, each once.
holds() {
	log "$1" "$2" >all
	sess-ingest all | without_src | sort >want
	sess-find --store st | without_src | sort >got
	diff want got
}

@test "a log that grows is read on from where it was read up to" {
	log 1 500 >access.log
	add access.log
	[ "$new" -eq 500 ]
	holds 1 500
	log 501 520 >>access.log
	add access.log
	[ "$new" -eq 20 ]
	[ "$records" -lt 60 ]
	holds 1 520
	add access.log
	[ "$new" -eq 0 ]
	[ "$records" -eq 0 ]
	holds 1 520
}

@test "a log that grows by less than a second's lines loses none of equal ones" {
	line='203.0.113.1 - - [23/Nov/2026:20:00:01 +0000] "GET /x HTTP/1.1" 200 43 "-" "Mozilla/5.0"'
	printf '%s\n%s\n' "$line" "$line" >access.log
	add access.log
	[ "$new" -eq 2 ]
	printf '%s\n%s\n' "$line" "$line" >>access.log
	add access.log
	[ "$new" -eq 2 ]
	[ "$(sess-find --store st | wc -l)" -eq 4 ]
}

@test "rotation, also with compression of the rotated file" {
	mkdir logs
	log 1 300 >logs/access.log
	add logs
	log 301 350 >>logs/access.log
	mv logs/access.log logs/access.log.1
	log 351 400 >logs/access.log
	add logs
	[ "$new" -eq 100 ]
	[ "$records" -lt 200 ]
	holds 1 400
	for z in "gzip -q" "zstd -q --rm" "xz -q" "bzip2 -q"; do
		log 401 410 >>logs/access.log
		$z logs/access.log.1
		mv logs/access.log.1.* logs/rotated
		add logs
		records_before=$records
		[ "$records" -lt 150 ]
		add logs
		[ "$records" -eq 0 ]
		rm logs/rotated
		log 1 350 >logs/access.log.1
		add logs
		[ "$new" -eq 0 ]
		holds 1 410
	done
	[ -n "$records_before" ]
}

@test "the rotated file grew after the last run, and is compressed by the next" {
	log 1 100 >a.log
	add a.log
	log 101 200 >>a.log
	gzip a.log
	log 201 250 >a.log
	add a.log.gz a.log
	[ "$new" -eq 150 ]
	holds 1 250
}

@test "copytruncate" {
	log 1 300 >access.log
	add access.log
	log 301 310 >>access.log
	mkdir old
	cp access.log old/access.log.1
	: >access.log
	log 311 330 >>access.log
	add access.log old
	[ "$new" -eq 30 ]
	holds 1 330
}

@test "a file that became another one of the same length is read" {
	log 1 300 >access.log
	add access.log
	log 301 600 >access.log
	add access.log
	[ "$new" -eq 300 ]
	holds 1 600
}

@test "a file whose beginning is the same and the rest is not is read again" {
	log 1 3000 >access.log
	add access.log
	log 1 1000 >access.log
	log 5001 7500 >>access.log
	add access.log
	[ "$new" -eq 2500 ]
}

@test "half a line waits for the rest" {
	log 1 10 >all
	head -c -40 all >access.log
	sess-index --incremental --store st access.log
	[ "$(sess-find --store st | wc -l)" -eq 9 ]
	cp all access.log
	sess-index --incremental --store st access.log
	holds 1 10
}

@test "a last line that never gets a newline is read once the file is settled" {
	log 1 10 | head -c -1 >access.log
	sess-index --incremental --store st access.log
	[ "$(sess-find --store st | wc -l)" -eq 9 ]
	touch -d '5 minutes ago' access.log
	sess-index --incremental --store st access.log
	holds 1 10
}

@test "archives and CSV are read as a whole, and again only when they changed" {
	mkdir logs
	log 1 20 >a
	tar cf logs/a.tar a
	printf 't,sid,pid,begin,page\npv,s1,app,1795464000000,p\n' >logs/b.csv
	add logs
	[ "$new" -eq 21 ]
	add logs
	[ "$records" -eq 0 ]
	printf 'pv,s2,app,1795464001000,p\n' >>logs/b.csv
	add logs
	[ "$new" -eq 1 ]
	[ "$records" -eq 2 ]
}

@test "events and gathered logs go on, too" {
	sess-ingest "$DATA/demo" >events
	head -n 700 events >part
	add part
	cp events part
	add part
	[ "$new" -eq 511 ]
	[ "$records" -eq 511 ]
	[ "$(sess-find --store st | without_src | sort | md5sum)" = "$(without_src <events | sort | md5sum)" ]
}

@test "without --incremental everything is read, which changes nothing" {
	log 1 50 >access.log
	add access.log
	sess-index --verbose --store st access.log 2>err
	grep -q '^sess-index: 50 records' err
	grep -q '^sess-index: 0 events added, 50 were known' err
	add access.log
	[ "$records" -eq 0 ]
}

@test "random rotations, compressions and growth: each record once" {
	RANDOM=7
	mkdir logs
	next=1
	for step in $(seq 25); do
		n=$((RANDOM % 60 + 1))
		log "$next" $((next + n - 1)) >>logs/access.log
		next=$((next + n))
		case $((RANDOM % 6)) in
		0)
			for i in 3 2 1; do
				[ ! -e "logs/access.log.$i" ] || mv "logs/access.log.$i" "logs/access.log.$((i + 1))"
			done
			mv logs/access.log logs/access.log.1
			;;
		1) [ ! -e logs/access.log.1 ] || { gzip -c logs/access.log.1 >logs/$step.gz; rm logs/access.log.1; } ;;
		2) cp logs/access.log logs/copy.$step; : >logs/access.log ;;
		3) touch logs/access.log ;;
		esac
		[ $((RANDOM % 3)) -eq 0 ] || add logs
	done
	add logs
	holds 1 $((next - 1))
}
