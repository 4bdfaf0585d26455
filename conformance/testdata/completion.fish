# Completes the line that is the first argument, and prints the words without what they
# mean.
source (fleetwright completion fish | psub)
for completion in (complete --do-complete $argv[1])
	string split \t -- $completion | head -n 1
end
