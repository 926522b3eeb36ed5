package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/projection"
	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// ScheduleQuery says which due instants are wanted.
type ScheduleQuery struct {
	Next int    `query:"next" minimum:"0" maximum:"1000" default:"10" doc:"How many of the next due instants"`
	Past int    `query:"past" minimum:"0" maximum:"1000" default:"0" doc:"How many of the newest past due instants, and what became of each"`
	Zone string `query:"zone" maxLength:"80" default:"UTC" doc:"The viewer's time zone, such as Asia/Kolkata"`
}

type scheduleInput struct {
	ImportPath
	ScheduleQuery
}

type scheduleOfInput struct {
	ScheduleQuery
	Body json.RawMessage `doc:"A document of kind Import, which need not be applied"`
}

// ScheduleView is when an import is due.
type ScheduleView struct {
	Import   string      `json:"import"`
	Sentence string      `json:"sentence" doc:"The schedules in plain English"`
	Zone     string      `json:"zone" doc:"The import's time zone"`
	Viewer   string      `json:"viewer" doc:"The viewer's time zone"`
	Next     []DueView   `json:"next" doc:"The next due instants, the earliest first; a paused or stopped import keeps none of them"`
	Past     []DueRecord `json:"past" doc:"The newest past due instants, the newest first"`
	Note     string      `json:"note,omitempty" doc:"What to know of these schedules"`
}

// DueView is a due instant.
type DueView struct {
	At     time.Time `json:"at" doc:"In UTC"`
	Local  string    `json:"local" doc:"In the schedule's zone"`
	Viewer string    `json:"viewer" doc:"In the viewer's zone"`
	Clocks string    `json:"clocks,omitempty" doc:"How the clocks of the schedule's zone change since the instant before"`
	// Planned tells runs that somebody has asked for from those of the schedules.
	Planned bool `json:"planned,omitempty" doc:"Somebody has planned a run for it; it is none of the schedules'"`
}

// DueRecord is what became of a past due instant.
type DueRecord struct {
	DueView
	Outcome     string  `json:"outcome" enum:"run,skipped,waiting,unknown" doc:"run: a run stands for it; skipped: none does, for the reason; waiting: nobody has acted on it yet; unknown: the record of it has expired"`
	Run         string  `json:"run,omitempty"`
	State       string  `json:"state,omitempty" doc:"The run's state"`
	Reason      string  `json:"reason,omitempty"`
	LateSeconds float64 `json:"lateSeconds,omitempty" doc:"How long after it the run began"`
}

type scheduleOutput struct {
	SourceHeader
	Body ScheduleView
}

func (h *handlers) registerSchedule(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "get-import-schedule", Method: http.MethodGet, Path: "/v1/imports/{import}/schedule",
		Summary: "Read when an import is due, and what became of its past due instants",
		Errors:  []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.importSchedule)
	huma.Register(api, huma.Operation{
		OperationID: "show-schedule", Method: http.MethodPost, Path: "/v1/schedule",
		Summary: "Read when a definition would be due if it were applied now", MaxBodyBytes: maxBody,
		Errors: []int{http.StatusUnprocessableEntity},
	}, h.scheduleOf)
}

func (h *handlers) importSchedule(ctx context.Context, in *scheduleInput) (*scheduleOutput, error) {
	d, ok := h.Catalog.Import(in.Import)
	if !ok {
		return nil, h.noImport(ctx, in.Import)
	}
	viewer, refusal := viewerZone(in.Zone)
	if refusal != nil {
		return nil, refusal
	}
	state, _ := h.Catalog.State(in.Import)
	out := &scheduleOutput{Body: h.scheduleView(d, viewer)}
	cal, after := schedule.Applied(d, state)
	if now := h.Now(); after.Before(now) {
		after = now
	}
	if err := out.Body.addNext(cal, after, in.Next, viewer); err != nil {
		return nil, invalidSchedule(err)
	}
	out.Body.addPlanned(state.Planned, in.Next, viewer)
	if in.Past > 0 {
		var err error
		out.Source, err = h.addPast(ctx, &out.Body, d, state, in.Past, viewer)
		if err != nil {
			return nil, h.kafkaFailed(ctx, err)
		}
	}
	switch {
	case d.Spec.Draft:
		out.Body.Note = "a draft: nothing is due until it is applied without draft"
	case state.Stopped, state.Paused:
		out.Body.Note = "the import is paused or stopped: nothing runs until it is resumed"
	}
	if note := h.tooOften(d); note != "" && out.Body.Note == "" {
		out.Body.Note = note
	}
	return out, nil
}

func (h *handlers) scheduleOf(ctx context.Context, in *scheduleOfInput) (*scheduleOutput, error) {
	viewer, refusal := viewerZone(in.Zone)
	if refusal != nil {
		return nil, refusal
	}
	set, problems := h.read([]json.RawMessage{in.Body})
	if len(problems) > 0 {
		return nil, refused(detailsOf(problems))
	}
	if len(set.Imports) != 1 {
		return nil, problem(http.StatusUnprocessableEntity, codeRefused, "the body is one document of kind Import")
	}
	d := set.Imports[0]
	if !access.CallerOf(ctx).Reaches(d.Metadata) {
		return nil, outside(d.Metadata.Name)
	}
	d.AppliedAt = h.Now()
	out := &scheduleOutput{Body: h.scheduleView(d, viewer)}
	cal, after := schedule.Applied(d, schemas.State{})
	if err := out.Body.addNext(cal, after.Add(-time.Nanosecond), in.Next, viewer); err != nil {
		return nil, invalidSchedule(err)
	}
	out.Body.Note = h.tooOften(d)
	return out, nil
}

func viewerZone(name string) (*time.Location, *Problem) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, problem(http.StatusUnprocessableEntity, codeInvalidRequest, "the zone is not in the IANA database; use a name such as Europe/Berlin",
			Detail{Location: "query.zone", Code: "timezone_unknown", Message: "not in the IANA database"})
	}
	return zone, nil
}

func invalidSchedule(err error) *Problem {
	return problem(http.StatusUnprocessableEntity, codeRefused, "the schedules are not valid: "+err.Error(),
		Detail{Location: "spec.schedules", Code: "schedule_invalid", Message: err.Error()})
}

func (h *handlers) scheduleView(d schemas.Definition, viewer *time.Location) ScheduleView {
	zone := d.Spec.Timezone
	if zone == "" {
		zone = "UTC"
	}
	return ScheduleView{
		Import: d.Metadata.Name, Sentence: schedule.Sentence(d.Spec), Zone: zone, Viewer: viewer.String(), Next: []DueView{}, Past: []DueRecord{},
	}
}

func (v *ScheduleView) addNext(cal schedule.Calendar, after time.Time, n int, viewer *time.Location) error {
	before := after
	for range n {
		due, ok, err := cal.Next(before)
		if err != nil || !ok {
			return err
		}
		v.Next = append(v.Next, dueView(cal, due, before, viewer))
		before = due
	}
	return nil
}

// addPlanned puts runs that somebody has planned among the due instants, of which it keeps n.
func (v *ScheduleView) addPlanned(planned []schemas.PlannedRun, n int, viewer *time.Location) {
	zone, err := time.LoadLocation(v.Zone)
	if err != nil {
		zone = time.UTC // a definition of before zones were checked
	}
	for _, p := range planned {
		v.Next = append(v.Next, DueView{
			At: p.At.UTC(), Local: p.At.In(zone).Format(dueLayout), Viewer: p.At.In(viewer).Format(dueLayout), Planned: true,
		})
	}
	slices.SortStableFunc(v.Next, func(a, b DueView) int { return a.At.Compare(b.At) })
	v.Next = v.Next[:min(n, len(v.Next))]
}

const dueLayout = "Mon 2006-01-02 15:04:05 MST (-07:00)"

// dueView shows a due instant; before is the instant before it, from which a change of
// the clocks is told.
func dueView(cal schedule.Calendar, due, before time.Time, viewer *time.Location) DueView {
	zone := cal.ZoneAt(due)
	return DueView{
		At: due.UTC(), Local: due.In(zone).Format(dueLayout), Viewer: due.In(viewer).Format(dueLayout), Clocks: schedule.Clocks(before, due, zone),
	}
}

// addPast tells what became of the newest past instants. The runs that stand for them
// name them, and the state holds those for which none does.
func (h *handlers) addPast(ctx context.Context, v *ScheduleView, d schemas.Definition, state schemas.State, n int, viewer *time.Location) (string, error) {
	now := h.Now()
	cal, acted := schedule.Applied(d, state)
	since := d.AppliedAt
	if state.ScheduleSince != nil {
		since = *state.ScheduleSince
	}
	past, err := cal.Past(since, now, n)
	if err != nil || len(past) == 0 {
		return "", err
	}
	query := projection.Query{Import: d.Metadata.Name, Limit: maxStatsRuns, Match: func(r schemas.Run) bool { return r.Due != nil && !r.Due.Before(past[0]) }}
	page, err := h.Projection.Runs(ctx, query)
	source := ""
	if err != nil {
		h.logFailure(ctx, codeRedis, err)
		source = sourceLog
		if page, err = h.runsFromLog(ctx, query, past[0]); err != nil {
			return "", err
		}
	}
	before := since
	for _, at := range past {
		record := became(at, page.Runs, state, acted)
		record.DueView = dueView(cal, at, before, viewer)
		v.Past = append([]DueRecord{record}, v.Past...)
		before = at
	}
	return source, nil
}

// became tells what became of a due instant. acted is the instant up to which the
// scheduler has acted.
func became(at time.Time, runs []schemas.Run, state schemas.State, acted time.Time) DueRecord {
	for _, r := range runs {
		from := r.Due
		if r.DueFrom != nil {
			from = r.DueFrom
		}
		if at.Before(*from) || at.After(*r.Due) {
			continue
		}
		record := DueRecord{Outcome: "run", Run: r.Run, State: r.State}
		if r.State != schemas.StateQueued {
			record.LateSeconds = max(r.StartedAt.Sub(at).Seconds(), 0)
		}
		if !at.Equal(*r.Due) {
			record.Reason = "joined: the run stands for all instants from " + from.UTC().Format(time.RFC3339) + " to " + r.Due.UTC().Format(time.RFC3339)
		}
		return record
	}
	for _, s := range state.SkippedDue {
		if !at.Before(s.From) && !at.After(s.To) {
			return DueRecord{Outcome: "skipped", Reason: skipReasons[s.Reason]}
		}
	}
	switch {
	case state.Paused && at.After(acted):
		return DueRecord{Outcome: "skipped", Reason: skipReasons[schemas.SkippedPaused]}
	case at.After(acted):
		return DueRecord{Outcome: "waiting", Reason: "nobody has acted on it yet: a run of another window waits before it, or no scheduler runs"}
	}
	return DueRecord{Outcome: "unknown", Reason: "the run that stood for it has expired, or a version before this record acted on it"}
}

var skipReasons = map[string]string{
	schemas.SkippedPaused: "paused: the import was paused or stopped",
	schemas.SkippedLate:   "late: no scheduler ran in time, and the import says catchUp: skip",
}
