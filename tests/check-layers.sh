#!/bin/sh
# check-layers.sh [TREE] - includes point downwards only:
#
#	pam_module, helper, helper/learn -> helper/public -> policy -> policy/base
#	helper/cli -> helper/learn
#	helper/cli, helper -> helper/denials -> helper/public
#	helper/cli, helper -> helper/image -> helper/public
#	helper/door -> helper/public
#
# One header lies below all of them: helper/public/program.h is a file format and a prototype, includes nothing of
# ours, and is what policy writes and everybody else attaches.
#
# With a TREE it names every include that does not, and fails; without, it is the test of our own tree.

# Tables first: the layer a file belongs to, and what each layer may include.
# shellcheck disable=SC2016
layers='
function layer(file) {
	if (file == "helper/public/program.h") return "format"
	if (file ~ /^policy\/base\//) return "base"
	if (file ~ /^policy\//) return "policy"
	if (file ~ /^helper\/public\//) return "public"
	if (file ~ /^helper\/door\//) return "door"
	if (file ~ /^helper\/learn\//) return "learn"
	if (file ~ /^helper\/denials\//) return "denials"
	if (file ~ /^helper\/image\//) return "image"
	if (file ~ /^helper\/cli\//) return "cli"
	if (file ~ /^helper\//) return "helper"
	if (file ~ /^pam_module\//) return "module"
	return "unknown"
}
BEGIN {
	below["format"] = " "
	below["base"] = " base "
	below["policy"] = " policy base format "
	below["public"] = " public policy base format "
	below["door"] = " door public format "
	below["learn"] = " learn public policy base format "
	below["denials"] = " denials public policy base format "
	below["image"] = " image public policy base format "
	below["cli"] = " cli learn denials image public policy base format "
	below["helper"] = " helper denials image public policy base format "
	below["module"] = " module public policy base format "
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	here = FILENAME
	sub(/^\.\//, "", here)
	if (index(below[layer(here)], " " layer(part[2]) " ") == 0) {
		printf "%s:%d: %s must not include %s\n", here, FNR, layer(here), part[2]
		bad = 1
	}
}
END { exit bad }'

check_tree() (
	cd "$1" || exit 1
	# An empty list would pass: a tree without sources is a mistake of the caller.
	files=$(find pam_module helper policy -name '*.[ch]' 2>/dev/null | sort)
	[ -n "$files" ] || exit 1
	# shellcheck disable=SC2086
	awk "$layers" $files
)

if [ $# -eq 1 ]; then
	check_tree "$1"
	exit
fi

. "$(dirname "$0")/lib/test.sh"

# include_tree FROM INCLUDED: a tree with this one include.
include_tree() {
	rm -rf "$tmp/tree"
	mkdir -p "$tmp/tree/$(dirname "$1")"
	printf '#include "%s"\n' "$2" >"$tmp/tree/$1"
}

while read -r from included; do
	include_tree "$from" "$included"
	t "lets $from include $included" check_tree "$tmp/tree"
done <<'ALLOWED'
policy/base/io.c policy/base/io.h
policy/match.c policy/base/err.h
policy/filter.c helper/public/program.h
helper/public/client.c policy/base/err.h
helper/door/door.c helper/public/wire.h
helper/cli/run.c helper/public/client.h
helper/cli/learn.c helper/learn/scan.h
helper/cli/denials.c helper/denials/record.h
helper/denials.c helper/denials/record.h
helper/learn/scan.c policy/syscalls.h
helper/dispatch.c policy/policy.h
pam_module/session.c helper/public/client.h
ALLOWED

while read -r from included; do
	include_tree "$from" "$included"
	t_not "refuses $from including $included" check_tree "$tmp/tree"
done <<'REFUSED'
policy/base/io.c policy/policy.h
policy/match.c helper/public/wire.h
policy/base/io.c helper/public/program.h
helper/public/program.h policy/base/err.h
helper/public/client.c helper/session.h
helper/door/door.c policy/policy.h
helper/door/door.c helper/session.h
helper/session.c helper/door/door.h
helper/cli/run.c helper/session.h
helper/learn/scan.c helper/cli/cli.h
helper/learn/scan.c helper/session.h
helper/session.c helper/learn/scan.h
helper/denials/record.c helper/log.h
helper/denials/record.c helper/cli/cli.h
helper/door/door.c helper/learn/scan.h
pam_module/session.c helper/session.h
pam_module/session.c tests/lib/test.h
policy/match.c match.h
REFUSED

rm -rf "$tmp/tree"
mkdir "$tmp/tree"
t_not 'refuses a tree without sources' check_tree "$tmp/tree"
t 'our own includes point downwards' check_tree "$src"
finish
