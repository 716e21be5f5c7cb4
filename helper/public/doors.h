#ifndef CARREL_PUBLIC_DOORS_H
#define CARREL_PUBLIC_DOORS_H

/*
 * The door directories: a tmpfs of the helper that has, for each of these directories of the host, one of the same name in
 * which every program's name is a hard link to carrel-door, and "door" itself at the top. In the door way the module
 * attaches the tmpfs at DOORS_AT in the service's mount namespace and binds each directory over the real one.
 */
#define DOORS_AT "/run/carrel/doors"
#define DOORS_DOOR "door"

static const char *const door_dirs[] = {
	"/usr/bin",
	"/usr/sbin",
	"/usr/games",
	"/usr/local/bin",
	"/usr/local/sbin",
	"/usr/local/games",
	"/bin", /* where /usr is not merged; skipped when a symlink */
	"/sbin",
};

#define N_DOOR_DIRS (sizeof(door_dirs) / sizeof(door_dirs[0]))

#endif
