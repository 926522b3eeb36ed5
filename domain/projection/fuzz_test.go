package projection_test

import (
	"errors"
	"testing"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/schemas"
)

// FuzzPageToken: from any token, whoever follows the pages comes to an end and sees
// no run twice; or the token is refused.
func FuzzPageToken(f *testing.F) {
	client := redistest.New(f).Client(f)
	w, r := projection.NewWriter(client), projection.NewReader(client)
	const runs = 7
	for n := range runs {
		if err := w.PutRun(f.Context(), run("a", n+1, schemas.StateSucceeded)); err != nil {
			f.Fatal(err)
		}
	}
	for _, token := range []string{"", "0", "3", "7", "8", "-1", "9223372036854775807", "99999999999999999999", " 1", "0x1", "+2"} {
		f.Add(token, uint8(2))
	}
	f.Fuzz(func(t *testing.T, token string, limit uint8) {
		query := projection.Query{Import: "a", Limit: 1 + int(limit%8), Token: token}
		seen := map[string]bool{}
		for range runs + 1 {
			page, err := r.Runs(t.Context(), query)
			if errors.Is(err, projection.ErrToken) && query.Token == token {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, run := range page.Runs {
				if seen[run.Run] {
					t.Fatalf("%s is on two pages", run.Run)
				}
				seen[run.Run] = true
			}
			if page.NextToken == "" {
				return
			}
			query.Token = page.NextToken
		}
		t.Fatalf("the pages from token %q do not end", token)
	})
}
