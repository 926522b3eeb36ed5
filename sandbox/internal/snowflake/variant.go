package snowflake

import (
	"fmt"
	"strings"
)

func (r *rewriter) parseJSON(try bool) special {
	return func(args [][]node) (node, error) {
		if len(args) != 1 {
			return node{}, &Error{"000938", "22023", "SQL compilation error:\nnot enough or too many arguments for function [PARSE_JSON]"}
		}
		x, err := r.sql(args[0])
		if err != nil {
			return node{}, err
		}
		if try {
			return rawTagged("TRY_CAST("+x+" AS JSON)", valueVariant), nil
		}
		return rawTagged("CAST("+x+" AS JSON)", valueVariant), nil
	}
}

func (r *rewriter) variantArgs(args [][]node) ([]string, error) {
	out := make([]string, len(args))
	for i, a := range args {
		text, err := r.sql(a)
		if err != nil {
			return nil, err
		}
		out[i] = fmt.Sprintf("memory.main.m_variant(%s, '', %s)", text, sqlString(r.env.zone))
	}
	return out, nil
}

// object is OBJECT_CONSTRUCT(key, value, …); pairs with a NULL are left out, as Snowflake does.
func (r *rewriter) object(args [][]node) (node, error) {
	if len(args)%2 != 0 || len(args) == 1 && args[0][0].isOp("*") {
		return node{}, unsupported("OBJECT_CONSTRUCT with these arguments")
	}
	values, err := r.variantArgs(args)
	if err != nil {
		return node{}, err
	}
	patches := []string{"CAST('{}' AS JSON)"}
	for i := 0; i < len(values); i += 2 {
		key, err := r.sql(args[i])
		if err != nil {
			return node{}, err
		}
		patches = append(patches, fmt.Sprintf("CASE WHEN %[2]s IS NULL THEN CAST('{}' AS JSON) ELSE json_object(%[1]s, %[2]s) END", key, values[i+1]))
	}
	if len(patches) == 1 {
		return rawTagged(patches[0], valueVariant), nil
	}
	return rawTagged("json_merge_patch("+strings.Join(patches, ", ")+")", valueVariant), nil
}

func (r *rewriter) array(args [][]node) (node, error) {
	values, err := r.variantArgs(args)
	if err != nil {
		return node{}, err
	}
	return rawTagged("json_array("+strings.Join(values, ", ")+")", valueVariant), nil
}

// get is GET(variant, key or index) with a literal key.
func (r *rewriter) get(args [][]node) (node, error) {
	if len(args) != 2 || len(args[1]) != 1 || args[1][0].kind != kindString && args[1][0].kind != kindNumber {
		return node{}, unsupported("GET without a literal key")
	}
	base, err := r.sql(args[0])
	if err != nil {
		return node{}, err
	}
	return jsonStep(raw(base), args[1][0]), nil
}

func (r *rewriter) getPath(args [][]node) (node, error) {
	if len(args) != 2 || len(args[1]) != 1 || args[1][0].kind != kindString {
		return node{}, unsupported("GET_PATH without a literal path")
	}
	base, err := r.sql(args[0])
	if err != nil {
		return node{}, err
	}
	path, err := parseTree(args[1][0].text)
	if err != nil || len(path) == 0 {
		return node{}, syntaxError("syntax error in a path.")
	}
	return r.path(&cursor{in: path}, raw(base)), nil
}

// flatten is LATERAL FLATTEN(INPUT => array or object).
func (r *rewriter) flatten(group node) (node, error) {
	var input string
	for _, arg := range splitComma(group.kids) {
		value := arg
		if len(arg) > 2 && arg[0].isName() && arg[1].isOp("=>") {
			if !arg[0].isWord("INPUT") {
				return node{}, unsupported("FLATTEN with %s", arg[0].word())
			}
			value = arg[2:]
		}
		text, err := r.sql(value)
		if err != nil {
			return node{}, err
		}
		input = text
	}
	if input == "" {
		return node{}, syntaxError("syntax error: FLATTEN needs an INPUT.")
	}
	return raw(fmt.Sprintf(`(SELECT 1 AS "SEQ", CASE WHEN json_type(%[1]s) = 'OBJECT' THEN e.key END AS "KEY", `+
		`CASE WHEN json_type(%[1]s) = 'ARRAY' THEN '[' || e.key || ']' ELSE e.key END AS "PATH", `+
		`CASE WHEN json_type(%[1]s) = 'ARRAY' THEN CAST(e.key AS BIGINT) END AS "INDEX", `+
		`e.value AS "VALUE", %[1]s AS "THIS" FROM json_each(%[1]s) AS e)`, input)), nil
}

// tableFunction is TABLE(function(…)).
func (r *rewriter) tableFunction(kids []node) (node, error) {
	if len(kids) != 2 || kids[0].kind != kindWord || kids[1].kind != kindGroup {
		return node{}, unsupported("TABLE() with these arguments")
	}
	args := kids[1].kids
	switch name := kids[0].word(); name {
	case "FLATTEN":
		e, err := r.flatten(kids[1])
		return raw("LATERAL " + e.text), err
	case "GENERATOR":
		if len(args) == 3 && args[0].isWord("ROWCOUNT") && args[1].isOp("=>") && args[2].kind == kindNumber {
			return raw("range(" + args[2].text + ")"), nil
		}
		return node{}, unsupported("GENERATOR without a literal ROWCOUNT")
	default:
		return node{}, unknownFunction(name)
	}
}

// arrayAgg is ARRAY_AGG(x): without NULLs, and an empty array of nothing.
func (r *rewriter) arrayAgg(args [][]node) (node, error) {
	if len(args) != 1 || args[0][0].isWord("DISTINCT") {
		return node{}, unsupported("ARRAY_AGG with these arguments")
	}
	values, err := r.variantArgs(args)
	if err != nil {
		return node{}, err
	}
	return rawTagged(fmt.Sprintf("coalesce(to_json(list(%[1]s) FILTER (WHERE %[1]s IS NOT NULL)), CAST('[]' AS JSON))", values[0]), valueVariant), nil
}

// sample is SAMPLE (percent) and SAMPLE (n ROWS).
func sample(group node) (node, error) {
	switch k := group.kids; {
	case len(k) == 1 && k[0].kind == kindNumber:
		return raw("TABLESAMPLE bernoulli(" + k[0].text + " PERCENT)"), nil
	case len(k) == 2 && k[0].kind == kindNumber && k[1].isWord("ROWS"):
		return raw("TABLESAMPLE reservoir(" + k[0].text + " ROWS)"), nil
	}
	return node{}, unsupported("SAMPLE with these arguments")
}
