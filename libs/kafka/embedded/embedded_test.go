package embedded

import "testing"

// TestClusterID: the id names a deployment, so it must outlive a restart.
func TestClusterID(t *testing.T) {
	t.Parallel()
	id := func(dir string) string {
		t.Helper()
		id, err := clusterID(dir)
		if err != nil || id == "" {
			t.Fatalf("clusterID() = %q, %v", id, err)
		}
		return id
	}
	one, two := t.TempDir(), t.TempDir()
	first := id(one)
	if again := id(one); again != first {
		t.Errorf("the id was %s and is %s after a restart", first, again)
	}
	if other := id(two); other == first {
		t.Errorf("two clusters have the id %s", other)
	}
	if one, two := id(""), id(""); one == two {
		t.Error("two clusters in memory have one id")
	}
}
