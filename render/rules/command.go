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

// testerCommands are the commands in the load tester's image in addition to a shell's builtins and busybox
// (fluxcd/flagger Dockerfile.loadtester).
var testerCommands = []string{
	"bash", "bats", "curl", "ghz", "git", "grpc_health_probe", "helm", "hey", "jq", "kubectl", "wget", "wrk",
}

// checkCommand reports a webhook's command that the load tester cannot run, and load that does not go where it
// is measured.
func checkCommand(r *Rollout, w flagger.Webhook, script string, at schema.Path) {
	if len(script) > flagger.LongestCommand {
		r.Report(diag.BadCommand, at, fmt.Sprintf("the command has %d bytes; a shell accepts %d", len(script), flagger.LongestCommand), "move the script into your load tester's image")
		return
	}
	parsed, err := flagger.ParseScript(script)
	if err != nil {
		_, problem, _ := strings.Cut(err.Error(), ": ") // after the position, which is inside the command
		r.Report(diag.BadCommand, at, "the shell cannot parse the command: "+problem, "check quotes and brackets")
		return
	}
	if i := slices.IndexFunc(parsed.Calls, func(c flagger.Call) bool { return strings.HasPrefix(c.Name, "-") }); i >= 0 {
		r.Report(diag.BadCommand, at, fmt.Sprintf("option %s starts a new line, so the shell runs it as a separate command", parsed.Calls[i].Name),
			"write one line, or end each line but the last with \\; in a folded YAML block (>), indent all lines alike")
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

// checkKnownCommand reports a command that the load tester's image does not have. Other images are unknown.
func checkKnownCommand(r *Rollout, w flagger.Webhook, call flagger.Call, functions []string, at schema.Path) {
	name := call.Name
	known := slices.Concat(testerCommands, strings.Fields(templates.ShellCommands), functions)
	if name == "" || strings.ContainsAny(name, "/$=") || r.otherImage(w) || slices.Contains(known, name) {
		return
	}
	hint := diag.DidYouMean(name, testerCommands, "use "+strings.Join(testerCommands, ", ")+", or a command of busybox")
	r.Report(diag.UnknownCommand, at, fmt.Sprintf("the load tester's image has no program %s, so the command fails", name), hint)
}

// otherImage reports whether the load tester of a webhook runs another image than Flagger's.
func (r *Rollout) otherImage(w flagger.Webhook) bool {
	name, namespace := ServiceAt(w.URL)
	if t := r.Tester; t.Exists && name == t.ID.Name && namespace == t.ID.Namespace {
		return t.OtherImage
	}
	return r.On.OtherTesterImage
}
