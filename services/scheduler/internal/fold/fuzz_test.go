package fold_test

import (
	"encoding/json"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// FuzzReports: whoever may write the reports topic may write anything. The fold
// takes it or leaves it, stays within Kafka's size, and reads back as it was.
func FuzzReports(f *testing.F) {
	for _, text := range []string{
		`{"attempt":1,"started":{"queryId":"q","columns":[{"name":"A","type":"TEXT"}]}}`,
		`{"attempt":1,"chunk":{"read":5,"chunks":1,"byPartition":[1,2,2],"rejectsByCode":{"x":1}}}`,
		`{"attempt":1,"mapped":{"partition":3,"mapped":2,"first":5,"last":4}}`,
		`{"attempt":1,"mapped":{"partition":-1}}`, `{"attempt":1,"receipt":{"partition":2147483647}}`,
		`{"attempt":1,"receipt":{"partition":0,"ranges":[{"prev":-1,"from":0,"to":9},{"prev":9,"from":5,"to":-3}],"rejected":[{"offset":4,"code":"a"},{"offset":4,"code":"b"}]}}`,
		`{"attempt":1,"receipt":{"partition":0,"ranges":[{"prev":-9223372036854775808,"from":-9223372036854775808,"to":9223372036854775807}]}}`,
		`{"attempt":1,"final":{"complete":true,"read":-5,"byPartition":[-1]}}`, `{"attempt":1,"abandoned":{}}`, `{"attempt":1,"waiting":{"stage":"load","reason":"x"}}`,
	} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		sum := fold.New("a.1", "a", 6, time.Time{})
		run := &schemas.ActiveRun{Run: "a.1", Attempt: 1}
		for _, text := range []string{first, second, first} {
			var report schemas.Report
			if json.Unmarshal([]byte(text), &report) != nil {
				return
			}
			fold.Apply(sum, 1, &report, time.Time{})
		}
		fold.Surplus(sum)
		fold.Stuck(sum)
		fold.Stop(sum, 0.5)
		if fold.Settled(sum) {
			fold.Judge(sum, run)
		}
		event := fold.Event(sum, run)
		for what, value := range map[string]any{"fold": sum, "event": event} {
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatalf("writing the %s: %v", what, err)
			}
			if len(text) > budget {
				t.Fatalf("the %s takes %d bytes", what, len(text))
			}
		}
	})
}
