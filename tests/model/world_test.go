package model

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/sandbox"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// trouble is the kinds of faults in a world.
type trouble struct {
	crashes bool // services lose the network, Snowflake and CleverTap fail for a while
	losses  bool // Redis loses everything, or does not answer
	answers bool // Kafka's answers get lost after it has done what was asked
}

func (t trouble) String() string {
	switch {
	case t.losses:
		return "crashes and a lost Redis"
	case t.crashes:
		return "crashes"
	case t.answers:
		return "lost answers"
	}
	return "calm"
}

// world is a pipeline with its surroundings.
type world struct {
	t                    testing.TB
	log                  *slog.Logger
	trouble              trouble
	kafka                kafka.Config
	topics               schemas.Topics
	redis                *redistest.Server
	snowflake            *sandbox.Snowflake
	clevertap            *sandbox.CleverTap
	answers              *kafkatest.LostAnswers // nil unless answers get lost
	producer             *kafka.Producer
	reader               *kafka.Reader
	board                *board
	histories            map[string]*history         // by import; complete before the services start
	clocks               map[string]func() time.Time // of imports that are no history; likewise
	resources            map[string]int              // generations by key
	livesMu              sync.Mutex
	commands             sync.RWMutex         // held for writing while the commands topic is made anew
	lives                map[string]*instance // of a world whose services a disturbance restarts
	attempts, chunkTries int
	replicas             int // loaders that run at once, if there are several
	afterGrace           time.Duration
	afterLimit           time.Duration
	disturbed            bool        // people, Kafka and proxies disturb it
	reconciled           bool        // its imports are reconciled
	repaired             bool        // its imports are verified and repaired
	mayRepeat            atomic.Bool // events may arrive more than once, because of a fault that affects all imports
	stall                time.Duration
	failed               chan struct{} // closed at the first violation
	mu                   sync.Mutex
	wrong                int         // violations so far
	losses               []time.Time // when the reports topic was made anew
}

// newWorld starts the surroundings of a pipeline, and no service yet.
func newWorld(t testing.TB, trouble trouble) *world {
	t.Helper()
	w := &world{t: t, trouble: trouble, attempts: 20, chunkTries: 5, stall: 10 * time.Second, redis: redistest.New(t), histories: map[string]*history{}, clocks: map[string]func() time.Time{}, resources: map[string]int{}, failed: make(chan struct{})}
	w.log = slog.New(slog.DiscardHandler)
	if *logDir != "" {
		file, err := os.Create(filepath.Join(*logDir, strings.NewReplacer("/", " ").Replace(t.Name())+".log"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		w.log = slog.New(slog.NewTextHandler(file, nil))
	}
	// A busy machine must not count as a fault.
	w.redis.Config.Timeout = time.Minute
	w.kafka = kafkatest.Start(t)
	if trouble.crashes && kafkatest.Real() == "" { // Apache Kafka wants six
		w.kafka.SessionTimeout = 2 * time.Second
	}
	w.kafka.TransactionTimeout = 5 * time.Second
	w.topics = schemas.NewTopics(w.kafka.Prefix)
	w.startSandboxes()
	var err error
	if w.producer, err = kafka.OpenProducer(w.kafka, kafkatest.Deps()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.producer.Close)
	if w.reader, err = kafka.OpenReader(w.kafka, kafkatest.Deps()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.reader.Close)
	w.board = newBoard(w)
	w.writeResources()
	return w
}

func (w *world) startSandboxes() {
	log := slog.New(slog.DiscardHandler)
	cfg := sandbox.DefaultSnowflakeConfig()
	cfg.Listen, cfg.InlineRows, cfg.ChunkRows, cfg.Clock = "127.0.0.1:0", 3, 4, w.clock
	cfg.KeepResults, cfg.FixtureDir = 10_000, "testdata"
	cfg.Grants = []string{"SELECT ON TABLE SHOP.PUBLIC.T", "USAGE ON ROLE WRITER", "INSERT ON TABLE SHOP.PUBLIC.T"}
	var err error
	if w.snowflake, err = sandbox.NewSnowflake(cfg, log); err != nil {
		w.t.Fatal(err)
	}
	ct := sandbox.DefaultCleverTapConfig()
	ct.Listen = "127.0.0.1:0"
	w.clevertap = sandbox.NewCleverTap(ct, log)
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan error, 2)
	go func() { done <- w.snowflake.Run(ctx) }()
	go func() { done <- w.clevertap.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				w.t.Errorf("a sandbox ended: %v", err)
			}
		}
	})
	<-w.snowflake.Ready()
	<-w.clevertap.Ready()
}

// clock returns the time of the history that a session belongs to.
func (w *world) clock(queryTag string) time.Time {
	var tag struct {
		Import string `json:"import"`
	}
	_ = json.Unmarshal([]byte(queryTag), &tag) // statements of a session without one
	if h, ok := w.histories[tag.Import]; ok {
		return h.clock()
	}
	if clock, ok := w.clocks[tag.Import]; ok {
		return clock()
	}
	return time.Now()
}

func (w *world) writeResources() {
	sf, ct := sandbox.DefaultSnowflakeConfig(), sandbox.DefaultCleverTapConfig()
	host, port := splitAddr(w.t, w.snowflake.Addr())
	w.resource(schemas.KindSnowflakeConnection, "warehouse", schemas.SnowflakeConnectionSpec{
		Account: sf.Account, User: sf.User, Password: w.secret("password", string(sf.Password)), Warehouse: sf.Warehouse,
		Database: sf.Database, Schema: sf.Schema, Host: host, Port: port, Protocol: "http",
	})
	w.resource(schemas.KindCleverTapAccount, "clevertap", schemas.CleverTapAccountSpec{
		Endpoint: "http://" + w.clevertap.Addr(), AccountID: w.secret("id", ct.AccountID), Passcode: w.secret("passcode", string(ct.Passcode)),
	})
}

// secret writes a file with a secret and returns the reference to it.
func (w *world) secret(name, value string) string {
	path := filepath.Join(w.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return "ref+file://" + path
}

// accountAt applies an account resource that is reached at an endpoint.
func (w *world) accountAt(name, endpoint string, spec schemas.CleverTapAccountSpec) {
	ct := sandbox.DefaultCleverTapConfig()
	spec.Endpoint, spec.AccountID, spec.Passcode = endpoint, w.secret("id", ct.AccountID), w.secret("passcode", string(ct.Passcode))
	w.resource(schemas.KindCleverTapAccount, name, spec)
}

func (w *world) resource(kind, name string, spec any) {
	raw, err := json.Marshal(spec)
	if err != nil {
		w.t.Fatal(err)
	}
	key := schemas.ResourceKey(kind, name)
	w.mu.Lock()
	w.resources[key]++
	generation := w.resources[key]
	w.mu.Unlock()
	rec := w.record(w.topics.Resources(), "", key, schemas.EventResource, schemas.Resource{
		APIVersion: schemas.APIVersion, Kind: kind, Metadata: schemas.Metadata{Name: name}, Spec: raw, Generation: generation, AppliedAt: time.Now(),
	})
	rec.Partition = 0
	w.produce(rec)
}

func (w *world) record(topic, importName, key, typ string, value any) *kafka.Record {
	rec, err := control.Record(topic, importName, key, value, typ, "test")
	if err != nil {
		w.t.Fatal(err)
	}
	return rec
}

func (w *world) produce(records ...*kafka.Record) {
	if err := w.producer.Produce(context.WithoutCancel(w.t.Context()), records...); err != nil {
		w.t.Errorf("writing to Kafka: %v", err)
	}
}

// add makes a history's table and applies its import. All are added before the
// services start.
func (w *world) add(h *history) {
	w.histories[h.name] = h
	if err := w.snowflake.Exec(w.t.Context(), h.createTable()); err != nil {
		w.t.Fatalf("seed %d: creating its table: %v", h.seed, err)
	}
	w.apply(h.name, h.spec())
}

func (w *world) apply(name string, spec schemas.ImportSpec) { w.applyGeneration(name, spec, 1) }

func (w *world) applyGeneration(name string, spec schemas.ImportSpec, generation int) {
	if err := kafka.EnsureTopics(w.t.Context(), w.kafka, kafkatest.Deps(), w.topics.ImportTopics(name, spec.Topic)); err != nil {
		w.t.Fatal(err)
	}
	w.produce(w.record(w.topics.Imports(), name, name, schemas.EventDefinition, schemas.Definition{
		APIVersion: schemas.APIVersion, Kind: schemas.KindImport, Metadata: schemas.Metadata{Name: name},
		Spec: spec, Generation: generation, AppliedAt: time.Now(),
	}))
}

func (w *world) command(importName string, c schemas.Command) {
	w.commands.RLock()
	defer w.commands.RUnlock()
	c.Import, c.Time = importName, time.Now()
	w.produce(w.record(w.topics.Commands(), importName, importName, schemas.EventCommand, c))
}

// run runs all histories with the world's faults, and then stops.
func (w *world) run(seed uint64) {
	lives := w.startAll()
	var writers sync.WaitGroup
	for _, h := range w.histories {
		writers.Go(h.pass)
	}
	over := make(chan struct{})
	go func() {
		writers.Wait()
		close(over)
	}()
	if w.trouble.crashes {
		w.stir(lives, rand.New(rand.NewPCG(seed, 7)), over)
	}
	<-over
	w.stopAll(lives)
	w.checkContracts()
}

// checkContracts checks every record that the services wrote against the schema that its
// event type names.
func (w *world) checkContracts() {
	complaints, checked, err := harness.CheckContracts(w.t.Context(), w.kafka, kafkatest.Deps())
	if err != nil {
		w.t.Errorf("checking the records of the control topics: %v", err)
	}
	for _, c := range complaints {
		w.t.Errorf("a contract is broken: %s", c)
	}
	if checked == 0 && err == nil {
		w.t.Error("there is no record in the control topics to check")
	}
}

// dump writes the stacks of all goroutines.
func (w *world) dump() {
	if *logDir == "" {
		return
	}
	stacks := make([]byte, 16<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if err := os.WriteFile(filepath.Join(*logDir, "stacks.txt"), stacks, 0o600); err != nil {
		w.t.Errorf("keeping the stacks: %v", err)
	}
}

// violation reports something that must never happen. Only the first ones of a world are
// printed.
func (w *world) violation(h *history, format string, args ...any) {
	w.report(fmt.Sprintf("seed %d (%s, %s)", h.seed, h, w.trouble), fmt.Sprintf(format, args...))
}

func (w *world) report(where, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wrong++; w.wrong == 1 {
		close(w.failed)
	}
	if w.wrong > 3 {
		return
	}
	w.t.Errorf("%s: %s", where, what)
}

func (w *world) broken() bool {
	select {
	case <-w.failed:
		return true
	default:
		return false
	}
}

// put sets the faults of a sandbox.
func (w *world) put(url string, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(w.t.Context()), http.MethodPut, url, bytes.NewReader(raw))
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Errorf("setting faults: %v", err)
		return
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		w.t.Errorf("setting faults: status %d, %v", resp.StatusCode, err)
	}
}

// atCleverTap calls the sandbox CleverTap's handler without a socket.
func (w *world) atCleverTap(path string) (int, []byte) {
	rec := httptest.NewRecorder()
	w.clevertap.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec.Code, rec.Body.Bytes()
}
