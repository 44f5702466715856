//go:build !linux

package sandbox

// Version is 0: only Linux has Landlock.
func Version() int { return 0 }

func restrict(Rules) error { return nil }
