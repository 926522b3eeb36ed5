package tests

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tapline.dev/tests/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemovePrograms()
	os.Exit(code)
}

// customers writes a CSV of n customers and returns its path and how many rows
// are rejected with each code.
func customers(t *testing.T, n int) (path string, broken map[string]int64) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "customers.csv")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(file)
	broken = map[string]int64{}
	fmt.Fprintln(w, "CUSTOMER_ID,NAME,EMAIL,AGE,SPEND,UPDATED_AT")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		email, id := fmt.Sprintf("user%d@example.com", i), fmt.Sprintf("c%d", i)
		switch {
		case i%50 == 7:
			email = "not-an-address"
			broken["email_invalid"]++
		case i%100 == 13:
			id = "N/A"
			broken["identity_denied"]++
		}
		fmt.Fprintf(w, "%s,Customer %d,%s,%d,%d.%02d,%s\n", id, i, email, 18+i%60, i%1000, i%100,
			start.Add(time.Duration(i)*time.Minute).Format("2006-01-02 15:04:05.000000"))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path, broken
}

// definition is an import of the customers under a name.
func definition(name string) string {
	return fmt.Sprintf(`apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: %s}
spec:
  source:
    connectionRef: warehouse
    query: select * from SHOP.PUBLIC.CUSTOMERS
    cursor: {column: UPDATED_AT, lookback: 15m}
  destination: {accountRef: clevertap, type: profile}
  identity: {column: CUSTOMER_ID}
  mapping:
    - NAME -> Name
    - EMAIL -> Email
    - AGE -> Age
    - {from: SPEND, to: spend}
  topic: {partitions: 6}
`, name)
}

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}
