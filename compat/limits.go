package compat

const (
	// MaxVector is the greatest vector, in bytes.
	MaxVector = 256 << 20

	// maxStrings and maxStringBytes bound arguments and environment of a snapshot.
	maxStrings     = 1 << 14
	maxStringBytes = 1 << 20
)
