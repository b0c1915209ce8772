package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"libforker/bindings/api/header"
)

const (
	forker = "../../include/forker.h"
	small  = "testdata/small.h"
)

// Every declaration has a page, by its own name or a link, and nothing is wrong with any of them.
func TestMan_isClean(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "man3")
	for range 2 { // The second time over the first.
		if err := run([]string{"man", forker, directory}, nil); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := filepath.Glob(filepath.Join(directory, "*"))
	if err != nil || len(pages) < 200 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	expectPages(t, directory, forker)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if name := strings.TrimSuffix(filepath.Base(page), ".3"); !bytes.Contains(text, []byte(name)) {
			t.Errorf("%s does not tell of it", page)
		}
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("there is no mandoc to look at the pages: tools/install-deps test")
	}
	// What is not installed, such as the other pages, is not found.
	out, _ := exec.Command("mandoc", append([]string{"-Tlint"}, pages...)...).Output()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "referenced manual not found") {
			t.Error(line)
		}
	}
}

// expectPages wants one for every function and type that a header declares.
func expectPages(t *testing.T, directory, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	api, err := header.Parse(file, string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range api.Entries {
		for _, name := range entry.Declarations {
			if _, err := os.Stat(filepath.Join(directory, name+".3")); err != nil && !strings.HasPrefix(name, "FORKER_") {
				t.Error(err)
			}
		}
	}
}

// Nothing that a header says is missing from its pages.
func TestMan_ofASmallHeader(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "86400")
	directory := t.TempDir()
	if err := run([]string{"man", small, directory}, nil); err != nil {
		t.Fatal(err)
	}
	expectPages(t, directory, small)
	for _, page := range []string{"forker.3", "forker_count.3"} {
		want, err := os.ReadFile(filepath.Join("testdata", page))
		if err != nil {
			t.Fatal(err)
		}
		if found, err := os.ReadFile(filepath.Join(directory, page)); err != nil || !bytes.Equal(found, want) {
			t.Errorf("%s: %v\n%s\nwant:\n%s", page, err, found, want)
		}
	}
}

func TestRun_tellsWhatIsWrong(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.h")
	if err := os.WriteFile(bad, []byte("/* A. */\n\nint forker_a(void);\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args []string
		want string
	}{
		{nil, "usage: "},
		{[]string{"json"}, "usage: "},
		{[]string{"yaml", forker}, "usage: "},
		{[]string{"json", forker, "directory"}, "usage: "},
		{[]string{"man", forker}, "usage: "},
		{[]string{"json", "nowhere.h"}, "nowhere.h: no such file"},
		{[]string{"json", bad}, bad + ":3: a declaration without a comment"},
	} {
		var out bytes.Buffer
		if err := run(row.args, &out); err == nil || !strings.Contains(err.Error(), row.want) || out.Len() > 0 {
			t.Errorf("%q: %v, want %s; %d bytes were written", row.args, err, row.want, out.Len())
		}
	}
}
