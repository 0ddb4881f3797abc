# The servers that tests need, for scripts that have sourced steps.bash. A server that
# the environment names (AUDIT_POSTGRES_DSN, AUDIT_MYSQL_DSN, AUDIT_NATS_URL,
# AUDIT_RABBITMQ_URL) is used as it is. For the others a private one is started on a
# free port and ends with the script; RabbitMQ takes long to start, so the local one
# serves, and is started and left running if it is down.
#
# The private database servers never wait for a disk: their data is in memory if there
# is room, and they sync nothing. What is proved does not rest on that. The tests that
# kill a database server start their own, which sync (test/integration/crash), and the
# 70 kills are of processes that write, not of the server.
private=$logs/servers
if [ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" -gt 3000000 ] 2>/dev/null; then
	private=$(mktemp -d /dev/shm/servers.XXXXXX)
fi
mkdir -p "$private/postgres" "$private/mariadb"
chmod 711 "$logs" "$private" # root starts PostgreSQL as somebody else

# wait_for COMMAND… tries for half a minute.
wait_for() {
	for _ in $(seq 300); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	echo "not up after 30 s: $*"
	return 1
}

# listens PORT tells whether something on this machine does.
listens() { (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
	local port=$((20000 + RANDOM % 10000))
	while listens "$port"; do port=$((20000 + RANDOM % 10000)); done
	echo "$port"
}

# postgres_does COMMAND… runs a program of PostgreSQL, which refuses to work for root.
postgres_does() {
	local binaries
	binaries=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
	local as=()
	[ "$(id -u)" != 0 ] || as=(setpriv --reuid=postgres --regid=postgres --init-groups)
	(cd "$private/postgres" && PATH="$PATH:$binaries" exec "${as[@]}" "$@")
}

# start_postgres and start_mariadb make the server with its database test, or start it
# again if it has died.
start_postgres() {
	local data=$private/postgres/data
	if [ ! -d "$data" ]; then
		[ "$(id -u)" != 0 ] || chown postgres "$private/postgres"
		postgres_port=$(free_port)
		postgres_does initdb -D "$data" -U postgres --auth=trust --no-sync -E UTF8 --locale=C.UTF-8 || return 1
		echo "CREATE DATABASE test" | postgres_does postgres --single -F -D "$data" postgres || return 1
	fi
	postgres_answers && return 0
	postgres_does postgres -D "$data" -p "$postgres_port" -k "$private/postgres" -c listen_addresses=127.0.0.1 \
		-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_wal_size=256MB -c jit=off \
		>>"$private/postgres.log" 2>&1 3>&- &
	disown
	wait_for postgres_answers
}

postgres_answers() { postgres_does pg_isready -q -h 127.0.0.1 -p "$postgres_port"; }

#
# A MariaDB that starts deletes the temporary tables it finds, so in a folder that is
# shared, as /tmp is, those of every other server, which may die of it.
start_mariadb() {
	local data=$private/mariadb/data
	if [ ! -d "$data" ]; then
		mariadb_port=$(free_port)
		TMPDIR=$private/mariadb mariadb-install-db --no-defaults --datadir="$data" --user="$(id -un)" --auth-root-authentication-method=normal \
			--skip-test-db --skip-name-resolve || return 1
		mkdir "$data/test" # is what a database is
	fi
	mariadb_answers && return 0
	mariadbd --no-defaults --datadir="$data" --tmpdir="$private/mariadb" --user="$(id -un)" --port="$mariadb_port" --bind-address=127.0.0.1 \
		--socket="$private/mariadb/socket" --pid-file="$private/mariadb/pid" --skip-name-resolve \
		--character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci --innodb-buffer-pool-size=256M \
		--innodb-flush-method=nosync --innodb-flush-log-at-trx-commit=0 --skip-innodb-doublewrite --sync-frm=OFF \
		>>"$private/mariadb.log" 2>&1 3>&- &
	disown
	wait_for mariadb_answers
}

mariadb_answers() { mariadb-admin --no-defaults --silent -h 127.0.0.1 -P "$mariadb_port" -u root ping >/dev/null 2>&1; }

start_databases() {
	if [ -z "$postgres_is_named" ]; then
		start_postgres || { tail "$private/postgres.log"; return 1; }
	fi
	if [ -z "$mariadb_is_named" ]; then
		start_mariadb || { tail "$private/mariadb.log"; return 1; }
	fi
}

# databases_answer is about the private ones; the others are somebody else's affair.
databases_answer() {
	[ -n "$postgres_is_named" ] || postgres_answers || return 1
	[ -n "$mariadb_is_named" ] || mariadb_answers
}

start_brokers() {
	if [ -z "${AUDIT_NATS_URL:-}" ]; then
		local port
		port=$(free_port)
		nats-server -a 127.0.0.1 -p "$port" -js -sd "$private/nats" -P "$private/nats.pid" >/dev/null 2>&1 3>&- &
		disown
		wait_for listens "$port" || return 1
		export AUDIT_NATS_URL=nats://127.0.0.1:$port
	fi
	if [ -z "${AUDIT_RABBITMQ_URL:-}" ]; then
		listens 5672 || { rabbitmq-server -detached 3>&- && wait_for listens 5672; } || return 1
		export AUDIT_RABBITMQ_URL=amqp://guest:guest@127.0.0.1:5672/
	fi
}

start_servers() {
	postgres_is_named=${AUDIT_POSTGRES_DSN:-} mariadb_is_named=${AUDIT_MYSQL_DSN:-}
	start_databases || return 1
	servers_answer() { databases_answer; }
	export AUDIT_POSTGRES_DSN=${AUDIT_POSTGRES_DSN:-postgres://postgres@127.0.0.1:${postgres_port:-}/test?sslmode=disable}
	export AUDIT_MYSQL_DSN=${AUDIT_MYSQL_DSN:-root:@tcp(127.0.0.1:${mariadb_port:-})/test?parseTime=true}
	start_brokers
}

# stop_servers ends the private ones; there is nothing to save.
stop_servers() {
	local file
	for file in "$private/postgres/data/postmaster.pid" "$private/mariadb/pid" "$private/nats.pid"; do
		[ ! -s "$file" ] || kill -QUIT "$(head -n 1 "$file")" 2>/dev/null || true
	done
	wait_for rm -rf "$private"
}
trap 'stop_servers; rm -rf "$logs"' EXIT

# install_packages gets what is missing from Debian. The routing tests log through a
# real rsyslogd.
install_packages() {
	local missing=() program
	for program in initdb:postgresql mariadbd:mariadb-server nats-server rabbitmq-server rsyslogd:rsyslog logrotate; do
		PATH="$PATH:/usr/sbin:$(printf '%s:' /usr/lib/postgresql/*/bin)" command -v "${program%:*}" >/dev/null || missing+=("${program#*:}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}"
	else
		echo "not installed here (the names are Debian's packages): ${missing[*]}" >&3
	fi
}

# install_browser gets the Chromium in which the viewer's pages are looked at
# (test/browser), and axe-core, which judges whether everyone can use them. Where one
# cannot be had, that is said, and those tests skip.
install_browser() {
	install_axe || echo "axe-core is not here: the accessibility of the viewer's pages is not checked" >&3
	command -v chromium >/dev/null && return 0
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends chromium && return 0
	fi
	echo "chromium is not here: the viewer's pages are not looked at in a browser" >&3
}

install_axe() {
	local folder=${XDG_CACHE_HOME:-$HOME/.cache}/auditplugin-axe-4.10.3
	local script=$folder/node_modules/axe-core/axe.min.js
	[ -z "${AUDIT_AXE:-}" ] || return 0
	[ -s "$script" ] || timeout 120 npm install --no-audit --no-fund --no-save --prefix "$folder" axe-core@4.10.3 || return
	export AUDIT_AXE=$script
}
