package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// ErrNoTopic says that a topic does not exist.
var ErrNoTopic = errors.New("the topic does not exist")

// TopicID is the id that Kafka gave a topic when it was made (KIP-516). A topic
// that is deleted and created again has another one, so an offset means something
// only together with the id that it was noted under. It is "" where the brokers
// know no ids (before Kafka 2.8), and then tells nothing. A topic that is not
// there is ErrNoTopic.
func (r *Reader) TopicID(ctx context.Context, topic string) (string, error) {
	ids, err := r.TopicIDs(ctx, topic)
	if err != nil {
		return "", err
	}
	id, ok := ids[topic]
	if !ok {
		return "", fmt.Errorf("looking at topic %s: %w", topic, ErrNoTopic)
	}
	return id, nil
}

// TopicIDs are the ids of those of the topics that exist, as they are now.
func (r *Reader) TopicIDs(ctx context.Context, topics ...string) (map[string]string, error) {
	found, err := describeTopics(ctx, r.client, topics)
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for name, topic := range found {
		err := kerr.ErrorForCode(topic.ErrorCode)
		switch {
		case errors.Is(err, kerr.UnknownTopicOrPartition):
		case err != nil:
			return nil, fmt.Errorf("looking at topic %s: %w", name, err)
		default:
			ids[name] = topicID(topic.TopicID)
		}
	}
	return ids, nil
}

// ClusterID is the id that the brokers give their cluster; "" if they give none.
func (r *Reader) ClusterID(ctx context.Context) (string, error) {
	brokers, err := r.admin.BrokerMetadata(ctx)
	if err != nil {
		return "", fmt.Errorf("asking for the cluster's id: %w", err)
	}
	return brokers.Cluster, nil
}
