;; A library that makes tail calls through its table, whoever's functions are in it.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table $t (export "table") 4 funcref)
  (type $hop (func (param i32 i64) (result i64)))
  (elem (i32.const 0) $here)
  (export "print" (func $print))
;;@print

  ;; here hops to slot 1 until the count is 0.
  (func $here (export "here") (type $hop)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect $t (type $hop)
      (i32.sub (local.get 0) (i32.const 1)) (call $mix (local.get 1) (i64.const 3)) (i32.const 1)))

  ;; slow works before it hops.
  (func (export "slow") (type $hop)
    (local $i i32)
    (loop $next
      (local.set 1 (call $mix (local.get 1) (i64.extend_i32_u (local.get $i))))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5))))
    (return_call $here (local.get 0) (local.get 1)))
)
