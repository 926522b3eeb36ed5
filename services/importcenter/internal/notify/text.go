package notify

import (
	"fmt"
	"strings"
	"time"

	"tapline.dev/domain/listing"
	"tapline.dev/schemas"
)

// Subject is a message in one line.
func Subject(n schemas.Notice) string {
	switch n.Condition {
	case schemas.NotifyTest:
		return "Tapline: this is a test"
	case schemas.NotifyOK:
		return "Tapline: " + n.Import + " has recovered (" + n.Before + ")"
	}
	return "Tapline: " + n.Import + " is " + n.Condition
}

// Text is a message for people.
func Text(n schemas.Notice) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s", n.Cause)
	if n.Run != "" {
		line("run: %s", n.Run)
	}
	if n.Before != "" && n.Seconds > 0 {
		line("before: %s, for %s", n.Before, time.Duration(n.Seconds*float64(time.Second)).Round(time.Second))
	}
	f := n.Figures
	if f.Due != nil {
		line("due: %s, %s ago", f.Due.UTC().Format(time.RFC3339), time.Duration(f.LateSeconds*float64(time.Second)).Round(time.Second))
	}
	if f.LastSuccess != nil {
		line("last success: %s", f.LastSuccess.UTC().Format(time.RFC3339))
	}
	for _, figure := range []struct {
		name string
		n    int64
	}{{"rows of the newest run", f.Read}, {"open rejects", f.OpenRejects}, {"records that are held", f.HeldRecords}} {
		if figure.n > 0 {
			line("%s: %s", figure.name, listing.Number(figure.n))
		}
	}
	if n.Owner != "" {
		line("owner: %s", n.Owner)
	}
	if n.Severity != "" {
		line("severity: %s", n.Severity)
	}
	if n.Dropped > 0 {
		line("left out before this: %d messages, because this channel took none", n.Dropped)
	}
	if n.Next != "" {
		line("next: %s", n.Next)
	}
	if n.Link != "" {
		line("%s", n.Link)
	}
	line("message: %s", n.ID)
	return b.String()
}
