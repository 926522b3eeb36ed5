package catalog

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// span summarises the generations of one import.
type span struct {
	newest  int
	deleted time.Time // zero unless the newest generation is a deletion
}

// openHistory follows the generations topic without the definitions, of which there are
// up to MaxGenerations for each import.
func openHistory(cfg kafka.Config, deps kafka.Deps, topics schemas.Topics, each func(string, schemas.Generation)) (*kafka.Table[schemas.Generation], error) {
	return kafka.OpenTable(cfg, deps, kafka.TableConfig[schemas.Generation]{Topic: topics.Generations(), Each: each, Decode: withoutDefinition})
}

func withoutDefinition(_ string, value []byte) (schemas.Generation, error) {
	var g struct {
		schemas.Generation
		Definition struct{} `json:"definition"`
	}
	err := json.Unmarshal(value, &g)
	return g.Generation, err
}

// keep adds a generation. The generations of one import arrive in order.
func (c *Catalog) keep(_ string, g schemas.Generation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := span{newest: g.Generation}
	if g.Action == schemas.AuditDelete {
		s.deleted = g.At
	}
	if g.Generation >= c.kept[g.Import].newest {
		c.kept[g.Import] = s
	}
}

// Next returns the generation that an import gets when it is created, and its first
// generation. Generations continue after those of a deleted import of the same name. The
// first generation is 0 if the import exists and its definition cannot be read.
func (c *Catalog) Next(importName string) (generation, first int) {
	broken := c.Broken(importName) != nil
	c.mu.RLock()
	defer c.mu.RUnlock()
	generation = c.kept[importName].newest + 1
	if broken {
		return generation, 0
	}
	return generation, generation
}

// Kept reports whether a generation of an import is in the history.
func (c *Catalog) Kept(importName string, generation int) bool {
	return c.history.Version(schemas.GenerationKey(importName, generation)) > 0
}

// Generations returns what is kept of an import's generations, newest first and without
// the definitions.
func (c *Catalog) Generations(importName string) []schemas.Generation {
	c.mu.RLock()
	newest := c.kept[importName].newest
	c.mu.RUnlock()
	var out []schemas.Generation
	for n := newest; n > 0 && n > newest-schemas.MaxGenerations; n-- {
		if g, ok, _ := c.history.Get(schemas.GenerationKey(importName, n)); ok {
			out = append(out, g)
		}
	}
	return out
}

// Forgotten returns imports that were deleted before an instant and whose generations
// are still kept, and the newest generation of each; at most so many.
func (c *Catalog) Forgotten(before time.Time, most int) []schemas.Generation {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []schemas.Generation
	for name, s := range c.kept {
		if !s.deleted.IsZero() && s.deleted.Before(before) && c.Kept(name, s.newest) {
			out = append(out, schemas.Generation{Import: name, Generation: s.newest})
		}
	}
	slices.SortFunc(out, func(a, b schemas.Generation) int { return cmp.Compare(a.Import, b.Import) })
	return out[:min(len(out), most)]
}
