package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Member is a member of a consumer group as its coordinator sees it.
type Member struct {
	ID         string
	Client     string // its client id
	Host       string // the address that it comes from, as the coordinator writes it
	Partitions []TP
}

// Members lists the members of a group, named without the prefix, by their ids.
// settled is false while the group rebalances.
func Members(ctx context.Context, cfg Config, deps Deps, group string) (members []Member, settled bool, err error) {
	admin, err := openAdmin(cfg, deps)
	if err != nil {
		return nil, false, err
	}
	defer admin.Close()
	described, err := admin.DescribeGroups(ctx, cfg.Prefix+group)
	if err != nil {
		return nil, false, fmt.Errorf("describing group %s: %w", group, err)
	}
	for _, g := range described {
		if g.Err != nil {
			return nil, false, fmt.Errorf("describing group %s: %w", group, g.Err)
		}
		settled = g.State == "Stable"
		for _, m := range g.Members {
			members = append(members, Member{ID: m.MemberID, Client: m.ClientID, Host: m.ClientHost, Partitions: assignedTo(m)})
		}
	}
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	return members, settled, nil
}

// Assignment is who does the work of a consumer group.
type Assignment struct {
	Members int
	// Settled is false while the group rebalances.
	Settled bool
	// Owned are the partitions that a member has.
	Owned map[TP]bool
}

// Assignments describes groups by their names without the prefix. A group that nobody has
// joined has no members; one that may not be looked at is an error.
func Assignments(ctx context.Context, cfg Config, deps Deps, names ...string) (map[string]Assignment, error) {
	described, err := describeGroups(ctx, cfg, deps, names)
	if err != nil {
		return nil, err
	}
	out := map[string]Assignment{}
	for name, d := range described {
		a := Assignment{Members: len(d.Members), Settled: d.State == "Stable", Owned: map[TP]bool{}}
		for _, m := range d.Members {
			for _, tp := range assignedTo(m) {
				a.Owned[tp] = true
			}
		}
		out[name] = a
	}
	return out, nil
}

func assignedTo(m kadm.DescribedGroupMember) (out []TP) {
	assigned, ok := m.Assigned.AsConsumer()
	if !ok {
		return nil
	}
	for _, t := range assigned.Topics {
		for _, p := range t.Partitions {
			out = append(out, TP{t.Topic, p})
		}
	}
	return out
}

// Committed returns the offsets that a group has committed. The group is named
// without the prefix; a group that the brokers do not know has committed none.
func Committed(ctx context.Context, cfg Config, deps Deps, group string) (map[TP]int64, error) {
	admin, err := openAdmin(cfg, deps)
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	fetched, err := admin.FetchOffsets(ctx, cfg.Prefix+group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return map[TP]int64{}, nil // some brokers answer so for an unknown group, others with no offsets
	}
	if err != nil {
		return nil, fmt.Errorf("fetching the offsets of group %s: %w", group, err)
	}
	out := map[TP]int64{}
	fetched.Each(func(o kadm.OffsetResponse) {
		if o.Err == nil {
			out[TP{o.Topic, o.Partition}] = o.At
		}
	})
	return out, nil
}
