package importcenter

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/domain/projection"
	"tapline.dev/schemas"
)

// event is a server-sent event.
type event struct{ kind, id, data string }

// follow opens a stream and returns its events; the channel closes with the stream.
func (c *center) follow(path string, header ...string) (<-chan event, int) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(req) //nolint:bodyclose // the goroutine below closes it
	if err != nil {
		c.t.Fatal(err)
	}
	out := make(chan event, 100)
	go func() {
		defer close(out)
		defer func() { _ = res.Body.Close() }()
		var e event
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 8<<20)
		for lines.Scan() {
			key, value, _ := strings.Cut(lines.Text(), ": ")
			switch key {
			case "event":
				e.kind = value
			case "id":
				e.id = value
			case "data":
				e.data = value
			case "":
				if e.kind != "" {
					out <- e
				}
				e = event{}
			}
		}
	}()
	return out, res.StatusCode
}

// next is the next event, or the zero one if the stream has ended.
func next(t *testing.T, events <-chan event) event {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(10 * time.Second):
		t.Fatal("no event within 10 s")
		return event{}
	}
}

func TestFollowRun(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	w := projection.NewWriter(c.client)
	run := schemas.Run{Run: "customers.1", Import: "customers", State: schemas.StateLoading, StartedAt: time.Now().UTC(), Counts: schemas.Counts{Read: 10}}
	put := func() {
		t.Helper()
		if err := w.PutRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	put()
	events, status := c.follow("/v1/runs/customers.1/events")
	snapshot := next(t, events)
	if status != http.StatusOK || snapshot.kind != "run" || !strings.Contains(snapshot.data, `"equation"`) {
		t.Fatalf("%d, snapshot %+v", status, snapshot)
	}
	resumed, _ := c.follow("/v1/runs/customers.1/events", "Last-Event-ID", snapshot.id)
	run.Counts.Loaded = 4
	put()
	for name, stream := range map[string]<-chan event{"first": events, "resumed": resumed} {
		var got schemas.Run
		if err := json.Unmarshal([]byte(next(t, stream).data), &got); err != nil || got.Counts.Loaded != 4 {
			t.Errorf("%s: %+v %v", name, got.Counts, err)
		}
	}
	end := time.Now().UTC()
	run.State, run.FinishedAt = schemas.StateSucceeded, &end
	put()
	for name, stream := range map[string]<-chan event{"first": events, "resumed": resumed} {
		if e := next(t, stream); e.kind != "end" {
			t.Errorf("%s: %+v", name, e)
		}
		if e := next(t, stream); e.kind != "" {
			t.Errorf("%s goes on after its end: %+v", name, e)
		}
	}
	if _, status := c.follow("/v1/runs/customers.9/events"); status != http.StatusNotFound {
		t.Errorf("an unknown run = %d", status)
	}
}

func TestFollowImports(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.imports(t)
	events, _ := c.follow("/v1/imports/events?q=a")
	var newest string
	var got struct {
		Items []struct {
			Import, Owner string
		}
		Removed  []string
		Complete bool
	}
	read := func() {
		t.Helper()
		got.Items, got.Removed, got.Complete = nil, nil, false
		e := next(t, events)
		if err := json.Unmarshal([]byte(e.data), &got); err != nil {
			t.Fatal(err)
		}
		newest = e.id
	}
	if read(); len(got.Items) != 3 || !got.Complete {
		t.Fatalf("snapshot %+v", got)
	}
	c.apply(connection, account, strings.Replace(customers, `"name":"customers"`, `"name":"gamma","owner":"new"`, 1))
	if read(); len(got.Items) != 1 || got.Items[0].Owner != "new" || got.Complete {
		t.Errorf("change %+v", got)
	}
	before := newest
	resumed, _ := c.follow("/v1/imports/events?q=a", "Last-Event-ID", newest)
	unknown, _ := c.follow("/v1/imports/events?q=a", "Last-Event-ID", "0123")
	if e := next(t, unknown); !strings.Contains(e.data, `"complete":true`) || e.id != newest {
		t.Errorf("resumed from what nobody knows: %+v", e)
	}
	if a := c.do("DELETE", "/v1/imports/alpha?topics=keep", "", "If-Match", "*"); a.status != http.StatusOK {
		t.Fatalf("delete = %d %s", a.status, a.text)
	}
	if read(); len(got.Items) != 0 || len(got.Removed) != 1 || got.Removed[0] != "alpha" {
		t.Errorf("removal %+v", got)
	}
	// Whoever was told all is told what has changed since, and nothing twice; whoever was
	// not is told all, because the rows that are gone are in no list.
	if e := next(t, resumed); e.id != newest || !strings.Contains(e.data, `"items":[]`) || strings.Contains(e.data, "complete") {
		t.Errorf("resumed: %+v", e)
	}
	late, _ := c.follow("/v1/imports/events?q=a", "Last-Event-ID", before)
	if e := next(t, late); e.id != newest || !strings.Contains(e.data, `"complete":true`) || strings.Contains(e.data, "alpha") {
		t.Errorf("resumed too late: %+v", e)
	}
}

// TestStreamsAreBounded: a caller follows so many and no more; a stream that ends makes
// room, and one that goes on does not keep the service from stopping.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.CheckTimeout, cfg.HTTP.StreamsPerCaller = 0, 1 })
	c.apply(connection, account, customers)
	events, _ := c.follow("/v1/imports/events")
	next(t, events)
	if _, status := c.follow("/v1/imports/events"); status != http.StatusTooManyRequests {
		t.Errorf("one stream too many = %d", status)
	}
}

// TestStreamsEndWithTheService: streams of runs and of the listing end when the service
// stops, long before its grace period is over.
func TestStreamsEndWithTheService(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	run := schemas.Run{Run: "customers.1", Import: "customers", State: schemas.StateLoading, StartedAt: time.Now().UTC()}
	if err := projection.NewWriter(c.client).PutRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	streams := map[string]<-chan event{}
	for _, path := range []string{"/v1/runs/customers.1/events", "/v1/imports/events"} {
		streams[path], _ = c.follow(path)
		next(t, streams[path])
	}
	c.stop()
	for path, stream := range streams {
		ends(t, path, stream)
	}
}
