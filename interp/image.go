package interp

import (
	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
)

// InitialMemory returns what the active data segments of a module put into memory before
// anything runs, without the zeros behind it.
func InitialMemory(m *wasm.Module) []byte {
	var image []byte
	rewrite.Placed(m, func(at uint32, data []byte) {
		if end := int(at) + len(data); len(image) < end {
			image = append(image, make([]byte, end-len(image))...)
		}
		copy(image[at:], data)
	})
	for len(image) > 0 && image[len(image)-1] == 0 {
		image = image[:len(image)-1]
	}
	return image
}
