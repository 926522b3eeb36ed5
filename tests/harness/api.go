package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// Event is an event as the sandbox CleverTap holds it.
type Event struct {
	Identity string          `json:"identity"`
	Name     string          `json:"evtName"`
	Time     int64           `json:"ts"`
	Data     json.RawMessage `json:"evtData"`
}

// Events returns the events of a name.
func (c *Cluster) Events(t testing.TB, name string) []Event {
	t.Helper()
	var answer struct{ Items []Event }
	if err := get(c.Endpoints.CleverTap.URL+"/sandbox/v1/events?name="+url.QueryEscape(name), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Items
}

// History returns the newest records that the sandbox CleverTap took for an identity,
// oldest first.
func (c *Cluster) History(t testing.TB, identity string) (out []json.RawMessage) {
	t.Helper()
	var answer struct {
		Items []struct{ Record json.RawMessage }
	}
	if err := get(c.Endpoints.CleverTap.URL+"/sandbox/v1/history?identity="+url.QueryEscape(identity), &answer); err != nil {
		t.Fatal(err)
	}
	for _, item := range answer.Items {
		out = append(out, item.Record)
	}
	return out
}

// Post sends a request to Import Center. An error says why it was refused, or that Import
// Center is down.
func (c *Cluster) Post(ctx context.Context, path string) error { return c.Send(ctx, path, "") }

// Send is Post with a body of JSON.
func (c *Cluster) Send(ctx context.Context, path, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoints.ImportCenter+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if res.StatusCode/100 != 2 {
		return errors.Join(err, fmt.Errorf("POST %s: %s: %s", path, res.Status, text))
	}
	return err
}

// Plant writes records into the sandbox CleverTap behind Tapline's back.
func (c *Cluster) Plant(t testing.TB, records ...string) {
	t.Helper()
	for len(records) > 0 {
		some := records[:min(len(records), 1000)]
		records = records[len(some):]
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.Endpoints.CleverTap.URL+"/1/upload", strings.NewReader(`{"d":[`+strings.Join(some, ",")+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-CleverTap-Account-Id", c.Endpoints.CleverTap.AccountID)
		req.Header.Set("X-CleverTap-Passcode", c.Endpoints.CleverTap.Passcode)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Processed int }
		err = json.NewDecoder(res.Body).Decode(&answer)
		if err = errors.Join(err, res.Body.Close()); err != nil || answer.Processed != len(some) {
			t.Fatalf("planting %d records: %d were processed, %v", len(some), answer.Processed, err)
		}
	}
}

// Active reports whether an import has an active run, or that this is not known.
func (c *Cluster) Active(ctx context.Context, importName string) (run string, active bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Endpoints.ImportCenter+"/v1/runs?pageSize=1&import="+importName, http.NoBody)
	if err != nil {
		return "", false, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", false, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", false, fmt.Errorf("listing runs: %s", res.Status)
	}
	var answer struct{ Items []schemas.Run }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return "", false, err
	}
	if len(answer.Items) == 0 {
		return "", false, nil
	}
	return answer.Items[0].Run, !schemas.Terminal(answer.Items[0].State), nil
}

// AwaitIdle waits until an import is in no run and none waits, by what the log
// says.
func (c *Cluster) AwaitIdle(t testing.TB, importName string, within time.Duration) error {
	t.Helper()
	return c.AwaitAllIdle(t, []string{importName}, within)
}

// AwaitAllIdle is AwaitIdle for many imports, of which it reads the states once.
func (c *Cluster) AwaitAllIdle(t testing.TB, imports []string, within time.Duration) error {
	t.Helper()
	reader, err := kafka.OpenReader(c.Kafka(), kafkatest.Deps())
	if err != nil {
		return err
	}
	defer reader.Close()
	states, next := map[string]schemas.State{}, map[int32]int64{}
	for _, name := range imports {
		states[name] = schemas.State{}
		next[schemas.ControlPartition(name)] = 0
	}
	topic := schemas.NewTopics(c.Kafka().Prefix).State()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) { // between looks at the condition
		err = nil
		for partition, from := range next {
			read, failed := reader.ReadTo(t.Context(), kafka.TP{Topic: topic, Partition: partition}, from, func(r *kafka.Record) error {
				name := string(r.Key)
				if _, asked := states[name]; !asked || r.Value == nil {
					return nil
				}
				var state schemas.State
				err := json.Unmarshal(r.Value, &state)
				states[name] = state
				return err
			})
			if failed != nil {
				err = failed
				continue // the broker may just have been started again
			}
			next[partition] = read
		}
		busy := 0
		for _, state := range states {
			if state.Active != nil || state.Queued != nil {
				busy++
			}
		}
		if err == nil && busy == 0 {
			return nil
		}
	}
	busy := map[string]schemas.State{}
	for name, state := range states {
		if state.Active != nil || state.Queued != nil {
			busy[name] = state
		}
	}
	text, marshalErr := json.Marshal(busy)
	return errors.Join(fmt.Errorf("not within %s; the states of those that are not: %.4000s", within, text), err, marshalErr)
}

// TryApply applies definitions given as YAML. Services may be down.
func (c *Cluster) TryApply(t testing.TB, yaml string) error {
	t.Helper()
	path := filepath.Join(c.Dir, "edit.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		return err
	}
	return c.try("apply", "-f", path)
}

// SetAccount applies the account again with fields of its spec changed.
func (c *Cluster) SetAccount(t testing.TB, fields map[string]any) {
	t.Helper()
	text := c.resource(t, schemas.KindCleverTapAccount)
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	spec, _ := document["spec"].(map[string]any)
	for k, v := range fields {
		spec[k] = v
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	c.ApplyText(t, string(text))
}

// resource is the document of a kind that `tapline dev` wrote.
func (c *Cluster) resource(t testing.TB, kind string) []byte {
	t.Helper()
	text, err := os.ReadFile(c.Endpoints.Files["resources"])
	if err != nil {
		t.Fatal(err)
	}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		if strings.Contains(document, `"`+kind+`"`) {
			return []byte(document)
		}
	}
	t.Fatalf("%s names no %s", c.Endpoints.Files["resources"], kind)
	return nil
}
