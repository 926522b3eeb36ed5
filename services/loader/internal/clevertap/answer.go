package clevertap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// skipped finds the 1-based position of a failed record. The blanks around the
// colon and before the word vary between CleverTap's checks.
var skipped = regexp.MustCompile(`Skipped record number\s*:\s*(\d+)`)

// reply is the body of an answer in CleverTap's form.
type reply struct {
	Status      string   `json:"status"`
	Processed   *count   `json:"processed"`
	Unprocessed failures `json:"unprocessed"`
}

// count is a number that may be written as a text.
type count int

func (c *count) UnmarshalJSON(raw []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(raw), `"`))
	*c = count(n)
	return err
}

// failures are the errors of an answer. Their number is bounded: an endpoint that
// answers with millions of empty ones would cost two hundred times their bytes.
type failures []failure

// maxFailures is sixteen errors for each record of the largest upload.
const maxFailures = 16 * 1000

func (f *failures) UnmarshalJSON(raw []byte) error {
	list := json.NewDecoder(bytes.NewReader(raw))
	first, err := list.Token()
	if err != nil || first == nil {
		return err
	}
	if first != json.Delim('[') {
		return errors.New("unprocessed is not a list")
	}
	*f = nil
	for list.More() {
		if len(*f) == maxFailures {
			return fmt.Errorf("unprocessed has more than %d entries", maxFailures)
		}
		var one failure
		if err := list.Decode(&one); err != nil {
			return err
		}
		*f = append(*f, one)
	}
	return nil
}

type failure struct {
	Code  json.RawMessage `json:"code"`
	Error string          `json:"error"`
}

// ownForm reports whether an answer is CleverTap's own, and not that of a proxy or a
// firewall in front of it.
func ownForm(body []byte) bool {
	var own struct {
		Status string `json:"status"`
	}
	return json.Unmarshal(body, &own) == nil && own.Status != ""
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
		// Invariant 8: only CleverTap itself says that a record is malformed. A proxy may
		// answer 400 to everything.
		r.Kind = Blocked
		if r.Settled = ownForm(body); r.Settled {
			r.Kind = Malformed
		}
	case status == http.StatusUnauthorized:
		r.Kind, r.Settled = AuthRefused, ownForm(body)
		r.UnknownAccount = r.Settled && bytes.Contains(body, []byte("Account ID"))
	case status == http.StatusForbidden:
		r.Kind = Blocked
		if r.Settled = ownForm(body); r.Settled {
			r.Kind = AuthRefused
		}
	case status == http.StatusRequestEntityTooLarge:
		r.Kind, r.Settled = TooLarge, ownForm(body)
	case status == http.StatusTooManyRequests:
		r.Kind, r.Settled = Throttled, ownForm(body)
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

// judgeReply reads the answer to a request that CleverTap accepted. An answer that is
// unreadable or contradicts itself is ambiguous: it does not say what was applied.
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
	outcomes, failed, cause := perRecord(rep.Unprocessed, sent)
	switch {
	case cause != "":
		return ambiguous(cause)
	case int(*rep.Processed) != sent-failed:
		return ambiguous(CauseCounts)
	}
	return Result{Kind: Done, Settled: true, Status: status, Outcomes: outcomes}
}

// perRecord gives each record its outcome, and counts those that failed. Several
// errors of one record count as one failure: the first gives the reason, unless a later
// one is permanent. The error of a request with a single record needs no position.
func perRecord(failures []failure, sent int) (outcomes []Outcome, failed int, cause string) {
	outcomes = make([]Outcome, sent)
	for _, f := range failures {
		i, ok := f.position(sent)
		if !ok && sent == 1 && !f.hasPosition() {
			i, ok = 0, true
		}
		if !ok {
			return nil, 0, CausePosition
		}
		code, ok := f.code()
		if !ok {
			return nil, 0, CauseUnparsable
		}
		o := outcome(code, f.Error)
		switch outcomes[i].Verdict {
		case Loaded:
			failed++
			outcomes[i] = o
		case Retry555:
			outcomes[i] = o
		}
	}
	return outcomes, failed, ""
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

func (f failure) hasPosition() bool { return skipped.MatchString(f.Error) }

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
