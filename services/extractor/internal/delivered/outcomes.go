package delivered

import (
	"encoding/json"

	"tapline.dev/schemas"
)

// attempt names an attempt of one of the runs.
type attempt struct{ number, attempt int }

// outcomes are what the reports say of the attempts.
type outcomes struct {
	importName string
	runs       map[int]schemas.InterruptedRun
	started    map[attempt]schemas.Started
	loaded     map[attempt]map[int32]spans // by partition of the records topic
	// open are the offsets of requests that have neither a receipt nor a withdrawal.
	open map[attempt]map[int32]spans
}

func newOutcomes(importName string, runs []schemas.InterruptedRun) *outcomes {
	o := &outcomes{
		importName: importName, runs: map[int]schemas.InterruptedRun{}, started: map[attempt]schemas.Started{},
		loaded: map[attempt]map[int32]spans{}, open: map[attempt]map[int32]spans{},
	}
	for _, r := range runs {
		o.runs[r.Number] = r
	}
	return o
}

// wanted reports whether an attempt is one of those asked for.
func (o *outcomes) wanted(a attempt) bool {
	r, ok := o.runs[a.number]
	return ok && a.attempt >= 1 && a.attempt <= r.Attempts
}

// add takes in a report of the import.
func (o *outcomes) add(value []byte) {
	// Most reports are of other runs: look before decoding them whole.
	var head struct {
		Kind    string `json:"kind"`
		Run     string `json:"run"`
		Number  int    `json:"number"`
		Attempt int    `json:"attempt"`
	}
	if json.Unmarshal(value, &head) != nil {
		return
	}
	a := attempt{head.Number, head.Attempt}
	if !o.wanted(a) || head.Run != schemas.RunID(o.importName, head.Number) {
		return
	}
	switch head.Kind {
	case schemas.ReportStarted, schemas.ReportIntent, schemas.ReportReceipt:
	default:
		return
	}
	var r schemas.Report
	if json.Unmarshal(value, &r) != nil {
		return
	}
	switch {
	case r.Started != nil && len(r.Started.Columns) > 0:
		o.started[a] = *r.Started
	case r.Intent != nil && r.Intent.Withdrawn:
		o.settle(a, r.Intent.Partition, r.Intent.Ranges)
	case r.Intent != nil:
		change(o.open, a, r.Intent.Partition, func(s spans) spans { return s.with(of(r.Intent.Ranges)) })
	case r.Receipt != nil:
		o.settle(a, r.Receipt.Partition, r.Receipt.Ranges)
		o.receipt(a, r.Receipt)
	}
}

// receipt notes the offsets that a receipt calls loaded. If an offset has several
// receipts, one that calls it loaded is right: CleverTap has answered so.
func (o *outcomes) receipt(a attempt, r *schemas.Receipt) {
	if r.SkipReason != "" {
		return
	}
	loaded := of(r.Ranges)
	for _, others := range [][]schemas.OffsetOutcome{r.Rejected, r.Skipped} {
		for _, other := range others {
			loaded = loaded.remove(other.Offset, other.Offset)
		}
	}
	change(o.loaded, a, r.Partition, func(s spans) spans { return s.with(loaded) })
}

func (o *outcomes) settle(a attempt, partition int32, ranges []schemas.Range) {
	change(o.open, a, partition, func(s spans) spans {
		for _, r := range ranges {
			s = s.remove(r.From, r.To)
		}
		return s
	})
}

func change(in map[attempt]map[int32]spans, a attempt, partition int32, to func(spans) spans) {
	if in[a] == nil {
		in[a] = map[int32]spans{}
	}
	in[a][partition] = to(in[a][partition])
}

func (s spans) with(others spans) spans {
	for _, other := range others {
		s = s.add(other.from, other.to)
	}
	return s
}

// sum counts offsets by run.
func sum(in map[attempt]map[int32]spans) map[int]int64 {
	out := map[int]int64{}
	for a, partitions := range in {
		for _, s := range partitions {
			out[a.number] += s.count()
		}
	}
	return out
}
