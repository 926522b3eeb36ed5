package rejects

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func TestTopic(t *testing.T) {
	t.Parallel()
	topic := NewTopic(numbered(2, 9), "rejects")
	partition := schemas.ControlPartition("customers")
	ref := func(offset int64) schemas.RejectRef { return schemas.RejectRef{Partition: partition, Offset: offset} }
	tests := []struct {
		name string
		s    Selection
		want []schemas.RejectRef
	}{
		{"in the order of offsets, another import's left out", Selection{Import: "customers"}, []schemas.RejectRef{ref(2), ref(4), ref(6), ref(8)}},
		{"single rows", Selection{Import: "customers", Refs: []schemas.RejectRef{ref(6), ref(3), ref(4)}}, []schemas.RejectRef{ref(4), ref(6)}},
		{"a code that is not there", Selection{Import: "customers", Code: "phone_invalid"}, nil},
		{"none is replayed", Selection{Import: "customers", State: StateReplayed}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []schemas.RejectRef
			err := topic.Each(t.Context(), tt.s, func(ref schemas.RejectRef, _ schemas.Reject) error {
				got = append(got, ref)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("rejects (-want +got):\n%s", diff)
			}
			groups, how, err := topic.Count(t.Context(), tt.s)
			if err != nil || !how.Complete || how.IndexedUpTo != 9 {
				t.Errorf("Count = %+v, %v", how, err)
			}
			var want []Group
			if n := int64(len(tt.want)); n > 0 {
				want = []Group{{Code: "email_invalid", State: StateOpen, Count: n}}
			}
			if diff := cmp.Diff(want, groups); diff != "" && len(want)+len(groups) > 0 {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
	enough := errors.New("enough")
	if err := topic.Each(t.Context(), Selection{Import: "customers"}, func(schemas.RejectRef, schemas.Reject) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("Each = %v, want the error of the function", err)
	}
}
