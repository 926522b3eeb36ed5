package daemon

import (
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// maxLevel is more than the name of a level takes.
const maxLevel = 64

// serveBuild says from what the program was built: its version, modules and settings.
func serveBuild(w http.ResponseWriter, _ *http.Request) {
	text := "version " + Version() + "\n"
	if info, ok := debug.ReadBuildInfo(); ok {
		text += info.String()
	}
	writeText(w, http.StatusOK, text)
}

// setLevel changes what is logged until the process ends: the body is DEBUG, INFO, WARN or
// ERROR.
func setLevel(w http.ResponseWriter, r *http.Request, level *slog.LevelVar) {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxLevel))
	var wanted slog.Level
	if err != nil || wanted.UnmarshalText(trimmed(text)) != nil {
		writeText(w, http.StatusBadRequest, "the body is DEBUG, INFO, WARN or ERROR\n")
		return
	}
	level.Set(wanted)
	writeText(w, http.StatusOK, wanted.String()+"\n")
}

func trimmed(text []byte) []byte {
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
		text = text[:len(text)-1]
	}
	return text
}
