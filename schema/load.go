package schema

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/agext/levenshtein"
	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/internal/parallel"
)

// Documents are the documents read from files, with their diagnostics.
type Documents struct {
	// All are the documents of our kinds. One without an Object has at least one error.
	All []*Document
	// Diagnostics of reading and checking them.
	Diagnostics Diagnostics
	// Ignores are the comments that suppress diagnostics.
	Ignores []Ignore

	// unread: a file is not YAML to its end. nameless: a document has no readable name.
	unread, nameless bool
	// possible are the sorted names that the documents that could not be read may have.
	possible []string
	// Rollouts reports whether LoadRollouts found plain Canaries or MetricTemplates. A caller who knows of others may set it.
	Rollouts bool
	// Context holds the documents of other kinds that plain Canaries are checked against; none without a Canary.
	Context []*Document

	// others are the kinds of the documents that were skipped, the first of them at firstOther.
	others     []string
	firstOther diag.Position
	// contextKinds are the kinds of the documents in Context, which are skipped without a Canary. The first of
	// them and of the others is at firstSkipped.
	contextKinds []string
	firstSkipped diag.Position
	// relatives are the documents of other tools with the role of an Application.
	relatives []relative
}

// Complete reports whether all files were read to their end.
func (d *Documents) Complete() bool { return !d.unread && len(d.possible) == 0 }

// MayDefine reports whether an object that was not found may be defined in unreadable text.
func (d *Documents) MayDefine(name string) bool {
	_, possible := slices.BinarySearch(d.possible, name)
	return d.nameless || possible || d.unread && strings.Trim(name, nameCharacters) != ""
}

// nameCharacters are the characters of object names.
const nameCharacters = "-.abcdefghijklmnopqrstuvwxyz0123456789"

// nameField matches the possible name of an object in text that is not YAML.
var nameField = lazyregexp.New(`\bname["']?\s*:\s*["']?([` + nameCharacters + `]+)`)

// Load reads the documents of files and checks each against its kind. Documents
// of other kinds are skipped, with one info diagnostic for all.
func Load(files []File) Documents { return loadAll(files, nil) }

// LoadRollouts is like [Load], and also reads plain Canaries and MetricTemplates. It keeps the documents
// for whose apiVersion and kind isContext is true, too.
func LoadRollouts(files []File, isContext func(apiVersion, kind string) bool) Documents {
	return loadAll(files, isContext)
}

func loadAll(files []File, isContext func(apiVersion, kind string) bool) Documents {
	left := newBudget()
	all := make([]*loaded, len(files))
	applications := slices.ContainsFunc(files, func(f File) bool { return bytes.Contains(f.Data, []byte("kurator.dev/")) })
	parallel.Each(len(files), func(i int) { all[i] = loadFile(files[i], left, isContext, applications) })
	if left.Load() < 0 {
		return tooMany(files)
	}
	var docs Documents
	for _, of := range all {
		docs.add(of)
	}
	slices.Sort(docs.possible)
	docs.Rollouts = isContext != nil && slices.ContainsFunc(docs.All, func(d *Document) bool { return d.Kind.group() == rolloutKinds[0].group() })
	if !slices.ContainsFunc(docs.All, (*Document).IsOfRollout) {
		docs.Context, docs.others, docs.firstOther = nil, append(docs.others, docs.contextKinds...), docs.firstSkipped
	}
	if !docs.Rollouts || applications {
		docs.addRelatives()
	}
	if n := len(docs.others); n > 0 {
		left := "skipped 1 document of another kind: "
		if n > 1 {
			left = fmt.Sprintf("skipped %d documents of other kinds: ", n)
		}
		slices.Sort(docs.others)
		kinds := slices.Compact(docs.others)
		d := diag.New(diag.OtherDocuments, docs.firstOther, "", left+diag.Some(kinds, diag.MostNames), "")
		if len(kinds) > diag.MostNames {
			d = d.WithWhole(left + strings.Join(kinds, ", "))
		}
		docs.Diagnostics = append(docs.Diagnostics, d)
	}
	return docs
}

// maxDocuments is the most documents that all inputs may have, with the items of Lists.
const maxDocuments = 250_000

// A budget is how many documents may still be read.
type budget struct{ atomic.Int64 }

func newBudget() *budget {
	b := &budget{}
	b.Store(maxDocuments)
	return b
}

// take uses up one document, and reports whether one was left.
func (b *budget) take() bool { return b == nil || b.Add(-1) >= 0 }

// tooMany returns no documents, with a diagnostic about the limit. It names the first file
// beyond the limit, in the order of the files.
func tooMany(files []File) Documents {
	left, last := newBudget(), File{}
	for _, last = range files {
		if loadFile(last, left, nil, false); left.Load() < 0 {
			break
		}
	}
	return Documents{
		unread: true,
		Diagnostics: diag.List{diag.New(diag.Oversized, diag.Position{File: last.Name}, "",
			fmt.Sprintf("too many documents: with this file the inputs exceed %d", maxDocuments), "pass only files with Applications, Fleets, clusters and the objects that they refer to")},
	}
}

func (d *Documents) add(of *loaded) {
	d.All = append(d.All, of.All...)
	d.Diagnostics = append(d.Diagnostics, of.Diagnostics...)
	d.Ignores = append(d.Ignores, of.Ignores...)
	d.unread = d.unread || of.unread
	d.nameless = d.nameless || of.nameless
	d.possible = append(d.possible, of.possible...)
	if len(d.others)+len(d.contextKinds) == 0 {
		d.firstSkipped = of.firstSkipped
	}
	if len(d.others) == 0 {
		d.firstOther = of.firstOther
	}
	d.others = append(d.others, of.others...)
	d.Context = append(d.Context, of.Context...)
	d.contextKinds = append(d.contextKinds, of.contextKinds...)
	d.relatives = append(d.relatives, of.relatives...)
}

// loaded are the documents of one file.
type loaded struct {
	Documents
	// left is how many more documents may be read.
	left *budget
	// kinds are the kinds to read; isContext selects documents of other kinds to keep.
	kinds     []Kind
	isContext func(apiVersion, kind string) bool
	// applications reports whether a file may contain Applications, which AlertProviders are rendered for.
	applications bool
}

func loadFile(f File, left *budget, isContext func(apiVersion, kind string) bool, applications bool) *loaded {
	l := &loaded{left: left, kinds: kinds, isContext: isContext, applications: applications}
	if isContext != nil {
		l.kinds = slices.Concat(kinds, rolloutKinds)
	}
	f.Data, f.marked = withoutMarks(f.Data)
	nodes, list := parseWithin(f, left)
	l.Diagnostics = list
	if l.unread = len(list) > 0; l.unread {
		for _, name := range nameField().FindAllSubmatch(f.Data, -1) {
			l.possible = append(l.possible, string(name[1]))
		}
	}
	for _, n := range nodes {
		l.add(&Document{file: f, node: n})
	}
	l.addIgnores(f)
	for _, d := range slices.Concat(l.All, l.Context) {
		if !d.HasVariants() && !d.IsOfRollout() { // which rules look into again and again
			d.pack()
		}
	}
	return l
}

// add adds a document, or the documents of a List.
func (l *loaded) add(d *Document) {
	for _, field := range []string{"apiVersion", "kind"} {
		if n := d.value(Path{field}); n != nil && n.Kind != yaml.ScalarNode {
			l.reject(d, d.Diagnostic(diag.WrongType, Path{field}, "expected text, got "+describe(n, nil), ""))
			return
		}
	}
	if key := d.second(); key != nil {
		l.nameless = true // of the second
		l.reject(d, diag.New(diag.DuplicateKey, d.at(key), "", "a second object begins here without --- before it", "put --- on its own line above"))
		return
	}
	apiVersion, kind := d.Text("apiVersion"), d.Text("kind")
	if isList(l.kinds, apiVersion, kind) {
		l.addItems(d)
		return
	}
	k, message, hint := match(l.kinds, apiVersion, kind)
	if message != "" {
		path := Path{"kind"}
		if k.Name != "" {
			path = Path{"apiVersion"}
		}
		of := d.Diagnostic(diag.UnknownKind, path, message, hint)
		if key, meant := d.misspelt(); key != nil {
			of = diag.New(diag.UnknownField, d.at(key), "", fmt.Sprintf("unknown field %q", key.Value), fmt.Sprintf("did you mean %s?", meant))
		}
		l.reject(d, of)
		return
	}
	if k.Name == "" {
		if i := kindOfOthers(apiVersion, kind); i >= 0 {
			l.relatives = append(l.relatives, relative{i, d.Diagnostic(diag.OtherTool, Path{"kind"}, fmt.Sprintf("%s is skipped: fleetwright renders only Applications", otherTools[i].called), otherTools[i].instead)})
			return
		}
		l.skip(d, apiVersion, kind)
		return
	}
	d.Kind = k
	d.open = l.isContext != nil && (d.IsOfRollout() || k.Name == "AlertProvider" && !l.applications)
	d.Name, d.Namespace = d.Text("metadata", "name"), cmp.Or(d.Text("metadata", "namespace"), "default")
	// A RenderConfig needs no name, and nothing refers to it.
	l.nameless = l.nameless || d.Name == "" && k.Name != "RenderConfig"
	l.All = append(l.All, d)
	l.Diagnostics = append(l.Diagnostics, d.read()...)
}

// skip counts a document of another kind, and keeps one that Canaries are judged with.
func (l *loaded) skip(d *Document, apiVersion, kind string) {
	if len(l.others)+len(l.contextKinds) == 0 {
		l.firstSkipped = d.Position()
	}
	if l.isContext != nil && l.isContext(apiVersion, kind) {
		l.Context, l.contextKinds = append(l.Context, d), append(l.contextKinds, kind)
		return
	}
	if len(l.others) == 0 {
		l.firstOther = d.Position()
	}
	l.others = append(l.others, cmp.Or(kind, "no kind"))
}

// IsOfRollout reports whether the document is a plain Canary or a MetricTemplate.
func (d *Document) IsOfRollout() bool {
	return slices.ContainsFunc(rolloutKinds, func(k Kind) bool { return k.Name == d.Kind.Name })
}

// read decodes the document and checks it against its kind.
func (d *Document) read() diag.List {
	value, list := d.decode()
	if value == nil {
		return list
	}
	found := d.check(value)
	d.Valid = !slices.ContainsFunc(found, breaks)
	return append(list, found...)
}

// breaks reports whether a diagnostic is about a mistake with which nothing can be compiled.
func breaks(d diag.Diagnostic) bool { return d.Code.Rule().Structural && d.Severity == diag.Error }

// second returns the key at which a second object begins in a document, because --- is missing, or
// nil. One of the two must be of an input kind.
func (d *Document) second() (key *yaml.Node) {
	if d.node.Kind != yaml.MappingNode || d.node.Style&yaml.FlowStyle != 0 {
		return nil
	}
	seen := map[string]string{}
	again, ours := 0, false
	for i := 0; i+1 < len(d.node.Content); i += 2 {
		k, value := d.node.Content[i], d.node.Content[i+1]
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "spec"}, k.Value) {
			continue
		}
		if _, ok := seen[k.Value]; ok {
			if again++; key == nil {
				key = k
			}
		}
		seen[k.Value] = value.Value
		if k.Value == "apiVersion" || k.Value == "kind" {
			known, message, _ := match(kinds, seen["apiVersion"], seen["kind"])
			ours = ours || known.Name != "" && seen["apiVersion"] != "" || message != "" && seen["kind"] != "" && seen["apiVersion"] != ""
		}
	}
	if again < 2 || !ours {
		return nil
	}
	return key
}

// isList reports whether a document is a List, as kubectl or an API server writes it.
func isList(kinds []Kind, apiVersion, kind string) bool {
	return apiVersion == "v1" && kind == "List" ||
		slices.ContainsFunc(kinds, func(k Kind) bool { return k.APIVersion == apiVersion && k.Name+"List" == kind })
}

// reject reports why the kind of a document is not known.
func (l *loaded) reject(d *Document, why diag.Diagnostic) {
	l.Diagnostics = append(l.Diagnostics, why)
	l.possible = append(l.possible, d.Text("metadata", "name"))
}

// IsForeign reports whether a document is neither of an input kind nor of a misspelt one.
func IsForeign(apiVersion, kind string) bool {
	k, message, _ := match(kinds, apiVersion, kind)
	return k.Name == "" && message == ""
}

// misspelt returns the key that is a misspelt apiVersion or kind, with the correct field.
func (d *Document) misspelt() (key *yaml.Node, meant string) {
	if d.node.Kind != yaml.MappingNode {
		return nil, ""
	}
	for _, field := range []string{"apiVersion", "kind"} {
		if d.value(Path{field}) != nil {
			continue
		}
		for i := 0; i+1 < len(d.node.Content); i += 2 {
			if key := resolve(d.node.Content[i]); diag.Nearest(key.Value, []string{field}) != "" {
				return key, field
			}
		}
	}
	return nil, ""
}

func (l *loaded) addItems(d *Document) {
	items := d.value(Path{"items"})
	switch {
	case items == nil:
		l.Diagnostics = append(l.Diagnostics, d.Diagnostic(diag.MissingField, nil, "items is missing", "items: […]"))
	case items.Kind == yaml.SequenceNode:
		for _, item := range items.Content {
			if !l.left.take() {
				return
			}
			l.add(&Document{file: d.file, node: resolve(item)})
		}
	case !isNull(items):
		value := (&decoder{doc: d}).value(items, nil)
		l.Diagnostics = append(l.Diagnostics, d.Diagnostic(diag.WrongType, Path{"items"}, "expected a list, got "+describe(items, value), ""))
	}
}

// match finds the kind of a document among some. A message means that one of our kinds was
// meant but not written; without kind and message the document is not ours.
func match(kinds []Kind, apiVersion, kind string) (k Kind, message, hint string) {
	group, _, _ := strings.Cut(apiVersion, "/")
	var names []string
	for _, k := range kinds {
		if k.group() == group {
			names = append(names, k.Name)
		}
	}
	if i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == kind }); i >= 0 {
		k, hint := kinds[i], "apiVersion: "+kinds[i].APIVersion
		switch {
		case k.APIVersion == apiVersion:
			return k, "", ""
		case group != k.group() && mistakes(group, k.group()) <= 3:
			return k, fmt.Sprintf("%s is not the API group of %s", group, kind), hint
		case apiVersion == "":
			return k, "apiVersion is missing", hint
		case len(names) > 0 && !ofOthers(group, kind, names):
			return k, fmt.Sprintf("fleetwright does not know version %s of %s", apiVersion, kind), hint
		}
	}
	one, isList := strings.CutSuffix(kind, "List")
	meant := diag.Nearest(kind, names)
	switch {
	case len(names) == 0 || ofOthers(group, kind, names):
		return Kind{}, "", ""
	case isList && slices.Contains(names, one):
		return Kind{}, fmt.Sprintf("fleetwright does not read the kind %s", kind), "apiVersion: v1, kind: List"
	case kind == "":
		return Kind{}, "kind is missing", "kind: " + names[0]
	case meant != "":
		return Kind{}, fmt.Sprintf("unknown kind %q of %s", kind, group), "kind: " + meant
	}
	return Kind{}, fmt.Sprintf("fleetwright does not read the kind %s of %s", kind, group), "it reads " + strings.Join(names, ", ")
}

// ofOthers reports whether a kind is not an input kind, but shares the group of one.
func ofOthers(group, kind string, ours []string) bool {
	return slices.Contains([]string{"kuma.io", "flagger.app"}, group) && kind != "" &&
		!slices.ContainsFunc(ours, func(name string) bool { return mistakes(kind, name) <= 2 })
}

// mistakes returns how many letters of a word are wrong, or of a long word at least how many.
func mistakes(word, meant string) int {
	if longer := len(word) - 2*len(meant); longer > 0 {
		return longer + len(meant)
	}
	return levenshtein.Distance(strings.ToLower(word), strings.ToLower(meant), nil)
}

// usualDepth is how deep documents are nested.
const usualDepth = 16

// decode returns the value of the document, or nil where it has none.
func (d *Document) decode() (map[string]any, diag.List) {
	dec := decoder{doc: d}
	object, ok := dec.value(d.node, make(Path, 0, usualDepth)).(map[string]any)
	if !ok || dec.list.HasErrors() {
		return nil, dec.list
	}
	if dec.nulls {
		d.Kind.shape().withoutNulls(object)
	}
	if d.Kind.Name == "RenderConfig" {
		d.readOff(object)
	}
	return object, dec.list
}

// check validates the document's value by the shape and the rules of its kind, and decodes it.
func (d *Document) check(object map[string]any) diag.List {
	list := d.findVariables()
	w := walker{doc: d, root: d.Kind.shape()}
	w.value(object, w.root)
	d.wrong = w.wrong
	for i, of := range w.list {
		if d.reported == nil {
			d.reported = map[mistake]bool{}
		}
		d.reported[mistake{of.Code, w.at[i]}] = true
	}
	list = append(append(list, w.list...), d.checkNames(object)...)
	list = append(list, d.checkSelectors()...)
	if len(d.variables) > 0 {
		w.root.withoutVariables(object)
	}
	whole, err := d.typed(object)
	list = d.withoutForms(append(list, d.checkTexts(whole)...))
	if len(d.Name) > maxQuoted {
		return list
	}
	if len(w.list) > 0 {
		if d.Partial = d.removeWrong(object); !d.Partial {
			return list
		}
		whole, err = d.typed(object)
	}
	if err != nil {
		// The shape accepted a value that the Go type cannot hold.
		return append(list, d.Diagnostic(diag.Internal, nil, err.Error(), ""))
	}
	d.Object = whole
	return list
}

// typed returns the typed object of a value. With an error, it holds the fields that fit.
func (d *Document) typed(value map[string]any) (any, error) {
	object := d.Kind.New()
	data, err := json.Marshal(value)
	if err != nil {
		return object, err
	}
	return object, json.Unmarshal(data, object)
}
