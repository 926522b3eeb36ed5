package replays

import (
	"encoding/json"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// run takes in how a run ended.
func (c *chooser) run(rec *kafka.Record) error {
	var r schemas.Run
	if json.Unmarshal(rec.Value, &r) != nil || !schemas.Terminal(r.State) {
		return nil
	}
	if _, number, err := schemas.ParseRunID(r.Run); err == nil {
		c.runs[number] = runs.EndOf(r)
	}
	return nil
}

func (c *chooser) readAgain(a attempt) bool {
	r, known := c.runs[a.number]
	return known && runs.ReadAgain(r, a.attempt)
}
