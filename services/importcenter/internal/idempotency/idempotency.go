// Package idempotency remembers requests by the Idempotency-Key that their callers
// gave them, for all replicas: in Redis, for a day, a bounded number for each caller.
package idempotency

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"tapline.dev/libs/redis"
)

const (
	// keptFor is how long a key is remembered after its request began.
	keptFor = 24 * time.Hour
	// MaxKeys bounds how many keys of a caller are remembered; the oldest are deleted first.
	MaxKeys = 1000
	// MaxAnswer bounds an answer that is kept, in bytes.
	MaxAnswer = 64 << 10
	// lease is how long a request counts as under way after its replica last renewed it.
	lease = 12 * time.Second
	// RenewEvery is how often a replica renews the lease.
	RenewEvery = lease / 3
)

// Outcome is what is known of a key when a request comes with it.
type Outcome string

// The outcomes of Begin.
const (
	Begun    Outcome = "begun"    // nothing was done under the key: the request goes on
	InFlight Outcome = "inFlight" // the first request is under way
	Reused   Outcome = "reused"   // the key was given to another request
	Answered Outcome = "answered" // the first request has its answer
	NotKept  Outcome = "notKept"  // it has its answer, which was not kept
)

// Request identifies a request.
type Request struct {
	caller, key, fingerprint, token string
}

// New names a request of a caller by its key. Two requests with the same fingerprint
// ask for the same. Redis holds hashes of caller, key and request only.
func New(caller, key string, fingerprint [sha256.Size]byte) Request {
	return Request{caller: hash(caller), key: hash(key), fingerprint: hex.EncodeToString(fingerprint[:]), token: rand.Text()}
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// scripts runs Lua in Redis.
type scripts interface {
	Run(ctx context.Context, s *redis.Script, keys []string, args ...any) (any, error)
}

// Store is what Redis remembers. It is lost with Redis.
type Store struct {
	redis                   scripts
	begin, renew, end       *redis.Script
	keptFor, lease, maxKeys int64
}

// Open returns the store of all replicas that use this Redis.
func Open(client scripts) *Store {
	return &Store{
		redis: client, begin: redis.NewScript(beginSource), renew: redis.NewScript(renewSource), end: redis.NewScript(endSource),
		keptFor: keptFor.Milliseconds(), lease: lease.Milliseconds(), maxKeys: MaxKeys,
	}
}

// keys are the two keys of a caller, in one slot of a cluster: a hash with what is known
// of each key, and a sorted set with when each began. Both expire a day after the caller's
// last request.
func (r Request) keys() []string {
	tag := "requests:{" + r.caller + "}:"
	return []string{tag + "known", tag + "began"}
}

// beginSource reads Redis' own clock, because replicas' clocks differ. A key has four
// fields: f, the fingerprint; t, the token of the request that is served; l, when its lease
// ends, 0 once it was answered; a, the answer.
const beginSource = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local key, fingerprint, token = ARGV[1], ARGV[2], ARGV[3]
local lease, kept, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local function forget(k)
  redis.call('HDEL', KEYS[1], k .. ':f', k .. ':t', k .. ':l', k .. ':a')
  redis.call('ZREM', KEYS[2], k)
end
for _, k in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - kept, 'LIMIT', 0, 100)) do forget(k) end
local known = redis.call('HMGET', KEYS[1], key .. ':f', key .. ':t', key .. ':l', key .. ':a')
if known[1] then
  if known[1] ~= fingerprint then return {'reused'} end
  local till = tonumber(known[3])
  if till == 0 then
    if known[4] then return {'answered', known[4]} end
    return {'notKept'}
  end
  if till > now and known[2] ~= token then return {'inFlight'} end
else
  redis.call('ZADD', KEYS[2], now, key)
  local over = redis.call('ZCARD', KEYS[2]) - most
  if over > 0 then
    for _, k in ipairs(redis.call('ZRANGE', KEYS[2], 0, over - 1)) do forget(k) end
  end
end
redis.call('HSET', KEYS[1], key .. ':f', fingerprint, key .. ':t', token, key .. ':l', now + lease)
redis.call('PEXPIRE', KEYS[1], kept)
redis.call('PEXPIRE', KEYS[2], kept)
return {'begun'}`

// renewSource prolongs the lease, unless another request has taken the key over.
const renewSource = `
if redis.call('HGET', KEYS[1], ARGV[1] .. ':t') ~= ARGV[2] then return 0 end
local clock = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1] .. ':l', clock[1] * 1000 + math.floor(clock[2] / 1000) + tonumber(ARGV[3]))
return 1`

// endSource ends the request: answer and done store that it was answered, with and without
// the answer; forget deletes the key; open ends the lease, so that the same request may be
// sent again.
const endSource = `
local key = ARGV[1]
if redis.call('HGET', KEYS[1], key .. ':t') ~= ARGV[2] then return 0 end
if ARGV[3] == 'forget' then
  redis.call('HDEL', KEYS[1], key .. ':f', key .. ':t', key .. ':l', key .. ':a')
  redis.call('ZREM', KEYS[2], key)
elseif ARGV[3] == 'open' then
  redis.call('HSET', KEYS[1], key .. ':l', 1)
else
  redis.call('HSET', KEYS[1], key .. ':l', 0)
  if ARGV[3] == 'answer' then redis.call('HSET', KEYS[1], key .. ':a', ARGV[4]) end
end
return 1`

// Begin says what is known of the request's key, and takes the key if nothing is.
func (s *Store) Begin(ctx context.Context, r Request) (Outcome, []byte, error) {
	answer, err := s.redis.Run(ctx, s.begin, r.keys(), r.key, r.fingerprint, r.token, s.lease, s.keptFor, s.maxKeys)
	if err != nil {
		return "", nil, fmt.Errorf("looking up an Idempotency-Key: %w", err)
	}
	parts, _ := answer.([]any)
	if len(parts) == 0 {
		return "", nil, fmt.Errorf("looking up an Idempotency-Key: Redis answered %T", answer)
	}
	outcome, _ := parts[0].(string)
	if len(parts) == 1 {
		return Outcome(outcome), nil, nil
	}
	text, _ := parts[1].(string)
	return Outcome(outcome), []byte(text), nil
}

// Renew says that the request is still under way.
func (s *Store) Renew(ctx context.Context, r Request) error {
	_, err := s.redis.Run(ctx, s.renew, r.keys(), r.key, r.token, s.lease)
	return s.named(err)
}

// Answer keeps the request's answer. One that is nil, or too long, is not kept: a second
// request learns that the first was answered.
func (s *Store) Answer(ctx context.Context, r Request, answer []byte) error {
	if answer == nil || len(answer) > MaxAnswer {
		return s.finish(ctx, r, "done", nil)
	}
	return s.finish(ctx, r, "answer", answer)
}

// Forget deletes the key, because the request did nothing.
func (s *Store) Forget(ctx context.Context, r Request) error { return s.finish(ctx, r, "forget", nil) }

// Leave ends a request of which it is not known what it did. The same request may be sent
// again with the key, another one may not.
func (s *Store) Leave(ctx context.Context, r Request) error { return s.finish(ctx, r, "open", nil) }

func (s *Store) finish(ctx context.Context, r Request, how string, answer []byte) error {
	_, err := s.redis.Run(ctx, s.end, r.keys(), r.key, r.token, how, answer)
	return s.named(err)
}

func (s *Store) named(err error) error {
	if err != nil {
		return fmt.Errorf("noting what became of an Idempotency-Key: %w", err)
	}
	return nil
}
