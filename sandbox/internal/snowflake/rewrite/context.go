package rewrite

import (
	"time"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
	"tapline.dev/sandbox/internal/snowflake/values"
)

// isContextWord reports whether a function can be written without parentheses.
func isContextWord(word string) bool {
	switch word {
	case "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIMESTAMP", "LOCALTIME", "CURRENT_USER":
		return true
	}
	return false
}

// contextValue rewrites a function of the session or the clock to its value; used is the number
// of nodes that it consists of.
func (r *Rewriter) contextValue(word string, next sqltext.Node) (out sqltext.Node, used int, ok bool) {
	called := next.Kind == sqltext.KindGroup
	used = 1
	if called {
		used = 2
	}
	if !called && !isContextWord(word) {
		return sqltext.Node{}, 0, false
	}
	if value, known := r.env.Values[word]; known {
		if value == "" {
			return sqltext.Raw("CAST(NULL AS VARCHAR)"), used, true
		}
		return sqltext.Raw(sqltext.Literal(value)), used, true
	}
	now := r.env.Now
	loc, err := time.LoadLocation(r.env.Settings.Zone)
	if err != nil {
		loc = time.UTC
	}
	local := now.In(loc)
	wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
	switch word {
	case "CURRENT_TIMESTAMP", "LOCALTIMESTAMP", "GETDATE", "SYSTIMESTAMP":
		return sqltext.RawOf(values.InstantOf(now).LTZSQL(), sqltext.ValueLTZ), used, true
	case "SYSDATE":
		return sqltext.RawOf(values.InstantOf(now).NTZSQL(), sqltext.ValueNTZ), used, true
	case "CURRENT_DATE":
		return sqltext.Raw("CAST('" + wall.Format("2006-01-02") + "' AS DATE)"), used, true
	case "CURRENT_TIME", "LOCALTIME":
		return sqltext.Raw("CAST('" + wall.Format("15:04:05.000000000") + "' AS TIME_NS)"), used, true
	}
	return sqltext.Node{}, 0, false
}
