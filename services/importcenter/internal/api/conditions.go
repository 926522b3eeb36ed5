package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"tapline.dev/schemas"
)

// IfMatchHeader says which version a request removes. It is exported because huma
// fills no other embedded type.
type IfMatchHeader struct {
	IfMatch string `header:"If-Match" doc:"The ETag of what is to be changed, as it was read; * is any version that there is. Required"`
}

// ConditionHeaders say which version a request replaces, or that it creates.
type ConditionHeaders struct {
	IfMatch     string `header:"If-Match" doc:"The ETag of what is to be replaced, as it was read; * is any version that there is. Required, unless If-None-Match is given"`
	IfNoneMatch string `header:"If-None-Match" doc:"* creates: the request is refused if there is one of this name"`
}

// etag is the entity tag of an import. An import's generation is never used for two
// versions.
func etag(generation int) string { return strconv.Quote(strconv.Itoa(generation)) }

// resourceETag is the entity tag of a resource. Generations of a resource begin again
// once it was deleted, so the instant is a part of it.
func resourceETag(r schemas.Resource) string {
	return strconv.Quote(strconv.Itoa(r.Generation) + "." + strconv.FormatInt(r.AppliedAt.UnixMilli(), 36))
}

// required refuses a change that does not say which version it replaces: it would
// overwrite what somebody else has changed meanwhile, and nobody would notice.
func (c ConditionHeaders) required() *Problem {
	switch {
	case c.IfMatch == "" && c.IfNoneMatch == "":
		return problem(http.StatusPreconditionRequired, codeCondition,
			"say which version this changes: If-Match with the ETag that reading it has answered, or If-None-Match: * to create it")
	case c.IfNoneMatch != "" && c.IfNoneMatch != "*":
		return problem(http.StatusBadRequest, codeInvalidRequest, "If-None-Match of a change is *, which creates; no ETag can stand there")
	}
	return nil
}

// unmet refuses a change whose conditions the version that is there now does not meet.
// now is its ETag, "" if there is none.
func (c ConditionHeaders) unmet(what, now string) *Problem {
	switch {
	case c.IfNoneMatch == "*" && now != "":
		return problem(http.StatusPreconditionFailed, codeChanged, what+" exists already; read it, and change it with If-Match")
	case c.IfMatch == "" || now != "" && (c.IfMatch == "*" || slices.Contains(etags(c.IfMatch), now)):
		return nil
	case now == "":
		return problem(http.StatusPreconditionFailed, codeChanged, what+" is not there, or not any more; If-None-Match: * creates it")
	}
	return problem(http.StatusPreconditionFailed, codeChanged,
		what+" has been changed since; read it again and apply the change to what is there now")
}

func (c IfMatchHeader) conditions() ConditionHeaders { return ConditionHeaders{IfMatch: c.IfMatch} }

// required is as that of ConditionHeaders, for a request that cannot create.
func (c IfMatchHeader) required() *Problem {
	if c.IfMatch == "" {
		return problem(http.StatusPreconditionRequired, codeCondition,
			"say which version this changes: If-Match with the ETag that reading it has answered")
	}
	return nil
}

// etags are the entity tags of a header's list.
func etags(list string) []string {
	tags := strings.Split(list, ",")
	for i := range tags {
		tags[i] = strings.TrimSpace(tags[i])
	}
	return tags
}
