package schemas

import (
	_ "embed" // the catalogue
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

// Classes of errors: a row's data is at fault, or a definition or setting is.
const (
	ClassData   = "data"
	ClassConfig = "config"
)

// StageDefinition stands in the catalogue for what is found in a definition,
// before any row.
const StageDefinition = "definition"

// ErrorInfo is an entry of the catalogue of codes, which rejects, the API, the
// CLI and the documentation share.
type ErrorInfo struct {
	Code        string   `json:"code"`
	Stages      []string `json:"stages"`
	Class       string   `json:"class"`
	Meaning     string   `json:"meaning"`
	LikelyCause string   `json:"likelyCause"`
	Action      string   `json:"action"`
}

//go:embed errors.json
var errorsJSON []byte

// catalogue reads the embedded file once; TestErrors proves that it can be read.
var catalogue = sync.OnceValue(func() []ErrorInfo {
	var all []ErrorInfo
	if json.Unmarshal(errorsJSON, &all) != nil {
		return nil
	}
	return all
})

// ErrorCatalogue lists every code in the catalogue's order.
func ErrorCatalogue() []ErrorInfo { return append([]ErrorInfo(nil), catalogue()...) }

// LookupError finds a code's entry.
func LookupError(code string) (ErrorInfo, bool) {
	for _, info := range catalogue() {
		if info.Code == code {
			return info, true
		}
	}
	return ErrorInfo{}, false
}

// ClassOf is the class of a code; a code that the catalogue does not know is
// the data's.
func ClassOf(code string) string {
	if info, ok := LookupError(code); ok {
		return info.Class
	}
	return ClassData
}

// StageOf is the stage after the extraction that rejects with a code, map or
// load. Of a code that both have, such as unknown_run, map is the first to meet
// the row. CleverTap may answer with a number that the catalogue does not know.
func StageOf(code string) string {
	info, ok := LookupError(code)
	number, clevertap := strings.CutPrefix(code, "clevertap_")
	_, numbered := digits([]byte(number))
	switch {
	case ok && slices.Contains(info.Stages, StageLoad) && !slices.Contains(info.Stages, StageMap):
		return StageLoad
	case !ok && clevertap && numbered:
		return StageLoad
	}
	return StageMap
}
