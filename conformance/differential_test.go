package conformance

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/conformance/internal/mutant"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

// The number of accepted inputs in a run, and the seed: MUTANTS=20000 SEED=$RANDOM go test -run Differential.
var (
	mutants    = fromEnvironment("MUTANTS", 2000)
	mutantSeed = fromEnvironment("SEED", 99)
)

func fromEnvironment(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// unchanged lists the fields that no accepted input can change, with the reason.
var unchanged = map[string]string{
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.corsPolicy.allowOrigins[].suffix":    "rejected: Istio matches no suffixes",
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.match[].headers.*.suffix":            "rejected: Istio matches no suffixes",
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.match[].queryParams.*.suffix":        "rejected: Istio matches no suffixes",
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.serviceMatch[].uri.suffix":           "rejected: an HTTPRoute matches no suffixes",
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.serviceMatch[].method.prefix":        "rejected: an HTTPRoute has no prefix match for methods",
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.serviceMatch[].method.suffix":        "rejected: an HTTPRoute matches no suffixes",
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.serviceMatch[].method.regex":         "rejected: an HTTPRoute has no regular expressions for methods",
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.serviceMatch[].headers.*.prefix":     "rejected: an HTTPRoute has no prefix match for headers",
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.serviceMatch[].headers.*.suffix":     "rejected: an HTTPRoute matches no suffixes",
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.serviceMatch[].queryParams.*.prefix": "rejected: an HTTPRoute has no prefix match for parameters",
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.serviceMatch[].queryParams.*.suffix": "rejected: an HTTPRoute matches no suffixes",
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.gatewayRefs[].group":                 "rejected: except a Gateway or a Service, each with its group",
	"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.gatewayRefs[].kind":                  "rejected: except a Gateway or a Service, each with its group",
	"Fleet spec.plugin.flagger.gateway.refs[].group":                                                           "rejected: except a Gateway or a Service, each with its group",
	"Fleet spec.plugin.flagger.gateway.refs[].kind":                                                            "rejected: except a Gateway or a Service, each with its group",
	"RenderConfig spec.ociRepository.layerSelector.mediaType":                                                  "rejected: publish creates artifacts with one layer",
	"RenderConfig spec.ociRepository.ref.digest":                                                               "rejected: publish moves the tag latest",
	"RenderConfig spec.ociRepository.ref.semver":                                                               "rejected: publish moves the tag latest",
	"RenderConfig spec.ociRepository.ref.semverFilter":                                                         "rejected: publish moves the tag latest",
	"RenderConfig spec.ociRepository.ref.tag":                                                                  "rejected: publish moves the tag latest",
}

// samples returns the documents that mutants are built from: those of every example, and more that set the
// fields that no example sets.
func samples(t *testing.T) map[string][]mutant.Document {
	t.Helper()
	all := map[string][]mutant.Document{}
	for _, example := range examples(t) {
		all[example] = documentsOf(t, documents(t, example))
	}
	for name, data := range readTree(t, "testdata/mutants") {
		all[name] = documentsOf(t, tree{name: data})
	}
	return all
}

func documentsOf(t *testing.T, files tree) (all []mutant.Document) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(name) != ".yaml" {
			continue
		}
		objects, err := kube.Objects(files[name])
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			all = append(all, o.Object)
		}
	}
	return all
}

// compile compiles a mutant. A rejected mutant has no tree.
func compile(m mutant.Mutant) (*render.Tree, error) {
	var inputs []schema.File
	for i, d := range m.Documents {
		data, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, schema.File{Name: fmt.Sprintf("%s#%d", m.Sample, i), Data: data})
	}
	rendered, list := render.Compile(schema.Load(inputs), render.Options{DefaultPath: outputPath})
	for _, d := range list {
		// An error in the compiler is not a rejection.
		if d.Code == "FW901" {
			return nil, fmt.Errorf("%s: %s", d.Code, d.Message)
		}
	}
	return rendered, nil
}

// A refusal is the reason why a reader rejects the output for a mutant.
type refusal struct {
	mutant mutant.Mutant
	object string
	why    string
}

// quoted matches the values in messages.
var quoted = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'[^']*'|`[^`]*`|[0-9]+")

// about returns the reason without its values.
func (r refusal) about() string {
	text := quoted.ReplaceAllString(r.why, "…")
	return text[:min(len(text), 90)]
}

// A reading collects the objects that readers reject. Each distinct object is read once.
type reading struct {
	t          *testing.T
	server     *kube.ControlPlane
	program    *readers
	namespaces sync.Map

	mutex   sync.Mutex
	seen    map[[sha256.Size]byte]bool
	refused map[string][]refusal
	objects map[string]int
}

// refuse records that a reader rejects the output for a mutant.
func (r *reading) refuse(reader, object string, m mutant.Mutant, why error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.refused[reader] = append(r.refused[reader], refusal{m, object, why.Error()})
}

// refusals returns the rejections by a reader, each with the change that caused it: mutants of a rejected
// mutant do not repeat its rejection, and each reason is reported once per field.
func (r *reading) refusals(reader string) (all []string) {
	already := map[[sha256.Size]byte]map[string]bool{}
	for _, f := range r.refused[reader] {
		sum := f.mutant.Sum()
		if already[sum] == nil {
			already[sum] = map[string]bool{}
		}
		already[sum][f.about()] = true
	}
	said := map[string]bool{}
	for _, f := range r.refused[reader] {
		inherited := false
		for base := f.mutant.Base; base != nil; base = base.Base {
			inherited = inherited || already[base.Sum()][f.about()]
		}
		field, change := "", "the unchanged sample"
		if n := len(f.mutant.Changes); n > 0 {
			field, change = f.mutant.Changes[n-1].Field, f.mutant.Changes[n-1].String()
		}
		if key := field + f.about(); !inherited && !said[key] {
			said[key] = true
			all = append(all, fmt.Sprintf("%s (in %s)\n\t%s: %.500s", change, f.mutant.Sample, f.object, f.why))
		}
	}
	slices.Sort(all)
	return all
}

// first reports whether a value is seen for the first time.
func (r *reading) first(reader string, parts ...any) bool {
	sum := sha256.New()
	fmt.Fprintln(sum, reader)
	for _, p := range parts {
		if err := json.NewEncoder(sum).Encode(p); err != nil {
			r.t.Error(err)
		}
	}
	key := [sha256.Size]byte(sum.Sum(nil))
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.seen[key] {
		return false
	}
	r.seen[key] = true
	r.objects[reader]++
	return true
}

const (
	byServer  = "10. random inputs: the API server"
	byBuilder = "10. random inputs: Flux' builder"
	bySources = "10. random inputs: Flux' sources"
	byFlagger = "10. random inputs: Flagger"
	byIstiod  = "10. random inputs: istiod"
	byUs      = "10. random inputs: compiled without a mistake"
)

// tree gives the output for a mutant to all readers.
func (r *reading) tree(m mutant.Mutant, rendered *render.Tree) {
	for _, c := range rendered.Clusters {
		files := tree{}
		for f := range c.Files() {
			files[path.Join(c.Name, layout.Dir, f.Path)] = f.Content
		}
		r.builds(m, files)
		on := map[string][]*kube.Object{}
		for name, data := range files {
			if path.Ext(name) != ".yaml" || path.Base(name) == "kustomization.yaml" {
				continue
			}
			all, err := kube.Objects(data)
			if err != nil {
				r.refuse(byServer, name, m, err)
				continue
			}
			on[server(name)] = append(on[server(name)], all...)
		}
		for _, objects := range on {
			for _, o := range objects {
				r.read(m, o, objects)
			}
		}
	}
}

// read gives an object to every reader of its kind, with the other objects of its cluster.
func (r *reading) read(m mutant.Mutant, o *kube.Object, all []*kube.Object) {
	r.object(m, o)
	switch o.GetKind() {
	case "Kustomization":
		r.source(m, o)
	case "GitRepository", "HelmRepository", "OCIRepository", "HelmRelease":
		r.ask(bySources, "flux", m, []*kube.Object{o})
	case "AlertProvider":
		r.ask(byFlagger, "flagger", m, []*kube.Object{o})
	case "Canary":
		r.canary(m, o, all)
	}
}

// object validates an object with the API server, which has the namespaces of all objects.
func (r *reading) object(m mutant.Mutant, o *kube.Object) {
	if !r.first(byServer, o.Object) {
		return
	}
	if namespace := o.GetNamespace(); namespace != "" {
		made, _ := r.namespaces.LoadOrStore(namespace, sync.OnceValue(func() error {
			_, err := r.server.Apply(r.t.Context(), &kube.Object{Object: map[string]any{
				"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace},
			}})
			return err
		}))
		if err := made.(func() error)(); err != nil {
			r.refuse(byServer, "namespace "+namespace, m, err)
			return
		}
	}
	if err := r.server.DryRun(r.t.Context(), o); err != nil {
		r.refuse(byServer, kube.ID(o), m, err)
	}
}

// ask gives objects to a reader of the program, and the objects that it creates to other readers.
func (r *reading) ask(check, reader string, m mutant.Mutant, objects []*kube.Object) {
	if !r.first(check, objects) {
		return
	}
	a, err := r.program.ask(reader, objects)
	if err != nil {
		r.t.Errorf("%s: %v", reader, err)
	}
	for _, why := range a.Refused {
		r.refuse(check, kube.ID(objects[0]), m, errors.New(why))
	}
	for _, o := range a.Made {
		r.object(m, o)
		if o.GroupVersionKind().Group == "networking.istio.io" {
			r.ask(byIstiod, "istio", m, []*kube.Object{o})
		}
	}
}

// canary gives Flagger a Canary and the objects that it refers to.
func (r *reading) canary(m mutant.Mutant, canary *kube.Object, objects []*kube.Object) {
	together := []*kube.Object{canary}
	refers := func(o *kube.Object, name, namespace string) {
		if namespace == "" {
			namespace = canary.GetNamespace()
		}
		if o.GetName() == name && o.GetNamespace() == namespace {
			together = append(together, o)
		}
	}
	metrics, alerts := slice(canary.Object, "spec", "analysis", "metrics"), slice(canary.Object, "spec", "analysis", "alerts")
	for _, o := range objects {
		switch o.GetKind() {
		case "MetricTemplate":
			for _, metric := range metrics {
				if ref, ok, _ := unstructured.NestedStringMap(metric, "templateRef"); ok {
					refers(o, ref["name"], ref["namespace"])
				}
			}
		case "AlertProvider":
			for _, alert := range alerts {
				ref, _, _ := unstructured.NestedStringMap(alert, "providerRef")
				refers(o, ref["name"], ref["namespace"])
			}
		case "Ingress":
			refers(o, ingressOf(canary), "")
		}
	}
	r.ask(byFlagger, "flagger", m, together)
}

// builds builds every directory of a cluster with Flux's builder.
func (r *reading) builds(m mutant.Mutant, files tree) {
	dirs := map[string]tree{}
	for name, data := range files {
		dir := path.Dir(name)
		if dirs[dir] == nil {
			dirs[dir] = tree{}
		}
		dirs[dir][path.Base(name)] = data
	}
	for dir, content := range dirs {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(content)) {
			names = append(names, name, fmt.Sprintf("%x", sha256.Sum256(content[name])))
		}
		if _, ok := content["kustomization.yaml"]; ok || !r.first(byBuilder, names) {
			continue // a list of directories builds the same objects as the directories
		}
		if _, err := buildFiles(content, ".", kube.Object{Object: map[string]any{}}); err != nil {
			r.refuse(byBuilder, dir, m, err)
		}
	}
}

// source builds a small source with Flux's builder and the fields of a user's Kustomization. The source has
// the files that they name.
func (r *reading) source(m mutant.Mutant, k *kube.Object) {
	if name, _, _ := unstructured.NestedString(k.Object, "spec", "sourceRef", "name"); name == "flux-system" {
		return
	}
	spec, _, _ := unstructured.NestedMap(k.Object, "spec")
	read := map[string]any{}
	for _, field := range []string{"path", "patches", "images", "components", "targetNamespace", "commonMetadata", "namePrefix", "nameSuffix"} {
		if v, ok := spec[field]; ok {
			read[field] = v
		}
	}
	if !r.first(byBuilder, read) {
		return
	}
	dir, _ := spec["path"].(string)
	files := tree{path.Join(dir, "web.yaml"): []byte(web), path.Join(dir, "kustomization.yaml"): []byte("resources: [web.yaml]\n")}
	components, _ := spec["components"].([]any)
	for _, c := range components {
		files[path.Join(dir, c.(string), "kustomization.yaml")] = []byte("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: a-\n")
	}
	objects, err := buildFiles(files, dir, kube.Object{Object: map[string]any{"spec": read}})
	if err != nil {
		if !isOfTheSource(err) {
			r.refuse(byBuilder, kube.ID(k), m, err)
		}
		return
	}
	for _, o := range objects {
		named := source.Object{APIVersion: o.GetAPIVersion(), Kind: o.GetKind()}
		if named.RefuseName(o.GetName()) == "" { // the compiler does not read this source; otherwise it would report FW536
			r.object(m, o)
		}
	}
}

// isOfTheSource reports whether a build fails because the small source lacks an object: the user's patches
// are for another source.
func isOfTheSource(err error) bool {
	for _, text := range []string{"no matches for Id", "no resource matches strategic merge patch", "doc is missing", "missing value", "testing value", "unable to remove nonexistent key"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// web is the Deployment of a source, with its Service.
const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: i}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}], selector: {app: web}}
`

// buildFiles builds a directory of files as kustomize-controller does for a Kustomization.
func buildFiles(files tree, dir string, k kube.Object) (objects []*kube.Object, err error) {
	root, err := os.MkdirTemp("", "build")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	for name, data := range files {
		file := filepath.Join(root, name)
		if rel, err := filepath.Rel(root, file); err != nil || strings.HasPrefix(rel, "..") {
			return nil, fmt.Errorf("%s is outside the source", name)
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return nil, err
		}
	}
	dir = filepath.Join(root, dir)
	if _, err := fluxkustomize.NewGenerator(root, k).WriteFile(dir); err != nil {
		return nil, err
	}
	built, err := fluxkustomize.SecureBuild(root, dir, false)
	if err != nil {
		return nil, err
	}
	data, err := built.AsYaml()
	if err != nil {
		return nil, err
	}
	return kube.Objects(data)
}

// readers is the program that runs code of Flagger, Flux and Istio.
type readers struct {
	mutex sync.Mutex
	in    *json.Encoder
	out   *json.Decoder
}

type answer struct {
	Refused []string       `json:"refused"`
	Made    []*kube.Object `json:"made"`
}

func startReaders(t *testing.T) *readers {
	t.Helper()
	program, err := tools.Build(toolsDir, tools.Readers)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	return &readers{in: json.NewEncoder(in), out: json.NewDecoder(bufio.NewReader(out))}
}

func (r *readers) ask(reader string, objects []*kube.Object) (a answer, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err := r.in.Encode(map[string]any{"reader": reader, "objects": objects}); err != nil {
		return a, err
	}
	return a, r.out.Decode(&a)
}

func newReading(t *testing.T, server *kube.ControlPlane, program *readers) *reading {
	return &reading{
		t: t, server: server, program: program,
		seen: map[[sha256.Size]byte]bool{}, refused: map[string][]refusal{}, objects: map[string]int{},
	}
}

func startReading(t *testing.T) *reading {
	t.Helper()
	r := newReading(t, kube.Start(t, toolsDir), startReaders(t))
	charts := chartCRDs(t)
	install(t, r.server, slices.Concat(fluxCRDs(t), charts["flagger"], charts["kuma"], istioCRDs(t), gatewayCRDs(t)))
	return r
}

// TestDifferential generates random inputs with every field, and checks that the real readers accept all
// objects rendered from the accepted inputs.
func TestDifferential(t *testing.T) {
	mutants, fields := mutants, !testing.Short()
	if !fields { // a quarter of the inputs may miss fields
		mutants /= 4
	}
	t.Logf("generating %d accepted inputs from seed %d", mutants, mutantSeed)
	maker, r := mutant.New(uint64(mutantSeed), samples(t)), startReading(t)

	work := make(chan func(), 64)
	var working sync.WaitGroup
	for range max(4, 2*runtime.NumCPU()) {
		working.Go(func() {
			for do := range work {
				do()
			}
		})
	}
	accepted, made := map[[sha256.Size]byte]bool{}, 0
	for _, m := range maker.Samples() {
		rendered, err := compile(m)
		if err != nil || rendered == nil {
			t.Fatalf("the sample %s is rejected: %v", m.Sample, err)
		}
		work <- func() { r.tree(m, rendered) }
	}
	for ; len(accepted) < mutants || fields && len(uncovered(maker)) > 0; made++ {
		if made > 12*mutants {
			break
		}
		m := maker.Next()
		rendered, err := compile(m)
		if err != nil {
			r.refuse(byUs, "no output", m, err)
		}
		if rendered == nil || accepted[m.Sum()] {
			continue
		}
		accepted[m.Sum()] = true
		maker.Accept(m)
		work <- func() { r.tree(m, rendered) }
	}
	close(work)
	working.Wait()
	t.Logf("%d of %d inputs were accepted; distinct objects read: %v", len(accepted), made, r.objects)

	t.Run("what is broken is seen", func(t *testing.T) { brokenIsSeen(t, r.server, r.program) })
	t.Run("every field", func(t *testing.T) {
		scheduled(t, "thousands of inputs")
		recordAll(t, "10. random inputs: fields with other values", len(maker.Fields())-len(unchanged))
		for _, f := range uncovered(maker) {
			t.Errorf("no accepted input changes %s, in %d attempts", f, maker.Tried(f))
		}
		for f := range unchanged {
			if !slices.Contains(maker.Fields(), f) {
				t.Errorf("unknown field %s", f)
			}
		}
	})
	for _, check := range []string{byServer, byBuilder, bySources, byFlagger, byIstiod, byUs} {
		t.Run(check, func(t *testing.T) {
			recordAll(t, check, len(accepted))
			if len(accepted) < mutants {
				t.Errorf("%d inputs were accepted, want %d", len(accepted), mutants)
			}
			if r.objects[check] == 0 && check != byUs {
				t.Error("no object was read")
			}
			for _, why := range r.refusals(check) {
				t.Error(why)
			}
		})
	}
}

// brokenIsSeen breaks objects so that their readers must reject them.
func brokenIsSeen(t *testing.T, server *kube.ControlPlane, program *readers) {
	const git, canary, kustomization = "GitRepository default/git", "Canary web/web", "Kustomization default/web"
	for _, tt := range []struct {
		by, id string
		value  any
		path   []string
	}{
		{byServer, git, "1 minute", []string{"spec", "interval"}},
		{byServer, canary, "a b", []string{"spec", "service", "appProtocol"}},
		{bySources, git, "https:///a", []string{"spec", "url"}},
		{bySources, git, "a..b", []string{"spec", "ref", "branch"}},
		{bySources, "HelmRelease default/p", "x y", []string{"spec", "chart", "spec", "version"}},
		{byBuilder, kustomization, []any{"/a"}, []string{"spec", "components"}},
		{byFlagger, canary, "[a", []string{"spec", "analysis", "sessionAffinity", "cookieName"}},
		{byFlagger, canary, "https:// a", []string{"spec", "metricsServer"}},
		{byIstiod, canary, []any{"./a"}, []string{"spec", "service", "gateways"}},
		{byIstiod, canary, "0s", []string{"spec", "service", "corsPolicy", "maxAge"}},
	} {
		t.Run(strings.Join(append(tt.path, fmt.Sprint(tt.value)), " "), func(t *testing.T) {
			record(t, "10. random inputs: what is broken is seen")
			objects := golden(t, everyField).objects(t, "one")
			o, ok := objects[tt.id]
			if !ok {
				t.Fatalf("no %s among %q", tt.id, slices.Sorted(maps.Keys(objects)))
			}
			set(t, o.Object, tt.value, tt.path...)
			r := newReading(t, server, program)
			r.read(mutant.Mutant{}, o, slices.Collect(maps.Values(objects)))
			if len(r.refused[tt.by]) == 0 {
				t.Errorf("the broken object is accepted: %v", r.refused)
			}
		})
	}
}

// uncovered returns the fields that still need an accepted input.
func uncovered(maker *mutant.Maker) []string {
	return slices.DeleteFunc(maker.Uncovered(), func(f string) bool { return unchanged[f] != "" })
}
