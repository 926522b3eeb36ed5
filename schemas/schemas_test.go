package schemas

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func TestRowID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"42.1.17": true, "1.1.1": true, "0.0.0": true, "1.2.123456789012345678": true,
		"": false, "42": false, "42.1": false, "42..1": false, ".1.2": false, "1.2.": false, "a.1.2": false, "1.2.3.4": false, "-1.1.1": false, "1.1.1234567890123456789": false,
	} {
		id, ok := ParseRowID([]byte(text))
		if ok != want || ok && id.String() != text {
			t.Errorf("ParseRowID(%q) = %v, %v, want %v", text, id, ok, want)
		}
	}
}

func TestRunID(t *testing.T) {
	t.Parallel()
	name, number, err := ParseRunID(RunID("vip-users", 42))
	if name != "vip-users" || number != 42 || err != nil {
		t.Errorf("ParseRunID() = %q, %d, %v", name, number, err)
	}
	for _, bad := range []string{"", "customers", "customers.", ".1", "customers.0", "customers.x", "customers.1.2"} {
		if _, _, err := ParseRunID(bad); err == nil {
			t.Errorf("ParseRunID(%q) was accepted", bad)
		}
	}
}

func TestNextWatermark(t *testing.T) {
	t.Parallel()
	at := func(hour, minute int) string {
		return FormatInstant(time.Date(2026, 11, 23, hour, minute, 0, 1, time.UTC))
	}
	for name, c := range map[string]struct{ from, clock, maximum, want string }{
		"first run":             {"", at(10, 0), at(9, 50), at(9, 35)},
		"nothing read":          {at(9, 0), at(10, 0), "", at(9, 0)},
		"nothing read at first": {"", at(10, 0), "", ""},
		"data behind the clock": {at(9, 0), at(10, 0), at(9, 30), at(9, 15)},
		"data past the clock":   {at(9, 0), at(10, 0), at(10, 4), at(9, 45)},
		"quiet table":           {at(9, 0), at(10, 0), at(9, 5), at(9, 0)},
		"year 1":                {"", at(10, 0), "0001-01-01T00:00:00.000000000", "0001-01-01T00:00:00.000000000"},
	} {
		got, err := NextWatermark(c.from, c.clock, c.maximum, 15*time.Minute)
		if got != c.want || err != nil {
			t.Errorf("%s: NextWatermark() = %q, %v, want %q", name, got, err, c.want)
		}
	}
	if _, err := NextWatermark("", "soon", "later", 0); err == nil {
		t.Error("NextWatermark() accepted a clock that is no instant")
	}
}

// TestNextWatermarkInvariant2 tries what a run can meet.
func TestNextWatermarkInvariant2(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	instant := func() time.Time { return base.Add(time.Duration(r.Int64N(int64(1000 * time.Hour)))) }
	for range 20_000 {
		clock, maximum, lookback := instant(), instant(), time.Duration(r.Int64N(int64(48*time.Hour)))
		from := FormatInstant(clock.Add(-lookback - time.Duration(r.Int64N(int64(100*time.Hour)))))
		got, err := NextWatermark(from, FormatInstant(clock), FormatInstant(maximum), lookback)
		if err != nil {
			t.Fatal(err)
		}
		if got < from {
			t.Fatalf("the watermark went back from %s to %s", from, got)
		}
		if limit := FormatInstant(clock.Add(-lookback)); got > limit {
			t.Fatalf("the watermark %s passed clock minus lookback %s", got, limit)
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"15m": 15 * time.Minute, "6h": 6 * time.Hour, "2d": 48 * time.Hour, "1w": 168 * time.Hour, "1h30m": 90 * time.Minute, "90s": 90 * time.Second, "0s": 0,
	} {
		d, err := ParseDuration(text)
		if err != nil || d.Std() != want {
			t.Errorf("ParseDuration(%q) = %v, %v", text, d, err)
		}
		if again, err := ParseDuration(d.String()); err != nil || again != d {
			t.Errorf("%q is written as %q, which reads as %v, %v", text, d, again, err)
		}
	}
	for _, bad := range []string{"", "15", "-5m", "d", "1.5d", "soon"} {
		if _, err := ParseDuration(bad); err == nil {
			t.Errorf("ParseDuration(%q) was accepted", bad)
		}
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Bytes{`"4MiB"`: 4 << 20, `"512KiB"`: 512 << 10, `1000`: 1000, `"1GiB"`: 1 << 30} {
		var b Bytes
		if err := json.Unmarshal([]byte(text), &b); err != nil || b != want {
			t.Errorf("%s reads as %d, %v", text, b, err)
		}
	}
	for _, bad := range []string{`"4MB"`, `"-1"`, `"x"`, `true`} {
		var b Bytes
		if err := json.Unmarshal([]byte(bad), &b); err == nil {
			t.Errorf("%s was accepted as %d", bad, b)
		}
	}
}

func TestShortForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Property{
		`"NAME"`:                    {From: "NAME", To: "NAME"},
		`"EMAIL -> Email"`:          {From: "EMAIL", To: "Email"},
		`"A->B c"`:                  {From: "A", To: "B c"},
		`{"from":"A"}`:              {From: "A", To: "A"},
		`{"to":"x","value":"y"}`:    {To: "x", Value: json.RawMessage(`"y"`)},
		`{"from":"A","onNull":"x"}`: {From: "A", To: "A", OnNull: "x"},
		// A newer version has written it. Keys that people write are checked by package definition.
		`{"from":"A","newer":1}`: {From: "A", To: "A"},
	} {
		var p Property
		if err := json.Unmarshal([]byte(text), &p); err != nil || fmt.Sprint(p) != fmt.Sprint(want) {
			t.Errorf("%s reads as %+v, %v", text, p, err)
		}
	}
	for _, bad := range []string{`""`, `"-> B"`, `"A ->"`, `7`} {
		var p Property
		if err := json.Unmarshal([]byte(bad), &p); err == nil {
			t.Errorf("%s was accepted as %+v", bad, p)
		}
	}
	for _, bad := range []string{`"never"`, `{}`, `{"coalesce":""}`, `3`} {
		var n Nulls
		if err := json.Unmarshal([]byte(bad), &n); err == nil {
			t.Errorf("nulls %s was accepted as %+v", bad, n)
		}
	}
}

func TestTopics(t *testing.T) {
	t.Parallel()
	topics := NewTopics("tapline.")
	for topic, want := range map[string]string{
		topics.Rows("customers"):    "customers",
		topics.Records("vip-users"): "vip-users",
		topics.State():              "", topics.Rejects(): "", "other.rows.customers.v1": "", "tapline.rows.customers.v2": "",
	} {
		if got := topics.ImportOf(topic); got != want {
			t.Errorf("ImportOf(%q) = %q, want %q", topic, got, want)
		}
	}
	seen := map[string]bool{}
	for _, s := range topics.Catalogue() {
		if seen[s.Name] || s.Partitions < 1 || s.Writer == "" || s.Compact == (s.Retention > 0) {
			t.Errorf("catalogue entry %+v", s)
		}
		if s.Compact != (s.SegmentBytes > 0 && s.SegmentAge > 0) {
			t.Errorf("%s: a compacted topic, and no other, has segments of its own: %d bytes, %v", s.Name, s.SegmentBytes, s.SegmentAge)
		}
		seen[s.Name] = true
	}
	if specs := topics.ImportTopics("customers", TopicSettings{}); specs[0].Partitions != specs[1].Partitions {
		t.Errorf("rows and records have %d and %d partitions", specs[0].Partitions, specs[1].Partitions)
	}
}
