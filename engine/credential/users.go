package credential

import (
	"errors"
	"fmt"
	"strings"
)

// Files of users: lines "name:hash", as htpasswd(1) keeps them.

// NameMost is how long the name of a user can be.
const NameMost = 255

// Users are those of a file. Immutable.
type Users struct {
	number uint32 // Tells it from other files.
	hashes map[string]hashed
	decoy  hashed // What a password is compared with if there is no such user, so that this takes as long.
	lanes  int
}

// ParseUsers reads the text of a file. number is one that no other file has. What is wrong with it is said with the number
// of the line.
func ParseUsers(text string, number uint32) (*Users, error) {
	u := &Users{number: number, hashes: map[string]hashed{}, lanes: 1}
	at := 0
	for line := range strings.Lines(text) {
		at++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if err := u.add(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", at, err)
		}
	}
	if u.decoy == nil {
		return nil, errors.New("there is no user in it")
	}
	return u, nil
}

// add takes in a line.
func (u *Users) add(line string) error {
	name, text, found := strings.Cut(line, ":")
	switch {
	case !found:
		return errors.New(`it is not "name:hash"`)
	case name == "" || len(name) > NameMost || hasControl(name):
		return fmt.Errorf("a name has 1 to %d bytes, and no control characters", NameMost)
	case u.hashes[name] != nil:
		return fmt.Errorf("%s: there is a line of that name before", printable(name))
	}
	hash, err := parseHash(text)
	if err != nil {
		return fmt.Errorf("%s: %w", printable(name), err)
	}
	u.hashes[name] = hash
	if u.decoy == nil {
		u.decoy = hash
	}
	if h, is := hash.(*argon2Hash); is {
		u.lanes = max(u.lanes, int(h.lanes))
	}
	return nil
}

func hasControl(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			return true
		}
	}
	return false
}

// Lanes is how many goroutines may compute for one Verify.
func (u *Users) Lanes() int { return u.lanes }

// Verify reports whether a user has this password. It computes for as long as the file's hashes want it, also where there is
// no such user.
func (u *Users) Verify(name string, password []byte) bool {
	hash := u.hashes[name]
	known := hash != nil
	if !known {
		hash = u.decoy
	}
	return len(password) <= passwordMost && hash.matches(password) && known
}
