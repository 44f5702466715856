//go:build !linux

package engine

func trim() {}

func keepNoFreeMemory() {}
