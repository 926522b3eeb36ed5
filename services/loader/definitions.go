package loader

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"tapline.dev/domain/resources"
	"tapline.dev/libs/config"
	"tapline.dev/libs/egress"
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

// accountSpec is one version of an account's definition. A changed definition is
// another accountSpec with another version.
type accountSpec struct {
	schemas.CleverTapAccountSpec
	version int64
	err     error // why it cannot be read
}

// Why an account cannot be used, said after its name.
var (
	errNotDefined  = errors.New("it is not defined")
	errNotReadable = errors.New("its definition cannot be read")
)

// accountSpecs are the accounts in the resources topic.
type accountSpecs struct {
	allowCustom bool
	secrets     config.References
	egress      egress.Config
	resources   *resources.View
}

func newAccountSpecs(allowCustom bool, secrets config.References, way egress.Config, view *resources.View) *accountSpecs {
	return &accountSpecs{allowCustom: allowCustom, secrets: secrets, egress: way, resources: view}
}

// lookup returns an account's definition as it stands now.
func (a *accountSpecs) lookup(name string) accountSpec {
	version := a.resources.AccountVersion(name)
	definition, err := a.resources.Account(name)
	spec := accountSpec{CleverTapAccountSpec: definition.WithDefaults(), version: version}
	switch {
	case errors.Is(err, resources.ErrMissing):
		spec.err = errNotDefined
	case err != nil:
		spec.err = errNotReadable
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
	id, err := a.secrets.Line(spec.AccountID)
	if err != nil {
		return account, "", fmt.Errorf("its accountId: %w", err)
	}
	passcode, err := a.secrets.Line(spec.Passcode)
	if err != nil {
		return account, "", fmt.Errorf("its passcode: %w", err)
	}
	if _, err := a.egress.Proxy(spec.Proxy); err != nil {
		return account, "", err
	}
	authorities, err := a.egress.CAs(spec.CAFile)
	if err != nil {
		return account, "", err
	}
	sum := sha256.Sum256([]byte(endpoint + "\x00" + id.Reveal()))
	return clevertap.Account{
		Endpoint: endpoint, AccountID: id.Reveal(), Passcode: passcode.Reveal(),
		Timeout: timeout, Gzip: spec.Gzip, Slots: spec.Slots, Proxy: spec.Proxy, CAs: authorities,
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
