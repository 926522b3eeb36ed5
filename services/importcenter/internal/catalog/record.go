package catalog

import (
	"encoding/json"

	"tapline.dev/schemas"
)

// record is a definition or a resource as this version knows it, and what a newer one has
// written beside: people read the one, and whoever writes the record anew adds the other.
type record[V any] struct {
	value   V
	unknown *schemas.Unknown
}

func decode[V any](_ string, raw []byte) (r record[V], err error) {
	if r.unknown = schemas.UnknownOf[V](raw); r.unknown != nil {
		if raw, err = schemas.Known[V](raw); err != nil {
			return r, err
		}
	}
	if err := json.Unmarshal(raw, &r.value); err != nil {
		return r, err
	}
	if d, ok := any(&r.value).(*schemas.Definition); ok && d.Spec.Mapping == nil {
		d.Spec.Mapping = []schemas.Property{} // a draft of an older version: null would be no list
	}
	return r, nil
}

// Unknown is what this version does not know of a definition or a resource; nil if it knows
// everything, or if there is none.
func (c *Catalog) Unknown(kind, name string) *schemas.Unknown {
	if kind == schemas.KindImport {
		r, _, _ := c.imports.Get(name)
		return r.unknown
	}
	r, _, _ := c.resources.Get(schemas.ResourceKey(kind, name))
	return r.unknown
}
