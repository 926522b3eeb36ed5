package model

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/schemas"
)

const (
	slotsOfAccount = 5
	slotImports    = 4
	slotLoaders    = 3
	slotRounds     = 2
)

// TestLoadersShareSlots: three loaders send what four imports have for one account. They are
// started, stopped and killed, and Redis is emptied, does not answer, or fails over to a
// replica that has missed leases. Never are more requests in flight than the account allows,
// and every row arrives.
func TestLoadersShareSlots(t *testing.T) {
	worlds := uint64(2)
	if raced { // make test-large makes the others
		worlds = 1
	}
	for seed := *from; seed < *from+worlds; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := newSharedAccount(t, rand.New(rand.NewPCG(seed, 23)))
			for round := range slotRounds {
				s.round(round)
			}
			s.check()
		})
	}
}

// sharedAccount is an account that several imports and loaders use.
type sharedAccount struct {
	*world
	t       *testing.T
	rng     *rand.Rand
	gate    *gate
	loaders []*instance
	rows    int // in the table, all of them of people of their own

	mu       sync.Mutex
	inFlight int
	most     int
	exceeded string // when more requests were in flight than the account allows
	happened []string
}

func newSharedAccount(t *testing.T, rng *rand.Rand) *sharedAccount {
	w := newWorld(t, trouble{crashes: true})
	w.disturbed, w.replicas = true, slotLoaders
	s := &sharedAccount{world: w, t: t, rng: rng}
	s.gate = newGate(t, w.openTime())
	server := httptest.NewServer(http.HandlerFunc(s.count))
	t.Cleanup(server.Close)
	w.accountAt("shared", server.URL, schemas.CleverTapAccountSpec{Slots: slotsOfAccount, RecordsPerUpload: 2})
	if err := w.snowflake.Exec(t.Context(), `CREATE TABLE "SHARED" ("ID" VARCHAR, "V" DECIMAL(38,0))`); err != nil {
		t.Fatal(err)
	}
	for i := range slotImports {
		spec := schemas.ImportSpec{
			Source:      schemas.Source{ConnectionRef: "warehouse", Query: fmt.Sprintf(`select 'i%d-' || ID as ID, V from SHARED`, i)},
			Destination: schemas.Destination{AccountRef: "shared", Type: schemas.TypeProfile},
			Identity:    schemas.Identity{Column: "ID"}, Mapping: []schemas.Property{{From: "V", To: "v"}},
			Topic: schemas.TopicSettings{Partitions: 2},
		}
		w.apply(importOfAccount(i), spec)
	}
	w.lives = w.startAll()
	s.loaders = []*instance{w.lives["loader"]}
	delete(w.lives, "loader")
	for range slotLoaders - 1 {
		s.loaders = append(s.loaders, w.start("loader"))
	}
	t.Cleanup(func() {
		for _, l := range s.loaders { // a killed one may wait for ever
			l.cancel()
			<-l.done
		}
	})
	return s
}

func importOfAccount(i int) string { return fmt.Sprint("share", i) }

// count counts the requests in flight, and passes them on after a while.
func (s *sharedAccount) count(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.inFlight++
	if s.inFlight > slotsOfAccount {
		// A request that the loader has given up ends here a moment later.
		time.AfterFunc(moment, s.compare)
	}
	if s.inFlight <= slotsOfAccount {
		s.most = max(s.most, s.inFlight)
	}
	wait := time.Duration(30+s.rng.IntN(60)) * time.Millisecond
	s.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-r.Context().Done():
	}
	s.mu.Lock()
	s.inFlight-- // before the answer, which ends the request for the loader
	s.mu.Unlock()
	s.gate.ServeHTTP(w, r)
}

// moment is after how long the end of a request that the loader has given up is noticed.
const moment = 25 * time.Millisecond

// compare compares the requests in flight with the account's slots.
func (s *sharedAccount) compare() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight > slotsOfAccount && s.exceeded == "" && !processPace.stumbled(time.Now().Add(-s.openTime())) {
		s.exceeded = fmt.Sprintf("%d requests of %d were in flight after %s", s.inFlight, slotsOfAccount, strings.Join(s.happened, ", "))
	}
}

func (s *sharedAccount) did(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.happened = append(s.happened, what)
}

func (s *sharedAccount) draw(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.IntN(n)
}

// round lets all imports run and makes faults until they have ended.
func (s *sharedAccount) round(n int) {
	const rows = 120
	for range rows {
		s.rows++
		if err := s.snowflake.Change(s.t.Context(), fmt.Sprintf(`INSERT INTO "SHARED" VALUES ('%d', %d)`, s.rows, s.rows)); err != nil {
			s.t.Fatal(err)
		}
	}
	for i := range slotImports {
		s.command(importOfAccount(i), schemas.Command{ID: fmt.Sprintf("run %d of %d", n, i), Kind: schemas.CommandRun})
	}
	over := make(chan struct{})
	var faults sync.WaitGroup
	faults.Go(func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(time.Duration(100+s.draw(900)) * time.Millisecond):
				s.fault()
			}
		}
	})
	for i := range slotImports {
		run := schemas.RunID(importOfAccount(i), n+1)
		if r, ok := s.board.await(run, closed); !ok || !succeeded(r) {
			s.t.Errorf("%s is %s with %+v, %+v, after %v", run, r.State, r.Counts, r.Error, s.happened)
		}
	}
	close(over)
	faults.Wait()
}

// fault does one thing to the loaders or to Redis.
func (s *sharedAccount) fault() {
	i := s.draw(len(s.loaders))
	switch s.draw(6) {
	case 0:
		s.did("a loader killed")
		old := s.loaders[i]
		old.network.cutAfter(1 + s.draw(20))
		select {
		case <-old.network.cutNow:
		case <-time.After(300 * time.Millisecond):
			old.network.cut()
		}
		old.cancel()
		s.loaders[i] = s.world.start("loader")
	case 1:
		s.did("a loader restarted")
		s.loaders[i].cancel()
		<-s.loaders[i].done
		s.loaders[i] = s.world.start("loader")
	case 2:
		s.did("Redis emptied")
		s.redis.Flush()
	case 3:
		s.did("Redis away")
		s.redis.SetError("LOADING Redis is loading the dataset in memory")
		time.Sleep(time.Duration(s.draw(1500)) * time.Millisecond)
		s.redis.SetError("")
	default:
		s.failOver()
	}
}

// failOver lets a replica take over that has missed what happened for a while.
func (s *sharedAccount) failOver() {
	if s.redis.FailOver == nil {
		return // TestAFailoverToAnOldReplica of tests does it with a Sentinel
	}
	s.did("Redis failed over")
	takeOver, err := s.redis.FailOver()
	if err != nil {
		s.t.Error(err)
		return
	}
	time.Sleep(time.Duration(s.draw(1000)) * time.Millisecond)
	if err := takeOver(); err != nil {
		s.t.Error(err)
	}
}

func (s *sharedAccount) check() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t.Logf("%d requests in flight at most; %d faults", s.most, len(s.happened))
	if s.exceeded != "" {
		s.t.Error(s.exceeded)
	}
	if s.most < slotsOfAccount-1 {
		s.t.Errorf("only %d requests of %d were ever in flight: nothing is shown", s.most, slotsOfAccount)
	}
	arrived := s.gate.arrivals()
	for i := range slotImports {
		for row := 1; row <= s.rows; row++ {
			if id := fmt.Sprintf("i%d-%d", i, row); len(arrived[id]) == 0 {
				s.t.Fatalf("row %d of %s is not at CleverTap", row, importOfAccount(i))
			}
		}
	}
}
