#!/bin/sh
# Opens the next promotion, from the root of the repository: raises through in
# fleet/waves.yaml to the next wave, renders into clusters, and commits that on a branch
# called promote-WAVE. It prints the wave, and writes what changes into promotion.md.
# Where no wave waits it does nothing.
set -eu

# Whatever was committed is rendered: a promotion has nothing else in it.
fleetwright check fleet -o clusters >&2

difference=$(mktemp)
fleetwright diff fleet -o clusters --format json >"$difference" 2>/dev/null || [ $? -eq 1 ]
next=$(awk -F '"' '/"name":/ { name = $4 } /"waits": true/ { print name; exit }' "$difference")
rm "$difference"
[ -n "$next" ] || exit 0

fleetwright diff fleet -o clusters --through "$next" --format markdown >promotion.md 2>/dev/null || [ $? -eq 1 ]
sed "s/^  through: .*/  through: $next/" fleet/waves.yaml >waves.new
mv waves.new fleet/waves.yaml
fleetwright render fleet -o clusters >&2
git switch --quiet --create "promote-$next"
git add fleet clusters
git commit --quiet --message "Promote to $next"
echo "$next"
