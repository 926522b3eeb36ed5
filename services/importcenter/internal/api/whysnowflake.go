package api

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rowlog"
)

// HeldRows is what Snowflake has of the person now, as an extractor has read it.
type HeldRows struct {
	Outcome string        `json:"outcome" enum:"read,refused,unanswered" doc:"What came of the question"`
	Code    string        `json:"code,omitempty" doc:"Why the question was refused, as in the catalogue of codes"`
	Reason  string        `json:"reason,omitempty" doc:"Why nothing is shown, in a sentence"`
	QueryID string        `json:"queryId,omitempty" doc:"Of the one statement that has read the rows"`
	Time    time.Time     `json:"time,omitzero" doc:"When they were read"`
	Rows    []rowlog.Held `json:"rows" doc:"The person's rows, the newest 200, in the order of the cursor"`
	More    bool          `json:"more,omitempty" doc:"The person has more rows"`
}

// heldRows has the person's rows read from Snowflake once, and tells from them what became of
// those of which the topics hold nothing.
//
// Invariant 9: the identity is in the look-ups' topic and in the statement, where it is bound;
// the command names the list.
func (h *handlers) heldRows(ctx context.Context, d schemas.Definition, identity string, answer *rowlog.Answer, runs []schemas.Run, rules *ruleBook) (*HeldRows, *Problem) {
	people, refusal := h.writePeople(ctx, d.Metadata.Name, []string{identity})
	if refusal != nil {
		return nil, refusal
	}
	replies, failed := h.ask(ctx, "", []question{{kind: schemas.CommandPreview, importName: d.Metadata.Name, spec: d.Spec, people: people.ID}}, h.PreviewTimeout)
	if failed != nil {
		return nil, failed
	}
	r, out := replies[0], &HeldRows{Rows: []rowlog.Held{}}
	switch {
	case r.refusal != nil:
		out.Outcome, out.Code, out.Reason = "refused", r.refusal.Code, r.refusal.Reason
		return out, nil
	case r.preview == nil:
		out.Outcome, out.Reason = "unanswered", "no extractor has answered within "+h.PreviewTimeout.String()+"; is one running, with a scheduler? The question is cancelled"
		return out, nil
	case r.preview.Person == nil:
		out.Outcome, out.Reason = "unanswered", "the extractor or the scheduler is of an older version, which does not know the question"
		return out, nil
	}
	rows, err := h.previewRows(ctx, r)
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	out.Outcome, out.QueryID, out.Time, out.More = "read", r.preview.QueryID, r.said, r.preview.Person.More
	out.Rows = append(out.Rows, held(rows, r.preview, d.Spec, identity)...)
	state, _ := h.Catalog.State(d.Metadata.Name)
	answer.Tell(out.Rows, runs, rules.of, rowlog.Place{TimeBasis: r.preview.Person.TimeBasis, Clock: r.preview.Person.Clock, Watermark: state.Watermark})
	return out, nil
}

// held are the rows of a preview that are the person's letter by letter, the oldest first:
// the statement does not look at blanks around an identity.
func held(rows []json.RawMessage, p *schemas.Preview, spec schemas.ImportSpec, identity string) (out []rowlog.Held) {
	suppressed := map[int]bool{}
	for _, i := range p.Suppressed {
		suppressed[i] = true
	}
	for i := len(rows) - 1; i >= 0; i-- {
		if !bytes.Equal(rowlog.IdentityOf(spec, rows[i]), []byte(identity)) {
			continue
		}
		row := rowlog.Held{Row: rows[i], Suppressed: suppressed[i]}
		if i < len(p.Person.Cursors) && i < len(p.Person.Instants) {
			row.At, row.Changed = p.Person.Cursors[i], p.Person.Instants[i]
		}
		out = append(out, row)
	}
	return out
}
