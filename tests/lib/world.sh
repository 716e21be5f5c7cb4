# world.sh - throw-away copies of this machine, in which real services may be broken.
#
# Trust:  root on the machine under test; sourced by bash, after world_enter_private.
# In:     the machine's own file systems, as the lowest layer of overlays; never written to.
# Order:  private mount namespace, tmpfs for the upper layers, then per world: mount, pid, ipc, uts, cgroup and
#         network namespaces, pivot_root; what a world started dies with its pid 1.
# Fails:  any step that fails ends the world before a command runs in it.
#
# A layer is a directory under $WORLD that holds one upper directory for each of the machine's file systems. A world
# writes to one layer and sees others through it: world_run "tests base" writes to "tests", above "base", above /.

world_lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Runs the calling script again in a private mount namespace, with $WORLD an empty tmpfs; what it starts stays in there.
world_enter_private()
{
	if [ "${WORLD_PRIVATE:-}" != yes ]; then
		WORLD=$(mktemp -d /tmp/carrel-world.XXXXXX)
		# On the machine this stays an empty directory: the tmpfs over it is in the private namespace.
		trap 'rmdir "$WORLD"' EXIT
		trap : INT TERM HUP
		export WORLD
		# shellcheck disable=SC2016 # the inner bash expands these
		unshare --mount --propagation private -- bash -c 'mount -t tmpfs -o mode=700,size=80% world "$WORLD" &&
			export WORLD_PRIVATE=yes && exec bash "$@"' bash "$0" "$@"
		exit
	fi
	world_list_mounts >"$WORLD/mounts"
}

# What lies under a world: a directory each, / first. Network and FUSE file systems stay out: touching a dead one hangs.
world_list_mounts()
{
	echo /
	local line path type
	while read -r line; do
		path=$(printf '%b' "$(cut -d' ' -f5 <<<"$line")")
		type=${line#* - }
		type=${type%% *}
		case $path in
		/ | /proc* | /sys* | /dev | /dev/* | /run | /run/* | /tmp | /tmp/* | *[:,\\]* | /var/lib/docker/*) continue ;;
		esac
		case $type in
		ext[234] | xfs | btrfs | f2fs | zfs | overlay | tmpfs | 9p | virtiofs | erofs | squashfs)
			[ -d "$path" ] && echo "$path" ;;
		esac
	done </proc/self/mountinfo | sort -u
}

# world_run [-n] "LAYER [BELOW…]" COMMAND…: runs it as root in a world; -n keeps the machine's network.
# stdio passes, and so does the exit status. WORLD_SECONDS limits the time, 0 not at all; WORLD_BIND names a directory of
# the machine to show writable.
world_run()
{
	local net=--net
	if [ "$1" = -n ]; then
		net=
		shift
	fi
	local layers=$1
	shift
	timeout --foreground -k 5 "${WORLD_SECONDS:-0}" setpriv --pdeathsig KILL \
		unshare --mount --pid --ipc --uts --cgroup $net --fork --kill-child=KILL --propagation private -- \
		bash "$world_lib/world-init" "$WORLD" "$layers" "${net:+own}" "$@"
}

# Forgets what was written to a layer.
world_drop()
{
	rm -rf "${WORLD:?}/layer-$1"
}

# world_source LAYER DIRECTORY: the sources as /usr/src/carrel, so that it does not matter where they lie or who may read them.
world_source()
{
	local to=$WORLD/layer-$1/0/upper/usr/src/carrel
	mkdir -p "$WORLD/layer-$1/0/upper" "$WORLD/layer-$1/0/work"
	(umask 022 && mkdir -p "$to")
	tar -C "$2" --exclude=./.git -cf - . | tar -C "$to" --no-same-owner -xf -
	chmod -R u+rwX,go+rX,go-w "$to"
}
