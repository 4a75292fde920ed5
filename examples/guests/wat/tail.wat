;; Tail calls: by name and through a table, alone and in cycles, of host functions, out of loops
;; and of the entry function, with values left below, with more parameters than registers hold.
;; Table, globals and data lie where extended constant expressions say.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (type $step (func (param i32 i64) (result i64)))
  (type $noarg (func (result i32)))
  (memory (export "memory") 1)
  (table $t 6 funcref)
  (elem (offset (i32.sub (i32.mul (i32.const 3) (i32.const 2)) (i32.const 5))) $even $odd $leap $yield $quiet)
  (global $seed i64 (i64.add (i64.mul (i64.const 0x1000) (i64.const 3)) (i64.const 7)))
  (data (i32.add (i32.const 100) (i32.const 28)) "tail")
;;@print

  ;; sum adds the numbers to n, without ever returning on the way.
  (func $sum (param $n i32) (param $acc i64) (result i64)
    (if (i32.eqz (local.get $n)) (then (return (local.get $acc))))
    (return_call $sum (i32.sub (local.get $n) (i32.const 1))
      (i64.add (local.get $acc) (i64.extend_i32_u (local.get $n)))))

  ;; even and odd call each other by name, leap either of them through the table.
  (func $even (type $step)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call $odd (i32.sub (local.get 0) (i32.const 1)) (i64.mul (local.get 1) (i64.const 3))))
  (func $odd (type $step)
    (if (i32.eqz (local.get 0)) (then (return (i64.sub (i64.const 0) (local.get 1)))))
    (i64.const 99)
    (return_call_indirect $t (type $step) (i32.sub (local.get 0) (i32.const 1)) (i64.add (local.get 1) (i64.const 1))
      (i32.const 3)))
  (func $leap (type $step)
    (return_call_indirect $t (type $step) (local.get 0) (i64.xor (local.get 1) (i64.const 5))
      (i32.add (i32.const 1) (i32.and (local.get 0) (i32.const 1)))))

  ;; turn changes the places of twelve parameters until the first is none.
  (func $turn (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 f64) (result i64 f64)
    (if (i32.eqz (local.get 10))
      (then (return
        (i64.sub (i64.mul (local.get 0) (i64.const 100)) (i64.add (local.get 4) (local.get 9)))
        (local.get 11))))
    (return_call $turn (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6)
      (local.get 7) (local.get 8) (local.get 9) (local.get 0)
      (i32.sub (local.get 10) (i32.const 1)) (f64.mul (local.get 11) (f64.const 0.5))))

  ;; quiet and pause end in a host call that can block.
  (func $quiet (result i32) (return_call $yield))
  (func $pause (param $i i32) (result i32)
    (return_call_indirect $t (type $noarg) (i32.add (i32.const 4) (i32.and (local.get $i) (i32.const 1)))))

  ;; away leaves a loop and two blocks for another function, which runs a loop of its own.
  (func $away (param $n i32) (result i64)
    (local $i i32)
    (i64.const 4)
    (block $out (result i64)
      (i64.const 5)
      (loop $l (param i64) (result i64)
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (if (i32.eq (local.get $i) (local.get $n))
          (then (return_call $spin (local.get $n) (i64.const 11))))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 6)))
        (br $out)))
    (i64.add))
  (func $spin (param $n i32) (param $h i64) (result i64)
    (loop $l
      (local.set $h (call $mix (local.get $h) (i64.extend_i32_u (local.get $n))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $l (i32.gt_s (local.get $n) (i32.const 0))))
    (local.get $h))

  (func $main (param $h i64)
    (local $i i32)
    (loop $next
      (local.set $h (call $mix (local.get $h) (call $sum (local.get $i) (i64.const 0))))
      (local.set $h (call $mix (local.get $h) (call $even (local.get $i) (i64.const 1))))
      (local.set $h (call $mix (local.get $h)
        (call_indirect $t (type $step) (local.get $i) (i64.const 2) (i32.const 3))))
      (local.set $h (i64.add (local.get $h) (i64.extend_i32_u (call $pause (local.get $i)))))
      (local.set $h (i64.add (i64.const 7) (call $mix (local.get $h) (call $away (local.get $i)))))
      (call $print (local.get $h))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 9))))
    (call $turn (i64.const 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5)
      (i64.const 6) (i64.const 7) (i64.const 8) (i64.const 9) (i32.const 13) (f64.const 1))
    (call $print (i64.reinterpret_f64))
    (call $print))

  (func $last (param $x i64)
    (return_call $print (i64.add (local.get $x) (i64.load32_u (i32.const 128)))))

  ;; deep is a recursion that no stack could hold.
  (func (export "deep") (call $print (call $sum (i32.const 1000000) (i64.const 0)))
    (return_call $last (call $even (i32.const 1000000) (i64.const 1))))

  (func (export "_start")
    (call $main (i64.const 1))
    (return_call $last (global.get $seed)))
)
