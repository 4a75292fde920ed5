;; The bits of floating-point values in locals, globals and on the value stack across calls:
;; NaN payloads (also signalling), negative zero, subnormals, infinities.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $f (mut f32) (f32.const nan:0x200001))
  (global $d (mut f64) (f64.const nan:0x4000000000001))
;;@print

  (func $same32 (param $v f32) (param $n i32) (result f32)
    (local $kept f32)
    (local.set $kept (local.get $v))
    (if (local.get $n)
      (then (drop (call $same32 (global.get $f) (i32.sub (local.get $n) (i32.const 1))))))
    (local.get $kept))

  (func $same64 (param $v f64) (param $n i32) (result f64)
    (local.get $v)
    (if (local.get $n)
      (then (drop (call $same64 (global.get $d) (i32.sub (local.get $n) (i32.const 1)))))))

  (func $show32 (param f32)
    (call $print (i64.extend_i32_u (i32.reinterpret_f32 (call $same32 (local.get 0) (i32.const 4))))))
  (func $show64 (param f64)
    (call $print (i64.reinterpret_f64 (call $same64 (local.get 0) (i32.const 4)))))

  (func (export "_start")
    (call $show32 (global.get $f))
    (call $show32 (f32.const -0))
    (call $show32 (f32.const -inf))
    (call $show32 (f32.const 0x1p-149))
    (call $show32 (f32.reinterpret_i32 (i32.const 0xff812345)))
    (call $show64 (global.get $d))
    (call $show64 (f64.const -0))
    (call $show64 (f64.const inf))
    (call $show64 (f64.const 0x1p-1074))
    (call $show64 (f64.reinterpret_i64 (i64.const 0xfff0000000012345)))
    (global.set $f (f32.const -nan:0x123))
    (global.set $d (f64.const -nan:0x456))
    (call $show32 (global.get $f))
    (call $show64 (global.get $d)))
)
