package schemas

// Baseline is what Snowflake's own sums over the rows of an import were when it was last
// reconciled, in the topic of baselines: a part of it in each record. It holds counts and
// sums of hashes, and no value of a row.
type Baseline struct {
	Import  string `json:"import"`
	Number  int    `json:"number"` // of the run that took it
	Attempt int    `json:"attempt"`
	Part    int    `json:"part"` // from 0
	Parts   int    `json:"parts"`
	// Ways, Keys, Rows, Sums and Squares are the entries: to which of the groupings one
	// belongs, its key there, how many rows it has, the sum of their hashes, and that of the
	// squares of some of their bits.
	Ways    []int    `json:"ways"`
	Keys    []int64  `json:"keys"`
	Rows    []int64  `json:"rows"`
	Sums    []string `json:"sums"`
	Squares []string `json:"squares"`
}

// BaselineRef names the baseline that a reconciliation which succeeded has left.
type BaselineRef struct {
	Number  int `json:"number"`
	Attempt int `json:"attempt"`
	Parts   int `json:"parts"`
	// Expression covers what is counted and hashed: sums of another one say nothing.
	Expression string `json:"expression"`
	// Below is the instant, in the cursor's time basis, below which rows are in it.
	Below string `json:"below"`
	Clock string `json:"clock"` // Snowflake's, when it was taken
}

// Reconciliation says what a run of the mode reconcile compares.
type Reconciliation struct {
	// BaselineOnly takes a new baseline, compares nothing and sends nothing.
	BaselineOnly bool `json:"baselineOnly,omitempty"`
}

// Reconciled is what comparing Snowflake's sums with those of the baseline has shown.
type Reconciled struct {
	Baseline BaselineRef `json:"baseline"`        // that this run takes
	Since    string      `json:"since,omitempty"` // Snowflake's clock when the one before was taken; "" if there is none to compare with
	Below    string      `json:"below,omitempty"` // rows below this were compared
	Unknown  string      `json:"unknown,omitempty"`
	// Came and Left are how many rows have come below it, and how many have moved on or were
	// deleted. Without Exact they are what the counts of the days tell, at least.
	Came  int64 `json:"came"`
	Left  int64 `json:"left"`
	Exact bool  `json:"exact"`
	// Days are those that differ, oldest first, at most MaxReconciledDays.
	Days     []ReconciledDay `json:"days,omitempty"`
	MoreDays int             `json:"moreDays,omitempty"`
}

// ReconciledDay is a day of the cursor whose rows are not those of the baseline.
type ReconciledDay struct {
	Day    string `json:"day"`
	Before int64  `json:"before"`
	Now    int64  `json:"now"`
	Read   bool   `json:"read"` // rows of it are read again
}

// MaxReconciledDays bounds Reconciled.Days.
const MaxReconciledDays = 50
