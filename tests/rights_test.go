package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// TestServicesWorkWithTheirRights: with exactly its rights, and topics that an
// operator made, each service does its work and is refused nothing.
func TestServicesWorkWithTheirRights(t *testing.T) {
	t.Parallel()
	c, _ := securedCluster(t)
	run := c.Close(t, c.Trigger(t, "customers"), time.Minute)
	if run.State != schemas.StateSucceededWithRejects || run.Counts.Loaded == 0 || run.Counts.MapRejected == 0 {
		t.Errorf("the run is %+v", run)
	}
	if out, code := c.CLI(t, "get", "rejects", "--run", run.Run, "-o", "json"); code != 0 || !strings.Contains(out, "email_invalid") {
		t.Errorf("tapline get rejects: exit code %d\n%s", code, out)
	}
	for _, service := range harness.Services {
		if text, _ := c.Logged(t, service, 0); strings.Contains(text, "AUTHORIZATION_FAILED") {
			t.Errorf("%s was refused something:\n%s", service, text)
		}
	}
	// Import Center says which topic is missing and who creates it.
	path := c.Dir + "/other.yaml"
	if err := os.WriteFile(path, []byte(definition("other")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := c.CLI(t, "apply", "-f", path); code == 0 {
		t.Errorf("an import without topics was applied: %s", out)
	}
}

// refusedWithin is how long a service may take until it needs a right. Those that
// only an owner of partitions needs wait for the group: each killed predecessor
// holds it for the rebalance timeout if it died between joining and syncing, else
// for the session.
const refusedWithin = 90 * time.Second

// TestServicesSayWhichRightIsMissing takes each right from its service, which
// must say so, and continue once it has the right.
func TestServicesSayWhichRightIsMissing(t *testing.T) {
	onRealServers(t) // it takes minutes
	c, secured := securedCluster(t)
	topics := schemas.NewTopics(secured.Admin.Prefix)
	for _, service := range harness.Services {
		var later []schemas.Right
		for _, right := range topics.Rights(service) {
			switch {
			case seldom(topics, service, right):
			case !atStart(service, right):
				later = append(later, right)
			default:
				t.Run(caseName(service, right), func(t *testing.T) {
					c.Services[service].Kill() // it still speaks of the right before
					_, from := c.Logged(t, service, 0)
					secured.Revoke(t, service, right)
					defer secured.Grant(t, service, right)
					c.Services[service].Start(t)
					harness.Eventually(t, refusedWithin, "it says what is refused", func() bool {
						text, _ := c.Logged(t, service, from)
						return names(text, right)
					})
				})
			}
		}
		c.Services[service].Kill()
		c.Services[service].Start(t)
		c.AwaitAPI(t)
		for i, right := range later {
			t.Run(caseName(service, right), func(t *testing.T) {
				_, from := c.Logged(t, service, 0)
				name := fmt.Sprintf("%s%d", service, i)
				if service != "importcenter" {
					prepare(t, c, secured, name)
				}
				secured.Revoke(t, service, right)
				said := make(chan string, 1)
				go func() { said <- provoke(t, c, secured, service, name) }()
				harness.Eventually(t, refusedWithin, "it says what is refused", func() bool {
					text, _ := c.Logged(t, service, from)
					select {
					case answer := <-said:
						said <- answer
						text += answer
					default:
					}
					return names(text, right)
				})
				secured.Grant(t, service, right)
				<-said
				if service == "importcenter" {
					provoke(t, c, secured, service, name)
				}
				c.Close(t, name+".1", 2*time.Minute)
			})
		}
	}
}

func caseName(service string, r schemas.Right) string {
	return strings.Join([]string{service, r.May, r.Name}, " ")
}

// names reports whether a line of the text says that this right is missing. A topic
// is named, a group or transactional id is known by the error.
func names(text string, r schemas.Right) bool {
	want := map[string]string{
		schemas.OnTopic: r.Name, schemas.OnGroup: "GROUP_AUTHORIZATION", schemas.OnTransactionalID: "TRANSACTIONAL_ID_AUTHORIZATION",
	}[r.On]
	for line := range strings.Lines(text) {
		if strings.Contains(line, "AUTHORIZATION_FAILED") && strings.Contains(line, want) {
			return true
		}
	}
	return false
}

// provoke makes a service need its rights: Import Center by an import, everything
// else by the first run of an import that is there.
func provoke(t *testing.T, c *harness.Cluster, secured *kafkatest.Secured, service, name string) string {
	if service == "importcenter" {
		return prepare(t, c, secured, name) + c.Say("run", name)
	}
	return c.Say("run", name)
}

// prepare makes the topics of an import and applies it, with a connection.
func prepare(t *testing.T, c *harness.Cluster, secured *kafkatest.Secured, name string) (said string) {
	specs := schemas.NewTopics(secured.Admin.Prefix).ImportTopics(name, schemas.TopicSettings{})
	if _, err := kafka.ApplyTopics(t.Context(), secured.Admin, kafkatest.Deps(), specs); err != nil {
		t.Error(err)
	}
	path := filepath.Join(c.Dir, name+".yaml")
	text := definition(name) + "---\n" + fmt.Sprintf(`apiVersion: tapline.dev/v1alpha1
kind: SnowflakeConnection
metadata: {name: %s}
spec: {account: acme-eu1, user: TAPLINE, password: ref+env://PW}
`, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Error(err)
	}
	return c.Say("apply", "-f", path)
}

// atStart reports whether a service needs the right to start. Other rights it needs
// only once there is work.
func atStart(service string, r schemas.Right) bool {
	switch {
	case r.On == schemas.OnGroup:
		return r.May == schemas.MayRead
	case r.On == schemas.OnTransactionalID:
		return service == "scheduler" || service == "mapper"
	case service == "importcenter" && r.Prefixed:
		return false
	case service == "extractor" && strings.HasSuffix(r.Name, "rejects.v1"):
		return false
	case (service == "extractor" || service == "mapper") && strings.HasSuffix(r.Name, "reports.v1"):
		return false
	}
	return r.May == schemas.MayRead
}

// seldom reports whether a right is needed only for previews, dry runs, resends, a rebuild of
// Redis, rejects of CleverTap, rows that are too large for Kafka, changes of the
// suppression list, or after a run of events that did not succeed.
func seldom(topics schemas.Topics, service string, r schemas.Right) bool {
	if r.May == schemas.MayDescribe {
		return true // a topic that was deleted and created again
	}
	if service == "extractor" && r.Prefixed && r.May == schemas.MayRead {
		return true // records that an interrupted run has loaded
	}
	switch r.Name {
	case topics.Suppressions():
		return r.May == schemas.MayWrite
	case topics.DryRunRows(), topics.DryRunRecords(), topics.DryRunRejects():
		return true
	case topics.Rejects():
		return service == "extractor" || service == "loader"
	case topics.Audit():
		return r.May == schemas.MayRead // for `tapline audit` alone
	case topics.Runs():
		return service == "scheduler" && r.May == schemas.MayRead
	}
	return false
}

// securedCluster is a cluster with the rights of every service, an applied
// import and its topics.
func securedCluster(t *testing.T) (*harness.Cluster, *kafkatest.Secured) {
	t.Helper()
	secured := kafkatest.StartSecured(t, harness.Services...)
	topics := schemas.NewTopics(secured.Admin.Prefix)
	specs := append(topics.Catalogue(), topics.ImportTopics("customers", schemas.TopicSettings{})...)
	if _, err := kafka.ApplyTopics(t.Context(), secured.Admin, kafkatest.Deps(), specs); err != nil {
		t.Fatal(err)
	}
	for _, service := range harness.Services {
		secured.Grant(t, service, topics.Rights(service)...)
	}
	path, _ := customers(t, 300)
	c := harness.StartSecured(t, secured, "--load", table+"="+path)
	c.Apply(t, c.Endpoints.Files["resources"])
	c.ApplyText(t, definition("customers"))
	return c, secured
}
