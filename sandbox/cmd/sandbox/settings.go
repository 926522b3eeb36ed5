package main

import (
	"context"
	"errors"
	"fmt"

	"tapline.dev/libs/config"
	"tapline.dev/sandbox"
	"tapline.dev/sandbox/demotables"
)

// settings are the configurations of both halves.
type settings struct {
	Snowflake sandbox.SnowflakeConfig
	CleverTap sandbox.CleverTapConfig `yaml:"clevertap"`
	Demo      demoTables
}

// demoTables are the tables that the sandbox Snowflake has from the start.
type demoTables struct {
	// Purchases is the file of the purchase log, as data/cdnow_sample.txt. Without it no
	// table is made.
	Purchases string
	// Customers is how many customers are generated, Seed from which number.
	Customers int64
	Seed      int64
}

// make creates the tables if Purchases is set.
func (d demoTables) make(ctx context.Context, snowflake *sandbox.Snowflake) error {
	if d.Purchases == "" {
		return nil
	}
	return demotables.Seed(ctx, snowflake, demotables.Tables{Seed: d.Seed, Customers: d.Customers, Purchases: d.Purchases})
}

func defaultSettings() settings {
	return settings{Snowflake: sandbox.DefaultSnowflakeConfig(), CleverTap: sandbox.DefaultCleverTapConfig(), Demo: demoTables{Customers: 10_000, Seed: 1}}
}

// resolve replaces secrets that are references by what they point to.
func (s *settings) resolve() error {
	for name, secret := range map[string]*sandbox.Secret{"snowflake.password": &s.Snowflake.Password, "clevertap.passcode": &s.CleverTap.Passcode} {
		resolved, err := config.Resolve(string(*secret))
		if errors.Is(err, config.ErrNotReference) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		*secret = sandbox.Secret(resolved.Reveal())
	}
	return nil
}
