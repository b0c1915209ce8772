package header

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// beginning is what each header of the tests begins with: 12 lines, and the types that they use.
const beginning = `/*
 * forker.h - a header.
 */
#define FORKER_VERSION_MAJOR 0
#define FORKER_VERSION "0.1.0"
/* ------------------------------------------- first */
/* A server. */
typedef struct forker_server forker_server;
/* A handle. */
typedef uint64_t forker_deferred;
/* Codes. */
enum { FORKER_OK = 0, FORKER_E_LIMIT = -2 };
`

func TestParse_refuses(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"\nint forker_a(int a);", "h:14: a declaration without a comment"},
		{"/* A. */\n\nint forker_a(int a);", "h:15: a declaration without a comment"},
		{"/* A. */\nint forker_a(int a);\n\nint forker_b(int b);", "h:16: a declaration without a comment"},
		{"/* A. */\n\n/* B. */\nint forker_b(int b);", "h:13: a comment without a declaration"},
		{"/* ---------- second */\n/* All. */\n\n/* More. */\n\n/* A. */\nvoid forker_a(int a);", "h:16: a comment without a declaration"},
		{"/* A. */\n", "h:13: a comment without a declaration"},
		{"/* A. */\nint forker_a(int);", "h:14: a parameter without a name of its own: int"},
		{"/* A. */\nint forker_a(forker_server *);", "h:14: a parameter without a name of its own: forker_server *"},
		{"/* A. */\nint forker_a(unsigned a);", "h:14: no type that bindings know: unsigned"},
		{"/* A. */\nint forker_a(int long a);", "h:14: no type that bindings know: int long"},
		{"/* A. */\nforker_frob *forker_a(int a);", "h:14: no type that bindings know: forker_frob *"},
		{"/* A. */\nint forker_a(const a);", `h:14: ")" where a type should be`},
		{"/* A. */\nint forker_a(int a, ...);", "h:14: forker_a has a variable number of arguments, which bindings cannot call"},
		{"/* A. */\nint forker_a(int a)\nint forker_b(int b);", `h:15: "int" where ";" should be`},
		{"/* A. */\nint forker_a(int a;", `h:14: ";" where ")" should be`},
		{"/* A. */\nint forker_a(int a", `h:14: "the end of the file" where ")" should be`},
		{"/* A. */\nint forker_a(int a);\nint forker_a(int a);", "h:15: a function without a name of its own: int forker_a"},
		{"/* A. */\nint forker_a(int a[2]);", `h:14: "[" where ")" should be`},
		{"/* A. */\nstatic inline int forker_a(void) { return 1; }", "h:14: no type that bindings know: static inline int"},
		{"/* A. */\nextern int forker_a;", "h:14: no type that bindings know: extern int"},
		{"/* A. */\ntypedef struct forker_a forker_b;", `h:14: "forker_b" where "forker_a" should be`},
		{"/* A. */\ntypedef struct forker_a {\n  int a;\n} forker_b;", `h:16: "forker_b" where "forker_a" should be`},
		{"/* A. */\ntypedef struct forker_a {\n  int a[FORKER_A];\n} forker_a;", "h:15: no constant has the name FORKER_A"},
		{"/* A. */\ntypedef struct forker_a {\n  int a\n} forker_a;", `h:16: "}" where ";" should be`},
		{"/* A. */\nenum { FORKER_A };", `h:14: "}" where "=" should be`},
		{"/* A. */\nenum { FORKER_A = B };", `h:14: FORKER_A has no number: "B"`},
		{"/* A. */\nenum { FORKER_A = 1 FORKER_B = 2 };", `h:14: "FORKER_B" behind FORKER_A, where a comma should be`},
		{"/* A. */\nenum { FORKER_OK = 1 };", "h:14: FORKER_OK is declared already"},
		{"#define FORKER_HIDDEN(x) x", "h:13: a line of the preprocessor of which bindings would not know: #define FORKER_HIDDEN(x) x"},
		{"#pragma once", "h:13: a line of the preprocessor of which bindings would not know: #pragma once"},
		{"// A.", "h:13: this is nothing that a header of this style has: // A."},
		{"/* A.\nint forker_a(int a);", "h:13: this is nothing that a header of this style has: /* A."},

		{"/* A. */\ntypedef struct forker_a {\n  int a;\n} forker_a;\nint forker_b(forker_a b);", "h:17: forker_b takes forker_a by value, which bindings cannot give"},
		{"/* A. */\nvoid forker_a(void a, int b);", "h:14: forker_a takes void by value, which bindings cannot give"},
		{"/* A. */\nint forker_a(const void *data, int len);", "h:14: data of forker_a has no length behind it"},
		{"/* A. */\nint forker_a(int a_out);", "h:14: a_out of forker_a is no pointer"},
		{"/* A, until it returns. */\nint forker_a(int a);", "h:14: forker_a gives an int, and nothing says what it Returns, or that it is 1 or 0"},

		{"/* As forker_b() does. */\nint forker_a(int a);", "h:13: no function has the name forker_b"},
		{"/* ---------- second */\n/* As forker_b() does. */\n\n/* A. */\nvoid forker_a(int a);", "h:14: no function has the name forker_b"},
		{"/*\n * A.\n * Returns FORKER_E_LIMTI.\n */\nint forker_a(int a);", "h:15: no constant has the name FORKER_E_LIMTI"},
		{"/*\n * A. Any thread of the\n * program.\n */\nint forker_a(int a);", `h:14: no set phrase about threads: "Any thread of the program"`},
		{"/* A. Any thread, any process of the tree. Any thread. */\nint forker_a(int a);", `h:13: a second phrase about threads: "Any thread"`},
		{"/* A. May be NULL: text. */\nint forker_a(const char *txet);", `h:13: "text" may be NULL, and is no pointer of these functions`},
		{"/* A. May be NULL: text, number. */\nint forker_a(const char *text, int number);", `h:13: "number" may be NULL, and is no pointer of these functions`},
	} {
		api, err := Parse("h", beginning+row.text)
		if err == nil || !strings.Contains(err.Error(), row.want) || api != nil {
			t.Errorf("%s\n%v, want %s", row.text, err, row.want)
		}
	}
}

// All that is wrong with the conventions is told at once.
func TestParse_tellsOfAll(t *testing.T) {
	_, err := Parse("h", beginning+"/* As forker_b() does. Any thread of it. */\nvoid forker_a(const void *data);")
	if err == nil || strings.Count(err.Error(), "h:1") != 3 {
		t.Errorf("%v, want three errors", err)
	}
}

// function parses one function, its comment before it.
func function(t *testing.T, text string) Function {
	t.Helper()
	api, err := Parse("h", beginning+text)
	if err != nil {
		t.Fatal(err)
	}
	return api.Functions[0]
}

func TestParse_readsPhrases(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"/* A. Returns what it does. */\nint forker_a(forker_server *s);", "owner//code"},
		{"/* A. Returns as forker_a() does. */\nint forker_a(forker_deferred handle);", "any//code"},
		{"/* A. On the thread that calls the handlers: there. */\nvoid forker_a(forker_deferred handle);", "owner//"},
		{"/* A. Any thread, any process. */\nvoid forker_a(forker_server *s);", "any/any/"},
		{"/*\n * A. Any thread, any\n * process of the tree; not there.\n */\nvoid forker_a(forker_server *s);", "any/of the tree/"},
		{"/* A, in any thread. */\nvoid forker_a(forker_server *s);", "owner//"},
		{"/* A: 1 or 0. */\nint forker_a(int a);", "owner//truth"},
		{"/* A. */\nint forker_a(int a); /* 1 or 0 */", "owner//truth"},
		{"/* A. Returns the number. */\nint forker_a(int a);", "owner//number"},
		{"/* A. Returns FORKER_OK, FORKER_E_LIMIT (if). */\nint forker_a(int a);", "owner//code FORKER_E_LIMIT"},
		{"/* A. Returns FORKER_OK, FORKER_E_LIMIT (if), FORKER_E_LIMIT (or if); see FORKER_OK_AS_* and FORKER_LIBRARY. */\nint forker_a(int a);", "owner//code FORKER_E_LIMIT"},
		{"/* A. Returns FORKER_E_LIMIT. */\nconst char *forker_a(int a);", "owner//"},
		{"/* A. Return what forker_a() does. */\nint forker_a(int a);", "owner//code"},
		{"/* A. */\nint64_t forker_a(int a);", "owner//number"},
		{"/* A. */\nvoid forker_a(int a);", "owner//"},
	} {
		f := function(t, row.text)
		got := f.Thread + "/" + f.Process + "/" + strings.TrimSpace(f.Result.Kind+" "+strings.Join(f.Result.Codes, " "))
		if got != row.want {
			t.Errorf("%s\n%s, want %s", row.text, got, row.want)
		}
	}
	api, err := Parse("h", beginning+"/* ------------------------- second */\n/* All. Any thread. Return FORKER_OK, FORKER_E_LIMIT. */\n\n/* A. */\nint forker_a(int a);")
	if err != nil || api.Functions[0].Thread != "any" || len(api.Functions[0].Result.Codes) != 1 || !strings.HasPrefix(api.Sections[1].Comment, "All. Any thread.") {
		t.Errorf("a comment of a section: %+v, %v", api, err)
	}
}

// A parameter is written as name, length or "-", and what it is.
func TestParse_readsParameters(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"/* A. */\nvoid forker_a(void);", ""},
		{"/* A. */\nvoid forker_a(const void *data, size_t len);", "data:const void *:len len:size_t"},
		{"/* A. */\nvoid forker_a(forker_server *s, size_t len);", "s:forker_server * len:size_t"},
		{"/* A. */\nvoid forker_a(const char *a, size_t a_len, const char *b);", "a:const char *:a_len a_len:size_t b:const char *"},
		{"/* A. */\nconst char *forker_a(forker_server *s, size_t *len_out);", "s:forker_server * len_out:size_t *:out:null"},
		{"/* A. */\nvoid forker_a(const char **a_out, size_t *len_out);", "a_out:const char **:len_out:out len_out:size_t *:out:null"},
		{"/* A. */\nvoid forker_a(const char *const *names, const char *const *values, size_t count);", "names:const char *const *:count values:const char *const *:count count:size_t"},
		{"/* A. */\ntypedef int (*forker_fn)(void *user);\nvoid forker_a(forker_fn fn, void *user);", "fn:forker_fn user:void *:null"},
		{"/* A. May be NULL: fn, which removes it. */\ntypedef int (*forker_fn)(void *user);\nvoid forker_a(forker_fn fn, void *user);", "fn:forker_fn:null user:void *:null"},
		{"/* A. May be NULL: a, b; c is not. */\nvoid forker_a(const char *a, const char *b, const char *c);", "a:const char *:null b:const char *:null c:const char *"},
	} {
		var got []string
		for _, p := range function(t, row.text).Parameters {
			word := p.Name + ":" + p.Text
			if p.Length != "" {
				word += ":" + p.Length
			}
			if p.Out {
				word += ":out"
			}
			if p.Null {
				word += ":null"
			}
			got = append(got, word)
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s\n%s, want %s", row.text, strings.Join(got, " "), row.want)
		}
	}
	if f := function(t, "/* A. */\nconst char *forker_a(forker_server *s, size_t *len_out);"); f.Result.Length != "len_out" {
		t.Errorf("the length of a result: %+v", f.Result)
	}
}

func TestParse_describes(t *testing.T) {
	api, err := Parse("h", beginning+`/* Numbers. */
enum {
    FORKER_A = 1, /* the first */
    /* above */
    FORKER_B = -2 /* the last */
};

/*
 * A struct:
 *
 *   a   its field
 *
 * Returns FORKER_OK.
 */
typedef struct forker_s {
    uint32_t size; /* in */
    const char *list[FORKER_A];
} forker_s;
int forker_f(const forker_s *s); /* behind */

/* Where it fails errno counts. */
typedef int (*forker_fn)(void);
`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(map[string]any{"enum": api.Enums[1], "struct": api.Structs, "function": api.Functions, "entry": api.Entries[4], "errno": api.Callbacks[0].Errno, "soname": api.Soname})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"entry":{"section":"first","comment":"A struct:\n\n  a   its field\n\nReturns FORKER_OK.","declarations":["forker_s","forker_f"]},` +
		`"enum":{"entry":3,"values":[{"name":"FORKER_A","value":1,"comment":"the first"},{"name":"FORKER_B","value":-2,"comment":"above the last"}]},"errno":true,` +
		`"function":[{"name":"forker_f","entry":4,"comment":"behind","result":{"type":"int","base":"int","pointers":0,"kind":"code"},` +
		`"parameters":[{"type":"const forker_s *","base":"forker_s","pointers":1,"name":"s"}],"thread":"owner"}],"soname":"libforker.so.0",` +
		`"struct":[{"name":"forker_s","entry":4,"fields":[{"type":"uint32_t","base":"uint32_t","pointers":0,"name":"size","comment":"in"},` +
		`{"type":"const char *","base":"char","pointers":1,"name":"list","count":1}]}]}`
	if string(got) != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// Each prefix of the header is either whole or an error that has a place, which a crash has not.
func TestParse_cutHeaders(t *testing.T) {
	text, err := os.ReadFile("../../../include/forker.h")
	if err != nil {
		t.Fatal(err)
	}
	for length := 0; length < len(text); length += 1997 {
		if api, err := Parse("h", string(text[:length])); (api == nil) != (err != nil && strings.HasPrefix(err.Error(), "h:")) {
			t.Errorf("of %d bytes: neither an error with its place nor a description: %v", length, err)
		}
	}
	api, err := Parse("forker.h", string(text))
	if err != nil {
		t.Fatal(err)
	}
	declared := strings.Count(string(text), "typedef") + strings.Count(string(text), "\nenum {")
	if found := len(api.Handles) + len(api.Structs) + len(api.Callbacks) + len(api.Enums); found != declared {
		t.Errorf("%d types of %d", found, declared)
	}
}
