package schemas

import (
	"strings"
	"testing"
)

func TestSuppressionKey(t *testing.T) {
	t.Parallel()
	k := SuppressionKey{Account: "main", KeyID: "0123456789abcdef", Hash: SuppressionHash{0: 7, 15: 255}}
	if got, ok := ParseSuppressionKey(k.String()); !ok || got != k {
		t.Errorf("%s reads as %+v, %v", k, got, ok)
	}
	if p := k.Partition(4); p != 3 {
		t.Errorf("the partition is %d, want 3", p)
	}
	for _, bad := range []string{
		"", "main", "main/0123456789abcdef", "/0123456789abcdef/" + strings.Repeat("0", 32), "main/0123456789abcdef/" + strings.Repeat("g", 32),
		k.String() + "0", "x/" + k.String(), "main/0123456789ABCDEF/" + strings.Repeat("0", 32), "main//" + strings.Repeat("0", 32),
	} {
		if _, ok := ParseSuppressionKey(bad); ok {
			t.Errorf("%q was accepted", bad)
		}
	}
}
