#!/bin/sh
# The source tree stays as it is, every source is listed, and a release is the git tree.

# shellcheck source=../lib/packaging.sh
. "$(dirname "$0")/../lib/packaging.sh"

copy_tree "$tmp/source"
# git knows no empty directories.
find "$tmp/source" -type d -empty -delete
every_file "$tmp/source" >"$tmp/before"
in_dir "$tmp/out" "$tmp/source/configure" --quiet CFLAGS=-O0 >"$tmp/log" 2>&1
"$make" -C "$tmp/out" -j2 check-build >>"$tmp/log" 2>&1
t 'builds outside the source tree' test -e "$tmp/out/libcarrel.a"
every_file "$tmp/source" >"$tmp/after"
t 'and leaves no trace in it' diff "$tmp/before" "$tmp/after"

"$make" -s -C "$tmp/out" clean >/dev/null
t_same 'clean leaves what configure wrote' \
	"$(in_dir "$tmp/out" find . -type f | sort | tr '\n' ' ')" './Makefile ./config.log ./config.status '
"$make" -s -C "$tmp/out" distclean >/dev/null
t_same 'distclean leaves nothing' "$(in_dir "$tmp/out" find . -type f)" ''

in_dir "$tmp/source" ./configure --quiet >/dev/null 2>&1
"$make" -C "$tmp/source" policy/base/err.o etc/systemd/carrel-helper.service >"$tmp/log" 2>&1
t 'builds inside the source tree too' test -e "$tmp/source/policy/base/err.o" -a -e "$tmp/source/etc/systemd/carrel-helper.service"
"$make" -s -C "$tmp/source" distclean >/dev/null 2>&1
every_file "$tmp/source" >"$tmp/after"
t 'distclean restores it' diff "$tmp/before" "$tmp/after"

# Makefile.in lists sources; one that is forgotten is neither built nor tested.
listed() {
	variable "$tmp/listed" DYNAMIC_SRC
	variable "$tmp/listed" STATIC_SRC
	variable "$tmp/listed" PIC_SRC
}
in_dir "$tmp/listed" "$src/configure" --quiet >/dev/null 2>&1
listed | tr ' ' '\n' | sed '/^$/d' | sort -u >"$tmp/names"
in_dir "$src" find policy helper pam_module tests/unit tests/bench tests/filter -name '*.c' | sort >"$tmp/files"
t 'every source is listed, and every listed one is there' diff "$tmp/files" "$tmp/names"

"$make" -s -C "$tmp/listed" print-INSTALLED >"$tmp/installed"
t_same 'every page, filter and configuration file is installed' \
	"$(in_dir "$src" find man etc \( -name '*.[1-9]' -o -name '*.filter' -o -name '*.conf' \) |
		while read -r file; do
			grep -q " $file " "$tmp/installed" || echo "$file"
		done)" ''

# A release is made from whatever git holds; here, from a tree of this test's own.
need git
GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null HOME=$tmp
export GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM HOME
git_here() {
	git -C "$tmp/source" -c user.name=test -c user.email=test@localhost "$@"
}
echo 'not in git' >"$tmp/source/policy/base/stray.o"
t 'a git tree holds the sources' sh -c "cd '$tmp/source' && git init -q . && git add -A"
git_here commit -q -m release
in_dir "$tmp/dist" "$tmp/source/configure" --quiet >"$tmp/log" 2>&1
t 'a release can be made' "$make" -s -C "$tmp/dist" dist
tarball=$tmp/dist/carrel-$(variable "$tmp/dist" VERSION).tar.gz
mkdir "$tmp/release" && tar -C "$tmp/release" -xzf "$tarball"
rm "$tmp/source/policy/base/stray.o"
mv "$tmp/source/.git" "$tmp/git"
t 'and holds all of it and nothing else' diff -r --no-dereference "$tmp/source" "$tmp/release/$(basename "$tarball" .tar.gz)"
mv "$tmp/git" "$tmp/source/.git"
mv "$tarball" "$tmp/first.tar.gz"
sleep 1
"$make" -s -C "$tmp/dist" dist
t 'and is the same when made again' cmp "$tmp/first.tar.gz" "$tarball"
finish
