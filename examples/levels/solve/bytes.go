package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// encodings answers the questions of the level bytes. A string holds any bytes; a []rune holds characters.
func encodings(ctx context.Context, addr string) (string, error) {
	t, err := dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer t.Close()
	for {
		line, err := t.RecvLine()
		if err != nil {
			return "", err
		}
		key, arg, _ := strings.Cut(line, " ")
		if key == "FLAG" {
			return arg, nil
		}
		answer, err := encode(t, key, arg)
		if err == nil {
			err = t.Send(answer)
		}
		if err != nil {
			return "", err
		}
	}
}

func encode(t *tube.Tube, key, arg string) (string, error) {
	switch key {
	case "HEX":
		b, err := tube.Unhex(arg)
		return string(b), err
	case "RAW":
		n, err := strconv.Atoi(arg)
		if err != nil {
			return "", err
		}
		b, err := t.RecvNBytes(n)
		return tube.Hex(b) + "\n", err
	case "BASE64":
		b, err := tube.Unbase64(arg)
		return tube.Hex(b) + "\n", err
	case "UTF8":
		return fmt.Sprintf("%d %d\n", len(arg), utf8.RuneCountInString(arg)), nil
	case "UTF16LE":
		return fromUTF16(arg, binary.LittleEndian)
	case "UTF16BE":
		return fromUTF16(arg, binary.BigEndian)
	case "LATIN1":
		b, err := tube.Unhex(arg)
		var text []rune
		for _, c := range b {
			text = append(text, rune(c)) // latin-1 is the first 256 characters of Unicode
		}
		return string(text) + "\n", err
	case "NO":
		return "", fmt.Errorf("lost: %s", arg)
	}
	return "", nil // the lesson, or OK
}

func fromUTF16(digits string, order binary.ByteOrder) (string, error) {
	b, err := tube.Unhex(digits)
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	return string(utf16.Decode(units)) + "\n", err
}
