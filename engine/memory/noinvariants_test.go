//go:build !invariants

package memory

const isGuarded = false
