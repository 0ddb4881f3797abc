# Publishing into a folder, for .ci/outsider and .ci/release: no server, no network.
#
# Go itself makes the modules, from tags in a repository that stands in the place of the
# one on the web. So the tags, the folders and the licence in each module are tried, too.

# tree_of FOLDER [TAG] copies the files as they are here, or as they were tagged.
tree_of() {
	if [ $# -gt 1 ]; then
		git archive "$2" | tar x -C "$1"
	else
		git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | tar c -T - | tar x -C "$1"
	fi
}

# by_need prints the published modules, each after those that it asks for.
by_need() {
	local -A done=()
	local m path ready
	while [ ${#done[@]} -lt ${#published[@]} ]; do
		local before=${#done[@]}
		for m in "${published[@]}"; do
			[ -z "${done[$m]:-}" ] || continue
			ready=yes
			while read -r path _; do
				[ -n "${done[$(folder_of "$path")]:-}" ] || ready=no
			done < <(asks_for "$m/go.mod")
			[ $ready = no ] || { done[$m]=yes; echo "$m"; }
		done
		[ ${#done[@]} -gt "$before" ] || { echo "modules ask for each other in a circle, or for one that is not published" >&2; return 1; }
	done
}

# publish VERSION [TAG] releases this tree, or an older one, under a version. The tags
# are in $shop/repo, what a module proxy would serve is in $shop/cache/download.
publish() (
	set -euo pipefail
	local version=$1 m path found sum gomod
	export GIT_CONFIG_GLOBAL=$shop/gitconfig GIT_CONFIG_NOSYSTEM=1 GOWORK=off GOENV=off GOMODCACHE=$shop \
		GOFLAGS=-modcacherw GOPROXY=direct GONOSUMDB=$own
	mkdir -p "$shop/repo"
	git -C "$shop/repo" rev-parse -q --git-dir >/dev/null 2>&1 || git init -q "$shop/repo"
	git config -f "$GIT_CONFIG_GLOBAL" user.name release
	git config -f "$GIT_CONFIG_GLOBAL" user.email release@example.org
	git config -f "$GIT_CONFIG_GLOBAL" "url.file://$shop/repo.insteadOf" "https://$own"
	(cd "$shop/repo" && git rm -rfq --ignore-unmatch .)
	tree_of "$shop/repo" "${@:2}"
	cd "$shop/repo"
	git add -A
	source "$ci/modules.bash"
	set_versions "$version"
	for m in $(by_need); do
		while read -r path _; do
			found=$(GOPROXY=file://$shop/cache/download go mod download -json "$path@$version")
			sum=$(sed -n 's/.*"Sum": "\(.*\)".*/\1/p' <<<"$found")
			gomod=$(sed -n 's/.*"GoModSum": "\(.*\)".*/\1/p' <<<"$found")
			sums "$m/go.sum" "$path" "$version" "$sum" "$gomod"
		done < <(asks_for "$m/go.mod")
		git add -A
		git commit -q --allow-empty -m "$m $version"
		git tag "$(tag_of "$m" "$version")"
		go mod download "$(path_of "$m")@$version"
	done
)

# sums GO.SUM PATH VERSION SUM GOMODSUM puts the sums of one of our modules in the place
# of older ones, where `go mod tidy` would have them.
sums() {
	LC_ALL=C awk -v path="$2" -v lines="$2 $3 $4"$'\n'"$2 $3/go.mod $5" '
		$1 == path { next }
		!written && $1 > path { print lines; written = 1 }
		{ print }
		END { if (!written) print lines }
	' "$1" >"$1.new"
	mv "$1.new" "$1"
}
