package embedded

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	group    = "readers"
	protocol = "any"
)

// join is a member's JoinGroup, of the version in which a new member is told its id
// first.
func join(id string) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.ProtocolType = group, id, "test"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 1000, 20_000
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name = protocol
	req.Protocols = append(req.Protocols, p)
	return req
}

// joins lets a member join and returns the answer.
func joins(t *testing.T, client *kgo.Client, id string) *kmsg.JoinGroupResponse {
	t.Helper()
	resp, err := join(id).RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil && (id != "" || !errors.Is(err, kerr.MemberIDRequired)) {
		t.Fatal(err)
	}
	return resp
}

// beats sends a heartbeat and returns what the broker says.
func beats(t *testing.T, client *kgo.Client, m *kmsg.JoinGroupResponse) error {
	t.Helper()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = group, m.MemberID, m.Generation
	resp, err := req.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

// A member whose connection ends while it waits for the answer to its JoinGroup
// leaves the group once its session is over. The broker forgets half of them.
func TestAMemberThatDiesJoiningLeaves(t *testing.T) {
	t.Parallel()
	for range 6 {
		t.Run("", dieJoining)
	}
}

func dieJoining(t *testing.T) {
	t.Parallel()
	cluster, err := Start(Config{MinSessionTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)

	leader := joins(t, client, joins(t, client, "").MemberID)
	sync := func(members ...string) {
		req := kmsg.NewPtrSyncGroupRequest()
		req.Group, req.MemberID, req.Generation = group, leader.MemberID, leader.Generation
		for _, id := range members {
			a := kmsg.NewSyncGroupRequestGroupAssignment()
			a.MemberID, a.MemberAssignment = id, []byte("some")
			req.GroupAssignment = append(req.GroupAssignment, a)
		}
		if resp, err := req.RequestWith(t.Context(), client); err != nil || resp.ErrorCode != 0 {
			t.Fatalf("the leader's SyncGroup: %+v, %v", resp, err)
		}
	}
	sync(leader.MemberID)
	follower := joins(t, client, "").MemberID
	conn, err := net.Dial("tcp", cluster.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	req := join(follower)
	req.SetVersion(5)
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)); err != nil {
		t.Fatal(err)
	}
	for err := error(nil); !errors.Is(err, kerr.RebalanceInProgress); {
		if err = beats(t, client, leader); err != nil && !errors.Is(err, kerr.RebalanceInProgress) {
			t.Fatal(err)
		}
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || len(answer) > 0 { // it ends once the broker has noticed
		t.Fatalf("the follower got %d bytes, %v", len(answer), err)
	}
	leader = joins(t, client, leader.MemberID)
	if len(leader.Members) != 2 {
		t.Fatalf("the group has %d members, want the dead one too: the test shows nothing", len(leader.Members))
	}
	sync(leader.MemberID, follower)

	for deadline := time.Now().Add(20 * time.Second); ; {
		err := beats(t, client, leader)
		if errors.Is(err, kerr.RebalanceInProgress) {
			return // without the dead one
		}
		if err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("the dead member stays in the group")
		}
		time.Sleep(50 * time.Millisecond) // between heartbeats
	}
}
