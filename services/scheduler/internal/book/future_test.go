package book_test

import (
	"strings"
	"testing"

	"tapline.dev/schemas"
)

// TestListingCountsFutureRows: a run whose rows all lie ahead of the clock, because the
// cursor has another unit than the definition says, succeeds and loads nothing. The
// listing shows them until a run finds none.
func TestListingCountsFutureRows(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	held := final(0)
	held.Final.Read, held.Final.Future = 7, 7
	d.reports("a.1", 1, held)
	run := d.want("a.1", schemas.StateSucceeded)
	if l := d.b.Listing("a"); l.Future != 7 || len(run.Notes) != 1 || !strings.Contains(run.Notes[0], "another unit") {
		t.Errorf("listing %+v after notes %q", l, run.Notes)
	}
	if l := d.reload().Listing("a"); l.Future != 7 {
		t.Errorf("listing of the next owner %+v", l)
	}
	d.command(schemas.CommandRun, "k2", nil)
	d.succeed("a.2", 1, 0, 1)
	if l := d.b.Listing("a"); l.Future != 0 {
		t.Errorf("listing %+v after a run without such rows", l)
	}
}
