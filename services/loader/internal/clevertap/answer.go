package clevertap

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// skipped finds the 1-based position of a failed record. The blanks around the
// colon and before the word vary between CleverTap's checks.
var skipped = regexp.MustCompile(`Skipped record number\s*:\s*(\d+)`)

// reply is the body of a 200.
type reply struct {
	Status      string    `json:"status"`
	Processed   *int      `json:"processed"`
	Unprocessed []failure `json:"unprocessed"`
}

type failure struct {
	Code  json.RawMessage `json:"code"`
	Error string          `json:"error"`
}

// judge turns a whole answer into a result for an upload of sent records.
func judge(status int, header http.Header, body []byte, sent int) Result {
	r := Result{Status: status, Cause: CauseStatus}
	switch {
	case status >= 200 && status < 300:
		return judgeReply(status, body, sent)
	case status >= 300 && status < 400:
		// Never followed: the passcode would travel to wherever it points.
		r.Kind = ConfigFault
	case status == http.StatusBadRequest:
		r.Kind = Malformed
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		r.Kind = AuthRefused
	case status == http.StatusRequestEntityTooLarge:
		r.Kind = TooLarge
	case status == http.StatusTooManyRequests:
		r.Kind = Throttled
		r.RetryAfter = retryAfter(header)
	case status == http.StatusRequestTimeout:
		r.Kind = Ambiguous
	case status >= 400 && status < 500:
		r.Kind = ConfigFault
	case status == http.StatusServiceUnavailable:
		r.Kind = Unavailable
		r.RetryAfter = retryAfter(header)
	default:
		r.Kind = Ambiguous
	}
	return r
}

// judgeReply reads the answer to a request that was taken. Whatever does not
// add up leaves open what was applied.
func judgeReply(status int, body []byte, sent int) Result {
	ambiguous := func(cause string) Result { return Result{Kind: Ambiguous, Status: status, Cause: cause} }
	if len(bytes.TrimSpace(body)) == 0 {
		return ambiguous(CauseEmpty)
	}
	var rep reply
	if json.Unmarshal(body, &rep) != nil || rep.Processed == nil {
		return ambiguous(CauseUnparsable)
	}
	switch rep.Status {
	case "success", "partial", "fail":
	default:
		return ambiguous(CauseUnparsable)
	}
	if rep.Status == "fail" && len(rep.Unprocessed) == 0 {
		return ambiguous(CauseEmptyFail)
	}
	if *rep.Processed < 0 || *rep.Processed+len(rep.Unprocessed) != sent {
		return ambiguous(CauseCounts)
	}
	outcomes := make([]Outcome, sent)
	for _, f := range rep.Unprocessed {
		i, ok := f.position(sent)
		if !ok || outcomes[i].Verdict != Loaded {
			return ambiguous(CausePosition)
		}
		code, ok := f.code()
		if !ok {
			return ambiguous(CauseUnparsable)
		}
		outcomes[i] = outcome(code, f.Error)
	}
	return Result{Kind: Done, Status: status, Outcomes: outcomes}
}

// position takes the last match: whatever the text quotes before it, CleverTap
// ends with the position.
func (f failure) position(sent int) (index int, ok bool) {
	all := skipped.FindAllStringSubmatch(f.Error, -1)
	if len(all) == 0 {
		return 0, false
	}
	n, err := strconv.Atoi(all[len(all)-1][1])
	if err != nil || n < 1 || n > sent {
		return 0, false
	}
	return n - 1, true
}

func (f failure) code() (int, bool) {
	n, err := strconv.Atoi(strings.Trim(string(f.Code), `"`))
	return n, err == nil && n > 0
}

// retryAfter reads the header in seconds. CleverTap documents none; a proxy in
// front of it may send one.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After")))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Hour)
}
