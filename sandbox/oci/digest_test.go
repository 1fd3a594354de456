package oci

import (
	"strings"
	"testing"
)

// TestDigest refuses what must not become a part of a file's name.
func TestDigest(t *testing.T) {
	good := strings.Repeat("0a", 32)
	for digest, ok := range map[string]bool{
		"sha256:" + good:                  true,
		"sha512:" + good + good:           true,
		"sha256:" + strings.ToUpper(good): false,
		"sha256:" + good[2:]:              false,
		"sha256:" + good + "00":           false,
		"sha512:" + good:                  false,
		"md5:" + good:                     false,
		"sha256:../../../etc/passwd":      false,
		good:                              false,
		"":                                false,
	} {
		if name, err := blobName(digest); (err == nil) != ok {
			t.Errorf("%q: got %q, %v", digest, name, err)
		}
	}
}
