# shellcheck shell=sh
# What the packaging tests share: the arguments distributions really pass, and builds beside the real one.

# shellcheck source=../lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

# 80-unprivileged runs make check within make check; these look at the tree, which is the same there.
if [ "${CARREL_NESTED:-}" = 1 ]; then
	skip_rest 'the outer make check does it'
fi

make=${MAKE:-make}
# What the make that runs us was told must not reach the makes we run.
unset MAKEFLAGS MFLAGS GNUMAKEFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR V INSTALLED
unset CFLAGS CPPFLAGS LDFLAGS LIBS AR PKG_CONFIG INSTALL

# dh_auto_configure, debhelper 13. Its ${prefix} is literal.
# shellcheck disable=SC2016
configure_like_debian() {
	"$@" --build=x86_64-linux-gnu --prefix=/usr '--includedir=${prefix}/include' \
		'--mandir=${prefix}/share/man' '--infodir=${prefix}/share/info' --sysconfdir=/etc \
		--localstatedir=/var --disable-option-checking --disable-silent-rules \
		'--libdir=${prefix}/lib/x86_64-linux-gnu' --runstatedir=/run --disable-maintainer-mode \
		--disable-dependency-tracking
}

# %configure, rpm 4.18.
configure_like_rpm() {
	"$@" --build=x86_64-redhat-linux-gnu --host=x86_64-redhat-linux-gnu --program-prefix= \
		--disable-dependency-tracking --prefix=/usr --exec-prefix=/usr --bindir=/usr/bin \
		--sbindir=/usr/sbin --sysconfdir=/etc --datadir=/usr/share --includedir=/usr/include \
		--libdir=/usr/lib64 --libexecdir=/usr/libexec --localstatedir=/var \
		--sharedstatedir=/var/lib --mandir=/usr/share/man --infodir=/usr/share/info
}

# in_dir DIR COMMAND...: there, and DIR is made.
in_dir() (
	mkdir -p "$1" && cd "$1" || exit 1
	shift
	"$@"
)

# variable DIR NAME: what make there makes of a variable.
variable() {
	"$make" -s -C "$1" "print-$2"
}

# copy_tree DIR: the sources as a release holds them, without anything that was built among them.
copy_tree() {
	mkdir -p "$1" && tar -C "$src" --exclude=./.git --exclude='*.o' --exclude='*.a' --exclude=./test-logs \
		--exclude=./Makefile --exclude=./config.log --exclude=./config.status --exclude=./build-flags \
		-cf - . | tar -C "$1" -xf -
}

# every_file DIR: names, kinds, modes and contents, for comparing.
every_file() (
	cd "$1" || exit 1
	find . ! -type f -printf '%p %y %m\n' | sort
	find . -type f -printf '%p %m\n' | sort
	find . -type f -exec sha256sum {} + | sort -k 2
)
