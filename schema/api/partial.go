package api

import "reflect"

// Partial holds some of the fields of a T. None is required and each may be null, at any depth
// outside lists.
type Partial[T any] map[string]any

// Whole returns the type that the fields are of.
func (Partial[T]) Whole() reflect.Type { return reflect.TypeFor[T]() }
