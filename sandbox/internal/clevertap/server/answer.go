package server

import (
	"bytes"
	"net/http"
	"strconv"

	"tapline.dev/sandbox/internal/clevertap/rules"
)

// answer is a response before it is written.
type answer struct {
	status int
	html   bool
	body   []byte
	header map[string]string
}

func failure(status int, sentence string) answer {
	body := append([]byte(`{ "status" : "fail" , "error" : `), rules.AppendString(nil, []byte(sentence))...)
	body = append(body, ` , "code" : `...)
	body = strconv.AppendInt(body, int64(status), 10)
	return answer{status: status, body: append(body, '}')}
}

func (s *Server) write(w http.ResponseWriter, a answer) {
	h := w.Header()
	if a.html {
		h.Set("Content-Type", "text/html")
	} else {
		h.Set("Content-Type", "application/json;charset=utf-8")
	}
	for name, value := range a.header {
		h.Set(name, value)
	}
	if s.cfg.CloseConnections {
		h.Set("Connection", "close")
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	// It fails only when the client has gone.
	_, _ = w.Write(a.body)
}

// verdict is the answer to an upload whose records were all checked: status 200,
// whether or not they were accepted.
func verdict(records []rules.Record) (a answer, processed int) {
	failed := 0
	for i := range records {
		if records[i].Code != 0 {
			failed++
		}
	}
	processed = len(records) - failed
	status := "success"
	if failed > 0 {
		status = "partial"
	}
	if failed > 0 && processed == 0 {
		status = "fail"
	}
	b := append([]byte(`{ "status" : "`), status...)
	b = append(b, `" , "processed" : `...)
	b = strconv.AppendInt(b, int64(processed), 10)
	b = append(b, ` , "unprocessed" : [ `...)
	listed := 0
	for i := range records {
		r := &records[i]
		if r.Code == 0 {
			continue
		}
		if listed > 0 {
			b = append(b, ` , `...)
		}
		listed++
		b = append(b, `{ "status":"fail","code":`...)
		b = strconv.AppendInt(b, int64(r.Code), 10)
		b = append(b, `,"error":`...)
		b = rules.AppendString(b, rules.AppendSkipped(nil, r.Code, i+1))
		b = append(b, `,"record":`...)
		b = appendEcho(b, r)
		b = append(b, '}')
	}
	return answer{status: http.StatusOK, body: append(b, `]}`...)}, processed
}

// appendEcho writes a refused record back the way CleverTap does, which is not
// as it came: once the phone number has been normalised it is a number, and an
// identity inside profileData is text.
func appendEcho(b []byte, r *rules.Record) []byte {
	if r.Kind != rules.KindProfile || !r.Normalised {
		return append(b, r.Raw...)
	}
	members := rules.Properties(nil, r.Raw)
	for i, m := range members {
		if string(m.Key) != "profileData" || m.Value[0] != '{' {
			continue
		}
		data := rules.Properties(nil, m.Value)
		for j, p := range data {
			data[j].Value = echoed(p)
		}
		members[i].Value = rules.AppendObject(nil, data)
	}
	return rules.AppendObject(b, members)
}

func echoed(p rules.Property) []byte {
	switch string(rules.SystemName(p.Key)) {
	case "Phone":
		if chars, ok := rules.Chars(p.Value); ok {
			digits := bytes.TrimLeft(bytes.TrimPrefix(chars, []byte("+")), "0")
			if rules.AllDigits(digits) {
				return digits
			}
		}
	case "identity":
		if _, ok := rules.Chars(p.Value); !ok {
			return rules.AppendString(nil, p.Value)
		}
	}
	return p.Value
}
