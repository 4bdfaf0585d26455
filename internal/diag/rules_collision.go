package diag

// collisionRules are those of collisions in a cluster, 6xx.
var collisionRules = []Rule{
	{
		Code: ObjectTwice, Severity: Error, Structural: true,
		Title: "two objects of one cluster are the same",
	},
	{
		Code: FileTwice, Severity: Error, Structural: true,
		Title: "two objects have one file",
	},
	{
		Code: PluginsDiffer, Severity: Error, Structural: true,
		Title: "two fleets install different things on one cluster",
	},
	{
		Code: ReleaseTwice, Severity: Error, Structural: true,
		Title: "two releases of one cluster have one name",
	},
}
