package diag

// placementRules are those of references and placement, 2xx.
var placementRules = []Rule{
	{
		Code: NothingToCompile, Severity: Error, Structural: true,
		Title:   "there is nothing to compile",
		Ignored: "The tree would be empty. Flux would delete from every cluster all that earlier trees have brought there.",
		Fix:     "Name the files or directories that hold the Applications and Fleets. A mistyped path is the usual reason.",
		On:      "none",
		Bad: `
apiVersion: cluster.kurator.dev/v1alpha1
kind: AttachedCluster
metadata:
  name: eu
`,
		Good: `
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata:
  name: production
spec:
  clusters:
  - kind: AttachedCluster
    name: eu
---
apiVersion: cluster.kurator.dev/v1alpha1
kind: AttachedCluster
metadata:
  name: eu
`,
	},
	{
		Code: DefinedTwice, Severity: Error, Structural: true,
		Title:   "an object is defined twice",
		Ignored: "An object is known by its kind, namespace and name, so only one of the two counts: the one that is applied last. Two policies of one name would be one Flux Kustomization, of which the second undoes the first.",
		Fix:     "Remove one of the two, or give it another name.",
		Bad: `
# Application spec
syncPolicies:
- name: shop
  kustomization: {path: ./deploy, interval: 10m, prune: true}
- name: »shop
  kustomization: {path: ./docs, interval: 10m, prune: true}
`,
		Good: `
# Application spec
syncPolicies:
- name: shop
  kustomization: {path: ./deploy, interval: 10m, prune: true}
- name: docs
  kustomization: {path: ./docs, interval: 10m, prune: true}
`,
	},
	{
		Code: NoFleet, Severity: Error, Structural: true,
		Title:   "the fleet does not exist",
		Ignored: "Nobody knows the clusters that the Application goes to, so none gets it. Kurator looks for the Fleet again and again, and reports no error.",
		Fix:     "Correct the name, or add the Fleet to the inputs. It is looked for in the Application's own namespace.",
		Source:  "kurator-dev/kurator pkg/fleet-manager/application/controller.go, Reconcile",
		Bad: `
# Application spec
destination:
  fleet: »prodution
---
# Fleet metadata
name: production
`,
		Good: `
# Application spec
destination:
  fleet: production
---
# Fleet metadata
name: production
`,
	},
	{
		Code: NoCluster, Severity: Error, Structural: true,
		Title:   "the cluster does not exist",
		Ignored: "The cluster's labels are unknown, so nobody can tell which policies go to it. Kurator waits for it, and until it is there no cluster of the fleet gets anything new.",
		Fix:     "Add the document of the cluster to the inputs, in the Fleet's namespace, or correct its kind and name in the Fleet.",
		Source:  "kurator-dev/kurator pkg/fleet-manager/application/helper.go, fetchFleetClusterList",
		Bad: `
# Fleet spec
clusters:
- kind: AttachedCluster
  name: »us
---
# AttachedCluster metadata
name: eu
`,
		Good: `
# Fleet spec
clusters:
- kind: AttachedCluster
  name: eu
---
# AttachedCluster metadata
name: eu
`,
	},
	{
		Code: SelectsNothing, Severity: Warning,
		Title:   "the selector selects no cluster",
		Ignored: "No cluster gets what the policy applies. From those that had it before, Flux deletes it, unless its prune is false.",
		Fix:     "Correct the labels of the selector or of the cluster, or remove the clusterSelector to mean all clusters of the fleet.",
		Bad: `
# Application spec
destination:
  fleet: production
  clusterSelector:
    »matchLabels:
      region: us
---
# AttachedCluster metadata
labels:
  region: eu
`,
		Good: `
# Application spec
destination:
  fleet: production
  clusterSelector:
    matchLabels:
      region: eu
---
# AttachedCluster metadata
labels:
  region: eu
`,
	},
	{
		Code: FleetsDiffer, Severity: Error, Structural: true,
		Title:   "an Application goes to one fleet",
		Ignored: "Kurator's webhook refuses the Application. Without the webhook its controller sends all policies to the fleet of the first one, and so to the wrong clusters.",
		Fix:     "Make two Applications of it, or choose among the clusters of one fleet with clusterSelector.",
		Source:  "kurator-dev/kurator pkg/webhooks/application_webhook.go, validateFleet",
		Bad: `
# Application spec
destination:
  fleet: production
syncPolicies:
- name: shop
  kustomization: {path: ./deploy, interval: 10m, prune: true}
- name: docs
  kustomization: {path: ./docs, interval: 10m, prune: true}
  destination:
    fleet: »staging
---
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata:
  name: staging
spec:
  clusters:
  - kind: AttachedCluster
    name: eu
`,
		Good: `
# Application spec
destination:
  fleet: production
syncPolicies:
- name: shop
  kustomization: {path: ./deploy, interval: 10m, prune: true}
- name: docs
  kustomization: {path: ./docs, interval: 10m, prune: true}
  destination:
    fleet: production
    clusterSelector:
      matchLabels:
        region: eu
`,
	},
	{
		Code: NoFlagger, Severity: Error, Structural: true,
		Title:   "nothing on the clusters runs the rollout",
		Ignored: "The clusters do not know what a Canary is, so Flux fails to apply it. Each new version replaces the old one without an analysis.",
		Fix:     "Let the fleet install Flagger with plugin.flagger, or take the rollout out of the policy.",
		Bad: `
# Fleet spec
plugin: {}
---
# Application spec.syncPolicies[0].rollout
trafficRoutingProvider: »kuma
`,
		Good: `
# Fleet spec
plugin:
  flagger:
    trafficRoutingProvider: kuma
---
# Application spec.syncPolicies[0].rollout
trafficRoutingProvider: kuma
`,
	},
	{
		Code: ProvidersDiffer, Severity: Error, Structural: true,
		Title:   "the fleet has another provider than the rollout",
		Ignored: "Flagger would move the traffic by objects of a mesh or an ingress that the clusters do not have. It fails to make them, or nobody reads them: the rollout never begins, or gets no traffic to be measured by.",
		Fix:     "Name the same trafficRoutingProvider in the rollout and in the Fleet's plugin.flagger. Leave meshProvider out of the plugin's extraArgs.",
		Source:  "fluxcd/flagger pkg/controller/scheduler.go, advanceCanary",
		Bad: `
# Application spec.syncPolicies[0].rollout
trafficRoutingProvider: »istio
---
# Fleet spec.plugin.flagger
trafficRoutingProvider: kuma
`,
		Good: `
# Application spec.syncPolicies[0].rollout
trafficRoutingProvider: kuma
---
# Fleet spec.plugin.flagger
trafficRoutingProvider: kuma
`,
	},
	{
		Code: PositionalName, Severity: Warning,
		Title:   "a name comes from a position",
		Ignored: "A policy that is inserted or removed before this one gives it another name. Flux then deletes all that it has applied under the old name, and creates it anew under the new one.",
		Fix:     "Give the policy a name. To keep what is on the clusters, take the one that it has now, <application>-<index>.",
		Source:  "kurator-dev/kurator pkg/fleet-manager/application/helper.go, generatePolicyName",
		Bad: `
# Application spec
syncPolicies:
- »kustomization:
    path: ./deploy
    interval: 10m
    prune: true
`,
		Good: `
# Application spec
syncPolicies:
- name: shop-0
  kustomization:
    path: ./deploy
    interval: 10m
    prune: true
`,
	},
	{
		Code: ClusterNamesMeet, Severity: Error, Structural: true,
		Title:   "two clusters have one name",
		Ignored: "Each cluster has a directory of its name. Of two with one name, one would overwrite what the other is to apply.",
		Fix:     "Rename one of the two, whatever their kinds and namespaces. The name host is that of the cluster of Applications without a fleet.",
		Bad: `
# Fleet spec
clusters:
- kind: AttachedCluster
  name: eu
- kind: Cluster
  name: eu
---
apiVersion: cluster.kurator.dev/v1alpha1
kind: Cluster
metadata:
  name: »eu
`,
		Good: `
# Fleet spec
clusters:
- kind: AttachedCluster
  name: eu
- kind: Cluster
  name: us
---
apiVersion: cluster.kurator.dev/v1alpha1
kind: Cluster
metadata:
  name: us
`,
	},
	{
		Code: PluginNotRendered, Severity: Info,
		Title:   "fleetwright does not render the plugin",
		Ignored: "Kurator installs the plugin where it manages the fleet. Clusters that get no more than what fleetwright renders do not have it.",
		Fix:     "Install it by other means, such as a HelmRelease of your own. Where Kurator installs it, there is nothing to do.",
		Bad: `
# Fleet spec
plugin:
  flagger:
    trafficRoutingProvider: kuma
  »grafana: {}
`,
		Good: `
# Fleet spec
plugin:
  flagger:
    trafficRoutingProvider: kuma
`,
	},
	{
		Code: UnknownDependency, Severity: Warning,
		Title:   "nothing rendered has the name that is depended on",
		Ignored: "Flux applies nothing of a policy before all that it depends on is there and ready. For what never comes it waits for ever, and asks every 30 seconds.",
		Fix:     "Write the name of a policy that goes to the same clusters. Where something else makes the object on the cluster, there is nothing to do.",
		Source:  "fluxcd/kustomize-controller internal/controller/kustomization_controller.go, checkDependencies",
		Bad: `
# Application spec
syncPolicies:
- name: database
  kustomization: {path: ./database, interval: 10m, prune: true}
- name: shop
  kustomization:
    path: ./deploy
    interval: 10m
    prune: true
    dependsOn:
    - name: »databse
`,
		Good: `
# Application spec
syncPolicies:
- name: database
  kustomization: {path: ./database, interval: 10m, prune: true}
- name: shop
  kustomization:
    path: ./deploy
    interval: 10m
    prune: true
    dependsOn:
    - name: database
`,
	},
	{
		Code: BadSeverity, Severity: Error, Structural: true,
		Title:   "a severity cannot be set",
		Ignored: "The line would have no effect. The compiler relies on the rules that are always errors: what breaks one cannot be rendered so that it works.",
		Fix:     "Remove the line, or correct the code. fleetwright explain lists the codes.",
		Bad: `
apiVersion: fleetwright.dev/v1alpha1
kind: RenderConfig
spec:
  severities:
    FW202: »info
`,
		Good: `
apiVersion: fleetwright.dev/v1alpha1
kind: RenderConfig
spec:
  severities:
    FW204: info
`,
	},
	{
		Code: BadPath, Severity: Error, Structural: true,
		Title:   "the path leads out of the repository",
		Ignored: "The path goes into the Flux Kustomizations of every cluster. Flux takes it for one inside the repository, does not find the directory there, and applies nothing.",
		Fix:     "Write where the output is in the repository, from its root and without .. or a slash at the beginning.",
		Source:  "fluxcd/kustomize-controller internal/controller/kustomization_controller.go, reconcile",
		Bad: `
apiVersion: fleetwright.dev/v1alpha1
kind: RenderConfig
spec:
  path: »../clusters
`,
		Good: `
apiVersion: fleetwright.dev/v1alpha1
kind: RenderConfig
spec:
  path: clusters
`,
	},
	{
		Code: NothingSynced, Severity: Warning,
		Title:   "the Application has no policies",
		Ignored: "No cluster gets anything of the Application, and Flux deletes what it had of it. Kurator's controller looks at the first policy without asking whether there is one, and panics.",
		Fix:     "Add a policy, or remove the Application.",
		Source:  "kurator-dev/kurator pkg/fleet-manager/application/helper.go, generateFleetKey",
		Bad: `
# Application spec
»syncPolicies: []
`,
		Good: `
# Application spec
syncPolicies:
- name: shop
  kustomization:
    path: ./deploy
    interval: 10m
    prune: true
`,
	},
	{
		Code: NoKubeconfig, Severity: Error, Structural: true,
		Title:   "the hub cannot reach the cluster",
		Ignored: "In the topology hub, Flux takes a kubeconfig from a Secret for each cluster. Without one it fails to apply anything to this cluster.",
		Fix:     "Name the Secret and its key in spec.kubeconfig. It is in the namespace of the AttachedCluster, on the hub.",
		Source:  "fluxcd/kustomize-controller docs/spec/v1/kustomizations.md, KubeConfig",
		Bad: `
apiVersion: fleetwright.dev/v1alpha1
kind: RenderConfig
spec:
  topology: hub
---
# Fleet spec
clusters:
- kind: AttachedCluster
  name: us
---
apiVersion: cluster.kurator.dev/v1alpha1
kind: AttachedCluster
metadata:
  name: us
»spec: {}
`,
		Good: `
apiVersion: fleetwright.dev/v1alpha1
kind: RenderConfig
spec:
  topology: hub
---
# Fleet spec
clusters:
- kind: AttachedCluster
  name: us
---
apiVersion: cluster.kurator.dev/v1alpha1
kind: AttachedCluster
metadata:
  name: us
spec:
  kubeconfig:
    name: us
    key: value
`,
	},
	{
		Code: AlertProviderUnused, Severity: Warning,
		Title:   "the AlertProvider goes to no cluster",
		Ignored: "An AlertProvider is rendered beside the rollouts that name it. This one is not, so nobody hears from it when a rollout fails.",
		Fix:     "Name it in the alerts of a rollout, or remove it.",
		Bad: `
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata:
  name: »team
  namespace: shop
spec:
  type: slack
  address: https://example.com/alerts
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
alerts:
- name: team
  providerRef:
    name: team
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata:
  name: team
  namespace: shop
spec:
  type: slack
  address: https://example.com/alerts
`,
	},
	{
		Code: ClusterNamespace, Severity: Warning,
		Title:   "a fleet's clusters are in its namespace",
		Ignored: "The namespace is not read. A cluster of the same name in the Fleet's own namespace is taken instead, and where there is none the cluster is missing.",
		Fix:     "Remove the line. Put the cluster into the Fleet's namespace if it is in another.",
		Source:  "kurator-dev/kurator pkg/fleet-manager/fleet_cluster.go, BuildFleetClusters",
		Bad: `
# Fleet spec
clusters:
- kind: AttachedCluster
  name: eu
  namespace: »clusters
`,
		Good: `
# Fleet spec
clusters:
- kind: AttachedCluster
  name: eu
`,
	},
	{
		Code: UnreachedCluster, Severity: Info,
		Title:   "no Application reaches the cluster",
		Ignored: "The cluster gets no applications. That is right for a new one, and easy to overlook where a label is missing that a clusterSelector asks for.",
		Fix:     "Add the cluster to a Fleet that an Application names, or give it the labels that the clusterSelector asks for.",
		Bad: `
apiVersion: cluster.kurator.dev/v1alpha1
kind: AttachedCluster
metadata:
  name: »us
`,
		Good: `
# Fleet spec
clusters:
- {kind: AttachedCluster, name: eu}
- {kind: AttachedCluster, name: us}
---
apiVersion: cluster.kurator.dev/v1alpha1
kind: AttachedCluster
metadata:
  name: us
`,
	},
}
