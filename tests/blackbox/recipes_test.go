package blackbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Recipes of docs/HOWTO.md that are parts of a program, with commands that show them.

// block is a block of code of the page.
type block struct{ title, info, text string }

// blocks returns those of the page that have commands behind them, and these, in order.
func blocks(t *testing.T) []block {
	t.Helper()
	page, err := os.ReadFile("../../docs/HOWTO.md")
	must(t, err)
	var found []block
	for section := range strings.SplitSeq(string(page), "\n## ") {
		title, _, _ := strings.Cut(section, "\n")
		if !strings.Contains(section, "```console") {
			continue
		}
		for _, match := range regexp.MustCompile("(?s)```([a-z ]+)\n(.*?)```").FindAllStringSubmatch(section, -1) {
			found = append(found, block{title, match[1], match[2]})
		}
	}
	return found
}

func indent(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n" }

// inCPP makes one program of the recipes in C++: each is a function.
func inCPP(t *testing.T, recipes []block) setup {
	t.Helper()
	source := "#include <forker.hpp>\n#include <algorithm>\n#include <chrono>\n#include <iostream>\n#include <thread>\n"
	calls := ""
	for i, recipe := range recipes {
		source += fmt.Sprintf("// %s\nstatic void recipe%d(forker::Server &server) {\n%s}\n", recipe.title, i, indent(recipe.text))
		calls += fmt.Sprintf("    recipe%d(server);\n", i)
	}
	source += "int main() {\n    forker::Server server;\n" + calls +
		"    server.listen(\"127.0.0.1:0\");\n    std::cout << \"listening 0 \" << server.address() << std::endl;\n    server.run();\n}\n"
	dir := t.TempDir()
	write(t, filepath.Join(dir, "recipes.cpp"), source)
	path := filepath.Join(dir, "recipes")
	cmd := exec.Command("g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-Wno-unused-lambda-capture", "-I../../include", "-o", path,
		filepath.Join(dir, "recipes.cpp"), "-L"+plain.dir, "-lforker", "-pthread", "-Wl,-rpath,"+plain.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return setup{path: path}
}

// inPython makes one of those in Python.
func inPython(t *testing.T, recipes []block) setup {
	t.Helper()
	needTool(t, "python3")
	source := "import threading, time\nimport forker\nserver = forker.Server()\n"
	for i, recipe := range recipes {
		source += fmt.Sprintf("# %s\ndef recipe%d():\n%s\nrecipe%d()\n", recipe.title, i, indent(recipe.text), i)
	}
	source += "server.listen('127.0.0.1:0')\nprint('listening 0', server.address(), flush=True)\nserver.run()\n"
	path := filepath.Join(t.TempDir(), "recipes.py")
	write(t, path, source)
	packages, err := filepath.Abs("../../bindings/python/src")
	must(t, err)
	return setup{under: []string{"python3"}, path: path, env: []string{"PYTHONPATH=" + packages, "FORKER_LIBRARY=" + filepath.Join(plain.dir, "libforker.so.0")}}
}

// TestHowTo_recipes types the commands of each recipe at a server that has all recipes of a language.
func TestHowTo_recipes(t *testing.T) {
	for language, make := range map[string]func(*testing.T, []block) setup{"cpp": inCPP, "python": inPython} {
		t.Run(language, func(t *testing.T) {
			var recipes, consoles []block
			has := map[string]bool{}
			for _, b := range blocks(t) {
				switch b.info {
				case language:
					recipes = append(recipes, b)
					has[b.title] = true
				case "console", "console " + language:
					if !has[b.title] {
						t.Errorf("%s is not there in %s", b.title, language)
					}
					consoles = append(consoles, b)
				}
			}
			s := make(t, recipes)
			s.env = append(s.env, environment([]string{"workers=1"})...)
			p := start(t, s)
			address := p.address(0)
			p.log.wait(t, 0, "all workers are ready")
			for _, b := range consoles {
				for command := range strings.SplitSeq(strings.TrimPrefix(b.text, "$ "), "\n$ ") {
					line, want, _ := strings.Cut(command, "\n")
					out, err := exec.Command("sh", "-c", strings.ReplaceAll(line, "localhost:8080", address)).Output()
					got := strings.ReplaceAll(strings.ReplaceAll(string(out), "\r", ""), address, "localhost:8080")
					if err != nil || strings.TrimRight(got, "\n") != strings.TrimRight(want, "\n") {
						t.Errorf("%s\n$ %s\n%q, %v\nwant %q", b.title, line, got, err, want)
					}
				}
			}
		})
	}
}
