package mapping

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// TestPlainPhones compares the table with the library: what the table takes
// without asking, the library takes and writes alike.
func TestPlainPhones(t *testing.T) {
	t.Parallel()
	r, _ := newPhoneReader("")
	random := rand.New(rand.NewPCG(1, 2))
	taken := 0
	for code := range phonenumbers.GetSupportedCallingCodes() {
		for range 40 {
			number := []byte("+" + strconv.Itoa(code))
			for range 4 + random.IntN(10) {
				number = append(number, byte('0'+random.IntN(10)))
			}
			if !r.isE164(number) {
				continue
			}
			taken++
			slow, ok := r.appendSlow(nil, number)
			if !ok || string(slow) != string(number) {
				t.Errorf("%s: the library makes it %q, %v", number, slow, ok)
			}
		}
	}
	if taken < 1000 {
		t.Errorf("the table took only %d numbers", taken)
	}
}
