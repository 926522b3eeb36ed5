package schemas

import (
	"encoding/json"
	"testing"
)

func TestRejectRef(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0-0", "3-18273", "2147483647-9223372036854775807"} {
		ref, err := ParseRejectRef(text)
		if err != nil || ref.String() != text {
			t.Errorf("ParseRejectRef(%q) = %v, %v", text, ref, err)
		}
	}
	for _, text := range []string{"", "3", "3-", "-3", "3-x", "x-3", "03-1", "3-01", "+3-1", "3--1", "-1-3", "3-1-2", "2147483648-0", "3-9223372036854775808"} {
		if ref, err := ParseRejectRef(text); err == nil {
			t.Errorf("ParseRejectRef(%q) = %v, want an error", text, ref)
		}
	}
}

func TestRejectRefInJSON(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(map[string]*RejectRef{"ref": {Partition: 3, Offset: 18273}})
	if err != nil || string(raw) != `{"ref":"3-18273"}` {
		t.Fatalf("Marshal = %s, %v", raw, err)
	}
	var back map[string]*RejectRef
	if err := json.Unmarshal(raw, &back); err != nil || *back["ref"] != (RejectRef{Partition: 3, Offset: 18273}) {
		t.Errorf("Unmarshal = %v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"ref":"3"}`), &back); err == nil {
		t.Error("Unmarshal took a text that names no reject")
	}
}
