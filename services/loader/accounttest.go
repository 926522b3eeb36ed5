package loader

import (
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// accountTests are the tests of accounts that this process is to answer. The loop
// owns them.
type accountTests struct {
	stateChanged <-chan struct{} // closed when a state has changed since the tests were read
	nextLook     time.Time
	tests        map[string]*accountTest // by run
}

// accountTest is one test on its way: resolve the account, ask once, ask with as many
// requests as there are slots, answer.
type accountTest struct {
	run      schemas.ActiveRun
	began    time.Time
	uses     clevertap.Account
	resolved bool
	busy     bool // a task is under way for it, or it is answered
	first    *exchange
	account  *destination // that counts the test among what it has to do; nil before and after
}

// exchange is one request of a test and what came of it.
type exchange struct {
	result       clevertap.Result
	began, ended time.Time
}

// testAccounts takes up new tests and goes on with those whose account has a free slot.
// It says when to look again. A test waits for a slot as an upload does: the account's
// limit holds for it as well.
//
// The loader that owns the partition of the dry runs' topic in which the test's records
// would be answers, so that each test has one loader, and another one if that dies.
func (l *loop) testAccounts(now time.Time) (again time.Time) {
	select {
	case <-l.tests.stateChanged:
		l.findTests(now)
	default:
		if !now.Before(l.tests.nextLook) {
			l.findTests(now)
		}
	}
	again = l.tests.nextLook
	for _, t := range l.tests.tests {
		if !t.busy && t.resolved {
			l.goOn(t, now)
			again = earliest(again, now.Add(tick))
		}
	}
	return again
}

func (l *loop) findTests(now time.Time) {
	l.tests.stateChanged, l.tests.nextLook = l.runs.Changed(), now.Add(schemas.WaitingRenewal)
	wanted := map[string]bool{}
	for _, run := range l.runs.Asked(schemas.ModeAccountTest) {
		wanted[run.Run] = true
		if l.tests.tests[run.Run] == nil && l.ownsTest(run.Run) {
			t := &accountTest{run: run, began: now}
			l.tests.tests[run.Run] = t
			l.resolveTest(t)
		}
	}
	for run, t := range l.tests.tests {
		if !wanted[run] {
			t.leave()
			delete(l.tests.tests, run)
		}
	}
}

func (l *loop) ownsTest(run string) bool {
	p := l.partitions[kafka.TP{Topic: l.topics.DryRunRecords(), Partition: schemas.ControlPartition(run)}]
	return p != nil && !p.draining
}

// resolveTest reads the account and its secrets anew: what is tested is what is there
// now, and not what uploads have used so far.
func (l *loop) resolveTest(t *accountTest) {
	t.busy = true
	name := t.run.Spec.Destination.AccountRef
	l.start(func() {
		err := l.accounts.resources.ReadToEnd(l.work)
		if err != nil {
			// Kafka is away; the test is found again.
			l.post(func(l *loop, _ time.Time) { delete(l.tests.tests, t.run.Run) })
			return
		}
		uses, _, err := l.accounts.resolve(l.accounts.lookup(name), l.cfg.RequestTimeout)
		l.post(func(l *loop, now time.Time) {
			if err != nil {
				l.answerTest(t, schemas.AccountTest{Checks: unusableAccount(err)}, now)
				return
			}
			t.uses, t.resolved, t.busy = uses, true, false
			l.goOn(t, now)
		})
	})
}

// goOn sends the test's next requests, if it may.
func (l *loop) goOn(t *accountTest, now time.Time) {
	name := t.run.Spec.Destination.AccountRef
	d := l.destination(name, now)
	if freeze, frozen := l.frozenBy(name, ""); frozen {
		l.answerTest(t, schemas.AccountTest{Endpoint: t.uses.Endpoint, Checks: frozenAccount(freeze.Name)}, now)
		return
	}
	t.join(d)
	if d.conn == nil {
		if !d.resolving {
			// An earlier definition or secret could not be used; this one can.
			d.rereadSecrets = true
			d.account.Retry(now)
		}
		return
	}
	if d.conn.uses != t.uses {
		d.rereadSecrets = true // uploads are to use what the test uses
		d.account.Retry(now)
	}
	free := d.account.Free(now)
	if free < 1 {
		return
	}
	t.busy = true
	if t.first != nil {
		if d.account.Leasing() {
			return // until it is known how many slots are this process's
		}
		l.burst(t, d, min(free, t.uses.Slots))
		return
	}
	l.ask(t, d, 1, func(l *loop, got []exchange, now time.Time) {
		t.first = &got[0]
		if !accepted(t.first.result) {
			l.answerTest(t, judgeAccount(t.uses, *t.first, nil), now)
			return
		}
		t.busy = false
	})
}

// burst shows whether CleverTap takes as many requests at once as the account says.
func (l *loop) burst(t *accountTest, d *destination, n int) {
	l.ask(t, d, n, func(l *loop, got []exchange, now time.Time) {
		l.answerTest(t, judgeAccount(t.uses, *t.first, got), now)
	})
}

// ask sends n requests at once, which store nothing, each in a slot of the account.
func (l *loop) ask(t *accountTest, d *destination, n int, then func(l *loop, got []exchange, now time.Time)) {
	conn := d.conn
	for range n {
		d.account.RequestBegan()
	}
	l.start(func() {
		client := l.connect(t.uses)
		defer client.Close()
		got := make([]exchange, n)
		done := make(chan struct{})
		for i := range got {
			go func() {
				defer func() { done <- struct{}{} }()
				got[i].began = time.Now()
				result, err := client.UploadIf(l.work, [][]byte{probeRecord}, true, func() error { return l.mayProbe(conn) })
				if err != nil {
					result = clevertap.Result{Kind: clevertap.ConfigFault, Cause: "request"}
				}
				got[i].result, got[i].ended = result, time.Now()
			}()
		}
		for range got {
			<-done
		}
		l.post(func(l *loop, now time.Time) {
			for range n {
				d.account.RequestEnded()
			}
			then(l, got, now)
		})
	})
}

// join counts the test among what the account has to do, so that slots are leased for it.
func (t *accountTest) join(d *destination) {
	if t.account == nil {
		t.account = d
		d.tests++
	}
}

func (t *accountTest) leave() {
	if t.account != nil {
		t.account.tests--
		t.account = nil
	}
}

// answerTest reports what a test has found. The scheduler then ends it.
func (l *loop) answerTest(t *accountTest, found schemas.AccountTest, now time.Time) {
	t.busy = true
	t.leave()
	found.Millis = now.Sub(t.began).Milliseconds()
	report := schemas.Report{
		Kind: schemas.ReportAccount, Import: schemas.ImportOf(t.run.Run), Run: t.run.Run, Number: t.run.Number, Attempt: t.run.Attempt,
		Time: now.UTC(), TraceID: t.run.TraceID, Account: &found,
	}
	l.start(func() {
		if err := l.journal.report(l.work, report); err != nil && l.work.Err() == nil {
			l.fail(err)
		}
	})
}
