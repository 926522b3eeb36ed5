package mapping

// property is one compiled line of a mapping.
type property struct {
	name     string
	column   string
	typ      string // empty: by each value's form
	fragment []byte // ,"name":
	slot     int    // of its column; -1 for an expression or a constant
	constant []byte // rendered
	expr     *rowExpression
	convert  converter
	date     *dateReader
	phone    *phoneReader
	op       string // add, remove, incr
	hashed   bool
	nested   bool
	custom   bool // counts as one of the profile's custom keys
	onNull   nullPolicy
	fallback []byte // rendered default
	omit     bool   // leave an invalid value out instead of rejecting the row
}

type nullPolicy uint8

const (
	nullOmit nullPolicy = iota
	nullReject
	nullDefault
)

// appendTo appends the property with its name. It appends nothing when the
// value is NULL and may be left out.
func (p *property) appendTo(dst []byte, s *scratch) ([]byte, fault) {
	if p.constant != nil {
		return append(append(dst, p.fragment...), p.constant...), fault{}
	}
	t, f := p.source(s)
	if !f.none() {
		return dst, f
	}
	start := len(dst)
	if t.kind == kindAbsent || t.kind == kindNull {
		switch p.onNull {
		case nullReject:
			return dst, fault{codeNullRejected, "the value is NULL"}
		case nullDefault:
			return append(append(dst, p.fragment...), p.fallback...), fault{}
		}
		return dst, fault{}
	}
	out, f := p.appendValue(append(dst, p.fragment...), t, s)
	if !f.none() {
		return dst[:start], f
	}
	return out, fault{}
}

// source finds the value that the property is made from.
func (p *property) source(s *scratch) (token, fault) {
	if p.expr != nil {
		return p.expr.run(s)
	}
	return s.tokens[p.slot], fault{}
}

// appendValue appends the value of t, hashed and wrapped in its operator.
func (p *property) appendValue(dst []byte, t token, s *scratch) ([]byte, fault) {
	if p.op != "" {
		return p.appendOperator(dst, t, s)
	}
	return p.appendPlain(dst, t, s)
}

func (p *property) appendPlain(dst []byte, t token, s *scratch) ([]byte, fault) {
	start := len(dst)
	out, f := p.convert(p, dst, t, s)
	if f.none() && p.hashed {
		return hash(out, start, s)
	}
	return out, f
}
