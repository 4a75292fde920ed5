;; Prints a line and ends with exit code 7 from three calls deep, inside a loop.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
;;@print

  (func $leave (param $i i32)
    (if (i32.eq (local.get $i) (i32.const 20)) (then (call $proc_exit (i32.const 7)))))

  (func $count
    (local $i i32)
    (loop $next
      (call $leave (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))

  (func (export "_start")
    (call $print (i64.const 7))
    (call $count)
    (call $print (i64.const 8)))
)
