package importcenter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// ofANewer are definitions as a newer version has written them: each has fields that this
// one does not know, in every part of it.
var ofANewer = map[string]string{
	"Import/customers": `{"apiVersion":"tapline.dev/v1alpha1","kind":"Import","metadata":{"name":"customers","nmeta":1},"generation":3,"appliedAt":"2026-11-24T09:00:00Z","nrecord":{"a":[1]},
		"managedBy":{"tool":"git","source":"https://git.example.com/growth","nmark":1},
		"spec":{"source":{"connectionRef":"warehouse","query":"select * from customers","cursor":{"column":"UPDATED_AT","ncursor":"12345678901234567890"},"nsource":{"sampling":0.5}},
		"destination":{"accountRef":"clevertap","type":"profile","ndestination":"x"},"identity":{"column":"CUSTOMER_ID","nidentity":true},
		"mapping":[{"from":"EMAIL","to":"Email","nline":"<mask> & more"},{"from":"PLAN","to":"plan","nline":2}],
		"limits":{"hold":{"rows":5,"nhold":6},"nlimits":7},"topic":{"partitions":2,"ntopic":8},"nspec":[{"b":null}]}}`,
	"SnowflakeConnection/warehouse": `{"apiVersion":"tapline.dev/v1alpha1","kind":"SnowflakeConnection","metadata":{"name":"warehouse","nmeta":1},"generation":2,"appliedAt":"2026-11-24T09:00:00Z",
		"spec":{"account":"acme-eu1","user":"TAPLINE","privateKey":"ref+file:///run/key","nspec":{"vault":"x"}},"managedBy":{"tool":"git","source":"https://git.example.com/growth","nmark":1}}`,
	"CleverTapAccount/clevertap": `{"apiVersion":"tapline.dev/v1alpha1","kind":"CleverTapAccount","metadata":{"name":"clevertap"},"generation":2,"appliedAt":"2026-11-24T09:00:00Z",
		"spec":{"region":"in1","accountId":"ref+env://CT_ID","passcode":"ref+env://CT_PASS","nspec":2},"nrecord":3}`,
	"ImportDefaults/all": `{"apiVersion":"tapline.dev/v1alpha1","kind":"ImportDefaults","metadata":{"name":"all"},"generation":2,"appliedAt":"2026-11-24T09:00:00Z",
		"spec":{"limits":{"maxRejectRatio":0.1,"nlimits":1},"nspec":2}}`,
	"Notification/team": `{"apiVersion":"tapline.dev/v1alpha1","kind":"Notification","metadata":{"name":"team"},"generation":2,"appliedAt":"2026-11-24T09:00:00Z",
		"spec":{"webhook":{"url":"https://hooks.example.com/x","secret":"ref+env://HOOK","nwebhook":1},"nspec":2}}`,
}

// plural is a kind's name in the API.
func plural(kind string) string {
	if kind == schemas.KindImport {
		return "imports"
	}
	return schemas.ResourceKinds[kind]
}

// applyAsNewer writes definitions as a newer Import Center does.
func (c *center) applyAsNewer(records map[string]string) {
	c.t.Helper()
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer producer.Close()
	for id, text := range records {
		kind, name, _ := strings.Cut(id, "/")
		topic, key, event := c.topics.Resources(), id, schemas.EventResource
		if kind == schemas.KindImport {
			topic, key, event = c.topics.Imports(), name, schemas.EventDefinition
		}
		record, err := control.Record(topic, name, key, json.RawMessage(text), event, "test")
		if err != nil {
			c.t.Fatal(err)
		}
		if kind != schemas.KindImport {
			record.Partition = 0
		}
		if err := producer.Produce(c.t.Context(), record); err != nil {
			c.t.Fatal(err)
		}
		eventually(c.t, func() bool { return c.do("GET", "/v1/"+plural(kind)+"/"+name, "").status == http.StatusOK })
	}
}

// newest is the newest record of a definition in the log.
func (c *center) newest(kind, name string) (text string) {
	c.t.Helper()
	topic, key, partition := c.topics.Resources(), schemas.ResourceKey(kind, name), int32(0)
	if kind == schemas.KindImport {
		topic, key, partition = c.topics.Imports(), name, schemas.ControlPartition(name)
	}
	for _, line := range c.log(topic, partition) {
		if k, value, _ := strings.Cut(line, " "); k == key {
			text = value
		}
	}
	return text
}

// unknownIn are the fields of a text that a newer version has written, with their values.
func unknownIn(t *testing.T, text string) map[string]string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	found := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				if strings.HasPrefix(name, "n") && name != "name" {
					found[path+"."+name] = fmt.Sprint(inner)
					continue
				}
				walk(path+"."+name, inner)
			}
		case []any:
			for i, inner := range v {
				at := fmt.Sprint(i)
				if line, ok := inner.(map[string]any); ok && line["to"] != nil {
					at = fmt.Sprint(line["to"])
				}
				walk(path+"["+at+"]", inner)
			}
		}
	}
	walk("", v)
	return found
}

// TestWhatANewerVersionHasWrittenStays: whoever changes a definition with an older Import
// Center, in any of the ways that there are, changes what they have meant to and nothing
// that they could not see. It is not shown, so that what is read can be applied again.
func TestWhatANewerVersionHasWrittenStays(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.applyAsNewer(ofANewer)
	shown := func(kind, name string) (document, etag string) {
		t.Helper()
		a := c.do("GET", "/v1/"+plural(kind)+"/"+name, "")
		if a.status != http.StatusOK || len(unknownIn(t, a.text)) > 0 {
			t.Fatalf("%s %s = %d %s", kind, name, a.status, a.text)
		}
		raw, err := json.Marshal(map[string]any{"apiVersion": a.body["apiVersion"], "kind": kind, "metadata": a.body["metadata"], "spec": a.body["spec"]})
		if err != nil {
			t.Fatal(err)
		}
		return string(raw), a.header.Get("ETag")
	}
	for id, record := range ofANewer {
		kind, name, _ := strings.Cut(id, "/")
		want := unknownIn(t, record)
		delete(want, ".managedBy.nmark") // the mark goes at first, with what is in it
		path := "/v1/" + plural(kind) + "/" + name
		for _, step := range []struct {
			how    string
			change func(document, etag string) answer
		}{
			{"unmanage", func(string, string) answer { return c.do("POST", path+"/unmanage", "") }},
			{"PATCH", func(_, etag string) answer {
				return c.do("PATCH", path, `{"metadata":{"labels":{"change":"patch"}}}`, "If-Match", etag)
			}},
			{"PUT", func(document, etag string) answer {
				return c.do("PUT", path, strings.Replace(document, `"patch"`, `"put"`, 1), "If-Match", etag)
			}},
			{"apply", func(document, _ string) answer { return c.apply(strings.Replace(document, `"put"`, `"apply"`, 1)) }},
			{"apply of the same", func(document, _ string) answer { return c.apply(document) }},
		} {
			document, etag := shown(kind, name)
			if a := step.change(document, etag); a.status != http.StatusOK {
				t.Fatalf("%s of %s = %d %s", step.how, id, a.status, a.text)
			}
			got := unknownIn(t, c.newest(kind, name))
			if _, marked := got[".managedBy.nmark"]; marked {
				t.Errorf("%s of %s left the mark", step.how, id)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s after %s (-want +got):\n%s", id, step.how, diff)
			}
		}
	}
}

// TestWhatGoesWithItsPart: a part that is taken out takes with it what a newer version has
// written into it, and the answer says so; a line of the mapping keeps it, however the line
// changes and wherever it stands. Clones, generations and the audit have it too.
func TestWhatGoesWithItsPart(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.applyAsNewer(ofANewer)
	c.do("POST", "/v1/imports/customers/unmanage", "")
	want := unknownIn(t, c.newest("Import", "customers"))
	if a := c.do("POST", "/v1/imports/customers/clone", `{"name":"copy"}`); a.status != http.StatusCreated {
		t.Fatalf("clone = %d %s", a.status, a.text)
	}
	ofSpec := map[string]string{}
	for path, value := range want {
		if strings.HasPrefix(path, ".spec.") {
			ofSpec[path] = value
		}
	}
	if diff := cmp.Diff(ofSpec, unknownIn(t, c.newest("Import", "copy"))); diff != "" {
		t.Errorf("the clone (-want +got):\n%s", diff)
	}

	etag := c.do("GET", "/v1/imports/customers", "").header.Get("ETag")
	said := c.plan(set(strings.Replace(customers, `,"cursor":{"column":"UPDATED_AT"}`, "", 1))).texts("customers")
	for _, want := range []string{"spec.source.cursor.ncursor, which this one does not know: it goes", "spec.source.nsource, spec.topic.ntopic, which this one does not know: it stays", `spec.mapping["plan"].nline`} {
		if !strings.Contains(said, want) {
			t.Errorf("the plan does not say %q:\n%s", want, said)
		}
	}
	a := c.do("PATCH", "/v1/imports/customers?offline=true",
		`{"spec":{"source":{"cursor":null},"mapping":[{"from":"TIER","to":"plan"},{"from":"NAME","to":"Name"},"EMAIL -> Email"]}}`, "If-Match", etag)
	if a.status != http.StatusOK {
		t.Fatalf("PATCH = %d %s", a.status, a.text)
	}
	delete(want, ".spec.source.cursor.ncursor")
	if diff := cmp.Diff(want, unknownIn(t, c.newest("Import", "customers"))); diff != "" {
		t.Errorf("without a cursor and with other lines (-want +got):\n%s", diff)
	}
	kept := 0
	for _, line := range c.log(c.topics.Generations(), schemas.ControlPartition("customers")) {
		if key, value, _ := strings.Cut(line, " "); strings.HasPrefix(key, "customers/") && len(unknownIn(t, value)) >= len(want) {
			kept++
		}
	}
	if kept < 2 {
		t.Errorf("%d generations have what a newer version has written", kept)
	}
	audited := c.log(c.topics.Audit(), 0)
	if last := audited[len(audited)-1]; strings.Count(last, `"nsource"`) != 2 || strings.Count(last, `"ncursor"`) != 1 {
		t.Errorf("the audit says %s", last)
	}
	if a := c.do("DELETE", "/v1/notifications/team", "", "If-Match", c.do("GET", "/v1/notifications/team", "").header.Get("ETag")); a.status != http.StatusNoContent {
		t.Fatalf("DELETE = %d %s", a.status, a.text)
	}
	audited = c.log(c.topics.Audit(), 0)
	if last := audited[len(audited)-1]; !strings.Contains(last, `"nwebhook"`) {
		t.Errorf("the audit of a deletion says %s", last)
	}
}

// TestDropUnknown: what a newer version has written is taken out where a person asks for it,
// even if nothing else changes. The plan names it, apply makes what was planned, and the
// generation and the audit tell both sides.
func TestDropUnknown(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.applyAsNewer(ofANewer)
	for id := range ofANewer {
		kind, name, _ := strings.Cut(id, "/")
		path := "/v1/" + plural(kind) + "/" + name
		if kind != schemas.KindImportDefaults {
			c.do("POST", path+"/unmanage", "")
		}
		a := c.do("GET", path, "")
		document, err := json.Marshal(map[string]any{"apiVersion": a.body["apiVersion"], "kind": kind, "metadata": a.body["metadata"], "spec": a.body["spec"]})
		if err != nil {
			t.Fatal(err)
		}
		before := a.body["generation"].(float64)
		planned := c.do("POST", "/v1/plan?offline=true", `{"dropUnknown":true,"documents":[`+string(document)+`]}`)
		if planned.status != http.StatusOK || !strings.Contains(planned.text, "it is taken out, as asked for") {
			t.Fatalf("the plan of %s = %d %s", id, planned.status, planned.text)
		}
		plan, _ := json.Marshal(planned.body["plan"])
		if a := c.do("POST", "/v1/apply?offline=true", `{"plan":`+string(plan)+`,"documents":[`+string(document)+`]}`); a.status != http.StatusPreconditionFailed {
			t.Errorf("apply of another plan for %s = %d %s", id, a.status, a.text)
		}
		a = c.do("POST", "/v1/apply?offline=true", `{"dropUnknown":true,"plan":`+string(plan)+`,"documents":[`+string(document)+`]}`)
		if a.status != http.StatusOK || !strings.Contains(a.text, `"outcome":"updated"`) || !strings.Contains(a.text, "it is taken out") {
			t.Fatalf("apply of %s = %d %s", id, a.status, a.text)
		}
		if left := unknownIn(t, c.newest(kind, name)); len(left) > 0 {
			t.Errorf("%s still has %v", id, left)
		}
		if after := c.do("GET", path, "").body["generation"].(float64); after != before+1 {
			t.Errorf("%s is generation %v after %v", id, after, before)
		}
		audited := c.log(c.topics.Audit(), 0)
		if last := audited[len(audited)-1]; !strings.Contains(last, `"nspec"`) && !strings.Contains(last, `"nwebhook"`) {
			t.Errorf("the audit of %s does not tell what went: %s", id, last)
		}
		again := c.do("POST", "/v1/apply?offline=true", `{"dropUnknown":true,"documents":[`+string(document)+`]}`)
		if again.status != http.StatusOK || !strings.Contains(again.text, `"outcome":"unchanged"`) {
			t.Errorf("once more %s = %d %s", id, again.status, again.text)
		}
	}
}
