#!/usr/bin/env bats
# sess-spark on a real Spark: what one machine gives, whatever is lost meanwhile.

load ../e2e/helper
load helper

CLUSTER='local-cluster[2,1,1024]'	# two executors, each a process with a core
LOCAL='local[2]'

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
	export SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON=$BUILD/spark/bin/python3
}

teardown() {
	touch lost
	[ ! -e spark.pid ] || kill "$(cat spark.pid)" 2>/dev/null || :
}

# spark MASTER ARG...: sess-spark there; what Spark itself has to say goes to a file.
spark() {
	local master=$1
	shift
	"$PYSPARK_PYTHON" "$BUILD/sess-spark" --master "$master" --conf spark.ui.enabled=false "$@"
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
	[ "$(above "$executor" "$BUILD/sess-spark")" = "$(cat spark.pid)" ]
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
	PATH=$PWD/held:$PATH "$PYSPARK_PYTHON" "$BUILD/sess-spark" --master "$CLUSTER" --shards 3 \
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

@test "sessions found, whole and as records" {
	spark "$LOCAL" find logs >got 2>err
	without_src <want.events >want
	without_src <got >got.events
	same_lines want got.events
	spark "$LOCAL" find -l logs >got 2>err
	same_lines want.list got
	spark "$LOCAL" find -c --has-error logs >got 2>err
	[ "$(cat got)" -eq "$(sess-find -c --has-error logs)" ]
}

@test "archives that Spark reads, text and Parquet that it writes" {
	rm -rf text parquet
	spark "$LOCAL" --text text --parquet parquet find --has-error "file://$PWD/logs/new" "file:$PWD/demo" \
	    >got 2>err
	[ ! -s got ]
	[ -e text/_SUCCESS ]
	sess-find --has-error logs/new demo | without_src >want
	cat text/part-* | without_src >got
	same_lines want got
	# the name of the archive is there
	grep -q '"src":"[^"]*/logs/new/part-0.ndjson.gz:[0-9]*"' text/part-*
	"$PYSPARK_PYTHON" - <<-'END' >got 2>err
	from pyspark.sql import SparkSession
	spark = SparkSession.builder.master('local[2]').getOrCreate()
	for row in spark.read.parquet('parquet').select('id', 'kind', 'duration_ms').collect():
	    print(*row)
	END
	jq -r '[.id, .kind, .duration_ms // "None"] | join(" ")' want >want.rows
	same_lines want.rows got
}

@test "programs and files are shipped" {
	mkdir -p shipped
	ln -sf "$BUILD"/sess-* shipped
	printf 'key' >secret
	PATH=$PWD/shipped:$PATH spark "$LOCAL" --ship-programs --ship secret stats -r users --hash-user secret \
	    -o csv logs >got 2>err
	sess-stats -r users --hash-user secret -o csv logs | cmp - got
	# hours are those of the driver's zone
	TZ=Asia/Shanghai spark "$LOCAL" stats -r apis --by hour -n 3 --sort -calls -o tsv logs >got 2>err
	TZ=Asia/Shanghai sess-stats -r apis --by hour -n 3 --sort -calls -o tsv logs | cmp - got
}

@test "trouble in a task is the user's" {
	mkdir -p bad
	head -c 50000 logs/new/part-0.ndjson.gz >bad/cut.gz
	printf '{"no":"event"}\n' >bad/nothing.ndjson
	run spark "$LOCAL" stats -o ndjson bad demo
	exits 2
	has 'cut.gz: '
	has '"report":"overview"'
	# what the programs don't know costs no start of Spark
	run spark nowhere stats -r nothing demo
	exits 2
	has "nothing"
	run spark nowhere find --sort user_id demo
	exits 2
	has '--sort is not for tasks'
	run spark "$LOCAL" find -c --user-name nobody demo
	exits 1
	run spark "$LOCAL" stats -r apis --fail-if 'calls > 1' demo
	exits 1
	# a program that dies in each attempt
	mkdir -p held
	printf '#!/bin/sh\nkill -SEGV $$\n' >held/sess-ingest
	chmod +x held/sess-ingest
	PATH=$PWD/held:$PATH run spark "$LOCAL" stats demo
	exits 2
	has 'sess-ingest ended with -11'
	run spark "$LOCAL" stats /nowhere/a.gz
	exits 2
	has '/nowhere/a.gz is not there'
}
