package mapping

import (
	"crypto/sha256"
	"encoding/json"

	"tapline.dev/schemas"
)

// hashVersion changes with the rules: the same mapping under other rules makes
// other records.
const hashVersion = 1

// hash covers all that decides what a row becomes: destination, identity and
// mapping as written, the columns' types, the account's switches.
func (c *compiler) hash() [16]byte {
	type column struct {
		Name, Family string
		Scale        int
	}
	var columns []column
	for _, name := range c.m.columns.names {
		if col, _, _ := findColumn(c.columns, name); col != nil {
			columns = append(columns, column{col.Name, family(col.Type), col.Scale})
		}
	}
	destination := c.spec.Destination
	destination.AccountRef, destination.OnAmbiguous = "", ""
	data, err := json.Marshal(struct {
		Version     int
		Timezone    string
		Destination schemas.Destination
		Identity    schemas.Identity
		Mapping     []schemas.Property
		Columns     []column
		Options     Options
	}{hashVersion, c.spec.Timezone, destination, c.spec.Identity, c.spec.Mapping, columns, c.opts})
	if err != nil {
		// Only a constant that is no JSON fails, and compileFixed refused it.
		c.problem(codeConstantInvalid, "spec.mapping", "%v", err)
	}
	sum := sha256.Sum256(data)
	return [16]byte(sum[:16])
}
