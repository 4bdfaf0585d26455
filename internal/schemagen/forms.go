package schemagen

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	cueliteral "cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"

	"github.com/fleetwright/fleetwright/internal/accept"
)

// Form is what the field or definition of this name in a CUE file says about values, as
// far as package accept can tell; the rest is left to CUE. Rules are loose where
// values are not asked to be concrete.
func Form(file string, src []byte, name string, loose bool) (accept.Form, error) {
	parsed, err := parser.ParseFile(file, src)
	if err != nil {
		return nil, err
	}
	t := translator{loose: loose}
	root := &frame{decls: parsed.Decls}
	field := root.field(name)
	if field == nil {
		return nil, fmt.Errorf("%s has no %s", file, name)
	}
	if !isPlain(parsed, name) {
		return accept.Unclear, nil
	}
	form := t.form(root, field.Value, !isDefinition(name))
	for _, link := range t.links {
		link()
	}
	return form, nil
}

// isPlain says whether a file has no attributes, which may change what CUE means, and
// declares a field and each definition once, so that nothing further is said about it.
func isPlain(file *ast.File, name string) bool {
	plain := true
	declared := map[string]bool{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.Attribute:
			plain = false
		case *ast.Field:
			if label, ok := d.Label.(*ast.Ident); ok && label.Name == name && !isDefinition(name) {
				plain = plain && !declared[name]
				declared[name] = true
			}
		}
	}
	ast.Walk(file, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok {
			return true
		}
		if label, ok := field.Label.(*ast.Ident); ok && isDefinition(label.Name) {
			plain = plain && !declared[label.Name]
			declared[label.Name] = true
		}
		return true
	}, nil)
	return plain
}

// A translator makes forms of CUE.
type translator struct {
	loose bool
	// links set the references, once it is known which structs are referred to.
	links []func()
	// definitions are those that are being translated.
	definitions []*ast.Field
}

// A frame is where identifiers are looked up: a struct, or a variable of a loop. There
// are two ways out of it: to what is around it in the file, and, where a definition is
// referred to, to what is around the reference, which is where values are.
type frame struct {
	around, caller *frame
	// decls are those of a struct, and form is made of them; nil of a file.
	decls []ast.Decl
	form  *accept.Struct
	// variable says that it is one, of this name if it has any.
	variable bool
	name     string
}

// scoped says whether there is a scope for the frame when a form is applied.
func (f *frame) scoped() bool { return f.variable || f.form != nil && f.form.Scope }

// field is the field of a struct by which an identifier is meant.
func (f *frame) field(name string) *ast.Field {
	for _, d := range f.decls {
		field, ok := d.(*ast.Field)
		if !ok {
			continue
		}
		if label, ok := field.Label.(*ast.Ident); ok && label.Name == name {
			return field
		}
	}
	return nil
}

// declares says whether an identifier is bound in the frame in any way, also by a let.
func (f *frame) declares(name string) bool {
	return f.variable && f.name == name || f.field(name) != nil || slices.ContainsFunc(f.decls, func(d ast.Decl) bool {
		let, ok := d.(*ast.LetClause)
		return ok && let.Ident.Name == name
	})
}

// lookup is the frame in which an identifier is bound, or nil.
func (f *frame) lookup(name string) *frame {
	for ; f != nil; f = f.around {
		if f.declares(name) {
			return f
		}
	}
	return nil
}

// form of an expression. Its structs are closed unless they are open: those of a
// definition are closed all the way down, but for what a guard adds to it.
func (t *translator) form(in *frame, e ast.Expr, open bool) accept.Form {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return t.form(in, e.X, open)
	case *ast.BottomLit:
		return accept.Bottom
	case *ast.BasicLit:
		return literalForm(e)
	case *ast.Ident:
		return t.ident(in, e)
	case *ast.SelectorExpr, *ast.Interpolation:
		return &accept.Same{As: t.expr(in, e)}
	case *ast.UnaryExpr:
		return unary(e)
	case *ast.BinaryExpr:
		return t.binary(in, e, open)
	case *ast.StructLit:
		return t.structure(in, e.Elts, open)
	case *ast.ListLit:
		return t.list(in, e, open)
	case *ast.CallExpr:
		return t.call(in, e, open)
	}
	return accept.Unclear
}

func literalForm(e *ast.BasicLit) accept.Form {
	if e.Kind == token.NULL {
		return accept.Null
	}
	value, ok := literalValue(e)
	if !ok {
		return accept.Unclear
	}
	if text, ok := value.(string); ok {
		return accept.Enum{text}
	}
	return &accept.Is{Value: value}
}

func literalValue(e *ast.BasicLit) (any, bool) {
	switch e.Kind {
	case token.TRUE:
		return true, true
	case token.FALSE:
		return false, true
	case token.INT:
		n, err := strconv.ParseInt(e.Value, 10, 64)
		return n, err == nil
	case token.STRING:
		// In single quotes it is bytes.
		info, _, _, err := cueliteral.ParseQuotes(e.Value, e.Value)
		if err != nil || !info.IsDouble() {
			return nil, false
		}
		text, err := cueliteral.Unquote(e.Value)
		return text, err == nil
	}
	return nil, false
}

// basic are the identifiers that nothing declares.
var basic = map[string]accept.Kind{
	"_": accept.Any, "string": accept.String, "int": accept.Int, "number": accept.Number, "bool": accept.Bool,
}

func (t *translator) ident(in *frame, e *ast.Ident) accept.Form {
	at := in.lookup(e.Name)
	if at == nil {
		if kind, ok := basic[e.Name]; ok {
			return kind
		}
		return accept.Unclear
	}
	if !isDefinition(e.Name) {
		return &accept.Same{As: t.expr(in, e)}
	}
	return t.definition(in, at, e.Name, func(within *frame, value ast.Expr) accept.Form {
		return t.form(within, value, false)
	})
}

func isDefinition(name string) bool { return strings.HasPrefix(name, "#") }

// definition does something with what stands behind a reference to a definition.
func (t *translator) definition(in, at *frame, name string, do func(within *frame, value ast.Expr) accept.Form) accept.Form {
	field := at.field(name)
	if field == nil || slices.Contains(t.definitions, field) {
		return accept.Unclear // of a recursive one there is no end
	}
	t.definitions = append(t.definitions, field)
	defer func() { t.definitions = t.definitions[:len(t.definitions)-1] }()
	return do(&frame{around: at, caller: in}, field.Value)
}

func unary(e *ast.UnaryExpr) accept.Form {
	operand, ok := e.X.(*ast.BasicLit)
	if !ok {
		return accept.Unclear
	}
	value, _ := literalValue(operand)
	switch value := value.(type) {
	case string:
		switch e.Op {
		case token.MAT:
			return match(value)
		case token.NEQ:
			return accept.Not(value)
		}
	case int64:
		comparison, ok := comparisons[e.Op]
		const most = 1 << 53 // what a float64 holds
		if ok && e.Op != token.NEQ && value < most {
			return &accept.Bound{Comparison: comparison, Limit: value}
		}
		if e.Op == token.SUB && value < most {
			return &accept.Is{Value: -value}
		}
	}
	return accept.Unclear
}

// match leaves to CUE what is no expression for Go.
func match(expression string) accept.Form {
	if _, err := regexp.Compile(expression); err != nil {
		return accept.Unclear
	}
	if words := alternatives.FindStringSubmatch(expression); words != nil {
		return accept.Enum(strings.Split(words[1], "|"))
	}
	if uncounted, most, ok := uncount(expression); ok {
		return &accept.Match{Expression: uncounted, Most: most}
	}
	return &accept.Match{Expression: expression}
}

// alternatives are the expressions that match some words and nothing else.
var alternatives = regexp.MustCompile(`^\^\((\w+(?:\|\w+)*)\)\$$`)

var comparisons = map[token.Token]accept.Comparison{
	token.EQL: accept.Equal, token.NEQ: accept.NotEqual,
	token.LSS: accept.Less, token.LEQ: accept.LessOrEqual, token.GTR: accept.Greater, token.GEQ: accept.GreaterOrEqual,
}

func (t *translator) binary(in *frame, e *ast.BinaryExpr, open bool) accept.Form {
	x, y := t.form(in, e.X, open), t.form(in, e.Y, open)
	switch e.Op {
	case token.AND:
		return all(x, y)
	case token.OR:
		return either(x, y)
	}
	return accept.Unclear
}

// all is the form of what is of two forms.
func all(x, y accept.Form) accept.Form {
	if x == accept.Any {
		return y
	} else if y == accept.Any {
		return x
	}
	var forms accept.All
	for _, f := range []accept.Form{x, y} {
		if more, ok := f.(accept.All); ok {
			forms = append(forms, more...)
		} else {
			forms = append(forms, f)
		}
	}
	return forms
}

func either(x, y accept.Form) accept.Form {
	if x, ok := x.(accept.Enum); ok {
		if y, ok := y.(accept.Enum); ok {
			return append(x, y...)
		}
	}
	if x, ok := x.(accept.Either); ok {
		return append(x, y)
	}
	return accept.Either{x, y}
}

func (t *translator) call(in *frame, e *ast.CallExpr, open bool) accept.Form {
	name, ok := e.Fun.(*ast.Ident)
	if !ok || name.Name != "matchN" || in.lookup(name.Name) != nil || len(e.Args) != 2 {
		return accept.Unclear // of error("…") CUE makes a message
	}
	n, ok := e.Args[0].(*ast.BasicLit)
	forms, isList := e.Args[1].(*ast.ListLit)
	if !ok || n.Value != "1" || !isList {
		return accept.Unclear
	}
	var one accept.One
	for _, e := range forms.Elts {
		one = append(one, t.form(in, e, open))
	}
	return one
}

func (t *translator) list(in *frame, e *ast.ListLit, open bool) accept.Form {
	list := &accept.List{}
	for _, e := range e.Elts {
		switch e := e.(type) {
		case *ast.Comprehension:
			return accept.Unclear
		case *ast.Ellipsis:
			if list.Rest = accept.Any; e.Type != nil {
				list.Rest = t.form(in, e.Type, open)
			}
		default:
			list.Items = append(list.Items, t.form(in, e, open))
		}
	}
	return list
}

// structure is the form of a struct.
func (t *translator) structure(in *frame, decls []ast.Decl, open bool) accept.Form {
	s := &accept.Struct{Open: open}
	t.addDecls(&frame{around: in, caller: in, decls: decls, form: s}, open)
	slices.SortFunc(s.Fields, func(a, b accept.Field) int { return strings.Compare(a.Name, b.Name) })
	if len(s.Fields) == 0 && len(s.Patterns) == 0 && len(s.Parts) == 1 && s.Open {
		return s.Parts[0]
	}
	return s
}

// addDecls adds the declarations of a frame to its form.
func (t *translator) addDecls(in *frame, open bool) {
	for _, d := range in.decls {
		switch d := d.(type) {
		case *ast.Field:
			t.addField(in, d, open)
		case *ast.Ellipsis:
			in.form.Open = true
			if d.Type != nil {
				in.form.Parts = append(in.form.Parts, accept.Unclear)
			}
		case *ast.EmbedDecl:
			t.embed(in, d.Expr, open)
		case *ast.Comprehension:
			in.form.Parts = append(in.form.Parts, t.guard(in, d))
		case *ast.LetClause, *ast.CommentGroup, *ast.Attribute:
			// What is bound by let is looked up in the frame.
		default:
			in.form.Parts = append(in.form.Parts, accept.Unclear)
		}
	}
}

func (t *translator) addField(in *frame, d *ast.Field, open bool) {
	s := in.form
	if label, ok := d.Label.(*ast.ListLit); ok {
		p, ok := t.pattern(in, label)
		if !ok {
			s.Parts = append(s.Parts, accept.Unclear)
			return
		}
		p.Form = t.form(in, d.Value, open)
		s.Patterns = append(s.Patterns, p)
		return
	}
	name, isIdent, err := ast.LabelName(d.Label)
	switch {
	case err != nil || d.Alias != nil || isIdent && strings.HasPrefix(name, "_"):
		s.Parts = append(s.Parts, accept.Unclear)
		return
	case isIdent && isDefinition(name):
		return
	}
	// A field with neither mark is taken to be in the value: CUE would add it.
	field := accept.Field{Name: name, Required: d.Constraint != token.OPTION, Form: t.form(in, d.Value, open)}
	for i, other := range s.Fields {
		// What is said about a field in several places holds all together.
		if other.Name == name {
			s.Fields[i].Form = all(other.Form, field.Form)
			s.Fields[i].Required = other.Required || field.Required
			return
		}
	}
	s.Fields = append(s.Fields, field)
}

// pattern is that of [string] or [=~"…"].
func (t *translator) pattern(in *frame, label *ast.ListLit) (accept.Pattern, bool) {
	if len(label.Elts) != 1 {
		return accept.Pattern{}, false
	}
	switch form := t.form(in, label.Elts[0], false).(type) {
	case accept.Kind:
		return accept.Pattern{Name: form}, form == accept.String
	case accept.Enum, *accept.Match:
		return accept.Pattern{Name: form}, true
	}
	return accept.Pattern{}, false
}

// embed adds what is embedded in a struct: the fields of a struct, or what else holds of
// the mapping.
func (t *translator) embed(in *frame, e ast.Expr, open bool) {
	part := accept.Form(accept.Unclear)
	switch e := e.(type) {
	case *ast.StructLit:
		t.addDecls(&frame{around: in, caller: in, decls: e.Elts, form: in.form}, open)
		return
	case *ast.Ident:
		at := in.lookup(e.Name)
		if at == nil || !isDefinition(e.Name) || open {
			break
		}
		part = t.definition(in, at, e.Name, func(within *frame, value ast.Expr) accept.Form {
			s, ok := value.(*ast.StructLit)
			if !ok {
				return accept.Unclear
			}
			t.addDecls(&frame{around: within.around, caller: in, decls: s.Elts, form: in.form}, open)
			return accept.Any
		})
	}
	if part != accept.Any {
		in.form.Parts = append(in.form.Parts, part)
	}
}

// guard is the form of a comprehension in a struct. What it adds is open: whether a
// field may be there at all is judged without it, so that fewer are.
func (t *translator) guard(in *frame, c *ast.Comprehension) accept.Form {
	clauses, within := t.clauses(in, c.Clauses)
	value, ok := c.Value.(*ast.StructLit)
	if !ok || c.Fallback != nil {
		return accept.Unclear
	}
	return &accept.Guard{Clauses: clauses, Loose: t.loose, Then: t.structure(within, value.Elts, true)}
}

func (t *translator) clauses(in *frame, all []ast.Clause) (clauses []accept.Clause, within *frame) {
	for _, c := range all {
		switch c := c.(type) {
		case *ast.IfClause:
			clauses = append(clauses, accept.Clause{If: t.expr(in, c.Condition)})
		case *ast.ForClause:
			clauses = append(clauses, accept.Clause{For: t.expr(in, c.Source)})
			for _, variable := range []*ast.Ident{c.Key, c.Value} {
				in = &frame{around: in, caller: in, variable: true}
				if variable != nil {
					in.name = variable.Name
				}
			}
		default:
			clauses = append(clauses, accept.Clause{If: accept.Unclear})
		}
	}
	return clauses, in
}

// expr is an expression that has a value.
func (t *translator) expr(in *frame, e ast.Expr) accept.Expr {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return t.expr(in, e.X)
	case *ast.BasicLit:
		if value, ok := literalValue(e); ok {
			return &accept.Constant{Value: value}
		}
	case *ast.Ident, *ast.SelectorExpr:
		return t.reference(in, e)
	case *ast.Interpolation:
		return t.interpolation(in, e)
	case *ast.BinaryExpr:
		return t.binaryExpr(in, e)
	case *ast.CallExpr:
		return t.count(in, e)
	}
	return accept.Unclear
}

func (t *translator) binaryExpr(in *frame, e *ast.BinaryExpr) accept.Expr {
	if e.Op == token.AND {
		return &accept.As{Of: t.expr(in, e.X), Form: t.form(in, e.Y, true)}
	}
	comparison, ok := comparisons[e.Op]
	if !ok {
		return accept.Unclear
	}
	x := t.expr(in, e.X)
	if _, ok := e.Y.(*ast.BottomLit); ok {
		switch e.Op {
		case token.EQL:
			return &accept.Lacks{Expr: x}
		case token.NEQ:
			return &accept.Exists{Expr: x}
		}
	}
	return &accept.Compare{Comparison: comparison, X: x, Y: t.expr(in, e.Y)}
}

// count is len([…]) of one comprehension.
func (t *translator) count(in *frame, e *ast.CallExpr) accept.Expr {
	name, ok := e.Fun.(*ast.Ident)
	if !ok || name.Name != "len" || in.lookup(name.Name) != nil || len(e.Args) != 1 {
		return accept.Unclear
	}
	list, ok := e.Args[0].(*ast.ListLit)
	if !ok || len(list.Elts) != 1 {
		return accept.Unclear
	}
	c, ok := list.Elts[0].(*ast.Comprehension)
	if !ok || c.Fallback != nil {
		return accept.Unclear
	}
	clauses, _ := t.clauses(in, c.Clauses)
	return accept.Count(clauses)
}

func (t *translator) interpolation(in *frame, e *ast.Interpolation) accept.Expr {
	// Texts and expressions by turns, each text with the marks around it.
	first, isText := e.Elts[0].(*ast.BasicLit)
	last, isLast := e.Elts[len(e.Elts)-1].(*ast.BasicLit)
	if !isText || !isLast {
		return accept.Unclear
	}
	info, skip, _, err := cueliteral.ParseQuotes(first.Value, last.Value)
	if err != nil || !info.IsDouble() {
		return accept.Unclear
	}
	var text accept.Text
	for i, part := range e.Elts {
		if i%2 == 1 {
			text = append(text, t.expr(in, part))
			continue
		}
		b, ok := part.(*ast.BasicLit)
		if !ok {
			return accept.Unclear
		}
		constant, err := info.Unquote(b.Value[skip:])
		if err != nil {
			return accept.Unclear
		}
		if skip = len(")"); constant != "" {
			text = append(text, &accept.Constant{Value: constant})
		}
	}
	return text
}

// reference is what a name, or a path below it, means in the value.
func (t *translator) reference(in *frame, e ast.Expr) accept.Expr {
	var path []string
	for {
		selector, ok := e.(*ast.SelectorExpr)
		if !ok {
			break
		}
		name, isIdent, err := ast.LabelName(selector.Sel)
		if err != nil || isIdent && (isDefinition(name) || strings.HasPrefix(name, "_")) {
			return accept.Unclear
		}
		path = append([]string{name}, path...)
		e = selector.X
	}
	root, ok := e.(*ast.Ident)
	if !ok || isDefinition(root.Name) {
		return accept.Unclear
	}
	to := in.lookup(root.Name)
	if to == nil || !to.variable && (to.form == nil || to.field(root.Name) == nil) {
		return accept.Unclear
	}
	if !to.variable {
		to.form.Scope = true
		path = append([]string{root.Name}, path...)
	}
	ref := &accept.Ref{Path: path}
	t.links = append(t.links, func() { ref.Up = up(in, to) })
	return ref
}

// up is how many scopes there are between two frames. Embedded structs have that of
// the struct they are in.
func up(in, to *frame) (n int) {
	for f := in; f != to && (to.form == nil || f.form != to.form); f = f.caller {
		if f.scoped() && (f.caller == nil || f.form == nil || f.caller.form != f.form) {
			n++
		}
	}
	return n
}
