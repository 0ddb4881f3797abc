# What .ci/run and .ci/check have in common; they source it. From here on the shell
# stands in the repository's top folder.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
lint_config=$root/.ci/golangci.yml
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"
logs=$(mktemp -d)
exec 3>&1 # for what is to be seen even if a step passes

source "$root/.ci/modules.bash"

# The packages of all modules, for commands that take the whole workspace at once.
# That shares what their modules have in common: golangci-lint takes 50 s of CPU for
# all of them, and 120 s for one after the other.
everything=()
for m in "${modules[@]}"; do
	[ "$m" = . ] && everything+=(./...) || everything+=("./$m/...")
done

# step NAME COMMAND… runs the command, shows its output only if it fails, and says how
# long it took and how much of the processors, which tells more on a busy machine. The
# processors' part of servers is not in it. A command that fails and leaves a database
# server dead gets another try, which is said: MariaDB 10.11 has died of a segmentation
# fault of its own while it answered a query of information_schema.
step() {
	local name=$1 status=ok out TIMEFORMAT='%R %U %S'
	shift
	out=$(mktemp "$logs/step.XXXXXX")
	if ! { time tried "$out" "$@"; } 2>"$out.time"; then
		status=FAILED
		echo "$name" >>"$logs/failed"
		tail -n 400 "$out"
	fi
	tail -n 1 "$out.time" | awk -v status=$status -v name="$name" '{ printf "%-6s %4.0f s, CPU %4.0f s  %s\n", status, $1, $2 + $3, name }'
}

tried() {
	local out=$1
	shift
	"$@" >"$out" 2>&1 && return 0
	servers_answer && return 1
	tail -n 50 "$out" >&3
	echo "a database server has died: started again, and one more try" >&3
	start_databases >&3 2>&1 && "$@" >"$out" 2>&1
}

# servers_answer tells whether those that were started do; servers.bash knows.
servers_answer() { true; }

# verdict ends the script: what failed, or the time that all took.
verdict() {
	if [ -s "$logs/failed" ]; then
		sed 's/^/failed: /' "$logs/failed"
		exit 1
	fi
	printf 'all passed in %d s\n' "$SECONDS"
}

# failures FILE shows, of what `go test -v` wrote, the failed tests and what they said,
# data races, panics, and packages that failed.
failures() {
	awk '
		/^=== (RUN|NAME|CONT|PAUSE) / { owner = $3; next }
		/^ *--- [A-Z]+: / { if ($2 == "FAIL:") { failed[$3] = 1; said[$3] = said[$3] $0 "\n" } next }
		/^(panic:|fatal error:|WARNING: DATA RACE|# )/ { loud = 60 }
		/^(ok|FAIL|\?) *\t/ {
			for (name in failed) printf "%s", said[name]
			delete said; delete failed
			owner = ""; loud = 0
			if ($1 == "FAIL") print
			next
		}
		loud-- > 0 { print; next }
		{ said[owner] = said[owner] $0 "\n" }
		END { for (name in failed) printf "%s", said[name] } # a test program says no package
	' "$1" | head -n 400
}

build_tools() { GOWORK=off GOBIN=$root/.bin go -C internal/tools install tool; }

lint() { .bin/golangci-lint run --config "$lint_config" "$@"; }

formatted() {
	local files
	files=$(git ls-files --cached --others --exclude-standard '*.go' | xargs ls -d 2>/dev/null | xargs .bin/gofumpt -l)
	[ -z "$files" ] || { printf 'gofumpt would change:\n%s\n' "$files"; return 1; }
}
