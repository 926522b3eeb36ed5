package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"tapline.dev/libs/kafka/kafkatest"
)

// StartSecured runs a cluster whose services sign in to a broker, each as the
// user of its name, and make no topics.
func StartSecured(t testing.TB, secured *kafkatest.Secured, devArgs ...string) *Cluster {
	t.Helper()
	// Its own broker is not used.
	c := Start(t, Options{DevArgs: append([]string{"--only", "infra"}, devArgs...)})
	c.sasl = secured.Admin.SASL
	c.Endpoints.Kafka, c.Endpoints.KafkaPrefix = secured.Admin.Brokers[0], secured.Admin.Prefix
	base := portBase(t)
	for i, name := range Services {
		sasl := secured.As(name).SASL
		c.options.Env = []string{
			"TAPLINE_KAFKA_CREATE_TOPICS=false", "TAPLINE_KAFKA_SASL_MECHANISM=" + sasl.Mechanism,
			"TAPLINE_KAFKA_SASL_USERNAME=" + name, "TAPLINE_KAFKA_SASL_PASSWORD=" + sasl.Password.Reveal(),
		}
		c.startReplica(t, name, 0, base, base+10+i)
	}
	c.Endpoints.ImportCenter = fmt.Sprintf("http://127.0.0.1:%d", base)
	c.AwaitAPI(t)
	return c
}

// AwaitAPI waits until the Import Center answers.
func (c *Cluster) AwaitAPI(t testing.TB) {
	t.Helper()
	Eventually(t, time.Minute, "the Import Center answers", func() bool { return c.try("get", "imports", "-o", "json") == nil })
}

// Logged returns what a service's first replica has logged from an offset on, and the
// offset after that.
func (c *Cluster) Logged(t testing.TB, service string, from int) (text string, next int) {
	t.Helper()
	all, err := os.ReadFile(filepath.Join(c.Dir, service+"-0.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(all[from:]), len(all)
}

// Say runs bin/tapline, whatever its exit code, and returns all that it printed.
func (c *Cluster) Say(args ...string) string {
	out, err := exec.Command(filepath.Join(c.bin, "tapline"), append(args, "--server", c.Endpoints.ImportCenter)...).CombinedOutput()
	if err != nil {
		return string(out) + err.Error()
	}
	return string(out)
}
