# The limits of a profile bite, through systemd, on everything of the user at once. ben: 40 tasks, 96 MiB.
. /opt/carrel-vm/lib.sh

# limit_above PID FILE: the smallest value of the cgroup file from the process's cgroup upwards.
limit_above()
{
	path=$(sed -n 's/^0:://p' "/proc/$1/cgroup")
	while [ -n "$path" ] && [ "$path" != / ]; do
		cat "/sys/fs/cgroup$path/$2" 2>/dev/null
		path=$(dirname "$path")
	done | grep -v max | sort -n | head -n 1
}

# In perl: a shell that may not fork tries again for a quarter of a minute, and then leaves its jobs to be waited for.
bomb='perl -e "for (1 .. 80) { defined(\$p = fork) or do { \$why = \$!; kill 15, @all; die qq(fork: \$why) };
	\$p or exec qw(sleep 50); push @all, \$p } print qq(all\n); kill 15, @all"'
has "80 processes: no limit for the exempt" '^all$' "$(get dora "$bomb")"
has "80 processes: nor for ada" '^all$' "$(get ada "$bomb")"
result=$(get ben "$bomb")
has "80 processes: refused for ben" 'fork|Resource temporarily unavailable|Cannot fork' "$result"

ssh -q ben@localhost 'exec sleep 604' </dev/null >/dev/null 2>&1 &
client=$!
until_true 120 pgrep -u ben -f '^sleep 604' || :
pid=$(pgrep -u ben -f '^sleep 604')
is "ben's tasks-max is in the cgroup" 40 "$(limit_above "$pid" pids.max)"
is "ben's memory-max is in the cgroup" 100663296 "$(limit_above "$pid" memory.max)"

# A second session counts too: the bomb was not told how many the first one may have.
get ben "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 \
	21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42; do sleep 605 & done; wait" >/run/carrel-vm.bomb 2>&1 &
bomber=$!
until_true 120 grep -qE 'fork|Resource' /run/carrel-vm.bomb || :
has "a second session of ben's meets the same limit" 'fork|Resource temporarily unavailable' "$(cat /run/carrel-vm.bomb)"
count=$(/opt/carrel-vm/guest-scan all ben | wc -l)
check "two sessions of ben together stay below 41 ($count)" test "$count" -le 40
check "others can still log in" as ada true
check "and root" as root true
pkill -KILL -u ben -f 'sleep 605' # the shell first, which would go on to fork, and wait for ten minutes
wait $bomber

eat='python3 -c "x = bytearray(200 << 20); x[::4096] = b\"x\" * len(x[::4096]); print(\"eaten\")"'
is "200 MiB: no limit for the exempt" eaten "$(get dora "$eat")"
is "200 MiB: nor for ada" eaten "$(get ada "$eat")"
isnt "200 MiB: not for ben" eaten "$(get ben "$eat")"
has "the kernel killed it for its cgroup's limit" 'Memory cgroup out of memory: Killed process [0-9]+ \(python3\)' \
	"$(dmesg | grep 'Memory cgroup out')"
is "root inside does not lift it" "" "$(get ben "sudo $eat" | grep eaten)"
refuses "nor write the limit" as ben 'sudo sh -c "for f in /sys/fs/cgroup/memory.max /sys/fs/cgroup/*/memory.max; do
	echo max >\$f && exit 0; done; exit 3"'
check "the rest of ben's container lives on" test -d "/proc/$pid"
kill $client
wait $client 2>/dev/null
end_sessions ada ben dora
