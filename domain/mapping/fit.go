package mapping

import "tapline.dev/schemas"

// checkFit finds a column or an expression none of whose values can have the
// type.
func (c *compiler) checkFit(path string, p *property, col *schemas.Column, sys *systemProperty) {
	switch {
	case p.typ == "":
		return
	case p.expr != nil && p.expr.typ != "":
		if !canBecome(familyOf(p.expr.typ), p.typ, true) && !canBecome(familyOf(p.expr.typ), p.typ, false) {
			c.problem(codeTypeUnfit, path+".type", "the expression is %s and can never be %s", p.expr.typ, p.typ)
		}
		return
	case col == nil:
		return
	}
	columnFamily := family(col.Type)
	if sys != nil && !sys.acceptsColumn(columnFamily) {
		c.problem(codeTypeUnfit, path+".from", "%s is %s and can never be a valid %s", col.Name, describe(col), sys.name)
		return
	}
	if p.typ == typeDate {
		c.checkDateFit(path, p, col)
		return
	}
	if !canBecome(columnFamily, p.typ, false) {
		c.problem(codeTypeUnfit, path+".type", "%s is %s and can never be %s", col.Name, describe(col), p.typ)
	}
}

// checkDateFit reports nothing about a DATE column with a format: another check
// reports that.
func (c *compiler) checkDateFit(path string, p *property, col *schemas.Column) {
	f := family(col.Type)
	if !canBecome(f, typeDate, p.date.layout.epoch != 0) && f != columnDate && !isTimestamp(f) {
		c.unfitDate(path+".from", col)
	}
}

// acceptsColumn reports whether a column of the family can fill a system property that
// is a text with a rule of its own.
func (s *systemProperty) acceptsColumn(columnFamily string) bool {
	if s.typ != typeString || s.text || columnFamily == columnText || columnFamily == columnVariant {
		return true
	}
	return s.digits && columnFamily == columnFixed
}

// familyOf is the family of columns whose values are like an expression's.
func familyOf(typ string) string {
	switch typ {
	case typeBoolean:
		return columnBoolean
	case typeInteger:
		return columnFixed
	case typeFloat:
		return columnReal
	case typeArray:
		return columnArray
	case typeObject:
		return columnObject
	}
	return columnText
}
