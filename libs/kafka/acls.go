package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tapline.dev/schemas"
)

// ErrNoAuthorizer says that the brokers list no rights: everybody may do everything, or
// rights are kept elsewhere than in Kafka's ACLs.
var ErrNoAuthorizer = errors.New("the brokers have no ACLs")

// everybody is the principal of ACLs that are for all.
const everybody = "User:*"

// ACLs are all that the brokers have.
type ACLs struct {
	resources []kmsg.DescribeACLsResponseResource
}

// Lack is a right that a user lacks. Who is "" if nobody has it and it is not known who
// should.
type Lack struct {
	Who   string
	Right schemas.Right
}

// ListACLs asks the brokers for all ACLs.
func ListACLs(ctx context.Context, cfg Config, deps Deps) (ACLs, error) {
	client, err := kgo.NewClient(base(cfg, deps)...)
	if err != nil {
		return ACLs{}, fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer client.Close()
	const all = 1
	req := kmsg.NewPtrDescribeACLsRequest()
	req.ResourceType, req.ResourcePatternType, req.Operation, req.PermissionType = all, all, all, all
	res, err := req.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(res.ErrorCode)
	}
	switch {
	case errors.Is(err, kerr.SecurityDisabled), err == nil && len(res.Resources) == 0:
		return ACLs{}, ErrNoAuthorizer
	case err != nil:
		return ACLs{}, fmt.Errorf("listing ACLs: %w", err)
	}
	return ACLs{res.Resources}, nil
}

// Users are those who have a right of their own on the consumer group or the transactional
// ids of a service: the users that the service signs in as. A user whose ACL is for every
// group or id (*) is left out, because that ACL does not say which service the user is for.
func (a ACLs) Users(rights []schemas.Right) (users []string) {
	for _, on := range a.resources {
		for _, r := range rights {
			// Whoever only looks at the group of a service is not its user.
			if r.On == schemas.OnTopic || r.May == schemas.MayDescribe || on.ResourceName == "*" || !covers(on, r) {
				continue
			}
			for _, acl := range on.ACLs {
				if allows(acl, r) && acl.Principal != everybody && !slices.Contains(users, acl.Principal) {
					users = append(users, acl.Principal)
				}
			}
		}
	}
	slices.Sort(users)
	return users
}

// Lacking are the rights that each of the users lacks; without users, those that nobody has.
func (a ACLs) Lacking(users []string, rights []schemas.Right) (out []Lack) {
	for _, r := range rights {
		if len(users) == 0 && !a.granted("", r) {
			out = append(out, Lack{Right: r})
		}
		for _, user := range users {
			if !a.granted(user, r) {
				out = append(out, Lack{user, r})
			}
		}
	}
	return out
}

// granted reports whether a user has a right; with the user "", whether anybody has it. An
// ACL that denies it takes precedence over those that allow it.
func (a ACLs) granted(user string, r schemas.Right) bool {
	granted := false
	for _, on := range a.resources {
		for _, acl := range on.ACLs {
			if user != "" && acl.Principal != user && acl.Principal != everybody {
				continue
			}
			if user != "" && denies(on, acl, r) {
				return false
			}
			granted = granted || covers(on, r) && allows(acl, r)
		}
	}
	return granted
}

// covers reports whether a resource holds all that a right is on.
func covers(on kmsg.DescribeACLsResponseResource, r schemas.Right) bool {
	if on.ResourceType != resourceTypes[r.On] {
		return false
	}
	return on.ResourceName == "*" ||
		on.ResourcePatternType == kmsg.ACLResourcePatternTypePrefixed && strings.HasPrefix(r.Name, on.ResourceName) ||
		on.ResourcePatternType == kmsg.ACLResourcePatternTypeLiteral && !r.Prefixed && on.ResourceName == r.Name
}

// resourceTypes are Kafka's numbers for what a right is on.
var resourceTypes = map[string]kmsg.ACLResourceType{
	schemas.OnTopic: kmsg.ACLResourceTypeTopic, schemas.OnGroup: kmsg.ACLResourceTypeGroup, schemas.OnTransactionalID: kmsg.ACLResourceTypeTransactionalId,
}

// operations are those of which each grants a right.
var operations = map[string][]kmsg.ACLOperation{
	schemas.MayRead: {kmsg.ACLOperationRead}, schemas.MayWrite: {kmsg.ACLOperationWrite}, schemas.MayCreate: {kmsg.ACLOperationCreate}, schemas.MayDelete: {kmsg.ACLOperationDelete},
	schemas.MayDescribe: {kmsg.ACLOperationDescribe, kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDelete},
}

func allows(acl kmsg.DescribeACLsResponseResourceACL, r schemas.Right) bool {
	return acl.PermissionType == kmsg.ACLPermissionTypeAllow && (acl.Operation == kmsg.ACLOperationAll || slices.Contains(operations[r.May], acl.Operation))
}

// denies reports whether an ACL takes a right away, from all or a part of what it is on.
func denies(on kmsg.DescribeACLsResponseResource, acl kmsg.DescribeACLsResponseResourceACL, r schemas.Right) bool {
	if acl.PermissionType != kmsg.ACLPermissionTypeDeny || on.ResourceType != resourceTypes[r.On] {
		return false
	}
	if !covers(on, r) && !(r.Prefixed && strings.HasPrefix(on.ResourceName, r.Name)) {
		return false
	}
	// Only denying the operation itself counts: a user who may not read may still describe.
	return acl.Operation == kmsg.ACLOperationAll || acl.Operation == operations[r.May][0]
}
