package schemas

import "testing"

func TestFreezeHolds(t *testing.T) {
	t.Parallel()
	orders := Metadata{Name: "orders-eu", Labels: map[string]string{"team": "crm"}}
	for name, c := range map[string]struct {
		freeze FreezeSpec
		want   bool
	}{
		"its account":                     {FreezeSpec{Account: "main"}, true},
		"another account":                 {FreezeSpec{Account: "other"}, false},
		"its name":                        {FreezeSpec{Selector: &Selector{Names: []string{"orders-eu"}}}, true},
		"a pattern of its name":           {FreezeSpec{Selector: &Selector{Names: []string{"orders-*"}}}, true},
		"another name":                    {FreezeSpec{Selector: &Selector{Names: []string{"customers"}}}, false},
		"its label":                       {FreezeSpec{Selector: &Selector{Labels: map[string]string{"team": "crm"}}}, true},
		"another label":                   {FreezeSpec{Selector: &Selector{Labels: map[string]string{"team": "bi"}}}, false},
		"its account and another label":   {FreezeSpec{Account: "main", Selector: &Selector{Labels: map[string]string{"team": "bi"}}}, false},
		"another account, its own label":  {FreezeSpec{Account: "other", Selector: &Selector{Labels: map[string]string{"team": "crm"}}}, false},
		"a pattern that cannot be read":   {FreezeSpec{Selector: &Selector{Names: []string{"[", "orders-eu"}}}, true},
		"only one that cannot be read":    {FreezeSpec{Selector: &Selector{Names: []string{"["}}}, false},
		"everything, which nobody writes": {FreezeSpec{}, true},
	} {
		if got := c.freeze.Holds("main", orders); got != c.want {
			t.Errorf("%s: holds %v, want %v", name, got, c.want)
		}
	}
}
