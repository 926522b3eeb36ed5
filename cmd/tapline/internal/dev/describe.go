//go:build cgo

package dev

import (
	"fmt"
	"io"
	"strings"

	"tapline.dev/sandbox"
)

// columnsShown is how many columns of a table the list names.
const columnsShown = 6

// Describe prints the addresses, the tables and the next commands to try.
func (d *Dev) Describe(w io.Writer) {
	lines := append(d.places(), "", "tables of the sandbox Snowflake:")
	lines = append(lines, tableLines(d.tables)...)
	if !d.cfg.OnlyInfra {
		lines = append(lines,
			"", "connection "+connectionName+" (Snowflake) and account "+accountName+" (CleverTap) are applied.",
			"", "next, in another terminal:")
		lines = append(lines, d.next()...)
	}
	// If this fails, the terminal is closed and there is nobody to tell.
	_, _ = fmt.Fprintln(w, strings.Join(lines, "\n"))
}

func (d *Dev) places() []string {
	e := d.endpoints
	lines := []string{
		"Import Center  " + e.ImportCenter + "/   (in a browser; the API: /openapi.yaml)",
		"Kafka          " + e.Kafka,
		"Redis          " + e.Redis,
		"Snowflake      " + e.Snowflake.URL + "   (account " + e.Snowflake.Account + ", user " + e.Snowflake.User + ")",
		"CleverTap      " + e.CleverTap.URL + "/sandbox/v1/stats",
		"traces         " + d.cfg.url(adminDev) + "/traces   (of one run: /traces?trace=ID, the trace id of tapline get run)",
		"log            " + d.logFile.Name(),
		"everything     " + d.cfg.path(endpointsName),
	}
	if d.cfg.OnlyInfra {
		lines = append(lines[1:5], lines[6:]...)
		lines = append(lines, "resources      "+d.cfg.path(resourcesName)+"   (apply it to your Import Center)")
	}
	return lines
}

func tableLines(tables []sandbox.Table) []string {
	if len(tables) == 0 {
		return []string{"  none: start with --seed for the demo's, or --load SHOP.PUBLIC.ORDERS=orders.csv for your own"}
	}
	var out []string
	for _, t := range tables {
		columns := t.Columns
		more := ""
		if len(columns) > columnsShown {
			columns, more = columns[:columnsShown], fmt.Sprintf(", and %d more", len(t.Columns)-columnsShown)
		}
		shown := make([]string, len(columns))
		for i, c := range columns {
			shown[i] = strings.TrimSuffix(c, "(16777216)")
		}
		out = append(out, fmt.Sprintf("  %s   %d rows   (%s%s)", t.Name, t.Rows, strings.Join(shown, ", "), more))
	}
	return out
}

// next prints commands that work without changes.
func (d *Dev) next() []string {
	server := ""
	if d.cfg.PortBase != DefaultPortBase {
		server = " --server " + d.endpoints.ImportCenter
	}
	for _, t := range d.tables {
		if t.Name == "SHOP.PUBLIC.CUSTOMERS" {
			return []string{
				"  tapline apply -f " + d.cfg.Examples + "/customers.yaml" + server,
				"  tapline dryrun customers" + server,
				"  tapline run customers --wait" + server,
			}
		}
	}
	return []string{
		"  tapline map --help            how an import is written (docs/mapping.md, examples/)",
		"  tapline apply -f IMPORT.yaml" + server,
	}
}
