package importcenter

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
)

const (
	connection = `{"apiVersion":"tapline.dev/v1alpha1","kind":"SnowflakeConnection","metadata":{"name":"warehouse"},
		"spec":{"account":"acme-eu1","user":"TAPLINE","password":"ref+env://PW"}}`
	account = `{"apiVersion":"tapline.dev/v1alpha1","kind":"CleverTapAccount","metadata":{"name":"clevertap"},
		"spec":{"region":"in1","accountId":"ref+env://ID","passcode":"ref+env://PASS"}}`
	customers = `{"apiVersion":"tapline.dev/v1alpha1","kind":"Import","metadata":{"name":"customers"},
		"spec":{"source":{"connectionRef":"warehouse","query":"select * from customers","cursor":{"column":"UPDATED_AT"}},
		"destination":{"accountRef":"clevertap","type":"profile"},"identity":{"column":"CUSTOMER_ID"},
		"mapping":["EMAIL -> Email"],"topic":{"partitions":2}}}`
)

// center is a running Import Center with its Kafka and Redis.
type center struct {
	t      *testing.T
	url    string
	kafka  kafka.Config
	topics schemas.Topics
	redis  *redistest.Server
	client *redis.Client
	http   *http.Client
	logs   *logBuffer
	stop   func() // ends the service; the test's cleanup waits for it
}

// logBuffer keeps what a service logs.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func start(t *testing.T) *center {
	t.Helper()
	return startWith(t, func(cfg *Config) { cfg.CheckTimeout = 0 }) // no extractor is there to ask
}

func startWith(t *testing.T, edit func(*Config)) *center {
	t.Helper()
	return startService(t, edit, func(*Service) {})
}

// startService starts an Import Center whose configuration and wiring a test has changed.
func startService(t *testing.T, edit func(*Config), wire func(*Service)) *center {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Kafka = kafkatest.Start(t)
	server := redistest.New(t)
	cfg.Redis = server.Config
	cfg.AnswerTimeout = 5 * time.Second
	edit(&cfg)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", listenAddr(cfg))
	if err != nil {
		t.Fatal(err)
	}
	health := daemon.NewHealth()
	logs, observed := &logBuffer{}, telemetry.Discard()
	observed.Logger = slog.New(slog.NewJSONHandler(logs, nil))
	service, err := New(cfg, Deps{Telemetry: observed, Health: health})
	if err != nil {
		t.Fatal(err)
	}
	service.mayLack = time.Hour // tests write some events without a projection
	wire(service)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	if listener, err = service.secured(listener); err != nil {
		t.Fatal(err)
	}
	go func() { done <- service.run(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	c := &center{
		t: t, url: "http://" + listener.Addr().String(), kafka: cfg.Kafka,
		topics: schemas.NewTopics(cfg.Kafka.Prefix), redis: server, client: server.Client(t), http: http.DefaultClient, logs: logs, stop: stop,
	}
	eventually(t, func() bool { return health.Ready(t.Context()) == nil })
	return c
}

// listenAddr is a free port, unless the test has chosen one.
func listenAddr(cfg Config) string {
	if cfg.HTTP.Addr == DefaultConfig().HTTP.Addr {
		return "127.0.0.1:0"
	}
	return cfg.HTTP.Addr
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("did not come true within 10 s")
		}
	}
}

// answer is a response, decoded if it is JSON.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (c *center) do(method, path, body string, header ...string) answer {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, text: string(raw)}
	_ = json.Unmarshal(raw, &a.body) // not every answer is an object
	return a
}

func (c *center) apply(documents ...string) answer {
	c.t.Helper()
	return c.do("POST", "/v1/apply", `{"documents":[`+strings.Join(documents, ",")+`]}`, "Tapline-Actor", "maya")
}

// log returns the records of a topic's partition, keys and values.
func (c *center) log(topic string, partition int32) []string {
	c.t.Helper()
	reader, err := kafka.OpenReader(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer reader.Close()
	var out []string
	_, err = reader.ReadTo(c.t.Context(), kafka.TP{Topic: topic, Partition: partition}, 0, func(r *kafka.Record) error {
		out = append(out, string(r.Key)+" "+string(r.Value))
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

func (c *center) produce(topic string, values ...any) {
	c.t.Helper()
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer producer.Close()
	records := make([]*kafka.Record, len(values))
	for i, v := range values {
		if records[i], err = control.Record(topic, "customers", "customers", v, "test", "test"); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := producer.Produce(c.t.Context(), records...); err != nil {
		c.t.Fatal(err)
	}
}

// TestTheRootSaysWhatThisIs: / describes the service to everybody and accepts no change.
func TestTheRootSaysWhatThisIs(t *testing.T) {
	t.Parallel()
	c := start(t)
	if a := c.do("GET", "/", ""); a.status != http.StatusOK || !strings.Contains(a.text, "Import Center") || !strings.Contains(a.text, "/openapi.yaml") {
		t.Errorf("GET / = %d %s", a.status, a.text)
	}
	for _, path := range []string{"/nothing", "//"} {
		if a := c.do("GET", path, ""); a.status != http.StatusNotFound {
			t.Errorf("GET %s = %d %s", path, a.status, a.text)
		}
	}
	if a := c.do("POST", "/", "{}"); a.status != http.StatusNotFound {
		t.Errorf("POST / = %d %s", a.status, a.text)
	}
}
