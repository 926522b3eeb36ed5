package journal

import "tapline.dev/schemas"

// Executing sets where heartbeats take from what Snowflake executes; nil if it executes
// nothing.
func (j *Journal) Executing(statement func() *schemas.Statement) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.statement = statement
}

// executing is what Snowflake executes for the attempt, or nil.
func (j *Journal) executing() *schemas.Statement {
	j.mu.Lock()
	statement := j.statement
	j.mu.Unlock()
	if statement == nil {
		return nil
	}
	return statement()
}
