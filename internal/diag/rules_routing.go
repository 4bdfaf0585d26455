package diag

// routingRules are those of istio and nginx, 7xx.
var routingRules = []Rule{
	{
		Code: NotOnIstio, Severity: Error, Structural: true,
		Title: "Flagger ignores the field on istio",
	},
	{
		Code: IstioExpected, Severity: Info,
		Title: "Istio is expected to be there",
	},
	{
		Code: IstioNotInstalled, Severity: Error, Structural: true,
		Title: "fleetwright does not install Istio",
	},
	{
		Code: BadRoute, Severity: Error, Structural: true,
		Title: "Istio would refuse the route",
	},
	{
		Code: NotOnNginx, Severity: Error, Structural: true,
		Title: "Flagger ignores the field on nginx",
	},
	{
		Code: NoHost, Severity: Error, Structural: true,
		Title: "the Ingress has no host",
	},
	{
		Code: HostTwice, Severity: Error, Structural: true,
		Title: "two rollouts have one host",
	},
	{
		Code: TimeoutOnNginx, Severity: Info,
		Title: "Flagger ignores the timeout on nginx",
	},
	{
		Code: NothingMeasured, Severity: Error,
		Title: "nothing is measured of the new version",
	},
}
