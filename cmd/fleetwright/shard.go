package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/render"
)

// A shardFlag chooses one of the parts that several machines write.
type shardFlag struct{ onceFlag }

func (f *shardFlag) add(cmd *cobra.Command, verb string) {
	cmd.Flags().Var(&f.onceFlag, "shard", verb+" part `I/N` of N, one for each machine")
	completeFlag(cmd, "shard", cobra.NoFileCompletions)
}

// check returns the mistake in the flag or its combination with others.
func (f shardFlag) check(flags renderFlags) error {
	switch {
	case !f.given:
		return nil
	case flags.out == "-":
		return &usageError{"--shard cannot write a stream", "write a directory with -o DIR, and merge it with the directories of the other shards"}
	case flags.watch:
		return &usageError{"--watch and --shard exclude each other", "omit one of them"}
	case flags.staged:
		return &usageError{"--staged and --shard exclude each other: a shard is only a part of the commit", "omit one of them"}
	}
	_, _, err := f.parse()
	return err
}

// parse returns which part it is, and of how many.
func (f shardFlag) parse() (i, n int, err error) {
	of, all, ok := strings.Cut(f.text, "/")
	part, err := strconv.ParseUint(of, 10, 31)
	parts, err2 := strconv.ParseUint(all, 10, 31)
	switch {
	case !ok || err != nil || err2 != nil:
		return 0, 0, &usageError{fmt.Sprintf("%q is not a shard", f.text), "--shard 2/3 is the second of three"}
	case parts == 0:
		return 0, 0, &usageError{"a render has at least one shard", "--shard 1/1 is everything"}
	case part == 0 || part > parts:
		return 0, 0, &usageError{fmt.Sprintf("unknown shard %d of %d", part, parts), fmt.Sprintf("shards count from 1 to %d", parts)}
	}
	return int(part), int(parts), nil
}

// of returns the part of a tree, or all of it, by a flag that was checked.
func (f shardFlag) of(tree *render.Tree) *render.Tree {
	if !f.given {
		return tree
	}
	i, n, _ := f.parse()
	return tree.Shard(i, n)
}

// ofClusters returns the part of a tree's clusters, or all of them, by a flag that was checked.
func (f shardFlag) ofClusters(tree *render.Tree) *render.Tree {
	if !f.given {
		return tree
	}
	i, n, _ := f.parse()
	return tree.ShardOfClusters(i, n)
}
