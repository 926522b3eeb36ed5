package loader

import (
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/account"
)

// announce reports the account's pause for every run that waits for it.
func (l *loop) announce(d *destination, now time.Time) {
	for _, c := range d.candidates {
		l.announceFor(d, c.subject, c.run, now)
	}
	for _, u := range d.waiting {
		l.announceFor(d, u.subject, u.run, now)
	}
}

func (l *loop) announceFor(d *destination, subject string, run *schemas.ActiveRun, now time.Time) {
	waits := account.Run{Import: schemas.ImportOf(subject), Run: run.Run, Number: run.Number, Attempt: run.Attempt, TraceID: run.TraceID}
	if notice, news := d.account.AnnouncePause(d.name, waits, now); news {
		l.notices = append(l.notices, notice)
	}
}

// announceOver reports that nothing waits for the account any more.
func (l *loop) announceOver(d *destination, now time.Time) {
	l.notices = append(l.notices, d.account.EndPauses(d.name, now)...)
}

// writeNotices writes notices in their order, one task at a time.
func (l *loop) writeNotices() {
	if l.writingNotices || len(l.notices) == 0 {
		return
	}
	notices := l.notices
	l.notices, l.writingNotices = nil, true
	l.start(func() {
		for _, n := range notices {
			err := l.journal.report(l.work, schemas.Report{
				Kind: schemas.ReportWaiting, Import: n.Import, Run: n.Run.Run, Number: n.Number, Attempt: n.Attempt,
				Time: time.Now().UTC(), TraceID: n.TraceID, Waiting: &n.Waiting,
			})
			if err != nil && l.work.Err() == nil {
				l.fail(err)
				return
			}
		}
		l.post(func(l *loop, _ time.Time) { l.writingNotices = false })
	})
}
