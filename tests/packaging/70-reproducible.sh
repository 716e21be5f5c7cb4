#!/bin/sh
# Two builds from two places at two times are the same, bit for bit.

# shellcheck source=../lib/packaging.sh
. "$(dirname "$0")/../lib/packaging.sh"

t_not 'no source asks for the date' grep -rnE '__DATE__|__TIME__|__TIMESTAMP__' "$src/policy" "$src/helper" "$src/pam_module"

copy_tree "$tmp/sources"
# build_in DIR: everything that is installed, from sources in DIR/s with debugging information, as Debian does.
build_in() {
	mkdir "$1" && cp -R "$tmp/sources" "$1/s"
	in_dir "$1/b" "$1/s/configure" --quiet --prefix=/usr \
		CFLAGS="-g -O2 -ffile-prefix-map=$1=." >"$1/log" 2>&1 &&
		TZ=$2 "$make" -C "$1/b" -j2 all >>"$1/log" 2>&1 &&
		"$make" -C "$1/b" install DESTDIR="$1/d" >>"$1/log" 2>&1
}

t 'builds in one place' build_in "$tmp/one" UTC
t 'and in another' build_in "$tmp/another-with-a-longer-name" Asia/Tokyo
every_file "$tmp/one/d" >"$tmp/1"
every_file "$tmp/another-with-a-longer-name/d" >"$tmp/2"
t 'something was installed' grep -q carrel-init "$tmp/1"
t 'both are the same' diff "$tmp/1" "$tmp/2"
t 'and so is the archive' cmp "$tmp/one/b/libcarrel.a" "$tmp/another-with-a-longer-name/b/libcarrel.a"

# Without debugging information not even a prefix map is needed: assert() is given short names.
in_dir "$tmp/plain" "$tmp/one/s/configure" --quiet CFLAGS=-O0 >/dev/null 2>&1
"$make" -C "$tmp/plain" -j2 all >/dev/null 2>&1
for product in carrel carrel-helper carrel-door carrel-relay carrel-init carrel-root pam_carrel.so; do
	t_same "$product does not name the place it was built in" "$(grep -cF "$tmp" "$tmp/plain/$product")" 0
done
finish
