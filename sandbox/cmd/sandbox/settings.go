package main

import (
	"errors"
	"fmt"

	"tapline.dev/libs/config"
	"tapline.dev/sandbox"
)

// settings are the configurations of both halves.
type settings struct {
	Snowflake sandbox.SnowflakeConfig
	CleverTap sandbox.CleverTapConfig `yaml:"clevertap"`
}

func defaultSettings() settings {
	return settings{Snowflake: sandbox.DefaultSnowflakeConfig(), CleverTap: sandbox.DefaultCleverTapConfig()}
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
