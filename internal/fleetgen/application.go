package fleetgen

import (
	"fmt"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/schema/api"
)

// services are what Applications are named after.
var services = []string{"accounts", "basket", "catalogue", "delivery", "invoices", "mail", "orders", "payments", "reviews", "search", "stock"}

// ports are those of services.
var ports = []int32{8080, 9898, 80, 3000}

// An application is one of a fleet. What it is like follows from its number.
type application struct {
	number   int
	provider provider
	// revision is how often the version of its image was raised.
	revision int
}

func (a application) name() string {
	return fmt.Sprintf("%s-%05d", services[a.number%len(services)], a.number)
}

func (a application) team() string { return teamName(a.number / teamSize) }

func (a application) file() string { return a.team() + "/" + a.name() + ".yaml" }

// of is the number among the Applications of its provider.
func (a application) of() int { return a.number / len(providers) }

// namespace is that of the workload: its own, or one that the team shares.
func (a application) namespace() string {
	if a.of()%2 == 0 {
		return a.name()
	}
	return a.team()
}

func (a application) port() int32 { return ports[a.of()%len(ports)] }

func (a application) host() string { return a.name() + ".example.com" }

// version is that of the image.
func (a application) version() string { return fmt.Sprintf("1.%d.%d", a.number%30, a.revision) }

// A shape is what an Application consists of.
type shape func(application) ([]api.SyncPolicy, api.ApplicationSource)

// shapes are all there are. Those that many have come often, and among the first ten
// Applications each is of another kind.
var shapes = []shape{
	fromGit(application.weights),
	fromGit(application.stepped),
	withoutRollout,
	fromGit(application.audience),
	fromHelm(application.weights),
	fromGit(application.blueGreen),
	twoPolicies,
	fromOCI(application.promoted),
	chartWithoutRollout,
	fromGit(application.measured),
	chartOfGit,
	fromGit(application.gated),
	fromGit(application.mirrored),
	fromOCI(application.skipped),
	chartOfOCI,
	fromGit(application.weights),
}

// documents are the Application, and the AlertProvider that its rollout names.
func (a application) documents() []any {
	policies, source := shapes[a.of()%len(shapes)](a)
	all := []any{api.Application{
		TypeMeta: typeMeta("Application"),
		Metadata: api.ObjectMeta{
			Name:      a.name(),
			Namespace: Namespace,
			Labels:    map[string]api.LabelValue{"team": api.LabelValue(a.team())},
		},
		Spec: api.ApplicationSpec{
			Source:       source,
			Destination:  &api.Destination{Fleet: a.provider.name},
			SyncPolicies: policies,
		},
	}}
	for _, policy := range policies {
		if policy.Rollout != nil && len(policy.Rollout.RolloutPolicy.Alerts) > 0 {
			all = append(all, a.chat())
		}
	}
	return all
}

// chat is where the team hears of the rollout.
func (a application) chat() api.AlertProvider {
	return api.AlertProvider{
		TypeMeta: typeMeta("AlertProvider"),
		Metadata: api.ObjectMeta{Name: a.name(), Namespace: a.namespace()},
		Spec: api.AlertProviderSpec{
			Type:      "slack",
			Channel:   a.team(),
			SecretRef: &api.LocalReference{Name: "chat"},
		},
	}
}

// git is a repository of manifests, or of a chart.
func (a application) git() api.ApplicationSource {
	return api.ApplicationSource{GitRepository: &api.GitRepository{
		URL:       "https://git.example.com/" + a.team() + "/" + a.name(),
		Interval:  "3m0s",
		Timeout:   "1m0s",
		Ref:       &api.GitReference{Branch: "main"},
		SecretRef: &api.LocalReference{Name: a.team() + "-git"},
	}}
}

// oci is an artifact.
func (a application) oci(path string) api.ApplicationSource {
	return api.ApplicationSource{OCIRepository: &api.OCIRepository{
		URL:      "oci://registry.example.com/" + path,
		Interval: "10m0s",
		Ref:      &api.OCIReference{SemVer: "1.x"},
	}}
}

// policy applies a directory of the source.
func (a application) policy(name, path string) api.SyncPolicy {
	return api.SyncPolicy{
		Name: name,
		Kustomization: &api.Kustomization{
			Interval:        "10m0s",
			RetryInterval:   "2m0s",
			Timeout:         "5m0s",
			Path:            path,
			Prune:           true,
			TargetNamespace: a.namespace(),
			CommonMetadata:  &api.CommonMetadata{Labels: map[string]api.LabelValue{"team": api.LabelValue(a.team())}},
			Images:          []kustomize.Image{{Name: a.name(), NewName: "registry.example.com/" + a.team() + "/" + a.name(), NewTag: a.version()}},
		},
	}
}

func fromGit(rollout func(application) *api.Rollout) shape {
	return func(a application) ([]api.SyncPolicy, api.ApplicationSource) {
		policy := a.policy(a.name(), "./deploy")
		policy.Rollout = rollout(a)
		return []api.SyncPolicy{policy}, a.git()
	}
}

func fromOCI(rollout func(application) *api.Rollout) shape {
	return func(a application) ([]api.SyncPolicy, api.ApplicationSource) {
		policy := a.policy(a.name(), "./")
		policy.Rollout = rollout(a)
		return []api.SyncPolicy{policy}, a.oci("manifests/" + a.name())
	}
}

// withoutRollout has manifests alone, and more of them on some clusters.
func withoutRollout(a application) ([]api.SyncPolicy, api.ApplicationSource) {
	base := a.policy(a.name(), "./deploy")
	production := a.policy(a.name()+"-production", "./production")
	production.Kustomization.DependsOn = []api.NamespacedReference{{Name: a.name()}}
	production.Destination = &api.Destination{
		Fleet:           a.provider.name,
		ClusterSelector: &api.ClusterSelector{MatchLabels: map[string]api.LabelValue{"stage": "production"}},
	}
	return []api.SyncPolicy{base, production}, a.git()
}

// twoPolicies has what its workload needs in a policy of its own.
func twoPolicies(a application) ([]api.SyncPolicy, api.ApplicationSource) {
	cache := a.policy(a.name()+"-cache", "./cache")
	service := a.policy(a.name(), "./deploy")
	service.Kustomization.DependsOn = []api.NamespacedReference{{Name: cache.Name}}
	service.Rollout = a.gated()
	return []api.SyncPolicy{cache, service}, a.git()
}

// release installs a chart.
func (a application) release(chart api.HelmChartSpec) api.SyncPolicy {
	history := int32(5)
	return api.SyncPolicy{
		Name: a.name(),
		Helm: &api.HelmRelease{
			Chart:           api.HelmChart{Spec: chart},
			Interval:        "10m0s",
			Timeout:         "5m0s",
			TargetNamespace: a.namespace(),
			MaxHistory:      &history,
			Install:         &api.HelmInstall{Remediation: &api.HelmInstallRemediation{Retries: 3}},
			Values: api.Values{
				"fullnameOverride": a.name(),
				"replicaCount":     2 + a.number%3,
				"image":            map[string]any{"tag": a.version()},
				"resources": map[string]any{
					"requests": map[string]any{"cpu": "100m", "memory": "128Mi"},
					"limits":   map[string]any{"memory": "256Mi"},
				},
				"service": map[string]any{"port": a.port()},
			},
		},
	}
}

// charts is a repository of them.
func charts() api.ApplicationSource {
	return api.ApplicationSource{HelmRepository: &api.HelmRepository{URL: "https://charts.example.com", Interval: "10m0s"}}
}

func fromHelm(rollout func(application) *api.Rollout) shape {
	return func(a application) ([]api.SyncPolicy, api.ApplicationSource) {
		policy := a.release(api.HelmChartSpec{Chart: "service", Version: "2.x"})
		policy.Rollout = rollout(a)
		return []api.SyncPolicy{policy}, charts()
	}
}

func chartWithoutRollout(a application) ([]api.SyncPolicy, api.ApplicationSource) {
	return []api.SyncPolicy{a.release(api.HelmChartSpec{Chart: "job", Version: "1.4.x"})}, charts()
}

func chartOfGit(a application) ([]api.SyncPolicy, api.ApplicationSource) {
	return []api.SyncPolicy{a.release(api.HelmChartSpec{Chart: "./chart", ReconcileStrategy: "Revision"})}, a.git()
}

func chartOfOCI(a application) ([]api.SyncPolicy, api.ApplicationSource) {
	return []api.SyncPolicy{a.release(api.HelmChartSpec{Chart: "worker"})}, a.oci("charts/worker")
}
