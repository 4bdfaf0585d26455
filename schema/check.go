package schema

import (
	"strconv"
	"strings"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/parser"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// An inputCheck is the compiled CUE of one input kind.
type inputCheck struct {
	// shape is the closed definition of the kind.
	shape cue.Value
	// rules are what no shape can say; false without any.
	rules    cue.Value
	hasRules bool
	// eachRule is the rules one by one, which is slower and hides nothing.
	eachRule func() []cue.Value
}

// inputChecks are compiled once per process, and only for the kinds that occur.
var inputChecks sync.Map // Kind.Name → func() inputCheck

func (k Kind) check() inputCheck {
	f, ok := inputChecks.Load(k.Name)
	if !ok {
		f, _ = inputChecks.LoadOrStore(k.Name, sync.OnceValue(k.compile))
	}
	return f.(func() inputCheck)()
}

func (k Kind) rulesFile() string { return k.file(".rules.cue") }

func (k Kind) compile() inputCheck {
	c := inputCheck{shape: newCUEFile(k.file(".cue")).field("#" + k.Name)}
	if f, err := files.Open(k.rulesFile()); err == nil {
		f.Close()
		c.rules, c.hasRules = newCUEFile(k.rulesFile()).field("rules"), true
		c.eachRule = sync.OnceValue(k.compileEachRule)
	}
	return c
}

func (k Kind) compileEachRule() []cue.Value {
	f, err := parser.ParseFile(k.rulesFile(), mustRead(k.rulesFile()))
	if err != nil {
		panic(err) // it has compiled as a whole
	}
	var all []cue.Value
	for _, decl := range f.Decls {
		if field, ok := decl.(*ast.Field); ok {
			for _, rule := range field.Value.(*ast.StructLit).Elts {
				all = append(all, cueContext().BuildExpr(&ast.StructLit{Elts: []ast.Decl{rule}}))
			}
		}
	}
	return all
}

// check says where a document does not have the shape of its kind, and which of
// the kind's rules it breaks.
func (d *Document) check(object map[string]any) (shape, rules diag.List) {
	c := d.Kind.check()
	value := cueContext().Encode(object)
	shape = d.checkShape(c, value)
	rules = d.checkRules(c, value, shape.HasErrors())
	return shape, rules
}

// checkShape leaves it to CUE to decide whether the document has the shape of
// its kind. Where it has not, the explanation is made from the YAML and the JSON
// Schema, because CUE's own messages mask each other and know no position of
// what is missing.
func (d *Document) checkShape(c inputCheck, value cue.Value) diag.List {
	err := c.shape.Unify(value).Validate(cue.Concrete(true))
	if err == nil {
		return nil
	}
	if list := explain(d); len(list) > 0 {
		return list
	}
	return diag.List{d.unexplained(err, "#"+d.Kind.Name)}
}

func (d *Document) checkRules(c inputCheck, value cue.Value, misshapen bool) diag.List {
	if !c.hasRules {
		return nil
	}
	all := c.rules.Unify(value).Validate()
	if all == nil {
		return nil
	}
	var list diag.List
	for _, rule := range c.eachRule() {
		for _, err := range errors.Errors(rule.Unify(value).Validate()) {
			broken, ok := parseRule(err)
			if !ok {
				// Not a rule's own error: the value has not the shape that the
				// rule relies on.
				continue
			}
			path := errorPath(err, "")
			if broken.field != "" {
				path = path.With(broken.field)
			}
			list = append(list, d.Diagnostic(broken.code, path, broken.message, broken.hint))
		}
	}
	if len(list) == 0 && !misshapen {
		return diag.List{d.unexplained(all, "rules")}
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
// field is the one that is meant, in the struct of the error; it may be empty,
// as may the hint.
type brokenRule struct {
	code                 diag.Code
	field, message, hint string
}

func parseRule(err errors.Error) (brokenRule, bool) {
	parts := strings.Split(cueMessage(err), " | ")
	last := len(parts) - 1
	if last < 3 || !diag.Code(parts[0]).Exists() {
		return brokenRule{}, false
	}
	// What a message quotes from the document may hold the separator too.
	return brokenRule{diag.Code(parts[0]), parts[1], strings.Join(parts[2:last], " | "), parts[last]}, true
}

// errorPath is the path of a CUE error below the field or definition that was
// checked.
func errorPath(err errors.Error, root string) Path {
	selectors := err.Path()
	if len(selectors) > 0 && selectors[0] == root {
		selectors = selectors[1:]
	}
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
