package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// Bounds of reading a run's log.
const (
	logSlack   = time.Minute // the clocks of services and brokers differ
	maxReports = 200_000     // reports that are looked at for retries
)

// LogEntry is something that happened to a run.
type LogEntry struct {
	Time time.Time `json:"time"`
	Kind string    `json:"kind" enum:"state,attempt,retry,wait,hold,command,note,error" doc:"What it is about"`
	Text string    `json:"text" doc:"What happened, in a sentence"`
}

type runLogOutput struct {
	Body struct {
		Run   string     `json:"run"`
		State string     `json:"state" doc:"The run's state now"`
		Items []LogEntry `json:"items" doc:"In the order of time"`
	}
}

func (h *handlers) registerRunLog(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "get-run-log", Method: http.MethodGet, Path: "/v1/runs/{run}/log",
		Summary: "Read what happened to a run: its states, attempts, retries, waits, holds, commands and notes, oldest first",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.runLog)
}

func (h *handlers) runLog(ctx context.Context, in *RunPath) (*runLogOutput, error) {
	run, err := h.existingRun(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	l := runLogger{run: in.Run, notes: map[string]bool{}}
	for topic, fn := range map[string]func(*kafka.Record) error{
		h.Topics.Runs(): l.event, h.Topics.Commands(): l.command, h.Topics.Reports(): l.report,
	} {
		if err := h.logged(ctx, topic, run, fn); err != nil {
			return nil, h.kafkaFailed(ctx, err)
		}
	}
	slices.SortStableFunc(l.entries, func(a, b LogEntry) int { return a.Time.Compare(b.Time) })
	out := &runLogOutput{}
	out.Body.Run, out.Body.State, out.Body.Items = in.Run, run.State, append([]LogEntry{}, l.entries...)
	return out, nil
}

// logged reads a control topic from the time at which a run began.
func (h *handlers) logged(ctx context.Context, topic string, run schemas.Run, fn func(*kafka.Record) error) error {
	tp := kafka.TP{Topic: topic, Partition: schemas.ControlPartition(run.Import)}
	if schemas.IsTrial(run.Run) {
		tp.Partition = schemas.ControlPartition(run.Run)
	}
	from, err := h.Partitions.OffsetAt(ctx, tp, run.StartedAt.Add(-logSlack))
	if err != nil {
		return fmt.Errorf("finding where the run's log begins: %w", err)
	}
	_, err = h.Partitions.ReadTo(ctx, tp, from, fn)
	if errors.Is(err, errEnoughReports) {
		return nil
	}
	return err
}

var errEnoughReports = errors.New("enough reports were read")

// runLogger makes entries of the records about one run.
type runLogger struct {
	run     string
	entries []LogEntry
	last    schemas.Run
	notes   map[string]bool
	reports int
}

func (l *runLogger) add(at time.Time, kind, format string, args ...any) {
	l.entries = append(l.entries, LogEntry{at.UTC(), kind, fmt.Sprintf(format, args...)})
}

// event takes in a lifecycle event. Each holds the whole run, so what differs from the
// event before is what happened.
func (l *runLogger) event(r *kafka.Record) error {
	var run schemas.Run
	if err := json.Unmarshal(r.Value, &run); err != nil || run.Run != l.run {
		return nil // of another run, or of a version that this one cannot read
	}
	at, before := r.Timestamp, l.last
	if run.State != before.State {
		l.add(at, "state", "%s", stateText(run))
	}
	if run.Attempt > before.Attempt && run.Attempt > 1 {
		l.add(at, "attempt", "attempt %d begins", run.Attempt)
	}
	if run.QueryID != before.QueryID && run.QueryID != "" {
		l.add(at, "attempt", "Snowflake's query %s gives %d rows", run.QueryID, run.Total)
	}
	if reason := waitingReason(run); reason != waitingReason(before) {
		if reason == "" {
			reason = "it waits no longer"
		}
		l.add(at, "wait", "%s", reason)
	}
	if run.HeldBecause != nil && (before.HeldBecause == nil || before.HeldBecause.Code != run.HeldBecause.Code) {
		l.add(at, "hold", "held until somebody approves or declines it: %s", run.HeldBecause.Reason)
	}
	for _, note := range run.Notes {
		if !l.notes[note] {
			l.notes[note] = true
			l.add(at, "note", "%s", note)
		}
	}
	if run.Error != nil && before.Error == nil {
		l.add(at, "error", "%s: %s", run.Error.Code, run.Error.Reason)
	}
	l.last = run
	return nil
}

func stateText(run schemas.Run) string {
	if !schemas.Terminal(run.State) {
		return run.State
	}
	c := run.Counts
	return fmt.Sprintf("%s: %d rows read, %d unchanged, %d loaded, %d rejected, %d skipped", run.State, c.Read, c.Unchanged, c.Loaded, c.Rejected(), c.Skipped())
}

func waitingReason(run schemas.Run) string {
	if run.Waiting == nil || run.Waiting.Over {
		return ""
	}
	return "waits for " + run.Waiting.Account + ": " + run.Waiting.Reason
}

func (l *runLogger) command(r *kafka.Record) error {
	var c schemas.Command
	if err := json.Unmarshal(r.Value, &c); err != nil || c.Run != l.run {
		return nil // of another run
	}
	by := c.Actor
	if by == "" {
		by = "somebody"
	}
	l.add(c.Time, "command", "%s by %s", c.Kind, by)
	return nil
}

// report takes in why an attempt was given up, of which lifecycle events do not tell.
func (l *runLogger) report(r *kafka.Record) error {
	if l.reports++; l.reports > maxReports {
		return errEnoughReports
	}
	var report struct {
		Run       string             `json:"run"`
		Attempt   int                `json:"attempt"`
		Time      time.Time          `json:"time"`
		Abandoned *schemas.Abandoned `json:"abandoned"`
	}
	if err := json.Unmarshal(r.Value, &report); err != nil || report.Run != l.run || report.Abandoned == nil {
		return nil // of another run, or another kind of report
	}
	l.add(report.Time, "retry", "attempt %d was given up: %s: %s", report.Attempt, report.Abandoned.Code, report.Abandoned.Reason)
	return nil
}
