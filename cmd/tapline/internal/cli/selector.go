package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

// labelSelector is the value of -l: conditions that labels have to meet, all of them.
type labelSelector struct{ conditions []labelCondition }

type labelCondition struct {
	key, value string
	is         int // labelIs, labelIsNot, labelThere or labelNotThere
}

const (
	labelIs = iota
	labelIsNot
	labelThere
	labelNotThere
)

// Set reads conditions such as team=growth,tier!=gold,owner,!old.
func (s *labelSelector) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		c := labelCondition{key: part, is: labelThere}
		if key, value, ok := strings.Cut(part, "!="); ok {
			c = labelCondition{key, value, labelIsNot}
		} else if key, value, ok := strings.Cut(strings.Replace(part, "==", "=", 1), "="); ok {
			c = labelCondition{key, value, labelIs}
		} else if key, ok := strings.CutPrefix(part, "!"); ok {
			c = labelCondition{key: key, is: labelNotThere}
		}
		if c.key == "" || strings.ContainsAny(c.key, " !=") {
			return fmt.Errorf("%q is not a condition such as team=growth, tier!=gold, owner or !old", part)
		}
		s.conditions = append(s.conditions, c)
	}
	return nil
}

// String is the selector as it was written, more or less.
func (s *labelSelector) String() string {
	parts := make([]string, len(s.conditions))
	for i, c := range s.conditions {
		parts[i] = [...]string{c.key + "=" + c.value, c.key + "!=" + c.value, c.key, "!" + c.key}[c.is]
	}
	return strings.Join(parts, ",")
}

// Type is what --help calls the value.
func (s *labelSelector) Type() string { return "labels" }

// selects reports whether labels meet every condition. A label that is missing differs
// from every value.
func (s *labelSelector) selects(labels map[string]string) bool {
	for _, c := range s.conditions {
		value, there := labels[c.key]
		met := [...]bool{there && value == c.value, !there || value != c.value, there, !there}[c.is]
		if !met {
			return false
		}
	}
	return true
}

// imports are the listings whose definitions have the labels.
func (s *labelSelector) imports(ctx context.Context, c *client.Client, items []schemas.Listing) ([]schemas.Listing, error) {
	if len(s.conditions) == 0 {
		return items, nil
	}
	out := []schemas.Listing{}
	for _, l := range items {
		raw, _, err := c.Document(ctx, "imports", l.Import)
		if err != nil {
			return nil, err
		}
		var d struct{ Metadata schemas.Metadata }
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("reading the definition of %s: %w", l.Import, err)
		}
		if s.selects(d.Metadata.Labels) {
			out = append(out, l)
		}
	}
	return out, nil
}
