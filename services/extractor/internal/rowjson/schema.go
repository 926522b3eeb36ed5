package rowjson

import (
	"encoding/binary"
	"errors"
)

var errSchema = errors.New("opening the chunk: its schema cannot be read")

// checkSchema refuses a schema that says it has more fields or notes than fit into its bytes.
// Arrow's reader makes room for as many as the schema says, hundreds of gigabytes if need be,
// and follows a field as often as something refers to it.
func checkSchema(message []byte) (err error) {
	defer func() {
		if recover() != nil { // an offset leads out of the message
			err = errSchema
		}
	}()
	root := table{message, int(binary.LittleEndian.Uint32(message))}
	header := root.field(messageHeader)
	if header == 0 {
		return errSchema
	}
	left := len(message) / 4
	return table{message, root.follow(header)}.checkFields(schemaFields, schemaNotes, &left)
}

// The numbers of the fields of Arrow's tables Message, Schema and Field.
const (
	messageHeader = 2
	schemaFields  = 1
	schemaNotes   = 2
	fieldType     = 2
	fieldChildren = 5
	fieldNotes    = 6
	// A union has a list of its own; Snowflake sends none.
	typeUnion = 14
)

// table is a table of a flatbuffer. It panics where an offset leads out of the bytes.
type table struct {
	bytes []byte
	at    int
}

// field is where a field lies, 0 if the table lacks it.
func (t table) field(n int) int {
	layout := t.at - int(int32(binary.LittleEndian.Uint32(t.bytes[t.at:]))) //nolint:gosec // as Arrow reads it
	if 4+2*n >= int(binary.LittleEndian.Uint16(t.bytes[layout:])) {         // as Arrow's reader asks
		return 0
	}
	if offset := binary.LittleEndian.Uint16(t.bytes[layout+4+2*n:]); offset > 0 {
		return t.at + int(offset)
	}
	return 0
}

func (t table) follow(at int) int { return at + int(binary.LittleEndian.Uint32(t.bytes[at:])) }

// vector is where the first element of a list lies, and how many it has.
func (t table) vector(n int) (first, length int) {
	at := t.field(n)
	if at == 0 {
		return 0, 0
	}
	at = t.follow(at)
	return at + 4, int(binary.LittleEndian.Uint32(t.bytes[at:]))
}

// checkFields takes the fields of a table, and all below them, from what is left.
func (t table) checkFields(list, notes int, left *int) error {
	first, length := t.vector(list)
	_, noted := t.vector(notes)
	if *left -= length + noted; *left < 0 {
		return errSchema
	}
	for i := range length {
		field := table{t.bytes, t.follow(first + 4*i)}
		if kind := field.field(fieldType); kind > 0 && t.bytes[kind] == typeUnion {
			return errSchema
		}
		if err := field.checkFields(fieldChildren, fieldNotes, left); err != nil {
			return err
		}
	}
	return nil
}
