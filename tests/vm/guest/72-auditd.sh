# carrel denials and a real auditd: both formats of its log, with the machine's name and without, rotated, with records
# lost, and stopped.
. /opt/carrel-vm/lib.sh

log=/var/log/audit/audit.log
conf=/etc/audit/auditd.conf
cp $conf /root/auditd.conf

# try NAME: a program of that name asks for what a session of ada refuses. The name has a blank, for which the kernel writes
# it in hexadecimal.
try()
{
	cp /usr/bin/unshare "/usr/local/bin/$1 try"
	refuses "$1: what is refused is refused" as ada "'/usr/local/bin/$1 try' --net true"
}

hex_of() { printf '/usr/local/bin/%s try' "$1" | od -An -tx1 | tr -d ' \n' | tr a-f A-F; }
line_of() { grep "type=SECCOMP .*exe=$(hex_of "$1") " $log; }

# told NAME TEXT: how often, by the row about it.
told()
{
	printf '%s\n' "$2" | sed -nE "s|^ *([0-9]+) .* ada +default +/usr/local/bin/$1 try +unshare +refused with EPERM +.*/default\\.filter:[0-9]+.*|\\1|p"
}

# A format is shown by: the line as auditd has written it, and both who may ask.
format()
{
	within 120 "$1: it is in auditd's log" line_of "$1"
	has "$1: in this format" "$2" "$(line_of "$1" | tr '\035' '|')"
	is "$1: root is told" 1 "$(told "$1" "$(carrel denials ada 2>&1)")"
	is "$1: and so is the user, inside" 1 "$(told "$1" "$(get ada carrel denials)")"
}

check "auditd starts" systemctl start auditd.service
has "as Debian has it, ENRICHED" '^log_format = ENRICHED' "$(cat $conf)"
try enriched
format enriched '^type=SECCOMP .* code=0x50000\|.*AUID="ada".* SYSCALL=unshare'
has "the source is auditd's log, and nothing is missing" '^source: /var/log/audit/audit.log: 1 record,' "$(carrel denials ada 2>&1)"
is "nothing is said to be lost" "" "$(carrel denials 2>&1 | grep lost)"

sed -i 's/^name_format = .*/name_format = HOSTNAME/; s/^log_format = .*/log_format = RAW/' $conf
check "auditd starts again" systemctl restart auditd.service
try raw
format raw "^node=$(hostname) type=SECCOMP .* code=0x50000\$"

sed -i 's/^log_format = .*/log_format = ENRICHED/' $conf
kill -HUP "$(cat /run/auditd.pid)"
within 120 "auditd reads its configuration" grep -q 'op=reconfigure' $log
kill -USR1 "$(cat /run/auditd.pid)"
within 120 "auditd rotates its log" test -s $log.1
try rotated
format rotated '^node=.* type=SECCOMP .*\|.*AUID="ada"'
seen=$(carrel denials ada 2>&1)
is "what is in the older file still counts" "1 1" "$(told enriched "$seen") $(told raw "$seen")"
has "and is named" '^source: /var/log/audit/audit.log and 1 older: 3 records' "$seen"

auditctl -r 5 >/dev/null
get ada "perl -e 'syscall(165, 0, 0, 0, 0, 0) for 1 .. 100'" >/dev/null
auditctl -r 0 >/dev/null
lost=$(auditctl -s | sed -n 's/^lost //p')
isnt "the kernel drops what is above its limit" 0 "$lost"
has "root is told that records were lost" "^warning: the kernel has lost $lost audit records" "$(carrel denials 2>&1)"
has "and so is the user" "^warning: the kernel has lost $lost audit records" "$(get ada carrel denials)"

check "auditd stops" systemctl stop auditd.service
try stopped
stopped_told()
{
	seen=$(carrel denials ada 2>&1)
	[ "$(told stopped "$seen")" = 1 ]
}
until_true 120 stopped_told
is "without it the kernel's log has the next" 1 "$(told stopped "$seen")"
is "and those of before are still told" "1 1" "$(told enriched "$seen") $(told rotated "$seen")"
has "each log is named" '^source: the (journal|kernel)' "$seen"

cp /root/auditd.conf $conf
auditctl -e 0 >/dev/null
auditctl --reset-lost >/dev/null
rm -f /usr/local/bin/*" try" $log*
end_sessions ada
