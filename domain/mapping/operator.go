package mapping

// Operators on profile properties.
const (
	opAdd    = "add"
	opRemove = "remove"
	opIncr   = "incr"
)

// maxItems is how many values a property can hold.
const maxItems = 100

// appendOperator wraps the value: {"$add":["x"]} or {"$incr":1}.
func (p *property) appendOperator(dst []byte, t token, s *scratch) ([]byte, fault) {
	start := len(dst)
	dst = append(dst, `{"$`...)
	dst = append(dst, p.op...)
	dst = append(dst, `":`...)
	var out []byte
	var f fault
	if p.op == opIncr {
		out, f = p.appendPlain(dst, t, s)
	} else {
		out, f = p.appendItems(append(dst, '['), t, s)
		out = append(out, ']')
	}
	if !f.none() {
		return dst[:start], f
	}
	return append(out, '}'), fault{}
}

// appendItems appends one value, or the values of a list.
func (p *property) appendItems(dst []byte, t token, s *scratch) ([]byte, fault) {
	if t.kind == kindObject {
		return dst, fault{codeListInvalid, "the value is an object, not a list of texts"}
	}
	if t.kind != kindArray {
		return p.appendPlain(dst, t, s)
	}
	count := 0
	for i := skipBlanks(t.raw, 1); t.raw[i] != ']'; count++ {
		item, end, _ := scanValue(t.raw, i, 0)
		if item.kind == kindNull || item.kind == kindObject || item.kind == kindArray {
			return dst, fault{codeListInvalid, "an item of the list is no single value"}
		}
		if count > 0 {
			dst = append(dst, ',')
		}
		var f fault
		if dst, f = p.appendPlain(dst, item, s); !f.none() {
			return dst, f
		}
		if i = skipBlanks(t.raw, end); t.raw[i] == ',' {
			i = skipBlanks(t.raw, i+1)
		}
	}
	if count == 0 || count > maxItems {
		return dst, fault{codeListInvalid, "the list is empty or has more than 100 items"}
	}
	return dst, fault{}
}
