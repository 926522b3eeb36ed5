package rejectfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rowlog"
)

func TestNeutral(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "plain": "plain", "=1+1": "'=1+1", "+49": "'+49", "-1": "-1", "-1+1": "'-1+1", "-": "'-", "@SUM(A1)": "'@SUM(A1)", "\tx": "'\tx", "\rx": "'\rx",
		" =1": "' =1", "＝1": "'＝1", `{"a":"=1"}`: `{"a":"=1"}`, "a=1": "a=1",
	} {
		if got := neutral(text); got != want {
			t.Errorf("neutral(%q) = %q, want %q", text, got, want)
		}
	}
}

func line(n int) Line {
	return Line{Ref: "0-1", State: "open", Reject: schemas.Reject{
		Import: "customers", Run: "customers.1", Attempt: 1, Stage: "map", Code: "email_invalid", Reason: "r", ID: "7", Offset: int64(n), Partition: -1,
		Time: time.Date(2026, 11, 30, 1, 2, 3, 4000, time.UTC), Row: json.RawMessage(`{"EMAIL":"ü,\"\n"}`),
	}}
}

// TestParquet reads back what was written, over several row groups.
func TestParquet(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	f := New("parquet", false, &out)
	const lines = groupRows + 10
	for n := range lines {
		if err := f.Write(line(n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := parquet.Read[row](bytes.NewReader(out.Bytes()), int64(out.Len())); err == nil {
		t.Error("a file that was not closed can be read: a part would be taken for the whole")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.Read[row](bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil || len(rows) != lines {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	last := rows[lines-1]
	if last.Offset != lines-1 || *last.Row != `{"EMAIL":"ü,\"\n"}` || last.Column != nil || !last.Time.Equal(line(0).Time) {
		t.Errorf("the last row = %+v", last)
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	f := New("csv", false, &out)
	if err := errors.Join(f.Write(line(5)), f.Close()); err != nil {
		t.Fatal(err)
	}
	want := "ref,time,import,run,attempt,stage,code,class,column,property,reason,state,replayedBy,rejectedAgain,identity,id,topic,partition,offset,row,record\r\n" +
		"0-1,2026-11-30T01:02:03.000004Z,customers,customers.1,1,map,email_invalid,,,,r,open,,false,,7,,-1,5,\"{\"\"EMAIL\"\":\"\"ü,\\\"\"\\n\"\"}\",\r\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("CSV (-want +got):\n%s", diff)
	}
}

// TestRowsOfARun: the file says nothing of CleverTap IDs that nobody has looked up, and is
// valid once it is closed only.
func TestRowsOfARun(t *testing.T) {
	t.Parallel()
	row := rowlog.Row{Ref: "records-3-1", ID: "1.1.1", Result: "loaded", Identity: "=cmd", Time: time.Date(2026, 11, 30, 1, 2, 3, 0, time.UTC)}
	var out bytes.Buffer
	f := NewRows("csv", true, &out)
	if err := errors.Join(f.Write(row), f.Close()); err != nil {
		t.Fatal(err)
	}
	want := byteOrderMark + "ref,id,result,stage,code,reason,column,property,identity,cleverTapId,event,upload,time,gone\r\n" +
		"records-3-1,1.1.1,loaded,,,,,,'=cmd,,,,2026-11-30T01:02:03Z,false\r\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("CSV (-want +got):\n%s", diff)
	}
	out.Reset()
	p := NewRows("parquet", false, &out)
	if err := p.Write(row); err != nil {
		t.Fatal(err)
	}
	if _, err := parquet.Read[fileRow](bytes.NewReader(out.Bytes()), int64(out.Len())); err == nil {
		t.Error("a file that was not closed can be read")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.Read[fileRow](bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil || len(rows) != 1 || *rows[0].Identity != "=cmd" || rows[0].CleverTapID != nil {
		t.Errorf("Parquet: %+v, %v", rows, err)
	}
}
