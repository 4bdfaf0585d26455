package diag

// rolloutRules are those of rollout and analysis, 3xx.
var rolloutRules = []Rule{
	{
		Code: StepsExclude, Severity: Error, Structural: true,
		Title: "stepWeight and stepWeights exclude each other",
	},
	{
		Code: NoStrategy, Severity: Error, Structural: true,
		Title: "the rollout has no strategy",
	},
	{
		Code: StrategiesExclude, Severity: Error, Structural: true,
		Title: "canaryStrategy and analysisTimes exclude each other",
	},
	{
		Code: UnknownMetric, Severity: Error, Structural: true,
		Title: "there is no query behind the metric",
	},
	{
		Code: NoAddress, Severity: Error, Structural: true,
		Title: "the metric's provider has no address",
	},
	{
		Code: NoThreshold, Severity: Warning,
		Title: "the metric has no threshold",
	},
	{
		Code: NoLoadTester, Severity: Error,
		Title: "nothing runs the load test",
	},
	{
		Code: GuessedTargetPort, Severity: Warning,
		Title: "the container's port is probably another",
	},
	{
		Code: WorkloadNamespace, Severity: Error,
		Title: "the workload is not where the policy puts it",
	},
	{
		Code: MetricTwice, Severity: Error, Structural: true,
		Title: "two metrics of a rollout have one name",
	},
	{
		Code: NameTooLong, Severity: Error, Structural: true,
		Title: "a name made from this one is too long",
	},
	{
		Code: BadName, Severity: Error, Structural: true,
		Title: "a name made from this one is not one that Kubernetes takes",
	},
	{
		Code: MatchWithWeights, Severity: Error, Structural: true,
		Title: "match and weights exclude each other",
	},
	{
		Code: BadMatch, Severity: Error, Structural: true,
		Title: "a Canary does not take the condition",
	},
	{
		Code: AffinityNeedsWeights, Severity: Error, Structural: true,
		Title: "session affinity needs weights",
	},
	{
		Code: BadAutoscaler, Severity: Error, Structural: true,
		Title: "the autoscaler does not fit the workload",
	},
	{
		Code: NoAlertProvider, Severity: Warning,
		Title: "the AlertProvider does not exist",
	},
	{
		Code: AlertNamespace, Severity: Error, Structural: true,
		Title: "the AlertProvider is in a namespace that is not there yet",
	},
	{
		Code: BadAlertProvider, Severity: Error, Structural: true,
		Title: "an AlertProvider has an address or a secretRef",
	},
	{
		Code: PatchMatchesNothing, Severity: Error, Structural: true,
		Title: "the patch means no object of the rollout",
	},
	{
		Code: PatchFails, Severity: Error, Structural: true,
		Title: "the patch does not fit the object",
	},
	{
		Code: PatchBreaks, Severity: Error, Structural: true,
		Title: "what the patches make is not valid",
	},
	{
		Code: MaxWeightIgnored, Severity: Warning,
		Title: "Flagger ignores maxWeight beside stepWeights",
	},
	{
		Code: NoCommand, Severity: Error,
		Title: "the webhook has no command",
	},
	{
		Code: FieldTooNew, Severity: Error, Structural: true,
		Title: "the fleet's Flagger does not have the field",
	},
	{
		Code: StepsStandStill, Severity: Error, Structural: true,
		Title:   "the steps move no traffic",
		Ignored: "Flagger adds the difference between two steps to the weight. Where it is not more than nothing, it stays at that weight: the rollout is neither promoted nor undone, for ever.",
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
		Title: "the version of Flagger is not supported",
	},
}
