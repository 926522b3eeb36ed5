package server

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"tapline.dev/sandbox/internal/clevertap/faults"
	"tapline.dev/sandbox/internal/clevertap/rules"
)

// faultBefore carries out a fault that keeps the records from being applied in the
// normal way.
func (s *Server) faultBefore(p faults.Plan, entry *Request, d *rules.Decoder) (answer, ending, bool) {
	if p.Fault == nil {
		return answer{}, endAnswer, false
	}
	f := p.Fault
	switch f.Kind {
	case faults.ResetBefore:
		return answer{}, endReset, true
	case faults.Late:
		s.applyLater(entry, d, time.Duration(f.LatencyMs)*time.Millisecond)
		return answer{}, endReset, true
	case faults.Redirect:
		return redirect(f.Location), endAnswer, true
	case faults.EmptyFail:
		if f.Applied {
			break
		}
		return emptyFail(), endAnswer, true
	case faults.HTML, faults.Empty, faults.Huge:
		if f.Applied {
			break
		}
		return faultyAnswer(f, answer{}), endAnswer, true
	}
	if status := faults.Status[f.Kind]; status != 0 && !f.Applied {
		return failure(status, statusSentence(status)), endAnswer, true
	}
	return answer{}, endAnswer, false
}

// faultAfter turns the right answer into the one that the fault asks for.
func (s *Server) faultAfter(p faults.Plan, a answer, sent int) (answer, ending) {
	if p.Fault == nil {
		return a, endAnswer
	}
	switch f := p.Fault; f.Kind {
	case faults.ResetAfter:
		return answer{}, endReset
	case faults.Lost:
		return answer{}, endSilence
	case faults.Counts:
		return wrongCounts(sent), endAnswer
	case faults.EmptyFail:
		return emptyFail(), endAnswer
	default:
		if status := faults.Status[f.Kind]; status != 0 {
			return failure(status, statusSentence(status)), endAnswer
		}
		return faultyAnswer(f, a), endAnswer
	}
}

// applyLater keeps the records past the request: the body's buffer goes back
// to the pool, so they are read again from a copy.
func (s *Server) applyLater(entry *Request, d *rules.Decoder, after time.Duration) {
	if entry.DryRun || len(d.Records) == 0 {
		return
	}
	copied := append([]byte(`{"d":[`), bytes.Join(rawRecords(d.Records), []byte(","))...)
	copied = append(copied, "]}"...)
	late := s.decoder()
	time.AfterFunc(after, func() {
		// The same bytes were readable a moment ago.
		if late.Decode(copied) == nil {
			s.store.Apply(late.Records, late.Notices, time.Now())
		}
	})
}

func rawRecords(records []rules.Record) [][]byte {
	raw := make([][]byte, len(records))
	for i := range records {
		raw[i] = records[i].Raw
	}
	return raw
}

func faultyAnswer(f *faults.Fault, a answer) answer {
	switch f.Kind {
	case faults.HTML:
		return answer{status: http.StatusOK, html: true,
			body: []byte("<html><body><h1>Scheduled maintenance</h1></body></html>")}
	case faults.Empty:
		return answer{status: http.StatusOK}
	case faults.Truncated:
		return answer{status: a.status, body: a.body[:len(a.body)/2]}
	case faults.Huge:
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
