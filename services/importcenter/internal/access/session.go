package access

import "time"

// Session is a browser's session, as an admin sees it. Its id is a part of what Redis
// holds and not of the cookie: nobody can take the session over by it.
type Session struct {
	ID      string
	Name    string
	Role    Role
	From    string // the address that signed in
	Began   time.Time
	Renewed time.Time // within a minute of the last use
	Ends    time.Time // in any case
}
