package diag

// A Code names a rule of the catalogue. Codes are stable: a number is never
// given to another rule. The hundreds are families: 1xx syntax and schema, 2xx
// references and placement, 3xx rollout and analysis, 4xx Kuma, 5xx Flux, 6xx
// collisions in a cluster, 7xx istio and nginx, 9xx internal.
type Code string

// The codes of the catalogue.
const (
	Syntax         Code = "FW101"
	DuplicateKey   Code = "FW102"
	Oversized      Code = "FW103"
	Encoding       Code = "FW104"
	UnknownKind    Code = "FW105"
	OtherDocuments Code = "FW106"
	UnknownField   Code = "FW110"
	WrongType      Code = "FW111"
	MissingField   Code = "FW112"
	NotAllowed     Code = "FW113"
	OutOfBounds    Code = "FW114"
	WrongFormat    Code = "FW115"
	OneSource      Code = "FW120"
	OnePolicy      Code = "FW121"

	NothingToCompile    Code = "FW200"
	DefinedTwice        Code = "FW201"
	NoFleet             Code = "FW202"
	NoCluster           Code = "FW203"
	SelectsNothing      Code = "FW204"
	FleetsDiffer        Code = "FW205"
	NoFlagger           Code = "FW206"
	ProvidersDiffer     Code = "FW207"
	PositionalName      Code = "FW208"
	ClusterNamesMeet    Code = "FW209"
	PluginNotRendered   Code = "FW210"
	UnknownDependency   Code = "FW211"
	BadSeverity         Code = "FW212"
	BadPath             Code = "FW213"
	NothingSynced       Code = "FW214"
	NoKubeconfig        Code = "FW215"
	AlertProviderUnused Code = "FW216"
	ClusterNamespace    Code = "FW217"

	StepsExclude         Code = "FW301"
	NoStrategy           Code = "FW302"
	StrategiesExclude    Code = "FW303"
	UnknownMetric        Code = "FW304"
	NoAddress            Code = "FW305"
	NoThreshold          Code = "FW306"
	NoLoadTester         Code = "FW307"
	GuessedTargetPort    Code = "FW308"
	WorkloadNamespace    Code = "FW309"
	MetricTwice          Code = "FW310"
	NameTooLong          Code = "FW311"
	BadName              Code = "FW312"
	MatchWithWeights     Code = "FW313"
	BadMatch             Code = "FW314"
	AffinityNeedsWeights Code = "FW315"
	BadAutoscaler        Code = "FW316"
	NoAlertProvider      Code = "FW317"
	AlertNamespace       Code = "FW318"
	BadAlertProvider     Code = "FW319"
	PatchMatchesNothing  Code = "FW320"
	PatchFails           Code = "FW321"
	PatchBreaks          Code = "FW322"
	MaxWeightIgnored     Code = "FW323"
	NoCommand            Code = "FW324"
	FieldTooNew          Code = "FW325"
	StepsStandStill      Code = "FW326"
	FlaggerVersion       Code = "FW327"

	KumaVersion       Code = "FW401"
	KumaRange         Code = "FW402"
	NotOnKuma         Code = "FW403"
	TimeoutOnKuma     Code = "FW404"
	MeshBackend       Code = "FW405"
	WhichMesh         Code = "FW406"
	NeverInjected     Code = "FW407"
	MeshServices      Code = "FW408"
	MeshNamespace     Code = "FW409"
	MetricsNotSeen    Code = "FW410"
	MeshFieldTooNew   Code = "FW411"
	StrictTLS         Code = "FW412"
	NothingAllowed    Code = "FW413"
	NothingCounted    Code = "FW414"
	MeshUnused        Code = "FW415"
	NoMesh            Code = "FW416"
	MeshesDiffer      Code = "FW417"
	TesterInOtherMesh Code = "FW418"

	NeverPolled     Code = "FW501"
	RemovedByFlux   Code = "FW502"
	FluxName        Code = "FW503"
	FluxVersion     Code = "FW504"
	BadPatch        Code = "FW505"
	DependencyCycle Code = "FW506"
	SourceMismatch  Code = "FW507"
	NoHelmChart     Code = "FW508"
	NoVersionInGit  Code = "FW509"
	DependencyKind  Code = "FW510"

	ObjectTwice   Code = "FW601"
	FileTwice     Code = "FW602"
	PluginsDiffer Code = "FW603"
	ReleaseTwice  Code = "FW604"

	NotOnIstio        Code = "FW701"
	IstioExpected     Code = "FW702"
	IstioNotInstalled Code = "FW703"
	BadRoute          Code = "FW704"
	NotOnNginx        Code = "FW711"
	NoHost            Code = "FW712"
	HostTwice         Code = "FW713"
	TimeoutOnNginx    Code = "FW714"
	NothingMeasured   Code = "FW715"

	Internal Code = "FW901"
)

// A rule is what the catalogue says of a code.
type rule struct {
	code     Code
	severity Severity
	// structural rules are what the compiler relies on: their severity cannot
	// be lowered.
	structural bool
	title      string
}

// catalogue holds every code, in order.
var catalogue = [...]rule{
	{Syntax, Error, true, "the file is not YAML"},
	{DuplicateKey, Error, true, "a key is set twice"},
	{Oversized, Error, true, "aliases stand for too much"},
	{Encoding, Error, true, "the file is not UTF-8 text"},
	{UnknownKind, Error, true, "the kind is not one that fleetwright reads"},
	{OtherDocuments, Info, false, "documents of other kinds are left out"},
	{UnknownField, Error, true, "the field does not exist"},
	{WrongType, Error, true, "the value has another type"},
	{MissingField, Error, true, "a field is missing"},
	{NotAllowed, Error, true, "the value is not one of those allowed"},
	{OutOfBounds, Error, true, "the number is too small or too large"},
	{WrongFormat, Error, true, "the text has another form"},
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

	{ObjectTwice, Error, true, "two objects of one cluster are the same"},
	{FileTwice, Error, true, "two objects have one file"},
	{PluginsDiffer, Error, true, "two fleets install different things on one cluster"},
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

	{Internal, Error, true, "fleetwright has made a mistake"},
}

func (c Code) rule() (rule, bool) {
	for _, r := range catalogue {
		if r.code == c {
			return r, true
		}
	}
	return rule{}, false
}

// Severity is that of the catalogue.
func (c Code) Severity() Severity {
	r, ok := c.rule()
	if !ok {
		return Error
	}
	return r.severity
}

// Exists says whether the catalogue has the code.
func (c Code) Exists() bool { _, ok := c.rule(); return ok }

// Structural says whether the compiler relies on the rule, so that its severity
// cannot be lowered.
func (c Code) Structural() bool { r, _ := c.rule(); return r.structural }

// Title says in a few words what the rule is about.
func (c Code) Title() string { r, _ := c.rule(); return r.title }
