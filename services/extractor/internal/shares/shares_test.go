package shares

import (
	"math"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

func share(f float64) *float64 { return &f }

func counting(t *testing.T, limits *schemas.HoldLimits) *Shares {
	t.Helper()
	s, err := New(limits, 0, func(name string) (int, bool) { return 1, name == "EMAIL" })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSharesNameTheirColumn(t *testing.T) {
	t.Parallel()
	for _, none := range []*schemas.HoldLimits{nil, {Rows: 7}} {
		if s := counting(t, none); s != nil || s.Figures() != nil {
			t.Errorf("%+v counts %+v", none, s)
		}
	}
	if _, err := New(&schemas.HoldLimits{NullShare: map[string]float64{"NAME": 0}}, 0, func(string) (int, bool) { return 0, false }); err == nil || !strings.Contains(err.Error(), "NAME") {
		t.Errorf("a column that is not there: %v", err)
	}
}

// TestRepeatedIdentitiesAreSampled: with more identities than are counted one by one,
// the share is that of a sample, and as good as exact.
func TestRepeatedIdentitiesAreSampled(t *testing.T) {
	t.Parallel()
	s := counting(t, &schemas.HoldLimits{RepeatedIdentities: share(0.2)})
	s.max = 4096
	for i := range uint64(100_000) {
		hash := i * 0x9E3779B97F4A7C15
		s.addIdentity(hash ^ hash>>29)
	}
	for i := range uint64(25_000) { // a quarter a second time
		hash := i * 4 * 0x9E3779B97F4A7C15
		s.addIdentity(hash ^ hash>>29)
	}
	if len(s.times) > s.max || s.stride == 1 {
		t.Fatalf("%d identities are kept, stride %d", len(s.times), s.stride)
	}
	got := s.Figures()
	if len(got) != 1 || got[0].Code != schemas.HoldIdentitiesRepeat || math.Abs(got[0].Found-0.25) > 0.05 {
		t.Errorf("%+v", got)
	}
}

func TestPercent(t *testing.T) {
	t.Parallel()
	if got := percent(0.6218); got != "62.18 %" {
		t.Error(got)
	}
}
