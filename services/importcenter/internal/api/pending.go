package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/plan"
)

// Bounds of what waits for a second person.
const (
	maxApprovals     = 100
	maxApprovalBytes = 512 << 10
)

// Approvals say what needs a second person.
type Approvals struct {
	// Imports select the imports whose changes need one. An import that one
	// selector includes needs one.
	Imports []schemas.Selector
	Expiry  time.Duration
}

// selects reports whether changes of an import with these labels need a second
// person.
func (a Approvals) selects(m schemas.Metadata) bool {
	return slices.ContainsFunc(a.Imports, func(s schemas.Selector) bool { return s.Selects(m) })
}

// guarded reports whether changes of an import need a second person by the labels
// that are applied now.
func (h *handlers) guarded(importName string) bool {
	d, ok := h.Catalog.Import(importName)
	return ok && h.Approvals.selects(d.Metadata)
}

// guardedChanges returns all imports of the changes with their present generations,
// if one of them needs a second person: a set is applied as a whole and so waits as
// a whole. An import needs a second person if its applied labels or its new labels
// say so: otherwise one person could remove the label and be free of the rule.
func (h *handlers) guardedChanges(changes []plan.Change) map[string]int {
	generations, guarded := map[string]int{}, false
	for _, c := range changes {
		if c.Import == nil || c.Outcome == plan.Unchanged {
			continue
		}
		generations[c.Name] = h.generation(c.Name)
		guarded = guarded || h.guarded(c.Name) || h.Approvals.selects(c.Import.Metadata)
	}
	if !guarded {
		return nil
	}
	return generations
}

// generation is an import's, 0 of one that is not there.
func (h *handlers) generation(importName string) int {
	d, _ := h.Catalog.Import(importName)
	return d.Generation
}

// guardedNow returns an import with its generation, if it needs a second person.
func (h *handlers) guardedNow(importName string) map[string]int {
	if !h.guarded(importName) {
		return nil
	}
	return map[string]int{importName: h.generation(importName)}
}

// guardedCommand returns a command's import with its generation, if the command
// needs a second person.
func (h *handlers) guardedCommand(cmd schemas.Command) map[string]int {
	switch cmd.Kind {
	case schemas.CommandApprove, schemas.CommandReset, schemas.CommandBackfill, schemas.CommandResend, schemas.CommandReplay, schemas.CommandRepair:
		return h.guardedNow(cmd.Import)
	}
	return nil
}

// approvalRecords returns the records about approvals that belong into the
// transaction of a change. If the change is made under an approval, they remove it.
// If the change needs an approval first, they store the request for it: then waits
// is set, and the change must not be made.
func (h *handlers) approvalRecords(ctx context.Context, spec schemas.ApprovalSpec) (waits *pending, records []*kafka.Record, err error) {
	if a := approvalIn(ctx); a != nil {
		records, err = h.removeUsed(ctx, *a)
		return nil, records, err
	}
	if len(spec.Imports) == 0 {
		return nil, nil, nil
	}
	return h.requestApproval(ctx, spec)
}

// pending is a change that is stored and waits for a second person.
type pending struct {
	name string
	spec schemas.ApprovalSpec
}

// requestApproval returns the approval that the caller's change waits for, and the
// records that store it. Asking for the same change twice makes one approval. The
// records also remove approvals that have expired.
func (h *handlers) requestApproval(ctx context.Context, spec schemas.ApprovalSpec) (*pending, []*kafka.Record, error) {
	caller := access.CallerOf(ctx)
	spec.By, spec.Role = caller.Name, caller.Role.String()
	wanted := wish(spec)
	p := &pending{name: slices.Sorted(maps.Keys(spec.Imports))[0] + "-" + randomEnd()}
	var records []*kafka.Record
	open := 0
	for _, r := range h.Catalog.Resources(schemas.KindApproval) {
		known := approvalSpec(r)
		switch {
		case h.Now().After(known.ExpiresAt):
			tombstone := control.Tombstone(h.Topics.Resources(), r.Metadata.Name, schemas.ResourceKey(schemas.KindApproval, r.Metadata.Name))
			tombstone.Partition = 0 // the topic has one
			records = append(records, tombstone)
		case wish(known) == wanted:
			p.name, p.spec = r.Metadata.Name, known
			return p, nil, nil
		default:
			open++
		}
	}
	if open >= maxApprovals {
		return nil, nil, problem(http.StatusConflict, codeInUse, fmt.Sprintf("%d changes wait for a second person already; approve or decline some first (tapline approvals list)", open))
	}
	spec.Since = h.Now().UTC().Truncate(time.Second)
	spec.ExpiresAt = spec.Since.Add(h.Approvals.Expiry)
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil, nil, err
	}
	if len(raw) > maxApprovalBytes {
		return nil, nil, problem(http.StatusRequestEntityTooLarge, codeInvalidRequest, fmt.Sprintf("a change that waits for a second person is %d KiB at most; apply fewer documents at a time", maxApprovalBytes>>10))
	}
	p.spec = spec
	record, err := h.resourceRecord(schemas.KindApproval, p.name, schemas.Resource{
		APIVersion: schemas.APIVersion, Kind: schemas.KindApproval, Metadata: schemas.Metadata{Name: p.name}, Spec: raw,
		Generation: 1, AppliedAt: h.Now(),
	})
	if err != nil {
		return nil, nil, err
	}
	audit, err := h.auditRecord(ctx, schemas.AuditEntry{Actor: spec.By, Action: schemas.AuditApply, Kind: schemas.KindApproval, Name: p.name}, spec)
	return p, append(records, record, audit), err
}

// wish is the same for the same change asked for by the same person, whenever it is.
func wish(spec schemas.ApprovalSpec) string {
	spec.Since, spec.ExpiresAt = time.Time{}, time.Time{}
	if c := spec.Command; c != nil {
		bare := *c
		bare.ID, bare.Time, bare.Traceparent = "", time.Time{}, ""
		spec.Command = &bare
	}
	raw, _ := json.Marshal(spec) // everything in it came out of JSON
	return string(raw)
}

// randomEnd ends the name of an approval. Its author cannot choose it: whoever has looked
// at a change and approves it by its name approves no other one, which its author has put
// under the same name meanwhile.
func randomEnd() string {
	var end [4]byte
	_, _ = rand.Read(end[:]) // it never fails
	return hex.EncodeToString(end[:])
}

// problem is the answer to the caller whose change waits for a second person.
func (p *pending) problem() *Problem {
	refusal := problem(http.StatusConflict, codeApproval, fmt.Sprintf(
		"nothing was done yet: a change of %s needs a second person. It waits as %s until %s; somebody else approves it with tapline approvals approve %s",
		strings.Join(slices.Sorted(maps.Keys(p.spec.Imports)), ", "), p.name, p.spec.ExpiresAt.Format(time.RFC3339), p.name))
	refusal.Approval = p.name
	return refusal
}

// approvalSpec decodes an approval. One that cannot be decoded counts as expired.
func approvalSpec(r schemas.Resource) schemas.ApprovalSpec {
	var spec schemas.ApprovalSpec
	if !decodeSpec(r.Spec, &spec) {
		return schemas.ApprovalSpec{}
	}
	return spec
}
