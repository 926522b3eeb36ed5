package support_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/cmd/tapline/internal/support"
)

// TestMask: a text is shown only where Tapline's schemas define what it may say.
func TestMask(t *testing.T) {
	t.Parallel()
	in := `{
		"import": "customers", "startedAt": "2026-11-30T10:00:00Z", "actor": "jo@example.com", "owner": "growth",
		"error": {"code": "column_missing", "reason": "Numeric value 'canary' is not recognized"}, "counts": {"read": 5},
		"spec": {
			"source": {"connectionRef": "warehouse", "query": "SELECT * FROM t WHERE email = 'canary@example.com'"},
			"mapping": ["NAME -> Name", "'canary' -> Plan", {"from": "AGE", "value": 4711, "to": "Age"}, {"expression": "\"canary\"", "default": "2026-11-30T10:00:00Z"}, {"value": {"name": "canary"}}, {"value": ["canary", true]}, {"default": true}],
			"labels": {"team": "growth", "contact": "canary"}
		}, "newField": "canary", "none": null, "empty": "", "yes": true
	}`
	want := `{
		"import": "customers", "startedAt": "2026-11-30T10:00:00Z", "actor": "[masked: 14 characters]", "owner": "[masked: 6 characters]",
		"error": {"code": "column_missing", "reason": "[masked: 40 characters]"}, "counts": {"read": 5},
		"spec": {
			"source": {"connectionRef": "warehouse", "query": "[masked: 50 characters]"},
			"mapping": ["NAME -> Name", "[masked: 16 characters]", {"from": "[masked: 3 characters]", "value": "[masked: a constant]", "to": "[masked: 3 characters]"}, {"expression": "[masked: 8 characters]", "default": "[masked: 20 characters]"}, {"value": "[masked: a constant]"}, {"value": "[masked: a constant]"}, {"default": "[masked: a constant]"}],
			"labels": {"team": "growth", "contact": "[masked: 6 characters]"}
		}, "newField": "[masked: 6 characters]", "none": null, "empty": "", "yes": true
	}`
	got, err := support.Mask(json.RawMessage(in))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var g, w any
	if err := errors.Join(json.Unmarshal(text, &g), json.Unmarshal([]byte(want), &w)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("Mask() mismatch (-want +got)\n%s", diff)
	}
}

// TestMaskMetrics: metrics name the owner of an import, who is masked elsewhere too.
func TestMaskMetrics(t *testing.T) {
	t.Parallel()
	got := string(support.MaskMetrics([]byte(`tapline_import_info{account="main",owner="jo \"canary\" {x},y=",team="growth"} 1
tapline_import_info{owner="",import="a"} 1
tapline_import_state{import="owner",state="idle"} 1
`)))
	want := `tapline_import_info{account="main",owner="[masked]",team="growth"} 1
tapline_import_info{owner="[masked]",import="a"} 1
tapline_import_state{import="owner",state="idle"} 1
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("MaskMetrics() mismatch (-want +got)\n%s", diff)
	}
}

// TestBundle: what could not be had is named, without what a server said of it.
func TestBundle(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := support.New(&out, time.Unix(1, 0))
	if err := errors.Join(b.JSON("a.json", map[string]string{"code": "x"}, nil), b.JSON("b.json", nil, errors.New("canary")), b.Text("c.txt", []byte("c"), nil)); err != nil {
		t.Fatal(err)
	}
	missing, err := b.Close()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b.json"}, missing); diff != "" {
		t.Errorf("Close() mismatch (-want +got)\n%s", diff)
	}
	unzipped, err := gzip.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	files, archive := map[string]string{}, tar.NewReader(unzipped)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(h.Name, "tapline-support/")] = string(text)
	}
	want := map[string]string{"a.json": "{\n  \"code\": \"x\"\n}\n", "c.txt": "c", "missing.txt": "b.json\n"}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("the archive mismatch (-want +got)\n%s", diff)
	}
}
