;; Tables that change while the guest runs: set, grow, fill, copy and init, with references held in
;; locals, globals and on the value stack across calls.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (type $op (func (param i64) (result i64)))
  (memory (export "memory") 1)
  (table $ops 8 32 funcref)
  (table $spare 4 64 funcref)
  (global $kept (mut funcref) (ref.null func))
  (elem $all func $double $square $negate $rotate)
  (elem (table $ops) (i32.const 0) func $double $square)
;;@print

  (func $double (type $op) (i64.add (local.get 0) (local.get 0)))
  (func $square (type $op) (i64.mul (local.get 0) (local.get 0)))
  (func $negate (type $op) (i64.sub (i64.const 0x5bd1e995) (local.get 0)))
  (func $rotate (type $op) (i64.rotl (local.get 0) (i64.const 13)))

  ;; through returns f(x) by way of slot 7, and puts back what was there: a reference stays in a
  ;; local across the call. For a null f it returns x.
  (func $through (param $f funcref) (param $x i64) (result i64)
    (local $before funcref)
    (if (ref.is_null (local.get $f)) (then (return (local.get $x))))
    (local.set $before (table.get $ops (i32.const 7)))
    (table.set $ops (i32.const 7) (local.get $f))
    (call_indirect $ops (type $op) (local.get $x) (i32.const 7))
    (table.set $ops (i32.const 7) (local.get $before)))

  ;; sum calls every non-null entry of $ops with x in turn.
  (func $sum (param $x i64) (result i64)
    (local $i i32)
    (loop $next
      (if (i32.eqz (ref.is_null (table.get $ops (local.get $i))))
        (then (local.set $x (call $mix (local.get $x)
          (call_indirect $ops (type $op) (local.get $x) (local.get $i))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (table.size $ops))))
    (local.get $x))

  (func (export "_start")
    (local $h i64) (local $round i32)
    (local.set $h (call $sum (i64.const 3)))
    (call $print (local.get $h))
    (table.init $ops $all (i32.const 2) (i32.const 0) (i32.const 4))
    (call $print (local.tee $h (call $sum (local.get $h))))
    (global.set $kept (table.get $ops (i32.const 5)))
    ;; A reference stays on the value stack while $sum runs.
    (global.get $kept)
    (local.set $h (call $sum (local.get $h)))
    (local.set $h (call $through (local.get $h)))
    (call $print (local.get $h))
    (call $print (i64.extend_i32_s (table.grow $ops (global.get $kept) (i32.const 8))))
    (call $print (i64.extend_i32_s (table.grow $ops (ref.null func) (i32.const 1000))))
    (call $print (local.tee $h (call $sum (local.get $h))))
    (table.fill $ops (i32.const 8) (ref.func $negate) (i32.const 3))
    (table.copy $spare $ops (i32.const 0) (i32.const 6) (i32.const 4))
    (table.copy $ops $ops (i32.const 10) (i32.const 2) (i32.const 6))
    (loop $again
      (table.set $ops (i32.add (i32.const 2) (i32.rem_u (local.get $round) (i32.const 10)))
        (table.get $spare (i32.rem_u (local.get $round) (i32.const 4))))
      (local.set $h (call $through (table.get $ops (i32.const 4)) (call $sum (local.get $h))))
      (local.set $round (i32.add (local.get $round) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $round) (i32.const 20))))
    (call $print (local.get $h))
    (call $print (i64.extend_i32_u (table.size $ops))))
)
