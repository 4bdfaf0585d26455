// Package format holds lists of output formats that users select by name.
package format

// A List is formats in the order of the help, the default first.
type List[T any] []Named[T]

// A Named is a format, or a function that creates one, with its name.
type Named[T any] struct {
	Name  string
	Value T
}

// Names returns all names.
func (l List[T]) Names() []string {
	var names []string
	for _, f := range l {
		names = append(names, f.Name)
	}
	return names
}

// Get returns the format with this name, or false if there is none.
func (l List[T]) Get(name string) (format T, ok bool) {
	for _, f := range l {
		if f.Name == name {
			return f.Value, true
		}
	}
	return format, false
}
