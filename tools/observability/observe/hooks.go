package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// maxMessage bounds what is read of a message.
const maxMessage = 1 << 20

// message is what Alertmanager sends to a webhook.
type message struct {
	Alerts []struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"alerts"`
}

// hooks serves the runbooks and prints the messages that people would get.
type hooks struct {
	mu  sync.Mutex
	out io.Writer
}

func (h *hooks) handler(root string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /runbooks/{name}", func(w http.ResponseWriter, r *http.Request) {
		text, err := os.ReadFile(filepath.Join(root, "docs/runbooks", filepath.Base(r.PathValue("name"))))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(text) // if this fails, the reader has gone
	})
	mux.HandleFunc("POST /heartbeat", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /{receiver}", h.tell)
	return mux
}

func (h *hooks) tell(w http.ResponseWriter, r *http.Request) {
	var m message
	if err := json.NewDecoder(io.LimitReader(r.Body, maxMessage)).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range m.Alerts {
		lines := []string{fmt.Sprintf("%s %s: %s", strings.ToUpper(r.PathValue("receiver")), a.Status, a.Annotations["summary"])}
		if a.Status == "firing" {
			lines = append(lines, "  "+a.Annotations["description"], "  "+a.Annotations["runbook_url"])
		}
		fmt.Fprintln(h.out, strings.Join(lines, "\n"))
	}
}
