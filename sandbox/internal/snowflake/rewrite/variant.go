package rewrite

import (
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

func (r *Rewriter) parseJSON(try bool) functionRewrite {
	return func(args [][]sqltext.Node) (sqltext.Node, error) {
		if len(args) != 1 {
			return sqltext.Node{}, sferr.New("000938", "22023", "SQL compilation error:\nnot enough or too many arguments for function [PARSE_JSON]")
		}
		x, err := r.SQL(args[0])
		if err != nil {
			return sqltext.Node{}, err
		}
		if try {
			return sqltext.RawOf("TRY_CAST("+x+" AS JSON)", sqltext.ValueVariant), nil
		}
		return sqltext.RawOf("CAST("+x+" AS JSON)", sqltext.ValueVariant), nil
	}
}

func (r *Rewriter) variantArgs(args [][]sqltext.Node) ([]string, error) {
	out := make([]string, len(args))
	for i, a := range args {
		text, err := r.SQL(a)
		if err != nil {
			return nil, err
		}
		out[i] = fmt.Sprintf("memory.main.m_variant(%s, '', %s)", text, r.settings())
	}
	return out, nil
}

// object rewrites OBJECT_CONSTRUCT(key, value, …); pairs with a NULL are omitted.
func (r *Rewriter) object(args [][]sqltext.Node) (sqltext.Node, error) {
	return r.objectOf(args, "CASE WHEN (%[1]s) IS NOT NULL AND %[2]s IS NOT NULL THEN to_json(CAST(%[1]s AS VARCHAR))::VARCHAR || ':' || (%[2]s)::VARCHAR END")
}

// objectKeepNull rewrites OBJECT_CONSTRUCT_KEEP_NULL: a NULL value becomes a JSON null; a
// pair whose key is NULL is omitted.
func (r *Rewriter) objectKeepNull(args [][]sqltext.Node) (sqltext.Node, error) {
	return r.objectOf(args, "CASE WHEN (%[1]s) IS NOT NULL THEN to_json(CAST(%[1]s AS VARCHAR))::VARCHAR || ':' || coalesce((%[2]s)::VARCHAR, 'null') END")
}

func (r *Rewriter) objectOf(args [][]sqltext.Node, member string) (sqltext.Node, error) {
	if len(args) == 1 && len(args[0]) == 1 && args[0][0].IsOp("*") {
		var err error
		if args, err = r.allColumns(); err != nil {
			return sqltext.Node{}, err
		}
	}
	if len(args)%2 != 0 {
		return sqltext.Node{}, sferr.Unsupported("OBJECT_CONSTRUCT with these arguments")
	}
	values, err := r.variantArgs(args)
	if err != nil {
		return sqltext.Node{}, err
	}
	if len(values) == 0 {
		return sqltext.RawOf("CAST('{}' AS JSON)", sqltext.ValueVariant), nil
	}
	members := make([]string, 0, len(values)/2)
	for i := 0; i < len(values); i += 2 {
		key, err := r.SQL(args[i])
		if err != nil {
			return sqltext.Node{}, err
		}
		members = append(members, fmt.Sprintf(member, key, values[i+1]))
	}
	// The text of each value is kept; DuckDB's own constructors would print numbers anew.
	return sqltext.RawOf("CAST('{' || concat_ws(',', "+strings.Join(members, ", ")+") || '}' AS JSON)", sqltext.ValueVariant), nil
}

func (r *Rewriter) array(args [][]sqltext.Node) (sqltext.Node, error) {
	values, err := r.variantArgs(args)
	if err != nil {
		return sqltext.Node{}, err
	}
	for i, v := range values { // a NULL is undefined in an ARRAY
		values[i] = fmt.Sprintf("coalesce((%s)::VARCHAR, 'null')", v)
	}
	if len(values) == 0 {
		return sqltext.RawOf("CAST('[]' AS JSON)", sqltext.ValueVariant), nil
	}
	return sqltext.RawOf("CAST('[' || concat_ws(',', "+strings.Join(values, ", ")+") || ']' AS JSON)", sqltext.ValueVariant), nil
}

// get rewrites GET(variant, key or index) with a literal key.
func (r *Rewriter) get(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) != 2 || len(args[1]) != 1 || args[1][0].Kind != sqltext.KindString && args[1][0].Kind != sqltext.KindNumber {
		return sqltext.Node{}, sferr.Unsupported("GET without a literal key")
	}
	base, err := r.SQL(args[0])
	if err != nil {
		return sqltext.Node{}, err
	}
	return jsonMember(sqltext.Raw(base), args[1][0]), nil
}

func (r *Rewriter) getPath(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) != 2 || len(args[1]) != 1 || args[1][0].Kind != sqltext.KindString {
		return sqltext.Node{}, sferr.Unsupported("GET_PATH without a literal path")
	}
	base, err := r.SQL(args[0])
	if err != nil {
		return sqltext.Node{}, err
	}
	path, err := sqltext.Parse(args[1][0].Text)
	if err != nil || len(path) == 0 {
		return sqltext.Node{}, sferr.Syntax("syntax error in a path.")
	}
	return r.path(&cursor{in: path}, sqltext.Raw(base)), nil
}

// flatten rewrites LATERAL FLATTEN(INPUT => array or object).
func (r *Rewriter) flatten(group sqltext.Node) (sqltext.Node, error) {
	var input string
	for _, arg := range sqltext.SplitComma(group.Kids) {
		value := arg
		if len(arg) > 2 && arg[0].IsName() && arg[1].IsOp("=>") {
			if !arg[0].IsWord("INPUT") {
				return sqltext.Node{}, sferr.Unsupported("FLATTEN with %s", arg[0].Word())
			}
			value = arg[2:]
		}
		text, err := r.SQL(value)
		if err != nil {
			return sqltext.Node{}, err
		}
		input = text
	}
	if input == "" {
		return sqltext.Node{}, sferr.Syntax("syntax error: FLATTEN needs an INPUT.")
	}
	return sqltext.Raw(fmt.Sprintf(`(SELECT 1 AS "SEQ", CASE WHEN json_type(%[1]s) = 'OBJECT' THEN e.key END AS "KEY", `+
		`CASE WHEN json_type(%[1]s) = 'ARRAY' THEN '[' || e.key || ']' ELSE e.key END AS "PATH", `+
		`CASE WHEN json_type(%[1]s) = 'ARRAY' THEN CAST(e.key AS BIGINT) END AS "INDEX", `+
		`e.value AS "VALUE", %[1]s AS "THIS" FROM json_each(%[1]s) AS e)`, input)), nil
}

// tableFunction rewrites TABLE(function(…)).
func (r *Rewriter) tableFunction(kids []sqltext.Node) (sqltext.Node, error) {
	if len(kids) != 2 || kids[0].Kind != sqltext.KindWord || kids[1].Kind != sqltext.KindGroup {
		return sqltext.Node{}, sferr.Unsupported("TABLE() with these arguments")
	}
	args := kids[1].Kids
	switch name := kids[0].Word(); name {
	case "FLATTEN":
		e, err := r.flatten(kids[1])
		return sqltext.Raw("LATERAL " + e.Text), err
	case "GENERATOR":
		if len(args) == 3 && args[0].IsWord("ROWCOUNT") && args[1].IsOp("=>") && args[2].Kind == sqltext.KindNumber {
			return sqltext.Raw("range(" + args[2].Text + ")"), nil
		}
		return sqltext.Node{}, sferr.Unsupported("GENERATOR without a literal ROWCOUNT")
	default:
		return sqltext.Node{}, sferr.UnknownFunction(name)
	}
}

// arrayAgg rewrites ARRAY_AGG(x), which leaves NULLs out and is an empty array if there are no rows.
func (r *Rewriter) arrayAgg(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) != 1 || args[0][0].IsWord("DISTINCT") {
		return sqltext.Node{}, sferr.Unsupported("ARRAY_AGG with these arguments")
	}
	values, err := r.variantArgs(args)
	if err != nil {
		return sqltext.Node{}, err
	}
	return sqltext.RawOf(fmt.Sprintf("CAST('[' || coalesce(string_agg((%[1]s)::VARCHAR, ',') FILTER (WHERE %[1]s IS NOT NULL), '') || ']' AS JSON)", values[0]), sqltext.ValueVariant), nil
}
