#!/bin/sh
# The steps of action.yml: finding, installing and running the program.
set -eu

install="$GITHUB_ACTION_PATH/.github/install.sh"
export FLEETWRIGHT_CACHE="$RUNNER_TEMP/fleetwright-bin"

# where outputs whether the program is a release or built from source, its directory, and the cache key.
where() {
	place=$(sh "$install" where)
	directory=$(dirname -- "${place#* }")
	{
		echo "from=${place%% *}"
		echo "directory=$directory"
		echo "key=fleetwright-$(basename -- "$directory")"
	} >>"$GITHUB_OUTPUT"
}

install() {
	sh "$install" >/dev/null || {
		echo "::error title=fleetwright::cannot get the program; see the log of this step"
		exit 2
	}
}

# quoted prints text from the repository, and keeps GitHub from running workflow commands in it.
quoted() {
	token=$(random)
	echo "::stop-commands::$token"
	cat
	echo "::$token::"
}

random() {
	od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

run() {
	case $STRICT in
	true | false) ;;
	*)
		echo "::error title=fleetwright::strict must be true or false"
		printf '%s\n' exit-code=2 stale=false changed=false comment= comment-file= >>"$GITHUB_OUTPUT"
		exit 2
		;;
	esac
	fleetwright=$(sh "$install")
	set --
	while read -r path; do
		[ -z "$path" ] || set -- "$@" "$path"
	done <<-END
		$PATHS
	END
	set -- -- "$@"
	[ -z "$OUTPUT" ] || set -- -o "$OUTPUT" "$@"
	while read -r source; do
		[ -z "$source" ] || set -- --source "$source" "$@"
	done <<-END
		${SOURCE:-}
	END

	# Each use of the action in a job needs separate files.
	files=$(mktemp -d "$RUNNER_TEMP/fleetwright-XXXXXX")
	comment=$files/comment.md
	said=$files/said.txt
	: >"$comment"

	code=0
	if [ "$STRICT" = true ]; then
		"$fleetwright" check --format github --strict "$@" 2>"$said" || code=$?
	else
		"$fleetwright" check --format github "$@" 2>"$said" || code=$?
	fi
	quoted <"$said"
	# Exit code 1 means either a stale output or a warning that strict turned into an error.
	stale=false
	if [ "$code" = 1 ]; then
		"$fleetwright" check "$@" >/dev/null 2>&1 || stale=true
	fi

	# Without an output and a base there is nothing to compare with.
	changed=false
	if [ -n "$BASE" ] || [ -n "$OUTPUT" ]; then
		different=0
		"$fleetwright" diff --format markdown ${BASE:+--base "$BASE"} "$@" >"$comment" 2>"$said" || different=$?
		case $different in
		0) ;;
		1) changed=true ;;
		*)
			code=2
			quoted <"$said"
			;;
		esac
	fi

	if [ "$code" = 2 ] && [ ! -s "$comment" ]; then
		echo "::error title=fleetwright::cannot read or compare the inputs; see the log of this step"
	fi
	{
		if [ "$code" = 2 ] && [ ! -s "$comment" ]; then
			echo "### fleetwright: the comparison failed"
			echo
			sed 's/^/    /' "$said"
		fi
		if [ "$stale" = true ]; then
			echo "### fleetwright: the output is stale"
			echo
			echo "Run fleetwright render and commit the output. The log of this step shows the changes."
			echo
		fi
		cat "$comment"
	} >>"$GITHUB_STEP_SUMMARY"
	if [ "$stale" = true ]; then
		echo "::group::Changes that fleetwright render would make"
		"$fleetwright" diff "$@" 2>&1 | quoted
		echo "::endgroup::"
	fi

	end=fleetwright-$(random)
	{
		echo "exit-code=$code"
		echo "stale=$stale"
		echo "changed=$changed"
		echo "comment-file=$comment"
		echo "comment<<$end"
		printf '%s\n' "$(cat "$comment")"
		echo "$end"
	} >>"$GITHUB_OUTPUT"
	exit "$code"
}

case $1 in
where) where ;;
install) install ;;
run) run ;;
esac
