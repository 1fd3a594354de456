package launcher

import _ "embed"

// Program is the launcher for this system; empty where there is none.
//
//go:embed launcher_amd64
var Program []byte
