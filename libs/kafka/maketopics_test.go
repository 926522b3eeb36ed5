package kafka_test

import (
	"fmt"
	"strings"
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

func topicsOf(prefix string, imports int) (specs []schemas.TopicSpec) {
	for i := range imports {
		specs = append(specs, schemas.NewTopics(prefix).ImportTopics(fmt.Sprintf("people%d", i), schemas.TopicSettings{})...)
	}
	return specs
}

// TestMakeTopics: topics that are alike are created with one request.
func TestMakeTopics(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	network := kafkatest.NewCounting()
	deps := kafkatest.Deps()
	deps.Dial = network.Dial
	specs := topicsOf(cfg.Prefix, 50)
	made, err := kafka.MakeTopics(t.Context(), cfg, deps, specs)
	if err != nil || len(made) != len(specs) {
		t.Errorf("MakeTopics() made %d of %d topics: %v", len(made), len(specs), err)
	}
	if n := network.Requests()["CreateTopics"]; n != 2 { // rows and records differ in their settings
		t.Errorf("%d topics took %d CreateTopics requests, want 2", len(made), n)
	}
	if again, err := kafka.MakeTopics(t.Context(), cfg, deps, specs); err != nil || len(again) > 0 {
		t.Errorf("MakeTopics() of what is there = %d topics, %v; want none", len(again), err)
	}
}

// TestMakeTopicsAfterAFailure: what was made before a failure is named, and the same call
// goes on with the rest.
func TestMakeTopicsAfterAFailure(t *testing.T) {
	t.Parallel()
	broker := kafkatest.StartSecured(t, "center")
	cfg := broker.As("center")
	cfg.CreateTopics = true
	specs := topicsOf(cfg.Prefix, 3)
	create := func(name string) schemas.Right {
		return schemas.Right{On: schemas.OnTopic, Name: name, May: schemas.MayCreate}
	}
	for _, s := range specs {
		broker.Grant(t, "center", schemas.Right{On: schemas.OnTopic, Name: s.Name, May: schemas.MayDescribe})
	}
	var granted int
	for _, s := range specs {
		if strings.Contains(s.Name, "rows.") {
			broker.Grant(t, "center", create(s.Name))
			granted++
		}
	}
	made, err := kafka.MakeTopics(t.Context(), cfg, kafkatest.Deps(), specs)
	if err == nil || len(made) != granted || !strings.Contains(err.Error(), "records.") {
		t.Errorf("MakeTopics() without a right made %v, %v; want the %d that it may make, and an error that names the others", made, err, granted)
	}
	for _, s := range specs {
		if !strings.Contains(s.Name, "rows.") {
			broker.Grant(t, "center", create(s.Name))
		}
	}
	again, err := kafka.MakeTopics(t.Context(), cfg, kafkatest.Deps(), specs)
	if err != nil || len(again)+len(made) != len(specs) {
		t.Errorf("MakeTopics() with the right made %v: %v; want the rest of %d", again, err, len(specs))
	}
}
