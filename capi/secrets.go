package main

/*
#include <stdlib.h>
#include "setup/secretfile.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"libforker/engine/credential"
)

// The files of users that C has read, parsed: for workers, and for the process that only looks at them.

// secretError is of a file that cannot be used.
type secretError struct{ error }

// refuseSecret makes it what the program is told.
func (s server) refuseSecret(bad *secretError) C.int {
	sentence := C.CString(bad.Error())
	defer C.free(unsafe.Pointer(sentence))
	return C.fk_secretfiles_refuse(s.c, sentence)
}

// userFiles are the users of each file, by its name in options.
type userFiles map[string]*credential.Users

// loadUsers parses the files that C has read.
func (s server) loadUsers() (userFiles, error) {
	users := userFiles{}
	for file := s.c.secretfiles; file != nil; file = file.next {
		found, err := credential.ParseUsers(string(pemOf(&file.content)), uint32(len(users)))
		if err != nil {
			return nil, &secretError{fmt.Errorf("basic_auth: %s: %w", C.GoString(file.path), err)}
		}
		users[C.GoString(file.name)] = found
	}
	return users, nil
}

// lanes is how many threads may compute at once for a user who logs in; 0: nobody does.
func (u userFiles) lanes() (most int) {
	for _, users := range u {
		most = max(most, users.Lanes())
	}
	return most
}
