package tests

import (
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"tapline.dev/domain/mapping"
	"tapline.dev/domain/mapping/mappingtest"
	"tapline.dev/sandbox"
)

var mappingRows = flag.Int("mapping.rows", 20_000, "rows of each property test of the mapping")

const (
	rowsPerImport = 100
	mappingClock  = 1_700_000_000
)

// TestMappedRowsAreAccepted: the sandbox CleverTap accepts every record that the mapping
// makes of random rows, and stores it unchanged.
func TestMappedRowsAreAccepted(t *testing.T) {
	t.Parallel()
	mapped := 0
	for seed := 0; seed*rowsPerImport < *mappingRows; seed++ {
		i := mappingtest.New(rand.New(rand.NewPCG(uint64(seed), 3)), false)
		records := mapImport(t, seed, i, nil)
		mapped += len(records)
		upload(t, seed, i, records)
	}
	if mapped < *mappingRows/10 {
		t.Errorf("only %d of %d rows were mapped", mapped, *mappingRows)
	}
}

// TestValidRowsAreMapped: no row that is valid by construction is rejected, by the mapping
// or by the sandbox CleverTap.
func TestValidRowsAreMapped(t *testing.T) {
	t.Parallel()
	for seed := 0; seed*rowsPerImport < *mappingRows; seed++ {
		i := mappingtest.New(rand.New(rand.NewPCG(uint64(seed), 4)), true)
		records := mapImport(t, seed, i, func(row []byte, why mapping.Reject) {
			t.Fatalf("seed %d: %+v\nrow %s", seed, why, row)
		})
		upload(t, seed, i, records)
	}
}

// mapImport maps an import's rows; rejected is called for each reject.
func mapImport(t *testing.T, seed int, i *mappingtest.Import, rejected func([]byte, mapping.Reject)) [][]byte {
	t.Helper()
	m, problems := mapping.Compile(i.Spec, i.Columns, i.Options)
	if problems != nil {
		t.Fatalf("seed %d: %v", seed, problems)
	}
	var records [][]byte
	for range rowsPerImport {
		row := i.Row()
		record, rejects := m.Map(nil, row, mappingClock)
		if len(rejects) == 0 {
			records = append(records, record)
			continue
		}
		if rejected != nil {
			rejected(row, rejects[0])
		}
	}
	return records
}

// upload sends the records to a new sandbox CleverTap, which must accept each and alter
// none.
func upload(t *testing.T, seed int, i *mappingtest.Import, records [][]byte) {
	t.Helper()
	cfg := sandbox.DefaultCleverTapConfig()
	cfg.Nested = i.Options.Nested
	handler := sandbox.NewCleverTap(cfg, slog.New(slog.DiscardHandler)).Handler()
	body := append(append([]byte(`{"d":[`), bytes.Join(records, []byte(","))...), `]}`...)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/1/upload", bytes.NewReader(body))
	request.Header.Set("X-CleverTap-Account-Id", cfg.AccountID)
	request.Header.Set("X-CleverTap-Passcode", string(cfg.Passcode))
	request.Header.Set("Content-Type", "application/json")
	var answer struct {
		Status      string            `json:"status"`
		Processed   int               `json:"processed"`
		Unprocessed []json.RawMessage `json:"unprocessed"`
	}
	ask(t, handler, request, &answer)
	if len(answer.Unprocessed) > 0 || answer.Processed != len(records) {
		t.Fatalf("seed %d: %s, %d of %d processed, %s", seed, answer.Status, answer.Processed, len(records), bytes.Join(rawMessages(answer.Unprocessed), []byte("\n")))
	}
	var errors struct {
		Items []json.RawMessage `json:"items"`
	}
	ask(t, handler, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/sandbox/v1/errors", nil), &errors)
	if len(errors.Items) > 0 {
		t.Fatalf("seed %d: accepted and then altered: %s", seed, errors.Items[0])
	}
}

func rawMessages(all []json.RawMessage) [][]byte {
	out := make([][]byte, len(all))
	for i := range all {
		out[i] = all[i]
	}
	return out
}

func ask(t *testing.T, handler http.Handler, request *http.Request, into any) {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", request.Method, request.URL.Path, recorder.Code, recorder.Body)
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), into); err != nil {
		t.Fatal(err)
	}
}
