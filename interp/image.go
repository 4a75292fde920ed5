package interp

import "sojourn/interp/wasm"

// InitialMemory returns what the active data segments of a module put into memory before
// anything runs, without the zeros behind it.
func InitialMemory(m *wasm.Module) []byte {
	limits, ok := m.MemoryType()
	if !ok {
		return nil
	}
	var image []byte
	consts := m.Constants()
	for _, d := range m.Datas {
		if d.Mode != wasm.Active {
			continue
		}
		at, ok := consts.I32(d.Offset)
		if !ok {
			break
		}
		end := uint64(at) + uint64(len(d.Init))
		if end > uint64(limits.Min)<<16 {
			break // it traps when the guest starts
		}
		if uint64(len(image)) < end {
			image = append(image, make([]byte, end-uint64(len(image)))...)
		}
		copy(image[at:], d.Init)
	}
	for len(image) > 0 && image[len(image)-1] == 0 {
		image = image[:len(image)-1]
	}
	return image
}
