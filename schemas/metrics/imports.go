package metrics

import "tapline.dev/schemas"

// What the scheduler says of each import of the control partitions that it owns, from the
// log alone: a series exists as soon as the partition has been taken over, and ends when it
// is given up.
var (
	ImportInfo = Metric{
		Name: "tapline.import.info", Kind: Gauge, Services: []string{scheduler},
		Labels: []Label{
			importLabel(), {Name: "owner", Of: "metadata.owner, one of an import"}, {Name: "team", Of: "label team, one of an import"},
			{Name: "severity", Of: "label severity, one of an import"}, accountLabel(), connectionLabel(),
			oneOf("type", schemas.TypeProfile, schemas.TypeEvent),
		},
		Help: "Always 1: who owns the import, and what it reads from and sends to. Join it by import.",
	}
	ImportState = Metric{
		Name: "tapline.import.state", Kind: Gauge, Services: []string{scheduler},
		Labels: []Label{importLabel(), oneOf("state", ImportStates()...)},
		Help:   "1 for the state that the import is in: the active run's, or its own. Other states have no series.",
	}
	ImportHealth = Metric{
		Name: "tapline.import.health", Kind: Gauge, Services: []string{scheduler},
		Labels: []Label{importLabel(), oneOf("health", Healths()...)},
		Help:   "1 for the import's health. Others have no series.",
	}
	Imports = Metric{
		Name: "tapline.imports", Kind: Gauge, Services: []string{scheduler},
		Labels: []Label{partitionLabel(), oneOf("health", Healths()...)},
		Help:   "Imports by health, those without a series of their own included.",
	}
	ImportLastSuccess = Metric{
		Name: "tapline.import.last_success.timestamp", Kind: Gauge, Unit: Seconds, Services: []string{scheduler}, Labels: []Label{importLabel()},
		Help: "When the newest run that succeeded ended, as Unix time. No series before the first.",
	}
	ImportLastRun = Metric{
		Name: "tapline.import.last_run.timestamp", Kind: Gauge, Unit: Seconds, Services: []string{scheduler},
		Labels: []Label{importLabel(), oneOf("state", EndStates()...)},
		Help:   "When the newest run ended, as Unix time, with how it ended.",
	}
	ImportWatermark = Metric{
		Name: "tapline.import.watermark.timestamp", Kind: Gauge, Unit: Seconds, Services: []string{scheduler}, Labels: []Label{importLabel()},
		Help: "The watermark, as Unix time: rows that changed before it are in CleverTap. It stands still while nothing changes in the table. No series without a cursor, and of a cursor that is a wall clock of an unknown zone.",
	}
	ImportFreshness = Metric{
		Name: "tapline.import.freshness", Kind: Gauge, Unit: Seconds, Services: []string{scheduler}, Labels: []Label{importLabel()},
		Help: "Age of what CleverTap has: time since the newest successful run began, and the lookback, for which a change may become visible late.",
	}
	ImportFreshnessPromised = Metric{
		Name: "tapline.import.freshness.promised", Kind: Gauge, Unit: Seconds, Services: []string{scheduler}, Labels: []Label{importLabel()},
		Help: "The freshness that the import's schedules promise now: time since the newest due instant that is more than 15 minutes ago, and the lookback. No series without a schedule, while it is paused or stopped, and before the first such instant.",
	}
	ImportOverdue = Metric{
		Name: "tapline.import.overdue", Kind: Gauge, Unit: Seconds, Services: []string{scheduler}, Labels: []Label{importLabel()},
		Help: "Time since the oldest due instant that no successful run stands for yet; 0 if there is none.",
	}
	ImportNextDue = Metric{
		Name: "tapline.import.next_due.timestamp", Kind: Gauge, Unit: Seconds, Services: []string{scheduler}, Labels: []Label{importLabel()},
		Help: "The next due instant of its schedules, as Unix time.",
	}
	ImportHeldSince = Metric{
		Name: "tapline.import.held_since.timestamp", Kind: Gauge, Unit: Seconds, Services: []string{scheduler}, Labels: []Label{importLabel()},
		Help: "Since when the run waits for a person, as Unix time. No series otherwise.",
	}
	ImportRunStarted = Metric{
		Name: "tapline.import.run.started.timestamp", Kind: Gauge, Unit: Seconds, Services: []string{scheduler}, Labels: []Label{importLabel()},
		Help: "When the active run began, as Unix time. No series without one.",
	}
	ImportRunProgress = Metric{
		Name: "tapline.import.run.progress.timestamp", Kind: Gauge, Unit: Seconds, Services: []string{scheduler}, Labels: []Label{importLabel()},
		Help: "When the active run last counted a row, as Unix time. No series without one.",
	}
	ImportRunWaiting = Metric{
		Name: "tapline.import.run.waiting.timestamp", Kind: Gauge, Unit: Seconds, Services: []string{scheduler},
		Labels: []Label{importLabel(), oneOf("stage", schemas.StageExtract, schemas.StageLoad, schemas.StageControl), {Name: "code", Of: "codes of a wait, such as credentials_refused; empty if it has none"}},
		Help:   "Since when the active run waits for its account, its connection or another application's transaction (stage control), as Unix time. No series otherwise.",
	}
	ImportRunRows = Metric{
		Name: "tapline.import.run.rows", Kind: Gauge, Unit: "{row}", Services: []string{scheduler},
		Labels: []Label{importLabel(), oneOf("outcome", RowOutcomes()...)},
		Help:   "Rows of the active run by outcome, as counted so far; of the newest run if none is active. Pending rows are read and have no outcome yet.",
	}
	ImportRejects = Metric{
		Name: "tapline.import.rejects", Kind: Counter, Unit: "{row}", Services: []string{scheduler},
		Labels: []Label{importLabel(), codeLabel()},
		Help:   "Rows rejected at any stage, by code, as the scheduler counts them.",
	}
	ImportRows = Metric{
		Name: "tapline.import.rows", Kind: Counter, Unit: "{row}", Services: []string{scheduler},
		Labels: []Label{importLabel(), oneOf("outcome", RowOutcomes()[:7]...)},
		Help:   "Rows by outcome, as the scheduler counts them.",
	}
	Runs = Metric{
		Name: "tapline.scheduler.runs", Kind: Counter, Services: []string{scheduler},
		Labels: []Label{importLabel(), oneOf("state", EndStates()...)},
		Help:   "Runs that ended, by import and state. Exists from the takeover on, at 0.",
	}
	RunDuration = Metric{
		Name: "tapline.scheduler.run.duration", Kind: Histogram, Unit: Seconds, Services: []string{scheduler},
		Labels: []Label{oneOf("state", EndStates()...)},
		Help:   "Time from a run's beginning to its end. Exemplars carry its trace.",
	}
	DueUnaccounted = Metric{
		Name: "tapline.scheduler.due.unaccounted", Kind: Gauge, Services: []string{scheduler}, Labels: []Label{partitionLabel()},
		Help: "Due instants that have passed and that no run, planned skip or catch-up rule stands for. Anything but 0 for a minute means that the scheduler does not do its work.",
	}
)

// RowOutcomes are the values of the label outcome of an import's rows.
func RowOutcomes() []string {
	return []string{"read", "loaded", "unchanged", "stillRejected", "future", "rejected", "skipped", "pending"}
}
