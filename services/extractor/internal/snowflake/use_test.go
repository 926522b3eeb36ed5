package snowflake

import (
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/statement"
)

// TestUse is Snowflake's own time of a statement, and the extractor's where Snowflake
// does not tell.
func TestUse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	session := s.open()
	s.monitoring = func() string {
		return `{"status":"SUCCESS","startTime":1700000000000,"endTime":1700000002500,"stats":{"scanBytes":4096}}`
	}
	for range 2 {
		if _, err := session.Query(t.Context(), statement.Statement{SQL: "SELECT 1"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := session.TakeUse(), (schemas.SnowflakeUse{ExecutionSeconds: 5, BytesScanned: 8192}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := session.TakeUse(); got != (schemas.SnowflakeUse{}) {
		t.Errorf("taken twice: %+v", got)
	}
	s.monitoring = nil
	if _, err := session.Query(t.Context(), statement.Statement{SQL: "SELECT 1"}, nil); err != nil {
		t.Fatal(err)
	}
	if got := session.TakeUse(); got.ExecutionSeconds <= 0 || got.ExecutionSeconds > 60 || got.BytesScanned != 0 {
		t.Errorf("of a server that does not tell: %+v", got)
	}
}

func TestQueueIsNoExecution(t *testing.T) {
	t.Parallel()
	m := monitored{Status: "QUEUED", StartTime: 1, EndTime: 10_001}
	if got, want := m.use(4*time.Second, time.Minute), (schemas.SnowflakeUse{QueueSeconds: 4, ExecutionSeconds: 6}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := m.use(time.Minute, 0), (schemas.SnowflakeUse{QueueSeconds: 10}); got != want {
		t.Errorf("longer than the statement: %+v, want %+v", got, want)
	}
	for status, want := range map[string]bool{"QUEUED": true, "QUEUED_REPAIRING_WAREHOUSE": true, "RESUMING_WAREHOUSE": true, "RUNNING": false, "SUCCESS": false, "": false} {
		if (monitored{Status: status}).queued() != want {
			t.Errorf("%s: %v", status, !want)
		}
	}
}

// TestStatement is the one that goes on and what Snowflake said of it last; none before and
// after it.
func TestStatement(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	session := s.open()
	if got := session.Statement(); got != nil {
		t.Errorf("before any: %+v", got)
	}
	s.monitoring = func() string { return `{"status":"QUEUED"}` }
	named, end := session.watch(t.Context())
	if _, err := session.Query(t.Context(), statement.Statement{SQL: "SELECT 1"}, nil); err != nil { // a session to ask in
		t.Fatal(err)
	}
	named("01234567-0000-0000-0000-000000000001")
	deadline := time.After(10 * time.Second)
	for {
		if got := session.Statement(); got != nil && got.Queued {
			if got.QueryID != "01234567-0000-0000-0000-000000000001" || got.QueueSeconds <= 0 || got.ExecutionSeconds > 60 {
				t.Errorf("queued: %+v", got)
			}
			break
		}
		select {
		case <-deadline:
			t.Fatalf("the statement is not said to be queued: %+v", session.Statement())
		case <-time.After(5 * time.Millisecond):
		}
	}
	end(time.Second, false)
	if got := session.Statement(); got != nil {
		t.Errorf("after it: %+v", got)
	}
}
