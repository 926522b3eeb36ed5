package embedded

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const (
	stable         = "Stable"
	sweepInterval  = time.Second
	sweepTimeout   = 5 * time.Second
	sessionDefault = 45 * time.Second // for a group in which no JoinGroup was seen since the broker started
)

// sessions removes members whose session has ended and whom the broker itself
// forgets. The broker starts a member's session timer when it answers the
// member's JoinGroup or SyncGroup. A member that is killed while it waits for
// the others has closed its connection by then, and the broker often starts no
// timer for it. Once the leader has synced, the group is stable and the dead
// member keeps its partitions for ever.
type sessions struct {
	client *kgo.Client
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	heard    map[member]time.Time     // when each member last sent a heartbeat or a SyncGroup
	timeouts map[string]time.Duration // by group, the longest session timeout that a member asked for
}

type member struct{ group, id string }

func watchSessions(cluster *kfake.Cluster, cfg Config) (*sessions, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ClientID("sessions"),
		kgo.RetryTimeout(sweepTimeout),
	}
	if password, ok := cfg.Passwords[adminUser]; ok {
		opts = append(opts, kgo.SASL(scram.Auth{User: adminUser, Pass: password}.AsSha256Mechanism()))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, err
	}
	s := &sessions{client: client, done: make(chan struct{}), heard: map[member]time.Time{}, timeouts: map[string]time.Duration{}}
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat} {
		cluster.ControlKey(key.Int16(), s.hear)
	}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	go s.run(ctx)
	return s, nil
}

func (s *sessions) close() {
	s.cancel()
	<-s.done
	s.client.Close()
}

// hear notes when a member sent a request. It handles nothing: the broker
// answers the request.
func (s *sessions) hear(req kmsg.Request) (kmsg.Response, error, bool) { //nolint:revive // the order is the broker's
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r := req.(type) {
	case *kmsg.JoinGroupRequest:
		s.timeouts[r.Group] = max(s.timeouts[r.Group], time.Duration(r.SessionTimeoutMillis)*time.Millisecond)
	case *kmsg.SyncGroupRequest:
		s.heard[member{r.Group, r.MemberID}] = time.Now()
	case *kmsg.HeartbeatRequest:
		s.heard[member{r.Group, r.MemberID}] = time.Now()
	}
	return nil, nil, false
}

func (s *sessions) run(ctx context.Context) {
	defer close(s.done)
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		_ = s.sweep(ctx) // the next sweep tries again what failed
	}
}

// sweep removes each member that was silent for one and a half session timeouts.
// The extra half lets the broker's own timer act first where the broker has
// started one. Groups in a rebalance are skipped, because their members need not
// send heartbeats.
func (s *sessions) sweep(ctx context.Context) error {
	list, err := kmsg.NewPtrListGroupsRequest().RequestWith(ctx, s.client)
	if err != nil {
		return err
	}
	describe := kmsg.NewPtrDescribeGroupsRequest()
	for _, g := range list.Groups {
		describe.Groups = append(describe.Groups, g.Group)
	}
	if len(describe.Groups) == 0 {
		return nil
	}
	groups, err := describe.RequestWith(ctx, s.client)
	if err != nil {
		return err
	}
	for _, leave := range s.dead(groups.Groups, time.Now()) {
		if _, err := leave.RequestWith(ctx, s.client); err != nil {
			return err
		}
	}
	return nil
}

func (s *sessions) dead(groups []kmsg.DescribeGroupsResponseGroup, now time.Time) (out []*kmsg.LeaveGroupRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[member]time.Time{}
	for _, g := range groups {
		timeout, ok := s.timeouts[g.Group]
		if !ok {
			timeout = sessionDefault
		}
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Group = g.Group
		for _, m := range g.Members {
			key := member{g.Group, m.MemberID}
			heard, ok := s.heard[key]
			if !ok || g.State != stable {
				heard = now
			}
			if now.Sub(heard) < timeout+timeout/2 {
				known[key] = heard
				continue
			}
			gone := kmsg.NewLeaveGroupRequestMember()
			gone.MemberID = m.MemberID
			leave.Members = append(leave.Members, gone)
		}
		if len(leave.Members) > 0 {
			out = append(out, leave)
		}
	}
	s.heard = known
	return out
}
