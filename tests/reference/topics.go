package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// topicsMark is the line in docs/topics.md after which the generated table begins.
const topicsMark = "<!-- topics: written by make docs -->\n"

// topicsPage writes the table of topics again and leaves the rest of the page unchanged.
func topicsPage(root string) (string, error) {
	old, err := os.ReadFile(filepath.Join(root, "docs", "topics.md"))
	if err != nil {
		return "", err
	}
	head, _, ok := strings.Cut(string(old), topicsMark)
	if !ok {
		return "", fmt.Errorf("docs/topics.md has no line %q", strings.TrimSpace(topicsMark))
	}
	topics := schemas.NewTopics("tapline.")
	specs := append(topics.Catalogue(), topics.ImportTopics("<import>", schemas.TopicSettings{})...)
	var page strings.Builder
	page.WriteString(head + topicsMark + "\n| topic | written by | key | value | partitions | kept | personal data |\n|---|---|---|---|---|---|---|\n")
	for _, s := range specs {
		kept := "newest of each key"
		if !s.Compact {
			kept = duration(s.Retention)
		}
		personal := "no"
		if s.Personal {
			personal = "yes"
		}
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s | %d | %s | %s |\n", s.Name, s.Writer, s.Key, s.Value, s.Partitions, kept, personal)
	}
	return page.String(), nil
}

func duration(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d d", d/(24*time.Hour))
	}
	return fmt.Sprintf("%d h", d/time.Hour)
}
