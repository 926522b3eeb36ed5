package signin

import (
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"tapline.dev/services/importcenter/internal/access"
)

const (
	// keysFreshFor is how long keys are used before they are fetched again.
	keysFreshFor = time.Hour
	// keysLife is how long keys are used while the provider does not answer.
	keysLife = 24 * time.Hour
	// fetchAgainAfter is the shortest time between two fetches: otherwise each
	// token with an invented key would cause a request to the provider.
	fetchAgainAfter = 10 * time.Second
	maxKeySet       = 1 << 20
)

// keySet holds the provider's keys, fetched when they are first needed, when they
// are old, and when a signature is by none of them. It is safe for concurrent use.
type keySet struct {
	url    string
	client *http.Client
	log    *slog.Logger

	mu      sync.Mutex
	keys    []crypto.PublicKey
	fetched time.Time
	tried   time.Time
}

// ready makes sure that there are keys that may be used.
func (k *keySet) ready(ctx context.Context, now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.fetched) > keysFreshFor {
		k.fetch(ctx, now)
	}
	if now.Sub(k.fetched) > keysLife {
		return &access.UnavailableError{Detail: "the OpenID provider's keys are not known, because it does not answer; try again, or use a key"}
	}
	return nil
}

// VerifySignature is called by the verifier once the token's algorithm is known to
// be an allowed one.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.verify(ctx, token)
	if err == nil {
		return payload, nil
	}
	k.mu.Lock()
	k.fetch(ctx, time.Now()) // it may be by a key that is new
	k.mu.Unlock()
	return k.verify(ctx, token)
}

func (k *keySet) verify(ctx context.Context, token string) ([]byte, error) {
	k.mu.Lock()
	keys := k.keys
	k.mu.Unlock()
	return (&oidc.StaticKeySet{PublicKeys: keys}).VerifySignature(ctx, token)
}

// fetch replaces the keys, unless it was tried a moment ago or the provider does
// not answer.
func (k *keySet) fetch(ctx context.Context, now time.Time) {
	if now.Sub(k.tried) < fetchAgainAfter {
		return
	}
	k.tried = now
	keys, err := k.ask(ctx)
	if err != nil {
		k.log.WarnContext(ctx, "the OpenID provider's keys cannot be fetched", slog.Any("error", err))
		return
	}
	k.keys, k.fetched = keys, now
}

func (k *keySet) ask(ctx context.Context) ([]crypto.PublicKey, error) {
	// The caller may cancel its request while other requests wait for the same
	// keys.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := k.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	text, err := io.ReadAll(io.LimitReader(res.Body, maxKeySet))
	if err != nil {
		return nil, err
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil || res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer %s is no set of keys", res.Status)
	}
	var keys []crypto.PublicKey
	for _, key := range set.Keys {
		if key.Use != "enc" && key.Valid() && key.IsPublic() {
			keys = append(keys, key.Key)
		}
	}
	return keys, nil
}
