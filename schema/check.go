package schema

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"

	"github.com/fleetwright/fleetwright/internal/accept"
	"github.com/fleetwright/fleetwright/internal/diag"
)

// An inputCheck is the CUE of one input kind, compiled once per process and only
// for a kind that occurs.
type inputCheck struct {
	kind Kind
	// rules are what no shape can say; false without any.
	rules func() (rules cue.Value, ok bool)
	// eachRule is the rules one by one, which is slower and hides nothing.
	eachRule func() []cue.Value

	mu sync.Mutex
	// shape is the closed definition of the kind, without the optional fields that
	// no document has had so far: CUE's time goes by what a definition holds, and of
	// a language with hundreds of fields documents use a few.
	shape cue.Value
	// optional are the names of the optional fields of the kind, and whether shape
	// has them; nil before there is a shape.
	optional map[string]bool
}

// inputChecks are those of the kinds that occur.
var inputChecks sync.Map // Kind.Name → *inputCheck

func (k Kind) check() *inputCheck {
	c, ok := inputChecks.Load(k.Name)
	if !ok {
		c, _ = inputChecks.LoadOrStore(k.Name, &inputCheck{kind: k, rules: sync.OnceValues(k.compileRules), eachRule: sync.OnceValue(k.compileEachRule)})
	}
	return c.(*inputCheck)
}

// accepts says whether a document's value surely has the shape of the kind and breaks
// none of its rules.
func (k Kind) accepts(object map[string]any) bool {
	return accept.Accepts(formOf(k.file(".cue")), object)
}

func (k Kind) rulesFile() string { return k.file(".rules.cue") }

func (k Kind) compileRules() (rules cue.Value, ok bool) {
	f, err := files.Open(k.rulesFile())
	if err != nil {
		return cue.Value{}, false
	}
	f.Close()
	return newCUEFile(k.rulesFile()).field("rules"), true
}

// shapeFor is the definition for documents whose fields are among those given.
func (c *inputCheck) shapeFor(fields map[string]bool) cue.Value {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.optional == nil || c.lacks(fields) {
		c.shape = c.compile(fields)
	}
	return c.shape
}

// lacks says whether the shape is without one of the fields.
func (c *inputCheck) lacks(fields map[string]bool) bool {
	for name, has := range c.optional {
		if !has && fields[name] {
			return true
		}
	}
	return false
}

func (c *inputCheck) compile(fields map[string]bool) cue.Value {
	file := c.kind.file(".cue")
	parsed, err := parser.ParseFile(file, mustRead(file))
	if err != nil {
		panic(err) // the generator has compiled it
	}
	before := c.optional
	c.optional = map[string]bool{}
	pruned := astutil.Apply(parsed, func(at astutil.Cursor) bool {
		f, ok := at.Node().(*ast.Field)
		if !ok || f.Constraint != token.OPTION {
			return true
		}
		name, _, err := ast.LabelName(f.Label)
		if err != nil {
			return true
		}
		c.optional[name] = c.optional[name] || before[name] || fields[name]
		if !c.optional[name] {
			at.Delete()
		}
		return c.optional[name]
	}, nil)
	value := cueContext().BuildFile(pruned.(*ast.File)).LookupPath(cue.ParsePath("#" + c.kind.Name))
	if err := value.Err(); err != nil {
		panic(fmt.Sprintf("%s does not compile without some fields: %v", file, err))
	}
	return value
}

func (k Kind) compileEachRule() []cue.Value { return eachRule(k.rulesFile()) }

// eachRule are the rules of a file one by one: an error hides those in the structs
// below it.
func eachRule(file string) (all []cue.Value) {
	f, err := parser.ParseFile(file, mustRead(file))
	if err != nil {
		panic(err) // it has compiled as a whole
	}
	for _, decl := range f.Decls {
		field, ok := decl.(*ast.Field)
		if !ok {
			continue
		}
		if name, _, err := ast.LabelName(field.Label); err != nil || name != "rules" {
			continue
		}
		for _, rule := range field.Value.(*ast.StructLit).Elts {
			all = append(all, cueContext().BuildExpr(&ast.StructLit{Elts: []ast.Decl{rule}}))
		}
	}
	return all
}

// check says where a document, whose fields are among those given, does not have
// the shape of its kind, and which of the kind's rules it breaks. sound is what of the
// object has the shape, or nil.
func (d *Document) check(object map[string]any, fields map[string]bool) (shape, rules diag.List, sound map[string]any) {
	c := d.Kind.check()
	if list := d.checkWidth(); len(list) > 0 {
		return list, nil, nil
	}
	pieces := d.Kind.pieces(object)
	definition := c.shapeFor(fields)
	shape = d.checkShape(definition, pieces)
	rules = d.checkRules(c, pieces, shape.HasErrors())
	if shape.HasErrors() {
		return shape, rules, d.salvage(object, definition)
	}
	return shape, rules, object
}

// checkShape leaves it to CUE to decide whether the document has the shape of
// its kind, unless the YAML and the JSON Schema explain already why it has not: CUE's own
// messages mask each other and know no position of what is missing.
func (d *Document) checkShape(shape cue.Value, pieces []piece) diag.List {
	list, wrong := explain(d)
	if d.wrong = newWrong(wrong); len(list) > 0 {
		return list
	}
	if err := misfit(shape, pieces); err != nil {
		return diag.List{d.unexplained(err, "#"+d.Kind.Name)}
	}
	return nil
}

func (d *Document) checkRules(c *inputCheck, pieces []piece, misshapen bool) diag.List {
	compiled, ok := c.rules()
	if !ok {
		return nil
	}
	var list diag.List
	for _, p := range pieces {
		value := cueContext().Encode(p.value)
		all := compiled.Unify(value).Validate()
		if all == nil {
			continue
		}
		broken := d.brokenRules(c, p, value)
		if len(broken) == 0 && !misshapen && len(list) == 0 {
			return diag.List{d.unexplained(all, "rules")}
		}
		list = append(list, broken...)
	}
	return list
}

// brokenRules says which rules a piece of the document breaks.
func (d *Document) brokenRules(c *inputCheck, p piece, value cue.Value) (list diag.List) {
	for _, rule := range c.eachRule() {
		for _, err := range errors.Errors(rule.Unify(value).Validate()) {
			broken, ok := parseRule(err)
			if !ok {
				// Not a rule's own error: the value has not the shape that the
				// rule relies on.
				continue
			}
			path, ok := p.inDocument(append(errorPath(err, ""), broken.field...))
			if ok && !d.Unsure(path) {
				list = append(list, d.Diagnostic(broken.code, path, broken.message, broken.hint))
			}
		}
	}
	return list
}

// unexplained is what remains to be said where CUE refuses a document and
// fleetwright finds no words for it.
func (d *Document) unexplained(err error, root string) diag.Diagnostic {
	return d.Diagnostic(diag.Internal, errorPath(errors.Errors(err)[0], root),
		"the schema of "+d.Kind.Name+" does not allow the value, and fleetwright cannot say why", "please report this as a mistake of fleetwright")
}

// A brokenRule is what a rule's error("code | field | message | hint") says. The
// field is the one that is meant, in the struct of the error, or the path of what is
// below it, parted by slashes; it may be empty, as may the hint.
type brokenRule struct {
	code          diag.Code
	field         Path
	message, hint string
}

func parseRule(err errors.Error) (brokenRule, bool) {
	parts := strings.Split(cueMessage(err), " | ")
	last := len(parts) - 1
	if last < 3 || !diag.Code(parts[0]).Exists() {
		return brokenRule{}, false
	}
	// What a message quotes from the document may hold the separator too.
	var field Path
	if parts[1] != "" {
		field = pathOf(strings.Split(parts[1], "/"))
	}
	return brokenRule{diag.Code(parts[0]), field, strings.Join(parts[2:last], " | "), parts[last]}, true
}

// errorPath is the path of a CUE error below the field or definition that was
// checked.
func errorPath(err errors.Error, root string) Path {
	selectors := err.Path()
	if len(selectors) > 0 && selectors[0] == root {
		selectors = selectors[1:]
	}
	return pathOf(selectors)
}

// pathOf is the path of CUE's selectors.
func pathOf(selectors []string) Path {
	path := make(Path, len(selectors))
	for i, s := range selectors {
		path[i] = s
		if n, err := strconv.Atoi(s); err == nil {
			path[i] = n
		} else if unquoted, err := strconv.Unquote(s); err == nil {
			path[i] = unquoted
		}
	}
	return path
}
