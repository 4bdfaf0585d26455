package diag

// routingRules are those of istio and nginx, 7xx.
var routingRules = []Rule{
	{
		Code: NotOnIstio, Severity: Error, Structural: true,
		Title:   "Flagger ignores the field on istio",
		Ignored: "The field does nothing, and so what it promises does not happen: no route is made for host, and protocol is an annotation that only Kuma reads. With appProtocol tcp the same is true of all that is about HTTP requests, such as retries and match.",
		Fix:     "Remove the field, or use the one for istio that the hint names.",
		Source:  "fluxcd/flagger pkg/router/istio.go",
		On:      "istio",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
host: »shop.example.com
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
hosts:
- shop.example.com
gateways:
- istio-system/public-gateway
`,
	},
	{
		Code: IstioExpected, Severity: Info,
		Title:   "Istio is expected to be there",
		Ignored: "On a cluster without Istio there is no kind VirtualService: Flagger cannot make the route, and no rollout gets ready. Without a Prometheus at the address that the message names, every check of Flagger's own metrics fails.",
		Fix:     "Install Istio and its Prometheus on every cluster of the fleet; nothing in the documents has to change. Where the fleet uses kuma or nginx, all that it needs is rendered.",
		Source:  "fluxcd/flagger pkg/router/istio.go; kurator-dev/kurator pkg/fleet-manager/plugin",
		Bad: `
# Fleet spec.plugin.flagger
trafficRoutingProvider: »istio
---
# Application spec.syncPolicies[0].rollout
trafficRoutingProvider: istio
`,
		Good: `
# Fleet spec.plugin.flagger
trafficRoutingProvider: kuma
---
# Application spec.syncPolicies[0].rollout
trafficRoutingProvider: kuma
`,
	},
	{
		Code: IstioNotInstalled, Severity: Error, Structural: true,
		Title:   "fleetwright does not install Istio",
		Ignored: "Nothing is rendered from the field: the clusters keep the Istio that they have, whatever version or values it names.",
		Fix:     "Remove config, and install Istio by itself.",
		On:      "istio",
		Bad: `
# Fleet spec.plugin.flagger
trafficRoutingProvider: istio
»config:
  chart:
    version: 1.24.0
`,
		Good: `
# Fleet spec.plugin.flagger
trafficRoutingProvider: istio
`,
	},
	{
		Code: BadRoute, Severity: Error, Structural: true,
		Title:   "Istio would refuse the route",
		Ignored: "Flagger copies the field into a VirtualService, which Istio's admission webhook refuses. Flagger tries again for ever, and the rollout does not get ready.",
		Fix:     "Write hosts, gateways, retries, headers and maxAge as Istio takes them: each host once, a gateway as a name or namespace/name, retries with attempts. The host * needs a gateway, since without one the route is for all sidecars.",
		Source:  "istio/istio pkg/config/validation/virtualservice.go and validation.go",
		On:      "istio",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
hosts:
- »"*"
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
hosts:
- "*"
gateways:
- istio-system/public-gateway
`,
	},
	{
		Code: NotOnNginx, Severity: Error, Structural: true,
		Title:   "Flagger ignores the field on nginx",
		Ignored: "Flagger moves traffic on nginx by annotations of an Ingress, and there is none for the field: it does nothing. Of match Flagger takes one header, with exact or regex, and one cookie, with exact. Of a prefix only the name of the header is left, and nginx sends the new version the requests in which its value is always.",
		Fix:     "Remove the field, or say the condition with exact or regex of one header, or with exact of a cookie, which is its name.",
		Source:  "fluxcd/flagger pkg/router/ingress.go, SetRoutes",
		On:      "nginx",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  host: shop.example.com
  analysisTimes: 5
  match:
  - headers:
      »x-canary:
        prefix: insider
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  host: shop.example.com
  analysisTimes: 5
  match:
  - headers:
      x-canary:
        regex: ^insider.*
`,
	},
	{
		Code: NoHost, Severity: Error, Structural: true,
		Title:   "the Ingress has no host",
		Ignored: "An Ingress without a host takes in the requests for every name that no other Ingress has. Kurator refuses such a rollout, and ingress-nginx the second of them on a cluster.",
		Fix:     "Add host with the name that requests come in for.",
		Source:  "kurator-dev/kurator pkg/webhooks/application_webhook.go",
		On:      "nginx",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
»trafficRouting:
  canaryStrategy:
    stepWeight: 10
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  host: shop.example.com
  canaryStrategy:
    stepWeight: 10
`,
	},
	{
		Code: HostTwice, Severity: Error, Structural: true,
		Title:   "two rollouts have one host",
		Ignored: "The admission webhook of ingress-nginx refuses the second Ingress with the same host and path, and Flux applies nothing of that rollout. Where the webhook is off, the older Ingress gets all requests and the other none.",
		Fix:     "Give each rollout a host of its own, or send the two to different clusters with clusterSelector.",
		Source:  "kubernetes/ingress-nginx internal/ingress/controller/controller.go, checkOverlap",
		On:      "nginx",
		Bad: `
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata:
  name: website
  namespace: default
spec:
  source: {gitRepository: {url: https://example.com/website.git, interval: 5m}}
  destination: {fleet: production}
  syncPolicies:
  - name: website
    kustomization: {interval: 10m, prune: true, targetNamespace: website}
    rollout:
      trafficRoutingProvider: nginx
      workload: {name: website, namespace: website}
      serviceName: website
      port: 8080
      rolloutPolicy:
        trafficRouting:
          host: »shop.example.com
          canaryStrategy: {stepWeight: 10}
        trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
`,
		Good: `
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata:
  name: website
  namespace: default
spec:
  source: {gitRepository: {url: https://example.com/website.git, interval: 5m}}
  destination: {fleet: production}
  syncPolicies:
  - name: website
    kustomization: {interval: 10m, prune: true, targetNamespace: website}
    rollout:
      trafficRoutingProvider: nginx
      workload: {name: website, namespace: website}
      serviceName: website
      port: 8080
      rolloutPolicy:
        trafficRouting:
          host: www.example.com
          canaryStrategy: {stepWeight: 10}
        trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
`,
	},
	{
		Code: TimeoutOnNginx, Severity: Info,
		Title:   "Flagger ignores the timeout on nginx",
		Ignored: "Flagger passes no timeout on to nginx. Requests wait as long as the Ingress says, which is 60 seconds without an annotation.",
		Fix:     "Remove timeoutSeconds. To have a timeout, patch the Ingress with the annotation nginx.ingress.kubernetes.io/proxy-read-timeout.",
		Source:  "fluxcd/flagger pkg/router/ingress.go",
		On:      "nginx",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
timeoutSeconds: »30
`,
		Good: `
# Application spec.syncPolicies[0].rollout
patches:
- target:
    kind: Ingress
  patch: |
    - op: add
      path: /metadata/annotations
      value:
        nginx.ingress.kubernetes.io/proxy-read-timeout: "30"
`,
	},
	{
		Code: NothingMeasured, Severity: Error,
		Title:   "nothing is measured of the new version",
		Ignored: "The query finds no value, which Flagger takes for a failed check: each new version is rolled back. On nginx a blue/green rollout sends the new version no request before the switch; on istio no requests are counted with appProtocol tcp.",
		Fix:     "Use canaryStrategy on nginx and appProtocol http on istio, so that there is something to measure, or measure the pods themselves with a customMetric. Where the message says that there is no Prometheus, name yours as metricsServer in Flagger's extraArgs.",
		Source:  "fluxcd/flagger pkg/controller/scheduler_metrics.go, runBuiltinMetricChecks",
		On:      "nginx",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  host: shop.example.com
  analysisTimes: 5
trafficAnalysis:
  metrics:
  - name: »request-success-rate
    thresholdRange:
      min: 99
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  host: shop.example.com
  canaryStrategy:
    stepWeight: 10
trafficAnalysis:
  metrics:
  - name: request-success-rate
    thresholdRange:
      min: 99
`,
	},
	{
		Code: RouteTwice, Severity: Error, Structural: true,
		Title:   "two rollouts have one host at one gateway",
		Ignored: "Each rollout has a VirtualService of its own. Of two for one host Istio takes the older one in the mesh, and merges them at a gateway: requests go to whichever rule comes first, and one of the two rollouts gets none.",
		Fix:     "Give each rollout a host or a gateway of its own, or send them to different clusters with clusterSelector.",
		Source:  "istio.io/latest/docs/ops/common-problems/network-issues, \"Route rules have no effect on ingress gateway requests\"; istio.io/latest/docs/ops/best-practices/traffic-management",
		On:      "istio",
		Bad: `
# Application spec
syncPolicies:
- name: cart
  kustomization: {path: ./cart, interval: 10m, prune: true, targetNamespace: cart}
  rollout:
    trafficRoutingProvider: istio
    workload: {name: cart, namespace: cart}
    serviceName: cart
    port: 8080
    rolloutPolicy:
      trafficRouting: {gateways: [istio-system/public], hosts: [shop.example.com], canaryStrategy: {stepWeight: 10}}
      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
- name: shop
  kustomization: {path: ./deploy, interval: 10m, prune: true, targetNamespace: shop}
  rollout:
    trafficRoutingProvider: istio
    workload: {name: shop, namespace: shop}
    serviceName: shop
    port: 8080
    rolloutPolicy:
      trafficRouting: {gateways: [istio-system/public], hosts: [»shop.example.com], canaryStrategy: {stepWeight: 10}}
      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
`,
		Good: `
# Application spec
syncPolicies:
- name: cart
  kustomization: {path: ./cart, interval: 10m, prune: true, targetNamespace: cart}
  rollout:
    trafficRoutingProvider: istio
    workload: {name: cart, namespace: cart}
    serviceName: cart
    port: 8080
    rolloutPolicy:
      trafficRouting: {gateways: [istio-system/public], hosts: [shop.example.com], canaryStrategy: {stepWeight: 10}}
      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
- name: shop
  kustomization: {path: ./deploy, interval: 10m, prune: true, targetNamespace: shop}
  rollout:
    trafficRoutingProvider: istio
    workload: {name: shop, namespace: shop}
    serviceName: shop
    port: 8080
    rolloutPolicy:
      trafficRouting: {gateways: [istio-system/public], hosts: [www.example.com], canaryStrategy: {stepWeight: 10}}
      trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
`,
	},
}
