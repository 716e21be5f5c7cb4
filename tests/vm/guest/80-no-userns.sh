# The host's admin switches unprivileged user namespaces off: users still get theirs, from the helper.
. /opt/carrel-vm/lib.sh

check "an exempt user makes a user namespace while it is allowed" as dora unshare -Ur true
sysctl -q kernel.unprivileged_userns_clone=0
refuses "and not after" as dora unshare -Ur true
isnt "the confined still get a container" "$(host_ns)" "$(get ada readlink /proc/self/ns/user)"
is "and root in it" 0 "$(get ada sudo id -u)"
is "carrel root as well" 0 "$(get ada carrel root id -u)"
isnt "su too" "$(host_ns)" "$(timeout 120 su ada -c 'readlink /proc/self/ns/user' </dev/null 2>&1 | grep '^user:')"
sysctl -q kernel.unprivileged_userns_clone=1
end_sessions ada dora

# None at all left for anybody: refused, with root and the exempt let in.
max=$(sysctl -n user.max_user_namespaces)
sysctl -q user.max_user_namespaces=0
no_login "no user namespaces left: the confined are refused" ada
check "no user namespaces left: root gets in" as root true
check "no user namespaces left: the exempt get in" as dora true
within 120 "the journal names the sysctl" sh -c 'journalctl -b -o cat | grep -qF user.max_user_namespaces'
sysctl -q "user.max_user_namespaces=$max"
check "and again in" as ada true
end_sessions ada dora
