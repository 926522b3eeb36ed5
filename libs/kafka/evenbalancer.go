package kafka

import (
	"cmp"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// evenBalancer shares out the partitions of each topic evenly among the members. The
// cooperative sticky balancer, which it is otherwise, looks at the number of all partitions
// only: of two members one may then get four of an import's six, and the import's run takes
// as long as those four. Members speak the sticky balancer's protocol under its name, so
// that a group may have members of versions before and after this one.
type evenBalancer struct{ kgo.GroupBalancer }

func newEvenBalancer() kgo.GroupBalancer { return evenBalancer{kgo.CooperativeStickyBalancer()} }

// MemberBalancer implements kgo.GroupBalancer.
func (e evenBalancer) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	b, err := kgo.NewConsumerBalancer(e, members)
	return b, b.MemberTopics(), err
}

// Balance implements kgo.ConsumerBalancerBalance.
func (evenBalancer) Balance(b *kgo.ConsumerBalancer, topics map[string]int32) kgo.IntoSyncAssignment {
	s := sharing{extra: make([]int, len(b.Members()))}
	total, owned := 0, claims(b)
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		t := sharedTopic{name: name, owners: ownersOf(owned, name, topics[name]), subscribers: subscribersOf(b, name)}
		if len(t.subscribers) == 0 || len(t.owners) == 0 {
			continue
		}
		t.each, t.over = len(t.owners)/len(t.subscribers), len(t.owners)%len(t.subscribers)
		t.more = map[int]bool{}
		total += t.over
		s.topics = append(s.topics, t)
	}
	s.most = (total + len(s.extra) - 1) / max(1, len(s.extra))
	s.giveExtra()
	s.evenOut()
	plan := b.NewPlan()
	for _, t := range s.topics {
		for partition, member := range t.shares() {
			m, _ := b.MemberAt(member)
			plan.AddPartition(m, t.name, int32(partition)) //nolint:gosec // Kafka counts partitions in 32 bits
		}
	}
	plan.AdjustCooperative(b)
	return plan
}

// sharing is one assignment of all topics. Members are named by their place in the group.
type sharing struct {
	topics []sharedTopic
	extra  []int // by member: topics of which it gets one partition more than others
	most   int   // of extra for a member
}

// sharedTopic is a topic in it.
type sharedTopic struct {
	name        string
	subscribers []int
	owners      []int // by partition, -1 for none
	each, over  int   // what every subscriber gets, and what is left then
	more        map[int]bool
}

// giveExtra decides who gets the partitions that are left when every subscriber has its
// equal share. Whoever owns one keeps it, as far as that is no more than its part of all
// of them; the others go to whoever has fewest.
func (s *sharing) giveExtra() {
	for i := range s.topics {
		t := &s.topics[i]
		owned := map[int]int{}
		for _, owner := range t.owners {
			owned[owner]++
		}
		for _, m := range t.subscribers {
			if len(t.more) < t.over && owned[m] > t.each && s.extra[m] < s.most {
				t.more[m] = true
				s.extra[m]++
			}
		}
	}
	for i := range s.topics {
		t := &s.topics[i]
		for len(t.more) < t.over {
			others := slices.DeleteFunc(slices.Clone(t.subscribers), func(m int) bool { return t.more[m] })
			m := slices.MinFunc(others, func(a, b int) int { return cmp.Compare(s.extra[a], s.extra[b]) })
			t.more[m] = true
			s.extra[m]++
		}
	}
}

// evenOut moves what is left of topics from who has most of it to who has fewest, where
// topics with several left have made it uneven.
func (s *sharing) evenOut() {
	byExtra := func(a, b int) int { return cmp.Compare(s.extra[a], s.extra[b]) }
	for moved := true; moved; {
		moved = false
		for i := range s.topics {
			t := &s.topics[i]
			if t.over == 0 {
				continue // and else there is somebody with more and somebody without
			}
			most := slices.MaxFunc(slices.Sorted(maps.Keys(t.more)), byExtra)
			fewest := slices.MinFunc(slices.DeleteFunc(slices.Clone(t.subscribers), func(m int) bool { return t.more[m] }), byExtra)
			if s.extra[most]-s.extra[fewest] < 2 {
				continue
			}
			delete(t.more, most)
			t.more[fewest] = true
			s.extra[most]--
			s.extra[fewest]++
			moved = true
		}
	}
}

// shares returns the member of each partition. An owner keeps its partitions, the first of
// them if it has too many.
func (t *sharedTopic) shares() []int {
	room := map[int]int{}
	for _, m := range t.subscribers {
		room[m] = t.each
		if t.more[m] {
			room[m]++
		}
	}
	members := make([]int, len(t.owners))
	var free []int
	for partition, owner := range t.owners {
		if room[owner] == 0 {
			free = append(free, partition)
			continue
		}
		members[partition] = owner
		room[owner]--
	}
	for _, m := range t.subscribers {
		n := min(room[m], len(free))
		for _, partition := range free[:n] {
			members[partition] = m
		}
		free = free[n:]
	}
	return members
}

func subscribersOf(b *kgo.ConsumerBalancer, topic string) (subscribers []int) {
	for i := range b.Members() {
		_, meta := b.MemberAt(i)
		if _, found := slices.BinarySearch(meta.Topics, topic); found {
			subscribers = append(subscribers, i)
		}
	}
	return subscribers
}

// claim is who says to own a partition.
type claim struct {
	member     int
	generation int32
}

// claims returns the owner of every partition. Of two that say so the one of the later
// generation is right: the other has missed a rebalance.
func claims(b *kgo.ConsumerBalancer) map[TP]claim {
	owners := map[TP]claim{}
	for i := range b.Members() {
		_, meta := b.MemberAt(i)
		for _, owned := range meta.OwnedPartitions {
			for _, p := range owned.Partitions {
				tp := TP{owned.Topic, p}
				if other, found := owners[tp]; !found || meta.Generation > other.generation {
					owners[tp] = claim{i, meta.Generation}
				}
			}
		}
	}
	return owners
}

// ownersOf returns the owner of each of a topic's partitions, -1 for none.
func ownersOf(owned map[TP]claim, topic string, partitions int32) []int {
	owners := make([]int, partitions)
	for p := range partitions {
		owners[p] = -1
		if c, found := owned[TP{topic, p}]; found {
			owners[p] = c.member
		}
	}
	return owners
}
