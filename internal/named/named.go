// Package named has values that people choose by name.
package named

// A List is values by their names, in the order in which they are offered. The first
// is the default.
type List[T any] []Value[T]

// A Value has a name.
type Value[T any] struct {
	Name  string
	Value T
}

// Names are all names.
func (l List[T]) Names() []string {
	var names []string
	for _, v := range l {
		names = append(names, v.Name)
	}
	return names
}

// Get is the value of a name, or false where there is none.
func (l List[T]) Get(name string) (value T, ok bool) {
	for _, v := range l {
		if v.Name == name {
			return v.Value, true
		}
	}
	return value, false
}

// Make makes the value of a name with options, or says that there is none.
func Make[T, O any](l List[func(O) T], name string, options O) (made T, ok bool) {
	newValue, ok := l.Get(name)
	if !ok {
		return made, false
	}
	return newValue(options), true
}
