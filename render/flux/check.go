package flux

import (
	"fmt"
	"path"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/patch"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Check reports the fields of an application's document that Flux would reject or ignore, and
// notes the objects that Flux needs on the clusters.
func Check(a *place.Application, s *settings.Settings, to *report.Report) {
	c := newChecker(a, s, to)
	rollouts := c.rollouts()
	for _, p := range a.Policies {
		if p.Kustomization != nil {
			c.checkKustomization(p.Path.With("kustomization"), p.Kustomization)
			c.checkKustomizationFields(p.Path.With("kustomization"), p.Kustomization)
		}
		if p.Helm != nil {
			c.checkHelm(p.Path.With("helm"), p.Helm)
			c.checkHelmFields(p.Path.With("helm"), p.Helm)
		}
		c.checkRolledOut(p, rollouts)
	}
	c.checkSourceFields()
	c.checkVersions()
	switch s := a.Spec.Source; {
	case s.GitRepository != nil:
		c.checkGitRepository(s.GitRepository)
	case s.HelmRepository != nil:
		c.checkHelmRepository(s.HelmRepository)
	case s.OCIRepository != nil:
		c.checkArtifact(schema.Path{"spec", "source", "ociRepository"}, s.OCIRepository)
	}
	switch kind := a.SourceKind(); {
	case kind == place.HelmRepository:
		c.checkChartsAlone()
	case isOneArtifact(kind):
		c.checkOneChart()
	}
	c.noteReferences()
}

// CheckClusterSource reports the same of the OCIRepository that the clusters sync from, if the RenderConfig
// has one.
func CheckClusterSource(config *schema.Document, s *settings.Settings, to *report.Report) {
	if s.Artifact == nil {
		return
	}
	f := fields{config, s.Source.Name, s.Source.Namespace, s, to}
	at := schema.Path{"spec"}
	checkSince(f, at, "ociRepository", s.Artifact)
	f.checkArtifact(at.With("ociRepository"), s.Artifact)
	f.noteArtifact(at.With("ociRepository"), s.Artifact)
}

// fields are the fields of a document that objects are rendered from.
type fields struct {
	doc *schema.Document
	// name and namespace of the objects.
	name, namespace string
	settings        *settings.Settings
	to              *report.Report
}

// A checker checks an application.
type checker struct {
	*place.Application
	fields
}

func newChecker(a *place.Application, s *settings.Settings, to *report.Report) checker {
	return checker{a, fields{a.Doc, a.Name, a.Namespace, s, to}}
}

// add adds a diagnostic, unless loading the document reported the place.
func (f fields) add(code diag.Code, at schema.Path, message, hint string) {
	if !f.doc.Wrong(at) {
		f.to.Add(f.doc.Diagnostic(code, at, message, hint))
	}
}

// checkKustomization reports parts of a policy that kustomize would reject, and an added retryInterval.
func (c checker) checkKustomization(at schema.Path, k *api.Kustomization) {
	for i, component := range k.Components {
		// kustomize-controller keeps a path in the source (SecureJoin), and lets nothing
		// outside of it be read (fluxcd/pkg kustomize, SecureBuild); kustomize loads no
		// directory that is being loaded, or that holds it.
		base := strings.TrimPrefix(path.Join("/", k.Path), "/")
		dir, why := path.Join(base, component), ""
		switch {
		case dir == ".." || strings.HasPrefix(dir, "../"):
			why = "is outside the source"
		case dir == "." || strings.HasPrefix(path.Clean(base)+"/", dir+"/"):
			why = "is the directory of the policy, or one above it"
		default:
			continue
		}
		c.add(diag.WrongFormat, at.With("components", i), fmt.Sprintf("the component %s %s; kustomize-controller rejects it", component, why), "components: [../components/monitoring], relative to the path of the policy")
	}
	c.checkPatches(at.With("patches"), k.Patches)
	if k.Interval.IsNone() && (k.RetryInterval == "" || k.RetryInterval.IsNone()) {
		c.add(diag.RetryAdded, at.With("interval"), fmt.Sprintf("with an interval of %s and no retryInterval, Flux would never retry a failure; retryInterval: %s was added", k.Interval, retryOfUnpolled), "")
	}
}

// checkPatches reports the patches that kustomize would reject.
func (c checker) checkPatches(at schema.Path, patches []kustomize.Patch) {
	for i, own := range patches {
		if field, message, hint := patch.Check(own); message != "" {
			c.add(diag.BadPatch, at.With(i).With(field...), message, hint)
		}
	}
}

// The longest values that helm-controller's CRD accepts (fluxcd/pkg apis/meta, ValuesReference).
const (
	maxValuesKey  = 253
	maxTargetPath = 250
)

// checkHelm reports parts of a policy with helm that Flux or Helm would reject.
func (c checker) checkHelm(at schema.Path, h *api.HelmRelease) {
	if i := h.Install; i != nil && i.SkipCRDs && i.CRDs != "" && i.CRDs != "Skip" {
		c.add(diag.NotAllowed, at.With("install", "skipCRDs"), "skipCRDs and crds: "+i.CRDs+" contradict each other", "remove skipCRDs")
	}
	for i, v := range h.ValuesFrom {
		c.checkLength(at.With("valuesFrom", i, "valuesKey"), v.ValuesKey, maxValuesKey)
		c.checkLength(at.With("valuesFrom", i, "targetPath"), v.TargetPath, maxTargetPath)
	}
	for i, r := range h.PostRenderers {
		if r.Kustomize != nil {
			c.checkPatches(at.With("postRenderers", i, "kustomize", "patches"), r.Kustomize.Patches)
		}
	}
	if h.Timeout.IsNone() {
		c.add(diag.OutOfBounds, at.With("timeout"), "with a timeout of "+string(h.Timeout)+", Flux never installs the chart", "timeout: 5m0s")
	}
	if c.SourceKind() == place.GitRepository && choosesVersion(h) {
		c.add(diag.NoVersionInGit, at.With("chart", "spec", "version"), "Flux ignores the version of a chart in a gitRepository and installs the chart of the checked-out commit", "remove version, and write gitRepository: {ref: {tag: …}}")
	}
}

func (c checker) checkLength(at schema.Path, value string, most int) {
	if len(value) > most {
		c.add(diag.WrongFormat, at, fmt.Sprintf("the value has %d characters; Flux allows at most %d", len(value), most), "")
	}
}

func choosesVersion(h *api.HelmRelease) bool {
	return h.Chart.Spec.Version != "" && h.Chart.Spec.Version != "*"
}

// checkGitRepository reports parts of a source that Flux rejects or ignores, and the fields that Flux
// has removed. go-git is the only gitImplementation left, and its default in Kurator's CRD.
func (c checker) checkGitRepository(g *api.GitRepository) {
	at := schema.Path{"spec", "source", "gitRepository"}
	if strings.HasPrefix(g.URL, "ssh://") && g.SecretRef == nil {
		c.add(diag.NoGitKey, at.With("url"), "an ssh URL without a secretRef: source-controller needs a key and known_hosts, so Flux fetches nothing",
			"secretRef: {name: "+c.Name+"-git}, a Secret with the keys identity and known_hosts")
	}
	if g.Ref != nil {
		c.checkReference(at.With("ref"), g.Ref)
	}
	for field, set := range map[string]bool{"gitImplementation": g.GitImplementation != "" && g.GitImplementation != "go-git", "accessFrom": g.AccessFrom != nil} {
		if set {
			c.add(diag.RemovedByFlux, at.With(field), fmt.Sprintf("Flux has removed %s; it is not rendered", field), "remove the field")
		}
	}
}

// checkReference reports the fields of a reference that Flux ignores next to another, in the order
// of fluxcd/pkg git/gogit/client.go, clone: unlike the comments in source-controller's API, it asks
// for a tag before a range. A branch next to a commit is the one that is cloned to find it.
func (c checker) checkReference(at schema.Path, ref *api.GitReference) {
	for _, f := range []refField{{"branch", ref.Branch}, {"tag", ref.Tag}} {
		for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
			if name, ok := strings.CutPrefix(f.value, prefix); ok { // clone.go, cloneBranch and cloneTag
				c.add(diag.WrongFormat, at.With(f.name), fmt.Sprintf("Flux adds the prefix of a %s itself, so it does not find %s", f.name, f.value), f.name+": "+name+", or name: "+f.value)
			}
		}
	}
	c.checkIgnored(at, refField{"commit", ref.Commit}, refField{"name", ref.Name}, refField{"tag", ref.Tag}, refField{"semver", ref.SemVer}, refField{"branch", ref.Branch})
}

// A refField is a field of a reference.
type refField struct{ name, value string }

// checkIgnored reports the fields of a reference that are set next to an earlier one, the only one
// that Flux reads. A branch or a tag next to a commit or a digest is not reported: it is good practice,
// as it names the same for people.
func (f fields) checkIgnored(at schema.Path, refs ...refField) {
	var first refField
	for _, r := range refs {
		pinned := first.name == "commit" && r.name == "branch" || first.name == "digest" && r.name == "tag"
		switch {
		case r.value == "" || pinned:
		case first.value == "":
			first = r
		default:
			f.add(diag.RefIgnored, at.With(r.name), fmt.Sprintf("Flux ignores %s: %s next to %s: %s", r.name, r.value, first.name, first.value), "remove one of the two")
		}
	}
}

// checkHelmRepository reports parts of a source that Flux would reject, and the policies that do not fit it.
func (c checker) checkHelmRepository(h *api.HelmRepository) {
	at := schema.Path{"spec", "source", "helmRepository"}
	if h.Type != "" && (h.Type == "oci") != isOCI(h.URL) {
		c.add(diag.SourceMismatch, at.With("type"), fmt.Sprintf("type %s does not match the URL %s", h.Type, h.URL), "remove type: Flux reads it from the URL")
	}
	if h.Provider != "" && h.Provider != "generic" && !isOCI(h.URL) {
		c.add(diag.SourceMismatch, at.With("provider"), "Flux uses provider only for registries, whose URL begins with oci://", "remove provider, or use a secretRef")
	}
	for _, p := range c.Policies {
		if p.Helm != nil {
			at, chart := p.Path.With("helm", "chart", "spec", "chart"), p.Helm.Chart.Spec.Chart
			if why := schema.RefuseChart(chart, isOCI(h.URL)); why != "" {
				hint := "mirror the chart under a lower-case name, or use a gitRepository and the path of the chart in it"
				if name := path.Base(chart); name != chart && schema.RefuseChart(name, isOCI(h.URL)) == "" {
					hint = "chart: " + name + ", its name in the repository; a path needs a gitRepository"
				}
				c.add(diag.WrongFormat, at, fmt.Sprintf("%q is not a valid chart name in a Helm repository: %s; source-controller rejects it", chart, why), hint)
			}
		}
	}
}

// checkChartsAlone reports the policies that do not fit a HelmRepository.
func (c checker) checkChartsAlone() {
	for _, p := range c.Policies {
		if p.Kustomization != nil {
			c.add(diag.SourceMismatch, p.Path.With("kustomization"), "a helmRepository holds charts, which a Flux Kustomization cannot apply", "use helm, or a gitRepository or ociRepository")
		}
	}
}

// checkArtifact reports parts of an OCIRepository that Flux ignores or rejects (source-controller
// internal/controller/ocirepository_controller.go; getArtifactRef).
func (f fields) checkArtifact(at schema.Path, o *api.OCIRepository) {
	if ref := o.Ref; ref != nil {
		f.checkIgnored(at.With("ref"), refField{"digest", ref.Digest}, refField{"semver", ref.SemVer}, refField{"tag", ref.Tag})
		f.ignored(ref.SemVerFilter != "" && ref.SemVer == "", at.With("ref"), "semverFilter", "without semver", "semver: \">=0.0.0-0\"")
	}
	if v := o.Verify; v != nil {
		f.checkVerification(at.With("verify"), &v.ChartVerification)
		f.ignored(v.SecretRef != nil && len(v.MatchOIDCIdentity) > 0, at.With("verify"), "matchOIDCIdentity", "next to secretRef, whose keys it verifies with", "remove one of the two")
	}
}

// checkOneChart reports the policies that do not fit an OCIRepository: it holds one chart, or manifests.
func (c checker) checkOneChart() {
	o := c.Spec.Source.OCIRepository // nil where it exists already
	isChart := false
	for _, p := range c.Policies {
		if p.Helm == nil {
			continue
		}
		isChart = true
		at, spec := p.Path.With("helm", "chart"), p.Helm.Chart.Spec
		if o != nil && spec.Chart != path.Base(o.URL) {
			base := path.Base(o.URL)
			c.add(diag.SourceMismatch, at.With("spec", "chart"),
				fmt.Sprintf("an ociRepository holds one chart, and this one holds %s, not %s", base, spec.Chart),
				fmt.Sprintf("url: %s/%s, or a helmRepository of type oci for several charts", strings.TrimSuffix(o.URL, "/"+base), spec.Chart))
		}
		for _, f := range []struct {
			path schema.Path
			set  bool
			hint string
		}{
			{schema.Path{"spec", "version"}, choosesVersion(p.Helm), "ociRepository: {ref: {semver: …}}"},
			{schema.Path{"spec", "interval"}, spec.Interval != "", "ociRepository: {interval: …}"},
			{schema.Path{"spec", "reconcileStrategy"}, spec.ReconcileStrategy != "", "remove the field: every new artifact is installed"},
			{schema.Path{"spec", "valuesFiles"}, len(spec.ValuesFiles) > 0, "copy their contents into values"},
			{schema.Path{"spec", "ignoreMissingValuesFiles"}, spec.IgnoreMissingValuesFiles, "remove the field"},
			{schema.Path{"spec", "verify"}, spec.Verify != nil, "ociRepository: {verify: {…}}"},
			{schema.Path{"metadata"}, p.Helm.Chart.Metadata != nil, "remove the field"},
		} {
			if f.set {
				c.add(diag.NoHelmChart, at.With(f.path...), "Flux creates no HelmChart for a chart from an ociRepository, so the field has no effect", f.hint)
			}
		}
	}
	for _, p := range c.Policies {
		if isChart && p.Kustomization != nil {
			c.add(diag.SourceMismatch, p.Path.With("kustomization"), "another policy installs the ociRepository as a chart; a kustomization cannot apply a chart", "split the Application into two")
		}
	}
}
