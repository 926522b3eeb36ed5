package mapping

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tapline.dev/libs/jsonstring"
	"tapline.dev/schemas"
)

// compileProperties compiles the lines of the mapping, but for those that read a column
// that is gone.
func (c *compiler) compileProperties() {
	var without []Problem
	for i := range c.spec.Mapping {
		found, left := len(c.problems), len(c.m.leftOut)
		c.compileProperty(i)
		// A line with another mistake beside it is not left out.
		if gone := len(c.m.leftOut) - left; gone > 0 && gone == len(c.problems)-found {
			without = append(without, c.problems[found:]...)
			c.problems = c.problems[:found]
		}
	}
	if len(without) > 0 && len(c.m.properties) == 0 {
		c.problems = append(c.problems, without...) // nothing would be sent
	}
	slices.Sort(c.m.leftOut)
	c.m.leftOut = slices.Compact(c.m.leftOut)
}

// leaveOut notes that a line cannot be compiled because its column is gone.
func (c *compiler) leaveOut(path, name string) {
	if !strings.HasPrefix(path, "spec.mapping[") {
		return // the identity, an event's name and its time
	}
	for _, g := range c.gone {
		if strings.EqualFold(g, name) {
			c.m.leftOut = append(c.m.leftOut, g)
			return
		}
	}
}

// compileProperty compiles one line of the mapping.
func (c *compiler) compileProperty(i int) {
	spec := &c.spec.Mapping[i]
	path := fmt.Sprintf("spec.mapping[%d]", i)
	p := property{name: spec.To, slot: -1, custom: true, nested: c.opts.Nested}
	if p.name == "" {
		p.name = spec.From
	}
	found := len(c.problems)
	c.checkTarget(path, p.name)
	col, ok := c.compileSource(&p, path, spec)
	sys := c.rules(p.name)
	if sys != nil {
		p.custom = false
		p.name = sys.name // whatever its case was: CleverTap knows one spelling
	}
	c.checkWords(path, spec)
	if ok {
		c.compileType(&p, path, spec, col, sys)
	}
	if len(c.problems) > found {
		return
	}
	p.fragment = append(append([]byte{','}, jsonstring.Append(nil, []byte(p.name))...), ':')
	c.compileOperator(&p, path, spec, sys)
	c.compileTransform(&p, path, spec, sys)
	c.compileFixed(&p, path, spec)
	if len(c.problems) == found {
		c.m.properties = append(c.m.properties, p)
	}
}

// rules finds the system property of a profile import's target.
func (c *compiler) rules(name string) *systemProperty {
	if isEvent(c.spec) {
		return nil
	}
	return c.systemProperty(name)
}

func (c *compiler) checkTarget(path, name string) {
	if code, message := checkPropertyName(name); code != "" {
		c.problem(code, path+".to", "%s", message)
		return
	}
	folded := fold(name)
	if first, taken := c.targets[folded]; taken {
		c.problem(codeNameDuplicate, path+".to", "%s is the target of %s already; case and spaces do not tell names apart", name, first)
		return
	}
	c.targets[folded] = path
	if isEvent(c.spec) && c.m.restricted.eventProperties[folded] {
		c.problem(codePropertyRestricted, path+".to", "%s is a property that CleverTap gives events itself; it cannot be imported", name)
		return
	}
	if e := c.m.event; e != nil && folded == chargedItems {
		e.hasItems = true
		if e.charged {
			c.problem(codePropertyRestricted, path+".to", "Items of the event Charged cannot be imported")
		}
	}
}

// compileSource finds where the value comes from: from, expr or value.
func (c *compiler) compileSource(p *property, path string, spec *schemas.Property) (col *schemas.Column, ok bool) {
	given := 0
	for _, is := range []bool{spec.From != "", spec.Expr != "", spec.Value != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		c.problem(codeConflict, path, "give exactly one of from, expr and value")
		return nil, false
	case spec.From != "":
		p.slot, col, ok = c.column(path+".from", spec.From)
		p.column = spec.From
		if col != nil {
			p.column = col.Name
		}
		return col, ok
	case spec.Expr != "":
		p.expr = c.compileExpression(path+".expr", spec.Expr)
		return nil, p.expr != nil
	}
	return nil, true
}

// checkWords checks the fields that take one of a few words.
func (c *compiler) checkWords(path string, spec *schemas.Property) {
	c.word(path+".type", spec.Type, knownTypes()...)
	c.word(path+".onInvalid", spec.OnInvalid, schemas.OnInvalidReject, schemas.OnInvalidOmit)
	c.word(path+".onNull", spec.OnNull, schemas.OnNullOmit, schemas.OnNullReject, schemas.OnNullDefault)
	c.word(path+".op", spec.Op, opAdd, opRemove, opIncr)
	c.word(path+".transform", spec.Transform, "sha256")
	switch {
	case spec.OnNull == schemas.OnNullDefault && spec.Default == nil:
		c.problem(codeRequired, path+".default", "onNull: default needs default")
	case spec.OnNull != schemas.OnNullDefault && spec.Default != nil:
		c.problem(codeConflict, path+".default", "default is used with onNull: default only")
	}
}

func knownTypes() []string {
	return []string{typeString, typeInteger, typeLong, typeFloat, typeBoolean, typeDate, typeObject, typeArray}
}

func (c *compiler) word(path, got string, words ...string) {
	if got != "" && !slices.Contains(words, got) {
		c.problem(codeValueInvalid, path, "%q is none of %s", got, strings.Join(words, ", "))
	}
}

// compileType decides the property's type and the converter that makes values of
// it.
func (c *compiler) compileType(p *property, path string, spec *schemas.Property, col *schemas.Column, sys *systemProperty) {
	p.typ = spec.Type
	if p.typ != "" && !slices.Contains(knownTypes(), p.typ) {
		return // checkWords has said so
	}
	if p.typ == "" {
		p.typ = c.typeFor(path, spec, col, p, sys)
	}
	if sys != nil && !slices.Contains(sys.types, p.typ) {
		c.problem(codeTypeUnfit, path+".type", "%s is %s", sys.name, sys.typ)
		return
	}
	if p.typ == typeDate {
		p.date = c.dateReader(path, spec.Format, spec.Timezone, col)
	} else if p.typ != "" && (spec.Format != "" || spec.Timezone != "") { // "" is for the columns to say
		c.problem(codeFormatForbidden, path, "format and timezone are for dates, and this property is %s; write type: date if its values are dates", p.typ)
	}
	c.checkFit(path, p, col, sys)
	p.convert = converterOf(p.typ)
	if (p.typ == typeObject || p.typ == typeArray) && !c.opts.Nested {
		c.problem(codeNestedDisabled, path+".type", "the account takes no objects and lists; set nested: true if CleverTap has enabled them")
	}
	if sys != nil && p.typ != typeDate {
		p.convert = sys.convert
	}
	c.compilePhone(p, path, spec, sys)
}

// typeFor is the type of a property whose mapping names none.
func (c *compiler) typeFor(path string, spec *schemas.Property, col *schemas.Column, p *property, sys *systemProperty) string {
	switch {
	case sys != nil:
		return sys.typ
	case spec.Op == opAdd || spec.Op == opRemove:
		return typeString
	case p.expr != nil:
		return p.expr.typ
	case col == nil:
		return ""
	}
	typ := defaultType(col)
	if typ == "" {
		c.problem(codeTypeNeeded, path+".type", "%s is %s; say which type its values have", col.Name, describe(col))
	}
	return typ
}

func converterOf(typ string) converter {
	switch typ {
	case typeString:
		return convertString
	case typeInteger, typeLong:
		return convertInteger
	case typeFloat:
		return convertFloat
	case typeBoolean:
		return convertBoolean
	case typeDate:
		return convertDate
	case typeObject:
		return convertObject
	case typeArray:
		return convertArray
	}
	return convertByForm
}

func (c *compiler) compilePhone(p *property, path string, spec *schemas.Property, sys *systemProperty) {
	if sys == nil || sys.name != "Phone" {
		if spec.DefaultRegion != "" {
			c.problem(codeConflict, path+".defaultRegion", "defaultRegion is for the property Phone of a profile")
		}
		return
	}
	var ok bool
	if p.phone, ok = newPhoneReader(spec.DefaultRegion); !ok {
		c.problem(codeValueInvalid, path+".defaultRegion", "%q is no region such as IN or US", spec.DefaultRegion)
	}
}

func (c *compiler) compileOperator(p *property, path string, spec *schemas.Property, sys *systemProperty) {
	if spec.Op == "" {
		return
	}
	p.op = spec.Op
	switch {
	case isEvent(c.spec):
		c.problem(codeOperatorForbidden, path+".op", "operators are for profiles")
	case sys != nil && sys.single:
		c.problem(codeOperatorForbidden, path+".op", "%s never holds several values", sys.name)
	case p.op == opIncr && p.typ != typeInteger && p.typ != typeLong && p.typ != typeFloat && p.typ != "":
		c.problem(codeOperatorForbidden, path+".op", "incr needs a number; this property is %s", p.typ)
	case p.op == opIncr && p.typ == "":
		p.convert = convertFloat
	case p.op != opIncr && p.typ != typeString:
		c.problem(codeOperatorForbidden, path+".op", "%s takes texts; this property is %s, write type: string", p.op, p.typ)
	}
}

func (c *compiler) compileTransform(p *property, path string, spec *schemas.Property, sys *systemProperty) {
	if spec.Transform == "" {
		return
	}
	p.hashed = true
	switch {
	case sys != nil && !sys.text:
		c.problem(codeConflict, path+".transform", "a hash is no valid %s", sys.name)
	case p.op == opIncr:
		c.problem(codeConflict, path+".transform", "a hash cannot be counted up")
	case p.typ == typeObject || p.typ == typeArray:
		c.problem(codeConflict, path+".transform", "an object or a list has no one text to hash")
	}
}

// compileFixed renders what needs no row: the constant, or the default for NULL.
func (c *compiler) compileFixed(p *property, path string, spec *schemas.Property) {
	p.omit = spec.OnInvalid == schemas.OnInvalidOmit
	switch spec.OnNull {
	case schemas.OnNullReject:
		p.onNull = nullReject
	case schemas.OnNullDefault:
		p.onNull = nullDefault
		p.fallback = c.render(p, path+".default", codeDefaultInvalid, spec.Default)
	}
	if spec.Value != nil {
		p.constant = c.render(p, path+".value", codeConstantInvalid, spec.Value)
	}
}

func (c *compiler) render(p *property, path, code string, raw []byte) []byte {
	t, ok := parseToken(raw)
	if !ok || t.kind == kindNull || !utf8.Valid(raw) {
		c.problem(code, path, "write a value in UTF-8; NULL is none")
		return nil
	}
	fixed := *p
	if p.date != nil {
		date := *p.date
		date.acceptsISO = true
		fixed.date = &date
	}
	out, f := fixed.appendValue(nil, t, newScratch(0))
	if !f.none() {
		c.problem(code, path, "%s", f.reason)
	}
	return out
}
