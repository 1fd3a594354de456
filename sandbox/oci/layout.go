package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The documents of an image, as far as they are used here: https://github.com/opencontainers/image-spec.
type (
	descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int64             `json:"size"`
		Annotations map[string]string `json:"annotations"`
		Platform    *platform         `json:"platform"`
	}
	platform struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	}
	index struct {
		Manifests []descriptor `json:"manifests"`
	}
	manifest struct {
		Config descriptor   `json:"config"`
		Layers []descriptor `json:"layers"`
	}
	configuration struct {
		platform
		Config struct {
			User       string
			Env        []string
			Entrypoint []string
			Cmd        []string
			WorkingDir string
		} `json:"config"`
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	// saved is one image in the manifest.json of docker save.
	saved struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
)

func (p platform) String() string { return p.OS + "/" + p.Architecture }

const (
	maxDocument  = 4 << 20 // the specification's own limit
	maxManifests = 1000
	maxLayers    = 1000
	maxDepth     = 4 // of indexes in indexes
)

// picked is the image that was chosen.
type picked struct {
	digest string
	config configuration
	layers []layer
}

// choose reads the source's documents and takes the image that the options ask for.
func choose(src source, o Options) (*picked, error) {
	b, err := readFile(src, "index.json")
	if err == nil {
		return chooseLayout(src, b, o)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	b, err = readFile(src, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FormatError{"there is neither an index.json (OCI layout) nor a manifest.json (docker save)", "make an image with docker save, skopeo copy docker://… oci:…, or docker buildx build --output type=oci; docker export makes no image"}
	}
	if err != nil {
		return nil, err
	}
	return chooseSaved(src, b, o)
}

func chooseLayout(src source, b []byte, o Options) (*picked, error) {
	var top index
	if err := json.Unmarshal(b, &top); err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	if len(top.Manifests) == 0 {
		return nil, &FormatError{"index.json names no image", "is the layout complete? skopeo copy docker://… oci:DIRECTORY:TAG makes one, docker buildx build --output type=oci another"}
	}
	c := &chooser{src: src, platform: o.Platform}
	var names []string
	found := map[string]*picked{}
	for _, d := range top.Manifests {
		full, tag := d.Annotations["io.containerd.image.name"], d.Annotations["org.opencontainers.image.ref.name"]
		name := full
		if name == "" {
			name = tag
		}
		if o.Name != "" && o.Name != full && o.Name != tag {
			c.have = append(c.have, name)
			continue
		}
		p, err := c.first(d, maxDepth)
		if err != nil {
			return nil, err
		}
		if p != nil && found[p.digest] == nil {
			found[p.digest] = p
			names = append(names, name)
		}
	}
	switch len(found) {
	case 0:
		return nil, &ChoiceError{"an image" + quoted(o.Name) + " for " + o.Platform, known(c.have)}
	case 1:
		for _, p := range found {
			return p, nil
		}
	}
	return nil, &ChoiceError{"one image" + quoted(o.Name) + " for " + o.Platform, known(names)}
}

func quoted(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" %q", name)
}

// known lists each of names once; there may be none.
func known(names []string) []string {
	for i, n := range names {
		if n == "" {
			names[i] = "one without a name"
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return []string{"none"}
	}
	return names
}

// chooser looks for a platform.
type chooser struct {
	src      source
	platform string
	seen     int
	have     []string // what was found for other platforms
}

// first returns the first image below d for the platform, or nil. The specification wants the first of those that
// match.
func (c *chooser) first(d descriptor, depth int) (*picked, error) {
	if c.seen++; c.seen > maxManifests {
		return nil, &LimitError{"manifests", maxManifests}
	}
	if p := d.Platform; p != nil && p.String() != c.platform {
		if p.OS != "unknown" { // attestations
			c.have = append(c.have, p.String())
		}
		return nil, nil
	}
	b, err := readBlob(c.src, d)
	if err != nil {
		return nil, err
	}
	var both struct {
		index
		manifest
	}
	if err := json.Unmarshal(b, &both); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", d.Digest, err)
	}
	if both.Manifests != nil {
		if depth == 0 {
			return nil, &LimitError{"indexes in each other", maxDepth}
		}
		for _, d := range both.Manifests {
			if p, err := c.first(d, depth-1); p != nil || err != nil {
				return p, err
			}
		}
		return nil, nil
	}
	p := &picked{digest: d.Digest}
	if b, err = readBlob(c.src, both.Config); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &p.config); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", both.Config.Digest, err)
	}
	if got := p.config.platform.String(); got != c.platform {
		if got == "/" {
			got = "something that is no image"
		}
		c.have = append(c.have, got)
		return nil, nil
	}
	for _, l := range both.Layers {
		name, err := blobName(l.Digest)
		if err != nil {
			return nil, err
		}
		p.layers = append(p.layers, layer{file: name, digest: l.Digest, size: l.Size, mediaType: l.MediaType})
	}
	return p, p.setDiffs()
}

func chooseSaved(src source, b []byte, o Options) (*picked, error) {
	var all []saved
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	var names []string
	var found []saved
	for _, s := range all {
		names = append(names, strings.Join(append([]string{}, s.RepoTags...), " or "))
		if o.Name == "" || slices.ContainsFunc(s.RepoTags, func(t string) bool {
			_, tag, _ := strings.Cut(path.Base(t), ":")
			return t == o.Name || tag == o.Name
		}) {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		return nil, &ChoiceError{"one image" + quoted(o.Name), known(names)}
	}
	b, err := readFile(src, found[0].Config)
	if err != nil {
		return nil, err
	}
	p := &picked{digest: digestOf(b)}
	// Docker and podman name it by its digest.
	if base, _, _ := strings.Cut(path.Base(found[0].Config), "."); len(base) == 64 && "sha256:"+base != p.digest {
		return nil, &DigestError{Blob: "sha256:" + base, Got: p.digest}
	}
	if err := json.Unmarshal(b, &p.config); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", p.digest, err)
	}
	if got := p.config.platform.String(); got != o.Platform {
		return nil, &ChoiceError{"an image for " + o.Platform, []string{got}}
	}
	for _, l := range found[0].Layers {
		p.layers = append(p.layers, layer{file: path.Clean(l)})
	}
	return p, p.setDiffs()
}

// setDiffs tells every layer its digest uncompressed.
func (p *picked) setDiffs() error {
	diffs := p.config.RootFS.DiffIDs
	if len(p.layers) > maxLayers {
		return &LimitError{"layers", maxLayers}
	}
	if len(diffs) != len(p.layers) {
		return &FormatError{fmt.Sprintf("image %s: it has %d layers, and its configuration knows %d", p.digest, len(p.layers), len(diffs)), ""}
	}
	for i, d := range diffs {
		if _, err := hashFor(d); err != nil {
			return err
		}
		p.layers[i].diff = d
		if p.layers[i].digest == "" {
			p.layers[i].digest = d // docker save knows no other
		}
	}
	return nil
}

// readFile reads a small file.
func readFile(src source, name string) ([]byte, error) {
	f, size, err := src.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > maxDocument {
		return nil, &LimitError{"bytes in " + name, maxDocument}
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}

// readBlob reads a small blob and checks it.
func readBlob(src source, d descriptor) ([]byte, error) {
	name, err := blobName(d.Digest)
	if err != nil {
		return nil, err
	}
	b, err := readFile(src, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FormatError{d.Digest + " is not in it", "the image is incomplete: export it again"}
	}
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != d.Size {
		return nil, &DigestError{Blob: d.Digest, Size: d.Size, Has: int64(len(b))}
	}
	h, err := hashFor(d.Digest)
	if err != nil {
		return nil, err
	}
	h.Write(b)
	return b, h.check(d.Digest, false)
}
