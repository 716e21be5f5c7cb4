#!/bin/sh
# The scripts a builder or an administrator runs are plain POSIX sh, and shellcheck finds nothing in them.

# shellcheck source=../lib/packaging.sh
. "$(dirname "$0")/../lib/packaging.sh"

# makefile_by SHELL...: the Makefile that configure writes when that shell runs it.
makefile_by() {
	rm -rf "$tmp/by"
	in_dir "$tmp/by" "$@" "$src/configure" --quiet --prefix=/usr 'CFLAGS=-O1 -DX=1 -g' >/dev/null 2>&1 || return 1
	cat "$tmp/by/Makefile"
}

makefile_by sh >"$tmp/expected"
t 'configure works under sh' test -s "$tmp/expected"
for shell in dash 'bash --posix' 'busybox sh' 'mksh' 'ksh' 'yash'; do
	if ! command -v "${shell%% *}" >/dev/null 2>&1; then
		case $shell in
		dash | bash* | busybox*) skip "configure works under $shell" "no ${shell%% *}" ;;
		esac
		continue
	fi
	# shellcheck disable=SC2086
	makefile_by $shell >"$tmp/seen"
	t "configure writes the same under $shell" cmp "$tmp/expected" "$tmp/seen"
done

# Excuses: functions passed by name look unreachable (2317) or are (2329).
checked() {
	shellcheck -x -P SCRIPTDIR -e SC2317,SC2329 "$1"
}
if command -v shellcheck >/dev/null 2>&1; then
	for script in configure quickstart .ci/run tests/check-layers.sh tests/lib/tap-summary tests/lib/test.sh \
		tests/lib/packaging.sh "$src"/tests/packaging/*.sh; do
		script=${script#"$src/"}
		if [ -f "$src/$script" ]; then
			t "shellcheck finds nothing in $script" in_dir "$src" checked "$script"
		fi
	done
else
	skip 'shellcheck finds nothing' 'no shellcheck'
fi
finish
