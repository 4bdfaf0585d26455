package accept

import (
	"encoding/json"
	"math"
	"strings"
)

// A scope is what references lead to: a mapping, or a variable of a loop.
type scope struct {
	around *scope
	value  any
}

// A state is whether an expression has a value.
type state int8

const (
	// known is a value.
	known state = iota
	// absent is a reference to a field that is not there: no value, yet no error.
	absent
	// failed is an error.
	failed
	// unclear is what only CUE can tell.
	unclear
)

// An Expr is an expression in a condition or for a value. What implements it are the
// types of this package.
type Expr interface {
	value(s *scope) (any, state)
}

// value of what is unclear.
func (k Kind) value(*scope) (any, state) { return nil, unclear }

// A Constant is text, an int64 or a bool.
type Constant struct{ Value any }

func (e *Constant) value(*scope) (any, state) { return e.Value, known }

// A Ref is what is at a path below a scope.
type Ref struct {
	// Up is how many scopes further out it is.
	Up   int
	Path []string
}

func (e *Ref) value(s *scope) (any, state) {
	for range e.Up {
		s = s.around
	}
	at := s.value
	for _, name := range e.Path {
		fields, ok := at.(map[string]any)
		if !ok {
			return nil, failed
		}
		if at, ok = fields[name]; !ok {
			return nil, absent
		}
	}
	return at, known
}

// A Text is an interpolation: texts one after the other.
type Text []Expr

func (e Text) value(s *scope) (any, state) {
	var b strings.Builder
	for _, part := range e {
		value, state := part.value(s)
		text, ok := value.(string)
		if state != known || !ok {
			return nil, unclear
		}
		b.WriteString(text)
	}
	return b.String(), known
}

// An As is x & form: the value of x where it is of the form, and else an error.
type As struct {
	Of   Expr
	Form Form
}

func (e *As) value(s *scope) (any, state) {
	value, state := e.Of.value(s)
	if state != known {
		return nil, state
	}
	switch e.Form.judge(s, value) {
	case accepted:
		return value, known
	case refused:
		return nil, failed
	}
	return nil, unclear
}

// A Count is len([…]) of a comprehension.
type Count []Clause

func (e Count) value(s *scope) (any, state) {
	n := int64(0)
	state := each(e, s, func(*scope) { n++ })
	return n, state
}

// An Exists is x != _|_.
type Exists struct{ Expr Expr }

func (e *Exists) value(s *scope) (any, state) {
	_, state := e.Expr.value(s)
	return state == known, state.ofBottom()
}

// A Lacks is x == _|_.
type Lacks struct{ Expr Expr }

func (e *Lacks) value(s *scope) (any, state) {
	_, state := e.Expr.value(s)
	return state != known, state.ofBottom()
}

// ofBottom is the state of a comparison with _|_, which is always known but for what
// is unclear.
func (s state) ofBottom() state {
	if s == unclear {
		return unclear
	}
	return known
}

// A Comparison is an operator that compares.
type Comparison int8

// The comparisons.
const (
	Equal Comparison = iota
	NotEqual
	Less
	LessOrEqual
	Greater
	GreaterOrEqual
)

// A Compare compares two values.
type Compare struct {
	Comparison Comparison
	X, Y       Expr
}

func (e *Compare) value(s *scope) (any, state) {
	x, stateX := e.X.value(s)
	y, stateY := e.Y.value(s)
	if state := max(stateX, stateY); state != known {
		return nil, state
	}
	holds, ok := compare(e.Comparison, x, y)
	if !ok {
		return nil, unclear
	}
	return holds, known
}

// compare compares two values of one kind; of others it does not know what CUE says,
// nor of numbers whose order a float64 may not tell.
func compare(c Comparison, x, y any) (holds, ok bool) {
	if x, ok := x.(string); ok {
		y, ok := y.(string)
		return c.holds(strings.Compare(x, y)), ok && (c == Equal || c == NotEqual)
	}
	m, okX := exact(x)
	n, okY := exact(y)
	switch {
	case !okX || !okY:
		return false, false
	case m < n:
		return c.holds(-1), true
	case m > n:
		return c.holds(1), true
	}
	// Whether 1 is 1.0 is for CUE to say.
	return c.holds(0), isInt(x) == isInt(y) || c != Equal && c != NotEqual
}

func (c Comparison) holds(order int) bool {
	switch c {
	case Equal:
		return order == 0
	case NotEqual:
		return order != 0
	case Less:
		return order < 0
	case LessOrEqual:
		return order <= 0
	case Greater:
		return order > 0
	}
	return order >= 0
}

// exact is a number as a float64, if that tells it from all others of its kind.
func exact(value any) (float64, bool) {
	const most = 1 << 53
	switch v := value.(type) {
	case int64:
		return float64(v), -most < v && v < most
	case uint64:
		return float64(v), v < most
	case float64:
		return v, !math.IsNaN(v) && math.Abs(v) < most
	case json.Number:
		n, err := v.Float64()
		// Of more digits two numbers may have one float64.
		return n, err == nil && math.Abs(n) < most && len(v) <= 15
	}
	return 0, false
}

// A Clause is one of those of a comprehension: a condition, or a loop over a list.
type Clause struct {
	If Expr
	// For is the list, and nil in a condition. Its scopes are the index and, within,
	// the item.
	For Expr
}

// each does something in the scope of every time that all clauses hold. It is known
// whether that was all.
func each(clauses []Clause, s *scope, do func(*scope)) state {
	if len(clauses) == 0 {
		do(s)
		return known
	}
	c := clauses[0]
	if c.For == nil {
		holds, state := c.If.value(s)
		if yes, ok := holds.(bool); state == known && !ok {
			return unclear
		} else if state != known || !yes {
			return state
		}
		return each(clauses[1:], s, do)
	}
	list, state := c.For.value(s)
	items, ok := list.([]any)
	if state != known {
		return state
	} else if !ok {
		return unclear
	}
	for i, item := range items {
		inner := &scope{around: &scope{around: s, value: int64(i)}, value: item}
		if state := each(clauses[1:], inner, do); state != known {
			return unclear
		}
	}
	return known
}
