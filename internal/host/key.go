package host

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// KeyVariable is the environment variable that holds the event key, in
// hexadecimal: what questions are drawn from and replay ids are signed with.
const KeyVariable = "FLAGSTAFF_KEY"

// minKey is how short an event key may be, in bytes.
const minKey = 16

// eventKey returns the key from the environment, else the one kept in the
// user's configuration folder, which is made when it is not there: so that
// the id of yesterday's game can be replayed today.
func eventKey(env func(string) (string, bool)) (key []byte, err error) {
	if text, ok := env(KeyVariable); ok {
		key, err := hex.DecodeString(text)
		if err != nil || len(key) < minKey {
			return nil, &SettingError{
				fmt.Errorf("%s is no key: it must be at least %d bytes in hexadecimal", KeyVariable, minKey),
				"make one with: openssl rand -hex 32",
			}
		}
		return key, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("find a place for the event key: %w", err)
	}
	return keptKey(filepath.Join(dir, "flagstaff", "event.key"))
}

// keptKey reads the key at path, or makes it. Of two processes that make it
// at the same time one wins, and both return that one's.
func keptKey(path string) ([]byte, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	fresh := make([]byte, 32)
	rand.Read(fresh)
	// Written apart and linked into place: nobody ever reads half a key.
	tmp, err := os.CreateTemp(filepath.Dir(path), ".event.key-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(hex.EncodeToString(fresh) + "\n")
	if err := errors.Join(err, tmp.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return readKey(path)
}

func readKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(key) < minKey {
		return nil, &damagedKey{path}
	}
	return key, nil
}

// damagedKey is a kept key that cannot be read.
type damagedKey struct{ path string }

func (e *damagedKey) Error() string { return "the event key in " + e.path + " is damaged" }
func (e *damagedKey) Hint() string  { return "remove the file, or set " + KeyVariable }
