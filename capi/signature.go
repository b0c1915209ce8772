package main

/*
#include "base/server.h"
#include "exchange/engine.h"
*/
import "C"

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"libforker/engine/memory"
)

// Signatures of cookies: HMAC-SHA256 with the keys of option cookie_keys, of which the first signs and all verify.

// cookieKeys are the keys of a server; C has checked that there are some.
func cookieKeys(c *C.forker_server) []string {
	keys := strings.Split(server{c}.text(C.FK_OPTION_COOKIE_KEYS), ",")
	for i := range keys {
		keys[i] = strings.TrimSpace(keys[i])
	}
	return keys
}

func signature(key string, text []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(text)
	return base64.RawURLEncoding.AppendEncode(nil, mac.Sum(nil))
}

// goSign writes the signature of a text.
//
//export goSign
func goSign(c *C.forker_server, text C.uintptr_t, size C.uint64_t, out C.uintptr_t) C.int {
	// SAFETY: both are the caller's, for as long as the call.
	copy(memory.View(uintptr(out), C.FK_SIGNATURE), signature(cookieKeys(c)[0], memory.View(uintptr(text), uint64(size))))
	return C.FORKER_OK
}

// goVerify returns 1 if this is the signature of a text by one of the keys. Each is compared in the same time, wherever it
// differs.
//
//export goVerify
func goVerify(c *C.forker_server, text C.uintptr_t, size C.uint64_t, given C.uintptr_t) C.int {
	// SAFETY: both are the caller's, for as long as the call.
	content, wanted := memory.View(uintptr(text), uint64(size)), memory.View(uintptr(given), C.FK_SIGNATURE)
	good := 0
	for _, key := range cookieKeys(c) {
		if hmac.Equal(signature(key, content), wanted) {
			good = 1
		}
	}
	return C.int(good)
}
