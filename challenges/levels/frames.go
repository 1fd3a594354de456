package levels

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	frameCount = 12
	framePause = 10 * time.Millisecond
	frameMost  = 1 << 10 // of what a solver believes
)

// frames: length prefix and endianness.
//
// The server's frames have a big-endian length, the player's a little-endian one, so that nobody passes
// by sending back what came.
func frames(Options) Level {
	return tcp(framesText, func(ctx context.Context, p *player) error {
		r := newRand()
		payloads := makePayloads(r)
		if err := p.greet("FRAMES " + strconv.Itoa(len(payloads))); err != nil {
			return err
		}
		if err := sendFrames(ctx, p.Tube, r, payloads); err != nil {
			return err
		}
		p.midLine = true
		for i, want := range payloads {
			why, err := checkFrame(p, payloads, i)
			if e := (*tube.Error)(nil); errors.As(err, &e) && e.N > 0 {
				p.no("Frame %d of %d: 4 bytes of length and %d of payload were due, and only %d more came.", i+1, len(payloads), len(want), e.N)
			}
			if err != nil {
				return err
			}
			if why == "hint" {
				return p.sayHint()
			}
			if why != "" {
				return p.no("Frame %d of %d: %s", i+1, len(payloads), why)
			}
		}
		return p.won()
	})
}

// makePayloads returns frames with everything that goes wrong: an empty one, one longer than 255 bytes,
// and bytes that are no text.
func makePayloads(r *rand.Rand) [][]byte {
	sizes := []int{0, 1, 5, 10, 256 + r.IntN(100)}
	for len(sizes) < frameCount {
		sizes = append(sizes, 5+r.IntN(60)) // none of 4, which would look like an empty one that counts itself
	}
	r.Shuffle(len(sizes), func(i, j int) { sizes[i], sizes[j] = sizes[j], sizes[i] })
	// Not first, so that other mistakes show before it, nor last, so that the next one tells who leaves it out.
	for _, end := range []int{0, len(sizes) - 1} {
		if sizes[end] == 0 {
			sizes[end], sizes[5] = sizes[5], sizes[end]
		}
	}
	all := make([][]byte, len(sizes))
	for i, n := range sizes {
		all[i] = make([]byte, n)
		for j := range all[i] {
			all[i][j] = byte(r.IntN(256))
		}
		if n >= 5 {
			copy(all[i], []byte{0, 0xff, '\n', '\r', 0})
		}
	}
	return all
}

// sendFrames sends the frames glued together, cut inside a length, inside a payload, and anywhere.
func sendFrames(ctx context.Context, t *tube.Tube, r *rand.Rand, payloads [][]byte) error {
	var stream []byte
	cuts := map[int]bool{}
	for i, p := range payloads {
		if i == 3 || i == 7 {
			cuts[len(stream)+2] = true // a length in two halves
		}
		stream = binary.BigEndian.AppendUint32(stream, uint32(len(p)))
		if len(p) > 255 {
			cuts[len(stream)+100] = true
		}
		stream = append(stream, p...)
	}
	for range 3 {
		cuts[1+r.IntN(len(stream)-1)] = true
	}
	start := 0
	for i := range stream {
		if !cuts[i+1] && i+1 < len(stream) {
			continue
		}
		if err := t.SendBytes(stream[start : i+1]); err != nil {
			return err
		}
		if err := pause(ctx, framePause); err != nil {
			return err
		}
		start = i + 1
	}
	return nil
}

// checkFrame reads the player's ith frame and says what is wrong with it. It reads a payload only when
// its length is right, so no length makes the server hold anything.
func checkFrame(p *player, payloads [][]byte, i int) (why string, err error) {
	want := payloads[i]
	prefix, err := p.RecvNBytes(4)
	if err != nil {
		return "", err
	}
	n, swapped := binary.LittleEndian.Uint32(prefix), binary.BigEndian.Uint32(prefix)
	switch {
	case int64(n) == int64(len(want)):
	case string(prefix) == "hint":
		return "hint", nil
	case int64(swapped) == int64(len(want)):
		return fmt.Sprintf("you say %d bytes, which is %d with its bytes in the other order: yours goes least significant byte first.", n, swapped), nil
	case int64(n) == int64(len(want))+4:
		return fmt.Sprintf("you say %d bytes, and it has %d: the length does not count its own four bytes.", n, len(want)), nil
	case len(want) == 0:
		return fmt.Sprintf("it is empty, and you say %d bytes: an empty frame is a frame too, of four zero bytes.", n), nil
	default:
		return fmt.Sprintf("you say %d bytes (%x), and it has %d; one recv may return less than a frame, or more.", n, prefix, len(want)), nil
	}
	got, err := p.RecvNBytes(len(want))
	if err != nil {
		return "", err
	}
	if !bytes.Equal(got, want) {
		at := 0
		for got[at] == want[at] {
			at++
		}
		return fmt.Sprintf("byte %d of %d is %02x, you sent %02x.", at+1, len(want), want[at], got[at]), nil
	}
	return "", nil
}

func solveFrames(_ context.Context, t *tube.Tube) (string, error) {
	count, err := await(t, "FRAMES")
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return "", fmt.Errorf("read count of frames: %w", err)
	}
	for range n {
		payload, err := tube.RecvFrame[uint32](t, binary.BigEndian, frameMost)
		if err != nil {
			return "", err
		}
		if err := tube.SendFrame[uint32](t, binary.LittleEndian, payload); err != nil {
			return "", err
		}
	}
	return await(t, "FLAG")
}
