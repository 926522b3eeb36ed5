package kafka

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tapline.dev/libs/daemon"
	"tapline.dev/schemas"
)

// TestGrants: which ACLs allow a right. One that denies, is on something else or is
// narrower than the right does not.
func TestGrants(t *testing.T) {
	t.Parallel()
	const (
		topic, group      = kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup
		literal, prefixed = kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLResourcePatternTypePrefixed
		allow, deny       = kmsg.ACLPermissionTypeAllow, kmsg.ACLPermissionTypeDeny
		read, write, all  = kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationAll
	)
	whole := schemas.Right{On: schemas.OnTopic, Name: "t.rows.v1", May: schemas.MayRead}
	many := schemas.Right{On: schemas.OnTopic, Name: "t.rows.", Prefixed: true, May: schemas.MayWrite}
	see := schemas.Right{On: schemas.OnTopic, Name: "t.rows.v1", May: schemas.MayDescribe}
	for name, c := range map[string]struct {
		kind       kmsg.ACLResourceType
		name       string
		pattern    kmsg.ACLResourcePatternType
		permission kmsg.ACLPermissionType
		operation  kmsg.ACLOperation
		right      schemas.Right
		want       bool
	}{
		"the very topic":         {topic, "t.rows.v1", literal, allow, read, whole, true},
		"a prefix of it":         {topic, "t.", prefixed, allow, read, whole, true},
		"every topic":            {topic, "*", literal, allow, all, whole, true},
		"it may be denied":       {topic, "t.rows.v1", literal, deny, read, whole, false},
		"another operation":      {topic, "t.rows.v1", literal, allow, write, whole, false},
		"another kind":           {group, "t.rows.v1", literal, allow, read, whole, false},
		"another name":           {topic, "t.rows.v2", literal, allow, read, whole, false},
		"a name is no prefix":    {topic, "t.", literal, allow, read, whole, false},
		"one of many":            {topic, "t.rows.", literal, allow, write, many, false},
		"many":                   {topic, "t.rows.", prefixed, allow, write, many, true},
		"fewer than many":        {topic, "t.rows.x", prefixed, allow, write, many, false},
		"reading implies seeing": {topic, "t.rows.v1", literal, allow, read, see, true},
	} {
		on := kmsg.DescribeACLsResponseResource{
			ResourceType: c.kind, ResourceName: c.name, ResourcePatternType: c.pattern,
			ACLs: []kmsg.DescribeACLsResponseResourceACL{{PermissionType: c.permission, Operation: c.operation}},
		}
		if got := (ACLs{[]kmsg.DescribeACLsResponseResource{on}}).granted("", c.right); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestLacking: a service's users are those with a right on its group, and each right that one
// of them lacks is named with the user.
func TestLacking(t *testing.T) {
	t.Parallel()
	const allow, deny = kmsg.ACLPermissionTypeAllow, kmsg.ACLPermissionTypeDeny
	const read, write, all = kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationAll
	acl := func(kind kmsg.ACLResourceType, name string, user string, permission kmsg.ACLPermissionType, operation kmsg.ACLOperation) kmsg.DescribeACLsResponseResource {
		return kmsg.DescribeACLsResponseResource{
			ResourceType: kind, ResourceName: name, ResourcePatternType: kmsg.ACLResourcePatternTypeLiteral,
			ACLs: []kmsg.DescribeACLsResponseResourceACL{{Principal: user, PermissionType: permission, Operation: operation}},
		}
	}
	const topic, group = kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup
	acls := ACLs{[]kmsg.DescribeACLsResponseResource{
		acl(group, "t.mapper", "User:m1", allow, read), acl(group, "t.mapper", "User:m2", allow, read), acl(group, "*", "User:admin", allow, all),
		acl(group, "t.seen", "User:seen", allow, read), acl(group, "t.seen", "User:m1", allow, read), acl(group, "t.seen", "User:m2", allow, read),
		acl(topic, "t.a", "User:m1", allow, read), acl(topic, "t.a", "User:m2", allow, write),
		acl(topic, "t.b", "User:*", allow, read), acl(topic, "t.b", "User:m2", deny, read),
		acl(topic, "t.c", "User:other", allow, read),
	}}
	rights := []schemas.Right{
		{On: schemas.OnGroup, Name: "t.mapper", May: schemas.MayRead}, {On: schemas.OnGroup, Name: "t.seen", May: schemas.MayDescribe},
		{On: schemas.OnTopic, Name: "t.a", May: schemas.MayRead}, {On: schemas.OnTopic, Name: "t.b", May: schemas.MayRead}, {On: schemas.OnTopic, Name: "t.c", May: schemas.MayRead},
	}
	users := acls.Users(rights)
	if diff := cmp.Diff([]string{"User:m1", "User:m2"}, users); diff != "" {
		t.Fatalf("users (-want +got):\n%s", diff)
	}
	var got []string
	for _, lack := range acls.Lacking(users, rights) {
		got = append(got, lack.Who+" "+lack.Right.Name)
	}
	if diff := cmp.Diff([]string{"User:m2 t.a", "User:m2 t.b", "User:m1 t.c", "User:m2 t.c"}, got); diff != "" {
		t.Errorf("lacking (-want +got):\n%s", diff)
	}
	if got := acls.Lacking(nil, []schemas.Right{{On: schemas.OnTopic, Name: "t.d", May: schemas.MayRead}, rights[3]}); len(got) != 1 || got[0].Right.Name != "t.d" || got[0].Who != "" {
		t.Errorf("of nobody: %+v", got)
	}
}

// TestVersionOf: the version is in every client id, also in one that names a
// transactional id, whatever that looks like.
func TestVersionOf(t *testing.T) {
	t.Parallel()
	for client, want := range map[string]string{
		"tapline-v1.2-3-gab": "v1.2-3-gab", "tapline-v1/map-host-1": "v1", "tapline-v1/a/b": "v1",
		"tapline": "", "kcat": "", "": "", clientID(): daemon.Version(), transactorClient("map-0"): daemon.Version(),
	} {
		if got := versionOf(client); got != want {
			t.Errorf("versionOf(%q) = %q, want %q", client, got, want)
		}
	}
}
