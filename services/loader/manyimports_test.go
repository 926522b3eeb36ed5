package loader

import (
	"fmt"
	"testing"
	"time"

	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestATakeoverOfManyImports: what a loader asks Kafka before it sends its first record
// does not grow with the imports, and it is ready only once it can send.
func TestATakeoverOfManyImports(t *testing.T) {
	t.Parallel()
	const imports = 40
	w := newWorld(t)
	for i := range imports {
		w.importOf(fmt.Sprintf("people%02d", i), 2, schemas.ImportSpec{})
	}
	w.load("people00", []row{{identity: "a"}}, 1)
	first := w.start()
	w.settled("people00", 1)
	first.drain()

	network := kafkatest.NewCounting()
	w.deps.Dial = network.Dial
	again := w.start()
	w.await("the loader is ready", 30*time.Second, func() bool { return again.deps.Health.Ready(t.Context()) == nil })
	asked := network.Requests()
	for name, most := range map[string]int{
		"OffsetFetch": 4,  // one of the client's own, one of each that looks at the offsets
		"ListOffsets": 60, // of the topics that every loader follows, and of the reports
		"JoinGroup":   4,  // every topic is in the first subscription
	} {
		if asked[name] > most || asked[name] == 0 {
			t.Errorf("the takeover of %d imports sent %d %s requests, want 1 to %d", imports, asked[name], name, most)
		}
	}
	w.load("people01", []row{{identity: "b"}}, 1)
	w.settled("people01", 1)
}
