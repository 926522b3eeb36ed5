package rejects

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

const (
	storeFile = "rejects.db"
	// storeVersion changes with what the store holds: a store of another version is built
	// anew.
	storeVersion = "2"
	lockTimeout  = 2 * time.Second
)

var (
	metaBucket  = []byte("meta")
	cellsBucket = []byte("cells") // the key of a cell to its tally
	idsBucket   = []byte("ids")   // the number of a cell to its key
	blockBucket = []byte("blocks")
	versionKey  = []byte("version")
)

// store is the file of an index. bbolt has one writer at a time and readers that see
// the state of the last commit.
type store struct {
	db   *bolt.DB
	path string
	file os.FileInfo
	// damaged says that something in the file cannot be read.
	damaged atomic.Bool
	// committed is the number of the last transaction that was written.
	committed atomic.Int64
	// locks is held while bbolt gives readers its locks and takes them back; stuck is closed
	// when it keeps them.
	locks sync.Mutex
	stuck chan struct{}
	// starts are the offsets below which nothing is kept. Only the goroutine of Run uses them.
	starts map[kafka.TP]int64
	// held are the reports, in order within each partition, that wait for rejects which have
	// not been read yet. Only the goroutine of Run uses them.
	held []taken
	// topic is the id of the rejects topic. Only the goroutine of Run uses it.
	topic string
}

// openStore opens the file in dir. A file that cannot be read, or is of another version, is
// deleted: the index is then built from the topic again.
func openStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of the index of rejects: %w", err)
	}
	path := filepath.Join(dir, storeFile)
	s, err := tryOpen(path)
	if err == nil || errors.Is(err, bolterrors.ErrTimeout) {
		return s, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the index of rejects: %w", err)
	}
	return tryOpen(path)
}

func tryOpen(path string) (*store, error) {
	// The list of free pages is kept in the file: without it bbolt finds them by reading every
	// page, at each start and after each error of a full disk, in a goroutine of its own, whose
	// panic at a damaged page would end the process.
	var db *bolt.DB
	err := withoutPanic(func() (err error) {
		db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout, FreelistType: bolt.FreelistMapType})
		return err
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("opening the index of rejects: another process uses %s; give each Import Center a directory of its own (rejects.directory): %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the index of rejects: %w", err)
	}
	s := &store{db: db, path: path, stuck: make(chan struct{})}
	err = s.update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{metaBucket, cellsBucket, idsBucket, blockBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(metaBucket)
		switch version := meta.Get(versionKey); string(version) {
		case "":
			return meta.Put(versionKey, []byte(storeVersion))
		case storeVersion:
			return nil
		}
		return errors.New("the index is of another version")
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the index of rejects: %w", err), s.close())
	}
	if s.file, err = os.Stat(path); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the index of rejects: %w", err), s.close())
	}
	return s, nil
}

// gone tells whether somebody has deleted or replaced the file.
func (s *store) gone() bool {
	file, err := os.Stat(s.path)
	return err != nil || !os.SameFile(file, s.file)
}

// clear forgets everything.
func (s *store) clear() error {
	return s.update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{metaBucket, cellsBucket, idsBucket, blockBucket} {
			if err := tx.DeleteBucket(name); err != nil {
				return err
			}
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(metaBucket).Put(versionKey, []byte(storeVersion))
	})
}

func positionKey(tp kafka.TP) []byte {
	return fmt.Appendf(nil, "position/%s/%d", tp.Topic, tp.Partition)
}

func topicKey(topic string) []byte { return []byte("topic/" + topic) }

// positions are the offsets to go on at, of the control partitions of topics; 0 of those
// of which nothing was read.
func (s *store) positions(topics ...string) (map[kafka.TP]int64, error) {
	at := map[kafka.TP]int64{}
	err := s.view(func(tx *bolt.Tx) error {
		for _, topic := range topics {
			for p := range int32(schemas.ControlPartitions) {
				tp := kafka.TP{Topic: topic, Partition: p}
				at[tp] = 0
				if v := tx.Bucket(metaBucket).Get(positionKey(tp)); len(v) == 8 {
					at[tp] = int64(binary.BigEndian.Uint64(v)) //nolint:gosec // as written
				}
			}
		}
		return nil
	})
	return at, err
}

// topicID is the id that the topic had when it was read.
func (s *store) topicID(topic string) (id string, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		id = string(tx.Bucket(metaBucket).Get(topicKey(topic)))
		return nil
	})
	return id, err
}

func (s *store) setTopicID(topic, id string) error {
	return s.update(func(tx *bolt.Tx) error { return tx.Bucket(metaBucket).Put(topicKey(topic), []byte(id)) })
}
