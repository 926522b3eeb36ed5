package server

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"tapline.dev/sandbox/internal/clevertap/faults"
	"tapline.dev/sandbox/internal/clevertap/rules"
)

// buffers are the scratch space of one upload.
type buffers struct {
	body    bytes.Buffer
	unzip   *gzip.Reader
	decoder *rules.Decoder
}

// ending is how an upload's connection ends.
type ending byte

const (
	endAnswer ending = iota
	endReset
	endSilence
	endNothing
)

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	entry := Request{
		Time:        started,
		InFlight:    s.uploads.enter(),
		DryRun:      r.URL.Query().Get("dryRun") == "1",
		Gzip:        r.Header.Get("Content-Encoding") == "gzip",
		Traceparent: r.Header.Get("Traceparent"),
		Proto:       r.Proto,
	}
	a, end := s.serveUpload(r, &entry)
	if end == endAnswer {
		entry.Status = a.status
		drain(r)
	}
	if end == endSilence {
		s.silence(r)
	}
	entry.LatencyMs = float64(time.Since(started).Microseconds()) / 1000
	s.uploads.add(entry)
	// The slot is free before the client can see the answer: a client that
	// keeps to the limit must never find itself counted twice.
	s.uploads.leave()
	switch end {
	case endAnswer:
		s.write(w, a)
	default:
		s.resetConnection(w)
	}
}

func (s *Server) serveUpload(r *http.Request, entry *Request) (answer, ending) {
	if a, ok := s.authorize(r); !ok {
		return a, endAnswer
	}
	if entry.InFlight > s.cfg.Slots {
		return failure(http.StatusTooManyRequests, "Too many concurrent requests"), endAnswer
	}
	buf := s.buffers.Get().(*buffers)
	defer s.buffers.Put(buf)
	body, a, ok := s.readBody(r, buf, entry.Gzip)
	if !ok {
		return a, endAnswer
	}
	entry.Bytes = len(body)
	d := buf.decoder
	if err := d.Decode(body); err != nil {
		return failure(http.StatusBadRequest, "Malformed request"), endAnswer
	}
	entry.Records = len(d.Records)
	if n := len(d.Records); n > 0 {
		entry.FirstHash, entry.LastHash = identityHash(d.Records[0].ID), identityHash(d.Records[n-1].ID)
	}
	if len(d.Records) > s.cfg.RecordsPerUpload {
		// There is no public record of this answer; it is our choice.
		return failure(http.StatusBadRequest, "Number of records exceeds the limit"), endAnswer
	}
	return s.carryOut(r, entry, d, body)
}

// carryOut applies the records and answers, as far as the faults let it.
func (s *Server) carryOut(r *http.Request, entry *Request, d *rules.Decoder, body []byte) (answer, ending) {
	p := s.faults.Draw()
	entry.Fault = p.Kind()
	if !s.wait(r, p.Latency) {
		return answer{}, endNothing
	}
	for _, marker := range p.Markers {
		if bytes.Contains(body, rules.AppendString(nil, []byte(marker))) {
			entry.Fault = faults.Marker
			return failure(http.StatusBadRequest, "Malformed request"), endAnswer
		}
	}
	if a, end, affected := s.faultBefore(p, entry, d); affected {
		return a, end
	}
	s.faults.RefuseRecords(d.Records)
	a, processed := verdict(d.Records)
	entry.Processed, entry.Unprocessed = processed, len(d.Records)-processed
	s.apply(d, entry)
	return s.faultAfter(p, a, len(d.Records))
}

func (s *Server) apply(d *rules.Decoder, entry *Request) {
	if entry.DryRun {
		return
	}
	s.store.Apply(d.Records, d.Notices, time.Now())
	entry.Applied = true
}

func (s *Server) readBody(r *http.Request, buf *buffers, zipped bool) (body []byte, a answer, ok bool) {
	var from io.Reader = r.Body
	if zipped {
		if buf.unzip == nil {
			buf.unzip = new(gzip.Reader)
		}
		if err := buf.unzip.Reset(from); err != nil {
			return nil, failure(http.StatusBadRequest, "Malformed request"), false
		}
		from = buf.unzip
	}
	buf.body.Reset()
	n, err := buf.body.ReadFrom(io.LimitReader(from, s.cfg.MaxBodyBytes+1))
	switch {
	case n > s.cfg.MaxBodyBytes:
		return nil, failure(http.StatusRequestEntityTooLarge, "Request entity too large"), false
	case err != nil:
		return nil, failure(http.StatusBadRequest, "Malformed request"), false
	}
	return buf.body.Bytes(), answer{}, true
}

// maxDrain bounds what is read of a body that is not used.
const maxDrain = 256 << 20

// drain takes the rest of a refused body. With data unread the server would
// close the connection, and the client might see a reset, not the refusal.
func drain(r *http.Request) {
	// It fails only when the client has gone.
	_, _ = io.CopyN(io.Discard, r.Body, maxDrain)
}

// wait sleeps and says whether the client is still there.
func (s *Server) wait(r *http.Request, d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.stop:
	}
	return false
}

// silence holds the request until the client gives up.
func (s *Server) silence(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.stop:
	}
}

// resetConnection ends the connection without an answer, with a TCP reset
// where the transport allows it.
func (s *Server) resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if errors.Is(err, http.ErrNotSupported) {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		return
	}
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok {
		// Without a reset the close is merely orderly, which clients treat alike.
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func hugeBody(n int) []byte {
	return []byte(`{ "status" : "success" , "padding" : "` + strings.Repeat("x", n) + `"}`)
}
