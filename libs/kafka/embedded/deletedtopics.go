package embedded

import (
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// producesByID is the first version of Produce that names topics by their ids.
const producesByID = 13

// deletedTopics answers produce requests for several topics that were deleted: the
// broker would panic, because it confuses topics whose names it does not know.
type deletedTopics struct {
	cluster *kfake.Cluster
	some    atomic.Bool // a topic was deleted since the broker started
}

func watchDeletedTopics(cluster *kfake.Cluster) {
	d := &deletedTopics{cluster: cluster}
	cluster.ControlKey(kmsg.DeleteTopics.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		d.some.Store(true)
		return nil, nil, false
	})
	cluster.ControlKey(kmsg.Produce.Int16(), d.produce)
}

// produce answers a request in which more than one topic is unknown, and leaves all
// others to the broker. As with Kafka, an unknown topic is UNKNOWN_TOPIC_ID; the
// client is to send the rest again.
func (d *deletedTopics) produce(kreq kmsg.Request) (kmsg.Response, error, bool) { //nolint:revive // the order is the broker's
	d.cluster.KeepControl()
	req, ok := kreq.(*kmsg.ProduceRequest)
	if !ok || req.Version < producesByID || len(req.Topics) < 2 || !d.some.Load() {
		return nil, nil, false
	}
	unknown := map[[16]byte]bool{}
	for _, topic := range req.Topics {
		if d.cluster.TopicIDInfo(topic.TopicID) == nil {
			unknown[topic.TopicID] = true
		}
	}
	if len(unknown) < 2 {
		return nil, nil, false
	}
	resp, _ := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range req.Topics {
		answer := kmsg.NewProduceResponseTopic()
		answer.TopicID = topic.TopicID
		for _, p := range topic.Partitions {
			part := kmsg.NewProduceResponseTopicPartition()
			part.Partition, part.ErrorCode = p.Partition, kerr.NotLeaderForPartition.Code
			if unknown[topic.TopicID] {
				part.ErrorCode = kerr.UnknownTopicID.Code
			}
			answer.Partitions = append(answer.Partitions, part)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return resp, nil, true
}
