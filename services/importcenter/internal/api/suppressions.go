package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/control"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// listTimeout bounds the wait for the end of the list: whoever reports an erasure
// should hear soon that it was not taken.
const listTimeout = 5 * time.Second

// maxIdentity is CleverTap's limit, in characters.
const maxIdentity = 1024

// auditSuppression is the kind under which the audit names changes of the list. It
// holds counts and never an identity.
const auditSuppression = "Suppression"

type suppressionsInput struct {
	ResourcePath
	ActorHeader
	Body struct {
		Identities []string `json:"identities" minItems:"1" maxItems:"10000" doc:"As CleverTap gets them; blanks around one are cut off"`
	}
}

// Added says what adding people to the list has done.
type Added struct {
	Added   int `json:"added"`
	Already int `json:"already" doc:"Of the identities, those that were on the list; since when stays"`
}

// Removed says what removing people from the list has done.
type Removed struct {
	Removed int `json:"removed"`
	Absent  int `json:"absent" doc:"Of the identities, those that were not on the list"`
}

// Suppressed reports whether a person is on the list.
type Suppressed struct {
	Suppressed bool      `json:"suppressed"`
	Since      time.Time `json:"since,omitzero"`
}

// SuppressionCount is how many entries were made with a key.
type SuppressionCount struct {
	KeyID   string `json:"keyId" doc:"Tells the keys of suppression.keys apart; it is no secret"`
	Entries int    `json:"entries"`
	Known   bool   `json:"known" doc:"Whether this Import Center has the key; without it the entries cannot be compared, and nothing is sent to the account"`
	Newest  bool   `json:"newest" doc:"New entries are made with it"`
}

type (
	addedOutput      struct{ Body Added }
	removedOutput    struct{ Body Removed }
	suppressedOutput struct {
		Body struct {
			Items []Suppressed `json:"items" doc:"In the order of the identities"`
		}
	}
	suppressionCountsOutput struct {
		Body struct {
			Account string             `json:"account"`
			Entries int                `json:"entries"`
			Keys    []SuppressionCount `json:"keys"`
		}
	}
)

func (h *handlers) registerSuppressions(api huma.API) {
	const path = "/v1/accounts/{name}/suppressions"
	failing := []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}
	huma.Register(api, huma.Operation{
		OperationID: "add-suppressions", Method: http.MethodPost, Path: path + "/add", MaxBodyBytes: maxBody, Errors: failing,
		Summary: "Suppress people: within five seconds no upload to the account begins that holds one of them",
	}, h.addSuppressions)
	huma.Register(api, huma.Operation{
		OperationID: "remove-suppressions", Method: http.MethodPost, Path: path + "/remove", MaxBodyBytes: maxBody, Errors: failing,
		Summary: "Release people: the next run that reads their rows sends them",
	}, h.removeSuppressions)
	huma.Register(api, huma.Operation{
		OperationID: "check-suppressions", Method: http.MethodPost, Path: path + "/check", MaxBodyBytes: maxBody, Errors: failing,
		Summary: "Say whether people are suppressed, and since when",
	}, h.checkSuppressions)
	huma.Register(api, huma.Operation{
		OperationID: "count-suppressions", Method: http.MethodGet, Path: path,
		Summary: "Count who is suppressed in an account, by the key that the entries were made with",
		Errors:  []int{http.StatusServiceUnavailable},
	}, h.countSuppressions)
}

func (h *handlers) addSuppressions(ctx context.Context, in *suppressionsInput) (*addedOutput, error) {
	identities, refusal := identitiesOf(in.Body.Identities)
	if refusal != nil {
		return nil, refusal
	}
	out := &addedOutput{}
	err := h.changeSuppressions(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		if _, ok := h.Catalog.Resource(schemas.KindCleverTapAccount, in.Name); !ok {
			return nil, h.noResource(schemas.KindCleverTapAccount, in.Name)
		}
		records, added, err := h.additions(in.Name, identities)
		if err != nil {
			return nil, notComparable(err)
		}
		out.Body = Added{Added: added, Already: len(identities) - added}
		return h.audited(ctx, records, in.ResourcePath, schemas.AuditApply, nil, out.Body)
	})
	if err != nil {
		return nil, h.writeFailed(ctx, err)
	}
	return out, nil
}

// additions are the records that suppress people. Somebody whose entry was made with
// an older key gets one of the newest in its place, so that a rotation ends once
// everybody was added again; since when stays.
func (h *handlers) additions(account string, identities [][]byte) (records []*kafka.Record, added int, err error) {
	checker := h.Suppressions.Checker(account)
	seen := map[schemas.SuppressionHash]bool{}
	for _, identity := range identities {
		key, err := checker.New(identity)
		if err != nil {
			return nil, 0, err
		}
		found := checker.Find(identity)
		if seen[key.Hash] || len(found) > 0 && found[0].Key == key {
			continue
		}
		seen[key.Hash] = true
		since := h.Now().UTC().Truncate(time.Second)
		if len(found) == 0 {
			added++
		}
		for _, older := range found {
			if !older.Since.IsZero() && older.Since.Before(since) {
				since = older.Since
			}
			records = append(records, h.suppressionTombstone(older.Key))
		}
		record, err := control.Record(h.Topics.Suppressions(), "", key.String(), schemas.Suppression{Since: since}, schemas.EventSuppress, source)
		if err != nil {
			return nil, 0, err
		}
		record.Partition = key.Partition(schemas.ControlPartitions)
		records = append(records, record)
	}
	return records, added, nil
}

func (h *handlers) suppressionTombstone(key schemas.SuppressionKey) *kafka.Record {
	record := control.Tombstone(h.Topics.Suppressions(), "", key.String())
	record.Partition = key.Partition(schemas.ControlPartitions)
	return record
}

func (h *handlers) removeSuppressions(ctx context.Context, in *suppressionsInput) (*removedOutput, error) {
	identities, refusal := identitiesOf(in.Body.Identities)
	if refusal != nil {
		return nil, refusal
	}
	out := &removedOutput{}
	err := h.changeSuppressions(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		if err := h.Suppressions.Comparable(in.Name); err != nil {
			return nil, notComparable(err) // the person may be among those who cannot be compared
		}
		out.Body = Removed{}
		checker := h.Suppressions.Checker(in.Name)
		seen := map[schemas.SuppressionHash]bool{}
		var records []*kafka.Record
		for _, identity := range identities {
			found := checker.Find(identity)
			if len(found) == 0 || seen[found[0].Key.Hash] {
				out.Body.Absent++
				continue
			}
			seen[found[0].Key.Hash] = true
			out.Body.Removed++
			for _, entry := range found {
				records = append(records, h.suppressionTombstone(entry.Key))
			}
		}
		before, err := json.Marshal(out.Body)
		if err != nil {
			return nil, err
		}
		return h.audited(ctx, records, in.ResourcePath, schemas.AuditDelete, before, nil)
	})
	if err != nil {
		return nil, h.writeFailed(ctx, err)
	}
	return out, nil
}

func (h *handlers) checkSuppressions(ctx context.Context, in *suppressionsInput) (*suppressedOutput, error) {
	identities, refusal := identitiesOf(in.Body.Identities)
	if refusal != nil {
		return nil, refusal
	}
	if err := h.readSuppressions(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if err := h.Suppressions.Comparable(in.Name); err != nil {
		return nil, notComparable(err)
	}
	// It tells of people whether they objected or were erased: that somebody asked is
	// written down before it is answered.
	if refusal := h.auditRead(ctx, auditSuppression, in.Name); refusal != nil {
		return nil, refusal
	}
	out := &suppressedOutput{}
	out.Body.Items = []Suppressed{}
	checker := h.Suppressions.Checker(in.Name)
	for _, identity := range identities {
		item := Suppressed{}
		for _, entry := range checker.Find(identity) {
			if !item.Suppressed || entry.Since.Before(item.Since) {
				item = Suppressed{Suppressed: true, Since: entry.Since}
			}
		}
		out.Body.Items = append(out.Body.Items, item)
	}
	return out, nil
}

func (h *handlers) countSuppressions(ctx context.Context, in *ResourcePath) (*suppressionCountsOutput, error) {
	if err := h.readSuppressions(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	out := &suppressionCountsOutput{}
	out.Body.Account, out.Body.Keys = in.Name, []SuppressionCount{}
	for _, c := range h.Suppressions.Counts(in.Name) {
		out.Body.Entries += c.Entries
		out.Body.Keys = append(out.Body.Keys, SuppressionCount(c))
	}
	return out, nil
}

// changeSuppressions decides at the end of the list and of the log, and returns once
// this replica has taken the change in. Kafka has it on every in-sync replica then.
func (h *handlers) changeSuppressions(ctx context.Context, decide func(context.Context) ([]*kafka.Record, error)) error {
	err := h.Transactions.Write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		if err := h.readSuppressions(ctx); err != nil {
			return nil, err
		}
		return decide(ctx)
	})
	if err != nil {
		return err
	}
	return h.readSuppressions(ctx)
}

// readSuppressions brings the list to the end of its topic.
func (h *handlers) readSuppressions(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return h.Suppressions.ReadToEnd(ctx)
}

// audited adds the audit entry: who, which account and how many, and never whom.
func (h *handlers) audited(ctx context.Context, records []*kafka.Record, account ResourcePath, action string, before json.RawMessage, after any) ([]*kafka.Record, error) {
	entry, err := h.auditRecord(ctx, schemas.AuditEntry{
		Actor: access.CallerOf(ctx).Name, Action: action, Kind: auditSuppression, Name: account.Name, Before: before,
	}, after)
	return append(records, entry), err
}

// identitiesOf trims identities and refuses those that nobody can have. It says where
// they stand and not what they are.
func identitiesOf(texts []string) ([][]byte, *Problem) {
	out := make([][]byte, len(texts))
	var wrong []Detail
	for i, text := range texts {
		out[i] = bytes.TrimSpace([]byte(text))
		message := ""
		switch {
		case len(out[i]) == 0:
			message = "the identity is empty"
		case utf8.RuneCount(out[i]) > maxIdentity:
			message = "the identity is longer than 1,024 characters"
		}
		if message != "" && len(wrong) < 20 {
			wrong = append(wrong, Detail{Location: fmt.Sprintf("identities[%d]", i), Message: message})
		}
	}
	if len(wrong) > 0 {
		return nil, problem(http.StatusUnprocessableEntity, codeInvalidRequest, "nothing was changed: some identities are none", wrong...)
	}
	return out, nil
}

func notComparable(err error) error {
	if !errors.Is(err, suppression.ErrNoKey) && !errors.Is(err, suppression.ErrUnreadable) {
		return err
	}
	return problem(http.StatusServiceUnavailable, codeNotComparable, "nothing was changed or read: "+err.Error()+"; see docs/suppression.md")
}
