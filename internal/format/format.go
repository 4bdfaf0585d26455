// Package format holds lists of output formats, which people choose by name.
package format

// A List is formats by their names, in the order in which they are offered, the default first.
type List[T any] []Named[T]

// A Named is a format, or what makes one, with its name.
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

// Get returns the format of a name, or false where there is none.
func (l List[T]) Get(name string) (format T, ok bool) {
	for _, f := range l {
		if f.Name == name {
			return f.Value, true
		}
	}
	return format, false
}
