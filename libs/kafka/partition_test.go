package kafka

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"tapline.dev/schemas"
)

// TestPartitionIsKafkasOwn compares schemas.Partition with franz-go's default
// partitioner, which is Kafka's: other clients must find keys where we put them.
func TestPartitionIsKafkasOwn(t *testing.T) {
	t.Parallel()
	theirs := kgo.StickyKeyPartitioner(nil).ForTopic("any")
	for i := range 5000 {
		key := fmt.Appendf(nil, "%d-%s", i, "abcdefg"[:i%7])
		for _, n := range []int{1, 3, 4, 6, 12} {
			want := theirs.Partition(&kgo.Record{Key: key}, n)
			if got := schemas.Partition(key, n); int(got) != want {
				t.Fatalf("Partition(%q, %d) = %d, want %d", key, n, got, want)
			}
		}
	}
}
