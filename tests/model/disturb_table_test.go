package model

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// tableDisturbances change the table.
func tableDisturbances() []disturbance {
	return []disturbance{
		{name: "wide, all columns renamed", before: func(s *scenario) { s.widen(50 + s.rng.IntN(400)) }},
		{name: "wide, all columns renamed within a run", within: func(s *scenario, _ string) { s.widen(50 + s.rng.IntN(400)) }},
		{name: "too wide", before: func(s *scenario) {
			s.mayEnd["too_many_columns"] = true
			s.widen(7000)
		}, after: func(s *scenario) { s.widen(0) }},
		{name: "written during the run", within: func(s *scenario, _ string) {
			for range 1 + s.rng.IntN(3) {
				s.write(1 + s.rng.IntN(5))
			}
		}},
		{name: "put back in time after a cancel", before: func(s *scenario) { s.newestBefore = len(s.rows) }, within: func(s *scenario, run string) {
			s.mayRepeat = true
			s.write(1 + s.rng.IntN(4)) // after the statement perhaps
			s.cancel(run)
		}, after: func(s *scenario) { s.putBack() }},
		{name: "renamed and renamed back", before: func(s *scenario) {
			s.mayEnd["snowflake_query"] = true
			s.rename(s.tableName + awaySuffix)
		}, after: func(s *scenario) {
			// The import may read a copy of the table by now.
			if back, ok := strings.CutSuffix(s.tableName, awaySuffix); ok {
				s.rename(back)
			}
		}},
	}
}

// widen adds n columns to the table, with names that it has never had.
func (s *scenario) widen(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.widths++
	var more strings.Builder
	for i := range n {
		fmt.Fprintf(&more, `, %d::DECIMAL(38,0) AS "A_COLUMN_WITH_A_LONG_NAME_%d_%d"`, i, s.widths, i)
	}
	s.wide = n
	s.exec(fmt.Sprintf(`CREATE OR REPLACE TABLE "%s" AS SELECT "ID", "V", "AT"%s FROM "%s"`, s.tableName, more.String(), s.tableName))
}

// awaySuffix is the end of the table's name while it is renamed, so that the import does
// not find it.
const awaySuffix = "_AWAY"

// rename gives the table another name, which the writers know.
func (s *scenario) rename(to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exec(fmt.Sprintf(`ALTER TABLE "%s" RENAME TO "%s"`, s.tableName, to))
	s.tableName = to
}

// putBack restores the table as Time Travel does: to what it was before the run, if
// that was cancelled.
func (s *scenario) putBack() {
	last := s.runs[len(s.runs)-1]
	if last.State != schemas.StateCancelled {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.watermark()
	for _, r := range s.rows[s.newestBefore:] {
		s.exec(fmt.Sprintf(`DELETE FROM "%s" WHERE "ID" = '%s' AND "V" = %d`, s.tableName, r.key, r.version))
		s.gone[r.content()] = true
	}
	s.rows = slices.Clip(s.rows[:s.newestBefore])
	// Rows before the watermark are not read again, whatever CleverTap holds.
	for key := range s.versions {
		if newest, ok := s.newest(key); !ok || schemas.FormatInstant(newest.at) < from {
			s.mayBeGone[key] = true
		}
	}
}

// watermark returns the cursor from which the next run reads.
func (s *scenario) watermark() string {
	for _, r := range slices.Backward(s.runs) {
		if r.WatermarkTo != "" {
			return r.WatermarkTo
		}
	}
	return ""
}

// newest returns the newest row of an identity in the table.
func (s *scenario) newest(key string) (row, bool) {
	for _, r := range slices.Backward(s.rows) {
		if r.key == key {
			return r, true
		}
	}
	return row{}, false
}

// writeMany appends n rows at one instant, each with its own identity.
func (s *scenario) writeMany(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(time.Millisecond)
	s.many++
	prefix := fmt.Sprintf("%s-m%d-", s.name, s.many)
	for i := range n {
		key := fmt.Sprint(prefix, i)
		s.versions[key] = 1
		s.rows = append(s.rows, row{key: key, version: 1, at: s.now})
	}
	s.exec(fmt.Sprintf(`INSERT INTO "%s" ("ID", "V", "AT") SELECT '%s' || i::VARCHAR, 1, %s FROM range(%d) t(i)`, s.tableName, prefix, stampSQL(s.now), n))
}

func stampSQL(at time.Time) string {
	return "TIMESTAMP_NS '" + at.Format("2006-01-02 15:04:05.000000000") + "'"
}
