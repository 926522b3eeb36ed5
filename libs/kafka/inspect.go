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

// GroupMember is a member of a consumer group as the brokers know it.
type GroupMember struct {
	Host string
	// Version is the program's, as it says itself; "" if it does not.
	Version string
}

// GroupState is what the brokers know of a consumer group.
type GroupState struct {
	State   string // Stable, Empty, Dead, …
	Members []GroupMember
}

// Version guesses the brokers' release from the requests that they understand, such as
// "v4.2".
func Version(ctx context.Context, cfg Config, deps Deps) (string, error) {
	admin, err := openAdmin(cfg, deps)
	if err != nil {
		return "", err
	}
	defer admin.Close()
	all, err := admin.ApiVersions(ctx)
	if err != nil {
		return "", unreachable(cfg, err)
	}
	for _, broker := range all.Sorted() {
		if broker.Err == nil {
			return broker.VersionGuess(), nil
		}
	}
	return "", fmt.Errorf("asking for the brokers' versions: no broker answered")
}

// Groups describes consumer groups by their names without the prefix. A group that may
// not be looked at is an error.
func Groups(ctx context.Context, cfg Config, deps Deps, names ...string) (map[string]GroupState, error) {
	described, err := describeGroups(ctx, cfg, deps, names)
	if err != nil {
		return nil, err
	}
	out := map[string]GroupState{}
	for name, d := range described {
		out[name] = GroupState{State: d.State, Members: membersOf(d)}
	}
	return out, nil
}

// describeGroups describes groups by their names without the prefix.
func describeGroups(ctx context.Context, cfg Config, deps Deps, names []string) (map[string]kadm.DescribedGroup, error) {
	admin, err := openAdmin(cfg, deps)
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	full := make([]string, len(names))
	for i, name := range names {
		full[i] = cfg.Prefix + name
	}
	described, err := admin.DescribeGroups(ctx, full...)
	if err != nil {
		return nil, fmt.Errorf("describing consumer groups: %w", err)
	}
	out := map[string]kadm.DescribedGroup{}
	for i, name := range names {
		d := described[full[i]]
		// A group that nobody has joined yet has no members: Kafka 4 answers with an error,
		// older brokers with a dead group.
		if d.Err != nil && !errors.Is(d.Err, kerr.GroupIDNotFound) {
			return nil, fmt.Errorf("describing the consumer group %s: %w", full[i], d.Err)
		}
		out[name] = d
	}
	return out, nil
}

func membersOf(d kadm.DescribedGroup) []GroupMember {
	members := make([]GroupMember, len(d.Members))
	for i, m := range d.Members {
		members[i] = GroupMember{Host: m.ClientHost, Version: versionOf(m.ClientID)}
	}
	slices.SortFunc(members, func(a, b GroupMember) int { return strings.Compare(a.Host, b.Host) })
	return members
}

// versionOf is the version of the program with this client id; "" for a program that does
// not name its version, and for one that is not part of Tapline.
func versionOf(client string) string {
	version, ours := strings.CutPrefix(client, clientName+"-")
	if !ours {
		return ""
	}
	version, _, _ = strings.Cut(version, transactorMark)
	return version
}
