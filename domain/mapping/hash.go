package mapping

import (
	"crypto/sha256"
	"encoding/json"

	"tapline.dev/schemas"
)

// hashVersion changes with the rules of mapping, because the same mapping makes
// other records under other rules.
const hashVersion = 1

// hash covers all that decides what a row becomes and for whom: destination,
// identity and mapping as written, the columns' types. An account's limits are
// not in it: they decide only whether a record may be sent.
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
	destination.OnAmbiguous, destination.OnOutsideRetention = "", ""
	data, err := json.Marshal(struct {
		Version     int
		Timezone    string
		Destination schemas.Destination
		Identity    schemas.Identity
		Mapping     []schemas.Property
		Expressions string `json:",omitempty"`
		Columns     []column
	}{hashVersion, c.spec.Timezone, destination, c.spec.Identity, c.spec.Mapping, c.expressions(), columns})
	if err != nil {
		// Only a constant that is no JSON fails, and compileFixed refused it.
		c.problem(codeConstantInvalid, "spec.mapping", "%v", err)
	}
	sum := sha256.Sum256(data)
	return [16]byte(sum[:16])
}

// expressions is what the mapping's expressions mean, nothing if it has none.
func (c *compiler) expressions() string {
	for i := range c.spec.Mapping {
		if c.spec.Mapping[i].Expr != "" {
			return c.spec.Expressions
		}
	}
	return ""
}
