package source

import (
	"iter"
	"slices"

	"github.com/fleetwright/fleetwright/render/manifest"
)

// A Set is what is known of the manifests beside a rollout.
type Set struct {
	// Built are those of the policy of the rollout.
	*Built
	// DefaultNamespace is that of the policy's namespaced objects that name none.
	DefaultNamespace string
	// Beside are the other policies that go to the same clusters and were built.
	Beside []Beside
	// Complete reports whether all policies of the Application on these clusters were built, so
	// that what is not among their objects is in none.
	Complete bool
	// Elsewhere reports whether any policy of any Application builds an object.
	Elsewhere func(manifest.Identity) bool
}

// Beside is what another policy builds.
type Beside struct {
	*Built
	// DefaultNamespace is that of namespaced objects that name none.
	DefaultNamespace string
}

// A Found object is one of a Set, with what it is called on a cluster.
type Found struct {
	*Object
	ID manifest.Identity
}

type groupKind struct{ group, kind string }

// An index has the objects of a policy by group and kind, and by what they are called.
type index struct {
	kinds map[groupKind][]Found
	named map[manifest.Identity]*Found
}

// indexed returns the index of what was built, made once for all rollouts that it is beside of.
func (b *Built) indexed(namespace string) *index {
	if b.index != nil {
		return b.index
	}
	b.index = &index{map[groupKind][]Found{}, map[manifest.Identity]*Found{}}
	for i := range b.Objects {
		o := Found{&b.Objects[i], b.Objects[i].Identity(namespace)}
		key := groupKind{o.ID.Group, o.ID.Kind}
		b.index.kinds[key] = append(b.index.kinds[key], o)
		if b.index.named[o.ID] == nil {
			b.index.named[o.ID] = &o
		}
	}
	return b.index
}

// indexes returns the index of each policy, that of the rollout's own first.
func (s *Set) indexes() iter.Seq[*index] {
	return func(yield func(*index) bool) {
		if !yield(s.indexed(s.DefaultNamespace)) {
			return
		}
		for _, b := range s.Beside {
			if !yield(b.indexed(b.DefaultNamespace)) {
				return
			}
		}
	}
}

// Find returns the objects of a kind that any of the policies builds, those of the rollout's
// own first.
func (s *Set) Find(group, kind string) iter.Seq[Found] {
	return func(yield func(Found) bool) {
		for in := range s.indexes() {
			for _, o := range in.kinds[groupKind{group, kind}] {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// Get returns an object that any of the policies builds, or nil.
func (s *Set) Get(id manifest.Identity) *Found {
	for in := range s.indexes() {
		if o := in.named[id]; o != nil {
			return o
		}
	}
	return nil
}

// IsOwn reports whether the policy of the rollout builds an object.
func (s *Set) IsOwn(id manifest.Identity) bool {
	return s.indexed(s.DefaultNamespace).named[id] != nil
}

// GetPlain returns an object that the rollout's own policy builds before the patches that fleetwright
// adds, or nil.
func (s *Set) GetPlain(id manifest.Identity) *Object {
	plain := s.Plain
	if plain == nil {
		plain = s.Objects
	}
	i := slices.IndexFunc(plain, func(o Object) bool {
		return o.Kind == id.Kind && o.Name == id.Name && o.Identity(s.DefaultNamespace) == id
	})
	if i < 0 {
		return nil
	}
	return &plain[i]
}

// All returns the objects of all policies, in any order.
func (s *Set) All() iter.Seq[Found] {
	return func(yield func(Found) bool) {
		for in := range s.indexes() {
			for _, all := range in.kinds {
				for _, o := range all {
					if !yield(o) {
						return
					}
				}
			}
		}
	}
}

// Lacks reports whether nothing builds an object: all policies that may were built, and it is not
// among what any of any Application builds.
func (s *Set) Lacks(id manifest.Identity) bool {
	return s.Complete && s.Get(id) == nil && (s.Elsewhere == nil || !s.Elsewhere(id))
}
