#!/usr/bin/env bats
# The recipes of sess-cluster(7) for GNU parallel: on one machine, and on hosts that have
# their own addresses and sshd, of which one is cut off meanwhile.

load ../e2e/helper
load helper

# A host is a network namespace; they and the one that parallel runs in are on a bridge
# in the latter.  Nothing of it is seen by the machine's own network.
NET=10.213.87

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	archives 40000
	sess-stats -q -r errors,apis -o ndjson logs >want.stats
	sess-find -q --has-error -l logs >want.list
	sess-find -q --has-error logs | without_src >want.events
	echo "sess-$$" >name
	if ip netns add "sess-$$-0" && ip netns exec "sess-$$-0" true; then
		hosts_up
	else
		echo '# SKIPPED: this machine lets nobody have network namespaces: no host was tried' >&3
		: >no-hosts
	fi
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	hosts_down
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	rm -rf work held started lost
}

teardown() {
	touch lost
}

hosts_up() {
	local i
	ip -n "$(cat name)-0" link add lan type bridge
	ip -n "$(cat name)-0" addr add "$NET.1/24" dev lan
	ip -n "$(cat name)-0" link set lan up
	ssh-keygen -q -t ed25519 -N '' -f key
	ssh-keygen -q -t ed25519 -N '' -f hostkey
	for i in 1 2 3; do
		host_up "$i"
		printf '2/%s.1%d\n' "$NET" "$i" >>hosts
		printf '%s.1%d %s\n' "$NET" "$i" "$(cut -d ' ' -f 1,2 hostkey.pub)" >>known
	done
	cat >ssh_config <<-END
	User root
	IdentityFile $PWD/key
	UserKnownHostsFile $PWD/known
	BatchMode yes
	ConnectTimeout 3
	ServerAliveInterval 1
	ServerAliveCountMax 3
	END
	for i in 1 2 3; do
		waits_for on_lan ssh -F "$PWD/ssh_config" "$NET.1$i" true 2>/dev/null
	done
}

# host_up I: its namespace, its place on the bridge and its sshd, the folder of which
# nobody else sees.
host_up() {
	local name
	name=$(cat name)
	ip netns add "$name-$1"
	ip -n "$name-0" link add "port$1" type veth peer name eth0 netns "$name-$1"
	ip -n "$name-0" link set "port$1" master lan up
	ip -n "$name-$1" addr add "$NET.1$1/24" dev eth0
	ip -n "$name-$1" link set eth0 up
	cat >"sshd_config.$1" <<-END
	ListenAddress $NET.1$1
	HostKey $PWD/hostkey
	AuthorizedKeysFile $PWD/key.pub
	PidFile none
	StrictModes no
	UsePAM no
	PermitRootLogin prohibit-password
	MaxStartups 100
	SetEnv PATH=$PWD/held:$PATH
	END
	mkdir -p home
	ip netns exec "$name-$1" sh -c 'mount -t tmpfs none home && mount -t tmpfs none /run && mkdir /run/sshd &&
	    exec /usr/sbin/sshd -D -e -f "$0"' "$PWD/sshd_config.$1" 3>&- &
}

hosts_down() {
	local i name
	name=$(cat name 2>/dev/null) || return 0
	for i in 0 1 2 3; do
		# its processes are ours
		ip netns pids "$name-$i" 2>/dev/null | xargs -r kill -KILL
		ip netns del "$name-$i" 2>/dev/null || :
	done
}

# on_lan COMMAND...: from where the hosts are seen.
on_lan() {
	ip netns exec "$(cat name)-0" "$@"
}

# recipe NAME: as it stands in the page.
recipe() {
	awk -v name="$1" '
	$0 == ".\\\" recipe: " name { wanted = 1 }
	wanted && /^\.Ed/ { exit }
	shown { gsub(/\\&/, ""); gsub(/\\e/, "\\"); print }
	wanted && /^\.Bd/ { shown = 1 }' "$ROOT/man/sess-cluster.7" >"recipe.$1"
	[ -s "recipe.$1" ]
	PARALLEL_SSH="ssh -F $PWD/ssh_config" on_lan timeout 300 bash -eo pipefail "recipe.$1" 3>&-
}

need_hosts() {
	[ ! -e no-hosts ] || skip 'no network namespaces'
}

# cut_off PROGRAM: let that hold on the third host, and take its cable out then.
cut_off() {
	need_hosts
	holding "$1" "\$SSH_CONNECTION = *' $NET.13 22'"
	(
		waits_for [ -s started ]
		ip -n "$(cat name)-3" link set eth0 down
		: >lost
	) 3>&- &
}

# was_cut_off: it was meanwhile, and is back.
was_cut_off() {
	[ -s started ]
	[ -e lost ]
	run on_lan ssh -F ssh_config "$NET.13" true
	exits 255
	ip -n "$(cat name)-3" link set eth0 up
	waits_for on_lan ssh -F ssh_config "$NET.13" true 2>/dev/null
}

@test "shares of the sessions, one after the other" {
	on_lan() { "$@"; }
	recipe local >got
	sess-stats -q -r errors,apis logs | cmp - got
}

@test "hosts that share a file system, one cut off while archives are read" {
	cut_off sess-ingest
	recipe share
	was_cut_off
	[ "$(find work/shares -mindepth 1 -maxdepth 1 | wc -l)" -eq "$(find logs -type f | wc -l)" ]
	recipe sums >got
	sess-stats -q -r errors,apis logs | cmp - got
	recipe find >got
	same_lines want.list got
	[ "$(recipe index)" -eq "$(wc -l <want.list)" ]
	sess-find --store work/store -l --has-error | cmp want.list -
}

@test "one cut off while shards are counted" {
	need_hosts
	recipe share
	cut_off sess-stats
	recipe sums >got
	was_cut_off
	sess-stats -q -r errors,apis logs | cmp - got
}

@test "hosts that share nothing, one cut off" {
	cut_off sess-ingest
	recipe transfer >got
	was_cut_off
	without_src <got >got.events
	same_lines want.events got.events
}
