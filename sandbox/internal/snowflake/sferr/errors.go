package sferr

import "fmt"

// Error is an error as Snowflake returns it: code, SQLSTATE and message.
// Like Snowflake's, a message may quote the value or the name it complains about.
type Error struct {
	Code     string
	SQLState string
	Message  string
}

// Error returns the code, the SQLSTATE and the message.
func (e *Error) Error() string { return e.Code + " (" + e.SQLState + "): " + e.Message }

// New makes an error of a code, an SQLSTATE and a message.
func New(code, state, message string) *Error {
	return &Error{Code: code, SQLState: state, Message: message}
}

// Syntax is the error of a statement that cannot be parsed.
func Syntax(format string, args ...any) *Error {
	return New("001003", "42000", "SQL compilation error:\n"+fmt.Sprintf(format, args...))
}

// CodedText returns the text of an error made inside DuckDB: see CodedPrefix.
func CodedText(code, state, message string) string {
	return CodedPrefix + "|" + code + "|" + state + "|" + message + "|"
}

// Unsupported is the error of something that the sandbox does not support.
func Unsupported(format string, args ...any) *Error {
	return New("000002", "0A000", "Unsupported feature '"+fmt.Sprintf(format, args...)+"'.")
}

// NotFound is the error of an object that does not exist.
func NotFound(kind, name string) *Error {
	return New("002003", "42S02", "SQL compilation error:\n"+kind+" '"+name+"' does not exist or not authorized.")
}

// InvalidIdentifier is the error of a column that does not exist.
func InvalidIdentifier(name string) *Error {
	return New("000904", "42000", "SQL compilation error:\ninvalid identifier '"+name+"'")
}

// UnknownFunction is the error of a function that does not exist, or that the sandbox does not know.
func UnknownFunction(name string) *Error {
	return New("002140", "42601", "SQL compilation error:\nUnknown function "+name)
}

// Canceled is the error of a cancelled statement.
var Canceled = New("000604", "57014", "SQL execution canceled")

// CodedPrefix marks an error text made by one of our functions inside DuckDB, so
// that its code survives the way through DuckDB's own error handling.
const CodedPrefix = "SFERR"

// Coded returns an error that keeps its code on the way through DuckDB.
func Coded(code, state, message string) error {
	return fmt.Errorf("%s|%s|%s|%s|", CodedPrefix, code, state, message)
}
