package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is written as text: Go's form ("1h30m") with d and w as well.
type Duration time.Duration

// Std returns d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

func (d Duration) orDefault(def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return time.Duration(d)
}

// String writes d so that ParseDuration reads it back.
func (d Duration) String() string {
	const day = 24 * time.Hour
	t := time.Duration(d)
	if t != 0 && t%day == 0 {
		return strconv.FormatInt(int64(t/day), 10) + "d"
	}
	s := t.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// ParseDuration reads a duration such as 15m, 6h, 2d or 1w.
func ParseDuration(s string) (Duration, error) {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if head, ok := strings.CutSuffix(s, suffix); ok {
			n, err := strconv.Atoi(head)
			if err != nil || n < 0 || n > 36500 {
				return 0, fmt.Errorf("%q is not a duration such as 15m, 6h or 2d", s)
			}
			return Duration(time.Duration(n) * unit), nil
		}
	}
	t, err := time.ParseDuration(s)
	if err != nil || t < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 15m, 6h or 2d", s)
	}
	return Duration(t), nil
}

// MarshalJSON writes d as text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads d from text.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a duration is written as text such as \"15m\"")
	}
	v, err := ParseDuration(s)
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// Bytes is a size, written as text (4MiB, 512KiB) or as a number of bytes.
type Bytes int64

// String writes b so that ParseBytes reads it back.
func (b Bytes) String() string {
	for _, u := range byteUnits {
		if b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.name
		}
	}
	return "0"
}

var byteUnits = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// ParseBytes reads a size such as 4MiB, 512KiB or 1000.
func ParseBytes(s string) (Bytes, error) {
	for _, u := range byteUnits {
		if head, ok := strings.CutSuffix(s, u.name); ok {
			n, err := strconv.ParseInt(head, 10, 64)
			if err != nil || n < 0 || n > 1<<40/u.size {
				break
			}
			return Bytes(n * u.size), nil
		}
	}
	return 0, fmt.Errorf("%q is not a size such as 4MiB or 512KiB", s)
}

// MarshalJSON writes b as text.
func (b Bytes) MarshalJSON() ([]byte, error) { return json.Marshal(b.String()) }

// UnmarshalJSON reads b from text or a number.
func (b *Bytes) UnmarshalJSON(raw []byte) error {
	v, err := ParseBytes(strings.Trim(string(raw), `"`))
	if err != nil {
		return err
	}
	*b = v
	return nil
}

// MarshalJSON writes the policy as users do: fail, always or {"coalesce": SQL}.
func (n Nulls) MarshalJSON() ([]byte, error) {
	if n.Coalesce != "" {
		return json.Marshal(map[string]string{"coalesce": n.Coalesce})
	}
	return json.Marshal(n.Policy)
}

// UnmarshalJSON reads fail, always or {"coalesce": SQL}.
func (n *Nulls) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		var o struct {
			Coalesce string `json:"coalesce"`
		}
		if err := json.Unmarshal(b, &o); err != nil || o.Coalesce == "" {
			return fmt.Errorf("nulls is fail, always or {coalesce: SQL}")
		}
		*n = Nulls{Policy: "coalesce", Coalesce: o.Coalesce}
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil || (s != "fail" && s != "always") {
		return fmt.Errorf("nulls is fail, always or {coalesce: SQL}")
	}
	*n = Nulls{Policy: s}
	return nil
}

// IsZero reports whether no policy is written.
func (n Nulls) IsZero() bool { return n == Nulls{} }

// UnmarshalJSON reads the long form or the short text forms.
func (p *Property) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		from, to, arrow := strings.Cut(s, "->")
		p.From = strings.TrimSpace(from)
		p.To = p.From
		if arrow {
			p.To = strings.TrimSpace(to)
		}
		if p.From == "" || p.To == "" {
			return fmt.Errorf("a short mapping is COLUMN or COLUMN -> property")
		}
		return nil
	}
	// What people write is held against its JSON Schema, which refuses unknown keys. A
	// record of a newer version must be readable.
	type plain Property
	var v plain
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*p = Property(v)
	if p.To == "" {
		p.To = p.From
	}
	return nil
}

// MarshalJSON writes a day of the month as a number or "last".
func (m MonthDay) MarshalJSON() ([]byte, error) {
	if m == LastDay {
		return []byte(`"last"`), nil
	}
	return strconv.AppendInt(nil, int64(m), 10), nil
}

// UnmarshalJSON reads 1 to 31 or "last".
func (m *MonthDay) UnmarshalJSON(b []byte) error {
	if string(b) == `"last"` {
		*m = LastDay
		return nil
	}
	n, err := strconv.Atoi(string(b))
	if err != nil || n < 1 || n > 31 {
		return fmt.Errorf("a day of the month is 1 to 31 or last")
	}
	*m = MonthDay(n)
	return nil
}
