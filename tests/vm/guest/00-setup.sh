. /opt/carrel-vm/lib.sh

has "the kernel is Debian's 6.1" '^6\.1\.' "$(uname -r)"
is "systemd is pid 1" systemd "$(cat /proc/1/comm)"
is "cgroup v2 alone" cgroup2fs "$(stat -f -c %T /sys/fs/cgroup)"
is "AppArmor is enabled" Y "$(cat /sys/module/apparmor/parameters/enabled)"
