package kafka_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/libs/kafka"
)

func TestPresence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const session = 10 * time.Second
		p := &kafka.Presence{}
		if p.Err(session) == nil {
			t.Error("before a membership the process is present")
		}
		var contact time.Time
		p.Hold(func() time.Time { return contact })
		if p.Err(session) == nil {
			t.Error("before the group's first answer the process is present")
		}
		contact = time.Now()
		time.Sleep(session)
		if err := p.Err(session); err != nil {
			t.Errorf("a blip shorter than the session: %v", err)
		}
		time.Sleep(time.Second)
		if err := p.Err(session); err == nil || !strings.Contains(err.Error(), "11s") {
			t.Errorf("cut off for longer than the session: %v", err)
		}
		contact = time.Now()
		if err := p.Err(session); err != nil {
			t.Errorf("back again: %v", err)
		}
		p.End()
		if p.Err(session) == nil {
			t.Error("after the membership the process is present")
		}
	})
}
