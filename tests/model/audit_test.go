package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// sent is a record that the mapper made.
type sent struct {
	id      schemas.RowID
	content string
}

// audit compares what CleverTap holds after a history with what was written in it.
func (h *history) audit() {
	records, ok := h.records()
	if !ok {
		return
	}
	h.auditRepeats(records)
	if h.event {
		h.auditEvents(len(records))
		return
	}
	h.auditProfiles()
}

func (h *history) records() ([]sent, bool) {
	var out []sent
	for p := range int32(h.partitions) {
		_, err := h.w.reader.ReadTo(h.w.t.Context(), kafka.TP{Topic: h.w.topics.Records(h.name), Partition: p}, 0, func(r *kafka.Record) error {
			id, ok := schemas.ParseRowID(kafka.HeaderValue(r, schemas.HeaderID))
			if !ok {
				return fmt.Errorf("a record without id")
			}
			content, err := contentOf(r.Value)
			out = append(out, sent{id, content})
			return err
		})
		if err != nil {
			h.w.violation(h, "reading its records: %v", err)
			return nil, false
		}
	}
	return out, true
}

func contentOf(record []byte) (string, error) {
	var b body
	if err := json.Unmarshal(record, &b); err != nil {
		return "", fmt.Errorf("a record is not JSON: %w", err)
	}
	if b.data() == nil {
		return "", fmt.Errorf("a record without data")
	}
	return b.content(), nil
}

// auditRepeats checks that no row was sent more often than it was written, unless there
// was a reason: the run that sent it first did not succeed, or the run that sent
// it again took several attempts or had lost the ledger.
func (h *history) auditRepeats(records []sent) {
	counted := map[string]int{}
	for _, s := range records {
		r := h.runs[s.id.Number-1]
		if succeeded(r) && s.id.Attempt == r.Attempt && !unread(r) && !aside(r) && !h.forgot(s.id.Number) {
			counted[s.content]++
		}
	}
	for content, n := range counted {
		if n > h.writes[content] {
			h.w.violation(h, "%s was written %d times and sent %d times: %v; runs: %s", content, h.writes[content], n, trail(records, content), h.story())
		}
	}
}

// forgot reports whether the run before the given one left an incomplete ledger.
func (h *history) forgot(number int) bool {
	for i := number - 2; i >= 0; i-- {
		if r := h.runs[i]; succeeded(r) {
			return partial(r)
		}
	}
	return false
}

func trail(records []sent, content string) (out []string) {
	for _, s := range records {
		if s.content == content {
			out = append(out, s.id.String())
		}
	}
	return out
}

func (h *history) auditProfiles() {
	for _, r := range h.live {
		status, raw := h.w.atCleverTap("/sandbox/v1/profiles/" + url.PathEscape(r.key))
		var p struct {
			ProfileData data `json:"profileData"`
		}
		if status == http.StatusOK {
			if err := json.Unmarshal(raw, &p); err != nil {
				h.w.violation(h, "CleverTap's answer is not JSON: %v", err)
				return
			}
		}
		got := p.ProfileData.V
		switch {
		case h.isFar(r) && h.stamped(r):
			if got == r.version && h.writes[r.content()] == 1 {
				h.w.violation(h, "%s was sent before its time", r.content())
			}
		case got != r.version:
			h.w.violation(h, "%s is lost: CleverTap has version %d; its stamp is %s, NULL %v; runs: %s", r.content(), got, h.kind.frame(r.at), r.null, h.story())
		}
	}
}

// auditEvents checks that every event is there as often as it was written, plus the
// repeated ones that the runs count.
func (h *history) auditEvents(records int) {
	_, raw := h.w.atCleverTap("/sandbox/v1/events?name=" + url.QueryEscape(h.eventName()))
	var list struct {
		Items []struct {
			Identity string `json:"identity"`
			Data     data   `json:"evtData"`
		} `json:"items"`
	}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&list); err != nil {
		h.w.violation(h, "CleverTap's answer is not JSON: %v", err)
		return
	}
	got, want := map[string]int{}, map[string]int{}
	for _, e := range list.Items {
		got[row{key: e.Identity, version: e.Data.V}.content()]++
	}
	for _, r := range h.live {
		if !h.isFar(r) || !h.stamped(r) {
			want[r.content()]++
		}
	}
	for content, n := range want {
		if got[content] < n {
			h.w.violation(h, "event %s was written %d times and CleverTap has %d; runs: %s", content, n, got[content], h.story())
		}
	}
	resent := int64(0)
	for _, r := range h.runs {
		resent += r.Counts.Resent
	}
	if int64(len(list.Items)) > int64(records)+resent {
		h.w.violation(h, "CleverTap has %d events of %d records, and %d were sent again", len(list.Items), records, resent)
	}
}

// story returns a text with the outcome of each run, for failures.
func (h *history) story() string {
	var b bytes.Buffer
	for _, r := range h.runs {
		fmt.Fprintf(&b, "\n  %s %s %s attempt %d, %s to %s, %+v %v", r.Run, r.Mode, r.State, r.Attempt, r.WatermarkFrom, r.WatermarkTo, r.Counts, r.Notes)
	}
	return b.String()
}
