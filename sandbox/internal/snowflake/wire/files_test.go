package wire

import "testing"

func TestTableOf(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"users.csv": "USERS", "orders 2026.parquet": "ORDERS_2026", "2026.csv": "T_2026", ".csv": "T_", "../a\"b;.csv": "A_B_", "über.csv": "_BER",
	} {
		if got := tableOf(file); got != want {
			t.Errorf("%s = %s, want %s", file, got, want)
		}
	}
}
