package values

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// Patterns keeps compiled regular expressions.
type Patterns struct {
	mu       sync.Mutex
	compiled map[string]*regexp.Regexp
}

// NewPatterns makes an empty set.
func NewPatterns() *Patterns { return &Patterns{compiled: map[string]*regexp.Regexp{}} }

const maxPatterns = 256

// pattern compiles a pattern with Snowflake's parameters: c, i, m, s and e.
func (p *Patterns) pattern(text, parameters string) (*regexp.Regexp, error) {
	flags := ""
	for _, c := range parameters {
		switch c {
		case 'i', 'm', 's':
			flags += string(c)
		case 'c':
			flags = strings.ReplaceAll(flags, "i", "")
		case 'e':
		default:
			return nil, sferr.Coded("100048", "2201B", "Invalid parameter '"+string(c)+"' of a regular expression")
		}
	}
	if flags != "" {
		text = "(?" + flags + ")" + text
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if re, ok := p.compiled[text]; ok {
		return re, nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, sferr.Coded("100048", "2201B", "Invalid regular expression: '"+text+"'")
	}
	if len(p.compiled) >= maxPatterns {
		clear(p.compiled)
	}
	p.compiled[text] = re
	return re, nil
}

// Like implements REGEXP_LIKE: the whole text must match.
func (p *Patterns) Like(subject, pattern, parameters string) (bool, error) {
	re, err := p.pattern("^(?:"+pattern+")$", parameters)
	return err == nil && re.MatchString(subject), err
}

// afterPosition returns the text from a position on, which counts characters from 1, and
// how many bytes are before it.
func afterPosition(subject, position string) (string, int, error) {
	n, err := strconv.Atoi(position)
	if err != nil || n < 1 {
		return "", 0, sferr.Coded("100048", "22003", "Invalid position '"+position+"' of a regular expression")
	}
	for i := range subject {
		if n--; n == 0 {
			return subject[i:], i, nil
		}
	}
	return "", len(subject), nil
}

// matches returns where a pattern matches after a position.
func (p *Patterns) matches(subject, pattern, position, parameters string) ([][]int, int, error) {
	re, err := p.pattern(pattern, parameters)
	if err != nil {
		return nil, 0, err
	}
	rest, skipped, err := afterPosition(subject, position)
	if err != nil {
		return nil, 0, err
	}
	return re.FindAllStringSubmatchIndex(rest, -1), skipped, nil
}

// Count implements REGEXP_COUNT.
func (p *Patterns) Count(subject, pattern, position, parameters string) (int, error) {
	found, _, err := p.matches(subject, pattern, position, parameters)
	return len(found), err
}

// Substr implements REGEXP_SUBSTR; ok is false where nothing matches.
func (p *Patterns) Substr(subject, pattern, position, occurrence, parameters, group string) (text string, ok bool, err error) {
	found, skipped, err := p.matches(subject, pattern, position, parameters)
	n, err1 := strconv.Atoi(occurrence)
	g, err2 := strconv.Atoi(group)
	if err != nil || err1 != nil || err2 != nil {
		return "", false, err
	}
	if strings.Contains(parameters, "e") && g == 0 {
		g = 1
	}
	if n < 1 || n > len(found) || 2*g+1 >= len(found[n-1]) || found[n-1][2*g] < 0 {
		return "", false, nil
	}
	m := found[n-1]
	return subject[skipped+m[2*g] : skipped+m[2*g+1]], true, nil
}

// Instr implements REGEXP_INSTR: a position in characters, 0 where nothing matches.
func (p *Patterns) Instr(subject, pattern, position, occurrence, option, parameters string) (int, error) {
	found, skipped, err := p.matches(subject, pattern, position, parameters)
	n, err1 := strconv.Atoi(occurrence)
	if err != nil || err1 != nil || n < 1 || n > len(found) {
		return 0, err
	}
	at := found[n-1][0]
	if option == "1" {
		at = found[n-1][1]
	}
	return len([]rune(subject[:skipped+at])) + 1, nil
}

// Replace implements REGEXP_REPLACE; occurrence 0 means all. \\1 stands for the first group.
func (p *Patterns) Replace(subject, pattern, replacement, position, occurrence, parameters string) (string, error) {
	found, skipped, err := p.matches(subject, pattern, position, parameters)
	n, err1 := strconv.Atoi(occurrence)
	if err != nil || err1 != nil {
		return "", err
	}
	var b strings.Builder
	rest := subject[skipped:]
	b.WriteString(subject[:skipped])
	last := 0
	for i, m := range found {
		if n != 0 && n != i+1 {
			continue
		}
		b.WriteString(rest[last:m[0]])
		b.WriteString(expand(replacement, rest, m))
		last = m[1]
	}
	b.WriteString(rest[last:])
	return b.String(), nil
}

func expand(replacement, text string, m []int) string {
	var b strings.Builder
	for i := 0; i < len(replacement); i++ {
		if replacement[i] != '\\' || i+1 == len(replacement) {
			b.WriteByte(replacement[i])
			continue
		}
		i++
		g := int(replacement[i] - '0')
		switch {
		case replacement[i] < '0' || replacement[i] > '9':
			b.WriteByte(replacement[i])
		case 2*g+1 < len(m) && m[2*g] >= 0:
			b.WriteString(text[m[2*g]:m[2*g+1]])
		}
	}
	return b.String()
}

// InitCap implements INITCAP. One blank as delimiters stands for Snowflake's default:
// everything but letters and digits.
func InitCap(text, delimiters string) string {
	start := true
	return strings.Map(func(r rune) rune {
		boundary := !unicode.IsLetter(r) && !unicode.IsDigit(r)
		if delimiters != " " {
			boundary = strings.ContainsRune(delimiters, r)
		}
		defer func() { start = boundary }()
		if start {
			return unicode.ToUpper(r)
		}
		return unicode.ToLower(r)
	}, text)
}

// Strtok implements STRTOK: the n-th token between any of the delimiters.
func Strtok(text, delimiters, part string) (token string, ok bool) {
	n, err := strconv.Atoi(part)
	tokens := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(delimiters, r) })
	if err != nil || n < 1 || n > len(tokens) {
		return "", false
	}
	return tokens[n-1], true
}

// Soundex implements SOUNDEX.
func Soundex(text string) string {
	const codes = "01230120022455012623010202"
	out, last := []byte{}, byte('0')
	for _, r := range strings.ToUpper(text) {
		if r < 'A' || r > 'Z' {
			continue
		}
		code := codes[r-'A']
		switch {
		case len(out) == 0:
			out = append(out, byte(r))
		case code != '0' && code != last:
			out = append(out, code)
		}
		if r != 'H' && r != 'W' {
			last = code
		}
		if len(out) == 4 {
			break
		}
	}
	if len(out) == 0 {
		return ""
	}
	return (string(out) + "000")[:4]
}

// Divide divides two decimals and rounds to a scale, half away from zero.
func Divide(x, y, scale string) (string, error) {
	a, ok1 := new(big.Rat).SetString(x)
	b, ok2 := new(big.Rat).SetString(y)
	digits, err := strconv.Atoi(scale)
	if !ok1 || !ok2 || err != nil {
		return "", sferr.Coded("100038", "22018", "Numeric value is not recognized")
	}
	if b.Sign() == 0 {
		return "", sferr.Coded("100051", "22012", "Division by zero")
	}
	return new(big.Rat).Quo(a, b).FloatString(digits), nil // rounds half away from zero
}
