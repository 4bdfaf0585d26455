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

// A jobStep is one of a job of GitHub's, or of a composite action.
type jobStep struct {
	ID, If, Uses, Run string
	With, Env         map[string]any
	WorkingDirectory  string `json:"working-directory"`
}

// An action is action.yml.
type action struct {
	Inputs map[string]struct {
		Default  string
		Required bool
	}
	Outputs map[string]struct{ Value string }
	Runs    struct{ Steps []jobStep }
}

// An actionsCache has what jobs have saved.
type actionsCache struct {
	t *testing.T
	// saved are directories, by their keys.
	saved map[string]string
}

func newCache(t *testing.T) *actionsCache { return &actionsCache{t, map[string]string{}} }

// restore copies what was saved into a directory, if it was.
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

// A job runs steps as GitHub's runner does, on a repository of a user's.
type job struct {
	t *testing.T
	// workspace is the repository, temp RUNNER_TEMP.
	workspace, temp string
	*actionsCache
	// values of expressions, by their text.
	values map[string]string
	// env of all steps.
	env []string
	// summary and log are what the steps have written.
	summary, log string
	// code is the exit code of the last step of a job for a shard, or of putting them together.
	code int
}

// newJob has a repository with documents that were rendered and committed.
func newJob(t *testing.T, cache *actionsCache, files tree) *job {
	t.Helper()
	home := t.TempDir()
	mustCopy(t, tree{".gitconfig": []byte("[user]\n\tname = someone\n\temail = someone@example.com\n")}, home)
	env := []string{"HOME=" + home, "GOCACHE=" + goEnv(t, "GOCACHE"), "GOMODCACHE=" + goEnv(t, "GOMODCACHE")}
	j := &job{t: t, workspace: userRepository(t, env, files), temp: t.TempDir(), actionsCache: cache, env: env, values: map[string]string{}}
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

// evaluated is a text with the values of its expressions.
func (j *job) evaluated(text any) string {
	j.t.Helper()
	s, ok := text.(string)
	if !ok {
		j.t.Fatalf("%v is no text", text)
	}
	return expression.ReplaceAllStringFunc(s, func(e string) string {
		text := expression.FindStringSubmatch(e)[1]
		value, ok := j.values[text]
		if !ok {
			j.t.Fatalf("the test does not know the expression %q", text)
		}
		return value
	})
}

// run runs a step that is a script. It sets its outputs and returns its exit code.
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

// outputs are what GitHub reads from the file GITHUB_OUTPUT: name=value, or name<<END,
// the lines of the value, and END (actions/runner, src/Runner.Worker/FileCommandManager.cs).
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
			t.Fatalf("GitHub takes no output from %q in\n%s", line, file)
		}
		all[name] = strings.Join(lines[:n], "\n")
		lines = lines[n+1:]
	}
	return all
}

// commands are those that GitHub takes from a log: none after ::stop-commands::TOKEN,
// until ::TOKEN::.
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

// act runs action.yml, and returns its exit code and its outputs.
func (j *job) act(with map[string]string) (int, map[string]string) {
	j.t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		j.t.Fatal(err)
	}
	var a action
	mustParse(j.t, "../action.yml", &a)
	for name := range with {
		if _, ok := a.Inputs[name]; !ok {
			j.t.Fatalf("action.yml has no input %s", name)
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
		case s.If != "" && j.evaluated(s.If) != "true":
		case s.Uses == "":
			if code = j.run(s, "GITHUB_ACTION_PATH="+root); code != 0 && s.ID != "run" {
				j.t.Fatalf("%s: exit code %d\n%s", s.Run, code, j.log)
			}
		case strings.HasPrefix(s.Uses, "actions/cache/restore@"):
			hit := j.restore(j.evaluated(s.With["key"]), j.evaluated(s.With["path"]))
			j.values["steps."+s.ID+".outputs.cache-hit != 'true'"] = fmt.Sprint(!hit)
		case strings.HasPrefix(s.Uses, "actions/cache/save@"):
			j.save(j.evaluated(s.With["key"]), j.evaluated(s.With["path"]))
		default:
			j.t.Fatalf("the test does not know the action %s", s.Uses)
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

// warned is an Application that is accepted with warnings.
const warned = "../examples/kuma-rollout"

// bareRepository makes a bare repository of the documents' directory, too, which has
// nothing but a remote with a command.
const bareRepository = `cd apps && mkdir -p objects refs/heads && touch objects/keep && git rev-parse HEAD >refs/heads/main &&
echo 'ref: refs/heads/main' >HEAD && printf '%s\n' '[core]' 'worktree = .' '[extensions]' 'partialClone = origin' \
	'[remote "origin"]' 'promisor = true' 'url = .' 'uploadpack = touch planted;:' >config`

// TestAction runs action.yml with GitHub's environment.
func TestAction(t *testing.T) {
	cache := newCache(t)
	inputs := map[string]string{"paths": "apps\nfleets\n", "output": "clusters"}
	for _, c := range []struct {
		name string
		// prepare makes of a repository that is clean what the case is about.
		prepare func(j *job)
		// with are inputs beside paths and output.
		with           map[string]string
		code           int
		stale, changed bool
		// comment, summary and log have these texts, of which the comment's "" says that
		// there is none.
		comment, summary string
		log              []string
		// commands are the beginnings of all annotations.
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
			comment: "prune", summary: "the output is not what its inputs become",
			log: []string{"::group::What fleetwright render would change"},
			commands: []string{
				"::error file=clusters/austin/fleetwright/", "::error file=clusters/berlin/fleetwright/",
				"::error file=clusters/lisbon/fleetwright/", "::group::", "::endgroup::",
			},
		},
		{
			name:    "a selector with a typing mistake",
			prepare: func(j *job) { j.shell("sed -i.bak 's/stage: production/stage: prod/' apps/application.yaml") },
			code:    1, stale: true, changed: true,
			comment: "production removed while still among the inputs", summary: "the output is not what its inputs become",
			log: []string{"::group::What fleetwright render would change", "would disappear from austin, berlin"},
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
			name: "base that nothing is changed of", with: map[string]string{"base": "HEAD"},
			comment: "nothing would change", summary: "nothing would change",
		},
		{
			name: "base that is not there", with: map[string]string{"base": "no-such-branch"},
			code: 2, log: []string{`git knows no revision "no-such-branch"`}, summary: `git knows no revision "no-such-branch"`,
			commands: []string{"::error title=fleetwright::"},
		},
		{
			name: "a new repository", prepare: func(j *job) { j.shell("rm -r clusters") },
			code: 1, stale: true, changed: true, comment: "austin", summary: "the output is not what its inputs become",
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
			name: "in a directory below, with spaces", prepare: func(j *job) {
				j.shell("mkdir 'a place' && mv apps 'a place/my apps' && mv fleets clusters 'a place'")
				j.shell("cd 'a place' && " + fleetwright(j.t) + " render 'my apps' fleets -o clusters")
				j.commit()
			},
			with:    map[string]string{"working-directory": "a place", "paths": "my apps\n\n  fleets"},
			comment: "nothing would change",
		},
		{
			name: "no program of the inputs' own", with: map[string]string{"paths": "$(touch planted)\n`touch planted`\n'; touch planted", "base": "--output=planted"},
			code: 2, log: []string{"$(touch planted): no such file or directory"}, summary: `git knows no revision "--output=planted"`,
			commands: []string{"::error title=fleetwright::"},
		},
		{
			name: "no program of a repository's own among the documents", prepare: func(j *job) {
				j.shell("sed -i.bak 's/prune: true/prune: false/' apps/application.yaml")
				j.render()
				j.shell(bareRepository)
				j.commit()
			},
			with: map[string]string{"base": "HEAD^1"}, changed: true,
			comment: "prune", summary: "prune",
		},
		{
			name: "no commands of the output's own", prepare: func(j *job) {
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
				t.Errorf("the file of the comment has %q (%v), and the comment is %q", file, err, comment)
			}
			delete(got, "comment")
			delete(got, "comment-file")
			want := map[string]string{"exit-code": fmt.Sprint(c.code), "stale": fmt.Sprint(c.stale), "changed": fmt.Sprint(c.changed)}
			if code != c.code || !maps.Equal(got, want) {
				t.Errorf("exit code %d, outputs %v; want %d and %v\n%s", code, got, c.code, want, j.log)
			}
			if (comment == "") != (c.comment == "" && !c.changed) || !strings.Contains(comment, c.comment) || len(comment) > 65536 {
				t.Errorf("the comment is %q, and not %q", comment, c.comment)
			}
			if comment != "" && !strings.HasPrefix(comment, "<!-- fleetwright diff -->\n") {
				t.Errorf("the comment begins with no marker: %q", comment)
			}
			if !strings.Contains(j.summary, c.summary) || !strings.Contains(j.summary, comment) {
				t.Errorf("the summary is %q, and not %q with the comment", j.summary, c.summary)
			}
			for _, text := range c.log {
				if !strings.Contains(j.log, text) {
					t.Errorf("the log has no %q:\n%s", text, j.log)
				}
			}
			annotations := commands(j.log)
			if !slices.EqualFunc(annotations, c.commands, strings.HasPrefix) {
				t.Errorf("GitHub is told %q, and not %q", annotations, c.commands)
			}
			if planted := j.shell("find . -name planted"); planted != "" {
				t.Error("a script of the inputs was run")
			}
		})
	}
	t.Run("strict that is neither", func(t *testing.T) {
		record(t, "8. GitHub: action.yml")
		j := newJob(t, cache, nil)
		with := maps.Clone(inputs)
		with["strict"] = "yes"
		if code, _ := j.act(with); code != 2 || !strings.Contains(j.log, "::error title=fleetwright::strict is true or false\n") {
			t.Errorf("exit code %d:\n%s", code, j.log)
		}
	})
	if len(cache.saved) != 1 {
		t.Errorf("the cache has %v, and not one program", cache.saved)
	}
}

// A workflow is a file of .github/workflows.
type workflow struct {
	Jobs map[string]struct {
		Needs    string
		Strategy struct{ Matrix map[string][]any }
		Env      map[string]string
		Steps    []jobStep
	}
}

// TestWorkflow runs the workflow of docs/ci.md: GitHub's gh is played, and records what it
// is asked to do.
func TestWorkflow(t *testing.T) {
	cache := newCache(t)
	for _, c := range []struct {
		name   string
		change string
		last   string
		want   string
	}{
		{"the first comment", "sed -i.bak 's/prune: true/prune: false/' apps/application.yaml", "", "POST repos/someone/clusters/issues/7/comments <!-- fleetwright diff -->"},
		{"a comment that is there", "sed -i.bak 's/prune: true/prune: false/' apps/application.yaml", "12345", "PATCH repos/someone/clusters/issues/comments/12345 <!-- fleetwright diff -->"},
		{"nothing to say", "date > notes", "", ""},
		{"nothing to say any more", "date > notes", "12345", "PATCH repos/someone/clusters/issues/comments/12345 <!-- fleetwright diff -->"},
		{"inputs that do not compile any more", "sed -i.bak '21s/prune/prnue/' apps/application.yaml", "12345", "PATCH repos/someone/clusters/issues/comments/12345 <!-- fleetwright diff -->"},
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
						t.Errorf("it fetches %v commits, without the base", s.With["fetch-depth"])
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
					t.Fatalf("the test does not know the action %s", s.Uses)
				default:
					if code := j.run(s, "LAST="+c.last, "RECORD="+filepath.Join(gh, "record"), "PATH="+gh+":"+os.Getenv("PATH")); code != 0 {
						t.Errorf("exit code %d\n%s", code, j.log)
					}
				}
			}
			if got := strings.TrimSpace(string(readTree(t, gh)["record"])); got != c.want {
				t.Errorf("gh is asked for %q, and not %q", got, c.want)
			}
		})
	}
}

// TestShards runs the workflow of docs/ci.md for several machines: each is a job with a
// repository and a directory of its own, and the last one has what they have uploaded.
func TestShards(t *testing.T) {
	var w workflow
	mustParse(t, "../examples/ci/github-shards.yml", &w)
	// What is built is in the build cache after the first time, wherever it is.
	env := append(moduleProxy(t), "CGO_ENABLED=0", "GOFLAGS=-modcacherw -trimpath", "GOMODCACHE="+t.TempDir())
	for _, c := range []struct {
		name, change string
		code         int
		printed      string
	}{
		{"current", "date > notes", 0, ""},
		{"stale, with a cluster that is gone", "sed -i.bak 's/prune: true/prune: false/' apps/application.yaml && cp -R clusters/berlin clusters/paris", 1, "clusters/paris/fleetwright/inventory"},
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
				t.Errorf("exit code %d, and not %d with %q:\n%s", j.code, c.code, c.printed, j.log)
			}
			j.shell(fleetwright(t) + " check apps fleets -o clusters")
		})
	}
}

// runShards runs the steps of a job, with the actions that upload and download.
func (j *job) runShards(steps []jobStep, artifacts *actionsCache) {
	j.t.Helper()
	for _, s := range steps {
		switch {
		case strings.HasPrefix(s.Uses, "actions/checkout@"):
		case strings.HasPrefix(s.Uses, "actions/upload-artifact@"):
			artifacts.save(j.evaluated(s.With["name"]), j.evaluated(s.With["path"]))
		case strings.HasPrefix(s.Uses, "actions/download-artifact@"):
			if s.With["merge-multiple"] != nil {
				j.t.Error("the files that all shards have are written at once")
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
			j.t.Fatalf("the test does not know the action %s", s.Uses)
		default:
			if j.code = j.run(s); j.code != 0 {
				return
			}
		}
	}
}

// playedGH answers with the last comment, and records what is written.
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

// TestWorkflowsAreSound has actionlint, with shellcheck, read the workflow, with this
// action as the one that it uses, and the steps of the action as those of a workflow.
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
	}, dir)
	pages.Shell(t, dir, "git init --quiet && "+actionlint+" -shellcheck=shellcheck -pyflakes=")
	// It is seen that it reads them.
	wrong := bytes.Replace(published, []byte("output: clusters"), []byte("outptu: clusters"), 1)
	mustCopy(t, tree{".github/workflows/published.yml": uses.ReplaceAll(wrong, []byte("uses: ./"))}, dir)
	if said := pages.Shell(t, dir, actionlint+" -shellcheck=shellcheck -pyflakes= || true"); !strings.Contains(said, `input "outptu" is not defined in action "fleetwright"`) {
		t.Errorf("actionlint does not find a wrong input: %s", said)
	}
	pages.Shell(t, "..", "shellcheck .github/action.sh examples/ci/check.sh examples/waves/promote.sh")
}

// stepsAsWorkflow is a workflow with the inputs and the steps of an action.
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

// TestCacheKeyIsOfAllSources: the action builds the command again when what it is built
// of changes, so the script names all of that.
func TestCacheKeyIsOfAllSources(t *testing.T) {
	script, err := os.ReadFile("../.github/action.sh")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\(find (.*) -type f`).FindStringSubmatch(string(script))
	if named == nil {
		t.Fatal("the script names no sources")
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
			t.Errorf("the key of the cache does not know %s", pkg)
		}
	}
}
