#!/bin/sh
# Building for another machine: --host names the tools, and what needs no foreign library really compiles.

# shellcheck source=../lib/packaging.sh
. "$(dirname "$0")/../lib/packaging.sh"

mkdir "$tmp/bin"
for tool in gcc ar pkg-config; do
	printf '#!/bin/sh\nexec %s "$@"\n' "$tool" >"$tmp/bin/some-host-$tool"
	chmod +x "$tmp/bin/some-host-$tool"
done
t '--host is taken' in_dir "$tmp/host" env -u CC PATH="$tmp/bin:$PATH" "$src/configure" --quiet --host=some-host
t_same '--host picks its compiler' "$(variable "$tmp/host" CC)" some-host-gcc
t_same '--host picks its ar' "$(variable "$tmp/host" AR)" some-host-ar
t_same 'CC= wins over --host' "$(in_dir "$tmp/wins" env PATH="$tmp/bin:$PATH" "$src/configure" --quiet --host some-host \
	CC=gcc && variable "$tmp/wins" CC)" gcc
t_same 'a host without tools of its own uses ours' \
	"$(in_dir "$tmp/none" env -u CC "$src/configure" --quiet --host=no-such-host && variable "$tmp/none" CC)" cc

need aarch64-linux-gnu-gcc readelf
t 'compiles for aarch64' "$make" -C "$tmp/wins" cross-check
for program in carrel carrel-door carrel-relay carrel-init carrel-root; do
	t_match "$program is a program for aarch64" "$(readelf -hW "$tmp/wins/$program.cross")" 'Machine: +AArch64'
	t_same "$program leaves nothing undefined there" "$(nm -u "$tmp/wins/$program.cross")" ''
done
finish
