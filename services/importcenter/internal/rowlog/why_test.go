package rowlog_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rowlog"
)

func ask(t *testing.T, w *world, identity string) *rowlog.Answer {
	t.Helper()
	r := rule(t)
	a, err := rowlog.Why(t.Context(), w, w.topics, rowlog.Question{
		Import: importName, Identity: identity, Partitions: partitions,
		Rule: func(string, *schemas.Started) (schemas.ImportSpec, *rowlog.Rule) { return spec(), r },
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// told writes an answer in lines, without times.
func told(a *rowlog.Answer) (lines []string) {
	for _, r := range a.Rows {
		lines = append(lines, strings.Join([]string{r.Run, fmt.Sprint(r.Attempt), r.Result, r.Stage, r.Code, r.Reason}, "|"))
		for _, u := range r.Uploads {
			answered := "unanswered"
			if u.Answered != nil {
				answered = fmt.Sprint(u.Status)
			}
			lines = append(lines, fmt.Sprintf("  %s try %d, record %d of %d, %s: %s", u.Upload, u.Try, u.Place, u.Records, answered, u.Answer))
		}
		for _, l := range r.Lines {
			lines = append(lines, fmt.Sprintf("  %s %s -> %s %s%s", l.Property, l.Before, l.After, l.Result, l.Code))
		}
		for _, n := range r.Notes {
			lines = append(lines, "  "+n)
		}
	}
	return lines
}

// setLines are what the mapping's lines made of a row of the world.
func setLines(name string) []string {
	return []string{
		fmt.Sprintf(`  identity "%s" -> "%s" set`, name, name), fmt.Sprintf(`  Name "n-%s" -> "n-%s" set`, name, name), `  Email "a@b.co" -> "a@b.co" set`,
	}
}

// load writes a row of a person that became a record, and the mapper's report of it.
func (w *world) load(name, id string, number, attempt int) (record int64) {
	row := w.row(name, id)
	record = w.put(w.topics.Records(importName), name, id, fmt.Sprintf(`{"type":"profile","identity":%q,"profileData":{"Name":"n-%s","Email":"a@b.co"}}`, name, name))
	w.mapped(number, attempt, schemas.Mapped{Partition: at(name), From: row, To: row, Mapped: 1})
	return record
}

func only(offset int64) []schemas.Range {
	return []schemas.Range{{Prev: offset - 1, From: offset, To: offset}}
}

// with is a row's outcome, its uploads and what the mapping made of it.
func with(head, name string, more ...string) []string {
	return append(append([]string{head}, more...), setLines(name)...)
}

// notRecords writes rows that became no records.
func notRecords(w *world, want map[string][]string) {
	for _, reason := range []string{schemas.SkipSuppressed, schemas.SkipClosed, schemas.SkipCancelled} {
		row := w.row(reason, "1.1.7")
		m := schemas.Mapped{Partition: at(reason), From: row, To: row, Skipped: map[string]int64{reason: 1}}
		if reason == schemas.SkipSuppressed {
			m.Suppressed = []int64{7}
		}
		w.mapped(1, 1, m)
	}
	want["suppressed"] = with("customers.1|1|skipped|map|suppressed|the person is suppressed: nothing of them is sent to the account", "suppressed")
	want["closed"] = with("customers.1|1|skipped|map|closed|the attempt that it belongs to had ended", "closed")
	want["cancelled"] = with("customers.1|1|skipped|map|cancelled|the run was cancelled before it was sent", "cancelled")
	bad := `{"ID":"bad","NAME":null,"EMAIL":"no"}`
	row := w.put(w.topics.Rows(importName), "bad", "1.1.8", bad)
	w.reject(1, schemas.Reject{Stage: schemas.StageMap, Code: "email_invalid", Column: "EMAIL", Property: "Email", Reason: "no address", Attempt: 1, ID: "1.1.8", Partition: at("bad"), Offset: row, Row: raw(bad)})
	w.mapped(1, 1, schemas.Mapped{Partition: at("bad"), From: row, To: row, RejectsByCode: map[string]int64{"email_invalid": 1}})
	want["bad"] = []string{"customers.1|1|rejected|map|email_invalid|no address", `  identity "bad" -> "bad" set`, "  Name  ->  null", `  Email "no" ->  rejectedemail_invalid`}

	// Rejected by the extractor: the row is in the reject alone.
	w.reject(1, schemas.Reject{Stage: schemas.StageExtract, Code: "value_unreadable", Reason: "not UTF-8", Attempt: 1, ID: "1.1.9", Row: raw(`{"ID":"early","NAME":"n-early","EMAIL":"a@b.co"}`)})
	want["early"] = with("customers.1|1|rejected|extract|value_unreadable|not UTF-8", "early")
}

func TestWhyTellsEveryOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := map[string][]string{}

	// Loaded at the second request: the first has no answer.
	r := w.load("loaded", "1.1.1", 1, 1)
	w.intent(1, 1, schemas.Intent{Upload: "u1", Partition: at("loaded"), Ranges: only(r), Records: 1, Try: 1})
	w.intent(1, 1, schemas.Intent{Upload: "u2", Partition: at("loaded"), Ranges: only(r), Records: 1, Try: 1})
	w.receipt(1, 1, schemas.Receipt{Upload: "u2", Partition: at("loaded"), Ranges: only(r), Records: 1, Status: 200, Resent: 1})
	want["loaded"] = with("customers.1|1|loaded|||", "loaded",
		"  u1 try 1, record 1 of 1, unanswered: no answer is noted: the request may have been applied or not", "  u2 try 1, record 1 of 1, 200: CleverTap took the record")

	// Refused by CleverTap, whose words are in the reject; a withdrawn request before.
	r = w.load("refused", "1.1.2", 1, 1)
	w.intent(1, 1, schemas.Intent{Upload: "u3", Partition: at("refused"), Ranges: only(r), Records: 1, Try: 1})
	w.intent(1, 1, schemas.Intent{Upload: "u3", Partition: at("refused"), Ranges: only(r), Records: 1, Try: 1, Withdrawn: true})
	w.intent(1, 1, schemas.Intent{Upload: "u3", Partition: at("refused"), Ranges: only(r), Records: 1, Try: 2})
	w.reject(1, schemas.Reject{Stage: schemas.StageLoad, Code: "clevertap_516", Reason: "Phone number is not valid", Attempt: 1, ID: "1.1.2", Partition: at("refused"), Offset: r})
	w.receipt(1, 1, schemas.Receipt{Upload: "u3", Partition: at("refused"), Ranges: only(r), Records: 1, Status: 200, Rejected: []schemas.OffsetOutcome{{Offset: r, Code: "clevertap_516"}}})
	want["refused"] = with("customers.1|1|rejected|load|clevertap_516|Phone number is not valid", "refused",
		"  u3 try 1, record 1 of 1, unanswered: nothing of it was applied: CleverTap refused the request whole, or was not reached",
		"  u3 try 2, record 1 of 1, 200: CleverTap refused the record: clevertap_516")

	// A reject of a loader that was killed before its receipt; then loaded.
	r = w.load("killed", "1.1.3", 1, 1)
	w.reject(1, schemas.Reject{Stage: schemas.StageLoad, Code: "clevertap_516", Reason: "x", Attempt: 1, ID: "1.1.3", Record: raw(`{"identity":"killed"}`), Partition: at("killed"), Offset: r})
	w.receipt(1, 1, schemas.Receipt{Upload: "u4", Partition: at("killed"), Ranges: only(r), Records: 1, Status: 200})
	want["killed"] = with("customers.1|1|loaded|||", "killed", "  u4 try 0, record 1 of 1, 200: CleverTap took the record")

	// Two receipts: that of an owner that was replaced comes second and counts for nothing.
	r = w.load("twice", "1.1.10", 1, 1)
	w.receipt(1, 1, schemas.Receipt{Upload: "u8", Partition: at("twice"), Ranges: only(r), Records: 1, Status: 200})
	w.receipt(1, 1, schemas.Receipt{Upload: "u9", Partition: at("twice"), Ranges: only(r), Records: 1, Status: 200, Rejected: []schemas.OffsetOutcome{{Offset: r, Code: "clevertap_516"}}})
	want["twice"] = append(with("customers.1|1|loaded|||", "twice", "  u8 try 0, record 1 of 1, 200: CleverTap took the record"), "  a later receipt of the upload u9 counts for nothing")

	// Superseded by a newer version, stopped before it was sent, and without a receipt.
	r = w.load("older", "1.1.4", 1, 1)
	w.receipt(1, 1, schemas.Receipt{Upload: "u5", Partition: at("older"), Ranges: only(r), Records: 1, Status: 200, Skipped: []schemas.OffsetOutcome{{Offset: r, Code: schemas.SkipSuperseded}}})
	want["older"] = with("customers.1|1|skipped|load|superseded|a newer row of the identity was sent", "older", "  u5 try 0, record 1 of 1, 200: the record was skipped: superseded")
	r = w.load("stopped", "1.1.5", 1, 1)
	w.receipt(1, 1, schemas.Receipt{Upload: "u6", Partition: at("stopped"), Ranges: only(r), Records: 1, SkipReason: schemas.SkipStopped})
	want["stopped"] = with("customers.1|1|skipped|load|stopped|the run had failed before it was sent", "stopped")
	r = w.load("open", "1.1.6", 1, 1)
	w.intent(1, 1, schemas.Intent{Upload: "u7", Partition: at("open"), Ranges: only(r), Records: 1, Try: 1})
	want["open"] = with("customers.1|1|waiting|||no stage has reported its result yet", "open",
		"  u7 try 1, record 1 of 1, unanswered: no answer is noted: the request may have been applied or not")

	notRecords(w, want)
	want["nobody"] = nil

	for name, lines := range want {
		a := ask(t, w, name)
		if diff := cmp.Diff(lines, told(a)); diff != "" || !a.Complete {
			t.Errorf("%s (-want +got), complete %v:\n%s", name, a.Complete, diff)
		}
	}
}

// TestWhyTellsOfTwoRunsInTheirOrder: an abandoned attempt, the next one, and a later run
// with another value.
func TestWhyTellsOfTwoRunsInTheirOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	row := w.row("ada", "1.1.1")
	w.mapped(1, 1, schemas.Mapped{Partition: at("ada"), From: row, To: row, Skipped: map[string]int64{schemas.SkipClosed: 1}})
	for _, run := range []struct{ number, attempt int }{{1, 2}, {2, 1}} {
		id := schemas.RowID{Number: run.number, Attempt: run.attempt, Seq: 1}
		r := w.load("ada", id.String(), run.number, run.attempt)
		w.receipt(run.number, run.attempt, schemas.Receipt{Upload: "u" + id.String(), Partition: at("ada"), Ranges: only(r), Records: 1, Status: 200})
	}
	w.row("someone else", "2.1.2")
	a := ask(t, w, "ada")
	var got []string
	for _, r := range a.Rows {
		got = append(got, r.ID+" "+r.Result+r.Code)
		var row map[string]string
		if json.Unmarshal(r.Row, &row) != nil || row["ID"] != "ada" {
			t.Errorf("the row of %s is %s", r.ID, r.Row)
		}
	}
	if diff := cmp.Diff([]string{"1.1.1 skippedclosed", "1.2.1 loaded", "2.1.1 loaded"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{1, 2}, a.Runs); diff != "" || a.Reach["rows"].IsZero() || a.Reach["reports"].IsZero() {
		t.Errorf("it tells of the runs %v, since %v", a.Runs, a.Reach)
	}
}
