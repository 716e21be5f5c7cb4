# shellcheck shell=sh
# Sourced by shell tests: TAP on stdout, one line a promise, the plan at the end.
#
#	. "$(dirname "$0")/../lib/test.sh"
#
#	t 'says its version' carrel --version
#	t_not 'refuses a second operand' carrel check a b
#	t_same 'counts three' "$(count)" 3
#	need mandoc                       # or all that follows is one SKIP
#	skip 'mounts a tmpfs' 'needs root'
#
# $src is the source tree, $build the build tree, $tmp a directory of this test's own, gone at the end.
# CARREL_MUST_WORK=1 turns a SKIP into a failure: somewhere, everything must have been tried. Only for want of root, and as
# an ordinary user, it stays a SKIP: the why must name root, by which make check-root finds the script and runs it as root.

src=${CARREL_SRCDIR:-$(cd "$(dirname "$0")" && until [ -f configure ] || [ "$PWD" = / ]; do cd ..; done && pwd)}
build=${CARREL_BUILDDIR:-$src}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/carrel-test.XXXXXX") || exit 1
tests_done=0
tests_failed=0
tests_finished=no
export src build tmp

pass() {
	tests_done=$((tests_done + 1))
	printf 'ok %d - %s\n' "$tests_done" "$1"
}

# fail NAME [WHY]
fail() {
	tests_done=$((tests_done + 1))
	tests_failed=$((tests_failed + 1))
	printf 'not ok %d - %s\n' "$tests_done" "$1"
	if [ -n "${2-}" ]; then
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

skip() {
	case $(id -u):$2 in
	0:*) excused=no ;;
	*root*) excused=yes ;;
	*) excused=no ;;
	esac
	if [ "${CARREL_MUST_WORK:-0}" = 1 ] && [ "$excused" = no ]; then
		fail "$1" "CARREL_MUST_WORK=1, but: $2"
		return
	fi
	tests_done=$((tests_done + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tests_done" "$1" "$2"
}

# Ends the test: what is left of it cannot be tried here.
skip_rest() {
	skip "the rest of ${0##*/}" "$1"
	finish
}

need() {
	for program; do
		if ! command -v "$program" >/dev/null 2>&1; then
			skip_rest "needs $program"
		fi
	done
}

# t NAME COMMAND...: the command must succeed; what it said is shown when it does not.
t() {
	test_name=$1
	shift
	if "$@" >"$tmp/.output" 2>&1 </dev/null; then
		pass "$test_name"
	else
		fail "$test_name" "exit status $? of: $*
$(head -n 20 "$tmp/.output" | cut -c 1-400)"
	fi
}

# t_not NAME COMMAND...: the command must refuse (1 to 125), not crash and not be missing.
t_not() {
	test_name=$1
	shift
	"$@" >"$tmp/.output" 2>&1 </dev/null
	status=$?
	if [ "$status" -ge 1 ] && [ "$status" -le 125 ]; then
		pass "$test_name"
	else
		fail "$test_name" "exit status $status of: $*
$(head -n 20 "$tmp/.output" | cut -c 1-400)"
	fi
}

# t_same NAME SEEN EXPECTED
t_same() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "seen:
$2
expected:
$3"
	fi
}

# t_match NAME TEXT ERE: some line of the text matches.
t_match() {
	if printf '%s\n' "$2" | grep -Eq -e "$3"; then
		pass "$1"
	else
		fail "$1" "no line matches '$3' in:
$2"
	fi
}

finish() {
	tests_finished=yes
	printf '1..%d\n' "$tests_done"
	exit "$((tests_failed > 0))"
}

# A test that ends early, by a bug of its own or a signal, must not look like one that passed.
tests_cleanup() {
	status=$?
	trap - EXIT
	chmod -R u+rwX "$tmp" 2>/dev/null
	rm -rf "$tmp"
	if [ "$tests_finished" = no ]; then
		printf 'Bail out! ended early with status %d\n' "$status"
		exit 1
	fi
	exit "$status"
}
trap tests_cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
