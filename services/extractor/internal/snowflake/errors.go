package snowflake

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/snowflakedb/gosnowflake"
)

// Codes of errors, as reports and runs show them.
const (
	CodeConnection  = "snowflake_connection"
	CodeAuth        = "snowflake_auth"
	CodeUnreachable = "snowflake_unreachable"
	CodeQuery       = "snowflake_query"
	CodeTimeout     = "snowflake_timeout"
	CodeCancelled   = "snowflake_cancelled"
	CodeResultLost  = "result_lost"
	CodeResultShort = "result_short"
	CodeUnreadable  = "result_unreadable"
)

// Error is what Snowflake did not do, in a sentence free of SQL, values and
// credentials: Snowflake's own texts quote both. Permanent means that trying
// again would end alike.
type Error struct {
	Code      string
	Reason    string
	Permanent bool
	Number    int // Snowflake's
	State     string
}

func (e *Error) Error() string { return e.Reason }

// known are the errors that users meet, each with what to do.
var known = map[int]Error{
	390100:                                {Code: CodeAuth, Permanent: true, Reason: "Snowflake refused the user name or password; check the connection's user and its secret"},
	390101:                                {Code: CodeAuth, Permanent: true, Reason: "Snowflake has disabled this user"},
	390102:                                {Code: CodeAuth, Permanent: true, Reason: "Snowflake has locked this user for a while after failed sign-ins"},
	390104:                                {Code: CodeAuth, Permanent: true, Reason: "Snowflake refused the token; check the connection's secret"},
	390111:                                {Code: CodeUnreachable, Reason: "the Snowflake session is gone"},
	390112:                                {Code: CodeUnreachable, Reason: "the Snowflake session expired"},
	390114:                                {Code: CodeUnreachable, Reason: "the Snowflake session expired"},
	390144:                                {Code: CodeAuth, Permanent: true, Reason: "Snowflake refused the key pair; check that the user has this key's public half"},
	390189:                                {Code: CodeConnection, Permanent: true, Reason: "the connection's role does not exist or is not granted to its user"},
	390201:                                {Code: CodeConnection, Permanent: true, Reason: "the connection's database, schema or warehouse does not exist or its role may not use it"},
	390303:                                {Code: CodeAuth, Permanent: true, Reason: "Snowflake refused the OAuth token"},
	390318:                                {Code: CodeAuth, Permanent: true, Reason: "the OAuth token has expired"},
	390422:                                {Code: CodeAuth, Permanent: true, Reason: "Snowflake's network policy does not allow this address"},
	604:                                   {Code: CodeCancelled, Reason: "the statement was cancelled in Snowflake"},
	630:                                   {Code: CodeTimeout, Reason: "the statement ran longer than the session's statement timeout"},
	709:                                   {Code: CodeResultLost, Reason: "Snowflake no longer has the statement"},
	606:                                   {Code: CodeConnection, Permanent: true, Reason: "no warehouse is active; name one in the connection that its role may use"},
	90073:                                 {Code: CodeUnreachable, Reason: "the warehouse cannot be used, because a resource monitor has used up its quota"},
	90105:                                 {Code: CodeConnection, Permanent: true, Reason: "no database is current; name one in the connection, or name tables in full"},
	90106:                                 {Code: CodeConnection, Permanent: true, Reason: "no schema is current; name one in the connection, or name tables in full"},
	904:                                   {Code: CodeQuery, Permanent: true, Reason: "the query names a column that does not exist"},
	1003:                                  {Code: CodeQuery, Permanent: true, Reason: "the query has a syntax error"},
	2003:                                  {Code: CodeQuery, Permanent: true, Reason: "the query names something that does not exist or that the role may not see"},
	2043:                                  {Code: CodeQuery, Permanent: true, Reason: "the query names something that does not exist or that the role may not see"},
	1045:                                  {Code: CodeQuery, Permanent: true, Reason: "the query gives a function a date or time part that does not exist"},
	2049:                                  {Code: CodeQuery, Permanent: true, Reason: "the query calls a function that does not exist or that the role may not use"},
	2140:                                  {Code: CodeQuery, Permanent: true, Reason: "the query calls a function that does not exist or that the role may not use"},
	3001:                                  {Code: CodeQuery, Permanent: true, Reason: "the connection's role has too few privileges for the query"},
	gosnowflake.ErrCodeEmptyAccountCode:   {Code: CodeConnection, Permanent: true, Reason: "the connection has no account"},
	gosnowflake.ErrCodeEmptyUsernameCode:  {Code: CodeConnection, Permanent: true, Reason: "the connection has no user"},
	gosnowflake.ErrCodeEmptyPasswordCode:  {Code: CodeConnection, Permanent: true, Reason: "the connection has no password, token or key"},
	gosnowflake.ErrCodeFailedToParseHost:  {Code: CodeConnection, Permanent: true, Reason: "the connection's account is not a Snowflake account name"},
	gosnowflake.ErrCodeFailedToConnect:    {Code: CodeUnreachable, Reason: "Snowflake cannot be reached"},
	gosnowflake.ErrCodeServiceUnavailable: {Code: CodeUnreachable, Reason: "Snowflake is not available"},
	gosnowflake.ErrFailedToAuth:           {Code: CodeUnreachable, Reason: "Snowflake did not answer the sign-in"},
	gosnowflake.ErrFailedToPostQuery:      {Code: CodeUnreachable, Reason: "Snowflake did not answer a request"},
	gosnowflake.ErrFailedToRenewSession:   {Code: CodeUnreachable, Reason: "the Snowflake session could not be renewed"},
	gosnowflake.ErrFailedToGetChunk:       {Code: CodeUnreachable, Reason: "a chunk of the result cannot be downloaded"},
}

var position = regexp.MustCompile(`line (\d+) at position (\d+)`)

// translate turns a driver's error into one of ours.
func translate(doing string, err error) error {
	var se *gosnowflake.SnowflakeError
	if !errors.As(err, &se) {
		// An error that is not Snowflake's answer is one of the network on the way there.
		return &Error{Code: CodeUnreachable, Reason: doing + ": Snowflake cannot be reached; check the connection's account and the network"}
	}
	e, ok := known[se.Number]
	if !ok {
		e = byState(se)
	}
	e.Number, e.State = se.Number, se.SQLState
	e.Reason = doing + ": " + e.Reason + named(se) + where(se) + fmt.Sprintf(" (Snowflake error %06d)", se.Number)
	return &e
}

// byState judges an error that is not listed by its SQLSTATE class.
func byState(se *gosnowflake.SnowflakeError) Error {
	class := ""
	if len(se.SQLState) >= 2 {
		class = se.SQLState[:2]
	}
	switch {
	case se.Number >= 390100 && se.Number < 391000 && class != "08", se.Number >= 394300 && se.Number < 394600:
		return Error{Code: CodeAuth, Permanent: true, Reason: "Snowflake refused the sign-in"}
	case se.Number >= 260000 && se.Number < 261000:
		return Error{Code: CodeConnection, Permanent: true, Reason: "the connection's settings do not fit together"}
	case compiled(se):
		return Error{Code: CodeQuery, Permanent: true, Reason: "Snowflake does not compile the query; run it there to see its own words"}
	case class == "22" && se.Number >= 100000 && se.Number < 101000:
		return Error{Code: CodeQuery, Permanent: true, Reason: "the query fails on a value in the data, such as a cast that does not fit"}
	case class == "42", class == "0A", class == "02", class == "21":
		return Error{Code: CodeQuery, Permanent: true, Reason: "Snowflake refuses the query; run it there to see its own words"}
	case class == "57":
		return Error{Code: CodeCancelled, Reason: "the statement was ended by Snowflake"}
	}
	return Error{Code: CodeUnreachable, Reason: "Snowflake answered with an error"}
}

// compiled reports whether the error was found while the statement was compiled: it
// is about the query's text and not about data, whatever its SQLSTATE.
func compiled(se *gosnowflake.SnowflakeError) bool { return se.Number >= 900 && se.Number < 10000 }

// names find what a compilation error names of the user's own text: tables, columns,
// functions and parts of dates. Nothing else of Snowflake's words is repeated, which
// may quote literals.
var names = []*regexp.Regexp{
	regexp.MustCompile(`(?:Object|Schema|Database|Table|View|Stage|Sequence) '([^']{1,255})' does not exist`),
	regexp.MustCompile(`invalid identifier '([^']{1,255})'`),
	regexp.MustCompile(`Unknown (?:user-defined )?(?:table )?functions? ([\w$."]{1,255})`),
	regexp.MustCompile(`'([\w$]{1,64})' is not a valid date/time component`),
	regexp.MustCompile(`ambiguous column name '([^']{1,255})'`),
}

// named is the name that a compilation error is about.
func named(se *gosnowflake.SnowflakeError) string {
	if !compiled(se) {
		return ""
	}
	text := message(se)
	for _, re := range names {
		if m := re.FindStringSubmatch(text); m != nil {
			return ": " + m[1]
		}
	}
	return ""
}

func message(se *gosnowflake.SnowflakeError) string {
	if len(se.MessageArgs) == 0 {
		return se.Message // it may hold a percent sign of the user's
	}
	return fmt.Sprintf(se.Message, se.MessageArgs...)
}

// where repeats the position that a compilation error names, in the user's own
// text: the wrap puts one line before it.
func where(se *gosnowflake.SnowflakeError) string {
	m := position.FindStringSubmatch(message(se))
	if m == nil || !compiled(se) {
		return ""
	}
	line, err := strconv.Atoi(m[1])
	if err != nil || line < 2 {
		return ""
	}
	return fmt.Sprintf(", near line %d, position %s", line-1, m[2])
}
