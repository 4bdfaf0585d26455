package diag

// kumaRules are those of Kuma, 4xx.
var kumaRules = []Rule{
	{
		Code: KumaVersion, Severity: Error, Structural: true,
		Title: "the version of Kuma is not supported",
	},
	{
		Code: KumaRange, Severity: Error, Structural: true,
		Title: "the range of versions needs different manifests",
	},
	{
		Code: NotOnKuma, Severity: Error, Structural: true,
		Title: "Flagger ignores the field on kuma",
	},
	{
		Code: TimeoutOnKuma, Severity: Info,
		Title: "Flagger ignores the timeout on kuma",
	},
	{
		Code: MeshBackend, Severity: Error, Structural: true,
		Title: "Kuma would refuse the Mesh",
	},
	{
		Code: WhichMesh, Severity: Error, Structural: true,
		Title: "it is not clear which Mesh the rollouts use",
	},
	{
		Code: NeverInjected, Severity: Error,
		Title: "the namespace never gets sidecars",
	},
	{
		Code: MeshServices, Severity: Error, Structural: true,
		Title: "Flagger cannot move the mesh's traffic",
	},
	{
		Code: MeshNamespace, Severity: Warning,
		Title: "a Mesh has no namespace",
	},
	{
		Code: MetricsNotSeen, Severity: Warning,
		Title: "Prometheus does not see the sidecars' metrics",
	},
	{
		Code: MeshFieldTooNew, Severity: Warning,
		Title: "this version of Kuma does not know the field",
	},
	{
		Code: StrictTLS, Severity: Warning,
		Title: "Flagger does not reach load testers in the mesh",
	},
	{
		Code: NothingAllowed, Severity: Warning,
		Title: "mutual TLS denies what no permission allows",
	},
	{
		Code: NothingCounted, Severity: Error,
		Title: "Kuma counts no requests of the protocol",
	},
	{
		Code: MeshUnused, Severity: Warning,
		Title: "the Mesh goes to no cluster",
	},
	{
		Code: NoMesh, Severity: Error, Structural: true,
		Title: "the Mesh does not exist",
	},
	{
		Code: MeshesDiffer, Severity: Error, Structural: true,
		Title: "the rollouts of a namespace are in one Mesh",
	},
	{
		Code: TesterInOtherMesh, Severity: Warning,
		Title: "the load tester is in another Mesh",
	},
}
