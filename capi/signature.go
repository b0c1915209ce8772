package main

/*
#include "base/server.h"
#include "exchange/engine.h"
*/
import "C"

import (
	"strings"
	"unsafe"

	"libforker/engine/credential"
	"libforker/engine/memory"
)

// Signatures of cookies, and tokens: HMAC-SHA256 with the keys of option cookie_keys, of which the first signs and all verify.

var (
	_ [C.FK_SIGNATURE]byte   = [credential.SignatureSize]byte{}
	_ [C.FK_CSRF_TOKEN]byte  = [credential.TokenSize]byte{}
	_ [C.FK_CSRF_COOKIE]byte = [credential.TokenCookieSize]byte{}
)

// cookieKeys are the keys of a server; C has checked that there are some.
func cookieKeys(c *C.forker_server) []string {
	keys := strings.Split(server{c}.text(C.FK_OPTION_COOKIE_KEYS), ",")
	for i := range keys {
		keys[i] = strings.TrimSpace(keys[i])
	}
	return keys
}

// goSign writes the signature of a text.
//
//export goSign
func goSign(c *C.forker_server, text C.uintptr_t, size C.uint64_t, out C.uintptr_t) C.int {
	// SAFETY: both are the caller's, for as long as the call.
	copy(memory.View(uintptr(out), C.FK_SIGNATURE), credential.Sign(nil, cookieKeys(c)[0], memory.View(uintptr(text), uint64(size))))
	return C.FORKER_OK
}

// goVerify returns 1 if this is the signature of a text by one of the keys.
//
//export goVerify
func goVerify(c *C.forker_server, text C.uintptr_t, size C.uint64_t, given C.uintptr_t) C.int {
	// SAFETY: both are the caller's, for as long as the call.
	content, wanted := memory.View(uintptr(text), uint64(size)), memory.View(uintptr(given), C.FK_SIGNATURE)
	if credential.IsSigned(cookieKeys(c), content, wanted) {
		return 1
	}
	return 0
}

// goToken writes a token for the secret of a cookie. If that is not one of this server's, it makes another one, and writes the
// value of its cookie too: then it returns 1.
//
//export goToken
func goToken(c *C.forker_server, name *C.char, cookie C.uintptr_t, size C.uint64_t, out *C.fk_csrf) C.int {
	keys, made := cookieKeys(c), C.int(0)
	// SAFETY: the cookie and what is written to are the caller's, for as long as the call.
	secret, ok := credential.OfCookie(keys, C.GoString(name), memory.View(uintptr(cookie), uint64(size)))
	if !ok {
		secret, made = credential.NewSecret(), 1
		copy(memory.View(uintptr(unsafe.Pointer(&out.cookie)), C.FK_CSRF_COOKIE), secret.Cookie(C.GoString(name), keys[0]))
	}
	copy(memory.View(uintptr(unsafe.Pointer(&out.token)), C.FK_CSRF_TOKEN), secret.Token())
	return made
}

// goTokenFits returns FORKER_OK if a token shows the secret of a cookie; FORKER_E_STATE: the cookie is not one of this server's;
// FORKER_E_INVALID: the token shows another secret, or none.
//
//export goTokenFits
func goTokenFits(c *C.forker_server, name *C.char, cookie C.uintptr_t, size C.uint64_t, token C.uintptr_t, tokenSize C.uint64_t) C.int {
	// SAFETY: all are the caller's, for as long as the call.
	secret, ok := credential.OfCookie(cookieKeys(c), C.GoString(name), memory.View(uintptr(cookie), uint64(size)))
	switch {
	case !ok:
		return C.FORKER_E_STATE
	case !secret.Fits(memory.View(uintptr(token), uint64(tokenSize))):
		return C.FORKER_E_INVALID
	}
	return C.FORKER_OK
}
