package install

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The licences of what is linked into the library ask for their text to be passed on with it.
func TestLicences_areThoseOfWhatIsLinked(t *testing.T) {
	notices := map[string]string{"go.txt": filepath.Join(run(t, nil, "go", "env", "GOROOT"), "LICENSE")}
	const modules = "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}"
	for line := range strings.Lines(run(t, nil, "go", "list", "-C", sourceTree(t), "-deps", "-f", modules, "./capi")) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
		notices[strings.ReplaceAll(path, "/", "_")+".txt"] = filepath.Join(dir, "LICENSE")
	}
	if len(notices) < 2 {
		t.Errorf("no module but Go's own is linked: %v", notices)
	}
	for name, original := range notices {
		kept, err := os.ReadFile(filepath.Join(sourceTree(t), "LICENSES", name))
		if err != nil {
			t.Error(err)
			continue
		}
		if text, err := os.ReadFile(original); err != nil || !bytes.Equal(kept, text) {
			t.Errorf("LICENSES/%s is not %s (%v)", name, original, err)
		}
	}
}
