package loader

import (
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// TestATaskAfterADrain: a partition that drains and is idle is lost, and what waits
// of it is reported by one task more. Its next ownership waits for that task.
func TestATaskAfterADrain(t *testing.T) {
	t.Parallel()
	topics := schemas.NewTopics("")
	p := newPartition(kafka.TP{Topic: topics.Records("customers")}, topics)
	over := func() bool {
		select {
		case <-p.idle:
			return true
		default:
			return false
		}
	}
	p.enter()
	p.drain()
	if over() {
		t.Error("it is idle although a task is under way")
	}
	p.leave()
	if !over() {
		t.Error("it is not idle although its task has ended")
	}
	for range 2 {
		p.enter()
		if over() {
			t.Error("it is idle although a task began after the drain")
		}
		p.leave()
		if !over() {
			t.Error("it is not idle although that task has ended")
		}
	}
}
