package diag

// rolloutRules are those of rollout and analysis, 3xx.
var rolloutRules = []Rule{
	{
		Code: StepsExclude, Severity: Error, Structural: true,
		Title:   "stepWeight and stepWeights exclude each other",
		Ignored: "Flagger's CRD takes one of stepWeight, stepWeights and iterations. The API server refuses a Canary with two of them, and Flux applies nothing of the rollout.",
		Fix:     "Keep stepWeight for steps of one size, or stepWeights for each step by itself.",
		Source:  "fluxcd/flagger artifacts/flagger/crd.yaml, oneOf of analysis",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
  stepWeight: 10
  »stepWeights: [10, 20, 50]
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
  stepWeights: [10, 20, 50]
`,
	},
	{
		Code: NoStrategy, Severity: Error, Structural: true,
		Title:   "the rollout has no strategy",
		Ignored: "Flagger's CRD wants one of stepWeight, stepWeights and iterations. The API server refuses a Canary without any, and Flux applies nothing of the rollout.",
		Fix:     "Add stepWeight or stepWeights to canaryStrategy to move the traffic by weight, or write analysisTimes instead to move it all at once. A rollout with skipTrafficAnalysis needs neither.",
		Source:  "fluxcd/flagger artifacts/flagger/crd.yaml, oneOf of analysis",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  »canaryStrategy:
    maxWeight: 50
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  canaryStrategy:
    maxWeight: 50
    stepWeight: 10
`,
	},
	{
		Code: StrategiesExclude, Severity: Error, Structural: true,
		Title:   "canaryStrategy and analysisTimes exclude each other",
		Ignored: "canaryStrategy becomes stepWeight or stepWeights of the Canary, and analysisTimes becomes iterations. Flagger's CRD takes only one of the three: the API server refuses the Canary, and Flux applies nothing of the rollout.",
		Fix:     "Keep canaryStrategy to move the traffic by weight, or analysisTimes to move it all at once.",
		Source:  "fluxcd/flagger artifacts/flagger/crd.yaml, oneOf of analysis",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  canaryStrategy:
    stepWeight: 10
  analysisTimes: »5
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  analysisTimes: 5
`,
	},
	{
		Code: UnknownMetric, Severity: Error, Structural: true,
		Title:   "there is no query behind the metric",
		Ignored: "Flagger has queries for request-success-rate and request-duration only. A check of another metric without a query fails every time, and after checkFailedTimes of them each new version is rolled back.",
		Fix:     "Use one of the two names, or give the metric a query with customMetric.",
		Source:  "fluxcd/flagger pkg/controller/scheduler_metrics.go, runMetricChecks",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: »error-rate
  thresholdRange:
    max: 1
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: error-rate
  thresholdRange:
    max: 1
  customMetric:
    provider:
      type: prometheus
      address: http://prometheus.monitoring:9090
    query: sum(rate(errors_total{service="{{ service }}-canary"}[{{ interval }}]))
`,
	},
	{
		Code: NoAddress, Severity: Error, Structural: true,
		Title:   "the metric's provider has no address",
		Ignored: "Flagger does not know which server to ask. Every check of the metric fails, and after checkFailedTimes of them each new version is rolled back.",
		Fix:     "Give the provider the URL of its Prometheus, Graphite or InfluxDB. For the fleet, write it as metricsServer in Flagger's extraArgs, or remove that line for the Prometheus that fleetwright expects.",
		Source:  "fluxcd/flagger pkg/metrics/providers: prometheus.go, graphite.go, influxdb.go",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: error-rate
  thresholdRange:
    max: 1
  customMetric:
    »provider:
      type: prometheus
    query: sum(rate(errors_total{service="{{ service }}-canary"}[{{ interval }}]))
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: error-rate
  thresholdRange:
    max: 1
  customMetric:
    provider:
      type: prometheus
      address: http://prometheus.monitoring:9090
    query: sum(rate(errors_total{service="{{ service }}-canary"}[{{ interval }}]))
`,
	},
	{
		Code: NoThreshold, Severity: Warning,
		Title:   "the metric has no threshold",
		Ignored: "Flagger asks for the metric and takes every value for good. A version of which every request fails would be promoted.",
		Fix:     "Add thresholdRange with the smallest good value as min, the largest as max, or both.",
		Source:  "fluxcd/flagger pkg/controller/scheduler_metrics.go",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: »request-success-rate
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: request-success-rate
  thresholdRange:
    min: 99
`,
	},
	{
		Code: NoLoadTester, Severity: Error,
		Title:   "nothing runs the load test",
		Ignored: "Flagger would send the webhook to the fleet's public load tester, which is not there. A webhook that nobody answers is a failed check, so each new version is rolled back.",
		Fix:     "Set testLoader in the rollout for a load tester of its own, or publicTestloader in the fleet's plugin for one that all rollouts share.",
		Source:  "fluxcd/flagger pkg/controller/webhook.go, callWebhook",
		Bad: `
# Fleet spec.plugin.flagger
publicTestloader: false
---
# Application spec.syncPolicies[0].rollout
testLoader: false
---
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks:
  »command:
  - hey -z 50s -q 10 http://shop-canary.shop:8080/
`,
		Good: `
# Fleet spec.plugin.flagger
publicTestloader: true
---
# Application spec.syncPolicies[0].rollout
testLoader: false
---
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks:
  command:
  - hey -z 50s -q 10 http://shop-canary.shop:8080/
`,
	},
	{
		Code: GuessedTargetPort, Severity: Warning,
		Title:   "the container's port is probably another",
		Ignored: "Flagger takes the Service over and sends its traffic to the container's port of the same number. Where the container listens on another one every request fails, those to the running version too.",
		Fix:     "Set targetPort to the number or the name of the container's port. Where it is the same as the Service's, say so with targetPort as well.",
		Source:  "fluxcd/flagger pkg/router/kubernetes_default.go, reconcileService",
		Bad: `
# Application spec.syncPolicies[0].rollout
port: »80
`,
		Good: `
# Application spec.syncPolicies[0].rollout
port: 80
targetPort: 8080
`,
	},
	{
		Code: WorkloadNamespace, Severity: Error,
		Title:   "the workload is not where the policy puts it",
		Ignored: "The Canary is put where the rollout says that the workload is, and Flagger finds none there. The rollout never starts, and a new version gets all traffic at once, without any check.",
		Fix:     "Give workload.namespace the policy's targetNamespace, or leave it out.",
		Source:  "fluxcd/flagger pkg/canary/deployment_controller.go",
		Bad: `
# Application spec.syncPolicies[0].rollout
workload:
  name: shop
  namespace: »web
`,
		Good: `
# Application spec.syncPolicies[0].rollout
workload:
  name: shop
  namespace: shop
`,
	},
	{
		Code: MetricTwice, Severity: Error, Structural: true,
		Title:   "two metrics of a rollout have one name",
		Ignored: "The MetricTemplate of a metric is named after the workload and the metric, so the two would share one. Only one query and one threshold would be left, and what the other guards against would go through.",
		Fix:     "Give one of the two another name, or make one metric with both min and max of the two.",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: request-duration
  thresholdRange:
    max: 500
- name: »request-duration
  thresholdRange:
    max: 900
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: request-duration
  thresholdRange:
    min: 1
    max: 500
`,
	},
	{
		Code: NameTooLong, Severity: Error, Structural: true,
		Title:   "a name made from this one is too long",
		Ignored: "Flagger and fleetwright add endings such as -primary and -testloader to the name. Kubernetes refuses a Service or a label of more than 63 characters, and a MetricTemplate's name of more than 253: the rollout never starts.",
		Fix:     "Use a shorter name. The message says how many characters there are.",
		Source:  "fluxcd/flagger#790",
		Bad: `
# Application spec.syncPolicies[0].rollout
serviceName: »shop-of-the-european-market-for-customers-and-partners-v2
`,
		Good: `
# Application spec.syncPolicies[0].rollout
serviceName: shop-of-the-european-market
`,
	},
	{
		Code: BadName, Severity: Error, Structural: true,
		Title:   "a name made from this one is not one that Kubernetes takes",
		Ignored: "A workload's name may have dots and begin with a digit, the name of a Service may not. The API server refuses the Service of the load tester, and Flux applies nothing of the rollout.",
		Fix:     "Give the workload a name of lower-case letters, digits and hyphens that begins with a letter, or leave out testLoader and use the fleet's public load tester.",
		Bad: `
# Application spec.syncPolicies[0].rollout
workload:
  name: »shop.v2
  namespace: shop
`,
		Good: `
# Application spec.syncPolicies[0].rollout
workload:
  name: shop-v2
  namespace: shop
`,
	},
	{
		Code: MatchWithWeights, Severity: Error, Structural: true,
		Title:   "match and weights exclude each other",
		Ignored: "On istio only requests that match are split by weight, and all others stay with the old version until it is promoted. On nginx those that match go to the new version at once, Flagger takes that for a weight of 100%, and the first good check promotes it.",
		Fix:     "Write analysisTimes in place of canaryStrategy for A/B testing, or remove match to move all traffic by weight.",
		Source:  "fluxcd/flagger pkg/router/istio.go and pkg/router/ingress.go",
		On:      "istio",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  canaryStrategy:
    stepWeight: 10
  »match:
  - headers:
      x-canary:
        exact: insider
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  analysisTimes: 5
  match:
  - headers:
      x-canary:
        exact: insider
`,
	},
	{
		Code: BadMatch, Severity: Error, Structural: true,
		Title:   "a Canary does not take the condition",
		Ignored: "Flagger's CRD has headers, queryParams and sourceLabels in match, with one kind of comparison each. The API server refuses a Canary with anything else, and Flux applies nothing of the rollout; a condition without any of them is met by every request.",
		Fix:     "Say the condition with headers, queryParams or sourceLabels, and give each exactly one of exact, prefix, suffix and regex.",
		Source:  "fluxcd/flagger artifacts/flagger/crd.yaml, match of analysis",
		On:      "istio",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  analysisTimes: 5
  match:
  - »uri:
      prefix: /beta
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  analysisTimes: 5
  match:
  - headers:
      x-canary:
        exact: insider
`,
	},
	{
		Code: AffinityNeedsWeights, Severity: Error, Structural: true,
		Title:   "session affinity needs weights",
		Ignored: "The cookie keeps a client on one side of a split by weight. Without weights there is no such split: in a blue/green rollout all clients move together, and in A/B testing the routes for the cookie are overwritten by those for match.",
		Fix:     "Use canaryStrategy, or remove sessionAffinity.",
		Source:  "fluxcd/flagger pkg/router/istio.go, SetRoutes",
		On:      "istio",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  analysisTimes: 5
trafficAnalysis:
  »sessionAffinity:
    cookieName: shop-version
  metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficRouting:
  canaryStrategy:
    stepWeight: 10
trafficAnalysis:
  sessionAffinity:
    cookieName: shop-version
  metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]
`,
	},
	{
		Code: BadAutoscaler, Severity: Error, Structural: true,
		Title:   "the autoscaler does not fit the workload",
		Ignored: "Kubernetes scales no DaemonSet. Flagger gives the primary an autoscaler of its own, and no rollout starts where the API server refuses that, as it does with minReplicas above maxReplicas. It reads primaryScalerQueries for a ScaledObject only.",
		Fix:     "Remove autoscalerRef from a DaemonSet. For a Deployment write the kind that there is, with its own apiVersion and fields.",
		Source:  "fluxcd/flagger pkg/canary/hpa_reconciler.go",
		Bad: `
# Application spec.syncPolicies[0].rollout
workload:
  kind: DaemonSet
  name: shop
  namespace: shop
»autoscalerRef:
  name: shop
`,
		Good: `
# Application spec.syncPolicies[0].rollout
workload:
  kind: Deployment
  name: shop
  namespace: shop
autoscalerRef:
  name: shop
`,
	},
	{
		Code: NoAlertProvider, Severity: Warning,
		Title:   "the AlertProvider does not exist",
		Ignored: "Where the cluster has no such AlertProvider either, Flagger only writes an error into its log. Nobody is told that a rollout has failed.",
		Fix:     "Add the AlertProvider to the inputs, or correct the name. Where it is made on the cluster by other means, there is nothing to mend.",
		Source:  "fluxcd/flagger pkg/controller/events.go, alert",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
alerts:
- name: on-call
  providerRef:
    name: »chat
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
alerts:
- name: on-call
  providerRef:
    name: chat
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata:
  name: chat
  namespace: shop
spec:
  type: slack
  secretRef:
    name: chat
`,
	},
	{
		Code: AlertNamespace, Severity: Error, Structural: true,
		Title:   "the AlertProvider is in a namespace that is not there yet",
		Ignored: "Flux applies the AlertProvider together with the rollouts, and nothing before them makes its namespace. Where the cluster does not have it already, the API server refuses the AlertProvider, and Flux applies none of the Application's rollouts.",
		Fix:     "Put the AlertProvider into the namespace of the workload or of Flagger.",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
alerts:
- name: on-call
  providerRef:
    name: chat
    namespace: »alerts
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata:
  name: chat
  namespace: alerts
spec:
  type: slack
  secretRef:
    name: chat
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
alerts:
- name: on-call
  providerRef:
    name: chat
    namespace: kuma-system
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata:
  name: chat
  namespace: kuma-system
spec:
  type: slack
  secretRef:
    name: chat
`,
	},
	{
		Code: BadAlertProvider, Severity: Error, Structural: true,
		Title:   "an AlertProvider has an address or a secretRef",
		Ignored: "Flagger's CRD takes exactly one of address and secretRef. The API server refuses the AlertProvider, and Flux applies none of the rollouts beside it.",
		Fix:     "Keep the address of most chats in a Secret with the key address, and name it in secretRef. Write address itself only where it is no secret.",
		Source:  "fluxcd/flagger artifacts/flagger/crd.yaml, oneOf of AlertProvider",
		Bad: `
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata:
  name: chat
  namespace: shop
»spec:
  type: slack
---
# Application spec.syncPolicies[0].rollout.rolloutPolicy
alerts:
- name: on-call
  providerRef:
    name: chat
`,
		Good: `
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata:
  name: chat
  namespace: shop
spec:
  type: slack
  secretRef:
    name: chat
---
# Application spec.syncPolicies[0].rollout.rolloutPolicy
alerts:
- name: on-call
  providerRef:
    name: chat
`,
	},
	{
		Code: PatchMatchesNothing, Severity: Error, Structural: true,
		Title:   "the patch means no object of the rollout",
		Ignored: "The patch changes nothing, and nobody notices: the cluster gets the object as it is without it.",
		Fix:     "Name an object of the rollout: the message lists them. A patch without a target names its kind, name and namespace itself.",
		Bad: `
# Application spec.syncPolicies[0].rollout
patches:
- »target:
    kind: Deployment
    name: shop-loadtester
  patch: |
    - op: add
      path: /spec/replicas
      value: 2
`,
		Good: `
# Application spec.syncPolicies[0].rollout
patches:
- target:
    kind: Deployment
    name: shop-testloader
  patch: |
    - op: add
      path: /spec/replicas
      value: 2
`,
	},
	{
		Code: PatchFails, Severity: Error, Structural: true,
		Title:   "the patch does not fit the object",
		Ignored: "The object would be rendered without the patch, and the rollout would run in another way than the patch says.",
		Fix:     "Correct the path of the operation. Use add for what is not there yet, and replace or remove for what is.",
		Bad: `
# Application spec.syncPolicies[0].rollout
patches:
- target:
    kind: Canary
  patch: »|
    - op: replace
      path: /spec/analysis/metrics/1/interval
      value: 2m
`,
		Good: `
# Application spec.syncPolicies[0].rollout
patches:
- target:
    kind: Canary
  patch: |
    - op: replace
      path: /spec/analysis/metrics/0/interval
      value: 2m
`,
	},
	{
		Code: PatchBreaks, Severity: Error, Structural: true,
		Title:   "what the patches make is not valid",
		Ignored: "The API server would refuse the object, or other objects would no longer fit to it: a Canary's port, for one, is also that of the Ingress and of Kuma's annotations. Either Flux applies nothing of the rollout, or its traffic goes astray.",
		Fix:     "Patch only what the object's kind has, with values that it takes. What the rollout says itself, such as port, serviceName or meshName, is changed there.",
		Bad: `
# Application spec.syncPolicies[0].rollout
patches:
- »target:
    kind: Canary
  patch: |
    - op: replace
      path: /spec/analysis/stepWeight
      value: ten
`,
		Good: `
# Application spec.syncPolicies[0].rollout
patches:
- target:
    kind: Canary
  patch: |
    - op: replace
      path: /spec/analysis/stepWeight
      value: 10
`,
	},
	{
		Code: MaxWeightIgnored, Severity: Warning,
		Title:   "Flagger ignores maxWeight beside stepWeights",
		Ignored: "Beside stepWeights Flagger takes the last of them for the largest weight. The new version may get more traffic than maxWeight says.",
		Fix:     "Remove maxWeight, and let the last of stepWeights be the largest share that the new version gets.",
		Source:  "fluxcd/flagger pkg/controller/scheduler.go, maxWeight",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
  stepWeights: [10, 20, 80]
  maxWeight: »50
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
  stepWeights: [10, 20, 50]
`,
	},
	{
		Code: NoCommand, Severity: Error,
		Title:   "the webhook has no command",
		Ignored: "Without a url the webhook goes to the load tester, which answers a call without metadata with an error. A check fails every time, so each new version is rolled back; a gate stays shut.",
		Fix:     "Add metadata with the type and the command, or the url of what is to answer.",
		Source:  "fluxcd/flagger pkg/loadtester/server.go",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
webhooks:
- »name: acceptance
  type: pre-rollout
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
webhooks:
- name: acceptance
  type: pre-rollout
  metadata:
    type: bash
    cmd: curl -sf http://shop-canary.shop:8080/health
`,
	},
	{
		Code: FieldTooNew, Severity: Error, Structural: true,
		Title:   "the fleet's Flagger does not have the field",
		Ignored: "The CRD of that Flagger does not have the field or the value. The API server refuses the object, and Flux applies nothing of the rollout.",
		Fix:     "Install a newer Flagger, or remove the field. Of a range such as 1.x nothing is said, since nobody knows which version it becomes.",
		Source:  "fluxcd/flagger CHANGELOG.md",
		Bad: `
# Fleet spec.plugin.flagger
chart:
  version: 1.38.0
---
# Application spec.syncPolicies[0].rollout.rolloutPolicy
webhooks:
- name: gate
  type: confirm-promotion
  url: https://gate.example.com/
  disableTLS: »true
`,
		Good: `
# Fleet spec.plugin.flagger
chart:
  version: 1.39.0
---
# Application spec.syncPolicies[0].rollout.rolloutPolicy
webhooks:
- name: gate
  type: confirm-promotion
  url: https://gate.example.com/
  disableTLS: true
`,
	},
	{
		Code: StepsStandStill, Severity: Error, Structural: true,
		Title:   "the steps move no traffic",
		Ignored: "Flagger adds the difference between two steps to the weight. Where it is not more than nothing, it stays at that weight: as long as the checks are good, the rollout is neither promoted nor undone.",
		Fix:     "Let each step be more than the one before it, and the first more than 0.",
		Source:  "fluxcd/flagger pkg/controller/scheduler.go, nextStepWeight",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
  stepWeights: [10, »10, 50]
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
  stepWeights: [10, 20, 50]
`,
	},
	{
		Code: FlaggerVersion, Severity: Error, Structural: true,
		Title:   "the version of Flagger is not supported",
		Ignored: "What fleetwright renders is made for the CRDs of Flagger 1.36 and newer. An older one may not have a field, and the API server then refuses the Canary; or it reads it otherwise, as appProtocol tcp, which is no route of layer 4 there.",
		Fix:     "Name version 1.36.0 or a newer one, or leave the version out for the one that fleetwright pins.",
		Source:  "fluxcd/flagger CHANGELOG.md",
		Bad: `
# Fleet spec.plugin.flagger
chart:
  version: »1.35.0
`,
		Good: `
# Fleet spec.plugin.flagger
chart:
  version: 1.44.0
`,
	},
	{
		Code: NeverEnds, Severity: Error,
		Title:   "the patches leave a rollout that never promotes a version",
		Ignored: "Flagger would come to a step that it never leaves, or undo every version however good it is. No new version would reach the users, and nothing says why.",
		Fix:     "Take back what the patch changes of the analysis. Where the rule is ignored, fleetwright plan shows where the rollout stays.",
		Source:  "fluxcd/flagger pkg/controller/scheduler.go, runPromotionTrafficShift; pkg/router/ingress.go, GetRoutes",
		On:      "nginx",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
analysisTimes: 10
match: [{headers: {x-canary: {exact: insider}}}]
---
# Application spec.syncPolicies[0].rollout
»patches:
- target: {kind: Canary}
  patch: |
    - op: add
      path: /spec/analysis/stepWeightPromotion
      value: 25
`,
		Good: `
# Application spec.syncPolicies[0].rollout
patches:
- target: {kind: Canary}
  patch: |
    - op: add
      path: /spec/analysis/stepWeightPromotion
      value: 25
`,
	},
	{
		Code: LongerThanTimeout, Severity: Info,
		Title:   "a rollout takes longer than its rolloutTimeoutSeconds",
		Ignored: "Nothing ends the rollout then. Flagger takes the timeout for how long the pods of a version may not be ready, and a rollout of any length goes on; where a gate waits it goes on for ever. Each check at which pods are not ready makes it longer by an interval.",
		Fix:     "Nothing has to be done. For shorter rollouts use a shorter checkIntervalSeconds or fewer steps; fleetwright plan shows what they take.",
		Source:  "fluxcd/flagger pkg/canary/deployment_ready.go, isDeploymentReady",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
rolloutTimeoutSeconds: »300
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
rolloutTimeoutSeconds: 3600
`,
	},
	{
		Code: ShortInterval, Severity: Warning,
		Title:   "the interval is too short",
		Ignored: "Flagger checks at most every ten seconds, whatever the Canary says, so the rollout takes longer than it seems to. A metric's window of a few seconds holds one sample of Prometheus or none, and a rate needs two: the check fails for want of values.",
		Fix:     "Set 10 seconds or more; for the window of a metric, a few times the interval at which Prometheus scrapes.",
		Source:  "fluxcd/flagger pkg/apis/flagger/v1beta1/canary.go, GetAnalysisInterval; fluxcd/flagger#312",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
checkIntervalSeconds: »5
webhooks: {timeoutSeconds: 5, command: [hey -z 5s http://shop-canary.shop:8080/]}
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
checkIntervalSeconds: 10
webhooks: {timeoutSeconds: 5, command: [hey -z 5s http://shop-canary.shop:8080/]}
`,
	},
	{
		Code: StepTooLarge, Severity: Warning,
		Title:   "the first step is larger than maxWeight",
		Ignored: "Flagger looks at maxWeight before it takes a step, not after. The first step gives the new version more traffic than it was ever to get before it is promoted.",
		Fix:     "Let stepWeight be at most maxWeight.",
		Source:  "fluxcd/flagger pkg/controller/scheduler.go, runCanary; fluxcd/flagger#312",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
  stepWeight: »60
  maxWeight: 50
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
  stepWeight: 25
  maxWeight: 50
`,
	},
	{
		Code: StepsOvershoot, Severity: Warning,
		Title:   "the steps lead past maxWeight",
		Ignored: "Flagger takes another step while the weight is below maxWeight, and holds the sum to 100 only. With steps of 20 and a maxWeight of 50 the new version gets 20, 40 and then 60 percent of the traffic.",
		Fix:     "Choose a stepWeight that divides maxWeight, or a maxWeight that the steps meet.",
		Source:  "fluxcd/flagger pkg/controller/scheduler.go, runCanary",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
  stepWeight: 20
  maxWeight: »50
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
  stepWeight: 20
  maxWeight: 60
`,
	},
	{
		Code: ZeroThreshold, Severity: Warning,
		Title:   "a threshold of 0 is one of 1",
		Ignored: "Flagger takes 0 failed checks for 1. Read as \"never give up\" it does the opposite: the first check that fails undoes the rollout.",
		Fix:     "Write 1 if that is meant, or how many checks may fail.",
		Source:  "fluxcd/flagger pkg/apis/flagger/v1beta1/canary.go, GetAnalysisThreshold",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
checkFailedTimes: »0
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
checkFailedTimes: 1
`,
	},
	{
		Code: ReadinessTimeout, Severity: Warning,
		Title:   "a new version has no time to become ready",
		Ignored: "Flagger looks only with each check whether the new version is ready. One that has been unavailable for longer than rolloutTimeoutSeconds is given up at the first look, though it would have been ready at the second.",
		Fix:     "Let rolloutTimeoutSeconds be longer than checkIntervalSeconds, by as much as the pods take to start.",
		Source:  "fluxcd/flagger pkg/canary/deployment_ready.go, isDeploymentReady",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
rolloutTimeoutSeconds: »30
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
rolloutTimeoutSeconds: 300
`,
	},
	{
		Code: WebhookTimeouts, Severity: Warning,
		Title:   "the webhooks may take longer than the interval",
		Ignored: "Flagger calls the webhooks of a check one after the other and waits for each as long as its timeout. Where they are slow the next check comes late, and the rollout takes longer than it seems to.",
		Fix:     "Let the timeouts of all webhooks of type rollout add up to no more than checkIntervalSeconds.",
		Source:  "fluxcd/flagger docs/gitbook/usage/webhooks.md",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
checkIntervalSeconds: 30
webhooks:
  timeoutSeconds: »60
  command: [hey -z 30s http://shop-canary.shop:8080/]
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
checkIntervalSeconds: 30
webhooks:
  timeoutSeconds: 10
  command: [hey -z 30s http://shop-canary.shop:8080/]
`,
	},
	{
		Code: NothingChecked, Severity: Warning,
		Title:   "the rollout checks nothing",
		Ignored: "Every version is promoted, also one that answers each request with an error. A load test is no check: the load tester answers before it has run.",
		Fix:     "Add a metric, or a webhook whose answer depends on something.",
		Source:  "fluxcd/flagger pkg/controller/scheduler.go, runAnalysis; pkg/loadtester/server.go",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
»trafficAnalysis:
  checkIntervalSeconds: 60
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
trafficAnalysis:
  checkIntervalSeconds: 60
  metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]
`,
	},
	{
		Code: ThresholdNeverMet, Severity: Error,
		Title:   "no value meets the threshold",
		Ignored: "Every check of the metric fails, so every rollout is undone.",
		Fix:     "request-success-rate is in percent, from 0 to 100, and request-duration in milliseconds.",
		Source:  "fluxcd/flagger pkg/controller/scheduler_metrics.go, runBuiltinMetricChecks",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: request-success-rate
  thresholdRange: {min: »999}
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: request-success-rate
  thresholdRange: {min: 99.9}
`,
	},
	{
		Code: ThresholdUnit, Severity: Warning,
		Title:   "the threshold looks like one in another unit",
		Ignored: "With a min of 0.99 a version that fails 99 of 100 requests is promoted. With a max of 5 one that answers in six milliseconds is not.",
		Fix:     "request-success-rate is in percent, from 0 to 100, and request-duration in milliseconds.",
		Source:  "fluxcd/flagger docs/gitbook/usage/metrics.md",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: request-success-rate
  thresholdRange: {min: »0.99}
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: request-success-rate
  thresholdRange: {min: 99}
`,
	},
	{
		Code: ThresholdSide, Severity: Warning,
		Title:   "the threshold keeps good versions back",
		Ignored: "A success rate is good when it is large, and a duration when it is small. With the other end of the range alone good versions fail and bad ones are promoted.",
		Fix:     "Write a min for request-success-rate, and a max for request-duration.",
		Source:  "fluxcd/flagger pkg/controller/scheduler_metrics.go, runBuiltinMetricChecks",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: request-success-rate
  thresholdRange: {max: »99}
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: request-success-rate
  thresholdRange: {min: 99}
`,
	},
	{
		Code: BadQueryTemplate, Severity: Error, Structural: true,
		Title:   "Flagger cannot fill in the query",
		Ignored: "Flagger fills in a query as a Go template that has functions and no data. What it does not know is an error, so every check of the metric fails and the rollout is undone.",
		Fix:     "Use {{ name }}, {{ namespace }}, {{ target }}, {{ service }}, {{ ingress }}, {{ route }} and {{ interval }}, without a dot, and {{ variables.x }} for what is in the metric's templateVariables.",
		Source:  "fluxcd/flagger pkg/metrics/observers/render.go; pkg/apis/flagger/v1beta1/metric.go, TemplateFunctions",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: errors
  thresholdRange: {max: 1}
  customMetric:
    provider: {type: prometheus, address: http://prometheus-server.mesh-observability:80}
    query: »'sum(rate(errors_total{app="{{ workload }}"}[{{ interval }}]))'
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: errors
  thresholdRange: {max: 1}
  customMetric:
    provider: {type: prometheus, address: http://prometheus-server.mesh-observability:80}
    query: 'sum(rate(errors_total{app="{{ target }}"}[{{ interval }}]))'
`,
	},
	{
		Code: BadQuery, Severity: Error,
		Title:   "Prometheus does not take the query",
		Ignored: "Prometheus answers with an error, so every check of the metric fails and the rollout is undone. The same happens where it answers with the values of a time range, or with a scalar: Flagger takes a vector. Flagger sends the query as one line, in which a comment hides all that follows it.",
		Fix:     "Mend the query. One without comments that Prometheus shows as an instant vector is right.",
		Source:  "prometheus/prometheus promql/parser; fluxcd/flagger pkg/metrics/providers/prometheus.go",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: errors
  thresholdRange: {max: 1}
  customMetric:
    provider: {type: prometheus, address: http://prometheus-server.mesh-observability:80}
    query: »'sum(rate(errors_total{app="{{ target }}"}[{{ interval }}])'
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: errors
  thresholdRange: {max: 1}
  customMetric:
    provider: {type: prometheus, address: http://prometheus-server.mesh-observability:80}
    query: 'sum(rate(errors_total{app="{{ target }}"}[{{ interval }}]))'
`,
	},
	{
		Code: QueryOfAll, Severity: Warning,
		Title:   "the query measures more than the rollout",
		Ignored: "Prometheus has the metric of every service of the cluster. Errors of another one undo this rollout, and its good answers hide the errors of the new version.",
		Fix:     "Select by labels that only the new version has, with {{ target }} or {{ service }} in their values.",
		Source:  "Kurator's own example of a rollout with Kuma",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: errors
  thresholdRange: {max: 1}
  customMetric:
    provider: {type: prometheus, address: http://prometheus-server.mesh-observability:80}
    query: »'sum(rate(errors_total[{{ interval }}]))'
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: errors
  thresholdRange: {max: 1}
  customMetric:
    provider: {type: prometheus, address: http://prometheus-server.mesh-observability:80}
    query: 'sum(rate(errors_total{app="{{ target }}"}[{{ interval }}]))'
`,
	},
	{
		Code: NoMetricInterval, Severity: Error,
		Title:   "a metric with a template has no interval",
		Ignored: "Flagger has a default for its own metrics only. In the query of a template {{ interval }} is nothing then, and Prometheus refuses [].",
		Fix:     "Leave the interval, or set another.",
		Source:  "fluxcd/flagger pkg/controller/scheduler_metrics.go, runMetricChecks",
		Bad: `
# Application spec.syncPolicies[0].rollout
patches:
- »patch: |
    - {op: remove, path: /spec/analysis/metrics/0/interval}
  target: {kind: Canary}
`,
		Good: `
# Application spec.syncPolicies[0].rollout
patches:
- patch: |
    - {op: replace, path: /spec/analysis/metrics/0/interval, value: 2m}
  target: {kind: Canary}
`,
	},
	{
		Code: BadAddress, Severity: Error,
		Title:   "the address of a metric is no URL",
		Ignored: "Flagger asks nobody, so every check of the metric fails and the rollout is undone.",
		Fix:     "Write the URL with its scheme: http://prometheus.monitoring:9090.",
		Source:  "fluxcd/flagger pkg/metrics/providers",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: errors
  thresholdRange: {max: 1}
  customMetric:
    provider: {type: prometheus, address: »prometheus.monitoring:9090}
    query: 'sum(rate(errors_total{app="{{ target }}"}[{{ interval }}]))'
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
metrics:
- name: errors
  thresholdRange: {max: 1}
  customMetric:
    provider: {type: prometheus, address: http://prometheus.monitoring:9090}
    query: 'sum(rate(errors_total{app="{{ target }}"}[{{ interval }}]))'
`,
	},
	{
		Code: LoadTestElsewhere, Severity: Warning,
		Title:   "the load test does not reach the rollout",
		Ignored: "The new version gets no requests from the load test. Where no others come in either there is nothing to measure, so every check fails; where they do the load test adds nothing but load for somebody else.",
		Fix:     "Send the load to the Service of the rollout, or to its -canary, at its port; on nginx to the host of the Ingress.",
		Source:  "fluxcd/flagger docs/gitbook/usage/webhooks.md, Load Testing",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks:
  command:
  - »hey -z 50s -q 10 http://podinfo-canary.test:9898/
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks:
  command:
  - hey -z 50s -q 10 http://shop-canary.shop:8080/
`,
	},
	{
		Code: CommandAsGate, Severity: Warning,
		Title:   "a gate is always open",
		Ignored: "A load tester answers a task of type cmd or ngrinder before it has run, and never looks at what comes of it. A gate passes whatever the task finds, and a rollback undoes every rollout.",
		Fix:     "Use type bash, whose command is waited for and must succeed.",
		Source:  "fluxcd/flagger pkg/loadtester/server.go; docs/gitbook/usage/webhooks.md",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
webhooks:
- name: smoke
  type: pre-rollout
  »metadata: {cmd: curl -sf http://shop-canary.shop:8080/health}
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
webhooks:
- name: smoke
  type: pre-rollout
  metadata: {type: bash, cmd: curl -sf http://shop-canary.shop:8080/health}
`,
	},
	{
		Code: UnknownTask, Severity: Error,
		Title:   "a load tester has no such task",
		Ignored: "The load tester fails at a type that it does not know and never answers, so the webhook never passes.",
		Fix:     "Use bash for a check, cmd for a load test, or helm, kubectl, concord or ngrinder.",
		Source:  "fluxcd/flagger pkg/loadtester/task.go, GetTaskFactory",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
webhooks:
- name: smoke
  type: pre-rollout
  metadata: {type: »shell, cmd: curl -sf http://shop-canary.shop:8080/health}
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
webhooks:
- name: smoke
  type: pre-rollout
  metadata: {type: bash, cmd: curl -sf http://shop-canary.shop:8080/health}
`,
	},
	{
		Code: UnknownCommand, Severity: Warning,
		Title:   "the load tester does not have the command",
		Ignored: "The command fails in the load tester. Of a load test nobody sees it: no load is made, and there is nothing to measure. A task of type bash never passes.",
		Fix:     "Use what is in the image: hey, wrk, ghz, curl, jq, bats, grpc_health_probe, helm, kubectl, git, and what busybox has.",
		Source:  "fluxcd/flagger Dockerfile.loadtester",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks:
  command:
  - »ab -n 1000 http://shop-canary.shop:8080/
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks:
  command:
  - hey -n 1000 http://shop-canary.shop:8080/
`,
	},
	{
		Code: BadCommand, Severity: Error,
		Title:   "a shell does not take the command",
		Ignored: "The command fails before it begins. Of a load test nobody sees it: no load is made, and there is nothing to measure.",
		Fix:     "Check quotes, brackets and what follows a | or &&.",
		Source:  "fluxcd/flagger pkg/loadtester/task_shell.go",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks:
  command:
  - »hey -z 50s "http://shop-canary.shop:8080/
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks:
  command:
  - hey -z 50s "http://shop-canary.shop:8080/"
`,
	},
	{
		Code: TesterOutsideMesh, Severity: Warning,
		Title:   "the load tester is not in the mesh",
		Ignored: "A mesh splits the traffic in the sidecar of who sends it. Without one the load goes to a pod of the Service alone, past all weights.",
		Fix:     "Use the load tester of the rollout, or the fleet's public one, whose namespace has sidecars.",
		Source:  "kumahq/kuma UPGRADE.md, 2.11; deployments/charts/kuma/templates/cp-webhooks-and-secrets.yaml",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
webhooks:
- name: load
  url: »http://flagger-loadtester.kuma-system/
  metadata: {cmd: hey -z 50s http://shop-canary.shop:8080/}
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy
webhooks:
- name: load
  metadata: {cmd: hey -z 50s http://shop-canary.shop:8080/}
`,
	},
	{
		Code: LoadEnds, Severity: Warning,
		Title:   "the load test has ended when the metrics are asked for",
		Ignored: "A check looks at the load that an earlier one began, through the window of the metric's interval. Where that load ended before, and no other requests come in, there is nothing to measure and the check fails. A load tester leaves out a command that still runs: load as long as the time between two checks begins with every second one only, and the others see nothing. Load of a pre-rollout webhook is there once, for the first checks.",
		Fix:     "Let the load last almost as long as the time between two checks: 50s for 60, or look at more time with the metric's intervalSeconds. Load for the whole analysis belongs into a webhook of type rollout.",
		Source:  "fluxcd/flagger pkg/controller/scheduler.go, runAnalysis; pkg/loadtester/runner.go, runAll",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks:
  command:
  - »hey -z 1m -q 10 http://shop-canary.shop:8080/
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
webhooks:
  command:
  - hey -z 50s -q 10 http://shop-canary.shop:8080/
`,
	},
}
