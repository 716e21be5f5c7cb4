#!/bin/sh
# The user's compiler and flags reach every command, last; ours stay modest; what is missing is said in one sentence.

# shellcheck source=../lib/packaging.sh
. "$(dirname "$0")/../lib/packaging.sh"

configure_with() {
	rm -rf "$tmp/with"
	in_dir "$tmp/with" env "$@" "$src/configure" --quiet
}

for name in CFLAGS CPPFLAGS LDFLAGS LIBS; do
	value=-DMARK_$name
	if [ $name = LDFLAGS ] || [ $name = LIBS ]; then
		value=-Wl,-O1
	fi
	configure_with "$name=$value" >/dev/null 2>&1
	t_same "$name comes from the environment" "$(variable "$tmp/with" $name)" "$value"
	rm -rf "$tmp/with"
	in_dir "$tmp/with" "$src/configure" --quiet "$name=$value" >/dev/null 2>&1
	t_same "$name comes as an argument" "$(variable "$tmp/with" $name)" "$value"
	t "$name is kept when Makefile is made again" in_dir "$tmp/with" ./config.status
	t_same "$name is the same then" "$(variable "$tmp/with" $name)" "$value"
done

# Tools of the user's own are called: each wrapper leaves a trace.
for name in CC AR PKG_CONFIG INSTALL; do
	tool=$(case $name in CC) echo "${CC:-cc}" ;; AR) echo ar ;; PKG_CONFIG) echo pkg-config ;; *) echo install ;; esac)
	printf '#!/bin/sh\necho %s >>"%s/trace"\nexec %s "$@"\n' $name "$tmp" "$tool" >"$tmp/my-$name"
	chmod +x "$tmp/my-$name"
done
rm -rf "$tmp/with"
in_dir "$tmp/with" "$src/configure" --quiet CC="$tmp/my-CC" AR="$tmp/my-AR" PKG_CONFIG="$tmp/my-PKG_CONFIG" \
	INSTALL="$tmp/my-INSTALL" >/dev/null 2>&1
"$make" -s -C "$tmp/with" libcarrel.a >/dev/null 2>&1
t_same 'CC, AR and PKG_CONFIG are called' "$(sort -u "$tmp/trace" | tr '\n' ' ')" 'AR CC PKG_CONFIG '
t_same 'INSTALL is taken' "$(variable "$tmp/with" INSTALL)" "$tmp/my-INSTALL"

# Every command make would run, one a line.
configure_with CFLAGS=-DMARK_CFLAGS CPPFLAGS=-DMARK_CPPFLAGS LDFLAGS=-Wl,-O1 CC="${CC:-cc} -DMARK_CC" >/dev/null 2>&1
"$make" -n V=1 -C "$tmp/with" check-build | sed -e ':a' -e '/\\$/N; s/\\\n//; ta' | grep '^[^ ]* -DMARK_CC ' >"$tmp/commands"
grep -e ' -c ' "$tmp/commands" >"$tmp/compiles"
grep -v -e ' -c ' "$tmp/commands" >"$tmp/links"
lines_without() {
	! grep -v -e "$1" "$2"
}
t 'there are compiles and links to look at' test -s "$tmp/compiles" -a -s "$tmp/links"
t 'CFLAGS reach every compile' lines_without -DMARK_CFLAGS "$tmp/compiles"
t 'CPPFLAGS reach every compile' lines_without -DMARK_CPPFLAGS "$tmp/compiles"
t 'CFLAGS reach every link' lines_without -DMARK_CFLAGS "$tmp/links"
t 'LDFLAGS reach every link' lines_without -Wl,-O1 "$tmp/links"
t 'theirs come after ours' lines_without '-Wall.*-fstack-protector-strong.*-DMARK_CPPFLAGS.*-DMARK_CFLAGS' "$tmp/compiles"
t_not 'no -O when CFLAGS are set' grep -e ' -O' "$tmp/commands"
t_not 'never -march or -Werror' grep -e ' -march' -e ' -Werror' "$tmp/commands"
t_same '-O2 when they are not' "$(in_dir "$tmp/plain" "$src/configure" --quiet && variable "$tmp/plain" CFLAGS)" '-O2 -g'

t_match 'V=1 shows the command' "$("$make" -n V=1 -C "$tmp/plain" policy/base/err.o)" '^[^ ].*-c -o policy/base/err.o'
"$make" -C "$tmp/plain" policy/base/err.o >"$tmp/out" 2>&1
t_match 'V=0 shows a short line' "$(cat "$tmp/out")" '^  CC +policy/base/err.o$'
t_not 'and not the command' grep -e -Wall "$tmp/out"

# Distributions harden and optimize by flags; the programs without a C library must take what it would have to serve.
configure_with CFLAGS='-O2 -g -flto -ffat-lto-objects -Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=2 -fstack-clash-protection' \
	CPPFLAGS=-D_GLIBCXX_ASSERTIONS LDFLAGS='-pie -flto -Wl,-z,relro -Wl,-z,now' CC=gcc >/dev/null 2>&1
t "builds with distributions' flags" "$make" -C "$tmp/with" -j2 all
t_not 'and the static programs stay without a loader' sh -c "readelf -lW '$tmp/with/carrel-init' | grep INTERP"
if command -v clang >/dev/null 2>&1; then
	in_dir "$tmp/c1" "$src/configure" --quiet CC=clang
	in_dir "$tmp/c2" "$src/configure" --quiet CC=clang LDFLAGS=-Wl,-O1
	t_same 'LDFLAGS cost no warnings of ours' "$(variable "$tmp/c2" OWN_CFLAGS)" "$(variable "$tmp/c1" OWN_CFLAGS)"
else
	skip 'LDFLAGS cost no warnings of ours' 'no clang'
fi

# complains ERE COMMAND...: fails, with one line that matches.
complains() {
	expected=$1
	shift
	rm -rf "$tmp/complain"
	if in_dir "$tmp/complain" "$@" >/dev/null 2>"$tmp/err"; then
		echo 'configure succeeded'
		return 1
	fi
	cat "$tmp/err"
	[ "$(wc -l <"$tmp/err")" -eq 1 ] && grep -Eq "$expected" "$tmp/err" && [ -s "$tmp/complain/config.log" ]
}

for module in inih libseccomp libcap libsystemd libsodium jansson libelf libarchive; do
	printf '#!/bin/sh\ncase " $* " in *" %s"*) exit 1 ;; esac\nexec pkg-config "$@"\n' $module >"$tmp/without"
	chmod +x "$tmp/without"
	t "says that $module is missing" complains "missing: $module >= .*Debian: .*Fedora: " \
		"$src/configure" PKG_CONFIG="$tmp/without"
done
printf '#!/bin/sh\ncase " $* " in *" -lsubid "*) exit 1 ;; esac\nexec %s "$@"\n' "${CC:-cc}" >"$tmp/no-subid"
chmod +x "$tmp/no-subid"
t 'says that libsubid is missing' complains 'missing: libsubid .*libsubid-dev' "$src/configure" CC="$tmp/no-subid"
printf '#!/bin/sh\ncase " $* " in *" -static"*) exit 1 ;; esac\nexec %s "$@"\n' "${CC:-cc}" >"$tmp/no-static"
chmod +x "$tmp/no-static"
t 'says that nothing static can be linked' complains 'cannot link a static program' "$src/configure" CC="$tmp/no-static"
mkdir -p "$tmp/old/linux"
echo 'struct mount_attr_is_not_here;' >"$tmp/old/linux/mount.h"
t "says that the kernel's headers are old" complains 'Linux 5.12' "$src/configure" CPPFLAGS="-I$tmp/old"
t 'says that there is no compiler' complains "'/no/such/cc'" "$src/configure" CC=/no/such/cc

# libpam without a .pc file is found by its header.
printf '#!/bin/sh\ncase " $* " in *" pam"*) exit 1 ;; esac\nexec pkg-config "$@"\n' >"$tmp/no-pam-pc"
chmod +x "$tmp/no-pam-pc"
t 'finds libpam without pkg-config' in_dir "$tmp/no-pam" "$src/configure" --quiet PKG_CONFIG="$tmp/no-pam-pc"
t_same 'and links it' "$(variable "$tmp/no-pam" PAM)" -lpam

# A libsubid from before its functions were renamed.
mkdir -p "$tmp/subid/shadow"
cat >"$tmp/subid/shadow/subid.h" <<'HEADER'
struct subordinate_range;
int get_subuid_ranges(const char *owner, struct subordinate_range ***ranges);
HEADER
echo 'int get_subuid_ranges(const char *o, void *r) { (void)o; (void)r; return 0; }' >"$tmp/subid/subid.c"
"${CC:-cc}" -c -o "$tmp/subid/subid.o" "$tmp/subid/subid.c" && ar rc "$tmp/subid/libsubid.a" "$tmp/subid/subid.o"
t 'takes an old libsubid' in_dir "$tmp/old-subid" "$src/configure" --quiet CPPFLAGS="-I$tmp/subid" LDFLAGS="-L$tmp/subid"
t_not 'and knows that it is one' grep -q HAVE_SUBID_GET_UID_RANGES "$tmp/old-subid/Makefile"
t 'a new one is known too' grep -q HAVE_SUBID_GET_UID_RANGES "$tmp/plain/Makefile"

# A probe that was run would leave a trace: the compiler's products are replaced by a tell-tale.
cat >"$tmp/telltale" <<TELLTALE
#!/bin/sh
${CC:-cc} "\$@" || exit 1
if [ -f conftest.out ] && [ -x conftest.out ]; then
	printf '#!/bin/sh\necho ran >>%s/ran\n' "$tmp" >conftest.out
fi
TELLTALE
chmod +x "$tmp/telltale"
t 'configures with a compiler for elsewhere' in_dir "$tmp/elsewhere" "$src/configure" --quiet CC="$tmp/telltale"
t_not 'and runs nothing it compiled' test -e "$tmp/ran"
finish
