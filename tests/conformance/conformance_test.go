// Package conformance keeps docs/CONFORMANCE.md true.
package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	nameInTable = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	definition  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)
)

func TestConformance_namesTestsThatExist(t *testing.T) {
	root := filepath.Join("..", "..")
	defined := map[string]bool{}
	for _, dir := range []string{"engine", "engine/grammar", "engine/http1", "engine/http2", "engine/grpc", "engine/router", "engine/secure", "tests/base64", "tests/blackbox", "tests/conformance"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, file := range files {
			for _, match := range definition.FindAllStringSubmatch(read(t, file), -1) {
				defined[match[1]] = true
			}
		}
	}
	page := read(t, filepath.Join(root, "docs", "CONFORMANCE.md"))
	for _, match := range nameInTable.FindAllStringSubmatch(page, -1) {
		if !defined[match[1]] {
			t.Errorf("there is no %s", match[1])
		}
	}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "|") && strings.Count(line, "|") != 4 {
			t.Errorf("not three columns: %s", line)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
