package redis

import "testing"

func TestFactsRead(t *testing.T) {
	t.Parallel()
	var f Facts
	f.read("# Server\r\nredis_version:7.0.15\r\n# Memory\r\nmaxmemory_policy:allkeys-lru\r\n# Persistence\r\nrdb_last_bgsave_status:ok\r\naof_enabled:1\r\n")
	if want := (Facts{Version: "7.0.15", Eviction: "allkeys-lru", AOF: "1", LastSave: "ok"}); f != want {
		t.Errorf("got %+v", f)
	}
	f = Facts{}
	f.read("ERR nothing here\n:\n")
	if f != (Facts{}) {
		t.Errorf("got %+v", f)
	}
}
