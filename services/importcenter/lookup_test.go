package importcenter

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// answerLookup answers the next look-up as a loader does, and returns it.
func (c *center) answerLookup(answer schemas.LookupAnswer) chan schemas.Lookup {
	asked := make(chan schemas.Lookup, 1)
	partition := schemas.ControlPartition("clevertap")
	tail, err := kafka.OpenTail(c.kafka, kafkatest.Deps(), map[kafka.TP]int64{{Topic: c.topics.Lookups(), Partition: partition}: 0})
	if err != nil {
		c.t.Fatal(err)
	}
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	go func() {
		defer close(asked)
		defer producer.Close()
		defer tail.Close()
		for {
			records, err := tail.Poll(c.t.Context(), 10)
			if err != nil || c.t.Context().Err() != nil {
				return
			}
			for _, rec := range records {
				var l schemas.Lookup
				if json.Unmarshal(rec.Value, &l) != nil {
					return
				}
				answer.ID, answer.Account = l.ID, l.Account
				out, err := control.Record(c.topics.LookupAnswers(), l.Account, l.Account, answer, schemas.EventLookedUp, "test")
				if err == nil && producer.Produce(c.t.Context(), out) == nil {
					asked <- l
				}
				return
			}
		}
	}()
	return asked
}

// TestWhyShowsWhatCleverTapHolds: a loader is asked with the identity, and its answer is
// shown; without a loader the answer says so.
func TestWhyShowsWhatCleverTapHolds(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.CheckTimeout, cfg.PreviewTimeout = 0, 5*time.Second })
	c.apply(connection, account, customers)
	const body = `{"identity":"canary-4711","clevertap":true}`
	asked := c.answerLookup(schemas.LookupAnswer{
		Outcome: schemas.LookupFound, Profile: json.RawMessage(`{"identity":"canary-4711","profileData":{"plan":"gold"}}`), Time: time.Now().UTC(),
	})
	a := c.do("POST", "/v1/imports/customers/why", body)
	if a.status != http.StatusOK || !strings.Contains(a.text, `"outcome":"found"`) || !strings.Contains(a.text, `"plan":"gold"`) {
		t.Fatalf("the answer is %d %s", a.status, a.text)
	}
	if l := <-asked; l.Value != "canary-4711" || l.By != schemas.LookupIdentity || l.Account != "clevertap" || time.Until(l.Until) > time.Minute {
		t.Errorf("the loader was asked %+v", l)
	}
	if a := c.do("POST", "/v1/imports/customers/why", body); a.status != http.StatusOK || !strings.Contains(a.text, "no loader has answered within 5s") {
		t.Errorf("without a loader the answer is %d %s", a.status, a.text)
	}
	if logs := c.logs.String(); strings.Contains(logs, "canary-4711") {
		t.Errorf("the log holds the identity: %s", logs)
	}
	for p := range int32(schemas.ControlPartitions) {
		for _, topic := range []string{c.topics.Commands(), c.topics.State(), c.topics.Reports()} {
			if text := strings.Join(c.log(topic, p), "\n"); strings.Contains(text, "canary-4711") {
				t.Errorf("%s holds the identity: %s", topic, text)
			}
		}
	}
}
