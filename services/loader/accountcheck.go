package loader

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// The checks of an account, in the order in which they are answered.
const (
	checkDefinition  = "definition"
	checkNetwork     = "network"
	checkCredentials = "credentials"
	checkRegion      = "region"
	checkClock       = "clock"
	checkLimits      = "limits"
)

// skewWarned is the difference of clocks from which an account test warns. CleverTap
// takes an event as live up to two minutes ahead of its own clock.
const skewWarned = 30 * time.Second

func ok(name, finding string) schemas.Check {
	return schemas.Check{Name: name, State: schemas.CheckOK, Finding: finding}
}

func failed(name, finding, action string) schemas.Check {
	return schemas.Check{Name: name, State: schemas.CheckFailed, Finding: finding, Action: action}
}

// unknown are checks that could not be made, for one reason.
func unknown(why string, names ...string) (out []schemas.Check) {
	for _, name := range names {
		out = append(out, schemas.Check{Name: name, State: schemas.CheckUnknown, Finding: "not looked at: " + why})
	}
	return out
}

// unusableAccount are the checks of an account whose definition cannot be used.
func unusableAccount(err error) []schemas.Check {
	return append([]schemas.Check{
		failed(checkDefinition, "the account cannot be used: "+err.Error(), "apply the account again once its definition and the secrets that it refers to are right"),
	}, unknown("the definition cannot be used", checkNetwork, checkCredentials, checkRegion, checkClock, checkLimits)...)
}

// frozenAccount are the checks of an account to which a freeze lets nothing be sent.
func frozenAccount(freeze string) []schemas.Check {
	why := fmt.Sprintf("the freeze %s holds the account", freeze)
	checks := append([]schemas.Check{ok(checkDefinition, "the definition and its secrets can be read")},
		unknown(why, checkNetwork, checkCredentials, checkRegion, checkClock, checkLimits)...)
	checks[1].Action = "tapline unfreeze " + freeze + ", then test again"
	return checks
}

// accepted reports whether CleverTap took the request's credentials: it answered for
// the record.
func accepted(r clevertap.Result) bool { return r.Kind == clevertap.Done }

// judgeAccount says what the answers to a test's requests show. burst is empty if the
// first request was not accepted.
func judgeAccount(uses clevertap.Account, first exchange, burst []exchange) schemas.AccountTest {
	checks := []schemas.Check{ok(checkDefinition, "the definition and its secrets can be read")}
	network, answered := judgeNetwork(uses, first.result)
	checks = append(checks, network)
	if !answered {
		why := "CleverTap did not answer"
		return schemas.AccountTest{Endpoint: uses.Endpoint, Checks: append(checks, unknown(why, checkCredentials, checkRegion, checkClock, checkLimits)...)}
	}
	checks = append(checks, judgeCredentials(uses, first.result)...)
	checks = append(checks, judgeClock(first))
	return schemas.AccountTest{Endpoint: uses.Endpoint, Checks: append(checks, judgeLimits(uses, first.result, burst))}
}

// judgeNetwork says how far the request came, and whether CleverTap itself answered.
func judgeNetwork(uses clevertap.Account, r clevertap.Result) (c schemas.Check, answered bool) {
	host := uses.Endpoint
	if u, err := url.Parse(uses.Endpoint); err == nil {
		host = u.Host
	}
	fail := func(finding, action string) (schemas.Check, bool) {
		return failed(checkNetwork, fmt.Sprintf(finding, host), action), false
	}
	switch {
	case r.Settled && r.Status != 0, r.Kind == clevertap.Done:
		return ok(checkNetwork, fmt.Sprintf("%s answers", host)), true
	case r.Cause == clevertap.CauseProxy:
		return fail("the proxy on the way to %s cannot be reached", "check the account's proxy, and that the loader may reach it")
	case r.Cause == clevertap.CauseProxyRefuses:
		return fail("HTTP: the proxy refuses to connect to %s", "ask whoever runs the proxy to let this host through")
	case r.Cause == clevertap.CauseDNS:
		return fail("DNS: the name %s does not resolve where the loader runs", "check the loader's name servers, or name a proxy in the account")
	case r.Cause == clevertap.CauseDial:
		return fail("TCP: no connection to %s", "let the loader reach it on this port, or name a proxy in the account")
	case r.Cause == clevertap.CauseTLS:
		return fail("TLS: the certificate that %s shows is not trusted; something between may be intercepting TLS", "if your network intercepts TLS on purpose, name its certificate as caFile of the account")
	case r.Cause == clevertap.CauseTimeout:
		return fail("no answer from %s in time", "try again; if it stays so, a firewall may drop the packets")
	case r.Cause == clevertap.CauseRefusedHere, r.Cause == clevertap.CauseCancelled:
		return fail("the loader was not sure of its slot and did not ask %s", "try again")
	case r.Kind == clevertap.ConfigFault:
		return fail(fmt.Sprintf("HTTP: %%s answers with status %d and takes no uploads", r.Status), "check the account's region or endpoint, and what its proxy lets through")
	case r.Status != 0:
		return fail(fmt.Sprintf("HTTP: something at or before %%s answers with status %d, not in CleverTap's form", r.Status), "a firewall or a proxy may refuse the request; ask whoever runs it")
	}
	return fail("the connection to %s ends without an answer", "try again; if it stays so, a firewall or a proxy may end it")
}

func judgeCredentials(uses clevertap.Account, r clevertap.Result) []schemas.Check {
	switch {
	case r.Kind == clevertap.AuthRefused && r.UnknownAccount:
		return []schemas.Check{
			failed(checkCredentials, "CleverTap does not know the account id", "compare accountId with the dashboard's Settings > Project"),
			failed(checkRegion, "this region has no account with this id", "take the region from the dashboard's address, such as eu1 of eu1.dashboard.clevertap.com"),
		}
	case r.Kind == clevertap.AuthRefused:
		return []schemas.Check{
			failed(checkCredentials, fmt.Sprintf("CleverTap refuses the account id with this passcode (HTTP %d)", r.Status), "compare accountId and passcode with the dashboard's Settings > Passcodes; a passcode may have been revoked"),
			{Name: checkRegion, State: schemas.CheckUnknown, Finding: "an account of another region is refused in the same way", Action: "compare the region with the dashboard's address as well"},
		}
	case accepted(r), r.Kind == clevertap.Throttled, r.Kind == clevertap.Malformed, r.Kind == clevertap.TooLarge:
		region := "the region knows the account"
		if isCustom(uses.Endpoint) {
			region = "the account has an endpoint of its own, which knows it"
		}
		if accepted(r) {
			return []schemas.Check{ok(checkCredentials, "accountId and passcode are accepted"), ok(checkRegion, region)}
		}
	}
	return unknown(fmt.Sprintf("CleverTap answers with HTTP %d", r.Status), checkCredentials, checkRegion)
}

// isCustom reports whether an endpoint is none of CleverTap's.
func isCustom(endpoint string) bool {
	for _, host := range hosts {
		if strings.TrimPrefix(endpoint, "https://") == host {
			return false
		}
	}
	return true
}

func judgeClock(e exchange) schemas.Check {
	if e.result.Date.IsZero() {
		return unknown("the answer has no Date", checkClock)[0]
	}
	skew := clockSkew(e.result.Date, e.began, e.ended)
	finding := fmt.Sprintf("CleverTap's clock and the loader's differ by %.0f s", skew.Abs().Seconds())
	if skew.Abs() <= skewWarned+e.ended.Sub(e.began)/2 {
		return ok(checkClock, finding)
	}
	return schemas.Check{Name: checkClock, State: schemas.CheckWarning, Finding: finding, Action: "set the loader's clock by NTP: events more than two minutes ahead start no live campaign"}
}

// clockSkew is how far CleverTap's clock is ahead of this process's. CleverTap read it
// between the request and the answer, and cut it to the second.
func clockSkew(date, began, ended time.Time) time.Duration {
	middle := began.Add(ended.Sub(began) / 2)
	return date.Add(500 * time.Millisecond).Sub(middle)
}

func judgeLimits(uses clevertap.Account, first clevertap.Result, burst []exchange) schemas.Check {
	tooMany := schemas.Check{Name: checkLimits, State: schemas.CheckWarning, Action: "lower the account's slots, or find what else sends with this account"}
	if first.Kind == clevertap.Throttled {
		tooMany.Finding = "CleverTap takes no request now, because the account has too many"
		return tooMany
	}
	if len(burst) == 0 {
		return unknown("CleverTap did not accept the first request", checkLimits)[0]
	}
	throttled, taken := 0, 0
	for _, e := range burst {
		switch {
		case e.result.Kind == clevertap.Throttled:
			throttled++
		case accepted(e.result):
			taken++
		}
	}
	switch {
	case throttled > 0:
		tooMany.Finding = fmt.Sprintf("of %d requests at once CleverTap refused %d as too many; the account says %d slots", len(burst), throttled, uses.Slots)
		return tooMany
	case taken < len(burst):
		return schemas.Check{
			Name: checkLimits, State: schemas.CheckWarning, Action: "test again; a proxy may bound connections",
			Finding: fmt.Sprintf("of %d requests at once %d were not answered as they should", len(burst), len(burst)-taken),
		}
	case len(burst) < uses.Slots:
		return ok(checkLimits, fmt.Sprintf("%d requests at once are taken; the other slots of %d are in use or another loader's", len(burst), uses.Slots))
	}
	return ok(checkLimits, fmt.Sprintf("%d requests at once are taken, as many as the account has slots", len(burst)))
}
