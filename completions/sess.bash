# bash completion of sess.  Made by completions/generate: don't edit.
_sess() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=

	COMPREPLY=()
	# --clock=s is three words to bash
	[ "$cur" != = ] || cur=
	[ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]}
	case ${1##*/}:$prev in
	sess-ingest:--session-by | sess-ingest:--format | sess-ingest:--input-format | sess-ingest:--mask-ip | sess-ingest:--max-line | sess-ingest:--shard | sess-ingest:--jobs | sess-ingest:-j) return ;;
	sess-find:--session-rule) words='arms rum visit datadog faro newrelic posthog splunk' ;;
	sess-find:--clock) words='auto client server' ;;
	sess-find:--user | sess-find:--user-name | sess-find:--session | sess-find:--ip | sess-find:--page | sess-find:--browser | sess-find:--browser-version | sess-find:--os | sess-find:--device | sess-find:--network | sess-find:--region | sess-find:--country | sess-find:--city | sess-find:--release | sess-find:--environment | sess-find:--app | sess-find:--since | sess-find:--until | sess-find:--error | sess-find:--api | sess-find:--status | sess-find:--trace-id | sess-find:--where | sess-find:-w | sess-find:--path | sess-find:--related | sess-find:--sort | sess-find:--limit | sess-find:-n | sess-find:--session-by | sess-find:--idle | sess-find:--max-duration | sess-find:--newest | sess-find:--max-events | sess-find:--input-format | sess-find:--mask-ip | sess-find:--max-line | sess-find:--shard | sess-find:--jobs | sess-find:-j | sess-find:--memory | sess-find:--now | sess-find:--tz) return ;;
	sess-path:--format | sess-path:-o) words='text json ndjson' ;;
	sess-path:--kind) words='view load resource action api error leave vital longtask timing metric custom request' ;;
	sess-path:--color) words='auto always never' ;;
	sess-path:--session-rule) words='arms rum visit datadog faro newrelic posthog splunk' ;;
	sess-path:--clock) words='auto client server' ;;
	sess-path:--before-error | sess-path:--width | sess-path:--session-by | sess-path:--idle | sess-path:--max-duration | sess-path:--newest | sess-path:--max-events | sess-path:--input-format | sess-path:--mask-ip | sess-path:--max-line | sess-path:--shard | sess-path:--jobs | sess-path:-j | sess-path:--memory | sess-path:--now | sess-path:--tz) return ;;
	sess-stats:--report | sess-stats:-r) words='overview slow pages errors errors-by-page apis resources vitals sessions users flows paths funnel frustration log' ;;
	sess-stats:--format | sess-stats:-o) words='table ndjson csv tsv ids html prometheus' ;;
	sess-stats:--color) words='auto always never' ;;
	sess-stats:--session-rule) words='arms rum visit datadog faro newrelic posthog splunk' ;;
	sess-stats:--clock) words='auto client server' ;;
	sess-stats:--user | sess-stats:--user-name | sess-stats:--session | sess-stats:--ip | sess-stats:--page | sess-stats:--browser | sess-stats:--browser-version | sess-stats:--os | sess-stats:--device | sess-stats:--network | sess-stats:--region | sess-stats:--country | sess-stats:--city | sess-stats:--release | sess-stats:--environment | sess-stats:--app | sess-stats:--since | sess-stats:--until | sess-stats:--error | sess-stats:--api | sess-stats:--status | sess-stats:--trace-id | sess-stats:--where | sess-stats:-w | sess-stats:--path | sess-stats:--by | sess-stats:--interval | sess-stats:--compare | sess-stats:--funnel | sess-stats:--threshold | sess-stats:--fail-if | sess-stats:--sort | sess-stats:--limit | sess-stats:-n | sess-stats:--paths | sess-stats:--title | sess-stats:--width | sess-stats:--session-by | sess-stats:--idle | sess-stats:--max-duration | sess-stats:--newest | sess-stats:--max-events | sess-stats:--input-format | sess-stats:--mask-ip | sess-stats:--max-line | sess-stats:--shard | sess-stats:--jobs | sess-stats:-j | sess-stats:--memory | sess-stats:--now | sess-stats:--tz) return ;;
	sess-index:--format | sess-index:-o) words='text json prometheus' ;;
	sess-index:--user | sess-index:--user-name | sess-index:--session-by | sess-index:--prune | sess-index:--sql | sess-index:--input-format | sess-index:--mask-ip | sess-index:--max-line | sess-index:--shard | sess-index:--jobs | sess-index:-j | sess-index:--memory | sess-index:--now) return ;;
	sess-spark:--master | sess-spark:--conf | sess-spark:--shards) return ;;
	esac
	case ${1##*/}:$cur in
	sess-ingest:-*) words='--keyed --session-by --format --input-format --map --trust-forwarded --geoip --ua-regexes --hash-user --mask-ip --drop-query --extra --rejects --summary --strict --max-line --shard --jobs --tmpdir --quiet --verbose --no-progress --help --version' ;;
	sess-find:-*) words='--user --user-name --session --ids-from --ip --page --browser --browser-version --os --device --network --region --country --city --release --environment --app --since --until --error --has-error --api --api-failed --status --slow-load --slow-api --trace-id --where --path --related --invert-match --list --ids --count --null --sort --limit --keyed --session-rule --session-by --idle --max-duration --clock --sorted --newest --follow --each --max-events --default-store --store --input-format --map --trust-forwarded --geoip --ua-regexes --hash-user --mask-ip --drop-query --extra --rejects --summary --strict --max-line --shard --jobs --memory --tmpdir --now --tz --no-match-ok --quiet --verbose --no-progress --help --version' ;;
	sess-path:-*) words='--ids-from --null --format --collapse --details --before-error --kind --only-problems --slow-load --slow-api --raw-from --color --width --session-rule --session-by --idle --max-duration --clock --sorted --newest --follow --max-events --default-store --store --input-format --map --trust-forwarded --geoip --ua-regexes --hash-user --mask-ip --drop-query --extra --rejects --summary --strict --max-line --shard --jobs --memory --tmpdir --now --tz --no-match-ok --quiet --verbose --no-progress --help --version' ;;
	sess-stats:-*) words='--user --user-name --session --ids-from --ip --page --browser --browser-version --os --device --network --region --country --city --release --environment --app --since --until --error --has-error --api --api-failed --status --slow-load --slow-api --trace-id --where --path --invert-match --report --by --interval --compare --funnel --threshold --columns --fail-if --partial --merge --null --sort --limit --format --paths --title --details --color --width --session-rule --session-by --idle --max-duration --clock --sorted --newest --max-events --default-store --store --input-format --map --trust-forwarded --geoip --ua-regexes --hash-user --mask-ip --drop-query --extra --rejects --summary --strict --max-line --shard --jobs --memory --tmpdir --now --tz --no-match-ok --quiet --verbose --no-progress --help --version' ;;
	sess-index:-*) words='--user --user-name --format --session-by --store --incremental --compact --prune --forget --stat --verify --salvage --sql --input-format --map --trust-forwarded --geoip --ua-regexes --hash-user --mask-ip --drop-query --extra --rejects --summary --strict --max-line --shard --jobs --memory --tmpdir --now --quiet --verbose --no-progress --help --version' ;;
	sess-spark:-*) words='--text --parquet --master --conf --shards --ship --ship-programs --help --version' ;;
	esac
	if [ -n "$words" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -F _sess sess-ingest sess-find sess-path sess-stats sess-index sess-spark
