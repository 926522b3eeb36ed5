package model

import (
	"net/http"
	"net/http/httptest"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// kafkaDisturbances disturb topics and offsets.
func kafkaDisturbances() []disturbance {
	return []disturbance{
		{name: "the mapper's offsets are gone", shared: true, within: func(s *scenario, _ string) { s.w.forgetOffsets("mapper") }},
		{name: "the mapper's offsets are set back", shared: true, within: func(s *scenario, _ string) { s.w.moveOffsets("mapper", -1-s.rng.Int64N(20)) }},
		{name: "the loader's offsets are gone", shared: true, within: func(s *scenario, _ string) { s.w.forgetOffsets("loader") }},
		{name: "the loader's offsets are set back", shared: true, within: func(s *scenario, _ string) { s.w.moveOffsets("loader", -1-s.rng.Int64N(20)) }},
		{name: "rows deleted while a run waits", before: refuseUntilReleased, within: func(s *scenario, run string) {
			s.deleted(run, s.w.topics.Rows(s.name))
		}, after: withoutDeadline},
		{name: "records deleted while a run waits", before: refuseUntilReleased, within: func(s *scenario, run string) {
			s.deleted(run, s.w.topics.Records(s.name))
		}, after: withoutDeadline},
	}
}

// shortDeadline is for how long a run whose records were deleted may wait for them.
const shortDeadline = 10 * time.Second

// refuseUntilReleased refuses the account's credentials until the gate's faults end.
func refuseUntilReleased(s *scenario) {
	s.mayRepeat, s.mayEnd["no_progress"], s.mayEnd["rows_left"] = true, true, true
	s.apply(func(spec *schemas.ImportSpec) { spec.Limits.Deadline = schemas.Duration(shortDeadline) })
	s.gate.begins(time.Hour, answer{name: "refused credentials", never: true, checks: true, reply: func(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"status": "fail", "error": "unauthorized", "code": 1})
	}})
}

func withoutDeadline(s *scenario) {
	s.apply(func(spec *schemas.ImportSpec) { spec.Limits.Deadline = 0 })
}

// deleted deletes records of a topic, as retention does, while the run waits for its
// account; perhaps it restarts the loader; then the account works again.
func (s *scenario) deleted(run, topic string) {
	s.rowsGone, s.recordsGone = true, true
	s.reaches(run, func(r schemas.Run) bool { return r.Waiting != nil })
	s.w.truncate(topic, s.spec.Topic.Partitions)
	if s.rng.IntN(2) == 0 {
		s.w.restart("loader", func() {})
	}
	s.gate.behave()
}

func (w *world) truncate(topic string, partitions int) {
	below := map[kafka.TP]int64{}
	for p := range int32(partitions) {
		tp := kafka.TP{Topic: topic, Partition: p}
		end, err := w.reader.EndOffset(w.t.Context(), tp)
		if err != nil {
			w.t.Errorf("looking for the end of a topic: %v", err)
			return
		}
		below[tp] = end
	}
	if err := kafka.Truncate(w.t.Context(), w.kafka, kafkatest.Deps(), below); err != nil {
		w.t.Errorf("deleting records: %v", err)
	}
}

func (w *world) deleteTopics(topics ...string) {
	if err := kafka.DeleteTopics(w.t.Context(), w.kafka, kafkatest.Deps(), topics...); err != nil {
		w.t.Errorf("deleting topics: %v", err)
	}
}

// moveOffsets moves a consumer group's offsets by some records.
func (w *world) moveOffsets(group string, by int64) {
	w.restart(group, func() {
		if err := kafkatest.MoveOffsets(w.t.Context(), w.kafka, group, by); err != nil {
			w.t.Errorf("moving offsets: %v", err)
		}
	})
}
