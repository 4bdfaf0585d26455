// Package growth tests that the cost of inputs is linear in their size: strangers write inputs, too.
package growth

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/fleetwright/fleetwright/schema"
)

// A Kind is a way in which inputs grow.
type Kind struct {
	// Name names the elements that increase in number.
	Name string
	// Make returns inputs with n elements.
	Make func(n int) []schema.File
	// Step is the initial number of elements: enough to outweigh fixed costs.
	Step int
}

// Factor is the growth of the inputs in a test, and Slack is the allowed growth of the cost beyond it.
const (
	Factor = 4
	Slack  = 1.3
)

// Exceeds reports whether a cost grows faster than the inputs. Small costs do not count.
func Exceeds(before, after, little uint64) bool {
	return after > little && float64(after) > Slack*Factor*float64(before)
}

// Allocated returns the bytes that a function allocates.
func Allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// head is the start of an Application, up to its spec.
const head = "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {name: a, namespace: default}\n"

const source = "  source: {gitRepository: {interval: 3m0s, url: https://example.com/r, ref: {branch: main}}}\n"

// app is an Application, up to its first policy.
const app = head + "spec:\n" + source + "  syncPolicies:\n"

// policy is a sync policy, to which fields can be added.
const policy = "  - name: p\n    kustomization:\n      interval: 5m\n      path: ./x\n      prune: true\n"

// rollout is a policy with a rollout, up to its rolloutPolicy.
const rollout = policy + `    destination: {fleet: f}
    rollout:
      trafficRoutingProvider: istio
      workload: {apiVersion: apps/v1, kind: Deployment, name: web, namespace: default}
      serviceName: web
      port: 8080
`

// weights is a rolloutPolicy that works, to which fields can be added.
const weights = `      rolloutPolicy:
        trafficRouting:
          canaryStrategy: {maxWeight: 50, stepWeight: 10}
`

const analysis = `        trafficAnalysis:
          checkIntervalSeconds: 60
          checkFailedTimes: 2
`

const metrics = analysis + "          metrics: [{name: request-success-rate, intervalSeconds: 60, thresholdRange: {min: 99}}]\n"

const command = "          webhooks: {command: [\"hey -z 1m -q 10 -c 2 http://web-canary.default:8080/\"]}\n"

// canary is a valid Application with a rollout.
const canary = app + rollout + weights + metrics + command

// fleet is a Fleet with one cluster.
const fleet = `---
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: f, namespace: default}
spec:
  clusters: [{name: m, kind: AttachedCluster}]
  plugin: {flagger: {publicTestloader: true, trafficRoutingProvider: istio}}
---
apiVersion: cluster.kurator.dev/v1alpha1
kind: AttachedCluster
metadata: {name: m, namespace: default, labels: {stage: prod}}
spec: {kubeconfig: {name: m, key: k}}
`

// small returns a complete Application with a name, and the name of its policy.
const small = "---\napiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {name: a%[1]d, namespace: default}\nspec:\n" + source + "  syncPolicies:\n  - name: p%[1]d\n    kustomization: {interval: 5m, path: ./x, prune: true%[2]s}\n"

// text is one file.
func text(s string) []schema.File { return []schema.File{{Name: "f.yaml", Data: []byte(s)}} }

// rows returns a text with repeated rows in its middle. In a row, %[1]d is its number and %[2]d is the next
// row's number.
func rows(before, row, after string) func(n int) []schema.File {
	return func(n int) []schema.File {
		var b strings.Builder
		b.WriteString(before)
		for i := range n {
			if strings.Contains(row, "%[2]d") {
				fmt.Fprintf(&b, row, i, i+1)
			} else if strings.Contains(row, "%[1]d") {
				fmt.Fprintf(&b, row, i)
			} else {
				b.WriteString(row)
			}
		}
		b.WriteString(after)
		return text(b.String())
	}
}

// files returns many files, each built from a row.
func files(row string) func(n int) []schema.File {
	return func(n int) []schema.File {
		var all []schema.File
		for i := range n {
			f := rows("", row, "")(1)[0]
			f.Name = fmt.Sprintf("dir/f%d.yaml", i)
			f.Data = fmt.Appendf(nil, row, i, i+1)
			all = append(all, f)
		}
		return append(all, text(fleet)...)
	}
}

// and adds a text, in a separate file, to the result of another function.
func and(f func(n int) []schema.File, more string) func(n int) []schema.File {
	return func(n int) []schema.File {
		return append(f(n), schema.File{Name: "more.yaml", Data: []byte(more)})
	}
}

// long returns a text with n bytes instead of %s.
func long(format, of string) func(n int) []schema.File {
	return func(n int) []schema.File { return text(strings.Replace(format, "%s", strings.Repeat(of, n), 1)) }
}
