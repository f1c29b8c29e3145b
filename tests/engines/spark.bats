#!/usr/bin/env bats
# sess-spark on a real Spark: what one machine gives, whatever is lost meanwhile.

load ../e2e/helper
load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	archives 40000
	sess-stats -q -r "$REPORTS" -o ndjson --summary want.books logs >want.stats
	sess-find -q logs >want.events
	sess-find -q -l logs >want.list
	[ "$(wc -l <want.events)" -gt 40000 ]
	# sessions straddle files
	sess-find --ids logs/new/part-0* | sort >ids
	[ "$(sess-find --ids logs/new/part-3* | sort | comm -12 - ids | wc -l)" -gt 20 ]
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	rm -rf started lost held spark.pid
	export SPARK_LOCAL_IP=127.0.0.1 PATH=$BUILD/spark/bin:$PATH
}

teardown() {
	touch lost
	[ ! -e spark.pid ] || kill "$(cat spark.pid)" 2>/dev/null || :
}

# spark ARG...: sess-spark in one process.
spark() {
	sess-spark --master 'local[2]' --conf spark.ui.enabled=false "$@"
}

# above PID WORD: its nearest ancestor the command line of which holds WORD.
above() {
	local pid=$1
	while [ "$pid" -gt 1 ]; do
		if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -F -- "$2"; then
			echo "$pid"
			return
		fi
		pid=$(ps -o ppid= -p "$pid" | tr -d ' ')
	done
	return 1
}

# kill_executor: that of a program that holds, SIGKILL; it must be our own Spark's.
kill_executor() {
	local executor
	waits_for [ -s started ]
	executor=$(above "$(head -n 1 started)" CoarseGrainedExecutorBackend)
	[ "$(above "$executor" 'timeout 300 sess-spark')" = "$(cat spark.pid)" ]
	kill -KILL "$executor"
	waits_for [ ! -e "/proc/$executor" ]
	touch lost
	! kill -0 "$executor"
}

# losing PROGRAM ARG...: sess-spark with these, of which an executor is killed while
# PROGRAM has given half of its output.
losing() {
	local program=$1
	shift
	mkdir -p log
	rm -f log/*
	holding "$program" '"$*" = *--summary*'		# in a task
	# two executors, each a process with a core
	PATH=$PWD/held:$PATH timeout 300 sess-spark --master 'local-cluster[2,1,1024]' --shards 3 \
	    --conf spark.ui.enabled=false --conf spark.eventLog.enabled=true \
	    --conf "spark.eventLog.dir=file:$PWD/log" "$@" >got 2>err 3>&- &
	echo $! >spark.pid
	kill_executor
	wait "$(cat spark.pid)"
	rm spark.pid
	# Spark knows, and ran the task again
	grep -q '"Event":"SparkListenerExecutorRemoved"' log/*
	grep -q '"Reason":"\(ExecutorLostFailure\|FetchFailed\)"' log/*
}

@test "every report, an executor killed while archives are read" {
	losing sess-ingest stats -r "$REPORTS" -o ndjson --summary books logs
	cmp want.stats got
	# more attempts than archives, and each archive counts once
	[ "$(wc -l <started)" -gt "$(find logs -type f | wc -l)" ]
	diff <(jq -S . want.books) <(jq -S . books)
}

@test "a sharded store, an executor killed while shards are written" {
	rm -rf st
	losing sess-index index --store st logs
	[ "$(ls st)" = "$(printf 'shard-%04d-of-0003\n' 0 1 2)" ]
	sess-index --store st --verify
	sess-find --store st -l | cmp want.list -
	without_src <want.events >want
	sess-find --store st | without_src | cmp want -
	user=$(jq -r '.user_id // empty' want.list | sort | uniq -c | sort -n | awk 'END { print $2 }')
	sess-find --store st --user "$user" --ids | cmp - <(sess-find -q --user "$user" --ids logs)
}

@test "sessions found, as records and whole" {
	spark find -l logs >got 2>err
	same_lines want.list got
	spark find --has-error logs >got 2>err
	sess-find -q --has-error logs | without_src >want
	without_src <got >got.events
	same_lines want got.events
}

@test "archives that Spark reads, text and Parquet that it writes" {
	rm -rf text parquet
	spark --text text --parquet parquet find --has-error "file://$PWD/logs/new" "file:$PWD/demo" >got 2>err
	[ ! -s got ]
	[ -e text/_SUCCESS ]
	sess-find --has-error logs/new demo | without_src >want
	cat text/part-* | without_src >got
	same_lines want got
	# the name of the archive is there
	grep -q '"src":"[^"]*/logs/new/part-0.ndjson.gz:[0-9]*"' text/part-*
	python3 - <<-'END' >got 2>err
	from pyspark.sql import SparkSession
	spark = SparkSession.builder.master('local[2]').getOrCreate()
	for row in spark.read.parquet('parquet').select('id', 'kind', 'duration_ms').collect():
	    print(*row)
	END
	jq -r '[.id, .kind, .duration_ms // "None"] | join(" ")' want >want.rows
	same_lines want.rows got
}

@test "programs and files are shipped, clocks and zones are the driver's" {
	# tasks find nothing but what came along
	printf 'key' >secret
	TZ=Asia/Shanghai SESS_NOW=2026-11-23T22:00:00Z spark --ship-programs --ship secret \
	    --conf spark.executorEnv.PATH=/usr/bin:/bin \
	    stats -r apis --by hour --since 2h -n 3 --sort -calls --hash-user secret -o tsv demo >got 2>err
	TZ=Asia/Shanghai SESS_NOW=2026-11-23T22:00:00Z sess-stats -r apis --by hour --since 2h -n 3 --sort -calls \
	    --hash-user secret -o tsv demo >want
	[ "$(wc -l <want)" -gt 3 ]
	cmp want got
}

@test "trouble in a task is the user's" {
	mkdir -p bad held
	head -c 50000 logs/new/part-0.ndjson.gz >bad/cut.gz
	run spark stats -o ndjson bad demo
	exits 2
	has 'cut.gz: '
	has '"report":"overview"'
	run spark find -c --user-name nobody demo
	exits 1
	# a program that dies in each attempt
	printf '#!/bin/sh\nkill -SEGV $$\n' >held/sess-ingest
	chmod +x held/sess-ingest
	PATH=$PWD/held:$PATH run spark stats demo
	exits 2
	has 'sess-ingest ended with -11'
	run spark stats /nowhere/a.gz
	exits 2
	has '/nowhere/a.gz is not there'
	# an event that is lost on the way
	rm held/sess-ingest
	printf '#!/bin/bash\n%s "$@" < <(tail -n +2)\n' "$BUILD/sess-find" >held/sess-find
	chmod +x held/sess-find
	PATH=$PWD/held:$PATH run spark find demo
	exits 2
	has 'the books do not balance'
}

@test "what is wrong with the options costs no start of Spark" {
	tried() { run sess-spark --master nowhere "$@"; exits 2; }
	tried stats -r nothing demo
	has nothing
	tried find --sort user_id demo
	has '--sort is not for tasks'
	tried --text t stats demo
	tried --shards 0 stats demo
	tried find --no-such-option demo
	tried find
	tried
	tried index demo
	has 'index needs --store DIR'
	run sess-spark find --help
	exits 0
	[ "$output" = "$(sess-find --help)" ]
}

@test "the page's examples run" {
	rm -rf st errors.parquet
	awk '/^\.Sh / { here = $2 == "EXAMPLES" } here && /^\.Ed/ { shown = 0 } shown { print }
	    here && /^\.Bd/ { shown = 1 }' "$ROOT/man/sess-spark.1" >examples
	grep -q 'sess-spark stats' examples
	bash -e examples >got 2>err
	grep -q '张伟' got
	[ -e errors.parquet/_SUCCESS ]
}
