package kafka

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrNoTopic says that a topic does not exist.
var ErrNoTopic = errors.New("the topic does not exist")

// TopicID is the id that Kafka gave a topic when it was made (KIP-516). A topic
// that is deleted and made anew has another one, so an offset means something
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
	// Not through kadm, which answers from the client's metadata of a while ago.
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	for _, topic := range topics {
		asked := kmsg.NewMetadataRequestTopic()
		asked.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, asked)
	}
	resp, err := req.RequestWith(ctx, r.client)
	if err != nil {
		return nil, fmt.Errorf("looking at topics: %w", err)
	}
	ids := map[string]string{}
	for _, found := range resp.Topics {
		if found.Topic == nil {
			continue
		}
		err := kerr.ErrorForCode(found.ErrorCode)
		switch {
		case errors.Is(err, kerr.UnknownTopicOrPartition):
		case err != nil:
			return nil, fmt.Errorf("looking at topic %s: %w", *found.Topic, err)
		case found.TopicID == [16]byte{}:
			ids[*found.Topic] = ""
		default:
			// As Kafka's own tools print it.
			ids[*found.Topic] = base64.RawURLEncoding.EncodeToString(found.TopicID[:])
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
