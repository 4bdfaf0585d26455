package conformance

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/conformance/internal/tools"
	"github.com/fleetwright/fleetwright/internal/pages"
)

// A jobStep is one step of a GitHub job or of a composite action.
type jobStep struct {
	ID, If, Uses, Run string
	With, Env         map[string]any
	WorkingDirectory  string `json:"working-directory"`
}

// An action is the content of action.yml.
type action struct {
	Inputs map[string]struct {
		Default  string
		Required bool
	}
	Outputs map[string]struct{ Value string }
	Runs    struct{ Steps []jobStep }
}

// An actionsCache holds the directories that jobs saved.
type actionsCache struct {
	t *testing.T
	// saved holds the directories by cache key.
	saved map[string]string
}

func newCache(t *testing.T) *actionsCache { return &actionsCache{t, map[string]string{}} }

// restore copies a saved directory to dir, if the cache has the key.
func (c *actionsCache) restore(key, dir string) bool {
	saved, ok := c.saved[key]
	return ok && os.CopyFS(dir, os.DirFS(saved)) == nil
}

func (c *actionsCache) save(key, dir string) {
	to := c.t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		c.t.Fatal(err)
	}
	c.saved[key] = to
}

// A job runs steps in a user's repository, as GitHub's runner does.
type job struct {
	t *testing.T
	// workspace is the repository, temp is RUNNER_TEMP, and action is the checkout of the action.
	workspace, temp, action string
	*actionsCache
	// values maps the text of an expression to its value.
	values map[string]string
	// env is the environment of all steps.
	env []string
	// summary and log are the output of the steps.
	summary, log string
	// code is the exit code of the last step of a shard's job, or of the job that joins the shards.
	code int
}

// newJob returns a job in a repository with committed documents and output.
func newJob(t *testing.T, cache *actionsCache, files tree) *job {
	t.Helper()
	home := t.TempDir()
	mustCopy(t, tree{".gitconfig": []byte("[user]\n\tname = someone\n\temail = someone@example.com\n")}, home)
	env := []string{"HOME=" + home, "GOCACHE=" + goEnv(t, "GOCACHE"), "GOMODCACHE=" + goEnv(t, "GOMODCACHE")}
	j := &job{t: t, workspace: userRepository(t, env, files), temp: t.TempDir(), action: "..", actionsCache: cache, env: env, values: map[string]string{}}
	j.render()
	j.commit()
	return j
}

func (j *job) render() { j.shell(fleetwright(j.t) + " render apps fleets -o clusters") }

func (j *job) commit() { j.shell("git add --all && git commit --quiet --message commit") }

func (j *job) shell(command string) string {
	j.t.Helper()
	return pages.Shell(j.t, j.workspace, command, j.env...)
}

var expression = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)

// evaluated returns a text with its expressions replaced by their values.
func (j *job) evaluated(text any) string {
	j.t.Helper()
	s, ok := text.(string)
	if !ok {
		j.t.Fatalf("%v is not a string", text)
	}
	return expression.ReplaceAllStringFunc(s, func(e string) string {
		text := expression.FindStringSubmatch(e)[1]
		value, ok := j.values[text]
		if !ok {
			j.t.Fatalf("unknown expression %q", text)
		}
		return value
	})
}

var comparison = regexp.MustCompile(`^(\S+) ([!=]=) '(.*)'$`)

// holds reports whether a condition of the action holds: a conjunction of string comparisons.
func (j *job) holds(condition string) bool {
	j.t.Helper()
	for part := range strings.SplitSeq(expression.FindStringSubmatch(condition)[1], " && ") {
		c := comparison.FindStringSubmatch(part)
		if c == nil {
			j.t.Fatalf("unknown condition %q", part)
		}
		if (j.values[c[1]] == c[3]) != (c[2] == "==") {
			return false
		}
	}
	return true
}

// run runs a script step, sets its outputs, and returns its exit code.
func (j *job) run(s jobStep, env ...string) int {
	j.t.Helper()
	dir := j.t.TempDir()
	mustCopy(j.t, tree{"output": nil, "summary": nil, "script.sh": []byte(j.evaluated(s.Run))}, dir)
	cmd := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", filepath.Join(dir, "script.sh"))
	cmd.Dir = filepath.Join(j.workspace, j.evaluated(s.WorkingDirectory))
	cmd.Env = slices.Concat([]string{
		"PATH=" + os.Getenv("PATH"), "CI=true", "GITHUB_ACTIONS=true", "GITHUB_REPOSITORY=someone/clusters",
		"GITHUB_OUTPUT=" + filepath.Join(dir, "output"), "GITHUB_STEP_SUMMARY=" + filepath.Join(dir, "summary"),
		"GITHUB_WORKSPACE=" + j.workspace, "RUNNER_TEMP=" + j.temp, "RUNNER_OS=Linux", "RUNNER_ARCH=X64",
	}, j.env, env)
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		cmd.Env = append(cmd.Env, name+"="+j.evaluated(s.Env[name]))
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		j.t.Fatal(err)
	}
	written := readTree(j.t, dir)
	j.log += string(out)
	j.summary += string(written["summary"])
	for name, value := range outputs(j.t, string(written["output"])) {
		j.values["steps."+s.ID+".outputs."+name] = value
	}
	return cmd.ProcessState.ExitCode()
}

// outputs parses the file GITHUB_OUTPUT as GitHub does: name=value, or name<<END, the lines of the value, and
// END (actions/runner, src/Runner.Worker/FileCommandManager.cs).
func outputs(t *testing.T, file string) map[string]string {
	t.Helper()
	all := map[string]string{}
	lines := strings.Split(strings.TrimSuffix(file, "\n"), "\n")
	for len(lines) > 0 && file != "" {
		line := lines[0]
		lines = lines[1:]
		if name, value, ok := strings.Cut(line, "="); ok && !strings.Contains(name, "<<") {
			all[name] = value
			continue
		}
		name, end, ok := strings.Cut(line, "<<")
		n := slices.Index(lines, end)
		if !ok || n < 0 {
			t.Fatalf("GitHub rejects the line %q of\n%s", line, file)
		}
		all[name] = strings.Join(lines[:n], "\n")
		lines = lines[n+1:]
	}
	return all
}

// commands returns the workflow commands that GitHub reads from a log: none between ::stop-commands::TOKEN
// and ::TOKEN::.
func commands(log string) (all []string) {
	token := ""
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		stop, stops := strings.CutPrefix(line, "::stop-commands::")
		switch {
		case token != "" && line == "::"+token+"::":
			token = ""
		case token != "":
		case stops:
			token = stop
		case strings.HasPrefix(line, "::"):
			all = append(all, line)
		}
	}
	return all
}

// act runs action.yml, and returns its exit code and outputs.
func (j *job) act(with map[string]string) (int, map[string]string) {
	j.t.Helper()
	root, err := filepath.Abs(j.action)
	if err != nil {
		j.t.Fatal(err)
	}
	var a action
	mustParse(j.t, "../action.yml", &a)
	for name := range with {
		if _, ok := a.Inputs[name]; !ok {
			j.t.Fatalf("action.yml lacks the input %s", name)
		}
	}
	for name, input := range a.Inputs {
		value, ok := with[name]
		if !ok && input.Required {
			j.t.Fatalf("the input %s is missing", name)
		}
		if !ok {
			value = input.Default
		}
		j.values["inputs."+name] = value
	}
	code := 0
	for _, s := range a.Runs.Steps {
		switch {
		case s.If != "" && !j.holds(s.If):
		case s.Uses == "":
			if code = j.run(s, "GITHUB_ACTION_PATH="+root); code != 0 && s.ID != "run" {
				return code, nil
			}
		case strings.HasPrefix(s.Uses, "actions/cache/restore@"):
			hit := j.restore(j.evaluated(s.With["key"]), j.evaluated(s.With["path"]))
			j.values["steps."+s.ID+".outputs.cache-hit"] = fmt.Sprint(hit)
		case strings.HasPrefix(s.Uses, "actions/cache/save@"):
			j.save(j.evaluated(s.With["key"]), j.evaluated(s.With["path"]))
		default:
			j.t.Fatalf("unknown action %s", s.Uses)
		}
	}
	all := map[string]string{}
	for name, output := range a.Outputs {
		all[name] = j.evaluated(output.Value)
	}
	return code, all
}

// mustParse reads a YAML file.
func mustParse(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// warned is an Application that compiles with warnings.
const warned = "../examples/kuma-rollout"

// bareRepository adds the Git files of a bare repository to the documents' directory, with a remote that runs
// a command.
const bareRepository = `cd apps && mkdir -p objects refs/heads && touch objects/keep && git rev-parse HEAD >refs/heads/main &&
echo 'ref: refs/heads/main' >HEAD && printf '%s\n' '[core]' 'worktree = .' '[extensions]' 'partialClone = origin' \
	'[remote "origin"]' 'promisor = true' 'url = .' 'uploadpack = touch planted;:' >config`

// TestAction runs action.yml in GitHub's environment.
func TestAction(t *testing.T) {
	cache := newCache(t)
	inputs := map[string]string{"paths": "apps\nfleets\n", "output": "clusters"}
	for _, c := range []struct {
		name string
		// prepare changes a clean repository for the case.
		prepare func(j *job)
		// with holds inputs in addition to paths and output.
		with           map[string]string
		code           int
		stale, changed bool
		// comment, summary and log must contain these texts; "" means no comment.
		comment, summary string
		log              []string
		// commands are the prefixes of all annotations.
		commands []string
	}{
		{
			name:    "clean",
			comment: "nothing would change", summary: "nothing would change",
		},
		{
			name:    "stale",
			prepare: func(j *job) { j.shell("sed -i.bak 's/prune: true/prune: false/' apps/application.yaml") },
			code:    1, stale: true, changed: true,
			comment: "prune", summary: "the output is stale",
			log: []string{"::group::Changes that fleetwright render would make"},
			commands: []string{
				"::error file=clusters/austin/fleetwright/", "::error file=clusters/berlin/fleetwright/",
				"::error file=clusters/lisbon/fleetwright/", "::group::", "::endgroup::",
			},
		},
		{
			name:    "a selector with a typo",
			prepare: func(j *job) { j.shell("sed -i.bak 's/stage: production/stage: prod/' apps/application.yaml") },
			code:    1, stale: true, changed: true,
			comment: "production removed while still among the inputs", summary: "the output is stale",
			log: []string{"::group::Changes that fleetwright render would make", "would disappear from austin, berlin"},
			commands: []string{
				"::warning file=apps/application.yaml,line=27,col=11,title=FW204 ", "::error file=apps/application.yaml,line=27,col=11,title=FW802 ",
				"::error file=clusters/austin/fleetwright/", "::error file=clusters/berlin/fleetwright/", "::group::", "::endgroup::",
			},
		},
		{
			name:    "wrong",
			prepare: func(j *job) { j.shell("sed -i.bak '21s/prune/prnue/' apps/application.yaml") },
			code:    2,
			comment: "FW110", summary: "FW110",
			commands: []string{"::error file=apps/application.yaml,line=18,col=7,", "::error file=apps/application.yaml,line=21,col=9,title=FW110 "},
		},
		{
			name: "base",
			prepare: func(j *job) {
				j.shell("sed -i.bak 's/prune: true/prune: false/' apps/application.yaml")
				j.render()
				j.commit()
			},
			with: map[string]string{"base": "HEAD^1"}, changed: true,
			comment: "prune", summary: "prune",
		},
		{
			name: "no changes since base", with: map[string]string{"base": "HEAD"},
			comment: "nothing would change", summary: "nothing would change",
		},
		{
			name: "unknown base", with: map[string]string{"base": "no-such-branch"},
			code: 2, log: []string{`unknown Git revision "no-such-branch"`}, summary: `unknown Git revision "no-such-branch"`,
			commands: []string{"::error title=fleetwright::"},
		},
		{
			name: "a new repository", prepare: func(j *job) { j.shell("rm -r clusters") },
			code: 1, stale: true, changed: true, comment: "austin", summary: "the output is stale",
			commands: []string{"::error file=clusters/austin/", "::error file=clusters/berlin/", "::error file=clusters/lisbon/", "::group::", "::endgroup::"},
		},
		{
			name: "without an output", with: map[string]string{"output": ""},
		},
		{
			name: "strict", with: map[string]string{"strict": "true", "paths": "warned", "output": ""},
			code:     1,
			commands: []string{"::notice ", "::error ", "::notice ", "::notice ", "::error ", "::error ", "::notice ", "::error "},
		},
		{
			name: "not strict", with: map[string]string{"paths": "warned", "output": ""},
			commands: []string{"::notice ", "::warning ", "::notice ", "::notice ", "::warning ", "::warning ", "::notice ", "::warning "},
		},
		{
			name: "with the manifests of a source", prepare: func(j *job) { j.shell("mkdir 'the source'") },
			with: map[string]string{"paths": "warned", "output": "", "source": "https://github.com/stefanprodan/podinfo=the source"},
			code: 2, summary: "2 errors",
			commands: []string{
				"::warning ", "::notice ", "::error file=warned/application.yaml,line=19,col=15,title=FW518 ", "::notice ", "::warning ", "::warning ",
				"::notice ", "::warning ", "::error file=warned/application.yaml,line=75,col=15,title=FW518 ",
				"::error title=fleetwright::",
			},
		},
		{
			name: "in a subdirectory, with spaces", prepare: func(j *job) {
				j.shell("mkdir 'a place' && mv apps 'a place/my apps' && mv fleets clusters 'a place'")
				j.shell("cd 'a place' && " + fleetwright(j.t) + " render 'my apps' fleets -o clusters")
				j.commit()
			},
			with:    map[string]string{"working-directory": "a place", "paths": "my apps\n\n  fleets"},
			comment: "nothing would change",
		},
		{
			name: "inputs run no commands", with: map[string]string{"paths": "$(touch planted)\n`touch planted`\n'; touch planted", "base": "--output=planted"},
			code: 2, log: []string{"$(touch planted): no such file or directory"}, summary: `unknown Git revision "--output=planted"`,
			commands: []string{"::error title=fleetwright::"},
		},
		{
			name: "a repository among the documents runs no commands", prepare: func(j *job) {
				j.shell("sed -i.bak 's/prune: true/prune: false/' apps/application.yaml")
				j.render()
				j.shell(bareRepository)
				j.commit()
			},
			with: map[string]string{"base": "HEAD^1"}, changed: true,
			comment: "prune", summary: "prune",
		},
		{
			name: "the output runs no workflow commands", prepare: func(j *job) {
				j.shell("echo '::error::planted' >> clusters/austin/fleetwright/sync.yaml")
			},
			code: 1, stale: true, changed: true,
			commands: []string{"::error file=clusters/austin/fleetwright/", "::group::", "::endgroup::"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			record(t, "8. GitHub: action.yml")
			files := tree{}
			for name, data := range readTree(t, warned) {
				files["warned/"+name] = data
			}
			j := newJob(t, cache, files)
			if c.prepare != nil {
				c.prepare(j)
			}
			with := maps.Clone(inputs)
			maps.Copy(with, c.with)
			code, got := j.act(with)
			comment := got["comment"]
			file, err := os.ReadFile(got["comment-file"])
			if err != nil || strings.TrimSuffix(string(file), "\n") != comment {
				t.Errorf("the comment file has %q (%v), want the comment %q", file, err, comment)
			}
			delete(got, "comment")
			delete(got, "comment-file")
			want := map[string]string{"exit-code": fmt.Sprint(c.code), "stale": fmt.Sprint(c.stale), "changed": fmt.Sprint(c.changed)}
			if code != c.code || !maps.Equal(got, want) {
				t.Errorf("exit code %d, outputs %v; want %d and %v\n%s", code, got, c.code, want, j.log)
			}
			if (comment == "") != (c.comment == "" && !c.changed) || !strings.Contains(comment, c.comment) || len(comment) > 65536 {
				t.Errorf("comment %q, want %q", comment, c.comment)
			}
			if comment != "" && !strings.HasPrefix(comment, "<!-- fleetwright diff -->\n") {
				t.Errorf("the comment does not begin with the marker: %q", comment)
			}
			if !strings.Contains(j.summary, c.summary) || !strings.Contains(j.summary, comment) {
				t.Errorf("summary %q, want %q and the comment", j.summary, c.summary)
			}
			for _, text := range c.log {
				if !strings.Contains(j.log, text) {
					t.Errorf("the log lacks %q:\n%s", text, j.log)
				}
			}
			annotations := commands(j.log)
			if !slices.EqualFunc(annotations, c.commands, strings.HasPrefix) {
				t.Errorf("annotations %q, want %q", annotations, c.commands)
			}
			if planted := j.shell("find . -name planted"); planted != "" {
				t.Error("a script from the inputs ran")
			}
		})
	}
	t.Run("strict is neither true nor false", func(t *testing.T) {
		record(t, "8. GitHub: action.yml")
		j := newJob(t, cache, nil)
		with := maps.Clone(inputs)
		with["strict"] = "yes"
		if code, _ := j.act(with); code != 2 || !strings.Contains(j.log, "::error title=fleetwright::strict must be true or false\n") {
			t.Errorf("exit code %d:\n%s", code, j.log)
		}
	})
	if len(cache.saved) != 1 {
		t.Errorf("the cache has %v, want one program", cache.saved)
	}
}

// A workflow is a file in .github/workflows.
type workflow struct {
	Jobs map[string]struct {
		Needs    string
		Strategy struct{ Matrix map[string][]any }
		Env      map[string]string
		Steps    []jobStep
	}
}

// TestWorkflow runs the workflow of docs/ci.md with a fake gh that records its requests.
func TestWorkflow(t *testing.T) {
	cache := newCache(t)
	for _, c := range []struct {
		name   string
		change string
		last   string
		want   string
	}{
		{"the first comment", "sed -i.bak 's/prune: true/prune: false/' apps/application.yaml", "", "POST repos/someone/clusters/issues/7/comments <!-- fleetwright diff -->"},
		{"an existing comment", "sed -i.bak 's/prune: true/prune: false/' apps/application.yaml", "12345", "PATCH repos/someone/clusters/issues/comments/12345 <!-- fleetwright diff -->"},
		{"no changes, no comment", "date > notes", "", ""},
		{"no changes left", "date > notes", "12345", "PATCH repos/someone/clusters/issues/comments/12345 <!-- fleetwright diff -->"},
		{"inputs no longer compile", "sed -i.bak '21s/prune/prnue/' apps/application.yaml", "12345", "PATCH repos/someone/clusters/issues/comments/12345 <!-- fleetwright diff -->"},
	} {
		t.Run(c.name, func(t *testing.T) {
			record(t, "8. GitHub: the workflow")
			j := newJob(t, cache, nil)
			j.shell(c.change)
			j.shell(fleetwright(t) + " render apps fleets -o clusters 2>&1 || true")
			j.commit()
			j.values["github.event_name == 'pull_request' && 'HEAD^1' || ''"] = "HEAD^1"
			j.values["!cancelled() && github.event.pull_request.head.repo.full_name == github.repository"] = "true"
			j.values["github.token"], j.values["github.event.number"] = "token", "7"
			gh := t.TempDir()
			mustCopy(t, tree{"gh": []byte(playedGH)}, gh)
			if err := os.Chmod(filepath.Join(gh, "gh"), 0o755); err != nil {
				t.Fatal(err)
			}
			var w workflow
			mustParse(t, "../examples/ci/github-workflow.yml", &w)
			for _, s := range w.Jobs["fleetwright"].Steps {
				switch {
				case s.If != "" && j.evaluated(s.If) != "true":
				case strings.HasPrefix(s.Uses, "actions/checkout@"):
					if s.With["fetch-depth"] != 2.0 {
						t.Errorf("the workflow fetches %v commits, without the base", s.With["fetch-depth"])
					}
				case strings.HasPrefix(s.Uses, "fleetwright/fleetwright@"):
					with := map[string]string{}
					for name, value := range s.With {
						with[name] = j.evaluated(value)
					}
					_, got := j.act(with)
					for name, value := range got {
						j.values["steps."+s.ID+".outputs."+name] = value
					}
				case s.Uses != "":
					t.Fatalf("unknown action %s", s.Uses)
				default:
					if code := j.run(s, "LAST="+c.last, "RECORD="+filepath.Join(gh, "record"), "PATH="+gh+":"+os.Getenv("PATH")); code != 0 {
						t.Errorf("exit code %d\n%s", code, j.log)
					}
				}
			}
			if got := strings.TrimSpace(string(readTree(t, gh)["record"])); got != c.want {
				t.Errorf("gh was asked for %q, want %q", got, c.want)
			}
		})
	}
}

// TestShards runs the workflow of docs/ci.md for several machines: each shard is a job with its own
// repository and directory, and the last job has what they uploaded.
func TestShards(t *testing.T) {
	var w workflow
	mustParse(t, "../examples/ci/github-shards.yml", &w)
	// After the first build, the build cache makes this fast in any directory.
	env := append(moduleProxy(t), "CGO_ENABLED=0", "GOFLAGS=-modcacherw -trimpath", "GOMODCACHE="+t.TempDir())
	for _, c := range []struct {
		name, change string
		code         int
		printed      string
	}{
		{"current", "date > notes", 0, ""},
		{"stale, with a removed cluster", "sed -i.bak 's/prune: true/prune: false/' apps/application.yaml && cp -R clusters/berlin clusters/paris", 1, "clusters/paris/fleetwright/inventory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			record(t, "8. GitHub: shards")
			artifacts := newCache(t)
			j := newJob(t, artifacts, nil)
			j.shell("cat apps/application.yaml > more && sed -e 's/podinfo$/second/' -e 's/name: webapp/name: second-webapp/' -e 's/name: production/name: second-production/' -e 's/name: staging/name: second-staging/' more > apps/second.yaml && rm more")
			j.render()
			j.commit()
			j.shell(c.change)
			j.commit()
			shards := w.Jobs["shard"].Strategy.Matrix["shard"]
			for _, i := range shards {
				machine := &job{t: t, workspace: t.TempDir(), temp: t.TempDir(), actionsCache: artifacts, values: maps.Clone(j.values)}
				machine.env = slices.Concat(j.env, env)
				pages.Shell(t, machine.workspace, "git clone --quiet "+j.workspace+" .", j.env...)
				machine.values["matrix.shard"], machine.values["strategy.job-total"] = fmt.Sprint(i), fmt.Sprint(len(shards))
				machine.values["runner.temp"] = machine.temp
				for name, value := range w.Jobs["shard"].Env {
					machine.env = append(machine.env, name+"="+machine.evaluated(value))
				}
				machine.runShards(w.Jobs["shard"].Steps, artifacts)
				if machine.code != 0 {
					t.Fatalf("shard %v: exit code %d\n%s", i, machine.code, machine.log)
				}
			}
			j.values["runner.temp"] = j.temp
			j.log = ""
			j.runShards(w.Jobs["fleetwright"].Steps, artifacts)
			if j.code != c.code || !strings.Contains(j.log, c.printed) {
				t.Errorf("exit code %d, want %d with %q:\n%s", j.code, c.code, c.printed, j.log)
			}
			j.shell(fleetwright(t) + " check apps fleets -o clusters")
		})
	}
}

// runShards runs the steps of a job, and emulates the actions that upload and download.
func (j *job) runShards(steps []jobStep, artifacts *actionsCache) {
	j.t.Helper()
	for _, s := range steps {
		switch {
		case strings.HasPrefix(s.Uses, "actions/checkout@"):
		case strings.HasPrefix(s.Uses, "actions/upload-artifact@"):
			artifacts.save(j.evaluated(s.With["name"]), j.evaluated(s.With["path"]))
		case strings.HasPrefix(s.Uses, "actions/download-artifact@"):
			if s.With["merge-multiple"] != nil {
				j.t.Error("shards write the files that all have at the same time")
			}
			for name := range artifacts.saved {
				if ok, err := path.Match(j.evaluated(s.With["pattern"]), name); !ok || err != nil {
					continue
				}
				if !artifacts.restore(name, filepath.Join(j.evaluated(s.With["path"]), name)) {
					j.t.Fatalf("%s cannot be downloaded", name)
				}
			}
		case s.Uses != "":
			j.t.Fatalf("unknown action %s", s.Uses)
		default:
			if j.code = j.run(s); j.code != 0 {
				return
			}
		}
	}
}

// playedGH is a fake gh that answers with the last comment, and records requests that write.
const playedGH = `#!/bin/sh
set -eu
method=POST
while [ $# -gt 0 ]; do
	case $1 in
	--paginate) echo 1; echo "$LAST"; exit ;;
	--method) method=$2; shift ;;
	-F) body=${2#body=@}; shift ;;
	repos/*) path=$1 ;;
	esac
	shift
done
echo "$method $path $(head -n 1 "$body")" >> "$RECORD"
`

// TestWorkflowsAreSound runs actionlint, with shellcheck, on the workflows, with this action as the action
// that they use, and on the steps of the action as a workflow.
func TestWorkflowsAreSound(t *testing.T) {
	record(t, "8. GitHub: actionlint and shellcheck")
	actionlint, err := tools.Build(toolsDir, tools.Actionlint)
	if err != nil {
		t.Fatal(err)
	}
	published, err := os.ReadFile("../examples/ci/github-workflow.yml")
	if err != nil {
		t.Fatal(err)
	}
	metadata, err := os.ReadFile("../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	uses := regexp.MustCompile(`uses: fleetwright/fleetwright@\S+`)
	dir := t.TempDir()
	mustCopy(t, tree{
		"action.yml":                      metadata,
		".github/workflows/published.yml": uses.ReplaceAll(published, []byte("uses: ./")),
		".github/workflows/shards.yml":    readTree(t, "../examples/ci")["github-shards.yml"],
		".github/workflows/steps.yml":     stepsAsWorkflow(t, metadata),
		".github/workflows/release.yml":   readTree(t, "../.github/workflows")["release.yml"],
	}, dir)
	pages.Shell(t, dir, "git init --quiet && "+actionlint+" -shellcheck=shellcheck -pyflakes=")
	// A deliberate mistake shows that actionlint reads the inputs.
	wrong := bytes.Replace(published, []byte("output: clusters"), []byte("outptu: clusters"), 1)
	mustCopy(t, tree{".github/workflows/published.yml": uses.ReplaceAll(wrong, []byte("uses: ./"))}, dir)
	if said := pages.Shell(t, dir, actionlint+" -shellcheck=shellcheck -pyflakes= || true"); !strings.Contains(said, `input "outptu" is not defined in action "fleetwright"`) {
		t.Errorf("actionlint does not report an unknown input: %s", said)
	}
	pages.Shell(t, "..", "shellcheck .github/*.sh examples/ci/check.sh examples/waves/promote.sh")
}

// stepsAsWorkflow returns a workflow with the inputs and the steps of an action.
func stepsAsWorkflow(t *testing.T, metadata []byte) []byte {
	t.Helper()
	var a map[string]any
	if err := yaml.Unmarshal(metadata, &a); err != nil {
		t.Fatal(err)
	}
	inputs := a["inputs"].(map[string]any)
	for _, input := range inputs {
		input.(map[string]any)["type"] = "string"
	}
	data, err := yaml.Marshal(map[string]any{
		"on":   map[string]any{"workflow_call": map[string]any{"inputs": inputs}},
		"jobs": map[string]any{"steps": map[string]any{"runs-on": "ubuntu-latest", "steps": a["runs"].(map[string]any)["steps"]}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestCacheKeyIsOfAllSources checks that the cache key of the action depends on every file that the command
// is built from.
func TestCacheKeyIsOfAllSources(t *testing.T) {
	script, err := os.ReadFile("../.github/install.sh")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`find (.*) -type f`).FindStringSubmatch(string(script))
	if named == nil {
		t.Fatal("the script lists no sources")
	}
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.ImportPath}}{{end}}{{end}}", "./cmd/fleetwright")
	list.Dir = ".."
	packages, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range strings.Fields(string(packages)) {
		top, _, _ := strings.Cut(strings.TrimPrefix(pkg, strings.TrimPrefix(address, "https://")+"/"), "/")
		if !slices.Contains(strings.Fields(named[1]), top) {
			t.Errorf("the cache key does not depend on %s", pkg)
		}
	}
}
