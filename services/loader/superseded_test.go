package loader

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// TestAVersionThatIsRefusedForAMoment: CleverTap refuses the first record of each request
// once with code 555 and takes the others. No version may be applied after a newer one of
// its identity, also not for a moment, and no property may be lost.
func TestAVersionThatIsRefusedForAMoment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec schemas.ImportSpec
		data [3]string // of the versions of one identity
		want []string  // what is applied, in order
		out  map[string]int
	}{
		"a newer one writes all of it": {
			data: [3]string{`"x":1`, `"x":2`, `"x":3,"y":3`}, want: []string{"other 1", "a 2", "a 3"},
			out: map[string]int{"loaded": 3, schemas.SkipSuperseded: 1},
		},
		"a newer one leaves some of it": {
			data: [3]string{`"x":1`, `"y":2`, `"y":3`}, want: []string{"other 1", "a 1", "a 3"},
			out: map[string]int{"loaded": 3, schemas.SkipSuperseded: 1},
		},
		"with operators": {
			spec: schemas.ImportSpec{Mapping: []schemas.Property{{From: "N", To: "n", Op: "incr"}}},
			data: [3]string{`"x":1`, `"x":2`, `"x":3`}, want: []string{"other 1", "a 1", "a 2", "a 3"},
			out: map[string]int{"loaded": 4},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			refused := map[string]bool{}
			w.cleverTap.decide = func(_ int, records []sent) answer {
				first := fmt.Sprint(records[0])
				if isProbe(records) || refused[first] {
					return answer{}
				}
				refused[first] = true
				return answer{from: 1, body: fmt.Sprintf(`{"status":"partial","processed":%d,"unprocessed":[{"status":"fail","code":555,"error":"Miscellaneous server error. Skipped record number : 1"}]}`, len(records)-1)}
			}
			w.importOf("customers", 1, c.spec)
			rows := []row{{identity: "a", version: 1, data: c.data[0]}, {identity: "other", version: 1}}
			for version := 2; version <= 3; version++ {
				rows = append(rows, row{identity: "a", version: version, data: c.data[version-1]})
			}
			w.load("customers", rows, len(rows))
			w.start()
			w.want(w.settled("customers", len(rows)), c.out)
			var applied []string
			for _, s := range w.cleverTap.got() {
				if !s.refused && s.Identity != "tapline-check" {
					applied = append(applied, fmt.Sprint(s.Identity, " ", s.Version))
				}
			}
			if diff := cmp.Diff(c.want, applied); diff != "" {
				t.Errorf("applied (-want +got):\n%s", diff)
			}
		})
	}
}
