// Package window shortens the durations of rules, so that a test sees within seconds what
// takes hours in production.
package window

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"
)

// Factor is what every duration of a rule is multiplied by; 1 in production.
type Factor float64

// In a text of a rule {5m} stands for a duration and {=5m} for its seconds.
var placeholder = regexp.MustCompile(`\{(=?)(\d+)([smhd])\}`)

var units = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// Text replaces the durations of a text. A range of fewer than five seconds would hold
// fewer than two samples of a server that is scraped each second, so it is not shortened
// further.
func (f Factor) Text(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		parts := placeholder.FindStringSubmatch(found)
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			return found // more digits than a number has; the rule's check refuses it
		}
		d := time.Duration(n) * units[parts[3]]
		if parts[1] == "=" {
			return strconv.FormatFloat(d.Seconds()*float64(f), 'f', -1, 64)
		}
		return Print(max(f.of(d), min(d, 5*time.Second)))
	})
}

// Duration shortens one duration, such as "5m", to whole seconds.
func (f Factor) Duration(d time.Duration) string { return Print(f.of(d)) }

func (f Factor) of(d time.Duration) time.Duration {
	return time.Duration(math.Ceil(d.Seconds()*float64(f))) * time.Second
}

// Print writes a duration as Prometheus does, with the largest unit that fits.
func Print(d time.Duration) string {
	for _, unit := range []string{"d", "h", "m"} {
		if d > 0 && d%units[unit] == 0 {
			return fmt.Sprintf("%d%s", d/units[unit], unit)
		}
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
