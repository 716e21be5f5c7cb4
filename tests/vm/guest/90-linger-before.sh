# What a user prepared before the product came: a lingering manager with a unit of his own, an at job for later.
. /opt/carrel-vm/lib.sh
. /opt/carrel-vm/guest-ways.sh

for u in ada dora; do
	put_user_unit $u
	forget $u unit
	touch /var/lib/systemd/linger/$u
done
cat /proc/sys/kernel/random/boot_id >/root/boot_id
ssh -q ada@localhost 'exec sleep 608' </dev/null >/dev/null 2>&1 &
until_true 120 pgrep -u ada -f '^sleep 608' || :
check "a session is open when the machine goes down" pgrep -u ada -f '^sleep 608'
exit 64
