# The modules of this repository, and the versions in which they ask for each other.
# Sourced in the repository's top folder.
#
# What is published asks for real versions and replaces nothing, because a user's build
# ignores `replace` and refuses `go install` of a command that has one. go.work ties the
# modules together for development: it replaces that version of each by its folder.
own=github.com/gorm-audit/auditplugin

# For tests alone, or kept out of the workspace: never tagged.
unpublished='^(test/.*|relay/watermill/brokertest|internal/tools)$'

mapfile -t modules < <(git ls-files --cached --others --exclude-standard 'go.mod' '*/go.mod' | xargs ls 2>/dev/null | xargs -n 1 dirname | grep -v '^internal/tools$' | sort)
mapfile -t published < <(printf '%s\n' "${modules[@]}" | grep -Ev "$unpublished")

# path_of FOLDER is the module's path, tag_of FOLDER VERSION its tag.
path_of() { [ "$1" = . ] && echo "$own" || echo "$own/$1"; }
tag_of() { [ "$1" = . ] && echo "$2" || echo "$1/$2"; }

# folder_of PATH is the opposite of path_of.
folder_of() { [ "$1" = "$own" ] && echo . || echo "${1#"$own/"}"; }

# asks_for GO.MOD lists those of ours that it requires, with their versions.
asks_for() { sed -nE "s,^(require)?[[:space:]]+($own(/[^ ]*)?) (v[^ ]+)( //.*)?\$,\2 \4,p" "$1"; }

# current_version is the version in which the modules ask for each other.
current_version() { sed -nE "s,^(replace)?[[:space:]]+$own (v[^ ]+) => \.$,\2,p" go.work; }

# set_versions VERSION writes it into every go.mod and into go.work, and drops what
# would keep a module from being published.
set_versions() {
	local m path
	for m in "${modules[@]}"; do
		while read -r path _; do
			go mod edit -require="$path@$1" "$m/go.mod"
		done < <(asks_for "$m/go.mod")
		sed -nE "s,^(replace)?[[:space:]]+($own(/[^ ]*)?)( v[^ ]+)? => .*,\2,p" "$m/go.mod" | while read -r path; do
			go mod edit -dropreplace="$path" "$m/go.mod"
		done
	done
	sed -nE "s,^(replace)?[[:space:]]+($own(/[^ ]*)?) (v[^ ]+) => .*,\2@\4,p" go.work | while read -r path; do
		go work edit -dropreplace="$path"
	done
	for m in "${published[@]}"; do
		[ "$m" = . ] && path=. || path=./$m
		go work edit -replace="$(path_of "$m")@$1=$path"
	done
}

# consistent says what set_versions would change.
consistent() {
	local m path at version status=0
	version=$(current_version)
	for m in "${modules[@]}"; do
		while read -r path at; do
			[ "$at" = "$version" ] || { echo "$m/go.mod: $path $at, elsewhere $version: run make tidy"; status=1; }
		done < <(asks_for "$m/go.mod")
	done
	for m in "${published[@]}"; do
		if grep -q '^replace\|=>' "$m/go.mod"; then
			echo "$m/go.mod: replace does not hold in what is published: run make tidy"
			status=1
		fi
		grep -q "$(path_of "$m") $version =>" go.work || { echo "go.work: no replace of $m at $version: run make tidy"; status=1; }
	done
	return $status
}

# tidied FOLDER [-diff] runs `go mod tidy` in a module, outside the workspace, with this
# tree in the place of versions that may not be published yet. The sums of our own
# modules are left alone: they are those of what was released.
tidied() {
	local m=$1 dir path other status=0
	shift
	dir=$(mktemp -d)
	cp "$m/go.mod" "$dir/go.mod"
	touch "$m/go.sum"
	grep -v "^$own[ /]" "$m/go.sum" >"$dir/go.sum" || true
	for other in "${published[@]}"; do
		path=$(path_of "$other")
		go mod edit -replace="$path=$PWD/$other" "$dir/go.mod"
	done
	(cd "$m" && GOWORK=off go mod tidy -modfile="$dir/go.mod" "$@") || status=1
	if [ $# -eq 0 ] && [ $status -eq 0 ]; then
		for other in "${published[@]}"; do
			go mod edit -dropreplace="$(path_of "$other")" "$dir/go.mod"
		done
		cp "$dir/go.mod" "$m/go.mod"
		LC_ALL=C awk -v own="$own" '
			FILENAME == ARGV[1] { if (index($0, own " ") == 1 || index($0, own "/") == 1) ours = ours $0 "\n"; next }
			ours != "" && $1 > own { printf "%s", ours; ours = "" }
			{ print }
			END { printf "%s", ours }
		' "$m/go.sum" "$dir/go.sum" >"$dir/sum"
		cp "$dir/sum" "$m/go.sum"
	fi
	rm -r "$dir"
	return $status
}
