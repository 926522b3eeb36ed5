package clevertap

// Config is the account that the stand-in plays.
type Config struct {
	AccountID        string
	Passcode         string
	Slots            int // uploads in flight before 429
	ProfileSlots     int // profile look-ups in flight before 429
	RecordsPerUpload int
	MaxBodyBytes     int64 // of an unpacked body; above it 413
	EventProperties  int   // above it 522
	Nested           bool  // accept objects and arrays up to three levels
	DiscardedEvents  []string
	Store            bool // false: keep hashes and counters only
	History          int  // record versions kept for each profile
	Requests         int  // uploads kept for inspection
	CloseConnections bool // close after each answer, as the recorded API did
}
