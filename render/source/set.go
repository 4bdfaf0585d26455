package source

import (
	"iter"
	"slices"

	"github.com/fleetwright/fleetwright/render/manifest"
)

// A Set holds the known manifests next to a rollout.
type Set struct {
	// Built holds the objects of the rollout's policy.
	*Built
	// DefaultNamespace is the namespace of the policy's namespaced objects that set none.
	DefaultNamespace string
	// Others holds the other policies on the same clusters that were built.
	Others []Other
	// Complete reports whether all policies of the Application on these clusters were built, so that no policy
	// has further objects.
	Complete bool
	// Elsewhere reports whether any policy of any Application builds an object.
	Elsewhere func(manifest.Identity) bool
}

// Other is the build of another policy.
type Other struct {
	*Built
	// DefaultNamespace is the namespace of namespaced objects that set none.
	DefaultNamespace string
}

// A Found object is an object of a Set, with its identity on a cluster.
type Found struct {
	*Object
	ID manifest.Identity
}

type groupKind struct{ group, kind string }

// An index holds the objects of a policy by group and kind, and by identity.
type index struct {
	kinds map[groupKind][]Found
	named map[manifest.Identity]*Found
}

// indexed returns the index of the built objects, created once for all rollouts that read them.
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

// indexes yields the index of each policy, starting with the rollout's own.
func (s *Set) indexes() iter.Seq[*index] {
	return func(yield func(*index) bool) {
		if !yield(s.indexed(s.DefaultNamespace)) {
			return
		}
		for _, b := range s.Others {
			if !yield(b.indexed(b.DefaultNamespace)) {
				return
			}
		}
	}
}

// Find yields the objects of a kind that any of the policies builds, and the objects of the rollout's policy
// first.
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

// Lacks reports whether no policy builds an object: all policies that could were built, and no Application's
// objects contain it.
func (s *Set) Lacks(id manifest.Identity) bool {
	return s.Complete && s.Get(id) == nil && (s.Elsewhere == nil || !s.Elsewhere(id))
}
