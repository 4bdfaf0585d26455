package diag

// schemaRules are those of syntax and schema, 1xx.
var schemaRules = []Rule{
	{
		Code: Syntax, Severity: Error, Structural: true,
		Title:   "the file is not YAML",
		Ignored: "Nothing of the file is read from the mistake on. What it defines there would be missing in the tree, and Flux deletes from the clusters what is no longer in Git.",
		Fix:     "Mend the place that the message points at. Where it points below the mistake, look for quotes, brackets and indentation in the lines above.",
		Source:  "YAML 1.2.2",
		Bad: `
# Application spec.source.gitRepository
url: »"https://example.com/shop.git
`,
		Good: `
# Application spec.source.gitRepository
url: "https://example.com/shop.git"
`,
	},
	{
		Code: DuplicateKey, Severity: Error, Structural: true,
		Title:   "a key is set twice",
		Ignored: "A mapping has each key once. Of two, kubectl refuses the document and an API server that only warns keeps the last, so that what is in force is not what somebody reads further up.",
		Fix:     "Remove one of the two. Where they are meant for two objects, give each its own item or document.",
		Source:  "YAML 1.2.2, 3.2.1.1; kubernetes/enhancements KEP-2885",
		Bad: `
# Application spec.syncPolicies[0].rollout
port: 80
»port: 8080
`,
		Good: `
# Application spec.syncPolicies[0].rollout
port: 8080
`,
	},
	{
		Code: Oversized, Severity: Error, Structural: true,
		Title:   "aliases stand for too much",
		Ignored: "An alias that contains itself has no end, and a few lines with aliases of aliases stand for billions of values. Kubernetes refuses such a document: read to its end, it takes all memory that an API server has.",
		Fix:     "Write the values out where the alias stands.",
		Source:  "CVE-2019-11253; go.yaml.in/yaml/v2 decode.go, alias",
		Bad: `
# Application metadata
labels: &labels
  team: »*labels
`,
		Good: `
# Application metadata
labels:
  team: shop
`,
	},
	{
		Code: Encoding, Severity: Error, Structural: true,
		Title:   "the file is not UTF-8 text",
		Ignored: "An API server reads what Flux applies as YAML, which has no bytes that are not UTF-8 and almost no control characters. It refuses the object, and the whole Kustomization that it is in fails.",
		Fix:     "Save the file as UTF-8, and remove characters that nobody sees. They are often left over from a file in another encoding, as U+0080 is from the euro sign of Windows-1252.",
		Source:  "YAML 1.2.2, 5.1; go.yaml.in/yaml/v2 readerc.go",
		Bad: `
# Application spec.syncPolicies[0].kustomization
commonMetadata:
  annotations:
    example.com/price: »"5 \u0080"
`,
		Good: `
# Application spec.syncPolicies[0].kustomization
commonMetadata:
  annotations:
    example.com/price: "5 €"
`,
	},
	{
		Code: UnknownKind, Severity: Error, Structural: true,
		Title:   "the kind is not one that fleetwright reads",
		Ignored: "The document would be passed over like those of other tools. A cluster, a Fleet or an Application would be missing in the tree, and Flux deletes from the clusters what is no longer in Git.",
		Fix:     "Write the apiVersion and the kind as the message says. fleetwright schema shows what a kind looks like.",
		Bad: `
apiVersion: cluster.kurator.dev/v1alpha1
kind: »AtachedCluster
metadata:
  name: us
`,
		Good: `
apiVersion: cluster.kurator.dev/v1alpha1
kind: AttachedCluster
metadata:
  name: us
`,
	},
	{
		Code: OtherDocuments, Severity: Info,
		Title:   "documents of other kinds are left out",
		Ignored: "The documents are not in what is rendered, so no cluster gets them from there.",
		Fix:     "Leave them out of what fleetwright reads, and keep them where a policy's path or another Flux Kustomization finds them. Where that is so already, there is nothing to do.",
		Bad: `
# Application spec.syncPolicies[0].kustomization
path: ./deploy
---
»apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: shop
`,
		Good: `
# Application spec.syncPolicies[0].kustomization
path: ./deploy # holds the Deployment
`,
	},
	{
		Code: BadIgnore, Severity: Error, Structural: true,
		Title:   "the comment ignores nothing that can be ignored",
		Ignored: "The diagnostic that was to be ignored is said all the same, or a reader never learns why it is not.",
		Fix:     "Write the code and the reason behind it: # fleetwright: ignore FW308 the container listens on 80. What is always an error cannot be ignored.",
		Bad: `
# Application spec.syncPolicies[0].rollout
port: 80 »# fleetwright: ignore FW308
targetPort: 8080
`,
		Good: `
# Application spec.syncPolicies[0].rollout
port: 80 # fleetwright: ignore FW308 the container listens on 80
`,
	},
	{
		Code: UnusedIgnore, Severity: Warning,
		Title:   "there is nothing to ignore",
		Ignored: "Nothing happens today. The comment hides the next mistake in its line, which nobody has looked at.",
		Fix:     "Remove the comment, or put it in the line that the diagnostic points at, or above it.",
		Bad: `
# Application spec.syncPolicies[0].rollout
»# fleetwright: ignore FW308 the container listens on 80
port: 8080
`,
		Good: `
# Application spec.syncPolicies[0].rollout
# fleetwright: ignore FW308 the container listens on 80
port: 80
`,
	},
	{
		Code: UnknownField, Severity: Error, Structural: true,
		Title:   "the field does not exist",
		Ignored: "An API server refuses the object, or drops the field and says nothing. What was meant is then left to a default: without its maxWeight, a rollout sends all traffic to the new version before it is promoted.",
		Fix:     "Correct the name, or move the field to where it belongs. The hint says which name or place is near.",
		Source:  "kubernetes/enhancements KEP-2885",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
  stepWeight: 10
  »maxWieght: 50
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting
canaryStrategy:
  stepWeight: 10
  maxWeight: 50
`,
	},
	{
		Code: WrongType, Severity: Error, Structural: true,
		Title:   "the value has another type",
		Ignored: "An API server refuses the object, and the clusters stay as they were. A plain value may not be what it looks like: Kubernetes reads yes and on as true, and 1.10 as the number 1.1.",
		Fix:     "Write a value of the type that the message names. Put text in quotes where YAML takes it for something else, and numbers and booleans in none.",
		Bad: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
checkIntervalSeconds: »1m
`,
		Good: `
# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis
checkIntervalSeconds: 60
`,
	},
	{
		Code: MissingField, Severity: Error, Structural: true,
		Title:   "a field is missing",
		Ignored: "An API server refuses an object without a field that it requires. A default would be a guess: prune, for one, decides whether Flux deletes what is taken out of Git.",
		Fix:     "Add the field. The hint shows a value that it may have.",
		Bad: `
# Application spec.syncPolicies[0]
»kustomization:
  path: ./deploy
  interval: 10m
`,
		Good: `
# Application spec.syncPolicies[0]
kustomization:
  path: ./deploy
  interval: 10m
  prune: true
`,
	},
	{
		Code: NotAllowed, Severity: Error, Structural: true,
		Title:   "the value is not one of those allowed",
		Ignored: "An API server refuses an object with such a value, and the whole Kustomization that it is in fails. Flagger's CRD, for one, takes no StatefulSet for the target of a Canary.",
		Fix:     "Write one of the values that the message lists.",
		Source:  "fluxcd/flagger artifacts/flagger/crd.yaml, targetRef.kind",
		Bad: `
# Application spec.syncPolicies[0].rollout
workload:
  kind: »StatefulSet
  name: shop
  namespace: shop
`,
		Good: `
# Application spec.syncPolicies[0].rollout
workload:
  kind: Deployment
  name: shop
  namespace: shop
`,
	},
	{
		Code: OutOfBounds, Severity: Error, Structural: true,
		Title:   "the number is too small or too large",
		Ignored: "An API server refuses the object, as it does a Service with a port above 65535. A number that it lets through is taken at its word: with a timeout of 0s nothing is ever fetched, and no value is at least 99 and at most 1.",
		Fix:     "Write a number or a duration between the bounds that the message names.",
		Bad: `
# Application spec.syncPolicies[0].rollout
port: »80800
`,
		Good: `
# Application spec.syncPolicies[0].rollout
port: 8080
`,
	},
	{
		Code: WrongFormat, Severity: Error, Structural: true,
		Title:   "the text has another form",
		Ignored: "The reader of the text refuses it. An API server refuses the object, and the whole Kustomization that it is in fails; Flux never fetches from the URL; Flagger's checks fail, and each new version is rolled back.",
		Fix:     "Write the text as the message says. The hint shows what was probably meant. The formats, and who reads each, are listed in docs/fields.md.",
		Bad: `
# Application spec.syncPolicies[0].kustomization
interval: »10 minutes
`,
		Good: `
# Application spec.syncPolicies[0].kustomization
interval: 10m
`,
	},
	{
		Code: OneSource, Severity: Error, Structural: true,
		Title:   "an Application has one source",
		Ignored: "Kurator takes the gitRepository before the helmRepository, and that before the ociRepository. It says nothing of the others, whose changes never get to a cluster. Without any source, Flux has nothing to apply.",
		Fix:     "Keep one of gitRepository, helmRepository and ociRepository. Make an Application of its own for each further source.",
		Source:  "kurator-dev/kurator pkg/fleet-manager/application/helper.go, findSourceKind",
		Bad: `
# Application spec.source
gitRepository:
  url: https://example.com/shop.git
  interval: 5m
»helmRepository:
  url: https://example.com/charts
  interval: 5m
`,
		Good: `
# Application spec.source
gitRepository:
  url: https://example.com/shop.git
  interval: 5m
`,
	},
	{
		Code: OnePolicy, Severity: Error, Structural: true,
		Title:   "a sync policy is a kustomization or a helm release",
		Ignored: "Kurator applies nothing of a policy that is neither, and of one that is both only the kustomization. It reports no error.",
		Fix:     "Give the policy a kustomization or a helm release. Make two policies of one that has both.",
		Source:  "kurator-dev/kurator pkg/fleet-manager/application/helper.go, getSyncPolicyKind",
		Bad: `
# Application spec
syncPolicies:
- »name: shop
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
}
