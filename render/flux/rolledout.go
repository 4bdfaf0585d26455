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

// checkRolledOut reports the fields of a policy that would break a rollout, and those that have no meaning for
// it. Rollouts returns those of the application.
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
			c.add(diag.LeftAtZero, at.With("deletionPolicy"), fmt.Sprintf("removing the policy leaves %s at zero replicas: its Canary is deleted, and the primary with it", p.Rollout.Workload.Name),
				"rolloutPolicy: {revertOnDeletion: true}, or remove deletionPolicy")
		}
	}
	if h := p.Helm; h != nil && p.Rollout != nil {
		at := p.Path.With("helm")
		if t := h.Test; t != nil && t.Enable && !t.IgnoreFailures {
			c.add(diag.TestsOldVersion, at.With("test", "enable"), fmt.Sprintf("Helm runs the tests before Flagger moves traffic: at first they find no Service %s, later they test the old version, and a failure undoes the release", p.Rollout.ServiceName),
				"test: {enable: true, ignoreFailures: true}, or run them as a pre-rollout webhook of the rollout")
		}
		if detects(h) && !ignoresRollout(p) {
			c.add(diag.DriftIgnored, at.With("driftDetection"), "drift detection would undo Flagger's scaling of "+p.Rollout.Workload.Name+"; a rule that ignores it was added", "")
		}
	}
}

// A made object is an object that a rollout creates, or its workload.
type made struct {
	// kind is empty if objects of any kind may have the name.
	group, kind string
	workload    bool
}

// rollouts returns the objects that the application's rollouts create, by name with and without the
// namespace. They are computed on first use.
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

// is reports whether a health check refers to the object.
func (m made) is(check api.HealthCheck) bool {
	group, _, _ := strings.Cut(check.APIVersion, "/")
	return m.kind == "" || m.kind == check.Kind && (group == "" || group == m.group)
}

// checkHealth reports health checks of objects that a rollout of the application creates: their stage waits for
// the stage of the policies, which waits for them. It also reports checks of the workload, which prove nothing.
func (c checker) checkHealth(at schema.Path, checks []api.HealthCheck, rollouts map[api.NamespacedReference][]made) {
	for i, check := range checks {
		all := rollouts[api.NamespacedReference{Name: check.Name, Namespace: check.Namespace}]
		found := slices.IndexFunc(all, func(m made) bool { return m.is(check) })
		switch at := at.With(i, "name"); {
		case found < 0:
		case all[found].workload:
			c.add(diag.HealthyAtZero, at, fmt.Sprintf("after the first rollout this check always passes: between rollouts %s has zero replicas, which Flux counts as ready; the pods of %[1]s-primary serve users", check.Name), "remove the check, or keep it for new clusters")
		default:
			c.add(diag.WaitsForRollout, at, fmt.Sprintf("on a new cluster the health check waits forever: the rollout creates %s %s, and starts only after this policy is ready", check.Kind, check.Name),
				"remove the check")
		}
	}
}

// checkAffixes reports a workload whose name on the cluster differs from the rollout's: kustomize changes the
// name last.
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
	c.add(diag.NoSuchName, p.Path.With("rollout", "workload", "name"), fmt.Sprintf("the policy creates no workload %s: every name that it creates %s", name, strings.Join(words, " and ")),
		"name: "+k.NamePrefix+name+k.NameSuffix)
}

// plainName returns the name in the manifests of an object with a name on the cluster, and reports
// whether the policy can create such a name.
func plainName(k *api.Kustomization, name string) (plain string, ok bool) {
	plain, ok = strings.CutPrefix(name, k.NamePrefix)
	if ok {
		plain, ok = strings.CutSuffix(plain, k.NameSuffix)
	}
	return plain, ok && plain != ""
}

// detects reports whether drift detection of a release is on.
func detects(h *api.HelmRelease) bool {
	return h.DriftDetection != nil && slices.Contains([]string{"enabled", "warn"}, h.DriftDetection.Mode)
}

// driftDetection returns a policy's drift detection with the rules for its rollout. Flagger scales a Deployment
// by its replicas, and a DaemonSet by its nodeSelector, a mapping that is applied as a whole (fluxcd/flagger
// pkg/canary/daemonset_controller.go, daemonSetScaleDownNodeSelector; kubernetes core/v1 PodSpec,
// mapType=atomic). Its Service is not part of the release.
func driftDetection(p *place.Policy) *api.DriftDetection {
	d := p.Helm.DriftDetection
	if !detects(p.Helm) || p.Rollout == nil || ignoresRollout(p) {
		return d
	}
	return &api.DriftDetection{Mode: d.Mode, Ignore: append(slices.Clip(d.Ignore), rolloutRule(p.Rollout))}
}

// rolloutRule returns the rule with which drift detection ignores Flagger's changes of a workload.
func rolloutRule(r *api.Rollout) api.IgnoreRule {
	kind, path := cmp.Or(r.Workload.Kind, "Deployment"), "/spec/replicas"
	if kind == "DaemonSet" {
		path = "/spec/template/spec/nodeSelector"
	}
	return api.IgnoreRule{Paths: []string{path}, Target: &kustomize.Selector{Group: "apps", Kind: kind, Name: regexp.QuoteMeta(r.Workload.Name)}}
}

// ignoresRollout reports whether the rules of a policy certainly cover the rule of its rollout. A rule without a
// target, and a field that a target lacks, match everything (fluxcd/pkg ssa/jsondiff).
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
