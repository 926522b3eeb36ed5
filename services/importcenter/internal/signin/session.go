package signin

// SessionCookie is the name of the cookie that a browser's session stands in. Its
// prefix makes browsers keep it only from this host, by TLS and for every path.
const SessionCookie = "__Host-tapline-session"
