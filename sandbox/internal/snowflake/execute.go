package snowflake

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// statement is one execution: the session's lock is held throughout.
type statement struct {
	s      *Server
	ses    *session
	q      *query
	nodes  []node
	binds  []bindValue
	snap   snapshot
	tables []table // that it reads from
	rw     *rewriter
}

// execute runs a statement of a session.
func (s *Server) execute(ctx context.Context, q *query, in queryRequest) (*result, error) {
	if s.faults.takeRefusal() {
		return nil, &Error{"000606", "57P03", "No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse' command."}
	}
	if in.Stage != "" {
		return nil, unsupported("binds in a stage")
	}
	nodes, err := parseTree(q.text)
	if err != nil {
		return nil, err
	}
	for len(nodes) > 0 && nodes[len(nodes)-1].isOp(";") {
		nodes = nodes[:len(nodes)-1]
	}
	if len(nodes) == 0 {
		return nil, &Error{"000900", "42601", "SQL compilation error:\nEmpty SQL statement."}
	}
	for _, n := range nodes {
		if n.isOp(";") {
			return nil, &Error{"000008", "0A000", "Actual statement count 2 did not match the desired statement count 1."}
		}
	}
	binds, err := readBinds(in.Bindings)
	if err != nil {
		return nil, err
	}
	snap, err := s.catalog.read(ctx)
	if err != nil {
		return nil, err
	}
	st := &statement{s: s, ses: q.session, q: q, nodes: nodes, binds: binds, snap: snap}
	st.rw = newRewriter(st.env(binds))
	return st.dispatch(ctx, in.Describe)
}

func (st *statement) env(binds []bindValue) *rewriteEnv {
	ses := st.ses
	kinds := st.snap.kinds(st.nodes)
	return &rewriteEnv{
		src: st.q.text, binds: binds, zone: ses.zone(), now: st.s.now(ses), functions: st.s.functions,
		kinds: func(column string) valueKind { return kinds[column] },
		values: map[string]string{
			"CURRENT_USER": ses.user, "CURRENT_ROLE": ses.role, "CURRENT_WAREHOUSE": ses.warehouse, "CURRENT_DATABASE": ses.database,
			"CURRENT_SCHEMA": ses.schema, "CURRENT_ACCOUNT": strings.ToUpper(st.s.cfg.Account), "CURRENT_REGION": "SANDBOX",
			"CURRENT_VERSION": serverVersion, "CURRENT_SESSION": fmt.Sprint(ses.id), "CURRENT_CLIENT": "sandbox",
			"CURRENT_SECONDARY_ROLES": "", "CURRENT_ACCOUNT_NAME": strings.ToUpper(st.s.cfg.Account), "LAST_QUERY_ID": ses.lastQuery,
			"CURRENT_STATEMENT": st.q.text,
		},
	}
}

func (st *statement) dispatch(ctx context.Context, describe bool) (*result, error) {
	if st.nodes[0].isWord("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE") || st.nodes[0].kind == kindGroup {
		if err := st.findTables(); err != nil {
			return nil, err
		}
	}
	switch word := st.nodes[0].word(); word {
	case "SELECT", "WITH", "":
		if st.nodes[0].kind == kindGroup || word != "" {
			return st.selectStatement(ctx, describe)
		}
	case "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE":
		return st.change(ctx, describe)
	}
	if describe {
		return statusResult(typeDDL, ""), nil
	}
	switch st.nodes[0].word() {
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
	case "CALL":
		message, err := st.system(ctx, st.nodes[1:])
		if err != nil {
			return nil, err
		}
		return tableResult(typeSelect, []string{st.nodes[1].word()}, [][]*string{{text(message)}}), nil
	}
	if st.nodes[0].kind == kindWord {
		switch st.nodes[0].word() {
		case "PUT", "GET", "COPY", "SET", "UNSET", "EXPLAIN", "GRANT", "REVOKE", "EXECUTE", "COMMENT", "UNDROP", "LIST", "REMOVE":
			return nil, unsupported("%s", st.nodes[0].word())
		}
	}
	return nil, syntaxError("syntax error line 1 at position %d unexpected '%s'.", st.nodes[0].pos, st.nodes[0].text)
}

// transaction runs BEGIN, COMMIT and ROLLBACK.
func (st *statement) transaction(ctx context.Context) (*result, error) {
	want, sql := true, "BEGIN TRANSACTION"
	switch st.nodes[0].word() {
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
	return statusResult(typeTCL, "Statement executed successfully."), nil
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
func (st *statement) system(ctx context.Context, nodes []node) (string, error) {
	if len(nodes) != 2 || nodes[1].kind != kindGroup {
		return "", unsupported("such a call")
	}
	name, args := nodes[0].word(), splitComma(nodes[1].kids)
	for _, a := range args {
		if len(a) != 1 {
			return "", unsupported("%s without literal arguments", name)
		}
	}
	switch {
	case name == "SYSTEM$CANCEL_QUERY" && len(args) == 1:
		return st.s.cancelQuery(args[0][0].text)
	case name == "SYSTEM$CANCEL_ALL_QUERIES" && len(args) == 1:
		return st.s.cancelSession(args[0][0].text)
	case name == "SYSTEM$WAIT" && (len(args) == 1 || len(args) == 2):
		return wait(ctx, args)
	}
	return "", unknownFunction(name)
}

func (s *Server) cancelQuery(id string) (string, error) {
	q := s.find(id)
	if q == nil {
		return "", &Error{"000709", "02000", "Statement " + id + " not found"}
	}
	if !q.end().IsZero() {
		return "Identified SQL statement is not currently executing.", nil
	}
	q.cancel()
	return "query [" + id + "] terminated.", nil
}

// cancelSession cancels what a session runs or has queued.
func (s *Server) cancelSession(id string) (string, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return "", unsupported("SYSTEM$CANCEL_ALL_QUERIES of such a session")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	cancelled := 0
	for _, q := range s.order {
		if q.session.id == n && q.end().IsZero() {
			q.cancel()
			cancelled++
		}
	}
	return fmt.Sprintf("%d cancelled.", cancelled), nil
}

func wait(ctx context.Context, args [][]node) (string, error) {
	amount, err := strconv.Atoi(args[0][0].text)
	if err != nil {
		return "", unsupported("SYSTEM$WAIT for such a time")
	}
	unit, word := time.Second, "seconds"
	if len(args) == 2 {
		word = strings.ToLower(args[1][0].text)
		if word == "milliseconds" {
			unit = time.Millisecond
		} else if word != "seconds" {
			return "", unsupported("SYSTEM$WAIT in %s", word)
		}
	}
	if err := pause(ctx, time.Duration(amount)*unit); err != nil {
		return "", err
	}
	return fmt.Sprintf("waited %d %s", amount, word), nil
}
