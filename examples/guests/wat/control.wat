;; Branches out of deep nesting, br_table with a wide table, code after a branch that never runs,
;; values under a branch's operands, and early returns.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
;;@print

  ;; out leaves blocks nested nine deep, keeping a value from below.
  (func $out (param $i i32) (result i64)
    (i64.const 100)
    (block $0 (result i64) (block $1 (result i64) (block $2 (result i64)
    (block $3 (result i64) (block $4 (result i64) (block $5 (result i64)
    (block $6 (result i64) (block $7 (result i64) (block $8 (result i64)
      (i32.const 5) (i64.const 6) (f32.const 7)
      (br_table $8 $7 $6 $5 $4 $3 $2 $1 $0 (i64.const 11) (local.get $i)))
      (i64.add (i64.const 1)))
      (i64.mul (i64.const 3)))
      (i64.add (i64.const 1)))
      (i64.mul (i64.const 3)))
      (i64.add (i64.const 1)))
      (i64.mul (i64.const 3)))
      (i64.add (i64.const 1)))
      (i64.mul (i64.const 3)))
    (i64.add))

  ;; dead has code that cannot run after each kind of jump, well typed and not.
  (func $dead (param $i i32) (result i64)
    (block $b (result i64)
      (br_if $b (i64.const 1) (i32.eqz (local.get $i)))
      (drop)
      (if (i32.eq (local.get $i) (i32.const 1))
        (then (return (i64.const 2)) (i32.add) (select) (drop)))
      (loop $l
        (br_if $l (local.tee $i (i32.shr_u (local.get $i) (i32.const 1)))))
      (br $b (call $mix (i64.const 3) (i64.extend_i32_u (local.get $i))))
      (i64.mul)
      (drop)
      (call $mix (f64.nearest) (drop) (i64.const 1))
      (unreachable)
      (block (param i32) (result i32))
      (drop)))

  ;; ackermann is a recursion whose depth no loop bounds.
  (func $ackermann (param $m i32) (param $n i32) (result i32)
    (if (i32.eqz (local.get $m)) (then (return (i32.add (local.get $n) (i32.const 1)))))
    (if (i32.eqz (local.get $n))
      (then (return (call $ackermann (i32.sub (local.get $m) (i32.const 1)) (i32.const 1)))))
    (call $ackermann (i32.sub (local.get $m) (i32.const 1))
      (call $ackermann (local.get $m) (i32.sub (local.get $n) (i32.const 1)))))

  (func (export "_start")
    (local $i i32) (local $h i64)
    (loop $next
      (local.set $h (call $mix (local.get $h) (call $out (local.get $i))))
      (local.set $h (call $mix (local.get $h) (call $dead (local.get $i))))
      (call $print (local.get $h))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 12))))
    (call $print (i64.extend_i32_u (call $ackermann (i32.const 2) (i32.const 6)))))
)
