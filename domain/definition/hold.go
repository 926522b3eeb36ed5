package definition

import (
	"maps"
	"slices"

	"tapline.dev/schemas"
)

// maxGrowth is beyond any growth that somebody would want to know of.
const maxGrowth = 1_000_000

// checkHold checks when a run waits for a person. Whether the columns are there shows
// when the query is read.
func checkHold(f *findings, h *schemas.HoldLimits) {
	checkRange(f, "spec.limits.hold.rows", int64(h.Rows), 1, 1<<31-1)
	if g := h.Growth; g != nil && *g != 0 && (*g < 1 || *g > maxGrowth) {
		f.add(codeValueInvalid, "spec.limits.hold.growth", "write how many times the rows of earlier runs are too many, such as 10, or 0 to switch the rule off")
	}
	for _, column := range slices.Sorted(maps.Keys(h.NullShare)) {
		checkShare(f, "spec.limits.hold.nullShare."+column, h.NullShare[column])
	}
	if h.RepeatedIdentities != nil {
		checkShare(f, "spec.limits.hold.repeatedIdentities", *h.RepeatedIdentities)
	}
}

func checkShare(f *findings, path string, share float64) {
	if share < 0 || share >= 1 {
		f.add(codeValueInvalid, path, "a share is at least 0 and below 1, such as 0.2 for a fifth")
	}
}
