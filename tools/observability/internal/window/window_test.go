package window

import "testing"

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		factor   Factor
		in, want string
	}{
		{1, `rate(x_total{code="a"}[{5m}]) > {=5m}`, `rate(x_total{code="a"}[5m]) > 300`},
		{1.0 / 60, `rate(x_total[{5m}]) > {=90s}`, `rate(x_total[5s]) > 1.5`},
		{1.0 / 60, `[{1h}] [{3d}]`, `[1m] [72m]`},
		{1.0 / 600, `[{1m}] [{3s}]`, `[5s] [3s]`},
		{1, `x{a="5m"} {} {5} {m}`, `x{a="5m"} {} {5} {m}`},
	} {
		if got := c.factor.Text(c.in); got != c.want {
			t.Errorf("Factor(%v).Text(%q) = %q, want %q", c.factor, c.in, got, c.want)
		}
	}
}
