;; Calls "tally" two hundred million times, and keeps what it gets in a memory of its own: for
;; tests that need a guest of two memories which runs for a while.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "tally" "add" (func $add (param i64 i64) (result i64)))
  (import "tally" "pages" (func $pages (result i32)))
  (memory (export "memory") 3)
;;@print

  (func (export "_start")
    (local $i i64) (local $h i64)
    (local.set $h (i64.const 1))
    (loop $next
      (local.set $h (call $mix (local.get $h) (call $add (local.get $i) (local.get $h))))
      (i64.store (i32.add (i32.const 64) (i32.and (i32.wrap_i64 (local.get $h)) (i32.const 0x1ffff))) (local.get $i))
      (local.set $i (i64.add (local.get $i) (i64.const 1)))
      (br_if $next (i64.lt_u (local.get $i) (i64.const 200000000))))
    (local.set $i (i64.const 64))
    (loop $next
      (local.set $h (call $mix (local.get $h) (i64.load (i32.wrap_i64 (local.get $i)))))
      (local.set $i (i64.add (local.get $i) (i64.const 8)))
      (br_if $next (i64.lt_u (local.get $i) (i64.const 0x20000))))
    (call $print (local.get $h))
    (call $print (i64.extend_i32_u (call $pages))))
)
