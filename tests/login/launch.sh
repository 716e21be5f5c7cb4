# launch.sh - what the tests of launches share: an image of busybox, places of users', a policy. After lib.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by those who read this

# put TREE PROGRAM: it, and the libraries it needs.
put()
{
	install -D "$(readlink -f "$(command -v "$2")")" "$1/bin/$2"
	ldd "$1/bin/$2" 2>/dev/null | grep -o '/[^ ]*' | while read -r word; do
		install -D "$word" "$1$word"
	done
}

# launch_prepare [PROGRAM…]: which the image has besides busybox's.
# What a world is made of, overlayfs, cannot be shown with other IDs: images and one home are on file systems that can. They are
# mounted before the helper starts, because a world passes on no mounts.
launch_prepare()
{
	local tree=/var/lib/busybox word
	mkdir -p /var/lib/carrel /srv/shown $tree/{bin,etc,root,srv,home}
	mount -t tmpfs -o mode=755 images /var/lib/carrel
	mount -t tmpfs -o mode=755 shown /srv/shown
	install -d -o alice -g alice -m 700 /srv/shown/alice
	install -d -g project -m 2770 /srv/shown/project
	install -d -m 755 /srv/other
	usermod -d /srv/shown/alice alice
	for word in busybox "$@"; do
		put $tree "$word"
	done
	for word in $(busybox --list); do
		[ -e "$tree/bin/$word" ] || ln -s busybox "$tree/bin/$word"
	done
	printf '%s\n' root:x:0:0:root:/root:/bin/sh app:x:1234:1234:app:/srv:/bin/sh daemon:x:2:2:daemon:/:/bin/sh >$tree/etc/passwd
	printf '%s\n' root:x:0: app:x:1234: more:x:77:app daemon:x:2: >$tree/etc/group
	carrel image add busybox $tree --command /bin/sh --command -c --command 'echo its own' >/var/log/image.log 2>&1 ||
		{ fail "an image is added" "$(cat /var/log/image.log)"; test_finish; }
	carrel image add other $tree >>/var/log/image.log 2>&1
	launch_config
}

launch_config()
{
	write_config <<'END'
[profile shell]
filter = login
root = yes

[profile box]
filter = root
root = yes
run = yes
images = busybox other?
max-containers = 40
home = yes
run-bind = /srv/shown
hide = /srv/shown/hidden
run-profiles = tight
keep-size = 32M
tmp-size = 16M

[profile tight]
filter = default
run = yes
images = busy*
net = none
signed = no

[assign run]
dave = tight
erin = refuse
* = box

[assign]
@wheel = exempt
* = shell
END
}

# as USER COMMAND…: in the shell of the machine, as that user.
as()
{
	local user=$1
	shift
	timeout -k 1 "${as_seconds:-60}" setpriv --reuid "$user" --regid "$user" --init-groups env -i HOME="$(getent passwd "$user" |
		cut -d: -f6)" PATH=/usr/bin:/bin TERM=vt100 "$@"
}

# run USER [OPTION…] IMAGE COMMAND…
run()
{
	local user=$1
	shift
	as "$user" carrel run "$@"
}

# Containers that were launched and live, as the helper has them.
launched()
{
	find /run/carrel/state -name 'l.*' | wc -l
}

none_launched()
{
	[ "$(launched)" = 0 ]
}

# as_all FILE: ends all of alice's containers that FILE names.
as_all()
{
	# shellcheck disable=SC2046 # a list
	as_seconds=600 as alice carrel kill $(cat "$1")
}
