package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/plan"
)

// maxForgotten bounds how many deleted imports lose their history in one transaction.
const maxForgotten = 20

type generationInput struct {
	ImportPath
	Generation int `path:"generation" minimum:"1" doc:"Its number"`
}

type generationOutput struct {
	ETag string `header:"ETag"`
	Body schemas.Generation
}

type generationsOutput struct {
	Body struct {
		Items         []schemas.Generation `json:"items"`
		NextPageToken string               `json:"nextPageToken"`
	}
}

func (h *handlers) registerGenerations(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-generations", Method: http.MethodGet, Path: "/v1/imports/{import}/generations",
		Summary: "List what is kept of an import's generations, newest first and without the definitions; also of a deleted import",
		Errors:  []int{http.StatusNotFound},
	}, func(ctx context.Context, in *ImportPath) (*generationsOutput, error) {
		out := &generationsOutput{}
		out.Body.Items = append([]schemas.Generation{}, h.generations(in.Import)...)
		if len(out.Body.Items) == 0 {
			return nil, h.noImport(ctx, in.Import)
		}
		return out, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "get-generation", Method: http.MethodGet, Path: "/v1/imports/{import}/generations/{generation}",
		Summary: "Read one generation of an import",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.getGeneration)
}

// generations are those that are kept of an import, newest first. An import that was
// applied before generations were kept has its present one.
func (h *handlers) generations(importName string) []schemas.Generation {
	if kept := h.Catalog.Generations(importName); len(kept) > 0 {
		return kept
	}
	if now, ok := h.Catalog.Import(importName); ok {
		g := generationBefore(now)
		g.Definition = nil
		return []schemas.Generation{g}
	}
	return nil
}

func (h *handlers) getGeneration(ctx context.Context, in *generationInput) (*generationOutput, error) {
	if now, ok := h.Catalog.Import(in.Import); ok && now.Generation == in.Generation && !h.Catalog.Kept(in.Import, in.Generation) {
		return &generationOutput{ETag: etag(in.Generation), Body: generationBefore(now)}, nil
	}
	g, err := h.readGeneration(ctx, in.Import, in.Generation)
	if err != nil {
		return nil, err
	}
	return &generationOutput{ETag: etag(in.Generation), Body: g}, nil
}

// readGeneration reads a generation from the log: the catalog holds no definitions of
// the past.
func (h *handlers) readGeneration(ctx context.Context, importName string, generation int) (g schemas.Generation, err error) {
	if !h.Catalog.Kept(importName, generation) {
		if len(h.generations(importName)) == 0 {
			return g, h.noImport(ctx, importName)
		}
		return g, problem(http.StatusNotFound, codeNotFound, fmt.Sprintf(
			"generation %d of %s is not kept; tapline history %s lists those that are", generation, importName, importName))
	}
	key, found := schemas.GenerationKey(importName, generation), false
	tp := kafka.TP{Topic: h.Topics.Generations(), Partition: schemas.ControlPartition(importName)}
	_, err = h.Partitions.ReadTo(ctx, tp, 0, func(r *kafka.Record) error {
		if string(r.Key) != key || r.Value == nil {
			return nil
		}
		found = true
		return json.Unmarshal(r.Value, &g)
	})
	if err == nil && !found {
		err = errors.New("a generation that the catalog holds is not in the log")
	}
	if err != nil {
		return g, h.kafkaFailed(ctx, err)
	}
	return g, nil
}

// generationBefore is the generation of a definition that was applied before
// generations were kept: nobody knows by whom.
func generationBefore(d schemas.Definition) schemas.Generation {
	return schemas.Generation{Import: d.Metadata.Name, Generation: d.Generation, Definition: &d, Action: schemas.AuditApply, At: d.AppliedAt}
}

// generationRecords keep the generation that a change makes, and the one before it
// unless that is kept already.
func (h *handlers) generationRecords(ctx context.Context, actor string, c plan.Change) ([]*kafka.Record, error) {
	var kept []schemas.Generation
	if c.Before != nil {
		var before schemas.Definition
		if err := json.Unmarshal(c.Before, &before); err != nil {
			return nil, err
		}
		kept = h.unkept(before)
	}
	g := h.generationNow(ctx, actor, c.Name, c.Generation, schemas.AuditApply)
	g.Definition = c.Import
	return h.keptRecords(c.Unknown, append(kept, g))
}

// deletedRecords keep that an import was deleted, and the generation that was.
func (h *handlers) deletedRecords(ctx context.Context, actor string, before schemas.Definition) ([]*kafka.Record, error) {
	g := h.generationNow(ctx, actor, before.Metadata.Name, before.Generation+1, schemas.AuditDelete)
	return h.keptRecords(h.Catalog.Unknown(schemas.KindImport, before.Metadata.Name), append(h.unkept(before), g))
}

func (h *handlers) unkept(d schemas.Definition) []schemas.Generation {
	if h.Catalog.Kept(d.Metadata.Name, d.Generation) {
		return nil
	}
	return []schemas.Generation{generationBefore(d)}
}

// generationNow is a generation that the caller makes.
func (h *handlers) generationNow(ctx context.Context, actor, importName string, generation int, action string) schemas.Generation {
	caller := access.CallerOf(ctx)
	g := schemas.Generation{Import: importName, Generation: generation, Action: action, By: actor, Role: caller.Role.String(), At: h.Now()}
	if a := approvalIn(ctx); a != nil {
		g.Role, g.ApprovedBy = a.role, caller.Name
	}
	return g
}

// keptRecords are the records of generations of one import, with what a newer version has
// written into their definitions, and the tombstones of those that are too old to be kept.
func (h *handlers) keptRecords(unknown *schemas.Unknown, generations []schemas.Generation) ([]*kafka.Record, error) {
	var records []*kafka.Record
	for _, g := range generations {
		raw, err := json.Marshal(g)
		if err == nil && g.Definition != nil {
			raw, err = schemas.AddTo[schemas.Generation](schemas.Within("definition", unknown), raw)
		}
		if err != nil {
			return nil, fmt.Errorf("encoding a generation: %w", err)
		}
		record, err := control.Record(h.Topics.Generations(), g.Import, schemas.GenerationKey(g.Import, g.Generation), json.RawMessage(raw), schemas.EventGeneration, source)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
		if old := g.Generation - schemas.MaxGenerations; h.Catalog.Kept(g.Import, old) {
			records = append(records, h.generationTombstone(g.Import, old))
		}
	}
	return records, nil
}

func (h *handlers) generationTombstone(importName string, generation int) *kafka.Record {
	return control.Tombstone(h.Topics.Generations(), importName, schemas.GenerationKey(importName, generation))
}

// forgottenRecords remove the history of imports that were deleted long ago.
func (h *handlers) forgottenRecords() (records []*kafka.Record) {
	for _, g := range h.Catalog.Forgotten(h.Now().Add(-schemas.DeletedGenerationsKept), maxForgotten) {
		for n := max(g.Generation-schemas.MaxGenerations+1, 1); n <= g.Generation; n++ {
			if h.Catalog.Kept(g.Import, n) {
				records = append(records, h.generationTombstone(g.Import, n))
			}
		}
	}
	return records
}
