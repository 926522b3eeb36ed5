package schemas

import "slices"

// What a Right is on.
const (
	OnTopic           = "topic"
	OnGroup           = "group"
	OnTransactionalID = "transactionalId"
)

// What a Right allows. Each implies seeing what it is on.
const (
	MayRead     = "read"
	MayWrite    = "write"
	MayDescribe = "describe" // whether it is there, and its id
	MayCreate   = "create"
	MayDelete   = "delete"
)

// Right is something that a service may do in Kafka.
type Right struct {
	On string
	// Name is whole, or what names begin with.
	Name     string
	Prefixed bool
	May      string
}

// Rights are all that a service needs, and no more. A service with
// kafka.createTopics needs MayCreate for what it makes as well.
func (t Topics) Rights(service string) []Right {
	var out []Right
	add := func(on, may string, prefixed bool, names ...string) {
		for _, name := range names {
			out = append(out, Right{On: on, Name: name, Prefixed: prefixed, May: may})
		}
	}
	read := func(names ...string) { add(OnTopic, MayRead, false, names...) }
	write := func(names ...string) { add(OnTopic, MayWrite, false, names...) }
	rows, records := t.prefix+"rows.", t.prefix+"records."
	switch service {
	case "scheduler":
		read(t.Imports(), t.Commands(), t.Reports(), t.State(), t.Fold(), t.Runs())
		write(t.Triggers(), t.State(), t.Fold(), t.Runs())
		add(OnTopic, MayDescribe, true, rows, records)
		add(OnGroup, MayRead, false, t.prefix+"scheduler")
		add(OnTransactionalID, MayWrite, true, t.prefix+"scheduler-")
	case "extractor":
		read(t.Triggers(), t.State(), t.Resources(), t.Suppressions(), t.Reports(), t.DryRunRows(), t.DryRunRecords())
		write(t.Reports(), t.Columns(), t.Rejects(), t.DryRunRows(), t.DryRunRejects())
		add(OnTopic, MayWrite, true, rows)
		// What the run before has rejected is not unchanged, and a replay sends it, unless
		// its run did not succeed: the next one reads the row again.
		read(t.Rejects(), t.Runs())
		// A reconciliation compares with what the one before has left.
		read(t.Baselines())
		write(t.Baselines())
		// A verification and a repair are told there whom they are about.
		read(t.Lookups())
		// A resend reads rows that were loaded, and writes them again.
		add(OnTopic, MayRead, true, rows)
		// What a run of events without success has loaded is left out by the next one.
		add(OnTopic, MayRead, true, records)
		add(OnGroup, MayRead, false, t.prefix+"extractor")
		add(OnTransactionalID, MayWrite, true, t.prefix+"extract-")
	case "mapper":
		read(t.Imports(), t.State(), t.Resources(), t.Suppressions(), t.Columns(), t.Reports(), t.DryRunRows())
		write(t.Reports(), t.Rejects(), t.DryRunRecords(), t.DryRunRejects())
		add(OnTopic, MayRead, true, rows)
		add(OnTopic, MayWrite, true, records)
		add(OnGroup, MayRead, false, t.prefix+"mapper")
		add(OnTransactionalID, MayWrite, true, t.prefix+"map-")
	case "loader":
		read(t.Imports(), t.State(), t.Resources(), t.Suppressions(), t.Reports(), t.DryRunRecords(), t.Lookups())
		write(t.Reports(), t.Rejects(), t.DryRunRejects(), t.LookupAnswers())
		add(OnTopic, MayRead, true, records)
		add(OnGroup, MayRead, false, t.prefix+"loader")
	case "importcenter":
		read(t.Imports(), t.Generations(), t.Resources(), t.Suppressions(), t.State(), t.Runs(), t.Triggers(), t.Rejects(), t.Reports(),
			t.DryRunRows(), t.DryRunRecords(), t.DryRunRejects(), t.LookupAnswers(), t.Audit())
		write(t.Imports(), t.Generations(), t.Resources(), t.Suppressions(), t.Commands(), t.Lookups(), t.Audit())
		// An import's topics must be seen before it is applied.
		add(OnTopic, MayRead, true, rows, records)
		add(OnTransactionalID, MayWrite, false, t.prefix+"importcenter")
		// Of several Import Centers one sends notifications.
		read(t.Notifications())
		write(t.Notifications())
		add(OnGroup, MayRead, false, t.prefix+"notifications")
		add(OnTransactionalID, MayWrite, false, t.prefix+"notifications")
		// Who explains a late import must see which service owns what.
		add(OnGroup, MayDescribe, false, t.prefix+"scheduler", t.prefix+"extractor", t.prefix+"mapper", t.prefix+"loader")
	}
	return out
}

// OptionalRights are rights without which a service works and lacks a feature: see
// docs/rights.md. Import Center deletes the topics of an import that is deleted with them.
func (t Topics) OptionalRights(service string) []Right {
	if service != "importcenter" {
		return nil
	}
	return []Right{
		{On: OnTopic, Name: t.prefix + "rows.", Prefixed: true, May: MayDelete},
		{On: OnTopic, Name: t.prefix + "records.", Prefixed: true, May: MayDelete},
	}
}

// Used lists the control topics that a service reads or writes.
func (t Topics) Used(service string) []TopicSpec {
	rights := t.Rights(service)
	return slices.DeleteFunc(t.Catalogue(), func(s TopicSpec) bool {
		return !slices.ContainsFunc(rights, func(r Right) bool { return r.On == OnTopic && !r.Prefixed && r.Name == s.Name })
	})
}
