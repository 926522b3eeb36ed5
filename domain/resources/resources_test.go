package resources_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/resources"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestAccount: what an account's records come to. The older definition is never
// what is in force once there is a newer record, whatever that is.
func TestAccount(t *testing.T) {
	t.Parallel()
	const limits = `{"kind":"CleverTapAccount","metadata":{"name":"main"},"spec":{"accountId":"a","passcode":"p","maxEventProperties":7}}`
	for name, c := range map[string]struct {
		values []string // of the key, "" for a deletion
		want   schemas.CleverTapAccountSpec
		err    error
	}{
		"never applied":        {nil, schemas.CleverTapAccountSpec{}, resources.ErrMissing},
		"applied":              {[]string{limits}, schemas.CleverTapAccountSpec{AccountID: "a", Passcode: "p", MaxEventProperties: 7}, nil},
		"deleted":              {[]string{limits, ""}, schemas.CleverTapAccountSpec{}, resources.ErrMissing},
		"no JSON":              {[]string{limits, `{`}, schemas.CleverTapAccountSpec{}, resources.ErrUnreadable},
		"a spec of wrong type": {[]string{limits, `{"spec":{"maxEventProperties":"s3cret"}}`}, schemas.CleverTapAccountSpec{}, resources.ErrUnreadable},
		"repaired":             {[]string{`{`, limits}, schemas.CleverTapAccountSpec{AccountID: "a", Passcode: "p", MaxEventProperties: 7}, nil},
		"repaired by deletion": {[]string{`{`, ""}, schemas.CleverTapAccountSpec{}, resources.ErrMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			view := resources.New(kafkatest.Deps())
			for _, value := range c.values {
				r := &kafka.Record{Key: []byte(schemas.ResourceKey(schemas.KindCleverTapAccount, "main"))}
				if value != "" {
					r.Value = []byte(value)
				}
				view.Apply(r)
			}
			got, err := view.Account("main")
			if !errors.Is(err, c.err) || err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("Account() = %v, want %v and no word of the value", err, c.err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("account (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConnection(t *testing.T) {
	t.Parallel()
	view := resources.New(kafkatest.Deps())
	key := schemas.ResourceKey(schemas.KindSnowflakeConnection, "warehouse")
	view.Apply(
		&kafka.Record{Key: []byte(key), Value: []byte(`{"spec":{"account":"acme"}}`)},
		&kafka.Record{Key: []byte("ImportDefaults/warehouse"), Value: []byte(`{"spec":7}`)}, // of no concern here
	)
	if got, err := view.Connection("warehouse"); err != nil || got.Account != "acme" {
		t.Errorf("Connection() = %+v, %v", got, err)
	}
	if _, err := view.Account("warehouse"); !errors.Is(err, resources.ErrMissing) {
		t.Errorf("an account with the name of a connection: %v", err)
	}
}
