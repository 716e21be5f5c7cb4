# Launches on a whole machine: an older kernel, ext4 as it is, scopes of systemd with limits, the journal, and user namespaces
# that are switched off for everybody.
. /opt/carrel-vm/lib.sh

tree=/var/tmp/launch-tree
mkdir -p $tree/bin $tree/etc $tree/root
for program in bash sleep id cat touch stat head env perl; do
	cp "$(command -v $program)" $tree/bin/
	ldd "$(command -v $program)" | grep -o '/[^ ]*' | while read -r library; do
		[ -e "$tree$library" ] || install -D "$library" "$tree$library"
	done
done
ln -sf bash $tree/bin/sh
echo root:x:0:0:root:/root:/bin/sh >$tree/etc/passwd
check "an image is added" carrel image add tiny $tree
rm -rf $tree
cat >/etc/carrel/conf.d/launch.conf <<'CONF'
[profile box]
filter = root
root = yes
run = yes
images = tiny
home = yes
keep-size = 32M

[profile small]
inherit = box
memory-max = 96M
tasks-max = 40

[assign run]
ben = small
ada = box
CONF
check "the configuration is good" carrel check
# The first launch reads the image, and the helper is emulated.
check "ada, in a session, launches" as ada 'carrel run tiny id'
is "and is root in there" 0 "$(get ada 'carrel run tiny id -u')"
is "dora, who is exempt, from the host" 0 "$(get dora 'carrel run --profile box tiny id -u')"
is "ext4 is shown with other IDs: root writes in the home" 0 "$(get ada 'carrel run --home tiny sh -c "echo x >made; stat -c %u made"')"
is "and it is the user's on disk" ada "$(stat -c %U /home/ada/made)"
is "what is kept is there again" kept "$(get ada 'carrel run --keep tiny sh -c "echo kept >/etc/kept"; carrel run --keep tiny cat /etc/kept')"
is "--read-only" ro "$(get ada 'carrel run --read-only tiny sh -c "touch /x 2>/dev/null || echo ro"')"

# --- limits, by systemd ---
check "a container of ben's that stays" as ben 'carrel run -d --name held tiny sleep 700'
pid=$(sed -n 's/^pid //p' /run/carrel/state/l.1002.held)
group=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
has "it has a scope of its own in ben's slice" '^/user.slice/user-1002.slice/carrel-1002-held-[0-9]+\.scope$' "$group"
is "with the profile's memory" 100663296 "$(cat "/sys/fs/cgroup$group/memory.max")"
is "and its tasks" 40 "$(cat "/sys/fs/cgroup$group/pids.max")"
bomb='for (1 .. 80) { defined($p = fork) or die qq(fork: $!); $p or exec qw(sleep 50) }'
has "a bomb ends at that" 'fork|Resource' "$(get ben "carrel run tiny perl -e '$bomb'")"
eat='carrel run tiny sh -c "head -c 300000000 /dev/zero >/dev/shm/big; echo eaten"'
is "300 MB: not for ben" "" "$(get ben "$eat" | grep eaten)"
is "but for ada" eaten "$(get ada "$eat" | grep eaten)"
check "the other container of ben's lives on" test -d "/proc/$pid"
within 120 "also when no session of ben's is left" no_session ben
check "it lives" test -d "/proc/$pid"

# --- the journal ---
check "a detached command that says something" as ada 'carrel run -d --name says tiny sh -c "echo said-in-there"'
within 120 "is read in the journal" sh -c 'journalctl -t carrel/says --no-pager | grep -q said-in-there'
within 120 "with the start of it" sh -c 'journalctl MESSAGE_ID=5b7c2f0b3fd94c0d9b3c5d0c3a1f6e0a CARREL_CONTAINER=says CARREL_IMAGE=tiny CARREL_USER=ada --no-pager | grep -q says'
within 120 "and the end" sh -c 'journalctl MESSAGE_ID=5b7c2f0b3fd94c0d9b3c5d0c3a1f6e0b CARREL_CONTAINER=says -o verbose --no-pager | grep -q "CARREL_OUTCOME=exit status 0"'

# --- the helper's end and return ---
systemctl restart carrel-helper.service
is "another helper knows what runs" held "$(get ben 'carrel list -q')"
is "and leads into it" 0 "$(get ben 'carrel exec held id -u')"
check "and out" as ben 'carrel kill held'
within 120 "the container is gone" process_gone "$pid"
within 120 "and so is its scope" sh -c "! test -e '/sys/fs/cgroup$group'"

# --- nobody may make user namespaces ---
sysctl -q kernel.unprivileged_userns_clone=0
refuses "without user namespaces for everybody: unshare" as dora 'unshare -U true'
is "a launch all the same" 0 "$(get dora 'carrel run --profile box tiny id -u')"
sysctl -q kernel.unprivileged_userns_clone=1
rm /etc/carrel/conf.d/launch.conf
end_sessions ada ben dora
