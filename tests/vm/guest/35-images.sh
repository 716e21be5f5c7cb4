# Images on a file system with fs-verity, which this kernel has: the kernel vouches for the file, and nobody reads it.
. /opt/carrel-vm/lib.sh

top=/run/carrel-vm.images
mkdir -p "$top/m"
truncate -s 32M "$top/disk"
mke2fs -q -t ext4 -b 4096 -O verity "$top/disk" || fail "mke2fs makes a file system with verity"
mount -o loop "$top/disk" "$top/m"
mkdir -p "$top/m/root"
store=$top/m/root/var/lib/carrel/images
image()
{
	verb=$1
	shift
	carrel image "$verb" --root "$top/m/root" "$@"
}
# Nothing parses it here: the magic number is enough.
{ printf hsqs && head -c 1000000 /dev/zero && echo 'only here' && head -c 1000000 /dev/zero; } >"$top/s.img"
check "an image is added" carrel image add --root "$top/m/root" s "$top/s.img"
has "and the manifest has the kernel's digest" '^verity = sha256:[0-9a-f]{64}$' "$(cat "$store/s/manifest")"
is "the image is good" "s: ok, not signed by a trusted key" "$(image verify 2>&1)"
refuses "root cannot write the file any more" sh -c "echo x >>'$store/s/root.squashfs'"

# The disk changes below the file system: whoever reads the file gets an error, so it need not be read to be sure of it.
at=$(grep -abo 'only here' "$top/disk" | head -n 1 | cut -d: -f1)
check "the file can be read" cmp "$top/s.img" "$store/s/root.squashfs"
umount "$top/m"
printf 'elsewhere' | dd of="$top/disk" bs=1 seek="$at" conv=notrunc status=none
mount -o loop "$top/disk" "$top/m"
refuses "what changed on the disk cannot be read" cmp "$top/s.img" "$store/s/root.squashfs"
is "and the image is the one that the manifest names, without reading it" "s: ok, not signed by a trusted key" "$(image verify 2>&1)"
sed -i 's/^\(verity = sha256:\).*/\1'"$(printf '%064d' 0)"'/' "$store/s/manifest"
has "with another digest of the kernel's it is read, and is not" 'root.squashfs: cannot be read' "$(image verify 2>&1)"
sed -i '/^verity/d' "$store/s/manifest"
has "without one, too" 'root.squashfs: cannot be read' "$(image verify 2>&1)"
umount "$top/m"
rm -rf "$top"
