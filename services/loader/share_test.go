package loader

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// TestASmallImportIsNotHeldUp: in virtual time, so that only waiting counts, an
// import beside a huge one takes at most twice as long as alone.
func TestASmallImportIsNotHeldUp(t *testing.T) {
	t.Parallel()
	for _, uploads := range []int{1, 10, 60} {
		t.Run(strconv.Itoa(uploads)+" uploads", func(t *testing.T) {
			t.Parallel()
			alone, beside := smallImport(t, uploads, 0), smallImport(t, uploads, 2000)
			t.Logf("%v alone, %v beside a huge import", alone, beside)
			if beside > 2*alone {
				t.Errorf("%v beside a huge import and %v alone", beside, alone)
			}
		})
	}
}

// smallImport loads an import of so many uploads, while one of so many others is
// under way, and returns how long its records took.
func smallImport(t *testing.T, uploads, others int) (took time.Duration) {
	t.Helper()
	const perUpload = 20
	synctest.Test(t, func(t *testing.T) {
		w := newVirtualWorld(t)
		w.account(schemas.CleverTapAccountSpec{Endpoint: "http://localhost:1", RecordsPerUpload: perUpload})
		w.importOf("huge", 4, schemas.ImportSpec{})
		w.importOf("small", 4, schemas.ImportSpec{})
		w.prepare = func(s *Service) {
			s.connect = func(clevertap.Account) uploader { return &downCleverTap{up: true} }
		}
		w.load("huge", rows(others*perUpload, 4), 1+others*perUpload)
		l := w.start()
		defer l.drain()
		time.Sleep(5 * time.Second)
		if got := w.tally("huge").total; others > 0 && (got == 0 || got == others*perUpload) {
			t.Fatalf("%d records of the huge import are loaded: nothing is shown", got)
		}
		n := uploads * perUpload
		began := time.Now()
		w.load("small", rows(n, 4), n)
		for w.tally("small").total < n {
			time.Sleep(10 * time.Millisecond)
			if time.Since(began) > time.Minute {
				t.Fatalf("%d of %d records are loaded after a minute", w.tally("small").total, n)
			}
		}
		took = time.Since(began)
		if got := w.tally("huge").total; others > 0 && got == others*perUpload {
			t.Error("the huge import was through before: nothing is shown")
		}
	})
	return took
}
