package admin

import (
	"crypto/sha256"
	_ "embed" // for the page
	"encoding/base64"
	"strings"
	"sync"
)

// The page for people, which is in the library.

// The page for people. It loads nothing from anywhere but /status and /history.
var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

type wholePage struct {
	text   []byte
	policy string // Content-Security-Policy: only this style and this script, known by their hashes
}

var assemble = sync.OnceValue(func() wholePage {
	text := strings.NewReplacer("/* page.css */", pageCSS, "/* page.js */", pageJS).Replace(pageHTML)
	policy := "default-src 'none'; connect-src 'self'; img-src data:; style-src '" + hash(pageCSS) + "'; script-src '" + hash(pageJS) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return wholePage{[]byte(text), policy}
})

// hash names a text as a Content-Security-Policy does.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func showPage(*Server, request) response {
	p := assemble()
	return response{
		status: 200, kind: "text/html; charset=utf-8", fields: "Content-Security-Policy: " + p.policy + "\r\n", body: p.text,
	}
}
