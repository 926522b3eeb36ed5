package turns

import "testing"

// take gives n turns among the names and counts them.
func take(t *Turns, n int, names []string, weights map[string]int) map[string]int {
	counts := map[string]int{}
	for range n {
		name, _ := t.First(names)
		t.Take(name, weights[name])
		counts[name]++
	}
	return counts
}

func TestWeights(t *testing.T) {
	t.Parallel()
	turns := New()
	got := take(turns, 60, []string{"a", "b", "c"}, map[string]int{"a": 1, "b": 2, "c": 3})
	if got["a"] != 10 || got["b"] != 20 || got["c"] != 30 {
		t.Errorf("turns %v, want 10, 20, 30", got)
	}
}

func TestIdleImportsGainNoTurns(t *testing.T) {
	t.Parallel()
	turns := New()
	take(turns, 1000, []string{"huge"}, nil)
	got := take(turns, 40, []string{"huge", "late"}, nil)
	if got["late"] < 19 || got["late"] > 21 {
		t.Errorf("the late import got %d of 40 turns, want half", got["late"])
	}
}

func TestNoNames(t *testing.T) {
	t.Parallel()
	if name, ok := New().First(nil); ok {
		t.Errorf("First() = %q without names", name)
	}
}
