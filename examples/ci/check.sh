#!/bin/sh
# What any CI can run, from the root of the repository: check.sh [BASE]. It fails with 1
# where clusters is not what apps and fleets become, and with 2 where they have errors.
# What changes since the Git revision BASE is then in fleetwright.md.
set -eu

code=0
fleetwright check apps fleets -o clusters || code=$?
if [ -n "${1:-}" ]; then
	fleetwright diff apps fleets -o clusters --base "$1" --format markdown >fleetwright.md || [ $? -eq 1 ] || code=2
fi
exit "$code"
