//go:build cgo

package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
)

// maxShown is how many differences of a kind are printed in full.
const maxShown = 5

// differences collects the differences between what CleverTap holds and what it should
// hold. The data is generated, so its values may be printed.
type differences struct {
	lines []string
	kinds map[string]int
}

// report notes one difference.
func (d *differences) report(kind, format string, args ...any) {
	if d.kinds == nil {
		d.kinds = map[string]int{}
	}
	d.kinds[kind]++
	if d.kinds[kind] <= maxShown {
		d.lines = append(d.lines, kind+": "+fmt.Sprintf(format, args...))
	}
}

// err returns an error that lists the differences, or nil if there are none.
func (d *differences) err() error {
	if len(d.kinds) == 0 {
		return nil
	}
	lines := d.lines
	for _, kind := range slices.Sorted(maps.Keys(d.kinds)) {
		lines = append(lines, fmt.Sprintf("%s: %d in all", kind, d.kinds[kind]))
	}
	var b bytes.Buffer
	b.WriteString("CleverTap does not hold what it should:")
	for _, line := range lines {
		b.WriteString("\n  " + line)
	}
	return errors.New(b.String())
}

// lines calls fn with each line of an NDJSON answer.
func lines[T any](ctx context.Context, url string, fn func(T)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("asking the sandbox CleverTap: %w", err)
	}
	req.Header.Set("Accept", "application/x-ndjson")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking the sandbox CleverTap: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("asking the sandbox CleverTap: %s", res.Status)
	}
	dec := json.NewDecoder(res.Body)
	for {
		var v T
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the sandbox CleverTap's answer: %w", err)
		}
		fn(v)
	}
}

// heldProfile is a profile as the sandbox CleverTap shows it.
type heldProfile struct {
	Identity    string                     `json:"identity"`
	ProfileData map[string]json.RawMessage `json:"profileData"`
}

// compareProfiles compares value by value. A buyer has a profile because of their
// events; if their customer's row is invalid, that profile is empty.
func compareProfiles(ctx context.Context, url string, want map[string]profile, buyers map[string]bool, d *differences) (values int, err error) {
	seen := make(map[string]bool, len(want))
	err = lines(ctx, url+"/sandbox/v1/profiles", func(p heldProfile) {
		expected, ok := want[p.Identity]
		switch {
		case seen[p.Identity]:
			d.report("profile held twice", "%s", p.Identity)
		case !ok && !(buyers[p.Identity] && len(p.ProfileData) == 0):
			d.report("profile that should not be there", "%s with %d properties", p.Identity, len(p.ProfileData))
		}
		seen[p.Identity] = true
		for name, raw := range p.ProfileData {
			values++
			if got := canonical(raw); got != canonical([]byte(expected[name])) {
				d.report("profile value", "%s, %s: holds %s, should hold %s", p.Identity, name, raw, orAbsent(expected[name]))
			}
		}
		for name, value := range expected {
			if _, ok := p.ProfileData[name]; !ok {
				d.report("profile value", "%s, %s: holds nothing, should hold %s", p.Identity, name, value)
			}
		}
	})
	for identity := range want {
		if !seen[identity] {
			d.report("profile that is missing", "%s", identity)
		}
	}
	for identity := range buyers {
		if !seen[identity] {
			d.report("profile that is missing", "%s, of a buyer", identity)
		}
	}
	return values, err
}

func orAbsent(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// canonical returns JSON texts with the same escapes, and other values unchanged: 12.50
// is not 12.5.
func canonical(raw []byte) string {
	if len(raw) == 0 || raw[0] != '"' {
		return string(raw)
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return string(raw)
	}
	return `"` + s + `"`
}

// heldEvent is an event as the sandbox CleverTap shows it.
type heldEvent struct {
	Identity string                     `json:"identity"`
	EvtName  string                     `json:"evtName"`
	TS       int64                      `json:"ts"`
	EvtData  map[string]json.RawMessage `json:"evtData"`
}

// compareEvents compares the events as multisets.
func compareEvents(ctx context.Context, url string, want map[event]int, d *differences) (events int, err error) {
	left := maps.Clone(want)
	err = lines(ctx, url+"/sandbox/v1/events", func(h heldEvent) {
		events++
		e := event{h.Identity, h.EvtName, h.TS, string(h.EvtData["CDs"]), string(h.EvtData["Amount"])}
		if len(h.EvtData) != 2 {
			d.report("event", "%s at %d has %d properties, not 2", e.identity, e.ts, len(h.EvtData))
		}
		if left[e] == 0 {
			d.report("event too many", "%+v", e)
			return
		}
		left[e]--
	})
	for e, n := range left {
		if n > 0 {
			d.report("event that is missing", "%+v, %d times", e, n)
		}
	}
	return events, err
}
