;; 128-bit vectors in locals, globals, parameters, results and on the value stack across calls.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $state (mut v128) (v128.const i32x4 1 2 3 4))
;;@print

  (func $stir (param $a v128) (param $n i32) (param $b v128) (result v128)
    (local $kept v128)
    (local.set $kept (i32x4.add (local.get $a) (local.get $b)))
    (if (local.get $n)
      (then
        (local.set $b (call $stir (local.get $b) (i32.sub (local.get $n) (i32.const 1)) (local.get $kept)))))
    (i8x16.swizzle
      (v128.xor (local.get $kept) (i64x2.shl (local.get $b) (i32.const 3)))
      (v128.const i8x16 3 2 1 0 7 6 5 4 11 10 9 8 15 14 13 12)))

  (func $swap (param v128 i64 v128) (result v128 i64 v128)
    (local.get 2) (local.get 1) (local.get 0))

  (func $show (param $v v128)
    (call $print (i64x2.extract_lane 0 (local.get $v)))
    (call $print (i64x2.extract_lane 1 (local.get $v))))

  (func (export "_start")
    (local $i i32) (local $v v128)
    (local.set $v (f64x2.splat (f64.const 0.1)))
    (loop $next
      (local.get $v)
      (call $stir (global.get $state) (local.get $i) (local.get $v))
      (i32x4.add)
      (local.set $v)
      (global.set $state (call $stir (local.get $v) (i32.const 3) (global.get $state)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 10))))
    (call $swap (local.get $v) (i64.const 7) (global.get $state))
    (local.set $v)
    (call $print)
    (call $show)
    (call $show (local.get $v))
    (v128.store offset=2048 (i32.const 0) (f32x4.mul (local.get $v) (f32x4.splat (f32.const 1.5))))
    (call $show (v128.load offset=2048 (i32.const 0))))
)
