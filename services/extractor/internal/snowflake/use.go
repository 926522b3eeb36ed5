package snowflake

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/schemas"
)

const (
	monitoringPath = "/monitoring/queries/"
	// monitorTimeout bounds one question about a statement. Its answer is only shown, so
	// that nothing waits for it for long.
	monitorTimeout = 2 * time.Second
	// queueEvery is how often a statement that goes on is asked about.
	queueEvery = 2 * time.Second
)

// use adds up what the session's statements take.
type use struct {
	mu  sync.Mutex
	sum schemas.SnowflakeUse
	now *schemas.Statement // the one that goes on; nil if none does, or none is named yet
}

func (u *use) add(v schemas.SnowflakeUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sum = u.sum.Plus(v)
}

// TakeUse returns what the session's statements have taken since the last call.
func (s *Session) TakeUse() schemas.SnowflakeUse {
	s.use.mu.Lock()
	defer s.use.mu.Unlock()
	sum := s.use.sum
	s.use.sum = schemas.SnowflakeUse{}
	return sum
}

// Statement is the statement that Snowflake executes for the session; nil if there is none,
// or Snowflake has not named it yet.
func (s *Session) Statement() *schemas.Statement {
	s.use.mu.Lock()
	defer s.use.mu.Unlock()
	if s.use.now == nil {
		return nil
	}
	now := *s.use.now
	now.ExecutionSeconds = max(time.Since(now.Since).Seconds()-now.QueueSeconds, 0)
	return &now
}

// executing notes what is known of the statement that goes on; nil if it is over.
func (u *use) executing(now *schemas.Statement) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.now = now
}

// Measure adds what a statement of another session has taken, as far as Snowflake tells.
func (s *Session) Measure(ctx context.Context, queryID string) {
	if m, err := s.transport.monitor(ctx, queryID); err == nil {
		s.use.add(m.use(0, 0))
	}
}

// watch asks for as long as ctx lasts whether a statement is queued. The returned function
// ends that, and adds up what the statement has taken: waited is how long its result was
// waited for. Nobody asks about a statement that has failed, because whoever cancels one
// must not wait for the answer.
func (s *Session) watch(ctx context.Context) (named func(queryID string), end func(waited time.Duration, complete bool)) {
	asking, stop := context.WithCancel(ctx)
	ids, done := make(chan string, 1), make(chan struct{})
	var queryID string
	var queued time.Duration
	var polls int
	began := time.Now().UTC()
	go func() {
		defer close(done)
		defer s.use.executing(nil)
		select {
		case queryID = <-ids:
		case <-asking.Done():
			return
		}
		s.use.executing(&schemas.Statement{QueryID: queryID, Since: began})
		for ticker := time.NewTicker(queueEvery); ; {
			select {
			case <-ticker.C:
				polls++
				m, err := s.transport.monitor(asking, queryID)
				if err != nil {
					continue
				}
				if m.queued() {
					queued += queueEvery
				}
				s.use.executing(&schemas.Statement{QueryID: queryID, Since: began, Queued: m.queued(), QueueSeconds: queued.Seconds()})
			case <-asking.Done():
				ticker.Stop()
				return
			}
		}
	}()
	named = func(id string) { ids <- id }
	end = func(waited time.Duration, complete bool) {
		stop()
		<-done
		if queryID == "" {
			select { // a short statement is named when its result is there
			case queryID = <-ids:
			default:
			}
		}
		var m monitored
		if complete {
			if told, err := s.transport.monitor(ctx, queryID); err == nil {
				m = told
			}
		}
		took := m.use(queued, waited)
		s.use.add(took)
		traceUse(ctx, began, took, polls)
	}
	return named, end
}

// traceUse adds to the span of a statement what became of its time, once that is known.
func traceUse(ctx context.Context, began time.Time, took schemas.SnowflakeUse, polls int) {
	statement := trace.SpanFromContext(ctx)
	if !statement.IsRecording() {
		return
	}
	statement.SetAttributes(
		attribute.Float64("snowflake.queue_seconds", took.QueueSeconds), attribute.Float64("snowflake.execution_seconds", took.ExecutionSeconds),
		attribute.Int64("snowflake.bytes_scanned", took.BytesScanned), attribute.Int("snowflake.polls", polls))
	tracer := statement.TracerProvider().Tracer("tapline.dev/services/extractor/internal/snowflake")
	running := began.Add(time.Duration(took.QueueSeconds * float64(time.Second)))
	if running.After(began) {
		_, span := tracer.Start(ctx, "wait in queue", trace.WithTimestamp(began))
		span.End(trace.WithTimestamp(running))
	}
	_, span := tracer.Start(ctx, "run statement", trace.WithTimestamp(running))
	span.End(trace.WithTimestamp(running.Add(time.Duration(took.ExecutionSeconds * float64(time.Second)))))
}

// monitored is what Snowflake tells of a statement: instants in milliseconds since 1970.
type monitored struct {
	Status    string `json:"status"`
	StartTime int64  `json:"startTime"`
	EndTime   int64  `json:"endTime"`
	Stats     struct {
		ScanBytes int64 `json:"scanBytes"`
	} `json:"stats"`
}

func (m monitored) queued() bool {
	return strings.HasPrefix(m.Status, "QUEUED") || m.Status == "RESUMING_WAREHOUSE"
}

// use is what the statement has taken. waited stands in where Snowflake has not told.
func (m monitored) use(queued, waited time.Duration) schemas.SnowflakeUse {
	took := waited
	if m.StartTime > 0 && m.EndTime >= m.StartTime {
		took = time.Duration(m.EndTime-m.StartTime) * time.Millisecond
	}
	queued = min(queued, took)
	return schemas.SnowflakeUse{QueueSeconds: queued.Seconds(), ExecutionSeconds: (took - queued).Seconds(), BytesScanned: m.Stats.ScanBytes}
}

// monitor asks Snowflake about a statement. That takes no warehouse. The driver asks too,
// but not beside a statement of the same session, and keeps the status to itself.
func (t *transport) monitor(ctx context.Context, queryID string) (monitored, error) {
	like := t.query.Load()
	if like == nil || !isQueryID(queryID) {
		return monitored{}, fmt.Errorf("asking about a statement: there is none")
	}
	ctx, cancel := context.WithTimeout(ctx, monitorTimeout)
	defer cancel()
	u := *like.url
	u.Path = strings.TrimSuffix(u.Path, queryPath) + monitoringPath + url.PathEscape(queryID)
	u.RawQuery = ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return monitored{}, fmt.Errorf("asking about a statement: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", like.authorization)
	req.Header.Set("User-Agent", like.userAgent)
	resp, err := t.send(t.base, req)
	if err != nil {
		return monitored{}, fmt.Errorf("asking about a statement: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		Success bool `json:"success"`
		Data    struct {
			Queries []monitored `json:"queries"`
		} `json:"data"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, 4<<20)).Decode(&answer)
	if err != nil || !answer.Success || len(answer.Data.Queries) == 0 {
		return monitored{}, fmt.Errorf("asking about a statement: status %d", resp.StatusCode)
	}
	return answer.Data.Queries[0], nil
}

// asked is what a request of the driver's says of its session.
type asked struct {
	url                      *url.URL
	authorization, userAgent string
}

func askedBy(req *http.Request) *asked {
	u := *req.URL
	return &asked{url: &u, authorization: req.Header.Get("Authorization"), userAgent: req.Header.Get("User-Agent")}
}
