package schemas

import (
	"strconv"
	"strings"
	"time"
)

// ControlPartitions is the partition count of every control topic that is
// partitioned by import. It is the same for all of them, so that whoever owns
// partition p finds every control record of an import in partition p.
const ControlPartitions = 4

// DefaultPartitions is the partition count of an import's rows and records
// topics when its definition does not name one.
const DefaultPartitions = 6

// MaxPartitions is the most that a definition may name.
const MaxPartitions = 1000

// The segments of a compacted topic. Kafka compacts closed segments only, and
// leaves the one that is written to as it is: with Kafka's own 1 GiB and 7 days,
// a week of folds would be read at every takeover.
const (
	CompactedSegmentBytes = 64 << 20
	CompactedSegmentAge   = 6 * time.Hour
)

// Topics names every topic under one prefix. The zero value is not usable; see
// NewTopics.
type Topics struct{ prefix string }

// NewTopics returns the names under prefix, "tapline." unless a deployment
// shares its cluster.
func NewTopics(prefix string) Topics { return Topics{prefix: prefix} }

// Prefix is what every name starts with.
func (t Topics) Prefix() string { return t.prefix }

// Imports holds definitions: Import Center writes, keyed by import, compacted.
func (t Topics) Imports() string { return t.prefix + "imports.v1" }

// Resources holds connections and accounts: Import Center writes, keyed by
// <Kind>/<name>, one partition, compacted.
func (t Topics) Resources() string { return t.prefix + "resources.v1" }

// Suppressions holds who must not be sent: Import Center writes, keyed by
// SuppressionKey, in the partition of its hash, compacted.
func (t Topics) Suppressions() string { return t.prefix + "suppressions.v1" }

// Generations holds every generation of each import: Import Center writes, keyed by
// GenerationKey, in the control partition of the import, compacted.
func (t Topics) Generations() string { return t.prefix + "generations.v1" }

// Commands holds what people ask of an import: Import Center writes, keyed by import.
func (t Topics) Commands() string { return t.prefix + "commands.v1" }

// Triggers makes extractors begin attempts: the scheduler writes, keyed by import.
func (t Topics) Triggers() string { return t.prefix + "triggers.v1" }

// State holds each import's epoch, watermark and active run: the scheduler
// writes, keyed by import, compacted.
func (t Topics) State() string { return t.prefix + "state.v1" }

// Fold holds the scheduler's counts and its position: keyed by run and by
// _position/<partition>, compacted.
func (t Topics) Fold() string { return t.prefix + "fold.v1" }

// Runs holds run lifecycle events with cumulative counts: the scheduler writes,
// keyed by import.
func (t Topics) Runs() string { return t.prefix + "runs.v1" }

// Columns holds the row schema of each import's newest attempt, and of its
// newest dry run's: the extractor writes, keyed by ColumnsKey, compacted.
func (t Topics) Columns() string { return t.prefix + "columns.v1" }

// ColumnsKey is the key of a subject in the columns topic. The dry runs of an
// import, of which there is one at a time, share theirs.
func ColumnsKey(subject string) string {
	if IsTrial(subject) {
		return ImportOf(subject) + "." + dryRunMark
	}
	return subject
}

// ImportOfColumns is the import of a key of the columns topic.
func ImportOfColumns(key string) string {
	return strings.TrimSuffix(key, "."+dryRunMark)
}

// Baselines holds the sums of each import's rows that its newest reconciliations took: the
// extractor writes, keyed by BaselineKey, compacted.
func (t Topics) Baselines() string { return t.prefix + "baselines.v1" }

// BaselineKey is the key of a part of a baseline.
func BaselineKey(importName string, number, part int) string {
	return importName + "/" + strconv.Itoa(number) + "/" + strconv.Itoa(part)
}

// ImportOfBaseline is the import of a key of the baselines topic.
func ImportOfBaseline(key string) string {
	name, _, _ := strings.Cut(key, "/")
	return name
}

// Rejects holds every rejected row with its reason: keyed by import.
func (t Topics) Rejects() string { return t.prefix + "rejects.v1" }

// Reports holds what each stage did: keyed by import.
func (t Topics) Reports() string { return t.prefix + "reports.v1" }

// Audit holds who changed what: Import Center writes, keyed by actor.
func (t Topics) Audit() string { return t.prefix + "audit.v1" }

// Notifications holds what people have been told of each import, and what is still to be
// delivered: Import Center's sender writes, keyed by NotifiedKey, one partition, compacted.
func (t Topics) Notifications() string { return t.prefix + "notifications.v1" }

// Rows is the rows topic of one import: the extractor writes, keyed by identity.
func (t Topics) Rows(importName string) string { return t.prefix + "rows." + importName + ".v1" }

// Records is the records topic of one import: the mapper writes, keyed by identity.
func (t Topics) Records(importName string) string {
	return t.prefix + "records." + importName + ".v1"
}

// DryRunRows holds the rows of every preview and dry run: the extractor writes,
// keyed by trial, in the control partition of its import.
func (t Topics) DryRunRows() string { return t.prefix + "dryrun.rows.v1" }

// DryRunRecords holds the records of every dry run: the mapper writes, keyed by
// trial, record by record in the partition of the row.
func (t Topics) DryRunRecords() string { return t.prefix + "dryrun.records.v1" }

// DryRunRejects holds every failed check of every dry run: keyed by trial.
func (t Topics) DryRunRejects() string { return t.prefix + "dryrun.rejects.v1" }

// Lookups holds what loaders are to look up at CleverTap, with identities: Import Center
// writes, keyed by account, in the control partition of the account's name.
func (t Topics) Lookups() string { return t.prefix + "lookups.v1" }

// LookupAnswers holds what came of each look-up, with CleverTap's record of the person:
// the loader writes, keyed and partitioned as Lookups.
func (t Topics) LookupAnswers() string { return t.prefix + "lookups.answers.v1" }

// RejectsOf is where rejects of a subject go.
func (t Topics) RejectsOf(subject string) string {
	if IsTrial(subject) {
		return t.DryRunRejects()
	}
	return t.Rejects()
}

// RowsOf is the rows topic of a subject.
func (t Topics) RowsOf(subject string) string {
	if IsTrial(subject) {
		return t.DryRunRows()
	}
	return t.Rows(subject)
}

// RecordsOf is the records topic of a subject.
func (t Topics) RecordsOf(subject string) string {
	if IsTrial(subject) {
		return t.DryRunRecords()
	}
	return t.Records(subject)
}

// SubjectOf returns the subject of a row or record: the topics of an import name it,
// in those of trials the key does.
func (t Topics) SubjectOf(topic string, key []byte) string {
	if topic == t.DryRunRows() || topic == t.DryRunRecords() {
		return string(key)
	}
	return t.ImportOf(topic)
}

// ImportOf returns the import whose rows or records topic this is, or "".
func (t Topics) ImportOf(topic string) string {
	rest, ok := strings.CutPrefix(topic, t.prefix)
	if !ok {
		return ""
	}
	rest, ok = strings.CutSuffix(rest, ".v1")
	if !ok {
		return ""
	}
	for _, kind := range []string{"rows.", "records."} {
		if name, ok := strings.CutPrefix(rest, kind); ok {
			return name
		}
	}
	return ""
}

// TopicSpec is how a topic is created.
type TopicSpec struct {
	Name       string
	Writer     string
	Key        string
	Value      string
	Partitions int
	Compact    bool
	Retention  time.Duration // of a topic that deletes; 0 for a compacted one
	// SegmentBytes and SegmentAge close a segment of the topic; 0 leaves that to
	// the brokers.
	SegmentBytes int64
	SegmentAge   time.Duration
	// Personal says that keys or values hold personal data.
	Personal bool
}

// Catalogue lists every control topic. Rows and records topics come from
// ImportTopics.
func (t Topics) Catalogue() []TopicSpec {
	const day = 24 * time.Hour
	byImport := func(name, writer, value string, retention time.Duration) TopicSpec {
		return TopicSpec{Name: name, Writer: writer, Key: "import", Value: value, Partitions: ControlPartitions, Retention: retention}
	}
	newest := func(name, writer, value string) TopicSpec {
		spec := byImport(name, writer, value, 0)
		spec.Compact, spec.SegmentBytes, spec.SegmentAge = true, CompactedSegmentBytes, CompactedSegmentAge
		return spec
	}
	resources := newest(t.Resources(), "importcenter", "connection or account")
	resources.Key, resources.Partitions = "<Kind>/<name>", 1
	notifications := newest(t.Notifications(), "importcenter", "what was told of an import, and what is still to be delivered")
	notifications.Key, notifications.Partitions = "<notification>/<import>", 1
	suppressions := newest(t.Suppressions(), "importcenter", "since when the person must not be sent")
	suppressions.Key, suppressions.Personal = "<account>/<id of the key>/<keyed hash of the identity>", true
	generations := newest(t.Generations(), "importcenter", "a definition as it was applied, by whom and when")
	generations.Key, generations.Personal = "<import>/<generation>", true
	baselines := newest(t.Baselines(), "extractor", "counts and sums of hashes of an import's rows")
	baselines.Key = "<import>/<run>/<part>"
	fold := newest(t.Fold(), "scheduler", "the fold's counts and offset intervals; its position")
	fold.Key = "run, and _position/<partition>"
	rejects := byImport(t.Rejects(), "extractor, mapper, loader", "reject", 30*day)
	rejects.Personal = true
	dry := func(name, writer, value string) TopicSpec {
		return TopicSpec{
			Name: name, Writer: writer, Key: "preview or dry run", Value: value, Partitions: ControlPartitions, Retention: TrialRetention, Personal: true,
		}
	}
	lookups := func(name, writer, value string) TopicSpec {
		spec := dry(name, writer, value)
		spec.Key = "account"
		return spec
	}
	return []TopicSpec{
		newest(t.Imports(), "importcenter", "definition"),
		resources,
		suppressions,
		generations,
		byImport(t.Commands(), "importcenter", "command", 7*day),
		byImport(t.Triggers(), "scheduler", "trigger", 30*day),
		newest(t.State(), "scheduler", "state"),
		fold,
		byImport(t.Runs(), "scheduler", "run event", 90*day),
		newest(t.Columns(), "extractor", "row schema of the newest attempt"),
		baselines,
		rejects,
		byImport(t.Reports(), "extractor, mapper, loader", "report", 30*day),
		dry(t.DryRunRows(), "extractor", "row"),
		dry(t.DryRunRecords(), "mapper", "record"),
		dry(t.DryRunRejects(), "extractor, mapper, loader", "reject"),
		lookups(t.Lookups(), "importcenter", "whose profile is to be looked up"),
		lookups(t.LookupAnswers(), "loader", "what CleverTap holds of a person"),
		notifications,
		{Name: t.Audit(), Writer: "importcenter", Key: "actor", Value: "audit entry", Partitions: 1, Retention: 365 * day, Personal: true},
	}
}

// ImportTopics lists the rows and records topics of an import. Both have the
// same partition count, because the mapper writes partition p to partition p.
func (t Topics) ImportTopics(importName string, spec TopicSettings) []TopicSpec {
	partitions := spec.Partitions
	if partitions == 0 {
		partitions = DefaultPartitions
	}
	return []TopicSpec{
		{Name: t.Rows(importName), Writer: "extractor", Key: "identity", Value: "row", Partitions: partitions, Retention: spec.RowsRetention.orDefault(72 * time.Hour), Personal: true},
		{Name: t.Records(importName), Writer: "mapper", Key: "identity", Value: "record", Partitions: partitions, Retention: spec.RecordsRetention.orDefault(168 * time.Hour), Personal: true},
	}
}
