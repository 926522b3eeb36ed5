package harness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Profile takes a CPU profile of every service from now on for a time, and writes it to
// dir as PHASE-SERVICE.pprof; without a dir it takes none. The returned function waits for
// the profiles.
func (c *Cluster) Profile(t testing.TB, dir, phase string, during time.Duration) (wait func()) {
	t.Helper()
	var taking sync.WaitGroup
	if dir == "" {
		return taking.Wait
	}
	for service, admin := range c.Admin {
		taking.Go(func() {
			path := filepath.Join(dir, phase+"-"+service+".pprof")
			url := fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", admin, int(during.Seconds()))
			if err := download(t.Context(), url, path); err != nil {
				t.Logf("no profile of %s: %v", service, err)
			}
		})
	}
	return taking.Wait
}

func download(ctx context.Context, url, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(file, resp.Body)
	return err
}
