package verify

import "math"

// Interval is what a sample says of the whole: the share in the sample, and between which
// bounds the share of the whole lies with the given confidence (Wilson's interval).
type Interval struct {
	Share      float64 `json:"share" doc:"Of the people compared in the sample"`
	Low        float64 `json:"low" doc:"Of all people, at least this, with the confidence"`
	High       float64 `json:"high" doc:"Of all people, at most this, with the confidence"`
	Confidence float64 `json:"confidence" doc:"How often the bounds hold the share of the whole"`
	Method     string  `json:"method" doc:"wilson, or exact if everybody was looked at"`
}

// z is the quantile of the normal distribution for a confidence of 95 %.
const (
	z          = 1.959963984540054
	confidence = 0.95
)

// Wilson is the interval of k of n; whole says that there are no others. It is nil for none.
func Wilson(k, n int64, whole bool) *Interval {
	if n == 0 {
		return nil
	}
	share := float64(k) / float64(n)
	if whole {
		return &Interval{share, share, share, 1, "exact"}
	}
	m := float64(n)
	center := (share + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(share*(1-share)/m+z*z/(4*m*m))
	return &Interval{share, max(0, center-half), min(1, center+half), confidence, "wilson"}
}
