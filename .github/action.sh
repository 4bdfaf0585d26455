#!/bin/sh
# The steps of action.yml: what the command is built from, building it, and running it.
set -eu

# The command has a directory of its own, which is what is cached.
directory=$RUNNER_TEMP/fleetwright-bin
fleetwright=$directory/fleetwright

source_of_command() {
	cd -- "$GITHUB_ACTION_PATH"
	sum=$(find cmd internal render schema templates go.mod go.sum -type f |
		LC_ALL=C sort | git hash-object --no-filters --stdin-paths | git hash-object --stdin)
	{
		echo "directory=$directory"
		echo "key=fleetwright-$RUNNER_OS-$RUNNER_ARCH-$sum"
	} >>"$GITHUB_OUTPUT"
}

build() {
	if ! command -v go >/dev/null; then
		echo "::error title=fleetwright::there is no Go to build fleetwright with: have a step with actions/setup-go before this one"
		exit 2
	fi
	# The repository's own settings are not for this module.
	GOFLAGS=-buildvcs=false GOWORK=off go build -C "$GITHUB_ACTION_PATH" -o "$fleetwright" ./cmd/fleetwright
}

# quoted prints what comes from the repository: GitHub takes no commands from it.
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
		echo "::error title=fleetwright::strict is true or false"
		printf '%s\n' exit-code=2 stale=false changed=false comment= comment-file= >>"$GITHUB_OUTPUT"
		exit 2
		;;
	esac
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

	# Each use of the action has files of its own.
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
	# Whether it is the output that is stale, or a warning that was made an error.
	stale=false
	if [ "$code" = 1 ]; then
		"$fleetwright" check "$@" >/dev/null 2>&1 || stale=true
	fi

	# Nothing is compared where there is nothing to compare with.
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
		echo "::error title=fleetwright::it cannot read or compare what it was given; the log of this step says why"
	fi
	{
		if [ "$code" = 2 ] && [ ! -s "$comment" ]; then
			echo "### fleetwright: nothing could be compared"
			echo
			sed 's/^/    /' "$said"
		fi
		if [ "$stale" = true ]; then
			echo "### fleetwright: the output is not what its inputs become"
			echo
			echo "Render, and commit what is written. The log of this step shows what would change."
			echo
		fi
		cat "$comment"
	} >>"$GITHUB_STEP_SUMMARY"
	if [ "$stale" = true ]; then
		echo "::group::What fleetwright render would change"
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
source) source_of_command ;;
build) build ;;
run) run ;;
esac
