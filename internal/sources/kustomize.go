package sources

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema/api"
)

// buildTime limits the build of one policy.
var buildTime = 30 * time.Second

// errTime is the error of a build that takes too long, which then runs on in the background.
var errTime = errors.New("the build takes too long")

// kustomize builds a directory like kustomize-controller.
func (f *Files) kustomize(ctx context.Context, b *source.Build) *source.Built {
	ctx, cancel := context.WithTimeoutCause(ctx, buildTime, errTime)
	defer cancel()
	dir := path.Join("/", b.Kustomization.Path)[1:] // like securejoin.SecureJoin in the controller
	dir = cmp.Or(dir, ".")
	t := &target{ctx: ctx, files: f, dir: dir, Build: b}
	if why := f.whyAbsent(dir); why != "" {
		return &source.Built{Unread: fmt.Sprintf("%s: %s", dir, why)}
	}
	if failure := t.check(); failure != nil {
		return &source.Built{Failures: []source.Failure{*failure}}
	}
	objects, unread, err := t.build(slices.Concat(b.Patches, b.Added))
	switch {
	case unread != "":
		return &source.Built{Unread: unread}
	case err != nil:
		return &source.Built{Failures: []source.Failure{t.failure(err)}}
	}
	built := &source.Built{Keyless: t.keyless(objects)}
	if built.Unset, unread, err = substitute(objects, b.Kustomization.PostBuild); unread != "" || err != nil {
		return unsubstituted(unread, err)
	}
	built.Objects = objects
	if failure := t.checkApplies(objects); failure != nil {
		built.Failures = []source.Failure{*failure}
		return built
	}
	if len(b.Added) > 0 {
		if built.Plain, unread, err = t.build(b.Patches); unread == "" && err == nil {
			_, unread, err = substitute(built.Plain, b.Kustomization.PostBuild)
		}
		if unread != "" || err != nil {
			built.Plain = nil
		}
	}
	return built
}

// A target is a directory to build.
type target struct {
	*source.Build
	ctx   context.Context
	files *Files
	dir   string
}

// pathField and the others are the fields at which failures are reported.
var pathField = []any{"kustomization", "path"}

// check returns the reason why the directory cannot be built, or nil.
func (t *target) check() *source.Failure {
	shown := cmp.Or(t.Kustomization.Path, ".")
	switch {
	case t.files.has(t.dir):
		return &source.Failure{Field: pathField, Message: fmt.Sprintf("the path %s is a file in the source, but Flux builds only directories", shown),
			Hint: fmt.Sprintf("path: %s", path.Dir(t.dir))}
	case !t.files.dirs[t.dir]:
		return &source.Failure{Field: pathField, Message: fmt.Sprintf("the path %s is not in the source, so Flux applies nothing", shown),
			Hint: "write the path of a directory, relative to the root of the source"}
	}
	for i, c := range t.Kustomization.Components {
		field := []any{"kustomization", "components", i}
		dir := path.Join(t.dir, c)
		switch file, unread := t.files.kustomizationFile(dir); {
		case path.IsAbs(c) || looksRemote(c):
			return &source.Failure{Field: field, Message: fmt.Sprintf("the component %s is not a relative path, which Flux rejects", c),
				Hint: "write a path relative to the directory that is built, such as ../components/tls"}
		case dir == ".." || strings.HasPrefix(dir, "../"):
			return &source.Failure{Field: field, Message: fmt.Sprintf("the component %s leaves the source, which Flux rejects", c),
				Hint: "write a path relative to the directory that is built, such as ../components/tls"}
		case t.Kustomization.IgnoreMissingComponents && !t.files.has(dir) && !t.files.dirs[dir]:
		case file == "" && unread == "" && t.files.whyAbsent(dir) == "":
			return &source.Failure{Field: field, Message: fmt.Sprintf("the component %s has no kustomization.yaml in the source", c),
				Hint: fmt.Sprintf("write the path relative to %s", t.dir)}
		}
	}
	return nil
}

// checkApplies returns the reason why kustomize-controller applies none of the objects, or nil: it applies all or
// none.
func (t *target) checkApplies(objects []source.Object) *source.Failure {
	for _, o := range objects {
		if failure := t.checkApplied(&o); failure != nil {
			return failure
		}
	}
	return nil
}

// checkApplied returns the reason why an object is not applied, or nil.
func (t *target) checkApplied(o *source.Object) *source.Failure {
	switch scoped, known := openapi.IsNamespaceScoped(kyaml.TypeMeta{APIVersion: o.APIVersion, Kind: o.Kind}); {
	case known && scoped && o.Namespace == "":
		// kustomize-controller sets no default namespace, and the API server needs one (fluxcd/pkg/ssa,
		// errors/errors.go: namespace not specified).
		return &source.Failure{
			Field:   []any{"kustomization", "targetNamespace"},
			Message: fmt.Sprintf("the %s %s names no namespace, so Flux applies nothing: %s", o.Kind, o.Name, cmp.Or(o.File, t.dir)),
			Hint:    "set targetNamespace to the namespace of the application",
		}
	case o.Kind == "Secret" && o.APIVersion == "v1" && t.Kustomization.Decryption == nil && isEncrypted(o.JSON):
		return &source.Failure{
			Field:   pathField,
			Message: fmt.Sprintf("the Secret %s is encrypted by SOPS, but the policy configures no decryption, so Flux applies nothing: %s", o.Name, o.File),
			Hint:    "decryption: {provider: sops, secretRef: {name: sops-keys}}, a Secret with the keys",
		}
	}
	return nil
}

// keyless returns the name of a Secret that is encrypted only with age or PGP keys, if the policy names no Secret
// with keys; otherwise "".
func (t *target) keyless(objects []source.Object) string {
	if d := t.Kustomization.Decryption; d == nil || d.SecretRef != nil {
		return ""
	}
	for _, o := range objects {
		if o.Kind != "Secret" || o.APIVersion != "v1" || !isEncrypted(o.JSON) {
			continue
		}
		var fields struct {
			SOPS map[string]any `json:"sops"`
		}
		if json.Unmarshal(o.JSON, &fields) != nil {
			continue
		}
		entries := func(field string) int { list, _ := fields.SOPS[field].([]any); return len(list) }
		// For other services kustomize-controller may log in automatically (docs/spec/v1/kustomizations.md,
		// Decryption).
		others := entries("kms") + entries("gcp_kms") + entries("azure_kv") + entries("hc_vault") + entries("key_groups")
		if entries("age")+entries("pgp") > 0 && others == 0 {
			return o.Name
		}
	}
	return ""
}

// isEncrypted reports whether a Secret is encrypted (kustomize-controller, internal/decryptor, IsEncryptedSecret).
func isEncrypted(secret []byte) bool {
	var fields struct {
		SOPS     json.RawMessage `json:"sops"`
		Metadata struct {
			Annotations struct {
				Decrypt string `json:"kustomize.toolkit.fluxcd.io/decrypt"`
			} `json:"annotations"`
		} `json:"metadata"`
	}
	return json.Unmarshal(secret, &fields) == nil && fields.SOPS != nil && !strings.EqualFold(fields.Metadata.Annotations.Decrypt, "disabled")
}

// build returns the objects that kustomize builds with patches, the reason why they cannot be read, or the error
// on which Flux fails.
func (t *target) build(patches []kustomize.Patch) (objects []source.Object, unread string, err error) {
	g, unread, err := t.files.generate(t.dir, t.Kustomization, patches)
	if unread != "" || err != nil {
		return nil, unread, err
	}
	// kustomize records the origin of each object in an annotation, which is removed later.
	wanted := g.BuildMetadata
	g.BuildMetadata = append(slices.Clone(wanted), types.OriginAnnotations)
	built, unread, err := t.run(g)
	if unread != "" || err != nil {
		return nil, unread, err
	}
	var files []string
	for _, r := range built.Resources() {
		files = append(files, t.fileOf(r))
	}
	if !slices.Contains(wanted, types.OriginAnnotations) {
		if err := built.RemoveOriginAnnotations(); err != nil {
			return nil, "", err
		}
	}
	objects, err = t.objects(built.Resources(), files)
	return objects, "", err
}

// run builds a kustomization.yaml.
func (t *target) run(g *generated) (built resmap.ResMap, unread string, err error) {
	content, err := yaml.Marshal(&g.Kustomization)
	if err != nil {
		return nil, "", err
	}
	r := t.attempt(g.file, content)
	if r.err == nil || r.seen.unread != "" {
		return r.objects, r.seen.unread, nil
	}
	switch text := r.err.Error(); {
	case strings.Contains(text, errNetwork.Error()):
		return nil, "it needs the network: " + explain(t.dir, r.err), nil
	case strings.Contains(text, tooMuchCopied):
		return nil, fmt.Sprintf("a JSON patch copies more than %d MiB", maxCopied>>20), nil
	case r.seen.missing != "":
		return nil, "", errors.New(r.seen.missing)
	}
	return nil, "", r.err
}

// A result is the result of a build.
type result struct {
	objects resmap.ResMap
	seen    overlaySeen
	err     error
}

// attempt builds once. A build that takes too long runs on in the background, and can read no more files.
func (t *target) attempt(file string, content []byte) (r result) {
	o := newOverlay(t.files, file, content)
	ended := make(chan result, 1)
	go func() { ended <- o.build(path.Join(root, t.dir)) }()
	select {
	case r = <-ended:
		r.seen = o.stop()
		return r
	case <-t.ctx.Done():
	}
	r.seen, r.err = o.stop(), context.Cause(t.ctx)
	r.seen.unread = interrupted
	if errors.Is(r.err, errTime) {
		r.seen.unread = tooSlow()
	}
	return r
}

// build runs kustomize like Flux (fluxcd/pkg/kustomize, Build): with built-in plugins only, and with files from
// anywhere in the source.
func (o *overlay) build(dir string) (r result) {
	defer func() {
		if p := recover(); p != nil {
			r.err = fmt.Errorf("kustomize panics: %v", p)
		}
	}()
	k := krusty.MakeKustomizer(&krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone, PluginConfig: types.DisabledPluginConfig(),
	})
	r.objects, r.err = k.Run(o, dir)
	return r
}

// tooSlow returns the reason why a build that takes too long is not read.
func tooSlow() string { return fmt.Sprintf("the build takes more than %s", buildTime) }

// fileOf returns the file of a resource, or the kustomization file that generates it.
func (t *target) fileOf(r *resource.Resource) string {
	origin, err := r.GetOrigin()
	if err != nil || origin == nil {
		return ""
	}
	file := cmp.Or(origin.Path, origin.ConfiguredIn)
	if file == "" || strings.HasSuffix(origin.ConfiguredBy.Kind, "Transformer") {
		return "" // a transformer removed the annotation, and counts as the origin
	}
	return path.Join(t.dir, file)
}

// objects returns the resources of files in the form in which kustomize-controller applies them.
func (t *target) objects(resources []*resource.Resource, files []string) (objects []source.Object, err error) {
	for i, r := range resources {
		o := source.Object{APIVersion: r.GetApiVersion(), Kind: r.GetKind(), Namespace: r.GetNamespace(), Name: r.GetName(), File: files[i]}
		if o.APIVersion == "" || o.Kind == "" || o.Name == "" {
			return nil, fmt.Errorf("%s: an object lacks its apiVersion, kind or metadata.name", cmp.Or(o.File, "a generated file"))
		}
		if strings.EqualFold(o.Kind, types.KustomizationKind) && strings.HasPrefix(o.APIVersion, "kustomize.config.k8s.io/") {
			continue // fluxcd/pkg/ssa, utils/object.go, ReadObjects
		}
		if o.JSON, err = r.MarshalJSON(); err != nil {
			return nil, fmt.Errorf("%s: %w", cmp.Or(o.File, "a generated file"), err)
		}
		if err := applyCommon(&o, t.Kustomization.CommonMetadata); err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// applyCommon sets the labels and annotations of all objects (fluxcd/pkg/ssa, utils/meta.go, SetCommonMetadata).
func applyCommon(o *source.Object, common *api.CommonMetadata) error {
	if common == nil || len(common.Labels)+len(common.Annotations) == 0 {
		return nil
	}
	var object map[string]any
	if err := json.Unmarshal(o.JSON, &object); err != nil {
		return err
	}
	metadata, ok := object["metadata"].(map[string]any)
	if !ok {
		return nil
	}
	set(metadata, "labels", common.Labels)
	set(metadata, "annotations", common.Annotations)
	text, err := json.Marshal(object)
	o.JSON = text
	return err
}

// set sets the keys of a map in an object's metadata.
func set[Value ~string](metadata map[string]any, field string, values map[string]Value) {
	if len(values) == 0 {
		return
	}
	all, ok := metadata[field].(map[string]any)
	if !ok {
		all = map[string]any{}
		metadata[field] = all
	}
	for k, v := range values {
		all[k] = string(v)
	}
}

// failure returns the failure of Flux at the user's patch if that causes it, or else at the path.
func (t *target) failure(err error) source.Failure {
	if i := t.culprit(); i >= 0 {
		return source.Failure{
			Field: []any{"kustomization", "patches", i}, Message: "Flux cannot apply this patch: " + explain(t.dir, err),
			Hint: "name an object that the source has, or give the patch a target, which may match none",
		}
	}
	shown := cmp.Or(t.Kustomization.Path, "the root of the source")
	hint := fmt.Sprintf("correct it until kustomize build %s succeeds", t.dir)
	if file, _ := t.files.kustomizationFile(t.dir); file == "" {
		hint = "without a kustomization.yaml, Flux applies every .yaml and .yml file; list the manifests in one, or exclude files in .sourceignore"
	}
	return source.Failure{Field: pathField, Message: fmt.Sprintf("Flux cannot build %s: %s", shown, explain(t.dir, err)), Hint: hint}
}

// culprit returns the index of the policy's first failing patch, or -1.
func (t *target) culprit() int {
	fails := func(n int) bool {
		_, unread, err := t.build(t.Patches[:n])
		return unread == "" && err != nil
	}
	if len(t.Patches) == 0 || fails(0) || !fails(len(t.Patches)) {
		return -1
	}
	return sort.Search(len(t.Patches), func(i int) bool { return fails(i + 1) })
}
