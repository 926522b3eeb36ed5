package loader

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
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

// world is what the loader works with: Kafka, Redis and a fake CleverTap.
type world struct {
	t         testing.TB
	kafka     kafka.Config
	deps      kafka.Deps
	topics    schemas.Topics
	redis     *redistest.Server
	redisDeps redis.Deps
	cleverTap *fakeCleverTap
	producer  *kafka.Producer
	reader    *kafka.Reader
	tune      func(*Config)
	prepare   func(*Service)

	mu      sync.Mutex
	tallies map[string]*tally
}

const testAccount = "clevertap"

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, kafka: kafkatest.Start(t), deps: kafkatest.Deps(), redis: redistest.New(t), cleverTap: newFakeCleverTap(t), tallies: map[string]*tally{}}
	w.kafka.SessionTimeout = 15 * time.Second
	w.kafka.RebalanceTimeout = 20 * time.Second
	w.open()
	w.account(schemas.CleverTapAccountSpec{})
	return w
}

// newVirtualWorld returns a world in the virtual time of a synctest bubble, without a
// CleverTap.
func newVirtualWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, tallies: map[string]*tally{}}
	w.kafka, w.deps = kafkatest.StartVirtual(t)
	server, _ := redistest.NewVirtual(t)
	w.redis, w.redisDeps = &redistest.Server{Config: redis.Default()}, redis.Deps{Dial: server.Dial}
	w.open()
	return w
}

// open connects the test's own clients.
func (w *world) open() {
	w.t.Helper()
	t := w.t
	w.topics = schemas.NewTopics(w.kafka.Prefix)
	var err error
	if w.producer, err = kafka.OpenProducer(w.kafka, w.deps); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.producer.Close)
	if w.reader, err = kafka.OpenReader(w.kafka, w.deps); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.reader.Close)
	w.follow()
}

// account defines the account, with the fake's endpoint and test secrets.
func (w *world) account(spec schemas.CleverTapAccountSpec) {
	w.t.Helper()
	dir := w.t.TempDir()
	secret := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			w.t.Fatal(err)
		}
		return "ref+file://" + path
	}
	if spec.Endpoint == "" {
		spec.Endpoint = w.cleverTap.URL
	}
	spec.AccountID, spec.Passcode = secret("id"), secret("pass")
	raw, err := json.Marshal(spec)
	if err != nil {
		w.t.Fatal(err)
	}
	w.control(w.topics.Resources(), "", schemas.ResourceKey(schemas.KindCleverTapAccount, testAccount), schemas.Resource{
		APIVersion: schemas.APIVersion, Kind: schemas.KindCleverTapAccount,
		Metadata: schemas.Metadata{Name: testAccount}, Spec: raw,
	})
}

func (w *world) control(topic, importName, key string, value any) {
	w.t.Helper()
	rec, err := control.Record(topic, importName, key, value, "test", "test")
	if err != nil {
		w.t.Fatal(err)
	}
	if topic == w.topics.Resources() {
		rec.Partition = 0
	}
	if err := w.producer.Produce(context.Background(), rec); err != nil {
		w.t.Fatal(err)
	}
}

// importOf creates an import's topics, definition and first run.
func (w *world) importOf(name string, partitions int, spec schemas.ImportSpec) {
	w.t.Helper()
	spec.Topic.Partitions = partitions
	spec.Destination.AccountRef = testAccount
	if spec.Destination.Type == "" {
		spec.Destination.Type = schemas.TypeProfile
	}
	if err := kafka.EnsureTopics(context.Background(), w.kafka, w.deps, w.topics.ImportTopics(name, spec.Topic)); err != nil {
		w.t.Fatal(err)
	}
	w.control(w.topics.Imports(), name, name, schemas.Definition{Metadata: schemas.Metadata{Name: name}, Spec: spec})
	w.state(name, 1, 1, spec, nil)
}

func (w *world) state(name string, number, attempt int, spec schemas.ImportSpec, ending *schemas.Ending) {
	w.t.Helper()
	spec.Destination.AccountRef = testAccount
	if spec.Destination.Type == "" {
		spec.Destination.Type = schemas.TypeProfile
	}
	w.control(w.topics.State(), name, name, schemas.State{Import: name, LastNumber: number, Active: &schemas.ActiveRun{
		Run: schemas.RunID(name, number), Number: number, Attempt: attempt, State: schemas.StateLoading, Spec: spec, Ending: ending,
	}})
}

// row is a record to be loaded.
type row struct {
	partition int32
	identity  string
	version   int
	run       string // "" is 1.1
	data      string // properties
}

// load writes records, in transactions of at most batch, which leaves a gap in
// the offsets after each.
func (w *world) load(name string, rows []row, batch int) {
	w.t.Helper()
	tx, err := kafka.OpenTransactor(context.Background(), w.kafka, w.deps, "test-"+name)
	if err != nil {
		w.t.Fatal(err)
	}
	defer tx.Close()
	for begin := 0; begin < len(rows); begin += batch {
		end := min(begin+batch, len(rows))
		for {
			err := w.loadOnce(tx, name, rows[begin:end], begin)
			if err == nil {
				break
			}
			// Such a transaction is made again, as the services do.
			if !errors.Is(err, kafka.ErrAborted) || errors.Is(err, kafka.ErrFenced) {
				w.t.Fatal(err)
			}
		}
	}
}

// loadOnce produces rows in one transaction; first is the place of the first of them.
func (w *world) loadOnce(tx *kafka.Transactor, name string, rows []row, first int) error {
	if err := tx.Begin(); err != nil {
		return err
	}
	for i, r := range rows {
		run := cmp.Or(r.run, "1.1")
		tx.Produce(&kafka.Record{
			Topic: w.topics.Records(name), Partition: r.partition, Key: []byte(r.identity),
			Value:   fmt.Appendf(nil, `{"type":"profile","identity":%q,"version":%d,"name":%q,"profileData":{%s}}`, r.identity, r.version, name, r.data),
			Headers: []kafka.Header{{Key: schemas.HeaderID, Value: fmt.Appendf(nil, "%s.%d", run, first+i+1)}},
		})
	}
	return tx.Commit(context.Background())
}

func (w *world) config() Config {
	cfg := DefaultConfig()
	cfg.Kafka, cfg.Redis = w.kafka, w.redis.Config
	cfg.AllowCustomEndpoints = true
	cfg.Secrets.Directories = []string{os.TempDir()}
	cfg.MaxReplicas = 1
	cfg.RequestTimeout = time.Second
	cfg.LeaseInterval = 100 * time.Millisecond
	cfg.BackoffMin, cfg.BackoffMax = 20*time.Millisecond, 200*time.Millisecond
	cfg.DrainTimeout = 5 * time.Second
	cfg.Linger = 10 * time.Millisecond
	if w.tune != nil {
		w.tune(&cfg)
	}
	return cfg
}

// running is a loader under test.
type running struct {
	*Service
	t      testing.TB
	stop   context.CancelFunc
	done   chan error
	cables *cables
	once   sync.Once
}

// start runs a loader until the test ends, or stop or kill.
func (w *world) start() *running {
	w.t.Helper()
	cfg := w.config()
	cables := &cables{network: w.deps.Dial}
	s, err := New(cfg, Deps{
		Telemetry: telemetry.Discard(), Health: daemon.NewHealth(), Kafka: kafka.Deps{Dial: cables.dial}, Redis: w.redisDeps,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{Service: s, t: w.t, stop: stop, done: make(chan error, 1), cables: cables}
	if w.prepare != nil {
		w.prepare(s)
	}
	go func() { r.done <- s.Run(ctx) }()
	w.t.Cleanup(r.drain)
	return r
}

// drain stops the loader as SIGTERM does and waits for its end.
func (r *running) drain() {
	r.once.Do(func() {
		r.stop()
		select {
		case err := <-r.done:
			if err != nil && !r.cables.cut() {
				r.t.Errorf("Run() = %v", err)
			}
		case <-time.After(20 * time.Second):
			r.t.Error("the loader did not stop")
		}
	})
}

// cables are a loader's connections to Kafka. The test cuts them, as a SIGKILL would.
type cables struct {
	network func(ctx context.Context, network, addr string) (net.Conn, error) // nil: the real one

	mu    sync.Mutex
	off   bool
	conns []net.Conn
}

func (c *cables) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		return nil, errors.New("killed")
	}
	dial := c.network
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, network, addr)
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

func (c *cables) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// mend lets the loader connect again after an outage of Kafka.
func (c *cables) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = false
}

func (c *cables) cut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.off
}

// await polls until the condition holds.
func (w *world) await(what string, within time.Duration, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(within)
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited %v for: %s", within, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// settled waits until n records of the import have an outcome.
func (w *world) settled(name string, n int) tally {
	w.t.Helper()
	var got tally
	w.await(fmt.Sprintf("%d outcomes of %s", n, name), 30*time.Second, func() bool {
		got = w.tally(name)
		return got.total >= n
	})
	return got
}

// rejects reads the import's rejects.
func (w *world) rejects(name string) []schemas.Reject {
	w.t.Helper()
	var out []schemas.Reject
	_, err := w.reader.ReadTo(context.Background(), kafka.TP{Topic: w.topics.Rejects(), Partition: schemas.ControlPartition(name)}, 0, func(r *kafka.Record) error {
		var reject schemas.Reject
		if err := json.Unmarshal(r.Value, &reject); err != nil {
			return err
		}
		if reject.Import == name {
			out = append(out, reject)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// committed is the group's committed offset of each partition of an import.
func (w *world) committed(name string, partitions int) []int64 {
	w.t.Helper()
	group, err := kafka.OpenGroup(w.kafka, w.deps, kafka.GroupConfig{Group: Group}) // without topics: joins nothing
	if err != nil {
		w.t.Fatal(err)
	}
	defer group.Close()
	tps := make([]kafka.TP, partitions)
	for i := range tps {
		tps[i] = kafka.TP{Topic: w.topics.Records(name), Partition: int32(i)}
	}
	commits, err := group.Committed(context.Background(), tps...)
	if err != nil {
		w.t.Fatal(err)
	}
	out := make([]int64, partitions)
	for i, tp := range tps {
		out[i] = commits[tp].Offset
	}
	return out
}
