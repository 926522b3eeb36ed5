package notify

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/egress"
	"tapline.dev/schemas"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func due(every time.Duration) schemas.Definition {
	return schemas.Definition{
		Metadata: schemas.Metadata{Name: "customers", Owner: "growth", Labels: map[string]string{"severity": "page"}}, AppliedAt: now.Add(-30 * 24 * time.Hour),
		Spec: schemas.ImportSpec{Schedules: []schemas.Schedule{{Every: schemas.Duration(every)}}},
	}
}

func run(state string, ago time.Duration) *schemas.EndedRun {
	return &schemas.EndedRun{Run: "customers.7", State: state, StartedAt: now.Add(-ago), Time: now.Add(-ago)}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	acted := now
	for name, c := range map[string]struct {
		edit func(*schemas.Definition, *schemas.State)
		want string
	}{
		"on time":   {func(_ *schemas.Definition, s *schemas.State) {}, schemas.NotifyOK},
		"failed":    {func(_ *schemas.Definition, s *schemas.State) { s.LastEnded = run(schemas.StateFailed, 0) }, schemas.NotifyFailing},
		"cancelled": {func(_ *schemas.Definition, s *schemas.State) { s.LastEnded = run(schemas.StateCancelled, 0) }, schemas.NotifyOK},
		"failed and paused": {func(_ *schemas.Definition, s *schemas.State) {
			s.LastEnded, s.Paused = run(schemas.StateFailed, 0), true
		}, schemas.NotifyOK},
		"late": {func(_ *schemas.Definition, s *schemas.State) {
			s.LastSucceeded = run(schemas.StateSucceeded, 5*time.Hour)
		}, schemas.NotifyLate},
		"held": {func(_ *schemas.Definition, s *schemas.State) { s.Active = &schemas.ActiveRun{State: schemas.StateHeld} }, schemas.NotifyHeld},
		"held and late": {func(_ *schemas.Definition, s *schemas.State) {
			s.LastSucceeded, s.Active = run(schemas.StateSucceeded, 5*time.Hour), &schemas.ActiveRun{State: schemas.StateHeld}
		}, schemas.NotifyHeld},
		"a draft": {func(d *schemas.Definition, s *schemas.State) { d.Spec.Draft = true }, schemas.NotifyOK},
	} {
		d, s := due(time.Hour), schemas.State{LastDue: &acted, LastSucceeded: run(schemas.StateSucceeded, 0), LastEnded: run(schemas.StateSucceeded, 0)}
		c.edit(&d, &s)
		if got := condition(d, s, now); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestDecide: a change is told once, a condition that a notification does not want is none,
// and an outbox that is full keeps the newest.
func TestDecide(t *testing.T) {
	t.Parallel()
	b, d := book{}, due(time.Hour)
	failed := schemas.State{LastDue: &now, LastSucceeded: run(schemas.StateSucceeded, 0), LastEnded: run(schemas.StateFailed, 0)}
	r := recipient{name: "oncall", spec: schemas.NotificationSpec{On: []string{schemas.NotifyFailing}}}
	e, n := b.decide(r, d, failed, nil, now)
	if n == nil || n.Condition != schemas.NotifyFailing || n.Severity != "page" || n.Owner != "growth" || e.Sequence != 1 {
		t.Fatalf("decided %+v, %+v", e, n)
	}
	b[schemas.NotifiedKey("oncall", "customers")] = e
	if _, again := b.decide(r, d, failed, nil, now.Add(time.Hour)); again != nil {
		t.Errorf("told again: %+v", again)
	}
	late := failed
	late.LastEnded, late.LastSucceeded = run(schemas.StateSucceeded, 5*time.Hour), run(schemas.StateSucceeded, 5*time.Hour)
	if _, n := b.decide(r, d, late, nil, now); n == nil || n.Condition != schemas.NotifyOK {
		t.Errorf("a lateness that is not wanted ends the failure: %+v", n)
	}
	ack := &schemas.AcknowledgementSpec{Until: now.Add(time.Hour), Since: now}
	if _, n := (book{}).decide(r, d, failed, ack, now); n != nil {
		t.Errorf("acknowledged and told: %+v", n)
	}
	if _, n := (book{}).decide(r, d, failed, ack, now.Add(2*time.Hour)); n == nil {
		t.Error("not told after the acknowledgement is over")
	}
	for i := range schemas.MaxOutbox + 3 {
		e = put(e, schemas.Notice{ID: fmt.Sprint(i)})
	}
	if len(e.Outbox) != schemas.MaxOutbox || e.Outbox[len(e.Outbox)-1].ID != fmt.Sprint(schemas.MaxOutbox+2) || e.Outbox[len(e.Outbox)-1].Dropped != 3 {
		t.Errorf("the outbox is %+v", e)
	}
	if e = taken(e, e.Outbox[0].ID); len(e.Outbox) != schemas.MaxOutbox-1 {
		t.Errorf("after a delivery %+v", e)
	}
}

func TestUnaccounted(t *testing.T) {
	t.Parallel()
	old := now.Add(-3 * time.Hour)
	for name, c := range map[string]struct {
		edit func(*schemas.Definition, *schemas.State)
		want string
	}{
		"acted on":     {func(_ *schemas.Definition, s *schemas.State) { s.LastDue = &now }, ""},
		"nobody acted": {func(*schemas.Definition, *schemas.State) {}, "customers"},
		"paused":       {func(_ *schemas.Definition, s *schemas.State) { s.Paused = true }, ""},
		"queued":       {func(_ *schemas.Definition, s *schemas.State) { s.Queued = &schemas.QueuedRun{} }, ""},
		"a draft":      {func(d *schemas.Definition, _ *schemas.State) { d.Spec.Draft = true }, ""},
		"no schedule":  {func(d *schemas.Definition, _ *schemas.State) { d.Spec.Schedules = nil }, ""},
		"within grace": {func(_ *schemas.Definition, s *schemas.State) {
			at := now.Add(-time.Second)
			s.LastDue = &at
		}, ""},
	} {
		d, s := due(time.Hour), schemas.State{LastDue: &old}
		if c.edit(&d, &s); unaccounted([]schemas.Definition{d}, func(string) schemas.State { return s }, now) != c.want {
			t.Errorf("%s: want %q", name, c.want)
		}
	}
}

func secrets(t *testing.T, text string) (config.References, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.References{Directories: []string{filepath.Dir(path)}}, "ref+file://" + path
}

var told = schemas.Notice{ID: "oncall.customers.1.1", Import: "customers", Condition: schemas.NotifyFailing, Cause: "customers.7 failed <b>", Time: now, Run: "customers.7", Next: "tapline get run customers.7"}

// TestChannelsRefuse: nothing is sent where it may not go, and no error repeats the URL.
func TestChannelsRefuse(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	refs, ref := secrets(t, server.URL+"/canary-token")
	for name, c := range map[string]struct {
		channels Channels
		want     string
	}{
		"no TLS":       {Channels{Secrets: refs}, "without TLS"},
		"another host": {Channels{Secrets: refs, AllowPlain: true, Hosts: []string{"hooks.example.com"}}, "none that this deployment allows"},
		"a redirect":   {Channels{Secrets: refs, AllowPlain: true, Hosts: []string{"127.0.0.1"}}, "status 302"},
		"a secret":     {Channels{AllowPlain: true}, "may not be read"},
	} {
		err := c.channels.Send(t.Context(), schemas.NotificationSpec{Slack: &schemas.SlackChannel{URL: ref}}, told)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary-token") || strings.Contains(err.Error(), server.URL) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if asked != 1 {
		t.Errorf("the server was asked %d times", asked)
	}
	spec := schemas.NotificationSpec{Slack: &schemas.SlackChannel{URL: ref}, Proxy: "http://proxy.corp:3128"}
	if err := (Channels{Secrets: refs, AllowPlain: true, Egress: egress.Default()}).Send(t.Context(), spec, told); err == nil || !strings.Contains(err.Error(), "egress.proxies") {
		t.Errorf("a proxy that is not allowed: %v", err)
	}
}

func TestSlack(t *testing.T) {
	t.Parallel()
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := make([]byte, 4096)
		n, _ := r.Body.Read(body)
		got = string(body[:n])
	}))
	t.Cleanup(server.Close)
	refs, ref := secrets(t, server.URL)
	if err := (Channels{Secrets: refs, AllowPlain: true}).Send(t.Context(), schemas.NotificationSpec{Slack: &schemas.SlackChannel{URL: ref}}, told); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got, "customers is failing") || !strings.Contains(got, "&lt;b") && !strings.Contains(got, `\u0026lt;b`) {
		t.Errorf("Slack got %s", got)
	}
}

// mailServer takes one message as a mail server does, and returns its lines.
func mailServer(t *testing.T, greeting string) (port int, lines chan []string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	lines = make(chan []string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		var got []string
		fmt.Fprintf(conn, "%s\r\n", greeting)
		data := false
		for in := bufio.NewScanner(conn); in.Scan(); {
			line := in.Text()
			got = append(got, line)
			switch {
			case data && line == ".":
				data = false
				fmt.Fprint(conn, "250 taken\r\n")
				lines <- got
			case data:
			case strings.HasPrefix(line, "EHLO"):
				fmt.Fprint(conn, "250 mail\r\n")
			case line == "DATA":
				data = true
				fmt.Fprint(conn, "354 go on\r\n")
			case line == "QUIT":
				fmt.Fprint(conn, "221 bye\r\n")
				return
			default:
				fmt.Fprint(conn, "250 fine\r\n")
			}
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, lines
}

// TestMail: a mail names the import and the command, and its Message-ID is the message's.
func TestMail(t *testing.T) {
	t.Parallel()
	port, lines := mailServer(t, "220 mail")
	email := &schemas.EmailChannel{Host: "127.0.0.1", Port: port, TLS: schemas.MailPlain, From: "tapline@example.com", To: []string{"oncall@example.com"}}
	if err := (Channels{AllowPlain: true}).Send(t.Context(), schemas.NotificationSpec{Email: email}, told); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(<-lines, "\n")
	for _, want := range []string{"MAIL FROM:<tapline@example.com>", "RCPT TO:<oncall@example.com>", "Message-ID: <oncall.customers.1.1@example.com>", "Subject: Tapline: customers is failing", "next: tapline get run customers.7"} {
		if !strings.Contains(text, want) {
			t.Errorf("the mail has no %q:\n%s", want, text)
		}
	}
	if err := (Channels{}).Send(t.Context(), schemas.NotificationSpec{Email: email}, told); err == nil || !strings.Contains(err.Error(), "without TLS") {
		t.Errorf("without TLS: %v", err)
	}
	// A server without TLS is refused before anything is told, and what it says is not repeated.
	port, _ = mailServer(t, "220 canary-greeting")
	email = &schemas.EmailChannel{Host: "127.0.0.1", Port: port, From: "tapline@example.com", To: []string{"oncall@example.com"}}
	if err := (Channels{AllowPlain: true}).Send(t.Context(), schemas.NotificationSpec{Email: email}, told); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a server without STARTTLS: %v", err)
	}
}
