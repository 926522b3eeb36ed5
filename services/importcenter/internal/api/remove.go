package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// What becomes of a deleted import's topics.
const (
	topicsKept    = "keep"
	topicsRemoved = "remove"
)

type deleteImportInput struct {
	ImportPath
	ActorHeader
	IfMatchHeader
	Topics       string `query:"topics" required:"true" enum:"keep,remove" doc:"Whether its rows and records topics are kept until their data expires, or removed for good"`
	CancelActive bool   `query:"cancelActive" doc:"Cancel the active run; without it the import is not deleted while one is active"`
}

type deletedOutput struct {
	Body Deleted
}

// Deleted says what became of a deleted import.
type Deleted struct {
	Import    string   `json:"import"`
	Cancelled string   `json:"cancelled,omitempty" doc:"The run that was cancelled"`
	Removed   []string `json:"removed" doc:"Topics that were removed"`
	Kept      []string `json:"kept" doc:"What stays, and for how long, in sentences"`
}

// deleteImport deletes a definition and then, if asked to, its topics. The scheduler
// cancels the active run when it reads the deletion.
func (h *handlers) deleteImport(ctx context.Context, in *deleteImportInput) (*deletedOutput, error) {
	if refusal := in.required(); refusal != nil {
		return nil, refusal
	}
	out := &deletedOutput{}
	var waits *pending
	err := h.write(ctx, func(ctx context.Context) (records []*kafka.Record, err error) {
		waits, out.Body = nil, Deleted{Import: in.Import, Removed: []string{}}
		before, ok := h.Catalog.Import(in.Import)
		if !ok {
			return nil, h.noImport(ctx, in.Import)
		}
		if refusal := in.conditions().unmet("the import "+in.Import, etag(before.Generation)); refusal != nil {
			return nil, refusal
		}
		state, _ := h.Catalog.State(in.Import)
		if refusal := h.undeletable(before, state, in.CancelActive); refusal != nil {
			return nil, refusal
		}
		if state.Active != nil {
			out.Body.Cancelled = state.Active.Run
		}
		waits, records, err = h.approvalRecords(ctx, schemas.ApprovalSpec{
			Action: schemas.ApprovalDelete, Imports: h.guardedNow(in.Import), Topics: in.Topics, CancelActive: in.CancelActive,
		})
		if err != nil || waits != nil {
			return records, err
		}
		made, err := h.importRemovalRecords(ctx, in.Actor, before)
		return append(records, made...), err
	})
	if err != nil || waits != nil {
		return nil, h.whyNotMade(ctx, err, waits)
	}
	if in.Topics == topicsRemoved {
		if err := h.removeTopics(ctx, &out.Body); err != nil {
			return nil, err
		}
	}
	out.Body.Kept = h.kept(in.Import, in.Topics)
	return out, nil
}

// removeTopics removes the topics of an import that was just deleted, once the scheduler
// has acted on that and the active run has ended: its last rows are skipped and counted
// in these topics.
func (h *handlers) removeTopics(ctx context.Context, out *Deleted) error {
	const prune = "; its topics are still there, and tapline topics prune removes them"
	if !h.awaitDeleted(ctx, out.Import) {
		return problem(http.StatusGatewayTimeout, codeNoAnswer, out.Import+" is deleted, but the scheduler has not acted on it yet, or its run has not ended"+prune)
	}
	names := []string{h.Topics.Rows(out.Import), h.Topics.Records(out.Import)}
	err := h.Transactions.Write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		if _, again := h.Catalog.Import(out.Import); again {
			return nil, problem(http.StatusConflict, codeChanged, out.Import+" was deleted, and created again meanwhile; its topics are those of the new import now")
		}
		return nil, h.RemoveTopics(ctx, names...)
	})
	switch {
	case err == nil:
		out.Removed = names
		return nil
	case kafka.Refused(err):
		h.logFailure(ctx, codeTopics, err)
		return problem(http.StatusConflict, codeTopics, out.Import+" is deleted, but Kafka does not let Import Center delete topics (docs/rights.md)"+prune)
	}
	if refusal, ok := errors.AsType[*Problem](err); ok {
		return refusal
	}
	return h.fail(ctx, codeKafka, out.Import+" is deleted, but its topics could not be removed"+prune, err)
}

// awaitDeleted waits until the scheduler has acted on the deletion of an import and its
// run has ended.
func (h *handlers) awaitDeleted(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, h.AnswerTimeout)
	defer cancel()
	for {
		changed := h.Catalog.Changed()
		if state, ok := h.Catalog.State(name); !ok || state.Generation == 0 && state.Active == nil {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// kept says what a deletion leaves behind.
func (h *handlers) kept(name, topicsThen string) []string {
	kept := []string{
		"its runs are kept for 90 days, its rejects for 30 days and the audit for 365 days",
		"the number of its newest run is kept for good, so that an import that is created under its name goes on counting",
		"what it has sent stays in CleverTap",
	}
	topics := "its record in the topic columns and its ledger in Redis are kept until tapline topics prune removes them"
	if topicsThen == topicsKept {
		topics = fmt.Sprintf("its topics %s and %s keep their data until it expires, and stay until tapline topics prune removes them, with its record in the topic columns and its ledger in Redis",
			h.Topics.Rows(name), h.Topics.Records(name))
	}
	return append(kept, topics)
}
