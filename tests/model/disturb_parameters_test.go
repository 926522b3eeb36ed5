package model

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// accountParameters are session parameters that change what a result is, with values that
// an administrator may have set.
func accountParameters() map[string][]any {
	return map[string][]any{
		"ROWS_PER_RESULTSET":             {1, 2, 7},
		"QUOTED_IDENTIFIERS_IGNORE_CASE": {true},
		"TIMEZONE":                       {"Asia/Kolkata", "America/St_Johns"},
		"TIMESTAMP_TYPE_MAPPING":         {"TIMESTAMP_LTZ", "TIMESTAMP_TZ"},
		"TIMESTAMP_OUTPUT_FORMAT":        {"DD.MM.YYYY"},
		"TIMESTAMP_NTZ_OUTPUT_FORMAT":    {"YYYY-MM-DD"},
		"DATE_OUTPUT_FORMAT":             {"DD/MM/YYYY"},
		"TIME_OUTPUT_FORMAT":             {"HH12:MI AM"},
		"TIMESTAMP_INPUT_FORMAT":         {"DD.MM.YYYY HH24:MI:SS"},
		"BINARY_OUTPUT_FORMAT":           {"BASE64"},
		"WEEK_START":                     {1, 7},
		"JSON_INDENT":                    {0},
	}
}

// parameterDisturbances set parameters of the Snowflake account, which hold for every
// session that does not say otherwise.
func parameterDisturbances() []disturbance {
	alter := func(s *scenario, name string) {
		values := accountParameters()[name]
		if s.rng.IntN(4) == 0 {
			values = []any{nil}
		}
		s.w.alterAccount(name, values[s.rng.IntN(len(values))])
	}
	return []disturbance{
		{name: "the account's parameters cut results", shared: true, before: func(s *scenario) { alter(s, "ROWS_PER_RESULTSET") }},
		{name: "the account's parameters set", shared: true, before: func(s *scenario) { alter(s, anyParameter(s.rng)) }},
		{name: "the account's parameters set within a run", shared: true, within: func(s *scenario, _ string) { alter(s, anyParameter(s.rng)) }},
	}
}

func anyParameter(rng *rand.Rand) string {
	names := slices.Sorted(maps.Keys(accountParameters()))
	return names[rng.IntN(len(names))]
}

func (w *world) alterAccount(name string, value any) {
	if err := w.snowflake.AlterAccount(name, value); err != nil {
		w.t.Errorf("altering the account: %v", err)
	}
}
