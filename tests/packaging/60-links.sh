#!/bin/sh
# What each product links and exports: a new line here is a decision, as in Makefile.in.

# shellcheck source=../lib/packaging.sh
. "$(dirname "$0")/../lib/packaging.sh"

need readelf nm
# A sanitized build links more; what is installed is what counts.
if [ ! -e "$build/pam_carrel.so" ] || [ -n "$("$make" -s -C "$build" print-SANITIZE)" ]; then
	build=$tmp/plain
	in_dir "$build" "$src/configure" --quiet >"$tmp/log" 2>&1
	t 'builds without sanitizers' "$make" -C "$build" -j2 all
fi

needed() {
	readelf -dW "$build/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' | sort | tr '\n' ' '
}
t_same 'the module links libpam and the C library' "$(needed pam_carrel.so)" 'libc.so.6 libpam.so.0 '
t_same 'the module exports its four entry points' \
	"$(nm -D --defined-only "$build/pam_carrel.so" | sed 's/.* //; s/@.*//' | sort | tr '\n' ' ')" \
	'pam_sm_authenticate pam_sm_close_session pam_sm_open_session pam_sm_setcred '
t_same 'the helper links these' "$(needed carrel-helper)" \
	'libc.so.6 libcap.so.2 libinih.so.1 libseccomp.so.2 libsodium.so.23 libsubid.so.4 libsystemd.so.0 '
t_same 'the command links these' "$(needed carrel-cli)" \
	'libarchive.so.13 libc.so.6 libelf.so.1 libinih.so.1 libjansson.so.4 libseccomp.so.2 libsodium.so.23 libsubid.so.4 libsystemd.so.0 '

for program in carrel carrel-door carrel-relay carrel-init carrel-root; do
	file=$build/$program
	t_same "$program has no loader" "$(readelf -lW "$file" | grep -E 'INTERP|DYNAMIC')" ''
	t_same "$program leaves nothing undefined" "$(nm -u "$file")" ''
	t_match "$program has no executable stack" "$(readelf -lW "$file")" 'GNU_STACK.* RW +0x'
	t_same "$program has no segment both written and executed" "$(readelf -lW "$file" | grep LOAD | grep RWE)" ''
	t_not "$program asks nobody for names" sh -c "nm '$file' | grep -E ' (getpw.*|getgr(nam|gid|ent).*|dlopen|.*printf|malloc|system)\$'"
	t "$program is under 64 KiB of code and data" sh -c "[ \$(size '$file' | awk 'NR == 2 { print \$1 + \$2 }') -lt 65536 ]"
done

for product in carrel-cli carrel-helper pam_carrel.so; do
	file=$build/$product
	t_match "$product is position independent" "$(readelf -hW "$file")" 'Type: +DYN'
	t_match "$product has relro" "$(readelf -lW "$file")" GNU_RELRO
	t_match "$product binds at start" "$(readelf -dW "$file")" 'BIND_NOW|FLAGS.* NOW'
	t_same "$product has no run path" "$(readelf -dW "$file" | grep -E 'RPATH|RUNPATH')" ''
	t_match "$product has a stack protector" "$(nm -D "$file")" __stack_chk_fail
done
finish
