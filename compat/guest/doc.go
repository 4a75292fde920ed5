// Package guest is for idiomatic guests in Go, compiled with GOOS=wasip1 GOARCH=wasm;
// migration.h, beside it, is the same for C. A guest keeps all that it needs to go on in
// one vector of numbers:
//
//	state := []int32{0, 1, 1}
//	guest.Restore(state) // once, before the first checkpoint
//	for ... {
//		...
//		guest.Checkpoint(state)
//	}
//
// When it moves it starts from main, and Restore gives it the vector of its last
// checkpoint, whose length must be the same. A call that is wrong ends the guest.
// A guest in Rust declares the imports as the thesis does:
//
//	#[link(wasm_import_module = "migration")]
//	extern "C" {
//	    fn checkpoint(ptr: *const i32, len: usize);
//	    fn restore(ptr: *mut i32, len: usize);
//	}
//
// On other systems the package is empty.
package guest
