#!/bin/sh
# The source tree stays as it is, every source is listed, and a release is the git tree.

# shellcheck source=../lib/packaging.sh
. "$(dirname "$0")/../lib/packaging.sh"

copy_tree "$tmp/source"
every_file "$tmp/source" >"$tmp/before"
in_dir "$tmp/out" "$tmp/source/configure" --quiet >"$tmp/log" 2>&1
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
in_dir "$src" find policy helper pam_module tests/unit -name '*.c' | sort >"$tmp/files"
t 'every source is listed, and every listed one is there' diff "$tmp/files" "$tmp/names"

# installed SOURCE: the tree's files that only make sense installed.
"$make" -s -C "$tmp/listed" print-INSTALLED >"$tmp/installed"
t_same 'every page, filter and configuration file is installed' \
	"$(in_dir "$src" find man etc \( -name '*.[1-9]' -o -name '*.filter' -o -name '*.conf' \) |
		while read -r file; do
			grep -q " $file " "$tmp/installed" || echo "$file"
		done)" ''

if ! git -C "$src" rev-parse HEAD >/dev/null 2>&1; then
	skip 'a release can be made' 'not a git tree'
	finish
fi
t 'a release can be made' "$make" -s -C "$tmp/listed" dist
tarball=$tmp/listed/carrel-$(variable "$tmp/listed" VERSION).tar.gz
mkdir "$tmp/release" && tar -C "$tmp/release" -xzf "$tarball"
mkdir "$tmp/head" && git -C "$src" archive HEAD | tar -C "$tmp/head" -xf -
t 'and holds exactly the git tree' diff -r "$tmp/head" "$tmp/release/$(basename "$tarball" .tar.gz)"
cp "$tarball" "$tmp/first.tar.gz"
sleep 1
"$make" -s -C "$tmp/listed" dist
t 'and is the same when made again' cmp "$tmp/first.tar.gz" "$tarball"
finish
