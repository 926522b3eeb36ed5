package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchOffsets returns what a group has committed of the partitions, in one request. A
// partition without an offset is left out. kadm would fetch every offset of the group,
// so that each call would take longer the more imports there are.
func fetchOffsets(ctx context.Context, client *kgo.Client, group string, partitions map[string][]int32) (map[TP]Commit, error) {
	commits := map[TP]Commit{}
	if len(partitions) == 0 {
		return commits, nil // a request without topics would ask for all of them
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	for topic, numbers := range partitions {
		asked := kmsg.NewOffsetFetchRequestTopic()
		asked.Topic, asked.Partitions = topic, numbers
		req.Topics = append(req.Topics, asked)
	}
	resp, err := req.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return commits, nil
	}
	if err != nil {
		return nil, fmt.Errorf("fetching committed offsets: %w", err)
	}
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			err := kerr.ErrorForCode(p.ErrorCode)
			switch {
			case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
				// It is deleted, and its offsets with it.
			case err != nil:
				return nil, fmt.Errorf("fetching committed offset of %s[%d]: %w", topic.Topic, p.Partition, err)
			case p.Offset >= 0:
				commit := Commit{Offset: p.Offset}
				if p.Metadata != nil {
					commit.Metadata = *p.Metadata
				}
				commits[TP{topic.Topic, p.Partition}] = commit
			}
		}
	}
	return commits, nil
}

func partitionsOf(offsets map[string]map[int32]kgo.Offset) map[string][]int32 {
	partitions := make(map[string][]int32, len(offsets))
	for topic, numbers := range offsets {
		for number := range numbers {
			partitions[topic] = append(partitions[topic], number)
		}
	}
	return partitions
}
