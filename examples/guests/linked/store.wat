;; A library that owns what others share: memory, table, globals, and the way to print. It
;; calls back through its table. Its start function runs for a while.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 4)
  (global $seen (export "seen") (mut i64) (i64.const 0))
  (global (export "base") i32 (i32.const 1024))
  (global $hook (export "hook") (mut funcref) (ref.null func))
  (global $wide (export "wide") (mut v128) (v128.const i64x2 1 2))
  (table $t (export "table") 6 20 funcref)
  (type $op (func (param i64) (result i64)))
  (data (i32.const 1024) "\07\00\00\00\00\00\00\00")
  (elem (i32.const 0) $twice)
  (elem declare func $even)
  (start $init)
  (export "print" (func $print))
  (export "mix" (func $mix))
  (export "write" (func $fd_write))
;;@print

  (func $twice (type $op) (i64.mul (local.get 0) (i64.const 2)))

  ;; init folds 30 calls through the table into $seen, while slots 1 and up are null.
  (func $init
    (local $i i64)
    (loop $next
      (global.set $seen (call $mix (global.get $seen) (call_indirect $t (type $op) (local.get $i) (i32.const 0))))
      (local.set $i (i64.add (local.get $i) (i64.const 1)))
      (br_if $next (i64.lt_u (local.get $i) (i64.const 30)))))

  ;; each calls what is in a slot of the table n times, with what it returned before.
  (func (export "each") (param $n i32) (param $slot i32) (param $x i64) (result i64)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $x (call_indirect $t (type $op) (local.get $x) (local.get $slot)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))
    (local.get $x))

  ;; even asks what is in slot 2, which is to be somebody's odd, until n is 0.
  (func $even (export "even") (type $op)
    (if (result i64) (i64.eqz (local.get 0))
      (then (i64.const 1))
      (else (call_indirect $t (type $op) (i64.sub (local.get 0) (i64.const 1)) (i32.const 2)))))

  ;; bump adds to the shared memory and global, and turns the shared vector.
  (func (export "bump") (param $by i64)
    (i64.store (i32.const 1024) (i64.add (i64.load (i32.const 1024)) (local.get $by)))
    (global.set $seen (call $mix (global.get $seen) (i64.load (i32.const 1024))))
    (global.set $wide (i64x2.add (global.get $wide) (i64x2.splat (local.get $by)))))

  (func (export "pick") (param i32) (result funcref) (table.get $t (local.get 0)))
)
