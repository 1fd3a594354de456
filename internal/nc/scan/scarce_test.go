//go:build unix

package scan

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestScarce finds every port where only a few sockets can be had at once.
func TestScarce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var flying atomic.Int32
		s := &Scanner{Dialer: true, Dial: func(_ context.Context, _ netip.Addr, port int) (net.Conn, error) {
			defer flying.Add(-1)
			if flying.Add(1) > 3 {
				return nil, &net.OpError{Op: "dial", Err: syscall.EMFILE}
			}
			time.Sleep(time.Duration(port%7) * time.Millisecond)
			if port%10 == 0 {
				c, _ := net.Pipe()
				return c, nil
			}
			return nil, syscall.ECONNREFUSED
		}}
		var all []int
		for p := range 200 {
			all = append(all, p+1)
		}
		next := 1
		err := s.Each(t.Context(), []netip.Addr{loopback}, all, func(port int, o Outcome) {
			if port != next || o.Open != (port%10 == 0) || !o.Open && !errors.Is(o.Failed[0].Err, syscall.ECONNREFUSED) {
				t.Errorf("port %d, expected %d: %+v", port, next, o)
			}
			next++
		})
		if err != nil || next != 201 {
			t.Errorf("%d ports are told, %v", next-1, err)
		}
	})
}

// TestNothingToBeHad ends a scan that can look at no port at all, with what came before told.
func TestNothingToBeHad(t *testing.T) {
	s := &Scanner{Dialer: true, Interval: time.Nanosecond, Dial: func(_ context.Context, _ netip.Addr, port int) (net.Conn, error) {
		if port > 2 {
			return nil, &net.OpError{Op: "dial", Err: syscall.ENFILE}
		}
		return nil, syscall.ECONNREFUSED
	}}
	told := 0
	err := s.Each(t.Context(), []netip.Addr{loopback}, []int{1, 2, 3, 4, 5}, func(int, Outcome) { told++ })
	if !errors.Is(err, syscall.ENFILE) || told != 2 {
		t.Errorf("got %v, %d are told", err, told)
	}
}
