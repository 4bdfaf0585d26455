package disk

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
)

// nowhere moves a policy off all clusters of the fleet.
const nowhere = ", destination: {fleet: f, clusterSelector: {matchLabels: {stage: production}}}"

// TestWhatIsStillThereIsKept checks that a policy that is still an input is not removed from clusters without
// permission, even if they keep most of their files. Nothing is written.
func TestWhatIsStillThereIsKept(t *testing.T) {
	full := treeOf(t, "x z", policyA, policyB, rollout)
	next := treeOf(t, "x z", changed, policyB+nowhere, rollout)
	const lost = "would remove what is still among the inputs\n" +
		"f.yaml:9:317: Application default/app-1 would disappear from x, z: clusterSelector matches no cluster of the fleet f (FW204)"
	dir := t.TempDir()
	mustWrite(t, dir, full, Options{})
	_, err := Write(dir, next, Options{})
	wantError(t, err, lost)
	mustHave(t, dir, want(full))
	comparison, err := Compare(dir, next, Options{NamesOnly: true})
	if err != nil || comparison.Rejected != nil || len(comparison.Losses) != 1 {
		t.Errorf("the comparison has %v and %v, %v", comparison.Rejected, comparison.Losses, err)
	}
	if comparison, err = Compare(dir, full, Options{}); err != nil || comparison.Losses != nil {
		t.Errorf("without a change the comparison has %v, %v", comparison.Losses, err)
	}
	mustWrite(t, dir, next, Options{AllowPrune: true})
	mustHave(t, dir, want(next))
	mustWrite(t, dir, full, Options{})
	mustWrite(t, dir, treeOf(t, "x z", policyA), Options{AllowPrune: true})
}

// TestHandsHideNoLoss checks that a manual change of a removed file does not hide the loss.
func TestHandsHideNoLoss(t *testing.T) {
	next := treeOf(t, "x z", policyA, policyB+nowhere, rollout)
	for name, content := range map[string]string{"nothing": "", "no object": "\x00{[", "another": "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			mustWrite(t, dir, treeOf(t, "x z", policyA, policyB, rollout), Options{})
			for _, cluster := range []string{"x", "z"} {
				if err := os.WriteFile(filepath.Join(dir, cluster, "fleetwright/apps/default.app-1/kustomization-b.yaml"), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Write(dir, next, Options{})
			wantError(t, err, "Application default/app-1 would disappear from x, z: ")
		})
	}
}

// A counted directory records the files that are read.
type counted struct {
	files
	read *[]string
}

func (c counted) ReadFile(name string) ([]byte, error) {
	*c.read = append(*c.read, name)
	return c.files.ReadFile(name)
}

// TestOnlyWhatShrinksIsRead checks that files are read for possible losses only if some files of a remaining
// application are removed.
func TestOnlyWhatShrinksIsRead(t *testing.T) {
	full := treeOf(t, "x z", policyA, policyB, rollout)
	for name, tt := range map[string]struct {
		next *render.Tree
		apps []string
	}{
		"nothing changes":             {full, nil},
		"a file changes":              {treeOf(t, "x z", changed, policyB, rollout), nil},
		"an application is removed":   {treeOf(t, "x z", policyA, policyB), nil},
		"a policy goes to no cluster": {treeOf(t, "x z", changed, policyB+nowhere, rollout), []string{"default.app-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			mustWrite(t, dir, full, Options{})
			opened, err := openFiles(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer opened.Close()
			var read, apps []string
			w := workers{counted{opened, &read}}
			jobs, err := compareAll(w, tt.next, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := findLosses(w[0], jobs, tt.next); err != nil {
				t.Fatal(err)
			}
			for _, file := range read {
				if _, rest, ok := strings.Cut(file, "/apps/"); ok && !layout.IsInventoryFile(file) {
					app, _, _ := strings.Cut(rest, "/")
					apps = append(apps, app)
				}
			}
			slices.Sort(apps)
			if apps = slices.Compact(apps); !slices.Equal(apps, tt.apps) {
				t.Errorf("files of %v were read, want %v", apps, tt.apps)
			}
		})
	}
}
