package diag

// kumaRules are those of Kuma, 4xx.
var kumaRules = []Rule{
	{
		Code: KumaVersion, Severity: Error, Structural: true,
		Title:   "the version of Kuma is not supported",
		Ignored: "Kuma 3 has no TrafficRoute: Flagger could not create one, and no rollout would begin. Before 2.2 Kuma does not read the label that asks for sidecars. What a 2.15 would need is not known.",
		Fix:     "Use a version from 2.2 to 2.14, or leave it out: 2.7.3 is the default.",
		Source:  "kumahq/kuma UPGRADE.md, of 3.0 and of 2.2",
		Bad: `
# Fleet spec.plugin.flagger
config:
  chart:
    version: »3.0.0
`,
		Good: `
# Fleet spec.plugin.flagger
config:
  chart:
    version: 2.7.3
`,
	},
	{
		Code: KumaRange, Severity: Error, Structural: true,
		Title:   "the range of versions needs different manifests",
		Ignored: "Flux installs the newest version of the range, whenever there is one. From 2.6 on Kuma no longer routes by default where Flagger has made a route, and from 3.0 on it has no TrafficRoute: one day the manifests in Git would be those of another version, and the mesh's traffic would stop.",
		Fix:     "Write one version, such as 2.7.3, or a range of one minor version, such as 2.7.x.",
		Source:  "kumahq/kuma UPGRADE.md, of 2.6 and of 3.0",
		Bad: `
# Fleet spec.plugin.flagger
config:
  chart:
    version: »2.x
`,
		Good: `
# Fleet spec.plugin.flagger
config:
  chart:
    version: 2.7.x
`,
	},
	{
		Code: NotOnKuma, Severity: Error, Structural: true,
		Title:   "Flagger ignores the field on kuma",
		Ignored: "On kuma Flagger sets two weights of a TrafficRoute and nothing else. With match it would send all traffic to the new version in the first iteration, not the requests that match; the other fields would have no effect, and nothing would say so.",
		Fix:     "Remove the field. Retries are a matter for a MeshRetry of Kuma.",
		Source:  "fluxcd/flagger pkg/router/kuma.go, and pkg/controller/scheduler.go, runAB",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  analysisTimes: 5
  »match:
  - headers:
      x-canary:
        exact: always
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  analysisTimes: 5
`,
	},
	{
		Code: TimeoutOnKuma, Severity: Info,
		Title:   "Flagger ignores the timeout on kuma",
		Ignored: "The rollout works, but its requests do not have this timeout: they have that of Kuma's own policies, which Kuma makes for every new Mesh.",
		Fix:     "Remove the field, and write a MeshTimeout for Kuma if its own does not suit.",
		Source:  "fluxcd/flagger pkg/router/kuma.go",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  timeoutSeconds: »15
  canaryStrategy:
    stepWeight: 10
    maxWeight: 50
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  canaryStrategy:
    stepWeight: 10
    maxWeight: 50
`,
	},
	{
		Code: MeshBackend, Severity: Error, Structural: true,
		Title:   "Kuma would refuse the Mesh",
		Ignored: "Kuma's webhook refuses the Mesh when Flux applies it. The stage that it is in never becomes ready, and the applications with workloads in the mesh wait for that.",
		Fix:     "Mend the backend as the message says: enabledBackend and defaultBackend name one of the backends, names are given once, addresses have a port.",
		Source:  "kumahq/kuma pkg/core/resources/apis/mesh/mesh_validator.go",
		Bad: `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  metrics:
    enabledBackend: »prometheus
    backends:
    - name: prometheus-1
      type: prometheus
`,
		Good: `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  metrics:
    enabledBackend: prometheus-1
    backends:
    - name: prometheus-1
      type: prometheus
`,
	},
	{
		Code: WhichMesh, Severity: Error, Structural: true,
		Title:   "it is not clear which Mesh the rollouts use",
		Ignored: "To Kuma and to Flagger, what names no Mesh is in the one called default. Kuma makes that one by itself, and makes it empty: the sidecars would show no metrics, and every check of one would fail.",
		Fix:     "Call one of the Meshes default, or write meshName for each rollout. The public load tester needs the one called default.",
		Source:  "fluxcd/flagger pkg/router/kuma.go, Reconcile; kumahq/kuma pkg/defaults/mesh.go",
		Bad: `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: internal
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: »shops
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
		Good: `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: internal
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
	},
	{
		Code: NeverInjected, Severity: Error,
		Title:   "the namespace never gets sidecars",
		Ignored: "Without sidecars nothing splits the traffic and nothing counts requests: all of it stays on the old version, and every check of a metric finds no values.",
		Fix:     "Move the workload to another namespace: not kube-system, nor that of Flux, of the mesh or of its Prometheus.",
		Source:  "kumahq/kuma deployments/charts/kuma/templates/cp-webhooks-and-secrets.yaml",
		Bad: `
# Application spec.syncPolicies[0].kustomization
targetNamespace: kube-system
---
# Application spec.syncPolicies[0].rollout
workload:
  name: shop
  namespace: »kube-system
`,
		Good: `
# Application spec.syncPolicies[0].kustomization
targetNamespace: shop
---
# Application spec.syncPolicies[0].rollout
workload:
  name: shop
  namespace: shop
`,
	},
	{
		Code: MeshServices, Severity: Error, Structural: true,
		Title:   "Flagger cannot move the mesh's traffic",
		Ignored: "With MeshServices only, the sidecars have no outbound that a TrafficRoute could match, and as soon as there is a TrafficRoute they have no other one either. They would listen for no service, and the mesh's traffic would stop.",
		Fix:     "Write mode: Disabled, or remove meshServices.",
		Source:  "kumahq/kuma pkg/xds/context/mesh_context_builder.go",
		Bad: `
# Fleet spec.plugin.flagger
config:
  chart:
    version: 2.13.10
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  meshServices:
    mode: »Exclusive
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
		Good: `
# Fleet spec.plugin.flagger
config:
  chart:
    version: 2.13.10
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  meshServices:
    mode: Disabled
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
	},
	{
		Code: MeshNamespace, Severity: Warning,
		Title:   "a Mesh has no namespace",
		Ignored: "The Mesh is rendered without the namespace, as the API server would store it. It only misleads: the Mesh is that of the whole cluster, and one of the same name in another namespace would be the same.",
		Fix:     "Remove the line.",
		Source:  "kumahq/kuma deployments/charts/kuma/crds/kuma.io_meshes.yaml",
		Bad: `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
  namespace: »kuma-system
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
		Good: `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
	},
	{
		Code: MetricsNotSeen, Severity: Warning,
		Title:   "Prometheus does not see the sidecars' metrics",
		Ignored: "Flagger asks Prometheus how the new version does, and finds no values. It takes that for a failed check, so every rollout that looks at a metric of the mesh is undone.",
		Fix:     "Give the Mesh a metrics backend and name it in enabledBackend. With mutual TLS write conf: {skipMTLS: true} for it as well, because Prometheus is not in the mesh.",
		Source:  "fluxcd/flagger pkg/controller/scheduler_metrics.go; kumahq/kuma api/mesh/v1alpha1/metrics.proto",
		Bad: `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  »metrics:
    backends:
    - name: prometheus-1
      type: prometheus
`,
		Good: `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  metrics:
    enabledBackend: prometheus-1
    backends:
    - name: prometheus-1
      type: prometheus
`,
	},
	{
		Code: MeshFieldTooNew, Severity: Warning,
		Title:   "this version of Kuma does not know the field",
		Ignored: "Before 2.9 Kuma has no MeshServices. It accepts a Mesh with any field, so it takes this one, does nothing and says nothing.",
		Fix:     "Remove meshServices, or use Kuma 2.9 or newer.",
		Source:  "kumahq/kuma api/mesh/v1alpha1/mesh.proto; pkg/util/proto/proto.go",
		Bad: `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  »meshServices:
    mode: Everywhere
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
		Good: `
# Fleet spec.plugin.flagger
config:
  chart:
    version: 2.9.0
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  meshServices:
    mode: Everywhere
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
	},
	{
		Code: StrictTLS, Severity: Warning,
		Title:   "Flagger does not reach load testers in the mesh",
		Ignored: "In STRICT mode, the one of a backend that names none, sidecars refuse all who have no certificate of the mesh. Flagger is outside of it and has none: its calls to the load tester fail, each is a failed check, and the rollout is undone.",
		Fix:     "Write mode: PERMISSIVE for the backend of mutual TLS: members of the mesh still speak TLS to each other.",
		Source:  "kumahq/kuma api/mesh/v1alpha1/mesh.proto; fluxcd/flagger pkg/controller/scheduler_hooks.go",
		Bad: `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  mtls:
    enabledBackend: ca
    »backends:
    - name: ca
      type: builtin
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus, conf: {skipMTLS: true}}]
`,
		Good: `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  mtls:
    enabledBackend: ca
    backends:
    - name: ca
      type: builtin
      mode: PERMISSIVE
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus, conf: {skipMTLS: true}}]
`,
	},
	{
		Code: NothingAllowed, Severity: Warning,
		Title:   "mutual TLS denies what no permission allows",
		Ignored: "Up to 2.5 Kuma makes a TrafficPermission for all traffic of a new Mesh, unless this list has it. Without one, members of a mesh with mutual TLS refuse each other's requests. From 2.6 on fleetwright renders a permission itself.",
		Fix:     "Take TrafficPermission or the * off the list, or bring a TrafficPermission to the cluster by other means.",
		Source:  "kumahq/kuma pkg/defaults/mesh/mesh.go of 2.5.0",
		Bad: `
# Fleet spec.plugin.flagger
config:
  chart:
    version: 2.5.0
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  »skipCreatingInitialPolicies: [TrafficPermission]
  mtls:
    enabledBackend: ca
    backends: [{name: ca, type: builtin, mode: PERMISSIVE}]
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus, conf: {skipMTLS: true}}]
`,
		Good: `
# Fleet spec.plugin.flagger
config:
  chart:
    version: 2.5.0
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  mtls:
    enabledBackend: ca
    backends: [{name: ca, type: builtin, mode: PERMISSIVE}]
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus, conf: {skipMTLS: true}}]
`,
	},
	{
		Code: NothingCounted, Severity: Error,
		Title:   "Kuma counts no requests of the protocol",
		Ignored: "Of tcp and kafka the sidecars know connections, not requests. The metric has no values, Flagger takes that for a failed check, and every rollout is undone.",
		Fix:     "Say http, http2 or grpc if the workload speaks it; if not, measure something else with a customMetric.",
		Source:  "kumahq/kuma pkg/plugins/runtime/k8s/controllers/inbound_converter.go",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
protocol: tcp
---
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: »request-success-rate
  thresholdRange:
    min: 99
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
protocol: grpc
---
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: request-success-rate
  thresholdRange:
    min: 99
`,
	},
	{
		Code: MeshUnused, Severity: Warning,
		Title:   "the Mesh goes to no cluster",
		Ignored: "A Mesh goes to the clusters that a Fleet installs Kuma on. No Fleet does, so nothing is rendered of it.",
		Fix:     "Have a Fleet install Kuma: plugin: {flagger: {trafficRoutingProvider: kuma}}. Or remove the Mesh.",
		On:      "istio",
		Bad: `
# Fleet spec.plugin.flagger
trafficRoutingProvider: istio
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: »default
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
		Good: `
# Fleet spec.plugin.flagger
trafficRoutingProvider: kuma
---
# Application spec.syncPolicies[0].rollout
trafficRoutingProvider: kuma
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
	},
	{
		Code: NoMesh, Severity: Error, Structural: true,
		Title:   "the Mesh does not exist",
		Ignored: "Kuma's webhooks refuse pods and routes of a Mesh that does not exist: the workload would not start, and Flagger could not make its TrafficRoute.",
		Fix:     "Add the Mesh to the inputs, or name one that is there.",
		Source:  "kumahq/kuma pkg/plugins/runtime/k8s/webhooks, owner_reference_mutator.go and injector/injector.go",
		Bad: `
# Application spec.syncPolicies[0].rollout
meshName: »internal
`,
		Good: `
# Application spec.syncPolicies[0].rollout
meshName: internal
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: internal
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
	},
	{
		Code: MeshesDiffer, Severity: Error, Structural: true,
		Title:   "the rollouts of a namespace are in one Mesh",
		Ignored: "Which Mesh the pods join is said by their namespace, for all of them. One of the two workloads would be in a Mesh that does not have its TrafficRoute, and none of its traffic would move.",
		Fix:     "Use one meshName for both, or two namespaces. Where there is no second rollout, it is the public load tester that is in the namespace.",
		Source:  "kumahq/kuma pkg/plugins/runtime/k8s/util/util.go",
		Bad: `
# Application spec
syncPolicies:
- name: shop
  kustomization: {path: ./shop, interval: 10m, prune: true, targetNamespace: shop}
  rollout:
    testLoader: true
    trafficRoutingProvider: kuma
    meshName: default
    workload: {name: shop, namespace: shop}
    serviceName: shop
    port: 8080
    rolloutPolicy:
      trafficRouting: {canaryStrategy: {stepWeight: 10, maxWeight: 50}}
      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
- name: basket
  kustomization: {path: ./basket, interval: 10m, prune: true, targetNamespace: shop}
  rollout:
    testLoader: true
    trafficRoutingProvider: kuma
    meshName: »internal
    workload: {name: basket, namespace: shop}
    serviceName: basket
    port: 8080
    rolloutPolicy:
      trafficRouting: {canaryStrategy: {stepWeight: 10, maxWeight: 50}}
      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: internal
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
		Good: `
# Application spec
syncPolicies:
- name: shop
  kustomization: {path: ./shop, interval: 10m, prune: true, targetNamespace: shop}
  rollout:
    testLoader: true
    trafficRoutingProvider: kuma
    meshName: default
    workload: {name: shop, namespace: shop}
    serviceName: shop
    port: 8080
    rolloutPolicy:
      trafficRouting: {canaryStrategy: {stepWeight: 10, maxWeight: 50}}
      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
- name: basket
  kustomization: {path: ./basket, interval: 10m, prune: true, targetNamespace: basket}
  rollout:
    testLoader: true
    trafficRoutingProvider: kuma
    meshName: internal
    workload: {name: basket, namespace: basket}
    serviceName: basket
    port: 8080
    rolloutPolicy:
      trafficRouting: {canaryStrategy: {stepWeight: 10, maxWeight: 50}}
      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: internal
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
	},
	{
		Code: TesterInOtherMesh, Severity: Warning,
		Title:   "the load tester is in another Mesh",
		Ignored: "The public load tester's sidecar knows the routes of its own Mesh only. What it sends to the Service goes past Flagger's TrafficRoute, all to the old version: the new one gets few requests to be measured by, or none.",
		Fix:     "Write testLoader: true: then the rollout has a load tester of its own, in its own Mesh.",
		Bad: `
# Application spec.syncPolicies[0].rollout
testLoader: »false
meshName: internal
---
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks: {command: [hey -z 50s http://shop-canary.shop:8080/]}
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: internal
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
		Good: `
# Application spec.syncPolicies[0].rollout
testLoader: true
meshName: internal
---
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks: {command: [hey -z 50s http://shop-canary.shop:8080/]}
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
---
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: internal
spec:
  metrics:
    enabledBackend: prometheus-1
    backends: [{name: prometheus-1, type: prometheus}]
`,
	},
	{
		Code: ReservedRoute, Severity: Error, Structural: true,
		Title:   "the Service has the name of a route of the mesh",
		Ignored: "A TrafficRoute is cluster-scoped, and Flagger calls its own after the Service. It would replace the route for all traffic, and every other service of the mesh would get a listener that leads nowhere.",
		Fix:     "Give the Service another name.",
		Source:  "fluxcd/flagger pkg/router/kuma.go; kumahq/kuma pkg/defaults/mesh/mesh.go@2.5.0",
		Bad: `
# Application spec.syncPolicies[0].rollout
serviceName: »route-all-default
---
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks: {command: [hey -z 50s http://route-all-default-canary.shop:8080/]}
`,
		Good: `
# Application spec.syncPolicies[0].rollout
serviceName: shop
`,
	},
	{
		Code: ProtocolUnknown, Severity: Warning,
		Title:   "Kuma does not know the protocol",
		Ignored: "Kuma takes no notice of the appProtocol and goes by the annotation that fleetwright renders. Where the container speaks something else, requests fail or are not counted.",
		Fix:     "Use http, http2, grpc, tcp or kafka, or leave appProtocol out and set protocol.",
		Source:  "kumahq/kuma pkg/plugins/runtime/k8s/controllers/inbound_converter.go",
		Bad: `
# Application spec.syncPolicies[0].rollout
appProtocol: »kubernetes.io/h2c
`,
		Good: `
# Application spec.syncPolicies[0].rollout
appProtocol: http2
`,
	},
}
