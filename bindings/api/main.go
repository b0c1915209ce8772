package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"libforker/bindings/api/header"
)

const usage = `usage: api json HEADER            writes a description of it
       api python HEADER          writes it as ctypes
       api man HEADER DIRECTORY   writes pages into a directory
`

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) < 2 || (len(args) == 3) != (args[0] == "man") {
		return fmt.Errorf("%s", usage)
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	api, err := header.Parse(args[1], string(text))
	if err != nil {
		return err
	}
	switch args[0] {
	case "json":
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", " ")
		return encoder.Encode(api)
	case "python":
		return writePython(api, out)
	case "man":
		return writePages(api, args[1], args[2])
	}
	return fmt.Errorf("%s", usage)
}
