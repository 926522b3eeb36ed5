package schemas

import (
	"regexp"
	"slices"
	"testing"
)

// TestErrors reads every entry: a code without an explanation helps nobody.
func TestErrors(t *testing.T) {
	t.Parallel()
	all := ErrorCatalogue()
	if len(all) < 50 {
		t.Fatalf("the catalogue has %d entries", len(all))
	}
	form := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	stages := []string{StageDefinition, StageExtract, StageMap, StageLoad, "schedule", "api"}
	seen := map[string]bool{}
	for _, e := range all {
		if seen[e.Code] || !form.MatchString(e.Code) {
			t.Errorf("%s: given twice, or not lower_snake", e.Code)
		}
		seen[e.Code] = true
		if e.Class != ClassData && e.Class != ClassConfig {
			t.Errorf("%s: class %q", e.Code, e.Class)
		}
		for _, text := range []string{e.Meaning, e.LikelyCause, e.Action} {
			if len(text) < 10 || text[len(text)-1] != '.' {
				t.Errorf("%s: %q is no sentence", e.Code, text)
			}
		}
		for _, s := range e.Stages {
			if !slices.Contains(stages, s) {
				t.Errorf("%s: stage %q", e.Code, s)
			}
		}
		if len(e.Stages) == 0 {
			t.Errorf("%s: no stage", e.Code)
		}
	}
}

func TestLookupError(t *testing.T) {
	t.Parallel()
	for code, class := range map[string]string{
		"identity_missing": ClassData, "column_missing": ClassConfig, "clevertap_515": ClassData, "clevertap_999": ClassData,
	} {
		if got := ClassOf(code); got != class {
			t.Errorf("ClassOf(%s) = %s, want %s", code, got, class)
		}
	}
	if _, ok := LookupError("no_such_code"); ok {
		t.Error("an unknown code was found")
	}
}

func TestStageOf(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"date_format": StageMap, "clevertap_id_invalid": StageMap, "unknown_run": StageMap, "no_such_code": StageMap,
		"request_malformed": StageLoad, "record_too_large": StageLoad, "ambiguous": StageLoad,
		"clevertap_515": StageLoad, "clevertap_999": StageLoad,
	} {
		if got := StageOf(code); got != want {
			t.Errorf("StageOf(%s) = %s, want %s", code, got, want)
		}
	}
}
