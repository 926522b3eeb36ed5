package cli

import (
	"fmt"
	"strings"
	"testing"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

func TestTopicsPlanAndApply(t *testing.T) {
	t.Parallel()
	kafkaConfig := kafkatest.Start(t)
	topics := schemas.NewTopics(kafkaConfig.Prefix)
	settings := file(t, "tapline.yaml", fmt.Sprintf("kafka: {brokers: [%q], prefix: %q}\n", kafkaConfig.Brokers[0], kafkaConfig.Prefix))
	customers := file(t, "customers.yaml", customersYAML)
	want := func(r result, code int, parts ...string) {
		t.Helper()
		if r.code != code {
			t.Errorf("exit code %d, want %d\n%s%s", r.code, code, r.out, r.err)
		}
		for _, part := range parts {
			if !strings.Contains(r.out+r.err, part) {
				t.Errorf("%q is not in\n%s%s", part, r.out, r.err)
			}
		}
	}
	want(tapline(t, "", "topics", "plan", "--config", settings), 0, fmt.Sprintf("%d topics are as they should be", len(topics.Catalogue())))
	rows := topics.Rows("customers")
	want(tapline(t, "", "topics", "plan", "--config", settings, "-f", customers), 2, rows, topics.Records("customers"), "6 partitions")
	want(tapline(t, "", "topics", "apply", "--config", settings, "-f", customers), 0, rows, "2 changes made")
	want(tapline(t, "", "topics", "plan", "--config", settings, "-f", customers), 0)

	// Of an applied import no file is needed.
	producer, err := kafka.OpenProducer(kafkaConfig, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	definition := schemas.Definition{Metadata: schemas.Metadata{Name: "orders"}, Spec: schemas.ImportSpec{Topic: schemas.TopicSettings{Partitions: 2}}}
	record, err := control.Record(topics.Imports(), "orders", "orders", definition, "definition", "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := producer.Produce(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	want(tapline(t, "", "topics", "plan", "--config", settings, "-o", "json"), 2, topics.Rows("orders"), "2 partitions")

	// What would move keys is left out, and said.
	wider := file(t, "wider.yaml", customersYAML+"  topic: {partitions: 8}\n")
	want(tapline(t, "", "topics", "apply", "--config", settings, "-f", wider), 1, "would move", "2 of 4 changes were left out")
}

func TestTopicsWithoutKafka(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"kafka: {brokers: [nowhere]}\n":                             "not host:port",
		"kafka: {sasl: {mechanism: PLAIN}}\n":                       "kafka.sasl.username: must be set for PLAIN",
		"kafka: {brokers: [\"127.0.0.1:1\"]}\nlisten: everywhere\n": "listen",
	} {
		r := tapline(t, "", "topics", "plan", "--config", file(t, "tapline.yaml", text))
		if r.code != 1 || !strings.Contains(r.err, want) {
			t.Errorf("exit code %d, %q, want 1 and %q", r.code, r.err, want)
		}
	}
}
