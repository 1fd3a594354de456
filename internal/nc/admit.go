package nc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/access"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// gate is who may connect.
type gate struct{ allow, deny *access.List }

func (n *netcat) newGate(ctx context.Context) (*gate, error) {
	c := n.c
	g := new(gate)
	var err error
	if len(c.Allow) > 0 || c.AllowFile != "" {
		if g.allow, err = access.NewList(ctx, c.Allow, c.AllowFile); err != nil {
			return nil, listError("allow", err)
		}
	}
	if len(c.Deny) > 0 || c.DenyFile != "" {
		if g.deny, err = access.NewList(ctx, c.Deny, c.DenyFile); err != nil {
			return nil, listError("deny", err)
		}
	}
	return g, nil
}

func listError(list string, err error) error {
	hint := "it takes addresses, networks (10.0.0.0/8), octets (10.0.0-3.*) and names"
	var path *fs.PathError
	switch {
	case errors.Is(err, access.ErrForm):
		return report.Usage(hint, "--%s: %v", list, err)
	case errors.As(err, &path):
		return report.WithHint(fmt.Errorf("read --%sfile %s: %w", list, path.Path, path.Err), "is the file there, and may nc read it?")
	}
	return report.WithHint(fmt.Errorf("--%s: %w", list, err), hint)
}

// admits applies --deny, then --allow. A peer without an address (a Unix socket) is no stranger.
func (n *netcat) admits(ctx context.Context, peer net.Addr) bool {
	ap, ok := addrPort(peer)
	if !ok || n.gate == nil {
		return true
	}
	refuse := func(why string) bool {
		n.r.Say("%s: refused a connection from %s (%s)", n.c.Name, ap, why)
		n.r.Event("refused", "remote", ap.String(), "reason", why)
		return false
	}
	if l := n.gate.deny; l != nil {
		in, err := l.Contains(ctx, ap.Addr())
		if err != nil {
			n.r.Note("the deny list is as it was: %v", err)
		}
		if in {
			return refuse("--deny")
		}
	}
	if l := n.gate.allow; l != nil {
		in, err := l.Contains(ctx, ap.Addr())
		if err != nil {
			n.r.Note("the allow list is as it was: %v", err)
		}
		if !in {
			return refuse("not in --allow")
		}
	}
	return true
}
