package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
	"tapline.dev/domain/projection"
	"tapline.dev/domain/runs"
	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

// callSeconds is the assumed duration of a call to CleverTap that was not measured.
const callSeconds = 0.2

// consequences says what a change does to the next run. Only the services that hold
// the credentials know what a secret reference resolves to, so that is compared
// when the run starts.
func (h *handlers) consequences(ctx context.Context, c plan.Change) []Consequence {
	if c.Import != nil && c.Import.Spec.Draft && c.Outcome != plan.Removed {
		return []Consequence{{About: "draft", noted: true, Text: "a draft: it has no topics and never runs until it is applied without spec.draft"}}
	}
	return append(h.pastEvents(ctx, c), h.changed(ctx, c)...)
}

// changed says what a change does to what is there.
func (h *handlers) changed(ctx context.Context, c plan.Change) []Consequence {
	switch {
	case c.Outcome == plan.Unchanged:
		return nil
	case c.Import == nil:
		return append(ofNewerVersion(c), h.ofResource(c)...)
	case c.Outcome == plan.Created:
		return h.ofNewImport(*c.Import)
	case c.Outcome == plan.Removed:
		return []Consequence{{About: "import", Text: "its watermark and its ledger are forgotten: an import that is created later under this name reads everything. Its runs and generations stay"}}
	}
	var before schemas.Definition
	if json.Unmarshal(c.Before, &before) != nil {
		return nil // it was read from a Definition
	}
	said := append(ofNewerVersion(c), h.ofChangedImport(ctx, before, *c.Import)...)
	return append(said, h.ofCost(ctx, c, before)...)
}

// ofResource says what a change of a connection, an account or defaults does.
func (h *handlers) ofResource(c plan.Change) []Consequence {
	using := strings.Join(h.Catalog.Referring(c.Kind, c.Name), ", ")
	switch {
	case c.Outcome == plan.Updated && c.Kind == schemas.KindImportDefaults:
		return []Consequence{{About: "defaults", Text: "imports keep the defaults that they were applied with until they are applied again"}}
	case c.Outcome == plan.Updated && using != "":
		return []Consequence{{About: "references", noted: true, Text: "the next run of " + using + " compares what this resolves to when it starts: another account, role, database, schema or region begins a new epoch, which reads everything"}}
	}
	return nil
}

func (h *handlers) ofNewImport(d schemas.Definition) []Consequence {
	reads := "its first run reads everything"
	if cursor := d.Spec.Source.Cursor; cursor != nil && cursor.Initial != "" {
		reads = "its first run reads the rows whose cursor is at or after " + cursor.Initial + " (spec.source.cursor.initial)"
	}
	said := []Consequence{{About: "import", Text: reads + "; tapline dryrun " + d.Metadata.Name + " shows how many rows that is"}}
	said = append(said, eventOrder(schemas.ImportSpec{}, d.Spec)...)
	if len(d.Spec.Schedules) == 0 {
		return said
	}
	said = append(said, Consequence{About: "schedule", Text: schedule.Describe(d.Spec.Schedules, d.Spec.Timezone)})
	if account := d.Spec.Destination.AccountRef; h.account(account).Environment == schemas.EnvironmentProduction {
		said = append(said, Consequence{About: "account", noted: true, Text: "its schedule sends to the production account " + account + " without asking; tapline pause " + d.Metadata.Name + " prevents that"})
	}
	return said
}

func (h *handlers) ofChangedImport(ctx context.Context, before, after schemas.Definition) []Consequence {
	var said []Consequence
	state, _ := h.Catalog.State(after.Metadata.Name)
	switch {
	case runs.SourceHash(before.Spec) != runs.SourceHash(after.Spec):
		said = append(said, h.readsAll(ctx, before.Spec, after, state))
	case h.mapsOtherwise(ctx, before.Spec, after.Spec):
		said = append(said, h.sendsAgain(ctx, after, state))
		said = append(said, h.replayable(ctx, after, state)...)
	}
	said = append(said, eventOrder(before.Spec, after.Spec)...)
	if a := state.Active; a != nil {
		said = append(said, Consequence{About: "run", Text: fmt.Sprintf("the active run %s goes on with generation %d to its end", a.Run, a.Generation)})
	}
	if !sameJSON(before.Spec.Schedules, after.Spec.Schedules) || before.Spec.Timezone != after.Spec.Timezone ||
		!sameJSON(before.Spec.Start, after.Spec.Start) || !sameJSON(before.Spec.End, after.Spec.End) {
		said = append(said, Consequence{About: "schedule", Text: h.nextRun(after, state)})
	}
	if t, was := after.Spec.Topic, before.Spec.Topic; t.RowsRetention != was.RowsRetention || t.RecordsRetention != was.RecordsRetention {
		said = append(said, Consequence{About: "topic", Text: "the retention of its topics changes with the next tapline topics apply -f"})
	}
	return said
}

// readsAll says that a new epoch begins, and how much the next run sends.
func (h *handlers) readsAll(ctx context.Context, before schemas.ImportSpec, after schemas.Definition, state schemas.State) Consequence {
	about := epochCause(before, after.Spec)
	if n := state.Events; after.Spec.Destination.Type == schemas.TypeEvent && n != nil && (n.Stored > 0 || n.AtLeast) {
		return Consequence{About: about, noted: true, Text: fmt.Sprintf(
			"new %s: a new epoch begins, which reads everything, and the next run is held until it is approved (tapline approve), because the %s events that were stored would be stored a second time", about, counted(n.Stored))}
	}
	said := Consequence{About: about, noted: true, Text: "new " + about + ": a new epoch begins, and the next run reads everything"}
	if state.LastNumber > 0 {
		said.Text += " again"
	}
	return h.withFigures(said, h.allRecords(ctx, after))
}

// eventOrder says that events of one identity do not go out in the order of their time,
// where nobody was told so before.
func eventOrder(before, after schemas.ImportSpec) []Consequence {
	text := runs.EventOrder(after)
	if text == "" || text == runs.EventOrder(before) && !before.Draft {
		return nil
	}
	return []Consequence{{About: "order", noted: true, Text: text}}
}

// epochCause names what of a source or a destination has changed.
func epochCause(before, after schemas.ImportSpec) string {
	was, now := before.Destination, after.Destination
	switch {
	case before.Source.ConnectionRef != after.Source.ConnectionRef:
		return "connection"
	case was.AccountRef != now.AccountRef:
		return "account"
	case was.Type != now.Type:
		return "type"
	case !sameJSON(was.Event, now.Event):
		return "event"
	case before.Identity != after.Identity:
		return "identity"
	case before.Source.Query != after.Source.Query:
		return "query"
	case before.Source.Table != after.Source.Table:
		return "table"
	}
	return "cursor"
}

// mapsOtherwise reports whether the same rows become other records.
func (h *handlers) mapsOtherwise(ctx context.Context, before, after schemas.ImportSpec) bool {
	was, wrongBefore := mapping.CompileContext(ctx, before, nil, h.options(&definition.Set{}, before.Destination.AccountRef))
	now, wrongAfter := mapping.CompileContext(ctx, after, nil, h.options(&definition.Set{}, after.Destination.AccountRef))
	return len(wrongBefore) > 0 || len(wrongAfter) > 0 || was.Hash() != now.Hash()
}

// sendsAgain says which rows are sent again under another mapping.
func (h *handlers) sendsAgain(ctx context.Context, d schemas.Definition, state schemas.State) Consequence {
	if state.Watermark == "" && state.LastNumber == 0 {
		return Consequence{About: "mapping", Text: "mapping: nothing was sent yet, and the first run uses it"}
	}
	twice := ""
	if d.Spec.Destination.Type == schemas.TypeEvent {
		twice = ", and stored a second time"
	}
	if d.Spec.Source.Cursor == nil {
		return h.withFigures(Consequence{About: "mapping", Text: "mapping: every row is sent again" + twice}, h.allRecords(ctx, d))
	}
	said := Consequence{About: "mapping", Text: "mapping: the rows of the next run's window are sent again" + twice + "; rows that have not changed since keep what was sent before"}
	return h.withFigures(said, h.windowRecords(ctx, d))
}

// allRecords estimates how many records a run that reads everything sends; nil if that is
// not known.
func (h *handlers) allRecords(ctx context.Context, d schemas.Definition) *PlanEstimate {
	c := &Confirmation{Type: d.Spec.Destination.Type}
	h.estimateOf(ctx, c, schemas.Command{Import: d.Metadata.Name, Kind: schemas.CommandReset}, d)
	if !c.RecordsKnown {
		return nil
	}
	return h.planEstimate(c.Records, c.RecordsSource, d)
}

// windowRecords estimates how many records a run since the watermark sends.
func (h *handlers) windowRecords(ctx context.Context, d schemas.Definition) *PlanEstimate {
	page, err := h.Projection.Runs(ctx, projection.Query{Import: d.Metadata.Name, Limit: 10})
	if err != nil {
		return nil // Redis is away: the plan goes on without the figure
	}
	at := slices.IndexFunc(page.Runs, func(r schemas.Run) bool {
		return r.Mode == schemas.ModeIncremental && (r.State == schemas.StateSucceeded || r.State == schemas.StateSucceededWithRejects)
	})
	if at < 0 {
		return nil
	}
	return h.planEstimate(page.Runs[at].Counts.Read, "as many rows as "+page.Runs[at].Run+" read", d)
}

func (h *handlers) planEstimate(records int64, from string, d schemas.Definition) *PlanEstimate {
	account := h.account(d.Spec.Destination.AccountRef).WithDefaults()
	slots, size := int64(account.Slots), int64(account.RecordsPerUpload)
	e := &PlanEstimate{Records: records, Calls: (records + size - 1) / size, Source: from}
	e.Seconds = float64((e.Calls+slots-1)/slots) * callSeconds
	return e
}

// withFigures says how much a consequence sends.
func (h *handlers) withFigures(c Consequence, e *PlanEstimate) Consequence {
	if e == nil {
		c.Text += "; the number of rows is not known yet"
		return c
	}
	c.Estimate = e
	c.Text += fmt.Sprintf(", about %s, %s, %s s at the account's slots (%s)", numbered(e.Records, "row"), numbered(e.Calls, "call"),
		strconv.FormatFloat(e.Seconds, 'f', -1, 64), e.Source)
	return c
}

// nextRun says when an import runs next under its new schedules.
func (h *handlers) nextRun(d schemas.Definition, state schemas.State) string {
	if len(d.Spec.Schedules) == 0 {
		return "it runs only when a person or a program starts it"
	}
	text := schedule.Describe(d.Spec.Schedules, d.Spec.Timezone)
	calendar := schedule.Calendar{Schedules: d.Spec.Schedules, Zone: d.Spec.Timezone, Start: d.Spec.Start, End: d.Spec.End, Anchor: h.Now()}
	if state.Anchor != nil {
		calendar.Anchor = *state.Anchor
	}
	next, ok, err := calendar.Next(h.Now())
	switch {
	case err != nil:
		return text
	case !ok:
		return text + "; no instant is left, so that it stops"
	}
	return text + "; next at " + next.UTC().Format("2006-01-02 15:04:05Z")
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// numbered writes a number with its unit: 1 row, 2,100 rows.
func numbered(n int64, unit string) string {
	if n != 1 {
		unit += "s"
	}
	return counted(n) + " " + unit
}

// counted is a number as people read it.
func counted(n int64) string {
	if n >= 1_000_000 {
		return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " million"
	}
	if n >= 1000 {
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	return strconv.FormatInt(n, 10)
}
