package oci

import (
	"fmt"
	"strings"
)

// DigestError says that a blob is not what its digest or size promises: the image is damaged or was changed.
type DigestError struct {
	Blob      string // its digest as the image names it: what would be right
	Got       string // the digest of what is there; empty when the size already differs
	Size, Has int64  // how long it should be, and is; zero when that is not known
	Plain     bool   // the digests are of the layer uncompressed
}

// Error names both digests, or both sizes.
func (e *DigestError) Error() string {
	switch {
	case e.Got == "":
		return fmt.Sprintf("blob %s: want %d bytes, got %d", e.Blob, e.Size, e.Has)
	case e.Plain:
		return fmt.Sprintf("layer: uncompressed it should have the digest %s, and has %s", e.Blob, e.Got)
	}
	return fmt.Sprintf("blob %s: what is there has the digest %s", e.Blob, e.Got)
}

// Hint says what to do about it.
func (e *DigestError) Hint() string { return "the image is damaged or was changed: export it again" }

// EntryError says that a layer has an entry that is refused.
type EntryError struct {
	Layer string // its digest
	Name  string // the entry's name
	Why   string
	err   error
}

// Error names the entry.
func (e *EntryError) Error() string {
	s := fmt.Sprintf("layer %s: %q %s", e.Layer, e.Name, e.Why)
	if e.err != nil {
		s += ": " + e.err.Error()
	}
	return s
}

func (e *EntryError) Unwrap() error { return e.err }

// Hint says where such entries come from.
func (e *EntryError) Hint() string {
	if e.err != nil {
		return ""
	}
	return "no tool that builds images writes this: find out where the image comes from"
}

// LimitError says that an image is larger than [Options] allow.
type LimitError struct {
	What string
	Max  int64
}

// Error names the limit.
func (e *LimitError) Error() string { return fmt.Sprintf("more than %d %s", e.Max, e.What) }

// Hint says what to do about it.
func (e *LimitError) Hint() string {
	return "a small file can be made to unpack without end; if the image is honest, raise the limit, or unpack it yourself into a directory (--root)"
}

// ChoiceError says that an image for a platform or of a name is not there, or that there are several.
type ChoiceError struct {
	Want string   // what was looked for
	Have []string // what there is
}

// Error names what there is.
func (e *ChoiceError) Error() string {
	return fmt.Sprintf("want %s; there is %s", e.Want, strings.Join(e.Have, ", "))
}

// Hint says what to do about it.
func (e *ChoiceError) Hint() string {
	return "name one of those (--image-name), or build the image for this platform (docker buildx build --platform)"
}

// FormatError says that something is no image, or of a kind that is not read.
type FormatError struct{ What, WayOut string }

// Error says what is wrong.
func (e *FormatError) Error() string { return e.What }

// Hint names the way out.
func (e *FormatError) Hint() string { return e.WayOut }

// CacheError says that there can be no cache, or that others could change what is in it.
type CacheError struct {
	Dir string // "": none is known
	Err error  // nil: others own it or may write to it
}

// Error names the directory.
func (e *CacheError) Error() string {
	switch {
	case e.Err == nil:
		return fmt.Sprintf("cache %q: others own it or may write to it", e.Dir)
	case e.Dir == "":
		return "find the cache: " + e.Err.Error()
	}
	return fmt.Sprintf("cache %q: %v", e.Dir, e.Err)
}

func (e *CacheError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *CacheError) Hint() string {
	return "take a directory of your own, with mode 0700: $CACHE_DIRECTORY names one above it"
}

// ProgramError says that an image has no such program, or not for its user.
type ProgramError struct{ Name, Why, WayOut string }

// Error names the program.
func (e *ProgramError) Error() string { return fmt.Sprintf("%q: %s", e.Name, e.Why) }

// Hint names the way out.
func (e *ProgramError) Hint() string { return e.WayOut }
