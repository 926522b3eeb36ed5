package loader

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// hosts are CleverTap's presets; the region in a definition is the key.
var hosts = map[string]string{
	"in1":  "in1.api.clevertap.com",
	"sg1":  "sg1.api.clevertap.com",
	"us1":  "us1.api.clevertap.com",
	"aps3": "aps3.api.clevertap.com",
	"mec1": "mec1.api.clevertap.com",
	"eu1":  "api.clevertap.com",
}

// accountSpec is an account as defined. It changes as a whole: version tells
// one from the next.
type accountSpec struct {
	schemas.CleverTapAccountSpec
	version int
	err     error // why it cannot be read
}

// accountSpecs follows the accounts in the resources topic.
type accountSpecs struct {
	allowCustom bool

	mu      sync.Mutex
	specs   map[string]accountSpec
	version int
}

func newAccountSpecs(allowCustom bool) *accountSpecs {
	return &accountSpecs{allowCustom: allowCustom, specs: map[string]accountSpec{}}
}

func (a *accountSpecs) apply(r *kafka.Record) {
	name, ok := strings.CutPrefix(string(r.Key), schemas.KindCleverTapAccount+"/")
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Value == nil {
		delete(a.specs, name)
		return
	}
	a.version++
	spec := accountSpec{version: a.version}
	var resource schemas.Resource
	if err := json.Unmarshal(r.Value, &resource); err != nil {
		spec.err = errors.New("its definition cannot be read")
	} else if err := json.Unmarshal(resource.Spec, &spec.CleverTapAccountSpec); err != nil {
		spec.err = errors.New("its definition cannot be read")
	}
	spec.withDefaults()
	a.specs[name] = spec
}

func (s *accountSpec) withDefaults() {
	for _, d := range []struct {
		value *int
		def   int
	}{{&s.Slots, 15}, {&s.RecordsPerUpload, 1000}} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	if s.BytesPerUpload <= 0 {
		s.BytesPerUpload = 4 << 20
	}
}

// lookup returns an account's definition as it stands now.
func (a *accountSpecs) lookup(name string) accountSpec {
	a.mu.Lock()
	defer a.mu.Unlock()
	spec, ok := a.specs[name]
	if !ok {
		spec = accountSpec{err: errors.New("it is not defined")}
		spec.withDefaults()
	}
	return spec
}

// resolve turns a definition into what the client needs. pool names what shares
// the account's slots: two definitions of one account share them.
func (a *accountSpecs) resolve(spec accountSpec, timeout time.Duration) (account clevertap.Account, pool string, err error) {
	if spec.err != nil {
		return account, "", spec.err
	}
	endpoint, err := a.endpoint(spec)
	if err != nil {
		return account, "", err
	}
	id, err := config.Resolve(spec.AccountID)
	if err != nil {
		return account, "", fmt.Errorf("its accountId: %w", err)
	}
	passcode, err := config.Resolve(spec.Passcode)
	if err != nil {
		return account, "", fmt.Errorf("its passcode: %w", err)
	}
	sum := sha256.Sum256([]byte(endpoint + "\x00" + id.Reveal()))
	return clevertap.Account{
		Endpoint: endpoint, AccountID: id.Reveal(), Passcode: passcode.Reveal(),
		Timeout: timeout, Gzip: spec.Gzip, Slots: spec.Slots,
	}, hex.EncodeToString(sum[:8]), nil
}

func (a *accountSpecs) endpoint(spec accountSpec) (string, error) {
	if spec.Endpoint == "" {
		host, ok := hosts[spec.Region]
		if !ok {
			return "", errors.New("its region is none of CleverTap's")
		}
		return "https://" + host, nil
	}
	if !a.allowCustom {
		return "", errors.New("it names an endpoint of its own, which this deployment does not allow")
	}
	return spec.Endpoint, nil
}
