package embedded

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestProduceToDeletedTopics: the broker itself would panic at the second topic that
// it does not know.
func TestProduceToDeletedTopics(t *testing.T) {
	t.Parallel()
	cluster, err := Start(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	req := kmsg.NewProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = producesByID, -1, 1000
	for _, name := range []string{"kept", "one", "two"} {
		created, err := admin.CreateTopic(t.Context(), 1, 1, nil, name)
		if err != nil {
			t.Fatal(err)
		}
		topic := kmsg.NewProduceRequestTopic()
		topic.TopicID = created.ID
		topic.Partitions = []kmsg.ProduceRequestTopicPartition{kmsg.NewProduceRequestTopicPartition()}
		req.Topics = append(req.Topics, topic)
	}
	if _, err := admin.DeleteTopics(t.Context(), "one", "two"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the guard stays
		resp, err := client.Broker(0).RetriableRequest(t.Context(), &req)
		if err != nil {
			t.Fatal(err)
		}
		got := map[[16]byte]int16{}
		for _, topic := range resp.(*kmsg.ProduceResponse).Topics {
			got[topic.TopicID] = topic.Partitions[0].ErrorCode
		}
		for i, want := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.UnknownTopicID, kerr.UnknownTopicID} {
			if code := got[req.Topics[i].TopicID]; code != want.Code {
				t.Errorf("topic %d: %v, want %v", i, kerr.ErrorForCode(code), want)
			}
		}
	}
}
