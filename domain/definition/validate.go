package definition

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// maxNameLen is the length of an RFC 1123 label.
const maxNameLen = 63

// ValidName reports whether a text can name a definition: an RFC 1123 label.
func ValidName(name string) bool {
	if name == "" || len(name) > maxNameLen || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// Validate reports every problem of an import that can be found without its
// query's columns and without other definitions. Problems of the mapping are not
// among them: see Set.CheckMappings and mapping.Compile.
func Validate(d schemas.Definition) []Problem {
	var f findings
	checkHead(&f, d.APIVersion, d.Kind, d.Metadata, schemas.KindImport)
	checkSpec(&f, &d.Spec, d.Metadata.Name)
	if len(d.Spec.Mapping) == 0 {
		f.add(codeRequired, "spec.mapping", "map at least one property")
	}
	if text, err := json.Marshal(d.Spec); err == nil && len(text) > maxSpecBytes {
		f.add(codeValueInvalid, "spec", "the import takes %d bytes and may take %d; put a long query into a view", len(text), maxSpecBytes)
	}
	return f
}

// maxSpecBytes keeps an import's state well below the largest record that Kafka
// takes. The state holds the spec of the import's run and the columns of the
// result. A state that cannot be written would stop every import of its control
// partition.
const maxSpecBytes = 256 << 10

func checkHead(f *findings, version, kind string, m schemas.Metadata, kinds ...string) {
	if version != schemas.APIVersion {
		f.add(codeKindUnknown, "apiVersion", "apiVersion is %s", schemas.APIVersion)
	}
	if !slices.Contains(kinds, kind) {
		f.add(codeKindUnknown, "kind", "kind is one of %s", strings.Join(kinds, ", "))
	}
	checkName(f, "metadata.name", m.Name)
}

func checkName(f *findings, path, name string) {
	switch {
	case name == "":
		f.add(codeRequired, path, "a name is needed")
	case len(name) > maxNameLen:
		f.add(codeName, path, "the name has %d characters and may have %d; write a shorter one", len([]rune(name)), maxNameLen)
	case !ValidName(name):
		f.add(codeName, path, "%q is no name; write lower-case letters, digits and hyphens, at most 63, no hyphen first or last", name)
	}
}

// checkSpec checks an import's spec but for its mapping.
func checkSpec(f *findings, s *schemas.ImportSpec, name string) {
	checkSource(f, &s.Source)
	checkDestination(f, &s.Destination)
	for i, sched := range s.Schedules {
		checkSchedule(f, i, sched, s.Timezone)
	}
	checkWord(f, "spec.expressions", s.Expressions, schemas.ExpressionsExact)
	checkWord(f, "spec.catchUp", s.CatchUp, schemas.CatchUpLatest, schemas.CatchUpSkip)
	if s.Start != nil && s.End != nil && !s.Start.Before(*s.End) {
		f.add(codeConflict, "spec.end", "end is not after start")
	}
	for i, other := range s.After {
		path := indexed("spec.after", i)
		checkName(f, path, other)
		if other == name && name != "" {
			f.add(codeConflict, path, "an import cannot wait for itself")
		}
		if slices.Index(s.After, other) < i {
			f.add(codeConflict, path, "%s is given twice", other)
		}
	}
	checkRange(f, "spec.priority", int64(s.Priority), 0, 100)
	if r := s.Limits.MaxRejectRatio; r < 0 || r > 1 {
		f.add(codeValueInvalid, "spec.limits.maxRejectRatio", "a ratio is between 0 and 1")
	}
	checkWord(f, "spec.onColumnChange", s.OnColumnChange, schemas.OnColumnChangeHold, schemas.OnColumnChangeContinue, schemas.OnColumnChangeFail)
	checkWord(f, "spec.rejects.retry", s.Rejects.Retry, schemas.RetryNever, schemas.RetryAfterMappingChange)
	if s.Rejects.Retry == schemas.RetryAfterMappingChange && s.Destination.Type == schemas.TypeEvent {
		f.add(codeConflict, "spec.rejects.retry", "events within the lookback are sent again after a change of the mapping, and a replay would store them a second time: replay them with tapline replay")
	}
	checkDuration(f, "spec.limits.warehouseTime", s.Limits.WarehouseTime, time.Second, 24*time.Hour)
	if s.Limits.Hold != nil {
		checkHold(f, s.Limits.Hold)
	}
	checkRange(f, "spec.topic.partitions", int64(s.Topic.Partitions), 0, schemas.MaxPartitions)
}

func checkSchedule(f *findings, i int, s schemas.Schedule, zone string) {
	err := schedule.Validate([]schemas.Schedule{s}, zone)
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		f.add(codeSchedule, indexed("spec.schedules", i), "%s", strings.TrimPrefix(line, "schedules[0]: "))
	}
}

// tableName takes up to three identifiers, quoted or not.
var tableName = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_$]*|"([^"]|"")+")(\.([A-Za-z_][A-Za-z0-9_$]*|"([^"]|"")+")){0,2}$`)

func checkSource(f *findings, s *schemas.Source) {
	checkName(f, "spec.source.connectionRef", s.ConnectionRef)
	given := given(s.Query, s.QueryFile, s.Table)
	switch {
	case given != 1:
		f.add(codeConflict, "spec.source", "give exactly one of query, queryFile and table")
	case s.Table != "" && !tableName.MatchString(s.Table):
		f.add(codeValueInvalid, "spec.source.table", "%q is no table such as SHOP.PUBLIC.CUSTOMERS", s.Table)
	case s.Query != "":
		checkQuery(f, s.Query)
	}
	checkWord(f, "spec.source.columns", s.Columns, schemas.ColumnsAll, schemas.ColumnsMapped)
	if s.Cursor != nil {
		checkCursor(f, s.Cursor)
		if s.LateCheck && s.Cursor.Initial != "" {
			f.add(codeConflict, "spec.source.lateCheck", "lateCheck reads hours behind the watermark again, and cursor.initial says that nothing before it is read; leave one of them out")
		}
	}
}

func checkCursor(f *findings, c *schemas.Cursor) {
	if given(c.Column, c.Expr) != 1 {
		f.add(codeConflict, "spec.source.cursor", "give exactly one of column and expr")
	}
	checkWord(f, "spec.source.cursor.epoch", c.Epoch, "seconds", "milliseconds")
	checkZone(f, "spec.source.cursor.timezone", c.Timezone)
	if c.Initial != "" {
		if _, err := schemas.ParseCursorInstant(c.Initial); err != nil {
			f.add(codeValueInvalid, "spec.source.cursor.initial", "%v", err)
		}
	}
	if c.Nulls.Policy != "coalesce" {
		checkWord(f, "spec.source.cursor.nulls", c.Nulls.Policy, schemas.NullsFail, schemas.NullsAlways)
	}
}

func checkDestination(f *findings, d *schemas.Destination) {
	checkName(f, "spec.destination.accountRef", d.AccountRef)
	switch d.Type {
	case schemas.TypeEvent:
	case schemas.TypeProfile:
		if d.Event != nil {
			f.add(codeConflict, "spec.destination.event", "event belongs to type: event")
		}
	case "":
		f.add(codeRequired, "spec.destination.type", "write type: profile or type: event")
	default:
		f.add(codeValueInvalid, "spec.destination.type", "%q is neither profile nor event", d.Type)
	}
	checkWord(f, "spec.destination.onAmbiguous", d.OnAmbiguous, schemas.AmbiguousResend, schemas.AmbiguousHold)
	checkWord(f, "spec.destination.onOutsideRetention", d.OnOutsideRetention, schemas.RetentionSend, schemas.RetentionSkip, schemas.RetentionReject)
	if d.OnOutsideRetention != "" && d.Type == schemas.TypeProfile {
		f.add(codeConflict, "spec.destination.onOutsideRetention", "profiles have no time; onOutsideRetention belongs to type: event")
	}
}

func checkWord(f *findings, path, got string, words ...string) {
	if got != "" && !slices.Contains(words, got) {
		f.add(codeValueInvalid, path, "%q is none of %s", got, strings.Join(words, ", "))
	}
}

func checkZone(f *findings, path, name string) {
	if name == "" {
		return
	}
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		f.add(codeTimezone, path, "%q is no time zone such as Europe/Berlin or UTC", name)
	}
}

// checkDuration checks a length of time; 0 always means the default.
func checkDuration(f *findings, path string, d schemas.Duration, low, high time.Duration) {
	if d != 0 && (d.Std() < low || d.Std() > high) {
		f.add(codeValueInvalid, path, "write a duration from %s to %s", schemas.Duration(low), schemas.Duration(high))
	}
}

// checkRange checks a number; 0 always means the default.
func checkRange(f *findings, path string, n, low, high int64) {
	if n != 0 && (n < low || n > high) {
		f.add(codeValueInvalid, path, "write a number from %d to %d", low, high)
	}
}

// given counts the texts that are not empty.
func given(texts ...string) int {
	n := 0
	for _, t := range texts {
		if t != "" {
			n++
		}
	}
	return n
}
