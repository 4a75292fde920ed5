;; A start function that runs for a while, after the active segments and before _start.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $seen (mut i64) (i64.const 0))
  (table $t 4 funcref)
  (data (i32.const 2048) "\01\02\03\04\05\06\07\08")
  (data (i32.const 2052) "overwrites the first's second half")
  (elem (i32.const 1) func $collatz $collatz)
  (type $op (func (param i64) (result i64)))
  (start $init)
;;@print

  ;; collatz counts the steps from x to 1.
  (func $collatz (type $op)
    (local $steps i64)
    (block $done
      (loop $next
        (br_if $done (i64.le_u (local.get 0) (i64.const 1)))
        (local.set 0
          (if (result i64) (i32.wrap_i64 (i64.and (local.get 0) (i64.const 1)))
            (then (i64.add (i64.mul (local.get 0) (i64.const 3)) (i64.const 1)))
            (else (i64.shr_u (local.get 0) (i64.const 1)))))
        (local.set $steps (i64.add (local.get $steps) (i64.const 1)))
        (br $next)))
    (local.get $steps))

  (func $init
    (local $i i64)
    (loop $next
      (global.set $seen (call $mix (global.get $seen)
        (call_indirect $t (type $op) (local.get $i) (i32.const 2))))
      (local.set $i (i64.add (local.get $i) (i64.const 1)))
      (br_if $next (i64.lt_u (local.get $i) (i64.const 200))))
    (i64.store (i32.const 2048) (i64.xor (i64.load (i32.const 2048)) (global.get $seen)))
    (call $print (global.get $seen)))

  (func (export "_start")
    (call $print (i64.load (i32.const 2048)))
    (call $print (call_indirect $t (type $op) (global.get $seen) (i32.const 1))))
)
