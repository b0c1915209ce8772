package blackbox

import (
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startForms starts form.c.
func startForms(t *testing.T, b build, options ...string) *program {
	t.Helper()
	return start(t, setup{build: &b, source: "form.c", args: []string{"127.0.0.1:0"}, env: environment(append([]string{"workers=1"}, options...))}).waitReady()
}

// expectNoForms wants that the program has let go of every form.
func (p *program) expectNoForms() {
	p.t.Helper()
	eventually(p.t, "no form lives", func() bool { return p.get("/live").body == "0" })
	p.expectNoBodiesLeft()
}

// part is a field of a form, or if it has a name of a file, that.
type part struct{ name, filename, content string }

func (f part) isFile() bool { return f.filename != "" }

// multipartForm writes a form as browsers do.
func multipartForm(parts []part) (body, contentType string) {
	var s strings.Builder
	w := multipart.NewWriter(&s)
	for _, f := range parts {
		header := textproto.MIMEHeader{}
		disposition := `form-data; name="` + f.name + `"`
		if f.isFile() {
			disposition += `; filename="` + f.filename + `"`
			header.Set("Content-Type", "text/plain")
		}
		header.Set("Content-Disposition", disposition)
		to, _ := w.CreatePart(header)
		_, _ = io.WriteString(to, f.content)
	}
	_ = w.Close()
	return s.String(), w.FormDataContentType()
}

// formText is what form.c says of a form.
func formText(parts []part) string {
	var fields, files strings.Builder
	for _, f := range parts {
		if f.isFile() {
			fmt.Fprintf(&files, "%s:%s:text/plain:%s&", f.name, f.filename, strings.Replace(sum(f.content), " ", ":", 1))
		} else {
			fields.WriteString(f.name + "=" + f.content + "&")
		}
	}
	return fields.String() + files.String()
}

// postForm is a request with a form, in chunks if chunk > 0.
func postForm(target, body, contentType string, chunk int) string {
	return strings.Replace(post(target, body, chunk), "Host: t\r\n", "Host: t\r\nContent-Type: "+contentType+"\r\n", 1)
}

func (p *program) sendForm(target, body, contentType string) response {
	p.t.Helper()
	c := p.dial()
	defer c.Close()
	return c.sendAside(postForm(target, body, contentType, 0)).receive("POST")
}

var someForms = [][]part{
	nil,
	{{"a", "", "1"}},
	{{"a", "", ""}, {"f", "empty.txt", ""}},
	{{"a", "", "1"}, {"a", "", "2"}, {"f", "one.txt", "\r\n--"}, {"b", "", "\r\n\r\n--x--\r\n"}, {"f", "two.txt", content(100)}},
	{{"before", "", "x"}, {"f", "large.txt", strings.Repeat("\r\n--", 20000)}, {"behind", "", content(3000)}},
	{{"f", "larger.txt", content(300000)}, {"g", "small.txt", "s"}},
}

// TestForm_isTheSameInEveryWay: whole and part by part, in chunks or not, from memory or a file, paused at every call or not.
func TestForm_isTheSameInEveryWay(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startForms(t, b, "body_buffer=64k")
		for i, parts := range someForms {
			body, contentType := multipartForm(parts)
			want := formText(parts)
			for _, target := range []string{"/whole", "/before/whole", "/parts", "/parts-whole", "/own", "/paused", "/paused-whole", "/paused-pool", "/whole-pool"} {
				for _, chunk := range []int{0, 7, 4096, 1 << 30} {
					if chunk == 7 && len(body) > 20000 {
						continue
					}
					c := p.dial().sendAside(postForm(target, body, contentType, chunk) + hello)
					if a := c.receive("POST"); a.StatusCode != 200 || a.body != want {
						t.Fatalf("form %d, %s in chunks of %d: %s %.300q, want %.300q", i, target, chunk, a.Status, a.body, want)
					}
					c.receive("GET")
					must(t, c.Close())
				}
			}
		}
		p.expectNoForms()
	})
}

// TestForm_comesInPiecesOfAnySize, each as the client sends it.
func TestForm_comesInPiecesOfAnySize(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startForms(t, b)
		body, contentType := multipartForm(someForms[3])
		random := rand.New(rand.NewPCG(1, 2))
		for _, target := range []string{"/parts", "/paused", "/whole"} {
			for range 5 {
				c := p.dial()
				must(t, c.tcp().SetNoDelay(true))
				for left := postForm(target, body, contentType, 0); left != ""; {
					n := min(1+random.IntN(60), len(left))
					c.send(left[:n])
					left = left[n:]
					c.waitRead()
				}
				if a := c.receive("POST"); a.body != formText(someForms[3]) {
					t.Errorf("%s: %s %q", target, a.Status, a.body)
				}
			}
		}
		p.expectNoForms()
	})
}

func TestForm_comesByHTTP2(t *testing.T) {
	p := startForms(t, plain, "h2c=on", "body_buffer=64k")
	client := p.http2Client(nil)
	for i, parts := range someForms {
		body, contentType := multipartForm(parts)
		for _, target := range []string{"/whole", "/parts", "/paused", "/paused-whole", "/paused-pool"} {
			for _, reader := range []io.Reader{strings.NewReader(body), io.MultiReader(strings.NewReader(body))} {
				req := newRequest(t, "POST", target, reader)
				req.URL.Scheme = "http"
				req.Header.Set("Content-Type", contentType)
				if got := fetch(t, client, req); got != formText(parts) {
					t.Errorf("form %d, %s: %.300q", i, target, got)
				}
			}
		}
	}
	p.expectNoForms()
}

// TestForm_urlencoded is read as Go reads it.
func TestForm_urlencoded(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startForms(t, b)
		for _, form := range []string{"", "a=1&b=2&a=3", "a", "a=", "=", "a=b=c", "&&a=1&", "x+y=%41%2b+%26", "%61=%00b", "ä=ö"} {
			var want strings.Builder
			for pair := range strings.SplitSeq(form, "&") {
				name, value, _ := strings.Cut(pair, "=")
				name, _ = url.QueryUnescape(name)
				value, _ = url.QueryUnescape(value)
				if pair != "" {
					want.WriteString(name + "=" + strings.ReplaceAll(value, "\x00b", "") + "&")
				}
			}
			a := p.sendForm("/whole", form, "application/x-www-form-urlencoded; charset=utf-8")
			if got := strings.ReplaceAll(a.body, "\x00b", ""); a.StatusCode != 200 || got != want.String() {
				t.Errorf("%q: %s %q, want %q", form, a.Status, a.body, want.String())
			}
		}
		a := p.sendForm("/named", "n=5&a=1&b=x&a=2", "application/x-www-form-urlencoded")
		if a.body != "1,2,5 -1 -1" {
			t.Errorf("%s %q", a.Status, a.body)
		}
		if a = p.sendForm("/named", "n=11", "application/x-www-form-urlencoded"); a.StatusCode != 400 || !strings.Contains(a.body, `n: "11" is not a whole number from 1 to 10`) {
			t.Errorf("%s %q", a.Status, a.body)
		}
		if a = p.sendForm("/named", "n=11", "text/plain"); a.StatusCode != 400 || !strings.Contains(a.body, "form: Content-Type text/plain is none of a form") {
			t.Errorf("%s %q", a.Status, a.body)
		}
		names := []part{{"f", `C:\dir\a.txt`, ""}, {"f", "../../b", ""}, {"f", "c/..", ""}, {"g", "other", ""}, {"f", ".", ""}, {"f", "d/", ""}, {"f", "e..", ""}}
		body, contentType := multipartForm(names)
		if a = p.sendForm("/named", body, contentType); a.body != "a.txt;b;;;;e..;7 -1 -1" {
			t.Errorf("names of files: %s %q", a.Status, a.body)
		}
	})
}

// TestForm_isRefusedWithAReason: by 400 and 413, whole and part by part.
func TestForm_isRefusedWithAReason(t *testing.T) {
	const head = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
	rows := []struct {
		body, contentType string
		status            int
		reason            string
	}{
		{head + "1\r\n", "multipart/form-data; boundary=b", 400, "form: the body ends before its last boundary"},
		{"", "multipart/form-data; boundary=b", 400, "form: the body has no boundary"},
		{"a=1", "multipart/form-data; boundary=b", 400, "form: the body has no boundary"},
		{head + "1\r\n--b x\r\n", "multipart/form-data; boundary=b", 400, "form: a boundary is followed by something else than a line end"},
		{"--b\r\nX: y\r\n\r\n1\r\n--b--", "multipart/form-data; boundary=b", 400, "form: a part has no Content-Disposition of form-data with a name"},
		{"--b\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--b--", "multipart/form-data; boundary=b", 400, "form: a part has no Content-Disposition of form-data with a name"},
		{"--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--b--", "multipart/form-data; boundary=b", 400, "form: the Content-Disposition of a part is malformed"},
		{"--b\r\nno colon\r\n\r\n1\r\n--b--", "multipart/form-data; boundary=b", 400, "form: a line in the header of a part is not name: value"},
		{"--b\r\n a: b\r\n\r\n1\r\n--b--", "multipart/form-data; boundary=b", 400, "form: the header of a part begins with a blank"},
		{"--b\r\nX: " + strings.Repeat("x", 8192), "multipart/form-data; boundary=b", 413, "form: the header of a part has more than 8192 bytes"},
		{head, "multipart/form-data", 400, "form: the Content-Type has no boundary, or is malformed"},
		{head, "multipart/form-data; boundary=b; boundary=c", 400, "form: the Content-Type has no boundary, or is malformed"},
		{head, "multipart/form-data; boundary=b c", 400, "form: the Content-Type has no boundary, or is malformed"},
		{head, "multipart/form-data; boundary=" + strings.Repeat("b", 71), 400, "form: the boundary is empty, ends with a blank, or has more than 70 bytes"},
		{head, `multipart/form-data; boundary=""`, 400, "form: the boundary is empty, ends with a blank, or has more than 70 bytes"},
		{head, `multipart/form-data; boundary="b "`, 400, "form: the boundary is empty, ends with a blank, or has more than 70 bytes"},
		{head, "multipart/mixed; boundary=b", 400, "form: Content-Type multipart/mixed is none of a form"},
		{head, "", 400, "form: the request has no Content-Type"},
	}
	many, fields := strings.Repeat(head+"\r\n", 129)+"--b--", strings.Repeat("a=1&", 1001)
	rows = append(rows, rows[0])
	rows[len(rows)-1].body, rows[len(rows)-1].status, rows[len(rows)-1].reason = many, 413, "form: it has more than 128 parts (option form_parts)"
	eachBuild(t, func(t *testing.T, b build) {
		p := startForms(t, b)
		for _, row := range rows {
			for _, target := range []string{"/whole", "/parts", "/parts-whole"} {
				a := p.sendForm(target, row.body, row.contentType)
				if a.StatusCode != row.status || !strings.Contains(a.body, row.reason) {
					t.Errorf("%s, %.80q as %s: %s %q, want %d %q", target, row.body, row.contentType, a.Status, a.body, row.status, row.reason)
				}
			}
		}
		if a := p.sendForm("/whole", fields, "application/x-www-form-urlencoded"); a.StatusCode != 413 || !strings.Contains(a.body, "more than 1000 fields") {
			t.Errorf("1001 fields: %s %q", a.Status, a.body)
		}
		if a := p.sendForm("/whole", fields[4:], "application/x-www-form-urlencoded"); a.StatusCode != 200 {
			t.Errorf("1000 fields: %s %q", a.Status, a.body)
		}
		if a := p.sendForm("/parts", "a=1", "application/x-www-form-urlencoded"); a.StatusCode != 400 || !strings.Contains(a.body, "which has no parts") {
			t.Errorf("parts of urlencoded: %s %q", a.Status, a.body)
		}
		for _, target := range []string{"/own", "/paused", "/paused-whole"} {
			want := map[string]string{"/own": "own"}[target]
			if a := p.sendForm(target, head+"1\r\n--b x", rows[0].contentType); a.StatusCode != 422 || want != "" && a.body != want {
				t.Errorf("%s: %s %q", target, a.Status, a.body)
			}
		}
		p.expectNoForms()
		if p.log.count("returned") > 0 {
			t.Errorf("there are faults:\n%s", p.log)
		}
	})
}

// TestForm_hasLimits, of a route and a group.
func TestForm_hasLimits(t *testing.T) {
	field := func(n int) part { return part{"a", "", content(n)} }
	file := func(n int) part { return part{"f", "x", content(n)} }
	eachBuild(t, func(t *testing.T, b build) {
		p := startForms(t, b)
		for limit, rows := range map[string]struct {
			fits, exceeds []part
			reason        string
		}{
			"form_parts":  {[]part{field(1), file(1)}, []part{field(1), field(1), file(1)}, "form: it has more than 2 parts (option form_parts)"},
			"form_field":  {[]part{field(10), field(10), file(11)}, []part{field(1), field(11)}, `form: "a" has more than 10 bytes (option form_field)`},
			"form_fields": {[]part{field(10), field(5), file(16)}, []part{field(10), field(6)}, "form: its fields have more than 15 bytes (option form_fields)"},
			"form_file":   {[]part{file(20), file(20), field(21)}, []part{file(21)}, `form: "f" has more than 20 bytes (option form_file)`},
			"form_files":  {[]part{file(20), file(10), field(31)}, []part{file(20), file(11)}, "form: its files have more than 30 bytes (option form_files)"},
		} {
			for _, way := range []string{"/whole/", "/parts/"} {
				body, contentType := multipartForm(rows.fits)
				if a := p.sendForm(way+limit, body, contentType); a.StatusCode != 200 || a.body != formText(rows.fits) {
					t.Errorf("%s%s: %s %q", way, limit, a.Status, a.body)
				}
				body, contentType = multipartForm(rows.exceeds)
				if a := p.sendForm(way+limit, body, contentType); a.StatusCode != 413 || !strings.Contains(a.body, rows.reason) {
					t.Errorf("%s%s: %s %q", way, limit, a.Status, a.body)
				}
			}
		}
		body, contentType := multipartForm([]part{field(1), field(1)})
		if a := p.sendForm("/whole/group", body, contentType); a.StatusCode != 413 || !strings.Contains(a.body, "more than 1 parts") {
			t.Errorf("of the group: %s %q", a.Status, a.body)
		}
		for form, status := range map[string]int{"a=1234567890&b=123": 200, "a=12345678901": 413, "a=1234567890&b=1234": 200, "aaaaaaaaaaa=1": 413} {
			if a := p.sendForm("/whole/form_field", form, "application/x-www-form-urlencoded"); a.StatusCode != status {
				t.Errorf("%s: %s %q", form, a.Status, a.body)
			}
		}
		if a := p.sendForm("/whole/form_fields", "a=1234567890&b=1234", "application/x-www-form-urlencoded"); a.StatusCode != 413 {
			t.Errorf("names count: %s %q", a.Status, a.body)
		}
		p.expectNoForms()
	})
	p := startForms(t, plain, "form_field=5")
	if a := p.sendForm("/whole", "a=123456", "application/x-www-form-urlencoded"); a.StatusCode != 413 || !strings.Contains(a.body, "more than 5 bytes (option form_field)") {
		t.Errorf("of the server: %s %q", a.Status, a.body)
	}
}

// TestForm_thatIsNotThere is a mistake of the program.
func TestForm_thatIsNotThere(t *testing.T) {
	p := startForms(t, plain)
	body, contentType := multipartForm(someForms[1])
	if a := p.sendForm("/whole-streamed", body, contentType); a.StatusCode != 500 {
		t.Errorf("%s %q", a.Status, a.body)
	}
	p.log.wait(t, 0, "form: the body is not there; see forker_request_on_part()")
	c := p.dial().send(postForm("/before/whole", body, contentType, 10))
	if a := c.receive("POST"); a.StatusCode != 200 || a.body != formText(someForms[1]) || !strings.Contains(a.Header.Get("X-Before"), "not there") {
		t.Errorf("%s %q %q", a.Status, a.body, a.Header.Get("X-Before"))
	}
}

// TestForm_endsOnce, however it does.
func TestForm_endsOnce(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startForms(t, b)
		body, contentType := multipartForm(someForms[4])
		for _, row := range []struct {
			target string
			status int
		}{{"/enough", 422}, {"/fail", 500}} {
			mark := p.out.mark()
			if a := p.sendForm(row.target, body, contentType); a.StatusCode != row.status {
				t.Errorf("%s: %s %q", row.target, a.Status, a.body)
			}
			p.out.wait(t, mark, "ended -15: ")
			p.expectNoForms()
		}
		request := postForm("/parts", body, contentType, 0)
		c := p.dial().send(request[:len(request)/2])
		c.waitRead()
		must(t, c.Close())
		p.expectNoForms()
		for _, target := range []string{"/stuck", "/stuck-whole"} {
			mark := p.out.mark()
			c = p.dial().send(postForm(target, body[:20000], contentType, 0))
			p.out.wait(t, mark, "stuck")
			must(t, c.tcp().SetLinger(0)) // Its end alone would not end the pause.
			must(t, c.Close())
			p.expectNoForms()
		}
		if p.out.count("stuck twice") > 0 {
			t.Error("on_part was called during a pause")
		}
	})
}

// TestBody_timeEndsWithIt: a program may think as long as handler_timeout says about a body that came slowly.
func TestBody_timeEndsWithIt(t *testing.T) {
	p := startForms(t, plain, "read_body_timeout=300ms")
	c := p.dial().send("POST /held HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n12345")
	c.waitRead()
	c.send("67890")
	p.out.wait(t, 0, "held")
	time.Sleep(600 * time.Millisecond)
	p.expectGet("/release", 200, "released")
	if a := c.receive("POST"); a.StatusCode != 200 || a.body != "held" {
		t.Errorf("%s %q", a.Status, a.body)
	}
}

// TestForm_takesLittleMemory: a file of any size goes through a worker, which keeps none of it.
func TestForm_takesLittleMemory(t *testing.T) {
	p := startForms(t, plain, "max_body=1g")
	rss := func() int { return residentOf(t, p.workers()[0]) }
	head := "--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n"
	piece := content(1 << 20)
	const pieces = 200
	body := int64(len(head)) + pieces<<20 + int64(len("\r\n--b--"))
	before := rss()
	for _, target := range []string{"/parts", "/paused"} {
		c := p.dial()
		must(t, c.SetDeadline(time.Now().Add(2*patience)))
		c.send(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: t\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s", target, body, head))
		for range pieces {
			c.send(piece)
		}
		if a := c.send("\r\n--b--").receive("POST"); a.StatusCode != 200 || !strings.HasPrefix(a.body, fmt.Sprintf("f:x:none:%d:", pieces<<20)) {
			t.Errorf("%s: %s %q", target, a.Status, a.body)
		}
	}
	if more := rss() - before; more > 20<<20 {
		t.Errorf("the worker has %d KiB more", more>>10)
	}
}

// TestForm_ofCurl is what a real client sends.
func TestForm_ofCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	p := startForms(t, plain, "body_buffer=10k")
	large := filepath.Join(t.TempDir(), `naïve "name".txt`)
	write(t, large, content(100000))
	want := `text=a b&d&f:naïve "name".txt:text/plain:` + strings.Replace(sum(content(100000)), " ", ":", 1) + "&"
	for _, target := range []string{"/whole", "/parts", "/paused"} {
		out, err := exec.Command(curl, "-sS", "-F", "text=a b&d", "-F", "f=@\""+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(large)+"\";type=text/plain", "http://"+p.address(0)+target).CombinedOutput()
		got := strings.ReplaceAll(string(out), "%22", `"`) // As curl has it since 7.81.
		if err != nil || got != want {
			t.Errorf("%s: %v %q, want %q", target, err, got, want)
		}
	}
}

// formRecipe starts a program of the lines of C that docs/HOWTO.md has behind a heading, with the handler for POST /.
func formRecipe(t *testing.T, heading, handler, user string) *program {
	t.Helper()
	page, err := os.ReadFile("../../docs/HOWTO.md")
	must(t, err)
	_, text, _ := strings.Cut(string(page), "## "+heading+"\n\n```c\n")
	text, _, closed := strings.Cut(text, "```")
	if !closed {
		t.Fatalf("docs/HOWTO.md has no C behind %q", heading)
	}
	dir := t.TempDir()
	source, path := filepath.Join(dir, "recipe.c"), filepath.Join(dir, "recipe")
	write(t, source, "#include \"program.h\"\n"+text+"int main(void) {\n    forker_server *server = forker_server_new();\n"+
		"    forker_server_handle(server, \"POST\", \"/\", "+handler+", \""+user+"\");\n    forker_server_on_worker_init(server, tell_worker, NULL);\n"+
		"    forker_server_listen(server, \"127.0.0.1:0\");\n    return serve_to_end(server);\n}\n")
	must(t, runCompiler("gcc", []string{
		"-std=c11", "-D_GNU_SOURCE", "-Wall", "-I" + filepath.Join(sourceTree(), "include"), "-Itestdata", "-o", path, source, "-L" + plain.dir, "-lforker", "-Wl,-rpath," + plain.dir,
	}))
	return start(t, setup{path: path, env: environment([]string{"workers=1"})}).waitReady()
}

func TestHowTo_form(t *testing.T) {
	p := formRecipe(t, "A form", "sign_up", "")
	for form, want := range map[string]string{"name=me&age=20": "303 ", "name=me": "303 ", "age=20": "422 the name is missing", "name=me&age=7": `422 age: "7" is not`, "name=" + content(70000): "413 "} {
		a := p.sendForm("/", form, "application/x-www-form-urlencoded")
		if got := fmt.Sprint(a.StatusCode, " ", a.body); !strings.HasPrefix(want, got[:4]) || !strings.Contains(got, want[4:]) {
			t.Errorf("%.40s: %q", form, got)
		}
	}
}

func TestHowTo_upload(t *testing.T) {
	dir := t.TempDir()
	p := formRecipe(t, "An upload", "take_picture", dir)
	body, contentType := multipartForm([]part{{"picture", "x.jpg", content(100000)}})
	for range 2 {
		if a := p.sendForm("/", body, contentType); a.StatusCode != 201 {
			t.Errorf("%s %q", a.Status, a.body)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	if len(files) != 2 {
		t.Fatalf("there are %q", files)
	}
	if got, err := os.ReadFile(files[0]); err != nil || string(got) != content(100000) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	body, contentType = multipartForm(someForms[1])
	if a := p.sendForm("/", body, contentType); a.StatusCode != 400 || !strings.Contains(a.body, "there is no file number 0") {
		t.Errorf("%s %q", a.Status, a.body)
	}
}
