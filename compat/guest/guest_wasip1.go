package guest

import "unsafe"

// Number is what a vector can be made of.
type Number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Checkpoint replaces the last checkpoint by vector.
func Checkpoint[T Number](vector []T) {
	ptr, size := place(vector)
	checkpointBytes(ptr, size)
}

// Restore writes the last checkpoint into vector, when there is one.
func Restore[T Number](vector []T) {
	ptr, size := place(vector)
	restoreBytes(ptr, size)
}

func place[T Number](vector []T) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.SliceData(vector)), uint32(uintptr(len(vector)) * unsafe.Sizeof(*new(T)))
}

//go:wasmimport migration checkpoint_bytes
func checkpointBytes(vector unsafe.Pointer, size uint32)

//go:wasmimport migration restore_bytes
func restoreBytes(vector unsafe.Pointer, size uint32)
