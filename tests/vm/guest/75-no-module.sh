# The module is gone, as in the middle of a bad upgrade: nobody who is confined gets out, nobody who repairs is kept out.
. /opt/carrel-vm/lib.sh

module=/usr/lib/x86_64-linux-gnu/security/pam_carrel.so
mv $module /root/pam_carrel.so
check "root gets in" as root true
check "the exempt get in" as dora true
no_login "the confined do not" ada
is "su to the confined is refused" "" "$(timeout 120 su ada -c 'echo in' </dev/null 2>/dev/null)"
is "su to the exempt is not" in "$(timeout 120 su dora -c 'echo in' </dev/null 2>/dev/null)"
is "root becomes root by sudo" 0 "$(timeout 120 sudo -n id -u </dev/null 2>&1)"
mv /root/pam_carrel.so $module

# A module whose library is gone is a module that cannot be loaded.
echo broken >$module.new
mv $module /root/pam_carrel.so
mv $module.new $module
check "a file that is no module: root gets in" as root true
check "a file that is no module: the exempt get in" as dora true
no_login "a file that is no module: the confined do not" ada
mv /root/pam_carrel.so $module
check "repaired: logins work again" as ada true
isnt "in a container" "$(host_ns)" "$(get ada readlink /proc/self/ns/user)"
end_sessions ada dora
