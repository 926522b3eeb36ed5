#!/usr/bin/env bash
# Measures the programs of a commit and of the working tree in alternation, with the
# benchmark of the working tree. PAIRS (3) and ROWS (200000) may be set.
set -euo pipefail
rev=${1:?the commit to compare with, such as REV=main}
root=$(git rev-parse --show-toplevel)
cd "$root"
old=$(mktemp -d)
trap 'git worktree remove --force "$old/tree" 2>/dev/null; rm -rf "$old"' EXIT
git worktree add -q --detach "$old/tree" "$rev"
make -C "$old/tree" build
mkdir -p .cache/bench
for pair in $(seq "${PAIRS:-3}"); do
	for which in old new; do
		bin=$root/bin
		[[ $which == new ]] || bin=$old/tree/bin
		echo "pair $pair, $which"
		TAPLINE_TEST_BIN=$bin go test -count=1 -v -timeout 30m -run TestPipeline ./tests/bench/pipeline -rows "${ROWS:-200000}" -pairs 1 -small 10 \
			-figures "$root/.cache/bench/$which-$pair.json" | grep -E '^(tapline|plain|median)'
	done
done
