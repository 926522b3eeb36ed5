package schemas

// Verify makes a dry run a verification: CleverTap checks no record, but a loader looks
// the profile of each one up, and Import Center compares the two.
type Verify struct {
	// People names the list of the identities that are looked at; "" takes rows at random.
	People string `json:"people,omitempty"`
	Asked  int    `json:"asked,omitempty"` // how many identities the list has
}

// People is a list of identities, or a part of one, in the topic of look-ups, which keeps
// it for TrialRetention: an identity lies in no command and in no state.
type People struct {
	ID         string   `json:"id"`
	Import     string   `json:"import"`
	Identities []string `json:"identities"`
}

// MaxPeopleBytes bounds the identities of a People.
const MaxPeopleBytes = 512 << 10

// VerifyLookup is the id of the look-up that a verification makes for one of its records.
func VerifyLookup(run string, id RowID) string { return run + "/" + id.String() }

// Repair is what a run of the mode repair sends: the people for whom CleverTap does not hold
// what it should, as Snowflake has them now.
type Repair struct {
	Verification string `json:"verification"` // that found them
	People       string `json:"people"`       // names the list of their identities
	Selected     int64  `json:"selected"`     // how many there are in it
}
