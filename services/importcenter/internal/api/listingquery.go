package api

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"tapline.dev/domain/listing"
	"tapline.dev/schemas"
)

// ImportFilter chooses imports. A parameter with several values, divided by commas,
// takes each of them; all parameters have to hold.
type ImportFilter struct {
	Q             string    `query:"q" maxLength:"200" doc:"Text that the name, the nickname, the owner, the datasource or a label contains"`
	Nickname      string    `query:"nickname" maxLength:"200" doc:"Text that the nickname contains"`
	Health        []string  `query:"health" enum:"green,yellow,red" doc:"Colour of the health, whatever the condition"`
	FreshnessOver int       `query:"freshnessOver" minimum:"1" doc:"Only imports whose watermark is older than so many seconds"`
	Status        []string  `query:"status" enum:"Draft,Running,Scheduled,Ready,Paused,Stopped" doc:"Only imports of these statuses"`
	Partner       []string  `query:"partner" maxItems:"10" doc:"Such as Snowflake"`
	Type          []string  `query:"type" enum:"profile,event" doc:"Sync type"`
	Frequency     []string  `query:"frequency" enum:"repeatIntervals,customSchedule,manual" doc:"Only imports with schedules of these kinds"`
	Condition     []string  `query:"condition" enum:"green,yellow,red,neverRun,firstRun,noRows,credentialsRefused,held,stale,failed" doc:"Colour of the health, or why there is none"`
	Datasource    []string  `query:"datasource" maxItems:"100" doc:"Name of the connection"`
	Account       []string  `query:"account" maxItems:"100" doc:"Name of the account"`
	Owner         []string  `query:"owner" maxItems:"100" doc:"Only imports of these owners"`
	Label         []string  `query:"label" maxItems:"20" doc:"key=value, or key alone; all of them have to hold"`
	CreatedBy     []string  `query:"createdBy" maxItems:"100" doc:"Only imports that these callers have created"`
	UpdatedBy     []string  `query:"updatedBy" maxItems:"100" doc:"Only imports that these callers have changed last"`
	LastRunState  []string  `query:"lastRunState" maxItems:"10" doc:"Only imports whose newest run is in one of these states"`
	CreatedAfter  time.Time `query:"createdAfter" doc:"Only imports created at this instant or later"`
	CreatedBefore time.Time `query:"createdBefore" doc:"Only imports created before this instant"`
	UpdatedAfter  time.Time `query:"updatedAfter" doc:"Only imports changed last at this instant or later"`
	UpdatedBefore time.Time `query:"updatedBefore" doc:"Only imports changed last before this instant"`
	LastRunAfter  time.Time `query:"lastRunAfter" doc:"Only imports whose newest run started at this instant or later"`
	LastRunBefore time.Time `query:"lastRunBefore" doc:"Only imports whose newest run started before this instant"`
	NextRunAfter  time.Time `query:"nextRunAfter" doc:"Only imports whose next run is due at this instant or later"`
	NextRunBefore time.Time `query:"nextRunBefore" doc:"Only imports whose next run is due before this instant"`
}

// colourOf is the colour of an import's health, also where its condition says something
// else, such as that a run is held.
func colourOf(l schemas.Listing) string {
	if l.Health == nil {
		return ""
	}
	return listing.Colour(*l.Health)
}

func (f ImportFilter) matches(l schemas.Listing) bool {
	for _, choice := range []struct {
		wanted []string
		value  string
	}{
		{f.Status, l.Status}, {f.Partner, l.Partner}, {f.Type, l.Type}, {f.Frequency, l.Frequency}, {f.Condition, l.Condition}, {f.Health, colourOf(l)},
		{f.Datasource, l.Datasource}, {f.Account, l.Account}, {f.Owner, l.Owner}, {f.CreatedBy, l.CreatedBy}, {f.UpdatedBy, l.UpdatedBy},
		{f.LastRunState, l.LastRunState},
	} {
		if len(choice.wanted) > 0 && !slices.Contains(choice.wanted, choice.value) {
			return false
		}
	}
	for _, period := range []struct {
		after, before time.Time
		value         *time.Time
	}{
		{f.CreatedAfter, f.CreatedBefore, l.CreatedAt}, {f.UpdatedAfter, f.UpdatedBefore, l.UpdatedAt},
		{f.LastRunAfter, f.LastRunBefore, l.LastRunAt}, {f.NextRunAfter, f.NextRunBefore, l.NextRunAt},
	} {
		if !within(period.value, period.after, period.before) {
			return false
		}
	}
	if f.FreshnessOver > 0 && (l.FreshnessSeconds == nil || *l.FreshnessSeconds <= float64(f.FreshnessOver)) {
		return false
	}
	named := strings.Contains(strings.ToLower(l.DisplayName), strings.ToLower(f.Nickname))
	return named && hasLabels(l, f.Label) && contains(l, f.Q)
}

// within reports whether an instant is at or after the first bound and before the
// second. Bounds of zero are none.
func within(t *time.Time, after, before time.Time) bool {
	if after.IsZero() && before.IsZero() {
		return true
	}
	return t != nil && !t.Before(after) && (before.IsZero() || t.Before(before))
}

func hasLabels(l schemas.Listing, wanted []string) bool {
	for _, label := range wanted {
		key, value, valued := strings.Cut(label, "=")
		got, ok := l.Labels[key]
		if !ok || valued && got != value {
			return false
		}
	}
	return true
}

func contains(l schemas.Listing, text string) bool {
	if text == "" {
		return true
	}
	text = strings.ToLower(text)
	fields := []string{l.Import, l.DisplayName, l.Owner, l.Datasource, l.Account}
	for key, value := range l.Labels {
		fields = append(fields, key+"="+value)
	}
	return slices.ContainsFunc(fields, func(field string) bool { return strings.Contains(strings.ToLower(field), text) })
}

// conditionOrder is the order of conditions, the most urgent first.
var conditionOrder = map[string]int{
	"credentialsRefused": 0, "held": 1, "failed": 2, "red": 3, "stale": 4, "yellow": 5, "firstRun": 6, "neverRun": 7, "noRows": 8, "green": 9,
}

// sortKeys give the text by which a column is sorted. What a row lacks sorts last.
var sortKeys = map[string]func(schemas.Listing) string{
	"name":       func(l schemas.Listing) string { return l.Import },
	"nickname":   func(l schemas.Listing) string { return strings.ToLower(cmp.Or(l.DisplayName, l.Import)) },
	"partner":    func(l schemas.Listing) string { return l.Partner },
	"status":     func(l schemas.Listing) string { return l.Status },
	"type":       func(l schemas.Listing) string { return l.Type },
	"frequency":  func(l schemas.Listing) string { return l.Frequency },
	"health":     func(l schemas.Listing) string { return string(rune('a' + conditionOrder[l.Condition])) },
	"datasource": func(l schemas.Listing) string { return l.Datasource },
	"owner":      func(l schemas.Listing) string { return orLast(l.Owner) },
	"createdBy":  func(l schemas.Listing) string { return orLast(l.CreatedBy) },
	"updatedBy":  func(l schemas.Listing) string { return orLast(l.UpdatedBy) },
	"created":    func(l schemas.Listing) string { return instantKey(l.CreatedAt) },
	"updated":    func(l schemas.Listing) string { return instantKey(l.UpdatedAt) },
	"lastRun":    func(l schemas.Listing) string { return instantKey(l.LastRunAt) },
	"nextRun":    func(l schemas.Listing) string { return instantKey(l.NextRunAt) },
	"freshness":  func(l schemas.Listing) string { return orLast(l.Watermark) },
}

const last = "\uffff"

func orLast(text string) string { return cmp.Or(text, last) }

func instantKey(t *time.Time) string {
	if t == nil {
		return last
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000000")
}

// listingToken names the last row of a page by what the rows are sorted by and its
// name, so that rows which come, go or change shift no other.
type listingToken struct {
	Key  string `json:"k"`
	Name string `json:"n"`
	Of   string `json:"o"` // a hash of filter and order
}

// sorted sorts rows by a column, downwards if it begins with -, and then by name.
func sorted(rows []schemas.Listing, by string) (func(schemas.Listing) string, func(x, y listingToken) int) {
	column, down := strings.CutPrefix(by, "-")
	key := sortKeys[column]
	order := func(x, y listingToken) int {
		c := strings.Compare(x.Key, y.Key)
		if down && x.Key != last && y.Key != last {
			c = -c
		}
		return cmp.Or(c, strings.Compare(x.Name, y.Name))
	}
	slices.SortFunc(rows, func(x, y schemas.Listing) int {
		return order(listingToken{Key: key(x), Name: x.Import}, listingToken{Key: key(y), Name: y.Import})
	})
	return key, order
}

// paged returns the page of the rows, which it filters and sorts, and the next token.
func (in *listImportsInput) paged(rows []schemas.Listing) ([]schemas.Listing, string, *Problem) {
	rows = slices.DeleteFunc(rows, func(l schemas.Listing) bool { return !in.matches(l) })
	key, order := sorted(rows, in.Sort)
	of := in.hash()
	if in.PageToken != "" {
		var after listingToken
		raw, err := base64.RawURLEncoding.DecodeString(in.PageToken)
		if err != nil || json.Unmarshal(raw, &after) != nil || after.Of != of {
			return nil, "", problem(http.StatusBadRequest, codeInvalidRequest,
				"pageToken is the nextPageToken of the page before, unchanged, with the same filters and order")
		}
		rows = slices.DeleteFunc(rows, func(l schemas.Listing) bool {
			return order(listingToken{Key: key(l), Name: l.Import}, after) <= 0
		})
	}
	if in.PageSize == 0 || len(rows) <= in.PageSize {
		return rows, "", nil
	}
	rows = rows[:in.PageSize]
	end := rows[len(rows)-1]
	token, err := json.Marshal(listingToken{Key: key(end), Name: end.Import, Of: of})
	if err != nil {
		return nil, "", problem(http.StatusInternalServerError, codeInternal, "the page cannot be continued; the service's log says why")
	}
	return rows, base64.RawURLEncoding.EncodeToString(token), nil
}

func (in *listImportsInput) hash() string {
	text, _ := json.Marshal([]any{in.ImportFilter, in.Sort}) // texts and instants always encode
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}
