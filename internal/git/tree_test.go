package git

import (
	"slices"
	"strings"
	"testing"
)

// treeOf returns a tree of files, with one file, "link -> target" or "submodule @" per line.
func treeOf(lines ...string) (*tree, error) {
	var listing strings.Builder
	targets := map[string]string{}
	for _, line := range lines {
		mode := "100644 blob 0"
		name, target, isLink := strings.Cut(line, " -> ")
		if isLink {
			mode, targets[name] = linkMode+" blob 0", target
		} else if name, isLink = strings.CutSuffix(line, " @"); isLink {
			mode = submoduleMode + " commit 0"
		}
		listing.WriteString(mode + "\t" + name + "\x00")
	}
	t, err := newTree("main", listing.String())
	if err == nil {
		for _, l := range t.links([]string{"."}) {
			l.content = []byte(targets[l.name])
		}
	}
	return t, err
}

// TestNeed resolves the links of a revision. It checks the needed names, or the error.
func TestNeed(t *testing.T) {
	const out = "is a link out of the repository"
	for _, tt := range []struct {
		name, tree, path string
		want             string // the needed names, or part of the error
	}{
		{"a file", "a.yaml|b.yaml", "a.yaml", "a.yaml"},
		{"a directory", "d/a.yaml|d/b.txt|e/c.yaml|d-/c.yaml|d0.yaml", "d", "d/a.yaml"},
		{"everything", "d/a.yaml|e/c.yaml|b.txt", ".", "d/a.yaml e/c.yaml"},
		{"a file that is named, whatever it is called", "a.txt", "a.txt", "a.txt"},
		{"nothing", "a.yaml", "b", ""},
		{"a link to a file", "d/l.yaml -> ../x.txt|x.txt|y.yaml", "d", "d/l.yaml x.txt"},
		{"a link to a directory", "d/l -> ../e|e/a.yaml|e/b.txt|f.yaml", "d", "d/l e/a.yaml"},
		{"a path that is a link", "l -> d|d/a.yaml", "l", "d/a.yaml l"},
		{"a path through a link", "l -> d|d/e/a.yaml", "l/e", "d/e/a.yaml l"},
		{"a link through a link", "d/l.yaml -> ../m/a.yaml|m -> e|e/a.yaml", "d", "d/l.yaml e/a.yaml m"},
		{"a link in a directory that a link leads to", "d/l -> ../e|e/m.yaml -> ../f.yaml|f.yaml", "d", "d/l e/m.yaml f.yaml"},
		{"a link that leads nowhere", "d/l.yaml -> nowhere", "d", "d/l.yaml"},
		{"links in a circle", "d/l -> m|d/m -> l|d/a.yaml", "d", "d/a.yaml d/l d/m"},
		{"a link to where it is", "d/l -> .|d/a.yaml", "d", "d/a.yaml d/l"},
		{"up to the root and down", "d/l.yaml -> ../../x|x", "d", out},
		{"up to the root", "d/l -> ..|d/a.yaml", "d", "d/a.yaml d/l"},
		{"an absolute link", "d/l.yaml -> /etc/passwd", "d", out},
		{"an absolute link that nothing leads to", "d/a.yaml|l -> /etc", "d", "d/a.yaml"},
		{"two hops, by a directory", "fleet/x.yaml -> ../elsewhere/app.yaml|elsewhere -> /private", "fleet", out},
		{"two hops, by a file", "fleet/x.yaml -> ../y.yaml|y.yaml -> ../z.yaml", "fleet", out},
		{"three hops", "fleet/x.yaml -> y.yaml|fleet/y.yaml -> ../z|z -> w|w -> /private/z", "fleet", out},
		{"out by a directory that a link leads to", "fleet/d -> ../other|other/x.yaml -> ../../private", "fleet", out},
		{"a link whose text stays inside", "a/b/c/l.yaml -> top/../../../x|a/b/c/top -> ../../..|x", "a", out},
		{"a link whose text leads out", "d/l.yaml -> e/../../x.yaml|d/e -> ../f/g/h|f/g/h/a.yaml|f/x.yaml|x.yaml", "d", "d/e d/l.yaml f/g/h/a.yaml f/x.yaml"},
		{"a path that leads out", "l -> /private", "l/x.yaml", out},
		{"a submodule", "sub @", ".", "sub is a submodule"},
		{"a path in a submodule", "sub @", "sub/x", "sub is a submodule"},
		{"a link into a submodule", "d/l.yaml -> ../sub/x.yaml|sub @", "d", "sub is a submodule"},
		{"a submodule elsewhere", "d/a.yaml|sub @", "d", "d/a.yaml"},
		{"a name twice", "a.yaml|a.yaml", ".", "is damaged"},
		{"a link with something below it", "a -> b|a/l.yaml|b/c", ".", "is damaged"},
		{"a name that leads out", "../x.yaml", ".", "is damaged"},
		{"an absolute name", "/x.yaml", ".", "is damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree, err := treeOf(strings.Split(tt.tree, "|")...)
			if err == nil {
				err = tree.need(tt.path, func(name string) bool { return strings.HasSuffix(name, ".yaml") })
			}
			if err != nil {
				if tt.want == "" || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %s", err, tt.want)
				}
				return
			}
			var names []string
			for _, e := range tree.entries {
				if e.needed {
					names = append(names, e.name)
				}
			}
			if got := strings.Join(slices.Sorted(slices.Values(names)), " "); got != tt.want {
				t.Errorf("needs %s, want %s", got, tt.want)
			}
		})
	}
}
