package api

import (
	"cmp"
	"context"
	"net/http"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/plan"
)

// approving is the approval under which a change is made; nil where nobody had to
// be asked.
type approving struct {
	name string
	by   string // who asked
	role string
}

type approvingKey struct{}

// underApproval returns a context in which a change is made under an approval.
func underApproval(ctx context.Context, a approving) context.Context {
	return context.WithValue(ctx, approvingKey{}, &a)
}

func approvalIn(ctx context.Context) *approving {
	a, _ := ctx.Value(approvingKey{}).(*approving)
	return a
}

// roleOf is the role that is needed to approve a change: the one that its own route
// needs.
func (h *handlers) roleOf(spec schemas.ApprovalSpec) access.Role {
	operation := map[string]string{schemas.ApprovalApply: "apply", schemas.ApprovalDelete: "delete-import"}[spec.Action]
	if spec.Command != nil {
		operation = map[string]string{schemas.CommandApprove: "approve-run", schemas.CommandReset: "reset-import", schemas.CommandBackfill: "start-backfill", schemas.CommandResend: "start-resend", schemas.CommandReplay: "start-replay", schemas.CommandRepair: "start-repair"}[spec.Command.Kind]
	}
	route, ok := h.route(operation)
	if !ok {
		return access.Admin
	}
	return route.Role
}

// approveApproval makes a change that somebody else has asked for, in the
// transaction that removes its approval.
func (h *handlers) approveApproval(ctx context.Context, in *approvalInput) (*approvalOutput, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	_, spec, refusal := h.approval(ctx, in.Name)
	if refusal == nil {
		refusal = h.mayApprove(ctx, spec)
	}
	if refusal != nil {
		return nil, refusal
	}
	out := &approvalOutput{Body: approvalOf(in.Name, spec)}
	ctx = underApproval(ctx, approving{name: in.Name, by: spec.By, role: spec.Role})
	var err error
	switch spec.Action {
	case schemas.ApprovalApply:
		w := wantedBy(spec)
		w.unless = unlessChanged(spec)
		_, err = h.apply(ctx, spec.By, w)
	case schemas.ApprovalDelete:
		_, err = h.deleteImport(ctx, h.approvedDelete(out.Body.Imports[0], spec))
	default:
		err = h.approveCommand(ctx, spec)
	}
	return out, err
}

// wantedBy is the apply that was asked for.
func wantedBy(spec schemas.ApprovalSpec) wanted {
	w := wanted{ChangeSet: ChangeSet{Documents: spec.Documents, ManagedBy: spec.ManagedBy, Prune: spec.Prune, DropUnknown: spec.DropUnknown}}
	w.Offline = spec.Offline
	return w
}

// unlessChanged refuses an apply that would do something else than what was asked for: a
// document that changed nothing then would now undo what somebody has changed since.
func unlessChanged(spec schemas.ApprovalSpec) func([]plan.Change) *Problem {
	return func(changes []plan.Change) *Problem {
		if spec.Plan == "" || spec.Plan == plan.Digest(changes) { // an older version keeps none
			return nil
		}
		return problem(http.StatusConflict, codeChanged, "one of the definitions has been changed since this was asked for; decline it, and ask for the change of what is there now")
	}
}

// approvedDelete is the deletion that was asked for, of the version that was there then.
func (h *handlers) approvedDelete(name string, spec schemas.ApprovalSpec) *deleteImportInput {
	in := &deleteImportInput{ImportPath: ImportPath{Import: name}, ActorHeader: ActorHeader{Actor: spec.By}}
	in.IfMatch = etag(spec.Imports[name])
	// An approval of an older version says nothing of the topics: they were kept then.
	in.Topics, in.CancelActive = cmp.Or(spec.Topics, topicsKept), spec.CancelActive
	return in
}

func (h *handlers) approveCommand(ctx context.Context, spec schemas.ApprovalSpec) error {
	agreed := ConfirmQuery{Confirm: spec.Confirm}
	if spec.Command.Repeats != nil {
		agreed.Repeats = *spec.Command.Repeats
	}
	if spec.Command.Kind == schemas.CommandApprove {
		if refusal := h.notHeld(spec.Command.Import, spec.Command.Run); refusal != nil {
			return refusal
		}
	}
	_, err := h.confirmed(ctx, *spec.Command, agreed)
	return err
}

// mayApprove refuses the person who asked for the change, a caller who could not
// have asked for it, and a change of an import that has changed since.
func (h *handlers) mayApprove(ctx context.Context, spec schemas.ApprovalSpec) *Problem {
	caller := access.CallerOf(ctx)
	if caller.Name == spec.By {
		return problem(http.StatusForbidden, codeForbidden, "you have asked for this yourself; somebody else has to approve it")
	}
	if need := h.roleOf(spec); !caller.May(need) {
		return h.needsRole(need, caller)
	}
	for name, generation := range spec.Imports {
		if h.generation(name) != generation {
			return problem(http.StatusConflict, codeChanged, "the import "+name+" has been changed since this was asked for; decline it, and ask for the change of what is there now")
		}
	}
	return nil
}

// removeUsed returns the records that remove the approval of a change. It checks
// again here, at the log's end, that the approval exists: two people may approve at
// once, or one may have declined meanwhile.
func (h *handlers) removeUsed(ctx context.Context, a approving) ([]*kafka.Record, error) {
	r, spec, refusal := h.approval(ctx, a.name)
	if refusal == nil {
		refusal = h.mayApprove(ctx, spec)
	}
	if refusal != nil {
		return nil, refusal
	}
	return h.removalRecords(context.WithValue(ctx, approvingKey{}, nil), access.CallerOf(ctx).Name, schemas.KindApproval, a.name, r.Spec)
}
