#!/usr/bin/env sh
# Prints checksums.txt for the release $1 from the programs in dist.
set -eu

cd -- "$(dirname -- "$0")/.."
case $1 in
v[0-9]*.[0-9]*.[0-9]*) ;;
*)
	echo "checksums.sh: give the version of the release, such as v1.2.3" >&2
	exit 2
	;;
esac
sed '/^# v[0-9]/,$d' .github/checksums.txt
echo "# $1 $(sh .github/install.sh sources)"
# goreleaser writes them to amd64_linux_amd64_v1 and arm64_windows_arm64_v8.0.
for program in dist/*/fleetwright dist/*/fleetwright.exe; do
	platform=$(basename "$(dirname "$program")")
	platform=${platform#*_}
	printf '%s  %s\n' "$(sha256sum <"$program" | cut -d ' ' -f 1)" "fleetwright_${platform%_*}${program#dist/*/fleetwright}"
done
