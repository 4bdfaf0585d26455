package conformance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/pages"
)

// address is the address of fleetwright's repository in the pages.
const address = "https://github.com/fleetwright/fleetwright"

// published creates a repository of the current state with one commit, and returns Git settings that redirect
// the address to it.
func published(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir = pages.Clone(t, "..")
	return dir, append(gitHome(t, dir), "FLEETWRIGHT_BUILD=1")
}

// gitHome commits the files of a directory, and returns Git settings that redirect the address to it.
func gitHome(t *testing.T, dir string) (env []string) {
	t.Helper()
	home := t.TempDir()
	config := "[user]\n\tname = someone\n\temail = someone@example.com\n[init]\n\tdefaultBranch = main\n" +
		"[url \"" + dir + "\"]\n\tinsteadOf = " + address + "\n"
	mustCopy(t, tree{".gitconfig": []byte(config)}, home)
	env = []string{
		"HOME=" + home,
		"GOCACHE=" + goEnv(t, "GOCACHE"), "GOMODCACHE=" + goEnv(t, "GOMODCACHE"),
	}
	pages.Shell(t, dir, "git init --quiet && git add --all && git commit --quiet --message published", env...)
	return env
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// userRepository creates the repository that the pages assume: documents in apps and fleets, nothing
// committed, and the given files.
func userRepository(t *testing.T, env []string, files tree) string {
	t.Helper()
	dir := t.TempDir()
	example := readTree(t, "../examples/cluster-selectors")
	mustCopy(t, tree{"apps/application.yaml": example["application.yaml"], "fleets/fleet.yaml": example["fleet.yaml"]}, dir)
	mustCopy(t, files, dir)
	pages.Shell(t, dir, "git init --quiet", env...)
	return dir
}

// page returns the text of a page.
func page(t *testing.T, name string) string {
	t.Helper()
	text, ok := pages.All(t, "..")[name]
	if !ok {
		t.Fatalf("no page %s", name)
	}
	return text
}

// A hooks is a repository with pre-commit.
type hooks struct {
	t   *testing.T
	dir string
	env []string
}

// newHooks creates a repository with one of the page's configurations, by the page's commands.
func newHooks(t *testing.T, config string, env []string) hooks {
	t.Helper()
	h := hooks{t, userRepository(t, env, tree{".pre-commit-config.yaml": []byte(config)}), env}
	h.run("git add .pre-commit-config.yaml && pre-commit autoupdate && git add .pre-commit-config.yaml && pre-commit install --install-hooks")
	if updated := string(readTree(t, h.dir)[".pre-commit-config.yaml"]); strings.Contains(updated, "rev: main") {
		t.Fatalf("pre-commit autoupdate leaves\n%s", updated)
	}
	return h
}

func (h hooks) run(command string) string {
	h.t.Helper()
	return pages.Shell(h.t, h.dir, command, h.env...)
}

// refused runs a command whose commit must be rejected, and checks that its output contains the texts.
func (h hooks) refused(command string, texts ...string) {
	h.t.Helper()
	before := h.run("git rev-parse --quiet --verify HEAD || true")
	printed := h.run("(" + command + ") || echo refused")
	if !strings.HasSuffix(printed, "\nrefused\n") {
		h.t.Errorf("%s: not rejected; output:\n%s", command, printed)
	}
	for _, text := range texts {
		if !strings.Contains(printed, text) {
			h.t.Errorf("%s: the output lacks %q:\n%s", command, text, printed)
		}
	}
	if after := h.run("git rev-parse --quiet --verify HEAD || true"); after != before {
		h.t.Errorf("%s: the commit was made", command)
	}
}

// accepted runs a command whose commit must pass. In a clone of the commit, the output must be up to date.
func (h hooks) accepted(command string) {
	h.t.Helper()
	printed := h.run(command)
	if !strings.Contains(printed, "Passed") || strings.Contains(printed, "Failed") {
		h.t.Errorf("%s prints\n%s", command, printed)
	}
	clone := h.t.TempDir()
	h.run("git clone --quiet . " + clone)
	rendered := pages.Shell(h.t, clone, fleetwright(h.t)+" render apps fleets -o clusters && git status --short")
	if !strings.Contains(rendered, " 0 written, ") || !strings.HasSuffix(rendered, " 0 removed\n") {
		h.t.Errorf("%s: the committed output is stale:\n%s", command, rendered)
	}
}

// TestPreCommit runs the hooks with the real pre-commit, as docs/pre-commit.md describes. The hooks build the
// program.
func TestPreCommit(t *testing.T) {
	fleetwright(t)
	_, env := published(t)
	env = append(env, "PRE_COMMIT_HOME="+t.TempDir())
	text := page(t, "docs/pre-commit.md")
	_, written, _ := strings.Cut(text, "$ cat > .pre-commit-config.yaml <<'END'\n")
	written, _, ok := strings.Cut(written, "> END\n")
	render := strings.ReplaceAll("\n"+written, "\n> ", "\n")
	configs := pages.Blocks(text, "yaml")
	if !ok || len(configs) != 2 {
		t.Fatalf("docs/pre-commit.md writes %q, and shows %d other configurations", written, len(configs))
	}
	check, canaries := configs[0], configs[1]

	t.Run("the page", func(t *testing.T) {
		record(t, "8. pre-commit: the page")
		pages.Run(t, "..", "docs/pre-commit.md", pages.Clone(t, ".."), env...)
	})
	t.Run("installs one program", func(t *testing.T) {
		record(t, "8. pre-commit: the page")
		programs, err := filepath.Glob(filepath.Join(strings.TrimPrefix(env[0], "HOME="), ".cache/fleetwright/*/*"))
		if err != nil || len(programs) != 1 || filepath.Base(programs[0]) != "fleetwright" {
			t.Errorf("the hooks install %v (%v)", programs, err)
		}
	})
	t.Run("render", func(t *testing.T) {
		record(t, "8. pre-commit: fleetwright-render")
		h := newHooks(t, render, env)
		h.refused("git add apps fleets && git commit -m new", "not staged as they are")
		h.refused("git commit -m 'still not added'", "not staged as they are")
		h.accepted("git add clusters && git commit -m new")

		// A selector with a typo removes a policy from clusters.
		h.refused("sed -i.bak 's/stage: production/stage: prod/' apps/application.yaml && git commit -am select",
			"apps/application.yaml:27:11: the policy production of Application shop/podinfo would disappear from austin, berlin: ")
		h.run("git reset --quiet --hard")

		// A changed document, which pre-commit also recognizes.
		h.refused("sed -i.bak 's/prune: true/prune: false/' apps/application.yaml && git commit -am change", "files were modified by this hook")
		h.accepted("git commit -am change")
		// A commit of some files has a separate index.
		h.refused("sed -i.bak 's/prune: false/prune: true/' apps/application.yaml && git commit -m part apps", "not staged as they are")
		h.accepted("git commit -m all apps clusters")

		// An unstaged change is not rendered, and must not be lost.
		h.accepted("sed -i.bak 's/prune: true/prune: false/' apps/application.yaml && echo more > notes && git add notes && git commit -m notes")
		if text := string(readTree(t, h.dir)["apps/application.yaml"]); !strings.Contains(text, "prune: false") {
			t.Error("an unstaged change is lost")
		}
		// Also one in a rendered file, which pre-commit cannot restore on top of the hook's change.
		h.refused("git add apps && "+fleetwright(t)+" render apps fleets -o clusters && git commit -m half", "not staged as they are")
		h.accepted("git add clusters && git commit -m whole")

		// An unstaged document that has been rendered.
		second := strings.Replace(string(readTree(t, "../examples/no-fleet")["application.yaml"]), "name: podinfo", "name: second", 1)
		mustCopy(t, tree{"apps/second.yaml": []byte(second)}, h.dir)
		h.refused("git commit --allow-empty -m new", "clusters/host/fleetwright has ")
		h.refused("git add clusters && git commit -m new", "apps/second.yaml is not staged as it is")
		h.accepted("git add apps && git commit -m new")

		// A removed document, for which pre-commit passes no file.
		h.refused("git rm --quiet apps/second.yaml && git commit -m remove", "--allow-prune")
		h.refused(fleetwright(t)+" render apps fleets -o clusters --allow-prune && git commit -m remove", "--allow-prune")
		h.accepted("git add clusters && git commit -m remove")

		// In another worktree, Git sets the repository in the environment.
		h.run("git worktree add --quiet ../" + filepath.Base(h.dir) + "-other")
		t.Cleanup(func() { os.RemoveAll(h.dir + "-other") })
		other := hooks{t, h.dir + "-other", env}
		other.refused("sed -i.bak 's/prune: false/prune: true/' apps/application.yaml && git commit -am change", "files were modified by this hook")
		other.accepted("git commit -am change")

		h.run("pre-commit run --all-files")
	})
	t.Run("check", func(t *testing.T) {
		record(t, "8. pre-commit: fleetwright-check")
		h := newHooks(t, check, env)
		bin := fleetwright(t)
		h.refused("git add apps fleets && git commit -m new")
		h.refused(bin+" render apps fleets -o clusters && git commit -m new", "not staged as they are")
		h.accepted("git add clusters && git commit -m new")
		h.refused("sed -i.bak 's/stage: production/stage: prod/' apps/application.yaml && git commit -am select",
			"apps/application.yaml:27:11: error FW802 ")
		h.run("git reset --quiet --hard")
		h.refused("sed -i.bak 's/prune: true/prune: false/' apps/application.yaml && git commit -am stale")
		h.accepted(bin + " render apps fleets -o clusters && git commit -am change")
		h.refused("rm clusters/*/fleetwright/sync.yaml && git commit -am removed")
		h.accepted(bin + " render apps fleets -o clusters && git commit --allow-empty -am same")
		h.refused("git mv apps/application.yaml notes && git commit -m removed")
		h.run("git reset --quiet --hard")
		h.refused("sed -i.bak 's/prune: false/prnue: false/' apps/application.yaml && git commit -am wrong",
			"apps/application.yaml:", " error FW110 ", "did you mean prune?")
	})
	t.Run("canaries", func(t *testing.T) {
		record(t, "8. pre-commit: fleetwright-canaries")
		h := newHooks(t, canaries, env)
		h.run("git rm -rq --cached --ignore-unmatch apps && rm -r apps && mkdir apps")
		canary := "printf 'apiVersion: flagger.app/v1beta1\\nkind: Canary\\nmetadata: {name: shop, namespace: shop}\\nspec:\\n" +
			"  provider: istio\\n  targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}\\n  service: {port: 80}\\n" +
			"  analysis: {interval: 1m, threshold: 5, stepWeight: 10, metrics: [{name: request-success-rate, interval: 1m, thresholdRange: {min: 99}}]}\\n' > apps/canary.yaml && git add apps && git commit -m new"
		h.refused(strings.Replace(canary, "stepWeight", "stepWieght", 1), "apps/canary.yaml:", " error FW110 ", "did you mean stepWeight?")
		if printed := h.run(canary); !strings.Contains(printed, "Passed") {
			t.Errorf("output:\n%s", printed)
		}
	})
}

// TestPreCommitHooksAreListed checks that the page has a row for each hook, and a configuration with it.
func TestPreCommitHooksAreListed(t *testing.T) {
	data, err := os.ReadFile("../.pre-commit-hooks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var offered []struct{ ID, Entry string }
	if err := yaml.Unmarshal(data, &offered); err != nil {
		t.Fatal(err)
	}
	text := page(t, "docs/pre-commit.md")
	for _, hook := range offered {
		if !strings.Contains(text, "\n| `"+hook.ID+"` | `"+strings.Replace(hook.Entry, ".github/fleetwright.sh", "fleetwright", 1)+"` | ") {
			t.Errorf("docs/pre-commit.md has no row for %s with the command %s", hook.ID, hook.Entry)
		}
		if !strings.Contains(text, "- id: "+hook.ID+"\n") {
			t.Errorf("docs/pre-commit.md shows no configuration with %s", hook.ID)
		}
	}
}
