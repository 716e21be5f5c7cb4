#!/bin/sh
# carrel image: imports from all that there is to import from, what is refused, and what is noticed. The store is that of a tree
# of our own (--root), except where containers are asked after.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/test.sh"

carrel=${CARREL:-$build/carrel}
[ -x "$carrel" ] || skip_rest "needs $carrel"
root=$tmp/root
store=$root/var/lib/carrel/images
unset MAKEFLAGS MFLAGS MAKELEVEL
etc=$("${MAKE:-make}" -s -C "$build" print-sysconfdir)/carrel
keys=$root$etc/trusted.d
mkdir -p "$root" "$tmp/out"
cd "$tmp" || exit 1

image() {
	verb=$1
	shift
	"$carrel" image "$verb" --root "$root" "$@"
}

# refuses NAME ERE COMMAND...: it fails with exactly one line, which matches.
refuses() {
	refused_name=$1 refused_why=$2
	shift 2
	if "$@" >"$tmp/out/stdout" 2>"$tmp/out/stderr" </dev/null; then
		fail "$refused_name" "it did not"
	elif [ "$(wc -l <"$tmp/out/stderr")" != 1 ]; then
		fail "$refused_name" "not one line: $(cat "$tmp/out/stderr")"
	else
		t_match "$refused_name" "$(cat "$tmp/out/stderr")" "$refused_why"
	fi
}

# ---- anybody ----

t_same 'image without a word is wrong usage' "$("$carrel" image >/dev/null 2>&1; echo $?)" 2
t_same 'and with an unknown one' "$("$carrel" image sign 2>&1; echo $?)" "carrel image: unknown word 'sign'; see 'carrel image --help'
2"
t_same 'an unknown option is wrong usage' "$("$carrel" image list --all 2>&1; echo $?)" "carrel image: list: unknown option '--all'
2"
t_same 'a word too few is, too' "$(image add x >/dev/null 2>&1; echo $?)" 2
t_same 'without a store there are no images' "$(image list; echo $?)" 0
t_same 'also for programs' "$(image list --json | tr -d ' \n')" '{"images":[]}'
refuses 'verify says that there is no store' 'verify: .*images.: No such file' image verify
if [ "$(id -u)" != 0 ]; then
	refuses 'others than root add nothing' 'add: only root changes the store' image add x "$tmp"
	refuses 'and remove nothing' 'remove: only root changes the store' image remove x
	skip_rest 'needs root'
fi
need python3 minisign mksquashfs mkfs.erofs skopeo umoci zstd xz setcap
chmod 755 "$tmp"

# ---- a source, in all its forms ----

make_source() {
	rm -rf "$tmp/src"
	mkdir -p src/bin src/etc src/home/u "src/a b"
	echo hello >src/bin/hi
	ln src/bin/hi src/bin/hi2
	ln -s bin/hi src/link
	ln -s /etc/shadow src/absolute
	printf 'kept' >src/etc/hosts
	printf 'x' >"$(printf 'src/a b/\303\244')"
	mkfifo src/fifo
	mknod src/null c 1 3
	chown -R 0:0 src
	chown 1000:1001 src/home/u
	chmod 750 src/home/u
	chmod 4755 src/bin/hi
	setcap cap_net_raw+ep src/bin/hi
	python3 -c 'import os; os.setxattr("src/etc", "user.note", b"1")'
}
make_source
t 'adds a directory' image add dir src --command /bin/sh --command ' -c  x'
t_same 'the manifest has the command, blanks and all' "$(sed -n 's/^command = //p' "$store/dir/manifest")" '/bin/sh
 -c  x'
t_match 'and the kind' "$(cat "$store/dir/manifest")" '^kind = tree$'
t_same 'its digest is that of the list' "$(sed -n 's/^digest = sha256://p' "$store/dir/manifest")" \
	"$(sha256sum <"$store/dir/files" | cut -d' ' -f1)"
t_same 'owners and modes are kept' "$(stat -c '%u:%g %a' "$store/dir/tree/home/u" "$store/dir/tree/bin/hi")" '1000:1001 750
0:0 4755'
t_same 'capabilities are' "$(getcap "$store/dir/tree/bin/hi" | sed 's/.* //')" 'cap_net_raw=ep'
t_same 'hard links are' "$(stat -c %i "$store/dir/tree/bin/hi")" "$(stat -c %i "$store/dir/tree/bin/hi2")"
t_same 'links are, and lead nowhere meanwhile' "$(readlink "$store/dir/tree/absolute")" /etc/shadow
t_same 'attributes of users are' "$(python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "user.note"))' "$store/dir/tree/etc")" "b'1'"
t_not 'devices are not' test -e "$store/dir/tree/null"
t_match 'which is said' "$(image add dir2 src)" '^left out: 1 of devices and sockets'
t_same 'what launches mount upon is there' \
	"$(cd "$store/dir/tree" && stat -c '%n %a %F' proc sys dev run tmp etc/resolv.conf)" \
	'proc 555 directory
sys 555 directory
dev 755 directory
run 755 directory
tmp 1777 directory
etc/resolv.conf 644 regular empty file'
t_same 'what was there stays' "$(cat "$store/dir/tree/etc/hosts")" kept
t_same 'others cannot enter a tree' "$(stat -c '%U %a' "$store/dir")" 'root 700'
t_same 'nothing is left of the import' "$(ls -A "$store/.work")" lock
t_same 'the lock is root'\''s alone' "$(stat -c '%U %a' "$store/.work" "$store/.work/lock")" 'root 700
root 600'
t 'what was added verifies' image verify dir
refuses 'a name is given once' 'there is one already; remove it first' image add dir src
refuses 'a name is a safe one' 'a name is \[a-z0-9\]' image add ../x src

tar --xattrs --xattrs-include='*' -C src -cf plain.tar .
gzip -k <plain.tar >c.tar.gz
xz <plain.tar >c.tar.xz
zstd -q <plain.tar >c.tar.zst
tar --format=pax --xattrs --xattrs-include='*' -C src -cf pax.tar .
for archive in plain.tar c.tar.gz c.tar.xz c.tar.zst pax.tar; do
	t "adds $archive" image add "$archive" "$archive"
	t "which is the same tree" cmp "$store/dir/files" "$store/$archive/files"
done

mksquashfs src s.img -quiet -no-progress >/dev/null
mkfs.erofs e.img src >/dev/null 2>&1
t 'adds a squashfs' image add squash s.img
t 'adds an EROFS' image add erofs e.img
t 'they are copied to the byte' cmp s.img "$store/squash/root.squashfs"
t_same 'and others may read them' "$(stat -c %a "$store/squash" "$store/squash/root.squashfs" "$store/squash/manifest")" '755
644
644'
t_same 'the digest is the file'\''s' "$(sed -n 's/^digest = sha256://p' "$store/erofs/manifest")" "$(sha256sum <e.img | cut -d' ' -f1)"
t 'all of them verify' image verify
t_same 'and are listed' "$(image list --json | python3 -c '
import json, sys
for i in json.load(sys.stdin)["images"]: print(i["name"], i["kind"], i["signer"])')" 'c.tar.gz tree None
c.tar.xz tree None
c.tar.zst tree None
dir tree None
dir2 tree None
erofs erofs None
pax.tar tree None
plain.tar tree None
squash squashfs None'

# ---- OCI ----

umoci init --layout oci >/dev/null 2>&1
umoci new --image oci:one >/dev/null 2>&1
umoci unpack --image oci:one bundle >/dev/null 2>&1
mkdir -p bundle/rootfs/gone bundle/rootfs/srv
cp -a src/bin bundle/rootfs
umoci repack --image oci:one bundle >/dev/null 2>&1
rm -rf bundle/rootfs/gone bundle && umoci unpack --image oci:one bundle >/dev/null 2>&1
rm -rf bundle/rootfs/gone
umoci repack --image oci:one bundle >/dev/null 2>&1
umoci config --image oci:one --config.entrypoint /bin/hi --config.cmd 'a b' --config.env X=1 --config.workingdir /srv/ >/dev/null 2>&1
t 'adds an OCI layout' image add oci oci
t_same 'with what its configuration runs' "$(sed -n '/^command/,$p' "$store/oci/manifest" | grep -v '^env = PATH=')" 'command = /bin/hi
command = a b
env = X=1
workdir = /srv'
t_same 'its layers are one tree' "$(cd "$store/oci/tree" && ls -d bin/hi gone 2>/dev/null)" bin/hi
t_same 'with capabilities' "$(getcap "$store/oci/tree/bin/hi" | sed 's/.* //')" 'cap_net_raw=ep'
skopeo --insecure-policy copy oci:oci:one oci-archive:oci.tar >/dev/null 2>&1
skopeo --insecure-policy copy oci:oci:one docker-archive:docker.tar:a/b:c >/dev/null 2>&1
t 'adds an archive of one' image add ociarchive oci.tar --command /bin/false
t 'which is the same' cmp "$store/oci/files" "$store/ociarchive/files"
t_same 'a command of ours replaces its own' "$(sed -n 's/^command = //p' "$store/ociarchive/manifest")" /bin/false
t 'and what docker saves' image add docker docker.tar
t 'is the same' cmp "$store/oci/files" "$store/docker/files"
umoci new --image oci:two >/dev/null 2>&1
refuses 'one of several has to be named' "skopeo failed: .*more than one image" image add two oci
t 'and then is added' image add two oci:two
refuses 'one that is not there is not' 'skopeo failed' image add three oci:three
refuses 'other sources have no tags' 'only images of OCI have tags' image add three src:two
cp -a oci broken
for blob in broken/blobs/sha256/*; do
	printf x >>"$blob"
done
refuses 'blobs that are not what they are called' '(skopeo|umoci) failed' image add three broken:one
# shellcheck disable=SC2317 # refuses calls it
without() {
	PATH=$tmp/empty "$carrel" image add --root "$root" three oci:one
}
mkdir empty
refuses 'says so when the programs are missing' 'takes skopeo and umoci: install both' without
t_same 'and nothing of it is left' "$(ls -A "$store/.work")$(ls -d "$store/three" 2>/dev/null)" lock

# ---- archives that mean harm ----

# hostile NAME: a tar that would write victim, which is outside, or read it; good.tar is one of the same make.
cat >hostile.py <<'PYTHON'
import io, sys, tarfile
outside = sys.argv[1]
def tar(name, *entries):
    with tarfile.open(name + ".tar", "w", format=tarfile.GNU_FORMAT) as t:
        for path, kind, target in entries:
            e = tarfile.TarInfo(path)
            e.type, e.linkname, e.mode = kind, target if kind != tarfile.REGTYPE else "", 0o755
            data = target.encode() if kind == tarfile.REGTYPE else b""
            e.size = len(data)
            t.addfile(e, io.BytesIO(data))
F, D, S, H = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
tar("good", ("d", D, ""), ("d/f", F, "x"), ("s", S, "d"), ("h", H, "d/f"))
tar("dotdot", ("../../../../../victim", F, "evil"))
tar("dotdot2", ("d", D, ""), ("d/../../../victim", F, "evil"))
tar("absolute", (outside + "/victim", F, "evil"))
tar("throughlink", ("s", S, outside), ("s/victim", F, "evil"))
tar("throughrelative", ("s", S, "../../../../../.."), ("s" + outside + "/victim", F, "evil"))
tar("twolinks", ("a", S, "b"), ("b", S, outside), ("a/victim", F, "evil"))
tar("mkdirlink", ("s", S, outside), ("s/made", D, ""))
tar("hardabsolute", ("h", H, outside + "/victim"))
tar("harddotdot", ("h", H, "../../../../../victim"))
tar("hardlink", ("s", S, outside), ("h", H, "s/victim"))
tar("terminal", ("../\033[2J\nforged", F, "evil"))
PYTHON
mkdir victims
echo mine >victims/victim
python3 hostile.py "$tmp/victims"
t 'a tar with links is good' image add good good.tar
t_same 'and is unpacked' "$(cat "$store/good/tree/s/f" "$store/good/tree/h")" xx
for bad in dotdot dotdot2 absolute throughlink throughrelative twolinks mkdirlink hardabsolute harddotdot hardlink; do
	refuses "refuses $bad" "add 'bad': '$bad.tar': " image add bad "$bad.tar"
	t_same "and nothing came of $bad" "$(ls -A "$store/.work") $(ls victims) $(cat victims/victim) $(ls -d "$store/bad" victim 2>/dev/null)" \
		'lock victim mine '
done
refuses 'a name that a terminal would obey is written out' '\\x1b\[2J\\x0aforged' image add bad terminal.tar
head -c 300 c.tar.gz >short.tar.gz
head -c 3000 plain.tar >short.tar
echo 'no archive' >text
: >nothing
head -c 10240 /dev/zero >empty.tar
mkfifo pipe
refuses 'an archive that was cut' 'short.tar' image add bad short.tar
refuses 'also in its compressed form' 'short.tar.gz' image add bad short.tar.gz
refuses 'a text' "'text': no squashfs, no EROFS, no tar" image add bad text
refuses 'an empty file' "'nothing': is empty" image add bad nothing
refuses 'an empty archive' "'empty.tar': no squashfs, no EROFS, no tar: it is empty" image add bad empty.tar
refuses 'a FIFO' "'pipe': neither a directory nor a file" image add bad pipe
refuses 'nothing' "'none': No such file" image add bad none
# shellcheck disable=SC2016,SC2317 # refuses calls it, and the inner sh expands these
mounted() {
	unshare --mount --propagation private sh -c 'mount -t tmpfs none src/etc && exec "$@"' sh "$carrel" image add --root "$root" bad src
}
refuses 'a directory that holds a mount' "'src': 'etc': is a mount" mounted
t_same 'nothing is left of them' "$(ls -A "$store/.work")$(ls -d "$store/bad" 2>/dev/null)" lock
# A user's directory, whose user points elsewhere: links are copied, and not followed.
t_same 'what a link leads to is not read' "$(find "$store/dir/tree" -name absolute -type l | wc -l)" 1

# ---- signatures, and other machines ----

minisign -G -W -p a.pub -s a.key >/dev/null
minisign -G -W -p b.pub -s b.key >/dev/null
sign() {
	minisign -S -s "$1.key" -m "$store/$2/manifest" >/dev/null </dev/null
}
signer() {
	image verify "$1" | sed 's/.*: ok, //'
}
mkdir -p "$keys"
cp a.pub "$keys/ann.pub"
sign a dir
sign b erofs
t_same 'who signed it is told' "$(signer dir)" 'signed by ann.pub'
t_same 'of a key that is not trusted it is not' "$(signer erofs)" 'not signed by a trusted key'
t_match 'also in the list' "$(image list)" '^dir  *tree .*  ann.pub$'

other() {
	verb=$1
	shift
	"$carrel" image "$verb" --root "$tmp/root2" "$@"
}
mkdir -p "root2$etc"
cp -r "$keys" "root2$etc"
t_match 'a signed image goes to another store' "$(other add dir "$store/dir")" '^signed by ann.pub$'
t 'with its manifest' cmp "$store/dir/manifest" root2/var/lib/carrel/images/dir/manifest
t_same 'and is good there' "$(other verify dir)" 'dir: ok, signed by ann.pub'
t 'a file does, too' other add squash "$store/squash"
refuses 'not under another name' "says that it is 'dir': add it under that name" other add dir2 "$store/dir"
other remove dir >/dev/null
refuses 'nor with another command' 'its manifest says the command already' other add dir "$store/dir" --command x
cp -a "$store/dir" carried
echo more >>carried/tree/bin/hi
refuses 'nor with another content' 'it is not what its manifest says' other add dir carried
rm -rf carried && cp -a "$store/dir" carried
sed -i 's/^command = .bin.sh/command = \/bin\/rm/' carried/manifest
refuses 'nor with a changed manifest' 'manifest.minisig, which names the key ann.pub: the signature is not of this content' other add dir carried
rm -rf carried && cp -a "$store/squash" carried
ln -sf /etc/passwd carried/root.squashfs
other remove squash >/dev/null
refuses 'nor through a link' "'carried': root.squashfs: Too many levels of symbolic links" other add squash carried
t_same 'and nothing of these came in' "$(cd root2/var/lib/carrel/images && find . | sort)" '.
./.work
./.work/lock'

# ---- verify says where ----

says() {
	says_name=$1 says_what=$2
	t_same "$says_name" "$(image verify dir2; echo $?)" "$says_what
1"
	rm -rf "$store/dir2" && cp -a backup "$store/dir2"
}
cp -a "$store/dir2" backup
t_same 'an image is good' "$(image verify dir2; echo $?)" 'dir2: ok, not signed by a trusted key
0'
printf J | dd of="$store/dir2/tree/etc/hosts" conv=notrunc status=none
touch -r src/etc/hosts "$store/dir2/tree/etc/hosts"
chmod 711 "$store/dir2/tree/home/u"
chown -h 5:6 "$store/dir2/tree/link"
rm "$store/dir2/tree/fifo"
: >"$store/dir2/tree/new
line"
chmod 644 "$store"/dir2/tree/new*
says 'says which path, and what of it' 'dir2: tree: is not what the manifest'\''s digest says
dir2: tree/etc/hosts: content
dir2: tree/fifo: is missing
dir2: tree/home/u: mode 0711, was 0750
dir2: tree/link: owner 5:6, was 0:0
dir2: tree/new\012line: was added'
setcap -r "$store/dir2/tree/bin/hi"
says 'a capability' 'dir2: tree: is not what the manifest'\''s digest says
dir2: tree/bin/hi: extended attributes'
rm "$store/dir2/tree/etc/hosts"
ln -s /etc/hosts "$store/dir2/tree/etc/hosts"
says 'a link in the place of a file' 'dir2: tree: is not what the manifest'\''s digest says
dir2: tree/etc/hosts: type l, was f, mode 0777, was 0644'
for i in $(seq 30); do : >"$store/dir2/tree/n$i"; done
t_same 'twenty, and how many more' "$(image verify dir2 | wc -l) $(image verify dir2 | tail -n 1)" '22 dir2: and 10 more'
rm "$store/dir2/files"
says 'and when it cannot' 'dir2: tree: is not what the manifest'\''s digest says
dir2: files: is missing, or not the list that the manifest names, so that nobody can say which path differs'
sed -i 's/^size = /size = 1/' "$store/dir2/manifest"
says 'a size' 'dir2: tree: its size is not the manifest'\''s'
sed -i 's/dir2/dir3/' "$store/dir2/manifest"
says 'another name' "dir2: manifest: is of an image 'dir3', not 'dir2'"
chmod 755 "$store/dir2"
says 'a tree that others may enter' 'dir2: others than root may enter its directory, and so write what the tree gives to its own users, and run its setuid programs on the host: chmod 0700'
chmod 666 "$store/squash/root.squashfs"
t_same 'a file that others may write' "$(image verify squash)" 'squash: root.squashfs: writable by someone other than root'
chmod 644 "$store/squash/root.squashfs"
printf J | dd of="$store/squash/root.squashfs" bs=1 seek=200 conv=notrunc status=none
t_same 'or that was written' "$(image verify squash)" "squash: root.squashfs: its SHA-256 is not the manifest's digest"
t_same 'for programs, too' "$(image verify --json squash dir | python3 -c '
import json, sys
for i in json.load(sys.stdin)["images"]: print(i["name"], i["ok"], i["signer"], len(i["problems"]))')" 'squash False None 1
dir True ann.pub 0'
t_same 'one that is not there' "$(image verify none; echo $?)" "none: there is no image 'none'
1"
cp s.img "$store/squash/root.squashfs"
ln -s dir "$store/linked"
t_match 'a link is no image' "$(image verify linked)" '^linked: linked: Not a directory$'
rm "$store/linked"

# ---- as somebody else ----

cp "$carrel" "$(dirname "$carrel")/carrel-cli" "$tmp/"
nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$tmp/carrel" image "$@" --root "$root"
}
t_match 'others see the list' "$(nobody list)" '^erofs  *erofs '
t_match 'and of a tree its name' "$(nobody list)" '^dir  *dir: Permission denied$'
t 'they may verify a file' nobody verify erofs
t_match 'and are told what they cannot read' "$(nobody verify dir)" '^dir: dir: Permission denied$'
refuses 'they add nothing' 'only root changes the store' nobody add x src
refuses 'and remove nothing' 'only root changes the store' nobody remove dir

# ---- interrupted, and two at once ----

t_same 'an import that was killed leaves nothing that counts' "$(
	mkdir fake
	# shellcheck disable=SC2016 # the fake expands it
	printf '#!/bin/sh\nmkdir -p half/made && echo x >half/made/f\nkill -9 $PPID\n' >fake/skopeo
	cp fake/skopeo fake/umoci
	chmod 755 fake/*
	PATH=$tmp/fake:$PATH image add killed oci:one >/dev/null 2>&1
	ls -d "$store/killed" 2>/dev/null
	ls "$store/.work"
)" 'half
lock
new'
deep=$store/.work/deep
mkdir "$deep"
(cd "$deep" && for i in $(seq 400); do mkdir d && : >f && cd d || exit; done)
t 'the next one' image add killed oci:one
t_same 'takes away what is left, however deep' "$(ls "$store/.work")" lock
: >waits.out
: >waits.err
cat >locked <<'SCRIPT'
"$1" image add --root "$2" waits src >waits.out 2>waits.err &
n=0; while ! grep -q waiting waits.err && [ $n -lt 600 ]; do sleep 0.05; n=$((n + 1)); done
ls -d "$2/var/lib/carrel/images/waits" 2>/dev/null
echo held
SCRIPT
flock -o "$store/.work/lock" sh locked "$carrel" "$root" >waits.held
n=0
while ! grep -q '^waits: tree' waits.out && [ $n -lt 600 ]; do sleep 0.05; n=$((n + 1)); done
flock "$store/.work/lock" true # it has ended, too
t_same 'two at once come one after the other' "$(cat waits.held waits.err; sed -n 's/^\(waits: tree\).*/\1/p' waits.out)" 'held
carrel image: waiting for another one that changes the store
waits: tree'
chmod 777 "$store"
refuses 'a store that others may write takes nothing' 'the store of images: writable by someone other than root' image add unsafe src
chmod 755 "$store"

# ---- remove ----

t_same 'remove takes it out' "$(image remove waits; ls -d "$store/waits" 2>/dev/null; ls "$store/.work")" 'waits: removed
lock'
refuses 'once' "remove: there is no image 'waits'" image remove waits
refuses 'and nothing else' "remove: '../..' is no name of an image" image remove ../..

# With containers about, whom a helper tells of: in namespaces of our own, over /run and /var/lib.
cat >helper.py <<'PYTHON'
import os, socket, struct, sys
digest = sys.argv[1].encode()
os.makedirs("/run/carrel/inside", exist_ok=True)
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind("/run/carrel/inside/helper.sock")
s.listen()
open("ready", "w").close()
layout = "@HHIIIiIIIQ65s33s65s80s256s"
size = (struct.calcsize(layout) + 7) // 8 * 8
def item(kind, digest=b""):
    return struct.pack(layout, 1, 0, size, kind, 1000, 7, 0, 0, 0, 0, b"c", b"p", b"dir", digest, b"").ljust(size, b"\0")
while True:
    c, _ = s.accept()
    c.recv(4096)
    for m in ([item(2, digest)] if digest else []) + [item(0)]:
        c.send(m)
    c.close()
PYTHON
# asked DIGEST: what becomes of the image 'used' when containers run that digest, and afterwards, when none does.
cat >asked <<'SCRIPT'
set -e
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=755 none /var/lib
carrel=$1 wanted=$2
"$carrel" image add used src >/dev/null
digest=$(sed -n 's/^digest = //p' /var/lib/carrel/images/used/manifest)
[ "$wanted" != same ] || wanted=$digest
start() {
	rm -rf ready /run/carrel
	python3 helper.py "$1" & helper=$!
	n=0; while [ ! -e ready ] && [ $n -lt 600 ]; do sleep 0.05; n=$((n + 1)); done
}
start "$wanted"
"$carrel" image remove used
ls /var/lib/carrel/images
ls /var/lib/carrel/images/.work
cat /var/lib/carrel/images/.work/gone.0/tree/bin/hi 2>/dev/null || :
kill $helper
wait $helper 2>/dev/null || :
"$carrel" image add other src >/dev/null # it cannot be asked now
ls /var/lib/carrel/images/.work
start ''
"$carrel" image remove other
ls /var/lib/carrel/images/.work
kill $helper
wait $helper 2>/dev/null || :
SCRIPT
asked() {
	unshare --mount --propagation private sh asked "$carrel" "$1" 2>&1
}
t_same 'a tree that containers run stays for them' "$(asked same)" 'used: removed
containers may still run from it: its files are taken away by a later '\''add'\'' or '\''remove'\'', when none does
gone.0
lock
hello
gone.0
lock
other: removed
lock'
t_same 'one that none runs goes' "$(asked sha256:other)" 'used: removed
lock
lock
other: removed
lock'
finish
