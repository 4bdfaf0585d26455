package sources

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema/api"
)

func TestPackedFiles(t *testing.T) {
	const defaults = "app/a.yaml app/logo.png .github/ci.yaml app/.sops.yaml .gitignore app/.gitignore other/b.yaml"
	text := func(s string) *string { return &s }
	for _, test := range []struct {
		name   string
		ignore *string
		files  map[string]string
		want   string
	}{
		{"the defaults hold where nothing is set", nil, nil, "app/a.yaml other/b.yaml"},
		{"a comment sets nothing", text("# only this\n"), nil, "app/a.yaml other/b.yaml"},
		{"spec.ignore replaces the defaults but those of Git", text("/other/\n"), nil, ".github/ci.yaml app/.sops.yaml app/a.yaml app/logo.png"},
		{"a .sourceignore replaces them as well", nil, map[string]string{".sourceignore": "/other/\n"}, ".github/ci.yaml .sourceignore app/.sops.yaml app/a.yaml app/logo.png"},
		{"a .sourceignore holds below its directory", nil, map[string]string{"app/.sourceignore": "*.yaml\n"}, ".github/ci.yaml app/.sourceignore app/logo.png other/b.yaml"},
		{"spec.ignore overrules a .sourceignore", text("!a.yaml\n"), map[string]string{".sourceignore": "*.yaml\n"}, ".sourceignore app/a.yaml app/logo.png"},
		{"that of a deeper directory overrules", nil, map[string]string{".sourceignore": "*.yaml\n", "app/.sourceignore": "!a.yaml\n"}, ".sourceignore app/.sourceignore app/a.yaml app/logo.png"},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := map[string][]byte{}
			for name := range strings.FieldsSeq(defaults) {
				files[name] = nil
			}
			for name, text := range test.files {
				files[name] = []byte(text)
			}
			packed, err := InMemory(files).packed(t.Context(), test.ignore)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(packed.names, " "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestNamesAreInTheOrderOfAWalk checks that a directory is sorted by its name.
func TestNamesAreInTheOrderOfAWalk(t *testing.T) {
	f := newFiles([]string{"a-b/x", "a.yaml", "a/x", "a/b/y", "ab"}, nil, nil)
	if want := []string{"a/b/y", "a/x", "a-b/x", "a.yaml", "ab"}; !slices.Equal(f.names, want) {
		t.Errorf("got %q, want %q", f.names, want)
	}
	if got := f.below("a"); !slices.Equal(got, []string{"a/b/y", "a/x"}) {
		t.Errorf("below a: %q", got)
	}
	for _, name := range f.names {
		if !f.has(name) {
			t.Errorf("%s is not found", name)
		}
	}
	if f.has("a") || f.has("a/b") || !f.dirs["a/b"] || f.dirs["ab"] {
		t.Error("directories and files are one")
	}
}

// TestSourcesThatAreNotRead checks sources of which nothing is built.
func TestSourcesThatAreNotRead(t *testing.T) {
	k := &source.Kustomization{Path: "app"}
	git := &api.ApplicationSource{GitRepository: &api.GitRepository{}}
	files := map[string][]byte{".sourceignore": bytes.Repeat([]byte("x\n"), 400_000)}
	for i := range 199 {
		files[fmt.Sprint(i)] = nil
	}
	many := InMemory(files)
	for _, test := range []struct {
		name  string
		build source.Build
		files *Files
		want  string
	}{
		{"no directory", source.Build{Source: git, Kustomization: k}, nil, "nobody knows"},
		{"other repositories", source.Build{Source: &api.ApplicationSource{GitRepository: &api.GitRepository{Include: make([]api.GitInclude, 1)}}, Kustomization: k},
			filesOf(t, configMap), "spec.source.gitRepository.include merges other repositories into it"},
		{"a .sourceignore that is too large", source.Build{Source: git, Kustomization: k},
			InMemory(map[string][]byte{".sourceignore": make([]byte, MaxIgnore+1)}), "the .sourceignore files have more than 1 MiB"},
		{"too many patterns", source.Build{Source: git, Kustomization: k}, many, "400000 patterns of .sourceignore and ignore are too many for 200 files"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := Build(t.Context(), []source.Build{test.build}, func(*source.Build) (*Files, string) { return test.files, "nobody knows" })
			if got := m[test.build.Key].Unread; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestEachDistinctBuildIsMadeOnce checks that policies with equal builds share the result.
func TestEachDistinctBuildIsMadeOnce(t *testing.T) {
	f := filesOf(t, configMap)
	var builds []source.Build
	for i, namespace := range []string{"", "one", "", "one"} {
		builds = append(builds, source.Build{
			Key: source.Key{Policy: i}, Source: &api.ApplicationSource{}, Kustomization: &source.Kustomization{Path: "app", TargetNamespace: namespace},
		})
	}
	m := Build(t.Context(), builds, func(*source.Build) (*Files, string) { return f, "" })
	at := func(i int) *source.Built { return m[builds[i].Key] }
	if at(0) != at(2) || at(1) != at(3) || at(0) == at(1) {
		t.Error("the builds are not shared")
	}
	if got := at(1).Objects[0].Namespace; got != "one" {
		t.Errorf("got the namespace %q", got)
	}
}
