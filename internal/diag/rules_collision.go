package diag

// collisionRules are those of collisions in a cluster, 6xx.
var collisionRules = []Rule{
	{
		Code: ObjectTwice, Severity: Error, Structural: true,
		Title:   "two objects of one cluster are the same",
		Ignored: "A cluster has one object of a kind, a namespace and a name. Whoever applies it last undoes what the other has written, again and again. When one of the two is removed, Flux may delete it for both.",
		Fix:     "Rename one of the two, or send them to different clusters with clusterSelector.",
		Bad: `
# Application spec.syncPolicies[0]
name: shop
---
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata:
  name: docs
spec:
  source:
    gitRepository:
      url: https://example.com/docs.git
      interval: 5m
  destination:
    fleet: production
  syncPolicies:
  - »name: shop
    kustomization: {path: ./deploy, interval: 10m, prune: true}
`,
		Good: `
# Application spec.syncPolicies[0]
name: shop
---
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata:
  name: docs
spec:
  source:
    gitRepository:
      url: https://example.com/docs.git
      interval: 5m
  destination:
    fleet: production
  syncPolicies:
  - name: docs
    kustomization: {path: ./deploy, interval: 10m, prune: true}
`,
	},
	{
		Code: FileTwice, Severity: Error, Structural: true,
		Title:   "two objects have one file",
		Ignored: "A file holds one object and is named after it, with the namespace behind the name where two of one name are beside each other. Of two objects with one file only one would be written, and the cluster would never get the other.",
		Fix:     "Rename one of the two. Names without dots never meet.",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
alerts:
- {name: team, providerRef: {name: slack, namespace: shop}}
- {name: everybody, providerRef: {name: slack, namespace: kuma-system}}
- {name: managers, providerRef: {name: slack.shop, namespace: shop}}
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: slack, namespace: shop}
spec: {type: slack, address: https://example.com/team}
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: slack, namespace: kuma-system}
spec: {type: slack, address: https://example.com/everybody}
---
»apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: slack.shop, namespace: shop}
spec: {type: slack, address: https://example.com/managers}
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
alerts:
- {name: team, providerRef: {name: slack, namespace: shop}}
- {name: everybody, providerRef: {name: slack, namespace: kuma-system}}
- {name: managers, providerRef: {name: slack-managers, namespace: shop}}
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: slack, namespace: shop}
spec: {type: slack, address: https://example.com/team}
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: slack, namespace: kuma-system}
spec: {type: slack, address: https://example.com/everybody}
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: slack-managers, namespace: shop}
spec: {type: slack, address: https://example.com/managers}
`,
	},
	{
		Code: PluginsDiffer, Severity: Error, Structural: true,
		Title:   "two fleets install Flagger on one cluster",
		Ignored: "The cluster would have two Flaggers, or one that each fleet sets up its own way. Flagger looks after every Canary of a cluster, so two of them undo each other's steps.",
		Fix:     "Leave plugin.flagger to one of the two fleets, or take the cluster out of the other.",
		Bad: `
# Fleet spec.plugin.flagger
trafficRoutingProvider: kuma
---
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata:
  name: staging
spec:
  clusters:
  - kind: AttachedCluster
    name: eu
  plugin:
    »flagger:
      trafficRoutingProvider: nginx
`,
		Good: `
# Fleet spec.plugin.flagger
trafficRoutingProvider: kuma
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
	},
	{
		Code: ReleaseTwice, Severity: Error, Structural: true,
		Title:   "two releases of one cluster have one name",
		Ignored: "Helm knows a release by its name and namespace. Flux takes the one that is there for its own and upgrades it to its own chart, for each HelmRelease in turn: what the other has installed is deleted.",
		Fix:     "Give one of the two another releaseName, or send them to different clusters with clusterSelector.",
		Source:  "fluxcd/helm-controller internal/reconcile/state.go, ReleaseStatusUnmanaged",
		Bad: `
# Application spec
syncPolicies:
- name: shop
  helm:
    interval: 10m
    releaseName: shop
    chart: {spec: {chart: ./charts/shop}}
- name: docs
  helm:
    interval: 10m
    releaseName: »shop
    chart: {spec: {chart: ./charts/docs}}
`,
		Good: `
# Application spec
syncPolicies:
- name: shop
  helm:
    interval: 10m
    releaseName: shop
    chart: {spec: {chart: ./charts/shop}}
- name: docs
  helm:
    interval: 10m
    releaseName: docs
    chart: {spec: {chart: ./charts/docs}}
`,
	},
}
