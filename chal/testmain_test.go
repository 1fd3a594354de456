package chal

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// roles are what the test binary does instead of testing, when a test or benchmark starts it again with
// roleVariable set.
var roles = map[string]func(){}

const roleVariable = "CHAL_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleVariable)]; role != nil {
		role()
		return
	}
	goleak.VerifyTestMain(m)
}
