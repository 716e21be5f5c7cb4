#!/bin/sh
# Every option means what --help says, and build systems may pass theirs.

# shellcheck source=../lib/packaging.sh
. "$(dirname "$0")/../lib/packaging.sh"

quiet_about() {
	"$@" >"$tmp/out" 2>"$tmp/err" || return 1
	cat "$tmp/err"
	[ ! -s "$tmp/err" ]
}

t "takes Debian's arguments without a word" quiet_about configure_like_debian in_dir "$tmp/debian" "$src/configure"
t "takes RPM's arguments without a word" quiet_about configure_like_rpm in_dir "$tmp/rpm" "$src/configure"
# shellcheck disable=SC2016
t_match 'leaves ${prefix} to make' "$(cat "$tmp/debian/Makefile")" '^libdir = \$\{prefix\}/lib/x86_64-linux-gnu$'
t_same 'and make expands it' "$("$make" -s -C "$tmp/debian" prefix=/opt/x print-libdir)" /opt/x/lib/x86_64-linux-gnu
t_same 'the compiled-in path follows make' \
	"$("$make" -s -C "$tmp/debian" sysconfdir=/opt/etc print-PATHS | grep -o 'SYSCONFDIR=[^ ]*')" \
	"SYSCONFDIR='\"/opt/etc/carrel\"'"
t_same 'the PAM directory follows libdir' "$(variable "$tmp/rpm" securedir)" /usr/lib64/security
t_same '--disable-silent-rules is V=1' "$(variable "$tmp/debian" V)" 1
t_same 'V is 0 otherwise' "$(variable "$tmp/rpm" V)" 0

# one OPTION VARIABLE VALUE: set alone, it arrives.
arrives() {
	rm -rf "$tmp/one"
	if in_dir "$tmp/one" "$src/configure" --quiet "$1" >"$tmp/out" 2>&1; then
		t_same "$1 arrives" "$(variable "$tmp/one" "$2")" "$3"
	else
		fail "$1 arrives" "$(cat "$tmp/out")"
	fi
}

documented=
for option in $("$src/configure" --help | sed -n 's/^  \(--[a-z-]*\)=DIR .*/\1/p'); do
	case $option in
	--with-pamdir) name=securedir ;;
	--with-systemdsystemunitdir) name=unitdir ;;
	--with-tmpfilesdir) name=tmpfilesdir ;;
	*) name=$(printf '%s' "${option#--}" | tr - _) ;;
	esac
	arrives "$option=/one/of/$name" "$name" "/one/of/$name"
	documented="$documented $name"
done
t_same 'every directory has an option' "$(printf '%s' "$documented" | tr ' ' '\n' | sort | tr '\n' ' ')" \
	' bindir datadir datarootdir exec_prefix libdir libexecdir mandir prefix securedir sysconfdir tmpfilesdir unitdir '
arrives --with-systemdsystemunitdir=no unitdir no
arrives --without-systemdsystemunitdir unitdir no
arrives --with-tmpfilesdir=no tmpfilesdir no
t 'an option and its value may be two words' in_dir "$tmp/two" "$src/configure" --quiet --prefix /two --libdir /two/l
t_same 'and arrive so' "$(variable "$tmp/two" prefix) $(variable "$tmp/two" libdir)" '/two /two/l'

has_flag() {
	variable "$1" "$2" | grep -q -- "$3"
}
in_dir "$tmp/werror" "$src/configure" --quiet --enable-werror
t '--enable-werror makes warnings errors' has_flag "$tmp/werror" OWN_CFLAGS -Werror
t_not 'nothing else does' has_flag "$tmp/rpm" OWN_CFLAGS -Werror
if in_dir "$tmp/sanitize" "$src/configure" --quiet --enable-sanitize >"$tmp/out" 2>&1; then
	t '--enable-sanitize reaches programs and tests' has_flag "$tmp/sanitize" SANITIZE -fsanitize=address
else
	skip '--enable-sanitize reaches programs and tests' "$(cat "$tmp/out")"
fi
t_same 'nothing else sanitizes' "$(variable "$tmp/rpm" SANITIZE)" ''

warns() {
	in_dir "$tmp/warn" "$src/configure" --quiet "$@" 2>"$tmp/err" && cat "$tmp/err"
}
t_match 'warns about an unknown --enable' "$(warns --enable-foo)" 'warning.*--enable-foo'
t_match 'warns about an unknown --without' "$(warns --without-foo)" 'warning.*--without-foo'
t_same 'says nothing with --disable-option-checking' "$(warns --enable-foo --disable-option-checking)" ''
t_match 'warns that another /run is impossible' "$(warns --runstatedir=/somewhere)" 'warning.*/run/carrel is fixed'

for bad in --bogus --bogus=1 bogus --prefix --prefix=relative '--prefix=/with a blank' '--libdir=/quote"d'; do
	t_not "stops at '$bad'" in_dir "$tmp/bad" "$src/configure" --quiet "$bad"
done
t_same 'and writes no Makefile then' "$(ls "$tmp/bad")" ''

# A tree whose Makefile.in asks for a name that configure does not know.
mkdir -p "$tmp/left/policy/base"
cp "$src/configure" "$tmp/left"
cp "$src/policy/base/err.h" "$tmp/left/policy/base"
{
	cat "$src/Makefile.in"
	printf 'x = @%s@\n' no_such_name
} >"$tmp/left/Makefile.in"
t_not 'refuses a name left over in Makefile.in' in_dir "$tmp/left" ./configure --quiet
t_not 'and writes no Makefile then' test -e "$tmp/left/Makefile"
finish
