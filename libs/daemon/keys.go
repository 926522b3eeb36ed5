package daemon

import (
	_ "embed"
	"slices"
	"strings"

	"tapline.dev/libs/config"
)

// keysText is every key of every service; make docs writes it.
//
//go:embed keys.txt
var keysText string

// everyKey lists the keys of all services, and those of this program, which may be none
// of them.
func everyKey(own ...any) ([]string, error) {
	settings, err := config.Settings(own...)
	if err != nil {
		return nil, err
	}
	keys := strings.Fields(keysText)
	for _, s := range settings {
		keys = append(keys, s.Key)
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}
