// Code generated from templates/diagnostics by make generate; DO NOT EDIT.

package diag

// The codes of the catalogue.
const (
	Syntax           Code = "FW101" // the file is not YAML
	DuplicateKey     Code = "FW102" // a key is set twice
	Oversized        Code = "FW103" // there is too much to read
	Encoding         Code = "FW104" // the file is not UTF-8 text
	UnknownKind      Code = "FW105" // the kind is not one that fleetwright reads
	OtherDocuments   Code = "FW106" // documents of other kinds are left out
	BadIgnore        Code = "FW107" // the comment ignores nothing that can be ignored
	UnusedIgnore     Code = "FW108" // there is nothing to ignore
	UnknownField     Code = "FW110" // the field does not exist
	WrongType        Code = "FW111" // the value has another type
	MissingField     Code = "FW112" // a field is missing
	NotAllowed       Code = "FW113" // the value is not one of those allowed
	OutOfBounds      Code = "FW114" // the number is too small or too large
	WrongFormat      Code = "FW115" // the text has another form
	CredentialInURL  Code = "FW116" // a URL holds a credential that a Secret is for
	CredentialInText Code = "FW117" // a URL holds a credential
	OneSource        Code = "FW120" // an Application has one source
	OnePolicy        Code = "FW121" // a sync policy is a kustomization or a helm release

	NothingToCompile    Code = "FW200" // there is nothing to compile
	DefinedTwice        Code = "FW201" // an object is defined twice
	NoFleet             Code = "FW202" // the fleet does not exist
	NoCluster           Code = "FW203" // the cluster does not exist
	SelectsNothing      Code = "FW204" // the selector selects no cluster
	FleetsDiffer        Code = "FW205" // an Application goes to one fleet
	NoFlagger           Code = "FW206" // nothing on the clusters runs the rollout
	ProvidersDiffer     Code = "FW207" // the fleet has another provider than the rollout
	PositionalName      Code = "FW208" // a name comes from a position
	ClusterNamesMeet    Code = "FW209" // two clusters have one name
	PluginNotRendered   Code = "FW210" // fleetwright does not render the plugin
	UnknownDependency   Code = "FW211" // nothing rendered has the name that is depended on
	BadSeverity         Code = "FW212" // a severity cannot be set
	BadPath             Code = "FW213" // the path leads out of the repository
	NothingSynced       Code = "FW214" // the Application has no policies
	NoKubeconfig        Code = "FW215" // the hub cannot reach the cluster
	AlertProviderUnused Code = "FW216" // the AlertProvider goes to no cluster
	ClusterNamespace    Code = "FW217" // a fleet's clusters are in its namespace
	UnreachedCluster    Code = "FW218" // no Application reaches the cluster

	StepsExclude         Code = "FW301" // stepWeight and stepWeights exclude each other
	NoStrategy           Code = "FW302" // the rollout has no strategy
	StrategiesExclude    Code = "FW303" // canaryStrategy and analysisTimes exclude each other
	UnknownMetric        Code = "FW304" // there is no query behind the metric
	NoAddress            Code = "FW305" // the metric's provider has no address
	NoThreshold          Code = "FW306" // the metric has no threshold
	NoLoadTester         Code = "FW307" // nothing runs the load test
	GuessedTargetPort    Code = "FW308" // the container's port is probably another
	WorkloadNamespace    Code = "FW309" // the workload is not where the policy puts it
	MetricTwice          Code = "FW310" // two metrics of a rollout have one name
	NameTooLong          Code = "FW311" // a name made from this one is too long
	BadName              Code = "FW312" // a name made from this one is not one that Kubernetes takes
	MatchWithWeights     Code = "FW313" // match and weights exclude each other
	BadMatch             Code = "FW314" // a Canary does not take the condition
	AffinityNeedsWeights Code = "FW315" // session affinity needs weights
	BadAutoscaler        Code = "FW316" // the autoscaler does not fit the workload
	NoAlertProvider      Code = "FW317" // the AlertProvider does not exist
	AlertNamespace       Code = "FW318" // the AlertProvider is in a namespace that is not there yet
	BadAlertProvider     Code = "FW319" // an AlertProvider has an address or a secretRef
	PatchMatchesNothing  Code = "FW320" // the patch means no object of the rollout
	PatchFails           Code = "FW321" // the patch does not fit the object
	PatchBreaks          Code = "FW322" // what the patches make is not valid
	MaxWeightIgnored     Code = "FW323" // Flagger ignores maxWeight beside stepWeights
	NoCommand            Code = "FW324" // the webhook has no command
	FieldTooNew          Code = "FW325" // the fleet's Flagger does not have the field
	StepsStandStill      Code = "FW326" // the steps move no traffic
	FlaggerVersion       Code = "FW327" // the version of Flagger is not supported
	NeverEnds            Code = "FW328" // the patches leave a rollout that never promotes a version
	LongerThanTimeout    Code = "FW329" // a rollout takes longer than its rolloutTimeoutSeconds
	ShortInterval        Code = "FW330" // the interval is too short
	StepTooLarge         Code = "FW331" // the first step is larger than maxWeight
	StepsOvershoot       Code = "FW332" // the steps lead past maxWeight
	ZeroThreshold        Code = "FW333" // a threshold of 0 is one of 1
	ReadinessTimeout     Code = "FW334" // a new version has no time to become ready
	WebhookTimeouts      Code = "FW335" // the webhooks may take longer than the interval
	NothingChecked       Code = "FW336" // the rollout checks nothing
	ThresholdNeverMet    Code = "FW337" // no value meets the threshold
	ThresholdUnit        Code = "FW338" // the threshold looks like one in another unit
	ThresholdSide        Code = "FW339" // the threshold keeps good versions back
	BadQueryTemplate     Code = "FW340" // Flagger cannot fill in the query
	BadQuery             Code = "FW341" // Prometheus does not take the query
	QueryOfAll           Code = "FW342" // the query measures more than the rollout
	NoMetricInterval     Code = "FW343" // a metric with a template has no interval
	BadAddress           Code = "FW344" // the address of a metric is no URL
	LoadTestElsewhere    Code = "FW350" // the load test does not reach the rollout
	CommandAsGate        Code = "FW351" // a gate is always open
	UnknownTask          Code = "FW352" // a load tester has no such task
	UnknownCommand       Code = "FW353" // the load tester does not have the command
	BadCommand           Code = "FW354" // a shell does not take the command
	TesterOutsideMesh    Code = "FW355" // the load tester is not in the mesh
	LoadEnds             Code = "FW356" // the load test has ended when the metrics are asked for

	KumaVersion       Code = "FW401" // the version of Kuma is not supported
	KumaRange         Code = "FW402" // the range of versions needs different manifests
	NotOnKuma         Code = "FW403" // Flagger ignores the field on kuma
	TimeoutOnKuma     Code = "FW404" // Flagger ignores the timeout on kuma
	MeshBackend       Code = "FW405" // Kuma would refuse the Mesh
	WhichMesh         Code = "FW406" // it is not clear which Mesh the rollouts use
	NeverInjected     Code = "FW407" // the namespace never gets sidecars
	MeshServices      Code = "FW408" // Flagger cannot move the mesh's traffic
	MeshNamespace     Code = "FW409" // a Mesh has no namespace
	MetricsNotSeen    Code = "FW410" // Prometheus does not see the sidecars' metrics
	MeshFieldTooNew   Code = "FW411" // this version of Kuma does not know the field
	StrictTLS         Code = "FW412" // Flagger does not reach load testers in the mesh
	NothingAllowed    Code = "FW413" // mutual TLS denies what no permission allows
	NothingCounted    Code = "FW414" // Kuma counts no requests of the protocol
	MeshUnused        Code = "FW415" // the Mesh goes to no cluster
	NoMesh            Code = "FW416" // the Mesh does not exist
	MeshesDiffer      Code = "FW417" // the rollouts of a namespace are in one Mesh
	TesterInOtherMesh Code = "FW418" // the load tester is in another Mesh
	ReservedRoute     Code = "FW419" // the Service has the name of a route of the mesh
	ProtocolUnknown   Code = "FW420" // Kuma does not know the protocol

	NeverPolled       Code = "FW501" // the source is never polled
	RemovedByFlux     Code = "FW502" // Flux has removed the field
	FluxName          Code = "FW503" // the name is too long for Flux
	FluxVersion       Code = "FW504" // the version of Flux is not supported
	BadPatch          Code = "FW505" // kustomize would refuse the patch
	DependencyCycle   Code = "FW506" // policies wait for each other
	SourceMismatch    Code = "FW507" // the source cannot serve the policy
	NoHelmChart       Code = "FW508" // the field has no place for a chart from an ociRepository
	NoVersionInGit    Code = "FW509" // the version of a chart in a gitRepository is ignored
	DependencyKind    Code = "FW510" // a policy waits for its own kind only
	RetryAdded        Code = "FW511" // Flux would never try again
	ReplicasLeft      Code = "FW512" // Flux would set the replicas that Flagger scales
	Substituted       Code = "FW513" // Flux might replace a part of the text
	SecretsNeeded     Code = "FW514" // Secrets must be on every cluster
	WaitsForSuspended Code = "FW515" // a policy waits for one that is suspended
	UndoneByFlux      Code = "FW516" // Flux takes back a version that is not in Git before it is promoted

	ObjectTwice   Code = "FW601" // two objects of one cluster are the same
	FileTwice     Code = "FW602" // two objects have one file
	PluginsDiffer Code = "FW603" // two fleets install Flagger on one cluster
	ReleaseTwice  Code = "FW604" // two releases of one cluster have one name

	NotOnIstio        Code = "FW701" // Flagger ignores the field on istio
	IstioExpected     Code = "FW702" // Istio is expected to be there
	IstioNotInstalled Code = "FW703" // fleetwright does not install Istio
	BadRoute          Code = "FW704" // Istio would refuse the route
	NotOnNginx        Code = "FW711" // Flagger ignores the field on nginx
	NoHost            Code = "FW712" // the Ingress has no host
	HostTwice         Code = "FW713" // two rollouts have one host
	TimeoutOnNginx    Code = "FW714" // Flagger ignores the timeout on nginx
	NothingMeasured   Code = "FW715" // nothing is measured of the new version
	RouteTwice        Code = "FW716" // two rollouts have one host at one gateway

	Stale      Code = "FW801" // the output is not what render would write
	Disappears Code = "FW802" // an Application that is still among the inputs would disappear from clusters

	Internal Code = "FW901" // fleetwright has made a mistake
)

// rules are those of the catalogue, in the order of their codes.
var rules = [...]Rule{
	{Syntax, Error, true, "the file is not YAML"},
	{DuplicateKey, Error, true, "a key is set twice"},
	{Oversized, Error, true, "there is too much to read"},
	{Encoding, Error, true, "the file is not UTF-8 text"},
	{UnknownKind, Error, true, "the kind is not one that fleetwright reads"},
	{OtherDocuments, Info, false, "documents of other kinds are left out"},
	{BadIgnore, Error, true, "the comment ignores nothing that can be ignored"},
	{UnusedIgnore, Warning, false, "there is nothing to ignore"},
	{UnknownField, Error, true, "the field does not exist"},
	{WrongType, Error, true, "the value has another type"},
	{MissingField, Error, true, "a field is missing"},
	{NotAllowed, Error, true, "the value is not one of those allowed"},
	{OutOfBounds, Error, true, "the number is too small or too large"},
	{WrongFormat, Error, true, "the text has another form"},
	{CredentialInURL, Error, false, "a URL holds a credential that a Secret is for"},
	{CredentialInText, Warning, false, "a URL holds a credential"},
	{OneSource, Error, true, "an Application has one source"},
	{OnePolicy, Error, true, "a sync policy is a kustomization or a helm release"},
	{NothingToCompile, Error, true, "there is nothing to compile"},
	{DefinedTwice, Error, true, "an object is defined twice"},
	{NoFleet, Error, true, "the fleet does not exist"},
	{NoCluster, Error, true, "the cluster does not exist"},
	{SelectsNothing, Warning, false, "the selector selects no cluster"},
	{FleetsDiffer, Error, true, "an Application goes to one fleet"},
	{NoFlagger, Error, true, "nothing on the clusters runs the rollout"},
	{ProvidersDiffer, Error, true, "the fleet has another provider than the rollout"},
	{PositionalName, Warning, false, "a name comes from a position"},
	{ClusterNamesMeet, Error, true, "two clusters have one name"},
	{PluginNotRendered, Info, false, "fleetwright does not render the plugin"},
	{UnknownDependency, Warning, false, "nothing rendered has the name that is depended on"},
	{BadSeverity, Error, true, "a severity cannot be set"},
	{BadPath, Error, true, "the path leads out of the repository"},
	{NothingSynced, Warning, false, "the Application has no policies"},
	{NoKubeconfig, Error, true, "the hub cannot reach the cluster"},
	{AlertProviderUnused, Warning, false, "the AlertProvider goes to no cluster"},
	{ClusterNamespace, Warning, false, "a fleet's clusters are in its namespace"},
	{UnreachedCluster, Info, false, "no Application reaches the cluster"},
	{StepsExclude, Error, true, "stepWeight and stepWeights exclude each other"},
	{NoStrategy, Error, true, "the rollout has no strategy"},
	{StrategiesExclude, Error, true, "canaryStrategy and analysisTimes exclude each other"},
	{UnknownMetric, Error, true, "there is no query behind the metric"},
	{NoAddress, Error, true, "the metric's provider has no address"},
	{NoThreshold, Warning, false, "the metric has no threshold"},
	{NoLoadTester, Error, false, "nothing runs the load test"},
	{GuessedTargetPort, Warning, false, "the container's port is probably another"},
	{WorkloadNamespace, Error, false, "the workload is not where the policy puts it"},
	{MetricTwice, Error, true, "two metrics of a rollout have one name"},
	{NameTooLong, Error, true, "a name made from this one is too long"},
	{BadName, Error, true, "a name made from this one is not one that Kubernetes takes"},
	{MatchWithWeights, Error, true, "match and weights exclude each other"},
	{BadMatch, Error, true, "a Canary does not take the condition"},
	{AffinityNeedsWeights, Error, true, "session affinity needs weights"},
	{BadAutoscaler, Error, true, "the autoscaler does not fit the workload"},
	{NoAlertProvider, Warning, false, "the AlertProvider does not exist"},
	{AlertNamespace, Error, true, "the AlertProvider is in a namespace that is not there yet"},
	{BadAlertProvider, Error, true, "an AlertProvider has an address or a secretRef"},
	{PatchMatchesNothing, Error, true, "the patch means no object of the rollout"},
	{PatchFails, Error, true, "the patch does not fit the object"},
	{PatchBreaks, Error, true, "what the patches make is not valid"},
	{MaxWeightIgnored, Warning, false, "Flagger ignores maxWeight beside stepWeights"},
	{NoCommand, Error, false, "the webhook has no command"},
	{FieldTooNew, Error, true, "the fleet's Flagger does not have the field"},
	{StepsStandStill, Error, true, "the steps move no traffic"},
	{FlaggerVersion, Error, true, "the version of Flagger is not supported"},
	{NeverEnds, Error, false, "the patches leave a rollout that never promotes a version"},
	{LongerThanTimeout, Info, false, "a rollout takes longer than its rolloutTimeoutSeconds"},
	{ShortInterval, Warning, false, "the interval is too short"},
	{StepTooLarge, Warning, false, "the first step is larger than maxWeight"},
	{StepsOvershoot, Warning, false, "the steps lead past maxWeight"},
	{ZeroThreshold, Warning, false, "a threshold of 0 is one of 1"},
	{ReadinessTimeout, Warning, false, "a new version has no time to become ready"},
	{WebhookTimeouts, Warning, false, "the webhooks may take longer than the interval"},
	{NothingChecked, Warning, false, "the rollout checks nothing"},
	{ThresholdNeverMet, Error, false, "no value meets the threshold"},
	{ThresholdUnit, Warning, false, "the threshold looks like one in another unit"},
	{ThresholdSide, Warning, false, "the threshold keeps good versions back"},
	{BadQueryTemplate, Error, true, "Flagger cannot fill in the query"},
	{BadQuery, Error, false, "Prometheus does not take the query"},
	{QueryOfAll, Warning, false, "the query measures more than the rollout"},
	{NoMetricInterval, Error, false, "a metric with a template has no interval"},
	{BadAddress, Error, false, "the address of a metric is no URL"},
	{LoadTestElsewhere, Warning, false, "the load test does not reach the rollout"},
	{CommandAsGate, Warning, false, "a gate is always open"},
	{UnknownTask, Error, false, "a load tester has no such task"},
	{UnknownCommand, Warning, false, "the load tester does not have the command"},
	{BadCommand, Error, false, "a shell does not take the command"},
	{TesterOutsideMesh, Warning, false, "the load tester is not in the mesh"},
	{LoadEnds, Warning, false, "the load test has ended when the metrics are asked for"},
	{KumaVersion, Error, true, "the version of Kuma is not supported"},
	{KumaRange, Error, true, "the range of versions needs different manifests"},
	{NotOnKuma, Error, true, "Flagger ignores the field on kuma"},
	{TimeoutOnKuma, Info, false, "Flagger ignores the timeout on kuma"},
	{MeshBackend, Error, true, "Kuma would refuse the Mesh"},
	{WhichMesh, Error, true, "it is not clear which Mesh the rollouts use"},
	{NeverInjected, Error, false, "the namespace never gets sidecars"},
	{MeshServices, Error, true, "Flagger cannot move the mesh's traffic"},
	{MeshNamespace, Warning, false, "a Mesh has no namespace"},
	{MetricsNotSeen, Warning, false, "Prometheus does not see the sidecars' metrics"},
	{MeshFieldTooNew, Warning, false, "this version of Kuma does not know the field"},
	{StrictTLS, Warning, false, "Flagger does not reach load testers in the mesh"},
	{NothingAllowed, Warning, false, "mutual TLS denies what no permission allows"},
	{NothingCounted, Error, false, "Kuma counts no requests of the protocol"},
	{MeshUnused, Warning, false, "the Mesh goes to no cluster"},
	{NoMesh, Error, true, "the Mesh does not exist"},
	{MeshesDiffer, Error, true, "the rollouts of a namespace are in one Mesh"},
	{TesterInOtherMesh, Warning, false, "the load tester is in another Mesh"},
	{ReservedRoute, Error, true, "the Service has the name of a route of the mesh"},
	{ProtocolUnknown, Warning, false, "Kuma does not know the protocol"},
	{NeverPolled, Error, false, "the source is never polled"},
	{RemovedByFlux, Warning, false, "Flux has removed the field"},
	{FluxName, Error, true, "the name is too long for Flux"},
	{FluxVersion, Error, true, "the version of Flux is not supported"},
	{BadPatch, Error, true, "kustomize would refuse the patch"},
	{DependencyCycle, Error, false, "policies wait for each other"},
	{SourceMismatch, Error, true, "the source cannot serve the policy"},
	{NoHelmChart, Error, true, "the field has no place for a chart from an ociRepository"},
	{NoVersionInGit, Warning, false, "the version of a chart in a gitRepository is ignored"},
	{DependencyKind, Error, true, "a policy waits for its own kind only"},
	{RetryAdded, Info, false, "Flux would never try again"},
	{ReplicasLeft, Info, false, "Flux would set the replicas that Flagger scales"},
	{Substituted, Info, false, "Flux might replace a part of the text"},
	{SecretsNeeded, Info, false, "Secrets must be on every cluster"},
	{WaitsForSuspended, Warning, false, "a policy waits for one that is suspended"},
	{UndoneByFlux, Info, false, "Flux takes back a version that is not in Git before it is promoted"},
	{ObjectTwice, Error, true, "two objects of one cluster are the same"},
	{FileTwice, Error, true, "two objects have one file"},
	{PluginsDiffer, Error, true, "two fleets install Flagger on one cluster"},
	{ReleaseTwice, Error, true, "two releases of one cluster have one name"},
	{NotOnIstio, Error, true, "Flagger ignores the field on istio"},
	{IstioExpected, Info, false, "Istio is expected to be there"},
	{IstioNotInstalled, Error, true, "fleetwright does not install Istio"},
	{BadRoute, Error, true, "Istio would refuse the route"},
	{NotOnNginx, Error, true, "Flagger ignores the field on nginx"},
	{NoHost, Error, true, "the Ingress has no host"},
	{HostTwice, Error, true, "two rollouts have one host"},
	{TimeoutOnNginx, Info, false, "Flagger ignores the timeout on nginx"},
	{NothingMeasured, Error, false, "nothing is measured of the new version"},
	{RouteTwice, Error, true, "two rollouts have one host at one gateway"},
	{Stale, Error, true, "the output is not what render would write"},
	{Disappears, Error, true, "an Application that is still among the inputs would disappear from clusters"},
	{Internal, Error, true, "fleetwright has made a mistake"},
}
