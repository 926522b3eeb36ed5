package snowflake

import "time"

// isContextWord tells the functions that are written without parentheses too.
func isContextWord(word string) bool {
	switch word {
	case "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIMESTAMP", "LOCALTIME", "CURRENT_USER":
		return true
	}
	return false
}

// contextValue rewrites a function of the session or the clock to its value; used is how
// many nodes it took.
func (r *rewriter) contextValue(word string, next node) (out node, used int, ok bool) {
	called := next.kind == kindGroup
	used = 1
	if called {
		used = 2
	}
	if !called && !isContextWord(word) {
		return node{}, 0, false
	}
	if value, known := r.env.values[word]; known {
		if value == "" {
			return raw("CAST(NULL AS VARCHAR)"), used, true
		}
		return raw(sqlString(value)), used, true
	}
	now := r.env.now
	loc, err := time.LoadLocation(r.env.zone)
	if err != nil {
		loc = time.UTC
	}
	local := now.In(loc)
	wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
	switch word {
	case "CURRENT_TIMESTAMP", "LOCALTIMESTAMP", "GETDATE", "SYSTIMESTAMP":
		return rawTagged(instantOf(now).ltzSQL(), valueLTZ), used, true
	case "SYSDATE":
		return rawTagged(instantOf(now).ntzSQL(), valueNTZ), used, true
	case "CURRENT_DATE":
		return raw("CAST('" + wall.Format("2006-01-02") + "' AS DATE)"), used, true
	case "CURRENT_TIME", "LOCALTIME":
		return raw("CAST('" + wall.Format("15:04:05.000000000") + "' AS TIME_NS)"), used, true
	}
	return node{}, 0, false
}
