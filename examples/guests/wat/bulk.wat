;; memory.grow, and memory.fill and memory.copy of megabytes at a time, also overlapping.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 512)
;;@print

  ;; sum folds a word of every 34th page of 4 KiB, 4096 bytes in.
  (func $sum (param $h i64) (result i64)
    (local $at i32)
    (local.set $at (i32.const 4096))
    (loop $next
      (local.set $h (call $mix (local.get $h) (i64.load offset=8 (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 139264)))
      (br_if $next (i32.lt_u (local.get $at) (i32.shl (memory.size) (i32.const 16)))))
    (local.get $h))

  (func (export "_start")
    (local $h i64) (local $i i32)
    (call $print (i64.extend_i32_s (memory.grow (i32.const 255))))
    (call $print (i64.extend_i32_s (memory.grow (i32.const 1000))))
    (memory.fill (i32.const 4096) (i32.const 0xab) (i32.const 0xfff000))
    (call $print (local.tee $h (call $sum (i64.const 1))))
    (loop $next
      (i64.store offset=8 (i32.add (i32.const 4096) (i32.shl (local.get $i) (i32.const 14)))
        (i64.extend_i32_u (i32.mul (local.get $i) (i32.const 2654435769))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 250))))
    (memory.copy (i32.const 0x500000) (i32.const 4096) (i32.const 0x400000))
    (call $print (local.tee $h (call $sum (local.get $h))))
    (memory.copy (i32.const 0x2000) (i32.const 0x1ff8) (i32.const 0x800000))
    (memory.copy (i32.const 0x3000) (i32.const 0x3008) (i32.const 0x800000))
    (call $print (local.tee $h (call $sum (local.get $h))))
    (drop (memory.grow (i32.const 16)))
    (memory.copy (i32.const 0x1000000) (i32.const 0x2000) (i32.const 0x100000))
    (memory.fill (i32.const 0x700000) (i32.const 0) (i32.const 0x300000))
    (call $print (call $sum (local.get $h)))
    (call $print (i64.extend_i32_u (memory.size))))
)
