#!/bin/sh
# carrel filter import and export as commands: what they write, report and refuse. filter-import-runtimes.sh has the
# programs that crun and runc load for the same profiles.

# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

carrel=$build/carrel
samples=$src/tests/import
etc=$tmp/etc
mkdir -p "$etc"
cp -R "$src/etc/filters" "$etc/filters"
printf '[profile p]\n[assign]\n* = p\n' >"$etc/carrel.conf"

# status COMMAND...: its exit status alone.
status() {
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	echo $?
}

# ---- writing ----

t_same 'a profile is taken over' "$(status "$carrel" filter import --caps-from docker --kernel 6.18 --arch x86-64 \
	"$samples/docker.json")" 0
t_match 'with its default' "$(cat "$tmp/out")" '^refuse = @known:EPERM$'
t_match 'ranges and single values as what they leave out' "$(cat "$tmp/out")" '^socket.domain = not AF_ALG AF_VSOCK else EPERM$'
t_match 'masks by name' "$(cat "$tmp/out")" '^clone.flags = not CLONE_NEWNS CLONE_NEWCGROUP'
t_match 'calls that nobody knows in the way that keeps them' "$(cat "$tmp/out")" '[?]no_such_call'
t_match 'and the other ABI as a comment' "$(cat "$tmp/out")" '^; arches = native i386$'
t_match 'the report says what is closed' "$(cat "$tmp/err")" 'closed: socket.domain has 32 bits .* 0x1000000(26|28) passes it, and is AF_(ALG|VSOCK)'
t_match 'which ABIs are not taken over' "$(cat "$tmp/err")" 'not taken over: the x32 ABI'
t_match 'what is unknown' "$(cat "$tmp/err")" "unknown system call 'no_such_call'"

out=$tmp/lab.filter
t 'it goes into a file' "$carrel" filter import --arch x86-64 -o "$out" "$samples/docker.json"
t_same 'that no second one replaces' "$(status "$carrel" filter import --arch x86-64 -o "$out" "$samples/podman.json")" 2
t_match 'as it says' "$(cat "$tmp/err")" 'exists; --force'
t_not 'nor did' grep -q podman "$out"
t 'without --force' "$carrel" filter import --arch x86-64 --force --name lab --output "$out" "$samples/podman.json"
t 'with it, it does' grep -q '^description = imported from lab$' "$out"
t 'and is a filter' "$carrel" filter show --config "$etc" --arch x86-64 "$out"

# ---- conditions ----

# allows CALL OPTION...: does the filter out of docker.json allow it?
# shellcheck disable=SC2317 # t calls it
allows() {
	call=$1
	shift
	"$carrel" filter import --arch x86-64 "$@" "$samples/docker.json" 2>/dev/null |
		sed -n '/^allow/,/^[a-z]* = [^a]/p' | grep -qw "$call"
}
t_not 'no capability, no mount' allows mount
t 'with the capability, mount' allows mount --caps CAP_SYS_ADMIN
t_not 'one of two is not enough' allows process_vm_readv --caps CAP_SYS_ADMIN
t 'both are' allows process_vm_readv --caps CAP_SYS_ADMIN,CAP_SYS_PTRACE
t_not 'docker gives none of them' allows mount --caps-from docker
t_not 'an old kernel' allows ptrace --kernel 4.7
t 'and a new one' allows ptrace --kernel 4.8.1-generic
t_not 'the other architecture is not meant' allows modify_ldt
t 'unless it is' allows modify_ldt --arch aarch64

# ---- refusing ----

t_same 'an unknown option' "$(status "$carrel" filter import --nonsense "$samples/docker.json")" 2
t_match 'is named' "$(cat "$tmp/err")" "unknown option '--nonsense'"
t_same 'an option without its value' "$(status "$carrel" filter import --caps)" 2
t_same 'two files' "$(status "$carrel" filter import a b)" 2
t_same 'no capability' "$(status "$carrel" filter import --caps SYS_ADMIN "$samples/docker.json")" 2
t_same 'no engine' "$(status "$carrel" filter import --caps-from lxc "$samples/docker.json")" 2
t_same 'no kernel' "$(status "$carrel" filter import --kernel six "$samples/docker.json")" 2
t_same 'no such file' "$(status "$carrel" filter import "$tmp/none")" 2
t_match 'is named too' "$(cat "$tmp/err")" "none: No such file"
t_same 'the wrong form' "$(status "$carrel" filter import --from systemd "$samples/docker.json")" 2
printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_NOTIFY"}]}' >"$tmp/notify.json"
t_same 'what no filter can say' "$(status "$carrel" filter import "$tmp/notify.json")" 2
t_match 'has its place named' "$(cat "$tmp/err")" 'notify.json: syscalls\[0\]: SCMP_ACT_NOTIFY'
t_same 'and nothing is written' "$(cat "$tmp/out")" ''

# ---- systemd ----

cat >"$tmp/lab.service" <<'UNIT'
[Unit]
Description=a laboratory

[Service]
ExecStart=/bin/true
SystemCallFilter=@system-service
SystemCallFilter=~@resources \
	mount
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET
MemoryDenyWriteExecute=yes
UNIT
t_same 'a unit is taken over' "$(status "$carrel" filter import --arch x86-64 "$tmp/lab.service")" 0
t_match 'with its families' "$(cat "$tmp/out")" '^socket.domain = AF_UNIX AF_INET else EAFNOSUPPORT$'
t_not 'but not what it takes back' grep -Eqw 'mbind|mount' "$tmp/out"
t_match 'nor, as it says, what is no list' "$(cat "$tmp/err")" 'line 12: MemoryDenyWriteExecute= is not taken over'

# ---- there and back ----

for name in default login root strict; do
	"$carrel" filter export --config "$etc" --arch x86-64 "$name" >"$tmp/$name.json" 2>"$tmp/err" &&
		"$carrel" filter import --arch x86-64 -o "$tmp/back-$name.filter" "$tmp/$name.json" 2>>"$tmp/err"
	t_match "$name comes back the same" "$("$carrel" filter diff --config "$etc" --arch x86-64 --json \
		"$name" "$tmp/back-$name.filter")" '"same": true'
done
t_same 'docker has another form' "$(status "$carrel" filter export --config "$etc" --format docker --root yes login)" 0
t_match 'with a map of architectures' "$(cat "$tmp/out")" '"archMap"'
t_same 'a unit cannot say all' "$(status "$carrel" filter export --config "$etc" --format systemd default)" 0
t_match 'and what it cannot is named' "$(cat "$tmp/err")" '^not said: the rule about ioctl.request, .*default.filter:[0-9]+$'
t_same 'no such form' "$(status "$carrel" filter export --config "$etc" --format xml default)" 2
t_same 'no such filter' "$(status "$carrel" filter export --config "$etc" nonsense)" 2

finish
