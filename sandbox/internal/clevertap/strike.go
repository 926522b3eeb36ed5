package clevertap

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// strikeBefore carries out a fault that keeps the records from being applied
// in the normal way.
func (s *Server) strikeBefore(p plan, entry *Request, d *decoder) (answer, ending, bool) {
	if p.strike == nil {
		return answer{}, endAnswer, false
	}
	f := p.strike
	switch f.Kind {
	case faultResetBefore:
		return answer{}, endReset, true
	case faultLate:
		s.applyLater(entry, d, time.Duration(f.LatencyMs)*time.Millisecond)
		return answer{}, endReset, true
	case faultRedirect:
		return redirect(f.Location), endAnswer, true
	case faultEmptyFail:
		if f.Applied {
			break
		}
		return emptyFail(), endAnswer, true
	case faultHTML, faultEmpty, faultHuge:
		if f.Applied {
			break
		}
		return spoiled(f, answer{}), endAnswer, true
	}
	if status := statusFaults[f.Kind]; status != 0 && !f.Applied {
		return failure(status, statusSentence(status)), endAnswer, true
	}
	return answer{}, endAnswer, false
}

// strikeAfter turns the right answer into the one that the fault wants.
func (s *Server) strikeAfter(p plan, a answer, sent int) (answer, ending) {
	if p.strike == nil {
		return a, endAnswer
	}
	switch f := p.strike; f.Kind {
	case faultResetAfter:
		return answer{}, endReset
	case faultLost:
		return answer{}, endSilence
	case faultCounts:
		return wrongCounts(sent), endAnswer
	case faultEmptyFail:
		return emptyFail(), endAnswer
	default:
		if status := statusFaults[f.Kind]; status != 0 {
			return failure(status, statusSentence(status)), endAnswer
		}
		return spoiled(f, a), endAnswer
	}
}

// applyLater keeps the records past the request: the body's buffer goes back
// to the pool, so they are read again from a copy.
func (s *Server) applyLater(entry *Request, d *decoder, after time.Duration) {
	if entry.DryRun || len(d.records) == 0 {
		return
	}
	copied := append([]byte(`{"d":[`), bytes.Join(rawRecords(d.records), []byte(","))...)
	copied = append(copied, "]}"...)
	late := &decoder{cfg: d.cfg, seed: d.seed, discard: d.discard}
	time.AfterFunc(after, func() {
		// The same bytes were readable a moment ago.
		if late.decode(copied) == nil {
			s.store.apply(late.records, late.notices, time.Now())
		}
	})
}

func rawRecords(records []record) [][]byte {
	raw := make([][]byte, len(records))
	for i := range records {
		raw[i] = records[i].raw
	}
	return raw
}

func spoiled(f *Fault, a answer) answer {
	switch f.Kind {
	case faultHTML:
		return answer{status: http.StatusOK, html: true,
			body: []byte("<html><body><h1>Scheduled maintenance</h1></body></html>")}
	case faultEmpty:
		return answer{status: http.StatusOK}
	case faultTruncated:
		return answer{status: a.status, body: a.body[:len(a.body)/2]}
	case faultHuge:
		size := f.HugeBytes
		if size == 0 {
			size = 32 << 20
		}
		return answer{status: http.StatusOK, body: hugeBody(size)}
	default:
		return a
	}
}

func redirect(location string) answer {
	if location == "" {
		location = "/1/upload"
	}
	return answer{status: http.StatusFound, header: map[string]string{"Location": location}}
}

func emptyFail() answer {
	return answer{status: http.StatusOK, body: []byte(`{ "status" : "fail" , "processed" : 0 , "unprocessed" : [ ]}`)}
}

func wrongCounts(sent int) answer {
	body := append([]byte(`{ "status" : "success" , "processed" : `), strconv.Itoa(sent-1)...)
	return answer{status: http.StatusOK, body: append(body, ` , "unprocessed" : [ ]}`...)}
}

func statusSentence(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "Malformed request"
	case http.StatusUnauthorized:
		return "Account ID is not valid"
	case http.StatusTooManyRequests:
		return "Too many concurrent requests"
	default:
		return http.StatusText(status)
	}
}
