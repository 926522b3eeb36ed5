//go:build cgo

package demo

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/cmd/tapline/internal/dev"
	"tapline.dev/domain/definition"
	"tapline.dev/sandbox/demotables"
	"tapline.dev/schemas"
)

const root = "../../../.."

func config(t *testing.T) Config {
	t.Helper()
	return Config{
		Dev: dev.Config{Data: filepath.Join(t.TempDir(), "demo"), PortBase: portBase(t)},
		// A tenth of what a person sees, for the race detector's sake.
		Tables: demotables.Tables{Seed: 1, Customers: demotables.DefaultCustomers / 10, Purchases: filepath.Join(root, "data", "cdnow_sample.txt")},
	}
}

// portBase finds a base below the ports that the system gives to clients.
func portBase(t *testing.T) int {
	t.Helper()
search:
	for base := 20050 + 100*(os.Getpid()%100); base < 32000; base += 100 {
		for offset := range 20 {
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:"+strconv.Itoa(base+offset))
			if err != nil {
				continue search
			}
			_ = listener.Close()
		}
		return base
	}
	t.Fatal("no free ports")
	return 0
}

func applyExamples(t *testing.T) Apply {
	t.Helper()
	set, problems := definition.ParseFiles(filepath.Join(root, "examples", "customers.yaml"), filepath.Join(root, "examples", "purchases.yaml"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var documents []json.RawMessage
	for _, d := range set.Imports {
		raw, err := json.Marshal(map[string]any{
			"apiVersion": schemas.APIVersion, "kind": schemas.KindImport, "metadata": d.Metadata, "spec": d.Spec,
		})
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, raw)
	}
	return func(ctx context.Context, c *client.Client) error {
		_, err := c.Apply(ctx, documents)
		return err
	}
}
