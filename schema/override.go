package schema

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Variants creates the documents of an Application for clusters with their own overrides and
// variables. Parts that two clusters share are read once.
type Variants struct {
	of *Document
	origins
	// merged are the merged sections, by their overrides, and resolved the sections
	// without variables.
	merged map[string]*Section
	// different are the sections of a path that differ, beginning with the document's own.
	different map[string][]*Section
	resolved  map[sectionKey]*Section
}

// The origins are the places of the values that overrides set, by node.
type origins struct {
	// overrides are values of overrides, and mixed mappings of which an override sets a field.
	overrides, mixed map[*yaml.Node]Path
}

// A sectionKey is a section and the values of its variables.
type sectionKey struct {
	*Section
	values string
}

// A Section is a part of an Application that overrides and variables may change: its source, or the
// kustomization, helm or rollout of a sync policy.
type Section struct {
	// Path of the section.
	Path Path
	// Variables are the variables of clusters in the section.
	Variables []Variable
	// of are the variants with the section. node is the section, or nil if the document has none. key is
	// the key that sets it.
	of        *Variants
	key, node *yaml.Node
	// overrides are the merged ones, and last is the path that the last one sets.
	overrides []int
	last      Path
	// own sections are the document's own, and templated ones have variables, or escaped ones.
	own, templated bool
	// typed is the section as read, list its diagnostics, and wrong their places.
	typed any
	list  diag.List
	wrong wrong
	// partial sections lack their wrong fields; broken ones cannot be read.
	partial, broken bool
}

// Variants returns the builder of the variants of an Application's document.
func (d *Document) Variants() *Variants {
	// The nodes stay in memory as long as the variants.
	of := &Document{
		Kind: d.Kind, Name: d.Name, Namespace: d.Namespace, Object: d.Object, Valid: d.Valid, Partial: d.Partial,
		file: d.file, node: d.tree().root, variables: d.variables, templated: d.templated, bad: d.bad, reported: d.reported, wrong: d.wrong,
	}
	return &Variants{of, origins{map[*yaml.Node]Path{}, map[*yaml.Node]Path{}}, map[string]*Section{}, map[string][]*Section{}, map[sectionKey]*Section{}}
}

// HasVariants reports whether an Application's document has overrides or variables.
func (d *Document) HasVariants() bool {
	app, ok := d.Object.(*api.Application)
	return ok && (len(app.Spec.Overrides) > 0 || len(d.variables) > 0 ||
		slices.ContainsFunc(app.Spec.SyncPolicies, func(p api.SyncPolicy) bool { return len(p.Overrides) > 0 }))
}

// HasVariables reports whether any policy of an Application's document has variables.
func (d *Document) HasVariables() bool { return len(d.variables) > 0 }

// checkSelectors rejects overrides whose clusterSelector has no value: as Kubernetes reads it, that selects
// all clusters.
func (d *Document) checkSelectors() (list diag.List) {
	if d.Kind.Name != "Application" {
		return nil
	}
	places := []Path{{"spec", "overrides"}}
	for i := range d.Len("spec", "syncPolicies") {
		places = append(places, Path{"spec", "syncPolicies", i, "overrides"})
	}
	for _, overrides := range places {
		for i := range d.Len(overrides...) {
			if at := overrides.With(i, "clusterSelector"); d.IsNull(at...) {
				list = append(list, d.Diagnostic(diag.MissingField, at, "clusterSelector has no value, so it would select every cluster", `clusterSelector: {matchLabels: {stage: prod}}, or {} for all`))
			}
		}
	}
	return list
}

// sourcePath is the section of the source.
var sourcePath = Path{"spec", "source"}

// policySections are the sections of a policy.
var policySections = []string{"kustomization", "helm", "rollout"}

// SectionsOf returns the paths of the sections at a path, that of the spec or of a policy.
func SectionsOf(at Path) (paths []Path) {
	if len(at) == 1 {
		return []Path{sourcePath}
	}
	for _, name := range policySections {
		paths = append(paths, at.With(name))
	}
	return paths
}

// Sets reports whether an override, which is at a path, sets anything in a section.
func (v *Variants) Sets(override, section Path) bool {
	_, n := v.of.find(override.With(section[len(section)-1]))
	return n != nil
}

// Merge returns a section with overrides merged over it, which are below a path, made once.
func (v *Variants) Merge(section Path, below Path, overrides []int) *Section {
	key := section.String()
	for _, i := range overrides {
		key += " " + strconv.Itoa(i)
	}
	s, ok := v.merged[key]
	if !ok {
		s = v.merge(section, below, overrides)
		path := section.String()
		if len(overrides) > 0 {
			v.Merge(section, below, nil)
		}
		if i := slices.IndexFunc(v.different[path], s.Same); i >= 0 {
			s = v.different[path][i]
		} else {
			v.different[path] = append(v.different[path], s)
		}
		if s.node != nil && !s.templated && anyText(s.node, hasVariable) {
			s.templated, s.Variables = true, variablesIn(s.node, section)
		}
		v.merged[key] = s
	}
	return s
}

// Effect reports the effect of the override at a place among others in a section: whether it changes a
// value of those before it, and whether later ones keep such a change.
func (v *Variants) Effect(section, below Path, overrides []int, place int) (sets, isLeft bool) {
	_, base := v.of.find(section)
	all := make([]*yaml.Node, len(overrides))
	for n, i := range overrides {
		all[n] = v.of.value(below.With("overrides", i, section[len(section)-1]))
	}
	before := func(at []string) *yaml.Node {
		for _, over := range slices.Backward(all[:place]) {
			if value, isSet := setAt(over, at); isSet {
				return value
			}
		}
		value, _ := setAt(base, at)
		return value
	}
	eachLeaf(all[place], nil, func(value *yaml.Node, at []string) bool {
		if isNull(value) {
			value = nil
		}
		was := before(at)
		if equal(value, was) || value != nil && was != nil && isEmptyMapping(value) && resolve(was).Kind == yaml.MappingNode {
			return true
		}
		sets = true
		for _, over := range all[place+1:] {
			later, isSet := setAt(over, at)
			isMerged := later != nil && was != nil && later.Kind == yaml.MappingNode && was.Kind == yaml.MappingNode
			if isSet && !isMerged && !equal(later, value) {
				return true
			}
		}
		isLeft = true
		return false
	})
	return sets, isLeft
}

func isEmptyMapping(n *yaml.Node) bool { return n.Kind == yaml.MappingNode && len(n.Content) == 0 }

// eachLeaf visits the values that a partial mapping sets: values other than mappings, and empty mappings.
// It stops if a visit returns false.
func eachLeaf(n *yaml.Node, at []string, visit func(value *yaml.Node, at []string) bool) bool {
	n = resolve(n)
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return visit(n, at)
	}
	for _, p := range flatten(n) {
		if !eachLeaf(p.value, append(at, p.name), visit) {
			return false
		}
	}
	return true
}

// setAt returns the value that a partial mapping sets at a path, nil if it removes it, and reports
// whether it sets anything there.
func setAt(n *yaml.Node, at []string) (value *yaml.Node, isSet bool) {
	if n == nil {
		return nil, false
	}
	n = resolve(n)
	for _, name := range at {
		if n.Kind != yaml.MappingNode {
			return nil, true
		}
		pairs := flatten(n)
		i := slices.IndexFunc(pairs, func(p pair) bool { return p.name == name })
		if i < 0 {
			return nil, false
		}
		n = resolve(pairs[i].value)
	}
	if isNull(n) {
		return nil, true
	}
	return n, true
}

// merge makes a section with overrides merged over it.
func (v *Variants) merge(section, below Path, overrides []int) *Section {
	k, n := v.of.find(section)
	s := &Section{Path: section, of: v, key: k, node: n, own: len(overrides) == 0, overrides: overrides}
	name := section[len(section)-1].(string)
	for _, i := range overrides {
		at := below.With("overrides", i, name)
		over := v.of.value(at)
		switch {
		case over == nil:
			continue
		case isNull(over) && len(section) > len(sourcePath):
			s.node = nil
		case isNull(over): // without a source there is nothing, which is reported there
			s.key, _ = v.of.find(at)
			s.node = &yaml.Node{Kind: yaml.MappingNode, Line: over.Line, Column: over.Column}
			v.overrides[s.node] = at
		default:
			isNew := s.node == nil || resolve(s.node).Kind != yaml.MappingNode
			s.node = v.origins.merge(orEmpty(s.node), over, at)
			if _, isMixed := v.mixed[s.node]; isMixed || isNew {
				s.key, _ = v.of.find(at)
			}
			if isNew {
				v.overrides[s.node] = at
			}
		}
		s.last = at
	}
	return s
}

func orEmpty(n *yaml.Node) *yaml.Node {
	if n == nil {
		return &yaml.Node{Kind: yaml.MappingNode}
	}
	return n
}

// with returns the document with sections in their places.
func (v *Variants) with(sections ...*Section) *Document {
	d := v.of
	made := &Document{Kind: d.Kind, Name: d.Name, Namespace: d.Namespace, Valid: d.Valid, file: d.file, node: d.node, origins: v.origins, templated: d.templated}
	for _, s := range sections {
		if s.own {
			continue
		}
		last := len(s.Path) - 1
		made.node = edit(made.node, s.Path[:last], func(n *yaml.Node) *yaml.Node { return replaced(n, pair{s.Path[last].(string), s.key, s.node}) })
	}
	return made
}

// Overrides returns the indices of the overrides that were merged into the section; none if it is the
// document's own.
func (s *Section) Overrides() []int { return s.overrides }

// Same reports whether two sections of one path have the same value.
func (s *Section) Same(other *Section) bool { return s == other || equal(s.node, other.node) }

// Diagnostic returns a diagnostic about the value at a path in the section.
func (s *Section) Diagnostic(code diag.Code, path Path, message, hint string) diag.Diagnostic {
	return s.of.with(s).Diagnostic(code, path, message, hint)
}

// Resolve returns a section with its variables replaced, read and checked. Value is given the key of a
// label, or "" for the name of the cluster, and values identifies its results.
func (v *Variants) Resolve(s *Section, values string, value func(label string) string) *Section {
	key := sectionKey{s, values}
	if made, ok := v.resolved[key]; ok {
		return made
	}
	made := *s
	if s.templated {
		r := resolver{origins: v.origins, value: func(name string) string {
			label, _ := strings.CutPrefix(name, labelsOf)
			if !isVariable(name) || name == nameOf { // of which the first is reported
				label = ""
			}
			return value(label)
		}}
		made.own = false
		made.node = r.node(s.node, v.of.Kind.shape().at(s.Path))
	}
	made.read()
	v.resolved[key] = &made
	return &made
}

// read decodes the section and checks it.
func (s *Section) read() {
	if s.node == nil {
		return
	}
	if s.own {
		s.typed = sectionOf(s.of.of.Object.(*api.Application), s.Path)
		return
	}
	doc := s.of.with(s)
	s.typed, _ = typedSection(s.Path, nil)
	shape := doc.Kind.shape().at(s.Path)
	dec := decoder{doc: doc}
	value := dec.value(s.node, append(make(Path, 0, usualDepth), s.Path...))
	s.list = dec.list
	if s.broken = dec.list.HasErrors(); s.broken {
		return
	}
	if dec.nulls {
		shape.withoutNulls(value)
	}
	w := walker{doc: doc, root: doc.Kind.shape(), path: slices.Clone(s.Path)}
	w.value(value, shape)
	doc.wrong = w.wrong
	for i, d := range w.list {
		if !s.of.of.reported[mistake{d.Code, w.at[i]}] {
			s.list = append(s.list, d)
		}
	}
	s.list = append(s.list, doc.checkKeys(value, s.Path)...)
	typed, err := typedSection(s.Path, value)
	s.list = s.of.of.withoutForms(append(s.list, doc.refusals(CheckTexts(typed), s.Path)...))
	if len(w.list) > 0 {
		// The rest can still be checked, as it can of a document.
		s.typed = typed
		whole := nest(s.Path, value)
		if s.partial = doc.removeWrong(whole); !s.partial {
			s.broken = true
			return
		}
		typed, err = typedSection(s.Path, valueAt(whole, s.Path))
	}
	if err != nil {
		s.list = append(s.list, doc.Diagnostic(diag.Internal, s.Path, err.Error(), ""))
		return
	}
	s.typed, s.wrong = typed, doc.wrong
}

// Document returns the document as it is on some clusters, with the given sections, and their diagnostics.
// All other sections are the document's own. It has no Object if a section is too wrong to compile.
func (v *Variants) Document(sections []*Section, on *diag.Scope) (*Document, diag.List) {
	made := v.with(sections...)
	made.Partial, made.wrong, made.Scope = v.of.Partial, v.of.wrong, on
	app := *v.of.Object.(*api.Application)
	app.Spec.SyncPolicies = slices.Clone(app.Spec.SyncPolicies)
	var list diag.List
	broken := false
	for _, s := range sections {
		setSection(&app, s.Path, s.typed)
		list = append(list, s.list...)
		made.wrong = made.wrong.with(s.wrong)
		made.Valid = made.Valid && !slices.ContainsFunc(s.list, breaks)
		made.Partial, broken = made.Partial || s.partial, broken || s.broken
	}
	if made.Valid {
		for i := range app.Spec.SyncPolicies {
			list = append(list, v.checkPolicy(made, &app.Spec.SyncPolicies[i], i, sections)...)
		}
		made.Valid = !slices.ContainsFunc(list, breaks)
	}
	for i := range list {
		list[i].On, list[i].Resolved = on, made.templated[list[i].Position]
	}
	if !broken {
		made.Object = &app
	}
	return made, list
}

// checkPolicy reports a policy that overrides have made one that applies nothing, or two things, at the
// last of those that set or remove any.
func (v *Variants) checkPolicy(made *Document, p *api.SyncPolicy, index int, sections []*Section) diag.List {
	at := Path{"spec", "syncPolicies", index}
	list := made.refusals(checkPolicy(p), at)
	for _, s := range sections {
		isKind := len(s.Path) > 3 && s.Path[2] == index && s.Path[3] != "rollout"
		for i := range list {
			if isKind && s.last != nil {
				list[i].Position, list[i].Path = v.of.Position(s.last...), s.last.String()
			}
		}
	}
	return list
}

// sectionOf returns the section of an Application at a path, or nil.
func sectionOf(app *api.Application, path Path) any {
	if len(path) == 2 {
		return &app.Spec.Source
	}
	p := &app.Spec.SyncPolicies[path[2].(int)]
	switch path[3] {
	case "kustomization":
		return p.Kustomization
	case "helm":
		return p.Helm
	}
	return p.Rollout
}

func setSection(app *api.Application, path Path, typed any) {
	if len(path) == 2 {
		if source, ok := typed.(*api.ApplicationSource); ok {
			app.Spec.Source = *source
		}
		return
	}
	p := &app.Spec.SyncPolicies[path[2].(int)]
	switch path[3] {
	case "kustomization":
		p.Kustomization, _ = typed.(*api.Kustomization)
	case "helm":
		p.Helm, _ = typed.(*api.HelmRelease)
	case "rollout":
		p.Rollout, _ = typed.(*api.Rollout)
	}
}

// typedSection makes the typed section of a value.
func typedSection(path Path, value any) (typed any, err error) {
	typed = map[any]any{"source": &api.ApplicationSource{}, "kustomization": &api.Kustomization{}, "helm": &api.HelmRelease{}, "rollout": &api.Rollout{}}[path[len(path)-1]]
	data, err := json.Marshal(value)
	if err != nil {
		return typed, err
	}
	return typed, json.Unmarshal(data, typed)
}

// nest returns a document's value that has nothing but a value at a path.
func nest(path Path, value any) map[string]any {
	for _, element := range slices.Backward(path) {
		switch e := element.(type) {
		case string:
			value = map[string]any{e: value}
		case int:
			items := make([]any, e+1)
			items[e] = value
			value = items
		}
	}
	return value.(map[string]any)
}

func valueAt(value any, path Path) any {
	for _, element := range path {
		switch e := element.(type) {
		case string:
			fields, _ := value.(map[string]any)
			value = fields[e]
		case int:
			items, _ := value.([]any)
			value = items[e]
		}
	}
	return value
}

func equal(a, b *yaml.Node) bool {
	if a == nil || b == nil || a == b {
		return a == b
	}
	a, b = resolve(a), resolve(b)
	if a == b {
		return true
	}
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case yaml.MappingNode:
		fields := map[string]*yaml.Node{}
		for _, p := range flatten(a) {
			fields[p.name] = p.value
		}
		for _, p := range flatten(b) {
			value, ok := fields[p.name]
			if !ok || !equal(value, p.value) {
				return false
			}
			delete(fields, p.name)
		}
		return len(fields) == 0
	case yaml.SequenceNode:
		return slices.EqualFunc(a.Content, b.Content, equal)
	}
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle
	return a.Value == b.Value && a.ShortTag() == b.ShortTag() && (!hasVariable(a.Value) || (a.Style&quoted == 0) == (b.Style&quoted == 0))
}

// at returns the shape at a path.
func (s *Shape) at(path Path) *Shape {
	for _, element := range path {
		below := s.Items
		if name, ok := element.(string); ok {
			below, _ = s.below(name)
		}
		s = orAnything(below)
	}
	return s
}

// where returns a path as the document's file has it, as text: in the override that set the value.
func (d *Document) where(path Path) string { return d.origin(path).String() }

// origin returns a path as the document's file has it.
func (d *Document) origin(path Path) Path {
	if len(d.overrides)+len(d.mixed) == 0 {
		return path
	}
	t := d.tree()
	n := t.root
	for i, element := range path {
		if _, n = t.child(n, element); n == nil {
			break
		}
		from, ok := d.overrides[n]
		if !ok && i == len(path)-1 {
			from, ok = d.mixed[n]
		}
		if ok {
			return from.With(path[i+1:]...)
		}
	}
	return path
}

// merge returns a node with another merged over it as JSON Merge Patch does (RFC 7396), which is at a
// path. Neither is changed.
func (m origins) merge(base, over *yaml.Node, at Path) *yaml.Node {
	base, over = resolve(base), resolve(over)
	if over.Kind != yaml.MappingNode {
		return over
	}
	made := &yaml.Node{Kind: yaml.MappingNode, Tag: over.Tag, Line: over.Line, Column: over.Column}
	var pairs []pair
	if base.Kind == yaml.MappingNode {
		pairs = flatten(base)
	}
	index := make(map[string]int, len(pairs))
	for i, p := range pairs {
		index[p.name] = i
	}
	sets := false
	for _, p := range flatten(over) {
		i, known := index[p.name]
		if !known {
			i = -1
		}
		value, below := p.value, at.With(p.name)
		switch {
		case isNull(resolve(value)) && i >= 0:
			pairs[i].value, sets = nil, true
			continue
		case isNull(resolve(value)):
			continue
		case resolve(value).Kind == yaml.MappingNode && i >= 0 && resolve(pairs[i].value).Kind == yaml.MappingNode:
			merged := m.merge(pairs[i].value, value, below)
			pairs[i].value = merged
			if from, isMixed := m.mixed[merged]; isMixed && slices.Equal(from, below) {
				pairs[i].key = p.key
			}
			continue
		case resolve(value).Kind == yaml.MappingNode:
			value = m.merge(&yaml.Node{}, value, below)
		default:
			alone := *value // which may be in several places
			value = &alone
		}
		m.overrides[value], sets = below, true
		if i < 0 {
			pairs = append(pairs, pair{p.name, p.key, value})
		} else {
			pairs[i] = pair{p.name, p.key, value}
		}
	}
	for _, p := range pairs {
		if p.value != nil {
			made.Content = append(made.Content, p.key, p.value)
		}
	}
	before, wasMixed := m.mixed[base]
	switch {
	case base.Kind != yaml.MappingNode:
	case sets:
		m.mixed[made] = at
	default:
		made.Line, made.Column = base.Line, base.Column
		if wasMixed {
			m.mixed[made] = before
		}
	}
	if from, ok := m.overrides[base]; ok { // which an earlier override has set
		m.overrides[made] = from
	}
	return made
}

// A pair is a field of a mapping.
type pair struct {
	name       string
	key, value *yaml.Node
}

// flatten returns the fields of a mapping in order, followed by those merged into it with <<.
func flatten(n *yaml.Node) (pairs []pair) {
	added, seen := map[string]bool{}, map[*yaml.Node]bool{}
	var add func(n *yaml.Node)
	add = func(n *yaml.Node) {
		if n = resolve(n); n.Kind != yaml.MappingNode || seen[n] {
			return
		}
		seen[n] = true
		for i := 0; i+1 < len(n.Content); i += 2 {
			if name, ok := keyName(resolve(n.Content[i])); ok && !added[name] && !isMerge(n.Content[i]) {
				added[name] = true
				pairs = append(pairs, pair{name, n.Content[i], n.Content[i+1]})
			}
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if isMerge(n.Content[i]) {
				for _, source := range mergeSources(resolve(n.Content[i+1])) {
					add(source)
				}
			}
		}
	}
	add(n)
	return pairs
}

// edit returns a copy of a node in which change replaced the value at a path. Only the nodes above
// the path are copied.
func edit(n *yaml.Node, path Path, change func(*yaml.Node) *yaml.Node) *yaml.Node {
	if len(path) == 0 {
		return change(n)
	}
	n = resolve(n)
	if n.Kind == yaml.MappingNode {
		n = unmerged(n)
	}
	made := *n
	made.Anchor = ""
	switch e := path[0].(type) {
	case string:
		i := ownField(n, e)
		if i < 0 {
			return &made
		}
		made.Content = slices.Clone(n.Content)
		made.Content[i+1] = edit(n.Content[i+1], path[1:], change)
	case int:
		if n.Kind != yaml.SequenceNode || e >= len(n.Content) {
			return n
		}
		made.Content = slices.Clone(n.Content)
		made.Content[e] = edit(n.Content[e], path[1:], change)
	}
	return &made
}

// replaced returns a mapping with another field of a name, or without it where that has no value.
func replaced(n *yaml.Node, field pair) *yaml.Node {
	n = unmerged(resolve(n))
	made := *n
	made.Anchor, made.Content = "", slices.Clone(n.Content)
	switch i := ownField(n, field.name); {
	case i >= 0 && field.value != nil:
		made.Content[i], made.Content[i+1] = field.key, field.value
	case i >= 0:
		made.Content = slices.Delete(made.Content, i, i+2)
	case field.value != nil:
		made.Content = append(made.Content, field.key, field.value)
	}
	return &made
}

// unmerged returns a mapping into which nothing is merged with <<, and that itself where nothing is.
func unmerged(n *yaml.Node) *yaml.Node {
	isMerged := false
	for i := 0; i+1 < len(n.Content); i += 2 {
		isMerged = isMerged || isMerge(n.Content[i])
	}
	if !isMerged {
		return n
	}
	made := *n
	made.Content = nil
	for _, p := range flatten(n) {
		made.Content = append(made.Content, p.key, p.value)
	}
	return &made
}

// ownField returns the index of the key of a field in a mapping into which nothing is merged, or -1.
func ownField(n *yaml.Node, name string) int {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key, ok := keyName(resolve(n.Content[i])); ok && key == name {
			return i
		}
	}
	return -1
}
