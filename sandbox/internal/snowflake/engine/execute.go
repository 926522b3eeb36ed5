package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/rewrite"
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// statement is one execution of a statement. A session executes one at a time.
type statement struct {
	e      *Engine
	ses    *Session
	in     Request
	nodes  []sqltext.Node
	binds  []rewrite.BindValue
	snap   snapshot
	tables []table // that it reads from
	rw     *rewrite.Rewriter
}

// Request is a statement as a client sends it.
type Request struct {
	QueryID, Text string
	Bindings      map[string]rewrite.BindValue
	Stage         string // where bulk binds are; the sandbox has no stages
	Describe      bool   // only return the columns of the result
	VaryCarriers  bool   // NUMBERs of other widths in each chunk
	Statements    Statements
}

// Statements gives a statement access to other statements.
type Statements interface {
	// Result returns the stored result of a finished statement.
	Result(queryID string) (*resultset.Result, bool)
	// Cancel cancels a statement, and CancelSession all of a session. They return
	// Snowflake's text that says so.
	Cancel(queryID string) (string, error)
	CancelSession(sessionID string) (string, error)
}

// Execute runs a statement after the earlier ones of the session have ended.
func (s *Session) Execute(ctx context.Context, in Request) (*resultset.Result, *sferr.Error) {
	s.run.Lock()
	defer s.run.Unlock()
	limit, seconds := s.timeout()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := s.executeSafely(ctx, in)
	if err == nil {
		err = ctx.Err()
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = sferr.New("000630", "57014", "Statement reached its statement or warehouse timeout of "+seconds+" second(s) and was canceled.")
	}
	if err != nil {
		return nil, s.engine.Translate(err)
	}
	r.Binds = len(in.Bindings)
	r.Database, r.Schema, r.Warehouse, r.Role = s.database, s.schema, s.warehouse, s.role
	s.lastQuery = in.QueryID
	return r, nil
}

// executeSafely turns a panic into an error of the statement: in `tapline dev` the sandbox
// shares its process with the whole pipeline.
func (s *Session) executeSafely(ctx context.Context, in Request) (r *resultset.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = nil, sferr.New("300005", "XX000", fmt.Sprintf("The sandbox failed on this statement: %v", p))
		}
	}()
	return s.execute(ctx, in)
}

func (s *Session) execute(ctx context.Context, in Request) (*resultset.Result, error) {
	if in.Stage != "" {
		return nil, sferr.Unsupported("binds in a stage")
	}
	nodes, err := sqltext.Parse(in.Text)
	if err != nil {
		return nil, err
	}
	for len(nodes) > 0 && nodes[len(nodes)-1].IsOp(";") {
		nodes = nodes[:len(nodes)-1]
	}
	if len(nodes) == 0 {
		return nil, sferr.New("000900", "42601", "SQL compilation error:\nEmpty SQL statement.")
	}
	for _, n := range nodes {
		if n.IsOp(";") {
			return nil, sferr.New("000008", "0A000", "Actual statement count 2 did not match the desired statement count 1.")
		}
	}
	if s.Param("QUOTED_IDENTIFIERS_IGNORE_CASE") == "true" {
		sqltext.FoldQuoted(nodes)
	}
	if err := s.fillVariables(nodes); err != nil {
		return nil, err
	}
	rewrite.MapTimestamps(nodes, s.Param("TIMESTAMP_TYPE_MAPPING"))
	binds, err := rewrite.ReadBinds(in.Bindings)
	if err != nil {
		return nil, err
	}
	snap, err := s.engine.catalog.read(ctx)
	if err != nil {
		return nil, err
	}
	st := &statement{e: s.engine, ses: s, in: in, nodes: nodes, binds: binds, snap: snap}
	st.rw = rewrite.New(st.env(binds))
	return st.dispatch(ctx, in.Describe)
}

func (st *statement) env(binds []rewrite.BindValue) *rewrite.Env {
	ses := st.ses
	kinds := st.snap.kinds(st.nodes)
	return &rewrite.Env{
		Src: st.in.Text, Binds: binds, Settings: ses.settings(), Now: st.e.now(ses), Functions: st.e.functions,
		Spelling: st.snap.spelling(st.nodes), ColumnsOf: st.columnsOf, AllColumns: st.onlyTable, Relation: st.informationSchema,
		Kinds: func(column string) sqltext.ValueKind { return kinds[column] },
		Values: map[string]string{
			"CURRENT_USER": ses.user, "CURRENT_ROLE": ses.role, "CURRENT_WAREHOUSE": ses.warehouse, "CURRENT_DATABASE": ses.database,
			"CURRENT_SCHEMA": ses.schema, "CURRENT_ACCOUNT": strings.ToUpper(st.e.cfg.Account), "CURRENT_REGION": "SANDBOX",
			"CURRENT_VERSION": ServerVersion, "CURRENT_SESSION": fmt.Sprint(ses.id), "CURRENT_CLIENT": "sandbox",
			"CURRENT_SECONDARY_ROLES": "", "CURRENT_ACCOUNT_NAME": strings.ToUpper(st.e.cfg.Account), "LAST_QUERY_ID": ses.lastQuery,
			"CURRENT_STATEMENT": st.in.Text,
		},
	}
}

func (st *statement) dispatch(ctx context.Context, describe bool) (*resultset.Result, error) {
	if st.nodes[0].IsWord("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE") || st.nodes[0].Kind == sqltext.KindGroup {
		if err := st.findTables(); err != nil {
			return nil, err
		}
	}
	switch word := st.nodes[0].Word(); word {
	case "SELECT", "WITH", "":
		if st.nodes[0].Kind == sqltext.KindGroup || word != "" {
			return st.selectStatement(ctx, describe)
		}
	case "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE":
		return st.change(ctx, describe)
	}
	if describe {
		return resultset.StatusResult(resultset.Definition, ""), nil
	}
	switch st.nodes[0].Word() {
	case "CREATE":
		return st.create(ctx)
	case "DROP":
		return st.drop(ctx)
	case "ALTER":
		return st.alter(ctx)
	case "USE":
		return st.use(ctx)
	case "SHOW":
		return st.show(ctx)
	case "DESCRIBE", "DESC":
		return st.describe(ctx)
	case "BEGIN", "START", "COMMIT", "ROLLBACK":
		return st.transaction(ctx)
	case "SET":
		return st.setVariable(ctx)
	case "UNSET":
		return st.unsetVariable()
	case "COMMENT":
		return st.commentOn(ctx)
	case "CALL":
		message, err := st.system(ctx, st.nodes[1:])
		if err != nil {
			return nil, err
		}
		return resultset.TableResult(resultset.Select, []string{st.nodes[1].Word()}, [][]*string{{resultset.Cell(message)}}), nil
	}
	if st.nodes[0].Kind == sqltext.KindWord {
		switch st.nodes[0].Word() {
		case "PUT", "GET", "COPY", "EXPLAIN", "GRANT", "REVOKE", "EXECUTE", "UNDROP", "LIST", "REMOVE":
			return nil, sferr.Unsupported("%s", st.nodes[0].Word())
		}
	}
	return nil, sferr.Syntax("syntax error line 1 at position %d unexpected '%s'.", st.nodes[0].Pos, st.nodes[0].Text)
}

// transaction runs BEGIN, COMMIT and ROLLBACK.
func (st *statement) transaction(ctx context.Context) (*resultset.Result, error) {
	want, sql := true, "BEGIN TRANSACTION"
	switch st.nodes[0].Word() {
	case "COMMIT":
		want, sql = false, "COMMIT"
	case "ROLLBACK":
		want, sql = false, "ROLLBACK"
	}
	if st.ses.inTransaction != want {
		if _, err := st.ses.conn.ExecContext(ctx, sql); err != nil {
			st.ses.inTransaction = false
			return nil, err
		}
		st.ses.inTransaction = want
	}
	return resultset.StatusResult(resultset.TransactionControl, "Statement executed successfully."), nil
}

// commitFirst ends an open transaction before DDL, as Snowflake does.
func (st *statement) commitFirst(ctx context.Context) error {
	if !st.ses.inTransaction {
		return nil
	}
	st.ses.inTransaction = false
	_, err := st.ses.conn.ExecContext(ctx, "COMMIT")
	return err
}

// system runs the SYSTEM$ functions: CALL SYSTEM$WAIT(3), SELECT SYSTEM$CANCEL_QUERY('id').
func (st *statement) system(ctx context.Context, nodes []sqltext.Node) (string, error) {
	if len(nodes) != 2 || nodes[1].Kind != sqltext.KindGroup {
		return "", sferr.Unsupported("such a call")
	}
	name, args := nodes[0].Word(), sqltext.SplitComma(nodes[1].Kids)
	for _, a := range args {
		if len(a) != 1 {
			return "", sferr.Unsupported("%s without literal arguments", name)
		}
	}
	switch {
	case name == "SYSTEM$CANCEL_QUERY" && len(args) == 1:
		return st.in.Statements.Cancel(args[0][0].Text)
	case name == "SYSTEM$CANCEL_ALL_QUERIES" && len(args) == 1:
		return st.in.Statements.CancelSession(args[0][0].Text)
	case name == "SYSTEM$WAIT" && (len(args) == 1 || len(args) == 2):
		return wait(ctx, args)
	}
	return "", sferr.UnknownFunction(name)
}

func wait(ctx context.Context, args [][]sqltext.Node) (string, error) {
	amount, err := strconv.Atoi(args[0][0].Text)
	if err != nil {
		return "", sferr.Unsupported("SYSTEM$WAIT for such a time")
	}
	unit, word := time.Second, "seconds"
	if len(args) == 2 {
		word = strings.ToLower(args[1][0].Text)
		if word == "milliseconds" {
			unit = time.Millisecond
		} else if word != "seconds" {
			return "", sferr.Unsupported("SYSTEM$WAIT in %s", word)
		}
	}
	if err := Pause(ctx, time.Duration(amount)*unit); err != nil {
		return "", err
	}
	return fmt.Sprintf("waited %d %s", amount, word), nil
}
