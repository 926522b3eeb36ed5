package kafka

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// balanced is a group as its leader sees it: who owns which partitions.
type balanced struct {
	t      *testing.T
	topics map[string]int32
	owned  map[string]map[string][]int32 // by member and topic
	rounds int32
}

// settle rebalances until no partition has to be given up first, as a cooperative group
// does, and returns how many partitions have moved from one member to another.
func (b *balanced) settle() (moved int) {
	b.t.Helper()
	before := b.ownerOf()
	for round := 0; ; round++ {
		if round > 3 {
			b.t.Fatal("the group rebalances for ever")
		}
		if !b.balance() {
			break
		}
	}
	after := b.ownerOf()
	for tp, owner := range before {
		if _, there := b.owned[owner]; there && after[tp] != owner {
			moved++
		}
	}
	return moved
}

// balance is one rebalance, and reports whether another must follow.
func (b *balanced) balance() (again bool) {
	b.t.Helper()
	b.rounds++
	balancer := newEvenBalancer()
	var names []string
	for topic := range b.topics {
		names = append(names, topic)
	}
	slices.Sort(names)
	var members []kmsg.JoinGroupResponseMember
	for id, owned := range b.owned {
		m := kmsg.NewJoinGroupResponseMember()
		m.MemberID, m.ProtocolMetadata = id, balancer.JoinGroupMetadata(slices.Clone(names), owned, b.rounds)
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, c kmsg.JoinGroupResponseMember) int {
		return slices.Compare([]byte(a.MemberID), []byte(c.MemberID))
	})
	member, _, err := balancer.MemberBalancer(members)
	if err != nil {
		b.t.Fatal(err)
	}
	into, err := member.(kgo.GroupMemberBalancerOrError).BalanceOrError(b.topics)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, a := range into.IntoSyncAssignment() {
		owned, err := balancer.ParseSyncAssignment(a.MemberAssignment)
		if err != nil {
			b.t.Fatal(err)
		}
		for topic, partitions := range b.owned[a.MemberID] {
			for _, p := range partitions {
				again = again || !slices.Contains(owned[topic], p) // it revokes and joins again
			}
		}
		b.owned[a.MemberID] = owned
	}
	return again
}

func (b *balanced) ownerOf() map[TP]string {
	owners := map[TP]string{}
	for id, owned := range b.owned {
		for topic, partitions := range owned {
			for _, p := range partitions {
				if other, taken := owners[TP{topic, p}]; taken {
					b.t.Fatalf("%s[%d] belongs to %s and %s", topic, p, other, id)
				}
				owners[TP{topic, p}] = id
			}
		}
	}
	return owners
}

// check fails unless every partition has an owner, each topic is shared out evenly, and so
// are all of them.
func (b *balanced) check() {
	b.t.Helper()
	owners, all := b.ownerOf(), map[string]int{}
	for topic, partitions := range b.topics {
		byMember := map[string]int{}
		for p := range partitions {
			owner := owners[TP{topic, p}]
			if owner == "" {
				b.t.Fatalf("%s[%d] has no owner", topic, p)
			}
			byMember[owner]++
			all[owner]++
		}
		for id := range b.owned {
			if n, each := byMember[id], int(partitions)/len(b.owned); n < each || n > each+1 {
				b.t.Fatalf("%s has %d of the %d partitions of %s, of %d members", id, n, partitions, topic, len(b.owned))
			}
		}
	}
	least, most := len(owners), 0
	for id := range b.owned {
		least, most = min(least, all[id]), max(most, all[id])
	}
	if most-least > 1 {
		b.t.Fatalf("one member has %d partitions, another %d, of %d members", most, least, len(b.owned))
	}
}

// TestPartitionsOfATopicAreSharedOutEvenly: whatever members and topics come and go.
func TestPartitionsOfATopicAreSharedOutEvenly(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := &balanced{t: t, topics: map[string]int32{}, owned: map[string]map[string][]int32{}}
		for step := range 12 {
			switch r.IntN(4) {
			case 0:
				for range 1 + r.IntN(20) {
					name, partitions := fmt.Sprintf("rows.%d", r.IntN(200)), []int32{1, 1, 2, 4, 6, 6, 12}[r.IntN(7)]
					b.topics[name] = max(b.topics[name], partitions) // a topic never gets fewer
				}
			case 1:
				for id := range b.owned {
					delete(b.owned, id)
					break
				}
			default:
				b.owned[fmt.Sprintf("member-%d-%d", r.IntN(1000), step)] = nil
			}
			if len(b.owned) == 0 {
				continue
			}
			b.settle()
			b.check()
			if moved := b.settle(); moved != 0 {
				t.Fatalf("seed %d: %d partitions move although nothing has changed", seed, moved)
			}
		}
	}
}

// TestANewMemberTakesItsPartOnly: a member that joins takes what makes the shares even, and
// nothing moves between the others.
func TestANewMemberTakesItsPartOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		partitions      int32
		members, topics int
		most            int // partitions that move
	}{
		{6, 1, 100, 300}, // three of each six
		{6, 2, 100, 200}, // two of each
		{1, 1, 100, 50},
		{1, 3, 100, 25},
	} {
		b := &balanced{t: t, topics: map[string]int32{}, owned: map[string]map[string][]int32{}}
		for i := range c.topics {
			b.topics[fmt.Sprintf("rows.%d", i)] = c.partitions
		}
		for i := range c.members {
			b.owned[fmt.Sprint("member-", i)] = nil
		}
		b.settle()
		b.check()
		b.owned["member-new"] = nil
		if moved := b.settle(); moved > c.most {
			t.Errorf("%d topics of %d partitions, %d members and one that joins: %d partitions move, want at most %d", c.topics, c.partitions, c.members, moved, c.most)
		}
		b.check()
	}
}
