;; The typed and the untyped select, null references of both kinds, and reference parameters.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (type $op (func (param i64) (result i64)))
  (memory (export "memory") 1)
  (table $t 2 funcref)
  (table $x 3 externref)
  (global $ext (mut externref) (ref.null extern))
  (elem declare func $inc $dec)
;;@print

  (func $inc (type $op) (i64.add (local.get 0) (i64.const 1)))
  (func $dec (type $op) (i64.sub (local.get 0) (i64.const 1)))

  (func $call (param $f funcref) (param $e externref) (param $v i64) (result i64 externref)
    (if (ref.is_null (local.get $f)) (then (return (i64.const -1) (local.get $e))))
    (table.set $t (i32.const 1) (local.get $f))
    (call_indirect $t (type $op) (local.get $v) (i32.const 1))
    (local.get $e))

  (func $round (param $i i32) (param $h i64) (result i64)
    (local $e externref) (local $none funcref)
    (select (result funcref)
      (select (result funcref) (ref.func $inc) (ref.func $dec) (i32.and (local.get $i) (i32.const 1)))
      (local.get $none)
      (i32.and (local.get $i) (i32.const 2)))
    (select (result externref) (global.get $ext) (local.get $e) (local.get $i))
    (select (local.get $h) (i64.const 5) (i32.and (local.get $i) (i32.const 4)))
    (call $call)
    (global.set $ext)
    (table.set $x (i32.const 1) (global.get $ext))
    (call $mix (local.get $h))
    (i64.add (i64.extend_i32_u (ref.is_null (table.get $x (i32.const 1))))))

  (func (export "_start")
    (local $i i32) (local $h i64)
    (local.set $h (i64.const 99))
    (loop $next
      (call $print (local.tee $h (call $round (local.get $i) (local.get $h))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 16)))))
)
