package schemas

import (
	"strconv"
	"strings"
	"time"
)

// MaxGenerations is how many generations of an import are kept, the newest ones.
const MaxGenerations = 100

// DeletedGenerationsKept is how long the generations of a deleted import are kept. They
// go at the first change of any import after that.
const DeletedGenerationsKept = 365 * 24 * time.Hour

// Generation is the value of the generations topic: an import's definition as it was
// applied, by whom and when. A deletion is a generation too, without a definition.
type Generation struct {
	Import     string      `json:"import"`
	Generation int         `json:"generation"`
	Definition *Definition `json:"definition,omitempty"`
	Action     string      `json:"action"` // AuditApply | AuditDelete
	// By is as AuditEntry.Actor; "" of a generation that was applied before generations
	// were kept.
	By         string    `json:"by,omitempty"`
	Role       string    `json:"role,omitempty"`
	ApprovedBy string    `json:"approvedBy,omitempty"`
	At         time.Time `json:"at"`
}

// GenerationKey is the key of a generation in its topic.
func GenerationKey(importName string, generation int) string {
	return importName + "/" + strconv.Itoa(generation)
}

// ParseGenerationKey is the inverse of GenerationKey. ok is false for every other text.
func ParseGenerationKey(key string) (importName string, generation int, ok bool) {
	importName, number, found := strings.Cut(key, "/")
	generation, err := strconv.Atoi(number)
	return importName, generation, found && err == nil && generation > 0
}
