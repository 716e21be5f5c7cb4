#!/bin/sh
# What is installed, where, and with which modes; and that it can be taken away again.

# shellcheck source=../lib/packaging.sh
. "$(dirname "$0")/../lib/packaging.sh"

configure_like_debian in_dir "$tmp/b" "$src/configure" --quiet CFLAGS=-O0 --with-systemdsystemunitdir=/lib/systemd/system >"$tmp/log" 2>&1
t 'builds with what Debian passes' "$make" -C "$tmp/b" -j2 all
t 'installs under DESTDIR' "$make" -C "$tmp/b" install DESTDIR="$tmp/d"

# The whole of it; a file or mode that appears or changes must be changed here too.
cat >"$tmp/expected" <<'LIST'
644 /etc/carrel/carrel.conf
644 /lib/systemd/system/carrel-helper.service
644 /lib/systemd/system/carrel-helper.socket
755 /usr/bin/carrel
644 /usr/lib/tmpfiles.d/carrel.conf
644 /usr/lib/x86_64-linux-gnu/security/pam_carrel.so
755 /usr/libexec/carrel/carrel-cli
711 /usr/libexec/carrel/carrel-door
711 /usr/libexec/carrel/carrel-helper
711 /usr/libexec/carrel/carrel-init
711 /usr/libexec/carrel/carrel-relay
711 /usr/libexec/carrel/carrel-root
644 /usr/share/carrel/filters/default.filter
644 /usr/share/carrel/filters/hpc.filter
644 /usr/share/carrel/filters/login.filter
644 /usr/share/carrel/filters/nested.filter
644 /usr/share/carrel/filters/observe.filter
644 /usr/share/carrel/filters/root.filter
644 /usr/share/carrel/filters/strict.filter
644 /usr/share/carrel/peers/docker.filter
644 /usr/share/carrel/peers/podman.filter
644 /usr/share/carrel/peers/system-service.filter
644 /usr/share/man/man1/carrel.1
644 /usr/share/man/man5/carrel-filter.5
644 /usr/share/man/man5/carrel-image.5
644 /usr/share/man/man5/carrel.conf.5
644 /usr/share/man/man7/carrel.7
644 /usr/share/man/man8/carrel-door.8
644 /usr/share/man/man8/carrel-helper.8
644 /usr/share/man/man8/pam_carrel.8
LIST
find "$tmp/d" -type f -printf '%m /%P\n' | LC_ALL=C sort -k 2 >"$tmp/seen"
t 'installs these files with these modes' diff "$tmp/expected" "$tmp/seen"
t_same 'directories are 755' "$(find "$tmp/d" -mindepth 1 -type d ! -perm 755)" ''
t_same 'the places for drop-ins and filters are there' \
	"$(find "$tmp/d/etc/carrel" -mindepth 1 -type d | sort | sed 's/.*carrel\///' | tr '\n' ' ')" 'conf.d filters '
t_same 'nothing is setuid or setgid' "$(find "$tmp/d" -perm /6000)" ''
if command -v getcap >/dev/null 2>&1; then
	t_same 'nothing has file capabilities' "$(getcap -r "$tmp/d")" ''
else
	skip 'nothing has file capabilities' 'no getcap'
fi
t_not 'installing gives nothing away and sets nothing' grep -nE \
	'chown|chgrp|setcap|daemon-reload|systemctl|chmod|ldconfig' "$src/Makefile.in"

unit=$tmp/d/lib/systemd/system/carrel-helper.service
t 'the service starts the installed helper' grep -qx 'ExecStart=/usr/libexec/carrel/carrel-helper' "$unit"
t_not 'no unit has a name left over' grep -n '@[a-z_]*@' "$unit" "${unit%service}socket"
# The helper refuses to start without a capability it needs, and one more would be a mistake.
sort_words() {
	grep -o 'CAP_[A-Z_]*' | sort | tr '\n' ' '
}
t_same 'the service has the capabilities that the helper keeps' "$(grep '^CapabilityBoundingSet=' "$unit" | sort_words)" \
	"$(sed -n '/kept\[\]/,/^};/s/^\t{ \(CAP_[A-Z_]*\).*/\1/p' "$src/helper/caps.c" | sort_words)"
if command -v systemd-analyze >/dev/null 2>&1; then
	# verify wants the program to exist: a copy of the unit names one that does.
	mkdir "$tmp/units"
	cp "${unit%service}socket" "$tmp/units"
	sed 's|^ExecStart=.*|ExecStart=/bin/true|; s|^Documentation=.*||' "$unit" >"$tmp/units/carrel-helper.service"
	sed -i 's|^Documentation=.*||' "$tmp/units/carrel-helper.socket"
	systemd-analyze verify "$tmp/units/carrel-helper.service" "$tmp/units/carrel-helper.socket" >"$tmp/out" 2>&1
	t_same 'systemd finds nothing wrong with the units' "$(grep carrel "$tmp/out")" ''
else
	skip 'systemd finds nothing wrong with the units' 'no systemd-analyze'
fi

# RPM's way of calling install, and a wrapper of somebody's own.
t 'INSTALL="install -p" works' "$make" -C "$tmp/b" install DESTDIR="$tmp/p" INSTALL='install -p'
t 'and installs the same' diff -r "$tmp/d" "$tmp/p"
printf '#!/bin/sh\necho x >>"%s/used"\nexec install "$@"\n' "$tmp" >"$tmp/my-install"
chmod +x "$tmp/my-install"
"$make" -C "$tmp/b" install DESTDIR="$tmp/w" INSTALL="$tmp/my-install" >/dev/null 2>&1
t_same 'INSTALL does all of it' "$(wc -l <"$tmp/used")" "$("$make" -s -C "$tmp/b" print-INSTALLED |
	awk '$1 == "dir" { n++ } $1 ~ /file|conf/ { n += 2 } END { print n }')"

"$make" -C "$tmp/b" uninstall DESTDIR="$tmp/d" >/dev/null 2>&1
t_same 'uninstall leaves no file' "$(find "$tmp/d" ! -type d)" ''
t_same 'and no directory of ours' "$(find "$tmp/d" -name carrel)" ''

# An administrator's configuration, on the machine itself (no DESTDIR).
in_dir "$tmp/own" "$src/configure" --quiet --prefix="$tmp/here" --with-systemdsystemunitdir=no --with-tmpfilesdir=no CFLAGS=-O0 \
	>"$tmp/log" 2>&1
conf=$tmp/here/etc/carrel/carrel.conf
mkdir -p "${conf%/*}"
echo '# mine' >"$conf"
# Only the rule is tried here: the programs of the other build will do.
"$make" -s -C "$tmp/own" -j2 all >/dev/null 2>&1
t_match 'an existing carrel.conf is kept, and make says so' "$("$make" -C "$tmp/own" install)" "KEPT +$conf"
t_same 'it is untouched' "$(cat "$conf")" '# mine'
t_match 'uninstall keeps it too' "$("$make" -C "$tmp/own" uninstall)" "KEPT +$conf"
t_same 'and nothing else' "$(cd "$tmp/here" && find . -type f)" ./etc/carrel/carrel.conf
rm "$conf"
"$make" -s -C "$tmp/own" install >/dev/null 2>&1
t 'a missing one is installed' cmp "$conf" "$src/etc/carrel.conf"
"$make" -s -C "$tmp/own" uninstall >/dev/null 2>&1
t_not "and goes with the rest when it is still ours" test -e "$conf"
t_same 'units are left out when told so' "$(find "$tmp/here" -name 'carrel-helper.s*' -o -name tmpfiles.d)" ''
finish
