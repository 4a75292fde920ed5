;; Says that it runs, then runs a tight loop for ever: for tests of stopping and of what else goes on.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $turns (export "turns") (mut i64) (i64.const 0))
;;@print

  (func (export "_start")
    (call $print (i64.const 1))
    (loop $again
      (global.set $turns (i64.add (global.get $turns) (i64.const 1)))
      (br $again)))
)
