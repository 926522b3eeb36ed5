package sandbox

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func testCleverTapConfig() CleverTapConfig {
	cfg := DefaultCleverTapConfig()
	cfg.Listen = "127.0.0.1:0"
	return cfg
}

func TestCleverTapServesUntilStopped(t *testing.T) {
	t.Parallel()
	cfg := testCleverTapConfig()
	ct := NewCleverTap(cfg, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ct.Run(ctx) }()
	<-ct.Ready()
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+ct.Addr()+"/1/upload", strings.NewReader(`{"d":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-CleverTap-Account-Id", cfg.AccountID)
	req.Header.Set("X-CleverTap-Passcode", string(cfg.Passcode))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("answered %d", res.StatusCode)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run returned %v", err)
	}
}

func TestCleverTapPortTaken(t *testing.T) {
	t.Parallel()
	first := NewCleverTap(testCleverTapConfig(), slog.New(slog.DiscardHandler))
	go func() { _ = first.Run(t.Context()) }()
	<-first.Ready()
	cfg := testCleverTapConfig()
	cfg.Listen = first.Addr()
	if err := NewCleverTap(cfg, slog.New(slog.DiscardHandler)).Run(t.Context()); err == nil {
		t.Error("two servers on one port")
	}
}

func TestCleverTapConfigValidate(t *testing.T) {
	t.Parallel()
	if err := DefaultCleverTapConfig().Validate(); err != nil {
		t.Errorf("the default is refused: %v", err)
	}
	bad := DefaultCleverTapConfig()
	bad.Passcode, bad.Slots, bad.History = "", 0, -1
	err := bad.Validate()
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("problems are %v", err)
	}
}
