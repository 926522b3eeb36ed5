package schemas

// Partition is the partition of key in a topic of n partitions: Kafka's own
// default (murmur2, sign bit off), so that any Kafka client that looks a key up
// finds the same partition.
func Partition(key []byte, n int) int32 {
	return int32((murmur2(key) & 0x7fffffff) % uint32(n))
}

// ControlPartition is the partition of an import, and of its runs and trials, in
// every control topic.
func ControlPartition(subject string) int32 {
	return Partition([]byte(ImportOf(subject)), ControlPartitions)
}

// murmur2 is the 32-bit hash of Kafka's Java client (org.apache.kafka.common.utils.Utils).
func murmur2(b []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
	)
	h := uint32(seed) ^ uint32(len(b))
	for len(b) >= 4 {
		k := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		k *= m
		k ^= k >> 24
		k *= m
		h *= m
		h ^= k
		b = b[4:]
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(b[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
