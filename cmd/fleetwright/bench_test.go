package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// kustomizeModule is the command that a start is compared with.
const kustomizeModule = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.2"

// BenchmarkColdStart measures whole processes on Kurator's example, beside
// kustomize that builds what was rendered for one cluster: its directory, which
// is the chain of Kustomizations alone (cpu-ratio, the goal is at most 1), and
// all the directories that the chain applies (cpu-ratio-all). It reports medians
// of CPU time; only their ratios mean something on another machine.
func BenchmarkColdStart(b *testing.B) {
	bin, out := b.TempDir(), b.TempDir()
	goInstall(b, bin, ".")
	goInstall(b, bin, kustomizeModule)
	fleetwright, kustomize := filepath.Join(bin, "fleetwright"), filepath.Join(bin, "kustomize")
	example := filepath.Join(repository, "examples/kuma-rollout")
	cpuTime(b, fleetwright, "render", example, "-o", out)
	chain := filepath.Join(out, "kurator-member1/fleetwright")
	all := everything(b, chain)
	for _, bench := range []struct {
		name string
		args []string
	}{
		{"version", []string{"--version"}},
		{"stream", []string{"render", example, "-o", "-"}},
		{"unchanged", []string{"render", example, "-o", out}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var ours, chains, alls []time.Duration
			for b.Loop() {
				ours = append(ours, cpuTime(b, fleetwright, bench.args...))
				chains = append(chains, cpuTime(b, kustomize, "build", chain))
				alls = append(alls, cpuTime(b, kustomize, "build", all))
			}
			b.ReportMetric(milliseconds(median(ours)), "cpu-ms")
			b.ReportMetric(float64(median(ours))/float64(median(chains)), "cpu-ratio")
			b.ReportMetric(float64(median(ours))/float64(median(alls)), "cpu-ratio-all")
			b.ReportMetric(0, "ns/op") // wall time of three processes
		})
	}
}

// everything is a directory with a kustomization of a cluster's directory and all
// that are below it.
func everything(b *testing.B, cluster string) string {
	b.Helper()
	dir := b.TempDir()
	content := "resources:\n"
	err := filepath.WalkDir(cluster, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != "kustomization.yaml" {
			return err
		}
		rel, err := filepath.Rel(dir, filepath.Dir(name))
		content += "- " + rel + "\n"
		return err
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(content), 0o644)
	}
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

// goInstall builds a command as its users do.
func goInstall(b *testing.B, bin, pkg string) {
	b.Helper()
	cmd := exec.Command("go", "install", pkg)
	cmd.Env = append(os.Environ(), "GOBIN="+bin)
	if output, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("go install %s: %v\n%s", pkg, err, output)
	}
}

// cpuTime is what a process takes of all cores, for the user and in the system.
func cpuTime(b *testing.B, name string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.Command(name, args...)
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s %q: %v", name, args, err)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
