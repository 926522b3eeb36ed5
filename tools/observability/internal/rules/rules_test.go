package rules

import (
	"regexp"
	"strings"
	"testing"
)

// If a ticket muted a page, nobody would get up.
func TestATicketMutesNoPage(t *testing.T) {
	t.Parallel()
	for _, i := range inhibitions() {
		for _, source := range All() {
			if !names(i.Source, source.Name) || source.Severity == Page || hasMatcher(i.Source, `severity="page"`) {
				continue
			}
			for _, target := range All() {
				if names(i.Target, target.Name) && target.Severity == Page {
					t.Errorf("%s, a %s, mutes %s", source.Name, source.Severity, target.Name)
				}
			}
		}
	}
}

// An alert that is named in an inhibition and does not exist would mute nothing.
func TestInhibitionsNameAlerts(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, a := range All() {
		known[a.Name] = true
	}
	for _, i := range inhibitions() {
		for _, name := range regexp.MustCompile(`Tapline\w+`).FindAllString(strings.Join(append(i.Source, i.Target...), " "), -1) {
			if !known[name] {
				t.Errorf("an inhibition names %s, which is no alert", name)
			}
		}
	}
}

func hasMatcher(matchers []string, want string) bool {
	for _, m := range matchers {
		if m == want {
			return true
		}
	}
	return false
}

var alertnames = regexp.MustCompile(`^alertname=~?"(.*)"$`)

func names(matchers []string, alert string) bool {
	for _, m := range matchers {
		if found := alertnames.FindStringSubmatch(m); found != nil && regexp.MustCompile("^(?:"+found[1]+")$").MatchString(alert) {
			return true
		}
	}
	return false
}
