package servers

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tapline.dev/libs/kafka"
)

//go:embed pom.xml
var pom []byte

// startTimeout bounds a start, also after a kill on a busy machine.
const startTimeout = 90 * time.Second

// FetchKafka puts the broker's jars into dir, once.
func FetchKafka(ctx context.Context, dir string) error {
	if err := need("java", "install Java 17 or newer, such as Debian's openjdk-17-jre-headless"); err != nil {
		return err
	}
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := need("mvn", "install Maven, such as Debian's maven"); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return fmt.Errorf("making the jars' folder: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "fetching-")
	if err != nil {
		return fmt.Errorf("making the jars' folder: %w", err)
	}
	defer os.RemoveAll(temp)
	file := filepath.Join(temp, "pom.xml")
	if err := os.WriteFile(file, pom, 0o600); err != nil {
		return fmt.Errorf("writing pom.xml: %w", err)
	}
	lib := filepath.Join(temp, "lib")
	out, err := exec.CommandContext(ctx, "mvn", "-B", "-q", "-f", file, "dependency:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory="+lib).CombinedOutput()
	if err != nil {
		return fmt.Errorf("fetching Kafka's jars: %w\n%s", err, out)
	}
	// Renamed as a whole: a folder that is there is complete.
	if err := os.Rename(lib, dir); err != nil {
		return fmt.Errorf("keeping Kafka's jars: %w", err)
	}
	return nil
}

// Kafka is a broker that can be stopped, killed and started again.
type Kafka struct {
	Addr string
	Log  string

	jars, dir string
	port      int
	process   *process
}

// StartKafka starts a single broker on a free port, with its data in dir.
func StartKafka(ctx context.Context, jars, dir string) (*Kafka, error) {
	port, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	k := &Kafka{
		Addr: fmt.Sprintf("127.0.0.1:%d", port), Log: filepath.Join(dir, "broker.log"),
		jars: jars, dir: dir, port: port,
	}
	if err := k.configure(); err != nil {
		return nil, err
	}
	format := exec.CommandContext(ctx, "java", k.java("kafka.tools.StorageTool", "format",
		"-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", filepath.Join(dir, "server.properties"))...)
	if out, err := format.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("formatting Kafka's storage: %w\n%s", err, out)
	}
	return k, k.Start(ctx)
}

func (k *Kafka) java(args ...string) []string {
	return append([]string{
		"-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError",
		"-Dlog4j2.configurationFile=" + filepath.Join(k.dir, "log4j2.properties"), "-cp", filepath.Join(k.jars, "*"),
	}, args...)
}

// Start starts it, again after Stop or Kill, and returns once a client has
// listed the brokers.
func (k *Kafka) Start(ctx context.Context) error {
	var err error
	if k.process, err = start(k.Log, "java", k.java("kafka.Kafka", filepath.Join(k.dir, "server.properties"))...); err != nil {
		return err
	}
	err = k.process.until(ctx, startTimeout, func(ctx context.Context) error { return Brokers(ctx, k.Addr) })
	if err != nil {
		k.Kill()
		return fmt.Errorf("starting Kafka: %w\n%s", err, Tail(k.Log, 4000))
	}
	return nil
}

// Stop stops it in an orderly way.
func (k *Kafka) Stop() { k.process.end(syscall.SIGTERM) }

// Kill ends it by SIGKILL.
func (k *Kafka) Kill() { k.process.end(syscall.SIGKILL) }

// Running reports whether it has not ended.
func (k *Kafka) Running() bool { return k.process.running() }

// PID is the process's id.
func (k *Kafka) PID() int { return k.process.cmd.Process.Pid }

// Brokers returns nil once a client can list the brokers at addr.
func Brokers(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	cfg := kafka.DefaultConfig()
	cfg.Brokers = strings.Split(addr, ",")
	n, err := kafka.Brokers(ctx, cfg, kafka.Deps{Log: quiet()})
	if err == nil && n == 0 {
		err = fmt.Errorf("%s lists no broker", addr)
	}
	return err
}

func (k *Kafka) configure() error {
	properties := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%[3]s
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
message.max.bytes=16777216
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
# Tests make and delete many topics; their files need not be large.
log.index.size.max.bytes=65536
file.delete.delay.ms=1000
log.cleaner.dedupe.buffer.size=16777216
# A transaction that a killed client left open is ended within this of its timeout.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
`, k.port, k.port+1, filepath.Join(k.dir, "data"))
	logging := `appender.o.type=Console
appender.o.name=O
appender.o.layout.type=PatternLayout
appender.o.layout.pattern=%d %p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.o.ref=O
logger.s.name=kafka.server.KafkaRaftServer
logger.s.level=info
logger.t.name=kafka.coordinator.transaction.TransactionMarkerChannelManager
logger.t.level=info
`
	for name, text := range map[string]string{"server.properties": properties, "log4j2.properties": logging} {
		if err := os.WriteFile(filepath.Join(k.dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}
