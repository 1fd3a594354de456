package sandbox

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/sandbox/oci"
)

// withImage unpacks the policy's image, if it has one, and returns the policy with what the image says where it
// says nothing itself; the image is nil if there is none.
func withImage(p Policy) (Policy, *oci.Image, error) {
	if p.Image == "" {
		return p, nil, nil
	}
	if err := p.Check(); err != nil {
		return p, nil, err
	}
	img, err := oci.Unpack(context.Background(), p.Image, oci.Options{Cache: p.ImageCache, Name: p.ImageName, User: p.ImageUser})
	if err != nil {
		return p, nil, fmt.Errorf("sandbox: %w", err)
	}
	p.Root, p.Image, p.ImageName, p.ImageUser, p.ImageCache = img.Root, "", "", "", ""
	p.Env = environment(img.Env, p.Env)
	if p.Dir == "" && img.WorkingDir != "" {
		p.Dir = path.Join("/", img.WorkingDir)
	}
	return p, img, nil
}

// command returns the program to run and its arguments: those that were asked for, else the image's.
func command(p Policy, img *oci.Image, argv []string) ([]string, error) {
	if img != nil && len(argv) == 0 {
		argv = img.Command()
	}
	if len(argv) == 0 {
		return nil, errors.New("sandbox: no program to run")
	}
	var program string
	var err error
	if img != nil {
		program, err = img.Find(argv[0], p.Dir, lookUp(environment([]string{defaultPath}, p.Env), "PATH"))
		if err != nil {
			err = fmt.Errorf("sandbox: program %w", err)
		}
	} else {
		program, err = FindProgram(p, argv[0])
		if err == nil && p.Root == "" {
			err = p.showable(program)
		}
	}
	if err != nil {
		return nil, err
	}
	return append([]string{program}, argv[1:]...), nil
}

// environment adds variables to others and replaces those of the same name: a program takes the first that
// it finds.
func environment(base, more []string) []string {
	all := slices.Clip(base)
	for _, e := range more {
		name, _, _ := strings.Cut(e, "=")
		same := func(o string) bool { return strings.HasPrefix(o, name+"=") }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all = slices.Clone(all) // it belongs to the caller
			all[i] = e
			continue
		}
		all = append(all, e)
	}
	return all
}

// lookUp returns the value of a variable.
func lookUp(env []string, name string) string {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}
