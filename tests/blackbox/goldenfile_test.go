package blackbox

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// goldenFile is a file of testdata/golden. Its format is in testdata/golden/README.md.
type goldenFile struct {
	name     string
	sections []*goldenSection
}

// goldenSection is what one server is asked.
type goldenSection struct {
	lead    []string // Lines before the first case, as they are.
	options []string
	cases   []*goldenCase
}

// goldenCase is one conversation.
type goldenCase struct {
	name  string
	steps []goldenStep
}

// goldenStep is one step of a conversation. Its kind is the character that its lines begin with; notes have none.
type goldenStep struct {
	kind byte
	raw  []string // The lines as they are in the file.
	text string   // Bytes of goldenSend and goldenExpect, the words of the others.
}

const (
	goldenSend   = '>'
	goldenExpect = '<'
	goldenEvent  = '~'
	goldenFate   = '='
	goldenNote   = ' '
)

func readGolden(t *testing.T, name string) *goldenFile {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f := &goldenFile{name: name, sections: []*goldenSection{{}}}
	for number, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if err := f.enter(line); err != nil {
			t.Fatalf("%s:%d: %v", name, number+1, err)
		}
	}
	return f
}

// enter takes a line in.
func (f *goldenFile) enter(line string) error {
	section := f.sections[len(f.sections)-1]
	options, opens := strings.CutPrefix(line, "-- options:")
	name, begins := strings.CutPrefix(line, "== ")
	switch {
	case opens:
		if len(section.cases) > 0 {
			section = &goldenSection{}
			f.sections = append(f.sections, section)
		}
		section.options = strings.Fields(options)
		section.lead = append(section.lead, line)
	case begins:
		section.cases = append(section.cases, &goldenCase{name: name})
	case len(section.cases) == 0:
		section.lead = append(section.lead, line)
	default:
		return section.cases[len(section.cases)-1].enter(line)
	}
	return nil
}

func (c *goldenCase) enter(line string) error {
	kind := byte(goldenNote)
	if line != "" && line[0] != '#' {
		kind = line[0]
	}
	content := strings.TrimPrefix(strings.TrimPrefix(line, string(kind)), " ")
	switch kind {
	case goldenSend, goldenExpect:
		text, err := decodeGolden(content)
		if err != nil {
			return err
		}
		if last := len(c.steps) - 1; last >= 0 && c.steps[last].kind == kind {
			c.steps[last].raw = append(c.steps[last].raw, line)
			c.steps[last].text += text
			return nil
		}
		content = text
	case goldenEvent, goldenFate, goldenNote:
	default:
		return fmt.Errorf("what is %q?", line)
	}
	c.steps = append(c.steps, goldenStep{kind, []string{line}, content})
	return nil
}

// last is the number of the last step that the case itself has, notes and how it ends left out; -1 if there is none.
func (c *goldenCase) last() int {
	for i := len(c.steps) - 1; i >= 0; i-- {
		if kind := c.steps[i].kind; kind == goldenSend || kind == goldenEvent {
			return i
		}
	}
	return -1
}

// String is the case as it stands in its file, without its name.
func (c *goldenCase) String() string {
	var text strings.Builder
	for _, step := range c.steps {
		for _, line := range step.raw {
			text.WriteString(line + "\n")
		}
	}
	return text.String()
}

func (f *goldenFile) String() string {
	var text strings.Builder
	for _, section := range f.sections {
		for _, line := range section.lead {
			text.WriteString(line + "\n")
		}
		for _, c := range section.cases {
			text.WriteString("== " + c.name + "\n" + c.String())
		}
	}
	return text.String()
}

// expectation makes a step of what has come.
func expectation(received string) goldenStep {
	step := goldenStep{kind: goldenExpect, text: received}
	for rest := received; rest != ""; {
		line, behind, whole := strings.Cut(rest, "\r\n")
		if at := strings.LastIndex(line, "HTTP/1.1 "); at > 0 { // The next response begins on a line of its own.
			line, behind, whole = line[:at], rest[at:], false
		}
		text := encodeGolden(line)
		if !whole {
			text += `\`
		}
		step.raw = append(step.raw, strings.TrimSuffix("< "+text, " "))
		rest = behind
	}
	return step
}

// goldenRun is how many equal bytes are written as their number.
const goldenRun = 24

// encodeGolden writes bytes as printable ones, none of which is the last blank.
func encodeGolden(line string) string {
	var text strings.Builder
	for i := 0; i < len(line); {
		run := 1
		for i+run < len(line) && line[i+run] == line[i] {
			run++
		}
		one := encodeGoldenByte(line[i], i+run == len(line))
		if run >= goldenRun {
			fmt.Fprintf(&text, `\{%d*%s}`, run, one)
		} else {
			text.WriteString(strings.Repeat(one, run))
		}
		i += run
	}
	return text.String()
}

func encodeGoldenByte(b byte, last bool) string {
	switch {
	case b == '\n':
		return `\n`
	case b == '\r':
		return `\r`
	case b == '\t':
		return `\t`
	case b == '\\':
		return `\\`
	case b < ' ' || b > '~' || b == ' ' && last:
		return fmt.Sprintf(`\x%02x`, b)
	}
	return string(rune(b))
}

// decodeGolden turns a line of a file into the bytes that it stands for.
func decodeGolden(line string) (string, error) {
	var text strings.Builder
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' {
			text.WriteByte(line[i])
			continue
		}
		if i++; i == len(line) {
			return text.String(), nil
		}
		switch line[i] {
		case '{':
			run, used, err := decodeGoldenRun(line[i+1:])
			if err != nil {
				return "", err
			}
			text.WriteString(run)
			i += used
		case 'x':
			b, err := strconv.ParseUint(line[i+1:min(i+3, len(line))], 16, 8)
			if err != nil {
				return "", err
			}
			text.WriteByte(byte(b))
			i += 2
		default:
			at := strings.IndexByte(`nrt\`, line[i])
			if at < 0 {
				return "", fmt.Errorf("no such escape: %q", line[i-1:])
			}
			text.WriteByte("\n\r\t\\"[at])
		}
	}
	return text.String() + "\r\n", nil
}

// decodeGoldenRun reads "80*ab}", and tells how long that is.
func decodeGoldenRun(line string) (run string, used int, err error) {
	inside, _, closed := strings.Cut(line, "}")
	number, one, starred := strings.Cut(inside, "*")
	n, err := strconv.Atoi(number)
	if err != nil || !closed || !starred {
		return "", 0, fmt.Errorf(`not \{number*bytes}: %q`, line)
	}
	one, err = decodeGolden(one + `\`)
	return strings.Repeat(one, n), len(inside) + 1, err
}

func TestGoldenFile_keepsEveryByte(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, text := range []string{
		string(all), "a\r\nb", "\r\n\r\n", "a\r", "\na \r\n", strings.Repeat("\x00", 30) + `\{2*a}`, "xHTTP/1.1 200 OK\r\n",
	} {
		var f goldenFile
		f.sections = []*goldenSection{{cases: []*goldenCase{{}}}}
		for _, line := range expectation(text).raw {
			if err := f.enter(line); err != nil {
				t.Error(err)
			}
		}
		if got := f.sections[0].cases[0].steps[0].text; got != text {
			t.Errorf("%q is read as %q", text, got)
		}
	}
}
