package rowlog

import (
	"encoding/json"
	"strconv"
	"strings"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// identityCleverTapID is the kind of an identity that is a CleverTap ID.
const identityCleverTapID = "clevertapId"

// The topics that a Ref names.
const (
	inRecords = "records"
	inRows    = "rows"
	inRejects = "rejects"
)

// Ref names a row by where it lies: in the rows, records or rejects topic.
type Ref struct {
	Kind      string
	Partition int32
	Offset    int64
}

func (r Ref) String() string {
	return r.Kind + "-" + strconv.FormatInt(int64(r.Partition), 10) + "-" + strconv.FormatInt(r.Offset, 10)
}

// recordFields are what a row shows of its record.
type recordFields struct {
	Identity string `json:"identity"`
	ObjectID string `json:"objectId"`
	Event    string `json:"evtName"`
}

// ofRecord takes what is shown from a record.
func (row *Row) ofRecord(value []byte) {
	var f recordFields
	if json.Unmarshal(value, &f) == nil {
		row.Identity, row.ObjectID, row.Event = f.Identity, f.ObjectID, f.Event
	}
}

// ofRow takes what is shown from a row of Snowflake's, which may have any form.
func (row *Row) ofRow(spec *schemas.ImportSpec, value []byte) {
	var columns map[string]json.RawMessage
	if json.Unmarshal(value, &columns) != nil {
		return
	}
	row.identify(spec, string(mapping.IdentityKey(nil, column(columns, spec.Identity.Column))))
	e := spec.Destination.Event
	if e == nil {
		return
	}
	if row.Event = e.Name; e.NameColumn != "" {
		row.Event = string(mapping.IdentityKey(nil, column(columns, e.NameColumn)))
	}
}

// identify sets whose the row is.
func (row *Row) identify(spec *schemas.ImportSpec, identity string) {
	if spec.Identity.Kind == identityCleverTapID {
		row.ObjectID = identity
	} else {
		row.Identity = identity
	}
}

// column is the value of a column; names differ from the definition's at most in case.
func column(columns map[string]json.RawMessage, name string) json.RawMessage {
	if value, ok := columns[name]; ok {
		return value
	}
	for key, value := range columns {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return nil
}

// rowID returns the id of a row or record, if it is of the run.
func rowID(rec *kafka.Record, number int) (schemas.RowID, bool) {
	id, ok := schemas.ParseRowID(kafka.HeaderValue(rec, schemas.HeaderID))
	return id, ok && id.Number == number
}

// IdentityOf is whose a row of Snowflake's is; nil if it does not tell.
func IdentityOf(spec schemas.ImportSpec, row []byte) []byte {
	var columns map[string]json.RawMessage
	if json.Unmarshal(row, &columns) != nil {
		return nil
	}
	return mapping.IdentityKey(nil, column(columns, spec.Identity.Column))
}
