package api

import (
	"context"
	"encoding/json"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/plan"
)

// source is the events' source in the CloudEvents headers.
const source = "importcenter"

// changeRecords returns the records that make a change, its audit entry among them.
func (h *handlers) changeRecords(ctx context.Context, actor string, c plan.Change) ([]*kafka.Record, error) {
	switch {
	case c.Outcome == plan.Removed && c.Import != nil:
		return h.importRemovalRecords(ctx, actor, *c.Import)
	case c.Outcome == plan.Removed:
		before, err := h.whole(c.Kind, c.Name, c.Before)
		if err != nil {
			return nil, err
		}
		return h.removalRecords(ctx, actor, c.Kind, c.Name, before)
	}
	if c.Import != nil {
		sign(actor, c)
	}
	before, err := h.whole(c.Kind, c.Name, c.Before)
	if err != nil {
		return nil, err
	}
	after, err := c.Record()
	if err != nil {
		return nil, err
	}
	var record *kafka.Record
	if c.Import != nil {
		record, err = control.Record(h.Topics.Imports(), c.Name, c.Name, after, schemas.EventDefinition, source)
	} else {
		record, err = h.resourceRecord(c.Kind, c.Name, after)
	}
	if err != nil {
		return nil, err
	}
	audit, err := h.auditRecord(ctx, schemas.AuditEntry{
		Actor: actor, Action: schemas.AuditApply, Kind: c.Kind, Name: c.Name, Before: before,
	}, after)
	if err != nil {
		return nil, err
	}
	records := []*kafka.Record{record, audit}
	if c.Import == nil {
		return records, nil
	}
	kept, err := h.generationRecords(ctx, actor, c)
	return append(records, kept...), err
}

// whole is the record of a definition that is applied, with what a newer version has
// written into it: the audit says all of what was there.
func (h *handlers) whole(kind, name string, known json.RawMessage) (json.RawMessage, error) {
	if known == nil {
		return nil, nil
	}
	unknown := h.Catalog.Unknown(kind, name)
	if kind == schemas.KindImport {
		return schemas.AddTo[schemas.Definition](unknown, known)
	}
	return schemas.AddTo[schemas.Resource](unknown, known)
}

// sign notes who has applied a definition, and of a new one who has created it.
func sign(actor string, c plan.Change) {
	c.Import.AppliedBy = actor
	if c.Outcome == plan.Created {
		c.Import.CreatedAt, c.Import.CreatedBy = c.Import.AppliedAt, actor
	}
}

// resourceRecord is a record of the resources topic, which has one partition.
func (h *handlers) resourceRecord(kind, name string, value any) (*kafka.Record, error) {
	record, err := control.Record(h.Topics.Resources(), name, schemas.ResourceKey(kind, name), value, schemas.EventResource, source)
	if err != nil {
		return nil, err
	}
	record.Partition = 0
	return record, nil
}

// removalRecords remove a resource, and say in the audit what it was.
func (h *handlers) removalRecords(ctx context.Context, actor, kind, name string, before json.RawMessage) ([]*kafka.Record, error) {
	audit, err := h.auditRecord(ctx, schemas.AuditEntry{Actor: actor, Action: schemas.AuditDelete, Kind: kind, Name: name, Before: before}, nil)
	if err != nil {
		return nil, err
	}
	tombstone := control.Tombstone(h.Topics.Resources(), name, schemas.ResourceKey(kind, name))
	tombstone.Partition = 0 // the topic has one
	return []*kafka.Record{tombstone, audit}, nil
}

// importRemovalRecords remove an import, keep that it was removed, and say in the audit
// what it was.
func (h *handlers) importRemovalRecords(ctx context.Context, actor string, before schemas.Definition) ([]*kafka.Record, error) {
	name := before.Metadata.Name
	raw, err := json.Marshal(before)
	if err == nil {
		raw, err = h.whole(schemas.KindImport, name, raw)
	}
	if err != nil {
		return nil, err
	}
	audit, err := h.auditRecord(ctx, schemas.AuditEntry{Actor: actor, Action: schemas.AuditDelete, Kind: schemas.KindImport, Name: name, Before: raw}, nil)
	if err != nil {
		return nil, err
	}
	kept, err := h.deletedRecords(ctx, actor, before)
	return append([]*kafka.Record{control.Tombstone(h.Topics.Imports(), name, name), audit}, kept...), err
}

// auditRecord is a record of the audit topic, which has one partition.
func (h *handlers) auditRecord(ctx context.Context, entry schemas.AuditEntry, after any) (*kafka.Record, error) {
	if after != nil {
		raw, err := json.Marshal(after)
		if err != nil {
			return nil, err
		}
		entry.After = raw
	}
	caller, origin := access.CallerOf(ctx), access.OriginOf(ctx)
	entry.Role = caller.Role.String()
	if a := approvalIn(ctx); a != nil {
		entry.Role, entry.ApprovedBy = a.role, caller.Name
	}
	entry.From, entry.RequestID = origin.Addr, origin.RequestID
	entry.Time = h.Now()
	entry.Traceparent = telemetry.Traceparent(ctx)
	record, err := control.Record(h.Topics.Audit(), entry.Name, entry.Actor, entry, schemas.EventAudit, source)
	if err != nil {
		return nil, err
	}
	record.Partition = 0
	return record, nil
}

// commandRecords returns a command's record and its audit entry.
func (h *handlers) commandRecords(ctx context.Context, cmd schemas.Command) ([]*kafka.Record, error) {
	record, err := control.Record(h.Topics.Commands(), cmd.Import, cmd.Import, cmd, schemas.EventCommand, source)
	if err != nil {
		return nil, err
	}
	audit, err := h.auditRecord(ctx, schemas.AuditEntry{
		Actor: cmd.Actor, Action: schemas.AuditCommand, Kind: cmd.Kind, Name: cmd.Import,
	}, cmd)
	if err != nil {
		return nil, err
	}
	return []*kafka.Record{record, audit}, nil
}
