package nc

import "context"

func (n *netcat) scanPorts(context.Context) error { return nil }
