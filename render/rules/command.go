package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/templates"
)

// testerCommands are what the load tester's image has beside a shell's own and those
// of busybox (fluxcd/flagger Dockerfile.loadtester).
var testerCommands = []string{
	"bash", "bats", "curl", "ghz", "git", "grpc_health_probe", "helm", "hey", "jq", "kubectl", "wget", "wrk",
}

// checkCommand reports what of a webhook's command the load tester cannot run, and, where it
// makes the load of the analysis, load that does not go to where it is measured.
func checkCommand(r *Rollout, w flagger.Webhook, script string, at schema.Path) {
	if len(script) > flagger.LongestCommand {
		r.Report(diag.BadCommand, at, fmt.Sprintf("the command has %d bytes, and a shell takes %d", len(script), flagger.LongestCommand), "put the script into the image of a load tester of your own")
		return
	}
	parsed, err := flagger.ParseScript(script)
	if err != nil {
		_, problem, _ := strings.Cut(err.Error(), ": ") // behind the position, which is in the command
		r.Report(diag.BadCommand, at, "a shell does not take the command: "+problem, "check quotes and brackets")
		return
	}
	if i := slices.IndexFunc(parsed.Calls, func(c flagger.Call) bool { return strings.HasPrefix(c.Name, "-") }); i >= 0 {
		r.Report(diag.BadCommand, at, fmt.Sprintf("the option %s begins a line, and a shell takes each line for a command of its own", parsed.Calls[i].Name),
			"one line, or \\ at the end of each but the last; in a folded text of YAML, lines that are indented alike")
		return
	}
	for _, call := range parsed.Calls {
		checkKnownCommand(r, w, call, parsed.Functions, at)
	}
	checkOutlives(r, w, parsed, at[:len(at)-2])
	checkBlindGate(r, w, parsed, at[:len(at)-2])
	checkOldVersion(r, w, parsed, at[:len(at)-2])
	if w.Kind() == flagger.RolloutHook {
		_, from := ServiceAt(w.URL)
		checkTargets(r, parsed.Calls, script, at, from)
	}
}

// checkKnownCommand reports a command that is not in the load tester's image. Of
// another image nobody can say it.
func checkKnownCommand(r *Rollout, w flagger.Webhook, call flagger.Call, functions []string, at schema.Path) {
	name := call.Name
	known := slices.Concat(testerCommands, strings.Fields(templates.ShellCommands), functions)
	if name == "" || strings.ContainsAny(name, "/$=") || r.otherImage(w) || slices.Contains(known, name) {
		return
	}
	hint := diag.DidYouMean(name, testerCommands, "it has "+strings.Join(testerCommands, ", ")+", and what busybox has")
	r.Report(diag.UnknownCommand, at, fmt.Sprintf("the load tester's image has no %s", name), hint)
}

// otherImage reports whether the load tester that a webhook calls runs another image than Flagger's.
func (r *Rollout) otherImage(w flagger.Webhook) bool {
	name, namespace := ServiceAt(w.URL)
	if t := r.Tester; t.Exists && name == t.ID.Name && namespace == t.ID.Namespace {
		return t.OtherImage
	}
	return r.On.OtherTesterImage
}
