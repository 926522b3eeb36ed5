package nearest

import (
	"slices"
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, want string
		known      []string
	}{
		{"custmers", "customers", []string{"orders", "customers"}},
		{"tpye", "type", []string{"topic", "type"}},
		{"EMAIL", "email", []string{"email", "phone"}},
		{"orders", "", []string{"customers"}},
		{"ab", "ac", []string{"ad", "ac"}},
		{"x", "", nil},
		{strings.Repeat("x", 300), "", []string{strings.Repeat("x", 300)}},
	} {
		if got := Name(c.name, slices.Values(c.known)); got != c.want {
			t.Errorf("nearest to %.20q among %.60q: %q, want %q", c.name, c.known, got, c.want)
		}
	}
	if got := Question("custmers", slices.Values([]string{"customers"})); got != "; did you mean customers?" {
		t.Errorf("question %q", got)
	}
}
