package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/whylate"
)

const (
	// whyLateTimeout bounds one part of what is read for an explanation. Whoever asks is
	// in a hurry, and what cannot be read in time is said.
	whyLateTimeout = 5 * time.Second
	// whyLateWindow is how far back reports are read: more than two renewals of any wait,
	// and longer than a request may be open with the loader's default settings.
	whyLateWindow = 2 * time.Minute
	// longTransaction is longer than Tapline keeps a transaction open while Kafka answers.
	longTransaction = 30 * time.Second
)

// pipelineServices are the services whose consumer groups do a run's work.
var pipelineServices = []string{"scheduler", "extractor", "mapper", "loader"}

type whyLateOutput struct{ Body whylate.Explanation }

func (h *handlers) registerWhyLate(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "why-late", Method: http.MethodGet, Path: "/v1/imports/{import}/why-late",
		Summary: "Tell why an import is late or what its run waits for, the first cause first",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.whyLate)
}

func (h *handlers) whyLate(ctx context.Context, in *ImportPath) (*whyLateOutput, error) {
	var unknown []string
	if err := h.within(ctx, h.View.ReadToEnd); err != nil {
		unknown = append(unknown, "whether the definition and the state are the newest: the log could not be read to its end in time")
	}
	d, ok := h.Catalog.Import(in.Import)
	if !ok {
		return nil, h.noImport(ctx, in.Import)
	}
	return &whyLateOutput{Body: whylate.Explain(h.lateFacts(ctx, d, unknown))}, nil
}

// lateFacts reads what an explanation is made from.
func (h *handlers) lateFacts(ctx context.Context, d schemas.Definition, unknown []string) whylate.Facts {
	f := whylate.Facts{
		Now: h.Now(), Definition: d, Frozen: h.frozenBy(d), Topics: h.Topics, Groups: map[string]whylate.Group{}, Others: map[string]schemas.State{}, Unknown: unknown,
	}
	f.State, _ = h.Catalog.State(d.Metadata.Name)
	for _, name := range d.Spec.After {
		f.Others[name], _ = h.Catalog.State(name)
	}
	h.addGroups(ctx, &f)
	h.addHidden(ctx, &f)
	if f.State.Active != nil {
		h.addRun(ctx, &f)
		h.addRecentReports(ctx, &f)
	}
	return f
}

// within bounds a part of the reading.
func (h *handlers) within(ctx context.Context, read func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, whyLateTimeout)
	defer cancel()
	return read(ctx)
}

func (h *handlers) addGroups(ctx context.Context, f *whylate.Facts) {
	err := h.within(ctx, func(ctx context.Context) error {
		groups, err := h.Assignments(ctx, pipelineServices...)
		for name, g := range groups {
			f.Groups[name] = whylate.Group{Members: g.Members, Settled: g.Settled, Owns: func(topic string, partition int32) bool {
				return g.Owned[kafka.TP{Topic: topic, Partition: partition}]
			}}
		}
		return err
	})
	if err != nil {
		h.logFailure(ctx, codeKafka, err)
		f.Unknown = append(f.Unknown, "which services run and what they own: Import Center could not describe their consumer groups (docs/rights.md)")
	}
}

// addHidden finds control topics whose newest records an open transaction hides, if it has
// been open for longer than any of Tapline's own.
func (h *handlers) addHidden(ctx context.Context, f *whylate.Facts) {
	topics := []string{h.Topics.State(), h.Topics.Reports(), h.Topics.Triggers()}
	err := h.within(ctx, func(ctx context.Context) error {
		hidden, err := h.Hidden.Hidden(ctx, topics...)
		if err != nil {
			return err
		}
		for _, topic := range topics {
			tp := kafka.TP{Topic: topic, Partition: schemas.ControlPartition(f.Definition.Metadata.Name)}
			first, open := hidden[tp]
			if !open {
				continue
			}
			// The transaction's first record is at this offset, so its age is the
			// transaction's.
			recent, err := h.Partitions.OffsetAt(ctx, tp, f.Now.Add(-longTransaction))
			if err != nil {
				return err
			}
			if first < recent {
				f.Hidden = append(f.Hidden, topic)
			}
		}
		return nil
	})
	if err != nil {
		f.Unknown = append(f.Unknown, "whether another application's open transaction hides records of the control topics: Kafka did not say in time")
	}
}

// addRun reads the newest event of the active run: from the log, because the projection may
// be behind, unless that takes too long.
func (h *handlers) addRun(ctx context.Context, f *whylate.Facts) {
	a := f.State.Active
	name := f.Definition.Metadata.Name
	for _, topic := range []string{h.Topics.Rows(name), h.Topics.Records(name)} {
		if counts, err := h.PartitionCounts(ctx, []string{topic}); err == nil {
			f.Partitions = max(f.Partitions, counts[topic])
		}
	}
	err := h.within(ctx, func(ctx context.Context) error {
		page, err := h.runsFromLog(ctx, projection.Query{Import: name, Limit: 1, Match: func(r schemas.Run) bool { return r.Run == a.Run }}, a.StartedAt.Add(-time.Minute))
		if err == nil && len(page.Runs) > 0 {
			f.Run = &page.Runs[0]
		}
		return err
	})
	if err == nil {
		return
	}
	run, ok, err := h.Projection.Run(ctx, a.Run)
	if err != nil || !ok {
		f.Unknown = append(f.Unknown, "how far "+a.Run+" is: neither the log nor Redis could be read in time")
		return
	}
	f.Run = &run
	f.Unknown = append(f.Unknown, "whether the counts of "+a.Run+" are the newest: they come from Redis, because the log could not be read in time")
}

// addRecentReports reads what the stages have reported last of the run, and which requests
// to its account have no answer.
func (h *handlers) addRecentReports(ctx context.Context, f *whylate.Facts) {
	ref := f.Definition.Spec.Destination.AccountRef
	f.Slots = h.account(ref).WithDefaults().Slots
	sharing := map[string]bool{}
	var partitions []int32
	for _, d := range h.Catalog.Imports() {
		if d.Spec.Destination.AccountRef == ref {
			sharing[d.Metadata.Name] = true
			partitions = append(partitions, schemas.ControlPartition(d.Metadata.Name))
		}
	}
	slices.Sort(partitions)
	reading := newRecentReports(f.State.Active)
	err := h.within(ctx, func(ctx context.Context) error {
		var errs []error
		for _, p := range slices.Compact(partitions) {
			errs = append(errs, h.readRecent(ctx, kafka.TP{Topic: h.Topics.Reports(), Partition: p}, f.Now, func(r schemas.Report) {
				if sharing[r.Import] {
					reading.take(r)
				}
			}))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		f.Unknown = append(f.Unknown, "what the stages do now: the newest reports could not be read in time")
		return
	}
	f.Recent = reading.recent(ctx, h)
}

func (h *handlers) readRecent(ctx context.Context, tp kafka.TP, now time.Time, take func(schemas.Report)) error {
	from, err := h.Partitions.OffsetAt(ctx, tp, now.Add(-whyLateWindow))
	if err != nil {
		return err
	}
	_, err = h.Partitions.ReadTo(ctx, tp, from, func(rec *kafka.Record) error {
		var r schemas.Report
		if json.Unmarshal(rec.Value, &r) == nil {
			take(r)
		}
		return nil
	})
	return err
}
