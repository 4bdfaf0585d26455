package diag

// outputRules are those of the directory that is rendered into, 8xx. No document brings
// them about, so they have no examples.
var outputRules = []Rule{
	{
		Code: Stale, Severity: Error, Structural: true,
		Title:   "the output is not what render would write",
		Ignored: "The clusters sync what is in the directory, not what the Applications say: what was reviewed is not what runs. Whoever renders next changes it unawares, together with what they meant to change.",
		Fix:     "Render again, and commit what was written together with the Applications. If a file of the directory was edited by hand, change the Application instead, or its patches. After a merge that left conflicts in the directory, delete what is rendered there, and render.",
	},
}
