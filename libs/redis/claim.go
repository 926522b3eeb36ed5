package redis

import (
	"context"
	"errors"
	"fmt"
)

// ErrClaimed says that the keys under the prefix belong to another deployment.
var ErrClaimed = errors.New("redis.keyPrefix is in use by another deployment")

// claimKey holds the name of the deployment that the keys under the prefix belong to.
const claimKey = "deployment"

// Claim marks the keys under the client's prefix as those of owner. It returns
// ErrClaimed if they belong to another deployment. Callers repeat it while they use
// the keys, because a Redis that is emptied has lost the mark. Any other error
// means that Redis does not answer.
func (c *Client) Claim(ctx context.Context, owner string) error {
	holder, found, err := c.Get(ctx, claimKey)
	if err == nil && !found {
		// The value tells which deployment was first. The answer to SetIfAbsent does
		// not, because it can be lost.
		if _, err = c.SetIfAbsent(ctx, claimKey, []byte(owner), 0); err == nil {
			holder, _, err = c.Get(ctx, claimKey)
		}
	}
	if err != nil {
		return fmt.Errorf("claiming redis.keyPrefix: %w", err)
	}
	if string(holder) == owner {
		return nil
	}
	return fmt.Errorf("%w: the keys under %q belong to %s, and this is %s; give this one a redis.keyPrefix of its own, "+
		"or, if the other is gone for good, delete the key %s%s and start again", ErrClaimed, c.prefix, holder, owner, c.prefix, claimKey)
}
