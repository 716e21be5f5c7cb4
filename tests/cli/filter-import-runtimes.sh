#!/bin/sh
# What carrel filter import makes of a profile, beside the programs that crun and runc really load for it.

# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

[ "$(uname -m)" = x86_64 ] || skip_rest 'the profiles are resolved for x86-64'
[ "$(id -u)" = 0 ] || skip_rest 'needs root, for a container'
need crun runc jq cc unshare

carrel=$build/carrel
samples=$src/tests/import
bundle=$tmp/bundle
docker='CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID CAP_FOWNER CAP_MKNOD CAP_NET_RAW CAP_SETGID CAP_SETUID CAP_SETFCAP CAP_SETPCAP'
docker="$docker CAP_NET_BIND_SERVICE CAP_SYS_CHROOT CAP_KILL CAP_AUDIT_WRITE"

# The program in the container. It needs no system call, so that every filter leaves it alive, to be looked at.
mkdir -p "$bundle/rootfs/dev" "$bundle/rootfs/proc" "$tmp/state"
cat >"$tmp/spin.c" <<'C'
void _start(void);
void _start(void)
{
	for (;;)
		__asm__ volatile("pause");
}
C
cc -static -nostdlib -o "$bundle/rootfs/spin" "$tmp/spin.c" || skip_rest 'cc links no static program'

# What Docker and Podman do to a profile before a runtime sees it.
cat >"$tmp/resolve.jq" <<'JQ'
def reached: split(".") | map(tonumber) | .[0] * 1000 + .[1] <= 6018;
def held: IN($caps | splits(" "));
def given: with_entries(select(.value != null));
{
	defaultAction, defaultErrnoRet,
	architectures: [.archMap[] | select(.architecture == "SCMP_ARCH_X86_64") | .architecture, .subArchitectures[]?],
	syscalls: [.syscalls[] | select(
		all(.includes.caps[]?; held) and all(.excludes.caps[]?; held | not) and
		(.includes.arches // [] | length == 0 or any(.[]; . == "amd64")) and all(.excludes.arches[]?; . != "amd64") and
		(.includes.minKernel // "0.0" | reached) and (.excludes.minKernel // "999.0" | reached | not)
	) | { names, action, errnoRet, args } | given]
} | given
JQ

# opened FILE: a profile with what runc itself calls between loading a filter and the program's execve; and with socketcall, as
# every engine's profile has it: without it two rules about socket are one for i386, and runtimes refuse that.
opened() {
	jq '.syscalls = [{ names: ["close", "execve", "fcntl", "fstatfs", "futex", "getdents64", "openat", "read", "socketcall",
		"write"], action: "SCMP_ACT_ALLOW" }] + .syscalls' "$1"
}

# bundled PROFILE: the bundle's config.json with this seccomp part.
bundled() {
	jq -n --slurpfile seccomp "$1" '{
		ociVersion: "1.0.2",
		process: { terminal: false, noNewPrivileges: true, user: { uid: 0, gid: 0 }, args: ["/spin"], cwd: "/", env: [] },
		root: { path: "rootfs" },
		mounts: [{ destination: "/proc", type: "proc", source: "proc" },
			{ destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] }],
		linux: { namespaces: [{ type: "mount" }, { type: "pid" }], seccomp: $seccomp[0] }
	}' >"$bundle/config.json"
}

# in_private COMMAND ARGUMENT…: with control groups of its own: the machine's are not for these containers.
# shellcheck disable=SC2317 # t calls it
in_private() {
	# shellcheck disable=SC2016
	tmp=$tmp bundle=$bundle timeout 60 unshare -m -C sh -c '
		umount -R /sys/fs/cgroup
		mount -t cgroup2 none /sys/fs/cgroup || mount -t tmpfs none /sys/fs/cgroup
		'"$1" sh "$@" </dev/null
}

# shellcheck disable=SC2317 # t calls it
with_crun() {
	# shellcheck disable=SC2016
	in_private 'crun --root "$tmp/state" --cgroup-manager=disabled create --bundle "$bundle" --no-pivot probe &&
			"$2" --against "$3" "$4" "$tmp/state/probe/seccomp.bpf"
		status=$?
		crun --root "$tmp/state" --cgroup-manager=disabled delete --force probe
		exit $status' "$build/tests/unit/test-import" "$1" "$2"
}

# runc keeps no copy of its program; the kernel tells the one that the container's process is under.
# shellcheck disable=SC2317 # t calls it
with_runc() {
	# shellcheck disable=SC2016
	in_private 'runc --root "$tmp/state" run -d --bundle "$bundle" --no-pivot --pid-file "$tmp/pid" probe >"$tmp/runc" 2>&1 &&
			"$2" --against "$3" "$4" "$(cat "$tmp/pid")"
		status=$?
		cat "$tmp/runc"
		runc --root "$tmp/state" delete --force probe
		rm -f "$tmp/pid"
		exit $status' "$build/tests/unit/test-import" "$1" "$2"
}

# same WHAT PROFILE RESOLVED CAPS
same() {
	bundled "$3"
	t "$1: crun loads what the imported filter says" with_crun "$2" "$4"
	# runc 1.1 takes no flags; they change no verdict.
	jq 'del(.flags)' "$3" >"$tmp/flagless.json"
	bundled "$tmp/flagless.json"
	t "$1: runc loads what the imported filter says" with_runc "$2" "$4"
}

jq .linux.seccomp "$samples/oci.json" >"$tmp/oci.json"
opened "$tmp/oci.json" >"$tmp/opened.json"
same 'an OCI profile' "$tmp/opened.json" "$tmp/opened.json" ''

mkdir "$tmp/etc"
cp -R "$src/etc/filters" "$tmp/etc/filters"
printf '[profile p]\n[assign]\n* = p\n' >"$tmp/etc/carrel.conf"
"$carrel" filter export --config "$tmp/etc" --arch x86-64 default >"$tmp/default.json" 2>/dev/null
same 'the default filter, exported' "$tmp/default.json" "$tmp/default.json" ''

set -- "$samples/docker.json" "$samples/podman.json"
if [ -e /usr/share/containers/seccomp.json ]; then
	set -- "$@" /usr/share/containers/seccomp.json
else
	skip "the installed profile" "no /usr/share/containers/seccomp.json (Debian: golang-github-containers-common)"
fi
for profile; do
	opened "$profile" >"$tmp/opened.json"
	for caps in '' "$docker" 'CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_BPF'; do
		jq --arg caps "$caps" -f "$tmp/resolve.jq" "$tmp/opened.json" >"$tmp/resolved.json"
		same "$(basename "$(dirname "$profile")")/${profile##*/} with $(printf '%s' "$caps" | wc -w) capabilities" "$tmp/opened.json" "$tmp/resolved.json" "$caps"
	done
done

jq --arg caps '' -f "$tmp/resolve.jq" "$tmp/opened.json" >"$tmp/resolved.json"
bundled "$tmp/resolved.json"
t_not 'another filter is told from it' with_runc "$tmp/opened.json" CAP_SYS_ADMIN

finish
