package diag

// placementRules are those of references and placement, 2xx.
var placementRules = []Rule{
	{
		Code: NothingToCompile, Severity: Error, Structural: true,
		Title: "there is nothing to compile",
	},
	{
		Code: DefinedTwice, Severity: Error, Structural: true,
		Title: "an object is defined twice",
	},
	{
		Code: NoFleet, Severity: Error, Structural: true,
		Title: "the fleet does not exist",
	},
	{
		Code: NoCluster, Severity: Error, Structural: true,
		Title: "the cluster does not exist",
	},
	{
		Code: SelectsNothing, Severity: Warning,
		Title: "the selector selects no cluster",
	},
	{
		Code: FleetsDiffer, Severity: Error, Structural: true,
		Title: "an Application goes to one fleet",
	},
	{
		Code: NoFlagger, Severity: Error, Structural: true,
		Title: "nothing on the clusters runs the rollout",
	},
	{
		Code: ProvidersDiffer, Severity: Error, Structural: true,
		Title: "the fleet has another provider than the rollout",
	},
	{
		Code: PositionalName, Severity: Warning,
		Title: "a name comes from a position",
	},
	{
		Code: ClusterNamesMeet, Severity: Error, Structural: true,
		Title: "two clusters have one name",
	},
	{
		Code: PluginNotRendered, Severity: Info,
		Title: "fleetwright does not render the plugin",
	},
	{
		Code: UnknownDependency, Severity: Warning,
		Title: "nothing rendered has the name that is depended on",
	},
	{
		Code: BadSeverity, Severity: Error, Structural: true,
		Title: "a severity cannot be set",
	},
	{
		Code: BadPath, Severity: Error, Structural: true,
		Title: "the path leads out of the repository",
	},
	{
		Code: NothingSynced, Severity: Warning,
		Title: "the Application has no policies",
	},
	{
		Code: NoKubeconfig, Severity: Error, Structural: true,
		Title: "the hub cannot reach the cluster",
	},
	{
		Code: AlertProviderUnused, Severity: Warning,
		Title: "the AlertProvider goes to no cluster",
	},
	{
		Code: ClusterNamespace, Severity: Warning,
		Title: "a fleet's clusters are in its namespace",
	},
}
