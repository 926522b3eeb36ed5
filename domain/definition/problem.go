package definition

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is a mistake in a definition. File, Line and Col are empty when it did
// not come from a file.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Col     int    `json:"col,omitempty"`
	Path    string `json:"path,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error is customers.yaml:12:5: spec.mapping[2].tpye: unknown key; did you mean
// type?
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		fmt.Fprintf(&b, "%s:", p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, "%d:%d:", p.Line, p.Col)
		}
		b.WriteByte(' ')
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	return b.String() + p.Message
}

// Codes of problems, as in schemas/errors.json.
const (
	codeYAMLSyntax   = "yaml_syntax"
	codeKindUnknown  = "kind_unknown"
	codeUnknownKey   = "unknown_key"
	codeDuplicateKey = "duplicate_key"
	codeWrongType    = "wrong_type"
	codeRequired     = "required"
	codeTooLong      = "too_long"
	codeCharacter    = "character_refused"
	codeValueInvalid = "value_invalid"
	codeConflict     = "conflict"
	codeName         = "name_rfc1123"
	codeDuplicate    = "definition_duplicate"
	codeReference    = "reference_missing"
	codeSecretPlain  = "secret_plain"
	codeQueryFile    = "query_file"
	codeTimezone     = "timezone_unknown"
	codeSchedule     = "schedule_invalid"
)

// findings collects problems with their paths.
type findings []Problem

func (f *findings) add(code, path, format string, args ...any) {
	*f = append(*f, Problem{Code: code, Path: path, Message: fmt.Sprintf(format, args...)})
}

// position is where a value stands in a file.
type position struct {
	file      string
	line, col int
}

// positions knows where the paths of one document stand.
type positions map[string]position

// at finds a path, or the nearest one above it.
func (p positions) at(path string) position {
	for {
		if found, ok := p[path]; ok || path == "" {
			return found
		}
		path = parent(path)
	}
}

// locate gives problems their place.
func (p positions) locate(problems []Problem) []Problem {
	for i := range problems {
		if problems[i].File == "" {
			at := p.at(problems[i].Path)
			problems[i].File, problems[i].Line, problems[i].Col = at.file, at.line, at.col
		}
	}
	return problems
}

// badPaths are the parts of a document that could not be read and were left
// out.
type badPaths []string

// filter drops problems that follow from a part that was left out: problems at
// its path, above it or below it, and missing or conflicting fields beside it.
func (b badPaths) filter(problems []Problem) []Problem {
	if len(b) == 0 {
		return problems
	}
	return slices.DeleteFunc(problems, func(p Problem) bool {
		return slices.ContainsFunc(b, func(bad string) bool {
			missing := p.Code == codeRequired || p.Code == codeConflict
			return within(p.Path, bad) || within(bad, p.Path) || missing && parent(p.Path) == parent(bad)
		})
	})
}

// within reports whether a path is another or lies below it.
func within(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// parent is the path one level up.
func parent(path string) string {
	return path[:max(strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '['), 0)]
}

// inOrder sorts problems by their place in a file; the files keep their order.
func inOrder(problems []Problem, files []string) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(slices.Index(files, a.File), slices.Index(files, b.File)),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return problems
}
