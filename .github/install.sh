#!/usr/bin/env sh
# Prints the path of the program of this checkout, for the action and the pre-commit hooks. If the program
# is not cached, this script downloads the release that checksums.txt lists, if that release was built from
# the sources of this checkout; otherwise it builds them with Go.
#
#   install.sh           gets the program, and prints its path
#   install.sh where     prints "release" or "source", a space, and that path
#   install.sh sources   prints the hash of the sources of this checkout
#
# FLEETWRIGHT_BUILD=1 always builds. FLEETWRIGHT_RELEASES is the URL of a mirror of the releases, and
# FLEETWRIGHT_CACHE is the directory that caches programs.
set -eu

# In a hook, Git's variables refer to the repository of the commit.
# shellcheck disable=SC2046 # each word is a name
unset $(git rev-parse --local-env-vars)

here=$(cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$here")
cache=${FLEETWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fleetwright}
releases=${FLEETWRIGHT_RELEASES:-https://github.com/fleetwright/fleetwright/releases/download}
# A program needs about a third of this limit.
most=100000000

fail() {
	echo "fleetwright: $1" >&2
	[ $# -lt 2 ] || echo "  hint: $2" >&2
	exit 2
}

# sources prints a hash of all files that the program is built from.
sources() (
	cd -- "$root"
	find cmd internal render schema templates go.mod go.sum -type f |
		LC_ALL=C sort | git hash-object --no-filters --stdin-paths | git hash-object --stdin
)

sha256() {
	if command -v sha256sum >/dev/null; then
		sha256sum
	elif command -v shasum >/dev/null; then
		shasum -a 256
	else
		openssl dgst -sha256 -r
	fi <"$1" | cut -d ' ' -f 1
}

download() {
	if command -v curl >/dev/null; then
		curl --fail --silent --show-error --location --connect-timeout 20 --speed-limit 1000 --speed-time 30 \
			--max-filesize "$most" --output "$2" -- "$1"
	elif command -v wget >/dev/null; then
		wget --quiet --tries=1 --timeout=30 --output-document="$2" -- "$1"
	else
		fail "cannot download the program: neither curl nor wget is installed" "install curl"
	fi
}

# release writes the program of the release into the directory $1.
release() {
	url=$releases/$version/fleetwright_${version#v}_${os}_$arch.$format
	echo "fleetwright: downloading $url, once" >&2
	download "$url" "$1/archive" ||
		fail "cannot download $url" "FLEETWRIGHT_RELEASES=URL names a mirror, and FLEETWRIGHT_BUILD=1 builds the program with Go"
	# Only one member is extracted, to a fixed path, so other names in the archive have no effect.
	if [ "$format" = zip ]; then
		unzip -p "$1/archive" "fleetwright$exe"
	else
		tar -xzOf "$1/archive" fleetwright
	fi | head -c "$most" >"$1/fleetwright$exe"
	got=$(sha256 "$1/fleetwright$exe")
	[ "$got" = "$sum" ] ||
		fail "$url is not the release $version: the SHA-256 of its program is $got, and not $sum" "do not run it; report this to the project"
	chmod 755 "$1/fleetwright$exe"
}

# build writes the program of the sources into the directory $1.
build() {
	command -v go >/dev/null ||
		fail "this revision has no released program for $os/$arch, and Go, which builds it, is not installed" "use the tag of a release, or install Go"
	echo "fleetwright: building the program with Go, once" >&2
	# The Go settings of the user's repository must not affect this build.
	GOFLAGS=-buildvcs=false GOWORK=off go build -C "$root" -o "$1/fleetwright$exe" ./cmd/fleetwright >&2
}

exe='' format=tar.gz
case $(uname -s) in
Linux) os=linux ;;
Darwin) os=darwin ;;
MINGW* | MSYS* | CYGWIN*) os=windows exe=.exe format=zip ;;
*) os=$(uname -s) ;;
esac
case $(uname -m) in
x86_64 | amd64) arch=amd64 ;;
aarch64 | arm64) arch=arm64 ;;
*) arch=$(uname -m) ;;
esac

hash=$(sources)
if [ "${1:-}" = sources ]; then
	echo "$hash"
	exit
fi

# The newest release, the hash of its sources, and the checksum of its program for this machine.
version='' of='' sum=''
while read -r first second third; do
	case $first in
	'#') case $second in v[0-9]*) version=$second of=$third ;; esac ;;
	*) [ "$second" != "fleetwright_${os}_$arch$exe" ] || sum=$first ;;
	esac
done <"$here/checksums.txt"

if [ -n "$sum" ] && [ "$of" = "$hash" ] && [ -z "${FLEETWRIGHT_BUILD:-}" ]; then
	from=release directory=$cache/$sum
else
	from=source directory=$cache/$os-$arch-$hash
fi
program=$directory/fleetwright$exe
if [ "${1:-}" = where ]; then
	echo "$from $program"
	exit
fi
if [ ! -x "$program" ]; then
	mkdir -p -- "$directory"
	new=$(mktemp -d "$directory/XXXXXX")
	trap 'rm -rf -- "$new"' EXIT
	trap 'exit 2' HUP INT TERM
	if [ "$from" = release ]; then release "$new"; else build "$new"; fi
	# An atomic rename, so that another hook never finds a partial program. Windows refuses to replace a running one.
	mv -f -- "$new/fleetwright$exe" "$program" || [ -x "$program" ]
fi
echo "$program"
