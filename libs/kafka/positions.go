package kafka

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// idMark begins the metadata of a committed offset. The topic's id follows it, and
// after a blank the metadata of whoever commits.
const idMark = "topic="

// errRecreated says that a topic was deleted and created again since the member
// began to read it: the member's client can read the old topic only.
var errRecreated = errors.New("the topic was deleted and created again")

// positions decides at which offset a member begins to read each partition. An
// offset is committed together with the id of its topic, because an offset of a
// topic that was deleted and created again means nothing in the new topic.
type positions struct {
	group string
	// rereads says that the member removes a topic that was created again from its
	// subscription and adds it again. Any other member needs a new client for the
	// new topic.
	rereads bool

	mu     sync.Mutex
	ids    map[string]string // topic → the id that it had when its partitions were assigned
	doubts map[TP]bool       // partitions without an offset that a member of this group committed
}

func newPositions(group string, rereads bool) *positions {
	return &positions{group: group, rereads: rereads, ids: map[string]string{}, doubts: map[TP]bool{}}
}

// note stores a topic's id. Unless rereads is set, it returns errRecreated if the topic had
// another id before: the offsets that were read of it then belong to the old topic.
func (p *positions) note(topic, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.ids[topic]; !p.rereads && known != "" && id != "" && known != id {
		return fmt.Errorf("looking at topic %s: %w", topic, errRecreated)
	}
	if id != "" || p.rereads {
		p.ids[topic] = id
	}
	return nil
}

// adjust is called when partitions are assigned, before their first records are
// fetched. It changes where reading begins.
func (p *positions) adjust(ctx context.Context, client *kgo.Client, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	topics := make([]string, 0, len(offsets))
	for topic := range offsets {
		topics = append(topics, topic)
	}
	described, err := describeTopics(ctx, client, topics)
	if err != nil {
		return nil, err
	}
	commits, err := fetchOffsets(ctx, client, p.group, partitionsOf(offsets))
	if err != nil {
		return nil, err
	}
	for topic, partitions := range offsets {
		id := topicID(described[topic].TopicID)
		if err := p.note(topic, id); err != nil {
			return nil, err
		}
		for partition := range partitions {
			tp := TP{topic, partition}
			commit, found := commits[tp]
			noted, _ := splitMark(commit.Metadata)
			// Nobody has read the partition, or the group's offsets have expired, or a
			// person has set them.
			doubt := !found || commit.Metadata == ""
			p.setDoubt(tp, doubt)
			if !doubt && id != "" && noted != "" && noted != id {
				partitions[partition] = kgo.NewOffset().AtStart()
			}
		}
	}
	return offsets, nil
}

// mark adds the topics' ids to the metadata of the offsets that a transaction
// commits.
func (p *positions) mark(req *kmsg.TxnOffsetCommitRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range req.Topics {
		metadata := idMark + p.ids[req.Topics[i].Topic]
		for j := range req.Topics[i].Partitions {
			req.Topics[i].Partitions[j].Metadata = &metadata
		}
	}
	return nil
}

// marked returns metadata with the id of its topic.
func (p *positions) marked(topic, metadata string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id := p.ids[topic]; id != "" {
		return idMark + id + " " + metadata
	}
	return metadata
}

// current returns the commits without their marks, and with offset -1 where the topic was
// deleted and created again since the commit.
func (p *positions) current(ctx context.Context, client *kgo.Client, commits map[TP]Commit) (map[TP]Commit, error) {
	described, err := describeTopics(ctx, client, topicsOf(commits))
	if err != nil {
		return nil, err
	}
	out := make(map[TP]Commit, len(commits))
	for tp, commit := range commits {
		id := topicID(described[tp.Topic].TopicID)
		if err := p.note(tp.Topic, id); err != nil {
			return nil, err
		}
		noted, metadata := splitMark(commit.Metadata)
		if id != "" && noted != "" && noted != id {
			out[tp] = Commit{Offset: -1}
			continue
		}
		out[tp] = Commit{Offset: commit.Offset, Metadata: metadata}
	}
	return out, nil
}

func topicsOf(commits map[TP]Commit) []string {
	names := map[string]bool{}
	for tp := range commits {
		names[tp.Topic] = true
	}
	return slices.Collect(maps.Keys(names))
}

// splitMark splits the metadata of a committed offset into the topic's id, "" if there is
// none, and the caller's own metadata.
func splitMark(metadata string) (id, rest string) {
	marked, ok := strings.CutPrefix(metadata, idMark)
	if !ok {
		return "", metadata
	}
	id, rest, _ = strings.Cut(marked, " ")
	return id, rest
}

func (p *positions) setDoubt(tp TP, doubt bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if doubt {
		p.doubts[tp] = true
		return
	}
	delete(p.doubts, tp)
}

func (p *positions) inDoubt(tp TP) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.doubts[tp]
}

// topicID writes a topic's id as Kafka's own tools do; "" means that there is
// none.
func topicID(id [16]byte) string {
	if id == [16]byte{} {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// describeTopics asks a broker for the current metadata of topics. kadm would
// answer from the client's cached metadata.
func describeTopics(ctx context.Context, client *kgo.Client, topics []string) (map[string]kmsg.MetadataResponseTopic, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, topic := range topics {
		asked := kmsg.NewMetadataRequestTopic()
		asked.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, asked)
	}
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("looking at topics: %w", err)
	}
	found := map[string]kmsg.MetadataResponseTopic{}
	for _, topic := range resp.Topics {
		if topic.Topic != nil {
			found[*topic.Topic] = topic
		}
	}
	return found, nil
}

// writable returns those of the partitions that cannot be written to, each with the
// reason.
func writable(ctx context.Context, client *kgo.Client, tps []TP) (map[TP]error, error) {
	var topics []string
	asked := map[string]bool{}
	for _, tp := range tps {
		if !asked[tp.Topic] {
			asked[tp.Topic] = true
			topics = append(topics, tp.Topic)
		}
	}
	found, err := describeTopics(ctx, client, topics)
	if err != nil {
		return nil, err
	}
	wrong := map[TP]error{}
	for _, tp := range tps {
		topic := found[tp.Topic]
		err := kerr.ErrorForCode(topic.ErrorCode)
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			err = ErrNoTopic
		}
		if err == nil {
			err = ErrNoTopic // also if only the partition does not exist
			for _, p := range topic.Partitions {
				if p.Partition == tp.Partition {
					err = kerr.ErrorForCode(p.ErrorCode)
				}
			}
		}
		if err != nil {
			wrong[tp] = fmt.Errorf("writing to %s[%d]: %w", tp.Topic, tp.Partition, err)
		}
	}
	return wrong, nil
}
