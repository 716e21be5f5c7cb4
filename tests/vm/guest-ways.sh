# Ways by which a systemd host runs a user's command without asking the login service. Each prints where the
# command ran: "host", "inside" or "nowhere". All of them must say "host" for somebody who is not confined.
# shellcheck shell=sh

# The command that a way must get executed: it says in which user namespace it is.
evidence() { echo "readlink /proc/self/ns/user >/home/$1/$2.out"; }

# What is wanted to happen has $limit seconds for it, which are many: a machine under emulation has its own idea of them.
limit=120
took=/run/carrel-vm.took
echo 5 >"$took"

# way_is WHAT WANTED WAY USER: what must not happen is waited for three times as long as it just took where it was wanted.
way_is()
{
	case $2 in
	nowhere) limit=$((3 * $(cat "$took") + 3)) ;;
	*) limit=120 ;;
	esac
	is "$1" "$2" "$("way_$3" "$4")"
}

# forget USER WAY: what an earlier way left is no evidence.
forget() { rm -f "/home/$1/$2.out"; }

# where USER WAY [SECONDS]
where()
{
	since=$(date +%s)
	if ! until_true "${3:-$limit}" test -s "/home/$1/$2.out"; then
		echo nowhere
		return
	fi
	echo $(($(date +%s) - since)) >"$took"
	if [ "$(cat "/home/$1/$2.out")" = "$(host_ns)" ]; then echo host; else echo inside; fi
	forget "$1" "$2"
}

# The user as after boot. logind keeps the manager of an ended session for ten seconds; a login meanwhile gets that one,
# which has started its units long ago, and logind starts no other before it has forgotten the user.
end_manager()
{
	loginctl terminate-user "$1" 2>/dev/null || :
	until_true 120 forgotten "$1" || :
}

forgotten() { ! loginctl show-user "$1"; }

# A unit of the user's, wanted by the user manager that pam_systemd starts at login.
put_user_unit()
{
	units=/home/$1/.config/systemd/user
	mkdir -p "$units/default.target.wants"
	cat >"$units/evil.service" <<-UNIT
		[Service]
		Type=oneshot
		ExecStart=/bin/sh -c '$(evidence "$1" unit)'
	UNIT
	ln -sf ../evil.service "$units/default.target.wants/evil.service"
	chown -R "$1:" "/home/$1/.config"
}

way_user_unit()
{
	end_manager "$1"
	put_user_unit "$1"
	forget "$1" unit
	# Open until the unit has run, or could have: the manager goes with the session.
	ssh -q -o BatchMode=yes "$1@localhost" 'exec sleep 609' </dev/null >/dev/null 2>&1 &
	session=$!
	until_true 120 pgrep -u "$1" -f '^sleep 609' || :
	where "$1" unit
	pkill -u "$1" -f '^sleep 609'
	wait "$session" 2>/dev/null
}

way_systemd_run()
{
	forget "$1" run
	get "$1" systemd-run --user --quiet --wait --collect /bin/sh -c "'$(evidence "$1" run)'" >/dev/null
	where "$1" run
}

# forward USER SOCKET: connects $sock to the user's view of SOCKET through sshd, as ssh -L does from another machine.
forward()
{
	sock=/run/carrel-vm.$1.sock
	rm -f "$sock"
	ssh -q -N -o BatchMode=yes -o ExitOnForwardFailure=yes -L "$sock:$2" "$1@localhost" </dev/null >/dev/null 2>&1 &
	forwarder=$!
	until_true 120 test -S "$sock" || :
	chmod 666 "$sock" 2>/dev/null || :
}

forward_end()
{
	kill "$forwarder" 2>/dev/null
	wait "$forwarder" 2>/dev/null
	rm -f "$sock"
}

# The attacker's machine: a client that claims the user's uid to the bus and was not started by any login.
bus_client()
{
	who=$1
	shift
	timeout -k 5 120 setpriv --reuid="$(id -u "$who")" --regid="$(id -g "$who")" --clear-groups \
		busctl --address="unix:path=$sock" -- "$@"
}

start_transient()
{
	bus_client "$1" call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager \
		StartTransientUnit 'ssa(sv)a(sa(sv))' "evil-$2.service" fail 1 ExecStart 'a(sasb)' 1 \
		/bin/sh 3 /bin/sh -c "$(evidence "$1" "$2")" false 0
}

way_user_bus()
{
	forget "$1" userbus
	forward "$1" "/run/user/$(id -u "$1")/bus"
	start_transient "$1" userbus >"$out" 2>&1 || :
	where "$1" userbus
	forward_end
}

# systemd-run speaks to the manager's own socket, without a bus, where XDG_RUNTIME_DIR says.
way_user_private()
{
	forget "$1" private
	forward "$1" "/run/user/$(id -u "$1")/systemd/private"
	mkdir -p /run/carrel-vm.xdg/systemd
	ln -sf "$sock" /run/carrel-vm.xdg/systemd/private
	timeout -k 5 120 setpriv --reuid="$(id -u "$1")" --regid="$(id -g "$1")" --clear-groups \
		env -u DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR=/run/carrel-vm.xdg \
		systemd-run --user --quiet /bin/sh -c "$(evidence "$1" private)" >"$out" 2>&1 || :
	where "$1" private
	forward_end
	rm -r /run/carrel-vm.xdg
}

# Asks logind over the forwarded system bus to keep the user's manager running for ever.
way_system_bus()
{
	rm -f "/var/lib/systemd/linger/$1"
	forward "$1" /run/dbus/system_bus_socket
	bus_client "$1" call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager \
		SetUserLinger ubb "$(id -u "$1")" true false >"$out" 2>&1 || :
	forward_end
	if [ -e "/var/lib/systemd/linger/$1" ]; then echo host; else echo nowhere; fi
	rm -f "/var/lib/systemd/linger/$1"
}

way_linger_command()
{
	rm -f "/var/lib/systemd/linger/$1"
	get "$1" loginctl enable-linger >/dev/null
	if [ -e "/var/lib/systemd/linger/$1" ]; then echo host; else echo nowhere; fi
	rm -f "/var/lib/systemd/linger/$1"
}

# A job that was in the queue already: put there by the at program itself, with the user's credentials.
way_at_queue()
{
	forget "$1" at
	evidence "$1" at | (cd "/home/$1" && timeout 120 setpriv --reuid="$(id -u "$1")" --regid="$(id -g "$1")" \
		--init-groups env -i PATH=/usr/bin:/bin HOME="/home/$1" USER="$1" LOGNAME="$1" at now) >"$out" 2>&1 || :
	where "$1" at
}

way_at_command()
{
	forget "$1" atcmd
	get "$1" "echo '$(evidence "$1" atcmd)' | at now" >/dev/null
	where "$1" atcmd
}

# A minute is long: a job that is put there early has run when it is asked for.
cron_put()
{
	for who; do
		forget "$who" cron
		printf '* * * * * %s\n' "$(evidence "$who" cron)" | crontab -u "$who" -
	done
}

way_cron()
{
	where "$1" cron $((limit + 60))
	crontab -r -u "$1"
}

# Root starts the user's manager, as logind does for a lingering user at boot; logind must not be about to stop it.
way_user_manager()
{
	end_manager "$1"
	put_user_unit "$1"
	forget "$1" unit
	systemctl start "user@$(id -u "$1").service" 2>/dev/null || :
	where "$1" unit
	systemctl stop "user@$(id -u "$1").service" 2>/dev/null || :
}
