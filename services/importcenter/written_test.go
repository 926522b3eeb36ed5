package importcenter

import (
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// written says of every topic that Import Center writes behind which offsets nothing
// committed follows, summed over its partitions: 0 if nothing was ever written. Compaction
// leaves the last record of a partition, so that only a write changes it. Of the audit,
// which is not compacted, it counts the records.
func (c *center) written() map[string]int {
	c.t.Helper()
	reader, err := kafka.OpenReader(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer reader.Close()
	ends := map[string]int{}
	for _, topic := range []string{c.topics.Imports(), c.topics.Resources(), c.topics.Commands(), c.topics.Audit(), c.topics.Generations()} {
		for p := range int32(schemas.ControlPartitions) {
			if p == 0 || topic == c.topics.Imports() || topic == c.topics.Commands() || topic == c.topics.Generations() {
				last := -1
				_, err := reader.ReadTo(c.t.Context(), kafka.TP{Topic: topic, Partition: p}, 0, func(r *kafka.Record) error {
					if last++; topic != c.topics.Audit() {
						last = int(r.Offset)
					}
					return nil
				})
				if err != nil {
					c.t.Fatal(err)
				}
				ends[topic] += last + 1
			}
		}
	}
	return ends
}
