package metrics

import "tapline.dev/schemas"

const (
	scheduler    = "scheduler"
	extractor    = "extractor"
	mapper       = "mapper"
	loader       = "loader"
	importcenter = "importcenter"
)

func importLabel() Label {
	return Label{Name: "import", Of: "names of imports; " + Others + " for those beyond metrics.imports"}
}

func accountLabel() Label    { return Label{Name: "account", Of: "names of CleverTap accounts"} }
func connectionLabel() Label { return Label{Name: "connection", Of: "names of Snowflake connections"} }
func codeLabel() Label       { return Label{Name: "code", Of: "codes of docs/reference/errors.md"} }
func partitionLabel() Label  { return Label{Name: "partition", Of: "control partitions: 0 to 3"} }

func controlTopicLabel() Label { return Label{Name: "topic", Of: "control topics"} }

func oneOf(name string, values ...string) Label { return Label{Name: name, Values: values} }

// ImportStates are the values of the label state of tapline.import.state: those of a run
// that is active, and of an import without one.
func ImportStates() []string {
	return []string{
		StateDraft, StateStopped, StatePaused, StateIdle,
		schemas.StateQueued, schemas.StateStarting, schemas.StateHeld, schemas.StateExtracting, schemas.StateLoading,
	}
}

// States of an import without an active run.
const (
	StateDraft   = "draft"
	StateStopped = "stopped"
	StatePaused  = "paused"
	StateIdle    = "idle"
)

// Health of an import, the worst first.
const (
	HealthFailing  = "failing"  // its newest run failed
	HealthLate     = "late"     // no run has succeeded for a due instant for longer than promised
	HealthWaiting  = "waiting"  // its run waits for its account, its connection or another application
	HealthHeld     = "held"     // its run waits for a person
	HealthInactive = "inactive" // draft, paused or stopped: nothing is promised
	HealthOK       = "ok"
)

// Healths are the values of the label health.
func Healths() []string {
	return []string{HealthFailing, HealthLate, HealthWaiting, HealthHeld, HealthInactive, HealthOK}
}

// EndStates are the states in which a run ends.
func EndStates() []string {
	return []string{schemas.StateSucceeded, schemas.StateSucceededWithRejects, schemas.StateFailed, schemas.StateCancelled}
}
