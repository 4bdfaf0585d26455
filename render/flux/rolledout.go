package flux

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// checkRolledOut reports the fields of a policy that would keep a rollout from working, and those that
// say nothing about it. Rollouts are those of the application.
func (c checker) checkRolledOut(p *place.Policy, rollouts func() map[api.NamespacedReference][]made) {
	if k := p.Kustomization; k != nil {
		at := p.Path.With("kustomization")
		if len(k.HealthChecks) > 0 && !k.Wait {
			c.checkHealth(at.With("healthChecks"), k.HealthChecks, rollouts())
		}
		if p.Rollout == nil {
			return
		}
		c.checkAffixes(p)
		// Flagger's Canary is deleted with the policy, and with it the primary; what Flux leaves is at no replicas
		// (fluxcd/flagger pkg/canary/deployment_controller.go; docs/gitbook/usage/how-it-works.md, Canary finalizers).
		if k.DeletionPolicy == "Orphan" && !p.Rollout.RolloutPolicy.RevertOnDeletion {
			c.add(diag.LeftAtZero, at.With("deletionPolicy"), fmt.Sprintf("removing the policy leaves %s at no replicas: its Canary goes, and the primary with it", p.Rollout.Workload.Name),
				"rolloutPolicy: {revertOnDeletion: true}, or remove deletionPolicy")
		}
	}
	if h := p.Helm; h != nil && p.Rollout != nil {
		at := p.Path.With("helm")
		if t := h.Test; t != nil && t.Enable && !t.IgnoreFailures {
			c.add(diag.TestsOldVersion, at.With("test", "enable"), fmt.Sprintf("Helm runs these tests before Flagger makes the Service %s, and later they reach the old version; a failure undoes the release", p.Rollout.ServiceName),
				"test: {enable: true, ignoreFailures: true}, or run them as a pre-rollout webhook of the rollout")
		}
		if detects(h) && !ignoresRollout(p) {
			c.add(diag.DriftIgnored, at.With("driftDetection"), "drift detection would undo what Flagger changes of "+p.Rollout.Workload.Name+", so a rule that ignores it is added", "")
		}
	}
}

// A made object is one that a rollout makes, or its workload.
type made struct {
	// kind is empty where any kind is made of the name.
	group, kind string
	workload    bool
}

// rollouts returns what the rollouts of the application make, by name with and without the namespace. It is
// made when it is asked for.
func (c checker) rollouts() func() map[api.NamespacedReference][]made {
	return sync.OnceValue(func() map[api.NamespacedReference][]made {
		all := map[api.NamespacedReference][]made{}
		for _, p := range c.Policies {
			r := p.Rollout
			if r == nil {
				continue
			}
			namespace := p.WorkloadNamespace()
			add := func(name string, m made) {
				for _, ns := range []string{"", namespace} {
					ref := api.NamespacedReference{Name: name, Namespace: ns}
					all[ref] = append(all[ref], m)
				}
			}
			add(r.Workload.Name, made{group: "flagger.app", kind: "Canary"})
			add(r.Workload.Name, made{group: "apps", kind: cmp.Or(r.Workload.Kind, "Deployment"), workload: true})
			for _, name := range []string{r.Workload.Name + "-primary", r.ServiceName + "-primary", r.ServiceName + "-canary"} {
				add(name, made{})
			}
			if r.AutoscalerRef != nil {
				add(r.AutoscalerRef.Name+"-primary", made{})
			}
		}
		return all
	})
}

// is reports whether a health check of its name is of the object.
func (m made) is(check api.HealthCheck) bool {
	group, _, _ := strings.Cut(check.APIVersion, "/")
	return m.kind == "" || m.kind == check.Kind && (group == "" || group == m.group)
}

// checkHealth reports health checks of what a rollout of the application makes: its stage comes after that
// of the policies, which waits for them. Those of the workload are reported, too: they prove nothing.
func (c checker) checkHealth(at schema.Path, checks []api.HealthCheck, rollouts map[api.NamespacedReference][]made) {
	for i, check := range checks {
		all := rollouts[api.NamespacedReference{Name: check.Name, Namespace: check.Namespace}]
		found := slices.IndexFunc(all, func(m made) bool { return m.is(check) })
		switch at := at.With(i, "name"); {
		case found < 0:
		case all[found].workload:
			c.add(diag.HealthyAtZero, at, fmt.Sprintf("Flux takes %s for ready at no replicas, which it has between rollouts: the pods that serve are those of %s-primary", check.Name, check.Name), "")
		default:
			c.add(diag.WaitsForRollout, at, fmt.Sprintf("on a new cluster this waits forever: the rollout makes the %s %s, and starts once this policy is ready", check.Kind, check.Name),
				"remove the check")
		}
	}
}

// checkAffixes reports a workload whose name on the cluster is another than the rollout's: kustomize
// changes the name last.
func (c checker) checkAffixes(p *place.Policy) {
	k, name := p.Kustomization, p.Rollout.Workload.Name
	if _, ok := plainName(k, name); ok || name == "" {
		return
	}
	var words []string
	if k.NamePrefix != "" {
		words = append(words, "begins with "+k.NamePrefix)
	}
	if k.NameSuffix != "" {
		words = append(words, "ends with "+k.NameSuffix)
	}
	c.add(diag.NoSuchName, p.Path.With("rollout", "workload", "name"), fmt.Sprintf("this policy makes no %s: every name that it makes %s", name, strings.Join(words, " and ")),
		"name: "+k.NamePrefix+name+k.NameSuffix)
}

// plainName returns the name in the manifests of what a policy calls so on the cluster, and reports
// whether it can make such a name.
func plainName(k *api.Kustomization, name string) (plain string, ok bool) {
	plain, ok = strings.CutPrefix(name, k.NamePrefix)
	if ok {
		plain, ok = strings.CutSuffix(plain, k.NameSuffix)
	}
	return plain, ok && plain != ""
}

// detects reports whether drift of a release is detected.
func detects(h *api.HelmRelease) bool {
	return h.DriftDetection != nil && slices.Contains([]string{"enabled", "warn"}, h.DriftDetection.Mode)
}

// driftDetection returns that of a policy with the rules for its rollout. A Deployment's replicas are
// Flagger's; a DaemonSet is scaled by its nodeSelector, a mapping that is applied as a whole
// (fluxcd/flagger pkg/canary/daemonset_controller.go, daemonSetScaleDownNodeSelector; kubernetes
// core/v1 PodSpec, mapType=atomic). Its Service is not among the objects of the release.
func driftDetection(p *place.Policy) *api.DriftDetection {
	d := p.Helm.DriftDetection
	if !detects(p.Helm) || p.Rollout == nil || ignoresRollout(p) {
		return d
	}
	return &api.DriftDetection{Mode: d.Mode, Ignore: append(slices.Clip(d.Ignore), rolloutRule(p.Rollout))}
}

// rolloutRule returns the rule with which drift detection ignores what Flagger changes of a workload.
func rolloutRule(r *api.Rollout) api.IgnoreRule {
	kind, path := cmp.Or(r.Workload.Kind, "Deployment"), "/spec/replicas"
	if kind == "DaemonSet" {
		path = "/spec/template/spec/nodeSelector"
	}
	return api.IgnoreRule{Paths: []string{path}, Target: &kustomize.Selector{Group: "apps", Kind: kind, Name: regexp.QuoteMeta(r.Workload.Name)}}
}

// ignoresRollout reports whether the rules of a policy surely do what that of its rollout would. A rule
// without a target, and a field that a target lacks, select all (fluxcd/pkg ssa/jsondiff).
func ignoresRollout(p *place.Policy) bool {
	rule := rolloutRule(p.Rollout)
	return slices.ContainsFunc(p.Helm.DriftDetection.Ignore, func(own api.IgnoreRule) bool {
		if !slices.Contains(own.Paths, rule.Paths[0]) {
			return false
		}
		if own.Target == nil {
			return true
		}
		target := *own.Target
		if target.Name == "" || target.Name == p.Rollout.Workload.Name {
			target.Name = rule.Target.Name
		}
		target.Group, target.Kind = cmp.Or(target.Group, rule.Target.Group), cmp.Or(target.Kind, rule.Target.Kind)
		return target == *rule.Target
	})
}
