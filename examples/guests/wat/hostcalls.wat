;; Imported functions in every position: called directly, through a table, exported again, with
;; values held on the stack; clocks, random bytes and yield. Prints only what must always hold.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (type $noarg (func (result i32)))
  (memory (export "memory") 1)
  (table $t 2 funcref)
  (elem (i32.const 0) func $yield $zero)
  (export "yield" (func $yield))
;;@print

  (func $zero (result i32) (i32.const 0))

  ;; now returns clock id's time in nanoseconds.
  (func $now (param $id i32) (result i64)
    (i64.load offset=64 (call $clock (local.get $id) (i64.const 1) (i32.const 64))))

  ;; forward counts in how many of 100 readings the clock went on or stood still.
  (func $forward (param $id i32) (result i64)
    (local $i i32) (local $last i64) (local $t i64) (local $good i64)
    (loop $next
      (local.set $t (call $now (local.get $id)))
      (local.set $good (i64.add (local.get $good)
        (i64.extend_i32_u (i64.ge_s (local.get $t) (local.get $last)))))
      (local.set $last (local.get $t))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 100))))
    (local.get $good))

  ;; fresh is 1 when two draws of 16 bytes differ.
  (func $fresh (result i64)
    (drop (call $random (i32.const 128) (i32.const 16)))
    (drop (call $random (i32.const 144) (i32.const 16)))
    (i64.extend_i32_u (i64.ne (i64.load (i32.const 128)) (i64.load (i32.const 144)))))

  (func (export "_start")
    (local $i i32)
    (call $print (call $forward (i32.const 0)))
    (call $print (call $forward (i32.const 1)))
    (call $print (call $fresh))
    (i64.const 1000)
    (loop $next (param i64) (result i64)
      (i64.extend_i32_u (call_indirect $t (type $noarg) (i32.and (local.get $i) (i32.const 1))))
      (i64.extend_i32_u (call $yield))
      (i64.add)
      (i64.add)
      (i64.add (i64.const 1))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 50))))
    (call $print))
)
