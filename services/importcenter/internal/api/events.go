package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

const (
	// eventEvery is the least time between two events of a stream.
	eventEvery = 500 * time.Millisecond
	// logEvery is that time while Redis does not answer, because reading the log costs
	// more.
	logEvery = 5 * time.Second
	// heartbeatEvery is how often an idle stream writes a comment, so that proxies keep
	// it open and a reader who has gone is noticed.
	heartbeatEvery = 15 * time.Second
)

const eventStream = "text/event-stream"

// LastEventHeader resumes a stream of events.
type LastEventHeader struct {
	LastEventID string `header:"Last-Event-ID" maxLength:"80" doc:"id of the newest event that was received: what it showed is not sent again"`
}

type runEventsInput struct {
	RunPath
	LastEventHeader
}

type importEventsInput struct {
	ImportFilter
	LastEventHeader
}

// ImportsEvent is an event of the listing: the rows that are new or changed, and the
// imports that are gone or match no more.
type ImportsEvent struct {
	Items    []schemas.Listing `json:"items"`
	Removed  []string          `json:"removed"`
	Complete bool              `json:"complete,omitempty" doc:"Items are all rows: what is not among them is gone. So is the first event of a stream, unless Last-Event-ID names what it shows"`
}

func (h *handlers) registerEvents(api huma.API) {
	registry := api.OpenAPI().Components.Schemas
	events := func(text string, of reflect.Type) map[string]*huma.Response {
		return map[string]*huma.Response{"200": {
			Description: text, Content: map[string]*huma.MediaType{eventStream: {Schema: eventSchema(registry.Schema(of, true, ""))}},
		}}
	}
	huma.Register(api, huma.Operation{
		OperationID: "follow-run", Method: http.MethodGet, Path: "/v1/runs/{run}/events",
		Summary:   "Follow a run as server-sent events: first what it is now, then its progress, at the end an event of type end",
		Errors:    []int{http.StatusNotFound, http.StatusTooManyRequests, http.StatusServiceUnavailable},
		Responses: events("Events of type run, and end with the last one. Each holds the whole run", reflect.TypeFor[schemas.Run]()),
	}, h.followRun)
	huma.Register(api, huma.Operation{
		OperationID: "follow-imports", Method: http.MethodGet, Path: "/v1/imports/events",
		Summary:   "Follow the listing as server-sent events: first all rows, then those that change",
		Errors:    []int{http.StatusTooManyRequests, http.StatusServiceUnavailable},
		Responses: events("Events of type imports", reflect.TypeFor[ImportsEvent]()),
	}, h.followImports)
}

// eventSchema describes one event of a stream; its data is the JSON text of a value.
func eventSchema(of *huma.Schema) *huma.Schema {
	return &huma.Schema{
		Type:        huma.TypeObject,
		Description: "An event of the stream",
		Properties: map[string]*huma.Schema{
			"event": {Type: huma.TypeString, Description: "Its type"},
			"id":    {Type: huma.TypeString, Description: "A hash of what it shows, for Last-Event-ID"},
			"data": {Type: huma.TypeString, Description: "What it shows, as JSON", Extensions: map[string]any{
				"contentMediaType": "application/json", "contentSchema": of,
			}},
		},
		Required: []string{"data"},
	}
}

func (h *handlers) followRun(ctx context.Context, in *runEventsInput) (*huma.StreamResponse, error) {
	run, err := h.existingRun(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	return h.events(ctx, in.LastEventID, func(s *events) error {
		// The first event is of this reading: the shared one may be older than the run.
		if end, err := s.sendRun(&runSnapshot{run: run, figured: h.figured(run)}); err != nil || end {
			return err
		}
		feed, leave := h.RunFeeds.join(in.Run)
		defer leave()
		for {
			snapshot, changed := feed.newest()
			if snapshot != nil {
				if end, err := s.sendRun(snapshot); err != nil || end {
					return err
				}
			}
			if err := s.until(changed); err != nil {
				return err
			}
		}
	})
}

// runSnapshot is a run at a moment. Nobody changes it, because all streams read it.
type runSnapshot struct {
	run, figured schemas.Run
	lost         error // why the run can no longer be read
}

// readRun reads a run for the streams that follow it.
func (h *handlers) readRun(ctx context.Context, id string) (*runSnapshot, time.Duration) {
	run, found, fromLog, err := h.lookForRun(ctx, id)
	again := eventEvery
	if fromLog {
		again = logEvery
	}
	switch {
	case err != nil:
		return &runSnapshot{lost: err}, again
	case !found:
		return &runSnapshot{lost: errStreamEnds}, again
	}
	return &runSnapshot{run: run, figured: h.figured(run)}, again
}

// sendRun reports whether this was the last event.
func (s *events) sendRun(snapshot *runSnapshot) (end bool, err error) {
	if snapshot.lost != nil {
		return false, errors.Join(snapshot.lost, errStreamEnds)
	}
	kind := "run"
	if end = schemas.Terminal(snapshot.run.State); end {
		kind = "end"
	}
	return end, s.send(kind, snapshot.run, snapshot.figured)
}

func (h *handlers) followImports(ctx context.Context, in *importEventsInput) (*huma.StreamResponse, error) {
	return h.events(ctx, in.LastEventID, func(s *events) error {
		defer h.Feed.join()()
		shown := map[string]string{}
		for first := true; ; {
			snapshot, changed := h.Feed.newest()
			if snapshot != nil {
				event := snapshot.since(s.caller, in.ImportFilter, shown)
				event.Complete = first
				if first || len(event.Items)+len(event.Removed) > 0 {
					if err := s.send("imports", shown, event); err != nil {
						return err
					}
				}
				first = false
			}
			if err := s.until(changed); err != nil {
				return err
			}
		}
	})
}

// eventID is the id of an event: a hash of what it shows. Each event holds the whole of
// what it is about, so that a reader who has missed some lacks nothing.
func eventID(v any) string {
	text, _ := json.Marshal(v) // what the API answers always encodes
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}

// errStreamEnds ends a stream in good order: its reader connects again.
var errStreamEnds = errors.New("the stream ends")

// events writes server-sent events. One goroutine, the request's, uses it.
type events struct {
	h      *handlers
	gone   <-chan struct{} // closes when the reader has gone
	caller access.Caller
	out    http.ResponseWriter
	last   string // id of the newest event that the reader has
	wrote  time.Time
}

// events returns a stream that follow writes, until it returns, the caller's credential
// ends, the service stops or the reader goes. Each caller has a bounded number of them.
func (h *handlers) events(ctx context.Context, last string, follow func(*events) error) (*huma.StreamResponse, error) {
	caller := access.CallerOf(ctx)
	leave, ok := h.Streams.Take(caller.Name)
	if !ok {
		return nil, problem(http.StatusTooManyRequests, codeTooMany, "you follow as many streams as a caller may (http.streamsPerCaller); close one")
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer leave()
		out, ok := c.BodyWriter().(http.ResponseWriter)
		if !ok {
			return
		}
		c.SetHeader("Content-Type", eventStream)
		c.SetHeader("Cache-Control", "no-store")
		c.SetHeader("X-Accel-Buffering", "no")
		s := &events{h: h, gone: c.Context().Done(), caller: caller, out: out, last: last}
		err := s.write("retry: 2000\n\n")
		if err == nil {
			err = follow(s)
		}
		if ended := errors.Is(context.Cause(c.Context()), errCredential); ended || err != nil && !errors.Is(err, errStreamEnds) && c.Context().Err() == nil {
			h.logFailure(c.Context(), codeInternal, err)
		}
	}}, nil
}

// send writes an event, unless the reader has what it shows. The id is of shows.
func (s *events) send(kind string, shows, value any) error {
	id := eventID(shows)
	if id == s.last && kind != "end" {
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding an event: %w", err)
	}
	s.last = id
	return s.write(fmt.Sprintf("event: %s\nid: %s\ndata: %s\n\n", kind, id, text))
}

func (s *events) write(text string) error {
	control := http.NewResponseController(s.out)
	// A stream outlasts http.writeTimeout as long as it is read.
	_ = control.SetWriteDeadline(time.Now().Add(streamWriteTimeout))
	if _, err := s.out.Write([]byte(text)); err != nil {
		return errors.Join(errStreamEnds, err)
	}
	s.wrote = time.Now()
	return control.Flush()
}

// until waits for a channel to close, and keeps an idle stream open. It returns an error
// when the stream has to end.
func (s *events) until(changed <-chan struct{}) error {
	for {
		select {
		case <-changed:
			return s.pause(0)
		default:
		}
		if err := s.pauseOr(2*eventEvery, changed); err != nil {
			return err
		}
	}
}

// pause waits, and keeps an idle stream open. It returns an error when the stream has to
// end.
func (s *events) pause(d time.Duration) error { return s.pauseOr(d, nil) }

// pauseOr waits no longer than until the channel closes.
func (s *events) pauseOr(d time.Duration, changed <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-s.gone:
		return errStreamEnds
	case <-s.h.Stopping:
		return errStreamEnds
	}
	if err := s.caller.StillHolds(s.h.Now()); err != nil {
		return errors.Join(errStreamEnds, err)
	}
	if time.Since(s.wrote) >= heartbeatEvery {
		return s.write(": still here\n\n")
	}
	return nil
}
