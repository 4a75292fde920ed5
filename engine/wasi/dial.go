package wasi

// Address families of the socket calls that preview 1 has not.
const (
	familyUnspec = 0
	familyInet4  = 1
	familyInet6  = 2
)
