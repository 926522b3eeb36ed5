package clevertap

import (
	"bytes"
	"net/http"
	"strconv"
)

// answer is a response before it is written.
type answer struct {
	status int
	html   bool
	body   []byte
	header map[string]string
}

func failure(status int, sentence string) answer {
	body := append([]byte(`{ "status" : "fail" , "error" : `), appendString(nil, []byte(sentence))...)
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
	// A client that is gone is no concern of the stand-in.
	_, _ = w.Write(a.body)
}

// verdict is the answer to an upload whose records were all looked at: status
// 200 whatever became of them.
func verdict(records []record) (a answer, processed int) {
	failed := 0
	for i := range records {
		if records[i].code != 0 {
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
		if r.code == 0 {
			continue
		}
		if listed > 0 {
			b = append(b, ` , `...)
		}
		listed++
		b = append(b, `{ "status":"fail","code":`...)
		b = strconv.AppendInt(b, int64(r.code), 10)
		b = append(b, `,"error":`...)
		b = appendString(b, appendSkipped(nil, r.code, i+1))
		b = append(b, `,"record":`...)
		b = appendEcho(b, r)
		b = append(b, '}')
	}
	return answer{status: http.StatusOK, body: append(b, `]}`...)}, processed
}

// appendEcho writes a refused record back the way CleverTap does, which is not
// as it came: once the phone number has been normalised it is a number, and an
// identity inside profileData is text.
func appendEcho(b []byte, r *record) []byte {
	if r.kind != kindProfile || !r.normalised {
		return append(b, r.raw...)
	}
	members := properties(nil, r.raw)
	for i, m := range members {
		if string(m.key) != "profileData" || m.value[0] != '{' {
			continue
		}
		data := properties(nil, m.value)
		for j, p := range data {
			data[j].value = echoed(p)
		}
		members[i].value = appendObject(nil, data)
	}
	return appendObject(b, members)
}

func echoed(p property) []byte {
	switch string(p.key) {
	case "Phone":
		if chars, ok := text(p.value); ok {
			digits := bytes.TrimLeft(bytes.TrimPrefix(chars, []byte("+")), "0")
			if allDigits(digits) {
				return digits
			}
		}
	case "identity":
		if _, ok := text(p.value); !ok {
			return appendString(nil, p.value)
		}
	}
	return p.value
}
