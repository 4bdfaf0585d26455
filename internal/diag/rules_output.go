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
	{
		Code: Disappears, Severity: Error, Structural: true,
		Title:   "an Application that is still among the inputs would disappear from clusters",
		Ignored: "Flux deletes from these clusters everything that the Application, or one of its policies, has brought there. Nobody has removed it from the inputs: a selector, a label, a destination or a fleet's list of clusters has changed, and a typing mistake there looks the same.",
		Fix:     "Correct the line that the message names. If the Application is meant to leave these clusters, render once with --allow-prune; as a KRM function under kpt, name it in spec.function.allowPrune of the RenderConfig. A policy with prune: false, or one that is suspended, loses nothing and is not reported.",
		Source:  "fluxcd/kustomize-controller internal/controller/kustomization_controller.go, finalize; fluxcd/helm-controller internal/controller/helmrelease_controller.go, reconcileDelete",
	},
}
