package oci

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// digester computes a digest in the way another one was.
type digester struct {
	hash.Hash
	name string
}

// hashFor returns a digester for a digest, which is checked: it becomes part of file names.
func hashFor(digest string) (digester, error) {
	name, sum, _ := strings.Cut(digest, ":")
	d := digester{name: name}
	switch name {
	case "sha256":
		d.Hash = sha256.New()
	case "sha512":
		d.Hash = sha512.New()
	default:
		return d, &FormatError{fmt.Sprintf("digest %q: want sha256:… or sha512:…", digest), ""}
	}
	if b, err := hex.DecodeString(sum); err != nil || len(b) != d.Size() || strings.ToLower(sum) != sum {
		return d, &FormatError{fmt.Sprintf("digest %q: want %d hexadecimal digits in lower case", digest, 2*d.Size()), ""}
	}
	return d, nil
}

// check compares what was written with a digest; plain says that it was uncompressed.
func (d digester) check(want string, plain bool) error {
	if got := d.name + ":" + hex.EncodeToString(d.Sum(nil)); got != want {
		return &DigestError{Blob: want, Got: got, Plain: plain}
	}
	return nil
}

// blobName is where a layout keeps a blob.
func blobName(digest string) (string, error) {
	if _, err := hashFor(digest); err != nil {
		return "", err
	}
	return "blobs/" + strings.Replace(digest, ":", "/", 1), nil
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
