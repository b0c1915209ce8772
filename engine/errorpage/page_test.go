package errorpage

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestBest(t *testing.T) {
	for _, row := range []struct {
		fields string // One a line.
		want   Form
	}{
		{"", Text},
		{"*/*", Text},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", HTML},
		{"application/json, text/plain, */*", Problem},
		{"text/plain, application/json", Text},
		{"text/html, application/json", HTML},
		{"application/json, text/html", Problem},
		{"application/problem+json", Problem},
		{"APPLICATION/JSON;charset=utf-8;q=0.5,\ttext/*;q=0.4", Problem},
		{"text/html;q=0.5, application/json;q=0.7", Problem},
		{"text/html;q=0, */*", Text},
		{"text/*", Text},
		{"text/plain;q=0.1, text/*", HTML},
		{"application/*", Problem},
		{"image/png", Text},
		{"text/html;q=0", Text},
		{"text/plain;q=0, text/html;q=0, */*;q=0.1", Problem},
		{"text/html;q=1.001, application/json;q=0.001", Problem},
		{"text/html;q=, text/html;q=2, ;q=1, ,", Text},
		{"text/html;q=0.4\napplication/json", Problem},
		{"text/html;level=1;Q=0.4, application/json;q=0.3", HTML},
	} {
		var w Wishes
		for field := range strings.SplitSeq(row.fields, "\n") {
			w.Add([]byte(field))
		}
		if got := w.Best(); got != row.want {
			t.Errorf("%q: %d, want %d", row.fields, got, row.want)
		}
	}
}

func TestAppend_isOfItsForm(t *testing.T) {
	const detail = "\"a\" <script>&'\\\n\x01\xff"
	for form, want := range map[Form]string{
		Text:    "404 Not Found\n" + detail + "\n",
		HTML:    "<p>&#34;a&#34; &lt;script&gt;&amp;&#39;\\\n\ufffd\ufffd</p>",
		Problem: `{"type":"about:blank","title":"Not Found","status":404,"detail":"\"a\" \u003cscript\u003e\u0026'\\\u000a\u0001` + "\ufffd\"}\n",
	} {
		if got := string(Append(nil, form, 404, "Not Found", detail)); !strings.Contains(got, want) {
			t.Errorf("%d: %q, want %q", form, got, want)
		}
	}
	if got := string(Append(nil, Problem, 499, "", "")); got != "{\"type\":\"about:blank\",\"status\":499}\n" {
		t.Errorf("%q", got)
	}
}

func FuzzAppend(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\"\\</p>\u2028\xc3")
	f.Add(strings.Repeat("<\x01", Most))
	f.Fuzz(func(t *testing.T, detail string) {
		page := Append(nil, HTML, 500, "Internal Server Error", detail)
		if len(page) > Most || strings.Count(string(page), "<") != strings.Count(string(Append(nil, HTML, 500, "Internal Server Error", "a")), "<") && detail != "" {
			t.Errorf("%d bytes: %q", len(page), page)
		}
		if text := Append(nil, Text, 500, "Internal Server Error", detail); len(text) > Most {
			t.Errorf("%d bytes of text", len(text))
		}
		problem := Append(nil, Problem, 500, "Internal Server Error", detail)
		var told struct{ Detail string }
		want := string([]rune(detail)) // What is not UTF-8 has become U+FFFD.
		if err := json.Unmarshal(problem, &told); err != nil || len(problem) > Most || !strings.HasPrefix(want, told.Detail) || len(problem) < Most/2 && told.Detail != want {
			t.Errorf("%v: %q", err, problem)
		}
	})
}

func FuzzBest(f *testing.F) {
	f.Add([]byte("text/html;q=0.5, application/json"))
	f.Fuzz(func(t *testing.T, value []byte) {
		var w Wishes
		w.Add(value)
		if best := w.Best(); best >= ByAccept {
			t.Errorf("%q: %d", value, best)
		}
	})
}
