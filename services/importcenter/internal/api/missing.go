package api

import (
	"context"
	"encoding/json"

	"tapline.dev/domain/definition"
	"tapline.dev/schemas"
)

// missing is what a draft lacks before it can be applied without spec.draft, as today's
// connections, accounts and defaults are; nil for every other import.
func (h *handlers) missing(ctx context.Context, d schemas.Definition) []schemas.Lack {
	if !d.Spec.Draft {
		return nil
	}
	raw, err := json.Marshal(writtenImport(d))
	if err != nil {
		return nil // it was read from JSON
	}
	mappings := &definition.MappingCheck{}
	set, _ := h.parse(ctx, []json.RawMessage{raw}, mappings)
	mappings.Done()
	var out []schemas.Lack
	for _, p := range set.Missing(d.Metadata.Name) {
		out = append(out, schemas.Lack{Location: p.Path, Code: p.Code, Message: p.Message})
	}
	return out
}
