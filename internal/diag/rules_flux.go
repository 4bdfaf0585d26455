package diag

// fluxRules are those of Flux, 5xx.
var fluxRules = []Rule{
	{
		Code: NeverPolled, Severity: Error,
		Title:   "the source is never polled",
		Ignored: "Flux fetches the source once, and again only when somebody asks it to. What is pushed later does not reach the cluster, and everything says that it is ready.",
		Fix:     "Write 1m0s or more. Only the interval of a policy may be 0s.",
		Source:  "fluxcd/source-controller docs/spec/v1/gitrepositories.md, Interval",
		Bad: `
# Application spec.source.gitRepository
interval: »0s
`,
		Good: `
# Application spec.source.gitRepository
interval: 5m
`,
	},
	{
		Code: RemovedByFlux, Severity: Warning,
		Title:   "Flux has removed the field",
		Ignored: "A GitRepository v1 does not have the field, and Flux cannot apply what the schema does not declare. So it is left out of what is rendered, and does nothing.",
		Fix:     "Remove the field.",
		Source:  "fluxcd/source-controller CHANGELOG.md, 1.0.0-rc.1",
		Bad: `
# Application spec.source
gitRepository:
  url: https://example.com/shop.git
  interval: 5m
  gitImplementation: »go-git
`,
		Good: `
# Application spec.source
gitRepository:
  url: https://example.com/shop.git
  interval: 5m
`,
	},
	{
		Code: FluxName, Severity: Error, Structural: true,
		Title:   "the name is too long for Flux",
		Ignored: "Flux labels everything that a Kustomization or a HelmRelease applies with its name, and the value of a label has at most 63 characters. The API server would refuse each of the policy's objects.",
		Fix:     "Give the policy a shorter name. Without one it is called after the Application: then that needs a shorter name, or the policy one of its own.",
		Source:  "fluxcd/pkg ssa/manager.go, SetOwnerLabels",
		Bad: `
# Application spec.syncPolicies[0]
name: »shop-of-the-production-fleet-with-all-that-it-needs-to-be-rolled-out
`,
		Good: `
# Application spec.syncPolicies[0]
name: shop
`,
	},
	{
		Code: FluxVersion, Severity: Error, Structural: true,
		Title:   "the version of Flux is not supported",
		Ignored: "OCIRepository v1 came with Flux 2.6, and HelmRelease v2 and HelmRepository v1 with 2.3. Where a cluster does not serve them, Flux finds no match for the kind and applies nothing of the directory that has one.",
		Fix:     "Upgrade the clusters to Flux 2.6 or newer, and say so, or remove the line.",
		Source:  "fluxcd/source-controller CHANGELOG.md, 1.6.0",
		Bad: `
apiVersion: fleetwright.dev/v1alpha1
kind: RenderConfig
metadata:
  name: config
spec:
  versions:
    flux: »"2.5"
`,
		Good: `
apiVersion: fleetwright.dev/v1alpha1
kind: RenderConfig
metadata:
  name: config
spec:
  versions:
    flux: "2.6"
`,
	},
	{
		Code: BadPatch, Severity: Error, Structural: true,
		Title:   "kustomize would refuse the patch",
		Ignored: "Flux builds the policy's manifests with kustomize, which stops at such a patch. The Kustomization fails, and nothing of the policy is applied.",
		Fix:     "Write a part of an object with its apiVersion, kind and metadata.name, or a list of JSON patch operations with a target.",
		Source:  "kubernetes-sigs/kustomize api/internal/builtins/PatchTransformer.go",
		Bad: `
# Application spec.syncPolicies[0].kustomization
patches:
- patch: »|
    - {op: replace, path: /spec/minReadySeconds, value: 5}
`,
		Good: `
# Application spec.syncPolicies[0].kustomization
patches:
- target: {kind: Deployment, name: shop}
  patch: |
    - {op: replace, path: /spec/minReadySeconds, value: 5}
`,
	},
	{
		Code: DependencyCycle, Severity: Error,
		Title:   "policies wait for each other",
		Ignored: "Flux applies a policy when those that it depends on are ready. Here each waits for another one that waits for it: none is ever applied.",
		Fix:     "Remove one of the dependencies.",
		Source:  "fluxcd/kustomize-controller docs/spec/v1/kustomizations.md, Dependencies",
		Bad: `
# Application spec
syncPolicies:
- name: shop
  kustomization:
    path: ./shop
    interval: 10m
    prune: true
    dependsOn:
    - name: database
- name: database
  kustomization:
    path: ./database
    interval: 10m
    prune: true
    dependsOn:
    - name: »shop
`,
		Good: `
# Application spec
syncPolicies:
- name: shop
  kustomization:
    path: ./shop
    interval: 10m
    prune: true
    dependsOn:
    - name: database
- name: database
  kustomization:
    path: ./database
    interval: 10m
    prune: true
`,
	},
	{
		Code: SourceMismatch, Severity: Error, Structural: true,
		Title:   "the source cannot serve the policy",
		Ignored: "A Flux Kustomization takes no HelmRepository, and the API server would refuse one that has. An OCIRepository is one chart or one set of manifests: Flux would install another chart than is named, or find none. With a type or a provider that does not fit the URL it could not fetch the source.",
		Fix:     "Use helm for charts and kustomization for manifests, and an Application for each artifact. Leave the type out: the URL tells it.",
		Source:  "fluxcd/kustomize-controller config/crd, spec.sourceRef.kind; fluxcd/source-controller api/v1/helmrepository_types.go",
		Bad: `
# Application spec
source:
  helmRepository:
    url: https://example.com/charts
    interval: 5m
syncPolicies:
- name: shop
  »kustomization:
    path: ./deploy
    interval: 10m
    prune: true
`,
		Good: `
# Application spec
source:
  helmRepository:
    url: https://example.com/charts
    interval: 5m
syncPolicies:
- name: shop
  helm:
    chart:
      spec:
        chart: shop
    interval: 10m
`,
	},
	{
		Code: NoHelmChart, Severity: Error, Structural: true,
		Title:   "the field has no place for a chart from an ociRepository",
		Ignored: "A HelmRelease names the OCIRepository itself, in place of a template for a HelmChart, and that is where these fields are. The release would be made without them: another version of the chart, or other values.",
		Fix:     "Say the version and the interval in the ociRepository, and copy what valuesFiles hold into values. Remove what is left.",
		Source:  "fluxcd/helm-controller docs/spec/v2/helmreleases.md, Chart reference",
		Bad: `
# Application spec
source:
  ociRepository:
    url: oci://example.com/charts/shop
    interval: 5m
syncPolicies:
- name: shop
  helm:
    chart:
      spec:
        chart: shop
        version: »1.x
    interval: 10m
`,
		Good: `
# Application spec
source:
  ociRepository:
    url: oci://example.com/charts/shop
    interval: 5m
    ref:
      semver: 1.x
syncPolicies:
- name: shop
  helm:
    chart:
      spec:
        chart: shop
    interval: 10m
`,
	},
	{
		Code: NoVersionInGit, Severity: Warning,
		Title:   "the version of a chart in a gitRepository is ignored",
		Ignored: "Flux packs the chart that is in the commit it has checked out, whatever the version says. A new commit is installed although the version seems to hold it back.",
		Fix:     "Say in the ref of the gitRepository which commit is meant, such as a tag, and remove the version.",
		Source:  "fluxcd/source-controller config/crd, HelmChart spec.version",
		Bad: `
# Application spec
syncPolicies:
- name: shop
  helm:
    chart:
      spec:
        chart: ./charts/shop
        version: »1.2.0
    interval: 10m
`,
		Good: `
# Application spec.source.gitRepository
ref:
  tag: v1.2.0
---
# Application spec
syncPolicies:
- name: shop
  helm:
    chart:
      spec:
        chart: ./charts/shop
    interval: 10m
`,
	},
	{
		Code: DependencyKind, Severity: Error, Structural: true,
		Title:   "a policy waits for its own kind only",
		Ignored: "Flux looks for what a HelmRelease depends on among the HelmReleases, and for what a Kustomization depends on among the Kustomizations. It would find none of that name, and wait for ever.",
		Fix:     "Make both of the same kind, or leave the dependency out. Flux tries a Kustomization until it works, and a HelmRelease with install: {remediation: {retries: -1}}.",
		Source:  "fluxcd/helm-controller docs/spec/v2/helmreleases.md, Dependencies; fluxcd/kustomize-controller docs/spec/v1/kustomizations.md, Dependencies",
		Bad: `
# Application spec
syncPolicies:
- name: database
  kustomization:
    path: ./database
    interval: 10m
    prune: true
- name: shop
  helm:
    chart:
      spec:
        chart: ./charts/shop
    interval: 10m
    dependsOn:
    - name: »database
`,
		Good: `
# Application spec
syncPolicies:
- name: database
  kustomization:
    path: ./database
    interval: 10m
    prune: true
- name: shop
  helm:
    chart:
      spec:
        chart: ./charts/shop
    interval: 10m
`,
	},
	{
		Code: RetryAdded, Severity: Info,
		Title:   "Flux would never try again",
		Ignored: "Flux retries a failure after the retryInterval, which is the interval unless it is set: with 0s never. A policy that fails once, because something is not there yet, stays failed until a new revision comes. fleetwright adds a retryInterval.",
		Fix:     "Nothing has to be done. Set a retryInterval of your own to choose it.",
		Source:  "fluxcd/kustomize-controller api/v1, GetRetryInterval",
		Bad: `
# Application spec.syncPolicies[0].kustomization
interval: »0s
`,
		Good: `
# Application spec.syncPolicies[0].kustomization
interval: 0s
retryInterval: 1m
`,
	},
	{
		Code: ReplicasLeft, Severity: Info,
		Title:   "Flux would set the replicas that Flagger scales",
		Ignored: "Flagger scales the workload to nothing between rollouts. Flux would set the number in Git again with every interval, and pods of no version in use would run beside the primary's. fleetwright adds a patch that leaves the number out of what Flux applies.",
		Fix:     "Nothing has to be done. Remove replicas from the manifests, and let a HorizontalPodAutoscaler keep the number, to see in Git what is on the cluster.",
		Source:  "fluxcd/flagger#1121",
		Bad: `
# Application spec
syncPolicies:
- name: shop
  kustomization: {path: ./deploy, interval: 10m, prune: true, targetNamespace: shop}
- name: cart
  kustomization: {path: ./cart, interval: »10m, prune: true, targetNamespace: cart}
  rollout:
    trafficRoutingProvider: kuma
    workload: {name: cart, namespace: cart}
    serviceName: cart
    port: 8080
    rolloutPolicy:
      trafficRouting: {canaryStrategy: {stepWeight: 10}}
      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
`,
		Good: `
# Application spec
syncPolicies:
- name: shop
  kustomization: {path: ./deploy, interval: 10m, prune: true, targetNamespace: shop}
`,
	},
	{
		Code: Substituted, Severity: Info,
		Title:   "Flux might replace a part of the text",
		Ignored: "Where a cluster's own Kustomization has all others substitute variables, Flux replaces ${x} by a variable, or by nothing, and $$ by $. The shell would run another command. fleetwright annotates the object so that Flux leaves it as it is.",
		Fix:     "Nothing has to be done. Write $x without braces to be safe everywhere.",
		Source:  "fluxcd/pkg kustomize, SubstituteVariables; fluxcd/kustomize-controller docs/spec/v1/kustomizations.md",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks:
  command:
  - »hey -z ${LENGTH:-1m} http://shop-canary.shop:8080/
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks:
  command:
  - hey -z 50s http://shop-canary.shop:8080/
`,
	},
	{
		Code: SecretsNeeded, Severity: Info,
		Title:   "Secrets must be on every cluster",
		Ignored: "Kurator reads the Secrets that a source names on its own cluster. Here every cluster fetches by itself: without the Secret in the same namespace nothing is fetched, installed or measured there.",
		Fix:     "Put the Secrets on every cluster, encrypted in Git or by an operator of external secrets.",
		Source:  "fluxcd/source-controller docs/spec/v1/gitrepositories.md",
		Bad: `
# Application spec.source
gitRepository:
  url: https://example.com/shop.git
  interval: 5m
  secretRef:
    name: »shop-git
`,
		Good: `
# Application spec.source
gitRepository:
  url: https://example.com/shop.git
  interval: 5m
`,
	},
	{
		Code: WaitsForSuspended, Severity: Warning,
		Title:   "a policy waits for one that is suspended",
		Ignored: "Flux applies nothing of what is suspended, so on a new cluster it never becomes ready, and neither does what depends on it.",
		Fix:     "Resume the one, suspend the other as well, or leave the dependency out.",
		Source:  "fluxcd/kustomize-controller docs/spec/v1/kustomizations.md",
		Bad: `
# Application spec
syncPolicies:
- name: database
  kustomization: {path: ./database, interval: 10m, prune: true, suspend: true}
- name: shop
  kustomization: {path: ./deploy, interval: 10m, prune: true, dependsOn: [{name: »database}]}
`,
		Good: `
# Application spec
syncPolicies:
- name: database
  kustomization: {path: ./database, interval: 10m, prune: true}
- name: shop
  kustomization: {path: ./deploy, interval: 10m, prune: true, dependsOn: [{name: database}]}
`,
	},
	{
		Code: UndoneByFlux, Severity: Info,
		Title:   "Flux takes back a version that is not in Git before it is promoted",
		Ignored: "Flux applies what is in Git again with every interval. A version that somebody has set on the cluster itself, with kubectl set image for one, is taken back in the middle of its rollout: what is checked from then on, and promoted, is the version in Git.",
		Fix:     "Nothing has to be done where versions are changed in Git alone. To roll out what is not in Git, suspend the Kustomization until it is, or use an interval of 0s as Kurator's guide does. With a longer interval it happens less often.",
		Source:  "fluxcd/flagger pkg/controller/scheduler.go, hasCanaryRevisionChanged; pkg/canary/spec.go, hasSpecChanged; fluxcd/kustomize-controller docs/spec/v1/kustomizations.md, interval",
		Bad: `
# Application spec
syncPolicies:
- name: shop
  kustomization: {path: ./deploy, interval: 10m, prune: true, targetNamespace: shop}
- name: cart
  kustomization: {path: ./cart, interval: »5m, prune: true, targetNamespace: cart}
  rollout:
    trafficRoutingProvider: kuma
    workload: {name: cart, namespace: cart}
    serviceName: cart
    port: 8080
    rolloutPolicy:
      trafficRouting: {canaryStrategy: {stepWeight: 10}}
      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
`,
		Good: `
# Application spec
syncPolicies:
- name: shop
  kustomization: {path: ./deploy, interval: 10m, prune: true, targetNamespace: shop}
- name: cart
  kustomization: {path: ./cart, interval: 1h, prune: true, targetNamespace: cart}
  rollout:
    trafficRoutingProvider: kuma
    workload: {name: cart, namespace: cart}
    serviceName: cart
    port: 8080
    rolloutPolicy:
      trafficRouting: {canaryStrategy: {stepWeight: 10}}
      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
`,
	},
}
