package diag

// fluxRules are those of Flux, 5xx.
var fluxRules = []Rule{
	{
		Code: NeverPolled, Severity: Error,
		Title: "the source is never polled",
	},
	{
		Code: RemovedByFlux, Severity: Warning,
		Title: "Flux has removed the field",
	},
	{
		Code: FluxName, Severity: Error, Structural: true,
		Title: "the name is too long for Flux",
	},
	{
		Code: FluxVersion, Severity: Error, Structural: true,
		Title: "the version of Flux is not supported",
	},
	{
		Code: BadPatch, Severity: Error, Structural: true,
		Title: "kustomize would refuse the patch",
	},
	{
		Code: DependencyCycle, Severity: Error,
		Title: "policies wait for each other",
	},
	{
		Code: SourceMismatch, Severity: Error, Structural: true,
		Title: "the source cannot serve the policy",
	},
	{
		Code: NoHelmChart, Severity: Error, Structural: true,
		Title: "the field has no place for a chart from an ociRepository",
	},
	{
		Code: NoVersionInGit, Severity: Warning,
		Title: "the version of a chart in a gitRepository is ignored",
	},
	{
		Code: DependencyKind, Severity: Error, Structural: true,
		Title: "a policy waits for its own kind only",
	},
}
