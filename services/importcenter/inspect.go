package importcenter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/schemas"
)

// clockWarned is the difference of clocks from which a check warns.
const clockWarned = 5 * time.Second

// inspect checks what Import Center sees of the deployment. Each check is made whatever
// the others found, so that one failure hides no other.
func (s *Service) inspect(ctx context.Context, rdb *redis.Client) []schemas.Check {
	checks := []schemas.Check{s.inspectKafka(ctx)}
	checks = append(checks, s.inspectTopics(ctx)...)
	checks = append(checks, s.inspectRights(ctx)...)
	checks = append(checks, s.inspectRedis(ctx, rdb)...)
	return append(checks, s.inspectServices(ctx)...)
}

func good(name, format string, args ...any) schemas.Check {
	return schemas.Check{Name: name, State: schemas.CheckOK, Finding: fmt.Sprintf(format, args...)}
}

func bad(name, state, finding, action string) schemas.Check {
	return schemas.Check{Name: name, State: state, Finding: finding, Action: action}
}

func (s *Service) inspectKafka(ctx context.Context) schemas.Check {
	brokers, err := kafka.Brokers(ctx, s.cfg.Kafka, s.kafka)
	if err != nil {
		return bad("kafka", schemas.CheckFailed, "Import Center does not reach Kafka", "see Import Center's log; check kafka.brokers, kafka.tls and kafka.sasl")
	}
	version, err := kafka.Version(ctx, s.cfg.Kafka, s.kafka)
	switch {
	case err != nil:
		return bad("kafka", schemas.CheckUnknown, "the brokers answer; their version cannot be told", "")
	case newer(version):
		return bad("kafka", schemas.CheckWarning, fmt.Sprintf("brokers: %d, of %s", brokers, version), "use Kafka 4.2: docs/operations.md says what was seen with newer ones")
	case brokers < 3:
		return bad("kafka", schemas.CheckWarning, fmt.Sprintf("brokers: %d, of %s: an acknowledged record is as safe as one disk", brokers, version), "run three brokers where that matters")
	}
	return good("kafka", "brokers: %d, of %s", brokers, version)
}

// newer reports whether brokers are of a release after 4.2.
func newer(version string) bool {
	var major, minor int
	n, err := fmt.Sscanf(strings.TrimPrefix(strings.TrimPrefix(version, "at least "), "v"), "%d.%d", &major, &minor)
	return err == nil && n == 2 && (major > 4 || major == 4 && minor > 2)
}

func (s *Service) inspectTopics(ctx context.Context) []schemas.Check {
	changes, err := kafka.PlanTopics(ctx, s.cfg.Kafka, s.kafka, s.topics.Catalogue())
	if err != nil {
		return []schemas.Check{bad("kafka topics", schemas.CheckUnknown, "Import Center may not look at every topic's settings", "run tapline topics plan --config as whoever may")}
	}
	if len(changes) == 0 {
		return []schemas.Check{good("kafka topics", "%d control topics are as they should be", len(s.topics.Catalogue()))}
	}
	var out []schemas.Check
	for _, c := range changes {
		finding, state := fmt.Sprintf("%s: %s is %s in place of %s", c.Topic, c.What, c.Have, c.Want), schemas.CheckWarning
		if c.What == kafka.ChangeCreate || c.What == kafka.ChangePartitions {
			state = schemas.CheckFailed
		}
		if c.What == kafka.ChangeCreate {
			finding = c.Topic + " is missing"
		}
		action := "run tapline topics apply --config"
		if c.Refused != "" {
			action = c.Refused
		}
		out = append(out, bad("kafka topics", state, finding, action))
	}
	return out
}

// inspectRights names who lacks which right. A service's user is known by the rights on its
// consumer group or transactional ids, because users are named as a deployment likes.
func (s *Service) inspectRights(ctx context.Context) []schemas.Check {
	acls, err := kafka.ListACLs(ctx, s.cfg.Kafka, s.kafka)
	switch {
	case errors.Is(err, kafka.ErrNoAuthorizer):
		return []schemas.Check{bad("kafka rights", schemas.CheckWarning, "Kafka has no ACLs: whoever reaches it may do everything", "docs/rights.md has the rights of each service")}
	case err != nil:
		return []schemas.Check{bad("kafka rights", schemas.CheckUnknown, "Import Center may not list Kafka's ACLs", "each service names a missing right in its log; to have them compared here, allow Import Center to describe the cluster")}
	}
	var out []schemas.Check
	for _, service := range []string{"scheduler", "extractor", "mapper", "loader", "importcenter"} {
		rights, name := s.topics.Rights(service), "kafka rights of "+service
		users := acls.Users(rights)
		missing := acls.Lacking(users, rights)
		if len(missing) == 0 {
			out = append(out, good(name, "%s has each", or(strings.Join(users, " and "), "everybody")))
		}
		for _, l := range missing {
			out = append(out, bad(name, schemas.CheckFailed, lackText(l), "grant it to the service's user; docs/rights.md has them all"))
		}
		for _, l := range acls.Lacking(users, s.topics.OptionalRights(service)) {
			out = append(out, bad(name, schemas.CheckWarning, lackText(l)+": an import that is deleted with its topics keeps them", "grant it, or remove such topics with tapline topics prune"))
		}
	}
	return out
}

func lackText(l kafka.Lack) string {
	pattern := ""
	if l.Right.Prefixed {
		pattern = "*"
	}
	return fmt.Sprintf("%s may not %s %s %s%s", or(l.Who, "the service's user, whoever that is,"), l.Right.May, l.Right.On, l.Right.Name, pattern)
}

func (s *Service) inspectRedis(ctx context.Context, rdb *redis.Client) []schemas.Check {
	facts, err := rdb.Facts(ctx)
	if err != nil {
		return []schemas.Check{bad("redis", schemas.CheckWarning, "Import Center does not reach Redis, or may not ask it", "runs go on; lists are slower, and a ledger that is lost costs duplicates: check redis.addrs and the user's rights (INFO and TIME)")}
	}
	out := []schemas.Check{good("redis", "version %s answers", or(facts.Version, "unknown"))}
	switch facts.Eviction {
	case "noeviction":
		out = append(out, good("redis eviction", "noeviction"))
	case "":
		out = append(out, bad("redis eviction", schemas.CheckUnknown, "Redis does not say its maxmemory-policy", "set it to noeviction"))
	default:
		out = append(out, bad("redis eviction", schemas.CheckWarning, "maxmemory-policy is "+facts.Eviction+": an evicted ledger costs duplicates", "set maxmemory-policy to noeviction"))
	}
	switch {
	case facts.AOF == "1":
		out = append(out, good("redis persistence", "each change is logged (AOF)"))
	case facts.AOF == "":
		out = append(out, bad("redis persistence", schemas.CheckUnknown, "Redis does not say how it persists", "set appendonly yes"))
	default:
		out = append(out, bad("redis persistence", schemas.CheckWarning, "appendonly is off: after a crash ledgers are lost, which costs duplicates", "set appendonly yes"))
	}
	skew := time.Duration(facts.SkewMillis) * time.Millisecond
	if skew.Abs() > clockWarned {
		return append(out, bad("redis clock", schemas.CheckWarning, fmt.Sprintf("differs from Import Center's by %s", skew.Abs().Round(time.Second)), "set both by NTP"))
	}
	return append(out, good("redis clock", "differs from Import Center's by %s", skew.Abs().Round(10*time.Millisecond)))
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// inspectServices says which services run, by the members of their consumer groups.
func (s *Service) inspectServices(ctx context.Context) []schemas.Check {
	names := []string{"scheduler", "extractor", "mapper", "loader"}
	groups, err := kafka.Groups(ctx, s.cfg.Kafka, s.kafka, names...)
	if err != nil {
		return []schemas.Check{bad("services", schemas.CheckUnknown, "Import Center may not look at the services' consumer groups", "allow it to describe the groups scheduler, extractor, mapper and loader; a connection test and an account test show whether they answer")}
	}
	var out []schemas.Check
	for _, name := range names {
		members := groups[name].Members
		var versions []string
		for _, m := range members {
			versions = append(versions, or(m.Version, "unknown"))
		}
		slices.Sort(versions)
		versions = slices.Compact(versions)
		switch {
		case len(members) == 0:
			out = append(out, bad(name, schemas.CheckFailed, "none runs", "start one; its log says why it ends"))
		case len(versions) > 1 || versions[0] != daemon.Version():
			out = append(out, bad(name, schemas.CheckWarning, fmt.Sprintf("running: %d, of version %s; Import Center is %s", len(members), strings.Join(versions, " and "), daemon.Version()), "finish the upgrade; docs/operations.md has the order"))
		default:
			out = append(out, good(name, "running: %d, of version %s", len(members), versions[0]))
		}
	}
	return out
}
